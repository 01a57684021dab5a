//! With an authenticator in software.

//! Oauthority: an OAuth 2.0 and OpenID Connect authorization server built around the client.
//!
//! `ARCHITECTURE.md` tells how the rooms lie; each module says in a sentence what it is.

pub mod config; // typed settings: the only reader of environment and files
pub mod db; // the only code that knows database drivers
pub mod jose; // the JOSE we use, on aws-lc-rs
pub mod secret; // secrets, randomness, token text, digests, sealing
pub mod time; // timestamps and the only clock
pub mod ui; // the design system: from data to markup

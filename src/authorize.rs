//! From an authorization request to its answer. [RFC 6749 §4.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1),
//! [OpenID Connect Core §3.1.2](https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint)
//!
//! 1. [`request::open`]: who asks, where the answer goes, what for. Before client and redirect URI are proven there is no
//!    [`Back`](answer::Back), so an open redirector does not compile.
//! 2. [`decide::next`]: what the person must do first, or that the client can be answered.
//! 3. [`approve::answer`]: writes the grant and its code in one transaction.
//!
//! A device has no redirect: it asks and waits, and the person answers on a page of ours ([`device`]).
//!
//! While the person is on other pages (sign-in, consent) the request travels sealed in their URL: [`Transaction`].
//! Nothing is kept for a request that nobody comes back to.

pub mod answer; // how the client gets its answer
pub mod approve; // what a person allows is written down
pub mod decide; // what comes next
pub mod device; // a device asks, and a person answers elsewhere
mod implicit; // for migrations: a token at once
pub mod page; // the page for a request that cannot be answered
pub mod request; // a request whose client and redirect URI are proven
mod transaction; // a request on its way through other pages

pub use transaction::{CONTINUE, Transaction};

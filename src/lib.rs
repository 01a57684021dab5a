//! Oauthority: an OAuth 2.0 and OpenID Connect authorization server built around the client.
//!
//! `ARCHITECTURE.md` tells how the rooms lie; each module says in a sentence what it is.

pub mod access_token; // minted, read back, asked whether they still count
pub mod activity; // uses of clients, gathered in memory and written in batches
pub mod api; // the management API over HTTP
pub mod app; // everything a request handler works with
pub mod authorize; // from an authorization request to its answer
pub mod backchannel; // tells clients that somebody signed out
pub mod bearer; // access tokens at our own APIs
pub mod browser; // cookies, forms, and proof that a form is ours
pub mod cli; // every command
pub mod client_auth; // who is calling
pub mod config; // typed settings: the only reader of environment and files
pub mod console; // the management console
pub mod db; // the only code that knows database drivers
pub mod delivery; // requests of our own for organisations: a share for each
pub mod demo; // what `serve --dev` makes
pub mod download; // files that are written while they are sent
pub mod endpoints; // OAuth over HTTP
pub mod error; // refused or failed, and the one place that logs failure
pub mod failures; // why a request of a client was refused, for whoever looks after it
pub mod grant_types; // what a token request is entitled to
pub mod hosted; // pages a person meets: set-up, sign-in, sign-out
pub mod inspect; // what a token is, and whether it counts
pub mod issue; // carries out a ruling
pub mod jobs; // what the server does by itself
pub mod jose; // the JOSE we use, on aws-lc-rs
pub mod live; // what the request path reads, in memory
pub mod mail; // mail to people: a queue, and how it leaves
pub mod network; // ranges of addresses
pub mod oauth; // the protocol, pure
pub mod observe; // logs, request ids, client addresses, metrics, health
pub mod openid; // who a person is to a client, and what is told about him
pub mod outward; // requests of our own: the only HTTP client of the server
pub mod password; // argon2id on a bounded pool, and how strong a new password must be
pub mod registry; // what may be done to the things we keep
pub mod secret; // secrets, randomness, token text, digests, sealing
pub mod server; // sockets in, requests out: TLS, timeouts, graceful stop
pub mod setup_link; // the file with the first administrator's link
pub mod snippets; // programs that get a token
pub mod store; // the only code that knows SQL
pub mod time; // timestamps and the only clock
pub mod ui; // the design system: from data to markup
pub mod webhooks; // sends what webhooks are told

#[cfg(test)]
mod tests; // the tests that need a database or the whole application

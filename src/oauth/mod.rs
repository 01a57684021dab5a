//! The protocol, pure: no async, no input or output, no HTTP library.

pub mod audience; // when two audiences are the same
pub mod authentication; // how well somebody proved who he is
pub mod authorization; // what an authorization request asks for
pub mod boundary; // where this server sends requests, and browsers over plain http
pub mod claims; // claims about a person, and the parameter that asks for single ones
pub mod client; // what a client is and what its type allows
pub mod json; // JSON written by hand on the hot path
pub mod name; // names that people read
pub mod outbound; // what an address says about where it leads
pub mod params; // request parameters: form and JSON bodies, strictly
pub mod people_settings; // what a client settles about the people who sign in to it
pub mod pkce; // proof key for code exchange
pub mod redirect; // which redirect URIs may be registered, and which request matches one
pub mod refusal; // how the protocol and the management API say no
pub mod scope; // scope values, audiences, and narrowing a request to what was granted
pub mod user_code; // the short code that a person carries from a device to a browser

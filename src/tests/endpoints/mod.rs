//! The OAuth endpoints through the router, on both databases. A test is named for the case of the protocol it proves.

mod access_token; // the tokens themselves
mod bearer; // tokens at our own API
mod client_authentication; // who may call
mod cors; // which pages of other origins may read an answer
mod introspect;
mod logs; // what is not in them
mod metadata; // discovery and keys
pub mod revoke;
mod taken_back; // every way a token dies, and that it stays dead
mod token;

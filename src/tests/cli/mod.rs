//! The commands, run in process against a server that listens.

mod completion;
mod demo;
mod exit_codes;
mod journeys;
mod login; // people who sign in
mod people;
mod serving;
pub mod shell;

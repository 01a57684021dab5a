//! The commands, run in process against a server that listens.

mod audit; // whether what happened is whole, and who is told of it
mod completion;
mod demo;
mod exit_codes;
mod file; // clients as a file
mod journeys;
mod login; // people who sign in
mod people;
mod serving;
pub mod shell;

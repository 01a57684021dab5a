//! Tests that need a database or the whole application.

mod browser; // one person's browser, as an actor
mod console;
mod databases;
mod db;
mod endpoints;
mod harness;
mod layers; // the walls of the house
mod postgres;
mod sql; // every statement on both databases

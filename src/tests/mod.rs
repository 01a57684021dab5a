//! Tests that need a database or the whole application.

mod browser; // an actor
mod console;
mod databases;
mod db;
mod endpoints;
mod harness;
mod hosted;
mod layers; // the walls of the house
mod postgres;
mod sql; // every statement on both databases

//! Tests that need a database or the whole application.

mod databases;
mod db;
mod endpoints;
mod harness;
mod postgres;

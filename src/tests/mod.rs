//! Tests that need a database or the whole application.

mod databases;
mod db;
mod postgres;

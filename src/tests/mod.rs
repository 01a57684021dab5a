//! Tests that need a database or the whole application.

mod api;
mod assurance; // how sure it is who acts
mod audit; // the activity as evidence
mod boundary; // where this instance sends requests, and browsers
mod browser; // one person's browser, as an actor
mod cli; // the commands
mod clocks; // what a wrong clock may and may not do
mod console;
mod credentials; // clients that belong to a person
mod databases;
mod db;
mod delivery; // a share for each
mod docs;
mod endpoints;
mod failures; // why a request was refused
mod findings; // what was found once
mod flows; // what the documents say
mod harness;
mod hosted;
mod hostile; // ten thousand requests that mean no good
mod incarnations; // what is cut stays cut
mod jobs;
mod layers; // the walls of the house
mod life; // of a client: rotated, unused, retired
mod names; // names that deceive
mod people; // accounts coming and going
mod postgres;
mod promises; // what SECURITY.md says
mod protocol; // which cases have a test
mod races; // many at once
mod sign_in; // proving who one is
mod sql; // every statement on both databases
mod stored; // what is kept and read back
mod transfers;
mod trials;
mod upgrade; // from 0.1.0
mod usage; // how clients are used
mod webhooks; // who is told what happens // clients that move to another organisation // trying a client out, looking into a token

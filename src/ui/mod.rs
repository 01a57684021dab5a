//! The design system: pure functions from data to [`maud::Markup`], on which the console and the hosted pages stand.
//!
//! No HTTP beyond headers, no database. Every component works without script; `app.js` only enhances. There is no inline
//! script, style or event handler anywhere, because the content security policy would stop it.

pub mod assets; // the embedded stylesheet, scripts and pictures
pub mod badge; // status badges and neutral tags
pub mod chart; // small charts with a sentence and a table behind them
pub mod choice; // checkboxes, radios, cards
pub mod code; // copy fields and code blocks
pub mod conflict; // two people saved: choose per field
pub mod factor; // second factors
pub mod form; // fields, errors, buttons
pub mod headers; // content security policy and company
pub mod icon; // the sprite
pub mod impact; // what an action will cut off, numbers first
pub mod keys; // keyboard shortcuts and the page that lists them
pub mod menu; // popover menus
pub mod name; // names that somebody typed
pub mod notice; // notes, flashes, empty states
pub mod page; // the console shell, the hosted card
pub mod problem; // 403, 404, 409, 422, 429, 5xx
pub mod qr; // QR codes
pub mod scopes; // the scope picker
pub mod secret; // the one hand-over of a secret
pub mod table; // data tables
pub mod time; // moments in a person's zone
pub mod timeline; // activity
pub mod tools; // search and filters above a table
pub mod uris; // lists of redirect URIs

pub use name::{name, text};

#[cfg(test)]
mod gallery;
#[cfg(test)]
mod tests;

//! The management console: a page and its actions share a file.

mod activity; // who did what
mod client; // one client
mod clients; // the list of clients
mod help; // shortcuts, words, errors
mod labels; // what a person reads where the wire has a word
mod landing; // where a person arrives, other addresses, what is nowhere
mod overview; // what needs attention
mod people; // members
mod preferences; // how a person likes the console
pub mod visit; // one person's request, and the pages it is answered with

use axum::{Router, routing::get};

use crate::{app::State, ui::assets};

/// Every page of the console.
pub fn routes() -> Router<State> {
    Router::new()
        .route(assets::ROUTE, get(assets::serve))
        .merge(activity::routes())
        .merge(client::routes())
        .merge(clients::routes())
        .merge(help::routes())
        .merge(landing::routes())
        .merge(overview::routes())
        .merge(people::routes())
        .merge(preferences::routes())
}

//! The management console: a page and its actions share a file.

mod clients; // the list of clients
mod labels; // what a person reads where the wire has a word
pub mod visit; // one person's request, and the pages it is answered with

use axum::{Router, routing::get};

use crate::{app::State, ui::assets};

/// Every page of the console.
pub fn routes() -> Router<State> {
    Router::new()
        .route(assets::ROUTE, get(assets::serve))
        .merge(clients::routes())
}

//! The management console: a page and its actions share a file.

mod apis; // APIs and scopes
mod asked; // a page is read or posted to
mod client_form; // the form of a client, for creating and editing
mod create; // templates, the form, the secret shown once
mod cut; // disable, enable, delete
mod edit; // change a client
mod hand_over; // the one page that shows a secret
mod once; // forms that work once
mod rotate; // a new secret, and an end for the old one
mod settings; // of the organisation
pub mod visit; // one person's request, and the pages it is answered with

use axum::{Router, routing::get};

use crate::{app::State, ui::assets};

/// Every page of the console.
pub fn routes() -> Router<State> {
    Router::new()
        .route(assets::ROUTE, get(assets::serve))
        .merge(apis::routes())
        .merge(create::routes())
        .merge(cut::routes())
        .merge(edit::routes())
        .merge(hand_over::routes())
        .merge(rotate::routes())
        .merge(settings::routes())
}

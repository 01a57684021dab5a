//! The management console: a page and its actions share a file.

mod activity; // who did what
mod apis; // APIs and scopes
mod apps; // what a person lets apps do
mod asked; // a page is read or posted to
mod client; // one client
mod client_form; // the form of a client, for creating and editing
mod clients; // the list of clients
mod create; // templates, the form, the secret shown once
mod credentials; // clients that belong to a person
mod cut; // disable, enable, delete
mod edit; // change a client
mod failures; // why a request of a client was refused
mod hand_over; // the one page that shows a secret
mod help; // shortcuts, words, errors
mod inspector; // what a token is
mod invitations; // into an organisation
mod labels; // what a person reads where the wire has a word
mod landing; // where a person arrives, other addresses, what is nowhere
mod legacy; // the warning while a grant for migrations is on
mod mine; // what a person did
mod once; // forms that work once
mod overview; // what needs attention
mod people; // members
mod preferences; // how a person likes the console
mod profile; // what a person tells about himself
mod rotate; // a new secret, and an end for the old one
mod security; // how a person proves who he is
mod sessions; // where a person is signed in
mod settings; // of the organisation
mod stops; // what a cut would cut, in lines
mod tokens; // tokens by the day
mod transfers; // clients that move to another organisation
mod try_it; // programs, previews and tokens for a test
pub mod visit; // one person's request, and the pages it is answered with
mod webhooks; // who is told what happens

use axum::{Router, routing::get};

use crate::{app::State, ui::assets};

/// Every page of the console.
pub fn routes() -> Router<State> {
    Router::new()
        .route(assets::ROUTE, get(assets::serve))
        .merge(activity::routes())
        .merge(apis::routes())
        .merge(apps::routes())
        .merge(client::routes())
        .merge(clients::routes())
        .merge(create::routes())
        .merge(credentials::routes())
        .merge(cut::routes())
        .merge(edit::routes())
        .merge(failures::routes())
        .merge(hand_over::routes())
        .merge(help::routes())
        .merge(inspector::routes())
        .merge(invitations::routes())
        .merge(landing::routes())
        .merge(mine::routes())
        .merge(overview::routes())
        .merge(people::routes())
        .merge(preferences::routes())
        .merge(profile::routes())
        .merge(rotate::routes())
        .merge(security::routes())
        .merge(sessions::routes())
        .merge(settings::routes())
        .merge(webhooks::routes())
        .merge(transfers::routes())
        .merge(try_it::routes())
}

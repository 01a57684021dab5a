//! The page for a request that cannot be answered: without a proven way back, only the person can be told.
//! [RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)

use std::sync::Arc;

use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};

use crate::{
    live,
    oauth::refusal::Refusal,
    ui::{
        code::Copy,
        headers::{self, Place},
        page::Card,
    },
};

/// Why a request is not trusted, for the developer of the app.
#[derive(Clone, Debug)]
pub struct Untrusted {
    refusal: Refusal,
    /// The app, if it is known.
    app: Option<Arc<str>>,
    received: Option<String>,
    registered: Vec<String>,
}

impl Untrusted {
    pub(super) fn new(refusal: Refusal, client: Option<&live::Client>, received: Option<&str>) -> Self {
        let people = client.and_then(|client| client.for_people.as_deref());
        Self {
            refusal,
            app: people.map(|people| Arc::clone(&people.name)),
            received: received.map(str::to_owned),
            registered: people
                .map(|people| people.redirect_uris.clone())
                .unwrap_or_default(),
        }
    }

    /// Why.
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The page. `reference` leads whoever looks after the app to the cause.
    pub fn answer(&self, request_id: &str, reference: Option<&str>) -> Response {
        let content = html! {
            p {
                "We do not send you on, because we cannot tell where that would lead. "
                @match &self.app {
                    Some(app) => { "Go back to " b { (app) } " and start again; if this stays, tell its makers." }
                    None => { "Go back to the app and start again; if this stays, tell its makers." }
                }
            }
            details #technical {
                summary { "For the developer of the app" }
                dl.facts {
                    dt { "Error" } dd { code #error translate="no" { (self.refusal.code.name()) } }
                    dt { "Why" } dd #error-description { (self.refusal.description) }
                    @if let Some(received) = &self.received {
                        dt { "Received" } dd { code translate="no" { (marked(received, &self.registered)) } }
                    }
                    @for uri in &self.registered { dt { "Registered" } dd { code translate="no" { (uri) } } }
                    dt { "Request" } dd { code #request-id translate="no" { (request_id) } }
                }
            }
            (referred(reference))
        };
        let card = Card {
            title: "The app sent a request we cannot trust".to_owned(),
            error: true,
            wide: true,
            ..Card::default()
        };
        headers::answer(Place::Transaction, StatusCode::BAD_REQUEST, card.page(&content))
    }
}

/// A redirect URI with the part marked in which it differs from the registered one that is most like it.
fn marked(received: &str, registered: &[String]) -> Markup {
    let common = |uri: &String| {
        let same = received.chars().zip(uri.chars()).take_while(|(a, b)| a == b);
        same.map(|(a, _)| a.len_utf8()).sum::<usize>()
    };
    let at = registered.iter().map(common).max().unwrap_or_default();
    let (same, other) = received.split_at(at);
    html! { (same) @if !other.is_empty() { mark { (other) } } }
}

/// What somebody tells the makers of the app, who read more with it.
fn referred(reference: Option<&str>) -> Markup {
    html! {
        @if let Some(reference) = reference {
            p { "Reference for the makers of the app: "
                (Copy { id: "reference", name: "reference", value: reference, boxed: false }) }
        }
    }
}

/// The page for a request that was answered already: nothing happens a second time.
pub fn answered() -> Response {
    over(
        "This request was answered already",
        "One request gets one answer, so nothing was changed by this page. Go back to the app; if it still waits, start again \
         there.",
    )
}

/// The page for a request that somebody else is asked, or in another session.
pub fn of_another() -> Response {
    over(
        "This request belongs to another sign-in",
        "It was begun by another account or in another browser, so it cannot be answered here. Go back to the app and start \
         again.",
    )
}

fn over(title: &str, text: &str) -> Response {
    let content = html! { p #over { (text) } };
    let card = Card {
        title: title.to_owned(),
        error: true,
        ..Card::default()
    };
    headers::answer(Place::Transaction, StatusCode::BAD_REQUEST, card.page(&content))
}

/// The page for somebody who took too long.
pub fn expired(reference: Option<&str>) -> Response {
    let content = html! {
        p { "Requests wait for half an hour. Go back to the app and start again." }
        (referred(reference))
    };
    let card = Card {
        title: "This request expired".to_owned(),
        error: true,
        ..Card::default()
    };
    headers::answer(Place::Transaction, StatusCode::BAD_REQUEST, card.page(&content))
}

//! A person answers for a device. [RFC 8628 §3.3](https://www.rfc-editor.org/rfc/rfc8628#section-3.3)
//!
//! 1. [`enter`]: he types the code that the device shows. Only here can a code be guessed, and guesses are counted.
//! 2. [`confirm`]: he sees who asks, from where and for what, and says that he started this. A link that brings the code
//!    along leads through here, too (RFC 8628 §5.4).
//! 3. [`done`]: he is told what he said.
//!
//! Between the pages travels a [`Ticket`]: sealed, so that a page for a code exists for nobody but who typed it.

mod confirm; // who asks for what, and the answer
mod done; // what was said
mod enter; // the code

use axum::{
    Router,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::{
    app::State,
    authorize::device::Found,
    browser::{Form, Visitor},
    registry::Registry,
    ui::{
        form,
        headers::{self, Place},
        page::{Card, Theme},
        time::Reader,
    },
};

/// The pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/device", get(enter::show).post(enter::submit))
        .route("/device/confirm", get(confirm::show).post(confirm::submit))
        .route("/device/done", get(done::show))
}

const PURPOSE: &[u8] = b"device-page";

/// What one page tells the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Ticket {
    /// This person typed this code.
    Typed { code: String, user: String },
    /// The person said this about an app.
    Said { app: String, allowed: bool },
}

impl Ticket {
    /// The path of a page with this ticket.
    fn path(&self, registry: &Registry, page: &str) -> String {
        // Strings and truth values always serialise.
        let plain = serde_json::to_vec(self).unwrap_or_default();
        let sealed = registry.keyring.seal(&registry.entropy, PURPOSE, &plain);
        format!("{page}?t={}", BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Reads the text of a ticket that this server made.
    fn open(registry: &Registry, text: &str) -> Option<Self> {
        let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = registry.keyring.open(PURPOSE, &mut sealed)?;
        serde_json::from_slice(plain).ok()
    }
}

fn query_of(parts: &Parts) -> Form {
    Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default()
}

/// The page where a code is typed, with a code in it.
fn entry(code: &str) -> String {
    if code.is_empty() {
        return "/device".to_owned();
    }
    let code: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
    format!("/device?user_code={code}")
}

/// To another page of ours.
fn lead(path: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    headers::protect(&mut response, Place::Console);
    response
}

/// To the sign-in, and back.
fn sign_in(return_to: &str, more: &[(&str, &str)]) -> Response {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .extend_pairs(more)
        .finish();
    lead(&format!("/login?{query}"))
}

fn theme(visitor: &Visitor) -> Option<Theme> {
    visitor.user.preferences.theme.as_deref().and_then(Theme::parse)
}

/// Writes times as a person reads them.
fn reader(registry: &Registry, visitor: &Visitor) -> Reader {
    let zone = visitor.user.preferences.zone.clone();
    Reader {
        now: registry.now(),
        zone: zone.unwrap_or_else(|| "UTC".to_owned()),
        twelve_hours: visitor.user.preferences.twelve_hours,
    }
}

/// Who is signed in, and the way to another account.
fn account(visitor: &Visitor, code: &str) -> Markup {
    let user = &visitor.user;
    let back: String = form_urlencoded::byte_serialize(entry(code).as_bytes()).collect();
    html! {
        p #account {
            "Signed in as " b { (crate::ui::name(&user.display_name)) } " (" (user.username) "). "
            a href={ "/login/choose?return_to=" (back) } { "Not you?" }
        }
    }
}

/// Why a code leads nowhere, in words; `None` while a device waits.
const fn over(found: &Found) -> Option<(&'static str, &'static str)> {
    match found {
        Found::Waiting(_) => None,
        Found::Unknown => Some((
            "We do not know this code",
            "We do not know this code. Compare it with your device, letter by letter.",
        )),
        Found::Expired => Some((
            "This code has expired",
            "This code has expired. Start again on your device: it shows a new one.",
        )),
        Found::Used => Some((
            "This code was used already",
            "This code was used already. If your device still waits, start again there: it shows a new one.",
        )),
        Found::Withdrawn => Some((
            "This app was switched off",
            "The app on this device may not be used any more, so the code does not work. Ask whoever runs the app.",
        )),
    }
}

/// The page for a code that leads nowhere (any more).
fn dead_end(visitor: &Visitor, title: &str, text: &str) -> Response {
    let content =
        html! { p #over { (text) } div.actions { (form::link_button("Enter another code", "/device")) } };
    let card = Card {
        title: title.to_owned(),
        error: true,
        theme: theme(visitor),
        ..Card::default()
    };
    headers::answer(Place::Console, StatusCode::GONE, card.page(&content))
}

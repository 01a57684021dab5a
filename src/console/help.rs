//! Short help: the keyboard, the words, and the errors of the management API. Anybody may read it.

use axum::{
    Router,
    extract::{Request, State as Given},
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::visit::{self, Section};
use crate::{
    app::State,
    browser,
    oauth::refusal::Code,
    ui::{
        headers::{self, Place},
        keys,
        page::{Card, Page},
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/help/shortcuts", get(shortcuts))
        .route("/help/glossary", get(glossary))
        .route("/help/errors", get(errors))
        .route("/help/errors/{code}", get(errors))
}

/// A page for whoever asks: in the console's frame for those who are signed in.
async fn answer(
    app: &State,
    request: Request,
    title: &str,
    content: impl Fn(Option<bool>) -> Markup,
) -> Response {
    let (parts, _) = request.into_parts();
    let page = Page {
        title: title.to_owned(),
        narrow: true,
        ..Page::default()
    };
    if let Ok(Some(_)) = browser::visitor(app, &parts.headers).await {
        return match visit::enter_person(app, &parts).await {
            Ok(visit) => visit.ok(
                Section::Personal,
                &page,
                &content(Some(visit.preferences().shortcuts)),
            ),
            Err(response) => response,
        };
    }
    let card = Card {
        title: title.to_owned(),
        wide: true,
        ..Card::default()
    };
    headers::answer(
        Place::Console,
        axum::http::StatusCode::OK,
        card.page(&content(None)),
    )
}

async fn shortcuts(Given(app): Given<State>, request: Request) -> Response {
    answer(&app, request, "Keyboard shortcuts", |on| {
        keys::list(on.unwrap_or(true), on.map(|_| "/me/preferences"))
    })
    .await
}

const WORDS: &[(&str, &str, &str)] = &[
    (
        "client",
        "Client",
        "An app or service that gets tokens: a job, a web app, a phone app. It has a client ID, and a secret if it can keep one.",
    ),
    (
        "client-id",
        "Client ID",
        "The public name of a client. It is not secret and is never given to another client.",
    ),
    (
        "client-secret",
        "Client secret",
        "What a client proves itself with. It is shown once, when it is made; only its last six characters stay visible.",
    ),
    (
        "grant-type",
        "Grant type",
        "How a client gets a token: for itself (client credentials), for a person who signs in (authorization code), with a refresh token, or on a device without a keyboard (device code).",
    ),
    (
        "api",
        "API",
        "A service that accepts tokens. Its audience is the address a token is made out to.",
    ),
    (
        "scope",
        "Scope",
        "What a token allows at an API, such as invoices:read. A scope may imply others.",
    ),
    (
        "access-token",
        "Access token",
        "What a client shows to an API. It lives for minutes or hours and can be taken back.",
    ),
    (
        "rotate",
        "Rotate",
        "Give a client a new secret. The old one ends at once or works on for a while, so that nothing stops.",
    ),
    (
        "disable",
        "Disable",
        "Cut a client off until somebody enables it again. The tokens it had stay dead.",
    ),
    (
        "delete",
        "Delete",
        "End a client for good. Its record stays readable in the archive.",
    ),
    (
        "archived",
        "Archived",
        "Deleted. The record can be read, and copied into a new client.",
    ),
    (
        "sync-connector",
        "Sync connector",
        "A client that synchronises a directory, with a fixed set of scopes.",
    ),
    (
        "system-client",
        "System client",
        "A client that the product itself needs. Nobody can rename, disable or delete it.",
    ),
];

async fn glossary(Given(app): Given<State>, request: Request) -> Response {
    answer(&app, request, "Glossary", |_| {
        html! {
            dl.facts { @for (id, word, meaning) in WORDS { dt id=(id) { b { (word) } } dd { (meaning) } } }
        }
    })
    .await
}

/// Codes of the management API and of the OAuth endpoints, and what to do.
const ERRORS: &[(Code, &str)] = &[
    (
        Code::Invalid,
        "Something sent is not usable. “errors” names each field and what to write instead.",
    ),
    (
        Code::Unauthenticated,
        "Send a bearer token of this server, made out to the management API.",
    ),
    (
        Code::InsufficientScope,
        "The token lacks a scope; the answer names it. Grant it to the client and get a new token.",
    ),
    (
        Code::Forbidden,
        "Your role in this organisation does not allow it. Ask an organisation admin.",
    ),
    (
        Code::InsufficientUserAuthentication,
        "Sign in again, with your second factor if the account has one: this needs a sign-in not older than 15 minutes. \
         The command line does so by itself; a token for unattended work belongs to a service client.",
    ),
    (
        Code::NotFound,
        "There is no such thing, or it belongs to another organisation.",
    ),
    (
        Code::MethodNotAllowed,
        "The address does not answer that method; the Allow header lists those it does.",
    ),
    (
        Code::Conflict,
        "It does not fit the present state, such as a third secret or a change to a system client.",
    ),
    (Code::Gone, "It worked once and was used, or its time is over."),
    (
        Code::PreconditionFailed,
        "Somebody changed it meanwhile. Read it again and repeat your change.",
    ),
    (
        Code::PreconditionRequired,
        "Send If-Match with the entity tag you have read.",
    ),
    (Code::TooLarge, "The request is larger than this server takes."),
    (
        Code::UnsupportedMediaType,
        "Send the media type that the documentation names.",
    ),
    (
        Code::Unprocessable,
        "This Idempotency-Key was used for another request. Use a new one.",
    ),
    (Code::TooManyRequests, "Wait as long as Retry-After says."),
    (
        Code::FeatureUnavailable,
        "The operator of this instance has switched this off.",
    ),
    (
        Code::InvalidRequest,
        "A parameter is missing, repeated or malformed.",
    ),
    (
        Code::InvalidClient,
        "Client ID and secret do not go together, or the client is disabled.",
    ),
    (
        Code::InvalidGrant,
        "The code or token was used, has expired, or belongs to another client.",
    ),
    (
        Code::UnauthorizedClient,
        "This client is not registered for that grant type.",
    ),
    (
        Code::UnsupportedGrantType,
        "This server does not know that grant type.",
    ),
    (
        Code::InvalidScope,
        "A scope is unknown, not granted, or stands in two audiences.",
    ),
    (
        Code::InvalidTarget,
        "The resource is unknown, or the scopes belong to two audiences.",
    ),
    (
        Code::InvalidToken,
        "The token has expired, was revoked, or is not of this server.",
    ),
];

async fn errors(Given(app): Given<State>, request: Request) -> Response {
    answer(&app, request, "Errors", |_| {
        html! {
            p.dim { "Every problem carries a code, which never changes, and a request id, which leads to the cause in the log." }
            dl.facts { @for (code, meaning) in ERRORS {
                dt id=(code.name()) { code { (code.name()) } span.hint { " " (code.status()) } }
                dd { (meaning) }
            } }
        }
    })
    .await
}

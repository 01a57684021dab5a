//! The token inspector: with script a token is decoded in the browser, and nothing is sent until somebody asks the server.
//! Without script it is posted, looked at and forgotten. It never stands in an address, a title or a log, and never comes
//! back in the page.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};
use serde_json::Value as Json;

use super::{
    asked,
    visit::{Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    error::Error,
    inspect::{self, Inspection, Kind, Signature},
    registry::access::Permission,
    ui::{
        assets::TOKEN_JS,
        badge::{Tone, tag},
        code::CodeBlock,
        form::{self, ErrorSummary, csrf},
        notice::note,
        page::Page,
    },
};

/// The routes of this page.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/orgs/{org}/tools/token", get(show).post(ask))
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        visit
            .access()
            .require(Permission::ClientsRead)
            .or_trouble(visit)?;
        Ok(page(visit, StatusCode::OK, "", None))
    })
    .await
}

async fn ask(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| look(visit).await).await
}

async fn look(visit: &Visit) -> Answer {
    let reader = visit.reader();
    let text = visit.form.exact("token");
    let found = inspect::inspect(&visit.app.registry, visit.access(), text, &|at| reader.full(at)).await;
    match found {
        Ok(found) => Ok(page(visit, StatusCode::OK, "", Some(&found))),
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => Ok(page(
            visit,
            StatusCode::UNPROCESSABLE_ENTITY,
            &refusal.description,
            None,
        )),
        Err(error) => Err(visit.trouble(error)),
    }
}

fn page(visit: &Visit, status: StatusCode, wrong: &str, found: Option<&Inspection>) -> Response {
    let page = Page {
        title: "Token inspector".to_owned(),
        lead: Some(html! { "What a token says, and whether it counts." }),
        error: !wrong.is_empty(),
        narrow: true,
        script: Some(&TOKEN_JS),
        ..Page::default()
    };
    let issuer = visit.app.registry.config.issuer.as_str();
    let content = html! {
        (ErrorSummary::of_one("token", wrong))
        @if let Some(found) = found { (result(visit, found)) }
        form.card.stack method="post" action=(visit.path("/tools/token")) autocomplete="off" novalidate {
            (csrf(&visit.visitor.csrf))
            p.needs-js { "What you paste is decoded in this browser. Nothing is sent until you ask the server." }
            noscript { p { "The token is sent to this server, which neither logs nor keeps it." } }
            div.field {
                label for="token" { "Token" }
                textarea.input.mono #token name="token" rows="6" autocomplete="off" autocapitalize="off" spellcheck="false" translate="no" {}
            }
            section #decoded .stack data-issuer=(issuer) aria-label="Decoded in this browser" aria-live="polite" hidden {}
            div.actions { (form::primary("Ask the server")) }
            p.hint { "The server checks the signature and whether the token still counts. It does not keep the token." }
        }
    };
    visit.page(Section::Tools, status, &page, &content)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessToken => "Access token (JWT, RFC 9068)",
        Kind::OpaqueAccessToken => "Opaque access token",
        Kind::RefreshToken => "Refresh token",
        Kind::IdToken => "ID token",
        Kind::Jwt => "JWT",
        Kind::ClientSecret => "Client secret",
        Kind::Unknown => "Something else",
    }
}

const fn signature(signature: Signature) -> &'static str {
    match signature {
        Signature::Current => "Valid, by a key that signs now",
        Signature::Retired => "Valid, by a key that was retired since",
        Signature::Invalid => "Invalid: somebody changed the token, or it is not whole",
        Signature::UnknownKey => "By a key that this server does not publish (any more)",
        Signature::NotVerified => "Not ours, not verified",
    }
}

/// What the server found out.
pub(super) fn result(visit: &Visit, found: &Inspection) -> Markup {
    let (tone, verdict) = match found.active {
        Some(true) => (Tone::Ok, "Active: it counts now."),
        Some(false) => (Tone::Bad, "Inactive."),
        None => (Tone::Info, "Whether it is active is no question here."),
    };
    html! {
        (note(tone, &html! {
            p #verdict { b { (verdict) } }
            @if let Some(why) = &found.why { p #why { (why) } }
        }))
        section.card {
            h2 { "What it is" }
            (facts(visit, found))
        }
        @if let Some(header) = &found.header { (CodeBlock { id: "header", title: "Header", code: &pretty(header), ..CodeBlock::default() }) }
        @if let Some(claims) = &found.claims { (CodeBlock { id: "payload", title: "Payload", code: &pretty(claims), ..CodeBlock::default() }) }
    }
}

/// JSON as people read it.
pub(super) fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

fn facts(visit: &Visit, found: &Inspection) -> Markup {
    let reader = visit.reader();
    html! {
        dl.facts {
            dt { "Kind" } dd { (kind(found.kind)) @if found.test { " " (tag("test")) } }
            @if let Some(ours) = found.ours { dt { "Issuer" } dd { @if ours { "This server" } @else { "Not ours" } } }
            @if let Some(is) = found.signature {
                dt { "Signature" }
                dd { (signature(is)) @if let Some(kid) = &found.kid { " (" code translate="no" { (kid) } ")" } }
            }
            @if let Some(at) = found.issued_at { dt { "Issued" } dd { (reader.deadline(at)) } }
            @if let Some(at) = found.expires_at { dt { "Expires" } dd { (reader.deadline(at)) } }
            @if let Some((id, name)) = &found.client {
                dt { "Client" } dd { a href=(visit.path(&format!("/clients/{id}"))) { (crate::ui::name(name)) } " " code translate="no" { (id) } }
            }
            @if let Some((audience, api)) = &found.audience {
                dt { "Audience" } dd { @if let Some(api) = api { (api) " – " } code translate="no" { (audience) } }
            }
            @if !found.scopes.is_empty() {
                dt { "Scopes" }
                dd { ul.plain { @for (value, words) in &found.scopes {
                    li { code translate="no" { (value) } @if let Some(words) = words { " " (words) } }
                } } }
            }
        }
    }
}

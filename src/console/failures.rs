//! Why a request of a client was refused: the exact cause, what was sent, what is set, and the setting that mends it.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    client,
    visit::{self, Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    failures::{
        Still,
        read::{self, Explained},
    },
    registry::access::{Permission, Permissions},
    store::{self, failures::Failure},
    ui::{
        badge::Tone,
        code::Copy,
        notice::note,
        page::{Link, Page},
        timeline::{Entry, Timeline},
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/failures/{reference}", get(find))
        .route("/orgs/{org}/failures/{reference}", get(show))
        .route("/orgs/{org}/clients/{client}/failures", get(list))
}

/// Failures a page.
const PAGE: i64 = 25;

/// Whether somebody sees the clients of an organisation.
fn sees(visit: &Visit, org_id: &str) -> Option<String> {
    let own = visit.orgs.iter().find(|(id, ..)| id == org_id);
    let (_, handle, _, role) = own?;
    Permissions::of_role(*role)
        .allow(Permission::ClientsRead)
        .then(|| handle.clone())
}

/// The address that clients are told: leads to the organisation that the failure belongs to.
async fn find(Given(app): Given<State>, Path(reference): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let unknown = || visit.trouble(read::unknown().into());
    let failure = app
        .failures
        .find(&app.registry, &reference)
        .await
        .or_trouble(&visit)?;
    let operator = visit.visitor.user.operator;
    let Some(org_id) = &failure.org_id else {
        if !operator {
            return Err(unknown());
        }
        let reader = visit.reader();
        let found = app
            .failures
            .explain_unowned(&app.registry, &reference, &|at| reader.full(at))
            .await
            .or_trouble(&visit)?;
        return Ok(page(&visit, &found, Section::Personal));
    };
    let handle = match sees(&visit, org_id) {
        Some(handle) => Some(handle),
        None if operator => store::organizations::find(app.registry.db(), org_id)
            .await
            .or_trouble(&visit)?
            .map(|org| org.handle),
        None => None,
    };
    match handle {
        Some(handle) => Ok(visit.go(&format!("/orgs/{handle}/failures/{reference}"), None)),
        None => Err(unknown()),
    }
}

async fn show(
    Given(app): Given<State>,
    Path((org, reference)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let reader = visit.reader();
    let found = app
        .failures
        .explain(&app.registry, visit.access(), &reference, &|at| reader.full(at))
        .await
        .or_trouble(&visit)?;
    Ok(page(&visit, &found, Section::Clients))
}

fn page(visit: &Visit, found: &Explained, section: Section) -> Response {
    let failure = &found.failure;
    let mut crumbs = Vec::new();
    if let (Some(id), Some(name)) = (&failure.client_id, &found.client_name) {
        let at = visit.path(&format!("/clients/{id}"));
        crumbs.push(Link {
            label: "OAuth Clients".to_owned(),
            href: visit.path("/clients"),
            current: false,
        });
        crumbs.push(Link {
            label: name.clone(),
            href: at.clone(),
            current: false,
        });
        crumbs.push(Link {
            label: "Failures".to_owned(),
            href: format!("{at}/failures"),
            current: false,
        });
    }
    let page = Page {
        title: format!("Why it failed: {}", failure.error),
        crumbs,
        narrow: true,
        ..Page::default()
    };
    let content = html! { (verdict(visit, found)) (sent(failure)) (set(found)) (facts(visit, failure)) };
    visit.ok(section, &page, &content)
}

/// The cause, what mends it, and whether it still fails.
fn verdict(visit: &Visit, found: &Explained) -> Markup {
    let told = &found.explanation;
    let (tone, still) = match told.still {
        Still::Yes => (Tone::Bad, "The same request would fail now, too."),
        Still::No => (
            Tone::Ok,
            "What stood in the way is gone: the same request would get further now.",
        ),
        Still::Unknown => (
            Tone::Warn,
            "Whether the same request would fail now cannot be told from here.",
        ),
    };
    let fix = told.fix.as_ref().filter(|_| told.still != Still::No);
    html! {
        (note(tone, &html! {
            p #because { b { (told.because) } }
            @if let Some(advice) = &told.advice { p { (advice) } }
            p #still { (still) }
        }))
        @if let Some(fix) = fix.filter(|_| visit.may(Permission::ClientsWrite)) {
            div.actions { a.btn.primary #fix href=(fix.path) { (fix.words) } }
        }
    }
}

fn sent(failure: &Failure) -> Markup {
    let params = failure.sent["params"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let others = failure.sent["others"].as_i64().unwrap_or_default();
    html! {
        section.card {
            h2 { "What was sent" }
            @if params.is_empty() && others == 0 { p.dim { "No parameters that could be read." } }
            dl.facts {
                @for pair in params {
                    dt { code translate="no" { (pair[0].as_str().unwrap_or_default()) } }
                    dd { @match pair[1].as_str() {
                        Some(value) => { code translate="no" { (value) } }
                        None => { span.hint { "sent; its value is not kept" } }
                    } }
                }
                @if others > 0 { dt { "Others" } dd { (super::labels::count(others, "parameter", "parameters")) " without a meaning here" } }
            }
        }
    }
}

fn set(found: &Explained) -> Markup {
    let set = &found.explanation.set;
    html! {
        @if !set.is_empty() {
            section.card {
                h2 { "What is set now" }
                dl.facts { @for (name, value) in set {
                    dt { (name) }
                    dd { @if value.is_empty() { span.hint { "Nothing" } } @else { (value) } }
                } }
            }
        }
    }
}

fn facts(visit: &Visit, failure: &Failure) -> Markup {
    html! {
        section.card {
            h2 { "The request" }
            dl.facts {
                dt { "When" } dd { (visit.reader().moment(failure.at)) }
                dt { "Where" } dd { (endpoint(&failure.endpoint)) }
                dt { "From" } dd { code { (failure.ip) } }
                dt { "The caller was told" } dd { code translate="no" { (failure.error) } " – " (failure.description) }
                dt { "Cause" } dd { code translate="no" { (failure.cause) } }
                dt { "Reference" } dd { (Copy { id: "reference", name: "reference", value: &failure.reference, boxed: false }) }
                dt { "Request" } dd { code translate="no" { (failure.request_id) } }
            }
            p.hint { "Secrets, codes and tokens are never kept. This record goes after 30 days, or when many newer ones come." }
        }
    }
}

/// An endpoint in words.
fn endpoint(word: &str) -> &str {
    match word {
        "token" => "Token endpoint",
        "authorize" => "Sign-in (authorization endpoint)",
        "device_authorization" => "Device authorization endpoint",
        "introspect" => "Introspection endpoint",
        "revoke" => "Revocation endpoint",
        other => other,
    }
}

async fn list(Given(app): Given<State>, Path((org, id)): Path<(String, String)>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = client::load(&visit, &id).await?;
    let reader = visit.reader();
    let mut found = app
        .failures
        .of_client(
            &app.registry,
            visit.access(),
            &id,
            visit.form.given("before"),
            PAGE,
            &|at| reader.full(at),
        )
        .await
        .or_trouble(&visit)?;
    let more = found.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let older = found.last().filter(|_| more).map(|last| {
        visit.path(&format!(
            "/clients/{id}/failures?before={}",
            last.failure.reference
        ))
    });
    let content = html! {
        @if found.is_empty() { p.dim { "No request of this client was refused in the last 30 days." } }
        @else {
            p.hint { "Requests that were refused, newest first: at most 100, and none older than 30 days." }
            (timeline(&visit, &found, older))
        }
    };
    Ok(client::page(
        &visit,
        &record,
        client::Tab::Failures,
        StatusCode::OK,
        &content,
    ))
}

/// Failures as a timeline; `older` is where it goes on.
pub(super) fn timeline(visit: &Visit, found: &[Explained], older: Option<String>) -> Timeline {
    let entry = |one: &Explained| Entry {
        id: one.failure.reference.clone(),
        href: visit.path(&format!("/failures/{}", one.failure.reference)),
        at: visit.reader().moment(one.failure.at),
        sentence: line(visit, one),
        bad: true,
        meta: vec![format!("from {}", one.failure.ip), one.failure.reference.clone()],
        detail: None,
    };
    Timeline {
        entries: found.iter().map(entry).collect(),
        older,
        newer: None,
    }
}

/// A failure in one line, with the link that mends it for whoever may.
pub(super) fn line(visit: &Visit, one: &Explained) -> Markup {
    let told = &one.explanation;
    let fix = told.fix.as_ref().filter(|_| visit.may(Permission::ClientsWrite));
    html! {
        code translate="no" { (one.failure.error) } " – " (told.because) " "
        @match (fix, told.still) {
            (_, Still::No) => "It would get further now.",
            (Some(fix), _) => a href=(fix.path) { (fix.words) },
            (None, _) => "",
        }
    }
}

//! Scopes that a client does not ask for: proposed for removal, taken with one click, given back with one.

use axum::{
    extract::{Path, Request, State as Given},
    response::Response,
};
use maud::{Markup, html};

use super::Record;
use crate::{
    app::State,
    console::{
        asked, labels,
        visit::{Answer, OrTrouble, Visit, done},
    },
    registry::{
        access::Permission,
        least_privilege::{self, Proposal},
    },
    ui::{
        badge::Tone,
        form::{csrf, hidden},
        notice::note,
    },
};

/// Takes scopes away, or gives them back.
pub(super) async fn act(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| carry_out(visit, &client).await).await
}

async fn carry_out(visit: &Visit, client: &str) -> Answer {
    let (registry, access) = (&visit.app.registry, visit.access());
    let version = visit.form.one("version").parse().ok();
    let words = match visit.form.one("do") {
        "trim" => {
            least_privilege::trim(registry, access, client, version, None)
                .await
                .or_trouble(visit)?;
            "The scopes are taken away. They can be given back for 30 days."
        }
        "restore" => {
            least_privilege::restore(registry, access, client, version)
                .await
                .or_trouble(visit)?;
            "The scopes are given back. Tokens from before stay dead: the client gets new ones."
        }
        _ => "Nothing was changed.",
    };
    let back = visit.path(&format!("/clients/{client}/access"));
    Ok(visit.go(&back, Some(&done(words.to_owned()))))
}

/// What is proposed, and what can be given back.
pub(super) async fn section(visit: &Visit, record: &Record) -> Result<Markup, Response> {
    let registry = &visit.app.registry;
    let proposal = least_privilege::proposal(registry, visit.access(), &record.client.client_id)
        .await
        .or_trouble(visit)?;
    Ok(html! { (taken(visit, record, &proposal)) (unasked(visit, record, &proposal)) })
}

fn button(visit: &Visit, record: &Record, deed: &str, words: &str) -> Markup {
    html! {
        @if visit.may(Permission::ClientsWrite) {
            form method="post" action={ (record.at) "/access" } {
                (csrf(&visit.visitor.csrf)) (hidden("do", deed)) (hidden("version", &record.client.version.to_string()))
                button.btn { (words) }
            }
        }
    }
}

fn unasked(visit: &Visit, record: &Record, proposal: &Proposal) -> Markup {
    let count = i64::try_from(proposal.unasked.len()).unwrap_or_default();
    if count == 0 {
        return html! {};
    }
    let words = labels::count(count, "scope was", "scopes were");
    let text = html! {
        p { b { (words) " not asked for in 90 days" } }
        ul { @for scope in &proposal.unasked { li {
            code { (scope.value) } " at " (scope.audience) ", "
            @match scope.last_asked_at {
                Some(at) => { "last asked for " (visit.reader().date(at)) },
                None => "never asked for",
            }
        } } }
        p.hint { "Tokens that carry one of them stop working at once. What is taken can be given back for 30 days, for new tokens." }
        (button(visit, record, "trim", &format!("Remove {}", labels::count(count, "scope", "scopes"))))
    };
    note(Tone::Warn, &text)
}

fn taken(visit: &Visit, record: &Record, proposal: &Proposal) -> Markup {
    let Some(trim) = &proposal.taken else {
        return html! {};
    };
    let values: Vec<String> = trim.scopes.iter().map(|(_, value)| value.clone()).collect();
    let text = html! {
        p {
            (trim.taken_by) " removed what was not asked for on " (visit.reader().full(trim.taken_at)) ": "
            (crate::ui::badge::code_tags(&values))
        }
        (button(visit, record, "restore", "Give them back"))
    };
    note(Tone::Info, &text)
}

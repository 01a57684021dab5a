//! What a client may do: the scopes it was granted, and those that come with them.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
};
use maud::{Markup, html};

use super::{Record, Tab, load, page, usage};
use crate::{
    app::State,
    console::visit::{self, Answer, Visit},
    oauth::scope::openid_words,
    registry::{access::Permission, usage::Usage},
    store::apis::{Api, Risk, Scope},
    ui::{
        scopes::Risk as Shown,
        table::{Column, Row, Table},
    },
};

/// The tab.
pub(super) async fn show(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = load(&visit, &client).await?;
    let used = usage::read(&visit, &record).await;
    let used = used.as_ref();
    let apis: Vec<&Api> = record
        .apis
        .iter()
        .filter(|api| !granted(&record, api).is_empty())
        .collect();
    let content = html! {
        @if used.is_none() { (usage::missing(&visit)) }
        @if apis.is_empty() && record.client.oidc_scopes.is_empty() {
            p.dim { "This client holds no scope, so it gets no token." }
        }
        (super::least_privilege::section(&visit, &record).await?)
        @for (index, api) in apis.iter().enumerate() { (section(&visit, &record, api, index, used)) }
        @if !record.client.oidc_scopes.is_empty() { (openid(&visit, &record, used)) }
    };
    Ok(page(&visit, &record, Tab::Access, StatusCode::OK, &content))
}

/// The values granted at an API, in order.
fn granted<'r>(record: &'r Record, api: &Api) -> Vec<&'r str> {
    let own = record.client.scopes.iter().filter(|(id, _)| *id == api.id);
    own.map(|(_, value)| value.as_str()).collect()
}

/// Each value with the one it comes with, granted ones first.
fn effective<'a>(api: &'a Api, granted: &[&'a str]) -> Vec<(&'a Scope, Option<&'a str>)> {
    let scope = |value: &str| api.scopes.iter().find(|scope| scope.value == value);
    let mut all: Vec<(&Scope, Option<&str>)> = granted
        .iter()
        .filter_map(|value| Some((scope(value)?, None)))
        .collect();
    let mut at = 0;
    while let Some((holder, via)) = all.get(at).copied() {
        for value in &holder.implies {
            if let Some(more) = scope(value)
                && !all.iter().any(|(known, _)| known.value == more.value)
            {
                all.push((more, Some(via.unwrap_or(&holder.value))));
            }
        }
        at += 1;
    }
    all
}

fn section(visit: &Visit, record: &Record, api: &Api, index: usize, used: Option<&Usage>) -> Markup {
    let rows = effective(api, &granted(record, api))
        .into_iter()
        .map(|(scope, via)| Row {
            id: scope.value.clone(),
            name: scope.value.clone(),
            cells: vec![
                html! { (crate::ui::name(&scope.description)) },
                html! { (risk(scope.risk).badge()) },
                html! { @match via { Some(via) => { "Comes with " code { (via) } }, None => "Granted" } },
                html! { (requested(visit, used, &api.id, &scope.value)) },
            ],
            ..Row::default()
        });
    let id = format!("access-{index}");
    let table = Table {
        id: &id,
        caption: &format!("Scopes at {}", crate::oauth::name::isolated(&api.name)),
        columns: ["Scope", "Allows", "Risk", "How", "Last requested"]
            .map(Column::new)
            .to_vec(),
        rows: rows.collect(),
        bulk: None,
    };
    html! {
        section.stack {
            div {
                h2 {
                    @if visit.may(Permission::ApisRead) { a href=(visit.path(&format!("/apis/{}", api.id))) { (crate::ui::name(&api.name)) } }
                    @else { (crate::ui::name(&api.name)) }
                }
                p.hint { "Audience " code { (api.audience) } @if index == 0 { " · used when a request names none" } }
            }
            (table)
        }
    }
}

fn openid(visit: &Visit, record: &Record, used: Option<&Usage>) -> Markup {
    let rows = record.client.oidc_scopes.iter().map(|value| Row {
        id: value.clone(),
        name: value.clone(),
        cells: vec![
            html! { (openid_words(value).unwrap_or("–")) },
            html! { (requested(visit, used, "", value)) },
        ],
        ..Row::default()
    });
    let table = Table {
        id: "access-openid",
        caption: "Scopes of OpenID Connect",
        columns: ["Scope", "Allows", "Last requested"].map(Column::new).to_vec(),
        rows: rows.collect(),
        bulk: None,
    };
    html! {
        section.stack {
            div { h2 { "OpenID Connect" } p.hint { "About the person who signs in; they belong to no API" } }
            (table)
        }
    }
}

/// When a scope was last asked for. That it never was is said of the time that was watched, and of no other.
fn requested(visit: &Visit, used: Option<&Usage>, api_id: &str, value: &str) -> Markup {
    let found = used.and_then(|used| {
        let mut scopes = used.scopes.iter();
        scopes.find(|scope| scope.api_id == api_id && scope.value == value)
    });
    let reader = visit.reader();
    html! { @match found {
        None => span.hint { "–" },
        Some(scope) => @match scope.on {
            Some(on) => {
                (reader.moment(on.last_at))
                @if scope.is_unused(visit.now) { " " span.hint { "not in 90 days" } }
            },
            None if scope.is_unused(visit.now) => b { "Never in 90 days" },
            None => span.hint { "Not since " (reader.date(scope.since)) },
        },
    } }
}

const fn risk(risk: Risk) -> Shown {
    match risk {
        Risk::Reads => Shown::Reads,
        Risk::Changes => Shown::Changes,
        Risk::Destructive => Shown::Destructive,
    }
}

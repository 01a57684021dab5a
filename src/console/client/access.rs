//! What a client may do: the scopes it was granted, and those that come with them.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
};
use maud::{Markup, html};

use super::{Record, Tab, load, page};
use crate::{
    app::State,
    console::visit::{self, Answer, Visit},
    registry::access::Permission,
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
    let apis: Vec<&Api> = record
        .apis
        .iter()
        .filter(|api| !granted(&record, api).is_empty())
        .collect();
    let content = html! {
        @if apis.is_empty() && record.client.oidc_scopes.is_empty() {
            p.dim { "This client holds no scope, so it gets no token." }
        }
        (super::least_privilege::section(&visit, &record).await?)
        @for (index, api) in apis.iter().enumerate() { (section(&visit, &record, api, index)) }
        @if !record.client.oidc_scopes.is_empty() { (openid(&record)) }
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

fn section(visit: &Visit, record: &Record, api: &Api, index: usize) -> Markup {
    let rows = effective(api, &granted(record, api))
        .into_iter()
        .map(|(scope, via)| Row {
            id: scope.value.clone(),
            name: scope.value.clone(),
            cells: vec![
                html! { (scope.description) },
                html! { (risk(scope.risk).badge()) },
                html! { @match via { Some(via) => { "Comes with " code { (via) } }, None => "Granted" } },
            ],
            ..Row::default()
        });
    let id = format!("access-{index}");
    let table = Table {
        id: &id,
        caption: &format!("Scopes at {}", api.name),
        columns: ["Scope", "Allows", "Risk", "How"].map(Column::new).to_vec(),
        rows: rows.collect(),
        bulk: None,
    };
    html! {
        section.stack {
            div {
                h2 {
                    @if visit.may(Permission::ApisRead) { a href=(visit.path(&format!("/apis/{}", api.id))) { (api.name) } }
                    @else { (api.name) }
                }
                p.hint { "Audience " code { (api.audience) } @if index == 0 { " · used when a request names none" } }
            }
            (table)
        }
    }
}

fn openid(record: &Record) -> Markup {
    html! {
        section.stack {
            div { h2 { "OpenID Connect" } p.hint { "About the person who signs in; they belong to no API" } }
            (crate::ui::badge::code_tags(&record.client.oidc_scopes))
        }
    }
}

const fn risk(risk: Risk) -> Shown {
    match risk {
        Risk::Reads => Shown::Reads,
        Risk::Changes => Shown::Changes,
        Risk::Destructive => Shown::Destructive,
    }
}

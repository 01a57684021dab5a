//! Webhooks of an organisation: the list, the form, one webhook with its messages.

mod act; // rotate, test, send again, remove
mod form; // making and changing one
mod one; // a webhook and its messages

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};

use super::{
    asked, labels,
    visit::{Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    registry::{access::Permission, webhooks},
    store::{
        webhook_deliveries::{self as kept, State as Progress},
        webhooks::Webhook,
    },
    ui::{
        badge::{Badge, Tone},
        form::{link_button, primary_link},
        icon::Icon,
        notice::Empty,
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    const ONE: &str = "/orgs/{org}/settings/webhooks/{webhook}";
    Router::new()
        .route("/orgs/{org}/settings/webhooks", get(show))
        .route(
            "/orgs/{org}/settings/webhooks/new",
            get(form::show_new).post(form::create),
        )
        .route(ONE, get(one::show))
        .route(&format!("{ONE}/edit"), get(form::show_edit).post(form::save))
        .route(&format!("{ONE}/rotate"), get(act::show_rotate).post(act::rotate))
        .route(&format!("{ONE}/delete"), get(act::show_delete).post(act::delete))
        .route(&format!("{ONE}/test"), post(act::test))
        .route(&format!("{ONE}/deliveries/{{delivery}}"), get(one::show_message))
        .route(
            &format!("{ONE}/deliveries/{{delivery}}/redeliver"),
            post(act::redeliver),
        )
}

/// The way here from the settings.
pub(super) fn link(visit: &Visit) -> Markup {
    html! { @if visit.may(Permission::AuditRead) {
        section.card aria-labelledby="webhooks" {
            h2 #webhooks { "Webhooks" }
            p { "Other systems are told what happens here, as it happens." }
            div.actions { (link_button("Manage webhooks", &visit.path("/settings/webhooks"))) }
        }
    } }
}

fn home(visit: &Visit) -> String {
    visit.path("/settings/webhooks")
}

fn at(visit: &Visit, hook: &Webhook, tail: &str) -> String {
    visit.path(&format!("/settings/webhooks/{}{tail}", hook.id))
}

/// What a webhook is called in pages: what somebody wrote about it, or where it leads.
fn name(hook: &Webhook) -> &str {
    if hook.description.is_empty() {
        host(&hook.url)
    } else {
        &hook.description
    }
}

/// The host of a URL; its path may be a secret of the receiver.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn crumbs(visit: &Visit, hook: Option<&Webhook>) -> Vec<Link> {
    let link = |label: &str, href: String| Link {
        label: label.to_owned(),
        href,
        current: false,
    };
    let mut all = Vec::new();
    if visit.may(Permission::OrganizationsWrite) {
        all.push(link("Settings", visit.path("/settings")));
    }
    all.push(link("Webhooks", home(visit)));
    all.extend(hook.map(|hook| link(name(hook), at(visit, hook, ""))));
    all
}

/// Whether it is on, and whether what is sent there arrives.
fn badge(hook: &Webhook) -> Badge<'static> {
    match (hook.active, hook.failing_since) {
        (false, _) => Badge::DISABLED,
        (true, Some(_)) => Badge {
            tone: Tone::Bad,
            word: "Failing",
        },
        (true, None) => Badge::ACTIVE,
    }
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, list).await
}

async fn list(visit: &Visit) -> Answer {
    let registry = &visit.app.registry;
    let hooks = webhooks::list(registry, visit.access()).await.or_trouble(visit)?;
    let dead = kept::counts(registry.db(), &visit.org().id, Progress::Dead)
        .await
        .or_trouble(visit)?;
    let new = visit.path("/settings/webhooks/new");
    let may = visit.may(Permission::OrganizationsWrite);
    let page = Page {
        title: "Webhooks".to_owned(),
        lead: Some(
            html! { "Addresses that are told what happens in " (crate::ui::name(&visit.org().name)) ", signed and as it happens." },
        ),
        actions: (may && !hooks.is_empty()).then(|| primary_link("Create webhook", &new, None)),
        crumbs: crumbs(visit, None)
            .into_iter()
            .filter(|link| link.label == "Settings")
            .collect(),
        ..Page::default()
    };
    let content = html! {
        @if hooks.is_empty() { (Empty {
            icon: Icon::Activity,
            title: "No webhooks yet",
            text: html! { "A webhook tells another system of clients, secrets and consents that change, within seconds." },
            actions: html! { @if may { (primary_link("Create webhook", &new, None)) } },
        }) } @else { (table(visit, &hooks, &dead)) }
    };
    Ok(visit.ok(Section::Settings, &page, &content))
}

fn table<'a>(visit: &Visit, hooks: &[Webhook], dead: &[(String, i64)]) -> Table<'a> {
    let reader = visit.reader();
    let row = |hook: &Webhook| {
        let lost = dead.iter().find(|(id, _)| *id == hook.id).map_or(0, |(_, n)| *n);
        Row {
            id: hook.id.clone(),
            name: name(hook).to_owned(),
            href: at(visit, hook, ""),
            cells: vec![
                html! { code translate="no" { (host(&hook.url)) } },
                html! { span.tags { @for event in &hook.events { code.tag.mono translate="no" { (event) } } } },
                html! { (badge(hook)) },
                html! { (reader.moment_or(hook.last_delivered_at, "Never")) },
                html! { @if lost > 0 { a href=(at(visit, hook, "?state=dead")) { (labels::count(lost, "message", "messages")) } } @else { "None" } },
            ],
            ..Row::default()
        }
    };
    Table {
        id: "webhooks",
        caption: "Webhooks",
        columns: [
            "Webhook",
            "Host",
            "Events",
            "Status",
            "Last delivered",
            "Given up",
        ]
        .map(Column::new)
        .to_vec(),
        rows: hooks.iter().map(row).collect(),
        bulk: None,
    }
}

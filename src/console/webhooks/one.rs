//! A webhook and its messages.

use axum::{
    extract::{Path, Request, State as Given},
    response::Response,
};
use maud::{Markup, html};

use super::{at, badge, crumbs, name};
use crate::{
    app::State,
    console::{
        asked,
        visit::{Answer, OrTrouble, Section, Visit},
    },
    db::DbError,
    registry::{access::Permission, webhooks},
    store::{
        self,
        webhook_deliveries::{Delivery, State as Progress},
        webhooks::Webhook,
    },
    ui::{
        badge::{Badge, Tone},
        code::{CodeBlock, Copy},
        form::{button_form, link_button},
        notice::Banner,
        page::Page,
        table::{Column, Row, Table},
    },
};

/// Messages a page.
const PAGE: i64 = 25;

pub(super) async fn show(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| page(visit, &id).await).await
}

async fn page(visit: &Visit, id: &str) -> Answer {
    let (registry, access) = (&visit.app.registry, visit.access());
    let hook = webhooks::find(registry, access, id).await.or_trouble(visit)?;
    let state = Progress::parse(visit.form.one("state"));
    let before = match visit.form.given("before") {
        Some(message) => Some(
            webhooks::delivery(registry, access, id, message)
                .await
                .or_trouble(visit)?,
        ),
        None => None,
    };
    let mut messages = webhooks::deliveries(registry, access, id, state, before.as_ref(), PAGE + 1)
        .await
        .or_trouble(visit)?;
    let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = messages.len() > most;
    messages.truncate(most);
    let older = messages.last().filter(|_| more).map(|last| {
        let state = state.map(|state| format!("&state={state}")).unwrap_or_default();
        at(visit, &hook, &format!("?before={}{state}", last.id))
    });
    let may = visit.may(Permission::OrganizationsWrite);
    let page = Page {
        title: crate::oauth::name::isolated(name(&hook)).into_owned(),
        crumbs: crumbs(visit, None),
        actions: may.then(|| {
            html! {
                (button_form(&visit.visitor.csrf, &at(visit, &hook, "/test"), "Send test message"))
                (link_button("Edit", &at(visit, &hook, "/edit")))
                (link_button("Rotate secret", &at(visit, &hook, "/rotate")))
                (link_button("Delete", &at(visit, &hook, "/delete")))
            }
        }),
        ..Page::default()
    };
    let content = html! {
        (banner(visit, &hook))
        (facts(visit, &hook))
        div.stack {
            h2 { "Messages" }
            (states(visit, &hook, state))
            @if messages.is_empty() { p.dim { "No message " @if state.is_some() { "is in this state." } @else { "yet. It is told of what happens from now on." } } }
            @else { (table(visit, &hook, &messages)) }
            @if let Some(older) = older { p { a rel="next" href=(older) { "Older messages" } } }
        }
    };
    Ok(visit.ok(Section::Settings, &page, &content))
}

fn banner(visit: &Visit, hook: &Webhook) -> Markup {
    let edit = at(visit, hook, "/edit");
    let actions = visit
        .may(Permission::OrganizationsWrite)
        .then(|| link_button("Switch it on", &edit));
    html! {
        @if !hook.active {
            (Banner {
                tone: Tone::Warn,
                title: "This webhook is switched off",
                text: html! { p { @match &hook.disabled_why {
                    Some(why) => { "The server did that: " (why) ". What waits is sent once it is on again." },
                    None => "Somebody did that. What waits is sent once it is on again.",
                } } },
                actions,
            })
        } @else if let Some(why) = webhooks::blocked(&visit.app.registry, visit.org(), hook) {
            (Banner {
                tone: Tone::Bad,
                title: "This webhook is not called",
                text: html! { p { (why) } },
                actions: visit.may(Permission::OrganizationsWrite).then(|| link_button("Change the URL", &edit)),
            })
        } @else if let Some(since) = hook.failing_since {
            (Banner {
                tone: Tone::Bad,
                title: "Nothing arrives there",
                text: html! { p { "Since " (visit.reader().moment(since)) ". After five days the webhook is switched off." } },
                actions: None,
            })
        }
    }
}

fn facts(visit: &Visit, hook: &Webhook) -> Markup {
    let reader = visit.reader();
    html! {
        section.card {
            dl.facts {
                dt { "Status" } dd { (badge(hook)) }
                dt { "URL" } dd { (Copy { id: "url", name: "URL", value: &hook.url, boxed: true }) }
                dt { "Events" } dd { span.tags { @for event in &hook.events { code.tag.mono translate="no" { (event) } } } }
                dt { "ID" } dd { (Copy { id: "webhook-id", name: "webhook id", value: &hook.id, boxed: true }) }
                dt { "Signing secret" } dd { "Made " (reader.moment(hook.secret_made_at))
                    @if let Some(at) = hook.old_secret_ends_at.filter(|at| *at > visit.now) { "; the one before signs as well until " (reader.deadline(at)) } }
                dt { "Last delivered" } dd { (reader.moment_or(hook.last_delivered_at, "Never")) }
                dt { "Created" } dd { (reader.moment(hook.created_at)) }
            }
        }
    }
}

fn states(visit: &Visit, hook: &Webhook, now: Option<Progress>) -> Markup {
    let choices = [
        (None, "All"),
        (Some(Progress::Waiting), "Waiting"),
        (Some(Progress::Delivered), "Delivered"),
        (Some(Progress::Dead), "Given up"),
    ];
    html! {
        nav aria-label="State of messages" { ul.tags.plain {
            @for (state, words) in choices { li {
                @if state == now { b aria-current="true" { (words) } }
                @else {
                    a href=(at(visit, hook, &state.map(|state| format!("?state={state}")).unwrap_or_default())) { (words) }
                }
            } }
        } }
    }
}

fn progress(message: &Delivery) -> Badge<'static> {
    let (tone, word) = match message.state {
        Progress::Delivered => (Tone::Ok, "Delivered"),
        Progress::Waiting if message.tries == 0 => (Tone::Info, "Waiting"),
        Progress::Waiting => (Tone::Warn, "Trying again"),
        Progress::Dead => (Tone::Bad, "Given up"),
    };
    Badge { tone, word }
}

fn table<'a>(visit: &Visit, hook: &Webhook, messages: &[Delivery]) -> Table<'a> {
    let reader = visit.reader();
    let row = |message: &Delivery| Row {
        id: message.id.clone(),
        name: message.kind.clone(),
        href: at(visit, hook, &format!("/deliveries/{}", message.id)),
        cells: vec![
            html! { (progress(message)) },
            html! { (message.tries) },
            html! { @match (&message.last_error, message.last_status) {
                (Some(why), _) => (why),
                (None, Some(status)) => (status),
                (None, None) => span.hint { "–" },
            } },
            html! { (reader.moment(message.created_at)) },
        ],
        ..Row::default()
    };
    Table {
        id: "deliveries",
        caption: "Messages",
        columns: ["Event", "State", "Tries", "Last answer", "Since"]
            .map(Column::new)
            .to_vec(),
        rows: messages.iter().map(row).collect(),
        bulk: None,
    }
}

pub(super) async fn show_message(
    Given(app): Given<State>,
    Path((org, id, message)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        message_page(visit, &id, &message).await
    })
    .await
}

async fn message_page(visit: &Visit, id: &str, message: &str) -> Answer {
    let (registry, access) = (&visit.app.registry, visit.access());
    let hook = webhooks::find(registry, access, id).await.or_trouble(visit)?;
    let message = webhooks::delivery(registry, access, id, message)
        .await
        .or_trouble(visit)?;
    let reader = visit.reader();
    let again = visit.may(Permission::OrganizationsWrite) && message.state != Progress::Waiting;
    let action = at(visit, &hook, &format!("/deliveries/{}/redeliver", message.id));
    // What cannot be read is shown as it is: it is what was sent.
    let body = store::document::value(&message.body)
        .and_then(|body| {
            serde_json::to_string_pretty(&body).map_err(|error| DbError::Failed(error.to_string()))
        })
        .unwrap_or_else(|_| message.body.clone());
    let page = Page {
        title: format!("Message {}", message.kind),
        crumbs: crumbs(visit, Some(&hook)),
        narrow: true,
        actions: again.then(|| button_form(&visit.visitor.csrf, &action, "Send again")),
        ..Page::default()
    };
    let content = html! {
        section.card {
            dl.facts {
                dt { "State" } dd { (progress(&message)) }
                dt { "Tries" } dd { (message.tries) }
                @if let Some(at) = message.last_try_at { dt { "Last try" } dd { (reader.moment(at)) } }
                @if let Some(status) = message.last_status { dt { "Last answer" } dd { (status) } }
                @if let Some(why) = &message.last_error { dt { "Why not" } dd { (why) } }
                @if message.state == Progress::Waiting { dt { "Next try" } dd { (reader.deadline(message.next_try_at)) } }
                @if let Some(at) = message.delivered_at { dt { "Delivered" } dd { (reader.moment(at)) } }
                dt { "ID" } dd { (Copy { id: "message-id", name: "message id", value: &message.id, boxed: true }) }
            }
        }
        (CodeBlock { id: "body", title: "Body", code: &body, top: true, ..CodeBlock::default() })
        p.hint { "It is sent again under the same id, so that a receiver who has it already can leave it." }
    };
    Ok(visit.ok(Section::Settings, &page, &content))
}

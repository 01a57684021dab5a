//! Who did what: filters in the address, one sentence an entry, a page and a record for each, files to take away.

mod seal; // whether the log is whole
mod words; // an event as a sentence

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    clients::export::file,
    visit::{self, Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    browser::Form,
    download,
    error::Error,
    oauth::refusal::Code,
    registry::{
        access::Permission,
        audit::{self, export::Format},
    },
    store::{
        self,
        audit::{Event, Filter},
    },
    ui::{
        form::{self, Select},
        headers::Part,
        icon::Icon,
        notice::Empty,
        page::{Link, Page},
        timeline::{Entry, Timeline},
        tools::results,
    },
};

/// Entries a page.
const PAGE: i64 = 50;

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/activity", get(show))
        .route("/orgs/{org}/activity/verify", get(seal::show))
        .route("/orgs/{org}/activity/{id}", get(show_one))
}

/// The latest events that match, and whether there are older ones.
///
/// # Errors
/// The page that says why not.
pub(super) async fn latest(
    visit: &Visit,
    filter: &Filter,
    most: i64,
) -> Result<(Vec<Event>, bool), Response> {
    visit.access().require(Permission::AuditRead).or_trouble(visit)?;
    let db = visit.app.registry.db();
    let mut events = store::audit::list(db, &visit.org().id, filter, most + 1)
        .await
        .or_trouble(visit)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = events.len() > most;
    events.truncate(most);
    Ok((events, more))
}

/// Events as a timeline; `older` is where it goes on.
pub(super) fn timeline(visit: &Visit, events: &[Event], older: Option<String>) -> Timeline {
    Timeline {
        entries: events.iter().map(|event| entry(visit, event)).collect(),
        older,
        newer: None,
    }
}

fn entry(visit: &Visit, event: &Event) -> Entry {
    let mut meta = Vec::new();
    meta.extend(event.ip.as_ref().map(|ip| format!("from {ip}")));
    if !event.request_id.is_empty() {
        meta.push(format!("request {}", event.request_id));
    }
    Entry {
        id: event.id.clone(),
        href: visit
            .path_for(Permission::AuditRead, &format!("/activity/{}", event.id))
            .unwrap_or_else(|| format!("#{}", event.id)),
        at: visit.reader().moment(event.at),
        sentence: words::sentence(visit, event),
        bad: event.outcome == "refused",
        meta,
        detail: serde_json::to_string_pretty(&audit::record(event)).ok(),
    }
}

/// The query keys, in the order in which addresses have them.
const KEYS: [&str; 7] = ["actor", "client", "event", "result", "since", "until", "before"];

fn filter(visit: &Visit, form: &Form) -> Filter {
    let text = |key: &str| form.given(key).map(str::to_owned);
    let day = |key: &str| form.given(key).and_then(|value| visit.reader().parse(value));
    Filter {
        actor: text("actor"),
        resource: text("client"),
        action: text("event"),
        outcome: text("result"),
        since: day("since"),
        until: form
            .given("until")
            .and_then(|value| visit.reader().parse_end(value)),
        before: text("before"),
    }
}

fn address(visit: &Visit, form: &Form, with: Option<(&str, &str)>) -> String {
    let kept = KEYS
        .iter()
        .filter(|key| **key != "before" && with.is_none_or(|(name, _)| name != **key))
        .filter_map(|key| Some((*key, form.given(key)?)));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.chain(with.filter(|(_, value)| !value.is_empty())))
        .finish();
    let mark = if query.is_empty() { "" } else { "?" };
    visit.path(&format!("/activity{mark}{query}"))
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let filter = filter(&visit, &visit.form);
    if let Some(format) = Format::parse(visit.form.one("format")) {
        return export(&visit, filter, format).await;
    }
    let (events, more) = latest(&visit, &filter, PAGE).await?;
    let last = events.last().map(|event| event.id.clone()).filter(|_| more);
    let older = last.map(|id| address(&visit, &visit.form, Some(("before", &id))));
    let found = html! {
        p.hint #count { (super::labels::count(i64::try_from(events.len()).unwrap_or(PAGE), "entry", "entries")) @if more { " on this page" } }
        @if events.is_empty() { (nothing(&visit)) } @else { (timeline(&visit, &events, older)) }
    };
    if visit.part == Part::Results {
        return Ok(visit.fragment(&results(&found)));
    }
    let page = Page {
        title: "Activity".to_owned(),
        lead: Some(
            html! { "Who changed what, and what was refused. Entries are never changed; " (kept(&visit)) },
        ),
        actions: Some(html! {
            (form::link_button("Export CSV", &address(&visit, &visit.form, Some(("format", "csv")))))
            (form::link_button("Export JSON", &address(&visit, &visit.form, Some(("format", "json")))))
        }),
        ..Page::default()
    };
    let content = html! { (seal::line(&visit).await?) (tools(&visit)) (results(&found)) };
    Ok(visit.ok(Section::Activity, &page, &content))
}

/// For how long entries are kept.
fn kept(visit: &Visit) -> String {
    match visit.org().settings.audit_retention_days {
        Some(days) => format!("they are kept for {days} days."),
        None => "they are kept for ever.".to_owned(),
    }
}

fn nothing(visit: &Visit) -> Markup {
    let empty = Empty {
        icon: Icon::Activity,
        title: "Nothing matches",
        text: html! { "No entry of this organisation fits these filters." },
        actions: html! { (form::link_button("Clear filters", &visit.path("/activity"))) },
    };
    html! { (empty) }
}

fn tools(visit: &Visit) -> Markup {
    let choice = |name: &'static str, label: &'static str, options: &[(&str, &str)]| Select {
        name,
        label,
        options: std::iter::once(&("", "Any"))
            .chain(options)
            .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()))
            .collect(),
        value: visit.form.one(name),
        ..Select::default()
    };
    let selects = [
        choice("event", "Event", words::GROUPS),
        choice("result", "Result", &[("done", "Done"), ("refused", "Refused")]),
    ];
    let texts = [
        ("actor", "Actor (name or ID)", "text"),
        ("client", "Client ID", "text"),
        ("since", "From", "date"),
        ("until", "To", "date"),
    ];
    html! {
        form.tools.bar-row role="search" method="get" action=(visit.path("/activity")) aria-label="Filter activity" data-live {
            @for (name, label, kind) in texts {
                label { (label) input.input type=(kind) name=(name) value=(visit.form.one(name)) autocomplete="off" spellcheck="false"; }
            }
            @for select in &selects { label { (select.label) (select.control()) } }
            button.btn.apply type="submit" { "Apply" }
            a.btn.quiet href=(visit.path("/activity")) { "Clear filters" }
        }
    }
}

async fn show_one(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    visit.access().require(Permission::AuditRead).or_trouble(&visit)?;
    let found = store::audit::find(app.registry.db(), &visit.org().id, &id)
        .await
        .or_trouble(&visit)?;
    let event = found
        .ok_or_else(|| Error::from(Code::NotFound.because("there is no such entry")))
        .or_trouble(&visit)?;
    let page = Page {
        title: "Activity entry".to_owned(),
        crumbs: vec![Link {
            label: "Activity".to_owned(),
            href: visit.path("/activity"),
            current: false,
        }],
        narrow: true,
        ..Page::default()
    };
    let record = serde_json::to_string_pretty(&audit::record(&event)).unwrap_or_default();
    let content = html! {
        section.card {
            p { (words::sentence(&visit, &event)) }
            dl.facts {
                dt { "When" } dd { (visit.reader().deadline(event.at)) }
                dt { "Address" } dd { (event.ip.as_deref().unwrap_or("–")) }
                dt { "Request" } dd { code { (event.request_id) } }
                dt { "Action" } dd { code { (event.action) } }
                dt { "Sealed" } dd { @match &event.sealed { Some(link) => { "as entry " (link.seq) }, None => "in a moment" } }
            }
        }
        (crate::ui::code::CodeBlock { id: "record", title: "Record", code: &record, top: true, ..Default::default() })
    };
    Ok(visit.ok(Section::Activity, &page, &content))
}

async fn export(visit: &Visit, filter: Filter, format: Format) -> Answer {
    visit.access().require(Permission::AuditRead).or_trouble(visit)?;
    let (app, org) = (Arc::clone(&visit.app), visit.org());
    audit::seal::one(&app.registry, &org.id).await.or_trouble(visit)?;
    let (name, org) = (
        format!("activity-{}.{}", org.handle, format.word()),
        org.id.clone(),
    );
    let content = download::body(async move |sink| {
        audit::export::write(&app.registry, &org, filter, format, &sink).await
    });
    Ok(file(visit, &name, format.media_type(), content))
}

//! Making a webhook, and changing one.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{act, at, crumbs, home, name};
use crate::{
    app::State,
    console::{
        asked,
        client_form::Refused,
        create::fields,
        once,
        visit::{Answer, OrTrouble, Section, Visit, done},
    },
    registry::{
        access::{Access, Permission},
        webhooks::{self, Edit, NewWebhook, WORDS},
    },
    store::webhooks::Webhook,
    ui::{
        choice::Checkbox,
        form::{Field, Kind, csrf, hidden, link_button, primary, section},
        page::Page,
    },
};

/// What was typed.
struct Typed {
    url: String,
    description: String,
    events: Vec<String>,
    active: bool,
    version: String,
}

impl Typed {
    fn new() -> Self {
        Self {
            url: String::new(),
            description: String::new(),
            events: ["client.*", "secret.*", "consent.*"].map(str::to_owned).to_vec(),
            active: true,
            version: String::new(),
        }
    }

    fn of(hook: &Webhook) -> Self {
        Self {
            url: hook.url.clone(),
            description: hook.description.clone(),
            events: hook.events.clone(),
            active: hook.active,
            version: hook.version.to_string(),
        }
    }

    fn read(visit: &Visit) -> Self {
        let ticked = visit.form.all("events").map(str::to_owned);
        let others = visit.form.one("other_events");
        let others = others
            .split([' ', ',', '\n', '\r', '\t'])
            .filter(|word| !word.is_empty());
        Self {
            url: visit.form.one("url").to_owned(),
            description: visit.form.one("description").to_owned(),
            events: ticked.chain(others.map(str::to_owned)).collect(),
            active: visit.form.ticked("active"),
            version: visit.form.one("version").to_owned(),
        }
    }
}

pub(super) async fn show_new(
    Given(app): Given<State>,
    Path(org): Path<String>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        may(visit)?;
        Ok(page(
            visit,
            None,
            StatusCode::OK,
            &Typed::new(),
            &Refused::default(),
        ))
    })
    .await
}

fn may(visit: &Visit) -> Result<(), Response> {
    for permission in [Permission::OrganizationsWrite, Permission::AuditRead] {
        visit.access().require(permission).or_trouble(visit)?;
    }
    Ok(())
}

pub(super) async fn create(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::post(&app, &org, request, make).await
}

async fn make(visit: &Visit) -> Answer {
    may(visit)?;
    let typed = Typed::read(visit);
    let new = NewWebhook {
        url: typed.url.clone(),
        description: typed.description.clone(),
        events: typed.events.clone(),
        active: true,
    };
    let registry = &visit.app.registry;
    let rehearsal = Access {
        dry_run: true,
        ..visit.access().clone()
    };
    if let Err(error) = webhooks::create(registry, &rehearsal, new.clone()).await {
        let refused = fields(visit, error)?;
        return Ok(page(
            visit,
            None,
            StatusCode::UNPROCESSABLE_ENTITY,
            &typed,
            &refused,
        ));
    }
    if !once::spend(visit).await? {
        let text = html! { p { "This form was sent before: the webhook was made, and its signing secret was shown already. It is never shown \
        again. If you did not keep it, rotate it." } };
        return Ok(once::already(visit, &text, &home(visit), "Go to the webhooks"));
    }
    let made = webhooks::create(registry, visit.access(), new)
        .await
        .or_trouble(visit)?;
    Ok(act::hand_over(visit, &made, "is created"))
}

pub(super) async fn show_edit(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        may(visit)?;
        let hook = found(visit, &id).await?;
        let typed = Typed::of(&hook);
        Ok(page(
            visit,
            Some(&hook),
            StatusCode::OK,
            &typed,
            &Refused::default(),
        ))
    })
    .await
}

async fn found(visit: &Visit, id: &str) -> Result<Webhook, Response> {
    webhooks::find(&visit.app.registry, visit.access(), id)
        .await
        .or_trouble(visit)
}

pub(super) async fn save(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| change(visit, &id).await).await
}

async fn change(visit: &Visit, id: &str) -> Answer {
    may(visit)?;
    let hook = found(visit, id).await?;
    let typed = Typed::read(visit);
    let edit = Edit {
        url: Some(typed.url.clone()),
        description: Some(typed.description.clone()),
        events: Some(typed.events.clone()),
        active: Some(typed.active),
    };
    let version = typed.version.parse().ok();
    match webhooks::edit(&visit.app.registry, visit.access(), id, version, edit).await {
        Ok(after) => {
            let flash = done(format!("The webhook {} is saved.", name(&after)));
            Ok(visit.go(&at(visit, &after, ""), Some(&flash)))
        }
        Err(error) => {
            let refused = fields(visit, error)?;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page(visit, Some(&hook), status, &typed, &refused))
        }
    }
}

fn page(
    visit: &Visit,
    hook: Option<&Webhook>,
    status: StatusCode,
    typed: &Typed,
    refused: &Refused,
) -> Response {
    let mut refused = refused.clone();
    for field in &mut refused.0 {
        if field.pointer.starts_with("/events") {
            field.pointer = "/other_events".to_owned();
        }
    }
    let page = Page {
        title: hook.map_or_else(
            || "Create webhook".to_owned(),
            |hook| format!("Edit {}", crate::oauth::name::isolated(name(hook))),
        ),
        error: !refused.is_empty(),
        crumbs: crumbs(visit, hook),
        narrow: true,
        ..Page::default()
    };
    let (words, back) = match hook {
        Some(hook) => ("Save changes", at(visit, hook, "")),
        None => ("Create webhook", home(visit)),
    };
    let content = html! {
        (refused.summary())
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("version", &typed.version))
            @if hook.is_none() { (hidden("once", &once::text(visit))) }
            (section("Receiver", "", &receiver(visit, typed, &refused)))
            (section("Events", "It is told of what is done, not of what was refused.", &events(typed, &refused)))
            @if hook.is_some() { (section("Status", "", &html! {
                (Checkbox { name: "active", value: "yes", label: "Switched on", checked: typed.active,
                    hint: "While it is off, messages that wait are kept for 30 days; new ones are not made.", ..Checkbox::default() })
            })) }
            div.actions { (primary(words)) (link_button("Cancel", &back)) }
        }
    };
    visit.page(Section::Settings, status, &page, &content)
}

fn receiver(visit: &Visit, typed: &Typed, refused: &Refused) -> Markup {
    let hint = visit.app.registry.boundary_of(visit.org()).words();
    html! {
        (Field { name: "url", label: "URL", kind: Kind::Url, value: &typed.url, hint, placeholder: "https://hooks.example.com/oauthority",
            error: refused.of("url"), ..Field::default() })
        (Field { name: "description", label: "Description", value: &typed.description, optional: true, max: 200,
            hint: "What it is for, such as “Security monitoring”.", error: refused.of("description"), ..Field::default() })
    }
}

fn events(typed: &Typed, refused: &Refused) -> Markup {
    let known = |word: &str| WORDS.iter().any(|(known, _)| *known == word);
    let others: Vec<&str> = typed
        .events
        .iter()
        .map(String::as_str)
        .filter(|word| !known(word))
        .collect();
    let others = others.join(" ");
    html! {
        fieldset.stack {
            legend.sr { "Events" }
            @for (word, about) in WORDS {
                label.check {
                    input type="checkbox" name="events" value=(word) checked[typed.events.iter().any(|event| event == word)];
                    span { (about) " " code translate="no" { (word) } }
                }
            }
        }
        (Field { name: "other_events", label: "Other events", kind: Kind::Code, value: &others, optional: true,
            hint: "Names as the activity has them, such as client.deleted or user.*; * is everything.",
            error: refused.of("other_events"), ..Field::default() })
    }
}

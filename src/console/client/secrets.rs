//! The secrets of a client: a row each, and what can be done to one. What is being done stands in the address
//! (`?end=`, `?move=`, `?rename=` with the id of the secret), so it works without script.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{Record, Tab, load, page, usage};
use crate::{
    app::State,
    console::{
        labels,
        visit::{self, Answer, Visit, done, sentence},
    },
    error::{Error, Result},
    oauth::{
        client::SecretState,
        refusal::{Code, Field as Wrong, Refusal},
    },
    registry::{access::Permission, secrets, usage::Usage},
    store::secrets::ClientSecret,
    time::Lifetime,
    ui::{
        badge::Tone,
        form::{self, ErrorSummary, Field, Kind, csrf, hidden},
        menu::Item,
        notice::note,
        table::{Column, Row, Table},
    },
};

/// What is done to one secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    End,
    Move,
    Rename,
}

impl Deed {
    const ALL: [(Self, &'static str); 3] =
        [(Self::End, "end"), (Self::Move, "move"), (Self::Rename, "rename")];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(deed, _)| *deed)
    }
}

/// A form that is open, and what was wrong with it.
struct Open<'r> {
    deed: Deed,
    secret: &'r ClientSecret,
    refusal: Option<Refusal>,
}

/// The tab.
pub(super) async fn show(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = load(&visit, &client).await?;
    let open = Deed::ALL.iter().find_map(|(deed, word)| {
        let id = visit.form.given(word)?;
        Some((*deed, record.secrets.iter().find(|secret| secret.id == id)?))
    });
    let open = open
        .filter(|_| record.secrets_are_yours(&visit))
        .map(|(deed, secret)| Open {
            deed,
            secret,
            refusal: None,
        });
    Ok(tab(&visit, &record, StatusCode::OK, open.as_ref()).await)
}

/// Ends, moves or renames a secret.
pub(super) async fn act(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_post(&app, &parts, body, &org).await?;
    let id = visit.form.one("secret").to_owned();
    let deed = Deed::parse(visit.form.one("do"));
    let Some(deed) = deed else {
        return Ok(visit.go(&visit.path(&format!("/clients/{client}/secrets")), None));
    };
    match carry_out(&visit, deed, &client, &id).await {
        Ok(words) => Ok(visit.go(
            &visit.path(&format!("/clients/{client}/secrets")),
            Some(&done(words)),
        )),
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() || refusal.reason == "secret.in_use" => {
            let record = load(&visit, &client).await?;
            let status = match refusal.code {
                Code::Conflict => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let open = record
                .secrets
                .iter()
                .find(|secret| secret.id == id)
                .map(|secret| Open {
                    deed,
                    secret,
                    refusal: Some(*refusal),
                });
            Ok(tab(&visit, &record, status, open.as_ref()).await)
        }
        Err(error) => Err(visit.trouble(error)),
    }
}

async fn carry_out(visit: &Visit, deed: Deed, client: &str, id: &str) -> Result<String> {
    let (registry, access, form) = (&visit.app.registry, visit.access(), &visit.form);
    match deed {
        Deed::End => {
            secrets::end(registry, access, client, id, form.ticked("force")).await?;
            Ok("The secret is ended: it no longer works.".to_owned())
        }
        Deed::Move if form.ticked("keep") => {
            secrets::set_end(registry, access, client, id, None).await?;
            Ok("The secret has no end any more.".to_owned())
        }
        Deed::Move => {
            let at = visit.reader().parse(form.one("ends_at")).ok_or_else(|| {
                let detail = "Write a date and a time, such as 2026-12-01T10:30.";
                Refusal::fields(vec![Wrong::new("/ends_at", "time", detail)])
            })?;
            secrets::set_end(registry, access, client, id, Some(at)).await?;
            Ok(format!("The secret ends {}.", visit.reader().full(at)))
        }
        Deed::Rename => {
            let label = form.one("label");
            if label.is_empty() {
                let detail = "Write a name for this secret, such as where it is kept.";
                return Err(Refusal::fields(vec![Wrong::new("/label", "label", detail)]).into());
            }
            secrets::describe(registry, access, client, id, Some(label), Some(form.one("note"))).await?;
            Ok(format!("“{label}” is changed."))
        }
    }
}

async fn tab(visit: &Visit, record: &Record, status: StatusCode, open: Option<&Open<'_>>) -> Response {
    let used = usage::read(visit, record).await;
    let content = html! {
        @if let Some(open) = open { (form_of(visit, record, open)) }
        @else { (readiness(visit, record)) }
        @if !record.holds_secret() {
            (note(Tone::Info, &html! { p { "No secret: this type of client cannot keep one. It proves itself with PKCE." } }))
        } @else if record.secrets.is_empty() {
            p.dim { "This client has no secret." }
        } @else { (table(visit, record, used.as_ref())) }
        @if record.holds_secret() { p.hint { "At most two secrets are usable at once. A secret is shown only when it is made." } }
    };
    page(visit, record, Tab::Secrets, status, &content)
}

fn table(visit: &Visit, record: &Record, used: Option<&Usage>) -> Markup {
    let reader = visit.reader();
    let (writes, yours) = (
        visit.may(Permission::ClientsWrite),
        record.secrets_are_yours(visit),
    );
    let rows = record.secrets.iter().map(|secret| Row {
        id: secret.id.clone(),
        name: secret.label.clone(),
        note: secret.note.clone(),
        cells: vec![
            html! { @if writes { code.nowrap { "…" (secret.hint) } } @else { span.hint { "hidden" } } },
            html! { (reader.moment(secret.created_at)) " by " (secret.created_by) },
            html! {
                (reader.moment_or(secret.last_used_at, "Never"))
                @match usage::of_secret(used, &secret.id) {
                    Some(known) => (usage::addresses(visit, &known)),
                    None => @if let Some(ip) = &secret.last_used_ip { " from " code { (ip) } },
                }
            },
            html! {
                (secret.uses)
                @if let Some(known) = usage::of_secret(used, &secret.id) {
                    div.hint.nowrap { (known.last_hour) " last hour" }
                    div.hint.nowrap { (known.last_day) " last day" }
                }
            },
            html! { @match secret.stops_at() { Some(at) => (reader.deadline(at)), None => span.hint { "Never" } } },
            html! { (labels::secret(secret.state(visit.now))) },
        ],
        menu: if yours { menu(visit, record, secret) } else { Vec::new() },
        muted: !secret.usable(visit.now),
        ..Row::default()
    });
    let uses = Column {
        number: true,
        ..Column::new("Uses")
    };
    let table = Table {
        id: "secrets",
        caption: &format!("Secrets of {}", crate::oauth::name::isolated(&record.client.name)),
        columns: vec![
            Column::new("Label"),
            Column::new("Hint"),
            Column::new("Created"),
            Column::new("Last used"),
            uses,
            Column::new("Expires"),
            Column::new("State"),
        ],
        rows: rows.collect(),
        bulk: None,
    };
    html! { (table) }
}

fn menu(visit: &Visit, record: &Record, secret: &ClientSecret) -> Vec<Item> {
    let to = |word: &str| format!("{}/secrets?{word}={}", record.at, secret.id);
    let mut items = vec![Item::link("Rename or describe", to("rename"))];
    if secret.usable(visit.now) {
        let word = if secret.ends_at.is_some() {
            "Move its end"
        } else {
            "Set an end"
        };
        items.insert(0, Item::link(word, to("move")));
        items.push(Item::danger("End now…", to("end")));
    }
    items
}

fn form_of(visit: &Visit, record: &Record, open: &Open<'_>) -> Markup {
    let secret = open.secret;
    let errors = open
        .refusal
        .as_ref()
        .map_or_else(ErrorSummary::default, |refusal| {
            if refusal.fields.is_empty() {
                ErrorSummary::of_one("", &sentence(&refusal.description))
            } else {
                ErrorSummary::of_fields(&refusal.fields)
            }
        });
    let (title, word) = match open.deed {
        Deed::End => (
            format!("End “{}” now?", crate::oauth::name::isolated(&secret.label)),
            "end",
        ),
        Deed::Move => (
            format!("When does “{}” end?", crate::oauth::name::isolated(&secret.label)),
            "move",
        ),
        Deed::Rename => (
            format!("Change “{}”", crate::oauth::name::isolated(&secret.label)),
            "rename",
        ),
    };
    html! {
        (errors)
        section.card {
            h2 { (title) }
            form.stack method="post" action={ (record.at) "/secrets" } novalidate {
                (csrf(&visit.visitor.csrf))
                (hidden("secret", &secret.id))
                (hidden("do", word))
                (fields(visit, open, &errors))
                div.actions { (buttons(record, open)) }
            }
        }
    }
}

fn fields(visit: &Visit, open: &Open<'_>, errors: &ErrorSummary) -> Markup {
    let (secret, reader) = (open.secret, visit.reader());
    match open.deed {
        Deed::End => html! {
            p { "Whoever still uses …" (secret.hint) " gets no token from now on. This cannot be undone; tokens issued before stay." }
            p.dim {
                "Last used: " (reader.moment_or(secret.last_used_at, "never")) ", "
                (labels::count(secret.uses, "use", "uses")) " in all."
            }
            @if open.refusal.is_some() { (hidden("force", "1")) }
        },
        Deed::Move => {
            let soon = secret
                .ends_at
                .unwrap_or_else(|| visit.now.after(Lifetime::days(1)));
            let value = match visit.form.given("ends_at") {
                Some(typed) => typed.to_owned(),
                None => reader.typed(soon),
            };
            html! { (Field {
                name: "ends_at",
                label: "Ends",
                value: &value,
                kind: Kind::Moment,
                hint: &format!("Within 30 days, in {}", reader.zone_words()),
                error: errors.of("ends_at"),
                ..Field::default()
            }) }
        }
        Deed::Rename => html! {
            (Field { name: "label", label: "Label", value: visit.form.given("label").unwrap_or(&secret.label),
                hint: "So that you know it among others.", error: errors.of("label"), max: 100, ..Field::default() })
            (Field { name: "note", label: "Where it is kept", value: visit.form.given("note").unwrap_or(&secret.note), optional: true,
                hint: "Such as “vault, path billing/sync”. Never the secret itself.", error: errors.of("note"), max: 300,
                ..Field::default() })
        },
    }
}

fn buttons(record: &Record, open: &Open<'_>) -> Markup {
    let focus = open.deed == Deed::End && open.refusal.is_none();
    html! {
        @match open.deed {
            Deed::End => {
                a.btn href={ (record.at) "/secrets" } autofocus[focus] { "Keep it" }
                (form::danger(if open.refusal.is_some() { "End it although it is in use" } else { "End secret now" }))
            },
            Deed::Move => {
                (form::primary("Save end"))
                @if open.secret.ends_at.is_some() { button.btn name="keep" value="1" { "Take the end back" } }
                a.btn.quiet href={ (record.at) "/secrets" } { "Cancel" }
            },
            Deed::Rename => {
                (form::primary("Save"))
                a.btn.quiet href={ (record.at) "/secrets" } { "Cancel" }
            },
        }
    }
}

/// While two secrets work: whether the older one may go. It may when the newer one is used and the older one has been
/// silent for an hour.
fn readiness(visit: &Visit, record: &Record) -> Markup {
    let usable: Vec<&ClientSecret> = record.secrets.iter().filter(|s| s.usable(visit.now)).collect();
    let [new, old] = usable[..] else {
        return html! {};
    };
    let safe = secrets::safe_to_end(old, &record.secrets, visit.now);
    let reader = visit.reader();
    let text = html! {
        p { b { @if safe { "Safe to end the old one" } @else { "Not yet safe to end the old one" } } }
        p {
            "New: “" (crate::ui::name(&new.label)) "”, " (labels::count(new.uses, "use", "uses")) ". Old: “" (crate::ui::name(&old.label)) "”, last used "
            (reader.moment_or(old.last_used_at, "never"))
            @if old.state(visit.now) == SecretState::Ending && let Some(at) = old.stops_at() { ", ends " (reader.full(at)) }
            "."
        }
        @if safe && visit.may(Permission::ClientsWrite) {
            p { a href={ (record.at) "/secrets?end=" (old.id) } { "End old secret now" } }
        }
    };
    note(if safe { Tone::Ok } else { Tone::Info }, &text)
}

//! Rotate a secret: a new one now, and an end for the old one.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    asked,
    client::usage::addresses,
    client_form, cut,
    hand_over::{self, Around},
    once,
    visit::{Answer, OrTrouble, Section, Visit, sentence},
};
use crate::{
    app::State,
    error::Error,
    oauth::{client::SecretState, refusal::Field as Wrong},
    registry::{
        access::{Access, Permission},
        assurance::Assurance,
        clients,
        secrets::{self, OldSecret, Rotation},
    },
    store::{self, clients::Client, secrets::ClientSecret, usage::SecretUse},
    time::{Lifetime, Timestamp},
    ui::{
        badge::Badge,
        choice::{Checkbox, Radios},
        form::{self, Field, Kind, Select, csrf, hidden, section},
        page::Page,
        table::{Column, Row, Table},
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new().route("/orgs/{org}/clients/{client}/rotate", get(show).post(submit))
}

async fn show(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        // Whether it can be rotated at all is for the registry to say; only looking needs no fresh sign-in.
        let looking = Access {
            assurance: Assurance::Unasked,
            ..rehearsal(visit)
        };
        secrets::rotate(&visit.app.registry, &looking, &id, None, Rotation::default())
            .await
            .or_trouble(visit)?;
        page(visit, &id, StatusCode::OK, &client_form::Refused::default()).await
    })
    .await
}

async fn submit(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| rotate(visit, &id).await).await
}

fn rehearsal(visit: &Visit) -> Access {
    Access {
        dry_run: true,
        ..visit.access().clone()
    }
}

async fn rotate(visit: &Visit, id: &str) -> Answer {
    let registry = &visit.app.registry;
    let rotation = match read(visit) {
        Ok(rotation) => rotation,
        Err(wrong) => {
            let refused = client_form::Refused(vec![wrong]);
            return page(visit, id, StatusCode::UNPROCESSABLE_ENTITY, &refused).await;
        }
    };
    if let Err(error) = secrets::rotate(registry, &rehearsal(visit), id, None, rotation.clone()).await {
        // A repetition runs into the limit, because there are two secrets since the first time.
        let limit = error
            .refusal()
            .is_some_and(|refusal| refusal.reason == "secret.limit");
        if limit && !once::spend(visit).await? {
            return Ok(repeated(visit, id));
        }
        let (status, refused) = explain(visit, error)?;
        return page(visit, id, status, &refused).await;
    }
    if !once::spend(visit).await? {
        return Ok(repeated(visit, id));
    }
    let created = secrets::rotate(registry, visit.access(), id, None, rotation.clone())
        .await
        .or_trouble(visit)?;
    let around = Around {
        title: format!(
            "New secret for {}",
            crate::oauth::name::isolated(&created.client.name)
        ),
        lead: aftermath(visit, &rotation),
    };
    Ok(hand_over::show(visit, &created, around).await)
}

fn repeated(visit: &Visit, id: &str) -> Response {
    let text = html! { p { "This form was sent before: the secret was rotated, and the new one was shown already. It is never shown \
    again. If you did not keep it, rotate once more." } };
    once::already(
        visit,
        &text,
        &visit.path(&format!("/clients/{id}/rotate")),
        "Rotate secret",
    )
}

fn aftermath(visit: &Visit, rotation: &Rotation) -> Markup {
    html! {
        @match rotation.old {
            OldSecret::EndsNow => "No older secret works any more.",
            OldSecret::EndsAt(at) => { "The old secret works until " b { (visit.reader().full(at)) } "." },
            OldSecret::Stays => "The old secret works until you end it.",
        }
        @if rotation.revoke_tokens { " Every token issued so far is dead." } @else { " Tokens issued so far keep working." }
    }
}

/// What was asked for.
fn read(visit: &Visit) -> Result<Rotation, Wrong> {
    let form = &visit.form;
    let within = |span| Ok(OldSecret::EndsAt(visit.now.after(span)));
    let old = match form.one("old_ends") {
        "now" => Ok(OldSecret::EndsNow),
        "7d" => within(Lifetime::days(7)),
        "30d" => within(Lifetime::days(30)),
        hours if hours_of(hours).is_some() => within(Lifetime::hours(hours_of(hours).unwrap_or(24))),
        "manual" => Ok(OldSecret::Stays),
        "at" => moment(form.one("old_ends_at"), form.one("zone"))
            .map(OldSecret::EndsAt)
            .ok_or_else(|| {
                Wrong::new(
                    "/old_ends_at",
                    "required",
                    "Write a date and a time at which the old secret ends.",
                )
            }),
        _ => Err(Wrong::new(
            "/old_ends",
            "required",
            "Say when the old secret stops.",
        )),
    }?;
    Ok(Rotation {
        old,
        end_first: form.given("end_first").map(str::to_owned),
        revoke_tokens: form.ticked("revoke_tokens"),
        label: form.given("label").map(str::to_owned),
        note: form.given("note").map(str::to_owned),
        term: client_form::term(form.one("secret_expires")),
        term_at: "/secret_expires",
        force: form.ticked("force"),
    })
}

/// "24h"
fn hours_of(text: &str) -> Option<i64> {
    let hours = text.strip_suffix('h')?.parse().ok()?;
    (1..=720).contains(&hours).then_some(hours)
}

/// A date and time in a zone, as a picker posts them. An hour that does not exist there is the one after it.
fn moment(text: &str, zone: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = civil.in_tz(if zone.is_empty() { "UTC" } else { zone }).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// Puts a refusal to the field that mends it.
fn explain(visit: &Visit, error: Error) -> Result<(StatusCode, client_form::Refused), Response> {
    let found = error
        .refusal()
        .map(|r| (r.reason, sentence(&r.description), r.fields.clone()));
    let at = |pointer: &str, code, detail: String| {
        let wrong = vec![Wrong::new(pointer, code, detail)];
        Ok((StatusCode::CONFLICT, client_form::Refused(wrong)))
    };
    match found {
        Some((code @ "secret.limit", detail, _)) => at("/end_first", code, detail),
        Some((code @ "secret.in_use", detail, _)) => at("/force", code, detail),
        Some((_, _, fields)) if !fields.is_empty() => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, client_form::Refused(fields)))
        }
        _ => Err(visit.trouble(error)),
    }
}

async fn page(visit: &Visit, id: &str, status: StatusCode, refused: &client_form::Refused) -> Answer {
    visit
        .access()
        .require(Permission::ClientsWrite)
        .or_trouble(visit)?;
    let registry = &visit.app.registry;
    let client = clients::find(registry, visit.access(), id)
        .await
        .or_trouble(visit)?;
    let all = secrets::list(registry, visit.access(), id)
        .await
        .or_trouble(visit)?;
    let usable: Vec<&ClientSecret> = all.iter().filter(|s| s.usable(visit.now)).collect();
    let uses = store::usage::of_secrets(registry.db(), id, visit.now)
        .await
        .or_trouble(visit)?;
    let page = Page {
        title: format!(
            "Rotate the secret of {}",
            crate::oauth::name::isolated(&client.name)
        ),
        error: !refused.is_empty(),
        lead: Some(html! { "A new secret is made now and shown once." }),
        narrow: true,
        crumbs: cut::crumbs(visit, &client),
        ..Page::default()
    };
    let content = html! {
        (refused.summary())
        (secrets_table(visit, &client, &usable, &uses))
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("once", &once::text(visit)))
            @if !usable.is_empty() { (section("The old secret", "", &old(visit, &usable, refused))) }
            @else { (hidden("old_ends", "now")) }
            (section("The new secret", "", &html! {
                (client_form::expiry(visit.org(), visit.form.one("secret_expires"), refused.of("secret_expires")))
                (Field { name: "label", label: "Label", value: visit.form.one("label"), optional: true, max: 100,
                    hint: "So that you know it among others.", error: refused.of("label"), ..Field::default() })
                (Field { name: "note", label: "Where it is kept", value: visit.form.one("note"), optional: true, max: 300,
                    hint: "Such as “vault, path billing/sync”. Never the secret itself.", error: refused.of("note"), ..Field::default() })
            }))
            div.actions { (form::primary("Create new secret")) (form::link_button("Cancel", &visit.path(&format!("/clients/{id}")))) }
        }
    };
    Ok(visit.page(Section::Clients, status, &page, &content))
}

fn secrets_table(visit: &Visit, client: &Client, usable: &[&ClientSecret], uses: &[SecretUse]) -> Markup {
    let reader = visit.reader();
    let row = |secret: &&ClientSecret| Row {
        id: secret.id.clone(),
        name: secret.label.clone(),
        cells: vec![
            html! { code.nowrap translate="no" { "…" (secret.hint) } },
            html! {
                (reader.moment_or(secret.last_used_at, "Never"))
                @match uses.iter().find(|used| used.secret_id == secret.id) {
                    Some(used) => (addresses(visit, used)),
                    None => @if let Some(ip) = &secret.last_used_ip { " from " code { (ip) } },
                }
            },
            html! { @match secret.stops_at() { Some(at) => (reader.deadline(at)), None => span.hint { "Never" } } },
            if secret.state(visit.now) == SecretState::Ending {
                html! { (Badge::ENDING) }
            } else {
                html! { (Badge::ACTIVE) }
            },
        ],
        ..Row::default()
    };
    let caption = format!("Usable secrets of {}", crate::oauth::name::isolated(&client.name));
    html! {
        @if usable.is_empty() { p { "No secret is usable now: the client gets no tokens." } }
        @else { (Table { id: "secrets", caption: &caption,
            columns: ["Label", "Hint", "Last used", "Ends", "State"].map(Column::new).to_vec(),
            rows: usable.iter().map(row).collect(), ..Table::default() }) }
    }
}

fn old(visit: &Visit, usable: &[&ClientSecret], refused: &client_form::Refused) -> Markup {
    let asked = visit.form.one("old_ends");
    let usual = match visit.org().settings.secret_overlap_hours {
        168 => "7d".to_owned(),
        720 => "30d".to_owned(),
        hours => format!("{hours}h"),
    };
    let in_hours = match usual.as_str() {
        "1h" => "In 1 hour".to_owned(),
        other => format!("In {} hours", other.trim_end_matches('h')),
    };
    let mut options = vec![
        ("now", "Now", "Choose this if it leaked."),
        ("1h", "In 1 hour", ""),
        ("24h", "In 24 hours", "Until then both work."),
        ("7d", "In 7 days", ""),
        ("30d", "In 30 days", ""),
        ("at", "At a date and time", ""),
        ("manual", "When I end it", "Both work until then."),
    ];
    if options.iter().all(|(value, ..)| *value != usual) {
        options.insert(2, (&usual, &in_hours, "As this organisation has it."));
    }
    let options = options
        .into_iter()
        .map(|(value, words, help)| (value.to_owned(), words.to_owned(), help.to_owned()));
    html! {
        (Radios { name: "old_ends", legend: "When does the old secret stop?", error: refused.of("old_ends"), options: options.collect(),
            value: if asked.is_empty() { &usual } else { asked }, ..Radios::default() })
        div.stack.when-at {
        (Field { name: "old_ends_at", label: "Date and time", kind: Kind::Moment, optional: true, value: visit.form.one("old_ends_at"),
            hint: "Only for “At a date and time”; within 30 days.", error: refused.of("old_ends_at"), ..Field::default() })
        (zones(visit))
        }
        @if usable.len() > 1 { (which(visit, usable, refused)) }
        @if !refused.of("force").is_empty() || visit.form.ticked("force") {
            (Checkbox { name: "force", value: "yes", label: "End it although it is in use", error: refused.of("force"),
                hint: "Whoever uses it is cut off.", ..Checkbox::default() })
        }
        (Checkbox { name: "revoke_tokens", value: "yes", label: "Revoke every token issued so far, too", checked: visit.form.ticked("revoke_tokens"),
            hint: "If it leaked. Services that ask us refuse them at once; JWTs checked offline work until they expire.", ..Checkbox::default() })
    }
}

fn zones(visit: &Visit) -> Markup {
    let own = visit.reader().zone;
    let mut options = vec![(own.clone(), own.clone())];
    if own != "UTC" {
        options.push(("UTC".to_owned(), "UTC".to_owned()));
    }
    let asked = visit.form.one("zone");
    let value = if asked.is_empty() { &own } else { asked };
    html! { (Select { name: "zone", label: "Time zone", options, value, ..Select::default() }) }
}

fn which(visit: &Visit, usable: &[&ClientSecret], refused: &client_form::Refused) -> Markup {
    let reader = visit.reader();
    let option = |secret: &&ClientSecret| {
        let used = match secret.last_used_at {
            Some(at) => format!(
                "Last used {}.",
                reader.relative(at).unwrap_or_else(|| reader.date(at))
            ),
            None => "Never used.".to_owned(),
        };
        (
            secret.id.clone(),
            format!(
                "{} (…{})",
                crate::oauth::name::isolated(&secret.label),
                secret.hint
            ),
            used,
        )
    };
    html! { (Radios { name: "end_first", legend: "Two secrets are usable. Which one ends first, now?", error: refused.of("end_first"),
    hint: "A client has at most two usable secrets.", value: visit.form.one("end_first"),
    options: usable.iter().map(option).collect() }) }
}

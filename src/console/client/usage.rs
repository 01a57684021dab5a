//! How a client is used: its tokens by the day, what was refused, where people were sent.

use maud::{Markup, html};

use super::Record;
use crate::{
    console::{labels, stops, tokens, visit::Visit},
    error::Error,
    oauth::client::Status,
    registry::usage::{self, Usage},
    store::usage::{Address, Counted, SecretUse},
    time::Lifetime,
    ui::{
        badge::Tone,
        notice::note,
        table::{Column, Row, Table},
    },
};

/// How many days are shown.
const DAYS: i64 = 30;

/// Reads how a client is used. A failure costs this part of the page only.
pub(super) async fn read(visit: &Visit, record: &Record) -> Option<Usage> {
    let (registry, id) = (&visit.app.registry, &record.client.client_id);
    match usage::of_client(registry, visit.access(), id, DAYS).await {
        Ok(found) => Some(found),
        Err(Error::Failed(failure)) => {
            failure.log();
            None
        }
        Err(Error::Refused(_)) => None,
    }
}

/// In place of what could not be read.
pub(super) fn missing(visit: &Visit) -> Markup {
    note(
        Tone::Warn,
        &html! { p { "How it is used cannot be shown right now. " a href=(visit.here) { "Try again" } } },
    )
}

/// The part of the overview.
pub(super) fn section(visit: &Visit, record: &Record, found: Option<&Usage>) -> Markup {
    html! {
        section.stack aria-labelledby="use" {
            h2 #use { "Use" }
            @match found {
                None => (missing(visit)),
                Some(found) => {
                    (tokens::bars(&found.days))
                    (facts(visit, found))
                    @if !found.failures.is_empty() { (failures(visit, found)) }
                    @if !found.redirect_uris.is_empty() { (redirects(visit, found)) }
                    @if record.client.status == Status::Active && found.client.last_used_at.is_none() {
                        p.hint { "It has not been used yet." }
                    }
                }
            }
        }
    }
}

fn facts(visit: &Visit, found: &Usage) -> Markup {
    let reader = visit.reader();
    let since = |span: Lifetime| {
        let hours = found
            .hours
            .iter()
            .filter(|hour| hour.began_at > visit.now.before(span));
        sum(hours)
    };
    let (hour, day) = (since(Lifetime::hours(1)), since(Lifetime::days(1)));
    let (_, failed) = found.total();
    let silent = found
        .scopes
        .iter()
        .filter(|scope| scope.granted && scope.is_unused(visit.now));
    let silent = i64::try_from(silent.count()).unwrap_or_default();
    html! {
        dl.facts {
            dt { "Tokens this hour" } dd { (labels::count(hour.0, "token", "tokens")) }
            dt { "Tokens in 24 hours" } dd { (labels::count(day.0, "token", "tokens"))
                @if day.1 > 0 { ", " (labels::count(day.1, "request", "requests")) " refused" } }
            dt { "Refused in 30 days" } dd { (labels::count(failed, "token request", "token requests")) }
            @if silent > 0 {
                dt { "Scopes not asked for in 90 days" } dd { a href={ (visit.path(&format!("/clients/{}/access", found.client.client_id))) } { (silent) } }
            }
            @if let Some(at) = found.usage_since { dt { "Recorded since" } dd { (reader.date(at)) } }
        }
    }
}

fn sum<'a>(counts: impl Iterator<Item = &'a Counted>) -> (i64, i64) {
    counts.fold((0, 0), |(tokens, failures), one| {
        (tokens + one.tokens, failures + one.failures)
    })
}

fn failures(visit: &Visit, found: &Usage) -> Markup {
    let rows = found.failures.iter().map(|failure| Row {
        id: format!("{} {}", failure.place, failure.error),
        name: failure.error.clone(),
        cells: vec![
            html! { (failure.place) },
            html! { (failure.times) },
            html! { (visit.reader().moment(failure.last_at)) },
        ],
        ..Row::default()
    });
    let times = Column {
        number: true,
        ..Column::new("Times")
    };
    let table = Table {
        id: "refused",
        caption: "Refused within seven days",
        columns: vec![
            Column::new("Error"),
            Column::new("Endpoint"),
            times,
            Column::new("Last"),
        ],
        rows: rows.collect(),
        bulk: None,
    };
    html! { section.stack { h3 { "Refused within seven days" } (table) } }
}

fn redirects(visit: &Visit, found: &Usage) -> Markup {
    let rows = found.redirect_uris.iter().map(|uri| Row {
        id: uri.redirect_uri.clone(),
        name: uri.redirect_uri.clone(),
        note: if uri.registered {
            ""
        } else {
            "No longer registered"
        }
        .to_owned(),
        cells: vec![html! { (stops::evidence(visit, uri.on, "used", "Not used on record")) }],
        muted: !uri.registered,
        ..Row::default()
    });
    let table = Table {
        id: "redirects",
        caption: "Where people are sent back to",
        columns: ["Redirect URI", "Use"].map(Column::new).to_vec(),
        rows: rows.collect(),
        bulk: None,
    };
    html! { section.stack { h3 { "Redirect URIs" } (table) } }
}

/// Who still tries a client that is disabled.
pub(super) fn attempts(visit: &Visit, found: Option<&Usage>) -> Markup {
    let tried = found.and_then(|found| found.attempts.as_ref());
    html! {
        @if let Some(tried) = tried {
            (note(Tone::Warn, &html! { p {
                b { "Tried " (labels::count(tried.on.times, "time", "times")) " since it was disabled" }
                ", last " (visit.reader().moment(tried.on.last_at)) " from " code { (tried.last_ip) } "."
            } }))
        }
    }
}

/// How one secret was used.
pub(super) fn of_secret(found: Option<&Usage>, secret_id: &str) -> Option<SecretUse> {
    let secrets = &found?.secrets;
    let found = secrets.iter().find(|used| used.secret.id == secret_id)?;
    Some(found.used.clone())
}

/// From where a secret was used, the latest first.
pub(in crate::console) fn addresses(visit: &Visit, used: &SecretUse) -> Markup {
    const SHOWN: usize = 3;
    let line = |address: &Address| {
        html! { div {
            @match &address.ip { Some(ip) => code { (ip) }, None => "Others" }
            " " span.hint { (labels::count(address.on.times, "use", "uses")) ", " (visit.reader().moment(address.on.last_at)) }
        } }
    };
    html! {
        @for address in used.addresses.iter().take(SHOWN) { (line(address)) }
        @if used.addresses.len() > SHOWN {
            details {
                summary.hint { (used.addresses.len() - SHOWN) " more" }
                @for address in used.addresses.iter().skip(SHOWN) { (line(address)) }
            }
        }
    }
}

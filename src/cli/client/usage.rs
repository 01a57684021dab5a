//! `oauthority client usage`: how a client is used.

use clap::Args;
use serde_json::{Value as Json, json};

use super::super::{
    connection::{Connection, with},
    exit::Result,
    options::Format,
    render::{Column, Kind, columns},
};

/// Flags of `usage`.
#[derive(Args)]
pub struct Usage {
    /// Its client id
    id: String,
    /// How many days, today among them
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
}

/// Shows how a client is used: in words and tables for a person, as one document otherwise.
pub async fn usage(connection: &mut Connection<'_>, usage: &Usage) -> Result<()> {
    let url = connection.of_org(&["clients", &usage.id, "usage"]).await?;
    let url = with(url, "days", Some(&usage.days.to_string()));
    let found = connection.get(url).await?.body;
    let view = &connection.view;
    if view.format != Format::Table || view.quiet() {
        return view.one(connection.terminal, &found, &[], "client_id");
    }
    view.one(connection.terminal, &summary(&found, usage.days), &summed(), "")?;
    for (title, member, shown) in tables() {
        let rows = rows(&found, member);
        if rows.is_empty() {
            continue;
        }
        connection.terminal.print(&format!("\n{title}\n"))?;
        connection.view.list(connection.terminal, &rows, &shown, "")?;
    }
    Ok(())
}

fn summed() -> Vec<Column> {
    columns(&[
        ("last_used", "", Kind::Ago),
        ("busiest_day", "", Kind::Day),
        ("recorded_since", "", Kind::Day),
    ])
}

fn summary(found: &Json, days: u16) -> Json {
    let at = |pointer: &str| found.pointer(pointer).cloned().unwrap_or_default();
    let mut all = json!({
        "days": days,
        "tokens": at("/tokens"),
        "failed_requests": at("/failed_requests"),
        "busiest_day": at("/busiest_day/began_at"),
        "tokens_on_that_day": at("/busiest_day/tokens"),
        "last_used": at("/last_used_at"),
        "last_used_from": at("/last_used_ip"),
        "recorded_since": at("/usage_since"),
    });
    if let Some(times) = found.pointer("/attempts_while_disabled/times") {
        all["attempts_while_disabled"] = times.clone();
    }
    all
}

fn tables() -> [(&'static str, &'static str, Vec<Column>); 5] {
    [
        (
            "Secrets",
            "secrets",
            columns(&[
                ("label", "LABEL", Kind::Text),
                ("hint", "HINT", Kind::Text),
                ("uses_last_hour", "LAST HOUR", Kind::Text),
                ("uses_last_day", "LAST DAY", Kind::Text),
                ("uses", "ALL", Kind::Text),
                ("last_used_at", "LAST USED", Kind::Ago),
                ("from", "FROM", Kind::Text),
            ]),
        ),
        (
            "Scopes",
            "scopes",
            columns(&[
                ("value", "SCOPE", Kind::Text),
                ("audience", "AUDIENCE", Kind::Text),
                ("last_asked_at", "LAST ASKED FOR", Kind::Ago),
                ("times_asked", "TIMES", Kind::Text),
                ("watched_since", "WATCHED SINCE", Kind::Day),
                ("unused", "UNUSED", Kind::Text),
            ]),
        ),
        (
            "Redirect URIs",
            "redirect_uris",
            columns(&[
                ("redirect_uri", "REDIRECT URI", Kind::Text),
                ("last_used_at", "LAST USED", Kind::Ago),
                ("times_used", "TIMES", Kind::Text),
                ("registered", "REGISTERED", Kind::Text),
            ]),
        ),
        (
            "Refused within seven days",
            "failures",
            columns(&[
                ("endpoint", "ENDPOINT", Kind::Text),
                ("error", "ERROR", Kind::Text),
                ("times", "TIMES", Kind::Text),
                ("last_at", "LAST", Kind::Ago),
            ]),
        ),
        (
            "Days (UTC)",
            "days",
            columns(&[
                ("day", "DAY", Kind::Text),
                ("tokens", "TOKENS", Kind::Text),
                ("failed_requests", "FAILED", Kind::Text),
            ]),
        ),
    ]
}

/// The rows of a table; days in which nothing happened are left out.
fn rows(found: &Json, member: &str) -> Vec<Json> {
    let mut rows = found[member].as_array().cloned().unwrap_or_default();
    rows.retain(|row| member != "days" || row["tokens"] != 0 || row["failed_requests"] != 0);
    for row in &mut rows {
        let ips = row["addresses"].as_array().into_iter().flatten();
        let from: Vec<Json> = ips
            .map(|address| address["ip"].clone())
            .map(|ip| if ip.is_null() { json!("others") } else { ip })
            .collect();
        match member {
            "secrets" => row["from"] = json!(from),
            "days" => row["day"] = json!(row["began_at"].as_str().unwrap_or_default().get(..10)),
            _ => {}
        }
    }
    rows
}

//! `oauthority activity list`: who did what.

use std::{collections::BTreeSet, time::Duration};

use clap::{Args, Subcommand};
use reqwest::Url;
use serde_json::Value as Json;

use super::{
    Terminal,
    connection::{Connection, with},
    exit::{Failure, Result},
    options::{Format, Noun},
    page,
    render::{Column, Kind, columns},
};
use crate::time::{Lifetime, Timestamp};

pub const EXAMPLES: &str = "\
Examples:
  oauthority activity list --event secret --since 24h
  oauthority activity list --all -o csv > activity.csv
  oauthority activity list --result refused --follow";

/// How often `--follow` looks.
const PAUSE: Duration = Duration::from_secs(2);
/// How far back it looks each time: an entry may be written a moment after it happened.
const LATE: Lifetime = Lifetime::seconds(30);

#[derive(Subcommand)]
pub enum Verb {
    /// List what happened, newest first
    #[command(alias = "ls")]
    List(Filters),
}

/// Which events.
#[derive(Args)]
pub struct Filters {
    /// Who did it: name or id
    #[arg(long)]
    actor: Option<String>,
    /// What it happened to: a client id, say
    #[arg(long, alias = "resource", value_name = "ID")]
    client: Option<String>,
    /// An action such as client.created, or its start such as client
    #[arg(long, alias = "action", value_name = "ACTION")]
    event: Option<String>,
    /// done or refused
    #[arg(long, alias = "outcome")]
    result: Option<String>,
    /// From when: a span back such as 24h, or a time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to when
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Go on with what happens from now, oldest first, until interrupted
    #[arg(long, conflicts_with_all = ["until", "all", "limit"])]
    follow: bool,
    #[command(flatten)]
    part: page::Part,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("at", "TIME", Kind::Moment),
        ("actor.name", "WHO", Kind::Text),
        ("action", "ACTION", Kind::Text),
        ("resource.name", "WHAT", Kind::Text),
        ("resource.id", "ID", Kind::Id),
        ("outcome", "OUTCOME", Kind::Text),
        ("ip", "FROM", Kind::Text),
    ])
}

/// Carries the verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let Verb::List(filters) = noun.verb;
    let mut url = connection.of_org(&["activity"]).await?;
    let members = [
        ("actor", filters.actor),
        ("client", filters.client),
        ("event", filters.event),
        ("result", filters.result),
        ("until", filters.until),
    ];
    for (name, value) in members {
        url = with(url, name, value.as_deref());
    }
    if filters.follow {
        return follow(&mut connection, &url, filters.since).await;
    }
    let url = with(url, "since", filters.since.as_deref());
    let by_line = matches!(connection.view.format, Format::Ndjson | Format::Csv | Format::Tsv);
    if by_line && filters.part.is_everything() {
        return page::each(&mut connection, url, |connection, rows, first| {
            connection
                .view
                .list_more(connection.terminal, rows, &shown(), "id", first)
        })
        .await;
    }
    let listed = page::read(&mut connection, url, &filters.part).await?;
    connection
        .view
        .list(connection.terminal, &listed.rows, &shown(), "id")?;
    listed.tell(&mut connection, "events");
    Ok(())
}

/// Prints what happens, as it happens.
async fn follow(connection: &mut Connection<'_>, url: &Url, since: Option<String>) -> Result<()> {
    if matches!(connection.view.format, Format::Json | Format::Yaml) {
        return Err(Failure::usage(
            "with --follow there is no end of a document: use -o ndjson",
        ));
    }
    let mut told = BTreeSet::new();
    let mut from = since.unwrap_or_else(|| connection.terminal.clock.now().to_string());
    // Nothing from before is told, however far back a look goes; a span such as 24h begins at the first entry it finds.
    let mut floor = Timestamp::parse(&from).ok();
    let mut first = true;
    loop {
        let since = with(url.clone(), "since", Some(&from));
        let mut rows = page::read(connection, since, &page::Part::EVERYTHING).await?.rows;
        rows.reverse();
        let text = |row: &Json, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let seen: BTreeSet<String> = rows.iter().map(|row| text(row, "id")).collect();
        rows.retain(|row| !told.contains(&text(row, "id")));
        told = seen;
        if first || !rows.is_empty() {
            connection
                .view
                .list_more(connection.terminal, &rows, &shown(), "id", first)?;
        }
        first = false;
        let at = |row: Option<&Json>| Timestamp::parse(&text(row?, "at")).ok();
        if let (Some(oldest), Some(newest)) = (at(rows.first()), at(rows.last())) {
            let floor = *floor.get_or_insert(oldest);
            from = newest.before(LATE).max(floor).to_string();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

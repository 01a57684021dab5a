//! `oauthority activity list`: who did what.

use clap::{Args, Subcommand};

use super::{
    Terminal,
    connection::{Connection, with},
    exit::Result,
    options::Noun,
    page,
    render::{Kind, columns},
};

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
    #[arg(long)]
    outcome: Option<String>,
    /// From when: a span back such as 24h, or a time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Up to when
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    #[command(flatten)]
    part: page::Part,
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
        ("resource", filters.client),
        ("action", filters.event),
        ("outcome", filters.outcome),
        ("since", filters.since),
        ("until", filters.until),
    ];
    for (name, value) in members {
        url = with(url, name, value.as_deref());
    }
    let listed = page::read(&mut connection, url, &filters.part).await?;
    let shown = columns(&[
        ("at", "TIME", Kind::Moment),
        ("actor.name", "WHO", Kind::Text),
        ("action", "ACTION", Kind::Text),
        ("resource.name", "WHAT", Kind::Text),
        ("resource.id", "ID", Kind::Id),
        ("outcome", "OUTCOME", Kind::Text),
        ("ip", "FROM", Kind::Text),
    ]);
    connection
        .view
        .list(connection.terminal, &listed.rows, &shown, "id")?;
    listed.tell(&mut connection, "events");
    Ok(())
}

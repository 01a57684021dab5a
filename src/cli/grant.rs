//! `oauthority grant …`: what people allowed the clients of an organisation.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value as Json;

use super::{
    Terminal,
    confirm::Confirmation,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    options::Noun,
    page,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority grant list --client oac_…
  oauthority grant list --user mel
  oauthority grant revoke oac_…:mel
  oauthority grant revoke --client oac_… --all";

#[derive(Subcommand)]
pub enum Verb {
    /// List who allowed which client what
    #[command(alias = "ls")]
    List(List),
    /// End what people allowed a client: its tokens for them stop at once, and it has to ask again
    #[command(alias = "rm")]
    Revoke(Revoke),
}

/// Flags of `list`.
#[derive(Args)]
pub struct List {
    /// Only what was given to this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Only what this person gave: user name or id
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    part: page::Part,
}

/// Flags of `revoke`.
#[derive(Args)]
pub struct Revoke {
    /// What to end: client id and person, with a colon between, as `grant list` prints them; with --client, the person alone
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// The client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// What everybody gave it
    #[arg(long, requires = "client")]
    all: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("id", "ID", Kind::Text),
        ("display_name", "PERSON", Kind::Text),
        ("username", "USER", Kind::Text),
        ("scopes", "SCOPES", Kind::Text),
        ("refresh_tokens", "REFRESH TOKENS", Kind::Text),
        ("first_allowed_at", "ALLOWED", Kind::Day),
        ("last_used_at", "LAST USED", Kind::Ago),
    ])
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    match noun.verb {
        Verb::List(list) => self::list(connection, list).await,
        Verb::Revoke(revoke) => match (&revoke.client, revoke.all) {
            (Some(client), true) => revoke_all(connection, client, &revoke.confirmation).await,
            _ => revoke_some(connection, &revoke).await,
        },
    }
}

async fn list(connection: &mut Connection<'_>, list: List) -> Result<()> {
    let url = match &list.client {
        Some(client) => connection.of_org(&["clients", client, "grants"]).await?,
        None => connection.of_org(&["grants"]).await?,
    };
    let url = with(url, "user", list.user.as_deref());
    let listed = page::read(connection, url, &list.part).await?;
    connection
        .view
        .list(connection.terminal, &listed.rows, &shown(), "id")?;
    listed.tell(connection, "grants");
    Ok(())
}

/// Client and person of an id.
fn parts<'a>(id: &'a str, client: Option<&'a str>) -> Result<(&'a str, &'a str)> {
    match (id.split_once(':'), client) {
        (Some((of, person)), None) => Ok((of, person)),
        (Some((of, person)), Some(client)) if of == client => Ok((of, person)),
        (None, Some(client)) => Ok((client, id)),
        _ => Err(Failure::usage(format!(
            "`{id}` names no client: write CLIENT_ID:PERSON, or add --client"
        ))),
    }
}

async fn revoke_some(connection: &mut Connection<'_>, revoke: &Revoke) -> Result<()> {
    let client = revoke.client.as_deref();
    let all: Vec<(&str, &str)> = revoke
        .ids
        .iter()
        .map(|id| parts(id, client))
        .collect::<Result<_>>()?;
    let facts = [
        "Every token of the client for them stops at once; it has to ask them again.".to_owned(),
        "Services that check JWTs without asking the server accept them until they expire.".to_owned(),
    ];
    let name = all.first().map_or("", |(_, person)| *person);
    let question = match all.len() {
        1 => format!("End what {name} allowed?"),
        n => format!("End what {n} people allowed?"),
    };
    revoke.confirmation.ask(connection, &question, &facts, name)?;
    let mut failed: Vec<Failure> = Vec::new();
    for (client, person) in &all {
        let url = connection.of_org(&["clients", client, "grants", person]).await?;
        let line = match connection.send(Method::DELETE, url, None, None).await {
            Ok(_) => format!(
                "{} {client} has no access for {person} any more",
                connection.view.tick()
            ),
            Err(failure) => {
                let line = format!("{client}:{person}: {failure}");
                failed.push(failure);
                line
            }
        };
        connection.terminal.say(&line);
    }
    match failed.len() {
        0 => Ok(()),
        n if n == all.len() => Err(failed.swap_remove(0)),
        n => Err(Failure::new(
            Exit::SomeFailed,
            format!("{n} of {} failed; see above", all.len()),
        )),
    }
}

async fn revoke_all(
    connection: &mut Connection<'_>,
    client: &str,
    confirmation: &Confirmation,
) -> Result<()> {
    let url = connection.of_org(&["clients", client]).await?;
    let found = connection.get(url).await?;
    let name = found.body["name"].as_str().unwrap_or(client).to_owned();
    let url = connection.of_org(&["clients", client, "grants"]).await?;
    let etag = found.etag.as_deref();
    let dry = with(url.clone(), "dry_run", Some("true"));
    let would = connection.send(Method::DELETE, dry, None, etag).await?.body;
    let people = |answer: &Json| answer["people"].as_u64().unwrap_or_default();
    let facts = [
        format!(
            "{} people allowed it something; it has to ask them again.",
            people(&would)
        ),
        "Every token it has stops at once, those it got for itself as well.".to_owned(),
        "Services that check JWTs without asking the server accept them until they expire.".to_owned(),
    ];
    confirmation.ask(
        connection,
        &format!("End what everybody allowed {name}?"),
        &facts,
        &name,
    )?;
    let done = connection.send(Method::DELETE, url, None, etag).await?.body;
    let line = format!(
        "{} {name} has no access for {} people any more",
        connection.view.tick(),
        people(&done)
    );
    connection.terminal.say(&line);
    Ok(())
}

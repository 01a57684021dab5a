//! `oauthority webhook …`: who is told what happens.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

use clap::{Args, Subcommand, ValueEnum};
use reqwest::{Method, Url};
use serde_json::{Map, Value as Json, json};

use super::{
    Terminal,
    confirm::Confirmation,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    options::{Format, Noun},
    page::{self, Part},
    profile::replace,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority webhook create --url https://hooks.example.com/oauthority --event 'client.*' --event 'secret.*' --secret-file whsec
  oauthority webhook deliveries wh_… --state dead
  oauthority webhook redeliver wh_… msg_…";

#[derive(Subcommand)]
pub enum Verb {
    /// List the webhooks of the organisation
    #[command(alias = "ls")]
    List,
    /// Make a webhook and hand its signing secret over once
    Create(New),
    /// Show one webhook
    #[command(alias = "show")]
    Get {
        /// Its id
        webhook: String,
    },
    /// Change a webhook, or switch it on or off
    Update(Update),
    /// Remove a webhook with its messages
    #[command(alias = "rm")]
    Delete {
        /// Its id
        webhook: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Make a new signing secret; the old one signs beside it for a while
    Rotate(Rotate),
    /// Send a test message now and say how that ended
    Test {
        /// Its id
        webhook: String,
    },
    /// List the messages to a webhook, newest first
    Deliveries(Deliveries),
    /// Send a message again that arrived or was given up
    Redeliver {
        /// Id of the webhook
        webhook: String,
        /// Id of the message
        message: String,
    },
}

/// Flags of `create`.
#[derive(Args)]
pub struct New {
    /// Where to send: https
    #[arg(long)]
    url: String,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// What to tell: client.created, 'client.*' or '*'; may be repeated
    #[arg(long = "event", value_name = "EVENT", required = true)]
    events: Vec<String>,
    /// Make it switched off
    #[arg(long)]
    inactive: bool,
    /// Only say whether it would be accepted
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    keep: Keep,
}

/// Flags of `update`.
#[derive(Args)]
pub struct Update {
    /// Its id
    webhook: String,
    #[arg(long)]
    url: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// What to tell, in place of what it was told before; may be repeated
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// Switch it on or off
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

/// Flags of `rotate`.
#[derive(Args)]
pub struct Rotate {
    /// Its id
    webhook: String,
    /// For how long the old secret signs as well: 24h, 7d, or 0s if it leaked
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    overlap: String,
    #[command(flatten)]
    keep: Keep,
}

/// Where a signing secret goes.
#[derive(Args)]
pub struct Keep {
    /// Write the bare signing secret to this file (mode 0600), or `-` for standard output
    #[arg(long, value_name = "PATH")]
    secret_file: Option<String>,
}

/// Flags of `deliveries`.
#[derive(Args)]
pub struct Deliveries {
    /// Id of the webhook
    webhook: String,
    /// Only these
    #[arg(long, value_enum)]
    state: Option<State>,
    #[command(flatten)]
    part: Part,
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    Waiting,
    Delivered,
    Dead,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("id", "ID", Kind::Id),
        ("url", "URL", Kind::Text),
        ("events", "EVENTS", Kind::Text),
        ("active", "ACTIVE", Kind::Text),
        ("last_delivered_at", "LAST DELIVERED", Kind::Ago),
        ("failing_since", "FAILING SINCE", Kind::Moment),
    ])
}

fn messages() -> Vec<Column> {
    columns(&[
        ("id", "ID", Kind::Id),
        ("type", "EVENT", Kind::Text),
        ("state", "STATE", Kind::Text),
        ("tries", "TRIES", Kind::Text),
        ("last_status", "ANSWER", Kind::Text),
        ("last_error", "WHY NOT", Kind::Text),
        ("next_try_at", "NEXT TRY", Kind::Moment),
        ("created_at", "SINCE", Kind::Moment),
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
        Verb::List => {
            let url = connection.of_org(&["webhooks"]).await?;
            let rows = page::read(connection, url, &Part::EVERYTHING).await?.rows;
            connection.view.list(connection.terminal, &rows, &shown(), "id")
        }
        Verb::Create(new) => create(connection, new).await,
        Verb::Get { webhook } => {
            let url = at(connection, &webhook, &[]).await?;
            let found = connection.get(url).await?.body;
            connection.view.one(connection.terminal, &found, &shown(), "id")
        }
        Verb::Update(update) => self::update(connection, update).await,
        Verb::Delete {
            webhook,
            confirmation,
        } => delete(connection, &webhook, &confirmation).await,
        Verb::Rotate(rotate) => self::rotate(connection, rotate).await,
        Verb::Test { webhook } => test(connection, &webhook).await,
        Verb::Deliveries(deliveries) => list_messages(connection, deliveries).await,
        Verb::Redeliver { webhook, message } => {
            let url = at(connection, &webhook, &["deliveries", &message, "redeliver"]).await?;
            let sent = connection.send(Method::POST, url, None, None).await?.body;
            let line = format!("{} {message} is sent again in a moment", connection.view.tick());
            connection.terminal.say(&line);
            connection.view.one(connection.terminal, &sent, &messages(), "id")
        }
    }
}

async fn at(connection: &mut Connection<'_>, webhook: &str, rest: &[&str]) -> Result<Url> {
    let mut parts = vec!["webhooks", webhook];
    parts.extend(rest);
    connection.of_org(&parts).await
}

async fn create(connection: &mut Connection<'_>, new: New) -> Result<()> {
    if !new.dry_run {
        new.keep.check(connection)?;
    }
    let body = json!({
        "url": new.url,
        "description": new.description.unwrap_or_default(),
        "events": new.events,
        "active": !new.inactive,
    });
    let url = connection.of_org(&["webhooks"]).await?;
    let url = with(url, "dry_run", new.dry_run.then_some("true"));
    let made = connection.send(Method::POST, url, Some(&body), None).await?.body;
    if new.dry_run {
        connection
            .terminal
            .say("Nothing was changed: the webhook would be accepted.");
        return Ok(());
    }
    let line = format!("{} Created the webhook to {}", connection.view.tick(), new.url);
    connection.terminal.say(&line);
    new.keep.deliver(connection, &made)
}

async fn update(connection: &mut Connection<'_>, update: Update) -> Result<()> {
    let mut body = Map::new();
    let members = [
        ("url", update.url.map(Json::from)),
        ("description", update.description.map(Json::from)),
        (
            "events",
            (!update.events.is_empty()).then(|| json!(update.events)),
        ),
        ("active", update.active.map(Json::from)),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    if body.is_empty() {
        return Err(Failure::usage(
            "say what to change: --url, --description, --event or --active",
        ));
    }
    let url = at(connection, &update.webhook, &[]).await?;
    let etag = connection.get(url.clone()).await?.etag;
    let after = connection
        .send(Method::PATCH, url, Some(&Json::Object(body)), etag.as_deref())
        .await?
        .body;
    let line = format!("{} Saved {}", connection.view.tick(), update.webhook);
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &after, &shown(), "id")
}

async fn delete(connection: &mut Connection<'_>, webhook: &str, confirmation: &Confirmation) -> Result<()> {
    let url = at(connection, webhook, &[]).await?;
    let found = connection.get(url.clone()).await?;
    let to = found.body["url"].as_str().unwrap_or_default().to_owned();
    let facts = [format!(
        "Nothing more is sent to {to}; its messages go as well, those that wait too."
    )];
    confirmation.ask(
        connection,
        &format!("Delete the webhook {webhook}?"),
        &facts,
        webhook,
    )?;
    connection
        .send(Method::DELETE, url, None, found.etag.as_deref())
        .await?;
    let line = format!("{} Deleted {webhook}", connection.view.tick());
    connection.terminal.say(&line);
    Ok(())
}

async fn rotate(connection: &mut Connection<'_>, rotate: Rotate) -> Result<()> {
    rotate.keep.check(connection)?;
    let url = at(connection, &rotate.webhook, &["rotate-secret"]).await?;
    let body = json!({ "overlap": rotate.overlap });
    let made = connection.send(Method::POST, url, Some(&body), None).await?.body;
    let line = format!(
        "{} Rotated the signing secret of {}",
        connection.view.tick(),
        rotate.webhook
    );
    connection.terminal.say(&line);
    rotate.keep.deliver(connection, &made)
}

async fn test(connection: &mut Connection<'_>, webhook: &str) -> Result<()> {
    let url = at(connection, webhook, &["test"]).await?;
    let sent = connection.send(Method::POST, url, None, None).await?.body;
    connection
        .view
        .one(connection.terminal, &sent, &messages(), "id")?;
    if sent["state"] == "delivered" {
        let line = format!("{} The test message arrived", connection.view.tick());
        connection.terminal.say(&line);
        return Ok(());
    }
    let why = sent["last_error"].as_str().unwrap_or("nobody knows why");
    Err(Failure::new(
        Exit::Network,
        format!("the test message did not arrive: {why}"),
    ))
}

async fn list_messages(connection: &mut Connection<'_>, deliveries: Deliveries) -> Result<()> {
    let state = deliveries.state.map(|state| match state {
        State::Waiting => "waiting",
        State::Delivered => "delivered",
        State::Dead => "dead",
    });
    let url = at(connection, &deliveries.webhook, &["deliveries"]).await?;
    let listed = page::read(connection, with(url, "state", state), &deliveries.part).await?;
    connection
        .view
        .list(connection.terminal, &listed.rows, &messages(), "id")?;
    listed.tell(connection, "messages");
    Ok(())
}

impl Keep {
    /// Makes sure that the secret will have a place, before it is made.
    fn check(&self, connection: &Connection<'_>) -> Result<()> {
        let Some(path) = &self.secret_file else {
            if connection.view.quiet() {
                return Err(Failure::usage(
                    "with --quiet the signing secret would be lost: add --secret-file",
                ));
            }
            return Ok(());
        };
        if path != "-" {
            let opened = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path);
            opened.map_err(|error| Failure::usage(format!("cannot write {path}: {error}")))?;
        }
        Ok(())
    }

    /// Hands over what a create or rotate answered.
    fn deliver(&self, connection: &mut Connection<'_>, answer: &Json) -> Result<()> {
        let secret = answer["secret"].as_str().unwrap_or_default();
        let webhook = &answer["webhook"];
        if secret.is_empty() {
            return connection.view.one(connection.terminal, webhook, &shown(), "id");
        }
        match self.secret_file.as_deref() {
            Some("-") => connection.terminal.print(&format!("{secret}\n")),
            Some(path) => {
                replace(Path::new(path), &format!("{secret}\n"))?;
                let line = format!("The signing secret is in {path} (mode 0600). It is not shown again.");
                connection.terminal.say(&line);
                connection.view.one(connection.terminal, webhook, &shown(), "id")
            }
            None => match connection.view.format {
                Format::Json | Format::Yaml | Format::Ndjson => {
                    connection.view.one(connection.terminal, answer, &[], "id")
                }
                // Not a table: two lines that a shell and a vault understand.
                Format::Table | Format::Tsv | Format::Csv => {
                    connection.terminal.say("The signing secret is shown once, now:");
                    let id = webhook["id"].as_str().unwrap_or_default();
                    let lines = format!("OAUTHORITY_WEBHOOK_ID={id}\nOAUTHORITY_WEBHOOK_SECRET={secret}\n");
                    connection.terminal.print(&lines)
                }
            },
        }
    }
}

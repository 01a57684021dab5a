//! `oauthority api …`: resource servers.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::{
    Terminal,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    options::Noun,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority api create --name Invoices --audience https://api.example.com/invoices --scope 'invoices:read=See invoices'
  oauthority api get Invoices -o yaml";

#[derive(Subcommand)]
pub enum Verb {
    /// List the APIs that clients of the organisation can be granted
    #[command(alias = "ls")]
    List,
    /// Show one API with its scopes
    #[command(alias = "show")]
    Get {
        /// Its id, audience or name
        api: String,
    },
    /// Add an API
    Create(New),
}

/// Flags of `create`.
#[derive(Args)]
pub struct New {
    /// What people call it
    #[arg(long)]
    name: String,
    /// What its tokens say in `aud`: an absolute URI, which never changes
    #[arg(long, value_name = "URI")]
    audience: String,
    /// What its tokens look like
    #[arg(long, value_enum)]
    token_format: Option<TokenFormat>,
    /// How long its tokens live, in seconds
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u32>,
    /// How its tokens are signed: ES256, EdDSA or RS256
    #[arg(long, value_name = "ALGORITHM")]
    signing_algorithm: Option<String>,
    /// A scope that reads, as VALUE=DESCRIPTION; may be repeated. `scope create` has all settings
    #[arg(long = "scope", value_name = "VALUE=DESCRIPTION")]
    scopes: Vec<String>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum TokenFormat {
    Jwt,
    Opaque,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("name", "NAME", Kind::Text),
        ("id", "ID", Kind::Id),
        ("audience", "AUDIENCE", Kind::Text),
        ("token_format", "FORMAT", Kind::Text),
        ("scopes", "SCOPES", Kind::Text),
        ("created_at", "CREATED", Kind::Day),
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
            let rows = read(connection).await?;
            connection.view.list(connection.terminal, &rows, &shown(), "id")
        }
        Verb::Get { api } => {
            let api = find(connection, &api).await?;
            connection.view.one(connection.terminal, &api, &shown(), "id")
        }
        Verb::Create(new) => create(connection, new).await,
    }
}

async fn read(connection: &mut Connection<'_>) -> Result<Vec<Json>> {
    let url = connection.of_org(&["apis"]).await?;
    match connection.get(url).await?.body.get_mut("data").map(Json::take) {
        Some(Json::Array(rows)) => Ok(rows),
        _ => Ok(Vec::new()),
    }
}

/// The API with this id, audience or name.
///
/// # Errors
/// When there is none, or several have the name.
pub async fn find(connection: &mut Connection<'_>, word: &str) -> Result<Json> {
    let rows = read(connection).await?;
    let is = |row: &Json, name: &str| row.get(name).and_then(Json::as_str) == Some(word);
    if let Some(row) = rows.iter().find(|row| is(row, "id") || is(row, "audience")) {
        return Ok(row.clone());
    }
    let folded = word.to_lowercase();
    let is_named = |row: &&Json| {
        row.get("name")
            .and_then(Json::as_str)
            .is_some_and(|n| n.to_lowercase() == folded)
    };
    let named: Vec<&Json> = rows.iter().filter(is_named).collect();
    match named.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(
            Exit::NotFound,
            format!("there is no API with the id, audience or name {word}"),
        )),
        _ => Err(Failure::usage(format!(
            "several APIs are called {word}: name one by its audience"
        ))),
    }
}

async fn create(connection: &mut Connection<'_>, new: New) -> Result<()> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(new.name));
    body.insert("audience".to_owned(), json!(new.audience));
    let format = new.token_format.map(|format| match format {
        TokenFormat::Jwt => json!("jwt"),
        TokenFormat::Opaque => json!("opaque"),
    });
    let members = [
        ("token_format", format),
        ("lifetime", new.lifetime.map(Json::from)),
        ("signing_algorithm", new.signing_algorithm.map(Json::from)),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    let mut scopes = Vec::new();
    for scope in &new.scopes {
        let (value, description) = scope
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--scope {scope}: write VALUE=DESCRIPTION")))?;
        scopes.push(json!({ "value": value, "description": description, "risk": "reads" }));
    }
    if !scopes.is_empty() {
        body.insert("scopes".to_owned(), json!(scopes));
    }
    let url = connection.of_org(&["apis"]).await?;
    let url = with(url, "dry_run", new.dry_run.then_some("true"));
    let api = connection
        .send(Method::POST, url, Some(&Json::Object(body)), None)
        .await?
        .body;
    let line = if new.dry_run {
        "Nothing was created; this is what would be:".to_owned()
    } else {
        format!("{} Created {}", connection.view.tick(), new.name)
    };
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &api, &shown(), "id")
}

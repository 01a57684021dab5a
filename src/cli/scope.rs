//! `oauthority scope …`: what clients may be granted at an API.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    Terminal, api,
    confirm::Confirmation,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    impact,
    options::Noun,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority scope list Invoices
  oauthority scope create Invoices invoices:write --description 'Change invoices' --risk changes --implies invoices:read";

#[derive(Subcommand)]
pub enum Verb {
    /// List the scopes of an API
    #[command(alias = "ls")]
    List {
        /// Id, audience or name of the API
        api: String,
    },
    /// Add a scope to an API
    Create(New),
    /// Remove a scope; whoever was granted it loses it at once
    #[command(alias = "rm")]
    Delete {
        /// Id, audience or name of the API
        api: String,
        /// The value, such as invoices:read
        value: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// Flags of `create`.
#[derive(Args)]
pub struct New {
    /// Id, audience or name of the API
    api: String,
    /// Its value, such as invoices:read
    value: String,
    /// What it allows; people read this when they consent
    #[arg(long)]
    description: String,
    /// What its holder can do, at worst
    #[arg(long, value_enum, default_value_t)]
    risk: Risk,
    /// A scope of the same API that comes with it; may be repeated
    #[arg(long, value_name = "VALUE")]
    implies: Vec<String>,
    /// People are not asked
    #[arg(long)]
    no_consent: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Risk {
    #[default]
    Reads,
    Changes,
    Destructive,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("value", "SCOPE", Kind::Text),
        ("description", "ALLOWS", Kind::Text),
        ("risk", "RISK", Kind::Text),
        ("implies", "IMPLIES", Kind::Text),
        ("clients", "CLIENTS", Kind::Text),
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
        Verb::List { api } => {
            let url = at(connection, &api, &[]).await?;
            let listed = connection.get(url).await?.body;
            let rows = listed
                .get("data")
                .and_then(Json::as_array)
                .cloned()
                .unwrap_or_default();
            connection
                .view
                .list(connection.terminal, &rows, &shown(), "value")
        }
        Verb::Create(new) => create(connection, new).await,
        Verb::Delete {
            api,
            value,
            confirmation,
        } => delete(connection, &api, &value, &confirmation).await,
    }
}

/// The URL of the scopes of an API, or of one of them.
async fn at(connection: &mut Connection<'_>, word: &str, rest: &[&str]) -> Result<reqwest::Url> {
    let api = api::find(connection, word).await?;
    let id = api.get("id").and_then(Json::as_str);
    let id = id.ok_or_else(|| Failure::new(Exit::Unexpected, "the server named no id"))?;
    let mut parts = vec!["apis", id, "scopes"];
    parts.extend(rest);
    connection.of_org(&parts).await
}

async fn create(connection: &mut Connection<'_>, new: New) -> Result<()> {
    let url = at(connection, &new.api, &[]).await?;
    let risk = match new.risk {
        Risk::Reads => "reads",
        Risk::Changes => "changes",
        Risk::Destructive => "destructive",
    };
    let body = json!({
        "value": new.value,
        "description": new.description,
        "risk": risk,
        "implies": new.implies,
        "requires_consent": !new.no_consent,
    });
    let scope = connection.send(Method::POST, url, Some(&body), None).await?.body;
    let line = format!("{} Added {} to {}", connection.view.tick(), new.value, new.api);
    connection.terminal.say(&line);
    connection
        .view
        .one(connection.terminal, &scope, &shown(), "value")
}

async fn delete(
    connection: &mut Connection<'_>,
    api: &str,
    value: &str,
    confirmation: &Confirmation,
) -> Result<()> {
    let url = at(connection, api, &[value]).await?;
    let scope = connection.get(url.clone()).await?;
    let dry = with(url.clone(), "dry_run", Some("true"));
    let tried = connection
        .send(Method::DELETE, dry, None, scope.etag.as_deref())
        .await?
        .body;
    let holders: Vec<Json> = tried["clients"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = holders
        .iter()
        .filter_map(|one| one["name"].as_str())
        .take(5)
        .collect();
    let more = match holders.len() > names.len() {
        true => ", …",
        false => "",
    };
    let facts = [
        format!(
            "{} clients were granted it and lose it at once, in tokens already issued, too{}{}{more}",
            holders.len(),
            if names.is_empty() { "" } else { ": " },
            names.join(", ")
        ),
        impact::in_words(&tried),
    ];
    confirmation.ask(connection, &format!("Remove {value} from {api}?"), &facts, value)?;
    let url = with(url, "confirm", Some("true"));
    connection
        .send(Method::DELETE, url, None, scope.etag.as_deref())
        .await?;
    let line = format!("{} Removed {value}", connection.view.tick());
    connection.terminal.say(&line);
    Ok(())
}

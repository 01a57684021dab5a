//! `oauthority keys …`: signing keys, for operators.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    confirm::Confirmation,
    connection::Connection,
    exit::Result,
    options::Noun,
    page,
    render::{Column, Kind, columns},
};

#[derive(Subcommand)]
pub enum Verb {
    /// List the signing keys
    #[command(alias = "ls")]
    List,
    /// Publish a new key; it begins to sign by itself once verifiers had time to fetch it
    Rotate {
        /// ES256, EdDSA or RS256; without it, the one of the configuration
        #[arg(long, value_name = "ALGORITHM")]
        algorithm: Option<String>,
    },
    /// Retire a key at once, as after a leak
    Retire {
        /// Its key id
        kid: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

fn shown() -> Vec<Column> {
    columns(&[
        ("kid", "KEY ID", Kind::Text),
        ("algorithm", "ALGORITHM", Kind::Text),
        ("state", "STATE", Kind::Status),
        ("created_at", "CREATED", Kind::Moment),
        ("activated_at", "SIGNS SINCE", Kind::Moment),
        ("retired_at", "RETIRED", Kind::Moment),
    ])
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    let keys = connection.url(&["api", "v1", "operator", "keys"]);
    match noun.verb {
        Verb::List => {
            let listed = connection.get(keys).await?.body;
            list(connection, &listed)
        }
        Verb::Rotate { algorithm } => {
            let body = algorithm.map_or_else(|| json!({}), |algorithm| json!({ "algorithm": algorithm }));
            let key = connection.send(Method::POST, keys, Some(&body), None).await?.body;
            let line = format!("{} Published; it begins to sign shortly", connection.view.tick());
            connection.terminal.say(&line);
            connection.view.one(connection.terminal, &key, &shown(), "kid")
        }
        Verb::Retire { kid, confirmation } => {
            let facts = [
                "Verifiers that remember the key set refuse new tokens until they fetch it again.".to_owned(),
            ];
            confirmation.ask(connection, &format!("Retire the key {kid}?"), &facts, &kid)?;
            let url = connection.url(&["api", "v1", "operator", "keys", &kid, "retire"]);
            let listed = connection
                .send(Method::POST, url, Some(&json!({})), None)
                .await?
                .body;
            list(connection, &listed)
        }
    }
}

fn list(connection: &mut Connection<'_>, listed: &Json) -> Result<()> {
    let rows = page::rows(listed);
    connection.view.list(connection.terminal, &rows, &shown(), "kid")
}

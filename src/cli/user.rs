//! `oauthority user …`: people of the server, for operators.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::{
    Terminal,
    confirm::Confirmation,
    connection::Connection,
    exit::Result,
    options::Noun,
    render::{Kind, columns},
};

#[derive(Subcommand)]
pub enum Verb {
    /// Remove every second factor of a person who has lost his, and end his sessions
    ResetFactors {
        /// The user name or the id
        user: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    let Verb::ResetFactors { user, confirmation } = noun.verb;
    let facts = [
        "Authenticator app, passkeys and recovery codes are removed; the password stays.".to_owned(),
        "Make sure that the person who asks is who he says: from now on the password alone signs in."
            .to_owned(),
    ];
    let question = format!("Reset the second factors of {user}?");
    confirmation.ask(connection, &question, &facts, &user)?;
    let url = connection.url(&["api", "v1", "operator", "users", &user, "reset-factors"]);
    let person = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let line = format!("{} Second factors of {user} are reset", connection.view.tick());
    connection.terminal.say(&line);
    let shown = columns(&[("id", "ID", Kind::Text), ("username", "USER NAME", Kind::Text)]);
    connection.view.one(connection.terminal, &person, &shown, "id")
}

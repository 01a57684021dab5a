//! `oauthority app …`: the apps that act for whoever is signed in.

use clap::Subcommand;
use reqwest::Method;

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
    /// List the apps that act for you
    #[command(alias = "ls")]
    List,
    /// Take back what you allowed an app: its tokens stop at once, and it has to ask again
    #[command(alias = "rm")]
    Remove {
        /// The client id of the app
        client: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

fn shown() -> Vec<Column> {
    columns(&[
        ("name", "APP", Kind::Text),
        ("publisher", "BY", Kind::Text),
        ("sign_ins", "SIGN-INS", Kind::Text),
        ("first_allowed_at", "FIRST ALLOWED", Kind::Day),
        ("last_used_at", "LAST USED", Kind::Moment),
        ("client_id", "CLIENT ID", Kind::Id),
    ])
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    let apps = connection.url(&["api", "v1", "me", "apps"]);
    match noun.verb {
        Verb::List => {
            let listed = connection.get(apps).await?.body;
            let rows = page::rows(&listed);
            connection
                .view
                .list(connection.terminal, &rows, &shown(), "client_id")
        }
        Verb::Remove { client, confirmation } => {
            let facts = [
                "Every token of it stops at once; signing in to it again, you are asked again.".to_owned(),
            ];
            confirmation.ask(connection, &format!("Remove {client}?"), &facts, &client)?;
            let url = connection.url(&["api", "v1", "me", "apps", &client]);
            connection.send(Method::DELETE, url, None, None).await?;
            let line = format!("{} {client} has no access any more", connection.view.tick());
            connection.terminal.say(&line);
            Ok(())
        }
    }
}

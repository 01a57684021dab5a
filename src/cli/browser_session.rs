//! `oauthority session …`: the browsers in which whoever is signed in is signed in.

use clap::Subcommand;
use reqwest::Method;

use super::{
    Terminal,
    connection::Connection,
    exit::Result,
    options::Noun,
    page,
    render::{Column, Kind, columns},
};

#[derive(Subcommand)]
pub enum Verb {
    /// List the browsers in which you are signed in
    #[command(alias = "ls")]
    List,
    /// Sign a browser out; apps that you signed in to from it are signed out as well, unless they may act while you are away
    End {
        /// The id of the session
        session: String,
    },
}

fn shown() -> Vec<Column> {
    columns(&[
        ("user_agent", "BROWSER", Kind::Text),
        ("ip", "FROM", Kind::Text),
        ("created_at", "SINCE", Kind::Moment),
        ("last_seen_at", "LAST SEEN", Kind::Moment),
        ("id", "ID", Kind::Id),
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
            let url = connection.url(&["api", "v1", "me", "sessions"]);
            let listed = connection.get(url).await?.body;
            let rows = page::rows(&listed);
            connection.view.list(connection.terminal, &rows, &shown(), "id")
        }
        Verb::End { session } => {
            let url = connection.url(&["api", "v1", "me", "sessions", &session]);
            connection.send(Method::DELETE, url, None, None).await?;
            let line = format!("{} The session is ended", connection.view.tick());
            connection.terminal.say(&line);
            Ok(())
        }
    }
}

//! `oauthority failure …`: why requests of clients were refused.

use clap::Subcommand;
use serde_json::Value as Json;

use super::{
    Terminal,
    connection::Connection,
    exit::{Failure, Result},
    options::{Format, Noun},
    page,
    render::{Kind, columns},
};
use crate::failures::read;

pub const EXAMPLES: &str = "\
Examples:
  oauthority failure list --client oac_…
  oauthority failure explain https://login.example.com/failures/err_…";

#[derive(Subcommand)]
pub enum Verb {
    /// List requests of a client that were refused, newest first
    #[command(alias = "ls")]
    List {
        /// Client id
        #[arg(long, value_name = "ID")]
        client: String,
        #[command(flatten)]
        part: page::Part,
    },
    /// Say why a request was refused, and what mends it
    Explain {
        /// The reference, or the whole error_uri that the caller got
        reference: String,
    },
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    match noun.verb {
        Verb::List { client, part } => list(connection, &client, &part).await,
        Verb::Explain { reference } => explain(connection, &reference).await,
    }
}

async fn list(connection: &mut Connection<'_>, client: &str, part: &page::Part) -> Result<()> {
    let url = connection.of_org(&["clients", client, "failures"]).await?;
    let listed = page::read(connection, url, part).await?;
    let shown = columns(&[
        ("at", "TIME", Kind::Moment),
        ("error", "ERROR", Kind::Text),
        ("explanation", "WHY", Kind::Text),
        ("ip", "FROM", Kind::Text),
        ("reference", "REFERENCE", Kind::Id),
    ]);
    connection
        .view
        .list(connection.terminal, &listed.rows, &shown, "reference")?;
    listed.tell(connection, "failures");
    Ok(())
}

async fn explain(connection: &mut Connection<'_>, text: &str) -> Result<()> {
    let reference = read::reference(text);
    if !reference.starts_with("err_") {
        return Err(Failure::usage(format!(
            "`{text}` is no reference: they look like err_abcdefghijklmnop"
        )));
    }
    let url = connection.url(&["api", "v1", "failures", reference]);
    let failure = connection.get(url).await?.body;
    if connection.view.format == Format::Table && !connection.view.quiet() {
        return connection.terminal.print(&in_words(&failure, connection));
    }
    let shown = columns(&[("reference", "REFERENCE", Kind::Id)]);
    connection
        .view
        .one(connection.terminal, &failure, &shown, "reference")
}

fn in_words(failure: &Json, connection: &Connection<'_>) -> String {
    let text = |pointer: &str| {
        failure
            .pointer(pointer)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    let mut words = format!("{}\n", text("/explanation"));
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            words += &format!("  {label:<12} {value}\n");
        }
    };
    line("what to do", text("/advice"));
    if !text("/fix/title").is_empty() {
        let page = connection.host.join(text("/fix/path"));
        let page = page.map_or_else(|_| text("/fix/path").to_owned(), String::from);
        line("fix", &format!("{}: {page}", text("/fix/title")));
    }
    line(
        "still fails",
        match failure.get("still_fails").and_then(Json::as_bool) {
            Some(true) => "yes",
            Some(false) => "no",
            None => "cannot be told",
        },
    );
    line("client", text("/client_id"));
    line("when", text("/at"));
    line("where", text("/endpoint"));
    line("from", text("/ip"));
    line(
        "told",
        &format!("{}: {}", text("/error"), text("/error_description")),
    );
    for sent in failure["sent"].as_array().into_iter().flatten() {
        let name = sent["name"].as_str().unwrap_or_default();
        line(
            "sent",
            &format!("{name}={}", sent["value"].as_str().unwrap_or("(not kept)")),
        );
    }
    for setting in failure["settings"].as_array().into_iter().flatten() {
        let member = |name: &str| setting[name].as_str().unwrap_or_default();
        line("set now", &format!("{}: {}", member("name"), member("value")));
    }
    words
}

//! `oauthority client trim`: scopes that nobody asks for, taken away and given back.

use clap::Args;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    super::{connection::Connection, exit::Result},
    shown,
};

/// Flags of `trim`.
#[derive(Args)]
pub struct Trim {
    /// Its client id
    id: String,
    /// Give back what was taken last
    #[arg(long, conflicts_with = "dry_run")]
    undo: bool,
    /// Only say what would be taken away
    #[arg(long)]
    dry_run: bool,
}

/// Takes away every scope that is proposed, or gives them back.
pub async fn trim(connection: &mut Connection<'_>, trim: Trim) -> Result<()> {
    if trim.dry_run {
        return propose(connection, &trim.id).await;
    }
    let (path, done) = if trim.undo {
        (
            "restore-scopes",
            "The scopes are given back; tokens from before stay dead",
        )
    } else {
        (
            "trim-scopes",
            "The scopes that nobody asks for are taken away; --undo gives them back for 30 days",
        )
    };
    let url = connection.of_org(&["clients", &trim.id, path]).await?;
    let client = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let line = format!("{} {done}", connection.view.tick());
    connection.terminal.say(&line);
    connection
        .view
        .one(connection.terminal, &client, &shown(), "client_id")
}

async fn propose(connection: &mut Connection<'_>, id: &str) -> Result<()> {
    let url = connection.of_org(&["clients", id, "unasked-scopes"]).await?;
    let found = connection.get(url).await?.body;
    let rows: Vec<Json> = found
        .get("unasked")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    if rows.is_empty() {
        connection.terminal.say(
            "No scope is proposed: each was asked for within 90 days, or uses are not recorded for so long.",
        );
    }
    let columns = super::columns(&[
        ("value", "SCOPE", super::Kind::Text),
        ("audience", "AUDIENCE", super::Kind::Text),
        ("last_asked_at", "LAST ASKED FOR", super::Kind::Ago),
    ]);
    connection
        .view
        .list(connection.terminal, &rows, &columns, "value")
}

//! `oauthority client disable`, `enable`, `delete` and `impact`

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    super::{
        confirm::Confirmation,
        connection::{Connection, with},
        exit::Result,
    },
    shown,
};

/// Flags of `disable`.
#[derive(Args)]
pub struct Disable {
    /// Its client id
    id: String,
    /// Why, for those who find it disabled
    #[arg(long)]
    reason: Option<String>,
    /// Delete it on a day unless somebody enables it before: a span such as 14d, or a time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    delete_after: Option<String>,
}

/// Cuts a client off.
pub async fn disable(connection: &mut Connection<'_>, disable: Disable) -> Result<()> {
    let url = connection.of_org(&["clients", &disable.id, "disable"]).await?;
    let mut body = json!({});
    for (name, value) in [("reason", disable.reason), ("delete_after", disable.delete_after)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    let client = connection.send(Method::POST, url, Some(&body), None).await?.body;
    let line = format!(
        "{} Disabled; every token it had stopped working",
        connection.view.tick()
    );
    connection.terminal.say(&line);
    connection
        .view
        .one(connection.terminal, &client, &shown(), "client_id")
}

/// Brings a client back.
pub async fn enable(connection: &mut Connection<'_>, id: &str) -> Result<()> {
    let url = connection.of_org(&["clients", id, "enable"]).await?;
    let client = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let line = format!("{} Enabled", connection.view.tick());
    connection.terminal.say(&line);
    connection
        .view
        .one(connection.terminal, &client, &shown(), "client_id")
}

/// Flags of `delete`.
#[derive(Args)]
pub struct Delete {
    /// Its client id
    id: String,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
}

/// Deletes a client, once somebody has confirmed it.
pub async fn delete(connection: &mut Connection<'_>, delete: Delete) -> Result<()> {
    let url = connection.of_org(&["clients", &delete.id]).await?;
    let client = connection.get(url.clone()).await?;
    let impact = read_impact(connection, &delete.id, "delete").await?;
    let name = client
        .body
        .get("name")
        .and_then(Json::as_str)
        .unwrap_or(&delete.id)
        .to_owned();
    if delete.dry_run {
        let dry = with(url, "dry_run", Some("true"));
        connection
            .send(Method::DELETE, dry, None, client.etag.as_deref())
            .await?;
        connection
            .terminal
            .say(&format!("Nothing was deleted; deleting {name} would cut off:"));
        return connection.view.one(connection.terminal, &impact, &[], "action");
    }
    let mut facts = vec![in_words(&impact)];
    facts.push("This cannot be undone. The client id is never used again.".to_owned());
    delete
        .confirmation
        .ask(connection, &format!("Delete {name}?"), &facts, &name)?;
    connection
        .send(Method::DELETE, url, None, client.etag.as_deref())
        .await?;
    let line = format!("{} Deleted {name}  {}", connection.view.tick(), delete.id);
    connection.terminal.say(&line);
    Ok(())
}

/// Flags of `impact`.
#[derive(Args)]
pub struct Impact {
    /// Its client id
    id: String,
    /// What would be done
    #[arg(long, value_enum, default_value_t)]
    action: Action,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Action {
    #[default]
    Delete,
    Disable,
    Rotate,
}

/// Counts what would be cut off.
pub async fn impact(connection: &mut Connection<'_>, impact: Impact) -> Result<()> {
    let action = match impact.action {
        Action::Delete => "delete",
        Action::Disable => "disable",
        Action::Rotate => "rotate",
    };
    let impact = read_impact(connection, &impact.id, action).await?;
    connection.view.one(connection.terminal, &impact, &[], "action")
}

pub async fn read_impact(connection: &mut Connection<'_>, id: &str, action: &str) -> Result<Json> {
    let url = connection.of_org(&["clients", id, "impact"]).await?;
    Ok(connection.get(with(url, "action", Some(action))).await?.body)
}

/// "3 access tokens (jwt, until 2026-11-22T10:44:00Z) · 1 secret · last used 2026-07-03T…"
pub fn in_words(impact: &Json) -> String {
    let mut parts = Vec::new();
    let text = |value: &Json, name: &str| value.get(name).and_then(Json::as_str).unwrap_or("–").to_owned();
    for tokens in impact
        .get("access_tokens")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let count = tokens.get("count").and_then(Json::as_u64).unwrap_or_default();
        let until = text(tokens, "last_expires_at");
        parts.push(format!(
            "{count} access tokens ({}, until {until})",
            text(tokens, "format")
        ));
    }
    if parts.is_empty() {
        parts.push("no access tokens".to_owned());
    }
    let secrets = impact.get("secrets").and_then(Json::as_u64).unwrap_or_default();
    parts.push(format!("{secrets} secret{}", if secrets == 1 { "" } else { "s" }));
    match impact.get("last_used_at").and_then(Json::as_str) {
        Some(at) => parts.push(format!("last used {at}")),
        None => parts.push("no use on record".to_owned()),
    }
    parts.join(" · ")
}

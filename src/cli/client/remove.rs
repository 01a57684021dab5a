//! `oauthority client disable`, `enable`, `delete` and `impact`

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    super::{
        confirm::Confirmation,
        connection::{Connection, with},
        exit::Result,
        impact::in_words,
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
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
}

/// Cuts a client off, and says what that stops. It can be undone, so nobody is asked.
pub async fn disable(connection: &mut Connection<'_>, disable: Disable) -> Result<()> {
    let impact = read_impact(connection, &disable.id, "disable", &[]).await?;
    if disable.dry_run {
        connection
            .terminal
            .say("Nothing was changed; disabling it would cut off:");
        return connection.view.one(connection.terminal, &impact, &[], "action");
    }
    connection
        .terminal
        .say(&format!("Stops now: {}", in_words(&impact)));
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
    let impact = read_impact(connection, &delete.id, "delete", &[]).await?;
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
    /// For remove-scope: a scope that goes; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// For remove-redirect: a redirect URI that goes; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// For rotate: tokens issued so far stop, too
    #[arg(long)]
    revoke_tokens: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Action {
    #[default]
    Delete,
    Disable,
    Rotate,
    RemoveScope,
    RemoveRedirect,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Disable => "disable",
            Self::Rotate => "rotate",
            Self::RemoveScope => "remove_scope",
            Self::RemoveRedirect => "remove_redirect",
        }
    }
}

/// Counts what would be cut off.
pub async fn impact(connection: &mut Connection<'_>, impact: Impact) -> Result<()> {
    let scopes = impact.scopes.iter().map(|scope| ("scope", scope.as_str()));
    let uris = impact
        .redirect_uris
        .iter()
        .map(|uri| ("redirect_uri", uri.as_str()));
    let revoke = impact.revoke_tokens.then_some(("revoke_tokens", "true"));
    let more: Vec<_> = scopes.chain(uris).chain(revoke).collect();
    let impact = read_impact(connection, &impact.id, impact.action.word(), &more).await?;
    connection.view.one(connection.terminal, &impact, &[], "action")
}

/// What doing something to a client would stop.
pub async fn read_impact(
    connection: &mut Connection<'_>,
    id: &str,
    action: &str,
    more: &[(&str, &str)],
) -> Result<Json> {
    let url = connection.of_org(&["clients", id, "impact"]).await?;
    let url = with(url, "action", Some(action));
    let url = more
        .iter()
        .fold(url, |url, (name, value)| with(url, name, Some(value)));
    Ok(connection.get(url).await?.body)
}

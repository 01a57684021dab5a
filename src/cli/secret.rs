//! `oauthority secret …`: secrets of a client.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::{
    Terminal,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    hand_over::HandOver,
    options::Noun,
    render::{Kind, columns},
};
use crate::time::{Lifetime, Timestamp};

pub const EXAMPLES: &str = "\
Examples:
  oauthority secret rotate oac_… --old-ends 24h --secret-file - | vault kv put secret/exporter value=-
  oauthority secret end oac_… c02Lm1";

#[derive(Subcommand)]
pub enum Verb {
    /// List the secrets of a client; never their text
    #[command(alias = "ls")]
    List {
        /// Client id
        client: String,
    },
    /// Make a new secret, hand it over once, and end the old one
    Rotate(Rotate),
    /// End a secret now
    End(End),
    /// Let a secret that is ending work for longer
    Extend(Extend),
    /// Rename a secret, or say where it is kept
    Edit(Edit),
}

/// Flags of `rotate`.
#[derive(Args)]
pub struct Rotate {
    /// Client id
    client: String,
    /// When the old secret ends: now, a span such as 24h or 7d, a time (RFC 3339), or manual
    #[arg(long, value_name = "WHEN", default_value = "now")]
    old_ends: String,
    /// Which of two usable secrets to end first, by its id or last six characters
    #[arg(long, value_name = "HINT")]
    end_first: Option<String>,
    /// End it although it was used within the last hour
    #[arg(long)]
    force: bool,
    /// Stop every token issued so far, too
    #[arg(long)]
    revoke_tokens: bool,
    /// A label for the new secret
    #[arg(long)]
    label: Option<String>,
    /// Where the new secret is kept
    #[arg(long)]
    note: Option<String>,
    /// When the new secret expires: 90d, never, or a time
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    hand_over: HandOver,
}

/// Flags of `end`.
#[derive(Args)]
pub struct End {
    /// Client id
    client: String,
    /// Which secret: its id or last six characters
    hint: String,
    /// End it although it was used within the last hour
    #[arg(long)]
    force: bool,
}

/// Flags of `extend`.
#[derive(Args)]
pub struct Extend {
    /// Client id
    client: String,
    /// Which secret: its id or last six characters
    hint: String,
    /// Until when: a span from now such as 48h, or a time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    to: String,
}

/// Flags of `edit`.
#[derive(Args)]
pub struct Edit {
    /// Client id
    client: String,
    /// Which secret: its id or last six characters
    hint: String,
    /// What it is called
    #[arg(long)]
    label: Option<String>,
    /// Where it is kept
    #[arg(long)]
    note: Option<String>,
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    match noun.verb {
        Verb::List { client } => list(connection, &client).await,
        Verb::Rotate(rotate) => self::rotate(connection, rotate).await,
        Verb::End(end) => self::end(connection, end).await,
        Verb::Extend(extend) => self::extend(connection, extend).await,
        Verb::Edit(edit) => self::edit(connection, edit).await,
    }
}

async fn read(connection: &mut Connection<'_>, client: &str) -> Result<Vec<Json>> {
    let url = connection.of_org(&["clients", client, "secrets"]).await?;
    let mut listed = connection.get(url).await?.body;
    match listed.get_mut("data").map(Json::take) {
        Some(Json::Array(rows)) => Ok(rows),
        _ => Ok(Vec::new()),
    }
}

async fn list(connection: &mut Connection<'_>, client: &str) -> Result<()> {
    let mut rows = read(connection, client).await?;
    let url = connection.of_org(&["clients", client, "usage"]).await?;
    let usage = connection.get(url).await?.body;
    let used = usage["secrets"].as_array().cloned().unwrap_or_default();
    for row in &mut rows {
        let Some(used) = used.iter().find(|used| used["id"] == row["id"]) else {
            continue;
        };
        for name in ["uses_last_hour", "uses_last_day", "addresses"] {
            row[name] = used[name].clone();
        }
        let ips = used["addresses"].as_array().into_iter().flatten();
        row["used_from"] = ips
            .filter_map(|one| one["ip"].as_str())
            .collect::<Vec<_>>()
            .join(" ")
            .into();
    }
    let shown = columns(&[
        ("id", "ID", Kind::Id),
        ("label", "LABEL", Kind::Text),
        ("hint", "HINT", Kind::Text),
        ("state", "STATE", Kind::Status),
        ("created_at", "CREATED", Kind::Day),
        ("last_used_at", "LAST USED", Kind::Ago),
        ("uses_last_hour", "HOUR", Kind::Text),
        ("uses_last_day", "DAY", Kind::Text),
        ("used_from", "FROM", Kind::Text),
        ("expires_at", "EXPIRES", Kind::Day),
        ("ends_at", "ENDS", Kind::Moment),
        ("safe_to_end", "SAFE TO END", Kind::Text),
        ("note", "KEPT", Kind::Text),
    ]);
    connection.view.list(connection.terminal, &rows, &shown, "id")
}

async fn rotate(connection: &mut Connection<'_>, rotate: Rotate) -> Result<()> {
    if !rotate.dry_run {
        rotate.hand_over.check(connection)?;
    }
    let mut body = Map::new();
    let mut set = |name: &str, value: Json| body.insert(name.to_owned(), value);
    match rotate.old_ends.as_str() {
        "now" => None,
        "manual" => set("manual", json!(true)),
        time if time.contains('T') => set("old_ends_at", json!(time)),
        span => set("old_ends_in", json!(span)),
    };
    let texts = [
        ("end_first", rotate.end_first),
        ("label", rotate.label),
        ("note", rotate.note),
        ("expires", rotate.expires),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            set(name, json!(value));
        }
    }
    for (name, is_set) in [("force", rotate.force), ("revoke_tokens", rotate.revoke_tokens)] {
        if is_set {
            set(name, json!(true));
        }
    }
    let url = connection.of_org(&["clients", &rotate.client, "rotate"]).await?;
    let url = with(url, "dry_run", rotate.dry_run.then_some("true"));
    let answer = connection
        .send(Method::POST, url, Some(&Json::Object(body)), None)
        .await?
        .body;
    if rotate.dry_run {
        connection
            .terminal
            .say("Nothing was changed: the rotation would be accepted.");
        return Ok(());
    }
    let name = answer
        .pointer("/client/name")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let line = format!("{} Rotated the secret of {name}", connection.view.tick());
    connection.terminal.say(&line);
    rotate.hand_over.deliver(connection, &answer)
}

/// The id of the one secret that is meant.
async fn find(connection: &mut Connection<'_>, client: &str, hint: &str) -> Result<String> {
    let wanted = hint.trim_start_matches(['…', '.']);
    let rows = read(connection, client).await?;
    let text = |row: &Json, name: &str| {
        row.get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let matching: Vec<&Json> = rows
        .iter()
        .filter(|row| text(row, "id") == hint || text(row, "hint").trim_start_matches('…') == wanted)
        .collect();
    match matching.as_slice() {
        [one] => Ok(text(one, "id")),
        [] => Err(Failure::new(
            Exit::NotFound,
            format!("the client has no secret {hint}"),
        )),
        _ => Err(Failure::usage(format!(
            "several secrets end in {hint}: name one by its id"
        ))),
    }
}

async fn end(connection: &mut Connection<'_>, end: End) -> Result<()> {
    let id = find(connection, &end.client, &end.hint).await?;
    let (url, etag) = address(connection, &end.client, &id).await?;
    let url = with(url, "force", end.force.then_some("true"));
    connection
        .send(Method::DELETE, url, None, etag.as_deref())
        .await?;
    let line = format!("{} Ended {}", connection.view.tick(), end.hint);
    connection.terminal.say(&line);
    Ok(())
}

async fn extend(connection: &mut Connection<'_>, extend: Extend) -> Result<()> {
    let ends_at = moment(&extend.to, connection.terminal.clock.now())?;
    let id = find(connection, &extend.client, &extend.hint).await?;
    let (url, etag) = address(connection, &extend.client, &id).await?;
    let body = json!({ "ends_at": ends_at });
    connection
        .send(Method::PATCH, url, Some(&body), etag.as_deref())
        .await?;
    let line = format!("{} {} works until {ends_at}", connection.view.tick(), extend.hint);
    connection.terminal.say(&line);
    Ok(())
}

async fn edit(connection: &mut Connection<'_>, edit: Edit) -> Result<()> {
    let mut body = Map::new();
    for (name, value) in [("label", edit.label), ("note", edit.note)] {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if body.is_empty() {
        return Err(Failure::usage("say what to change: --label or --note".to_owned()));
    }
    let id = find(connection, &edit.client, &edit.hint).await?;
    let (url, etag) = address(connection, &edit.client, &id).await?;
    connection
        .send(Method::PATCH, url, Some(&Json::Object(body)), etag.as_deref())
        .await?;
    let line = format!("{} Changed {}", connection.view.tick(), edit.hint);
    connection.terminal.say(&line);
    Ok(())
}

/// Where a secret is, and the entity tag of its client, which changes with it.
async fn address(
    connection: &mut Connection<'_>,
    client: &str,
    id: &str,
) -> Result<(reqwest::Url, Option<String>)> {
    let url = connection.of_org(&["clients", client]).await?;
    let etag = connection.get(url).await?.etag;
    Ok((
        connection.of_org(&["clients", client, "secrets", id]).await?,
        etag,
    ))
}

/// A span from now, or a time.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    if text.contains('T') {
        return Timestamp::parse(text).map_err(Failure::usage);
    }
    let wrong = || Failure::usage(format!("`{text}` is neither a span such as 48h or 7d nor a time"));
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text
        .strip_suffix(unit)
        .and_then(|digits| digits.parse::<i64>().ok());
    let number = number.filter(|n| (0..=1_000_000).contains(n)).ok_or_else(wrong)?;
    Ok(now.after(match unit {
        'm' => Lifetime::minutes(number),
        'h' => Lifetime::hours(number),
        'd' => Lifetime::days(number),
        _ => return Err(wrong()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_span_or_a_time() {
        let now = Timestamp::from_seconds(1_000);
        assert_eq!(moment("48h", now).unwrap().seconds(), 1_000 + 48 * 3600);
        assert_eq!(moment("1970-01-01T01:00:00Z", now).unwrap().seconds(), 3600);
        for wrong in ["", "h", "48", "48 h", "-1h", "9999999999d", "soon"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
    }
}

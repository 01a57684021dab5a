//! `oauthority credential …`: personal credentials, of whoever is signed in and of members.

use clap::{Args, Subcommand};
use reqwest::{Method, Url};
use serde_json::{Map, Value as Json, json};

use super::{
    Terminal,
    confirm::Confirmation,
    connection::{Connection, with},
    exit::{Failure, Result},
    hand_over::HandOver,
    member,
    options::{Format, Noun},
    page,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority credential scopes
  oauthority credential create --name 'Nightly report' --pair https://api.example.com=invoices:read --env-file .env
  oauthority credential rotate oac_… --old-ends 24h --secret-file -
  oauthority credential deliver ada --name 'Nightly report' --pair https://api.example.com=invoices:read";

#[derive(Subcommand)]
pub enum Verb {
    /// List your credentials, or those of a member
    #[command(alias = "ls")]
    List {
        /// User name or id of a member
        #[arg(long = "for", value_name = "USER")]
        member: Option<String>,
        /// Those of all members
        #[arg(long, conflicts_with = "member")]
        everybody: bool,
    },
    /// Make a credential; its secret is handed over once
    Create(Create),
    /// Show a credential of yours
    #[command(alias = "show")]
    Get {
        /// Credential id
        id: String,
    },
    /// Make a new secret for a credential of yours, hand it over once, and end the old one
    Rotate(Rotate),
    /// Delete a credential of yours for good: its tokens stop at once
    #[command(alias = "rm")]
    Delete {
        /// Credential id
        id: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Prepare a credential for a member, who alone sees its secret; prints the link that the member opens
    Deliver {
        /// User name or id of the member
        user: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// List what was prepared for members, and what became of it
    Offers,
    /// Take back what was prepared for a member
    Withdraw {
        /// Id of the offer
        offer: String,
    },
    /// List the scopes that a credential of yours could have, and why others not
    Scopes,
}

/// What a credential is to be.
#[derive(Args)]
pub struct Settings {
    /// What people call it
    #[arg(long)]
    name: String,
    /// What the script does, and where it runs
    #[arg(long)]
    description: Option<String>,
    /// An audience and scopes of its API, with commas between; may be repeated
    #[arg(long = "pair", value_name = "AUDIENCE=SCOPE,SCOPE", required = true)]
    pairs: Vec<String>,
    /// When its secret expires: 90d, never, or a time
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
}

/// Flags of `create`.
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    settings: Settings,
    /// For a member, whose secret you then see; better deliver it
    #[arg(long = "for", value_name = "USER")]
    member: Option<String>,
    #[command(flatten)]
    hand_over: HandOver,
}

/// Flags of `rotate`.
#[derive(Args)]
pub struct Rotate {
    /// Credential id
    id: String,
    /// When the old secret ends: now, or a span such as 24h or 7d
    #[arg(long, value_name = "WHEN", default_value = "now")]
    old_ends: String,
    /// Stop every token issued so far, too
    #[arg(long)]
    revoke_tokens: bool,
    /// When the new secret expires: 90d, never, or a time
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    #[command(flatten)]
    hand_over: HandOver,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("name", "NAME", Kind::Text),
        ("client_id", "CREDENTIAL ID", Kind::Id),
        ("state", "STATE", Kind::Status),
        ("org", "ORGANISATION", Kind::Text),
        ("last_used_at", "LAST USED", Kind::Ago),
        ("created_at", "CREATED", Kind::Day),
    ])
}

fn offers() -> Vec<Column> {
    columns(&[
        ("name", "NAME", Kind::Text),
        ("user", "FOR", Kind::Text),
        ("state", "STATE", Kind::Status),
        ("offered_by", "BY", Kind::Text),
        ("expires_at", "UNTIL", Kind::Moment),
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
        Verb::List { member, everybody } => list(connection, member.as_deref(), everybody).await,
        Verb::Create(create) => self::create(connection, create).await,
        Verb::Get { id } => {
            let url = own(connection, &[&id]);
            let found = connection.get(url).await?.body;
            connection
                .view
                .one(connection.terminal, &found, &shown(), "client_id")
        }
        Verb::Rotate(rotate) => self::rotate(connection, rotate).await,
        Verb::Delete { id, confirmation } => delete(connection, &id, &confirmation).await,
        Verb::Deliver { user, settings } => deliver(connection, &user, settings).await,
        Verb::Offers => {
            let url = connection.of_org(&["credential-offers"]).await?;
            let listed = page::read(connection, url, &page::Part::EVERYTHING).await?;
            connection
                .view
                .list(connection.terminal, &listed.rows, &offers(), "id")
        }
        Verb::Withdraw { offer } => {
            let url = connection.of_org(&["credential-offers", &offer]).await?;
            connection.send(Method::DELETE, url, None, None).await?;
            let line = format!("{} {offer} is withdrawn", connection.view.tick());
            connection.terminal.say(&line);
            Ok(())
        }
        Verb::Scopes => scopes(connection).await,
    }
}

/// The address of something of one's own.
fn own(connection: &Connection<'_>, rest: &[&str]) -> Url {
    let mut all = vec!["api", "v1", "me", "credentials"];
    all.extend(rest);
    connection.url(&all)
}

/// The address of something of a member.
async fn theirs(connection: &mut Connection<'_>, user: &str, what: &str) -> Result<Url> {
    let (mut url, ..) = member::find(connection, user).await?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(what);
    }
    Ok(url)
}

async fn list(connection: &mut Connection<'_>, member: Option<&str>, everybody: bool) -> Result<()> {
    let url = match member {
        Some(user) => theirs(connection, user, "credentials").await?,
        None if everybody => connection.of_org(&["credentials"]).await?,
        None => own(connection, &[]),
    };
    let listed = page::read(connection, url, &page::Part::EVERYTHING).await?;
    connection
        .view
        .list(connection.terminal, &listed.rows, &shown(), "client_id")
}

impl Settings {
    fn body(&self) -> Result<Map<String, Json>> {
        let mut scopes = Vec::new();
        for pair in &self.pairs {
            let parts = pair.rsplit_once('=').filter(|(audience, values)| {
                !audience.is_empty() && values.split(',').all(|value| !value.trim().is_empty())
            });
            let (audience, values) = parts
                .ok_or_else(|| Failure::usage(format!("`{pair}` is no pair: write AUDIENCE=SCOPE,SCOPE")))?;
            let full = |value: &str| json!({ "audience": audience, "value": value.trim() });
            scopes.extend(values.split(',').map(full));
        }
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("scopes".to_owned(), json!(scopes));
        for (name, value) in [("description", &self.description), ("expires", &self.expires)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        Ok(body)
    }
}

async fn create(connection: &mut Connection<'_>, create: Create) -> Result<()> {
    let dry_run = create.settings.dry_run;
    if !dry_run {
        create.hand_over.check(connection)?;
    }
    let body = create.settings.body()?;
    let url = match &create.member {
        Some(user) => theirs(connection, user, "credentials").await?,
        None => own(connection, &[]),
    };
    let url = with(url, "dry_run", dry_run.then_some("true"));
    let answer = connection
        .send(Method::POST, url, Some(&Json::Object(body)), None)
        .await?
        .body;
    if dry_run {
        connection
            .terminal
            .say("Nothing was created: it would be accepted.");
        return Ok(());
    }
    let text = |pointer: &str| answer.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let tick = connection.view.tick();
    let mut lines = vec![format!(
        "{tick} Created {}  {}",
        text("/credential/name"),
        text("/credential/client_id")
    )];
    lines.push(format!("Ask {} for tokens, with one of", text("/token_endpoint")));
    let scopes = answer.pointer("/credential/scopes").and_then(Json::as_array);
    for scope in scopes.into_iter().flatten() {
        lines.push(format!(
            "  scope={}",
            scope["qualified"].as_str().unwrap_or_default()
        ));
    }
    for line in &lines {
        connection.terminal.say(line);
    }
    create.hand_over.deliver(connection, &answer)
}

async fn rotate(connection: &mut Connection<'_>, rotate: Rotate) -> Result<()> {
    rotate.hand_over.check(connection)?;
    let mut body = Map::new();
    if rotate.old_ends != "now" {
        body.insert("old_ends_in".to_owned(), json!(rotate.old_ends));
    }
    if rotate.revoke_tokens {
        body.insert("revoke_tokens".to_owned(), json!(true));
    }
    if let Some(expires) = &rotate.expires {
        body.insert("expires".to_owned(), json!(expires));
    }
    let url = own(connection, &[&rotate.id, "rotate"]);
    let answer = connection
        .send(Method::POST, url, Some(&Json::Object(body)), None)
        .await?
        .body;
    let line = format!("{} Rotated the secret of {}", connection.view.tick(), rotate.id);
    connection.terminal.say(&line);
    rotate.hand_over.deliver(connection, &answer)
}

async fn delete(connection: &mut Connection<'_>, id: &str, confirmation: &Confirmation) -> Result<()> {
    let url = own(connection, &[id]);
    let found = connection.get(url.clone()).await?;
    let name = found.body["name"].as_str().unwrap_or_default().to_owned();
    let facts = ["Every token it ever got stops at once; this cannot be undone.".to_owned()];
    confirmation.ask(connection, &format!("Delete {name}?"), &facts, &name)?;
    connection
        .send(Method::DELETE, url, None, found.etag.as_deref())
        .await?;
    let line = format!("{} Deleted {name}", connection.view.tick());
    connection.terminal.say(&line);
    Ok(())
}

async fn deliver(connection: &mut Connection<'_>, user: &str, settings: Settings) -> Result<()> {
    let body = settings.body()?;
    let url = theirs(connection, user, "credential-offers").await?;
    let url = with(url, "dry_run", settings.dry_run.then_some("true"));
    let answer = connection
        .send(Method::POST, url, Some(&Json::Object(body)), None)
        .await?
        .body;
    if settings.dry_run {
        connection
            .terminal
            .say("Nothing was prepared: it would be accepted.");
        return Ok(());
    }
    let offer = answer.get("offer").unwrap_or(&Json::Null);
    let until = offer["expires_at"].as_str().unwrap_or_default();
    let Some(link) = answer.get("claim_link").and_then(Json::as_str) else {
        let line = format!(
            "{} A link is on its way to {user}; it works once, until {until}",
            connection.view.tick()
        );
        connection.terminal.say(&line);
        return connection.view.one(connection.terminal, offer, &offers(), "id");
    };
    let line = format!("Send this link to {user}, who alone can use it, once, until {until}:");
    connection.terminal.say(&line);
    match connection.view.format {
        Format::Table | Format::Tsv | Format::Csv => connection.terminal.print(&format!("{link}\n")),
        Format::Json | Format::Yaml | Format::Ndjson => {
            connection.view.one(connection.terminal, &answer, &offers(), "id")
        }
    }
}

async fn scopes(connection: &mut Connection<'_>) -> Result<()> {
    let url = connection.url(&["api", "v1", "me", "credential-scopes"]);
    let rows = page::rows(&connection.get(url).await?.body);
    let shown = columns(&[
        ("audience", "AUDIENCE", Kind::Text),
        ("value", "SCOPE", Kind::Text),
        ("risk", "RISK", Kind::Text),
        ("description", "IT MAY", Kind::Text),
        ("org", "ORGANISATION", Kind::Text),
        ("refused", "WHY NOT", Kind::Text),
    ]);
    connection
        .view
        .list(connection.terminal, &rows, &shown, "qualified")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[&str]) -> Settings {
        Settings {
            name: "Nightly".to_owned(),
            description: None,
            pairs: pairs.iter().map(|pair| (*pair).to_owned()).collect(),
            expires: None,
            dry_run: false,
        }
    }

    #[test]
    fn a_pair_is_an_audience_and_scopes() {
        let body = settings(&["https://a.example/?x=1=r:a,r:b", "urn:b=r:c"])
            .body()
            .unwrap();
        let expected = json!([
            { "audience": "https://a.example/?x=1", "value": "r:a" },
            { "audience": "https://a.example/?x=1", "value": "r:b" },
            { "audience": "urn:b", "value": "r:c" },
        ]);
        assert_eq!(body["scopes"], expected);
        for wrong in ["", "a", "=r:a", "urn:b=", "urn:b=r:a,"] {
            assert!(settings(&[wrong]).body().is_err(), "{wrong}");
        }
    }
}

//! `oauthority client create` and `update`

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::{
    super::{
        confirm::Confirmation,
        connection::{Connection, with},
        exit::{Failure, Result},
        hand_over::HandOver,
        impact,
    },
    people::{People, Subjects},
    shown,
};

/// Settings that a new client and a changed one have in common.
#[derive(Args, Default)]
struct Settings {
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// A way to get tokens; may be repeated
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// An address that people return to after they sign in; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A scope: its value, or audience and value as in https://api.example.com-invoices:read; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Pin the client to one way to send its secret
    #[arg(long, value_enum, value_name = "METHOD")]
    auth_method: Option<AuthMethod>,
    /// Whether people are asked before the app gets a token
    #[arg(long, value_name = "BOOL")]
    require_consent: Option<bool>,
    /// How long its access tokens live, in seconds
    #[arg(long, value_name = "SECONDS")]
    access_token_lifetime: Option<u32>,
    /// Id of the member who looks after it
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    #[command(flatten)]
    people: People,
}

#[derive(Clone, Copy, ValueEnum)]
enum AuthMethod {
    /// HTTP Basic only
    Basic,
    /// In the body only
    Post,
    /// Either
    Any,
}

impl AuthMethod {
    fn json(self) -> Json {
        match self {
            Self::Basic => json!("client_secret_basic"),
            Self::Post => json!("client_secret_post"),
            Self::Any => Json::Null,
        }
    }
}

impl Settings {
    fn write(self, body: &mut Map<String, Json>) {
        let lists = [
            ("grant_types", self.grants.into_iter().map(full_grant).collect()),
            ("redirect_uris", self.redirect_uris),
            ("scopes", self.scopes),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                body.insert(name.to_owned(), json!(list));
            }
        }
        let members = [
            ("description", self.description.map(Json::from)),
            ("auth_method", self.auth_method.map(AuthMethod::json)),
            ("require_consent", self.require_consent.map(Json::from)),
            (
                "access_token_lifetime",
                self.access_token_lifetime.map(Json::from),
            ),
            ("owner", self.owner.map(Json::from)),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        }
        self.people.write(body);
    }
}

/// The device grant has a long name that nobody types.
fn full_grant(word: String) -> String {
    match word.as_str() {
        "device" | "device_code" => "urn:ietf:params:oauth:grant-type:device_code".to_owned(),
        _ => word,
    }
}

/// A client to begin with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    /// Synchronises a directory; its grants and scopes are fixed
    SyncConnector,
    /// A program that acts for itself
    Service,
    /// A web app with a server, where people sign in
    Web,
    /// A single-page app in the browser
    Spa,
    /// An app on a phone or a desktop
    Native,
    /// Something without a browser, such as a television
    Device,
}

impl Template {
    fn write(self, body: &mut Map<String, Json>) {
        let (application_type, grants): (_, &[&str]) = match self {
            Self::SyncConnector => {
                body.insert("template".to_owned(), json!("sync-connector"));
                return;
            }
            Self::Service => ("service", &["client_credentials"]),
            Self::Web => ("web", &["authorization_code", "refresh_token"]),
            Self::Spa => ("user-agent-based", &["authorization_code", "refresh_token"]),
            Self::Native => ("native", &["authorization_code", "refresh_token"]),
            Self::Device => (
                "public",
                &["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            ),
        };
        body.insert("type".to_owned(), json!(application_type));
        body.insert("grant_types".to_owned(), json!(grants));
    }
}

/// Flags of `create`.
#[derive(Args)]
pub struct New {
    /// What people call it
    #[arg(long, required_unless_present_any = ["file", "like"])]
    name: Option<String>,
    /// Begin with the settings of this client, also a deleted one. Flags add to it; its secrets and grants stay with it
    #[arg(long, value_name = "CLIENT_ID", conflicts_with_all = ["file", "template", "application_type"])]
    like: Option<String>,
    /// What to begin with
    #[arg(long, value_enum)]
    template: Option<Template>,
    /// web, native, user-agent-based, public or service
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "template")]
    application_type: Option<String>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    subjects: Subjects,
    /// A label for its first secret
    #[arg(long, value_name = "LABEL")]
    secret_label: Option<String>,
    /// Where its first secret is kept
    #[arg(long, value_name = "NOTE")]
    secret_note: Option<String>,
    /// When its first secret expires: 90d, never, or a time
    #[arg(long, value_name = "WHEN")]
    secret_expires: Option<String>,
    /// Read the settings from this file, JSON or YAML; `-` for standard input. Flags add to it
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    hand_over: HandOver,
}

/// Registers a client and hands its secret over.
pub async fn create(connection: &mut Connection<'_>, new: New) -> Result<()> {
    if !new.dry_run {
        new.hand_over.check(connection)?;
    }
    let mut body = match (&new.file, &new.like) {
        (Some(path), _) => read_settings(connection, path)?,
        (None, Some(id)) => like(connection, id).await?,
        (None, None) => Map::new(),
    };
    if let Some(template) = new.template {
        template.write(&mut body);
    }
    let members = [
        ("name", new.name),
        ("type", new.application_type),
        ("secret_label", new.secret_label),
        ("secret_note", new.secret_note),
        ("secret_expires", new.secret_expires),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    new.settings.write(&mut body);
    new.subjects.write(&mut body);
    let url = connection.of_org(&["clients"]).await?;
    let url = with(url, "dry_run", new.dry_run.then_some("true"));
    let answer = connection
        .send(Method::POST, url, Some(&Json::Object(body)), None)
        .await?
        .body;
    let client = answer.get("client").unwrap_or(&Json::Null);
    tell_notes(connection, client);
    if new.dry_run {
        connection
            .terminal
            .say("Nothing was created; this is what would be:");
        return connection
            .view
            .one(connection.terminal, client, &shown(), "client_id");
    }
    let text = |name: &str| client.get(name).and_then(Json::as_str).unwrap_or_default();
    let line = format!(
        "{} Created {}  {}",
        connection.view.tick(),
        text("name"),
        text("client_id")
    );
    connection.terminal.say(&line);
    new.hand_over.deliver(connection, &answer)
}

/// The settings of another client. The server knows them of a deleted one, too.
async fn like(connection: &mut Connection<'_>, id: &str) -> Result<Map<String, Json>> {
    let url = connection.of_org(&["clients", id, "copy"]).await?;
    let tried = connection
        .send(
            Method::POST,
            with(url, "dry_run", Some("true")),
            Some(&json!({})),
            None,
        )
        .await?;
    Ok(super::file::settings_of(&tried.body["client"]))
}

/// Tells what is to be known of a client that is in order.
fn tell_notes(connection: &mut Connection<'_>, client: &Json) {
    for note in client["notes"].as_array().into_iter().flatten() {
        let others: Vec<&str> = note["clients"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let line = format!(
            "note: {} ({})",
            note["detail"].as_str().unwrap_or_default(),
            others.join(", ")
        );
        connection.terminal.say(&line);
    }
}

fn read_settings(connection: &mut Connection<'_>, path: &str) -> Result<Map<String, Json>> {
    let text = match path {
        "-" => connection.terminal.read_all("the settings")?,
        path => std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {path}: {error}")))?,
    };
    // JSON is YAML, too.
    serde_yaml_ng::from_str(&text)
        .map_err(|error| Failure::usage(format!("{path} does not hold the settings of a client: {error}")))
}

/// Flags of `update`.
#[derive(Args)]
pub struct Update {
    /// Its client id
    id: String,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// One more scope; may be repeated
    #[arg(long, value_name = "SCOPE", conflicts_with = "scopes")]
    add_scope: Vec<String>,
    /// One scope less; tokens that have it lose it at once; may be repeated
    #[arg(long, value_name = "SCOPE", conflicts_with = "scopes")]
    remove_scope: Vec<String>,
    /// Nobody looks after it
    #[arg(long, conflicts_with = "owner")]
    no_owner: bool,
    /// Turn a sync connector into a custom client
    #[arg(long)]
    customise: bool,
    /// Only if it is still at this version
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
}

/// Changes a client.
pub async fn update(connection: &mut Connection<'_>, update: Update) -> Result<()> {
    let url = connection.of_org(&["clients", &update.id]).await?;
    let current = connection.get(url.clone()).await?;
    let etag = update
        .if_version
        .map(|version| format!("\"v{version}\""))
        .or(current.etag);
    let mut body = Map::new();
    if let Some(name) = update.name {
        body.insert("name".to_owned(), json!(name));
    }
    if !update.add_scope.is_empty() || !update.remove_scope.is_empty() {
        let scopes = scopes_after(&current.body, &update.add_scope, &update.remove_scope)?;
        body.insert("scopes".to_owned(), json!(scopes));
    }
    if update.no_owner {
        body.insert("owner".to_owned(), Json::Null);
    }
    if update.customise {
        body.insert("customise".to_owned(), json!(true));
    }
    update.settings.write(&mut body);
    if body.is_empty() {
        return Err(Failure::usage(
            "say what to change: `oauthority client update --help` lists the settings",
        ));
    }
    let takes = ["scopes", "redirect_uris"]
        .iter()
        .any(|name| body.contains_key(*name));
    let body = Json::Object(body);
    if takes && !update.dry_run {
        let name = text_of(&current.body, "name").to_owned();
        confirm(
            connection,
            &update.confirmation,
            url.clone(),
            &body,
            etag.as_deref(),
            &name,
        )
        .await?;
    }
    let url = with(url, "dry_run", update.dry_run.then_some("true"));
    let client = connection
        .send(Method::PATCH, url, Some(&body), etag.as_deref())
        .await?
        .body;
    tell_notes(connection, &client);
    let words = if update.dry_run {
        "Nothing was changed; this is what would be:"
    } else {
        "Changed"
    };
    let tick = if update.dry_run {
        ""
    } else {
        connection.view.tick()
    };
    connection.terminal.say(format!("{tick} {words}").trim_start());
    connection
        .view
        .one(connection.terminal, &client, &shown(), "client_id")
}

fn text_of<'j>(json: &'j Json, name: &str) -> &'j str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// Makes sure that somebody means it, if anybody would notice that scopes or redirect URIs go.
async fn confirm(
    connection: &mut Connection<'_>,
    confirmation: &Confirmation,
    url: reqwest::Url,
    body: &Json,
    etag: Option<&str>,
    name: &str,
) -> Result<()> {
    let dry = with(url, "dry_run", Some("true"));
    let tried = connection.send(Method::PATCH, dry, Some(body), etag).await?.body;
    let found = tried.get("impact").unwrap_or(&Json::Null);
    if !impact::is_felt(found) {
        return Ok(());
    }
    let mut facts = impact::going(found);
    facts.push(impact::in_words(found));
    confirmation.ask(connection, &format!("Take this away from {name}?"), &facts, name)
}

/// The scopes of a client with some more and some less; a scope is named by its value, or with its audience in front.
fn scopes_after(client: &Json, add: &[String], remove: &[String]) -> Result<Vec<Json>> {
    let list = |name: &str| {
        client
            .get(name)
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut scopes = list("scopes");
    scopes.extend(list("oidc_scopes"));
    for gone in remove {
        let before = scopes.len();
        scopes.retain(|scope| !is_named(scope, gone));
        if scopes.len() == before {
            return Err(Failure::usage(format!(
                "the client does not have the scope {gone}"
            )));
        }
    }
    scopes.extend(add.iter().map(|scope| json!(scope)));
    Ok(scopes)
}

fn is_named(scope: &Json, name: &str) -> bool {
    let text = |member: &str| scope.get(member).and_then(Json::as_str).unwrap_or_default();
    let (audience, value) = (text("audience"), text("value"));
    scope.as_str() == Some(name)
        || !value.is_empty()
            && (value == name
                || format!("{audience}{value}") == name
                || format!("{audience}-{value}") == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_come_and_go_by_value_or_in_full() {
        let client = json!({
            "scopes": [{ "audience": "https://a.example", "value": "x:read" }, { "audience": "urn:b", "value": "y:read" }],
            "oidc_scopes": ["openid"],
        });
        let after = |add: &[&str], remove: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
            scopes_after(&client, &own(add), &own(remove))
        };
        let y = json!({ "audience": "urn:b", "value": "y:read" });
        assert_eq!(
            after(&["z:read"], &["x:read", "openid"]).unwrap(),
            [y.clone(), json!("z:read")]
        );
        assert_eq!(
            after(&[], &["https://a.example-x:read"]).unwrap(),
            [y, json!("openid")]
        );
        assert!(after(&[], &["nothing:here"]).is_err());
    }
}

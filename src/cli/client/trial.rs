//! `oauthority client try`: a program that gets a token, what a token would say, a token for a test, and what the client
//! does meanwhile.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::super::{
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    options::Format,
    page,
};
use crate::snippets::Language;

/// Flags of `try`.
#[derive(Args)]
pub struct Try {
    /// Its client id
    id: String,
    /// Print a program: curl, python, node, go, java, dotnet or rust
    #[arg(long, value_name = "LANGUAGE", value_parser = language, conflicts_with_all = ["mint", "watch"])]
    lang: Option<Language>,
    /// Get a token for a test: it lives for five minutes, and is printed alone
    #[arg(long, conflicts_with = "watch")]
    mint: bool,
    /// Wait, and say what becomes of each request, until one goes well
    #[arg(long)]
    watch: bool,
    /// A scope; may be repeated. Without one: all of the default audience
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The API that the token is for
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// Show what a token would say for this member
    #[arg(long, value_name = "USER", conflicts_with_all = ["mint", "lang", "watch"])]
    user: Option<String>,
}

fn language(word: &str) -> Result<Language, String> {
    Language::parse(word).ok_or_else(|| format!("write one of {}", Language::words()))
}

impl Try {
    fn body(&self) -> Json {
        let mut body = Map::new();
        let scope = self.scopes.join(" ");
        if !scope.is_empty() {
            body.insert("scope".to_owned(), json!(scope));
        }
        for (name, value) in [("resource", &self.audience), ("user", &self.user)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        Json::Object(body)
    }
}

/// Tries a client out.
///
/// # Errors
/// As the server says.
pub async fn attempt(connection: &mut Connection<'_>, attempt: Try) -> Result<()> {
    if let Some(language) = attempt.lang {
        return print_program(connection, &attempt.id, language).await;
    }
    if attempt.mint {
        return mint(connection, &attempt).await;
    }
    if attempt.watch {
        return watch(connection, &attempt.id).await;
    }
    let url = connection
        .of_org(&["clients", &attempt.id, "preview-token"])
        .await?;
    let shown = connection
        .send(Method::POST, url, Some(&attempt.body()), None)
        .await?
        .body;
    let next = format!(
        "Nothing was issued. Next: oauthority client try {id} --lang curl, --mint, or --watch",
        id = attempt.id
    );
    connection.terminal.say(&next);
    connection.view.one(connection.terminal, &shown, &[], "scope")
}

async fn print_program(connection: &mut Connection<'_>, id: &str, language: Language) -> Result<()> {
    let url = connection.of_org(&["clients", id, "snippets"]).await?;
    let listed = connection.get(url).await?.body;
    let all = page::rows(&listed);
    let found = all.iter().find(|one| one["language"] == language.word());
    let found = found.ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            format!("there is no program in {language} for the grants of this client"),
        )
    })?;
    if matches!(
        connection.view.format,
        Format::Json | Format::Yaml | Format::Ndjson
    ) {
        return connection.view.one(connection.terminal, found, &[], "language");
    }
    let text = |name: &str| found[name].as_str().unwrap_or_default();
    let hint = format!(
        "Save it as {} and run `{}`, with the secret in OAUTHORITY_CLIENT_SECRET.",
        text("file"),
        text("run")
    );
    connection.terminal.say(&hint);
    connection.terminal.print(text("code"))
}

async fn mint(connection: &mut Connection<'_>, attempt: &Try) -> Result<()> {
    let url = connection.of_org(&["clients", &attempt.id, "test-token"]).await?;
    let made = connection
        .send(Method::POST, url, Some(&attempt.body()), None)
        .await?
        .body;
    if matches!(
        connection.view.format,
        Format::Json | Format::Yaml | Format::Ndjson
    ) {
        return connection
            .view
            .one(connection.terminal, &made, &[], "access_token");
    }
    let text = |name: &str| made[name].as_str().unwrap_or_default();
    let hint = format!("For a test only, until {}", text("expires_at"));
    connection.terminal.say(&hint);
    connection.terminal.print(&format!("{}\n", text("access_token")))
}

/// How often it is asked, and for how long.
const STEP: Duration = Duration::from_secs(2);
const STEPS: usize = 150;

async fn watch(connection: &mut Connection<'_>, id: &str) -> Result<()> {
    let client = connection.of_org(&["clients", id]).await?;
    let failures = with(
        connection.of_org(&["clients", id, "failures"]).await?,
        "limit",
        Some("1"),
    );
    let used = |client: &Json| client["last_used_at"].as_str().map(str::to_owned);
    let newest = |listed: &Json| page::rows(listed).into_iter().next();
    let before = used(&connection.get(client.clone()).await?.body);
    let mut told = newest(&connection.get(failures.clone()).await?.body).map(|one| one["reference"].clone());
    connection
        .terminal
        .say("Waiting for a token request… (up to five minutes)");
    for _ in 0..STEPS {
        let now = used(&connection.get(client.clone()).await?.body);
        if let Some(failure) = newest(&connection.get(failures.clone()).await?.body)
            && told.as_ref() != Some(&failure["reference"])
        {
            let text = |name: &str| failure[name].as_str().unwrap_or_default();
            let line = format!("{}  {}: {}", text("at"), text("error"), text("explanation"));
            connection.terminal.print(&format!("{line}\n"))?;
            told = Some(failure["reference"].clone());
        }
        if now.is_some() && now != before {
            let line = format!("{}  a token was issued\n", now.unwrap_or_default());
            return connection.terminal.print(&line);
        }
        let clock = connection.terminal.clock.clone();
        clock
            .wait(crate::time::Lifetime::seconds(STEP.as_secs().cast_signed()))
            .await;
    }
    Err(Failure::new(
        Exit::Unexpected,
        "no token was issued within five minutes",
    ))
}

//! `login`, `logout`, `whoami`, `status`.

use clap::Args;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    connection::{self, Connection},
    exit::{Failure, Result},
    options::Options,
    profile::{self, Profiles},
    render::{Kind, columns},
};
use crate::time::Timestamp;

/// Flags of `login`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  oauthority login --with-token < token.txt
  OAUTHORITY_CLIENT_ID=… OAUTHORITY_CLIENT_SECRET_FILE=… oauthority login --host https://login.example.com

A token that you keep ends with its lifetime. In scripts, set OAUTHORITY_CLIENT_ID and
OAUTHORITY_CLIENT_SECRET_FILE instead: each command then gets a token of its own.")]
pub struct Login {
    #[command(flatten)]
    pub options: Options,
    /// Read a token from standard input
    #[arg(long)]
    with_token: bool,
}

/// Keeps a token, after the server has accepted it.
///
/// # Errors
/// As the server says; when there is no token.
pub async fn login(login: Login, terminal: &mut Terminal) -> Result<()> {
    let file = profile::path(terminal)?;
    let mut profiles = Profiles::read(&file)?;
    let name = profiles.name(&login.options, terminal);
    // A profile that is to be made cannot be looked up yet.
    profiles.profiles.entry(name.clone()).or_default();
    let options = Options {
        profile: None,
        ..login.options.clone()
    };
    let mut connection = Connection::open(&options, terminal)?;
    let token = match (login.with_token, connection::credentials(connection.terminal)?) {
        (true, _) => connection.terminal.read_all("the token")?,
        (false, Some(who)) => connection.fetch_token(&who).await?,
        (false, None) => {
            return Err(Failure::usage(
                "give a token on standard input with --with-token, or set OAUTHORITY_CLIENT_ID and \
                 OAUTHORITY_CLIENT_SECRET_FILE",
            ));
        }
    };
    connection.use_token(token.clone());
    let me = connection.get(connection.url(&["api", "v1", "me"])).await?.body;
    let org = me.pointer("/org/handle").and_then(Json::as_str);
    let kept = profiles.profiles.entry(name.clone()).or_default();
    kept.host = Some(connection.host.as_str().trim_end_matches('/').to_owned());
    kept.org = login.options.org.or_else(|| org.map(str::to_owned));
    kept.token = Some(token);
    if profiles.default.is_none() {
        profiles.default = Some(name.clone());
    }
    profiles.write(&file)?;
    let who = me.get("name").and_then(Json::as_str).unwrap_or_default();
    let (tick, host) = (connection.view.tick(), connection.host.clone());
    connection
        .terminal
        .say(&format!("{tick} Signed in to {host} as {who}"));
    connection.terminal.say(&format!(
        "The token is in {} (mode 0600), profile {name}.",
        file.display()
    ));
    Ok(())
}

/// Forgets the token of the profile. The token itself lives on until it expires or is revoked.
///
/// # Errors
/// When the file cannot be written.
pub fn logout(options: &Options, terminal: &mut Terminal) -> Result<()> {
    let file = profile::path(terminal)?;
    let mut profiles = Profiles::read(&file)?;
    let name = profiles.name(options, terminal);
    match profiles
        .profiles
        .get_mut(&name)
        .and_then(|profile| profile.token.take())
    {
        Some(_) => {
            profiles.write(&file)?;
            terminal.say(&format!(
                "Forgot the token of profile {name}; `oauthority token revoke` ends one for good."
            ));
        }
        None => terminal.say(&format!("Profile {name} has no token.")),
    }
    Ok(())
}

/// Who the token belongs to.
///
/// # Errors
/// As the server says.
pub async fn whoami(options: Options, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&options, terminal)?;
    let me = connection.get(connection.url(&["api", "v1", "me"])).await?.body;
    connection.view.one(connection.terminal, &me, &[], "client_id")
}

/// Health, version, who, and how far the clocks are apart.
///
/// # Errors
/// As the server says.
pub async fn status(options: Options, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&options, terminal)?;
    let mut status = connection
        .get(connection.url(&["api", "v1", "status"]))
        .await?
        .body;
    let me = connection.get(connection.url(&["api", "v1", "me"])).await?.body;
    let time = status.get("time").and_then(Json::as_str);
    if let Some(at) = time.and_then(|text| Timestamp::parse(text).ok()) {
        status["clock_skew_seconds"] = json!(at.seconds_since(connection.terminal.clock.now()));
    }
    status["host"] = json!(connection.host.as_str());
    status["signed_in_as"] = me.get("name").cloned().unwrap_or_default();
    status["org"] = me.pointer("/org/handle").cloned().unwrap_or_default();
    let shown = columns(&[("time", "TIME", Kind::Moment)]);
    connection
        .view
        .one(connection.terminal, &status, &shown, "version")
}

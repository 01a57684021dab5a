//! `logout`, `whoami`, `switch`, `status`.

use clap::Args;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    connection::Connection,
    exit::Result,
    kept::{Kept, Place},
    login,
    options::Options,
    profile::{self, Profiles},
    render::{Kind, View, columns},
};
use crate::time::Timestamp;

/// Flags of `logout`.
#[derive(Args)]
pub struct Logout {
    #[command(flatten)]
    pub options: Options,
    /// Sign out of every profile
    #[arg(long)]
    all: bool,
}

/// Flags of `switch`.
#[derive(Args)]
pub struct Switch {
    #[command(flatten)]
    pub options: Options,
    /// The profile to use when nobody names one; without it, they are listed
    name: Option<String>,
}

/// Forgets the sign-in of the profile, and has the server take it back. A token that was given with `--with-token` is
/// only forgotten.
///
/// # Errors
/// When the file cannot be written.
pub async fn logout(logout: Logout, terminal: &mut Terminal) -> Result<()> {
    let file = profile::path(terminal)?;
    let profiles = Profiles::read(&file)?;
    let names = if logout.all {
        profiles.profiles.keys().cloned().collect()
    } else {
        vec![profiles.name(&logout.options, terminal)]
    };
    for name in names {
        leave(&name, &logout.options, terminal).await?;
    }
    Ok(())
}

async fn leave(name: &str, options: &Options, terminal: &mut Terminal) -> Result<()> {
    let file = profile::path(terminal)?;
    let mut profiles = Profiles::read(&file)?;
    let Some(profile) = profiles.profiles.get_mut(name) else {
        terminal.say(&format!("Profile {name} is not signed in."));
        return Ok(());
    };
    let (token, sign_in) = (profile.token.take(), profile.sign_in.take());
    if let Some(keeper) = sign_in {
        let place = Place::of(name, keeper, terminal)?;
        // A command that runs just now must not keep a new one behind our back.
        let _held = place.lock().await?;
        let kept = place.read().await.unwrap_or_default();
        let told = match &kept {
            Some(kept) => tell(kept, options, terminal).await,
            None => Ok(()),
        };
        place.remove().await?;
        profiles.write(&file)?;
        terminal.say(&match told {
            Ok(()) => format!("Signed out of profile {name}: the server has taken its tokens back."),
            Err(failure) => format!(
                "Forgot the sign-in of profile {name}, but the server could not be told, where it lives on: {failure}"
            ),
        });
        return Ok(());
    }
    if token.is_some() {
        profiles.write(&file)?;
        terminal.say(&format!(
            "Forgot the token of profile {name}; `oauthority token revoke` ends one for good."
        ));
    } else {
        terminal.say(&format!("Profile {name} is not signed in."));
    }
    Ok(())
}

async fn tell(kept: &Kept, options: &Options, terminal: &mut Terminal) -> Result<()> {
    let there = Options {
        host: Some(kept.host.clone()),
        profile: None,
        ..options.clone()
    };
    login::end(&mut Connection::open(&there, terminal)?, kept).await
}

/// Chooses the profile to use when nobody names one, or lists them.
///
/// # Errors
/// When there is no such profile, or the file cannot be written.
pub fn switch(switch: &Switch, terminal: &mut Terminal) -> Result<()> {
    let file = profile::path(terminal)?;
    let mut profiles = Profiles::read(&file)?;
    let Some(name) = &switch.name else {
        let current = profiles.name(&switch.options, terminal);
        let rows = profiles.profiles.iter().map(|(name, profile)| {
            json!({
                "name": name,
                "host": profile.host,
                "org": profile.org,
                "signed_in": profile.sign_in.is_some() || profile.token.is_some(),
                "current": *name == current,
            })
        });
        let shown = columns(&[
            ("name", "PROFILE", Kind::Text),
            ("host", "HOST", Kind::Text),
            ("org", "ORGANISATION", Kind::Text),
            ("signed_in", "SIGNED IN", Kind::Text),
            ("current", "CURRENT", Kind::Text),
        ]);
        let rows: Vec<Json> = rows.collect();
        return View::new(&switch.options, terminal)?.list(terminal, &rows, &shown, "name");
    };
    if !profiles.profiles.contains_key(name) {
        return Err(profiles.unknown(name));
    }
    profiles.default = Some(name.clone());
    profiles.write(&file)?;
    terminal.say(&format!("Profile {name} is used from now on."));
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

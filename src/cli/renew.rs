//! The access token of a kept sign-in, renewed when its time is over.
//! [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)

use serde_json::Value as Json;

use super::{
    connection::Connection,
    exit::{Exit, Failure, Result},
    kept::{Kept, Place},
    profile::{self, Profiles},
};
use crate::time::Timestamp;

/// So many seconds before its end a token is not used any more: the request takes a while.
const EARLY: i64 = 30;

/// An access token that works.
///
/// # Errors
/// `SignInNeeded` when the sign-in is over or is for another server; as the server says.
pub async fn usable(connection: &mut Connection<'_>, place: &Place) -> Result<String> {
    let kept = read(connection, place).await?;
    if fresh(connection, &kept) {
        return Ok(kept.access_token);
    }
    let _held = place.lock().await?;
    // Another command may have been first.
    let kept = read(connection, place).await?;
    if fresh(connection, &kept) {
        return Ok(kept.access_token);
    }
    let Some(refresh_token) = kept.refresh_token.clone() else {
        return Err(over(connection, place).await);
    };
    let answer = match refresh(connection, &kept, &refresh_token).await {
        // The answer may have got lost: for a moment, the same token leads to the same answer.
        Err(failure) if failure.exit == Exit::Network => refresh(connection, &kept, &refresh_token).await,
        other => other,
    };
    let answer = match answer {
        Err(failure) if failure.error() == Some("invalid_grant") => {
            return Err(over(connection, place).await);
        }
        other => other?,
    };
    let next = read_answer(&answer, &kept, connection.terminal.clock.now())?;
    if let Err(failure) = place.write(&next).await {
        connection
            .terminal
            .say(&format!("{failure}; the next command will ask you to sign in"));
    }
    Ok(next.access_token)
}

async fn refresh(connection: &mut Connection<'_>, kept: &Kept, token: &str) -> Result<Json> {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", kept.client_id.as_str()),
    ];
    let url = super::connection::parse_url(&kept.token_endpoint)?;
    Ok(connection.public_form(url, &form).await?.body)
}

async fn read(connection: &Connection<'_>, place: &Place) -> Result<Kept> {
    let kept = place
        .read()
        .await?
        .ok_or_else(|| needed("you are not signed in"))?;
    let host = connection.host.as_str().trim_end_matches('/');
    if kept.host != host {
        return Err(needed(&format!(
            "profile {} is signed in to {}, not to {host}",
            connection.profile_name, kept.host
        )));
    }
    Ok(kept)
}

fn fresh(connection: &Connection<'_>, kept: &Kept) -> bool {
    connection.terminal.clock.now().seconds() + EARLY < kept.expires_at
}

/// Forgets a sign-in that the server does not accept any more.
async fn over(connection: &mut Connection<'_>, place: &Place) -> Failure {
    let forgotten = async {
        place.remove().await?;
        let file = profile::path(connection.terminal)?;
        let mut profiles = Profiles::read(&file)?;
        if let Some(profile) = profiles.profiles.get_mut(&connection.profile_name) {
            profile.sign_in = None;
            profiles.write(&file)?;
        }
        Ok::<(), Failure>(())
    };
    if let Err(failure) = forgotten.await {
        connection.terminal.say(&failure.to_string());
    }
    needed("your sign-in has ended: it was revoked, or not used for too long")
}

fn needed(why: &str) -> Failure {
    Failure::new(Exit::SignInNeeded, format!("{why}: run `oauthority login`"))
}

/// What a token response says; what it leaves out is as before.
///
/// # Errors
/// When it holds no token.
pub fn read_answer(answer: &Json, before: &Kept, now: Timestamp) -> Result<Kept> {
    let text = |name: &str| answer.get(name).and_then(Json::as_str).map(str::to_owned);
    let missing = || Failure::new(Exit::Unexpected, "the server gave no token");
    let lifetime = answer.get("expires_in").and_then(Json::as_i64);
    Ok(Kept {
        access_token: text("access_token").ok_or_else(missing)?,
        expires_at: now.seconds().saturating_add(lifetime.unwrap_or_default()),
        refresh_token: text("refresh_token").or_else(|| before.refresh_token.clone()),
        scope: text("scope").unwrap_or_else(|| before.scope.clone()),
        ..before.clone()
    })
}

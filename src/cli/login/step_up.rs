//! Signing in anew in the middle of a command, because the server wants a fresher or stronger sign-in for what was asked.
//! [RFC 9470 §4](https://www.rfc-editor.org/rfc/rfc9470#section-4)

use std::time::Duration;

use serde_json::Value as Json;

use super::{Proof, Wish, discovery, end, tokens};
use crate::cli::{
    connection::Connection,
    exit::{Exit, Failure, Result},
    kept::{Kept, Place},
    renew,
};

/// How long a command waits for the person.
const PATIENCE: Duration = Duration::from_secs(300);

/// Lets the person sign in as the server wants it, with the scopes that the profile has. The sign-in before is over then.
///
/// # Errors
/// When nobody signs in, or somebody else does, or they refuse; as the server says.
pub async fn step_up(connection: &mut Connection<'_>, refused: &Failure) -> Result<()> {
    let signed_out = || {
        Failure::new(
            Exit::SignInNeeded,
            "you are not signed in: run `oauthority login`",
        )
    };
    let keeper = connection.profile.sign_in.ok_or_else(signed_out)?;
    let place = Place::of(&connection.profile_name, keeper, connection.terminal)?;
    let before = place.read().await?.ok_or_else(signed_out)?;
    connection.terminal.say(&format!("{}.", first_line(refused)));
    let person = connection.person().await?;
    let server = discovery::ask(connection).await?;
    let wish = Wish {
        client_id: &before.client_id,
        scope: &before.scope,
        patience: PATIENCE,
        proof: Proof::of(refused.problem.as_ref().unwrap_or(&Json::Null)),
    };
    let answer = tokens(connection, &server, &wish, None).await?;
    let blank = Kept {
        refresh_token: None,
        ..before
    };
    let next = renew::read_answer(&answer, &blank, connection.terminal.clock.now())?;
    connection.use_token(next.access_token.clone());
    if let Err(other) = same_person(connection, &person).await {
        connection.use_token(blank.access_token);
        // It ends by itself if the server cannot be told.
        drop(end(connection, &next).await);
        return Err(other);
    }
    let held = place.lock().await?;
    // Another command may have renewed it meanwhile.
    let before = place.read().await?;
    place.write(&next).await?;
    drop(held);
    connection.terminal.say("Signed in anew; the command goes on.");
    if let Some(before) = before {
        // It ends by itself if the server cannot be told.
        drop(end(connection, &before).await);
    }
    Ok(())
}

/// Whoever signs in meanwhile must be the person of the profile: a command that one began does not go on as another.
async fn same_person(connection: &mut Connection<'_>, (id, name): &(String, String)) -> Result<()> {
    let (new_id, new_name) = connection.person().await?;
    if new_id == *id {
        return Ok(());
    }
    let profile = &connection.profile_name;
    Err(Failure::new(
        Exit::SignInNeeded,
        format!(
            "{new_name} signed in, but the profile {profile} is {name}'s: nothing was done, that sign-in is over, and the \
             one before is kept\n  sign in as {name}, or become somebody else with `oauthority login`"
        ),
    ))
}

/// What the server says, without what is for its operator.
fn first_line(refused: &Failure) -> &str {
    refused.message.lines().next().unwrap_or_default()
}

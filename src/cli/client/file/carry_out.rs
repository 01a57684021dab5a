//! Carries a plan out, client by client. What fails does not stop the rest; what became of each is told.

use reqwest::Method;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::{
    super::super::{
        connection::{Answer, Connection},
        exit::{Exit, Failure, Result},
    },
    plan::{Change, Kind, Step},
    secrets::{Place, SecretsTo},
};

/// What became of a step.
pub struct Outcome {
    pub client_id: Option<String>,
    /// `unchanged`, `done`, `conflict`, `secret_lost`, `failed`.
    pub word: &'static str,
    pub exit: Exit,
}

/// Does what a step says.
pub async fn carry_out(connection: &mut Connection<'_>, step: &Step, to: &SecretsTo) -> Outcome {
    let done = match &step.kind {
        Kind::Same => {
            return Outcome {
                client_id: None,
                word: "unchanged",
                exit: Exit::Done,
            };
        }
        Kind::Create => return create(connection, step, to).await,
        Kind::Change(change) => self::change(connection, step, change).await.map(|()| "Changed"),
        Kind::Remove => remove(connection, step).await.map(|()| "Deleted"),
    };
    finish(connection, step, step.client_id(), done)
}

fn finish(
    connection: &mut Connection<'_>,
    step: &Step,
    client_id: Option<&str>,
    done: Result<&'static str>,
) -> Outcome {
    let (word, exit, line) = match done {
        Ok(verb) => {
            let tick = connection.view.tick();
            let id = client_id.unwrap_or_default();
            ("done", Exit::Done, format!("{tick} {verb} {}  {id}", step.key))
        }
        Err(failure) if failure.exit == Exit::Conflict => {
            let line = format!("{}: conflict: {failure}", step.key);
            ("conflict", Exit::Conflict, line)
        }
        Err(failure) => ("failed", failure.exit, format!("{}: failed: {failure}", step.key)),
    };
    connection.terminal.say(&line);
    Outcome {
        client_id: client_id.map(str::to_owned),
        word,
        exit,
    }
}

async fn create(connection: &mut Connection<'_>, step: &Step, to: &SecretsTo) -> Outcome {
    let place = match step.makes_secret().then(|| to.reserve(&step.key)).transpose() {
        Ok(place) => place,
        Err(failure) => return finish(connection, step, None, Err(failure)),
    };
    let Some(entry) = &step.entry else {
        return finish(connection, step, None, Err(Failure::usage("no entry")));
    };
    let body = Json::Object(entry.creation());
    let mut answer = match post(connection, &["clients"], &body).await {
        Ok(answer) => answer.body,
        Err(failure) => {
            if let Some(place) = place {
                place.release();
            }
            return finish(connection, step, None, Err(perhaps(failure)));
        }
    };
    let secret = match answer["client_secret"].take() {
        Json::String(text) => Some(Zeroizing::new(text)),
        _ => None,
    };
    let id = answer["client"]["client_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let delivered = hand_over(connection, step, to, place, &id, secret.as_deref()).await;
    let outcome = finish(connection, step, Some(&id), Ok("Created"));
    if let Err(failure) = delivered {
        let line = format!(
            "{}: the secret of {id} was not handed over: {failure}\n  nobody has it, and it is not shown again. \
             Make another: oauthority secret rotate {id}",
            step.key
        );
        connection.terminal.say(&line);
        return Outcome {
            word: "secret_lost",
            exit: Exit::SomeFailed,
            ..outcome
        };
    }
    match complete(connection, step, &id, &answer["client"]).await {
        Ok(()) => outcome,
        Err(failure) => finish(connection, step, Some(&id), Err(failure)),
    }
}

/// After a lost answer nobody knows.
fn perhaps(mut failure: Failure) -> Failure {
    if matches!(failure.exit, Exit::Network | Exit::Unexpected) {
        failure.message.push_str(
            "\n  it may have been created nevertheless: look for its key with `oauthority client list --key`, and rotate \
             its secret",
        );
    }
    failure
}

async fn hand_over(
    connection: &mut Connection<'_>,
    step: &Step,
    to: &SecretsTo,
    place: Option<Place>,
    id: &str,
    secret: Option<&String>,
) -> Result<()> {
    match (place, secret) {
        (Some(place), Some(secret)) => {
            let told = to.deliver(connection, place, &step.key, id, secret).await?;
            let line = format!("  its secret went to {told}");
            connection.terminal.say(&line);
            Ok(())
        }
        (Some(place), None) => {
            place.release();
            Ok(())
        }
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Failure::new(Exit::Unexpected, "no place was named for it")),
    }
}

/// What creation leaves open: the settings beside a template, and the status.
async fn complete(connection: &mut Connection<'_>, step: &Step, id: &str, client: &Json) -> Result<()> {
    let Some(entry) = &step.entry else {
        return Ok(());
    };
    if entry.template.is_some() {
        let mut rest = entry.patch(&["auth_method", "access_token_lifetime", "owner"]);
        rest.retain(|_, value| !value.is_null());
        if !rest.is_empty() {
            let etag = client["version"]
                .as_u64()
                .map(|version| format!("\"v{version}\""));
            let url = connection.of_org(&["clients", id]).await?;
            connection
                .send(Method::PATCH, url, Some(&Json::Object(rest)), etag.as_deref())
                .await?;
        }
    }
    if entry.disabled {
        post(connection, &["clients", id, "disable"], &json!({})).await?;
    }
    Ok(())
}

async fn post(connection: &mut Connection<'_>, parts: &[&str], body: &Json) -> Result<Answer> {
    let url = connection.of_org(parts).await?;
    connection.send(Method::POST, url, Some(body), None).await
}

/// Only what the plan has seen is changed.
async fn change(connection: &mut Connection<'_>, step: &Step, change: &Change) -> Result<()> {
    let id = step.client_id().unwrap_or_default();
    let mut etag = step.etag();
    if !change.body.is_empty() {
        let url = connection.of_org(&["clients", id]).await?;
        let body = Json::Object(change.body.clone());
        etag = connection
            .send(Method::PATCH, url, Some(&body), etag.as_deref())
            .await?
            .etag;
    }
    if let Some(disable) = change.disable {
        let verb = if disable { "disable" } else { "enable" };
        let url = connection.of_org(&["clients", id, verb]).await?;
        connection
            .send(Method::POST, url, Some(&json!({})), etag.as_deref())
            .await?;
    }
    Ok(())
}

async fn remove(connection: &mut Connection<'_>, step: &Step) -> Result<()> {
    let url = connection
        .of_org(&["clients", step.client_id().unwrap_or_default()])
        .await?;
    let etag = step.etag();
    connection
        .send(Method::DELETE, url, None, etag.as_deref())
        .await?;
    Ok(())
}

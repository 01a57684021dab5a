//! A POST that may be sent again.
//! [draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)
//!
//! 1. The key is taken before anything is done; whoever comes second gets 409.
//! 2. The request runs to its end even if its caller goes away, and its answer is remembered for a day.
//! 3. Another try gets that answer. What is secret in it is kept sealed, and given to the same caller within ten
//!    minutes: a lost answer costs at most one more rotation, never a second plaintext.
//!
//! A request that was interrupted by the end of the process keeps its key: whether it took effect is not known.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::call::{Reply, Secret};
use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::refusal::{Code, Refusal},
    registry::Registry,
    store::idempotency::{self, Remembered},
    time::{Lifetime, Timestamp},
};

/// For how long an answer is remembered.
const KEPT: Lifetime = Lifetime::hours(24);

/// For how long its secret is.
const SECRET_KEPT: Lifetime = Lifetime::minutes(10);

const PURPOSE: &str = "idempotency";

/// A key that this request holds.
pub struct Held {
    caller: String,
    key: String,
}

/// What became of asking for a key.
pub enum Taken {
    /// The request may run; it ends in [`finish`].
    Now(Held),
    /// It ran before, and this was the answer.
    Before(Reply),
}

/// How an answer is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    body: Json,
    etag: Option<String>,
    location: Option<String>,
    /// The member of the body that the secret belongs into.
    secret: Option<String>,
}

/// Checks the text of a key, which came in the header `name`.
///
/// # Errors
/// Bad input.
pub fn check_key(name: &str, key: &str) -> Result<(), Refusal> {
    let plain = (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if plain {
        return Ok(());
    }
    Err(Code::Invalid
        .because(format!(
            "the {name} has 1 to 255 visible ASCII characters without spaces"
        ))
        .reason("idempotency_key"))
}

/// Takes the key for a request that `content` tells apart from others.
///
/// # Errors
/// `idempotency_key_reused` when it came with another request; `conflict` while that one runs, or when it broke off.
pub async fn take(registry: &Registry, caller: &str, key: &str, content: &[u8]) -> Result<Taken> {
    let (now, past) = (registry.now(), registry.live.past().before(KEPT));
    let fingerprint = registry.keyring.digest(PURPOSE, content);
    for _ in 0..2 {
        let known = idempotency::find(registry.db(), caller, key, past.at()).await?;
        if let Some(known) = known {
            return repeat(registry, known, fingerprint.as_bytes(), now).map(Taken::Before);
        }
        let begin = idempotency::begin(caller, key, fingerprint.as_bytes(), now);
        let batch = Batch::from_iter([idempotency::forget(past), begin]);
        match registry.db().write(batch).await {
            Ok(_) => {
                return Ok(Taken::Now(Held {
                    caller: caller.to_owned(),
                    key: key.to_owned(),
                }));
            }
            // Somebody was first: the next round reads what he does.
            Err(WriteError::Unmet("taken") | WriteError::Unique { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(running().into())
}

fn running() -> Refusal {
    Code::Conflict
        .because(
            "a request with this Idempotency-Key is still running, or broke off: look whether it took effect before \
             you send it with another key",
        )
        .reason("idempotency_key_running")
        .retry_after(2)
}

fn repeat(registry: &Registry, known: Remembered, fingerprint: &[u8], now: Timestamp) -> Result<Reply> {
    if known.fingerprint != fingerprint {
        return Err(Code::Unprocessable
            .because("this Idempotency-Key came with another request before: use a key once")
            .into());
    }
    let answer = known.answer.ok_or_else(running)?;
    let kept: Kept = serde_json::from_slice(&answer).map_err(Error::internal)?;
    let mut body = kept.body;
    if known.created_at > now.before(SECRET_KEPT)
        && let (Some(member), Some(mut sealed)) = (kept.secret, known.secret)
    {
        let text = registry.keyring.open(PURPOSE.as_bytes(), &mut sealed);
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        body[member] = text.map_or(Json::Null, Json::from);
    }
    Ok(Reply {
        etag: kept.etag,
        location: kept.location,
        replayed: true,
        ..Reply::ok(body)
    })
}

/// Remembers the answer, or gives the key back when nothing was done.
///
/// # Errors
/// The request's own; a failure to remember leaves the key taken and does not change the answer.
pub async fn finish(registry: &Registry, held: &Held, result: Result<Reply>) -> Result<Reply> {
    let statement = match &result {
        Ok(reply) => remember(registry, held, reply),
        Err(_) => Some(idempotency::abandon(&held.caller, &held.key)),
    };
    if let Some(statement) = statement
        && let Err(error) = registry.db().write(statement.into()).await
    {
        tracing::warn!(?error, "the answer to an idempotency key could not be remembered");
    }
    result
}

fn remember(registry: &Registry, held: &Held, reply: &Reply) -> Option<crate::db::Statement> {
    let seal = |secret: &Secret| {
        let text = secret.text.expose().as_bytes();
        registry.keyring.seal(&registry.entropy, PURPOSE.as_bytes(), text)
    };
    let kept = Kept {
        body: reply.body.clone().unwrap_or(Json::Null),
        etag: reply.etag.clone(),
        location: reply.location.clone(),
        secret: reply.secret.as_ref().map(|secret| secret.member.to_owned()),
    };
    let answer = serde_json::to_vec(&kept).ok()?;
    let secret = reply.secret.as_ref().map(seal);
    Some(idempotency::finish(&held.caller, &held.key, &answer, secret))
}

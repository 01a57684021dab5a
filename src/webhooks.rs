//! Sends what webhooks are told. [Standard
//! Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
//!
//! 1. The sealer of the audit log queues a message in the transaction that gives the entry its place.
//! 2. A node claims a message before it sends it and says until when it is nobody else's; whoever dies meanwhile loses
//!    nothing, and the message goes out once more under the same id.
//! 3. The address was checked when it was saved; it is checked again here, and so is what its name resolves to. No redirect
//!    is followed, and of the answer only the status is read.
//! 4. What does not arrive is tried again with growing pauses, then given up, to be seen and sent again by hand. A webhook
//!    where nothing has arrived for days is switched off.

mod signature; // how a receiver knows that it was us

use crate::{
    app::State,
    db::{Batch, Statement, WriteError},
    delivery::{Ask, Due, Engine, Kind, Outcome},
    error::Result,
    outward::{self, Content},
    registry::{
        Registry,
        access::Access,
        webhooks::{self as registry_webhooks, TEST},
    },
    store::{
        self,
        webhook_deliveries::{self as kept, Delivery, State as Progress},
        webhooks::Webhook,
    },
    time::{Lifetime, Timestamp},
};

/// How long to wait after each try; after one more it is given up.
pub const PATIENCE: [Lifetime; 8] = [
    Lifetime::seconds(10),
    Lifetime::minutes(1),
    Lifetime::minutes(5),
    Lifetime::minutes(30),
    Lifetime::hours(2),
    Lifetime::hours(6),
    Lifetime::hours(12),
    Lifetime::hours(24),
];

/// For how long a node has a message to itself: far longer than a request may take.
const CLAIMED: Lifetime = Lifetime::minutes(1);
/// For how long nothing may arrive before a webhook is switched off.
pub const HOPE: Lifetime = Lifetime::days(5);

/// Messages to webhooks, for the engine that delivers them.
#[derive(Clone, Copy, Debug)]
pub struct Messages;

impl Kind for Messages {
    type Row = Delivery;

    async fn due(self, registry: &Registry, ask: Ask) -> Result<Vec<Due<Delivery>>> {
        let found = kept::due(
            registry.db(),
            ask.now,
            ask.organizations,
            ask.targets,
            ask.each,
            ask.limit,
        );
        let due = found.await?.into_iter().map(|found| Due {
            id: found.delivery.id.clone(),
            org_id: found.org_id,
            target: found.delivery.webhook_id.clone(),
            url: found.url,
            row: found.delivery,
        });
        Ok(due.collect())
    }

    async fn attempt(self, registry: &Registry, message: Delivery) -> Result<Outcome> {
        attempt(registry, message).await
    }

    fn put_off(self, webhook_id: &str, now: Timestamp, until: Timestamp) -> Statement {
        kept::put_off(webhook_id, now, until)
    }
}

/// Sends what is due and waits for the end of it. Returns how many messages were tried.
///
/// # Errors
/// When the storage fails.
pub async fn deliver(app: &State) -> Result<usize> {
    Engine::new(app, Messages).drain().await
}

/// Sends a test message now and says how that ended. `None` in a rehearsal.
///
/// # Errors
/// `not_found`; missing permission; when the storage fails.
pub async fn test(registry: &Registry, access: &Access, id: &str) -> Result<Option<Delivery>> {
    let Some((hook, message)) = registry_webhooks::test(registry, access, id).await? else {
        return Ok(None);
    };
    let Some(message) = claimed(registry, message).await? else {
        return Ok(None);
    };
    let sent = send(registry, &hook, &message).await?;
    settle(registry, &hook, message, sent).await.map(Some)
}

/// Tries a message once.
async fn attempt(registry: &Registry, message: Delivery) -> Result<Outcome> {
    let Some(message) = claimed(registry, message).await? else {
        return Ok(Outcome::NotOurs);
    };
    // Read anew: it may have been changed, switched off or removed since.
    let hook = store::webhooks::find_any(registry.db(), &message.webhook_id).await?;
    let Some(hook) = hook.filter(|hook| hook.active) else {
        return Ok(Outcome::NotOurs);
    };
    let sent = send(registry, &hook, &message).await?;
    let outcome = sent.as_ref().map_or(Outcome::Silent, |_| Outcome::Answered);
    settle(registry, &hook, message, sent).await?;
    Ok(outcome)
}

/// The message as it is while it is ours; `None` if somebody else has it.
async fn claimed(registry: &Registry, message: Delivery) -> Result<Option<Delivery>> {
    let now = registry.now();
    let until = now.after(CLAIMED);
    match registry
        .db()
        .write(kept::claim(&message, now, until).into())
        .await
    {
        Ok(_) => Ok(Some(Delivery {
            tries: message.tries + 1,
            next_try_at: until,
            last_try_at: Some(now),
            ..message
        })),
        Err(WriteError::Unmet("claimed")) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What came of a request: the status of the answer, or why there was none.
type Sent = std::result::Result<u16, String>;

async fn send(registry: &Registry, hook: &Webhook, message: &Delivery) -> Result<Sent> {
    let Some(org) = store::organizations::find(registry.db(), &hook.org_id).await? else {
        return Ok(Err("its organisation is gone".to_owned()));
    };
    let destination = match registry.boundary_of(&org).destination(&hook.url) {
        Ok(destination) => destination,
        Err(objection) => return Ok(Err(objection.detail)),
    };
    let now = registry.now();
    let keys = registry_webhooks::signing_keys(registry, hook, now);
    if keys.is_empty() {
        return Ok(Err("the key file does not open the signing secret".to_owned()));
    }
    let headers = [
        ("webhook-id", message.id.clone()),
        ("webhook-timestamp", now.seconds().to_string()),
        (
            "webhook-signature",
            signature::of(&keys, &message.id, now.seconds(), &message.body),
        ),
    ];
    Ok(outward::post(&destination, Content::Json(&message.body, &headers)).await)
}

/// Writes down how a try ended.
async fn settle(registry: &Registry, hook: &Webhook, message: Delivery, sent: Sent) -> Result<Delivery> {
    let now = registry.now();
    let arrived = sent.as_ref().is_ok_and(|status| outward::arrived(*status));
    let gone = sent == Ok(410);
    let message = judged(registry, message, sent, now);
    let mut batch = Batch::from(kept::settle(&message));
    batch.push(if arrived {
        store::webhooks::arrived(&hook.id, now)
    } else {
        store::webhooks::failed(&hook.id, now)
    });
    registry.db().write(batch).await?;
    if arrived || message.kind == TEST {
        return Ok(message);
    }
    tracing::info!(
        webhook = hook.id,
        message = message.id,
        tries = message.tries,
        status = message.last_status,
        why = message.last_error,
        "a webhook could not be told"
    );
    if gone {
        registry_webhooks::switch_off(registry, hook, "the receiver says that it is gone (410)").await?;
    } else if hook.failing_since.is_some_and(|since| since <= now.before(HOPE)) {
        registry_webhooks::switch_off(registry, hook, "nothing has arrived there for five days").await?;
    }
    Ok(message)
}

/// The message after a try.
fn judged(registry: &Registry, message: Delivery, sent: Sent, now: Timestamp) -> Delivery {
    let tries = usize::try_from(message.tries).unwrap_or(usize::MAX);
    let pause = PATIENCE
        .get(tries.saturating_sub(1))
        .filter(|_| message.kind != TEST);
    let (last_status, last_error) = match sent {
        Ok(status) if outward::arrived(status) => {
            return Delivery {
                state: Progress::Delivered,
                last_status: Some(i64::from(status)),
                last_error: None,
                delivered_at: Some(now),
                ..message
            };
        }
        Ok(status) => (Some(i64::from(status)), format!("it answered {status}")),
        Err(why) => (None, why),
    };
    Delivery {
        state: pause.map_or(Progress::Dead, |_| Progress::Waiting),
        next_try_at: pause.map_or(now, |pause| now.after(spread(registry, *pause))),
        last_status,
        last_error: Some(last_error.chars().take(300).collect()),
        ..message
    }
}

/// A pause and up to a fifth of it, so that what failed together does not come again together.
fn spread(registry: &Registry, pause: Lifetime) -> Lifetime {
    let [chance] = registry.entropy.bytes::<1>();
    let seconds = pause.as_seconds();
    Lifetime::seconds(seconds + seconds * i64::from(chance) / (5 * 255))
}

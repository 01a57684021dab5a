//! What webhooks are told, and what became of it.

use serde_json::json;

use super::{find, may_change, note, unknown};
use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::refusal::Code,
    registry::{
        Registry,
        access::{Access, Permission},
        audit,
    },
    store::{
        self,
        audit::Event,
        webhook_deliveries::{self as kept, Delivery, State},
        webhooks::Webhook,
    },
    time::{Lifetime, Timestamp},
};

/// What a test message tells of.
pub const TEST: &str = "webhook.test";

/// For how long whoever tests has the message to himself.
const TESTING: Lifetime = Lifetime::minutes(1);

/// The statements that queue an entry that has just been sealed for every webhook that wants to hear of it. What was
/// refused did not happen, and what happened before a webhook was made is none of its business.
pub fn messages(registry: &Registry, hooks: &[Webhook], event: &Event, now: Timestamp) -> Batch {
    let hears = |hook: &&Webhook| {
        hook.active && hook.created_at <= event.at && super::wants(&hook.events, &event.action)
    };
    let mut batch = Batch::default();
    if event.outcome != "done" {
        return batch;
    }
    for hook in hooks.iter().filter(hears) {
        let body = json!({ "type": event.action, "timestamp": event.at, "data": audit::record(event) });
        batch.push(kept::queue(&drafted(
            registry,
            hook,
            &event.id,
            &event.action,
            &body.to_string(),
            now,
        )));
    }
    batch
}

fn drafted(
    registry: &Registry,
    hook: &Webhook,
    event_id: &str,
    kind: &str,
    body: &str,
    now: Timestamp,
) -> Delivery {
    Delivery {
        id: format!("msg_{}", registry.id()),
        webhook_id: hook.id.clone(),
        event_id: event_id.to_owned(),
        kind: kind.to_owned(),
        body: body.to_owned(),
        state: State::Waiting,
        tries: 0,
        next_try_at: now,
        created_at: now,
        last_try_at: None,
        last_status: None,
        last_error: None,
        delivered_at: None,
    }
}

/// The messages to a webhook, newest first, in a state if one is named, those before the message `before`.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn deliveries(
    registry: &Registry,
    access: &Access,
    id: &str,
    state: Option<State>,
    before: Option<&Delivery>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let hook = find(registry, access, id).await?;
    Ok(kept::list(registry.db(), &hook.id, state, before, limit).await?)
}

/// One message to a webhook.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn delivery(registry: &Registry, access: &Access, id: &str, message: &str) -> Result<Delivery> {
    let hook = find(registry, access, id).await?;
    let found = kept::find(registry.db(), &hook.id, message).await?;
    found.ok_or_else(|| Code::NotFound.because("there is no message with this id").into())
}

/// Sends a message again that arrived or was given up, under the id that it had.
///
/// # Errors
/// `not_found`; `conflict` while it is still being tried; missing permission.
pub async fn redeliver(registry: &Registry, access: &Access, id: &str, message: &str) -> Result<Delivery> {
    access.require(Permission::OrganizationsWrite)?;
    let hook = find(registry, access, id).await?;
    let found = delivery(registry, access, id, message).await?;
    let waits = || -> Error {
        let why = format!("it is still being tried, the next time at {}", found.next_try_at);
        Code::Conflict.because(why).reason("webhook.waiting").into()
    };
    if found.state == State::Waiting {
        return Err(waits());
    }
    let now = registry.now();
    let mut batch = Batch::from(kept::again(&found.id, now));
    let details = json!({ "message": found.id, "type": found.kind, "entry": found.event_id });
    note(
        registry,
        &access.actor,
        &mut batch,
        &hook,
        "webhook.redelivered",
        details,
    );
    match registry.commit(access, batch).await {
        Ok(_) => {}
        Err(WriteError::Unmet("settled")) => return Err(waits()),
        Err(error) => return Err(error.into()),
    }
    Ok(Delivery {
        state: State::Waiting,
        tries: 0,
        next_try_at: now,
        delivered_at: None,
        ..found
    })
}

/// A message that says that it is a test, claimed by whoever asked for it. `None` in a rehearsal.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn test(registry: &Registry, access: &Access, id: &str) -> Result<Option<(Webhook, Delivery)>> {
    may_change(registry, access)?;
    let hook = find(registry, access, id).await?;
    if access.dry_run {
        return Ok(None);
    }
    let now = registry.now();
    let body = json!({
        "type": TEST,
        "timestamp": now,
        "data": { "webhook": hook.id, "actor": { "id": access.actor.id, "name": access.actor.name } },
    });
    let mut message = drafted(registry, &hook, "", TEST, &body.to_string(), now);
    message.event_id.clone_from(&message.id);
    message.next_try_at = now.after(TESTING);
    let mut batch = Batch::from(kept::add(&message));
    let details = json!({ "message": message.id });
    note(
        registry,
        &access.actor,
        &mut batch,
        &hook,
        "webhook.tested",
        details,
    );
    registry.commit(access, batch).await?;
    store::webhooks::find(registry.db(), &hook.org_id, &hook.id)
        .await?
        .map(|hook| Some((hook, message)))
        .ok_or_else(|| unknown().into())
}

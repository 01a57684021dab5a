//! Webhooks: addresses that an organisation wants told of what happens in it. The audit log is the outbox: a message is
//! queued in the transaction that seals the entry. How messages leave is not decided here.
//!
//! A webhook carries entries of the log away, so whoever makes one must be allowed to read the log.

mod input; // what a webhook may look like
mod messages; // what is sent, and what became of it

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

pub use self::{
    input::{Edit, NewWebhook, WORDS, wants},
    messages::{TEST, deliveries, delivery, messages, redeliver, test},
};
use crate::{
    db::Batch,
    error::Result,
    oauth::refusal::{Code, Refusal},
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        clients::differences,
    },
    secret::Secret,
    store::{self, organizations::Organization, webhooks::Webhook},
    time::{Lifetime, Timestamp},
};

/// How many an organisation may have.
const MOST: usize = 20;
/// For how long the old signing secret signs beside a new one at most.
pub const LONGEST_OVERLAP: Lifetime = Lifetime::days(30);
/// What a signing secret begins with.
/// [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// A webhook and the text of its new signing secret, which is told this once.
#[derive(Debug)]
pub struct Made {
    pub webhook: Webhook,
    /// None in a rehearsal.
    pub secret: Option<Secret<String>>,
}

/// There is no such webhook here.
fn unknown() -> Refusal {
    Code::NotFound.because("there is no webhook with this id")
}

/// Why the server sends nothing to a webhook, whatever happens; `None` if it does.
pub fn blocked(registry: &Registry, org: &Organization, hook: &Webhook) -> Option<String> {
    let boundary = registry.boundary_of(org);
    boundary
        .destination(&hook.url)
        .err()
        .map(|objection| objection.detail)
}

fn resource(hook: &Webhook) -> Resource<'_> {
    Resource {
        kind: "webhook",
        id: &hook.id,
        name: input::host(&hook.url),
    }
}

fn may_change(registry: &Registry, access: &Access) -> Result<()> {
    access.require(Permission::OrganizationsWrite)?;
    access.require(Permission::AuditRead)?;
    access.require_fresh(Permission::OrganizationsWrite, registry.now())
}

/// The webhooks of an organisation, oldest first.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Webhook>> {
    access.require(Permission::AuditRead)?;
    Ok(store::webhooks::of_organization(registry.db(), &access.org.id).await?)
}

/// One webhook of an organisation.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn find(registry: &Registry, access: &Access, id: &str) -> Result<Webhook> {
    access.require(Permission::AuditRead)?;
    let found = store::webhooks::find(registry.db(), &access.org.id, id).await?;
    Ok(found.ok_or_else(unknown)?)
}

/// Makes a webhook.
///
/// # Errors
/// Bad input field by field; `conflict` when there are too many; missing permission.
pub async fn create(registry: &Registry, access: &Access, new: NewWebhook) -> Result<Made> {
    may_change(registry, access)?;
    let (url, description, events) = new.checked(&registry.boundary_of(&access.org))?;
    let there = list(registry, access).await?;
    if there.len() >= MOST {
        let why = format!("an organisation has at most {MOST} webhooks: remove one first");
        return Err(Code::Conflict.because(why).reason("webhook.limit").into());
    }
    let now = registry.now();
    let id = format!("wh_{}", registry.id());
    let (sealed, text) = draw(registry, &id);
    let webhook = Webhook {
        id,
        org_id: access.org.id.clone(),
        url,
        description,
        events,
        active: new.active,
        disabled_why: None,
        secret: sealed,
        secret_made_at: now,
        old_secret: None,
        old_secret_ends_at: None,
        created_by: access.actor.id.clone(),
        created_at: now,
        updated_at: now,
        version: 1,
        failing_since: None,
        last_delivered_at: None,
    };
    let mut batch = Batch::from(store::webhooks::add(&webhook));
    let details = json!({ "after": describe(&webhook) });
    note(
        registry,
        &access.actor,
        &mut batch,
        &webhook,
        "webhook.created",
        details,
    );
    registry.commit(access, batch).await?;
    Ok(Made {
        webhook,
        secret: (!access.dry_run).then_some(text),
    })
}

/// Changes a webhook. One that is switched on again begins anew: nothing is held against it.
///
/// # Errors
/// Bad input field by field; `precondition_failed`; missing permission.
pub async fn edit(
    registry: &Registry,
    access: &Access,
    id: &str,
    version: Option<i64>,
    edit: Edit,
) -> Result<Webhook> {
    may_change(registry, access)?;
    let before = find(registry, access, id).await?;
    check_version(&before, version)?;
    let mut after = edit.applied(&before, &registry.boundary_of(&access.org))?;
    if after.active && !before.active {
        (after.disabled_why, after.failing_since) = (None, None);
    }
    let (was, is) = differences(&describe(&before), &describe(&after));
    // The path of a URL may be a secret of the receiver, so only the host is written down.
    let moved = after.url != before.url;
    if is.is_empty() && !moved {
        return Ok(after);
    }
    let now = registry.now();
    let mut batch = Batch::from(store::webhooks::set(&after, now));
    let details = json!({ "before": was, "after": is, "url_changed": moved });
    note(
        registry,
        &access.actor,
        &mut batch,
        &after,
        "webhook.updated",
        details,
    );
    registry.commit(access, batch).await?;
    Ok(changed(after, now))
}

/// Removes a webhook with its messages.
///
/// # Errors
/// `not_found`; `precondition_failed`; missing permission.
pub async fn remove(registry: &Registry, access: &Access, id: &str, version: Option<i64>) -> Result<()> {
    may_change(registry, access)?;
    let hook = find(registry, access, id).await?;
    check_version(&hook, version)?;
    let mut batch = Batch::from(store::webhooks::remove(&hook));
    let details = json!({ "before": describe(&hook) });
    note(
        registry,
        &access.actor,
        &mut batch,
        &hook,
        "webhook.deleted",
        details,
    );
    registry.commit(access, batch).await?;
    Ok(())
}

/// Gives a webhook a new signing secret; the old one signs beside it for so long.
///
/// # Errors
/// `conflict` while two secrets sign, unless both are to end now; an overlap out of range; missing permission.
pub async fn rotate(registry: &Registry, access: &Access, id: &str, overlap: Lifetime) -> Result<Made> {
    may_change(registry, access)?;
    input::check_overlap(overlap)?;
    let before = find(registry, access, id).await?;
    let now = registry.now();
    let keeps = overlap.as_seconds() > 0;
    if let Some(ends_at) = before.old_secret_ends_at.filter(|at| *at > now && keeps) {
        let why = format!(
            "two signing secrets are in use until {ends_at}: wait until then, or end the older ones now with an \
             overlap of 0"
        );
        return Err(Code::Conflict.because(why).reason("webhook.two_secrets").into());
    }
    let (sealed, text) = draw(registry, &before.id);
    let after = Webhook {
        old_secret: keeps.then(|| before.secret.clone()),
        old_secret_ends_at: keeps.then(|| now.after(overlap)),
        secret: sealed,
        secret_made_at: now,
        ..before
    };
    let mut batch = Batch::from(store::webhooks::set(&after, now));
    let details = json!({ "old_ends_at": after.old_secret_ends_at });
    note(
        registry,
        &access.actor,
        &mut batch,
        &after,
        "webhook.secret_rotated",
        details,
    );
    registry.commit(access, batch).await?;
    Ok(Made {
        webhook: changed(after, now),
        secret: (!access.dry_run).then_some(text),
    })
}

/// Switches a webhook off because nothing arrives there. Of several nodes one does it.
///
/// # Errors
/// When the storage fails.
pub async fn switch_off(registry: &Registry, hook: &Webhook, why: &str) -> Result<()> {
    let mut batch = Batch::from(store::webhooks::disable(&hook.id, why, registry.now()));
    let details = json!({ "reason": why, "failing_since": hook.failing_since });
    note(
        registry,
        &Actor::system(),
        &mut batch,
        hook,
        "webhook.disabled",
        details,
    );
    match registry.db().write(batch).await {
        Ok(_) | Err(crate::db::WriteError::Unmet("active")) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The keys that sign messages now: the newest first.
pub fn signing_keys(registry: &Registry, hook: &Webhook, now: Timestamp) -> Vec<Zeroizing<Vec<u8>>> {
    let old = hook
        .old_secret
        .as_ref()
        .filter(|_| hook.old_secret_ends_at.is_some_and(|at| at > now));
    std::iter::once(&hook.secret)
        .chain(old)
        .filter_map(|sealed| {
            let mut sealed = Zeroizing::new(sealed.clone());
            let key = registry.keyring.open(&purpose(&hook.id), &mut sealed)?;
            Some(Zeroizing::new(key.to_vec()))
        })
        .collect()
}

/// A new signing secret: sealed, and as text.
fn draw(registry: &Registry, id: &str) -> (Vec<u8>, Secret<String>) {
    let key = Zeroizing::new(registry.entropy.bytes::<SECRET_BYTES>());
    let sealed = registry
        .keyring
        .seal(&registry.entropy, &purpose(id), key.as_slice());
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(key.as_slice()));
    let mut text = String::with_capacity(PREFIX.len() + encoded.len());
    text.push_str(PREFIX);
    text.push_str(&encoded);
    (sealed, Secret::new(text))
}

/// A signing secret opens only for its webhook.
fn purpose(id: &str) -> Vec<u8> {
    format!("webhook {id}").into_bytes()
}

fn check_version(hook: &Webhook, seen: Option<i64>) -> Result<()> {
    if seen.is_some_and(|seen| seen != hook.version) {
        return Err(crate::db::WriteError::Unmet("version").into());
    }
    Ok(())
}

fn changed(hook: Webhook, now: Timestamp) -> Webhook {
    Webhook {
        updated_at: now,
        version: hook.version + 1,
        ..hook
    }
}

/// What the log says of a webhook.
fn describe(hook: &Webhook) -> Json {
    json!({
        "host": input::host(&hook.url),
        "description": hook.description,
        "events": hook.events,
        "active": hook.active,
    })
}

fn note(registry: &Registry, actor: &Actor, batch: &mut Batch, hook: &Webhook, action: &str, details: Json) {
    let event = registry.event(actor, &hook.org_id, action, resource(hook), details);
    batch.push(store::audit::append(&event));
}

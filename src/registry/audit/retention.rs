//! What is older than an organisation wants to keep goes, from the front of its chain. The chain keeps the place and hash
//! of the last entry that went, and is verified from there.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::Result,
    registry::{
        Registry, Resource,
        access::Actor,
        audit::{Kind, Which, end, hash, is_ours, judge},
    },
    store::{self, audit::Event, audit_chains as chains, organizations::Settings},
    time::{Lifetime, Timestamp},
};

/// What is said of entries that went.
const PRUNED: &str = "audit.pruned";
/// How many go in one transaction.
const AT_ONCE: i64 = 2000;
const DAY: i64 = 86_400_000;
/// Nothing goes before it is so many days old.
pub const SHORTEST: i64 = 30;

/// Removes what is old, in every organisation.
///
/// # Errors
/// When the storage fails.
pub async fn enforce(registry: &Registry) -> Result<()> {
    // The log is evidence: what is past for sure goes, not what one clock says.
    let past = registry.live.past();
    let day_before = |days: i64| {
        let at = past.before(Lifetime::days(days)).at().millis();
        // Whole days, so that not every turn of the sweep finds another entry to remove and to tell of.
        Timestamp::from_millis(at - at.rem_euclid(DAY))
    };
    for found in chains::aged(registry.db(), day_before(SHORTEST)).await? {
        let (label, settings) = match found.org {
            None => (String::new(), Settings::default()),
            Some((label, Ok(settings))) => (label, settings),
            Some((_, Err(error))) => {
                tracing::error!(%error, chain = found.name, "how long entries are kept cannot be read, so that none goes");
                continue;
            }
        };
        let Some(days) = settings.audit_retention_days else {
            continue;
        };
        let oldest = day_before(days.max(SHORTEST));
        if found.first_at < oldest {
            while prune(registry, &found.name, &label, oldest).await? {}
        }
    }
    Ok(())
}

/// Removes a part of a chain; `false` when there is nothing (more) to remove.
async fn prune(registry: &Registry, name: &str, label: &str, oldest: Timestamp) -> Result<bool> {
    let db = registry.db();
    let Some(chain) = chains::find(db, name).await? else {
        return Ok(false);
    };
    let mut events = store::audit::chained(db, name, chain.anchor.seq, AT_ONCE).await?;
    let old = events.iter().take_while(|event| event.at < oldest).count();
    events.truncate(old);
    // The trace of earlier removals alone is no reason for another.
    let Some(last) = events
        .last()
        .filter(|_| events.iter().any(|event| event.action != PRUNED))
    else {
        return Ok(false);
    };
    let Some(found) = recomputed(registry, &chain, &events) else {
        tracing::error!(
            chain = name,
            "the audit chain is not whole, so nothing of it is removed: see `oauthority audit verify`"
        );
        return Ok(false);
    };
    let anchor = end(registry, Which::Anchor, name, found.0, &found.1);
    let resource = Resource {
        kind: "organization",
        id: name,
        name: label,
    };
    let details = json!({ "entries": events.len(), "up_to": last.at, "last_seq": found.0 });
    let mut event = registry.event(&Actor::system(), name, PRUNED, resource, details);
    if name.is_empty() {
        event.org_id = None;
    }
    let batch = Batch::from_iter([
        chains::weigh(&chain, &anchor),
        store::audit::prune(name, found.0),
        store::audit::append(&event),
    ]);
    match db.write(batch).await {
        Ok(_) => Ok(true),
        // Another node does the same.
        Err(WriteError::Unmet(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Place and hash of the last of these entries, computed anew from the anchor. `None` if they are not what was sealed:
/// then they are evidence, and stay.
fn recomputed(registry: &Registry, chain: &chains::Chain, events: &[Event]) -> Option<(i64, Vec<u8>)> {
    let anchor = &chain.anchor;
    if !is_ours(registry, Which::Anchor, &chain.name, anchor) {
        return None;
    }
    let mut last = (anchor.seq, anchor.hash.clone());
    for event in events {
        let link = event.sealed.as_ref()?;
        let next = last.0 + 1;
        let expected = hash(event, next, &last.1);
        if link.seq != next || link.hash != expected || judge(registry, event) == Kind::Foreign {
            return None;
        }
        last = (next, expected.to_vec());
    }
    Some(last)
}

//! Entries that a version before the second format wrote and did not come to seal. The first start of this version gives them
//! their places, once for each chain, and closes it: from then on the head carries a MAC of another kind, and nothing that
//! has no MAC of its own gets a place behind it.
//!
//! A chain is open only if its head was made by this key file for the first format; one without a head only while no chain of
//! the whole database is closed. So neither a row nor a chain that somebody adds later opens it again. What was adopted is an
//! entry itself, `audit.adopted`, with how many.

use serde_json::json;

use super::{Kind, Which, chain, end, hash, is_ours, judge, seal};
use crate::{
    db::{Batch, WriteError},
    error::Result,
    registry::{Registry, Resource, access::Actor},
    store::{
        self,
        audit::Event,
        audit_chains::{self as chains, Chain},
    },
};

/// What is said of entries that were adopted.
pub const ADOPTED: &str = "audit.adopted";
/// How many get their places in one transaction.
const AT_ONCE: i64 = 500;
/// How many chains without a head are begun.
const CHAINS: i64 = 1_000_000;

/// Adopts what waits, and closes every chain. Safe to repeat, and from several nodes at once.
///
/// # Errors
/// When the storage fails.
pub async fn all(registry: &Registry) -> Result<()> {
    let db = registry.db();
    let known = chains::all(db).await?;
    let closed = |chain: &Chain| is_ours(registry, Which::Head, &chain.name, &chain.head);
    if !known.iter().any(closed) {
        for name in chains::waiting(db, CHAINS).await? {
            let first = store::audit::unsealed(db, &name, 1).await?;
            if first.iter().any(|event| judge(registry, event) == Kind::First) {
                seal::begun(registry, &name, Which::FirstHead).await?;
            }
        }
    }
    for chain in chains::all(db).await? {
        while step(registry, &chain.name).await? {}
    }
    Ok(())
}

/// Adopts a part of what waits, or closes the chain. `false` once it is closed, or was never one of ours.
async fn step(registry: &Registry, name: &str) -> Result<bool> {
    let db = registry.db();
    let Some(before) = chains::find(db, name).await? else {
        return Ok(false);
    };
    if !is_ours(registry, Which::FirstHead, name, &before.head) {
        return Ok(false);
    }
    let now = registry.now();
    let newest = store::audit::chained(db, name, before.head.seq - 1, 1).await?;
    let newest = newest.last().map(|event| event.at);
    let waiting = store::audit::unsealed(db, name, AT_ONCE).await?;
    let fits = |event: &&Event| {
        judge(registry, event) == Kind::First && chain::out_of_order(event.at, newest, now).is_none()
    };
    let adopted: Vec<&Event> = waiting.iter().filter(fits).collect();
    let foreign =
        |event: &&Event| !fits(event) && matches!(judge(registry, event), Kind::First | Kind::Foreign);
    let mut places: Batch = waiting
        .iter()
        .filter(foreign)
        .map(|event| store::audit::refuse(&event.id, now))
        .collect();
    let more = waiting.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX)
        && !(adopted.is_empty() && places.is_empty());
    let (mut seq, mut last) = (before.head.seq, before.head.hash.clone());
    for event in &adopted {
        seq += 1;
        last = hash(event, seq, &last).to_vec();
        places.push(store::audit::seal(&event.id, seq, &last));
    }
    if let Some(event) = adopted.last() {
        let resource = Resource {
            kind: "organization",
            id: name,
            name: "",
        };
        let details = json!({ "entries": adopted.len(), "up_to": event.at, "last_seq": seq });
        let mut note = registry.event(&Actor::system(), name, ADOPTED, resource, details);
        note.org_id = Some(name.to_owned()).filter(|name| !name.is_empty());
        places.push(store::audit::append(&note));
    }
    let which = if more { Which::FirstHead } else { Which::Head };
    let head = end(registry, which, name, seq, &last);
    let mut batch = Batch::from(chains::advance(&before, &head, now));
    batch.append(places);
    match db.write(batch).await {
        Ok(_) | Err(WriteError::Unmet(_)) => Ok(true),
        Err(WriteError::Unique { .. }) => {
            tracing::error!(
                chain = name,
                "something stands behind the end of the audit chain: nothing is put there"
            );
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

//! Places for new entries, and messages to webhooks about them: both in one transaction, so that no entry is missed and
//! none is told twice, whatever crashes.

use crate::{
    db::{Batch, WriteError},
    error::Result,
    registry::{
        Registry,
        audit::{Which, chain, end, hash, is_ours},
        webhooks,
    },
    store::{
        self,
        audit::Link,
        audit_chains::{self as chains, Chain},
    },
};

/// How many entries get their places in one transaction.
const AT_ONCE: i64 = 200;
/// How many chains are looked at in one turn.
const CHAINS: i64 = 100;

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There may be more.
    Sealed,
    /// Every entry has its place.
    Nothing,
    /// Somebody else was first.
    Overtaken,
    /// The end of the chain was not made by this server, or something stands behind it: nothing is put there.
    Broken,
}

/// Gives every entry its place that has none.
///
/// # Errors
/// When the storage fails.
pub async fn all(registry: &Registry) -> Result<()> {
    for name in chains::waiting(registry.db(), CHAINS).await? {
        if !one(registry, &name).await? {
            tracing::error!(
                chain = name,
                "the end of the audit chain was not made with this key file, or something stands behind it already: \
                 nothing is sealed there, see `oauthority audit verify`"
            );
        }
    }
    Ok(())
}

/// Gives the entries of a chain their places. `false` if its end was not made by this server, or somebody put something
/// behind it.
///
/// # Errors
/// When the storage fails.
pub async fn one(registry: &Registry, name: &str) -> Result<bool> {
    loop {
        match step(registry, name).await? {
            Step::Sealed | Step::Overtaken => {}
            Step::Nothing => return Ok(true),
            Step::Broken => return Ok(false),
        }
    }
}

async fn step(registry: &Registry, name: &str) -> Result<Step> {
    let db = registry.db();
    let events = store::audit::unsealed(db, name, AT_ONCE).await?;
    if events.is_empty() {
        return Ok(Step::Nothing);
    }
    let Some(before) = begun(registry, name).await? else {
        return Ok(Step::Broken);
    };
    // Whoever extends a forged chain would vouch for it.
    if !is_ours(registry, Which::Head, name, &before.head) {
        return Ok(Step::Broken);
    }
    if !store::audit::chained(db, name, before.head.seq, 1)
        .await?
        .is_empty()
    {
        // Another sealer moves the end along with what it puts there; whoever meddles does not.
        let moved = chains::find(db, name)
            .await?
            .is_none_or(|now| now.head != before.head);
        return Ok(if moved { Step::Overtaken } else { Step::Broken });
    }
    let hooks = store::webhooks::of_organization(db, name).await?;
    let now = registry.now();
    let (mut seq, mut last) = (before.head.seq, before.head.hash.clone());
    let (mut places, mut messages) = (Batch::default(), Batch::default());
    for mut event in events {
        seq += 1;
        last = hash(&event, seq, &last).to_vec();
        places.push(store::audit::seal(&event.id, seq, &last));
        event.sealed = Some(Link {
            seq,
            hash: last.clone(),
        });
        messages.append(webhooks::messages(registry, &hooks, &event, now));
    }
    let head = end(registry, Which::Head, name, seq, &last);
    let mut batch = Batch::from(chains::advance(&before, &head, now));
    batch.append(places);
    batch.append(messages);
    match db.write(batch).await {
        Ok(_) => Ok(Step::Sealed),
        // A webhook that is just being removed is as good as gone.
        Err(WriteError::Unmet(_) | WriteError::ForeignKey) => Ok(Step::Overtaken),
        Err(error) => Err(error.into()),
    }
}

/// The chain, begun if it is new. `None` if it was begun before and its ends are gone.
async fn begun(registry: &Registry, name: &str) -> Result<Option<Chain>> {
    let db = registry.db();
    if let Some(chain) = chains::find(db, name).await? {
        return Ok(Some(chain));
    }
    if chains::has_links(db, name).await? {
        return Ok(None);
    }
    let genesis = chain::genesis(name);
    let new = Chain {
        name: name.to_owned(),
        head: end(registry, Which::Head, name, 0, &genesis),
        sealed_at: registry.now(),
        anchor: end(registry, Which::Anchor, name, 0, &genesis),
    };
    db.write(chains::begin(&new).into()).await?;
    Ok(chains::find(db, name).await?)
}

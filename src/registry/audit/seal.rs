//! Places for new entries, and messages to webhooks about them: both in one transaction, so that no entry is missed and
//! none is told twice, whatever crashes.

use crate::{
    db::{Batch, WriteError},
    error::Result,
    registry::{
        Registry,
        audit::{Kind, Which, chain, end, hash, is_ours, judge},
        webhooks,
    },
    store::{
        self,
        audit::{Event, Link},
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
    let now = registry.now();
    let (ours, strays): (Vec<Event>, Vec<Event>) = events
        .into_iter()
        .partition(|event| matches!(judge(registry, event), Kind::Whole | Kind::Redacted));
    let refused: Batch = strays
        .iter()
        .map(|event| store::audit::refuse(&event.id, now))
        .collect();
    if let Some(stray) = strays.first() {
        tracing::error!(
            chain = name,
            entry = stray.id,
            entries = strays.len(),
            "entries of the audit log were not written by this server: they get no place, see `oauthority audit verify`"
        );
    }
    if ours.is_empty() {
        db.write(refused).await?;
        return Ok(Step::Sealed);
    }
    let Some(before) = begun(registry, name, Which::Head).await? else {
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
    let (mut seq, mut last) = (before.head.seq, before.head.hash.clone());
    let (mut places, mut messages) = (Batch::default(), Batch::default());
    for mut event in ours {
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
    batch.append(refused);
    match db.write(batch).await {
        Ok(_) => Ok(Step::Sealed),
        // A webhook that is just being removed is as good as gone.
        Err(WriteError::Unmet(_) | WriteError::ForeignKey) => Ok(Step::Overtaken),
        Err(error) => Err(error.into()),
    }
}

/// The chain, begun if it is new. `None` if it was begun before and its ends are gone.
pub(super) async fn begun(registry: &Registry, name: &str, which: Which) -> Result<Option<Chain>> {
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
        head: end(registry, which, name, 0, &genesis),
        sealed_at: registry.now(),
        anchor: end(registry, Which::Anchor, name, 0, &genesis),
    };
    db.write(chains::begin(&new).into()).await?;
    Ok(chains::find(db, name).await?)
}

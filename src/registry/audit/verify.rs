//! Whether a chain is whole: every number from the first entry that is kept to the head, every hash, and both ends as this
//! server made them.

use serde::Serialize;

use crate::{
    error::Result,
    registry::{
        Registry,
        access::{Access, Permission},
        audit::{Which, chain::hex, chain_of, hash, is_ours, seal},
    },
    store::{
        self,
        audit::Event,
        audit_chains::{self as chains, Chain},
    },
    time::Timestamp,
};

/// How many entries are read at once.
const PAGE: i64 = 1000;
/// How often it is begun anew because old entries go meanwhile.
const TRIES: usize = 3;

/// A place in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub seq: i64,
    /// In hexadecimal.
    pub hash: String,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The place of the entry.
    pub seq: i64,
    /// The entry there, if there is one.
    pub entry: Option<String>,
    /// `missing`, `changed`, `unknown_entry`, `head_forged`, `anchor_forged` or `no_chain`.
    pub code: &'static str,
    /// The same as a sentence.
    pub detail: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The organisation, or nothing for what belongs to none.
    pub chain: String,
    /// How many entries are as they were.
    pub entries: i64,
    /// The last entry that was removed because of its age, or the beginning.
    pub anchor: Place,
    /// The last entry.
    pub head: Place,
    pub sealed_at: Option<Timestamp>,
    /// How many entries have no place yet.
    pub waiting: i64,
    pub fault: Option<Fault>,
}

/// Checks the chain of an organisation, up to its newest entry.
///
/// # Errors
/// Missing permission; when the storage fails.
pub async fn organization(registry: &Registry, access: &Access) -> Result<Report> {
    access.require(Permission::AuditRead)?;
    check(registry, &access.org.id).await
}

/// Checks the chain of what belongs to no organisation.
///
/// # Errors
/// Missing permission; when the storage fails.
pub async fn instance(registry: &Registry, access: &Access) -> Result<Report> {
    access.require(Permission::InstanceRead)?;
    check(registry, "").await
}

/// Where the chain of an organisation ends, and whether this server made that end; nothing else is looked at.
///
/// # Errors
/// When the storage fails.
pub async fn head(registry: &Registry, name: &str) -> Result<Option<(Place, bool)>> {
    let found = chains::find(registry.db(), name).await?;
    Ok(found.map(|chain| {
        let ours = is_ours(registry, Which::Head, name, &chain.head);
        (place(chain.head.seq, &chain.head.hash), ours)
    }))
}

fn place(seq: i64, hash: &[u8]) -> Place {
    Place { seq, hash: hex(hash) }
}

async fn check(registry: &Registry, name: &str) -> Result<Report> {
    seal::one(registry, name).await?;
    let db = registry.db();
    let mut tries = 1;
    loop {
        let Some(chain) = chains::find(db, name).await? else {
            return without_chain(registry, name).await;
        };
        let report = walk(registry, &chain).await?;
        let moved = || async {
            let now = chains::find(db, name).await?;
            Ok::<_, crate::error::Error>(
                now.is_none_or(|now| now.anchor != chain.anchor || now.head != chain.head),
            )
        };
        // What looks broken may be a chain that went on while it was read.
        if report.fault.is_none() || tries == TRIES || !moved().await? {
            return Ok(report);
        }
        tries += 1;
    }
}

/// No entry at all, or none that could be one of a chain.
async fn without_chain(registry: &Registry, name: &str) -> Result<Report> {
    let lost = chains::has_links(registry.db(), name).await?;
    let genesis = super::chain::genesis(name);
    Ok(Report {
        chain: name.to_owned(),
        entries: 0,
        anchor: place(0, &genesis),
        head: place(0, &genesis),
        sealed_at: None,
        waiting: chains::count_waiting(registry.db(), name).await?,
        fault: lost.then(|| Fault {
            seq: 0,
            entry: None,
            code: "no_chain",
            detail: "Entries are sealed, but where the chain ends was removed.".to_owned(),
        }),
    })
}

async fn walk(registry: &Registry, chain: &Chain) -> Result<Report> {
    let (name, db) = (chain.name.as_str(), registry.db());
    let mut report = Report {
        chain: name.to_owned(),
        entries: 0,
        anchor: place(chain.anchor.seq, &chain.anchor.hash),
        head: place(chain.head.seq, &chain.head.hash),
        sealed_at: Some(chain.sealed_at),
        waiting: chains::count_waiting(db, name).await?,
        fault: forged(registry, chain),
    };
    let (mut seq, mut last) = (chain.anchor.seq, chain.anchor.hash.clone());
    while report.fault.is_none() {
        let events = store::audit::chained(db, name, seq, PAGE).await?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            if let Some(fault) = judge(chain, event, seq, &last) {
                report.fault = Some(fault);
                break;
            }
            let link = event.sealed.as_ref().map(|link| link.hash.clone());
            (seq, last) = (seq + 1, link.unwrap_or_default());
            report.entries += 1;
        }
    }
    if report.fault.is_none() {
        report.fault = at_the_end(chain, seq, &last);
    }
    Ok(report)
}

/// Whether the ends were made by this server.
fn forged(registry: &Registry, chain: &Chain) -> Option<Fault> {
    let ends = [
        (Which::Anchor, &chain.anchor, "anchor_forged", "begins"),
        (Which::Head, &chain.head, "head_forged", "ends"),
    ];
    ends.into_iter()
        .find(|(which, end, ..)| !is_ours(registry, *which, &chain.name, end))
        .map(|(_, end, code, words)| Fault {
            seq: end.seq,
            entry: None,
            code,
            detail: format!("Where the chain {words} was not written with the key file of this server."),
        })
}

/// What is wrong with an entry behind the place `seq`.
fn judge(chain: &Chain, event: &Event, seq: i64, last: &[u8]) -> Option<Fault> {
    debug_assert_eq!(chain_of(event), chain.name, "a chain is one organisation's");
    let link = event.sealed.as_ref()?;
    let next = seq + 1;
    let fault = |code, seq, detail: String| {
        Some(Fault {
            seq,
            entry: Some(event.id.clone()),
            code,
            detail,
        })
    };
    if next > chain.head.seq {
        return fault(
            "unknown_entry",
            link.seq,
            format!("Entry {} lies behind the end of the chain.", link.seq),
        );
    }
    if link.seq != next {
        return Some(missing(next));
    }
    if hash(event, next, last).as_slice() != link.hash {
        return fault(
            "changed",
            next,
            format!("Entry {next} is not what was sealed there."),
        );
    }
    None
}

fn missing(seq: i64) -> Fault {
    Fault {
        seq,
        entry: None,
        code: "missing",
        detail: format!("Entry {seq} is gone."),
    }
}

fn at_the_end(chain: &Chain, seq: i64, last: &[u8]) -> Option<Fault> {
    if seq < chain.head.seq {
        return Some(missing(seq + 1));
    }
    (last != chain.head.hash).then(|| Fault {
        seq,
        entry: None,
        code: "changed",
        detail: format!("Entry {seq} is not the one at which the chain ends."),
    })
}

//! Whether a chain is whole: every number from the first entry that is kept to the head, every hash, and both ends as this
//! server made them.

use serde::Serialize;

use crate::{
    error::Result,
    registry::{
        Registry,
        access::{Access, Permission},
        audit::{
            self, Kind, Which,
            chain::{hex, out_of_order},
            chain_of, hash, is_ours, seal,
        },
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
    /// `missing`, `changed`, `unknown_entry`, `foreign_entry`, `out_of_order`, `head_forged`, `anchor_forged` or `no_chain`.
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
    /// Of how many entries this server erased what was personal.
    pub redacted: i64,
    /// How many entries were not written by this server, and have no place.
    pub foreign: i64,
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

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub place: Place,
    /// Whether this server made that end.
    pub ours: bool,
    /// How many entries lie there that this server did not write.
    pub foreign: i64,
}

/// Where the chain of an organisation ends; its entries are not looked at.
///
/// # Errors
/// When the storage fails.
pub async fn head(registry: &Registry, name: &str) -> Result<Option<Head>> {
    let db = registry.db();
    let Some(chain) = chains::find(db, name).await? else {
        return Ok(None);
    };
    let (foreign, _) = store::audit::strays(db, name, chain.anchor.seq).await?;
    Ok(Some(Head {
        place: place(chain.head.seq, &chain.head.hash),
        ours: is_ours(registry, Which::Head, name, &chain.head),
        foreign,
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
    let genesis = audit::chain::genesis(name);
    let (foreign, first) = store::audit::strays(registry.db(), name, 0).await?;
    let lost = lost.then(|| Fault {
        seq: 0,
        entry: None,
        code: "no_chain",
        detail: "Entries are sealed, but where the chain ends was removed.".to_owned(),
    });
    Ok(Report {
        chain: name.to_owned(),
        entries: 0,
        anchor: place(0, &genesis),
        head: place(0, &genesis),
        sealed_at: None,
        waiting: chains::count_waiting(registry.db(), name).await?,
        redacted: 0,
        foreign,
        fault: lost.or_else(|| stray(foreign, first, 1)),
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
        redacted: 0,
        foreign: 0,
        fault: forged(registry, chain),
    };
    let (mut seq, mut last) = (chain.anchor.seq, chain.anchor.hash.clone());
    let mut order = Order::default();
    while report.fault.is_none() {
        let events = store::audit::chained(db, name, seq, PAGE).await?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            if let Some(fault) = judge(registry, chain, event, seq, &last) {
                report.fault = Some(fault);
                break;
            }
            report.redacted += i64::from(audit::judge(registry, event) == Kind::Redacted);
            order.look(event, seq + 1, registry.now());
            let link = event.sealed.as_ref().map(|link| link.hash.clone());
            (seq, last) = (seq + 1, link.unwrap_or_default());
            report.entries += 1;
        }
    }
    if report.fault.is_none() {
        report.fault = at_the_end(chain, seq, &last);
    }
    let (foreign, first) = store::audit::strays(db, name, chain.anchor.seq).await?;
    report.foreign = foreign;
    // What a hash says comes first: the rest of the chain was looked at in spite of these.
    report.fault = report
        .fault
        .or_else(|| stray(foreign, first, chain.head.seq + 1))
        .or(order.fault);
    Ok(report)
}

/// Entries that this server did not write.
fn stray(foreign: i64, first: Option<String>, seq: i64) -> Option<Fault> {
    (foreign > 0).then(|| Fault {
        seq,
        entry: first,
        code: "foreign_entry",
        detail: match foreign {
            1 => "An entry was not written by this server: somebody put it into the database.".to_owned(),
            n => format!("{n} entries were not written by this server: somebody put them into the database."),
        },
    })
}

/// Whether the times of entries go on. An entry that was held back and put in later has the right MAC and a wrong time.
#[derive(Default)]
struct Order {
    before: Option<Timestamp>,
    fault: Option<Fault>,
}

impl Order {
    fn look(&mut self, event: &Event, seq: i64, now: Timestamp) {
        // Times of the first format were never promised.
        if event.parts.is_none() {
            return;
        }
        let wrong = out_of_order(event.at, self.before, now);
        self.before = Some(event.at);
        if self.fault.is_none() {
            self.fault = wrong.map(|why| Fault {
                seq,
                entry: Some(event.id.clone()),
                code: "out_of_order",
                detail: format!("Entry {seq} {why}."),
            });
        }
    }
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
fn judge(registry: &Registry, chain: &Chain, event: &Event, seq: i64, last: &[u8]) -> Option<Fault> {
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
    let foreign = audit::judge(registry, event) == Kind::Foreign;
    if foreign || hash(event, next, last).as_slice() != link.hash {
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

//! Where the chain of what was done in an organisation begins and ends. The chain of what belongs to no organisation has
//! an empty name.

use super::{document::Document, organizations::Settings};
use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// One end of a chain, with a MAC over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub seq: i64,
    pub hash: Vec<u8>,
    pub mac: Vec<u8>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    /// Its last link.
    pub head: End,
    pub sealed_at: Timestamp,
    /// The link before its first one that is still kept.
    pub anchor: End,
}

/// The chain of this name.
pub async fn find(db: &Db, name: &str) -> Result<Option<Chain>, DbError> {
    let row = db
        .read_one(
            "SELECT chain, seq, hash, mac, sealed_at, anchor_seq, anchor_hash, anchor_mac FROM audit_chains \
             WHERE chain = $1",
            vec![name.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// Every chain.
pub async fn all(db: &Db) -> Result<Vec<Chain>, DbError> {
    let rows = db
        .read(
            "SELECT chain, seq, hash, mac, sealed_at, anchor_seq, anchor_hash, anchor_mac FROM audit_chains ORDER BY chain",
            vec![],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

fn read(mut row: Row) -> Result<Chain, DbError> {
    let name = row.next()?;
    let head = end(&mut row)?;
    Ok(Chain {
        name,
        head,
        sealed_at: row.next()?,
        anchor: end(&mut row)?,
    })
}

fn end(row: &mut Row) -> Result<End, DbError> {
    Ok(End {
        seq: row.next()?,
        hash: row.next()?,
        mac: row.next()?,
    })
}

/// The names of the chains for which events wait; at most `limit`.
pub async fn waiting(db: &Db, limit: i64) -> Result<Vec<String>, DbError> {
    let rows = db
        .read(
            "SELECT DISTINCT COALESCE(org_id, '') FROM audit_events WHERE seq IS NULL AND refused_at IS NULL LIMIT $1",
            vec![limit.into()],
        )
        .await?;
    rows.into_iter().map(|mut row| row.next()).collect()
}

/// How many events of a chain have no place in it yet.
pub async fn count_waiting(db: &Db, name: &str) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM audit_events WHERE COALESCE(org_id, '') = $1 AND seq IS NULL AND refused_at IS NULL",
            vec![name.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// A chain whose first entry is old.
#[derive(Clone, Debug)]
pub struct Aged {
    pub name: String,
    /// When its first entry that is still kept was written.
    pub first_at: Timestamp,
    /// Name and settings of the organisation, if it belongs to one.
    pub org: Option<(String, Result<Settings, DbError>)>,
}

/// The chains whose first entry is from before then. Without `|| ''` the column has an affinity that the indexed expression
/// lacks, and SQLite walks over every entry.
pub async fn aged(db: &Db, before: Timestamp) -> Result<Vec<Aged>, DbError> {
    let rows = db
        .read(
            "SELECT c.chain, e.at, o.name, o.settings FROM audit_chains c \
             JOIN audit_events e ON COALESCE(e.org_id, '') = c.chain || '' AND e.seq = c.anchor_seq + 1 \
             LEFT JOIN organizations o ON o.id = c.chain WHERE e.at < $1 ORDER BY c.chain",
            vec![before.into()],
        )
        .await?;
    let read = |mut row: Row| {
        let (name, first_at) = (row.next()?, row.next()?);
        let org: (Option<String>, Option<String>) = (row.next()?, row.next()?);
        Ok(Aged {
            name,
            first_at,
            org: match org {
                (Some(name), Some(settings)) => {
                    let settings = Document::<Settings>::read(&settings);
                    Some((name, settings.map(|settings| (*settings).clone())))
                }
                _ => None,
            },
        })
    };
    rows.into_iter().map(read).collect()
}

/// Whether events of a chain have a place in it.
pub async fn has_links(db: &Db, name: &str) -> Result<bool, DbError> {
    let row = db
        .read_one(
            "SELECT seq FROM audit_events WHERE COALESCE(org_id, '') = $1 AND seq IS NOT NULL LIMIT 1",
            vec![name.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Begins a chain, unless there is one.
pub fn begin(chain: &Chain) -> Statement {
    Statement::new(
        "INSERT INTO audit_chains (chain, seq, hash, mac, sealed_at, anchor_seq, anchor_hash, anchor_mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (chain) DO NOTHING",
        vec![
            (&chain.name).into(),
            chain.head.seq.into(),
            chain.head.hash.as_slice().into(),
            chain.head.mac.as_slice().into(),
            chain.sealed_at.into(),
            chain.anchor.seq.into(),
            chain.anchor.hash.as_slice().into(),
            chain.anchor.mac.as_slice().into(),
        ],
    )
}

/// Moves the head of a chain on: `head` if it is not where it was any more.
pub fn advance(before: &Chain, head: &End, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE audit_chains SET seq = $1, hash = $2, mac = $3, sealed_at = $4 \
         WHERE chain = $5 AND seq = $6 AND hash = $7",
        vec![
            head.seq.into(),
            head.hash.as_slice().into(),
            head.mac.as_slice().into(),
            now.into(),
            (&before.name).into(),
            before.head.seq.into(),
            before.head.hash.as_slice().into(),
        ],
    )
    .expecting("head")
}

/// Moves the anchor of a chain on: `anchor` if it is not where it was any more.
pub fn weigh(before: &Chain, anchor: &End) -> Statement {
    Statement::new(
        "UPDATE audit_chains SET anchor_seq = $1, anchor_hash = $2, anchor_mac = $3 \
         WHERE chain = $4 AND anchor_seq = $5",
        vec![
            anchor.seq.into(),
            anchor.hash.as_slice().into(),
            anchor.mac.as_slice().into(),
            (&before.name).into(),
            before.anchor.seq.into(),
        ],
    )
    .expecting("anchor")
}

//! The ordered log of what can change an answer given from memory. A change takes its number from a counter row in the
//! same transaction as what it announces, so a reader that has seen number *n* has seen every number before it.

use crate::{
    db::{Batch, Db, DbError, Statement},
    time::Timestamp,
};

/// What kind of thing changed; the subject says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client, its secrets or its grants.
    Client,
    /// An API or its scopes.
    Api,
    Organization,
    /// A signing key.
    Key,
    /// A token that was cut off, by its `jti`.
    Token,
    /// A person, of whose grants some were revoked, or on whom his credentials stand no more, or again.
    Person,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Api => "api",
            Self::Organization => "organization",
            Self::Key => "key",
            Self::Token => "token",
            Self::Person => "person",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [
            Self::Client,
            Self::Api,
            Self::Organization,
            Self::Key,
            Self::Token,
            Self::Person,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Change {
    pub seq: i64,
    /// `None`: a kind that this version does not know; the reader must reload everything.
    pub kind: Option<Kind>,
    pub subject: String,
}

/// How many entries are read at once.
pub const MOST: usize = 1000;

const APPEND: &str = "INSERT INTO change_log (seq, kind, subject, at) \
     SELECT value, $1, $2, $3 FROM counters WHERE name = 'changes'";

/// Whether a batch announces a change.
pub fn announced(batch: &Batch) -> bool {
    batch.texts().any(|sql| sql == APPEND)
}

/// The two statements that announce a change.
pub fn announce(kind: Kind, subject: &str, now: Timestamp) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE counters SET value = value + 1 WHERE name = 'changes'",
            vec![],
        ),
        Statement::new(APPEND, vec![kind.word().into(), subject.into(), now.into()]),
    ]
}

/// The entries after `seq`, oldest first, at most 1,000.
pub async fn after(db: &Db, seq: i64) -> Result<Vec<Change>, DbError> {
    let rows = db
        .read(
            "SELECT seq, kind, subject FROM change_log WHERE seq > $1 ORDER BY seq LIMIT 1000",
            vec![seq.into()],
        )
        .await?;
    let change = |mut row: crate::db::Row| {
        Ok(Change {
            seq: row.next()?,
            kind: Kind::parse(&row.next::<String>()?),
            subject: row.next()?,
        })
    };
    rows.into_iter().map(change).collect()
}

/// The number of the last entry.
pub async fn head(db: &Db) -> Result<i64, DbError> {
    let row = db
        .read_one("SELECT value FROM counters WHERE name = 'changes'", vec![])
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Removes entries older than `before`, at most 1,000 at a time and never the last one; whoever is that far behind
/// reloads.
pub fn forget(before: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM change_log WHERE seq IN (SELECT seq FROM change_log WHERE at < $1 \
         AND seq < (SELECT value FROM counters WHERE name = 'changes') ORDER BY seq LIMIT 1000)",
        vec![before.into()],
    )
}

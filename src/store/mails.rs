//! Mail on its way, sealed.

use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// A mail that waits.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: String,
    pub sealed: Vec<u8>,
    pub created_at: Timestamp,
    pub next_try_at: Timestamp,
    /// How often it was tried.
    pub tries: i64,
}

/// Queues a mail, due at once.
pub fn add(id: &str, sealed: Vec<u8>, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO mails (id, sealed, created_at, next_try_at, tries) VALUES ($1, $2, $3, $3, 0)",
        vec![id.into(), sealed.into(), now.into()],
    )
}

/// The mails that are due, the longest waiting first; at most `limit`.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Queued>, DbError> {
    let rows = db
        .read(
            "SELECT id, sealed, created_at, next_try_at, tries FROM mails WHERE next_try_at <= $1 \
             ORDER BY next_try_at, id LIMIT $2",
            vec![now.into(), limit.into()],
        )
        .await?;
    let read = |mut row: Row| {
        Ok(Queued {
            id: row.next()?,
            sealed: row.next()?,
            created_at: row.next()?,
            next_try_at: row.next()?,
            tries: row.next()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Takes a mail for oneself until then: `claimed` if somebody else has it, or it is gone.
pub fn claim(queued: &Queued, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE mails SET next_try_at = $1, tries = tries + 1 WHERE id = $2 AND next_try_at = $3 AND tries = $4",
        vec![
            until.into(),
            (&queued.id).into(),
            queued.next_try_at.into(),
            queued.tries.into(),
        ],
    )
    .expecting("claimed")
}

/// Tries a mail again then.
pub fn put_off(id: &str, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE mails SET next_try_at = $1 WHERE id = $2",
        vec![until.into(), id.into()],
    )
}

/// Forgets a mail that was sent or given up.
pub fn remove(id: &str) -> Statement {
    Statement::new("DELETE FROM mails WHERE id = $1", vec![id.into()])
}

//! Answers remembered for a repeated request.
//! [draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// A request that came before.
#[derive(Clone, Debug)]
pub struct Remembered {
    pub fingerprint: Vec<u8>,
    /// `None` while the first request is still running.
    pub answer: Option<Vec<u8>>,
    /// The sealed secret of the answer, if it had one.
    pub secret: Option<Vec<u8>>,
    pub created_at: Timestamp,
}

/// What is remembered for this caller and key, not older than `since`.
pub async fn find(db: &Db, caller: &str, key: &str, since: Timestamp) -> Result<Option<Remembered>, DbError> {
    let row = db
        .read_one(
            "SELECT fingerprint, answer, secret, created_at FROM idempotency_keys \
             WHERE caller = $1 AND key = $2 AND created_at > $3",
            vec![caller.into(), key.into(), since.into()],
        )
        .await?;
    row.map(|mut row| {
        Ok(Remembered {
            fingerprint: row.next()?,
            answer: row.next()?,
            secret: row.next()?,
            created_at: row.next()?,
        })
    })
    .transpose()
}

/// Takes the key for a request that begins: `taken` if another request holds it.
pub fn begin(caller: &str, key: &str, fingerprint: &[u8], now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO idempotency_keys (caller, key, fingerprint, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (caller, key) DO NOTHING",
        vec![caller.into(), key.into(), fingerprint.into(), now.into()],
    )
    .expecting("taken")
}

/// Remembers the answer.
pub fn finish(caller: &str, key: &str, answer: &[u8], secret: Option<Vec<u8>>) -> Statement {
    Statement::new(
        "UPDATE idempotency_keys SET answer = $1, secret = $2 WHERE caller = $3 AND key = $4",
        vec![answer.into(), secret.into(), caller.into(), key.into()],
    )
}

/// Gives the key back, after a request that changed nothing.
pub fn abandon(caller: &str, key: &str) -> Statement {
    Statement::new(
        "DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2 AND answer IS NULL",
        vec![caller.into(), key.into()],
    )
}

/// Forgets answers older than `before`, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM idempotency_keys WHERE (caller, key) IN \
         (SELECT caller, key FROM idempotency_keys WHERE created_at <= $1 LIMIT 1000)",
        vec![before.into()],
    )
}

/// Forgets secrets of answers older than `before`, at most 1,000 at a time.
pub fn forget_secrets(before: Timestamp) -> Statement {
    Statement::new(
        "UPDATE idempotency_keys SET secret = NULL WHERE (caller, key) IN \
         (SELECT caller, key FROM idempotency_keys WHERE secret IS NOT NULL AND created_at <= $1 LIMIT 1000)",
        vec![before.into()],
    )
}

//! Texts that work once: set-up links, form tokens, downloads. Kept by digest; a payload that is secret is sealed.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// Issues a text that works once.
pub fn add(
    digest: &[u8],
    purpose: &str,
    payload: Option<Vec<u8>>,
    now: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO one_time_tokens (digest, purpose, payload, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        vec![
            digest.into(),
            purpose.into(),
            payload.into(),
            now.into(),
            expires_at.into(),
        ],
    )
}

/// Issues a text that works once and is about somebody or something.
pub fn add_about(
    digest: &[u8],
    purpose: &str,
    subject: &str,
    payload: Option<Vec<u8>>,
    now: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO one_time_tokens (digest, purpose, subject, payload, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        vec![
            digest.into(),
            purpose.into(),
            subject.into(),
            payload.into(),
            now.into(),
            expires_at.into(),
        ],
    )
}

/// Voids every unused text of a purpose that is about the subject.
pub fn void_about(purpose: &str, subject: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE one_time_tokens SET used_at = $1 WHERE subject = $2 AND purpose = $3 AND used_at IS NULL",
        vec![now.into(), subject.into(), purpose.into()],
    )
}

/// How many texts of a purpose were issued about the subject since then, as far as they are not forgotten.
pub async fn count_about(db: &Db, purpose: &str, subject: &str, since: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM one_time_tokens WHERE subject = $1 AND purpose = $2 AND created_at > $3",
            vec![subject.into(), purpose.into(), since.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Subject and payload of a text that would still work.
pub async fn peek_about(
    db: &Db,
    digest: &[u8],
    purpose: &str,
    now: Timestamp,
) -> Result<Option<(String, Vec<u8>)>, DbError> {
    let row = db
        .read_one(
            "SELECT subject, payload FROM one_time_tokens \
             WHERE digest = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 AND subject IS NOT NULL",
            vec![digest.into(), purpose.into(), now.into()],
        )
        .await?;
    row.map(|mut row| Ok((row.next()?, row.next::<Option<Vec<u8>>>()?.unwrap_or_default())))
        .transpose()
}

/// Spends it: `spent` if it was used, has expired or never was. Returns the payload.
pub fn spend(digest: &[u8], purpose: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE one_time_tokens SET used_at = $1 \
         WHERE digest = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $1 RETURNING payload",
        vec![now.into(), digest.into(), purpose.into()],
    )
    .expecting("spent")
}

/// Spends a text that the page itself made up: `spent` if it came before.
pub fn spend_new(digest: &[u8], purpose: &str, now: Timestamp, expires_at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO one_time_tokens (digest, purpose, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $3) \
         ON CONFLICT (digest) DO NOTHING",
        vec![digest.into(), purpose.into(), now.into(), expires_at.into()],
    )
    .expecting("spent")
}

/// Whether a text that a page made up has been spent.
pub async fn known(db: &Db, digest: &[u8]) -> Result<bool, DbError> {
    let row = db
        .read_one(
            "SELECT 1 FROM one_time_tokens WHERE digest = $1",
            vec![digest.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Whether a text would still work.
pub async fn usable(db: &Db, digest: &[u8], purpose: &str, now: Timestamp) -> Result<bool, DbError> {
    let row = db
        .read_one(
            "SELECT 1 FROM one_time_tokens \
             WHERE digest = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3",
            vec![digest.into(), purpose.into(), now.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Voids every unused text of a purpose.
pub fn void(purpose: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE one_time_tokens SET used_at = $1, payload = NULL WHERE purpose = $2 AND used_at IS NULL",
        vec![now.into(), purpose.into()],
    )
}

/// Forgets what has expired, at most 1,000 at a time.
pub fn forget(past: Past) -> Statement {
    Statement::new(
        "DELETE FROM one_time_tokens WHERE digest IN \
         (SELECT digest FROM one_time_tokens WHERE expires_at <= $1 LIMIT 1000)",
        vec![past.into()],
    )
}

/// The payload of a text that would still work.
pub async fn peek(db: &Db, digest: &[u8], purpose: &str, now: Timestamp) -> Result<Option<Vec<u8>>, DbError> {
    let row = db
        .read_one(
            "SELECT payload FROM one_time_tokens \
             WHERE digest = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3",
            vec![digest.into(), purpose.into(), now.into()],
        )
        .await?;
    let payload: Option<Option<Vec<u8>>> = row.map(|mut row| row.next()).transpose()?;
    Ok(payload.flatten())
}

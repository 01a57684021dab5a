//! How many access tokens are out, by what decides whether they still count.

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// Tokens that live and die together.
#[derive(Clone, Copy, Debug)]
pub struct Alike<'a> {
    pub client_id: &'a str,
    /// The number that they name.
    pub epoch: i64,
    pub expires_at: Timestamp,
    pub format: &'a str,
    pub api_id: &'a str,
    /// Sorted, a space between; empty where they are not known.
    pub scopes: &'a str,
    /// Empty where the client acts for itself.
    pub grant_id: &'a str,
}

/// Adds tokens that were counted in memory; takes away those that were taken back.
pub fn add(alike: Alike<'_>, tokens: i64) -> Statement {
    Statement::new(
        "INSERT INTO tokens_out (client_id, epoch, expires_at, format, api_id, scopes_digest, grant_id, scopes, tokens) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (client_id, epoch, expires_at, format, api_id, scopes_digest, grant_id) \
         DO UPDATE SET tokens = tokens_out.tokens + excluded.tokens",
        vec![
            alike.client_id.into(),
            alike.epoch.into(),
            alike.expires_at.into(),
            alike.format.into(),
            alike.api_id.into(),
            short(alike.scopes).into(),
            alike.grant_id.into(),
            alike.scopes.into(),
            tokens.into(),
        ],
    )
}

/// A list of scopes as part of a key, which must not be long.
fn short(scopes: &str) -> String {
    if scopes.is_empty() {
        return String::new();
    }
    let digest = digest(&SHA256, scopes.as_bytes());
    digest.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Tokens of one kind that have not expired.
#[derive(Clone, Debug)]
pub struct Group {
    pub format: String,
    pub api_id: String,
    pub scopes: String,
    /// Whether they stand on what a person gave.
    pub for_person: bool,
    /// The number that they name.
    pub epoch: i64,
    pub tokens: i64,
    /// When the last of them expires.
    pub last_expires_at: Timestamp,
}

/// The tokens of a client that have not expired, were not cut off before this epoch, and whose grant, if they have one, was not ended;
/// whether their scopes are still granted is for the caller to say.
pub async fn of_client(db: &Db, client_id: &str, epoch: i64, now: Timestamp) -> Result<Vec<Group>, DbError> {
    let rows = db
        .read(
            "SELECT t.format, t.api_id, t.scopes, t.grant_id <> '' AS for_person, t.epoch, CAST(sum(t.tokens) AS BIGINT), \
             max(t.expires_at) FROM tokens_out t LEFT JOIN grants g ON g.id = t.grant_id \
             WHERE t.client_id = $1 AND t.epoch >= $2 AND t.expires_at > $3 \
             AND (t.grant_id = '' OR (g.id IS NOT NULL AND g.revoked_at IS NULL)) \
             GROUP BY t.format, t.api_id, t.scopes, for_person, t.epoch HAVING sum(t.tokens) > 0 \
             ORDER BY t.format, t.api_id, t.scopes, for_person, t.epoch",
            vec![client_id.into(), epoch.into(), now.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

fn read(mut row: Row) -> Result<Group, DbError> {
    Ok(Group {
        format: row.next()?,
        api_id: row.next()?,
        scopes: row.next()?,
        for_person: row.next()?,
        epoch: row.next()?,
        tokens: row.next()?,
        last_expires_at: row.next()?,
    })
}

/// Every JWT of a client that has not expired, as somebody sees it who verifies without asking: he knows neither of
/// epochs nor of grants that ended, nor of tokens that were taken back. So their number is as high as can be.
pub async fn jwts(db: &Db, client_id: &str, now: Timestamp) -> Result<Vec<Group>, DbError> {
    let rows = db
        .read(
            "SELECT format, api_id, scopes, grant_id <> '' AS for_person, \
             CAST(9223372036854775807 AS BIGINT), CAST(sum(tokens) AS BIGINT), max(expires_at) \
             FROM tokens_out WHERE client_id = $1 AND format = 'jwt' AND expires_at > $2 \
             GROUP BY format, api_id, scopes, for_person",
            vec![client_id.into(), now.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Forgets tokens that have expired, about 1,000 rows at a time.
pub fn forget(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM tokens_out WHERE (client_id, epoch, expires_at) IN \
         (SELECT client_id, epoch, expires_at FROM tokens_out WHERE expires_at <= $1 LIMIT 1000)",
        vec![now.into()],
    )
}

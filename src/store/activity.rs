//! How many access tokens are alive, by the ten seconds in which they expire.

use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// Adds tokens that were counted in memory.
pub fn note_tokens(
    client_id: &str,
    format: &str,
    expires_at: Timestamp,
    epoch: i64,
    tokens: i64,
) -> Statement {
    Statement::new(
        "INSERT INTO issued_tokens (client_id, format, expires_at, epoch, tokens) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (client_id, format, expires_at, epoch) \
         DO UPDATE SET tokens = issued_tokens.tokens + excluded.tokens",
        vec![
            client_id.into(),
            format.into(),
            expires_at.into(),
            epoch.into(),
            tokens.into(),
        ],
    )
}

/// The tokens of a client that are alive: (format, how many, when the last one expires).
pub async fn live_tokens(
    db: &Db,
    client_id: &str,
    epoch: i64,
    now: Timestamp,
) -> Result<Vec<(String, i64, Timestamp)>, DbError> {
    let rows = db
        .read(
            "SELECT format, CAST(sum(tokens) AS BIGINT), max(expires_at) FROM issued_tokens \
             WHERE client_id = $1 AND epoch = $2 AND expires_at > $3 GROUP BY format ORDER BY format",
            vec![client_id.into(), epoch.into(), now.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?, row.next()?)))
        .collect()
}

/// Forgets tokens that have expired, at most 1,000 rows at a time.
pub fn forget(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM issued_tokens WHERE (client_id, format, expires_at, epoch) IN \
         (SELECT client_id, format, expires_at, epoch FROM issued_tokens WHERE expires_at <= $1 LIMIT 1000)",
        vec![now.into()],
    )
}

//! Single access tokens that were cut off before their time, by `jti`.

use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// Cuts a token off; once more does nothing.
pub fn add(jti: &str, client_id: &str, now: Timestamp, expires_at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO revoked_tokens (jti, client_id, revoked_at, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (jti) DO NOTHING",
        vec![jti.into(), client_id.into(), now.into(), expires_at.into()],
    )
}

/// The tokens cut off that would still be valid: (jti, expiry).
pub async fn live(db: &Db, now: Timestamp) -> Result<Vec<(String, Timestamp)>, DbError> {
    let rows = db
        .read(
            "SELECT jti, expires_at FROM revoked_tokens WHERE expires_at > $1",
            vec![now.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// When the token with this `jti` would have expired, if it was cut off.
pub async fn find(db: &Db, jti: &str) -> Result<Option<Timestamp>, DbError> {
    let row = db
        .read_one(
            "SELECT expires_at FROM revoked_tokens WHERE jti = $1",
            vec![jti.into()],
        )
        .await?;
    row.map(|mut row| row.next()).transpose()
}

/// Forgets tokens that have expired anyway, at most 1,000 at a time.
pub fn forget(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM revoked_tokens WHERE jti IN \
         (SELECT jti FROM revoked_tokens WHERE expires_at <= $1 LIMIT 1000)",
        vec![now.into()],
    )
}

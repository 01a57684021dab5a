//! Single access tokens that were cut off before their time, by `jti`.

use super::clock_readings::Past;
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

/// The tokens cut off that have not expired for sure: (jti, expiry).
pub async fn live(db: &Db, past: Past) -> Result<Vec<(String, Timestamp)>, DbError> {
    let rows = db
        .read(
            "SELECT jti, expires_at FROM revoked_tokens WHERE expires_at > $1",
            vec![past.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// How the change log names a token that was cut off: with its expiry, so that applying it reads nothing.
pub fn subject(jti: &str, expires_at: Timestamp) -> String {
    format!("{jti} {}", expires_at.millis())
}

/// The `jti` and the expiry in a subject.
///
/// # Errors
/// When it is no such subject.
pub fn read_subject(subject: &str) -> Result<(&str, Timestamp), DbError> {
    subject
        .split_once(' ')
        .and_then(|(jti, millis)| Some((jti, Timestamp::from_millis(millis.parse().ok()?))))
        .ok_or_else(|| DbError::Failed("the change log names a token in an unknown way".into()))
}

/// Forgets tokens that have expired anyway, at most 1,000 at a time.
pub fn forget(past: Past) -> Statement {
    Statement::new(
        "DELETE FROM revoked_tokens WHERE jti IN \
         (SELECT jti FROM revoked_tokens WHERE expires_at <= $1 LIMIT 1000)",
        vec![past.into()],
    )
}

//! Wrong passwords and codes, counted for an account and where they come from. The database counts, since guesses come
//! side by side: a try is counted before it is looked at.

use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// Counts a try as failed and returns how many there are, unless there are `most` already; then nothing is returned.
/// Whatever happened before `since` is forgotten.
pub fn count(account: &str, origin: &str, most: i64, now: Timestamp, since: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO sign_in_failures (account, origin, failures, last_at) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (account, origin) DO UPDATE SET \
         failures = CASE WHEN sign_in_failures.last_at <= $4 THEN 1 ELSE sign_in_failures.failures + 1 END, \
         last_at = $3 WHERE sign_in_failures.failures < $5 OR sign_in_failures.last_at <= $4 RETURNING failures",
        vec![
            account.into(),
            origin.into(),
            now.into(),
            since.into(),
            most.into(),
        ],
    )
}

/// When the last try was counted.
pub async fn last(db: &Db, account: &str, origin: &str) -> Result<Option<Timestamp>, DbError> {
    let row = db
        .read_one(
            "SELECT last_at FROM sign_in_failures WHERE account = $1 AND origin = $2",
            vec![account.into(), origin.into()],
        )
        .await?;
    row.map(|mut row| row.next()).transpose()
}

/// Forgets the tries of somebody who has proven who he is.
pub fn forgive(account: &str, origin: &str) -> Statement {
    Statement::new(
        "DELETE FROM sign_in_failures WHERE account = $1 AND origin = $2",
        vec![account.into(), origin.into()],
    )
}

/// Forgets tries before `since`, at most 1,000 at a time.
pub fn forget(since: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM sign_in_failures WHERE (account, origin) IN \
         (SELECT account, origin FROM sign_in_failures WHERE last_at <= $1 LIMIT 1000)",
        vec![since.into()],
    )
}

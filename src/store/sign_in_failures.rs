//! Wrong passwords and codes, counted for an account and where they come from. The database counts, since guesses come
//! side by side: a try is counted before it is looked at.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// Counts a try as failed and returns how many there are: `full` when there are `most` already. Whatever happened before
/// `since` is forgotten.
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
    .expecting("full")
}

/// How many tries were counted, and when the last one was.
pub async fn find(db: &Db, account: &str, origin: &str) -> Result<Option<(i64, Timestamp)>, DbError> {
    let row = db
        .read_one(
            "SELECT failures, last_at FROM sign_in_failures WHERE account = $1 AND origin = $2",
            vec![account.into(), origin.into()],
        )
        .await?;
    row.map(|mut row| Ok((row.next()?, row.next()?))).transpose()
}

/// A try that was counted was none.
pub fn uncount(account: &str, origin: &str) -> Statement {
    Statement::new(
        "UPDATE sign_in_failures SET failures = failures - 1 WHERE account = $1 AND origin = $2 AND failures > 0",
        vec![account.into(), origin.into()],
    )
}

/// Forgets the tries of somebody who has proven who they are.
pub fn forgive(account: &str, origin: &str) -> Statement {
    Statement::new(
        "DELETE FROM sign_in_failures WHERE account = $1 AND origin = $2",
        vec![account.into(), origin.into()],
    )
}

/// The account's organisations are to hear of it.
pub fn set_due(account: &str, origin: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sign_in_failures SET due_at = $1 WHERE account = $2 AND origin = $3",
        vec![now.into(), account.into(), origin.into()],
    )
}

/// Where an account was shut to, for its organisations.
#[derive(Clone, Debug)]
pub struct Due {
    pub account: String,
    pub origin: String,
    pub last_at: Timestamp,
    pub due_at: Timestamp,
}

fn read(mut row: Row) -> Result<Due, DbError> {
    Ok(Due {
        account: row.next()?,
        origin: row.next()?,
        last_at: row.next()?,
        due_at: row.next()?,
    })
}

/// What organisations are to hear of, the oldest first; at most `limit`.
pub async fn due(db: &Db, limit: i64) -> Result<Vec<Due>, DbError> {
    let rows = db
        .read(
            "SELECT account, origin, last_at, due_at FROM sign_in_failures \
             WHERE due_at IS NOT NULL ORDER BY due_at, account, origin LIMIT $1",
            vec![limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// They hear of it now: `claimed` when another node has told them.
pub fn claim(due: &Due) -> Statement {
    Statement::new(
        "UPDATE sign_in_failures SET due_at = NULL WHERE account = $1 AND origin = $2 AND due_at = $3",
        vec![(&due.account).into(), (&due.origin).into(), due.due_at.into()],
    )
    .expecting("claimed")
}

/// Forgets tries before `since`, at most 1,000 at a time.
pub fn forget(since: Past) -> Statement {
    Statement::new(
        "DELETE FROM sign_in_failures WHERE (account, origin) IN \
         (SELECT account, origin FROM sign_in_failures WHERE last_at <= $1 LIMIT 1000)",
        vec![since.into()],
    )
}

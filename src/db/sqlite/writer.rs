//! The one writer of a SQLite file, which groups commits.
//!
//! 1. It takes whatever batches are queued, and waits only if there are none: no timer. A lone batch is committed at
//!    once; batches gather while the disk is busy.
//! 2. It gives each batch a savepoint inside one transaction.
//! 3. It commits once: one wait for the disk, whoever shares it.
//! 4. Only then it acknowledges them.
//!
//! Invariants: a batch that fails takes back its own savepoint and no other; nobody hears `Ok` before the commit.

use std::fs::File;

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{mpsc, oneshot};

use super::{bind, judge, rows};
use crate::db::{Batch, DbError, Done, Statement, WriteError};

/// How many batches share a commit at most.
const ROUND: usize = 64;

/// A batch in the queue, and who waits for it.
pub struct Job {
    pub batch: Batch,
    pub answer: oneshot::Sender<Outcome>,
}

/// What becomes of a batch.
pub type Outcome = Result<Vec<Done>, WriteError>;

/// Serves the queue until all senders are gone, then closes the database and releases the lock.
pub fn run(connection: Connection, mut jobs: mpsc::Receiver<Job>, lock: File) {
    let mut round = Vec::with_capacity(ROUND);
    while jobs.blocking_recv_many(&mut round, ROUND) > 0 {
        let outcomes = commit_together(&connection, &round);
        for (job, outcome) in round.drain(..).zip(outcomes) {
            // Nobody waits for the answer any more: the write stands all the same.
            drop(job.answer.send(outcome));
        }
    }
    drop(connection);
    drop(lock);
}

fn commit_together(connection: &Connection, round: &[Job]) -> Vec<Outcome> {
    let outcomes = command(connection, "BEGIN IMMEDIATE")
        .and_then(|()| {
            round
                .iter()
                .map(|job| in_savepoint(connection, &job.batch))
                .collect()
        })
        .and_then(|outcomes| command(connection, "COMMIT").map(|()| outcomes));
    outcomes.unwrap_or_else(|error| {
        if !connection.is_autocommit() {
            drop(command(connection, "ROLLBACK"));
        }
        round.iter().map(|_| Err(error.clone().into())).collect()
    })
}

/// The outer error means that the whole round is lost: on a full disk, SQLite may give the entire transaction up, and
/// the batches before this one with it.
fn in_savepoint(connection: &Connection, batch: &Batch) -> Result<Outcome, DbError> {
    command(connection, "SAVEPOINT batch")?;
    let outcome: Outcome = batch
        .statements
        .iter()
        .map(|statement| execute(connection, statement))
        .collect();
    match outcome {
        Err(WriteError::Db(error)) if connection.is_autocommit() => return Err(error),
        Err(_) => command(connection, "ROLLBACK TO batch")?,
        Ok(_) => {}
    }
    command(connection, "RELEASE batch")?;
    Ok(outcome)
}

fn command(connection: &Connection, sql: &str) -> Result<(), DbError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut s| s.raw_execute())
        .map(drop)
        .map_err(|e| judge(&e))
}

fn execute(connection: &Connection, statement: &Statement) -> Result<Done, WriteError> {
    let mut prepared = connection
        .prepare_cached(&statement.sql)
        .map_err(|e| refuse(&e))?;
    bind(&mut prepared, &statement.params)?;
    let done = if prepared.column_count() == 0 {
        let rows = prepared.raw_execute().map_err(|e| refuse(&e))?;
        Done {
            rows: rows as u64,
            returned: Vec::new(),
        }
    } else {
        let returned = rows(&mut prepared, usize::MAX).map_err(|e| refuse(&e))?;
        Done {
            rows: returned.len() as u64,
            returned,
        }
    };
    statement
        .unmet(&done)
        .map_or(Ok(done), |name| Err(WriteError::Unmet(name)))
}

/// What a failed statement of a batch means: constraints speak of the data, the rest of the database.
fn refuse(error: &rusqlite::Error) -> WriteError {
    let rusqlite::Error::SqliteFailure(failure, Some(message)) = error else {
        return judge(error).into();
    };
    let unique = [
        ffi::SQLITE_CONSTRAINT_UNIQUE,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        ffi::SQLITE_CONSTRAINT_ROWID,
    ];
    if unique.contains(&failure.extended_code)
        && let Some((table, columns)) = unique_columns(message)
    {
        return WriteError::Unique { table, columns };
    }
    // ON DELETE RESTRICT is reported as a trigger, with the same message.
    if failure.code == ErrorCode::ConstraintViolation && message.starts_with("FOREIGN KEY") {
        return WriteError::ForeignKey;
    }
    judge(error).into()
}

/// From `UNIQUE constraint failed: clients.organization, clients.name`: the table and `organization, name`.
fn unique_columns(message: &str) -> Option<(String, String)> {
    let (_, list) = message.split_once(": ")?;
    let (table, _) = list.split_once('.')?;
    let columns: Vec<&str> = list
        .split(", ")
        .filter_map(|name| Some(name.split_once('.')?.1))
        .collect();
    Some((table.to_owned(), columns.join(", ")))
}

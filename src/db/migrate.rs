//! Brings a schema up to date: every file of `migrations/` once, in order, each in a transaction of its own.
//!
//! Invariant: `schema_migrations` names exactly the files whose whole effect is in the database. Nodes that start
//! together take turns under a lock; a program that finds a migration it does not know refuses to start.

use rusqlite::{Connection, TransactionBehavior};
use tokio_postgres::Client;

use super::{DbError, postgres, sqlite};
use crate::time::Clock;

/// Version and SQL text.
pub type Migration = (&'static str, &'static str);

/// All migrations, sorted by version.
pub const MIGRATIONS: &[Migration] = &[
    ("0001_initial", include_str!("../../migrations/0001_initial.sql")),
    ("0002_people", include_str!("../../migrations/0002_people.sql")),
    ("0003_usage", include_str!("../../migrations/0003_usage.sql")),
    (
        "0004_secret_life",
        include_str!("../../migrations/0004_secret_life.sql"),
    ),
    (
        "0005_failures",
        include_str!("../../migrations/0005_failures.sql"),
    ),
    (
        "0006_personal_credentials",
        include_str!("../../migrations/0006_personal_credentials.sql"),
    ),
    (
        "0007_audit_chain",
        include_str!("../../migrations/0007_audit_chain.sql"),
    ),
    (
        "0008_webhooks",
        include_str!("../../migrations/0008_webhooks.sql"),
    ),
    (
        "0009_files_and_transfers",
        include_str!("../../migrations/0009_files_and_transfers.sql"),
    ),
    (
        "0010_guessing",
        include_str!("../../migrations/0010_guessing.sql"),
    ),
    (
        "0011_assurance",
        include_str!("../../migrations/0011_assurance.sql"),
    ),
    (
        "0012_clock_readings",
        include_str!("../../migrations/0012_clock_readings.sql"),
    ),
    (
        "0013_incarnations",
        include_str!("../../migrations/0013_incarnations.sql"),
    ),
    (
        "0014_audit_format_2",
        include_str!("../../migrations/0014_audit_format_2.sql"),
    ),
    (
        "0015_userinfo",
        include_str!("../../migrations/0015_userinfo.sql"),
    ),
    (
        "0016_membership_ends",
        include_str!("../../migrations/0016_membership_ends.sql"),
    ),
];

const LEDGER: &str =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)";
const APPLIED: &str = "SELECT version FROM schema_migrations ORDER BY version";
const RECORD: &str = "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2)";

// An arbitrary number that every node agrees on.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8031179243871)";

/// Brings a SQLite database up to date.
pub fn on_sqlite(connection: &mut Connection, known: &[Migration]) -> Result<(), DbError> {
    loop {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| sqlite::judge(&e))?;
        let applied = ledger(&transaction).map_err(|e| sqlite::judge(&e))?;
        let Some((version, sql)) = next(known, &applied)? else {
            return transaction.commit().map_err(|e| sqlite::judge(&e));
        };
        transaction
            .execute_batch(sql)
            .and_then(|()| transaction.execute(RECORD, (version, Clock::system().now().millis())))
            .and_then(|_| transaction.commit())
            .map_err(|e| in_migration(version, sqlite::judge(&e)))?;
    }
}

fn ledger(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.execute_batch(LEDGER)?;
    connection
        .prepare(APPLIED)?
        .query_map((), |row| row.get(0))?
        .collect()
}

/// Brings a PostgreSQL database up to date.
pub async fn on_postgres(client: &mut Client, known: &[Migration]) -> Result<(), DbError> {
    while apply_next(client, known).await? {}
    Ok(())
}

async fn apply_next(client: &mut Client, known: &[Migration]) -> Result<bool, DbError> {
    let transaction = client.transaction().await.map_err(|e| postgres::judge(&e))?;
    let applied = async {
        transaction.batch_execute(LOCK).await?;
        transaction.batch_execute(LEDGER).await?;
        transaction
            .query(APPLIED, &[])
            .await?
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<String>, _>>()
    };
    let applied = applied.await.map_err(|e| postgres::judge(&e))?;
    let pending = next(known, &applied)?;
    let done = async {
        if let Some((version, sql)) = pending {
            transaction.batch_execute(sql).await?;
            transaction
                .execute(RECORD, &[&version, &Clock::system().now().millis()])
                .await?;
        }
        transaction.commit().await
    };
    match (done.await, pending) {
        (Ok(()), pending) => Ok(pending.is_some()),
        (Err(error), Some((version, _))) => Err(in_migration(version, postgres::judge(&error))),
        (Err(error), None) => Err(postgres::judge(&error)),
    }
}

/// The first known migration that was not applied.
fn next(known: &[Migration], applied: &[String]) -> Result<Option<Migration>, DbError> {
    if let Some(newer) = applied
        .iter()
        .find(|version| known.iter().all(|(name, _)| name != version))
    {
        let last = known.last().map_or("none", |(version, _)| version);
        return Err(DbError::Failed(format!(
            "the database was migrated by a newer version of this program: it has {newer}, the last one known here \
             is {last}"
        )));
    }
    Ok(known
        .iter()
        .find(|(version, _)| applied.iter().all(|name| name != version))
        .copied())
}

fn in_migration(version: &str, error: DbError) -> DbError {
    match error {
        DbError::Unavailable(why) => DbError::Unavailable(format!("migration {version}: {why}")),
        DbError::Failed(why) => DbError::Failed(format!("migration {version}: {why}")),
    }
}

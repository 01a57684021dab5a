//! One façade over two databases: SQLite in a file, PostgreSQL for a fleet. The only code that knows drivers.
//!
//! A statement is written once, in the common dialect: `$n` parameters bound by the number they say, `TEXT`,
//! `BIGINT`, `BOOLEAN`, `BYTEA`, `RETURNING`, `ON CONFLICT`. A read is one statement. A write is data: a [`Batch`]
//! of statements, sent in one go, executed in one transaction; there are no interactive transactions.
//!
//! Invariants: a read that begins after a write was acknowledged sees it; an acknowledged write is on disk; a write
//! whose caller has gone away is carried out whole or not at all.

mod error;
pub(crate) mod migrate;
mod postgres;
mod sqlite;
mod statement;
mod tls;
mod value;

use std::{
    borrow::Cow,
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub use error::{DbError, WriteError};
use migrate::{MIGRATIONS, Migration};
use postgres::Postgres;
use sqlite::Sqlite;
pub use statement::{Batch, Done, Statement};
pub use value::{FromValue, Row, Value};

use crate::time::Timestamp;

/// Which database, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum DbSettings {
    /// A file, made if missing; its directory must exist.
    Sqlite { path: PathBuf },
    /// A server. `sslmode` in the URL is `disable`, `prefer`, `require` (both encrypt, and verify only if
    /// `sslrootcert` names a file) or `verify-full` (against `sslrootcert`, or the public authorities).
    Postgres { url: String, pool_size: usize },
}

/// Leaves the URL out: it may hold a password.
impl fmt::Debug for DbSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            Self::Postgres { pool_size, .. } => f
                .debug_struct("Postgres")
                .field("pool_size", pool_size)
                .finish_non_exhaustive(),
        }
    }
}

/// An open database. Clones share it; it closes when the last one is dropped.
#[derive(Clone)]
pub struct Db(Arc<Open>);

struct Open {
    driver: Driver,
    sent: AtomicU64,
}

enum Driver {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// If the database cannot be reached, is held by another server (SQLite), or was written by a newer version.
    pub async fn open(settings: &DbSettings) -> Result<Self, DbError> {
        Self::open_with(settings, MIGRATIONS).await
    }

    /// [`open`](Db::open) with migrations other than those of the product.
    pub(crate) async fn open_with(
        settings: &DbSettings,
        migrations: &'static [Migration],
    ) -> Result<Self, DbError> {
        let driver = match settings {
            DbSettings::Sqlite { path } => Driver::Sqlite(Sqlite::open(path.clone(), migrations).await?),
            DbSettings::Postgres { url, pool_size } => {
                Driver::Postgres(Postgres::open(url, *pool_size, migrations).await?)
            }
        };
        Ok(Self(Arc::new(Open {
            driver,
            sent: AtomicU64::new(0),
        })))
    }

    /// All rows that a `SELECT` gives; for lists, which may take a while.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn read(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, DbError> {
        let sql = sql.into();
        self.admit(&params)?;
        match &self.0.driver {
            Driver::Sqlite(sqlite) => sqlite.read(sql, params).await,
            Driver::Postgres(postgres) => postgres.read(&sql, &params).await,
        }
    }

    /// The first row that a `SELECT` gives, if any; for short reads by an index.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn read_one(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
    ) -> Result<Option<Row>, DbError> {
        let sql = sql.into();
        self.admit(&params)?;
        match &self.0.driver {
            Driver::Sqlite(sqlite) => sqlite.read_one(&sql, &params).await,
            Driver::Postgres(postgres) => Ok(postgres.read(&sql, &params).await?.into_iter().next()),
        }
    }

    /// Executes the batch in one transaction, and says what each statement did. Once this answers `Ok`, the write is
    /// on disk. If the caller stops waiting, the batch is still carried out whole or not at all.
    ///
    /// # Errors
    /// See [`WriteError`]; then nothing of the batch remains. If the connection to PostgreSQL breaks at the moment of
    /// the commit, the answer is `Unavailable` and the outcome is unknown.
    pub async fn write(&self, batch: Batch) -> Result<Vec<Done>, WriteError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        for statement in &batch.statements {
            self.admit(&statement.params)?;
        }
        match &self.0.driver {
            Driver::Sqlite(sqlite) => sqlite.write(batch).await,
            Driver::Postgres(postgres) => postgres.write(batch).await,
        }
    }

    /// How many statements were sent so far.
    pub fn statements(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Prepares a statement without executing it.
    ///
    /// # Errors
    /// [`DbError::Failed`] if the database does not understand it.
    pub async fn prepare(&self, sql: &str) -> Result<(), DbError> {
        self.admit(&[])?;
        match &self.0.driver {
            Driver::Sqlite(sqlite) => sqlite.prepare(sql).await,
            Driver::Postgres(postgres) => postgres.prepare(sql).await,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.read_one("SELECT 1", Vec::new()).await.map(drop)
    }

    /// What the clock of the database shows; an embedded one has none of its own.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if it does not answer.
    pub async fn clock(&self) -> Result<Option<Timestamp>, DbError> {
        match &self.0.driver {
            Driver::Sqlite(_) => Ok(None),
            Driver::Postgres(postgres) => {
                self.admit(&[])?;
                postgres.clock().await.map(Some)
            }
        }
    }

    /// Whether other nodes may write to this database, too.
    pub fn is_shared(&self) -> bool {
        self.kind() == "postgresql"
    }

    /// The name of the database system.
    pub fn kind(&self) -> &'static str {
        match self.0.driver {
            Driver::Sqlite(_) => "sqlite",
            Driver::Postgres(_) => "postgresql",
        }
    }

    /// Counts a statement, and refuses what only SQLite could store: a text with a NUL in it.
    fn admit(&self, params: &[Value]) -> Result<(), DbError> {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        match params
            .iter()
            .position(|value| matches!(value, Value::Text(text) if text.contains('\0')))
        {
            Some(index) => Err(DbError::Failed(format!(
                "parameter ${} contains a NUL character",
                index + 1
            ))),
            None => Ok(()),
        }
    }
}

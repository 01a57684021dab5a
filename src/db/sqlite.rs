//! SQLite: several readers, one writer that groups commits. [Write-ahead log](https://sqlite.org/wal.html)
//!
//! Invariant: the lock file is held until the writer has closed the database, so no second server ever opens it.

mod writer;

use std::{
    borrow::Cow,
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{
    CachedStatement, Connection, ErrorCode, OpenFlags, config::DbConfig, types::ToSqlOutput, types::ValueRef,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Batch, DbError, Row, Value, migrate};
use writer::{Job, Outcome};

/// How long to wait for a place in the queue or a free reader.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long SQLite itself waits for another process, such as a backup.
const BUSY: Duration = Duration::from_secs(5);
/// Batches that may wait for the writer.
const QUEUE: usize = 1024;

/// An open database file.
pub struct Sqlite {
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Readers>,
}

impl Sqlite {
    /// Opens or makes the file, locks it against other servers, migrates it.
    pub async fn open(path: PathBuf, migrations: &'static [migrate::Migration]) -> Result<Self, DbError> {
        on_thread(move || {
            let lock = lock(&path)?;
            make(&path)?;
            let mut connection = connect(&path)?;
            migrate::on_sqlite(&mut connection, migrations)?;
            let readers = Readers::open(&path)?;
            let (queue, jobs) = mpsc::channel(QUEUE);
            let writer = thread::Builder::new()
                .name("sqlite-writer".to_owned())
                .spawn(move || writer::run(connection, jobs, lock))
                .map_err(|e| DbError::Unavailable(format!("cannot start the writer thread: {e}")))?;
            Ok(Self {
                queue: Some(queue),
                writer: Some(writer),
                readers: Arc::new(readers),
            })
        })
        .await
    }

    /// All rows, on a thread that may block.
    pub async fn read(&self, sql: Cow<'static, str>, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let reader = self.readers.lend().await?;
        on_thread(move || reader.select(&sql, &params, usize::MAX)).await
    }

    /// The first row, at once: a look-up by an index costs less than a change of threads.
    pub async fn read_one(&self, sql: &str, params: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.readers.lend().await?.select(sql, params, 1)?.pop())
    }

    /// Queues the batch and waits for the commit.
    pub async fn write(&self, batch: Batch) -> Outcome {
        let gone = || DbError::Unavailable("the writer has stopped".to_owned());
        let (answer, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue
            .send_timeout(Job { batch, answer }, PATIENCE)
            .await
            .map_err(|e| match e {
                mpsc::error::SendTimeoutError::Timeout(_) => {
                    DbError::Unavailable("too many writes wait".to_owned())
                }
                mpsc::error::SendTimeoutError::Closed(_) => gone(),
            })?;
        outcome.await.map_err(|_| gone())?
    }

    /// Prepares without executing.
    pub async fn prepare(&self, sql: &str) -> Result<(), DbError> {
        let reader = self.readers.lend().await?;
        reader.connection()?.prepare(sql).map(drop).map_err(|e| judge(&e))
    }
}

/// Waits until queued batches are committed and the file is closed, so that it can be opened again at once.
impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(DbError::Failed(format!("a database thread broke off: {e}"))))
}

/// Two servers on one file would each believe in their own memory, so the second one is refused.
fn lock(path: &Path) -> Result<File, DbError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = private()
        .open(&name)
        .map_err(|e| unusable(Path::new(&name), &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DbError::Unavailable(format!(
            "{} is in use by another server",
            path.display()
        ))),
        Err(TryLockError::Error(e)) => Err(unusable(Path::new(&name), &e)),
    }
}

/// SQLite gives its journal the mode of the file, so the file gets it before SQLite sees it.
fn make(path: &Path) -> Result<(), DbError> {
    private().open(path).map(drop).map_err(|e| unusable(path, &e))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
}

fn unusable(path: &Path, error: &io::Error) -> DbError {
    DbError::Unavailable(format!("cannot open {}: {error}", path.display()))
}

fn connect(path: &Path) -> Result<Connection, DbError> {
    let connection = configured(path).map_err(|e| judge(&e))?;
    let journal =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
    // Some network file systems cannot share the log's memory, and SQLite then keeps the old journal without a word.
    match journal.map_err(|e| judge(&e))?.as_str() {
        "wal" => Ok(connection),
        _ => Err(DbError::Unavailable(format!(
            "{}: no write-ahead log on this file system",
            path.display()
        ))),
    }
}

fn configured(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(256);
    // "x" is a column, never a text, as PostgreSQL has it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // LIKE tells cases apart, as PostgreSQL does; folded columns are there for the rest.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         PRAGMA case_sensitive_like = ON; PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

impl Readers {
    fn open(path: &Path) -> Result<Self, DbError> {
        let count = thread::available_parallelism().map_or(2, usize::from) + 2;
        let idle = (0..count).map(|_| connect(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            idle: Mutex::new(idle),
            places: Arc::new(Semaphore::new(count)),
        })
    }

    async fn lend(self: &Arc<Self>) -> Result<Reader, DbError> {
        let exhausted = || DbError::Unavailable("no reader became free".to_owned());
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned())
                .await
                .map_err(|_| exhausted())?
                .map_err(|_| exhausted())?,
        };
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Reader {
            connection,
            home: Arc::clone(self),
            _place: place,
        })
    }
}

/// A connection on loan; it goes home when dropped, and only then its place is free.
struct Reader {
    connection: Option<Connection>,
    home: Arc<Readers>,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    fn connection(&self) -> Result<&Connection, DbError> {
        self.connection
            .as_ref()
            .ok_or_else(|| DbError::Failed("a place without a connection".to_owned()))
    }

    fn select(&self, sql: &str, params: &[Value], limit: usize) -> Result<Vec<Row>, DbError> {
        let mut statement = self.connection()?.prepare_cached(sql).map_err(|e| judge(&e))?;
        if !statement.readonly() {
            return Err(DbError::Failed("a read must not write".to_owned()));
        }
        bind(&mut statement, params)?;
        rows(&mut statement, limit).map_err(|e| judge(&e))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

/// Binds by the number in the name: SQLite itself would number `$2, $1` by first appearance.
fn bind(statement: &mut CachedStatement<'_>, params: &[Value]) -> Result<(), DbError> {
    let count = statement.parameter_count();
    if count != params.len() {
        return Err(DbError::Failed(format!(
            "the statement has {count} parameters, {} given",
            params.len()
        )));
    }
    for index in 1..=count {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$'))
            .and_then(|digits| digits.parse::<usize>().ok());
        let value = number
            .and_then(|number| params.get(number.checked_sub(1)?))
            .ok_or_else(|| DbError::Failed(format!("parameter {index} is not one of $1 to ${count}")))?;
        statement
            .raw_bind_parameter(index, value)
            .map_err(|e| judge(&e))?;
    }
    Ok(())
}

fn rows(statement: &mut CachedStatement<'_>, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let columns = statement.column_count();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while rows.len() < limit
        && let Some(row) = found.next()?
    {
        let cells = (0..columns)
            .map(|index| row.get(index))
            .collect::<rusqlite::Result<Vec<Value>>>()?;
        rows.push(Row::new(cells));
    }
    Ok(rows)
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl rusqlite::types::FromSql for Value {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(number) => Ok(Self::Int(number)),
            ValueRef::Text(_) => value.as_str().map(Self::from),
            ValueRef::Blob(bytes) => Ok(Self::from(bytes)),
            ValueRef::Real(_) => Err(rusqlite::types::FromSqlError::InvalidType),
        }
    }
}

/// Whose fault an error is.
pub fn judge(error: &rusqlite::Error) -> DbError {
    let unavailable = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::FileLockingProtocolFailed
        )
    );
    if unavailable {
        DbError::Unavailable(error.to_string())
    } else {
        DbError::Failed(error.to_string())
    }
}

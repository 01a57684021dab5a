//! PostgreSQL: pooled connections, prepared statements cached on each.
//!
//! A batch runs in a task of its own, so a caller that goes away neither tears a transaction apart nor leaves one
//! open. [Serialization failures](https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html)
//! and deadlocks are tried again, which is safe because a batch is data.
//!
//! Invariant: a connection returns to the pool only when it is known to be outside a transaction.

mod value;

use std::{
    error::Error as _,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use tokio_postgres::{Config, Error, Statement as Prepared, error::SqlState, types::ToSql};

use super::{Batch, DbError, Done, Row, Value, WriteError, migrate, tls};
use crate::time::Timestamp;

/// How long to wait for a connection: from the pool, or anew.
const ACQUIRE: Duration = Duration::from_secs(2);
/// How long a statement or a batch may take before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries of a batch that loses a race inside the database, and the pause before the second; it doubles.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(4);

/// A pool of connections to one server or cluster.
pub struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects and migrates.
    pub async fn open(url: &str, size: usize, migrations: &[migrate::Migration]) -> Result<Self, DbError> {
        let (config, connector) = tls::parse(url)?;
        let manager = Manager::from_config(
            patient(config),
            connector,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(size.max(1))
            .wait_timeout(Some(ACQUIRE))
            .create_timeout(Some(ACQUIRE))
            .recycle_timeout(Some(ACQUIRE))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|e| DbError::Failed(e.to_string()))?;
        // Taken out of the pool: whatever goes wrong, the connection ends here.
        let mut connection = Object::take(acquire(&pool).await?);
        migrate::on_postgres(&mut connection, migrations).await?;
        Ok(Self { pool })
    }

    /// All rows of a query.
    pub async fn read(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let rows = match self.select(sql, params).await? {
            Err(error) if is_stale(&error) => self.select(sql, params).await?,
            rows => rows,
        };
        rows.map_err(|e| judge(&e))
    }

    /// No [`Lease`]: a query that is given up half-way leaves nothing open, the driver discards its rows.
    async fn select(&self, sql: &str, params: &[Value]) -> Result<Result<Vec<Row>, Error>, DbError> {
        let connection = acquire(&self.pool).await?;
        let rows = tokio::time::timeout(PATIENCE, async {
            let prepared = connection.prepare_cached(sql).await?;
            query(&connection, &prepared, params).await
        })
        .await;
        match rows {
            Ok(rows) => {
                forget_stale(&self.pool, rows.as_ref().err());
                Ok(rows)
            }
            Err(_) => {
                drop(Object::take(connection));
                Err(too_slow())
            }
        }
    }

    /// Runs the batch in one transaction, in a task that outlives the caller.
    pub async fn write(&self, batch: Batch) -> Result<Vec<Done>, WriteError> {
        let pool = self.pool.clone();
        tokio::spawn(async move { persist(&pool, &batch).await })
            .await
            .unwrap_or_else(|e| Err(DbError::Unavailable(format!("the write was broken off: {e}")).into()))
    }

    /// What its clock shows at this very moment: `now()` would be the beginning of the transaction.
    pub async fn clock(&self) -> Result<Timestamp, DbError> {
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let row = self.read(sql, &[]).await?.into_iter().next();
        row.ok_or_else(|| DbError::Failed("the database does not tell the time".into()))?
            .next()
    }

    /// Prepares without executing.
    pub async fn prepare(&self, sql: &str) -> Result<(), DbError> {
        acquire(&self.pool)
            .await?
            .prepare(sql)
            .await
            .map(drop)
            .map_err(|e| judge(&e))
    }
}

/// A silent server or network must be noticed, not waited for.
fn patient(mut config: Config) -> Config {
    config
        .connect_timeout(ACQUIRE)
        .keepalives_idle(PATIENCE)
        .keepalives_interval(ACQUIRE)
        .keepalives_retries(3)
        .tcp_user_timeout(PATIENCE);
    if config.get_application_name().is_none() {
        config.application_name("oauthority");
    }
    config
}

async fn acquire(pool: &Pool) -> Result<Object, DbError> {
    pool.get().await.map_err(|error| {
        DbError::Unavailable(match error {
            PoolError::Backend(error) => describe(&error),
            PoolError::Timeout(_) => "no connection within two seconds".to_owned(),
            other => other.to_string(),
        })
    })
}

/// A connection on loan. Unless it is [ended](Lease::end) properly, dropping it closes the connection.
struct Lease(Option<Object>);

impl Lease {
    fn new(object: Object) -> Self {
        Self(Some(object))
    }

    fn end(mut self) {
        drop(self.0.take());
    }
}

impl std::ops::Deref for Lease {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.0
            .as_ref()
            .expect("only `end` takes it, and consumes the lease")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// Tries the batch until it no longer loses a race.
async fn persist(pool: &Pool, batch: &Batch) -> Result<Vec<Done>, WriteError> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match attempt(pool, batch).await {
            Err(Setback::Race(_)) => tokio::time::sleep(pause).await,
            Err(Setback::Final(error)) => return Err(error),
            Ok(done) => return Ok(done),
        }
        pause *= 2;
    }
    attempt(pool, batch).await.map_err(|setback| match setback {
        Setback::Race(error) => judge(&error).into(),
        Setback::Final(error) => error,
    })
}

enum Setback {
    Race(Error),
    Final(WriteError),
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        let races = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ];
        if error.code().is_some_and(|code| races.contains(code)) || is_stale(&error) {
            Self::Race(error)
        } else {
            Self::Final(refuse(&error))
        }
    }
}

async fn attempt(pool: &Pool, batch: &Batch) -> Result<Vec<Done>, Setback> {
    let lease = Lease::new(acquire(pool).await.map_err(|e| Setback::Final(e.into()))?);
    let outcome = match tokio::time::timeout(PATIENCE, transact(&lease, batch)).await {
        Ok(outcome) => outcome,
        Err(_) => return Err(Setback::Final(too_slow().into())),
    };
    if let Err(Setback::Race(error)) = &outcome {
        forget_stale(pool, Some(error));
    }
    // A lone statement has no transaction to leave.
    let clean = outcome.is_ok()
        || is_alone(batch)
        || matches!(
            tokio::time::timeout(ACQUIRE, lease.batch_execute("ROLLBACK")).await,
            Ok(Ok(()))
        );
    if clean {
        lease.end();
    }
    outcome
}

/// Prepares all statements, then sends them together: a batch costs four round trips at most, a lone statement one.
async fn transact(lease: &Lease, batch: &Batch) -> Result<Vec<Done>, Setback> {
    let mut prepared = Vec::with_capacity(batch.len());
    for statement in &batch.statements {
        prepared.push(lease.prepare_cached(&statement.sql).await?);
    }
    if !is_alone(batch) {
        lease.batch_execute("BEGIN").await?;
    }
    let requests = batch
        .statements
        .iter()
        .zip(&prepared)
        .map(|(s, p)| execute(lease, p, &s.params));
    let mut done = Vec::with_capacity(batch.len());
    // The first failure counts; those after it only say that the transaction has failed.
    for (outcome, statement) in together(requests).await.into_iter().zip(&batch.statements) {
        let one = outcome?;
        if let Some(name) = statement.unmet(&one) {
            return Err(Setback::Final(WriteError::Unmet(name)));
        }
        done.push(one);
    }
    if !is_alone(batch) {
        lease.batch_execute("COMMIT").await?;
    }
    Ok(done)
}

/// One statement is a transaction by itself; an expectation it does not meet is one that changed nothing.
fn is_alone(batch: &Batch) -> bool {
    batch.len() == 1
}

async fn execute(lease: &Lease, prepared: &Prepared, params: &[Value]) -> Result<Done, Error> {
    if prepared.columns().is_empty() {
        let rows = lease.execute(prepared, &as_sql(params)).await?;
        return Ok(Done {
            rows,
            returned: Vec::new(),
        });
    }
    let returned = query(lease, prepared, params).await?;
    Ok(Done {
        rows: returned.len() as u64,
        returned,
    })
}

async fn query(connection: &Object, prepared: &Prepared, params: &[Value]) -> Result<Vec<Row>, Error> {
    let rows = connection.query(prepared, &as_sql(params)).await?;
    rows.iter().map(cells).collect()
}

fn as_sql(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// Polls all requests once, in order, so that they leave together; then waits for the answers, which come in the same
/// order.
async fn together<F: Future>(requests: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = requests.map(Box::pin).collect();
    let sent: Vec<Poll<F::Output>> = poll_fn(|context| {
        Poll::Ready(
            waiting
                .iter_mut()
                .map(|request| request.as_mut().poll(context))
                .collect(),
        )
    })
    .await;
    let mut answers = Vec::with_capacity(waiting.len());
    for (request, answer) in waiting.into_iter().zip(sent) {
        answers.push(match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => request.await,
        });
    }
    answers
}

fn cells(row: &tokio_postgres::Row) -> Result<Row, Error> {
    let cells = (0..row.len())
        .map(|index| row.try_get::<_, Value>(index))
        .collect::<Result<_, _>>()?;
    Ok(Row::new(cells))
}

/// Whether a plan cached on the connection no longer fits the schema.
fn is_stale(error: &Error) -> bool {
    let states = [
        SqlState::FEATURE_NOT_SUPPORTED,
        SqlState::INVALID_SQL_STATEMENT_NAME,
    ];
    error.code().is_some_and(|code| states.contains(code))
}

/// The schema moved under the plans: all connections prepare anew.
fn forget_stale(pool: &Pool, error: Option<&Error>) {
    if error.is_some_and(is_stale) {
        pool.manager().statement_caches.clear();
    }
}

fn too_slow() -> DbError {
    DbError::Unavailable(format!("no answer within {} seconds", PATIENCE.as_secs()))
}

/// Message and state; never the detail, which quotes values.
fn describe(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(db), _) => format!("{} ({})", db.message(), db.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// Whose fault an error is. Classes of states: [Appendix A](https://www.postgresql.org/docs/current/errcodes-appendix.html).
pub fn judge(error: &Error) -> DbError {
    let unavailable = match error.code().map(SqlState::code) {
        // connection, insufficient resources, operator intervention, system error, lock, read-only, races
        Some(code) => {
            ["08", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
                || ["25006", "40001", "40P01", "55P03"].contains(&code)
        }
        None => error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>()),
    };
    if unavailable {
        DbError::Unavailable(describe(error))
    } else {
        DbError::Failed(describe(error))
    }
}

/// What a failed statement of a batch means: constraints speak of the data, the rest of the database.
fn refuse(error: &Error) -> WriteError {
    let Some(db) = error.as_db_error() else {
        return judge(error).into();
    };
    let foreign = [SqlState::FOREIGN_KEY_VIOLATION, SqlState::RESTRICT_VIOLATION];
    if foreign.contains(db.code()) {
        return WriteError::ForeignKey;
    }
    match (
        db.code() == &SqlState::UNIQUE_VIOLATION,
        db.table(),
        db.detail().and_then(unique_columns),
    ) {
        (true, Some(table), Some(columns)) => WriteError::Unique {
            table: table.to_owned(),
            columns,
        },
        _ => judge(error).into(),
    }
}

/// From `Key (organization, name)=(…) already exists.`, in whatever language: `organization, name`.
fn unique_columns(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once('(')?;
    let (columns, _) = rest.split_once(")=(")?;
    Some(columns.to_owned())
}

//! What the clock has shown over the last day of running, and what therefore is past for sure.
//!
//! A clock may be wrong, and be put right again. What was deleted meanwhile stays deleted: a revoked token would be active
//! again. So nothing is forgotten by what the clock shows now, but by a [`Past`]: a time that *every* reading of the last
//! day agrees is over. "A day" is counted in time that programs were seen to run, by clocks that only go forward.

use crate::{
    db::{Db, DbError, Statement, Value},
    time::{Lifetime, Timestamp},
};

/// How many hours of running a reading must be old before it counts: a token lives for a day and five minutes at most,
/// and whatever was revoked is over by then on any clock. A reading may be from the last minute of its hour, hence one
/// more.
const HOURS: i64 = 26;
const HOUR: i64 = 3_600_000;

/// A time that is over, as every reading of the clock in the last day of running agrees. Only this module makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Past(Timestamp);

impl Past {
    /// While nothing is known: only what was before there were computers is over.
    pub const UNKNOWN: Self = Self(Timestamp::from_millis(0));

    /// This time minus `span`.
    #[must_use]
    pub const fn before(self, span: Lifetime) -> Self {
        Self(self.0.before(span))
    }

    /// The time.
    pub const fn at(self) -> Timestamp {
        self.0
    }
}

impl From<Past> for Value {
    fn from(past: Past) -> Self {
        past.0.into()
    }
}

/// For how many milliseconds programs were seen to run on this database.
pub async fn running(db: &Db) -> Result<i64, DbError> {
    let row = db
        .read_one("SELECT value FROM counters WHERE name = 'running'", vec![])
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Adds the milliseconds that passed since `running` was what it is: nothing if another node has added some meanwhile,
/// since the same time must not count twice.
pub fn run_on(running: i64, millis: i64) -> Statement {
    Statement::new(
        "UPDATE counters SET value = value + $1 WHERE name = 'running' AND value = $2",
        vec![millis.into(), running.into()],
    )
}

/// Notes what the clock shows after so many milliseconds of running.
pub fn note(running: i64, shown: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO clock_readings (hour, earliest) VALUES ($1, $2) ON CONFLICT (hour) DO UPDATE SET earliest = \
         CASE WHEN excluded.earliest < clock_readings.earliest THEN excluded.earliest ELSE clock_readings.earliest END",
        vec![(running / HOUR).into(), shown.into()],
    )
}

/// Forgets readings that cannot count any more: those before the youngest that is old enough.
pub fn forget(running: i64) -> Statement {
    Statement::new(
        "DELETE FROM clock_readings WHERE hour < (SELECT max(hour) FROM clock_readings WHERE hour <= $1)",
        vec![(running / HOUR - HOURS).into()],
    )
}

/// What is past for sure after so many milliseconds of running.
pub async fn past(db: &Db, running: i64) -> Result<Past, DbError> {
    let row = db
        .read_one(
            "SELECT min(earliest) FROM clock_readings \
             WHERE hour >= (SELECT max(hour) FROM clock_readings WHERE hour <= $1)",
            vec![(running / HOUR - HOURS).into()],
        )
        .await?;
    let earliest: Option<Timestamp> = match row {
        Some(mut row) => row.next()?,
        None => None,
    };
    Ok(earliest.map_or(Past::UNKNOWN, |at| Past(at.max(Past::UNKNOWN.0))))
}

/// The earliest time that the clock showed in the last hour of running that it was read in.
pub async fn last(db: &Db) -> Result<Option<Timestamp>, DbError> {
    let row = db
        .read_one(
            "SELECT earliest FROM clock_readings ORDER BY hour DESC LIMIT 1",
            vec![],
        )
        .await?;
    row.map(|mut row| row.next()).transpose()
}

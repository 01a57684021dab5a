//! Guesses in a row, for each thing that is guessed. The database counts, since guesses come side by side and at several
//! nodes: a guess is counted before it is looked at, and the statement that counts is the one that refuses.

use crate::{
    db::{Db, DbError, Row, Statement},
    store::clock_readings::Past,
    time::Timestamp,
};

/// What is guessed: whose, which way in, and from which lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing<'a> {
    pub subject: &'a str,
    pub way: &'a str,
    /// Empty for everybody whom the account does not know.
    pub lane: &'a str,
}

/// Guesses at something.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    pub guesses: i64,
    /// Nobody guesses before.
    pub opens_at: Timestamp,
}

/// Counts a guess and returns how many there are in a row: `capped` when there are `most` already, or while it pauses.
/// The tenth begins a pause of a minute; each one after it doubles the pause, up to an hour.
pub fn count(thing: &Thing<'_>, most: i64, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO guess_counts (subject, way, lane, guesses, opens_at, last_at) VALUES ($1, $2, $3, 1, 0, $4) \
         ON CONFLICT (subject, way, lane) DO UPDATE SET guesses = guess_counts.guesses + 1, last_at = $4, \
         opens_at = CASE WHEN guess_counts.guesses < 9 THEN 0 ELSE $4 + CASE guess_counts.guesses \
         WHEN 9 THEN 60000 WHEN 10 THEN 120000 WHEN 11 THEN 240000 WHEN 12 THEN 480000 WHEN 13 THEN 960000 \
         WHEN 14 THEN 1920000 ELSE 3600000 END END \
         WHERE guess_counts.guesses < $5 AND guess_counts.opens_at <= $4 RETURNING guesses",
        vec![
            thing.subject.into(),
            thing.way.into(),
            thing.lane.into(),
            now.into(),
            most.into(),
        ],
    )
    .expecting("capped")
}

/// Counts a guess at something that lives for minutes, and returns how many there are: `few` when there are `most` already.
pub fn count_few(thing: &Thing<'_>, most: i64, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO guess_counts (subject, way, lane, guesses, opens_at, last_at) VALUES ($1, $2, $3, 1, 0, $4) \
         ON CONFLICT (subject, way, lane) DO UPDATE SET guesses = guess_counts.guesses + 1, last_at = $4 \
         WHERE guess_counts.guesses < $5 RETURNING guesses",
        vec![
            thing.subject.into(),
            thing.way.into(),
            thing.lane.into(),
            now.into(),
            most.into(),
        ],
    )
    .expecting("few")
}

/// How many guesses there are.
pub async fn find(db: &Db, thing: &Thing<'_>) -> Result<Option<Count>, DbError> {
    let row = db
        .read_one(
            "SELECT guesses, opens_at FROM guess_counts WHERE subject = $1 AND way = $2 AND lane = $3",
            vec![thing.subject.into(), thing.way.into(), thing.lane.into()],
        )
        .await?;
    row.map(|mut row| {
        Ok(Count {
            guesses: row.next()?,
            opens_at: row.next()?,
        })
    })
    .transpose()
}

/// A right one came: the row begins anew.
pub fn reset(thing: &Thing<'_>) -> Statement {
    Statement::new(
        "UPDATE guess_counts SET guesses = 0, opens_at = 0, due_at = NULL \
         WHERE subject = $1 AND way = $2 AND lane = $3 AND guesses > 0",
        vec![thing.subject.into(), thing.way.into(), thing.lane.into()],
    )
}

/// Opens every way to an account again.
pub fn reset_all(subject: &str) -> Statement {
    Statement::new(
        "UPDATE guess_counts SET guesses = 0, opens_at = 0, due_at = NULL WHERE subject = $1 AND guesses > 0",
        vec![subject.into()],
    )
}

/// The person is to hear of it, if the row goes on.
pub fn set_due(thing: &Thing<'_>, from: i64, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE guess_counts SET due_at = $1 WHERE subject = $2 AND way = $3 AND lane = $4 AND guesses >= $5",
        vec![
            now.into(),
            thing.subject.into(),
            thing.way.into(),
            thing.lane.into(),
            from.into(),
        ],
    )
}

/// A row of guesses that somebody is to hear of.
#[derive(Clone, Debug)]
pub struct Due {
    pub subject: String,
    pub way: String,
    pub guesses: i64,
    pub opens_at: Timestamp,
    pub due_at: Timestamp,
    pub told_at: Option<Timestamp>,
}

fn read(mut row: Row) -> Result<Due, DbError> {
    Ok(Due {
        subject: row.next()?,
        way: row.next()?,
        guesses: row.next()?,
        opens_at: row.next()?,
        due_at: row.next()?,
        told_at: row.next()?,
    })
}

/// What somebody is to hear of, the oldest first; at most `limit`.
pub async fn due(db: &Db, limit: i64) -> Result<Vec<Due>, DbError> {
    let rows = db
        .read(
            "SELECT subject, way, guesses, opens_at, due_at, told_at FROM guess_counts \
             WHERE due_at IS NOT NULL AND lane = '' ORDER BY due_at, subject LIMIT $1",
            vec![limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Somebody hears of it now: `claimed` when another node has told them, or it is over.
pub fn claim(due: &Due, told_at: Option<Timestamp>) -> Statement {
    Statement::new(
        "UPDATE guess_counts SET due_at = NULL, told_at = $1 \
         WHERE subject = $2 AND way = $3 AND lane = '' AND due_at = $4",
        vec![
            told_at.into(),
            (&due.subject).into(),
            (&due.way).into(),
            due.due_at.into(),
        ],
    )
    .expecting("claimed")
}

/// Forgets rows that came to their end, and half sign-ins, at most 1,000 at a time.
pub fn forget_ended(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM guess_counts WHERE (subject, way, lane) IN \
         (SELECT subject, way, lane FROM guess_counts WHERE last_at <= $1 AND (guesses = 0 OR way = 'half') LIMIT 1000)",
        vec![before.into()],
    )
}

/// Forgets rows in which nobody guessed any more before there were `most`, at most 1,000 at a time.
pub fn forget_open(before: Past, most: i64) -> Statement {
    Statement::new(
        "DELETE FROM guess_counts WHERE (subject, way, lane) IN \
         (SELECT subject, way, lane FROM guess_counts WHERE last_at <= $1 AND guesses < $2 LIMIT 1000)",
        vec![before.into(), most.into()],
    )
}

/// Forgets what was closed of user names that nobody has, at most 1,000 at a time.
pub fn forget_nobody(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM guess_counts WHERE (subject, way, lane) IN \
         (SELECT g.subject, g.way, g.lane FROM guess_counts g WHERE g.last_at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = g.subject) LIMIT 1000)",
        vec![before.into()],
    )
}

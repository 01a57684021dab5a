//! Signed-in browsers. The session id is a 256-bit secret of the cookie; its keyed digest is the key here.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// A signed-in browser.
#[derive(Clone, Debug)]
pub struct Session {
    pub digest: Vec<u8>,
    /// What others may know it by: the `sid` of ID tokens, and the page of sessions.
    pub id: String,
    pub user_id: String,
    pub created_at: Timestamp,
    /// When the person last proved who he is.
    pub authenticated_at: Timestamp,
    /// How, as RFC 8176 names it, with spaces between: `pwd otp`.
    pub methods: String,
    /// Whether how the person signs in was changed elsewhere since: then it is not fresh, whatever its time.
    pub demoted: bool,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub ip: String,
    pub user_agent: String,
}

fn read(mut row: Row) -> Result<Session, DbError> {
    Ok(Session {
        digest: row.next()?,
        id: row.next()?,
        user_id: row.next()?,
        created_at: row.next()?,
        authenticated_at: row.next()?,
        methods: row.next()?,
        demoted: row.next()?,
        last_seen_at: row.next()?,
        expires_at: row.next()?,
        ip: row.next()?,
        user_agent: row.next()?,
    })
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT digest, id, user_id, created_at, authenticated_at, methods, demoted, last_seen_at, expires_at, \
             ip, user_agent FROM sessions ",
            $tail
        )
    };
}

/// The session with this digest that has neither expired nor been idle since `idle_since`.
pub async fn find(
    db: &Db,
    digest: &[u8],
    now: Timestamp,
    idle_since: Timestamp,
) -> Result<Option<Session>, DbError> {
    let row = db
        .read_one(
            columns!("WHERE digest = $1 AND expires_at > $2 AND last_seen_at > $3"),
            vec![digest.into(), now.into(), idle_since.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// The sessions of a person that are alive, the one seen last first.
pub async fn of_user(
    db: &Db,
    user_id: &str,
    now: Timestamp,
    idle_since: Timestamp,
) -> Result<Vec<Session>, DbError> {
    let rows = db
        .read(
            columns!(
                "WHERE user_id = $1 AND expires_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC, id DESC"
            ),
            vec![user_id.into(), now.into(), idle_since.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds a session.
pub fn add(session: &Session) -> Statement {
    Statement::new(
        "INSERT INTO sessions (digest, id, user_id, created_at, authenticated_at, methods, last_seen_at, expires_at, \
         ip, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        vec![
            session.digest.clone().into(),
            (&session.id).into(),
            (&session.user_id).into(),
            session.created_at.into(),
            session.authenticated_at.into(),
            (&session.methods).into(),
            session.last_seen_at.into(),
            session.expires_at.into(),
            (&session.ip).into(),
            (&session.user_agent).into(),
        ],
    )
}

/// Gives a session another digest, and notes how and when its person has proven anew who he is: `session` if it has ended.
/// What others know it by stays.
pub fn renew(digest: &[u8], session: &Session) -> Statement {
    Statement::new(
        "UPDATE sessions SET digest = $1, authenticated_at = $2, methods = $3, last_seen_at = $4, expires_at = $5, \
         ip = $6, user_agent = $7, demoted = $8 WHERE digest = $9 AND user_id = $10",
        vec![
            session.digest.clone().into(),
            session.authenticated_at.into(),
            (&session.methods).into(),
            session.last_seen_at.into(),
            session.expires_at.into(),
            (&session.ip).into(),
            (&session.user_agent).into(),
            session.demoted.into(),
            digest.into(),
            (&session.user_id).into(),
        ],
    )
    .expecting("session")
}

/// Notes that a session proved more.
pub fn prove_more(digest: &[u8], methods: &str) -> Statement {
    Statement::new(
        "UPDATE sessions SET methods = $1 WHERE digest = $2",
        vec![methods.into(), digest.into()],
    )
}

/// Takes freshness from the sessions of a person, except the one with this id.
pub fn demote_others(user_id: &str, id: &str) -> Statement {
    Statement::new(
        "UPDATE sessions SET demoted = TRUE WHERE user_id = $1 AND id <> $2",
        vec![user_id.into(), id.into()],
    )
}

/// Notes that a session was seen.
pub fn touch(digest: &[u8], now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET last_seen_at = $1 WHERE digest = $2",
        vec![now.into(), digest.into()],
    )
}

/// Locks a session by the id that may be told: `session` if it has ended.
pub fn hold(id: &str) -> Statement {
    Statement::new(
        "UPDATE sessions SET last_seen_at = last_seen_at WHERE id = $1",
        vec![id.into()],
    )
    .expecting("session")
}

/// Ends one session.
pub fn remove(digest: &[u8]) -> Statement {
    Statement::new("DELETE FROM sessions WHERE digest = $1", vec![digest.into()])
}

/// Ends every session of a person.
pub fn remove_of(user_id: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE user_id = $1", vec![user_id.into()])
}

/// Forgets sessions that have ended by themselves, at most 1,000 at a time.
pub fn forget(past: Past, idle_since: Past) -> Statement {
    Statement::new(
        "DELETE FROM sessions WHERE digest IN \
         (SELECT digest FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2 LIMIT 1000)",
        vec![past.into(), idle_since.into()],
    )
}

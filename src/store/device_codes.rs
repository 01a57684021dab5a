//! Requests of devices that have no browser. [RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)
//!
//! The device knows the request by its device code, the person by the user code; both are kept by digest.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::{client::words, scope::ScopeKey},
    time::{Lifetime, Timestamp},
};

words! {
    /// How far a request has come.
    DeviceState {
        Pending = "pending",
        Approved = "approved",
        Denied = "denied",
        Spent = "spent",
    }
}

/// The purpose under which device codes are digested.
pub const DEVICE_CODE: &str = "device-code";
/// The purpose under which user codes are digested.
pub const USER_CODE: &str = "user-code";

/// A request as it is kept.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    pub digest: Vec<u8>,
    pub user_code: Vec<u8>,
    pub client_id: String,
    /// The number of the client when it asked; one below its epoch is dead, and so is a scope that was granted later.
    pub client_epoch: i64,
    pub scopes: Vec<ScopeKey>,
    /// Where the device asked from.
    pub ip: String,
    pub user_agent: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// How long the device waits between two polls.
    pub poll_interval: Lifetime,
    pub polled_at: Option<Timestamp>,
    pub state: DeviceState,
    /// What the person gave, once they did.
    pub grant_id: Option<String>,
    /// Who typed the user code: nobody else answers for the device.
    pub user_id: Option<String>,
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT digest, user_code, client_id, client_epoch, scopes, ip, user_agent, created_at, expires_at, poll_interval, \
             polled_at, state, grant_id, user_id FROM device_codes ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<DeviceCode, DbError> {
    Ok(DeviceCode {
        digest: row.next()?,
        user_code: row.next()?,
        client_id: row.next()?,
        client_epoch: row.next()?,
        scopes: ScopeKey::parse_list(&row.next::<String>()?),
        ip: row.next()?,
        user_agent: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        poll_interval: Lifetime::seconds(row.next()?),
        polled_at: row.next()?,
        // A word that this version does not know must not let a device in.
        state: row.word(DeviceState::parse)?,
        grant_id: row.next()?,
        user_id: row.next()?,
    })
}

/// The request with this device code, in whatever state.
pub async fn find(db: &Db, digest: &[u8]) -> Result<Option<DeviceCode>, DbError> {
    let row = db
        .read_one(select!("WHERE digest = $1"), vec![digest.into()])
        .await?;
    row.map(read).transpose()
}

/// The request with this user code, in whatever state.
pub async fn find_by_user_code(db: &Db, user_code: &[u8]) -> Result<Option<DeviceCode>, DbError> {
    let row = db
        .read_one(select!("WHERE user_code = $1"), vec![user_code.into()])
        .await?;
    row.map(read).transpose()
}

/// Adds a request; the user code must be free.
pub fn add(code: &DeviceCode) -> Statement {
    Statement::new(
        "INSERT INTO device_codes (digest, user_code, client_id, client_epoch, scopes, ip, user_agent, created_at, \
         expires_at, poll_interval, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending')",
        vec![
            code.digest.clone().into(),
            code.user_code.clone().into(),
            (&code.client_id).into(),
            code.client_epoch.into(),
            ScopeKey::join(&code.scopes).into(),
            (&code.ip).into(),
            (&code.user_agent).into(),
            code.created_at.into(),
            code.expires_at.into(),
            code.poll_interval.as_seconds().into(),
        ],
    )
}

/// Notes a poll, and from now on how long the device is to wait.
pub fn note_poll(digest: &[u8], now: Timestamp, interval: Lifetime) -> Statement {
    Statement::new(
        "UPDATE device_codes SET polled_at = $1, poll_interval = $2 WHERE digest = $3",
        vec![now.into(), interval.as_seconds().into(), digest.into()],
    )
}

/// Somebody typed the user code: `pending` if another than `before` did, or it was decided or has expired.
pub fn bind(digest: &[u8], user_id: &str, before: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE device_codes SET user_id = $1 WHERE digest = $2 AND state = 'pending' AND expires_at > $3 \
         AND (user_id IS NULL OR user_id = $1 OR user_id = $4)",
        vec![user_id.into(), digest.into(), now.into(), before.into()],
    )
    .expecting("pending")
}

/// The person who typed the user code allows it: `pending` if it was decided, has expired, or is another's.
pub fn approve(digest: &[u8], user_id: &str, grant_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE device_codes SET state = 'approved', grant_id = $1 \
         WHERE digest = $2 AND state = 'pending' AND expires_at > $3 AND user_id = $4",
        vec![grant_id.into(), digest.into(), now.into(), user_id.into()],
    )
    .expecting("pending")
}

/// The person who typed the user code does not allow it: `pending` as for [`approve`].
pub fn deny(digest: &[u8], user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE device_codes SET state = 'denied' \
         WHERE digest = $1 AND state = 'pending' AND expires_at > $2 AND user_id = $3",
        vec![digest.into(), now.into(), user_id.into()],
    )
    .expecting("pending")
}

/// Spends an approved request: `spent` if it was spent already.
pub fn spend(digest: &[u8]) -> Statement {
    Statement::new(
        "UPDATE device_codes SET state = 'spent' WHERE digest = $1 AND state = 'approved'",
        vec![digest.into()],
    )
    .expecting("spent")
}

/// How many devices of a client wait for their person, or have not heard of his answer.
pub async fn in_progress(db: &Db, client_id: &str, epoch: i64, now: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM device_codes WHERE client_id = $1 AND client_epoch >= $2 AND expires_at > $3 \
             AND state IN ('pending', 'approved')",
            vec![client_id.into(), epoch.into(), now.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Forgets requests that expired before `before`, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM device_codes WHERE digest IN \
         (SELECT digest FROM device_codes WHERE expires_at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

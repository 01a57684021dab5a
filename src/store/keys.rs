//! Signing keys. The private part is sealed under the key file before it gets here.

use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::words,
    time::Timestamp,
};

words! {
    /// Pending keys are published but do not sign; retired ones verify what they signed.
    KeyState {
        Pending = "pending",
        Active = "active",
        Retired = "retired",
    }
}

/// A signing key at rest.
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub kid: String,
    pub algorithm: String,
    pub state: KeyState,
    pub sealed: Vec<u8>,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub retired_at: Option<Timestamp>,
}

fn read(mut row: Row) -> Result<StoredKey, DbError> {
    Ok(StoredKey {
        kid: row.next()?,
        algorithm: row.next()?,
        state: row.word(KeyState::parse)?,
        sealed: row.next()?,
        created_at: row.next()?,
        activated_at: row.next()?,
        retired_at: row.next()?,
    })
}

/// Every key, newest first.
pub async fn all(db: &Db) -> Result<Vec<StoredKey>, DbError> {
    let rows = db
        .read(
            "SELECT kid, algorithm, state, sealed, created_at, activated_at, retired_at FROM signing_keys \
             ORDER BY created_at DESC, kid",
            vec![],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds a key.
pub fn add(key: &StoredKey) -> Statement {
    Statement::new(
        "INSERT INTO signing_keys (kid, algorithm, state, sealed, created_at, activated_at, retired_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        vec![
            (&key.kid).into(),
            (&key.algorithm).into(),
            key.state.word().into(),
            key.sealed.clone().into(),
            key.created_at.into(),
            key.activated_at.into(),
            key.retired_at.into(),
        ],
    )
}

/// A pending key begins to sign; `key_state` if it is not pending any more.
pub fn activate(kid: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE signing_keys SET state = 'active', activated_at = $1 WHERE kid = $2 AND state = 'pending'",
        vec![now.into(), kid.into()],
    )
    .expecting("key_state")
}

/// A key stops signing; `key_state` if it was retired already.
pub fn retire(kid: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE signing_keys SET state = 'retired', retired_at = $1 WHERE kid = $2 AND state <> 'retired'",
        vec![now.into(), kid.into()],
    )
    .expecting("key_state")
}

/// Forgets a retired key once nothing it signed can be valid.
pub fn remove(kid: &str) -> Statement {
    Statement::new(
        "DELETE FROM signing_keys WHERE kid = $1 AND state = 'retired'",
        vec![kid.into()],
    )
}

//! Shared secrets of authenticator apps, sealed. [RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)

use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// The sealed secret of a person, if he has an authenticator app.
pub async fn find(db: &Db, user_id: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = db
        .read_one(
            "SELECT sealed FROM totp_secrets WHERE user_id = $1",
            vec![user_id.into()],
        )
        .await?;
    row.map(|mut row| row.next()).transpose()
}

/// Adds a secret that was confirmed with the code of `step`: `taken` if the person has an app already.
pub fn add(user_id: &str, sealed: Vec<u8>, step: i64, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO totp_secrets (user_id, sealed, created_at, last_step) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO NOTHING",
        vec![user_id.into(), sealed.into(), now.into(), step.into()],
    )
    .expecting("taken")
}

/// Uses the code of a time step: `used` if it, or a later one, was used before (RFC 6238 5.2).
pub fn spend(user_id: &str, sealed: Vec<u8>, step: i64) -> Statement {
    Statement::new(
        "UPDATE totp_secrets SET last_step = $1 WHERE user_id = $2 AND sealed = $3 AND last_step < $1",
        vec![step.into(), user_id.into(), sealed.into()],
    )
    .expecting("used")
}

/// Removes the app of a person: `app` if he has none.
pub fn remove(user_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM totp_secrets WHERE user_id = $1",
        vec![user_id.into()],
    )
    .expecting("app")
}

//! What a person can prove himself with, besides his password: how many of each.

use crate::db::{Batch, Db, DbError, Statement};

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    pub authenticator_apps: i64,
    pub passkeys: i64,
    /// Recovery codes that were not used.
    pub recovery_codes: i64,
}

/// What a person has.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Factors, DbError> {
    let row = db
        .read_one(
            "SELECT (SELECT count(*) FROM totp_secrets t WHERE t.user_id = $1), \
             (SELECT count(*) FROM passkeys p WHERE p.user_id = $1), \
             (SELECT count(*) FROM recovery_codes r WHERE r.user_id = $1 AND r.used_at IS NULL)",
            vec![user_id.into()],
        )
        .await?;
    let Some(mut row) = row else {
        return Ok(Factors::default());
    };
    Ok(Factors {
        authenticator_apps: row.next()?,
        passkeys: row.next()?,
        recovery_codes: row.next()?,
    })
}

/// Removes everything that a person can prove himself with, but his password.
pub fn remove_all(user_id: &str) -> Batch {
    [
        "DELETE FROM totp_secrets WHERE user_id = $1",
        "DELETE FROM passkeys WHERE user_id = $1",
        "DELETE FROM recovery_codes WHERE user_id = $1",
    ]
    .into_iter()
    .map(|sql| Statement::new(sql, vec![user_id.into()]))
    .collect()
}

//! Codes that stand in for a lost device: digests only, each works once.

use crate::{db::Statement, time::Timestamp};

/// Adds a code.
pub fn add(user_id: &str, digest: &[u8], now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO recovery_codes (user_id, digest, created_at) VALUES ($1, $2, $3)",
        vec![user_id.into(), digest.into(), now.into()],
    )
}

/// Uses a code: `used` if it is none, or was used before.
pub fn spend(user_id: &str, digest: &[u8], now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE recovery_codes SET used_at = $1 WHERE user_id = $2 AND digest = $3 AND used_at IS NULL",
        vec![now.into(), user_id.into(), digest.into()],
    )
    .expecting("used")
}

/// Removes all codes of a person.
pub fn remove_all(user_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM recovery_codes WHERE user_id = $1",
        vec![user_id.into()],
    )
}

//! Somebody cannot sign in; sealed, since it says who.

use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// A request that waits for an answer.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: String,
    pub sealed: Vec<u8>,
}

/// Writes one down.
pub fn add(id: &str, sealed: Vec<u8>, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO recovery_requests (id, sealed, created_at) VALUES ($1, $2, $3)",
        vec![id.into(), sealed.into(), now.into()],
    )
}

/// Those that wait, oldest first; at most `limit`.
pub async fn waiting(db: &Db, limit: i64) -> Result<Vec<Request>, DbError> {
    let rows = db
        .read(
            "SELECT id, sealed FROM recovery_requests ORDER BY created_at, id LIMIT $1",
            vec![limit.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Request {
                id: row.next()?,
                sealed: row.next()?,
            })
        })
        .collect()
}

/// Takes one for oneself: `claimed` if somebody else did.
pub fn claim(id: &str) -> Statement {
    Statement::new("DELETE FROM recovery_requests WHERE id = $1", vec![id.into()]).expecting("claimed")
}

//! Scopes that were taken from a client because it never asked for them, so that they can be given back.

use super::{clock_readings::Past, document};
use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// What was taken at once.
#[derive(Clone, Debug)]
pub struct Trim {
    pub id: String,
    pub client_id: String,
    /// (API id, value)
    pub scopes: Vec<(String, String)>,
    pub taken_by: String,
    pub taken_at: Timestamp,
}

/// Writes down what was taken.
pub fn add(trim: &Trim) -> Statement {
    Statement::new(
        "INSERT INTO scope_trims (id, client_id, scopes, taken_by, taken_at) VALUES ($1, $2, $3, $4, $5)",
        vec![
            (&trim.id).into(),
            (&trim.client_id).into(),
            document::list_text(&trim.scopes).into(),
            (&trim.taken_by).into(),
            trim.taken_at.into(),
        ],
    )
}

/// What was taken from a client last, since `since`, and not given back.
pub async fn last(db: &Db, client_id: &str, since: Timestamp) -> Result<Option<Trim>, DbError> {
    let row = db
        .read_one(
            "SELECT id, client_id, scopes, taken_by, taken_at FROM scope_trims \
             WHERE client_id = $1 AND taken_at > $2 AND undone_at IS NULL ORDER BY taken_at DESC, id DESC LIMIT 1",
            vec![client_id.into(), since.into()],
        )
        .await?;
    let read = |mut row: Row| {
        Ok(Trim {
            id: row.next()?,
            client_id: row.next()?,
            scopes: document::list(&row.next::<String>()?)?,
            taken_by: row.next()?,
            taken_at: row.next()?,
        })
    };
    row.map(read).transpose()
}

/// Notes that it was given back, once.
pub fn undo(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE scope_trims SET undone_at = $1 WHERE id = $2 AND undone_at IS NULL",
        vec![now.into(), id.into()],
    )
    .expecting("trim")
}

/// Forgets what can no longer be given back, at most 1,000 rows at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM scope_trims WHERE id IN (SELECT id FROM scope_trims WHERE taken_at <= $1 LIMIT 1000)",
        vec![before.into()],
    )
}

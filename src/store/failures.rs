//! What was refused at the OAuth endpoints, and why. Bounded: the newest of each client and of each organisation.

use serde_json::Value as Json;

use super::{clock_readings::Past, document};
use crate::{
    db::{Db, DbError, Row, Statement, Value},
    time::Timestamp,
};

/// How many are kept of one client.
pub const MOST_OF_CLIENT: i64 = 100;
/// How many are kept of one organisation, and of those that belong to none.
pub const MOST_OF_ORGANIZATION: i64 = 1_000;

/// One refusal as it is kept.
#[derive(Clone, Debug)]
pub struct Failure {
    pub reference: String,
    /// `None`: it belongs to no client that there is.
    pub org_id: Option<String>,
    pub client_id: Option<String>,
    pub at: Timestamp,
    /// Such as `token`.
    pub endpoint: String,
    /// What the caller was told.
    pub error: String,
    pub description: String,
    /// A stable word for what was really the matter.
    pub cause: String,
    /// What belongs to the cause.
    pub facts: Json,
    /// (name, value) of what was sent; `null` for a value that is not kept.
    pub sent: Json,
    pub ip: String,
    pub request_id: String,
}

/// Adds one.
pub fn add(failure: &Failure) -> Statement {
    Statement::new(
        "INSERT INTO failures (reference, org_id, client_id, at, endpoint, error, description, cause, facts, sent, ip, \
         request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        vec![
            (&failure.reference).into(),
            failure.org_id.clone().into(),
            failure.client_id.clone().into(),
            failure.at.into(),
            (&failure.endpoint).into(),
            (&failure.error).into(),
            (&failure.description).into(),
            (&failure.cause).into(),
            failure.facts.to_string().into(),
            failure.sent.to_string().into(),
            (&failure.ip).into(),
            (&failure.request_id).into(),
        ],
    )
}

/// Forgets all of a client but the newest.
pub fn trim_client(client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM failures WHERE client_id = $1 AND reference IN (SELECT reference FROM failures \
         WHERE client_id = $1 ORDER BY at DESC, reference DESC LIMIT 1000 OFFSET $2)",
        vec![client_id.into(), MOST_OF_CLIENT.into()],
    )
}

/// Forgets all of an organisation but the newest; `None`: of those that belong to none.
pub fn trim_organization(org_id: Option<&str>) -> Statement {
    let most = Value::from(MOST_OF_ORGANIZATION);
    match org_id {
        Some(org_id) => Statement::new(
            "DELETE FROM failures WHERE org_id = $1 AND reference IN (SELECT reference FROM failures \
             WHERE org_id = $1 ORDER BY at DESC, reference DESC LIMIT 5000 OFFSET $2)",
            vec![org_id.into(), most],
        ),
        None => Statement::new(
            "DELETE FROM failures WHERE org_id IS NULL AND reference IN (SELECT reference FROM failures \
             WHERE org_id IS NULL ORDER BY at DESC, reference DESC LIMIT 5000 OFFSET $1)",
            vec![most],
        ),
    }
}

/// Forgets those from before `before`, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM failures WHERE reference IN (SELECT reference FROM failures WHERE at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT reference, org_id, client_id, at, endpoint, error, description, cause, facts, sent, ip, request_id \
             FROM failures ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Failure, DbError> {
    Ok(Failure {
        reference: row.next()?,
        org_id: row.next()?,
        client_id: row.next()?,
        at: row.next()?,
        endpoint: row.next()?,
        error: row.next()?,
        description: row.next()?,
        cause: row.next()?,
        facts: document::value(&row.next::<String>()?)?,
        sent: document::value(&row.next::<String>()?)?,
        ip: row.next()?,
        request_id: row.next()?,
    })
}

/// The one with this reference, whoever it belongs to.
pub async fn find(db: &Db, reference: &str) -> Result<Option<Failure>, DbError> {
    let row = db
        .read_one(select!("WHERE reference = $1"), vec![reference.into()])
        .await?;
    row.map(read).transpose()
}

/// Those of a client, newest first; only those before `before`, if it is given.
pub async fn of_client(
    db: &Db,
    client_id: &str,
    before: Option<&Failure>,
    limit: i64,
) -> Result<Vec<Failure>, DbError> {
    let (at, reference) = before.map_or((i64::MAX, ""), |f| (f.at.millis(), f.reference.as_str()));
    let rows = db
        .read(
            select!(
                "WHERE client_id = $1 AND (at, reference) < ($2, $3) ORDER BY at DESC, reference DESC LIMIT $4"
            ),
            vec![client_id.into(), at.into(), reference.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

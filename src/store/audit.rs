//! Who did what. Append-only, and never a secret in it.

use serde_json::Value as Json;

use crate::{
    db::{Db, DbError, Row, Statement, Value},
    time::Timestamp,
};

/// One thing that happened, or was refused.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub org_id: Option<String>,
    pub at: Timestamp,
    /// `user`, `client` or `system`.
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_name: String,
    pub ip: Option<String>,
    pub request_id: String,
    /// Such as `client.created`.
    pub action: String,
    pub resource_kind: String,
    pub resource_id: String,
    pub resource_name: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// What it was before and after, or why it was refused.
    pub details: Json,
    /// Its place in the chain, once it has one.
    pub sealed: Option<Link>,
}

/// The place of an event in the chain of its organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<String>,
    /// Id of the client or other thing it happened to.
    pub resource: Option<String>,
    /// An action, or the start of one up to a dot.
    pub action: Option<String>,
    pub outcome: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only events before this one.
    pub before: Option<String>,
}

/// Appends an event.
pub fn append(event: &Event) -> Statement {
    Statement::new(
        "INSERT INTO audit_events (id, org_id, at, actor_kind, actor_id, actor_name, ip, request_id, action, \
         resource_kind, resource_id, resource_name, outcome, details) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        vec![
            (&event.id).into(),
            event.org_id.clone().into(),
            event.at.into(),
            (&event.actor_kind).into(),
            (&event.actor_id).into(),
            (&event.actor_name).into(),
            event.ip.clone().into(),
            (&event.request_id).into(),
            (&event.action).into(),
            (&event.resource_kind).into(),
            (&event.resource_id).into(),
            (&event.resource_name).into(),
            (&event.outcome).into(),
            event.details.to_string().into(),
        ],
    )
}

fn read(mut row: Row) -> Result<Event, DbError> {
    Ok(Event {
        id: row.next()?,
        org_id: row.next()?,
        at: row.next()?,
        actor_kind: row.next()?,
        actor_id: row.next()?,
        actor_name: row.next()?,
        ip: row.next()?,
        request_id: row.next()?,
        action: row.next()?,
        resource_kind: row.next()?,
        resource_id: row.next()?,
        resource_name: row.next()?,
        outcome: row.next()?,
        details: serde_json::from_str(&row.next::<String>()?).unwrap_or(Json::Null),
        sealed: match (row.next::<Option<i64>>()?, row.next::<Option<Vec<u8>>>()?) {
            (Some(seq), hash) => Some(Link {
                seq,
                hash: hash.unwrap_or_default(),
            }),
            (None, _) => None,
        },
    })
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT id, org_id, at, actor_kind, actor_id, actor_name, ip, request_id, action, resource_kind, \
             resource_id, resource_name, outcome, details, seq, hash FROM audit_events ",
            $tail
        )
    };
}

/// Events of an organisation, newest first, at most `limit`.
pub async fn list(db: &Db, org_id: &str, filter: &Filter, limit: i64) -> Result<Vec<Event>, DbError> {
    let anchor = match &filter.before {
        Some(id) => find(db, org_id, id).await?.map(|e| (e.at.millis(), e.id)),
        None => None,
    };
    let (before_at, before_id) = anchor.unwrap_or((i64::MAX, String::new()));
    let text = |v: &Option<String>| Value::from(v.clone());
    let rows = db
        .read(
            columns!(
                "WHERE org_id = $1 AND (at, id) < ($2, $3) \
                 AND (CAST($4 AS TEXT) IS NULL OR actor_id = $4 OR actor_name = $4) \
                 AND (CAST($5 AS TEXT) IS NULL OR resource_id = $5) \
                 AND (CAST($6 AS TEXT) IS NULL OR action = $6 OR action LIKE $6 || '.%') \
                 AND (CAST($7 AS TEXT) IS NULL OR outcome = $7) \
                 AND at >= $8 AND at < $9 ORDER BY at DESC, id DESC LIMIT $10"
            ),
            vec![
                org_id.into(),
                before_at.into(),
                before_id.into(),
                text(&filter.actor),
                text(&filter.resource),
                text(&filter.action),
                text(&filter.outcome),
                filter.since.map_or(0, Timestamp::millis).into(),
                filter.until.map_or(i64::MAX, Timestamp::millis).into(),
                limit.into(),
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// What a person did and what was done to his account, in every organisation, newest first; only before the event
/// `before`, if it is given.
pub async fn of_person(
    db: &Db,
    user_id: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!(
                "WHERE (actor_id = $1 OR resource_id = $1) AND (CAST($2 AS TEXT) IS NULL OR (at, id) < \
                 (SELECT b.at, b.id FROM audit_events b \
                  WHERE b.id = $2 AND (b.actor_id = $1 OR b.resource_id = $1))) \
                 ORDER BY at DESC, id DESC LIMIT $3"
            ),
            vec![
                user_id.into(),
                Value::from(before.map(str::to_owned)),
                limit.into(),
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// One event of an organisation.
pub async fn find(db: &Db, org_id: &str, id: &str) -> Result<Option<Event>, DbError> {
    let row = db
        .read_one(
            columns!("WHERE org_id = $1 AND id = $2"),
            vec![org_id.into(), id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// Events of a chain that have a place in it, oldest first: those behind `after`, at most `limit`.
pub async fn chained(db: &Db, chain: &str, after: i64, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!("WHERE COALESCE(org_id, '') = $1 AND seq > $2 ORDER BY seq LIMIT $3"),
            vec![chain.into(), after.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Events of a chain that have no place in it yet, in the order in which they get one; at most `limit`.
pub async fn unsealed(db: &Db, chain: &str, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!("WHERE COALESCE(org_id, '') = $1 AND seq IS NULL ORDER BY at, id LIMIT $2"),
            vec![chain.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Gives an event its place: `unsealed` if it has one, or is gone.
pub fn seal(id: &str, seq: i64, hash: &[u8]) -> Statement {
    Statement::new(
        "UPDATE audit_events SET seq = $1, hash = $2 WHERE id = $3 AND seq IS NULL",
        vec![seq.into(), hash.into(), id.into()],
    )
    .expecting("unsealed")
}

/// Removes the events of a chain up to a place.
pub fn prune(chain: &str, up_to: i64) -> Statement {
    Statement::new(
        "DELETE FROM audit_events WHERE COALESCE(org_id, '') = $1 AND seq <= $2",
        vec![chain.into(), up_to.into()],
    )
}

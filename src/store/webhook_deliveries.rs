//! Messages to webhooks, on their way, arrived, or given up.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::words,
    time::Timestamp,
};

words! {
    /// How far a message is.
    State {
        Waiting = "waiting",
        Delivered = "delivered",
        /// Given up; it can be sent again.
        Dead = "dead",
    }
}

/// A message.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: String,
    pub webhook_id: String,
    /// The entry of the audit log that it tells of.
    pub event_id: String,
    /// What it tells of, such as `client.created`.
    pub kind: String,
    /// What is sent, as JSON.
    pub body: String,
    pub state: State,
    /// How often it was tried.
    pub tries: i64,
    pub next_try_at: Timestamp,
    pub created_at: Timestamp,
    pub last_try_at: Option<Timestamp>,
    /// The status of the last answer, if there was one.
    pub last_status: Option<i64>,
    /// Why it did not arrive the last time.
    pub last_error: Option<String>,
    pub delivered_at: Option<Timestamp>,
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT d.id, d.webhook_id, d.event_id, d.type, d.body, d.state, d.tries, d.next_try_at, d.created_at, \
             d.last_try_at, d.last_status, d.last_error, d.delivered_at ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Delivery, DbError> {
    Ok(Delivery {
        id: row.next()?,
        webhook_id: row.next()?,
        event_id: row.next()?,
        kind: row.next()?,
        body: row.next()?,
        // A word that this version does not know is nothing to send.
        state: row.word(State::parse)?,
        tries: row.next()?,
        next_try_at: row.next()?,
        created_at: row.next()?,
        last_try_at: row.next()?,
        last_status: row.next()?,
        last_error: row.next()?,
        delivered_at: row.next()?,
    })
}

/// Queues a message to a webhook that is still there and on; once for each event, however often it is tried.
pub fn queue(delivery: &Delivery) -> Statement {
    Statement::new(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, type, body, state, tries, next_try_at, created_at) \
         SELECT CAST($1 AS TEXT), w.id, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), 'waiting', 0, \
         CAST($5 AS BIGINT), CAST($5 AS BIGINT) FROM webhooks w WHERE w.id = $6 AND w.active \
         ON CONFLICT (webhook_id, event_id) DO NOTHING",
        vec![
            (&delivery.id).into(),
            (&delivery.event_id).into(),
            (&delivery.kind).into(),
            (&delivery.body).into(),
            delivery.created_at.into(),
            (&delivery.webhook_id).into(),
        ],
    )
}

/// Adds a message as it is.
pub fn add(delivery: &Delivery) -> Statement {
    Statement::new(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, type, body, state, tries, next_try_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        vec![
            (&delivery.id).into(),
            (&delivery.webhook_id).into(),
            (&delivery.event_id).into(),
            (&delivery.kind).into(),
            (&delivery.body).into(),
            delivery.state.word().into(),
            delivery.tries.into(),
            delivery.next_try_at.into(),
            delivery.created_at.into(),
        ],
    )
}

/// A message that is due, and where it goes.
#[derive(Clone, Debug)]
pub struct Due {
    pub delivery: Delivery,
    pub org_id: String,
    pub url: String,
}

/// Those that are due and whose webhook is on, in turn: the first of each organisation before the second of any, and
/// within it the first to each webhook before the second to any; the longest waiting first. Without those of
/// `organizations` and to `webhooks`, both between commas; at most `each` of an organisation, and at most `limit`.
pub async fn due(
    db: &Db,
    now: Timestamp,
    organizations: String,
    webhooks: String,
    each: i64,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let rows = db
        .read(
            "SELECT d.org_id, d.url, d.id, d.webhook_id, d.event_id, d.type, d.body, d.state, d.tries, d.next_try_at, \
             d.created_at, d.last_try_at, d.last_status, d.last_error, d.delivered_at \
             FROM (SELECT p.*, row_number() OVER (PARTITION BY p.org_id ORDER BY p.nth, p.next_try_at, p.id) AS place \
             FROM (SELECT q.*, w.org_id, w.url, \
             row_number() OVER (PARTITION BY q.webhook_id ORDER BY q.next_try_at, q.id) AS nth \
             FROM webhook_deliveries q JOIN webhooks w ON w.id = q.webhook_id \
             WHERE q.state = 'waiting' AND q.next_try_at <= $1 AND w.active \
             AND CAST($2 AS TEXT) NOT LIKE '%,' || w.org_id || ',%' \
             AND CAST($3 AS TEXT) NOT LIKE '%,' || w.id || ',%') p) d \
             WHERE d.place <= $4 ORDER BY d.place, d.next_try_at, d.id LIMIT $5",
            vec![
                now.into(),
                organizations.into(),
                webhooks.into(),
                each.into(),
                limit.into(),
            ],
        )
        .await?;
    let read_due = |mut row: Row| {
        Ok(Due {
            org_id: row.next()?,
            url: row.next()?,
            delivery: read(row)?,
        })
    };
    rows.into_iter().map(read_due).collect()
}

/// Makes the messages to a webhook that are due wait until then, untried.
pub fn put_off(webhook_id: &str, now: Timestamp, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhook_deliveries SET next_try_at = $1 \
         WHERE webhook_id = $2 AND state = 'waiting' AND next_try_at <= $3",
        vec![until.into(), webhook_id.into(), now.into()],
    )
}

/// The messages to a webhook, newest first, in a state if one is named: those before the message `before`, at most
/// `limit`.
pub async fn list(
    db: &Db,
    webhook_id: &str,
    state: Option<State>,
    before: Option<&Delivery>,
    limit: i64,
) -> Result<Vec<Delivery>, DbError> {
    let (before_at, before_id) = before.map_or((i64::MAX, ""), |d| (d.created_at.millis(), d.id.as_str()));
    let rows = db
        .read(
            columns!(
                "FROM webhook_deliveries d WHERE d.webhook_id = $1 AND (CAST($2 AS TEXT) IS NULL OR d.state = $2) \
                 AND (d.created_at, d.id) < ($3, $4) ORDER BY d.created_at DESC, d.id DESC LIMIT $5"
            ),
            vec![
                webhook_id.into(),
                state.map(State::word).into(),
                before_at.into(),
                before_id.into(),
                limit.into(),
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// One message to a webhook.
pub async fn find(db: &Db, webhook_id: &str, id: &str) -> Result<Option<Delivery>, DbError> {
    let row = db
        .read_one(
            columns!("FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.id = $2"),
            vec![webhook_id.into(), id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// How many messages to each webhook of an organisation are in this state.
pub async fn counts(db: &Db, org_id: &str, state: State) -> Result<Vec<(String, i64)>, DbError> {
    let rows = db
        .read(
            "SELECT d.webhook_id, count(*) FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id \
             WHERE w.org_id = $1 AND d.state = $2 GROUP BY d.webhook_id",
            vec![org_id.into(), state.word().into()],
        )
        .await?;
    let read = |mut row: Row| Ok((row.next()?, row.next()?));
    rows.into_iter().map(read).collect()
}

/// Takes one for oneself until then: `claimed` if somebody else has it.
pub fn claim(delivery: &Delivery, now: Timestamp, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhook_deliveries SET next_try_at = $1, tries = tries + 1, last_try_at = $2 \
         WHERE id = $3 AND state = $4 AND tries = $5 AND next_try_at = $6",
        vec![
            until.into(),
            now.into(),
            (&delivery.id).into(),
            delivery.state.word().into(),
            delivery.tries.into(),
            delivery.next_try_at.into(),
        ],
    )
    .expecting("claimed")
}

/// Writes down how the try `delivery.tries` ended; nothing if somebody has tried again since.
pub fn settle(delivery: &Delivery) -> Statement {
    Statement::new(
        "UPDATE webhook_deliveries SET state = $1, next_try_at = $2, last_status = $3, last_error = $4, \
         delivered_at = $5 WHERE id = $6 AND tries = $7",
        vec![
            delivery.state.word().into(),
            delivery.next_try_at.into(),
            delivery.last_status.into(),
            delivery.last_error.clone().into(),
            delivery.delivered_at.into(),
            (&delivery.id).into(),
            delivery.tries.into(),
        ],
    )
}

/// Sends one again from the beginning that arrived or was given up: `settled` if it is still on its way.
pub fn again(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhook_deliveries SET state = 'waiting', tries = 0, next_try_at = $1, delivered_at = NULL \
         WHERE id = $2 AND state <> 'waiting'",
        vec![now.into(), id.into()],
    )
    .expecting("settled")
}

/// Forgets messages from before then.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM webhook_deliveries WHERE id IN \
         (SELECT id FROM webhook_deliveries WHERE created_at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

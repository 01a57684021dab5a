//! Word to clients that a session ended, on its way.
//! [Back-Channel Logout 2.5](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest)

use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// A request that waits.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: String,
    pub client_id: String,
    pub user_id: String,
    pub session_id: String,
    pub created_at: Timestamp,
    /// How often it was tried.
    pub tries: i64,
}

/// Queues one for each active client that wants to hear of it and that the session led to, due at once. Goes into the
/// batch that ends the session. `id` is fresh.
pub fn queue(id: &str, session_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO logout_deliveries (id, client_id, subject, session_id, created_at, next_try_at, tries) \
         SELECT CAST($1 AS TEXT) || '-' || g.session_id || '-' || c.client_id, c.client_id, g.user_id, g.session_id, CAST($2 AS BIGINT), \
         CAST($2 AS BIGINT), 0 \
         FROM (SELECT DISTINCT client_id, user_id, session_id FROM grants WHERE session_id = $3) g \
         JOIN clients c ON c.client_id = g.client_id \
         WHERE c.backchannel_logout_uri IS NOT NULL AND c.status = 'active'",
        vec![id.into(), now.into(), session_id.into()],
    )
}

/// As [`queue`], for every session of a person; goes before the statement that removes them.
pub fn queue_of(id: &str, user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO logout_deliveries (id, client_id, subject, session_id, created_at, next_try_at, tries) \
         SELECT CAST($1 AS TEXT) || '-' || g.session_id || '-' || c.client_id, c.client_id, g.user_id, g.session_id, \
         CAST($2 AS BIGINT), CAST($2 AS BIGINT), 0 \
         FROM (SELECT DISTINCT client_id, user_id, session_id FROM grants \
         WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $3)) g \
         JOIN clients c ON c.client_id = g.client_id \
         WHERE c.backchannel_logout_uri IS NOT NULL AND c.status = 'active'",
        vec![id.into(), now.into(), user_id.into()],
    )
}

/// A request that is due, and where it goes.
#[derive(Clone, Debug)]
pub struct Due {
    pub delivery: Delivery,
    pub org_id: String,
    /// Empty if the client wants to hear nothing any more.
    pub uri: String,
}

/// Those that are due, in turn: the first of each organisation before the second of any, and within it the first to each
/// client before the second to any; the longest waiting first. Without those of `organizations` and to `clients`, both
/// between commas; at most `each` of an organisation, and at most `limit`.
pub async fn due(
    db: &Db,
    now: Timestamp,
    organizations: String,
    clients: String,
    each: i64,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let rows = db
        .read(
            "SELECT d.id, d.client_id, d.subject, d.session_id, d.created_at, d.tries, d.org_id, d.uri \
             FROM (SELECT p.*, row_number() OVER (PARTITION BY p.org_id ORDER BY p.nth, p.next_try_at, p.id) AS place \
             FROM (SELECT q.*, c.org_id, COALESCE(c.backchannel_logout_uri, '') AS uri, \
             row_number() OVER (PARTITION BY q.client_id ORDER BY q.next_try_at, q.id) AS nth \
             FROM logout_deliveries q JOIN clients c ON c.client_id = q.client_id \
             WHERE q.next_try_at <= $1 \
             AND CAST($2 AS TEXT) NOT LIKE '%,' || c.org_id || ',%' \
             AND CAST($3 AS TEXT) NOT LIKE '%,' || c.client_id || ',%') p) d \
             WHERE d.place <= $4 ORDER BY d.place, d.next_try_at, d.id LIMIT $5",
            vec![
                now.into(),
                organizations.into(),
                clients.into(),
                each.into(),
                limit.into(),
            ],
        )
        .await?;
    let read = |mut row: Row| {
        Ok(Due {
            delivery: Delivery {
                id: row.next()?,
                client_id: row.next()?,
                user_id: row.next()?,
                session_id: row.next::<Option<String>>()?.unwrap_or_default(),
                created_at: row.next()?,
                tries: row.next()?,
            },
            org_id: row.next()?,
            uri: row.next()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Makes the requests to a client that are due wait until then, untried.
pub fn put_off(client_id: &str, now: Timestamp, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE logout_deliveries SET next_try_at = $1 WHERE client_id = $2 AND next_try_at <= $3",
        vec![until.into(), client_id.into(), now.into()],
    )
}

/// Takes one for oneself, to be tried again `next` unless it is removed before: `claimed` if somebody else has it.
pub fn claim(delivery: &Delivery, next: Timestamp) -> Statement {
    Statement::new(
        "UPDATE logout_deliveries SET next_try_at = $1, tries = tries + 1 WHERE id = $2 AND tries = $3",
        vec![next.into(), (&delivery.id).into(), delivery.tries.into()],
    )
    .expecting("claimed")
}

/// Forgets one that arrived, or that was given up.
pub fn remove(id: &str) -> Statement {
    Statement::new("DELETE FROM logout_deliveries WHERE id = $1", vec![id.into()])
}

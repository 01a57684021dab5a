//! Word to clients that a session ended, on its way.
//! [Back-Channel Logout §2.5](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest)

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

/// Those that are due, the longest waiting first; at most `limit`.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Delivery>, DbError> {
    let rows = db
        .read(
            "SELECT id, client_id, subject, session_id, created_at, tries FROM logout_deliveries \
             WHERE next_try_at <= $1 ORDER BY next_try_at, id LIMIT $2",
            vec![now.into(), limit.into()],
        )
        .await?;
    let read = |mut row: Row| {
        Ok(Delivery {
            id: row.next()?,
            client_id: row.next()?,
            user_id: row.next()?,
            session_id: row.next::<Option<String>>()?.unwrap_or_default(),
            created_at: row.next()?,
            tries: row.next()?,
        })
    };
    rows.into_iter().map(read).collect()
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

//! Personal credentials: clients that belong to a person, all of them at once.
//!
//! Who makes one locks its person's row first, and whoever takes away what it stands on writes that row first, too. So of
//! the two one comes first: either nothing is made, or what was made is seen and goes with the rest.

use super::incarnations;
use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// Locks the row of a person who may hold credentials: `holder` if he may not (any more), or is not active.
pub fn hold_person(user_id: &str) -> Statement {
    Statement::new(
        "UPDATE users SET updated_at = updated_at \
         WHERE id = $1 AND status = 'active' AND may_hold_credentials = TRUE",
        vec![user_id.into()],
    )
    .expecting("holder")
}

/// Locks a membership: `holder` if there is none (any more).
pub fn hold_member(org_id: &str, user_id: &str) -> Statement {
    Statement::new(
        "UPDATE memberships SET created_at = created_at WHERE org_id = $1 AND user_id = $2",
        vec![org_id.into(), user_id.into()],
    )
    .expecting("holder")
}

/// Asks whether a member has fewer credentials than `most`: `credential_limit` if not. Asked while his rows are locked, so
/// that two at once cannot both be the last one.
pub fn below(org_id: &str, user_id: &str, most: i64) -> Statement {
    Statement::new(
        "UPDATE memberships SET created_at = created_at WHERE org_id = $1 AND user_id = $2 AND \
         (SELECT count(*) FROM clients c WHERE c.org_id = $1 AND c.user_id = $2 AND c.kind = 'personal' \
         AND c.status <> 'deleted') < $3",
        vec![org_id.into(), user_id.into(), most.into()],
    )
    .expecting("credential_limit")
}

/// The credentials of a person everywhere, tombstones included.
pub async fn of_person(db: &Db, user_id: &str) -> Result<Vec<String>, DbError> {
    let rows = db
        .read(
            "SELECT client_id FROM clients WHERE user_id = $1 AND kind = 'personal' ORDER BY client_id",
            vec![user_id.into()],
        )
        .await?;
    rows.into_iter().map(|mut row| row.next()).collect()
}

/// Kills every token that the credentials of a person have got so far.
pub fn cut_off(user_id: &str) -> [Statement; 2] {
    [
        incarnations::draw_for_credentials(user_id),
        Statement::new(
            "UPDATE clients SET epoch = (SELECT o.incarnation FROM organizations o WHERE o.id = clients.org_id) \
             WHERE user_id = $1 AND kind = 'personal' AND status <> 'deleted'",
            vec![user_id.into()],
        ),
    ]
}

/// Deletes the credentials of somebody who is no member any more, for good.
pub fn delete_of_member(org_id: &str, user_id: &str, by: &str, now: Timestamp) -> [Statement; 4] {
    let theirs = || vec![org_id.into(), user_id.into()];
    [
        incarnations::draw(org_id),
        Statement::new(
            "UPDATE clients SET status = 'deleted', status_at = $1, status_by = $2, \
             status_reason = 'the membership ended', updated_at = $1, version = version + 1, \
             epoch = (SELECT o.incarnation FROM organizations o WHERE o.id = clients.org_id) \
             WHERE org_id = $3 AND user_id = $4 AND kind = 'personal' AND status <> 'deleted'",
            vec![now.into(), by.into(), org_id.into(), user_id.into()],
        ),
        Statement::new(
            "DELETE FROM client_secrets WHERE client_id IN (SELECT client_id FROM clients \
             WHERE org_id = $1 AND user_id = $2 AND kind = 'personal' AND status = 'deleted')",
            theirs(),
        ),
        Statement::new(
            "DELETE FROM client_scopes WHERE client_id IN (SELECT client_id FROM clients \
             WHERE org_id = $1 AND user_id = $2 AND kind = 'personal' AND status = 'deleted')",
            theirs(),
        ),
    ]
}

/// Credentials whose last secret expired or ended before `before`, with their organisation; at most `limit`.
pub async fn expired(db: &Db, before: Timestamp, limit: i64) -> Result<Vec<(String, String)>, DbError> {
    let rows = db
        .read(
            "SELECT c.client_id, c.org_id FROM clients c WHERE c.kind = 'personal' AND c.status <> 'deleted' \
             AND c.updated_at < $1 AND NOT EXISTS (SELECT 1 FROM client_secrets s WHERE s.client_id = c.client_id \
             AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at >= $1) \
             AND (s.ends_at IS NULL OR s.ends_at >= $1)) ORDER BY c.updated_at, c.client_id LIMIT $2",
            vec![before.into(), limit.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// How many credentials in an organisation lie idle because their person is inactive or may not hold any.
pub async fn fallen(db: &Db, org_id: &str) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM clients c WHERE c.org_id = $1 AND c.kind = 'personal' AND c.status = 'active' \
             AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = c.user_id AND u.status = 'active' \
             AND u.may_hold_credentials = TRUE)",
            vec![org_id.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

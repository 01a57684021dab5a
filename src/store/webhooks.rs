//! Addresses that an organisation wants told of what happens. Signing secrets are sealed.

use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// An address and what it is told.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: String,
    pub org_id: String,
    pub url: String,
    pub description: String,
    /// Actions, such as `client.created`, or their beginnings, such as `client.*`; `*` is everything.
    pub events: Vec<String>,
    pub active: bool,
    /// Why the server itself switched it off.
    pub disabled_why: Option<String>,
    /// The signing secret, sealed.
    pub secret: Vec<u8>,
    pub secret_made_at: Timestamp,
    /// The one before, sealed, while it signs as well.
    pub old_secret: Option<Vec<u8>>,
    pub old_secret_ends_at: Option<Timestamp>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    /// Since when nothing has arrived there.
    pub failing_since: Option<Timestamp>,
    pub last_delivered_at: Option<Timestamp>,
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT id, org_id, url, description, events, active, disabled_why, secret, secret_made_at, old_secret, \
             old_secret_ends_at, created_by, created_at, updated_at, version, failing_since, last_delivered_at \
             FROM webhooks ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Webhook, DbError> {
    Ok(Webhook {
        id: row.next()?,
        org_id: row.next()?,
        url: row.next()?,
        description: row.next()?,
        events: row
            .next::<String>()?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        active: row.next()?,
        disabled_why: row.next()?,
        secret: row.next()?,
        secret_made_at: row.next()?,
        old_secret: row.next()?,
        old_secret_ends_at: row.next()?,
        created_by: row.next()?,
        created_at: row.next()?,
        updated_at: row.next()?,
        version: row.next()?,
        failing_since: row.next()?,
        last_delivered_at: row.next()?,
    })
}

/// The webhooks of an organisation, oldest first.
pub async fn of_organization(db: &Db, org_id: &str) -> Result<Vec<Webhook>, DbError> {
    let rows = db
        .read(
            columns!("WHERE org_id = $1 ORDER BY created_at, id"),
            vec![org_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// One webhook of an organisation.
pub async fn find(db: &Db, org_id: &str, id: &str) -> Result<Option<Webhook>, DbError> {
    let row = db
        .read_one(
            columns!("WHERE org_id = $1 AND id = $2"),
            vec![org_id.into(), id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// One webhook, whosever it is.
pub async fn find_any(db: &Db, id: &str) -> Result<Option<Webhook>, DbError> {
    let row = db.read_one(columns!("WHERE id = $1"), vec![id.into()]).await?;
    row.map(read).transpose()
}

/// Adds a webhook.
pub fn add(hook: &Webhook) -> Statement {
    Statement::new(
        "INSERT INTO webhooks (id, org_id, url, description, events, active, secret, secret_made_at, created_by, \
         created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1)",
        vec![
            (&hook.id).into(),
            (&hook.org_id).into(),
            (&hook.url).into(),
            (&hook.description).into(),
            hook.events.join(" ").into(),
            hook.active.into(),
            hook.secret.as_slice().into(),
            hook.secret_made_at.into(),
            (&hook.created_by).into(),
            hook.created_at.into(),
        ],
    )
}

/// Writes everything that can be changed, if the version is still the one that was read.
pub fn set(hook: &Webhook, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET url = $1, description = $2, events = $3, active = $4, disabled_why = $5, secret = $6, \
         secret_made_at = $7, old_secret = $8, old_secret_ends_at = $9, failing_since = $10, updated_at = $11, \
         version = version + 1 WHERE id = $12 AND version = $13",
        vec![
            (&hook.url).into(),
            (&hook.description).into(),
            hook.events.join(" ").into(),
            hook.active.into(),
            hook.disabled_why.clone().into(),
            hook.secret.as_slice().into(),
            hook.secret_made_at.into(),
            hook.old_secret.clone().into(),
            hook.old_secret_ends_at.into(),
            hook.failing_since.into(),
            now.into(),
            (&hook.id).into(),
            hook.version.into(),
        ],
    )
    .expecting("version")
}

/// Removes a webhook with its messages, if the version is still the one that was read.
pub fn remove(hook: &Webhook) -> Statement {
    Statement::new(
        "DELETE FROM webhooks WHERE id = $1 AND version = $2",
        vec![(&hook.id).into(), hook.version.into()],
    )
    .expecting("version")
}

/// Something arrived there.
pub fn arrived(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET failing_since = NULL, last_delivered_at = $1 WHERE id = $2",
        vec![now.into(), id.into()],
    )
}

/// Something did not arrive there.
pub fn failed(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET failing_since = COALESCE(failing_since, $1) WHERE id = $2",
        vec![now.into(), id.into()],
    )
}

/// Switches one off that is on: `active` if somebody was first.
pub fn disable(id: &str, why: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET active = FALSE, disabled_why = $1, updated_at = $2, version = version + 1 \
         WHERE id = $3 AND active",
        vec![why.into(), now.into(), id.into()],
    )
    .expecting("active")
}

/// Forgets old signing secrets that have ended.
pub fn forget_old_secrets(now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET old_secret = NULL, old_secret_ends_at = NULL WHERE id IN \
         (SELECT id FROM webhooks WHERE old_secret_ends_at <= $1 LIMIT 1000)",
        vec![now.into()],
    )
}

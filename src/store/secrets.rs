//! Client secrets. Only keyed digests are kept.

use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::SecretState,
    time::Timestamp,
};

/// One secret of a client.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    pub id: String,
    pub client_id: String,
    pub label: String,
    /// The last six characters.
    pub hint: String,
    pub digest: Vec<u8>,
    pub created_by: String,
    pub created_at: Timestamp,
    /// When it expires by policy.
    pub expires_at: Option<Timestamp>,
    /// When it ends because it was rotated away.
    pub ends_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    pub uses: i64,
}

impl ClientSecret {
    /// When it stops working, if that is known.
    pub fn stops_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.ends_at, self.revoked_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> SecretState {
        let past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if past(self.revoked_at) {
            SecretState::Revoked
        } else if past(self.expires_at) || past(self.ends_at) {
            SecretState::Expired
        } else if self.ends_at.is_some() {
            SecretState::Ending
        } else {
            SecretState::Active
        }
    }

    /// Whether it authenticates its client at `now`.
    pub fn usable(&self, now: Timestamp) -> bool {
        matches!(self.state(now), SecretState::Active | SecretState::Ending)
    }
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT id, client_id, label, hint, digest, created_by, created_at, expires_at, ends_at, revoked_at, \
             last_used_at, last_used_ip, uses FROM client_secrets ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<ClientSecret, DbError> {
    Ok(ClientSecret {
        id: row.next()?,
        client_id: row.next()?,
        label: row.next()?,
        hint: row.next()?,
        digest: row.next()?,
        created_by: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        ends_at: row.next()?,
        revoked_at: row.next()?,
        last_used_at: row.next()?,
        last_used_ip: row.next()?,
        uses: row.next()?,
    })
}

/// The secrets of a client, newest first.
pub async fn of_client(db: &Db, client_id: &str) -> Result<Vec<ClientSecret>, DbError> {
    let rows = db
        .read(
            columns!("WHERE client_id = $1 ORDER BY created_at DESC, id DESC"),
            vec![client_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// The secrets of several clients in one statement, newest first.
pub async fn of_clients(db: &Db, client_ids: &[String]) -> Result<Vec<ClientSecret>, DbError> {
    if client_ids.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<String> = (1..=client_ids.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        columns!("WHERE client_id IN ({}) ORDER BY created_at DESC, id DESC"),
        numbers.join(", ")
    );
    let rows = db.read(sql, client_ids.iter().map(Into::into).collect()).await?;
    rows.into_iter().map(read).collect()
}

/// The secret with this digest, whoever has it and in whatever state.
pub async fn find_by_digest(db: &Db, digest: &[u8]) -> Result<Option<ClientSecret>, DbError> {
    let row = db
        .read_one(columns!("WHERE digest = $1"), vec![digest.into()])
        .await?;
    row.map(read).transpose()
}

/// A secret that ends soon although it was used of late.
#[derive(Clone, Debug)]
pub struct EndingInUse {
    pub client_id: String,
    pub name: String,
    pub ends_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// Secrets of an organisation's active clients that were rotated away, end between `now` and `until`, and were used
/// after `since`; the nearest end first.
pub async fn ending_in_use(
    db: &Db,
    org_id: &str,
    now: Timestamp,
    until: Timestamp,
    since: Timestamp,
) -> Result<Vec<EndingInUse>, DbError> {
    let rows = db
        .read(
            "SELECT c.client_id, c.name, s.ends_at, s.last_used_at FROM client_secrets s \
             JOIN clients c ON c.client_id = s.client_id \
             WHERE c.org_id = $1 AND c.status = 'active' AND s.revoked_at IS NULL \
             AND s.ends_at > $2 AND s.ends_at < $3 AND s.last_used_at > $4 ORDER BY s.ends_at, s.id",
            vec![org_id.into(), now.into(), until.into(), since.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(EndingInUse {
                client_id: row.next()?,
                name: row.next()?,
                ends_at: row.next()?,
                last_used_at: row.next()?,
            })
        })
        .collect()
}

/// Every secret that is not revoked, for the snapshot.
pub async fn all(db: &Db) -> Result<Vec<ClientSecret>, DbError> {
    let rows = db.read(columns!("WHERE revoked_at IS NULL"), vec![]).await?;
    rows.into_iter().map(read).collect()
}

/// Adds a secret.
pub fn add(secret: &ClientSecret) -> Statement {
    Statement::new(
        "INSERT INTO client_secrets (id, client_id, label, hint, digest, created_by, created_at, expires_at, ends_at, \
         uses) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
        vec![
            (&secret.id).into(),
            (&secret.client_id).into(),
            (&secret.label).into(),
            (&secret.hint).into(),
            secret.digest.clone().into(),
            (&secret.created_by).into(),
            secret.created_at.into(),
            secret.expires_at.into(),
            secret.ends_at.into(),
        ],
    )
}

/// Sets when a secret ends; `None` takes an end back.
pub fn set_end(id: &str, ends_at: Option<Timestamp>) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET ends_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        vec![ends_at.into(), id.into()],
    )
    .expecting("secret")
}

/// Ends a secret now.
pub fn revoke(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        vec![now.into(), id.into()],
    )
    .expecting("secret")
}

/// Sets the label.
pub fn set_label(id: &str, label: &str) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET label = $1 WHERE id = $2",
        vec![label.into(), id.into()],
    )
    .expecting("secret")
}

/// Erases the secrets of a deleted client.
pub fn erase(client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM client_secrets WHERE client_id = $1",
        vec![client_id.into()],
    )
}

/// Adds uses that were counted in memory.
pub fn note_use(id: &str, uses: i64, at: Timestamp, ip: &str) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET uses = uses + $1, last_used_at = $2, last_used_ip = $3 WHERE id = $4",
        vec![uses.into(), at.into(), ip.into(), id.into()],
    )
}

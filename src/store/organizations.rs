//! Organisations: everything else belongs to one.

use serde::{Deserialize, Serialize};

use super::{document::Document, users::Role};
use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::fold,
    time::Timestamp,
};

/// A tenant.
#[derive(Clone, Debug)]
pub struct Organization {
    pub id: String,
    pub handle: String,
    pub name: String,
    pub kind: String,
    pub settings: Document<Settings>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// What an organisation decides for its clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Seconds; the smallest of API, client and organisation wins.
    pub access_token_lifetime: Option<i64>,
    /// Whether web and single-page clients may register `http` on a loopback host.
    pub development_redirects: bool,
    /// Days until a new secret of a service expires.
    pub secret_lifetime_days: i64,
    /// Whether secrets without an end are allowed.
    pub secrets_may_never_expire: bool,
    /// Hours for which an old secret works beside its successor, where nobody says otherwise.
    pub secret_overlap_hours: i64,
    /// Whether to tell of clients that nobody used for 60, 90 and 120 days.
    pub unused_notices: bool,
    /// After how many days without a use a client is disabled; `None`: never.
    pub unused_disable_days: Option<i64>,
    /// Whether every member needs a second factor.
    pub require_second_factor: bool,
    /// How many personal credentials a member has at most; none are allowed at 0.
    pub credentials_per_member: i64,
    /// How many scopes a personal credential has at most.
    pub scopes_per_credential: i64,
    /// Days for which the activity is kept; for ever without.
    pub audit_retention_days: Option<i64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_token_lifetime: None,
            development_redirects: true,
            secret_lifetime_days: 90,
            secrets_may_never_expire: true,
            secret_overlap_hours: 24,
            unused_notices: false,
            unused_disable_days: None,
            require_second_factor: false,
            credentials_per_member: 10,
            scopes_per_credential: 10,
            audit_retention_days: Some(400),
        }
    }
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT o.id, o.handle, o.name, o.kind, o.settings, o.created_at, o.updated_at, o.version \
             FROM organizations o ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Organization, DbError> {
    Ok(Organization {
        id: row.next()?,
        handle: row.next()?,
        name: row.next()?,
        kind: row.next()?,
        settings: Document::read(&row.next::<String>()?)?,
        created_at: row.next()?,
        updated_at: row.next()?,
        version: row.next()?,
    })
}

/// The organisation with this id.
pub async fn find(db: &Db, id: &str) -> Result<Option<Organization>, DbError> {
    let row = db.read_one(columns!("WHERE o.id = $1"), vec![id.into()]).await?;
    row.map(read).transpose()
}

/// The organisation with this handle, whatever its case.
pub async fn find_by_handle(db: &Db, handle: &str) -> Result<Option<Organization>, DbError> {
    let row = db
        .read_one(columns!("WHERE o.handle_folded = $1"), vec![fold(handle).into()])
        .await?;
    row.map(read).transpose()
}

/// The organisations of a person with what they are there, by handle.
pub async fn with_roles(db: &Db, user_id: &str) -> Result<Vec<(Organization, Role)>, DbError> {
    with_roles_at(db, user_id, Timestamp::from_millis(i64::MAX)).await
}

/// As [`with_roles`], for something that was made at that moment: without those that the person left since, though they
/// came back.
pub async fn with_roles_at(
    db: &Db,
    user_id: &str,
    made_at: Timestamp,
) -> Result<Vec<(Organization, Role)>, DbError> {
    let rows = db
        .read(
            "SELECT m.role, o.id, o.handle, o.name, o.kind, o.settings, o.created_at, o.updated_at, o.version \
             FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = $1 \
             AND NOT EXISTS (SELECT 1 FROM membership_ends e WHERE e.org_id = m.org_id AND e.user_id = m.user_id \
             AND e.ended_at >= $2) ORDER BY o.handle_folded",
            vec![user_id.into(), made_at.into()],
        )
        .await?;
    let read = |mut row: Row| {
        let role = row.word(Role::parse)?;
        Ok((read(row)?, role))
    };
    rows.into_iter().map(read).collect()
}

/// Every organisation with its id, each read for itself: one that cannot be read keeps nobody from the others.
pub async fn each(db: &Db) -> Result<Vec<(String, Result<Organization, DbError>)>, DbError> {
    let rows = db.read(columns!("ORDER BY o.handle_folded"), vec![]).await?;
    let one = |row: Row| Ok((row.clone().next()?, read(row)));
    rows.into_iter().map(one).collect()
}

/// All organisations, by handle.
pub async fn all(db: &Db) -> Result<Vec<Organization>, DbError> {
    let rows = db.read(columns!("ORDER BY o.handle_folded"), vec![]).await?;
    rows.into_iter().map(read).collect()
}

/// The first organisation: the one that holds the system clients.
pub async fn first(db: &Db) -> Result<Option<Organization>, DbError> {
    let row = db
        .read_one(columns!("ORDER BY o.created_at, o.id LIMIT 1"), vec![])
        .await?;
    row.map(read).transpose()
}

/// Adds an organisation; its handle must be free.
pub fn add(org: &Organization) -> Statement {
    Statement::new(
        "INSERT INTO organizations (id, handle, handle_folded, name, kind, settings, created_at, updated_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        vec![
            (&org.id).into(),
            (&org.handle).into(),
            fold(&org.handle).into(),
            (&org.name).into(),
            (&org.kind).into(),
            org.settings.text().into(),
            org.created_at.into(),
            org.updated_at.into(),
            org.version.into(),
        ],
    )
}

/// Writes name and settings, if the version is still the one that was read.
pub fn set(org: &Organization, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE organizations SET name = $1, settings = $2, updated_at = $3, version = version + 1 \
         WHERE id = $4 AND version = $5",
        vec![
            (&org.name).into(),
            org.settings.text().into(),
            now.into(),
            (&org.id).into(),
            org.version.into(),
        ],
    )
    .expecting("version")
}

/// Locks the row of an organisation until the transaction ends, changing nothing.
pub fn touch(id: &str) -> Statement {
    Statement::new(
        "UPDATE organizations SET version = version WHERE id = $1",
        vec![id.into()],
    )
}

//! People, and the organisations they belong to.

use serde::{Deserialize, Serialize};

use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::{fold, words},
    time::Timestamp,
};

use super::document::Document;
pub use super::profile::{Address, Profile};

words! {
    /// Whether a person may sign in.
    UserStatus {
        Active = "active",
        Inactive = "inactive",
        Locked = "locked",
    }
}

words! {
    /// What a member may do in an organisation.
    Role {
        Owner = "owner",
        Admin = "admin",
        Auditor = "auditor",
        Member = "member",
    }
}

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    pub id: String,
    pub username: String,
    pub email: Option<String>,
    /// When the person proved that the address is his.
    pub email_verified_at: Option<Timestamp>,
    /// An address that takes the place of the other once it is proven.
    pub email_pending: Option<String>,
    pub display_name: String,
    pub profile: Document<Profile>,
    pub password_hash: Option<String>,
    pub status: UserStatus,
    /// May hold personal credentials.
    pub may_hold_credentials: bool,
    /// Runs the whole instance.
    pub operator: bool,
    pub preferences: Document<Preferences>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a person likes the console; `None` and `true` are the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// `light`, `dark` or `contrast`; otherwise as the system says.
    pub theme: Option<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// Whether times are told in twice twelve hours.
    pub twelve_hours: bool,
    /// Whether rows stand close together.
    pub compact: bool,
    /// Whether to tell by mail of a sign-in from a browser that the account does not know.
    pub notices: bool,
    /// Whether to tell by mail of secrets that stop and of clients that nobody uses.
    pub client_notices: bool,
    /// Single-key shortcuts (WCAG 2.1.4).
    pub shortcuts: bool,
    /// Columns of the client list that are hidden.
    pub hidden_columns: Vec<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: None,
            zone: None,
            twelve_hours: false,
            compact: false,
            notices: false,
            client_notices: true,
            shortcuts: true,
            hidden_columns: Vec::new(),
        }
    }
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT u.id, u.username, u.email, u.email_verified_at, u.email_pending, u.display_name, u.profile, \
             u.password_hash, u.status, u.may_hold_credentials, u.operator, u.preferences, \
             u.created_at, u.updated_at ",
            $tail
        )
    };
}

fn read(row: &mut Row) -> Result<User, DbError> {
    Ok(User {
        id: row.next()?,
        username: row.next()?,
        email: row.next()?,
        email_verified_at: row.next()?,
        email_pending: row.next()?,
        display_name: row.next()?,
        profile: Document::read(&row.next::<String>()?)?,
        password_hash: row.next()?,
        status: row.word(UserStatus::parse)?,
        may_hold_credentials: row.next()?,
        operator: row.next()?,
        preferences: Document::read_or_default(&row.next::<String>()?),
        created_at: row.next()?,
        updated_at: row.next()?,
    })
}

/// The person with this id.
pub async fn find(db: &Db, id: &str) -> Result<Option<User>, DbError> {
    let row = db
        .read_one(columns!("FROM users u WHERE u.id = $1"), vec![id.into()])
        .await?;
    row.map(|mut row| read(&mut row)).transpose()
}

/// The person with this user name, whatever its case.
pub async fn find_by_username(db: &Db, username: &str) -> Result<Option<User>, DbError> {
    let row = db
        .read_one(
            columns!("FROM users u WHERE u.username_folded = $1"),
            vec![fold(username).into()],
        )
        .await?;
    row.map(|mut row| read(&mut row)).transpose()
}

/// The active people who have proven that this address is theirs, whatever its case; at most `limit`, oldest first.
pub async fn find_by_email(db: &Db, email: &str, limit: i64) -> Result<Vec<User>, DbError> {
    let rows = db
        .read(
            columns!(
                "FROM users u WHERE u.email_folded = $1 AND u.email_verified_at IS NOT NULL AND u.status = 'active' \
                 ORDER BY u.id LIMIT $2"
            ),
            vec![fold_email(email).into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// The person who gave a grant that was not revoked.
pub async fn behind_grant(db: &Db, grant_id: &str) -> Result<Option<User>, DbError> {
    let row = db
        .read_one(
            columns!(
                "FROM users u JOIN grants g ON g.user_id = u.id WHERE g.id = $1 AND g.revoked_at IS NULL"
            ),
            vec![grant_id.into()],
        )
        .await?;
    row.map(|mut row| read(&mut row)).transpose()
}

/// How many people there are.
pub async fn count(db: &Db) -> Result<i64, DbError> {
    let row = db.read_one("SELECT count(*) FROM users", vec![]).await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// People of the instance, in the order in which they came, after the one with the id `after`; only the one with this
/// user name, if one is given; at most `limit`.
pub async fn all(
    db: &Db,
    username: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<User>, DbError> {
    let rows = db
        .read(
            columns!(
                "FROM users u WHERE u.id > $1 AND (CAST($2 AS TEXT) IS NULL OR u.username_folded = $2) \
                 ORDER BY u.id LIMIT $3"
            ),
            vec![
                after.unwrap_or_default().into(),
                username.map(fold).into(),
                limit.into(),
            ],
        )
        .await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// How addresses are compared: without the case of ASCII letters. Look-alikes from other alphabets stay apart
/// (CVE-2019-19844).
pub fn fold_email(email: &str) -> String {
    email.trim().to_ascii_lowercase()
}

/// Adds a person; the user name must be free.
pub fn add(user: &User) -> Statement {
    Statement::new(
        "INSERT INTO users (id, username, username_folded, email, display_name, password_hash, status, source, \
         may_hold_credentials, operator, preferences, failed_attempts, created_at, updated_at, email_folded, \
         email_verified_at, profile) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'local', $8, $9, $10, 0, $11, $12, $13, $14, $15)",
        vec![
            (&user.id).into(),
            (&user.username).into(),
            fold(&user.username).into(),
            user.email.clone().into(),
            (&user.display_name).into(),
            user.password_hash.clone().into(),
            user.status.word().into(),
            user.may_hold_credentials.into(),
            user.operator.into(),
            user.preferences.text().into(),
            user.created_at.into(),
            user.updated_at.into(),
            user.email.as_deref().map(fold_email).into(),
            user.email_verified_at.into(),
            user.profile.text().into(),
        ],
    )
}

/// Locks the row of a person who may still sign in with what he proved: `changed` if he is not active any more, or his
/// password is another one now (the empty text stands for none).
pub fn hold_proven(id: &str, password_hash: &str) -> Statement {
    Statement::new(
        "UPDATE users SET updated_at = updated_at \
         WHERE id = $1 AND status = 'active' AND COALESCE(password_hash, '') = $2",
        vec![id.into(), password_hash.into()],
    )
    .expecting("changed")
}

/// Replaces the password hash.
pub fn set_password(id: &str, hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3",
        vec![hash.into(), now.into(), id.into()],
    )
}

/// Replaces the password hash of an active person: `unchanged` if it is not the one that was read.
pub fn replace_password(id: &str, before: Option<&str>, hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3 AND status = 'active' \
         AND coalesce(password_hash, '') = $4",
        vec![
            hash.into(),
            now.into(),
            id.into(),
            before.unwrap_or_default().into(),
        ],
    )
    .expecting("unchanged")
}

/// Lets a person in or not; refused as `last_operator` when nobody would run the instance any more.
pub fn set_status(id: &str, status: UserStatus, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET status = $1, updated_at = $2 WHERE id = $3 AND ($1 = 'active' OR operator = FALSE OR \
         (SELECT count(*) FROM users o WHERE o.operator = TRUE AND o.status = 'active' AND o.id <> $3) > 0)",
        vec![status.word().into(), now.into(), id.into()],
    )
    .expecting("last_operator")
}

/// Sets whether a person may hold credentials.
pub fn set_may_hold(id: &str, may: bool, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET may_hold_credentials = $1, updated_at = $2 WHERE id = $3",
        vec![may.into(), now.into(), id.into()],
    )
}

/// Replaces what a person says about himself.
pub fn set_profile(id: &str, display_name: &str, profile: &Document<Profile>, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET display_name = $1, profile = $2, updated_at = $3 WHERE id = $4",
        vec![display_name.into(), profile.text().into(), now.into(), id.into()],
    )
}

/// Notes an address that is still to be proven; `None` drops it.
pub fn set_pending_email(id: &str, email: Option<&str>, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET email_pending = $1, updated_at = $2 WHERE id = $3",
        vec![email.map(str::to_owned).into(), now.into(), id.into()],
    )
}

/// Takes over an address that was proven: `pending` if another one was asked for meanwhile.
pub fn set_proven_email(id: &str, email: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET email = $1, email_folded = $2, email_verified_at = $3, email_pending = NULL, \
         updated_at = $3 WHERE id = $4 AND email_pending = $1",
        vec![email.into(), fold_email(email).into(), now.into(), id.into()],
    )
    .expecting("pending")
}

/// Removes the address, and one that is still to be proven.
pub fn remove_email(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET email = NULL, email_folded = NULL, email_verified_at = NULL, email_pending = NULL, \
         updated_at = $1 WHERE id = $2",
        vec![now.into(), id.into()],
    )
}

/// Replaces the preferences.
pub fn set_preferences(id: &str, preferences: &Document<Preferences>) -> Statement {
    Statement::new(
        "UPDATE users SET preferences = $1 WHERE id = $2",
        vec![preferences.text().into(), id.into()],
    )
}

/// A person in an organisation.
#[derive(Clone, Debug)]
pub struct Member {
    pub user: User,
    pub role: Role,
    pub since: Timestamp,
}

/// What a person is in an organisation, if anything.
pub async fn role(db: &Db, org_id: &str, user_id: &str) -> Result<Option<Role>, DbError> {
    let row = db
        .read_one(
            "SELECT role FROM memberships WHERE org_id = $1 AND user_id = $2",
            vec![org_id.into(), user_id.into()],
        )
        .await?;
    row.map(|mut row| row.word(Role::parse)).transpose()
}

/// The organisations of a person with their role: (organisation id, handle, name, role), by handle.
pub async fn organizations_of(
    db: &Db,
    user_id: &str,
) -> Result<Vec<(String, String, String, Role)>, DbError> {
    let rows = db
        .read(
            "SELECT o.id, o.handle, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.org_id \
             WHERE m.user_id = $1 ORDER BY o.handle_folded",
            vec![user_id.into()],
        )
        .await?;
    let read = |mut row: Row| Ok((row.next()?, row.next()?, row.next()?, row.word(Role::parse)?));
    rows.into_iter().map(read).collect()
}

/// The members of an organisation, by user name.
pub async fn members(db: &Db, org_id: &str) -> Result<Vec<Member>, DbError> {
    let rows = db
        .read(
            columns!(
                ", m.role, m.created_at FROM users u JOIN memberships m ON m.user_id = u.id WHERE m.org_id = $1 \
                 ORDER BY u.username_folded"
            ),
            vec![org_id.into()],
        )
        .await?;
    let read = |mut row: Row| {
        Ok(Member {
            user: read(&mut row)?,
            role: row.word(Role::parse)?,
            since: row.next()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// The names of those who run an organisation.
pub async fn admins(db: &Db, org_id: &str) -> Result<Vec<String>, DbError> {
    let members = members(db, org_id).await?;
    Ok(members
        .into_iter()
        .filter(|member| matches!(member.role, Role::Owner | Role::Admin))
        .map(|member| member.user.display_name)
        .collect())
}

/// Makes a person a member.
pub fn add_member(org_id: &str, user_id: &str, role: Role, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)",
        vec![org_id.into(), user_id.into(), role.word().into(), now.into()],
    )
}

/// Changes a role; refused as `last_owner` when nobody active would own the organisation any more.
pub fn set_role(org_id: &str, user_id: &str, role: Role) -> Statement {
    Statement::new(
        "UPDATE memberships SET role = $1 WHERE org_id = $2 AND user_id = $3 AND ($1 = 'owner' OR role <> 'owner' OR \
         (SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $2 AND m.role = 'owner' \
         AND u.status = 'active' AND m.user_id <> $3) > 0)",
        vec![role.word().into(), org_id.into(), user_id.into()],
    )
    .expecting("last_owner")
}

/// Ends a membership; refused as `last_owner` when nobody active would own the organisation any more.
pub fn remove_member(org_id: &str, user_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM memberships WHERE org_id = $1 AND user_id = $2 AND (role <> 'owner' OR \
         (SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.role = 'owner' \
         AND u.status = 'active' AND m.user_id <> $2) > 0)",
        vec![org_id.into(), user_id.into()],
    )
    .expecting("last_owner")
}

/// Writes down that a membership ended now.
pub fn note_member_left(org_id: &str, user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO membership_ends (org_id, user_id, ended_at) VALUES ($1, $2, $3) \
         ON CONFLICT (org_id, user_id) DO UPDATE SET ended_at = excluded.ended_at",
        vec![org_id.into(), user_id.into(), now.into()],
    )
}

/// The teams that nobody active owns but this person: handle and name.
pub async fn owned_alone(db: &Db, user_id: &str) -> Result<Vec<(String, String)>, DbError> {
    let rows = db
        .read(
            "SELECT o.handle, o.name FROM memberships m JOIN organizations o ON o.id = m.org_id \
             WHERE m.user_id = $1 AND m.role = 'owner' AND o.kind <> 'personal' AND NOT EXISTS \
             (SELECT 1 FROM memberships n JOIN users u ON u.id = n.user_id WHERE n.org_id = m.org_id \
             AND n.role = 'owner' AND u.status = 'active' AND n.user_id <> $1) ORDER BY o.handle_folded",
            vec![user_id.into()],
        )
        .await?;
    let read = |mut row: Row| Ok((row.next()?, row.next()?));
    rows.into_iter().map(read).collect()
}

/// Refused as `last_owner` when nobody active but this person owns one of their teams; changes nothing.
pub fn expect_other_owners(user_id: &str) -> Statement {
    Statement::new(
        "UPDATE users SET updated_at = updated_at WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM memberships m \
         JOIN organizations o ON o.id = m.org_id WHERE m.user_id = $1 AND m.role = 'owner' AND o.kind <> 'personal' \
         AND NOT EXISTS (SELECT 1 FROM memberships n JOIN users u ON u.id = n.user_id WHERE n.org_id = m.org_id \
         AND n.role = 'owner' AND u.status = 'active' AND n.user_id <> $1))",
        vec![user_id.into()],
    )
    .expecting("last_owner")
}

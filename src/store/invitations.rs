//! Invitations into organisations: the digest of the link only.

use super::{
    clock_readings::Past,
    users::{Role, fold_email},
};
use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// An invitation that was neither accepted nor revoked; it may have expired.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: String,
    pub org_id: String,
    pub email: String,
    pub role: Role,
    /// Id of the person or client who invited.
    pub invited_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

fn read(mut row: Row) -> Result<Invitation, DbError> {
    Ok(Invitation {
        id: row.next()?,
        org_id: row.next()?,
        email: row.next()?,
        // A word that this version does not know must not let anybody in further.
        role: row.word(Role::parse)?,
        invited_by: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
    })
}

macro_rules! open {
    ($tail:literal) => {
        concat!(
            "SELECT id, org_id, email, role, invited_by, created_at, expires_at FROM invitations \
             WHERE accepted_at IS NULL AND revoked_at IS NULL ",
            $tail
        )
    };
}

/// The open invitations of an organisation, newest first.
pub async fn of_org(db: &Db, org_id: &str) -> Result<Vec<Invitation>, DbError> {
    let rows = db
        .read(
            open!("AND org_id = $1 ORDER BY created_at DESC, id DESC"),
            vec![org_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// An open invitation of an organisation.
pub async fn find(db: &Db, org_id: &str, id: &str) -> Result<Option<Invitation>, DbError> {
    let row = db
        .read_one(
            open!("AND org_id = $1 AND id = $2"),
            vec![org_id.into(), id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// The invitation of a link that would still work.
pub async fn find_by_digest(db: &Db, digest: &[u8], now: Timestamp) -> Result<Option<Invitation>, DbError> {
    let row = db
        .read_one(
            open!("AND digest = $1 AND expires_at > $2"),
            vec![digest.into(), now.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// How many invitations an organisation sent since then, whatever became of them.
pub async fn count(db: &Db, org_id: &str, since: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM invitations WHERE org_id = $1 AND created_at > $2",
            vec![org_id.into(), since.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Adds an invitation.
pub fn add(invitation: &Invitation, digest: &[u8]) -> Statement {
    Statement::new(
        "INSERT INTO invitations (id, org_id, email, email_folded, role, digest, invited_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        vec![
            (&invitation.id).into(),
            (&invitation.org_id).into(),
            (&invitation.email).into(),
            fold_email(&invitation.email).into(),
            invitation.role.word().into(),
            digest.into(),
            (&invitation.invited_by).into(),
            invitation.created_at.into(),
            invitation.expires_at.into(),
        ],
    )
}

/// Accepts by a link: `spent` if it was used, revoked or has expired.
pub fn accept(digest: &[u8], user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE invitations SET accepted_at = $1, accepted_by = $2 \
         WHERE digest = $3 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $1",
        vec![now.into(), user_id.into(), digest.into()],
    )
    .expecting("spent")
}

/// Takes an invitation back: `open` if there is nothing to take back any more.
pub fn revoke(org_id: &str, id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE invitations SET revoked_at = $1 \
         WHERE org_id = $2 AND id = $3 AND accepted_at IS NULL AND revoked_at IS NULL",
        vec![now.into(), org_id.into(), id.into()],
    )
    .expecting("open")
}

/// Takes back every open invitation to an address.
pub fn revoke_to(org_id: &str, email: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE invitations SET revoked_at = $1 \
         WHERE org_id = $2 AND email_folded = $3 AND accepted_at IS NULL AND revoked_at IS NULL",
        vec![now.into(), org_id.into(), fold_email(email).into()],
    )
}

/// Takes back what somebody invited into an organisation: he may give less now than he did then.
pub fn revoke_of(org_id: &str, invited_by: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE invitations SET revoked_at = $1 \
         WHERE org_id = $2 AND invited_by = $3 AND accepted_at IS NULL AND revoked_at IS NULL",
        vec![now.into(), org_id.into(), invited_by.into()],
    )
}

/// Takes back what somebody invited anywhere.
pub fn revoke_all_of(invited_by: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE invitations SET revoked_at = $1 \
         WHERE invited_by = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        vec![now.into(), invited_by.into()],
    )
}

/// Forgets invitations that came to an end before `before`, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM invitations WHERE id IN (SELECT id FROM invitations \
         WHERE expires_at < $1 OR accepted_at < $1 OR revoked_at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

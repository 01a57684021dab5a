//! Passkeys: the id of the credential, and what the relying party keeps of it
//! ([WebAuthn 4](https://www.w3.org/TR/webauthn-3/#credential-record)). None of it is secret.

use crate::{
    db::{Db, DbError, Row, Statement},
    time::Timestamp,
};

/// A passkey.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// The id of the credential, base64url.
    pub id: String,
    pub user_id: String,
    pub name: String,
    /// The credential record as JSON.
    pub credential: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

fn read(mut row: Row) -> Result<Passkey, DbError> {
    Ok(Passkey {
        id: row.next()?,
        user_id: row.next()?,
        name: row.next()?,
        credential: row.next()?,
        created_at: row.next()?,
        last_used_at: row.next()?,
    })
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT p.id, p.user_id, p.name, p.credential, p.created_at, p.last_used_at FROM passkeys p ",
            $tail
        )
    };
}

/// The passkey with this id, whoever has it.
pub async fn find(db: &Db, id: &str) -> Result<Option<Passkey>, DbError> {
    let row = db.read_one(select!("WHERE p.id = $1"), vec![id.into()]).await?;
    row.map(read).transpose()
}

/// The passkeys of a person, oldest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Passkey>, DbError> {
    let rows = db
        .read(
            select!("WHERE p.user_id = $1 ORDER BY p.created_at, p.id"),
            vec![user_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds a passkey: `most` if the person has `most` already.
pub fn add(passkey: &Passkey, most: i64) -> Statement {
    Statement::new(
        "INSERT INTO passkeys (id, user_id, name, credential, created_at) SELECT $1, $2, $3, $4, $5 \
         WHERE (SELECT count(*) FROM passkeys p WHERE p.user_id = $2) < $6",
        vec![
            (&passkey.id).into(),
            (&passkey.user_id).into(),
            (&passkey.name).into(),
            (&passkey.credential).into(),
            passkey.created_at.into(),
            most.into(),
        ],
    )
    .expecting("most")
}

/// Notes a use, and what the authenticator says of itself since: `raced` if another use was first, or it is gone.
pub fn note_use(passkey: &Passkey, credential: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE passkeys SET credential = $1, last_used_at = $2 WHERE id = $3 AND user_id = $4 AND credential = $5",
        vec![
            credential.into(),
            now.into(),
            (&passkey.id).into(),
            (&passkey.user_id).into(),
            (&passkey.credential).into(),
        ],
    )
    .expecting("raced")
}

/// Gives a passkey of a person another name: `passkey` if he has none with this id.
pub fn rename(id: &str, user_id: &str, name: &str) -> Statement {
    Statement::new(
        "UPDATE passkeys SET name = $1 WHERE id = $2 AND user_id = $3",
        vec![name.into(), id.into(), user_id.into()],
    )
    .expecting("passkey")
}

/// Removes a passkey of a person: `passkey` if he has none with this id.
pub fn remove(id: &str, user_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM passkeys WHERE id = $1 AND user_id = $2",
        vec![id.into(), user_id.into()],
    )
    .expecting("passkey")
}

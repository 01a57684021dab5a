//! Authorization codes, by digest. [RFC 6749 4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)
//!
//! A spent code stays for a while, so that its replay is known for what it is.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// What codes are digested for.
pub const PURPOSE: &str = "authorization-code";

/// How many wrong verifiers use a code up.
pub const MOST_WRONG_TRIES: i64 = 5;

/// A code as it is kept.
#[derive(Clone, Debug)]
pub struct AuthorizationCode {
    pub digest: Vec<u8>,
    pub grant_id: String,
    pub client_id: String,
    /// As the request named it; `None` if it named none.
    pub redirect_uri: Option<String>,
    /// S256 (RFC 7636 4.2).
    pub code_challenge: String,
    pub nonce: Option<String>,
    pub wrong_tries: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// The code with this digest, in whatever state.
pub async fn find(db: &Db, digest: &[u8]) -> Result<Option<AuthorizationCode>, DbError> {
    let row = db
        .read_one(
            "SELECT digest, grant_id, client_id, redirect_uri, code_challenge, nonce, wrong_tries, created_at, \
             expires_at, used_at FROM authorization_codes WHERE digest = $1",
            vec![digest.into()],
        )
        .await?;
    row.map(|mut row| {
        Ok(AuthorizationCode {
            digest: row.next()?,
            grant_id: row.next()?,
            client_id: row.next()?,
            redirect_uri: row.next()?,
            code_challenge: row.next()?,
            nonce: row.next()?,
            wrong_tries: row.next()?,
            created_at: row.next()?,
            expires_at: row.next()?,
            used_at: row.next()?,
        })
    })
    .transpose()
}

/// Adds a code.
pub fn add(code: &AuthorizationCode) -> Statement {
    Statement::new(
        "INSERT INTO authorization_codes (digest, grant_id, client_id, redirect_uri, code_challenge, nonce, \
         wrong_tries, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
        vec![
            code.digest.clone().into(),
            (&code.grant_id).into(),
            (&code.client_id).into(),
            code.redirect_uri.clone().into(),
            (&code.code_challenge).into(),
            code.nonce.clone().into(),
            code.created_at.into(),
            code.expires_at.into(),
        ],
    )
}

/// Spends a code: `spent` if it was spent, has expired, or was tried too often.
pub fn spend(digest: &[u8], now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE authorization_codes SET used_at = $1 \
         WHERE digest = $2 AND used_at IS NULL AND expires_at > $1 AND wrong_tries < $3",
        vec![now.into(), digest.into(), MOST_WRONG_TRIES.into()],
    )
    .expecting("spent")
}

/// Counts a wrong verifier.
pub fn note_wrong_try(digest: &[u8]) -> Statement {
    Statement::new(
        "UPDATE authorization_codes SET wrong_tries = wrong_tries + 1 WHERE digest = $1",
        vec![digest.into()],
    )
}

/// Forgets codes that expired before `before`, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM authorization_codes WHERE digest IN \
         (SELECT digest FROM authorization_codes WHERE expires_at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

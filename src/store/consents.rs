//! What people allowed clients. Asked again only for what is new.

use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::scope::ScopeKey,
    time::Timestamp,
};

/// What one person allowed one client.
#[derive(Clone, Debug)]
pub struct Consent {
    pub user_id: String,
    pub client_id: String,
    pub scopes: Vec<ScopeKey>,
    /// The number of the client when each of them was allowed, in their order; one that is missing is 0.
    pub incarnations: Vec<i64>,
    /// What he was asked for and left out.
    pub declined: Vec<ScopeKey>,
    /// First and last time that something was allowed.
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Consent {
    /// What was allowed, each with the number of the client then.
    pub fn numbered(&self) -> impl Iterator<Item = (&ScopeKey, i64)> {
        let numbers = self.incarnations.iter().copied().chain(std::iter::repeat(0));
        self.scopes.iter().zip(numbers)
    }

    /// Keeps only the scopes of which this says that they still count.
    pub fn retain(&mut self, counts: impl Fn(&ScopeKey, i64) -> bool) {
        let kept: Vec<(ScopeKey, i64)> = self
            .numbered()
            .filter(|(key, number)| counts(key, *number))
            .map(|(key, number)| (key.clone(), number))
            .collect();
        (self.scopes, self.incarnations) = kept.into_iter().unzip();
    }
}

fn read(mut row: Row) -> Result<Consent, DbError> {
    Ok(Consent {
        user_id: row.next()?,
        client_id: row.next()?,
        scopes: ScopeKey::parse_list(&row.next::<String>()?),
        incarnations: numbers(&row.next::<String>()?)?,
        declined: ScopeKey::parse_list(&row.next::<String>()?),
        created_at: row.next()?,
        updated_at: row.next()?,
    })
}

/// What a person allowed a client, if anything.
pub async fn find(db: &Db, user_id: &str, client_id: &str) -> Result<Option<Consent>, DbError> {
    let row = db
        .read_one(
            "SELECT user_id, client_id, scopes, incarnations, declined, created_at, updated_at FROM consents \
             WHERE user_id = $1 AND client_id = $2",
            vec![user_id.into(), client_id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// What a person allowed, last change first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Consent>, DbError> {
    let rows = db
        .read(
            "SELECT user_id, client_id, scopes, incarnations, declined, created_at, updated_at FROM consents \
             WHERE user_id = $1 ORDER BY updated_at DESC, client_id",
            vec![user_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Who allowed a client anything, last change first; at most `limit`.
pub async fn of_client(db: &Db, client_id: &str, limit: i64) -> Result<Vec<Consent>, DbError> {
    let rows = db
        .read(
            "SELECT user_id, client_id, scopes, incarnations, declined, created_at, updated_at FROM consents \
             WHERE client_id = $1 ORDER BY updated_at DESC, user_id LIMIT $2",
            vec![client_id.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// What these people allowed a client.
pub async fn of_people(db: &Db, client_id: &str, users: &[&str]) -> Result<Vec<Consent>, DbError> {
    let sql = format!(
        "SELECT user_id, client_id, scopes, incarnations, declined, created_at, updated_at FROM consents \
         WHERE client_id = $1 AND user_id IN ({})",
        super::client_grants::numbers(2, users.len())
    );
    let params = std::iter::once(client_id).chain(users.iter().copied());
    let rows = db.read(sql, params.map(Into::into).collect()).await?;
    rows.into_iter().map(read).collect()
}

/// How many people allowed a client something.
pub async fn count_of_client(db: &Db, client_id: &str) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM consents WHERE client_id = $1",
            vec![client_id.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Numbers as they are kept, a space between. What cannot be read is no consent, and an error.
fn numbers(text: &str) -> Result<Vec<i64>, DbError> {
    let read = |word: &str| word.parse().map_err(|_| unreadable());
    text.split_whitespace().map(read).collect()
}

fn unreadable() -> DbError {
    DbError::Failed("a consent names a number that is none".into())
}

/// Writes down what a person has allowed by now, each scope with the number of the client when it was allowed.
pub fn set(user_id: &str, client_id: &str, scopes: &[(ScopeKey, i64)], now: Timestamp) -> Statement {
    let keys: Vec<String> = scopes.iter().map(|(key, _)| key.to_string()).collect();
    let numbers: Vec<String> = scopes.iter().map(|(_, number)| number.to_string()).collect();
    Statement::new(
        "INSERT INTO consents (user_id, client_id, scopes, created_at, updated_at, incarnations) \
         VALUES ($1, $2, $3, $4, $4, $5) \
         ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = $3, updated_at = $4, incarnations = $5",
        vec![
            user_id.into(),
            client_id.into(),
            keys.join(" ").into(),
            now.into(),
            numbers.join(" ").into(),
        ],
    )
}

/// Writes down what a person was asked for and left out, of a consent that is there.
pub fn set_declined(user_id: &str, client_id: &str, scopes: &[ScopeKey]) -> Statement {
    Statement::new(
        "UPDATE consents SET declined = $1 WHERE user_id = $2 AND client_id = $3",
        vec![ScopeKey::join(scopes).into(), user_id.into(), client_id.into()],
    )
}

/// Locks what a person allowed a client: `consent` if there is nothing (any more).
pub fn hold(user_id: &str, client_id: &str) -> Statement {
    Statement::new(
        "UPDATE consents SET updated_at = updated_at WHERE user_id = $1 AND client_id = $2",
        vec![user_id.into(), client_id.into()],
    )
    .expecting("consent")
}

/// Forgets what a person allowed a client, if he did.
pub fn forget(user_id: &str, client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM consents WHERE user_id = $1 AND client_id = $2",
        vec![user_id.into(), client_id.into()],
    )
}

/// Takes back what a person allowed the clients of an organisation, the instance's own ones apart.
pub fn remove_member(user_id: &str, org_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM consents WHERE user_id = $1 AND client_id IN \
         (SELECT client_id FROM clients WHERE org_id = $2 AND kind <> 'system')",
        vec![user_id.into(), org_id.into()],
    )
}

/// Takes back everything that a person allowed.
pub fn remove_person(user_id: &str) -> Statement {
    Statement::new("DELETE FROM consents WHERE user_id = $1", vec![user_id.into()])
}

/// Takes back everything that was allowed to a client.
pub fn remove_client(client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM consents WHERE client_id = $1",
        vec![client_id.into()],
    )
}

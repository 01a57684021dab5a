//! Resource servers ("APIs") and their scopes.

use std::collections::HashMap;

use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::words,
    time::{Lifetime, Timestamp},
};

words! {
    /// What the access tokens of an API look like.
    TokenFormat {
        Jwt = "jwt",
        Opaque = "opaque",
    }
}

words! {
    /// What a scope lets its holder do, at worst.
    Risk {
        Reads = "reads",
        Changes = "changes",
        Destructive = "destructive",
    }
}

/// A resource server.
#[derive(Clone, Debug)]
pub struct Api {
    pub id: String,
    /// `None`: built in, for every organisation.
    pub org_id: Option<String>,
    pub name: String,
    pub audience: String,
    pub token_format: TokenFormat,
    pub lifetime: Option<Lifetime>,
    /// How its JWTs are signed; `None`: as the instance does.
    pub signing_algorithm: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub scopes: Vec<Scope>,
}

/// A scope of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub value: String,
    pub description: String,
    pub risk: Risk,
    /// Values of the same API that come with this one.
    pub implies: Vec<String>,
    pub requires_consent: bool,
    pub created_at: Timestamp,
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT id, org_id, name, audience, token_format, lifetime, signing_algorithm, created_at, \
             updated_at, version FROM apis ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Api, DbError> {
    Ok(Api {
        id: row.next()?,
        org_id: row.next()?,
        name: row.next()?,
        audience: row.next()?,
        token_format: row.word(TokenFormat::parse)?,
        lifetime: row.next::<Option<i64>>()?.map(Lifetime::seconds),
        signing_algorithm: row.next()?,
        created_at: row.next()?,
        updated_at: row.next()?,
        version: row.next()?,
        scopes: Vec::new(),
    })
}

fn read_scope(row: &mut Row) -> Result<Scope, DbError> {
    Ok(Scope {
        value: row.next()?,
        description: row.next()?,
        risk: row.word(Risk::parse)?,
        implies: row
            .next::<String>()?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        requires_consent: row.next()?,
        created_at: row.next()?,
    })
}

/// An API or a scope that holds what this version does not know is none: nobody gets it, and every other goes on.
fn readable<T>(read: Result<T, DbError>) -> Option<T> {
    read.inspect_err(
        |error| tracing::error!(%error, "an API or a scope cannot be read, so that it cannot be used"),
    )
    .ok()
}

/// Every API that can be read, with its scopes.
pub async fn all(db: &Db) -> Result<Vec<Api>, DbError> {
    let rows = db.read(columns!("ORDER BY created_at, id"), vec![]).await?;
    let mut apis: Vec<Api> = rows.into_iter().filter_map(|row| readable(read(row))).collect();
    let rows = db
        .read(
            "SELECT api_id, value, description, risk, implies, requires_consent, created_at FROM scopes \
             ORDER BY api_id, created_at, value",
            vec![],
        )
        .await?;
    let index: HashMap<String, usize> = apis
        .iter()
        .enumerate()
        .map(|(at, api)| (api.id.clone(), at))
        .collect();
    for mut row in rows {
        if let Some(at) = index.get(&row.next::<String>()?) {
            apis[*at].scopes.extend(readable(read_scope(&mut row)));
        }
    }
    Ok(apis)
}

/// The APIs an organisation can grant: its own and the built-in one, oldest first, with their scopes.
pub async fn of_organization(db: &Db, org_id: &str) -> Result<Vec<Api>, DbError> {
    let rows = db
        .read(
            columns!("WHERE org_id = $1 OR org_id IS NULL ORDER BY created_at, id"),
            vec![org_id.into()],
        )
        .await?;
    with_scopes(db, rows).await
}

/// The API with this id, with its scopes.
pub async fn find(db: &Db, id: &str) -> Result<Option<Api>, DbError> {
    let rows = db.read(columns!("WHERE id = $1"), vec![id.into()]).await?;
    Ok(with_scopes(db, rows).await?.pop())
}

async fn with_scopes(db: &Db, rows: Vec<Row>) -> Result<Vec<Api>, DbError> {
    let mut apis = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for api in &mut apis {
        let rows = db
            .read(
                "SELECT value, description, risk, implies, requires_consent, created_at FROM scopes \
                 WHERE api_id = $1 ORDER BY created_at, value",
                vec![(&api.id).into()],
            )
            .await?;
        for mut row in rows {
            api.scopes.push(read_scope(&mut row)?);
        }
    }
    Ok(apis)
}

/// Adds an API without its scopes; its audience must be free.
pub fn add(api: &Api) -> Statement {
    Statement::new(
        "INSERT INTO apis (id, org_id, name, audience, token_format, lifetime, signing_algorithm, created_at, \
         updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        vec![
            (&api.id).into(),
            api.org_id.clone().into(),
            (&api.name).into(),
            (&api.audience).into(),
            api.token_format.word().into(),
            api.lifetime.map(Lifetime::as_seconds).into(),
            api.signing_algorithm.clone().into(),
            api.created_at.into(),
            api.updated_at.into(),
            api.version.into(),
        ],
    )
}

/// Writes what may change of an API, if the version is still the one that was read.
pub fn set(api: &Api, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE apis SET name = $1, token_format = $2, lifetime = $3, signing_algorithm = $4, updated_at = $5, \
         version = version + 1 WHERE id = $6 AND version = $7",
        vec![
            (&api.name).into(),
            api.token_format.word().into(),
            api.lifetime.map(Lifetime::as_seconds).into(),
            api.signing_algorithm.clone().into(),
            now.into(),
            (&api.id).into(),
            api.version.into(),
        ],
    )
    .expecting("version")
}

/// Removes an API; its scopes and what was granted of them go with it.
pub fn remove(id: &str) -> Statement {
    Statement::new("DELETE FROM apis WHERE id = $1", vec![id.into()])
}

/// Raises the version, because the scopes change.
pub fn bump(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE apis SET updated_at = $1, version = version + 1 WHERE id = $2",
        vec![now.into(), id.into()],
    )
}

/// Adds a scope; its value must be free at this API.
pub fn add_scope(api_id: &str, scope: &Scope) -> Statement {
    Statement::new(
        "INSERT INTO scopes (api_id, value, description, risk, implies, requires_consent, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        vec![
            api_id.into(),
            (&scope.value).into(),
            (&scope.description).into(),
            scope.risk.word().into(),
            scope.implies.join(" ").into(),
            scope.requires_consent.into(),
            scope.created_at.into(),
        ],
    )
}

/// Writes what may change of a scope.
pub fn set_scope(api_id: &str, scope: &Scope) -> Statement {
    Statement::new(
        "UPDATE scopes SET description = $1, risk = $2, implies = $3, requires_consent = $4 \
         WHERE api_id = $5 AND value = $6",
        vec![
            (&scope.description).into(),
            scope.risk.word().into(),
            scope.implies.join(" ").into(),
            scope.requires_consent.into(),
            api_id.into(),
            (&scope.value).into(),
        ],
    )
    .expecting("scope")
}

/// Removes a scope and every grant of it.
pub fn remove_scope(api_id: &str, value: &str) -> Statement {
    Statement::new(
        "DELETE FROM scopes WHERE api_id = $1 AND value = $2",
        vec![api_id.into(), value.into()],
    )
}

/// The clients, not deleted, that were granted a scope of an API (any of its scopes when `value` is `None`):
/// (client id, name), by name.
pub async fn holders(db: &Db, api_id: &str, value: Option<&str>) -> Result<Vec<(String, String)>, DbError> {
    let rows = db
        .read(
            "SELECT DISTINCT c.client_id, c.name, c.name_sort FROM client_scopes s \
             JOIN clients c ON c.client_id = s.client_id \
             WHERE s.api_id = $1 AND (CAST($2 AS TEXT) IS NULL OR s.value = $2) AND c.status <> 'deleted' \
             ORDER BY c.name_sort, c.client_id",
            vec![api_id.into(), value.map(str::to_owned).into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// How many clients, not deleted, hold each scope of an API: (value, count).
pub async fn holder_counts(db: &Db, api_id: &str) -> Result<Vec<(String, i64)>, DbError> {
    let rows = db
        .read(
            "SELECT s.value, count(*) FROM client_scopes s JOIN clients c ON c.client_id = s.client_id \
             WHERE s.api_id = $1 AND c.status <> 'deleted' GROUP BY s.value",
            vec![api_id.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

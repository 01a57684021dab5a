//! Resource servers ("APIs") and their scopes.

use std::collections::{BTreeMap, HashMap};

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
    /// The numbers of the organisation at which scopes were made, and came to imply others: by (value, implied value), the
    /// latter empty for the scope itself. What is not in here was there from the start. Read for the snapshot only.
    pub since: BTreeMap<(String, String), i64>,
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
        since: BTreeMap::new(),
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
    let numbered = "SELECT api_id, value, '' AS implied, since FROM scopes WHERE since > 0 \
         UNION ALL SELECT api_id, value, implied, since FROM scope_implications";
    for mut row in db.read(numbered, vec![]).await? {
        if let Some(at) = index.get(&row.next::<String>()?) {
            let scope = (row.next()?, row.next()?);
            apis[*at].since.insert(scope, row.next()?);
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

/// As [`find`], of an organisation or built in. One of others is not read at all, so that asking for it costs what asking
/// for nothing costs.
pub async fn find_in(db: &Db, org_id: &str, id: &str) -> Result<Option<Api>, DbError> {
    let rows = db
        .read(
            columns!("WHERE id = $1 AND (org_id = $2 OR org_id IS NULL)"),
            vec![id.into(), org_id.into()],
        )
        .await?;
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

/// Keeps the audience of an API that is about to be removed for its organisation: nobody else may make it anew.
pub fn bury(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO audience_tombstones (audience, org_id, deleted_at) \
         SELECT a.audience, a.org_id, $2 FROM apis a WHERE a.id = $1 AND a.org_id IS NOT NULL \
         ON CONFLICT (audience) DO UPDATE SET org_id = excluded.org_id, deleted_at = excluded.deleted_at",
        vec![id.into(), now.into()],
    )
}

/// The audiences of deleted APIs that are kept for other organisations.
pub async fn buried_elsewhere(db: &Db, org_id: &str) -> Result<Vec<String>, DbError> {
    let rows = db
        .read(
            "SELECT audience FROM audience_tombstones WHERE org_id <> $1",
            vec![org_id.into()],
        )
        .await?;
    rows.into_iter().map(|mut row| row.next()).collect()
}

/// Asks whether the audience of an API that was just added is free: `audience` if it, or `equal`, which means the same, is
/// kept for another organisation. Goes after [`add`]: then whoever deletes the API at the same time has finished.
pub fn expect_free(id: &str, equal: &str) -> Statement {
    Statement::new(
        "UPDATE apis SET version = version WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM audience_tombstones t \
         WHERE (t.audience = apis.audience OR t.audience = $2) AND t.org_id <> apis.org_id)",
        vec![id.into(), equal.into()],
    )
    .expecting("audience")
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

/// Numbers a scope that was made after its API.
pub fn number_scope(api_id: &str, value: &str) -> Statement {
    Statement::new(
        "UPDATE scopes SET since = (SELECT o.incarnation FROM organizations o JOIN apis a ON a.org_id = o.id \
         WHERE a.id = $1) WHERE api_id = $1 AND value = $2",
        vec![api_id.into(), value.into()],
    )
}

/// Numbers that a scope comes with another one from now on.
pub fn number_implication(api_id: &str, value: &str, implied: &str) -> Statement {
    Statement::new(
        "INSERT INTO scope_implications (api_id, value, implied, since) \
         SELECT a.id, $2, $3, o.incarnation FROM apis a JOIN organizations o ON o.id = a.org_id WHERE a.id = $1 \
         ON CONFLICT (api_id, value, implied) DO UPDATE SET since = excluded.since",
        vec![api_id.into(), value.into(), implied.into()],
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

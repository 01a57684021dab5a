//! What people gave the clients of an organisation, as that organisation sees it: one line for a person and a client.

use std::fmt::Write as _;

use super::{
    consents::{self, Consent},
    grants::{self, Grant},
};
use crate::{
    db::{Db, DbError, Row, Value},
    time::Timestamp,
};

/// Whose lines to list.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    pub client_id: Option<&'a str>,
    pub user_id: Option<&'a str>,
    /// Behind this (person, client).
    pub after: Option<(&'a str, &'a str)>,
}

/// Who gave which client of the organisation anything that still counts: (person, client) in order, at most `limit`.
pub async fn pairs(
    db: &Db,
    org_id: &str,
    filter: &Filter<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(String, String)>, DbError> {
    let mut params: Vec<Value> = vec![org_id.into(), now.into()];
    let mut narrow = String::new();
    for (column, value) in [("c.client_id", filter.client_id), ("k.user_id", filter.user_id)] {
        if let Some(value) = value {
            params.push(value.into());
            let _ = write!(narrow, " AND {column} = ${}", params.len());
        }
    }
    let mut behind = String::new();
    if let Some((user, client)) = filter.after {
        params.extend([user.into(), client.into()]);
        let n = params.len();
        behind = format!(" WHERE (p.user_id, p.client_id) > (${}, ${n})", n - 1);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT p.user_id, p.client_id FROM (\
         SELECT k.user_id, k.client_id FROM clients c JOIN grants k ON k.client_id = c.client_id \
         AND k.client_epoch >= c.epoch WHERE c.org_id = $1 AND k.revoked_at IS NULL AND k.expires_at > $2 \
         AND k.idle_expires_at > $2{narrow} \
         UNION SELECT k.user_id, k.client_id FROM clients c JOIN consents k ON k.client_id = c.client_id \
         WHERE c.org_id = $1{narrow}) p{behind} ORDER BY p.user_id, p.client_id LIMIT ${}",
        params.len()
    );
    let rows = db.read(sql, params).await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// How many people gave a client anything that still counts, and how many refresh tokens they come to.
pub async fn count(db: &Db, client_id: &str, now: Timestamp) -> Result<(i64, i64), DbError> {
    let row = db
        .read_one(
            "SELECT COUNT(DISTINCT p.user_id), SUM(p.tokens) FROM (\
             SELECT k.user_id, CASE WHEN k.offline AND k.refresh_counter > 0 THEN 1 ELSE 0 END AS tokens \
             FROM clients c JOIN grants k ON k.client_id = c.client_id AND k.client_epoch >= c.epoch \
             WHERE c.client_id = $1 AND k.revoked_at IS NULL AND k.expires_at > $2 AND k.idle_expires_at > $2 \
             UNION ALL SELECT k.user_id, 0 AS tokens FROM consents k WHERE k.client_id = $1) p",
            vec![client_id.into(), now.into()],
        )
        .await?;
    row.map_or(Ok((0, 0)), |mut row| {
        Ok((row.next()?, row.next::<Option<i64>>()?.unwrap_or_default()))
    })
}

/// The consents and the grants that still count of these (person, client) pairs, in a few statements for all of them.
pub async fn of_pairs(
    db: &Db,
    pairs: &[(String, String)],
    now: Timestamp,
) -> Result<(Vec<Consent>, Vec<Grant>), DbError> {
    let mut clients: Vec<&String> = pairs.iter().map(|(_, client)| client).collect();
    clients.sort_unstable();
    clients.dedup();
    let (mut given, mut alive) = (Vec::new(), Vec::new());
    for client in clients {
        let users: Vec<&str> = pairs
            .iter()
            .filter(|(_, of)| of == client)
            .map(|(user, _)| user.as_str())
            .collect();
        given.extend(consents::of_people(db, client, &users).await?);
        alive.extend(grants::of_people(db, client, &users, now).await?);
    }
    Ok((given, alive))
}

/// A member, by what everybody in the organisation calls him.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: String,
    pub username: String,
    pub display_name: String,
}

/// Those of these people who belong to the organisation.
pub async fn members(db: &Db, org_id: &str, users: &[&str]) -> Result<Vec<Member>, DbError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT u.id, u.username, u.display_name FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.org_id = $1 AND m.user_id IN ({})",
        numbers(2, users.len())
    );
    let params = std::iter::once(org_id).chain(users.iter().copied());
    let rows = db.read(sql, params.map(Value::from).collect()).await?;
    let read = |mut row: Row| {
        Ok(Member {
            id: row.next()?,
            username: row.next()?,
            display_name: row.next()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// `$2, $3, $4`.
pub(super) fn numbers(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    numbers.join(", ")
}

//! What people gave clients: one row for a grant, the family of every token that was ever issued for it.
//! [RFC 9700 4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)
//!
//! A refresh token names its grant and a counter; only the counter of the row works. Whoever writes a grant first
//! locks the person's row and membership ([`hold_person`], [`hold_member`]), so that a grant cannot slip past a
//! removal that happens at the same time.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement, Value},
    oauth::scope::ScopeKey,
    time::Timestamp,
};

/// A grant as it is kept.
#[derive(Clone, Debug)]
pub struct Grant {
    pub id: String,
    pub client_id: String,
    /// The number of the client when it was given. It is dead below the epoch of the client, and holds a scope only if
    /// that was granted at this number or before.
    pub client_epoch: i64,
    pub user_id: String,
    /// The organisation of the client.
    pub org_id: String,
    pub scopes: Vec<ScopeKey>,
    /// The `claims` parameter ([OIDC Core 5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter)).
    pub claims: Option<String>,
    /// The session it came from. A grant that is not `offline` ends with it.
    pub session_id: Option<String>,
    /// When the person last proved who he is.
    pub authenticated_at: Timestamp,
    /// How, as RFC 8176 names it, with spaces between.
    pub methods: String,
    /// Whether it outlives the session: it has refresh tokens.
    pub offline: bool,
    /// Which refresh token works: 0 while none was issued.
    pub refresh_counter: i64,
    pub rotated_at: Option<Timestamp>,
    /// When it ends if nobody uses it.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// When its last access token expires.
    pub tokens_until: Timestamp,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub revoked_why: Option<String>,
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT g.id, g.client_id, g.client_epoch, g.user_id, g.org_id, g.scopes, g.claims, g.session_id, \
             g.authenticated_at, g.methods, g.offline, g.refresh_counter, g.rotated_at, g.idle_expires_at, \
             g.expires_at, g.tokens_until, g.created_at, g.last_used_at, g.revoked_at, g.revoked_why FROM grants g ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Grant, DbError> {
    Ok(Grant {
        id: row.next()?,
        client_id: row.next()?,
        client_epoch: row.next()?,
        user_id: row.next()?,
        org_id: row.next()?,
        scopes: ScopeKey::parse_list(&row.next::<String>()?),
        claims: row.next()?,
        session_id: row.next()?,
        authenticated_at: row.next()?,
        methods: row.next()?,
        offline: row.next()?,
        refresh_counter: row.next()?,
        rotated_at: row.next()?,
        idle_expires_at: row.next()?,
        expires_at: row.next()?,
        tokens_until: row.next()?,
        created_at: row.next()?,
        last_used_at: row.next()?,
        revoked_at: row.next()?,
        revoked_why: row.next()?,
    })
}

/// The grant with this id, in whatever state.
pub async fn find(db: &Db, id: &str) -> Result<Option<Grant>, DbError> {
    let row = db.read_one(select!("WHERE g.id = $1"), vec![id.into()]).await?;
    row.map(read).transpose()
}

/// The grants of a person that still count, newest first. Those of a client that was cut off since are among them.
pub async fn of_user(db: &Db, user_id: &str, now: Timestamp) -> Result<Vec<Grant>, DbError> {
    let rows = db
        .read(
            select!(
                "WHERE g.user_id = $1 AND g.revoked_at IS NULL AND g.expires_at > $2 AND g.idle_expires_at > $2 \
                 ORDER BY g.created_at DESC, g.id DESC"
            ),
            vec![user_id.into(), now.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// The grants that a client holds and that still count, newest first; at most `limit`.
pub async fn of_client(
    db: &Db,
    client_id: &str,
    epoch: i64,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Grant>, DbError> {
    let rows = db
        .read(
            select!(
                "WHERE g.client_id = $1 AND g.client_epoch >= $2 AND g.revoked_at IS NULL AND g.expires_at > $3 \
                 AND g.idle_expires_at > $3 ORDER BY g.created_at DESC, g.id DESC LIMIT $4"
            ),
            vec![client_id.into(), epoch.into(), now.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// The grants of these people that a client holds and that still count.
pub async fn of_people(
    db: &Db,
    client_id: &str,
    users: &[&str],
    now: Timestamp,
) -> Result<Vec<Grant>, DbError> {
    let sql = format!(
        select!(
            "JOIN clients c ON c.client_id = g.client_id AND g.client_epoch >= c.epoch \
             WHERE g.client_id = $1 AND g.revoked_at IS NULL AND g.expires_at > $2 AND g.idle_expires_at > $2 \
             AND g.user_id IN ({})"
        ),
        super::client_grants::numbers(3, users.len())
    );
    let mut params = vec![client_id.into(), now.into()];
    params.extend(users.iter().map(|user| Value::from(*user)));
    let rows = db.read(sql, params).await?;
    rows.into_iter().map(read).collect()
}

/// Grants that still count and are for the same scopes.
#[derive(Clone, Debug)]
pub struct Given {
    pub scopes: Vec<ScopeKey>,
    /// The number of the client when they were given.
    pub client_epoch: i64,
    /// How many of them have a refresh token.
    pub refresh_tokens: i64,
}

/// The grants of a client that still count, by their scopes.
pub async fn alive_by_scopes(
    db: &Db,
    client_id: &str,
    epoch: i64,
    now: Timestamp,
) -> Result<Vec<Given>, DbError> {
    let rows = db
        .read(
            "SELECT scopes, client_epoch, \
             CAST(sum(CASE WHEN refresh_counter > 0 THEN 1 ELSE 0 END) AS BIGINT) FROM grants WHERE client_id = $1 AND client_epoch >= $2 AND revoked_at IS NULL AND expires_at > $3 \
             AND idle_expires_at > $3 GROUP BY scopes, client_epoch",
            vec![client_id.into(), epoch.into(), now.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Given {
                scopes: ScopeKey::parse_list(&row.next::<String>()?),
                client_epoch: row.next()?,
                refresh_tokens: row.next()?,
            })
        })
        .collect()
}

/// How many people have a grant at a client that still counts.
pub async fn people_of_client(db: &Db, client_id: &str, epoch: i64, now: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(DISTINCT user_id) FROM grants WHERE client_id = $1 AND client_epoch >= $2 \
             AND revoked_at IS NULL AND expires_at > $3 AND idle_expires_at > $3",
            vec![client_id.into(), epoch.into(), now.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// As [`people_of_client`], of grants for any of these scopes, each since the number at which it was granted.
pub async fn people_with(
    db: &Db,
    client_id: &str,
    epoch: i64,
    keys: &[(ScopeKey, i64)],
    now: Timestamp,
) -> Result<i64, DbError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let mut params: Vec<Value> = vec![client_id.into(), epoch.into(), now.into()];
    let mut likes = Vec::new();
    for (key, since) in keys {
        params.extend([
            Value::from(format!("% {} %", escaped(&key.to_string()))),
            (*since).into(),
        ]);
        let n = params.len();
        likes.push(format!(
            "' ' || scopes || ' ' LIKE ${} ESCAPE '\\' AND client_epoch >= ${n}",
            n - 1
        ));
    }
    let sql = format!(
        "SELECT count(DISTINCT user_id) FROM grants WHERE client_id = $1 AND client_epoch >= $2 \
         AND revoked_at IS NULL AND expires_at > $3 AND idle_expires_at > $3 AND ({})",
        likes.join(" OR ")
    );
    let row = db.read_one(sql, params).await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// How many people gave a scope of an API, or any of them, to whatever client, so that it still counts.
pub async fn people_with_scope_of(
    db: &Db,
    api_id: &str,
    value: Option<&str>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let pattern = match value {
        Some(value) => format!("% {} %", escaped(&format!("{api_id}/{value}"))),
        None => format!("% {}/%", escaped(api_id)),
    };
    let row = db
        .read_one(
            "SELECT count(DISTINCT g.user_id) FROM grants g \
             JOIN clients c ON c.client_id = g.client_id AND g.client_epoch >= c.epoch \
             WHERE g.client_id IN (SELECT client_id FROM client_scopes WHERE api_id = $1) \
             AND g.revoked_at IS NULL AND g.expires_at > $2 AND g.idle_expires_at > $2 \
             AND ' ' || g.scopes || ' ' LIKE $3 ESCAPE '\\' \
             AND g.client_epoch >= COALESCE((SELECT MIN(s.since) FROM client_scopes s \
             WHERE s.client_id = g.client_id AND s.api_id = $1 AND (CAST($4 AS TEXT) IS NULL OR s.value = $4)), 0)",
            vec![
                api_id.into(),
                now.into(),
                pattern.into(),
                value.map(str::to_owned).into(),
            ],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// A text that stands for itself in a pattern.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Adds a grant.
pub fn add(grant: &Grant) -> Statement {
    Statement::new(
        "INSERT INTO grants (id, client_id, client_epoch, user_id, org_id, scopes, claims, session_id, \
         authenticated_at, methods, offline, refresh_counter, idle_expires_at, expires_at, tokens_until, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        vec![
            (&grant.id).into(),
            (&grant.client_id).into(),
            grant.client_epoch.into(),
            (&grant.user_id).into(),
            (&grant.org_id).into(),
            ScopeKey::join(&grant.scopes).into(),
            grant.claims.clone().into(),
            grant.session_id.clone().into(),
            grant.authenticated_at.into(),
            (&grant.methods).into(),
            grant.offline.into(),
            grant.refresh_counter.into(),
            grant.idle_expires_at.into(),
            grant.expires_at.into(),
            grant.tokens_until.into(),
            grant.created_at.into(),
        ],
    )
}

/// Locks the row of an active person: `person` if he is not active (any more).
pub fn hold_person(user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET last_grant_at = $1 WHERE id = $2 AND status = 'active'",
        vec![now.into(), user_id.into()],
    )
    .expecting("person")
}

/// Locks the row of a person, active or not.
pub fn lock_person(user_id: &str) -> Statement {
    Statement::new(
        "UPDATE users SET last_grant_at = last_grant_at WHERE id = $1",
        vec![user_id.into()],
    )
}

/// Locks a membership: `member` if there is none (any more).
pub fn hold_member(org_id: &str, user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE memberships SET last_grant_at = $1 WHERE org_id = $2 AND user_id = $3",
        vec![now.into(), org_id.into(), user_id.into()],
    )
    .expecting("member")
}

/// What a use of a grant moves on.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub now: Timestamp,
    pub idle_expires_at: Timestamp,
    /// When the access token that is about to be issued expires.
    pub tokens_until: Timestamp,
}

/// Moves from the refresh token with this counter to the next one: `rotated` if another request was first, or the grant
/// was revoked or has ended.
pub fn rotate(id: &str, counter: i64, on: Use) -> Statement {
    Statement::new(
        "UPDATE grants SET refresh_counter = refresh_counter + 1, rotated_at = $1, last_used_at = $1, \
         idle_expires_at = $2, tokens_until = CASE WHEN tokens_until > $3 THEN tokens_until ELSE $3 END \
         WHERE id = $4 AND refresh_counter = $5 AND revoked_at IS NULL AND idle_expires_at > $1 AND expires_at > $1",
        vec![
            on.now.into(),
            on.idle_expires_at.into(),
            on.tokens_until.into(),
            id.into(),
            counter.into(),
        ],
    )
    .expecting("rotated")
}

/// Notes that an access token is issued without a new refresh token: `live` if the grant was revoked or has ended.
pub fn note_use(id: &str, on: Use) -> Statement {
    Statement::new(
        "UPDATE grants SET last_used_at = $1, idle_expires_at = $2, \
         tokens_until = CASE WHEN tokens_until > $3 THEN tokens_until ELSE $3 END \
         WHERE id = $4 AND revoked_at IS NULL AND idle_expires_at > $1 AND expires_at > $1",
        vec![
            on.now.into(),
            on.idle_expires_at.into(),
            on.tokens_until.into(),
            id.into(),
        ],
    )
    .expecting("live")
}

/// Which grants to end.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    One(&'a str),
    /// Of a person.
    User(&'a str),
    /// Of a person at the clients of an organisation that are not the instance's own.
    Member(&'a str, &'a str),
    /// Of a person, for scopes of this API: (person, API).
    OfApi(&'a str, &'a str),
    /// Of a person at one client.
    Consent(&'a str, &'a str),
    /// Of a session, unless they outlive it.
    Session(&'a str),
    /// Of all sessions of a person, unless they outlive them.
    Sessions(&'a str),
}

/// When something that a person had given a client last came to its end before its time.
pub async fn ended_at(db: &Db, user_id: &str, client_id: &str) -> Result<Option<Timestamp>, DbError> {
    let row = db
        .read_one(
            "SELECT max(revoked_at) FROM grants WHERE user_id = $1 AND client_id = $2",
            vec![user_id.into(), client_id.into()],
        )
        .await?;
    row.map_or(Ok(None), |mut row| row.next())
}

/// Ends grants; those that have ended already stay as they are.
pub fn revoke(which: Which<'_>, why: &str, now: Timestamp) -> Statement {
    let mut params = vec![now.into(), why.into()];
    let sql = match which {
        Which::One(id) => {
            params.push(id.into());
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE id = $3 AND revoked_at IS NULL"
        }
        Which::User(user) => {
            params.push(user.into());
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE user_id = $3 AND revoked_at IS NULL"
        }
        Which::Member(user, org) => {
            params.extend([user.into(), org.into()]);
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE user_id = $3 AND org_id = $4 \
             AND revoked_at IS NULL \
             AND client_id NOT IN (SELECT client_id FROM clients WHERE kind = 'system')"
        }
        Which::OfApi(user, api) => {
            params.extend([user.into(), format!("% {}/%", escaped(api)).into()]);
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE user_id = $3 AND revoked_at IS NULL \
             AND ' ' || scopes || ' ' LIKE $4 ESCAPE '\\'"
        }
        Which::Consent(user, client) => {
            params.extend([user.into(), client.into()]);
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE user_id = $3 AND client_id = $4 \
             AND revoked_at IS NULL"
        }
        Which::Session(session) => {
            params.push(session.into());
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE session_id = $3 AND offline = FALSE \
             AND revoked_at IS NULL"
        }
        Which::Sessions(user) => {
            params.push(user.into());
            "UPDATE grants SET revoked_at = $1, revoked_why = $2 WHERE user_id = $3 AND offline = FALSE \
             AND session_id IS NOT NULL AND revoked_at IS NULL"
        }
    };
    Statement::new(sql, params)
}

/// Erases everything that was given to a client. Its tokens die of something else: nothing remembers these grants.
pub fn remove_client(client_id: &str) -> Statement {
    Statement::new("DELETE FROM grants WHERE client_id = $1", vec![client_id.into()])
}

/// The grants of a person that were revoked and whose access tokens have not all expired for sure: (id, until when).
pub async fn revoked_of(db: &Db, user_id: &str, past: Past) -> Result<Vec<(String, Timestamp)>, DbError> {
    let rows = db
        .read(
            "SELECT id, tokens_until FROM grants WHERE user_id = $1 AND revoked_at IS NOT NULL AND tokens_until > $2",
            vec![user_id.into(), past.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// As [`revoked_of`], of everybody.
pub async fn revoked(db: &Db, past: Past) -> Result<Vec<(String, Timestamp)>, DbError> {
    let rows = db
        .read(
            "SELECT id, tokens_until FROM grants WHERE revoked_at IS NOT NULL AND tokens_until > $1",
            vec![past.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// Forgets grants that ended before `before` with everything issued for them, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE tokens_until < $1 \
         AND (expires_at < $1 OR idle_expires_at < $1 OR revoked_at < $1) LIMIT 1000)",
        vec![before.into()],
    )
}

//! How clients are used: tokens and failures by the hour and the day, uses of secrets, what was asked for.
//!
//! Everything is counted in memory and added up here, so that nodes need not know of one another: a count adds, a time
//! only ever moves forward. Statements that add are for one row each; [`Statement::join`] makes few of many.

use crate::{
    db::{Db, DbError, Statement},
    oauth::client::words,
    time::{Lifetime, Timestamp},
};

words! {
    /// Where a request was refused.
    Endpoint {
        Token = "token",
        Authorize = "authorize",
        DeviceAuthorization = "device_authorization",
        Introspect = "introspect",
        Revoke = "revoke",
    }
}

/// How long a stretch is that something is counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// Ten minutes: the uses of a secret in the last hour.
    Part,
    Hour,
    Day,
}

impl Span {
    /// Its length.
    pub const fn length(self) -> Lifetime {
        match self {
            Self::Part => Lifetime::minutes(10),
            Self::Hour => Lifetime::hours(1),
            Self::Day => Lifetime::days(1),
        }
    }

    /// For how long it is kept.
    pub const fn kept(self) -> Lifetime {
        match self {
            Self::Part => Lifetime::hours(25),
            Self::Hour => Lifetime::hours(72),
            Self::Day => Lifetime::days(400),
        }
    }
}

/// For how long refused requests are kept.
pub const FAILURES_KEPT: Lifetime = Lifetime::days(7);

/// How many addresses are kept of a secret.
pub const MOST_ADDRESSES: i64 = 20;

/// Counts tokens and failures of a client, or of an organisation.
pub fn count(subject: &str, span: Span, began_at: Timestamp, tokens: i64, failures: i64) -> Statement {
    Statement::new(
        "INSERT INTO usage_counts (subject, span, began_at, tokens, failures) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (subject, span, began_at) DO UPDATE SET \
         tokens = usage_counts.tokens + excluded.tokens, failures = usage_counts.failures + excluded.failures",
        vec![
            subject.into(),
            span.length().as_seconds().into(),
            began_at.into(),
            tokens.into(),
            failures.into(),
        ],
    )
}

/// Counts uses of a secret.
pub fn count_secret(secret_id: &str, span: Span, began_at: Timestamp, uses: i64) -> Statement {
    Statement::new(
        "INSERT INTO secret_counts (secret_id, span, began_at, uses) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (secret_id, span, began_at) DO UPDATE SET uses = secret_counts.uses + excluded.uses",
        vec![
            secret_id.into(),
            span.length().as_seconds().into(),
            began_at.into(),
            uses.into(),
        ],
    )
}

/// How often, first and last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub times: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl Times {
    /// Once, now.
    pub const fn once(now: Timestamp) -> Self {
        Self {
            times: 1,
            first_at: now,
            last_at: now,
        }
    }

    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.times += other.times;
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
    }
}

/// Counts uses of a secret from an address; an empty one stands for the rest.
pub fn count_address(secret_id: &str, ip: &str, on: Times) -> Statement {
    Statement::new(
        "INSERT INTO secret_addresses (secret_id, ip, uses, first_at, last_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (secret_id, ip) DO UPDATE SET uses = secret_addresses.uses + excluded.uses, \
         first_at = CASE WHEN excluded.first_at < secret_addresses.first_at \
         THEN excluded.first_at ELSE secret_addresses.first_at END, \
         last_at = CASE WHEN excluded.last_at > secret_addresses.last_at \
         THEN excluded.last_at ELSE secret_addresses.last_at END",
        vec![
            secret_id.into(),
            ip.into(),
            on.times.into(),
            on.first_at.into(),
            on.last_at.into(),
        ],
    )
}

/// Counts requests for a scope; those of OpenID Connect have an empty API.
pub fn count_scope(client_id: &str, api_id: &str, value: &str, on: Times) -> Statement {
    Statement::new(
        "INSERT INTO scopes_asked (client_id, api_id, value, first_at, last_at, times) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (client_id, api_id, value) DO UPDATE SET times = scopes_asked.times + excluded.times, \
         first_at = CASE WHEN scopes_asked.first_at <= excluded.first_at \
         THEN scopes_asked.first_at ELSE excluded.first_at END, \
         last_at = CASE WHEN scopes_asked.last_at >= excluded.last_at \
         THEN scopes_asked.last_at ELSE excluded.last_at END",
        vec![
            client_id.into(),
            api_id.into(),
            value.into(),
            on.first_at.into(),
            on.last_at.into(),
            on.times.into(),
        ],
    )
}

/// Writes down since when a client may ask for a scope, if that is not known.
pub fn grant_scope(client_id: &str, api_id: &str, value: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO scopes_asked (client_id, api_id, value, granted_at, times) VALUES ($1, $2, $3, $4, 0) \
         ON CONFLICT (client_id, api_id, value) DO NOTHING",
        vec![client_id.into(), api_id.into(), value.into(), now.into()],
    )
}

/// Forgets that a client could ask for a scope: whoever gets it again begins anew.
pub fn ungrant_scope(client_id: &str, api_id: &str, value: &str) -> Statement {
    Statement::new(
        "DELETE FROM scopes_asked WHERE client_id = $1 AND api_id = $2 AND value = $3",
        vec![client_id.into(), api_id.into(), value.into()],
    )
}

/// As [`ungrant_scope`], for every client that has it.
pub fn remove_scope(api_id: &str, value: &str) -> Statement {
    Statement::new(
        "DELETE FROM scopes_asked WHERE value = $2 AND api_id = $1 \
         AND client_id IN (SELECT client_id FROM client_scopes WHERE api_id = $1 AND value = $2)",
        vec![api_id.into(), value.into()],
    )
}

/// Counts answers that went to a redirect URI.
pub fn count_redirect(client_id: &str, redirect_uri: &str, on: Times) -> Statement {
    Statement::new(
        "INSERT INTO redirects_used (client_id, redirect_uri, first_at, last_at, times) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (client_id, redirect_uri) DO UPDATE SET times = redirects_used.times + excluded.times, \
         first_at = CASE WHEN excluded.first_at < redirects_used.first_at \
         THEN excluded.first_at ELSE redirects_used.first_at END, \
         last_at = CASE WHEN excluded.last_at > redirects_used.last_at \
         THEN excluded.last_at ELSE redirects_used.last_at END",
        vec![
            client_id.into(),
            redirect_uri.into(),
            on.first_at.into(),
            on.last_at.into(),
            on.times.into(),
        ],
    )
}

/// What was refused to a client in one hour.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    pub client_id: &'a str,
    pub org_id: &'a str,
    pub endpoint: Endpoint,
    pub error: &'a str,
    pub began_at: Timestamp,
}

/// Counts refused requests.
pub fn count_refused(what: Refused<'_>, times: i64, last_at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO client_failures (client_id, org_id, place, error, began_at, last_at, times) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (client_id, place, error, began_at) DO UPDATE SET times = client_failures.times + excluded.times, \
         last_at = CASE WHEN excluded.last_at > client_failures.last_at \
         THEN excluded.last_at ELSE client_failures.last_at END",
        vec![
            what.client_id.into(),
            what.org_id.into(),
            what.endpoint.word().into(),
            what.error.into(),
            what.began_at.into(),
            last_at.into(),
            times.into(),
        ],
    )
}

/// Counts attempts on a disabled client.
pub fn count_attempts(client_id: &str, on: Times, last_ip: &str) -> Statement {
    Statement::new(
        "INSERT INTO client_attempts (client_id, first_at, last_at, last_ip, times) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (client_id) DO UPDATE SET times = client_attempts.times + excluded.times, \
         last_ip = CASE WHEN excluded.last_at >= client_attempts.last_at \
         THEN excluded.last_ip ELSE client_attempts.last_ip END, \
         last_at = CASE WHEN excluded.last_at > client_attempts.last_at \
         THEN excluded.last_at ELSE client_attempts.last_at END",
        vec![
            client_id.into(),
            on.first_at.into(),
            on.last_at.into(),
            last_ip.into(),
            on.times.into(),
        ],
    )
}

/// Begins anew to count attempts: the client was just disabled, or is back.
pub fn forget_attempts(client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM client_attempts WHERE client_id = $1",
        vec![client_id.into()],
    )
}

/// Erases from where and for what a deleted client was used. How much it was is kept for the totals.
pub fn erase(client_id: &str) -> [Statement; 5] {
    [
        "DELETE FROM secret_counts WHERE secret_id IN (SELECT id FROM client_secrets WHERE client_id = $1)",
        "DELETE FROM secret_addresses WHERE secret_id IN (SELECT id FROM client_secrets WHERE client_id = $1)",
        "DELETE FROM scopes_asked WHERE client_id = $1",
        "DELETE FROM redirects_used WHERE client_id = $1",
        "DELETE FROM client_attempts WHERE client_id = $1",
    ]
    .map(|sql| Statement::new(sql, vec![client_id.into()]))
}

/// Tokens or failures of one hour or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub began_at: Timestamp,
    pub tokens: i64,
    pub failures: i64,
}

/// What a client, or an organisation, did since `from`, oldest first; hours and days in which nothing happened are left
/// out.
pub async fn counts(db: &Db, subject: &str, span: Span, from: Timestamp) -> Result<Vec<Counted>, DbError> {
    let rows = db
        .read(
            "SELECT began_at, tokens, failures FROM usage_counts \
             WHERE subject = $1 AND span = $2 AND began_at >= $3 ORDER BY began_at",
            vec![subject.into(), span.length().as_seconds().into(), from.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Counted {
                began_at: row.next()?,
                tokens: row.next()?,
                failures: row.next()?,
            })
        })
        .collect()
}

/// From where a secret was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `None`: all those that were too many.
    pub ip: Option<String>,
    pub on: Times,
}

/// How a secret was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretUse {
    pub secret_id: String,
    /// To ten minutes.
    pub last_hour: i64,
    pub last_day: i64,
    /// Latest first.
    pub addresses: Vec<Address>,
}

/// How each secret of a client was used; those that never were are left out.
pub async fn of_secrets(db: &Db, client_id: &str, now: Timestamp) -> Result<Vec<SecretUse>, DbError> {
    let mut found: Vec<SecretUse> = Vec::new();
    let entry = |found: &mut Vec<SecretUse>, secret_id: String| -> usize {
        found
            .iter()
            .position(|known| known.secret_id == secret_id)
            .unwrap_or_else(|| {
                found.push(SecretUse {
                    secret_id,
                    ..SecretUse::default()
                });
                found.len() - 1
            })
    };
    let addresses = db
        .read(
            "SELECT a.secret_id, a.ip, a.uses, a.first_at, a.last_at FROM secret_addresses a \
             JOIN client_secrets s ON s.id = a.secret_id WHERE s.client_id = $1 ORDER BY a.last_at DESC, a.ip",
            vec![client_id.into()],
        )
        .await?;
    for mut row in addresses {
        let at = entry(&mut found, row.next()?);
        let ip: String = row.next()?;
        found[at].addresses.push(Address {
            ip: Some(ip).filter(|ip| !ip.is_empty()),
            on: Times {
                times: row.next()?,
                first_at: row.next()?,
                last_at: row.next()?,
            },
        });
    }
    // A stretch counts if any of it is within the time; the last use settles whether anything was.
    let part = Span::Part.length();
    let (hour, day) = (now.before(Lifetime::hours(1)), now.before(Lifetime::days(1)));
    let counts = db
        .read(
            "SELECT c.secret_id, CAST(sum(CASE WHEN s.last_used_at > $4 AND c.began_at > $3 THEN c.uses ELSE 0 END) \
             AS BIGINT), CAST(sum(CASE WHEN s.last_used_at > $6 THEN c.uses ELSE 0 END) AS BIGINT) \
             FROM secret_counts c JOIN client_secrets s ON s.id = c.secret_id \
             WHERE s.client_id = $1 AND c.span = $2 AND c.began_at > $5 GROUP BY c.secret_id ORDER BY c.secret_id",
            vec![
                client_id.into(),
                part.as_seconds().into(),
                hour.before(part).into(),
                hour.into(),
                day.before(part).into(),
                day.into(),
            ],
        )
        .await?;
    for mut row in counts {
        let at = entry(&mut found, row.next()?);
        found[at].last_hour = row.next()?;
        found[at].last_day = row.next()?;
    }
    Ok(found)
}

/// What is known about a scope of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedScope {
    /// Empty for a scope of OpenID Connect.
    pub api_id: String,
    pub value: String,
    /// Since when it may ask for it; not known of older ones, and of what another scope implies.
    pub granted_at: Option<Timestamp>,
    /// `None`: never.
    pub on: Option<Times>,
}

/// What a client asked for, or may ask for.
pub async fn scopes_asked(db: &Db, client_id: &str) -> Result<Vec<AskedScope>, DbError> {
    let rows = db
        .read(
            "SELECT api_id, value, granted_at, times, first_at, last_at FROM scopes_asked WHERE client_id = $1 \
             ORDER BY api_id, value",
            vec![client_id.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            let (api_id, value, granted_at, times) = (row.next()?, row.next()?, row.next()?, row.next()?);
            let (first, last): (Option<Timestamp>, Option<Timestamp>) = (row.next()?, row.next()?);
            Ok(AskedScope {
                api_id,
                value,
                granted_at,
                on: first.zip(last).map(|(first_at, last_at)| Times {
                    times,
                    first_at,
                    last_at,
                }),
            })
        })
        .collect()
}

/// Where answers to people who signed in went: (redirect URI as registered, how often and when), latest first.
pub async fn redirects_used(db: &Db, client_id: &str) -> Result<Vec<(String, Times)>, DbError> {
    let rows = db
        .read(
            "SELECT redirect_uri, times, first_at, last_at FROM redirects_used WHERE client_id = $1 \
             ORDER BY last_at DESC, redirect_uri",
            vec![client_id.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok((
                row.next()?,
                Times {
                    times: row.next()?,
                    first_at: row.next()?,
                    last_at: row.next()?,
                },
            ))
        })
        .collect()
}

/// Refused requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    pub place: String,
    /// The error on the wire.
    pub error: String,
    pub times: i64,
    pub last_at: Timestamp,
}

/// What was refused to a client in hours that began at `from` or later, most often first.
pub async fn failures_of(db: &Db, client_id: &str, from: Timestamp) -> Result<Vec<Failures>, DbError> {
    let rows = db
        .read(
            "SELECT place, error, CAST(sum(times) AS BIGINT) AS total, max(last_at) FROM client_failures \
             WHERE client_id = $1 AND began_at >= $2 GROUP BY place, error ORDER BY total DESC, place, error",
            vec![client_id.into(), from.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Failures {
                place: row.next()?,
                error: row.next()?,
                times: row.next()?,
                last_at: row.next()?,
            })
        })
        .collect()
}

/// Attempts on a disabled client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    pub on: Times,
    pub last_ip: String,
}

/// Attempts since a client was disabled, if there were any.
pub async fn attempts_on(db: &Db, client_id: &str) -> Result<Option<Attempts>, DbError> {
    let row = db
        .read_one(
            "SELECT times, first_at, last_at, last_ip FROM client_attempts WHERE client_id = $1",
            vec![client_id.into()],
        )
        .await?;
    row.map(|mut row| {
        Ok(Attempts {
            on: Times {
                times: row.next()?,
                first_at: row.next()?,
                last_at: row.next()?,
            },
            last_ip: row.next()?,
        })
    })
    .transpose()
}

/// A client to which much is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    pub client_id: String,
    pub name: String,
    pub tokens: i64,
    pub failures: i64,
}

/// The active clients of an organisation of whose token requests more than one in twenty was refused since `from`, worst
/// first; at most `limit`. A few refusals are nobody's trouble.
pub async fn failing(db: &Db, org_id: &str, from: Timestamp, limit: i64) -> Result<Vec<Failing>, DbError> {
    let rows = db
        .read(
            "WITH refused AS (SELECT client_id, CAST(sum(times) AS BIGINT) AS failures FROM client_failures \
             WHERE org_id = $1 AND began_at >= $2 AND place = 'token' GROUP BY client_id), \
             judged AS (SELECT r.client_id, r.failures, CAST(COALESCE((SELECT sum(u.tokens) FROM usage_counts u \
             WHERE u.subject = r.client_id AND u.span = 3600 AND u.began_at >= $2), 0) AS BIGINT) AS tokens \
             FROM refused r) \
             SELECT j.client_id, c.name, j.tokens, j.failures FROM judged j \
             JOIN clients c ON c.client_id = j.client_id \
             WHERE c.org_id = $1 AND c.status = 'active' AND j.failures >= 5 \
             AND j.failures * 20 > j.failures + j.tokens ORDER BY j.failures DESC, j.client_id LIMIT $3",
            vec![org_id.into(), from.into(), limit.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Failing {
                client_id: row.next()?,
                name: row.next()?,
                tokens: row.next()?,
                failures: row.next()?,
            })
        })
        .collect()
}

/// Forgets counts that are old, at most 1,000 at a time.
pub fn forget_counts(span: Span, now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM usage_counts WHERE (subject, span, began_at) IN (SELECT subject, span, began_at FROM usage_counts \
         WHERE span = $1 AND began_at < $2 LIMIT 1000)",
        vec![span.length().as_seconds().into(), now.before(span.kept()).into()],
    )
}

/// As [`forget_counts`], of secrets.
pub fn forget_secret_counts(span: Span, now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM secret_counts WHERE (secret_id, span, began_at) IN \
         (SELECT secret_id, span, began_at FROM secret_counts WHERE span = $1 AND began_at < $2 LIMIT 1000)",
        vec![span.length().as_seconds().into(), now.before(span.kept()).into()],
    )
}

/// Forgets refused requests that are old, at most 1,000 rows at a time.
pub fn forget_failures(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM client_failures WHERE (client_id, place, error, began_at) IN \
         (SELECT client_id, place, error, began_at FROM client_failures WHERE began_at < $1 LIMIT 1000)",
        vec![now.before(FAILURES_KEPT).into()],
    )
}

/// Forgets addresses from which a secret was not used for long, at most 1,000 at a time.
pub fn forget_addresses(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM secret_addresses WHERE (secret_id, ip) IN \
         (SELECT secret_id, ip FROM secret_addresses WHERE last_at < $1 LIMIT 1000)",
        vec![now.before(Span::Day.kept()).into()],
    )
}

/// Of secrets that were used since `from`, forgets the addresses that are too many, those not used for longest first; at
/// most 1,000 at a time.
pub fn trim_addresses(from: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM secret_addresses WHERE (secret_id, ip) IN (SELECT secret_id, ip FROM \
         (SELECT secret_id, ip, row_number() OVER (PARTITION BY secret_id ORDER BY last_at DESC, ip) AS place \
         FROM secret_addresses WHERE secret_id IN (SELECT secret_id FROM secret_addresses WHERE last_at >= $1)) AS ranked \
         WHERE place > $2 LIMIT 1000)",
        vec![from.into(), MOST_ADDRESSES.into()],
    )
}

//! Client secrets. Only keyed digests are kept.

use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::{Kind, SecretState},
    time::{Lifetime, Timestamp},
};

/// One secret of a client.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    pub id: String,
    pub client_id: String,
    pub label: String,
    /// The last six characters.
    pub hint: String,
    /// Where it is kept, for whoever has to replace it.
    pub note: String,
    pub digest: Vec<u8>,
    pub created_by: String,
    pub created_at: Timestamp,
    /// When it expires by policy.
    pub expires_at: Option<Timestamp>,
    /// When it ends because it was rotated away.
    pub ends_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    pub uses: i64,
    /// When somebody is to be told next that it stops.
    pub next_notice_at: Option<Timestamp>,
}

/// What is told about a secret that stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It expires in so many days.
    Expires(i64),
    /// It was rotated away and ends so soon.
    Ends(Lifetime),
    /// It works no more.
    Stopped,
}

/// How many days before a secret expires somebody is told.
const EXPIRES: [i64; 3] = [30, 7, 1];
/// How long before a secret that was rotated away ends somebody is told, if it is still used.
const ENDS: [Lifetime; 2] = [Lifetime::hours(24), Lifetime::hours(1)];

impl ClientSecret {
    /// When it stops working, if that is known.
    pub fn stops_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.ends_at, self.revoked_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// When what is to be told.
    fn notices(&self) -> Vec<(Timestamp, Notice)> {
        let Some(stop) = self.stops_at() else {
            return Vec::new();
        };
        let mut all = vec![(stop, Notice::Stopped)];
        if self.ends_at == Some(stop) {
            all.extend(ENDS.map(|span| (stop.before(span), Notice::Ends(span))));
        } else {
            all.extend(EXPIRES.map(|days| (stop.before(Lifetime::days(days)), Notice::Expires(days))));
        }
        all
    }

    /// When somebody is to be told next that it stops, of what comes after `since`.
    pub fn next_notice(&self, since: Timestamp) -> Option<Timestamp> {
        let moments = self.notices().into_iter().map(|(at, _)| at);
        moments.filter(|at| *at > since).min()
    }

    /// What is to be told at `now`: the latest of what was due since the last time. Earlier ones are overtaken.
    pub fn due_notice(&self, now: Timestamp) -> Option<Notice> {
        let since = self.next_notice_at?;
        let due = self.notices().into_iter();
        let due = due.filter(|(at, _)| *at >= since && *at <= now);
        due.max_by_key(|(at, _)| *at).map(|(_, notice)| notice)
    }

    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> SecretState {
        let past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if past(self.revoked_at) {
            SecretState::Revoked
        } else if past(self.expires_at) || past(self.ends_at) {
            SecretState::Expired
        } else if self.ends_at.is_some() {
            SecretState::Ending
        } else {
            SecretState::Active
        }
    }

    /// Whether it authenticates its client at `now`.
    pub fn usable(&self, now: Timestamp) -> bool {
        matches!(self.state(now), SecretState::Active | SecretState::Ending)
    }
}

macro_rules! all_columns {
    () => {
        "s.id, s.client_id, s.label, s.hint, s.note, s.digest, s.created_by, s.created_at, s.expires_at, s.ends_at, \
             s.revoked_at, s.last_used_at, s.last_used_ip, s.uses, s.next_notice_at"
    };
}

macro_rules! columns {
    ($tail:literal) => {
        concat!("SELECT ", all_columns!(), " FROM client_secrets s ", $tail)
    };
}

fn read(mut row: Row) -> Result<ClientSecret, DbError> {
    Ok(ClientSecret {
        id: row.next()?,
        client_id: row.next()?,
        label: row.next()?,
        hint: row.next()?,
        note: row.next()?,
        digest: row.next()?,
        created_by: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        ends_at: row.next()?,
        revoked_at: row.next()?,
        last_used_at: row.next()?,
        last_used_ip: row.next()?,
        uses: row.next()?,
        next_notice_at: row.next()?,
    })
}

/// The secrets of a client, newest first.
pub async fn of_client(db: &Db, client_id: &str) -> Result<Vec<ClientSecret>, DbError> {
    let rows = db
        .read(
            columns!("WHERE s.client_id = $1 ORDER BY s.created_at DESC, s.id DESC"),
            vec![client_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// The secrets of several clients in one statement, newest first.
pub async fn of_clients(db: &Db, client_ids: &[String]) -> Result<Vec<ClientSecret>, DbError> {
    if client_ids.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<String> = (1..=client_ids.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        columns!("WHERE s.client_id IN ({}) ORDER BY s.created_at DESC, s.id DESC"),
        numbers.join(", ")
    );
    let rows = db.read(sql, client_ids.iter().map(Into::into).collect()).await?;
    rows.into_iter().map(read).collect()
}

/// The secret with this digest, whoever has it and in whatever state.
pub async fn find_by_digest(db: &Db, digest: &[u8]) -> Result<Option<ClientSecret>, DbError> {
    let row = db
        .read_one(columns!("WHERE digest = $1"), vec![digest.into()])
        .await?;
    row.map(read).transpose()
}

/// A secret that ends soon although it was used of late.
#[derive(Clone, Debug)]
pub struct EndingInUse {
    pub client_id: String,
    pub name: String,
    pub ends_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// Secrets of an organisation's active clients that were rotated away, end between `now` and `until`, and were used
/// after `since`; the nearest end first.
pub async fn ending_in_use(
    db: &Db,
    org_id: &str,
    now: Timestamp,
    until: Timestamp,
    since: Timestamp,
) -> Result<Vec<EndingInUse>, DbError> {
    let rows = db
        .read(
            "SELECT c.client_id, c.name, s.ends_at, s.last_used_at FROM client_secrets s \
             JOIN clients c ON c.client_id = s.client_id \
             WHERE c.org_id = $1 AND c.status = 'active' AND s.revoked_at IS NULL \
             AND s.ends_at > $2 AND s.ends_at < $3 AND s.last_used_at > $4 ORDER BY s.ends_at, s.id",
            vec![org_id.into(), now.into(), until.into(), since.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(EndingInUse {
                client_id: row.next()?,
                name: row.next()?,
                ends_at: row.next()?,
                last_used_at: row.next()?,
            })
        })
        .collect()
}

/// A secret about which somebody is to be told.
pub struct Due {
    pub secret: ClientSecret,
    pub org_id: String,
    pub client_name: String,
    /// Who looks after the client.
    pub user_id: Option<String>,
    pub kind: Kind,
}

/// The secrets about which somebody is to be told by `now`, those of one organisation together, at most `limit`.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Due>, DbError> {
    let rows = db
        .read(
            concat!(
                "SELECT c.org_id, c.name, c.user_id, c.kind, ",
                all_columns!(),
                " FROM (SELECT id FROM client_secrets WHERE next_notice_at <= $1 ORDER BY next_notice_at LIMIT $2) d \
                 JOIN client_secrets s ON s.id = d.id JOIN clients c ON c.client_id = s.client_id \
                 ORDER BY c.org_id, c.name_sort, s.id"
            ),
            vec![now.into(), limit.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Due {
                org_id: row.next()?,
                client_name: row.next()?,
                user_id: row.next()?,
                kind: row.word(Kind::parse)?,
                secret: read(row)?,
            })
        })
        .collect()
}

/// Moves on to the next notice, unless another node did.
pub fn noticed(secret: &ClientSecret, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET next_notice_at = $1 WHERE id = $2 AND next_notice_at = $3",
        vec![
            secret.next_notice(now).into(),
            (&secret.id).into(),
            secret.next_notice_at.into(),
        ],
    )
    .expecting("noticed")
}

/// Every secret that is not revoked, for the snapshot.
pub async fn all(db: &Db) -> Result<Vec<ClientSecret>, DbError> {
    let rows = db.read(columns!("WHERE s.revoked_at IS NULL"), vec![]).await?;
    rows.into_iter().map(read).collect()
}

/// Adds a secret.
pub fn add(secret: &ClientSecret) -> Statement {
    Statement::new(
        "INSERT INTO client_secrets (id, client_id, label, hint, digest, created_by, created_at, expires_at, ends_at, \
         uses, note, next_notice_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11)",
        vec![
            (&secret.id).into(),
            (&secret.client_id).into(),
            (&secret.label).into(),
            (&secret.hint).into(),
            secret.digest.clone().into(),
            (&secret.created_by).into(),
            secret.created_at.into(),
            secret.expires_at.into(),
            secret.ends_at.into(),
            (&secret.note).into(),
            secret.next_notice(secret.created_at).into(),
        ],
    )
}

/// Sets when a secret ends; `None` takes an end back.
pub fn set_end(secret: &ClientSecret, ends_at: Option<Timestamp>, now: Timestamp) -> Statement {
    let moved = ClientSecret {
        ends_at,
        ..secret.clone()
    };
    Statement::new(
        "UPDATE client_secrets SET ends_at = $1, next_notice_at = $2 WHERE id = $3 AND revoked_at IS NULL",
        vec![ends_at.into(), moved.next_notice(now).into(), (&secret.id).into()],
    )
    .expecting("secret")
}

/// Ends a secret now.
pub fn revoke(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET revoked_at = $1, next_notice_at = NULL WHERE id = $2 AND revoked_at IS NULL",
        vec![now.into(), id.into()],
    )
    .expecting("secret")
}

/// Sets the label and the note.
pub fn describe(id: &str, label: &str, note: &str) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET label = $1, note = $2 WHERE id = $3",
        vec![label.into(), note.into(), id.into()],
    )
    .expecting("secret")
}

/// Erases the secrets of a deleted client.
pub fn erase(client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM client_secrets WHERE client_id = $1",
        vec![client_id.into()],
    )
}

/// Adds uses that were counted in memory; never moves the last one back.
pub fn note_use(id: &str, uses: i64, at: Timestamp, ip: &str) -> Statement {
    Statement::new(
        "UPDATE client_secrets SET uses = uses + $1, \
         last_used_ip = CASE WHEN last_used_at > $2 THEN last_used_ip ELSE $3 END, \
         last_used_at = CASE WHEN last_used_at > $2 THEN last_used_at ELSE $2 END WHERE id = $4",
        vec![uses.into(), at.into(), ip.into(), id.into()],
    )
}

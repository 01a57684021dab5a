//! Who did what. Append-only, and never a secret in it.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use serde_json::{Value as Json, json};

use super::{
    audit_entry::{canonical, commitment, record, sealed, what, who},
    document,
};
use crate::{
    db::{Db, DbError, Row, Statement, Value},
    secret::{Digest, Entropy, Keyring},
    time::Timestamp,
};

/// One thing that happened, or was refused.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub org_id: Option<String>,
    pub at: Timestamp,
    /// `user`, `client` or `system`.
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_name: String,
    pub ip: Option<String>,
    pub request_id: String,
    /// Such as `client.created`.
    pub action: String,
    pub resource_kind: String,
    pub resource_id: String,
    pub resource_name: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// What it was before and after, or why it was refused.
    pub details: Json,
    /// What commits it to its personal parts; an entry of the first format has none.
    pub parts: Option<Parts>,
    /// What the key file says of it.
    pub mac: Option<Vec<u8>>,
    /// Its place in the chain, once it has one.
    pub sealed: Option<Link>,
}

/// The commitments to what is personal in an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Name and address of the actor.
    pub who: Part,
    /// Name of the thing, and the details.
    pub what: Part,
}

/// A commitment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub digest: Vec<u8>,
    /// Gone with the part when that is erased.
    pub salt: Option<Vec<u8>>,
    /// A MAC that says that this server erased it.
    pub erased: Option<Vec<u8>>,
}

/// Which part of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Who,
    What,
}

/// An event that is not written yet. Only whoever has the keys of this installation can make one: it gets its MAC in the
/// statement that writes it.
#[derive(Debug)]
pub struct NewEvent {
    event: Event,
    keyring: Arc<Keyring>,
}

impl NewEvent {
    /// An event to write, with salts of its own.
    pub fn new(keyring: &Arc<Keyring>, entropy: &Entropy, event: Event) -> Self {
        let part = || Part {
            salt: Some(entropy.bytes::<32>().to_vec()),
            ..Part::default()
        };
        Self {
            event: Event {
                parts: Some(Parts {
                    who: part(),
                    what: part(),
                }),
                mac: None,
                sealed: None,
                ..event
            },
            keyring: Arc::clone(keyring),
        }
    }
}

impl Deref for NewEvent {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}

impl DerefMut for NewEvent {
    fn deref_mut(&mut self) -> &mut Event {
        &mut self.event
    }
}

/// What the key file says of an entry: over its chain and what of it is sealed, but for its place.
pub fn mac(keyring: &Keyring, event: &Event) -> Digest {
    let mut entry = sealed(&record(event));
    entry["seq"] = Json::Null;
    let chain = event.org_id.as_deref().unwrap_or_default();
    let text = canonical(&json!({ "chain": chain, "entry": entry }));
    keyring.digest("audit entry 2", text.as_bytes())
}

/// What the key file says of a part that this server erased.
pub fn erasure(keyring: &Keyring, id: &str, which: Which) -> Digest {
    let part = match which {
        Which::Who => "who",
        Which::What => "what",
    };
    keyring.digest("audit erasure", format!("{part} {id}").as_bytes())
}

/// The place of an event in the chain of its organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<String>,
    /// Id of the client or other thing it happened to.
    pub resource: Option<String>,
    /// An action, or the start of one up to a dot.
    pub action: Option<String>,
    pub outcome: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only events before this one.
    pub before: Option<String>,
}

/// Appends an event, with its commitments and its MAC.
pub fn append(new: &NewEvent) -> Statement {
    let mut event = new.event.clone();
    let entry = record(&event);
    let (who, what) = (who(&entry), what(&entry));
    let mut parts = event.parts.take().unwrap_or_default();
    for (part, text) in [(&mut parts.who, &who), (&mut parts.what, &what)] {
        part.digest = commitment(part.salt.as_deref().unwrap_or_default(), text).to_vec();
    }
    event.parts = Some(parts.clone());
    let mac = mac(&new.keyring, &event);
    Statement::new(
        "INSERT INTO audit_events (id, org_id, at, actor_kind, actor_id, actor_name, ip, request_id, action, \
         resource_kind, resource_id, resource_name, outcome, details, mac, who_digest, who_salt, what_digest, what_salt) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        vec![
            (&event.id).into(),
            event.org_id.clone().into(),
            event.at.into(),
            (&event.actor_kind).into(),
            (&event.actor_id).into(),
            (&event.actor_name).into(),
            event.ip.clone().into(),
            (&event.request_id).into(),
            (&event.action).into(),
            (&event.resource_kind).into(),
            (&event.resource_id).into(),
            (&event.resource_name).into(),
            (&event.outcome).into(),
            event.details.to_string().into(),
            mac.as_bytes().into(),
            parts.who.digest.into(),
            parts.who.salt.into(),
            parts.what.digest.into(),
            parts.what.salt.into(),
        ],
    )
}

fn read(mut row: Row) -> Result<Event, DbError> {
    Ok(Event {
        id: row.next()?,
        org_id: row.next()?,
        at: row.next()?,
        actor_kind: row.next()?,
        actor_id: row.next()?,
        actor_name: row.next()?,
        ip: row.next()?,
        request_id: row.next()?,
        action: row.next()?,
        resource_kind: row.next()?,
        resource_id: row.next()?,
        resource_name: row.next()?,
        outcome: row.next()?,
        details: details(&row.next::<String>()?),
        mac: row.next()?,
        parts: parts(&mut row)?,
        sealed: match (row.next::<Option<i64>>()?, row.next::<Option<Vec<u8>>>()?) {
            (Some(seq), hash) => Some(Link {
                seq,
                hash: hash.unwrap_or_default(),
            }),
            (None, _) => None,
        },
    })
}

/// What is not JSON was not written by this server. It is shown as it is, and no entry with it passes for whole.
fn details(text: &str) -> Json {
    document::value(text).unwrap_or_else(|_| Json::from(text))
}

fn parts(row: &mut Row) -> Result<Option<Parts>, DbError> {
    let mut part = || {
        Ok(match (row.next()?, row.next()?, row.next()?) {
            (Some(digest), salt, erased) => Some(Part { digest, salt, erased }),
            (None, ..) => None,
        })
    };
    Ok(match (part()?, part()?) {
        (Some(who), Some(what)) => Some(Parts { who, what }),
        _ => None,
    })
}

macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "SELECT id, org_id, at, actor_kind, actor_id, actor_name, ip, request_id, action, resource_kind, \
             resource_id, resource_name, outcome, details, mac, who_digest, who_salt, who_erased, what_digest, what_salt, \
             what_erased, seq, hash FROM audit_events ",
            $tail
        )
    };
}

/// Events of an organisation, newest first, at most `limit`.
pub async fn list(db: &Db, org_id: &str, filter: &Filter, limit: i64) -> Result<Vec<Event>, DbError> {
    let anchor = match &filter.before {
        Some(id) => find(db, org_id, id).await?.map(|e| (e.at.millis(), e.id)),
        None => None,
    };
    let (before_at, before_id) = anchor.unwrap_or((i64::MAX, String::new()));
    let text = |v: &Option<String>| Value::from(v.clone());
    let rows = db
        .read(
            columns!(
                "WHERE org_id = $1 AND (at, id) < ($2, $3) \
                 AND (CAST($4 AS TEXT) IS NULL OR actor_id = $4 OR actor_name = $4) \
                 AND (CAST($5 AS TEXT) IS NULL OR resource_id = $5) \
                 AND (CAST($6 AS TEXT) IS NULL OR action = $6 OR action LIKE $6 || '.%') \
                 AND (CAST($7 AS TEXT) IS NULL OR outcome = $7) \
                 AND at >= $8 AND at < $9 ORDER BY at DESC, id DESC LIMIT $10"
            ),
            vec![
                org_id.into(),
                before_at.into(),
                before_id.into(),
                text(&filter.actor),
                text(&filter.resource),
                text(&filter.action),
                text(&filter.outcome),
                filter.since.map_or(0, Timestamp::millis).into(),
                filter.until.map_or(i64::MAX, Timestamp::millis).into(),
                limit.into(),
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// What a person did and what was done to his account, in every organisation, newest first; only before the event
/// `before`, if it is given.
pub async fn of_person(
    db: &Db,
    user_id: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!(
                "WHERE (actor_id = $1 OR resource_id = $1) AND (CAST($2 AS TEXT) IS NULL OR (at, id) < \
                 (SELECT b.at, b.id FROM audit_events b \
                  WHERE b.id = $2 AND (b.actor_id = $1 OR b.resource_id = $1))) \
                 ORDER BY at DESC, id DESC LIMIT $3"
            ),
            vec![
                user_id.into(),
                Value::from(before.map(str::to_owned)),
                limit.into(),
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// One event of an organisation.
pub async fn find(db: &Db, org_id: &str, id: &str) -> Result<Option<Event>, DbError> {
    let row = db
        .read_one(
            columns!("WHERE org_id = $1 AND id = $2"),
            vec![org_id.into(), id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// Events of a chain that have a place in it, oldest first: those behind `after`, at most `limit`.
pub async fn chained(db: &Db, chain: &str, after: i64, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!("WHERE COALESCE(org_id, '') = $1 AND seq > $2 ORDER BY seq LIMIT $3"),
            vec![chain.into(), after.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Events of a chain that have no place in it yet, in the order in which they get one; at most `limit`.
pub async fn unsealed(db: &Db, chain: &str, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!(
                "WHERE COALESCE(org_id, '') = $1 AND seq IS NULL AND refused_at IS NULL ORDER BY at, id LIMIT $2"
            ),
            vec![chain.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Gives an event its place: `unsealed` if it has one, or is gone.
pub fn seal(id: &str, seq: i64, hash: &[u8]) -> Statement {
    Statement::new(
        "UPDATE audit_events SET seq = $1, hash = $2 WHERE id = $3 AND seq IS NULL",
        vec![seq.into(), hash.into(), id.into()],
    )
    .expecting("unsealed")
}

/// Notes that an event is not this server's: it gets no place.
pub fn refuse(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE audit_events SET refused_at = $1 WHERE id = $2 AND seq IS NULL",
        vec![now.into(), id.into()],
    )
}

/// How many events of a chain are not this server's, and the id of the first: those that were refused a place, and those
/// that say that they stand before the first one that is kept.
pub async fn strays(db: &Db, chain: &str, anchor: i64) -> Result<(i64, Option<String>), DbError> {
    let row = db
        .read_one(
            "SELECT count(*), min(s.id) FROM (SELECT id FROM audit_events WHERE COALESCE(org_id, '') = $1 AND \
             refused_at IS NOT NULL UNION ALL SELECT id FROM audit_events WHERE COALESCE(org_id, '') = $1 AND \
             seq <= $2) s",
            vec![chain.into(), anchor.into()],
        )
        .await?;
    row.map_or(Ok((0, None)), |mut row| Ok((row.next()?, row.next()?)))
}

/// Events with a part that is about this person: what they did, or what was done to them; at most `limit`. Who erased
/// somebody stays known.
pub async fn about(db: &Db, user_id: &str, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows = db
        .read(
            columns!(
                "WHERE ((actor_id = $1 AND who_salt IS NOT NULL) OR (resource_id = $1 AND what_salt IS NOT NULL)) \
                 AND action <> 'audit.redacted' ORDER BY at, id LIMIT $2"
            ),
            vec![user_id.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Erases a part of an event.
pub fn erase(keyring: &Keyring, id: &str, which: Which) -> Statement {
    let says = erasure(keyring, id, which);
    let sql = match which {
        Which::Who => {
            "UPDATE audit_events SET actor_name = '', ip = NULL, who_salt = NULL, who_erased = $1 WHERE id = $2"
        }
        Which::What => {
            "UPDATE audit_events SET resource_name = '', details = '{}', what_salt = NULL, what_erased = $1 WHERE id = $2"
        }
    };
    Statement::new(sql, vec![says.as_bytes().into(), id.into()])
}

/// Removes the events of a chain up to a place.
pub fn prune(chain: &str, up_to: i64) -> Statement {
    Statement::new(
        "DELETE FROM audit_events WHERE COALESCE(org_id, '') = $1 AND seq <= $2",
        vec![chain.into(), up_to.into()],
    )
}

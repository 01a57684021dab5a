//! Credentials that somebody prepared for a member: the digest of the link, and sealed what is to be made.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::words,
    time::Timestamp,
};

words! {
    /// What became of an offer.
    OfferState {
        Open = "open",
        Claimed = "claimed",
        Withdrawn = "withdrawn",
        Expired = "expired",
    }
}

/// An offer.
#[derive(Clone, Debug)]
pub struct Offer {
    pub id: String,
    pub org_id: String,
    /// For whom.
    pub user_id: String,
    pub name: String,
    /// What is to be made; nothing once it came to its end.
    pub sealed: Option<Vec<u8>>,
    /// Id and name of whoever offered it.
    pub offered_by: String,
    pub offered_by_name: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// As it is kept; see [`Offer::state_at`].
    pub state: OfferState,
    pub ended_at: Option<Timestamp>,
    /// The credential that came of it.
    pub client_id: Option<String>,
}

impl Offer {
    /// What it is at `now`: its time may be over before anybody has cleared it away.
    pub fn state_at(&self, now: Timestamp) -> OfferState {
        if self.state == OfferState::Open && self.expires_at <= now {
            return OfferState::Expired;
        }
        self.state
    }
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, org_id, user_id, name, sealed, offered_by, offered_by_name, created_at, expires_at, state, \
             ended_at, client_id FROM credential_offers ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Offer, DbError> {
    Ok(Offer {
        id: row.next()?,
        org_id: row.next()?,
        user_id: row.next()?,
        name: row.next()?,
        sealed: row.next()?,
        offered_by: row.next()?,
        offered_by_name: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        // A word that this version does not know must not make anything claimable.
        state: row.word(OfferState::parse)?,
        ended_at: row.next()?,
        client_id: row.next()?,
    })
}

/// The offers of an organisation, newest first, at most 500.
pub async fn of_org(db: &Db, org_id: &str) -> Result<Vec<Offer>, DbError> {
    let rows = db
        .read(
            select!("WHERE org_id = $1 ORDER BY created_at DESC, id DESC LIMIT 500"),
            vec![org_id.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// An offer of an organisation.
pub async fn find(db: &Db, org_id: &str, id: &str) -> Result<Option<Offer>, DbError> {
    let row = db
        .read_one(
            select!("WHERE org_id = $1 AND id = $2"),
            vec![org_id.into(), id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// The offer of a link, whatever became of it.
pub async fn find_by_digest(db: &Db, digest: &[u8]) -> Result<Option<Offer>, DbError> {
    let row = db
        .read_one(select!("WHERE digest = $1"), vec![digest.into()])
        .await?;
    row.map(read).transpose()
}

/// How many offers to a member could still be claimed.
pub async fn count_open(db: &Db, org_id: &str, user_id: &str, now: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_one(
            "SELECT count(*) FROM credential_offers \
             WHERE org_id = $1 AND user_id = $2 AND state = 'open' AND expires_at > $3",
            vec![org_id.into(), user_id.into(), now.into()],
        )
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Offers whose time was over at `now` and that still hold what was offered; at most `limit`.
pub async fn overdue(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Offer>, DbError> {
    let rows = db
        .read(
            select!("WHERE state = 'open' AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2"),
            vec![now.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds an offer.
pub fn add(offer: &Offer, digest: &[u8]) -> Statement {
    Statement::new(
        "INSERT INTO credential_offers (id, org_id, user_id, name, sealed, digest, offered_by, offered_by_name, \
         created_at, expires_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open')",
        vec![
            (&offer.id).into(),
            (&offer.org_id).into(),
            (&offer.user_id).into(),
            (&offer.name).into(),
            offer.sealed.clone().into(),
            digest.into(),
            (&offer.offered_by).into(),
            (&offer.offered_by_name).into(),
            offer.created_at.into(),
            offer.expires_at.into(),
        ],
    )
}

/// Claims an offer: `spent` if somebody was first, or its time is over.
pub fn claim(id: &str, client_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE credential_offers SET state = 'claimed', ended_at = $1, client_id = $2, sealed = NULL \
         WHERE id = $3 AND state = 'open' AND expires_at > $1",
        vec![now.into(), client_id.into(), id.into()],
    )
    .expecting("spent")
}

/// Brings an open offer to its end: `spent` if it came to one before.
pub fn end(id: &str, state: OfferState, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE credential_offers SET state = $1, ended_at = $2, sealed = NULL WHERE id = $3 AND state = 'open'",
        vec![state.word().into(), now.into(), id.into()],
    )
    .expecting("spent")
}

/// Withdraws what was offered to a member of an organisation, or by him.
pub fn withdraw_of_member(org_id: &str, user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE credential_offers SET state = 'withdrawn', ended_at = $1, sealed = NULL \
         WHERE org_id = $2 AND (user_id = $3 OR offered_by = $3) AND state = 'open'",
        vec![now.into(), org_id.into(), user_id.into()],
    )
}

/// Withdraws what somebody offered in an organisation: he may give less now than he did then.
pub fn withdraw_by(org_id: &str, offered_by: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE credential_offers SET state = 'withdrawn', ended_at = $1, sealed = NULL \
         WHERE org_id = $2 AND offered_by = $3 AND state = 'open'",
        vec![now.into(), org_id.into(), offered_by.into()],
    )
}

/// Withdraws what was offered to a person.
pub fn withdraw_to(user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE credential_offers SET state = 'withdrawn', ended_at = $1, sealed = NULL \
         WHERE user_id = $2 AND state = 'open'",
        vec![now.into(), user_id.into()],
    )
}

/// Withdraws what was offered to a person, or by him, anywhere.
pub fn withdraw_of_person(user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE credential_offers SET state = 'withdrawn', ended_at = $1, sealed = NULL \
         WHERE (user_id = $2 OR offered_by = $2) AND state = 'open'",
        vec![now.into(), user_id.into()],
    )
}

/// Forgets offers that came to an end before `before`, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM credential_offers WHERE id IN (SELECT id FROM credential_offers WHERE ended_at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

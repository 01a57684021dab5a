//! Offers to give a client to another organisation. The other one is kept as the giver wrote it: whether it exists is
//! nothing that the giver learns.

use super::clock_readings::Past;
use crate::{
    db::{Db, DbError, Row, Statement},
    oauth::client::{fold, words},
    store::clients::Client,
    time::Timestamp,
};

words! {
    /// What became of an offer.
    State {
        Offered = "offered",
        Accepted = "accepted",
        Declined = "declined",
        Withdrawn = "withdrawn",
        Expired = "expired",
    }
}

/// An offer as it is kept, with what names its client and its giver.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub id: String,
    pub client_id: String,
    /// As it was called when it was offered; what the taker calls it is his affair.
    pub client_name: String,
    pub from_org_id: String,
    /// Handle and name of the giver.
    pub from_handle: String,
    pub from_name: String,
    /// The handle that the giver wrote, folded.
    pub to_handle: String,
    pub note: String,
    pub offered_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub state: State,
    pub settled_at: Option<Timestamp>,
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT t.id, t.client_id, t.client_name, t.from_org_id, o.handle, o.name, t.to_handle, t.note, t.offered_by, \
             t.created_at, t.expires_at, t.state, t.settled_at FROM client_transfers t \
             JOIN organizations o ON o.id = t.from_org_id ",
            $tail
        )
    };
}

fn read(mut row: Row) -> Result<Transfer, DbError> {
    Ok(Transfer {
        id: row.next()?,
        client_id: row.next()?,
        client_name: row.next()?,
        from_org_id: row.next()?,
        from_handle: row.next()?,
        from_name: row.next()?,
        to_handle: row.next()?,
        note: row.next()?,
        offered_by: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        // A word that this version does not know is no offer.
        state: row.word(State::parse)?,
        settled_at: row.next()?,
    })
}

/// The offer with this id, in whatever state.
pub async fn find(db: &Db, id: &str) -> Result<Option<Transfer>, DbError> {
    let row = db.read_one(select!("WHERE t.id = $1"), vec![id.into()]).await?;
    row.map(read).transpose()
}

/// The open offer of a client, if there is one.
pub async fn open_of(db: &Db, client_id: &str) -> Result<Option<Transfer>, DbError> {
    let row = db
        .read_one(
            select!("WHERE t.client_id = $1 AND t.state = 'offered'"),
            vec![client_id.into()],
        )
        .await?;
    row.map(read).transpose()
}

/// What an organisation has offered, newest first; at most `limit`.
pub async fn from(db: &Db, org_id: &str, limit: i64) -> Result<Vec<Transfer>, DbError> {
    let rows = db
        .read(
            select!("WHERE t.from_org_id = $1 ORDER BY t.created_at DESC, t.id DESC LIMIT $2"),
            vec![org_id.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// What was offered to a handle since then, newest first; at most `limit`.
pub async fn to(db: &Db, handle: &str, since: Timestamp, limit: i64) -> Result<Vec<Transfer>, DbError> {
    let rows = db
        .read(
            select!(
                "WHERE t.to_handle = $1 AND t.created_at >= $2 ORDER BY t.created_at DESC, t.id DESC LIMIT $3"
            ),
            vec![fold(handle).into(), since.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Offers that nobody has answered in time; at most 100.
pub async fn overdue(db: &Db, now: Timestamp) -> Result<Vec<Transfer>, DbError> {
    let rows = db
        .read(
            select!("WHERE t.state = 'offered' AND t.expires_at <= $1 ORDER BY t.expires_at LIMIT 100"),
            vec![now.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds an offer; a client has one open offer at most.
pub fn add(transfer: &Transfer) -> Statement {
    Statement::new(
        "INSERT INTO client_transfers (id, client_id, client_name, from_org_id, to_handle, note, offered_by, created_at, \
         expires_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'offered')",
        vec![
            (&transfer.id).into(),
            (&transfer.client_id).into(),
            (&transfer.client_name).into(),
            (&transfer.from_org_id).into(),
            (&transfer.to_handle).into(),
            (&transfer.note).into(),
            (&transfer.offered_by).into(),
            transfer.created_at.into(),
            transfer.expires_at.into(),
        ],
    )
}

/// Settles an open offer that still holds: `offer` if somebody was first, or it has expired.
pub fn settle(id: &str, state: State, by: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE client_transfers SET state = $1, settled_at = $2, settled_by = $3 \
         WHERE id = $4 AND state = 'offered' AND expires_at > $2",
        vec![state.word().into(), now.into(), by.into(), id.into()],
    )
    .expecting("offer")
}

/// Withdraws an offer along with something else that ends it; nothing happens if it is settled.
pub fn withdraw(id: &str, by: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE client_transfers SET state = 'withdrawn', settled_at = $1, settled_by = $2 \
         WHERE id = $3 AND state = 'offered'",
        vec![now.into(), by.into(), id.into()],
    )
}

/// Notes that an offer has expired: `offer` if it was settled meanwhile.
pub fn expire(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE client_transfers SET state = 'expired', settled_at = $1 \
         WHERE id = $2 AND state = 'offered' AND expires_at <= $1",
        vec![now.into(), id.into()],
    )
    .expecting("offer")
}

/// Moves a client to its new organisation and moves its epoch to the number drawn there by
/// [`incarnations::draw_for_transfer`](super::incarnations::draw_for_transfer); raises its version, if it is active, still where it was, and
/// at the version that was read: `version` otherwise. Who made it, who cut it off and when it was used stay behind.
pub fn move_client(client: &Client, to_org_id: &str, made_by: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE clients SET org_id = $1, user_id = NULL, file_key = NULL, version = version + 1, \
         epoch = (SELECT o.incarnation FROM organizations o WHERE o.id = $1), \
         created_by = $2, updated_at = $3, status_at = NULL, status_by = NULL, status_reason = NULL, \
         last_used_at = NULL, last_used_ip = NULL \
         WHERE client_id = $4 AND org_id = $5 AND version = $6 AND status = 'active' AND kind = 'custom'",
        vec![
            to_org_id.into(),
            made_by.into(),
            now.into(),
            (&client.client_id).into(),
            (&client.org_id).into(),
            client.version.into(),
        ],
    )
    .expecting("version")
}

/// Erases what is known of how a client was used, beside what [`usage::erase`](super::usage::erase) knows, what is on its
/// way to it, and which scopes it could be given back.
pub fn erase_evidence(client_id: &str) -> [Statement; 8] {
    [
        "DELETE FROM usage_counts WHERE subject = $1",
        "DELETE FROM client_failures WHERE client_id = $1",
        "DELETE FROM failures WHERE client_id = $1",
        "DELETE FROM scope_trims WHERE client_id = $1",
        "DELETE FROM device_codes WHERE client_id = $1",
        "DELETE FROM logout_deliveries WHERE client_id = $1",
        "DELETE FROM tokens_out WHERE client_id = $1",
        "DELETE FROM revoked_tokens WHERE client_id = $1",
    ]
    .map(|sql| Statement::new(sql, vec![client_id.into()]))
}

/// Forgets offers that came to their end before then, at most 1,000 at a time.
pub fn forget(before: Past) -> Statement {
    Statement::new(
        "DELETE FROM client_transfers WHERE id IN (SELECT id FROM client_transfers \
         WHERE state <> 'offered' AND settled_at < $1 LIMIT 1000)",
        vec![before.into()],
    )
}

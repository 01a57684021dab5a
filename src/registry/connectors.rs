//! What is to be known of a sync connector: whether it has reported in, and which of its scopes it does not ask for. Its
//! scopes are settled, so nothing is taken away; making it a custom client is the way to less.

use crate::{
    error::Result,
    oauth::client::{Kind, Status},
    registry::{
        Registry,
        access::{Access, Permission},
        least_privilege,
    },
    store::{self, clients::Client},
    time::Lifetime,
};

/// After how long something is said.
pub const IDLE: Lifetime = Lifetime::days(30);

/// What is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// It was made more than 30 days ago and never got a token.
    pub silent: bool,
    /// Values that it did not ask for in 30 days, although it got tokens.
    pub unasked: Vec<String>,
}

/// What is to be said of a client; nothing unless it is an active sync connector.
///
/// # Errors
/// Missing permission; when the storage fails.
pub async fn remarks(registry: &Registry, access: &Access, client: &Client) -> Result<Remarks> {
    access.require(Permission::ClientsRead)?;
    let (now, db) = (registry.now(), registry.db());
    let cutoff = now.before(IDLE);
    if client.kind != Kind::SyncConnector || client.status != Status::Active || client.created_at > cutoff {
        return Ok(Remarks::default());
    }
    let recorded = store::instance::moment(db, store::instance::TRACKED_SINCE).await?;
    // What was not on record yet may have been asked for.
    if recorded.is_none_or(|at| at > cutoff) {
        return Ok(Remarks::default());
    }
    if client.last_used_at.is_none() {
        return Ok(Remarks {
            silent: true,
            ..Remarks::default()
        });
    }
    // An older version recorded uses, but no scopes.
    let scopes_recorded = store::instance::moment(db, store::instance::USAGE_SINCE).await?;
    if scopes_recorded.is_none_or(|at| at > cutoff) {
        return Ok(Remarks::default());
    }
    let unasked = least_privilege::unasked(registry, client, cutoff).await?;
    Ok(Remarks {
        silent: false,
        unasked: unasked.into_iter().map(|one| one.value).collect(),
    })
}

//! What a cut would cut, in numbers: the same for console, API and command line.

use crate::{
    error::Result,
    oauth::client::words,
    registry::{Registry, access::Access, clients},
    store::{self, apis::TokenFormat},
    time::Timestamp,
};

words! {
    /// What somebody is about to do to a client.
    Cut {
        Delete = "delete",
        Disable = "disable",
        Rotate = "rotate",
    }
}

/// Access tokens of one format that are alive.
#[derive(Clone, Debug)]
pub struct LiveTokens {
    pub format: TokenFormat,
    pub count: i64,
    /// When the last of them expires.
    pub last_expires_at: Timestamp,
}

/// What a cut would cut.
#[derive(Clone, Debug)]
pub struct Impact {
    pub action: Cut,
    pub as_of: Timestamp,
    pub access_tokens: Vec<LiveTokens>,
    /// Secrets that work now and would not any more.
    pub secrets: usize,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    /// Until when a service that verifies JWTs offline, without asking us, still accepts one.
    pub offline_until: Option<Timestamp>,
    /// Whether it can be undone.
    pub reversible: bool,
}

/// Counts what a cut would cut.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn of(registry: &Registry, access: &Access, client_id: &str, action: Cut) -> Result<Impact> {
    registry.flush_activity().await?;
    let client = clients::find(registry, access, client_id).await?;
    let now = registry.now();
    let secrets = store::secrets::of_client(registry.db(), client_id).await?;
    let tokens = store::tokens_out::of_client(registry.db(), client_id, client.epoch, now).await?;
    let mut access_tokens: Vec<LiveTokens> = Vec::new();
    for group in tokens {
        let Some(format) = TokenFormat::parse(&group.format) else {
            continue;
        };
        match access_tokens.iter_mut().find(|known| known.format == format) {
            Some(known) => {
                known.count += group.tokens;
                known.last_expires_at = known.last_expires_at.max(group.last_expires_at);
            }
            None => access_tokens.push(LiveTokens {
                format,
                count: group.tokens,
                last_expires_at: group.last_expires_at,
            }),
        }
    }
    let offline_until = store::tokens_out::last_jwt(registry.db(), client_id, now).await?;
    Ok(Impact {
        action,
        as_of: now,
        offline_until,
        access_tokens,
        secrets: secrets.iter().filter(|s| s.usable(now)).count(),
        last_used_at: client.last_used_at,
        last_used_ip: client.last_used_ip,
        reversible: action == Cut::Disable,
    })
}

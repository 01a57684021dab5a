//! Who is calling: client authentication at the OAuth endpoints.
//! [RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)
//!
//! 1. Find the one method that the request uses; two at once are refused.
//! 2. Ask the throttle whether this address may try this client.
//! 3. Compare digests in constant time, for a client that does not exist as well.
//!
//! Whatever is wrong with credentials, the answer is the same, so that it tells nobody which clients exist.

mod none; // public clients: the client id alone
mod secret_basic; // HTTP Basic
mod secret_post; // client id and secret in the body
mod shown; // what a request showed, for whoever explains its refusal
mod throttle; // how often wrong secrets may be tried

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use axum::http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

pub use self::{
    shown::{Shape, Shown, ShownSecret},
    throttle::Throttle,
};
use crate::{
    error::Result,
    live,
    oauth::{
        client::{AuthMethod, Status},
        params::Params,
        refusal::{Code, Refusal},
    },
    registry::Registry,
    time::Timestamp,
};

/// A client that proved who it is, or a public one that said so.
#[derive(Clone, Debug)]
pub struct Caller {
    pub client: Arc<live::Client>,
    /// The secret it used; a public client has none.
    pub secret_id: Option<Arc<str>>,
}

impl Caller {
    /// Asks for a client that can keep a secret.
    ///
    /// # Errors
    /// `invalid_client`.
    pub fn must_be_confidential(&self) -> Result<(), Refusal> {
        if self.secret_id.is_none() {
            return Err(Code::InvalidClient
                .because("this is for clients that authenticate with a secret")
                .reason("client.public"));
        }
        Ok(())
    }
}

/// What a request claims to be.
struct Presented<'a> {
    client_id: Cow<'a, str>,
    proof: Proof<'a>,
}

enum Proof<'a> {
    Secret(AuthMethod, Cow<'a, str>),
    None,
}

/// Says which client sent the request.
///
/// # Errors
/// `invalid_client` when it cannot be told or the proof is wrong; `invalid_request` for two methods at once or for two
/// client ids; `rate_limited` after too many wrong secrets for this client from this address.
pub fn authenticate(
    registry: &Registry,
    throttle: &Throttle,
    headers: &HeaderMap,
    params: &Params<'_>,
    ip: IpAddr,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let presented = present(headers, params)?;
    throttle.admit(&presented.client_id, ip, registry.clock.monotonic())?;
    if let Some(caller) = verify(registry, &presented, now) {
        if caller.client.status == Status::Active {
            return Ok(caller);
        }
        registry.activity.note_attempt(&caller.client, ip, now);
    }
    throttle.note_failure(&presented.client_id, ip, registry.clock.monotonic());
    Err(Code::InvalidClient
        .because("the client is unknown or disabled, or its authentication is wrong")
        .reason("client.unproven"))
}

/// The one method that the request uses.
fn present<'a>(headers: &HeaderMap, params: &'a Params<'_>) -> Result<Presented<'a>, Refusal> {
    let client_id = params.one("client_id")?;
    let secret = params.one("client_secret")?;
    if let Some(presented) = secret_basic::present(headers)? {
        // RFC 6749 §2.3: not more than one method in a request.
        if secret.is_some() {
            return Err(Code::InvalidRequest
                .because("send the client's credentials by one method, not two")
                .reason("client.two_methods"));
        }
        // RFC 6749 §3.2.1: `client_id` may be repeated in the body, but must name the same client.
        if client_id.is_some_and(|id| id != presented.client_id) {
            return Err(Code::InvalidRequest
                .because("the Authorization header and the client_id parameter name different clients")
                .reason("client.two_ids"));
        }
        return Ok(presented);
    }
    match (client_id, secret) {
        (Some(id), Some(secret)) => Ok(secret_post::present(id, secret)),
        (Some(id), None) => Ok(none::present(id)),
        (None, _) => Err(Code::InvalidClient
            .because("the request does not say which client sends it")
            .reason("client.unnamed")),
    }
}

/// The client that a request says it comes from, proven or not, if there is one.
pub fn named(registry: &Registry, headers: &HeaderMap, params: &Params<'_>) -> Option<Arc<live::Client>> {
    registry.live.client(&present(headers, params).ok()?.client_id)
}

/// Who it is, whether the client may do anything now or not.
fn verify(registry: &Registry, presented: &Presented<'_>, now: Timestamp) -> Option<Caller> {
    let client = registry.live.client(&presented.client_id);
    match &presented.proof {
        Proof::Secret(method, secret) => {
            let digest = registry.keyring.digest("client-secret", secret.as_bytes());
            let secret_id = matching(client.as_deref(), digest.as_bytes(), now);
            let client = client.filter(|client| {
                client.application_type.holds_secret()
                    && client.auth_method.is_none_or(|pinned| pinned == *method)
            })?;
            Some(Caller {
                client,
                secret_id: Some(secret_id?),
            })
        }
        Proof::None => {
            let client = client.filter(|client| !client.application_type.holds_secret())?;
            Some(Caller {
                client,
                secret_id: None,
            })
        }
    }
}

/// Compared with when there is no client, so that this takes no less time. No digest is all zeros.
const NOBODY: [u8; 32] = [0; 32];

/// The secret with this digest, if it can still be used. Looks at every secret, found or not.
fn matching(client: Option<&live::Client>, digest: &[u8; 32], now: Timestamp) -> Option<Arc<str>> {
    let secrets = client.map_or(&[][..], |client| &client.secrets);
    if secrets.is_empty() {
        std::hint::black_box(Choice::unwrap_u8(&digest[..].ct_eq(&NOBODY)));
    }
    secrets.iter().fold(None, |found, secret| {
        let same: bool = digest[..].ct_eq(&secret.digest).into();
        let usable = secret.stops_at.is_none_or(|stops_at| now < stops_at);
        if same & usable {
            Some(Arc::clone(&secret.id))
        } else {
            found
        }
    })
}

//! What a token request is entitled to. One row of [`SERVED`] gives the vocabulary, one file holds the rule, one
//! `match` joins them. [RFC 6749 §1.3](https://www.rfc-editor.org/rfc/rfc6749#section-1.3)
//!
//! A grant rules; it does not act: nothing in here writes.

mod authorization_code; // a person allowed it in a browser
mod client_credentials; // the client acts for itself
mod device_code; // a person answers for a device, elsewhere
mod password; // for migrations: a client brings a person's password
pub mod refresh_token; // what a person allowed goes on

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use crate::{
    client_auth::Caller,
    db::{Batch, Statement},
    error::Result,
    live,
    oauth::{
        client::GrantType,
        params::Params,
        refusal::{Code, Refusal},
        scope::{self, Granted},
    },
    openid,
    registry::Registry,
    store::grants::Grant,
    time::Timestamp,
};

/// The grants that the token endpoint always serves; `password` comes beside them only while it is switched on.
const SERVED: &[GrantType] = &[
    GrantType::AuthorizationCode,
    GrantType::ClientCredentials,
    GrantType::RefreshToken,
    GrantType::DeviceCode,
];

/// Whether the token endpoint serves a grant here.
fn is_served(registry: &Registry, grant: GrantType) -> bool {
    SERVED.contains(&grant) || grant == GrantType::Password && registry.config.legacy.password_grant
}

fn unserved() -> Refusal {
    Code::UnsupportedGrantType
        .because("this server does not serve that grant type")
        .reason("grant_type.unserved")
}

/// A token request whose client is known.
pub struct Exchange<'a> {
    pub registry: &'a Registry,
    pub params: &'a Params<'a>,
    pub caller: &'a Caller,
    pub source: Source<'a>,
    pub now: Timestamp,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub ip: IpAddr,
    pub request_id: &'a str,
}

impl<'a> Exchange<'a> {
    fn client(&self) -> &'a live::Client {
        &self.caller.client
    }
}

/// What is to be done about a token request.
pub enum Ruling<'a> {
    /// Issue tokens.
    Approve(Approval<'a>),
    /// End a grant: somebody uses what was used before. The refusal is the answer.
    Revoke(Box<Grant>, Refusal),
    /// Refuse, and write down that it was tried.
    Refuse(Statement, Refusal),
}

/// What a token may say.
pub struct Approval<'a> {
    pub subject: Cow<'a, str>,
    /// At which API.
    pub api: Arc<live::Api>,
    /// Scope values, at least one, a space between.
    pub scope: String,
    /// The person it acts for, if it does.
    pub person: Option<OnBehalf>,
}

/// For whom a client acts, and what it presented.
pub struct OnBehalf {
    pub grant: Box<Grant>,
    pub way: Way,
}

impl OnBehalf {
    /// Whether an ID token goes with an access token of this scope (OIDC Core §3.1.3.3): not in the grants that are for
    /// migrations only, which OpenID Connect does not know.
    pub fn wants_id_token(&self, scope: &str) -> bool {
        !matches!(self.way, Way::Straight(_)) && scope.split(' ').any(|value| value == "openid")
    }
}

/// What a client presented, to be spent before it gets anything.
pub enum Way {
    /// An authorization code, with the nonce of its request.
    Code { digest: Vec<u8>, nonce: Option<String> },
    /// A device code.
    Device { digest: Vec<u8> },
    /// The refresh token that works; the next one takes its place.
    Refresh,
    /// The refresh token before it, a moment later: the answer got lost.
    Again,
    /// Nothing that is kept: the grant is new, and these statements write it down.
    Straight(Batch),
}

/// Rules on a token request.
///
/// # Errors
/// `invalid_request` without `grant_type`; `unsupported_grant_type` for one that is not served; `unauthorized_client`
/// for one that the client is not registered for; and what the grant itself refuses. `Failed` when the storage fails.
pub async fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>> {
    let wanted = exchange.params.required("grant_type")?;
    let grant = GrantType::parse(wanted)
        .filter(|grant| is_served(exchange.registry, *grant))
        .ok_or_else(unserved)?;
    // RFC 6749 §5.2: unauthorized_client.
    if !exchange.client().grant_types.contains(&grant) {
        return Err(Code::UnauthorizedClient
            .because("this client is not registered for that grant type")
            .reason("grant_type.unregistered")
            .into());
    }
    match grant {
        GrantType::ClientCredentials => Ok(client_credentials::redeem(exchange)?),
        GrantType::AuthorizationCode => authorization_code::redeem(exchange).await,
        GrantType::RefreshToken => refresh_token::redeem(exchange).await,
        GrantType::DeviceCode => device_code::redeem(exchange).await,
        GrantType::Password => password::redeem(exchange).await,
        // Its tokens come from the authorization endpoint.
        GrantType::Implicit => Err(unserved().into()),
    }
}

/// Approves tokens on behalf of a person: what he gave, as far as the client still may ask for it, narrowed to what this
/// request asks for.
///
/// # Errors
/// As [`scope::choose`].
fn on_behalf<'a>(
    exchange: &Exchange<'a>,
    grant: Box<Grant>,
    way: Way,
    asked: Option<&str>,
) -> Result<Ruling<'a>, Refusal> {
    let resources: Vec<&str> = exchange.params.all("resource").collect();
    approve(exchange, OnBehalf { grant, way }, asked, &resources)
}

/// Approves tokens for a grant that is new and that `batch` writes down.
///
/// # Errors
/// As [`scope::choose`].
pub fn straight<'a>(
    exchange: &Exchange<'a>,
    grant: Box<Grant>,
    batch: Batch,
    resources: &[&str],
) -> Result<Ruling<'a>, Refusal> {
    let way = Way::Straight(batch);
    approve(exchange, OnBehalf { grant, way }, None, resources)
}

fn approve<'a>(
    exchange: &Exchange<'a>,
    person: OnBehalf,
    asked: Option<&str>,
    resources: &[&str],
) -> Result<Ruling<'a>, Refusal> {
    let (client, grant) = (exchange.client(), &person.grant);
    let given = given(&exchange.registry.live, client, grant);
    let openid: Vec<Arc<str>> = grant
        .scopes
        .iter()
        .filter(|key| key.api.is_none() && client.holds(key, grant.client_epoch))
        .map(|key| Arc::clone(&key.value))
        .collect();
    let chosen = scope::choose(&given, &openid, asked, resources)?;
    let api = match chosen.at {
        Some(at) => exchange.registry.live.api(&given[at].api),
        None => Some(Arc::clone(&exchange.registry.userinfo)),
    };
    Ok(Ruling::Approve(Approval {
        subject: Cow::Owned(openid::subject(exchange.registry, client, &grant.user_id).into_owned()),
        api: api.ok_or_else(|| Code::InvalidTarget.because("the API of these scopes is gone"))?,
        scope: chosen.values.join(" "),
        person: Some(person),
    }))
}

/// What a person gave at APIs, as far as it is granted to the client and has been since, with everything it implies.
fn given(live: &live::Live, client: &live::Client, grant: &Grant) -> Vec<Granted> {
    let mut given = Vec::new();
    for granted in &client.granted {
        let Some(api) = live.api(&granted.api) else {
            continue;
        };
        let values: Vec<Arc<str>> = grant
            .scopes
            .iter()
            .filter(|key| key.api.as_ref() == Some(&granted.api) && client.holds(key, grant.client_epoch))
            .map(|key| Arc::clone(&key.value))
            .collect();
        if values.is_empty() {
            continue;
        }
        let mut effective: Vec<Arc<str>> = values
            .iter()
            .flat_map(|value| api.implied(value))
            .filter(|implied| implied.since <= grant.client_epoch)
            .map(|implied| Arc::clone(&implied.value))
            .collect();
        effective.sort_unstable();
        effective.dedup();
        given.push(Granted {
            api: Arc::clone(&granted.api),
            audience: Arc::clone(&granted.audience),
            values,
            effective,
            since: Vec::new(),
        });
    }
    given
}

/// Whether a grant can still be used by this client: neither revoked nor over, and the client was not cut off since.
fn usable(client: &live::Client, grant: &Grant, now: Timestamp) -> bool {
    grant.revoked_at.is_none()
        && *client.id == *grant.client_id
        && client.epoch <= grant.client_epoch
        && now < grant.idle_expires_at
        && now < grant.expires_at
}

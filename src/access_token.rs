//! Access tokens: minted, read back, and asked whether they still count. JWT
//! ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)) or opaque, as the API has it.
//!
//! Both carry everything that is needed to judge them, so neither costs a look-up in the database. The second half of
//! a JWT's `jti` is a MAC over the claims before it: [`read`] believes that MAC, which vouches for the claims but not
//! for the bytes of the signature; [`read_fully`] verifies the signature as well. An opaque token is a sealed text.
//!
//! 1. [`read`]: did this server make it?
//! 2. [`check_active`]: has nothing that it stands on been taken away since?

mod jwt; // signed, for resource servers that verify offline
mod opaque; // sealed, for those that introspect

use std::sync::Arc;

use crate::{
    error::Result,
    live::{self, Live},
    oauth::client::Status,
    registry::Registry,
    store::apis::TokenFormat,
    time::{Lifetime, Timestamp},
};

/// The longest text that is looked at.
const LONGEST: usize = crate::jose::jws::MAX_LENGTH;

/// How far the clocks of two nodes may be apart.
pub const SKEW: Lifetime = Lifetime::seconds(60);

/// What a token is made of.
#[derive(Clone, Copy)]
pub struct Claims<'a> {
    pub client: &'a live::Client,
    pub api: &'a live::Api,
    pub subject: &'a str,
    /// Scope values, a space between.
    pub scope: &'a str,
}

/// A token that was just made.
pub struct Minted {
    pub text: String,
    pub format: TokenFormat,
    pub lifetime: Lifetime,
    pub expires_at: Timestamp,
}

/// Makes an access token in the format of its API.
///
/// # Errors
/// When no key signs with the algorithm of the API, or the cryptographic library fails.
pub fn mint(registry: &Registry, claims: Claims<'_>, now: Timestamp) -> Result<Minted> {
    let lifetime = lifetime(registry, claims.client, claims.api);
    let text = match claims.api.format {
        TokenFormat::Jwt => jwt::mint(registry, claims, now, lifetime)?,
        TokenFormat::Opaque => opaque::mint(registry, claims, now, lifetime),
    };
    Ok(Minted {
        text,
        format: claims.api.format,
        lifetime,
        expires_at: Timestamp::from_seconds(now.seconds()).after(lifetime),
    })
}

/// The smallest of what API, client and organisation say; what the configuration says when none of them does.
fn lifetime(registry: &Registry, client: &live::Client, api: &live::Api) -> Lifetime {
    let organization = registry.live.organization_lifetime(&client.org_id);
    [api.lifetime, client.lifetime, organization]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(registry.config.lifetimes.access_token)
}

/// What a token says, believed to be this server's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    pub format: TokenFormat,
    pub client_id: String,
    pub subject: String,
    pub target: Target,
    /// Scope values, a space between.
    pub scope: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The epoch of its client when it was made.
    pub epoch: i64,
    pub jti: String,
}

/// The API that a token is for, as the token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Audience(String),
    Api(String),
}

/// Reads a token that this server made. `None` for everything else, whatever is wrong with it.
///
/// Of a JWT it checks that the header names a published key, that the signature has the right length, and the MAC over
/// the claims; not the signature itself.
pub fn read(registry: &Registry, text: &str) -> Option<AccessToken> {
    if text.len() > LONGEST {
        return None;
    }
    match text.strip_prefix(opaque::PREFIX) {
        Some(sealed) => opaque::read(registry, sealed),
        None => jwt::read(registry, text, jwt::Trust::Mac),
    }
}

/// As [`read`], and verifies the signature of a JWT too.
pub fn read_fully(registry: &Registry, text: &str) -> Option<AccessToken> {
    if text.len() > LONGEST {
        return None;
    }
    match text.strip_prefix(opaque::PREFIX) {
        Some(sealed) => opaque::read(registry, sealed),
        None => jwt::read(registry, text, jwt::Trust::Signature),
    }
}

/// What an active token stands on.
#[derive(Clone, Debug)]
pub struct ActiveToken {
    pub client: Arc<live::Client>,
    pub api: Arc<live::Api>,
}

/// Whether a token still counts: its times hold, its client is active and was not cut off since, it was not revoked,
/// and every scope in it is still granted. `product.md` section 4.
pub fn check_active(live: &Live, token: &AccessToken, now: Timestamp) -> Option<ActiveToken> {
    if now >= token.expires_at || token.issued_at > now.after(SKEW) {
        return None;
    }
    let client = live.client(&token.client_id)?;
    if client.status != Status::Active || client.epoch != token.epoch || live.is_revoked(&token.jti) {
        return None;
    }
    let granted = client.granted.iter().find(|granted| match &token.target {
        Target::Audience(audience) => granted.audience.as_ref() == audience,
        Target::Api(id) => granted.api.as_ref() == id,
    })?;
    if !token.scope.split(' ').all(|value| granted.allows(value)) {
        return None;
    }
    let api = live.api(&granted.api)?;
    Some(ActiveToken { client, api })
}

//! Access tokens: minted, read back, and asked whether they still count. JWT
//! ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)) or opaque, as the API has it.
//!
//! Both carry everything that is needed to judge them, so neither costs a look-up in the database. The second half of
//! a JWT's `jti` is a MAC over the claims before it. [`read`] checks it, verifies the signature, and remembers the digest
//! of the whole text, so that the next look costs a hash. An opaque token is a sealed text.
//!
//! 1. [`read`]: did this server make it?
//! 2. [`check_active`]: has nothing that it stands on been taken away since?

mod jwt; // signed, for resource servers that verify offline
mod opaque; // sealed, for those that introspect

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{
    error::Result,
    live,
    oauth::client::Status,
    registry::Registry,
    store::apis::TokenFormat,
    time::{Lifetime, Timestamp},
};

/// The longest text that is looked at.
const LONGEST: usize = crate::jose::jws::MAX_LENGTH;

/// The longest life of a token that is for a test.
pub const TEST_LIFETIME: Lifetime = Lifetime::minutes(5);

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
    /// The person it acts for, if it does.
    pub person: Option<Person<'a>>,
    /// Whether somebody only tries out what the client would get: it says so, and lives for minutes.
    pub test: bool,
}

/// Whom a token acts for.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    /// The grant that it stands on.
    pub grant_id: &'a str,
    pub authenticated_at: Timestamp,
    /// How, as RFC 8176 names it, with spaces between.
    pub methods: &'a str,
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
    let lifetime = lifetime_of(registry, claims);
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

/// What a token would say; nothing is made.
pub fn preview(registry: &Registry, claims: Claims<'_>, now: Timestamp) -> Result<Preview> {
    let lifetime = lifetime_of(registry, claims);
    Ok(Preview {
        header: jwt::header(registry, claims.api)?,
        claims: jwt::preview(registry, claims, now, lifetime)?,
        lifetime,
    })
}

/// What a token would say.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Of a JWT; an opaque token has none.
    pub header: Json,
    /// The claims of a JWT, and what introspection would tell of an opaque token.
    pub claims: Json,
    pub lifetime: Lifetime,
}

fn lifetime_of(registry: &Registry, claims: Claims<'_>) -> Lifetime {
    let lifetime = lifetime(registry, claims.client, claims.api);
    if claims.test {
        lifetime.min(TEST_LIFETIME)
    } else {
        lifetime
    }
}

/// The smallest of what API, client and organisation say; what the configuration says when none of them does.
pub fn lifetime(registry: &Registry, client: &live::Client, api: &live::Api) -> Lifetime {
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
    /// The number of its client when it was made: what its client was cut off from since, and what it was granted later,
    /// it does not hold.
    pub incarnation: i64,
    /// What a person gave, if it acts for one.
    pub grant_id: Option<String>,
    pub jti: String,
    /// Whether it is for a test.
    pub test: bool,
}

impl AccessToken {
    /// Whether a scope is in it.
    pub fn holds(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|value| value == scope)
    }
}

/// The API that a token is for, as the token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Audience(String),
    Api(String),
}

/// Reads a token that this server made. `None` for everything else, whatever is wrong with it.
///
/// Of a JWT the header names a published key, and signature and MAC hold: verified when this node sees the text for the
/// first time, remembered for later. There is no other way to read one, so no door has a notion of its own.
pub fn read(registry: &Registry, text: &str) -> Option<AccessToken> {
    if text.len() > LONGEST {
        return None;
    }
    match text.strip_prefix(opaque::PREFIX) {
        Some(sealed) => opaque::read(registry, sealed),
        None => jwt::read(registry, text),
    }
}

/// What an active token stands on.
#[derive(Clone, Debug)]
pub struct ActiveToken {
    pub client: Arc<live::Client>,
    pub api: Arc<live::Api>,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    Expired,
    /// It says that it was made in the future.
    Early,
    ClientGone,
    ClientDisabled,
    /// The client was cut off since it was made.
    CutOff,
    Revoked,
    /// What the person gave has ended.
    GrantEnded,
    /// A scope in it is not granted any more, or was taken away since and is granted again.
    ScopeGone,
    ApiGone,
}

/// Whether a token still counts: its times hold, its client is active and was not cut off since, neither it nor what the
/// person gave was revoked, and every scope in it is still granted and has been since. `product.md` section 4.
///
/// That the person is active and still a member needs no look: whoever ends that revokes his grants with it.
pub fn check_active(registry: &Registry, token: &AccessToken, now: Timestamp) -> Option<ActiveToken> {
    judge(registry, token, now).ok()
}

/// As [`check_active`], and says why not: for whoever looks after the client, never for whoever holds the token.
///
/// # Errors
/// The first reason.
pub fn judge(registry: &Registry, token: &AccessToken, now: Timestamp) -> Result<ActiveToken, Inactive> {
    if now >= token.expires_at {
        return Err(Inactive::Expired);
    }
    if token.issued_at > now.after(SKEW) {
        return Err(Inactive::Early);
    }
    let live = &registry.live;
    let client = live.client(&token.client_id).ok_or(Inactive::ClientGone)?;
    if client.status != Status::Active {
        return Err(Inactive::ClientDisabled);
    }
    if token.incarnation < client.epoch {
        return Err(Inactive::CutOff);
    }
    if live.is_revoked(&token.jti) {
        return Err(Inactive::Revoked);
    }
    if token.grant_id.as_ref().is_some_and(|id| live.is_revoked(id)) {
        return Err(Inactive::GrantEnded);
    }
    let api = target(registry, &client, token)?;
    Ok(ActiveToken { client, api })
}

/// The API of a token, if everything in it is still granted there.
fn target(
    registry: &Registry,
    client: &live::Client,
    token: &AccessToken,
) -> Result<Arc<live::Api>, Inactive> {
    let granted = client.granted.iter().find(|granted| match &token.target {
        Target::Audience(audience) => granted.audience.as_ref() == audience,
        Target::Api(id) => granted.api.as_ref() == id,
    });
    let for_person = token.grant_id.is_some();
    if !client.allows_all(granted, &token.scope, for_person, token.incarnation) {
        return Err(Inactive::ScopeGone);
    }
    let api = match granted {
        Some(granted) => registry.live.api(&granted.api),
        None => userinfo(registry, &token.target),
    };
    api.ok_or(Inactive::ApiGone)
}

/// The API of a token for nothing but the userinfo endpoint.
fn userinfo(registry: &Registry, target: &Target) -> Option<Arc<live::Api>> {
    let own = match target {
        Target::Audience(audience) => registry.userinfo.audience.as_ref() == audience,
        Target::Api(id) => registry.userinfo.id.as_ref() == id,
    };
    own.then(|| Arc::clone(&registry.userinfo))
}

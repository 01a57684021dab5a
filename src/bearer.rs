//! Access tokens at our own APIs. [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
//!
//! Believed after the signature is verified and everything the token stands on is still there.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    access_token::{self, AccessToken},
    error::Result,
    live,
    oauth::{
        params::Params,
        refusal::{Code, Refusal},
    },
    registry::{Registry, access::Permissions, assurance::FRESH, bootstrap::MANAGEMENT_AUDIENCE},
    time::Timestamp,
};

/// A client that calls the management API.
#[derive(Clone, Debug)]
pub struct Bearer {
    pub client: Arc<live::Client>,
    pub token: AccessToken,
    pub permissions: Permissions,
}

/// A resource of our own that tokens are presented to. Each takes tokens that are for it, and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The management API, in all its versions.
    Management,
    /// The userinfo endpoint, whose audience is the issuer.
    UserInfo,
}

impl Door {
    /// Whether a token for this API is meant for here. RFC 9068 §4: anything else MUST be rejected.
    fn takes(self, registry: &Registry, api: &live::Api) -> bool {
        match self {
            Self::Management => api.org_id.is_none() && *api.audience == *MANAGEMENT_AUDIENCE,
            Self::UserInfo => api.id == registry.userinfo.id || registry.userinfo_any_api,
        }
    }
}

/// A token that may come in.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub client: Arc<live::Client>,
    pub token: AccessToken,
}

/// Decides whether a token counts at one of our own doors: its signature, everything it stands on, and that it is for
/// here. No door of ours believes a token by another way; a test holds that (`tests/layers.rs`).
///
/// # Errors
/// `invalid_token`; `insufficient_scope` for one without `openid` at UserInfo; `Failed` when this node cannot know.
pub async fn admit(registry: &Registry, door: Door, text: &str, now: Timestamp) -> Result<Admitted> {
    let refused =
        || Code::InvalidToken.because("the access token is invalid, expired, revoked, or for another API");
    registry.live.fresh().await?;
    let token = access_token::read(registry, text).ok_or_else(refused)?;
    let active = access_token::check_active(registry, &token, now).ok_or_else(refused)?;
    if door == Door::UserInfo && !token.holds("openid") {
        let why = "the access token lacks the scope openid";
        return Err(Code::InsufficientScope.because(why).into());
    }
    if !door.takes(registry, &active.api) {
        return Err(refused().into());
    }
    Ok(Admitted {
        client: active.client,
        token,
    })
}

/// Says who calls the management API by the token in the `Authorization` header. `query` is that of the request, where
/// tokens are not accepted (RFC 9700 §4.3.2).
///
/// # Errors
/// `unauthenticated` without a token; `invalid_token` for one that is not active or is for another API;
/// `invalid_request` for more than one. Render [`challenge`] with the refusal. `Failed` when this node cannot know.
pub async fn authenticate(
    registry: &Registry,
    headers: &HeaderMap,
    query: Option<&str>,
    now: Timestamp,
) -> Result<Bearer> {
    let no_form = Params::default();
    let text = present(headers, query, &no_form)?;
    let Admitted { client, token } = admit(registry, Door::Management, text, now).await?;
    let permissions = Permissions::of_scopes(token.scope.split(' '));
    Ok(Bearer {
        client,
        token,
        permissions,
    })
}

/// The one token of a request: in the `Authorization` header or, where `form` is that of the body, in there (RFC 6750
/// §2.2). It is not believed yet.
///
/// # Errors
/// `unauthenticated` without a token; `invalid_request` for more than one. Render [`challenge`] with the refusal.
pub fn present<'a>(
    headers: &'a HeaderMap,
    query: Option<&str>,
    form: &'a Params<'_>,
) -> Result<&'a str, Refusal> {
    let in_query = query.is_some_and(|query| {
        Params::form(query.as_bytes()).is_ok_and(|p| p.all("access_token").next().is_some())
    });
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next();
    // RFC 6750 §3.1: more than one method or token is an invalid request.
    let in_form = form.one("access_token")?;
    let places = [value.is_some(), in_query, in_form.is_some()];
    if values.next().is_some() || places.iter().filter(|used| **used).count() > 1 {
        return Err(Code::InvalidRequest.because("send one access token, in one Authorization header"));
    }
    if let Some(token) = in_form {
        return Ok(token);
    }
    let missing = || Code::Unauthenticated.because("send an access token: Authorization: Bearer ...");
    let (scheme, token) = value
        .ok_or_else(missing)?
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(token.trim_matches(' '))
}

/// The `WWW-Authenticate` header that goes with a refusal, where one does. RFC 6750 §3: no error code when the request
/// held no token.
pub fn challenge(refusal: &Refusal) -> Option<HeaderValue> {
    let challenge = match refusal.code {
        Code::InsufficientUserAuthentication => return step_up(refusal),
        Code::Unauthenticated => "Bearer realm=\"oauthority\"",
        Code::InvalidToken => "Bearer realm=\"oauthority\", error=\"invalid_token\"",
        Code::InsufficientScope => "Bearer realm=\"oauthority\", error=\"insufficient_scope\"",
        Code::InvalidRequest => "Bearer realm=\"oauthority\", error=\"invalid_request\"",
        _ => return None,
    };
    Some(HeaderValue::from_static(challenge))
}

/// RFC 9470 §3: which class of authentication would do, and how old it may be.
fn step_up(refusal: &Refusal) -> Option<HeaderValue> {
    let mut challenge = format!(
        "Bearer realm=\"oauthority\", error=\"{}\", error_description=\"{}\"",
        refusal.code.name(),
        refusal.description
    );
    if let Some(class) = refusal.acr {
        challenge.push_str(&format!(", acr_values=\"{class}\""));
    }
    challenge.push_str(&format!(", max_age={}", FRESH.as_seconds()));
    HeaderValue::try_from(challenge).ok()
}

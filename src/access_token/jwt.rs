//! The JWT profile of access tokens. [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)
//!
//! `jti` comes last: 16 random bytes, then a MAC over the payload up to there.

use std::borrow::Cow;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value as Json, json};

use super::{AccessToken, Claims, Target};
use crate::{
    config::SigningAlgorithm,
    error::{Error, Result},
    jose::{Alg, jws::Compact},
    live,
    oauth::{authentication, json},
    registry::Registry,
    store::apis::TokenFormat,
    time::{Lifetime, Timestamp},
};

/// The media type of the header's `typ`. (RFC 9068 §2.1)
pub(crate) const TYP: &str = "at+jwt";

/// base64url of 16 bytes.
const HALF: usize = 22;

/// What follows the MAC.
const END: &[u8] = b"\"}";

pub(super) fn mint(
    registry: &Registry,
    claims: Claims<'_>,
    now: Timestamp,
    lifetime: Lifetime,
) -> Result<String> {
    let alg = algorithm(registry, claims.api);
    let keys = registry.live.keys();
    let active = keys
        .active(alg)
        .ok_or_else(|| Error::internal(format_args!("no active key signs with {alg}")))?;
    let payload = payload(registry, claims, now, lifetime);
    active
        .key
        .encode(&active.access_token_header, payload.as_bytes())
        .map_err(Error::internal)
}

fn algorithm(registry: &Registry, api: &live::Api) -> Alg {
    api.algorithm
        .unwrap_or_else(|| alg(registry.config.signing.algorithm))
}

/// The header of a token for this API.
pub(super) fn header(registry: &Registry, api: &live::Api) -> Result<Json> {
    let alg = algorithm(registry, api);
    let keys = registry.live.keys();
    let active = keys
        .active(alg)
        .ok_or_else(|| Error::internal(format_args!("no active key signs with {alg}")))?;
    Ok(json!({ "alg": alg.name(), "typ": TYP, "kid": active.key.kid() }))
}

/// The claims of a token that is not made.
pub(super) fn preview(
    registry: &Registry,
    claims: Claims<'_>,
    now: Timestamp,
    lifetime: Lifetime,
) -> Result<Json> {
    let text = payload(registry, claims, now, lifetime);
    let mut json: Json = serde_json::from_str(&text).map_err(Error::internal)?;
    json["jti"] = "new for each token".into();
    Ok(json)
}

const fn alg(setting: SigningAlgorithm) -> Alg {
    match setting {
        SigningAlgorithm::Es256 => Alg::Es256,
        SigningAlgorithm::EdDsa => Alg::EdDsa,
        SigningAlgorithm::Rs256 => Alg::Rs256,
    }
}

/// The claims of RFC 9068 §2.2, `org_id`, the client's number as `cv` and, where it acts for a person, their grant and how they
/// proved who they are.
fn payload(registry: &Registry, claims: Claims<'_>, now: Timestamp, lifetime: Lifetime) -> String {
    let issuer = registry.config.issuer.as_str();
    let (client, issued_at) = (claims.client, now.seconds());
    let texts = issuer.len() + claims.subject.len() + claims.api.audience.len() + claims.scope.len();
    // Room for the names, the numbers and the `jti`, so that the buffer need not grow.
    let person = claims
        .person
        .map_or(0, |person| person.grant_id.len() + person.methods.len() + 110);
    let mut out = String::with_capacity(texts + client.id.len() + client.org_id.len() + person + 190);
    out.push_str("{\"iss\":");
    json::push_string(&mut out, issuer);
    json::push_member(&mut out, "sub", claims.subject);
    json::push_member(&mut out, "aud", &claims.api.audience);
    json::push_member(&mut out, "client_id", &client.id);
    json::push_member(&mut out, "org_id", &client.org_id);
    json::push_member(&mut out, "scope", claims.scope);
    json::push_number(&mut out, "iat", issued_at);
    json::push_number(&mut out, "exp", issued_at + lifetime.as_seconds());
    json::push_number(&mut out, "cv", client.incarnation);
    if let Some(person) = claims.person {
        json::push_member(&mut out, "grant_id", person.grant_id);
        json::push_number(&mut out, "auth_time", person.authenticated_at.seconds());
        // RFC 9068 §2.2.1
        json::push_member(&mut out, "acr", authentication::acr(person.methods));
        out.push_str(",\"amr\":[");
        for (at, method) in person.methods.split(' ').enumerate() {
            if at > 0 {
                out.push(',');
            }
            json::push_string(&mut out, method);
        }
        out.push(']');
    }
    if claims.test {
        out.push_str(",\"test\":true");
    }
    out.push_str(",\"jti\":\"");
    BASE64_URL_SAFE_NO_PAD.encode_string(registry.entropy.bytes::<16>(), &mut out);
    let mac = registry.keyring.token_mac(out.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode_string(mac, &mut out);
    out.push_str("\"}");
    out
}

/// The claims as they stand; unknown ones would mean that this server did not write them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    sub: String,
    aud: String,
    client_id: String,
    #[serde(borrow, rename = "org_id")]
    _org_id: Cow<'a, str>,
    scope: String,
    iat: i64,
    exp: i64,
    cv: i64,
    #[serde(default)]
    grant_id: Option<String>,
    #[serde(default, rename = "auth_time")]
    _auth_time: Option<i64>,
    #[serde(default, borrow, rename = "acr")]
    _acr: Option<Cow<'a, str>>,
    #[serde(default, rename = "amr")]
    _amr: IgnoredAny,
    #[serde(default)]
    test: bool,
    jti: String,
}

pub(super) fn read(registry: &Registry, text: &str) -> Option<AccessToken> {
    let token = Compact::parse(text).ok()?;
    // RFC 9068 §4: a token of another kind is not an access token.
    token.expect_typ(TYP).ok()?;
    let keys = registry.live.keys();
    let key = keys.public(token.header().kid.as_deref()?)?;
    if key.alg() != Some(token.header().alg) || !signature_fits(token.header().alg, token.signature().len()) {
        return None;
    }
    let verified = &registry.live.verified;
    let digest = verified.digest(text);
    if !verified.knows(digest) {
        // The cheap one first: whoever made the claims up does not make us compute.
        verify_mac(registry, token.payload())?;
        token.verify(key).ok()?;
        verified.add(digest);
    }
    let payload: Payload<'_> = serde_json::from_slice(token.payload()).ok()?;
    // RFC 9068 §4: `iss` is compared exactly.
    (payload.iss == registry.config.issuer.as_str()).then_some(AccessToken {
        format: TokenFormat::Jwt,
        client_id: payload.client_id,
        subject: payload.sub,
        target: Target::Audience(payload.aud),
        scope: payload.scope,
        issued_at: Timestamp::from_seconds(payload.iat),
        expires_at: Timestamp::from_seconds(payload.exp),
        incarnation: payload.cv,
        grant_id: payload.grant_id,
        jti: payload.jti,
        test: payload.test,
    })
}

fn verify_mac(registry: &Registry, payload: &[u8]) -> Option<()> {
    let (claims, mac) = payload.strip_suffix(END)?.split_last_chunk::<HALF>()?;
    let mut bytes = [0; 16];
    let length = BASE64_URL_SAFE_NO_PAD
        .decode_slice_unchecked(mac, &mut bytes)
        .ok()?;
    registry
        .keyring
        .verify_token_mac(claims, bytes.get(..length)?)
        .then_some(())
}

/// Whether a signature of this algorithm can be this long: 64 bytes, or an RSA modulus of 2048 to 4096 bits.
const fn signature_fits(alg: Alg, length: usize) -> bool {
    match alg {
        Alg::Es256 | Alg::EdDsa => length == 64,
        Alg::Rs256 | Alg::Ps256 => length >= 256 && length <= 512,
    }
}

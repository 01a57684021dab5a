//! Opaque access tokens: `oat_` and a sealed body that only this server opens.
//!
//! The body is: version, client number, issued at, lifetime, 16 random bytes, client id, API id, grant id, subject, scope;
//! numbers big-endian, ids with their length before them. A token that acts for nobody has no grant, and its subject is
//! the client.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use super::{AccessToken, Claims, Target};
use crate::{
    registry::Registry,
    store::apis::TokenFormat,
    time::{Lifetime, Timestamp},
};

/// What scanners for leaked tokens know them by.
pub(super) const PREFIX: &str = "oat_";

const PURPOSE: &[u8] = b"access-token";
const VERSION: u8 = 2;
/// The same body, of a token that is for a test.
const TEST: u8 = 3;

pub(super) fn mint(registry: &Registry, claims: Claims<'_>, now: Timestamp, lifetime: Lifetime) -> String {
    let (client, api) = (claims.client, claims.api);
    let grant_id = claims.person.map_or("", |person| person.grant_id);
    let subject = claims.person.map_or("", |_| claims.subject);
    let texts = client.id.len() + api.id.len() + grant_id.len() + subject.len() + claims.scope.len();
    let mut body = Vec::with_capacity(64 + texts);
    body.push(if claims.test { TEST } else { VERSION });
    body.extend_from_slice(&client.incarnation.to_be_bytes());
    body.extend_from_slice(&now.seconds().to_be_bytes());
    body.extend_from_slice(&lifetime.as_seconds().to_be_bytes());
    body.extend_from_slice(&registry.entropy.bytes::<16>());
    push_short(&mut body, &client.id);
    push_short(&mut body, &api.id);
    push_short(&mut body, grant_id);
    push_short(&mut body, subject);
    body.extend_from_slice(claims.scope.as_bytes());
    let sealed = registry.keyring.seal(&registry.entropy, PURPOSE, &body);
    let mut text = String::with_capacity(PREFIX.len() + (sealed.len() * 4).div_ceil(3));
    text.push_str(PREFIX);
    BASE64_URL_SAFE_NO_PAD.encode_string(&sealed, &mut text);
    text
}

/// Appends an id; ids are far shorter than the 255 bytes that fit, and a longer one would not read back.
fn push_short(body: &mut Vec<u8>, id: &str) {
    body.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
    body.extend_from_slice(id.as_bytes());
}

/// Reads what follows the prefix.
pub(super) fn read(registry: &Registry, sealed: &str) -> Option<AccessToken> {
    // Strict: padding and stray bits in the last character are refused, so one token has one text.
    let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let body = registry.keyring.open(PURPOSE, &mut sealed)?;
    let (&[version], body) = body.split_first_chunk()?;
    let (incarnation, body) = number(body)?;
    let (issued_at, body) = number(body)?;
    let (lifetime, body) = number(body)?;
    let (random, body) = body.split_first_chunk::<16>()?;
    let (client_id, body) = short(body)?;
    let (api, body) = short(body)?;
    let (grant_id, body) = short(body)?;
    let (subject, scope) = short(body)?;
    let issued_at = Timestamp::from_seconds(issued_at);
    matches!(version, VERSION | TEST).then_some(AccessToken {
        test: version == TEST,
        format: TokenFormat::Opaque,
        client_id: client_id.to_owned(),
        subject: if grant_id.is_empty() { client_id } else { subject }.to_owned(),
        target: Target::Api(api.to_owned()),
        scope: std::str::from_utf8(scope).ok()?.to_owned(),
        issued_at,
        expires_at: issued_at.after(Lifetime::seconds(lifetime)),
        incarnation,
        grant_id: (!grant_id.is_empty()).then(|| grant_id.to_owned()),
        jti: BASE64_URL_SAFE_NO_PAD.encode(random),
    })
}

fn number(body: &[u8]) -> Option<(i64, &[u8])> {
    let (bytes, rest) = body.split_first_chunk()?;
    Some((i64::from_be_bytes(*bytes), rest))
}

fn short(body: &[u8]) -> Option<(&str, &[u8])> {
    let (&[length], rest) = body.split_first_chunk()?;
    let (id, rest) = rest.split_at_checked(usize::from(length))?;
    Some((std::str::from_utf8(id).ok()?, rest))
}

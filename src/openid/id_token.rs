//! ID tokens: who signed in, when and how, told to one client.
//! [OIDC Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Map, Value as Json, json};

use crate::{
    error::{Error, Result},
    jose::{Alg, jws::Compact},
    live,
    oauth::authentication,
    registry::Registry,
    store::grants::Grant,
    time::{Lifetime, Timestamp},
};

/// For how long a client may take one for new.
pub const LIFETIME: Lifetime = Lifetime::hours(1);

/// What an ID token is made of.
pub struct Facts<'a> {
    pub client: &'a live::Client,
    pub grant: &'a Grant,
    pub subject: &'a str,
    /// Only in the first one of a grant (OIDC Core §12.2).
    pub nonce: Option<&'a str>,
    /// The access token beside it.
    pub access_token: &'a str,
    /// What the `claims` parameter asks for in here.
    pub claims: Map<String, Json>,
}

/// Makes one, signed as the client registered.
///
/// # Errors
/// When no key signs with that algorithm, or the cryptographic library fails.
pub fn mint(registry: &Registry, facts: Facts<'_>, now: Timestamp) -> Result<String> {
    let alg = facts.client.id_token_alg();
    // What the protocol says comes last, so that no claim about the person can replace it.
    let mut claims = facts.claims;
    let methods: Vec<&str> = facts.grant.methods.split(' ').collect();
    let mut set = |name: &str, value: Json| claims.insert(name.to_owned(), value);
    set("iss", json!(registry.config.issuer.as_str()));
    set("sub", json!(facts.subject));
    set("aud", json!(*facts.client.id));
    set("azp", json!(*facts.client.id));
    set("iat", json!(now.seconds()));
    set("exp", json!(now.after(LIFETIME).seconds()));
    set("auth_time", json!(facts.grant.authenticated_at.seconds()));
    set("acr", json!(authentication::acr(&facts.grant.methods)));
    set("amr", json!(methods));
    set("at_hash", json!(half_hash(alg, facts.access_token)));
    if let Some(session) = &facts.grant.session_id {
        set("sid", json!(session));
    }
    if let Some(nonce) = facts.nonce {
        set("nonce", json!(nonce));
    }
    sign(registry, alg, "JWT", &Json::Object(claims))
}

/// Signs a document of this server with the active key of an algorithm.
///
/// # Errors
/// When no key signs with that algorithm, or the cryptographic library fails.
pub fn sign(registry: &Registry, alg: Alg, typ: &str, claims: &Json) -> Result<String> {
    let keys = registry.live.keys();
    let active = keys
        .active(alg)
        .ok_or_else(|| Error::internal(format_args!("no active key signs with {alg}")))?;
    let header = active.key.prepare_header(typ);
    active
        .key
        .encode(&header, claims.to_string().as_bytes())
        .map_err(Error::internal)
}

/// The left half of the hash of a token, with the hash of the algorithm (OIDC Core §3.1.3.6).
fn half_hash(alg: Alg, token: &str) -> String {
    // Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
    let hash = match alg {
        Alg::EdDsa => digest(&SHA512, token.as_bytes()),
        Alg::Es256 | Alg::Rs256 | Alg::Ps256 => digest(&SHA256, token.as_bytes()),
    };
    let bytes = hash.as_ref();
    BASE64_URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 2])
}

/// What an ID token that comes back as a hint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub subject: String,
    pub client_id: String,
    pub session_id: Option<String>,
}

/// Reads an ID token of this server that somebody sends as a hint; expired ones count as well (OIDC Core §3.1.2.1,
/// RP-Initiated Logout §2). `None` for everything else.
pub fn read_hint(registry: &Registry, text: &str) -> Option<Hint> {
    let token = Compact::parse(text).ok()?;
    token.expect_typ("JWT").ok()?;
    let keys = registry.live.keys();
    let key = keys.public(token.header().kid.as_deref()?)?;
    if key.alg() != Some(token.header().alg) {
        return None;
    }
    token.verify(key).ok()?;
    let claims: Json = serde_json::from_slice(token.payload()).ok()?;
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    // Signed UserInfo says whom it is about and for whom, too, but not until when.
    claims["exp"].as_i64()?;
    (claims["iss"].as_str() == Some(registry.config.issuer.as_str())).then_some(Hint {
        subject: text("sub")?,
        client_id: text("aud")?,
        session_id: text("sid"),
    })
}

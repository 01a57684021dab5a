//! What this server can do. [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414),
//! [OpenID Connect Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html)
//!
//! Derived from the tables of what exists: an endpoint, grant or method that does not work is not in it.

use axum::{body::Bytes, http::HeaderMap, response::Response};
use serde_json::{Value as Json, json};

use super::{path, public};
use crate::{
    config::Config,
    oauth::{
        authentication,
        authorization::{Prompt, ResponseMode},
        claims,
        client::{AuthMethod, GrantType, response_types},
        people_settings::{ResponseAlg, SubjectType},
        scope,
    },
    openid,
};

/// The document, rendered once. Clones share it.
#[derive(Clone)]
pub(super) struct Document {
    body: Bytes,
    etag: String,
}

impl Document {
    /// The document of an instance with this configuration.
    pub(super) fn new(config: &Config) -> Self {
        let (issuer, grants) = (&config.issuer, served(config));
        let secrets: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.word()).collect();
        // Public clients use codes and refresh tokens, and may take their tokens back (RFC 7009 §5).
        let or_none: Vec<&str> = secrets.iter().copied().chain(["none"]).collect();
        let mut document = json!({
            "issuer": issuer.as_str(),
            "authorization_endpoint": issuer.join(path::AUTHORIZE),
            "token_endpoint": issuer.join(path::TOKEN),
            "userinfo_endpoint": issuer.join(path::USERINFO),
            "jwks_uri": issuer.join(path::JWKS),
            "introspection_endpoint": issuer.join(path::INTROSPECT),
            "revocation_endpoint": issuer.join(path::REVOKE),
            "device_authorization_endpoint": issuer.join(path::DEVICE_AUTHORIZATION),
            "end_session_endpoint": issuer.join(openid::END_SESSION),
            "response_types_supported": authorization_response_types(&grants),
            "grant_types_supported": grants,
            "token_endpoint_auth_methods_supported": or_none,
            "introspection_endpoint_auth_methods_supported": secrets,
            "revocation_endpoint_auth_methods_supported": or_none,
        });
        for about in [authorization(config.legacy.implicit_grant), people()] {
            if let (Json::Object(document), Json::Object(more)) = (&mut document, about) {
                document.extend(more);
            }
        }
        let body = document.to_string();
        Self {
            etag: format!("\"{:08x}-{}\"", crc32fast::hash(body.as_bytes()), body.len()),
            body: Bytes::from(body),
        }
    }

    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        public(headers, &self.etag, self.body.clone())
    }
}

/// What the authorization endpoint takes.
fn authorization(implicit: bool) -> Json {
    let modes = ResponseMode::ALL.iter();
    let modes: Vec<&str> = modes
        .filter(|mode| implicit || **mode != ResponseMode::Fragment)
        .map(|mode| mode.word())
        .collect();
    json!({
        "response_modes_supported": modes,
        // RFC 9700 §2.1.1
        "code_challenge_methods_supported": ["S256"],
        // RFC 9207 §3
        "authorization_response_iss_parameter_supported": true,
        // Initiating User Registration via OpenID Connect §4 lists them so.
        "prompt_values_supported": Prompt::ALL,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": true,
        "ui_locales_supported": ["en"],
    })
}

/// What clients learn about people.
fn people() -> Json {
    let protocol = [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "sid",
    ];
    let told = claims::OF_SCOPES
        .iter()
        .flat_map(|(_, claims)| claims.iter().copied());
    let claims: Vec<&str> = protocol.into_iter().chain(told).collect();
    json!({
        "scopes_supported": scope::OIDC,
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "subject_types_supported": SubjectType::ALL,
        "id_token_signing_alg_values_supported": ResponseAlg::ALL,
        "userinfo_signing_alg_values_supported": ResponseAlg::ALL,
        "acr_values_supported": authentication::CLASSES,
        // Back-Channel Logout §2.1
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    })
}

/// The grants that work here: those for migrations only while they are switched on.
fn served(config: &Config) -> Vec<GrantType> {
    let legacy = &config.legacy;
    GrantType::offered(legacy.password_grant, legacy.implicit_grant)
}

/// What the authorization endpoint answers. `token` is shown in clients' details beside client credentials; it is a way
/// to get a token here only by the implicit grant.
fn authorization_response_types(grants: &[GrantType]) -> Vec<&'static str> {
    let implicit = grants.contains(&GrantType::Implicit).then_some("token");
    response_types(grants)
        .into_iter()
        .filter(|kind| *kind != "token")
        .chain(implicit)
        .collect()
}

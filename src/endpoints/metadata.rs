//! What this server can do. [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414),
//! [OpenID Connect Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html)
//!
//! Derived from the tables of what exists: an endpoint, grant or method that does not work is not in it.

use axum::{body::Bytes, http::HeaderMap, response::Response};
use serde_json::json;

use super::{path, public};
use crate::{
    config::Config,
    oauth::client::{AuthMethod, GrantType, response_types},
};

/// The document, rendered once. Clones share it.
#[derive(Clone)]
pub(super) struct Document {
    body: Bytes,
    etag: String,
}

impl Document {
    /// The document of an issuer.
    pub(super) fn new(config: &Config) -> Self {
        let (issuer, grants) = (&config.issuer, served(config));
        let secrets: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.word()).collect();
        let revoking: Vec<&str> = secrets.iter().copied().chain(["none"]).collect();
        let body = json!({
            "issuer": issuer.as_str(),
            "token_endpoint": issuer.join(path::TOKEN),
            "jwks_uri": issuer.join(path::JWKS),
            "introspection_endpoint": issuer.join(path::INTROSPECT),
            "revocation_endpoint": issuer.join(path::REVOKE),
            "device_authorization_endpoint": issuer.join(path::DEVICE_AUTHORIZATION),
            "response_types_supported": authorization_response_types(&grants),
            "grant_types_supported": grants,
            // The grants served so far are for confidential clients.
            "token_endpoint_auth_methods_supported": secrets,
            "introspection_endpoint_auth_methods_supported": secrets,
            // RFC 7009 §5: public clients may take their tokens back.
            "revocation_endpoint_auth_methods_supported": revoking,
        })
        .to_string();
        Self {
            etag: format!("\"{:08x}-{}\"", crc32fast::hash(body.as_bytes()), body.len()),
            body: Bytes::from(body),
        }
    }

    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        public(headers, &self.etag, self.body.clone())
    }
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

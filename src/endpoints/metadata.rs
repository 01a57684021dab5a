//! What this server can do. [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414),
//! [OpenID Connect Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html)
//!
//! Derived from the tables of what exists: an endpoint, grant or method that does not work is not in it.

use axum::{body::Bytes, http::HeaderMap, response::Response};
use serde_json::json;

use super::{path, public};
use crate::{
    config::Issuer,
    grant_types,
    oauth::client::{AuthMethod, response_types},
};

/// The document, rendered once. Clones share it.
#[derive(Clone)]
pub(super) struct Document {
    body: Bytes,
    etag: String,
}

impl Document {
    /// The document of an issuer.
    pub(super) fn new(issuer: &Issuer) -> Self {
        let secrets: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.word()).collect();
        let revoking: Vec<&str> = secrets.iter().copied().chain(["none"]).collect();
        let body = json!({
            "issuer": issuer.as_str(),
            "token_endpoint": issuer.join(path::TOKEN),
            "jwks_uri": issuer.join(path::JWKS),
            "introspection_endpoint": issuer.join(path::INTROSPECT),
            "revocation_endpoint": issuer.join(path::REVOKE),
            "response_types_supported": authorization_response_types(),
            "grant_types_supported": grant_types::SERVED,
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

/// RFC 8414 §2: required, and empty as long as no grant uses the authorization endpoint. `token` is what clients'
/// details show beside client credentials; it is no way to get a token here.
fn authorization_response_types() -> Vec<&'static str> {
    response_types(grant_types::SERVED)
        .into_iter()
        .filter(|kind| *kind != "token")
        .collect()
}

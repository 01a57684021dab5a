//! The public keys that verify what this server signs.
//! [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)

use axum::{extract, http::HeaderMap, response::Response};

use super::public;
use crate::app::State;

pub(super) async fn jwks(extract::State(app): extract::State<State>, headers: HeaderMap) -> Response {
    let keys = app.registry.live.keys();
    public(&headers, &keys.etag, keys.document.clone())
}

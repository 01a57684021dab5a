//! Which pages of other origins may read what an endpoint answers. [Fetch §3.3](https://fetch.spec.whatwg.org/#http-cors-protocol),
//! [RFC 9700 §2.6](https://www.rfc-editor.org/rfc/rfc9700#section-2.6)
//!
//! Apps that run in a browser ask for tokens, revoke them and read claims from there. Their origins are those of the
//! redirect URIs that public clients registered, compared as exact texts; nothing that a request says is believed. No
//! cookie ever counts at these endpoints, and credentials are never allowed. The authorization endpoint, the console and
//! the management API let nobody in.

use axum::{
    extract,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::Incoming;
use crate::{
    app::{App, State},
    oauth::client::Status,
};

/// The origin of the page that sent a request, if a page did.
pub(super) fn origin(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::ORIGIN).iter();
    match (values.next(), values.next()) {
        (Some(one), None) => one.to_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// The origin of the page that sent a request, if it belongs to the client that the request names.
pub(super) fn origin_of_client(app: &App, incoming: &Incoming) -> Option<String> {
    let origin = origin(&incoming.parts.headers)?;
    // A public client proves itself by nothing else, and no other client has an origin.
    let params = incoming.params().ok()?;
    let client = app.registry.live.client(params.one("client_id").ok()??)?;
    (client.status == Status::Active && client.origins().contains(&origin)).then_some(origin)
}

/// Lets a page of this origin read the answer.
pub(super) fn let_in(response: &mut Response, origin: Option<&str>) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// What a browser asks before it sends a request: it names no client, so every origin of a public client is let in.
pub(super) async fn preflight(extract::State(app): extract::State<State>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let known = origin(&headers).filter(|origin| app.registry.live.serves_origin(origin));
    let_in(&mut response, known.as_deref());
    if known.is_some() {
        let mut set = |name, value| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value))
        };
        set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST");
        set(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, dpop",
        );
        set(header::ACCESS_CONTROL_MAX_AGE, "600");
    }
    response
}

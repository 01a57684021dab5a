//! The device authorization endpoint. [RFC 8628 §3.1](https://www.rfc-editor.org/rfc/rfc8628#section-3.1)
//!
//! A `code_challenge` has no meaning here and is ignored like every unknown parameter: what binds the answer is the device
//! code, which only the device ever sees, and its client.

use axum::{
    extract::{self, Request},
    http::header,
    response::{IntoResponse, Redirect, Response},
};

use super::{Incoming, Readers, answer, no_store};
use crate::{
    app::{App, State},
    authorize::device::{self, Asking, Begun, INTERVAL},
    error::Result,
    failures::Endpoint,
    oauth::{client::GrantType, json, refusal::Code, scope},
};

/// Where people answer, below the issuer.
pub const PAGE: &str = "/device";

/// The longest description of a device that is kept.
const LONGEST_AGENT: usize = 200;

pub(super) async fn device_authorization(
    extract::State(app): extract::State<State>,
    request: Request,
) -> Response {
    answer(&app, Endpoint::DeviceAuthorization, Readers::Nobody, request, ask).await
}

async fn ask(app: &App, incoming: &Incoming) -> Result<Response> {
    let registry = &app.registry;
    let now = registry.now();
    registry.live.fresh().await?;
    let params = incoming.params()?;
    params.once(&["resource"])?;
    let caller = incoming.caller_noted(app, &params, now)?;
    app.throttle
        .spend_request(&caller.client.id, registry.clock.monotonic())?;
    if !caller.client.grant_types.contains(&GrantType::DeviceCode) {
        return Err(Code::UnauthorizedClient
            .because("this client is not registered for the device code grant")
            .reason("grant_type.unregistered")
            .into());
    }
    let resources: Vec<String> = params.all("resource").map(str::to_owned).collect();
    let client = &caller.client;
    let scopes = scope::ask(&client.granted, client.oidc(), params.one("scope")?, &resources)?;
    app.throttle
        .spend_device(incoming.ip(), registry.clock.monotonic())?;
    let asking = Asking {
        client,
        scopes,
        ip: incoming.ip().to_string(),
        user_agent: agent(incoming),
    };
    let begun = device::begin(registry, asking, now).await?;
    Ok(render(app, &begun))
}

/// How the device calls itself: what can be shown of it, and not too much.
fn agent(incoming: &Incoming) -> String {
    let text = incoming.parts.headers.get(header::USER_AGENT);
    let text = text.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_AGENT)
        .collect()
}

/// RFC 8628 §3.2.
fn render(app: &App, begun: &Begun) -> Response {
    let config = &app.registry.config;
    let (page, user_code) = (config.issuer.join(PAGE), begun.user_code.to_string());
    let mut body = String::with_capacity(320);
    body.push_str("{\"device_code\":");
    json::push_string(&mut body, &begun.device_code);
    json::push_member(&mut body, "user_code", &user_code);
    json::push_member(&mut body, "verification_uri", &page);
    json::push_member(
        &mut body,
        "verification_uri_complete",
        &format!("{page}?user_code={user_code}"),
    );
    json::push_number(&mut body, "expires_in", config.lifetimes.device_code.as_seconds());
    json::push_number(&mut body, "interval", INTERVAL.as_seconds());
    body.push('}');
    no_store(body)
}

/// The page where people answer, for an issuer with a path: pages have none.
pub(super) async fn page(request: Request) -> Response {
    let query = request.uri().query().map(|query| format!("?{query}"));
    Redirect::to(&format!("{PAGE}{}", query.unwrap_or_default())).into_response()
}

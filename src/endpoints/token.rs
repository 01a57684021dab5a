//! The token endpoint. [RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)
//!
//! Parse, authenticate, redeem, issue, render: no statement reaches the database for client credentials; for a person, at
//! most one transaction does.

use axum::{
    extract::{self, Request},
    response::Response,
};

use super::{Incoming, Readers, answer, no_store};
use crate::{
    app::{App, State},
    error::Result,
    failures::Endpoint,
    grant_types::{Exchange, Source},
    issue::{self, Tokens},
    oauth::{client::GrantType, json},
};

pub(super) async fn token(extract::State(app): extract::State<State>, request: Request) -> Response {
    answer(&app, Endpoint::Token, Readers::Pages, request, exchange).await
}

async fn exchange(app: &App, incoming: &Incoming) -> Result<Response> {
    let now = app.registry.now();
    app.registry.live.fresh().await?;
    let params = incoming.params()?;
    // `scope` is for the grant to judge: personal credentials may repeat it.
    params.once(&["resource", "scope"])?;
    let caller = incoming.caller(app, &params, now)?;
    app.throttle
        .spend_request(&caller.client.id, app.registry.clock.monotonic())?;
    if params.one("grant_type")? == Some(GrantType::Password.word())
        && app.registry.config.legacy.password_grant
    {
        // What the sign-in page asks of an address.
        app.throttle
            .spend_sign_in(incoming.ip(), app.registry.clock.monotonic())?;
    }
    let exchange = Exchange {
        registry: &app.registry,
        params: &params,
        caller: &caller,
        source: Source {
            ip: incoming.ip(),
            request_id: incoming.request_id(),
        },
        now,
    };
    Ok(render(&issue::exchange(&exchange).await?))
}

/// RFC 6749 §5.1. The scope is always told, also where it is what was asked for.
fn render(tokens: &Tokens) -> Response {
    let mut body = String::with_capacity(tokens.access_token.len() + tokens.scope.len() + 96);
    body.push_str("{\"access_token\":");
    json::push_string(&mut body, &tokens.access_token);
    json::push_member(&mut body, "token_type", "Bearer");
    json::push_number(&mut body, "expires_in", tokens.expires_in.as_seconds());
    json::push_member(&mut body, "scope", &tokens.scope);
    if let Some(refresh_token) = &tokens.refresh_token {
        json::push_member(&mut body, "refresh_token", refresh_token);
    }
    if let Some(id_token) = &tokens.id_token {
        json::push_member(&mut body, "id_token", id_token);
    }
    body.push('}');
    no_store(body)
}

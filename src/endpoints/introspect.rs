//! Token introspection. [RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)
//!
//! Of a refresh token only its own client learns; the answer then has no `token_type`, which is about access tokens.
//! Answers only a confidential client that owns the token or is an audience of it. Whatever else is the matter (the
//! token is unknown, expired, revoked, or none of the caller's business), the answer is the same and says nothing more.

use axum::{
    extract::{self, Request},
    response::Response,
};

use super::{Incoming, Readers, answer, no_store};
use crate::{
    access_token::{self, AccessToken, ActiveToken},
    app::{App, State},
    error::Result,
    failures::Endpoint,
    grant_types::refresh_token,
    live,
    oauth::{client::Kind, json},
    openid,
    store::grants::Grant,
};

pub(super) async fn introspect(extract::State(app): extract::State<State>, request: Request) -> Response {
    answer(&app, Endpoint::Introspect, Readers::Nobody, request, look).await
}

async fn look(app: &App, incoming: &Incoming) -> Result<Response> {
    let now = app.registry.now();
    app.registry.live.fresh().await?;
    let params = incoming.params()?;
    params.once(&[])?;
    let caller = incoming.caller_noted(app, &params, now)?;
    caller.must_be_confidential()?;
    // RFC 7662 §2.1: `token_type_hint` only helps to search, and there is one place to look.
    let text = params.required("token")?;
    let known = access_token::read(&app.registry, text).and_then(|token| {
        let active = access_token::check_active(&app.registry, &token, now)?;
        concerns(&caller.client, &active).then_some((token, active))
    });
    let issuer = app.registry.config.issuer.as_str();
    let known = match known {
        Some((token, active)) => Some(render(issuer, &token, &active)),
        None => refresh_token::find_active(&app.registry, &caller.client, text, now)
            .await?
            .and_then(|grant| render_refresh_token(app, &caller.client, &grant)),
    };
    Ok(no_store(
        known.unwrap_or_else(|| String::from("{\"active\":false}")),
    ))
}

/// What a refresh token stands for; `None` if nothing of what the person gave is granted to the client any more.
fn render_refresh_token(app: &App, client: &live::Client, grant: &Grant) -> Option<String> {
    let scopes: Vec<&str> = grant
        .scopes
        .iter()
        .filter(|key| client.holds(key, grant.client_epoch))
        .map(|key| key.value.as_ref())
        .collect();
    if scopes.is_empty() {
        return None;
    }
    let mut body = String::with_capacity(300);
    body.push_str("{\"active\":true");
    json::push_member(&mut body, "scope", &scopes.join(" "));
    json::push_member(&mut body, "client_id", &client.id);
    json::push_member(
        &mut body,
        "sub",
        &openid::subject(&app.registry, client, &grant.user_id),
    );
    json::push_member(&mut body, "iss", app.registry.config.issuer.as_str());
    let ends = grant.idle_expires_at.min(grant.expires_at);
    json::push_number(&mut body, "exp", ends.seconds());
    json::push_number(
        &mut body,
        "iat",
        grant.rotated_at.unwrap_or(grant.created_at).seconds(),
    );
    body.push('}');
    Some(body)
}

/// Whether a token is any of a client's business: its own, or one for an API that the client stands for. That is a
/// client of the organisation that has the API, with access to it; for the built-in API, a system client. A personal
/// credential stands for its person, never for an API.
fn concerns(caller: &live::Client, token: &ActiveToken) -> bool {
    let api = &token.api;
    token.client.id == caller.id
        || match &api.org_id {
            Some(org_id) => {
                *org_id == caller.org_id
                    && caller.kind != Kind::Personal
                    && caller.granted.iter().any(|granted| granted.api == api.id)
            }
            None => caller.kind == Kind::System,
        }
}

/// RFC 7662 §2.2
fn render(issuer: &str, token: &AccessToken, active: &ActiveToken) -> String {
    let mut body = String::with_capacity(issuer.len() + token.scope.len() + active.api.audience.len() + 330);
    body.push_str("{\"active\":true");
    json::push_member(&mut body, "scope", &token.scope);
    json::push_member(&mut body, "client_id", &token.client_id);
    json::push_member(&mut body, "sub", &token.subject);
    json::push_member(&mut body, "aud", &active.api.audience);
    json::push_member(&mut body, "iss", issuer);
    json::push_number(&mut body, "exp", token.expires_at.seconds());
    json::push_number(&mut body, "iat", token.issued_at.seconds());
    json::push_member(&mut body, "token_type", "Bearer");
    json::push_member(&mut body, "jti", &token.jti);
    json::push_member(&mut body, "org_id", &active.client.org_id);
    if token.test {
        body.push_str(",\"test\":true");
    }
    body.push('}');
    body
}

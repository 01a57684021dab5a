//! Token revocation. [RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)
//!
//! A refresh token takes the whole grant with it, and every access token that was issued for it (RFC 7009 §2.1).
//! A client takes back its own tokens only; of a token that is not its own it learns nothing. 200 means that the
//! revocation is on disk and that this node no longer calls the token active.

use axum::{
    extract::{self, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Incoming, Readers, answer};
use crate::{
    access_token::{self, AccessToken},
    app::{App, State},
    client_auth::Caller,
    error::Result,
    failures::Endpoint,
    grant_types::refresh_token::{self, Named},
    issue::take_back,
    oauth::client::Origin,
    registry::{
        access::{Actor, ActorKind},
        grants,
    },
    store,
    time::Timestamp,
};

pub(super) async fn revoke(extract::State(app): extract::State<State>, request: Request) -> Response {
    answer(&app, Endpoint::Revoke, Readers::Pages, request, take_back).await
}

async fn take_back(app: &App, incoming: &Incoming) -> Result<Response> {
    let now = app.registry.now();
    app.registry.live.fresh().await?;
    let params = incoming.params()?;
    params.once(&[])?;
    let caller = incoming.caller_noted(app, &params, now)?;
    // RFC 7009 §2.1: `token_type_hint` only helps to search, and there is one place to look.
    let text = params.required("token")?;
    let token = access_token::read(&app.registry, text).filter(|token| {
        // RFC 7009 §2.1: only the client that the token was issued to.
        token.client_id == *caller.client.id
            // This clock may be ahead of the token's, and be put right again.
            && token.expires_at > app.registry.live.past().at()
            && !app.registry.live.is_revoked(&token.jti)
    });
    if let Some(token) = token {
        cut(app, incoming, &caller, &token, now).await?;
    } else if let Some(named) = refresh_token::read(&app.registry.keyring, text) {
        end(app, incoming, &caller, &named).await?;
    }
    // RFC 7009 §2.2: also for a token that is invalid anyway.
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}

fn actor(incoming: &Incoming, caller: &Caller) -> Actor {
    Actor {
        kind: ActorKind::Client,
        id: caller.client.id.to_string(),
        name: caller.client.id.to_string(),
        ip: Some(incoming.ip().to_string()),
        request_id: incoming.request_id().to_owned(),
        origin: Origin::Api,
    }
}

/// Ends what a refresh token stands on, and with it every token that was issued for the same (RFC 7009 §2.1). One that
/// was used before will do: it names the same grant.
async fn end(app: &App, incoming: &Incoming, caller: &Caller, named: &Named) -> Result<()> {
    let grant = store::grants::find(app.registry.db(), &named.grant_id).await?;
    if let Some(grant) = grant.filter(|grant| *grant.client_id == *caller.client.id) {
        grants::end(&app.registry, &actor(incoming, caller), &grant, "client_revoked").await?;
    }
    Ok(())
}

/// Writes the revocation down, and waits until it holds.
async fn cut(
    app: &App,
    incoming: &Incoming,
    caller: &Caller,
    token: &AccessToken,
    now: Timestamp,
) -> Result<()> {
    let actor = actor(incoming, caller);
    take_back::cut_off(&app.registry, &actor, &caller.client.org_id, token, now).await
}

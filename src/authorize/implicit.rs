//! For migrations only: the answer is an access token, in the fragment of the redirect.
//! [RFC 6749 §4.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.2), against the advice of
//! [RFC 9700 §2.1.2](https://www.rfc-editor.org/rfc/rfc9700#section-2.1.2)
//!
//! The grant is written down like any other, so that whoever takes it back ends the token; it has no refresh tokens.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::response::Response;

use super::{answer::Back, approve::Approval};
use crate::{
    client_auth::Caller,
    error::Result,
    grant_types::{self, Exchange, Source},
    issue::{self, Tokens},
    oauth::params::Params,
    registry::{
        Registry,
        access::Actor,
        grants::{self, Giver},
    },
    time::Timestamp,
};

/// Writes down a grant and makes its one token.
///
/// # Errors
/// As [`code`](super::approve::answer); `invalid_target` for scopes of several audiences.
pub(super) async fn tokens(
    registry: &Registry,
    actor: &Actor,
    approval: &Approval<'_>,
    now: Timestamp,
) -> Result<Tokens> {
    let opened = approval.opened;
    let giver = Giver::of(&approval.visitor.session);
    let grant = grants::draft(registry, &opened.client, giver, &approval.scopes, false, now);
    let batch = approval.batch(registry, actor, &grant, now);
    let ip = actor.ip.as_deref().and_then(|ip| ip.parse().ok());
    let exchange = Exchange {
        registry,
        params: &Params::default(),
        caller: &Caller {
            client: Arc::clone(&opened.client),
            secret_id: None,
        },
        source: Source {
            ip: ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            request_id: &actor.request_id,
        },
        now,
    };
    let resources: Vec<&str> = opened.wishes.resources.iter().map(String::as_str).collect();
    let ruling = grant_types::straight(&exchange, Box::new(grant), batch, &resources)?;
    issue::straight(&exchange, ruling).await
}

/// Hands the token to the client. RFC 6749 §4.2.2.
pub(super) fn answer(back: &Back, tokens: &Tokens) -> Response {
    let expires_in = tokens.expires_in.as_seconds().to_string();
    back.answer(&[
        ("access_token", &tokens.access_token),
        ("token_type", "Bearer"),
        ("expires_in", &expires_in),
        ("scope", &tokens.scope),
    ])
}

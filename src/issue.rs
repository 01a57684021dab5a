//! Carries out a [`Ruling`]: mints the tokens it approves and notes the use.
//! [RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
//!
//! The only way from a ruling to a token. Uses are gathered in memory, so nothing is written here.

use std::net::IpAddr;

use crate::{
    access_token::{self, Claims},
    activity::Issued,
    client_auth::Caller,
    error::Result,
    grant_types::Ruling,
    oauth::refusal::Code,
    registry::Registry,
    time::{Lifetime, Timestamp},
};

/// What the client gets.
pub struct Tokens {
    pub access_token: String,
    pub expires_in: Lifetime,
    pub scope: String,
}

/// Carries out a ruling.
///
/// # Errors
/// When the token cannot be signed.
pub fn issue(
    registry: &Registry,
    caller: &Caller,
    ruling: Ruling<'_>,
    ip: IpAddr,
    now: Timestamp,
) -> Result<Tokens> {
    let Ruling::Approve(approval) = ruling;
    let api = registry
        .live
        .api(&approval.granted.api)
        // It can only just have been deleted.
        .ok_or_else(|| Code::InvalidTarget.because("the API of these scopes is gone"))?;
    let scope = approval.values.join(" ");
    let claims = Claims {
        client: &caller.client,
        api: &api,
        subject: approval.subject,
        scope: &scope,
    };
    let minted = access_token::mint(registry, claims, now)?;
    let issued = Issued {
        format: minted.format,
        expires_at: minted.expires_at,
        epoch: caller.client.epoch,
    };
    registry.activity.note(
        &caller.client.id,
        caller.secret_id.as_ref(),
        ip,
        now,
        Some(issued),
    );
    Ok(Tokens {
        access_token: minted.text,
        expires_in: minted.lifetime,
        scope,
    })
}

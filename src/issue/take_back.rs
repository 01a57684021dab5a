//! One access token is cut off before its time: by its client ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)), or by
//! whoever looks after the client.

use std::sync::Arc;

use serde_json::json;

use crate::{
    access_token::{self, AccessToken, Target},
    activity::Issued,
    db::Batch,
    error::Result,
    live,
    oauth::refusal::Code,
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        announce, clients,
    },
    store::{self, changes},
    time::Timestamp,
};

/// The statements that cut a token off, and the event that says who did.
fn batch(registry: &Registry, actor: &Actor, org_id: &str, token: &AccessToken, now: Timestamp) -> Batch {
    let resource = Resource {
        kind: "token",
        id: &token.jti,
        name: "",
    };
    let details =
        json!({ "client_id": token.client_id, "format": token.format, "expires_at": token.expires_at });
    let event = registry.event(actor, org_id, "token.revoked", resource, details);
    let mut batch = Batch::from(store::revocations::add(
        &token.jti,
        &token.client_id,
        now,
        token.expires_at,
    ));
    let subject = store::revocations::subject(&token.jti, token.expires_at);
    announce(&mut batch, changes::Kind::Token, &subject, now);
    batch.push(store::audit::append(&event));
    batch
}

/// Cuts a token off.
///
/// # Errors
/// When the storage fails; nothing was changed then.
pub async fn cut_off(
    registry: &Registry,
    actor: &Actor,
    org_id: &str,
    token: &AccessToken,
    now: Timestamp,
) -> Result<()> {
    let batch = batch(registry, actor, org_id, token, now);
    let done = registry.live.commit(batch).await?;
    // Of several requests for the same token, one is the first.
    if done.first().is_some_and(|added| added.rows == 1)
        && let Some(client) = registry.live.client(&token.client_id)
    {
        note(registry, &client, token);
    }
    Ok(())
}

/// One token less that is out.
fn note(registry: &Registry, client: &live::Client, token: &AccessToken) {
    let api = match &token.target {
        Target::Audience(audience) if **audience == *registry.userinfo.audience => {
            Some(Arc::clone(&registry.userinfo.id))
        }
        Target::Audience(audience) => registry.live.api_of(audience).map(|api| Arc::clone(&api.id)),
        Target::Api(id) => Some(Arc::from(id.as_str())),
    };
    // Tokens for an API that is gone are dead anyway.
    let Some(api) = api else { return };
    let taken_back = Issued {
        format: token.format,
        api: &api,
        scope: &token.scope,
        grant: token.grant_id.as_deref(),
        expires_at: token.expires_at,
        epoch: token.incarnation,
    };
    registry.activity.note_taken_back(client, taken_back);
}

/// Cuts off a token of a client; one that does not count any more stays as it is.
///
/// # Errors
/// `not_found` for a client of others, and for a token that is not this client's; missing permission.
pub async fn one(registry: &Registry, access: &Access, client_id: &str, text: &str) -> Result<()> {
    access.require(Permission::ClientsWrite)?;
    let client = clients::find(registry, access, client_id).await?;
    let token = access_token::read(registry, text.trim()).filter(|token| token.client_id == client.client_id);
    let token = token.ok_or_else(|| Code::NotFound.because("this is no access token of this client"))?;
    let now = registry.now();
    // This clock may be ahead of the token's, and be put right again.
    let expired = token.expires_at <= registry.live.past().at();
    if access.dry_run || expired || registry.live.is_revoked(&token.jti) {
        return Ok(());
    }
    cut_off(registry, &access.actor, &client.org_id, &token, now).await
}

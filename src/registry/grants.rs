//! What people gave clients, and how it ends. A grant that ends takes every token that was issued for it along, on the
//! next request.

use serde_json::json;

use crate::{
    db::Batch,
    error::Result,
    registry::{Registry, Resource, access::Actor, announce},
    store::{
        self, changes,
        grants::{Grant, Which},
    },
};

/// Ends one grant, because of what its client did.
///
/// # Errors
/// When the storage fails; the grant may live on then, and the caller must not say that it ended.
pub async fn end(registry: &Registry, actor: &Actor, grant: &Grant, why: &'static str) -> Result<()> {
    if grant.revoked_at.is_some() {
        return Ok(());
    }
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::grants::revoke(Which::One(&grant.id), why, now));
    announce(&mut batch, changes::Kind::Person, &grant.user_id, now);
    let resource = Resource {
        kind: "grant",
        id: &grant.id,
        name: &grant.client_id,
    };
    let details = json!({ "client_id": grant.client_id, "user": grant.user_id, "why": why });
    let event = registry.event(actor, &grant.org_id, "grant.revoked", resource, details);
    batch.push(store::audit::append(&event));
    registry.live.commit(batch).await?;
    Ok(())
}

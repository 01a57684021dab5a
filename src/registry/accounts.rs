//! People of the whole instance, beside the organisations they belong to.

use serde_json::Value as Json;

use crate::{
    db::Statement,
    error::Result,
    registry::{Registry, Resource, access::Actor},
    store::{self, users::User},
};

/// What happened to an account, for the log of each organisation that its person belongs to; for the instance's own
/// when there is none.
///
/// # Errors
/// When the storage fails.
pub(super) async fn events(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    action: &str,
    details: &Json,
) -> Result<Vec<Statement>> {
    let organizations = store::users::organizations_of(registry.db(), &user.id).await?;
    let resource = Resource {
        kind: "user",
        id: &user.id,
        name: &user.username,
    };
    let mut events: Vec<_> = organizations
        .iter()
        .map(|(org, ..)| registry.event(actor, org, action, resource, details.clone()))
        .collect();
    if events.is_empty() {
        let mut event = registry.event(actor, "", action, resource, details.clone());
        event.org_id = None;
        events.push(event);
    }
    Ok(events.iter().map(store::audit::append).collect())
}

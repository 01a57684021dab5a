//! Ada's own credential at Globex, where she is a member, and one that she prepared for mel.

use super::Demo;
use crate::{
    error::Result,
    registry::{
        access::{Access, Permission, Permissions},
        client_input::ScopeRef,
        credential_offers,
        credentials::{self, NewCredential},
        secrets::Term,
    },
    store::{self, users::Role},
};

fn new(name: &str, description: &str) -> NewCredential {
    NewCredential {
        name: name.to_owned(),
        description: description.to_owned(),
        scopes: vec![ScopeRef::text("workspace:read")],
        term: Term::Default,
        term_at: "/expires",
    }
}

/// Makes both, unless that was done or the feature is off.
pub(super) async fn provision(acme: &Demo, globex: &Demo) -> Result<()> {
    let registry = &globex.registry;
    if credentials::check_available(registry).is_err() {
        return Ok(());
    }
    let ada = globex.access.actor.id.as_str();
    let own = Access {
        permissions: Permissions::of_role(Role::Member).with(Permission::AccountWrite),
        ..globex.access.clone()
    };
    if credentials::of_person(registry, &own, ada).await?.is_empty() {
        let then = globex.then(globex.hours_ago(24 * 12));
        let report = new("Nightly report", "Cron on ada's workstation");
        credentials::create(&then, &own, ada, &report).await?;
    }
    let mel = store::users::find_by_username(registry.db(), "mel").await?;
    if let Some(mel) = mel
        && credential_offers::list(registry, &acme.access).await?.is_empty()
    {
        let upload = new("Meter upload", "Uploads readings from the field laptop");
        credential_offers::offer(&acme.registry, &acme.access, &mel.id, &upload).await?;
    }
    Ok(())
}

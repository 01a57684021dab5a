//! Erasing a person from the log: what is personal in the entries of what they did, and of what was done to them, goes with
//! its salt. The chain holds, and says which entries were redacted.

use serde_json::json;

use crate::{
    db::Batch,
    error::Result,
    registry::{
        Registry, Resource,
        access::{Access, Permission},
    },
    store::{self, audit::Which},
};

/// How many entries are redacted in one transaction.
const AT_ONCE: i64 = 200;
/// What is said of it.
pub const REDACTED: &str = "audit.redacted";

/// Erases a person from the entries of every organisation; returns how many. Entries of the first format are sealed whole:
/// they go when they are old.
///
/// # Errors
/// Missing permission; when the storage fails.
pub async fn person(registry: &Registry, access: &Access, user_id: &str) -> Result<i64> {
    access.require(Permission::InstanceWrite)?;
    let mut all = 0;
    loop {
        let events = store::audit::about(registry.db(), user_id, AT_ONCE).await?;
        let Some(first) = events.first() else {
            return Ok(all);
        };
        // A transaction tells one chain what became of it.
        let chain = first.org_id.clone();
        let mut batch = Batch::default();
        let mut entries = 0_i64;
        for event in events.iter().filter(|event| event.org_id == chain) {
            if event.actor_id == user_id {
                batch.push(store::audit::erase(&registry.keyring, &event.id, Which::Who));
            }
            if event.resource_id == user_id {
                batch.push(store::audit::erase(&registry.keyring, &event.id, Which::What));
            }
            entries += 1;
        }
        let resource = Resource {
            kind: "organization",
            id: chain.as_deref().unwrap_or_default(),
            name: "",
        };
        let details = json!({ "entries": entries, "person": user_id });
        let mut note = registry.event(&access.actor, resource.id, REDACTED, resource, details);
        note.org_id = chain;
        batch.push(store::audit::append(&note));
        registry.commit(access, batch).await?;
        if access.dry_run {
            return Ok(entries);
        }
        all += entries;
    }
}

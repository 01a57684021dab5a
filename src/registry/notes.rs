//! What somebody should know about a client: notes, not errors.

use crate::{
    error::Result,
    registry::{Registry, access::Access, addresses},
    store::{self, clients::Client},
};

/// Something to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A stable word.
    pub code: &'static str,
    pub detail: String,
    /// The other clients that it is about.
    pub clients: Vec<String>,
}

/// The notes about a client as it was just written.
///
/// # Errors
/// When the storage fails.
pub async fn of(registry: &Registry, access: &Access, client: &Client) -> Result<Vec<Note>> {
    let mut notes = addresses::notes(&registry.boundary_of(&access.org), client);
    let (org, id) = (&client.org_id, &client.client_id);
    let others = store::clients::namesakes(registry.db(), org, &client.name, id).await?;
    if others.is_empty() {
        return Ok(notes);
    }
    let count = match others.len() {
        1 => "Another client has".to_owned(),
        n => format!("{n} other clients have"),
    };
    notes.push(Note {
        code: "name.taken",
        detail: format!("{count} this name. That is allowed; a name that tells them apart is better."),
        clients: others.into_iter().take(10).collect(),
    });
    Ok(notes)
}

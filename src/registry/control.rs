//! Nobody controls a client that may do more than they: whoever decides where its answers go or how it proves itself acts
//! as it, sooner or later. [RFC 9700 §4.1](https://www.rfc-editor.org/rfc/rfc9700#section-4.1)
//!
//! Secrets are not the only credentials of a client. A redirect URI gets its codes, a switched-off consent gives what nobody
//! is asked for, enabling brings back what somebody cut off. What does none of that is listed by name ([`HARMLESS`]), so
//! that a setting which is added later counts as a credential until somebody decides otherwise.

use serde_json::{Map, Value as Json};

use crate::{
    error::Result,
    oauth::{client::Kind, refusal::Code},
    registry::{
        Registry,
        access::{Access, Permission},
        client_input, clients,
    },
    store::{self, apis::Api, clients::Client},
};

/// The settings of a client, as an event names them, with which nobody becomes it. What scopes somebody may give is asked
/// where they are given.
const HARMLESS: [&str; 8] = [
    "name",
    "description",
    "home_page",
    "access_token_lifetime",
    "file_key",
    "scopes",
    "oidc_scopes",
    "optional_scopes",
];

/// Whether a change is equal to a credential; `changed` are the members that differ.
pub(super) fn is_credential(before: &Client, after: &Client, changed: &Map<String, Json>) -> bool {
    before.kind != after.kind || changed.keys().any(|name| !HARMLESS.contains(&name.as_str()))
}

/// Whether a change gives a client a scope of the management API that it did not have.
pub(super) fn gives_management(before: &Client, after: &Client, apis: &[Api]) -> bool {
    let new = after.scopes.iter().filter(|pair| !before.scopes.contains(pair));
    new.into_iter().any(|(api_id, value)| {
        let api = apis.iter().find(|api| api.id == *api_id);
        api.is_some_and(|api| api.org_id.is_none()) && Permission::parse(value).is_some()
    })
}

/// Whether a change takes a scope of the management API from a client that whoever changes it does not hold. They could
/// control what is left, and wait until somebody gives it back.
pub(super) fn takes_beyond(access: &Access, before: &Client, after: &Client, apis: &[Api]) -> bool {
    let taken = before.scopes.iter().filter(|pair| !after.scopes.contains(pair));
    let taken: Vec<(String, String)> = taken.cloned().collect();
    !client_input::covers(access.permissions, apis, &taken)
}

/// Asks whether somebody may control a client, and writes the attempt down if not.
///
/// # Errors
/// `forbidden` for a client that holds a scope of the management API which they do not hold.
pub(super) async fn check(registry: &Registry, access: &Access, client: &Client, action: &str) -> Result<()> {
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    // What belongs to a person is judged by what that person may do.
    if client.kind == Kind::Personal || client_input::covers(access.permissions, &apis, &client.scopes) {
        return Ok(());
    }
    let why = "this client may do more than you: its secrets, redirect URIs, grants, consent, keys and whether it is \
               enabled are for somebody who holds all its management scopes";
    registry
        .note_refusal(access, action, clients::resource(client), why)
        .await;
    Err(Code::Forbidden.because(why).reason("client.beyond_yours").into())
}

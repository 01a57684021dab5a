//! Addresses of clients that were saved under another rule than today's. They keep their meaning: a redirect URI goes on
//! working, and stays when something else is changed. But nothing is sent where the boundary does not let this server go,
//! and whoever looks after the client is told of both.

use crate::{
    live,
    oauth::{boundary::Boundary, client::ApplicationType},
    registry::{Registry, notes::Note},
    store::{clients::Client, organizations::Organization},
};

/// The code of a note about a redirect URI that could not be registered today.
pub const REFUSED: &str = "uri.refused";
/// The code of a note about an address that this server does not call.
pub const NOT_CALLED: &str = "uri.not_called";

/// The addresses of a client.
struct Addresses<'a> {
    application_type: ApplicationType,
    redirect_uris: &'a [String],
    post_logout_redirect_uris: &'a [String],
    backchannel_logout_uri: Option<&'a str>,
}

/// A note for each address of a client that today's rule refuses.
pub fn notes(boundary: &Boundary, client: &Client) -> Vec<Note> {
    judge(
        boundary,
        &Addresses {
            application_type: client.application_type,
            redirect_uris: &client.redirect_uris,
            post_logout_redirect_uris: &client.people.post_logout_redirect_uris,
            backchannel_logout_uri: client.people.backchannel_logout_uri.as_deref(),
        },
    )
}

/// The clients of an organisation that have such addresses, by name, with the notes of each. Read from memory.
pub fn of_organization(registry: &Registry, org: &Organization) -> Vec<(String, String, Vec<Note>)> {
    let boundary = registry.boundary_of(org);
    let judged = |client: &live::Client| {
        let people = client.for_people.as_deref()?;
        let notes = judge(
            &boundary,
            &Addresses {
                application_type: client.application_type,
                redirect_uris: &people.redirect_uris,
                post_logout_redirect_uris: &people.post_logout_redirect_uris,
                backchannel_logout_uri: people.backchannel_logout_uri.as_deref(),
            },
        );
        (!notes.is_empty()).then(|| (people.name.to_string(), client.id.to_string(), notes))
    };
    let clients = registry.live.clients_of(&org.id);
    let mut found: Vec<_> = clients.iter().filter_map(|client| judged(client)).collect();
    found.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    found
}

fn judge(boundary: &Boundary, addresses: &Addresses<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut redirects = |uris: &[String], what: &str| {
        for uri in uris {
            if let Err(objection) = boundary.check_redirect(uri, addresses.application_type) {
                notes.push(Note {
                    code: REFUSED,
                    detail: format!(
                        "The {what} {uri} goes on working, but could not be registered today: {}",
                        objection.detail
                    ),
                    clients: Vec::new(),
                });
            }
        }
    };
    redirects(addresses.redirect_uris, "redirect URI");
    redirects(addresses.post_logout_redirect_uris, "post-logout redirect URI");
    if let Some(uri) = addresses.backchannel_logout_uri
        && let Err(objection) = boundary.destination(uri)
    {
        notes.push(Note {
            code: NOT_CALLED,
            detail: format!(
                "The logout URI {uri} is not called, so the client does not learn of sign-outs: {}",
                objection.detail
            ),
            clients: Vec::new(),
        });
    }
    notes
}

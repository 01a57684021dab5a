//! `/api/v1`: everything that can be managed.

mod account; // what belongs to a person
mod activity; // what happened
mod apis; // resource servers
mod client_changes; // creating, editing, cutting off
mod client_grants; // what people gave them
mod client_input; // their settings as somebody sends them
mod client_list; // filters, order, parts
mod clients; // one client as it is shown
mod credential_offers; // prepared for a member
mod credentials; // clients that belong to a person
mod factors; // second factors that got lost
mod failures; // why requests of clients were refused
mod impact; // what a cut would cut
mod invitations; // on their way in
mod keys; // signing keys
mod least_privilege; // scopes that nobody asks for
mod me; // who calls, and whom
mod members; // people
mod organizations; // tenants
mod scopes; // what an API distinguishes
mod secrets; // rotating and ending
mod transfers; // clients that move
mod trials; // trying a client out, looking into a token
mod usage; // how a client is used
mod users; // people of the whole instance
mod webhooks; // addresses that are told what happens

use serde::{Deserialize, Deserializer};

use super::operation::Operation;

/// Every operation.
pub fn operations() -> Vec<Operation> {
    [
        me::operations(),
        organizations::operations(),
        client_list::operations(),
        impact::operations(),
        usage::operations(),
        client_changes::operations(),
        least_privilege::operations(),
        client_grants::operations(),
        secrets::operations(),
        apis::operations(),
        scopes::operations(),
        members::operations(),
        invitations::operations(),
        trials::operations(),
        activity::operations(),
        failures::operations(),
        webhooks::operations(),
        keys::operations(),
        account::operations(),
        credentials::operations(),
        credential_offers::operations(),
        users::operations(),
        transfers::operations(),
        factors::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A member of a merge patch that may be `null`: outer `None` when it does not come.
fn sent<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

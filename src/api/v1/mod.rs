//! `/api/v1`: everything that can be managed.

mod account; // what belongs to a person
mod activity; // what happened
mod apis; // resource servers
mod client_changes; // creating, editing, cutting off
mod client_input; // their settings as somebody sends them
mod client_list; // filters, order, parts
mod clients; // one client as it is shown
mod factors; // second factors that got lost
mod failures; // why requests of clients were refused
mod invitations; // on their way in
mod keys; // signing keys
mod me; // who calls, and whom
mod members; // people
mod organizations; // tenants
mod scopes; // what an API distinguishes
mod secrets; // rotating and ending
mod trials; // trying a client out, looking into a token
mod users; // people of the whole instance

use serde::{Deserialize, Deserializer};

use super::operation::Operation;

/// Every operation.
pub fn operations() -> Vec<Operation> {
    [
        me::operations(),
        organizations::operations(),
        client_list::operations(),
        client_changes::operations(),
        secrets::operations(),
        apis::operations(),
        scopes::operations(),
        members::operations(),
        invitations::operations(),
        trials::operations(),
        activity::operations(),
        failures::operations(),
        keys::operations(),
        account::operations(),
        users::operations(),
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

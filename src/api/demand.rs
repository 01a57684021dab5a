//! What each operation demands of the person for whom it is called, beside its scope ([`Demand`]). A client in its own name
//! is not asked. The functions of the registry do the asking; a test calls each operation with an old sign-in and holds the
//! answer against this table, so that the two cannot disagree.

use super::{operation::Operation, reads};
use crate::registry::assurance::Demand::{self, Depends, Fresh, Present};

/// Everything that changes something, by the name it has in the document. What is missing here fails a test.
pub(super) const DEMANDS: &[(&str, Demand)] = &[
    ("acceptTransfer", Fresh),
    ("addMember", Fresh),
    ("addSecret", Fresh),
    ("copyClient", Fresh),
    ("createApi", Present),
    ("createApplication", Fresh),
    ("createClient", Fresh),
    ("createCredentialFor", Fresh),
    ("createOAuth2ClientCredential", Fresh),
    ("createOrganization", Fresh),
    ("createOwnCredential", Fresh),
    ("createScope", Depends),
    ("createWebhook", Fresh),
    ("declineTransfer", Present),
    ("deleteApi", Fresh),
    ("deleteClient", Fresh),
    ("deleteOAuth2ClientCredential", Fresh),
    ("deleteOwnCredential", Fresh),
    ("deleteScope", Fresh),
    ("deleteWebhook", Fresh),
    // For good: fresh.
    ("disableApplication", Depends),
    // To be deleted on a day: fresh.
    ("disableClient", Depends),
    ("editApi", Present),
    ("editApplication", Depends),
    ("editClient", Depends),
    ("editMember", Fresh),
    ("editOrganization", Depends),
    ("editOwnCredential", Fresh),
    ("editScope", Depends),
    ("editSecret", Fresh),
    ("editUser", Fresh),
    ("editWebhook", Fresh),
    ("enableApplication", Fresh),
    ("enableClient", Fresh),
    ("endSecret", Fresh),
    ("endSession", Present),
    ("inspectToken", Present),
    ("invite", Fresh),
    ("issueTestToken", Fresh),
    ("makeRecoveryLink", Fresh),
    ("offerClient", Fresh),
    ("offerCredential", Fresh),
    ("previewToken", Present),
    ("redeliverWebhookDelivery", Present),
    ("removeApp", Present),
    ("removeMember", Fresh),
    ("resendInvitation", Fresh),
    ("resetFactors", Fresh),
    // Scopes of the management API come back: fresh.
    ("restoreScopes", Depends),
    ("retireKey", Fresh),
    ("revokeClientGrant", Present),
    ("revokeClientGrants", Fresh),
    ("revokeClientToken", Present),
    ("revokeInvitation", Fresh),
    ("rotateApplicationSecret", Fresh),
    ("rotateKey", Fresh),
    ("rotateOwnCredential", Fresh),
    ("rotateSecret", Fresh),
    ("rotateWebhookSecret", Fresh),
    ("testWebhook", Fresh),
    ("trimScopes", Present),
    ("updateOAuth2ClientCredential", Fresh),
    ("withdrawCredentialOffer", Fresh),
    ("withdrawTransfer", Present),
];

impl Operation {
    /// What it demands; the most of what nobody has decided about.
    pub fn demand(&self) -> Demand {
        if reads(&self.method) {
            return Present;
        }
        let found = DEMANDS.iter().find(|(id, _)| *id == self.id);
        found.map_or(Fresh, |(_, demand)| *demand)
    }
}

/// What a reader of the document has to know about a demand.
pub(super) const fn words(demand: Demand) -> Option<&'static str> {
    match demand {
        Present => None,
        Fresh => Some(
            "A token that acts for a person needs a sign-in not older than 15 minutes, with the second factor if the \
             account has one; otherwise 401 with `insufficient_user_authentication` (RFC 9470). A dry run does not.",
        ),
        Depends => Some(
            "For what is equal to a credential or cannot be undone, a token that acts for a person needs a sign-in not \
             older than 15 minutes, with the second factor if the account has one; otherwise 401 with \
             `insufficient_user_authentication` (RFC 9470). A dry run does not.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::operations;

    #[test]
    fn fx_03_every_operation_that_changes_something_has_a_demand() {
        let mut known: Vec<&str> = DEMANDS.iter().map(|(id, _)| *id).collect();
        let sorted = known.clone();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known, sorted, "each once, in order");
        let mut all: Vec<&str> = operations()
            .iter()
            .filter(|operation| !reads(&operation.method))
            .map(|operation| operation.id)
            .collect();
        all.sort_unstable();
        assert_eq!(all, known, "decide what a new operation demands in DEMANDS");
    }
}

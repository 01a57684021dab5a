//! Accounts coming and going: mail, lost passwords, addresses, invitations, removal, status, profiles.

mod removal; // what ends with a membership

use crate::{oauth::scope::ScopeKey, store::grants::Grant, tests::harness::TestApp, time::Lifetime};

/// What a person gave a client of an organisation, with tokens that live for an hour.
pub fn grant(app: &TestApp, id: &str, user_id: &str, client_id: &str, org_id: &str) -> Grant {
    let now = app.clock.now();
    Grant {
        id: id.to_owned(),
        client_id: client_id.to_owned(),
        client_epoch: 0,
        user_id: user_id.to_owned(),
        org_id: org_id.to_owned(),
        scopes: ScopeKey::parse_list("openid"),
        claims: None,
        session_id: None,
        authenticated_at: now,
        methods: "pwd".to_owned(),
        offline: true,
        refresh_counter: 0,
        rotated_at: None,
        idle_expires_at: now.after(Lifetime::hours(24)),
        expires_at: now.after(Lifetime::hours(48)),
        tokens_until: now.after(Lifetime::hours(1)),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revoked_why: None,
    }
}

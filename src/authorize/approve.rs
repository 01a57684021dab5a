//! What a person allows is written down: the grant, its code and, where he was asked, his consent, in one transaction.

use std::collections::BTreeSet;

use serde_json::json;

use super::request::Opened;
use crate::{
    browser::Visitor,
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::{
        client::{GrantType, Kind},
        refusal::Code,
        scope::ScopeKey,
    },
    registry::{Registry, Resource, access::Actor},
    store::{
        self,
        authorization_codes::{AuthorizationCode, PURPOSE},
        consents::Consent,
        grants::Grant,
        sessions::Session,
    },
    time::{Lifetime, Timestamp},
};

/// The longest life of an access token; a grant without refresh tokens needs no more.
const LONGEST_TOKEN: Lifetime = Lifetime::days(1);

/// To whom a grant goes, and what the person said.
pub struct Approval<'a> {
    pub opened: &'a Opened,
    pub visitor: &'a Visitor,
    pub scopes: Vec<ScopeKey>,
    pub word: Word<'a>,
}

/// What the person said about it.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// Yes, now; and what he had allowed before, if anything.
    Given(Option<&'a Consent>),
    /// Yes, some time before.
    Remembered,
    /// Nobody needs to ask him.
    Unneeded,
}

/// Writes down a grant and makes its code.
///
/// # Errors
/// `access_denied` when the person was deactivated or removed from the organisation meanwhile, `consent_required` when he
/// took back meanwhile what he had allowed, `login_required` when he signed out; when the storage fails.
pub async fn code(
    registry: &Registry,
    actor: &Actor,
    approval: &Approval<'_>,
    now: Timestamp,
) -> Result<String> {
    let opened = approval.opened;
    let grant = new_grant(
        registry,
        &opened.client,
        &approval.visitor.session,
        &approval.scopes,
        now,
    );
    let grant = Grant {
        claims: opened.wishes.claims.clone(),
        ..grant
    };
    let text = registry.entropy.token(32);
    let challenge = opened.wishes.challenge.as_ref();
    let code = AuthorizationCode {
        digest: registry
            .keyring
            .digest(PURPOSE, text.as_bytes())
            .as_bytes()
            .to_vec(),
        grant_id: grant.id.clone(),
        client_id: grant.client_id.clone(),
        redirect_uri: opened.redirect_uri.clone(),
        code_challenge: challenge.map(|c| c.as_str().to_owned()).unwrap_or_default(),
        nonce: opened.wishes.nonce.clone(),
        wrong_tries: 0,
        created_at: now,
        expires_at: now.after(registry.config.lifetimes.authorization_code),
        used_at: None,
    };
    let mut batch = hold(&opened.client, &grant, now);
    if matches!(approval.word, Word::Remembered | Word::Given(Some(_))) {
        batch.push(store::consents::hold(&grant.user_id, &grant.client_id));
    }
    if let Word::Given(before) = approval.word {
        push_consent(registry, actor, &mut batch, approval, before, now);
    }
    batch.push(store::grants::add(&grant));
    batch.push(store::authorization_codes::add(&code));
    registry.live.commit(batch).await.map_err(denied)?;
    Ok(text)
}

/// The statements that keep the person where he is, signed in, while a grant is written. Whoever ends a membership, an
/// account or a session takes away its row first, and the grants after that: then none slips past him.
pub fn hold(client: &crate::live::Client, grant: &Grant, now: Timestamp) -> Batch {
    let mut batch = Batch::from(store::grants::hold_person(&grant.user_id, now));
    if client.kind != Kind::System {
        batch.push(store::grants::hold_member(&grant.org_id, &grant.user_id, now));
    }
    if let Some(session) = &grant.session_id {
        batch.push(store::sessions::hold(session));
    }
    batch
}

/// What it means that something could not be held.
pub fn denied(error: WriteError) -> Error {
    match error {
        WriteError::Unmet("person" | "member") => Code::AccessDenied
            .because("this account does not belong to the organisation of the app any more")
            .into(),
        WriteError::Unmet("consent") => Code::ConsentRequired
            .because("the person has just taken back what was allowed")
            .into(),
        WriteError::Unmet("session") => Code::LoginRequired
            .because("the person has just signed out")
            .into(),
        other => other.into(),
    }
}

/// A grant of these scopes that begins now.
pub fn new_grant(
    registry: &Registry,
    client: &crate::live::Client,
    session: &Session,
    scopes: &[ScopeKey],
    now: Timestamp,
) -> Grant {
    let asks = |scope: &str| scopes.iter().any(|key| key.api.is_none() && *key.value == *scope);
    // OIDC Core §11; product.md: `offline_access` decides for OpenID requests, the client's grant types otherwise.
    let offline =
        client.grant_types.contains(&GrantType::RefreshToken) && (!asks("openid") || asks("offline_access"));
    let lifetimes = &registry.config.lifetimes;
    let online = now.after(lifetimes.authorization_code).after(LONGEST_TOKEN);
    Grant {
        id: format!("grt_{}", registry.id()),
        client_id: client.id.to_string(),
        client_epoch: client.epoch,
        user_id: session.user_id.clone(),
        org_id: client.org_id.to_string(),
        scopes: scopes.to_vec(),
        claims: None,
        session_id: Some(session.id.clone()),
        authenticated_at: session.authenticated_at,
        methods: session.methods.clone(),
        offline,
        refresh_counter: 0,
        rotated_at: None,
        idle_expires_at: if offline {
            now.after(lifetimes.refresh_idle)
        } else {
            online
        },
        expires_at: if offline {
            now.after(lifetimes.refresh_absolute)
        } else {
            online
        },
        tokens_until: now,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revoked_why: None,
    }
}

/// Writes down what the person was asked and said.
fn push_consent(
    registry: &Registry,
    actor: &Actor,
    batch: &mut Batch,
    approval: &Approval<'_>,
    before: Option<&Consent>,
    now: Timestamp,
) {
    let client = &approval.opened.client;
    let name = approval.opened.settings().map_or("", |settings| &settings.name);
    let all: BTreeSet<&ScopeKey> = before
        .map_or(&[][..], |consent| &consent.scopes)
        .iter()
        .chain(&approval.scopes)
        .collect();
    let declined: BTreeSet<&ScopeKey> = before
        .map_or(&[][..], |consent| &consent.declined)
        .iter()
        .chain(&approval.opened.scopes)
        .filter(|key| !all.contains(key))
        .collect();
    let user_id = &approval.visitor.user.id;
    let [all, declined] = [all, declined].map(|keys| keys.into_iter().cloned().collect::<Vec<_>>());
    batch.push(store::consents::set(user_id, &client.id, &all, now));
    batch.push(store::consents::set_declined(user_id, &client.id, &declined));
    let resource = Resource {
        kind: "client",
        id: &client.id,
        name,
    };
    let scopes: Vec<&str> = approval.scopes.iter().map(|key| key.value.as_ref()).collect();
    let details = json!({ "scopes": scopes, "new": before.is_none() });
    let event = registry.event(actor, &client.org_id, "consent.given", resource, details);
    batch.push(store::audit::append(&event));
}

//! What a person allows is written down: the grant, its code and, where he was asked, his consent, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use serde_json::json;

use super::{Transaction, implicit, request::Opened};
use crate::{
    browser::Visitor,
    db::Batch,
    error::Result,
    live,
    oauth::{authorization::ResponseType, redirect, scope::ScopeKey},
    registry::{
        Registry, Resource,
        access::Actor,
        grants::{self, Giver},
    },
    store::{
        self,
        authorization_codes::{AuthorizationCode, PURPOSE},
        consents::Consent,
        grants::Grant,
    },
    time::Timestamp,
};

/// To whom a grant goes, and what the person said.
pub struct Approval<'a> {
    pub opened: &'a Opened,
    pub visitor: &'a Visitor,
    pub scopes: Vec<ScopeKey>,
    pub word: Word<'a>,
    /// The request that this answers, once.
    pub transaction: &'a Transaction,
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

impl Approval<'_> {
    /// The statements that write down a grant, and what the person was asked and said.
    pub(super) fn batch(&self, registry: &Registry, actor: &Actor, grant: &Grant, now: Timestamp) -> Batch {
        let client = &self.opened.client;
        let mut batch = grants::hold(client, grant, now);
        if matches!(self.word, Word::Remembered | Word::Given(Some(_))) {
            batch.push(store::consents::hold(&grant.user_id, &grant.client_id));
        }
        if let Word::Given(before) = self.word {
            let said = Said {
                client,
                user_id: &self.visitor.user.id,
                asked: &self.opened.scopes,
                scopes: &self.scopes,
                before,
            };
            batch.append(consent(registry, actor, said, "browser", now));
        }
        batch.push(store::grants::add(grant));
        if let Some(spent) = self.transaction.spent(registry) {
            batch.push(spent);
        }
        batch
    }
}

/// Answers the client with what the person allows: a code, or for a migration a token.
///
/// # Errors
/// As [`code`] and [`implicit::tokens`].
pub async fn answer(
    registry: &Registry,
    actor: &Actor,
    approval: &Approval<'_>,
    now: Timestamp,
) -> Result<Response> {
    let opened = approval.opened;
    let response = match opened.wishes.response_type {
        ResponseType::Code => {
            let code = code(registry, actor, approval, now).await?;
            opened.back.answer(&[("code", &code)])
        }
        ResponseType::Token => {
            let tokens = implicit::tokens(registry, actor, approval, now).await?;
            implicit::answer(&opened.back, &tokens)
        }
    };
    note_use(registry, approval, now);
    Ok(response)
}

/// Counts the answer for its redirect URI, and what was asked for and is not given; the rest is counted with its tokens.
fn note_use(registry: &Registry, approval: &Approval<'_>, now: Timestamp) {
    let (opened, activity) = (approval.opened, &registry.activity);
    let client = &opened.client;
    let to = opened.back.redirect_uri();
    let registered = client
        .redirect_uris()
        .iter()
        .find(|uri| redirect::matches(uri, to, client.application_type));
    if let Some(uri) = registered {
        activity.note_redirect(client, uri, now);
    }
    let unheard = opened.scopes.iter().filter(|key| !approval.scopes.contains(key));
    for key in unheard {
        let api = key.api.as_ref().unwrap_or(&registry.userinfo.id);
        activity.note_asked(client, api, &key.value, now);
    }
}

/// Writes down a grant and makes its code.
///
/// # Errors
/// `access_denied` when the person was deactivated or removed from the organisation meanwhile, `consent_required` when they
/// took back meanwhile what they had allowed, `login_required` when they signed out; [`grants::ANSWERED`] for a request that
/// was answered before; when the storage fails.
async fn code(registry: &Registry, actor: &Actor, approval: &Approval<'_>, now: Timestamp) -> Result<String> {
    let opened = approval.opened;
    let offline = grants::lasts(&opened.client, &approval.scopes);
    let giver = Giver::of(&approval.visitor.session);
    let grant = grants::draft(registry, &opened.client, giver, &approval.scopes, offline, now);
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
    let mut batch = approval.batch(registry, actor, &grant, now);
    batch.push(store::authorization_codes::add(&code));
    registry.live.commit(batch).await.map_err(grants::denied)?;
    Ok(text)
}

/// What a person was asked and said.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    pub client: &'a live::Client,
    pub user_id: &'a str,
    /// What he was asked for.
    pub asked: &'a [ScopeKey],
    /// What he allows now.
    pub scopes: &'a [ScopeKey],
    /// What he had allowed before.
    pub before: Option<&'a Consent>,
}

/// The statements that write down what a person was asked and said; `how` goes into the audit event.
pub fn consent(registry: &Registry, actor: &Actor, said: Said<'_>, how: &str, now: Timestamp) -> Batch {
    let client = said.client;
    let before = said.before.into_iter().flat_map(Consent::numbered);
    let now_said = said.scopes.iter().map(|key| (key, client.incarnation));
    // What is said now takes the place of what was said before.
    let all: BTreeMap<&ScopeKey, i64> = before.chain(now_said).collect();
    let declined: BTreeSet<&ScopeKey> = said
        .before
        .map_or(&[][..], |consent| &consent.declined)
        .iter()
        .chain(said.asked)
        .filter(|key| !all.contains_key(key))
        .collect();
    let all: Vec<(ScopeKey, i64)> = all
        .into_iter()
        .map(|(key, number)| (key.clone(), number))
        .collect();
    let declined: Vec<ScopeKey> = declined.into_iter().cloned().collect();
    let scopes: Vec<&str> = said.scopes.iter().map(|key| key.value.as_ref()).collect();
    let details = json!({ "scopes": scopes, "new": said.before.is_none(), "how": how });
    let event = registry.event(actor, &client.org_id, "consent.given", resource(client), details);
    Batch::from_iter([
        store::consents::set(said.user_id, &client.id, &all, now),
        store::consents::set_declined(said.user_id, &client.id, &declined),
        store::audit::append(&event),
    ])
}

/// Writes down that a person does not allow what they were asked for.
///
/// # Errors
/// [`grants::ANSWERED`] for a request that was answered before; when the storage fails: the form can be sent again.
pub async fn denied(
    registry: &Registry,
    actor: &Actor,
    client: &live::Client,
    transaction: &Transaction,
) -> Result<()> {
    let details = json!({ "how": "browser" });
    let event = registry.event(actor, &client.org_id, "consent.denied", resource(client), details);
    let spent = transaction.spent(registry);
    let batch = spent.into_iter().chain([store::audit::append(&event)]).collect();
    registry.live.commit(batch).await.map_err(grants::denied)?;
    Ok(())
}

/// A client, as the audit trail names it.
pub(super) fn resource(client: &live::Client) -> Resource<'_> {
    Resource {
        kind: "client",
        id: &client.id,
        name: client.for_people.as_deref().map_or("", |settings| &settings.name),
    }
}

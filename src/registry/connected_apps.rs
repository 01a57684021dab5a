//! The apps that a person lets act for him: what he allowed, since when, when they last did, and how that ends.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    db::Batch,
    error::Result,
    live,
    oauth::{
        refusal::{Code, Refusal},
        scope::ScopeKey,
    },
    registry::{Registry, Resource, access::Actor, announce},
    store::{
        self, changes,
        grants::{Grant, Which},
    },
    time::Timestamp,
};

/// An app that acts, or may act, for a person.
#[derive(Clone, Debug)]
pub struct ConnectedApp {
    pub client_id: String,
    pub name: String,
    /// The organisation that has it.
    pub publisher: String,
    pub redirect_uris: Vec<String>,
    /// What was allowed, or asked for where nobody had to be asked.
    pub scopes: Vec<ScopeKey>,
    /// The same in words.
    pub words: Vec<String>,
    pub first_allowed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// How many sign-ins of it are alive.
    pub grants: usize,
    /// How many of them go on while the person is away.
    pub offline: usize,
}

/// The apps of a person, last allowed first.
///
/// # Errors
/// When the storage fails.
pub async fn list(registry: &Registry, user_id: &str) -> Result<Vec<ConnectedApp>> {
    let (db, now) = (registry.db(), registry.now());
    let mut found: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
    for grant in store::grants::of_user(db, user_id, now).await? {
        found.entry(grant.client_id.clone()).or_default().push(grant);
    }
    let consents = store::consents::of_user(db, user_id).await?;
    for consent in &consents {
        found.entry(consent.client_id.clone()).or_default();
    }
    let mut apps = Vec::new();
    for (client_id, grants) in found {
        let consent = consents.iter().find(|consent| consent.client_id == client_id);
        if let Some(app) = describe(registry, &client_id, consent, grants).await? {
            apps.push(app);
        }
    }
    apps.sort_by_key(|app| std::cmp::Reverse(app.first_allowed_at));
    Ok(apps)
}

/// `None` for a client that is gone, and for one that has nothing (any more).
async fn describe(
    registry: &Registry,
    client_id: &str,
    consent: Option<&store::consents::Consent>,
    mut grants: Vec<Grant>,
) -> Result<Option<ConnectedApp>> {
    let db = registry.db();
    // Deleted clients are not in memory, and what they had is dead.
    let Some(live) = registry.live.client(client_id) else {
        return Ok(None);
    };
    grants.retain(|grant| grant.client_epoch >= live.epoch);
    let mut scopes: Vec<ScopeKey> = consent
        .into_iter()
        .flat_map(|consent| allowed(&live, consent))
        .collect();
    let consent = consent.filter(|_| !scopes.is_empty());
    let first = grants.iter().map(|grant| grant.created_at).min();
    let first = consent
        .map(|consent| consent.created_at)
        .into_iter()
        .chain(first)
        .min();
    let (Some(first_allowed_at), Some(client)) = (first, store::clients::find(db, client_id).await?) else {
        return Ok(None);
    };
    scopes.extend(grants.iter().flat_map(|grant| given(&live, grant)));
    scopes.sort();
    scopes.dedup();
    let org = store::organizations::find(db, &client.org_id).await?;
    Ok(Some(ConnectedApp {
        words: words(registry, &scopes).await?,
        client_id: client.client_id,
        name: client.name,
        publisher: org.map(|org| org.name).unwrap_or_default(),
        redirect_uris: client.redirect_uris,
        scopes,
        first_allowed_at,
        last_used_at: grants.iter().filter_map(|grant| grant.last_used_at).max(),
        offline: grants.iter().filter(|grant| grant.offline).count(),
        grants: grants.len(),
    }))
}

/// What of a consent still counts.
pub(super) fn allowed(client: &live::Client, consent: &store::consents::Consent) -> Vec<ScopeKey> {
    let counts = consent
        .numbered()
        .filter(|(key, number)| client.counts(key, *number));
    counts.map(|(key, _)| key.clone()).collect()
}

/// What of a grant still counts.
pub(super) fn given(client: &live::Client, grant: &Grant) -> Vec<ScopeKey> {
    let held = grant
        .scopes
        .iter()
        .filter(|key| client.holds(key, grant.client_epoch));
    held.cloned().collect()
}

/// Scopes in the words of those who published them.
///
/// # Errors
/// When the storage fails.
pub async fn words(registry: &Registry, scopes: &[ScopeKey]) -> Result<Vec<String>> {
    let mut apis: Vec<store::apis::Api> = Vec::new();
    let mut words = Vec::new();
    for key in scopes {
        let Some(id) = &key.api else {
            words.push(
                crate::oauth::scope::openid_words(&key.value)
                    .unwrap_or(&key.value)
                    .to_owned(),
            );
            continue;
        };
        if apis.iter().all(|api| *api.id != **id)
            && let Some(api) = store::apis::find(registry.db(), id).await?
        {
            apis.push(api);
        }
        let api = apis.iter().find(|api| *api.id == **id);
        let scope = api.and_then(|api| api.scopes.iter().find(|scope| *scope.value == *key.value));
        words.push(match scope {
            Some(scope) if !scope.description.is_empty() => scope.description.clone(),
            _ => key.value.to_string(),
        });
    }
    Ok(words)
}

/// One app of a person.
///
/// # Errors
/// `not_found`, also for an app that he never used.
pub async fn find(registry: &Registry, user_id: &str, client_id: &str) -> Result<ConnectedApp> {
    let apps = list(registry, user_id).await?;
    apps.into_iter()
        .find(|app| app.client_id == client_id)
        .ok_or_else(|| unknown().into())
}

fn unknown() -> Refusal {
    Code::NotFound.because("this app is not connected to your account")
}

/// Takes back what a person allowed an app: all its tokens stop on the next request, and it has to ask again.
///
/// # Errors
/// `not_found` for an app that is not connected.
pub async fn remove(
    registry: &Registry,
    actor: &Actor,
    user_id: &str,
    client_id: &str,
) -> Result<ConnectedApp> {
    let app = find(registry, user_id, client_id).await?;
    let now = registry.now();
    let org_id = registry
        .live
        .client(client_id)
        .map(|client| client.org_id.to_string());
    let mut batch = Batch::default();
    batch.push(store::consents::forget(user_id, client_id));
    let gone = Which::Consent(user_id, client_id);
    batch.push(store::grants::revoke(gone, "removed by the person", now));
    announce(&mut batch, changes::Kind::Person, user_id, now);
    let resource = Resource {
        kind: "client",
        id: client_id,
        name: &app.name,
    };
    let details = json!({ "user": user_id, "grants": app.grants });
    let org_id = org_id.unwrap_or_default();
    let event = registry.event(actor, &org_id, "consent.withdrawn", resource, details);
    batch.push(store::audit::append(&event));
    registry.live.commit(batch).await?;
    Ok(app)
}

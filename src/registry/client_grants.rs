//! What people gave the clients of an organisation, for those who run it: who, what in words, since when, whether it is
//! alive – and how it ends.
//!
//! An organisation sees the user name and the display name of its own members, and only if the caller may see members.
//! Of anybody else – the instance's own clients serve everybody – it sees the identifier that the client knows.

use serde_json::json;

use crate::{
    db::Batch,
    error::Result,
    oauth::{
        client::{Kind, Status},
        refusal::{Code, Refusal},
        scope::{ScopeKey, openid_words},
    },
    registry::{
        Registry, Resource,
        access::{Access, Permission},
        announce, clients,
        connected_apps::{allowed, given},
    },
    store::{
        self,
        apis::Api,
        changes,
        client_grants::{Filter, Member},
        clients::Client,
        consents::Consent,
        grants::{Grant, Which},
    },
    time::Timestamp,
};

/// What one person gave one client.
#[derive(Clone, Debug)]
pub struct Given {
    pub user_id: String,
    pub client_id: String,
    /// Who it is, if he belongs to the organisation and the caller may see members.
    pub member: Option<Member>,
    /// What was allowed, or asked for where nobody had to be asked.
    pub scopes: Vec<ScopeKey>,
    /// The same in the words of those who published it.
    pub words: Vec<String>,
    pub first_allowed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// How many sign-ins are alive, and how many of them have a refresh token.
    pub sign_ins: usize,
    pub refresh_tokens: usize,
}

/// Lists what people gave, by person; with the pair behind which there is more.
///
/// # Errors
/// `not_found` for a client that is not there; missing permission.
pub async fn list(
    registry: &Registry,
    access: &Access,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<(Vec<Given>, bool)> {
    access.require(Permission::ClientsRead)?;
    if let Some(client) = filter.client_id {
        clients::find(registry, access, client).await?;
    }
    let (db, now) = (registry.db(), registry.now());
    let mut pairs = store::client_grants::pairs(db, &access.org.id, filter, now, limit + 1).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = pairs.len() > limit;
    pairs.truncate(limit);
    let (consents, grants) = store::client_grants::of_pairs(db, &pairs, now).await?;
    let members = if access.permissions.allow(Permission::MembersRead) {
        let users: Vec<&str> = pairs.iter().map(|(user, _)| user.as_str()).collect();
        store::client_grants::members(db, &access.org.id, &users).await?
    } else {
        Vec::new()
    };
    let apis = store::apis::of_organization(db, &access.org.id).await?;
    let given = pairs.into_iter().filter_map(|(user, client)| {
        let member = members.iter().find(|member| member.id == user).cloned();
        let consent = consents
            .iter()
            .find(|one| one.user_id == user && one.client_id == client);
        let alive: Vec<&Grant> = grants
            .iter()
            .filter(|one| one.user_id == user && one.client_id == client)
            .collect();
        let of = registry.live.client(&client);
        let mut scopes: Vec<ScopeKey> = Vec::new();
        if let Some(of) = &of {
            scopes.extend(consent.into_iter().flat_map(|consent| allowed(of, consent)));
            scopes.extend(alive.iter().flat_map(|grant| given(of, grant)));
        }
        describe((user, client), member, consent, &alive, scopes, &apis)
    });
    Ok((given.collect(), more))
}

fn describe(
    (user_id, client_id): (String, String),
    member: Option<Member>,
    consent: Option<&Consent>,
    grants: &[&Grant],
    mut scopes: Vec<ScopeKey>,
    apis: &[Api],
) -> Option<Given> {
    let begun = grants.iter().map(|grant| grant.created_at);
    let first_allowed_at = begun.chain(consent.map(|consent| consent.created_at)).min()?;
    scopes.sort();
    scopes.dedup();
    let refresh = |grant: &&&Grant| grant.offline && grant.refresh_counter > 0;
    Some(Given {
        words: scopes.iter().map(|key| words(key, apis)).collect(),
        user_id,
        client_id,
        member,
        scopes,
        first_allowed_at,
        last_used_at: grants.iter().filter_map(|grant| grant.last_used_at).max(),
        sign_ins: grants.len(),
        refresh_tokens: grants.iter().filter(refresh).count(),
    })
}

fn words(key: &ScopeKey, apis: &[Api]) -> String {
    let Some(id) = &key.api else {
        return openid_words(&key.value).unwrap_or(&key.value).to_owned();
    };
    let api = apis.iter().find(|api| *api.id == **id);
    let scope = api.and_then(|api| api.scopes.iter().find(|scope| *scope.value == *key.value));
    match scope {
        Some(scope) if !scope.description.is_empty() => scope.description.clone(),
        _ => key.value.to_string(),
    }
}

/// What one person gave a client.
///
/// # Errors
/// `not_found`, also for somebody who gave it nothing; missing permission.
pub async fn find(registry: &Registry, access: &Access, client_id: &str, user_id: &str) -> Result<Given> {
    let filter = Filter {
        client_id: Some(client_id),
        user_id: Some(user_id),
        after: None,
    };
    let (mut found, _) = list(registry, access, &filter, 1).await?;
    found.pop().ok_or_else(|| nothing().into())
}

fn nothing() -> Refusal {
    Code::NotFound.because("nobody with this id has allowed this client anything")
}

/// How many people gave a client anything that still counts, and how many refresh tokens they come to.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn count(registry: &Registry, access: &Access, client_id: &str) -> Result<(i64, i64)> {
    clients::find(registry, access, client_id).await?;
    Ok(store::client_grants::count(registry.db(), client_id, registry.now()).await?)
}

/// Whether this access may end what people gave a client: of system clients, which serve everybody, only whoever runs the
/// instance.
pub fn are_yours(access: &Access, client: &Client) -> bool {
    access.permissions.allow(Permission::ClientsWrite)
        && client.status != Status::Deleted
        && (client.kind != Kind::System || access.permissions.allow(Permission::InstanceWrite))
}

async fn client_for_change(registry: &Registry, access: &Access, client_id: &str) -> Result<Client> {
    access.require(Permission::ClientsWrite)?;
    let client = clients::find(registry, access, client_id).await?;
    if client.status == Status::Deleted {
        return Err(Code::Conflict
            .because("this client was deleted, and what people gave it is gone")
            .reason("client.deleted")
            .into());
    }
    if !are_yours(access, &client) {
        let why =
            "this client serves the people of every organisation: only an operator ends what they gave it";
        registry
            .note_refusal(access, "consent.revoked", resource(&client), why)
            .await;
        return Err(Code::Forbidden.because(why).reason("client.system").into());
    }
    Ok(client)
}

fn resource(client: &Client) -> Resource<'_> {
    Resource {
        kind: "client",
        id: &client.client_id,
        name: &client.name,
    }
}

/// Ends what one person gave a client: all its tokens for him stop on the next request, and it has to ask him again.
///
/// # Errors
/// `not_found`; missing permission; `conflict` for a deleted client.
pub async fn revoke(registry: &Registry, access: &Access, client_id: &str, user_id: &str) -> Result<Given> {
    let client = client_for_change(registry, access, client_id).await?;
    let given = find(registry, access, client_id, user_id).await?;
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::consents::forget(user_id, client_id));
    let which = Which::Consent(user_id, client_id);
    batch.push(store::grants::revoke(which, "ended by the organisation", now));
    announce(&mut batch, changes::Kind::Person, user_id, now);
    let details = json!({ "user": user_id, "grants": given.sign_ins });
    let event = registry.event(
        &access.actor,
        &client.org_id,
        "consent.revoked",
        resource(&client),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(given)
}

/// Ends what everybody gave a client, in one row: its epoch is raised, so the tokens that it got for itself stop as well.
/// Says how many people that were.
///
/// # Errors
/// `not_found`; missing permission; for people, an old sign-in; `precondition_failed` when somebody changes the client at
/// the same time.
pub async fn revoke_all(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
) -> Result<i64> {
    access.require_fresh(Permission::ClientsWrite, registry.now())?;
    let client = client_for_change(registry, access, client_id).await?;
    if version.is_some_and(|seen| seen != client.version) {
        return Err(crate::db::WriteError::Unmet("version").into());
    }
    let now = registry.now();
    let (people, refresh_tokens) = store::client_grants::count(registry.db(), client_id, now).await?;
    if people == 0 {
        return Ok(0);
    }
    let mut batch = Batch::default();
    for statement in store::clients::cut_off(&client, now) {
        batch.push(statement);
    }
    batch.push(store::grants::remove_client(client_id));
    batch.push(store::consents::remove_client(client_id));
    announce(&mut batch, changes::Kind::Client, client_id, now);
    let details = json!({ "people": people, "refresh_tokens": refresh_tokens });
    let event = registry.event(
        &access.actor,
        &client.org_id,
        "consent.revoked_all",
        resource(&client),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(people)
}

//! Create, edit, disable, enable and delete clients.

use serde_json::{Value as Json, json};

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::{
        client::{GrantType, Kind, Status},
        name,
        people_settings::PeopleSettings,
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry, Resource,
        access::Access,
        access::Permission,
        announce,
        client_input::{self, Draft, Resolved, ScopeRef, Surroundings},
        control, file_keys,
        secrets::{self, NewSecret, Term},
        transfers, unused,
    },
    store::{self, apis::Api, changes, clients::Client},
    time::{Lifetime, Timestamp},
};

/// A client that was just made or got a new secret; the secret's text exists only here.
pub struct Created {
    pub client: Client,
    pub secret: Option<NewSecret>,
}

/// What a new client may say beyond its settings.
#[derive(Clone, Debug, Default)]
pub struct Creation {
    pub secret_label: Option<String>,
    /// Where the secret is kept.
    pub secret_note: Option<String>,
    pub secret_term: Term,
    /// The name under which a file of clients knows it.
    pub file_key: Option<String>,
}

/// A client as others see it in an event: never a secret.
pub fn describe(client: &Client, apis: &[Api]) -> Json {
    let of_api = |api: &str, value: &str| {
        let audience = apis.iter().find(|a| a.id == api).map(|a| a.audience.as_str());
        json!({ "audience": audience, "value": value })
    };
    let scopes: Vec<Json> = client
        .scopes
        .iter()
        .map(|(api, value)| of_api(api, value))
        .collect();
    let optional = client.optional_scopes.iter().map(|key| match &key.api {
        Some(api) => of_api(api, &key.value),
        None => json!(*key.value),
    });
    let optional: Vec<Json> = optional.collect();
    let people = &client.people;
    json!({
        "name": client.name,
        "description": client.description,
        "type": client.application_type,
        "grant_types": client.grant_types,
        "redirect_uris": client.redirect_uris,
        "scopes": scopes,
        "oidc_scopes": client.oidc_scopes,
        "auth_method": client.auth_method,
        "require_consent": client.require_consent,
        "access_token_lifetime": client.access_token_lifetime,
        "owner": client.user_id,
        "status": client.status,
        "optional_scopes": optional,
        "home_page": people.home_page,
        "post_logout_redirect_uris": people.post_logout_redirect_uris,
        "backchannel_logout_uri": people.backchannel_logout_uri,
        "backchannel_logout_session_required": people.backchannel_logout_session_required,
        "id_token_signed_response_alg": people.id_token_signed_response_alg,
        "userinfo_signed_response_alg": people.userinfo_signed_response_alg,
        "subject_type": people.subject_type,
        "sector_identifier": people.sector_identifier,
        "default_max_age": people.default_max_age,
        "require_auth_time": people.require_auth_time,
        "require_second_factor": people.require_second_factor,
        "file_key": client.file_key,
    })
}

pub(super) fn resource(client: &Client) -> Resource<'_> {
    Resource {
        kind: "client",
        id: &client.client_id,
        name: &client.name,
    }
}

/// The client with this id in the organisation of the access, archived ones included.
///
/// # Errors
/// `not_found`, the same for a foreign client as for none: in words, in what is read, and in that nothing is written.
pub async fn find(registry: &Registry, access: &Access, client_id: &str) -> Result<Client> {
    access.require(Permission::ClientsRead)?;
    let found = store::clients::find_in(registry.db(), &[&access.org.id], client_id).await?;
    found.ok_or_else(|| unknown().into())
}

/// There is no such client here.
pub fn unknown() -> Refusal {
    Code::NotFound.because("there is no client with this id")
}

/// As [`find`], but only a client that may be changed, at the version the caller has seen.
pub(super) async fn find_for_change(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
) -> Result<Client> {
    let client = find(registry, access, client_id).await?;
    if client.status == Status::Deleted {
        return Err(Code::Conflict
            .because("this client was deleted; create a new one like it instead")
            .reason("client.deleted")
            .into());
    }
    if version.is_some_and(|seen| seen != client.version) {
        return Err(WriteError::Unmet("version").into());
    }
    Ok(client)
}

/// Refuses to change a system client, and writes the attempt down.
pub(super) async fn refuse_system(
    registry: &Registry,
    access: &Access,
    client: &Client,
    action: &str,
) -> Result<()> {
    if client.kind != Kind::System {
        return Ok(());
    }
    let why = "system clients keep the product running: they cannot be changed, disabled or deleted; \
               their secrets can be rotated";
    registry.note_refusal(access, action, resource(client), why).await;
    Err(Code::Conflict.because(why).reason("client.system").into())
}

/// Refuses to change what belongs to a person, and writes the attempt down.
pub(super) async fn refuse_personal(
    registry: &Registry,
    access: &Access,
    client: &Client,
    action: &str,
) -> Result<()> {
    if client.kind != Kind::Personal {
        return Ok(());
    }
    let why = "a personal credential belongs to its person, who alone changes it and gets its secret; \
               it can be disabled and deleted";
    registry.note_refusal(access, action, resource(client), why).await;
    Err(Code::Forbidden.because(why).reason("client.personal").into())
}

/// Creates a client of the organisation.
///
/// # Errors
/// Bad input field by field; `conflict` when the organisation's limit is reached; missing permission.
pub async fn create(registry: &Registry, access: &Access, draft: Draft, extra: Creation) -> Result<Created> {
    access.require_fresh(Permission::ClientsWrite, registry.now())?;
    if draft.kind == Kind::Personal {
        return Err(Error::internal(
            "personal credentials are made by registry::credentials",
        ));
    }
    check_quota(registry, access).await?;
    let client_id = crate::secret::client_id(&registry.entropy);
    create_with_id(registry, access, client_id, draft, extra, Batch::default()).await
}

/// Creates a client with a chosen id, together with `batch`.
pub(super) async fn create_with_id(
    registry: &Registry,
    access: &Access,
    client_id: String,
    draft: Draft,
    extra: Creation,
    mut batch: Batch,
) -> Result<Created> {
    let now = registry.now();
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let resolved = checked(registry, access, &draft, &apis, None).await?;
    if let Some(key) = &extra.file_key {
        file_keys::check(registry, access, key, draft.kind, "").await?;
    }
    let holds_secret = draft.application_type.holds_secret();
    let client = Client {
        client_id,
        org_id: access.org.id.clone(),
        user_id: draft.user_id.clone(),
        kind: draft.kind,
        application_type: draft.application_type,
        name: name::normal(&draft.name),
        description: draft.description.trim().to_owned(),
        grant_types: draft.grant_types,
        redirect_uris: draft.redirect_uris,
        oidc_scopes: resolved.oidc_scopes,
        scopes: resolved.scopes,
        optional_scopes: resolved.optional_scopes,
        auth_method: draft.auth_method,
        require_consent: draft.require_consent,
        first_party: draft.kind == Kind::System,
        access_token_lifetime: draft.access_token_lifetime,
        people: PeopleSettings {
            sector_identifier: resolved.sector_identifier,
            ..draft.people
        },
        status: Status::Active,
        status_at: None,
        status_by: None,
        status_reason: None,
        delete_at: None,
        granted_since: std::collections::BTreeMap::new(),
        epoch: 1,
        origin: access.actor.origin,
        created_by: access.actor.name.clone(),
        created_at: now,
        updated_at: now,
        last_used_at: None,
        last_used_ip: None,
        version: 1,
        holder_stands: true,
        file_key: extra.file_key,
        changed_through: Some(access.actor.origin),
    };
    let secret = if holds_secret {
        let expires_at = extra
            .secret_term
            .expiry(&client, &access.org, now, "/secret_expires")?;
        Some(secrets::make(
            registry,
            access,
            &client,
            &[],
            secrets::Words {
                label: extra.secret_label,
                note: extra.secret_note,
            },
            expires_at,
        )?)
    } else {
        None
    };
    batch.push(store::clients::add(&client));
    let key = client.file_key.as_deref();
    batch.push(store::clients::note_change(
        &client.client_id,
        key,
        access.actor.origin,
    ));
    push_grants(&mut batch, None, &client, now);
    if let Some(secret) = &secret {
        batch.push(store::secrets::add(&secret.row));
    }
    announce(&mut batch, changes::Kind::Client, &client.client_id, now);
    let details = json!({ "after": describe(&client, &apis) });
    let action = match client.kind {
        Kind::Personal => "credential.created",
        _ => "client.created",
    };
    let event = registry.event(&access.actor, &client.org_id, action, resource(&client), details);
    batch.push(store::audit::append(&event));
    let committed = registry.commit(access, batch).await;
    committed.map_err(file_keys::taken)?;
    Ok(Created { client, secret })
}

/// Grants a client its scopes, in order, and takes those back that it had `before` and has no more. What it had stays the
/// incarnation that it was. Whoever grants a client something that is there already draws a number first.
pub(super) fn push_grants(batch: &mut Batch, before: Option<&Client>, client: &Client, now: Timestamp) {
    if let Some(before) = before {
        for (api_id, value) in before.scopes.iter().filter(|key| !client.scopes.contains(key)) {
            batch.push(store::clients::ungrant(&client.client_id, api_id, value));
        }
        let gained = client
            .oidc_scopes
            .iter()
            .filter(|value| !before.oidc_scopes.contains(value));
        for value in gained {
            batch.push(store::clients::grant_openid(&client.client_id, value));
        }
    }
    for (position, (api_id, value)) in (0..).zip(&client.scopes) {
        batch.push(store::clients::grant(&client.client_id, api_id, value, position));
    }
    for (api_id, value) in scope_keys(client) {
        batch.push(store::usage::grant_scope(&client.client_id, api_id, value, now));
    }
}

/// What it may ask for, as its use is counted: scopes of OpenID Connect belong to no API.
fn scope_keys(client: &Client) -> Vec<(&str, &str)> {
    let of_apis = client
        .scopes
        .iter()
        .map(|(api, value)| (api.as_str(), value.as_str()));
    let oidc = client.oidc_scopes.iter().map(|value| ("", value.as_str()));
    of_apis.chain(oidc).collect()
}

/// Asks whether the organisation may have one more client.
///
/// # Errors
/// `conflict`.
pub(super) async fn check_quota(registry: &Registry, access: &Access) -> Result<()> {
    let most = registry.config.limits.clients_per_organization;
    if most == 0 {
        return Ok(());
    }
    let org = [access.org.id.clone()];
    let have = store::clients::count(registry.db(), &org, &store::clients::Filter::default()).await?;
    if u64::try_from(have).unwrap_or_default() >= most {
        return Err(Code::Conflict
            .because(format!(
                "{have} of {most} clients: delete one that is not used any more, or ask your operator for more"
            ))
            .reason("client.quota")
            .into());
    }
    Ok(())
}

async fn checked(
    registry: &Registry,
    access: &Access,
    draft: &Draft,
    apis: &[Api],
    before: Option<&Client>,
) -> Result<Resolved> {
    let grants = registry.grants();
    let around = Surroundings {
        apis,
        grants: &grants,
        permissions: access.permissions,
        before,
        boundary: registry.boundary_of(&access.org),
    };
    let mut result = client_input::check(draft, &around);
    if let Some(user) = &draft.user_id
        && store::users::role(registry.db(), &access.org.id, user)
            .await?
            .is_none()
    {
        let field = Field::new(
            "/owner",
            "owner.unknown",
            "The owner must be a member of this organisation.",
        );
        match &mut result {
            Ok(_) => result = Err(vec![field]),
            Err(fields) => fields.push(field),
        }
    }
    result.map_err(|fields| Refusal::fields(fields).into())
}

/// What to change of a client; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Turns a sync connector into a custom client.
    pub customise: bool,
    pub name: Option<String>,
    pub description: Option<String>,
    pub grant_types: Option<Vec<GrantType>>,
    pub redirect_uris: Option<Vec<String>>,
    pub scopes: Option<Vec<ScopeRef>>,
    pub optional_scopes: Option<Vec<ScopeRef>>,
    pub auth_method: Option<Option<crate::oauth::client::AuthMethod>>,
    pub require_consent: Option<bool>,
    pub access_token_lifetime: Option<Option<Lifetime>>,
    /// All of them, changed or not.
    pub people: Option<PeopleSettings>,
    pub user_id: Option<Option<String>>,
    /// The name under which a file of clients knows it; `Some(None)`: no file does any more.
    pub file_key: Option<Option<String>>,
}

/// The scopes of a client as somebody would write them.
pub fn scope_refs(client: &Client, apis: &[Api]) -> Vec<ScopeRef> {
    let own = client.scopes.iter().map(|(api, value)| ScopeRef {
        audience: apis.iter().find(|a| a.id == *api).map(|a| a.audience.clone()),
        value: value.clone(),
    });
    own.chain(client.oidc_scopes.iter().map(ScopeRef::text)).collect()
}

fn draft_of(client: &Client, apis: &[Api], edit: Edit) -> Draft {
    Draft {
        kind: if edit.customise && client.kind == Kind::SyncConnector {
            Kind::Custom
        } else {
            client.kind
        },
        application_type: client.application_type,
        name: edit.name.unwrap_or_else(|| client.name.clone()),
        description: edit.description.unwrap_or_else(|| client.description.clone()),
        grant_types: edit.grant_types.unwrap_or_else(|| client.grant_types.clone()),
        redirect_uris: edit.redirect_uris.unwrap_or_else(|| client.redirect_uris.clone()),
        scopes: edit.scopes.unwrap_or_else(|| scope_refs(client, apis)),
        optional_scopes: edit.optional_scopes,
        auth_method: edit.auth_method.unwrap_or(client.auth_method),
        require_consent: edit.require_consent.unwrap_or(client.require_consent),
        access_token_lifetime: edit.access_token_lifetime.unwrap_or(client.access_token_lifetime),
        people: edit.people.unwrap_or_else(|| client.people.clone()),
        user_id: edit.user_id.unwrap_or_else(|| client.user_id.clone()),
    }
}

/// Changes the settings of a client. A scope that is taken away stops working in tokens already issued, too.
///
/// # Errors
/// Bad input field by field; `precondition_failed` when `version` is stale; `conflict` for a system or deleted client. For
/// what is equal to a credential: `forbidden` when the client may do more than whoever asks; for people, an old sign-in.
pub async fn edit(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
    edit: Edit,
) -> Result<Client> {
    access.require(Permission::ClientsWrite)?;
    let before = find_for_change(registry, access, client_id, version).await?;
    refuse_system(registry, access, &before, "client.updated").await?;
    refuse_personal(registry, access, &before, "client.updated").await?;
    change(registry, access, before, edit).await
}

/// Changes a client that may be changed.
pub(super) async fn change(
    registry: &Registry,
    access: &Access,
    before: Client,
    edit: Edit,
) -> Result<Client> {
    change_with(registry, access, before, edit, None, Batch::default()).await
}

/// As [`change`], together with `batch`, under a word of its own in the audit log.
pub(super) async fn change_with(
    registry: &Registry,
    access: &Access,
    before: Client,
    edit: Edit,
    action: Option<&str>,
    mut batch: Batch,
) -> Result<Client> {
    let client_id = before.client_id.as_str();
    let now = registry.now();
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let rescoped = edit.scopes.is_some();
    let file_key = edit.file_key.clone().unwrap_or_else(|| before.file_key.clone());
    let draft = draft_of(&before, &apis, edit);
    // What a person gives his own credential he must hold now, whatever it held before.
    let held = Some(&before).filter(|before| before.kind != Kind::Personal || !rescoped);
    let resolved = checked(registry, access, &draft, &apis, held).await?;
    if let Some(key) = file_key.as_ref().filter(|_| file_key != before.file_key) {
        file_keys::check(registry, access, key, draft.kind, client_id).await?;
    }
    let after = Client {
        kind: draft.kind,
        name: name::normal(&draft.name),
        description: draft.description.trim().to_owned(),
        grant_types: draft.grant_types,
        redirect_uris: draft.redirect_uris,
        scopes: resolved.scopes,
        oidc_scopes: resolved.oidc_scopes,
        optional_scopes: resolved.optional_scopes,
        auth_method: draft.auth_method,
        require_consent: draft.require_consent,
        access_token_lifetime: draft.access_token_lifetime,
        people: draft.people,
        user_id: draft.user_id,
        file_key,
        changed_through: Some(access.actor.origin),
        ..before.clone()
    };
    let (was, is) = differences(&describe(&before, &apis), &describe(&after, &apis));
    if is.is_empty() && before.kind == after.kind {
        return Ok(before);
    }
    let action = action.unwrap_or(match after.kind {
        Kind::Personal => "credential.updated",
        _ => "client.updated",
    });
    guard(registry, access, (&before, &after), (&apis, &is), action).await?;
    if before.scopes != after.scopes || before.oidc_scopes != after.oidc_scopes {
        batch.push(store::incarnations::draw(&after.org_id));
    }
    batch.push(store::clients::set(&after, now));
    let key = after.file_key.as_deref();
    batch.push(store::clients::note_change(client_id, key, access.actor.origin));
    if before.scopes != after.scopes || before.oidc_scopes != after.oidc_scopes {
        push_grants(&mut batch, Some(&before), &after, now);
        let held = scope_keys(&after);
        for (api_id, value) in scope_keys(&before).into_iter().filter(|key| !held.contains(key)) {
            batch.push(store::usage::ungrant_scope(client_id, api_id, value));
        }
    }
    announce(&mut batch, changes::Kind::Client, client_id, now);
    let details = json!({ "before": was, "after": is });
    let event = registry.event(&access.actor, &after.org_id, action, resource(&after), details);
    batch.push(store::audit::append(&event));
    let committed = registry.commit(access, batch).await;
    committed.map_err(file_keys::taken)?;
    Ok(Client {
        updated_at: now,
        version: before.version + 1,
        ..after
    })
}

/// Asks for what a change demands: who controls the client must hold what it holds, and a person must have signed in anew
/// for whatever is equal to a credential or gives scopes of the management API.
async fn guard(
    registry: &Registry,
    access: &Access,
    (before, after): (&Client, &Client),
    (apis, changed): (&[Api], &serde_json::Map<String, Json>),
    action: &str,
) -> Result<()> {
    let credential = control::is_credential(before, after, changed);
    if credential || control::takes_beyond(access, before, after, apis) {
        control::check(registry, access, before, action).await?;
    }
    if credential || control::gives_management(before, after, apis) {
        access.check_fresh(registry.now())?;
    }
    Ok(())
}

/// The members in which two descriptions differ: as they were, as they are.
pub(super) fn differences(
    before: &Json,
    after: &Json,
) -> (serde_json::Map<String, Json>, serde_json::Map<String, Json>) {
    let (mut was, mut is) = (serde_json::Map::new(), serde_json::Map::new());
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object()) {
        for (name, value) in after {
            if before.get(name) != Some(value) {
                was.insert(name.clone(), before.get(name).cloned().unwrap_or(Json::Null));
                is.insert(name.clone(), value.clone());
            }
        }
    }
    (was, is)
}

/// Cuts a client off until it is enabled again; every token it ever got is dead for good. Once more does nothing.
///
/// # Errors
/// `conflict` for a system or deleted client; missing permission.
pub async fn disable(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
    reason: Option<&str>,
) -> Result<Client> {
    retire(registry, access, client_id, version, reason, None).await
}

/// As [`disable`], and deletes the client on a day, unless somebody enables it before. Whoever looks after it hears of it.
///
/// # Errors
/// As [`disable`]; bad input for a day that is past or more than a year off; with a day, what [`delete`] needs.
pub async fn retire(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
    reason: Option<&str>,
    delete_at: Option<Timestamp>,
) -> Result<Client> {
    access.require(Permission::ClientsWrite)?;
    let now = registry.now();
    if let Some(at) = delete_at {
        access.require_fresh(Permission::ClientsDelete, now)?;
        if at <= now || at > now.after(Lifetime::days(366)) {
            let detail = "A client is deleted in the future, within a year.";
            return Err(Refusal::fields(vec![Field::new("/delete_at", "range", detail)]).into());
        }
    }
    let change = Change {
        status: Status::Disabled,
        reason,
        delete_at,
    };
    set_status(registry, access, client_id, version, change).await
}

/// Brings a disabled client back. Tokens issued before it was disabled stay dead.
///
/// # Errors
/// `conflict` for a deleted client; `forbidden` for one that may do more than whoever asks; missing permission; for people,
/// an old sign-in.
pub async fn enable(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
) -> Result<Client> {
    access.require_fresh(Permission::ClientsWrite, registry.now())?;
    let before = find_for_change(registry, access, client_id, version).await?;
    control::check(registry, access, &before, "client.enabled").await?;
    set_status_of(registry, access, before, Status::Active.into()).await
}

/// Deletes a client for good: its secrets and grants are erased, its id is never used again.
///
/// # Errors
/// `conflict` for a system client or one that is deleted already; missing permission; for people, an old sign-in.
pub async fn delete(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
) -> Result<Client> {
    access.require_fresh(Permission::ClientsDelete, registry.now())?;
    set_status(registry, access, client_id, version, Status::Deleted.into()).await
}

/// What becomes of a client.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub status: Status,
    pub reason: Option<&'a str>,
    pub delete_at: Option<Timestamp>,
}

impl From<Status> for Change<'_> {
    fn from(status: Status) -> Self {
        Self {
            status,
            reason: None,
            delete_at: None,
        }
    }
}

async fn set_status(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
    change: Change<'_>,
) -> Result<Client> {
    let before = find_for_change(registry, access, client_id, version).await?;
    set_status_of(registry, access, before, change).await
}

/// As [`disable`], [`enable`] and [`delete`], for a client that this access may do it to.
pub(super) async fn set_status_of(
    registry: &Registry,
    access: &Access,
    before: Client,
    change: Change<'_>,
) -> Result<Client> {
    let (status, delete_at) = (change.status, change.delete_at);
    let client_id = before.client_id.as_str();
    let action = match (before.kind, status) {
        (Kind::Personal, Status::Active) => "credential.enabled",
        (Kind::Personal, Status::Disabled) => "credential.disabled",
        (Kind::Personal, Status::Deleted) => "credential.deleted",
        (_, Status::Active) => "client.enabled",
        (_, Status::Disabled) => "client.disabled",
        (_, Status::Deleted) => "client.deleted",
    };
    if status != Status::Active {
        refuse_system(registry, access, &before, action).await?;
    }
    if before.status == status && before.delete_at == delete_at {
        return Ok(before);
    }
    let now = registry.now();
    let reason = change.reason.map(str::trim).filter(|r| !r.is_empty());
    let mut batch = Batch::default();
    for statement in store::clients::set_status(&before, status, &access.actor.name, reason, delete_at, now) {
        batch.push(statement);
    }
    batch.push(store::usage::forget_attempts(client_id));
    let key = before.file_key.as_deref();
    batch.push(store::clients::note_change(client_id, key, access.actor.origin));
    if status != Status::Active {
        // Who cuts a client off does not give it away.
        transfers::end_with(registry, access, client_id, &mut batch).await?;
    }
    if status == Status::Deleted {
        for statement in store::usage::erase(client_id) {
            batch.push(statement);
        }
        batch.push(store::secrets::erase(client_id));
        batch.push(store::clients::ungrant_all(client_id));
        batch.push(store::grants::remove_client(client_id));
        batch.push(store::consents::remove_client(client_id));
    }
    announce(&mut batch, changes::Kind::Client, client_id, now);
    let mut details = json!({ "before": { "status": before.status }, "after": { "status": status } });
    if let Some(reason) = reason {
        details["reason"] = json!(reason);
    }
    if let Some(at) = delete_at {
        details["delete_at"] = json!(at);
        unused::tell_owner(registry, access, &before, at, &mut batch).await?;
    }
    if status == Status::Deleted {
        let (people, _) = store::client_grants::count(registry.db(), client_id, now).await?;
        details["people"] = json!(people);
        let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
        details["before"] = describe(&before, &apis);
    }
    let event = registry.event(&access.actor, &before.org_id, action, resource(&before), details);
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(Client {
        status,
        status_at: Some(now),
        status_by: Some(access.actor.name.clone()),
        status_reason: reason.map(str::to_owned),
        delete_at,
        updated_at: now,
        version: before.version + 1,
        changed_through: Some(access.actor.origin),
        ..before
    })
}

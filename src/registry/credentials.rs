//! Personal credentials: clients that belong to a person within an organisation, and stand and fall with him.
//!
//! He alone changes one and gets its secret. Whoever manages the organisation sees that it is there and can take it away;
//! he may make one for a member, best as an offer ([`super::credential_offers`]). That a credential works only while its
//! person is active, may hold credentials and is a member is not asked here but by [`crate::live`], on every request.

use serde_json::json;

use crate::{
    db::Batch,
    error::{Error, Result},
    oauth::{
        client::{ApplicationType, GrantType, Kind, Status, words},
        people_settings::PeopleSettings,
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry, Resource,
        access::{Access, ActorKind, Permission, Permissions},
        client_input::{self, Draft, ScopeRef},
        clients::{self, Created, Creation, Edit},
        members,
        secrets::{self, Rotation, Term},
    },
    store::{
        self,
        apis::{Api, Scope},
        clients::{Client, Filter, From, Page, SortKey},
        secrets::ClientSecret,
        users::{Role, User, UserStatus},
    },
    time::{Lifetime, Timestamp},
};

/// A credential that has expired is kept for so long, to make another one like it.
pub const KEPT: Lifetime = Lifetime::days(90);

/// A credential and its secrets, newest first.
pub struct Credential {
    pub client: Client,
    pub secrets: Vec<ClientSecret>,
}

words! {
    /// Whether a credential works, and if not, why.
    CredentialState {
        Active = "active",
        /// An admin disabled it.
        Disabled = "disabled",
        /// Its person is not active, or may not hold credentials.
        Suspended = "suspended",
        /// None of its secrets can be used.
        Expired = "expired",
    }
}

impl Credential {
    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> CredentialState {
        if self.client.status != Status::Active {
            CredentialState::Disabled
        } else if !self.client.holder_stands {
            CredentialState::Suspended
        } else if self.secrets.iter().any(|secret| secret.usable(now)) {
            CredentialState::Active
        } else {
            CredentialState::Expired
        }
    }

    /// The secret that was made last, if it has one.
    pub fn secret(&self) -> Option<&ClientSecret> {
        let usable = self.secrets.iter().find(|secret| secret.revoked_at.is_none());
        usable.or_else(|| self.secrets.first())
    }
}

/// A credential to be made.
#[derive(Clone, Debug)]
pub struct NewCredential {
    pub name: String,
    pub description: String,
    pub scopes: Vec<ScopeRef>,
    pub term: Term,
    /// Where the input has the term, as a JSON pointer.
    pub term_at: &'static str,
}

/// What to change of a credential; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct CredentialEdit {
    pub name: Option<String>,
    pub description: Option<String>,
    pub scopes: Option<Vec<ScopeRef>>,
}

/// Somebody who may hold credentials in an organisation.
pub struct Holder {
    pub user: User,
    pub role: Role,
}

/// A scope that a person could give his credential, or why not.
pub struct Grantable {
    pub scope: Scope,
    pub refused: Option<String>,
}

/// Asks whether this instance has personal credentials at all.
///
/// # Errors
/// `feature_unavailable`.
pub fn check_available(registry: &Registry) -> Result<()> {
    if registry.config.features.personal_credentials {
        return Ok(());
    }
    Err(Code::FeatureUnavailable
        .because("personal credentials are turned off by the operator of this server")
        .into())
}

/// Whether these credentials are the caller's own business.
pub(super) fn is_own(access: &Access, user_id: &str) -> bool {
    access.actor.kind == ActorKind::User
        && access.actor.id == user_id
        && access.permissions.allow(Permission::AccountRead)
}

/// Asks whether the caller may see the credentials of a person.
fn check_seeing(registry: &Registry, access: &Access, user_id: &str) -> Result<()> {
    check_available(registry)?;
    if is_own(access, user_id) {
        return Ok(());
    }
    access.require(Permission::MembersRead)?;
    access.require(Permission::ClientsRead)
}

/// There is no such credential here.
pub fn unknown() -> Refusal {
    Code::NotFound.because("there is no personal credential with this id")
}

/// A person without credentials here: not active, not allowed any, or no member.
///
/// # Errors
/// `not_found` for somebody who is no member; `forbidden` for one who may not hold credentials.
pub async fn holder(registry: &Registry, access: &Access, user_id: &str) -> Result<Holder> {
    let db = registry.db();
    let role = store::users::role(db, &access.org.id, user_id).await?;
    let user = store::users::find(db, user_id).await?;
    let (Some(role), Some(user)) = (role, user) else {
        return Err(members::unknown().into());
    };
    if user.status != UserStatus::Active || !user.may_hold_credentials {
        return Err(Code::Forbidden
            .because(
                "this account may not hold personal credentials: an operator of this server can allow it",
            )
            .reason("credential.holder")
            .into());
    }
    Ok(Holder { user, role })
}

/// What the credential of a person may do at most, made by this caller: never more than the person, and never more than
/// whoever makes it.
pub(super) fn cap(access: &Access, holder: &Holder) -> Permissions {
    Permissions::of_role(holder.role).and(access.permissions)
}

/// Every scope of the organisation's APIs, the least risky first in each, with why some cannot be given.
///
/// # Errors
/// `feature_unavailable`; `forbidden`; `not_found` for somebody who is no member.
pub async fn grantable(
    registry: &Registry,
    access: &Access,
    user_id: &str,
) -> Result<Vec<(Api, Vec<Grantable>)>> {
    check_seeing(registry, access, user_id)?;
    let held = cap(access, &holder(registry, access, user_id).await?);
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let listed = apis.into_iter().map(|api| {
        let mut scopes: Vec<Grantable> = api
            .scopes
            .iter()
            .map(|scope| Grantable {
                refused: client_input::may_grant(&api, &scope.value, Kind::Personal, held).err(),
                scope: scope.clone(),
            })
            .collect();
        scopes.sort_by_key(|one| one.scope.risk);
        (api, scopes)
    });
    Ok(listed.filter(|(_, scopes)| !scopes.is_empty()).collect())
}

/// The credentials of a person in the organisation of the access, newest first.
///
/// # Errors
/// `feature_unavailable`; missing permission.
pub async fn of_person(registry: &Registry, access: &Access, user_id: &str) -> Result<Vec<Credential>> {
    check_seeing(registry, access, user_id)?;
    read(registry, access, Some(user_id)).await
}

/// The credentials of all members, newest first.
///
/// # Errors
/// `feature_unavailable`; missing permission.
pub async fn of_organization(registry: &Registry, access: &Access) -> Result<Vec<Credential>> {
    check_available(registry)?;
    access.require(Permission::MembersRead)?;
    access.require(Permission::ClientsRead)?;
    read(registry, access, None).await
}

/// More are not listed at once.
const MOST: i64 = 1000;

async fn read(registry: &Registry, access: &Access, user_id: Option<&str>) -> Result<Vec<Credential>> {
    registry.flush_activity().await?;
    let filter = Filter {
        kind: Some(Kind::Personal),
        user_id: user_id.map(str::to_owned),
        ..Filter::default()
    };
    let page = Page {
        sort: SortKey::Created,
        descending: true,
        from: From::Offset(0),
        limit: MOST,
    };
    let orgs = [access.org.id.clone()];
    let listed = store::clients::list(registry.db(), &orgs, &filter, &page).await?;
    let clients = listed.map(|listed| listed.clients).unwrap_or_default();
    let ids: Vec<String> = clients.iter().map(|client| client.client_id.clone()).collect();
    let secrets = store::secrets::of_clients(registry.db(), &ids).await?;
    Ok(clients
        .into_iter()
        .map(|client| Credential {
            secrets: secrets
                .iter()
                .filter(|secret| secret.client_id == client.client_id)
                .cloned()
                .collect(),
            client,
        })
        .collect())
}

/// The one of these accesses in whose organisation a credential is.
///
/// # Errors
/// When the storage fails.
pub async fn place_of(registry: &Registry, places: Vec<Access>, id: &str) -> Result<Option<Access>> {
    let orgs: Vec<&str> = places.iter().map(|access| access.org.id.as_str()).collect();
    let client = store::clients::find_in(registry.db(), &orgs, id).await?;
    let mut places = places.into_iter();
    Ok(client.and_then(|client| places.find(|access| access.org.id == client.org_id)))
}

/// A credential of a person, unless it was deleted.
///
/// # Errors
/// `not_found`, the same for somebody else's as for none; `feature_unavailable`; missing permission.
pub async fn find(registry: &Registry, access: &Access, user_id: &str, id: &str) -> Result<Credential> {
    check_seeing(registry, access, user_id)?;
    registry.flush_activity().await?;
    let found = store::clients::find_in(registry.db(), &[&access.org.id], id).await?;
    let client = found.filter(|client| {
        client.kind == Kind::Personal
            && client.user_id.as_deref() == Some(user_id)
            && client.status != Status::Deleted
    });
    let client = client.ok_or_else(unknown)?;
    Ok(Credential {
        secrets: store::secrets::of_client(registry.db(), id).await?,
        client,
    })
}

/// As [`find`], for the person himself, who has just proven who he is if this is a page; at the version he has seen.
async fn own(
    registry: &Registry,
    access: &Access,
    user_id: &str,
    id: &str,
    version: Option<i64>,
) -> Result<Credential> {
    check_available(registry)?;
    if !is_own(access, user_id) {
        let found = find(registry, access, user_id, id).await?;
        clients::refuse_personal(registry, access, &found.client, "credential.updated").await?;
    }
    access.require_fresh(Permission::AccountWrite, registry.now())?;
    let found = find(registry, access, user_id, id).await?;
    if version.is_some_and(|seen| seen != found.client.version) {
        return Err(crate::db::WriteError::Unmet("version").into());
    }
    Ok(found)
}

/// What is asked for as the draft of a client.
fn draft(user_id: &str, new: &NewCredential) -> Draft {
    Draft {
        kind: Kind::Personal,
        application_type: ApplicationType::Service,
        name: new.name.clone(),
        description: new.description.clone(),
        grant_types: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        scopes: new.scopes.clone(),
        optional_scopes: None,
        auth_method: None,
        require_consent: false,
        access_token_lifetime: None,
        people: PeopleSettings::default(),
        user_id: Some(user_id.to_owned()),
    }
}

fn check_count(access: &Access, scopes: &[ScopeRef]) -> Result<()> {
    let most = access.org.settings.scopes_per_credential;
    if i64::try_from(scopes.len()).unwrap_or(i64::MAX) <= most {
        return Ok(());
    }
    let detail = format!("A personal credential has at most {most} scopes here.");
    Err(Refusal::fields(vec![Field::new("/scopes", "too_many", detail)]).into())
}

/// Asks whether a person may have one more; the last word has the transaction that makes it.
pub(super) async fn check_limit(
    registry: &Registry,
    access: &Access,
    user_id: &str,
    open: i64,
) -> Result<()> {
    let most = access.org.settings.credentials_per_member;
    if most == 0 {
        return Err(Code::Forbidden
            .because(
                "this organisation allows no personal credentials: an admin can change that in its settings",
            )
            .reason("credential.none_allowed")
            .into());
    }
    let filter = Filter {
        kind: Some(Kind::Personal),
        user_id: Some(user_id.to_owned()),
        ..Filter::default()
    };
    let orgs = [access.org.id.clone()];
    let have = store::clients::count(registry.db(), &orgs, &filter).await? + open;
    if have >= most {
        return Err(Code::Conflict
            .because(format!(
                "{have} of {most} personal credentials: delete one that is not needed any more"
            ))
            .reason("credential.limit")
            .into());
    }
    Ok(())
}

/// Makes a credential for a person: for oneself, or for a member, whose secret its maker then sees.
///
/// # Errors
/// Bad input field by field; `conflict` at the limit; `forbidden` for somebody who may not hold any;
/// `feature_unavailable`; `not_found`; missing permission; for people, an old sign-in.
pub async fn create(
    registry: &Registry,
    access: &Access,
    user_id: &str,
    new: &NewCredential,
) -> Result<Created> {
    check_available(registry)?;
    let now = registry.now();
    let own = is_own(access, user_id);
    if own {
        access.require_fresh(Permission::AccountWrite, now)?;
    } else {
        access.require_fresh(Permission::MembersWrite, now)?;
        access.require(Permission::ClientsWrite)?;
    }
    let holder = holder(registry, access, user_id).await?;
    let id = crate::secret::client_id(&registry.entropy);
    let mut batch = Batch::default();
    if !own {
        let seen = Resource {
            kind: "client",
            id: &id,
            name: new.name.trim(),
        };
        let details = json!({ "user": user_id, "username": holder.user.username });
        let event = registry.event(
            &access.actor,
            &access.org.id,
            "credential.shown_to_maker",
            seen,
            details,
        );
        batch.push(store::audit::append(&event));
    }
    make(registry, access, &holder, cap(access, &holder), id, new, batch).await
}

/// Makes a credential of this id together with `batch`, if the person may have it at that very moment.
pub(super) async fn make(
    registry: &Registry,
    access: &Access,
    holder: &Holder,
    cap: Permissions,
    id: String,
    new: &NewCredential,
    more: Batch,
) -> Result<Created> {
    let user_id = &holder.user.id;
    check_count(access, &new.scopes)?;
    check_limit(registry, access, user_id, 0).await?;
    clients::check_quota(registry, access).await?;
    let mut batch = Batch::from_iter([
        store::credentials::hold_person(user_id),
        store::credentials::hold_member(&access.org.id, user_id),
        store::credentials::below(
            &access.org.id,
            user_id,
            access.org.settings.credentials_per_member,
        ),
    ]);
    batch.append(more);
    let capped = Access {
        permissions: cap,
        ..access.clone()
    };
    let extra = Creation {
        secret_term: new.term,
        ..Creation::default()
    };
    clients::create_with_id(registry, &capped, id, draft(user_id, new), extra, batch)
        .await
        .map_err(|error| at(error, "/secret_expires", new.term_at))
}

/// A field of the input under the name it has there.
fn at(error: Error, known: &str, pointer: &str) -> Error {
    let Error::Refused(mut refusal) = error else {
        return error;
    };
    for field in &mut refusal.fields {
        if field.pointer == known {
            pointer.clone_into(&mut field.pointer);
        }
    }
    Error::Refused(refusal)
}

/// Changes name, description or scopes of one's own credential. A scope that is taken away stops working in tokens already
/// issued, too.
///
/// # Errors
/// Bad input field by field; `precondition_failed`; `not_found`; `forbidden` for somebody else's.
pub async fn edit(
    registry: &Registry,
    access: &Access,
    user_id: &str,
    id: &str,
    version: Option<i64>,
    edit: CredentialEdit,
) -> Result<Client> {
    let found = own(registry, access, user_id, id, version).await?;
    let holder = holder(registry, access, user_id).await?;
    if let Some(scopes) = &edit.scopes {
        check_count(access, scopes)?;
    }
    let capped = Access {
        permissions: cap(access, &holder),
        ..access.clone()
    };
    let edit = Edit {
        name: edit.name,
        description: edit.description,
        scopes: edit.scopes,
        ..Edit::default()
    };
    clients::change(registry, &capped, found.client, edit).await
}

/// Gives one's own credential a new secret and decides about the old one.
///
/// # Errors
/// As [`secrets::rotate`]; `not_found`; `forbidden` for somebody else's.
pub async fn rotate(
    registry: &Registry,
    access: &Access,
    user_id: &str,
    id: &str,
    version: Option<i64>,
    rotation: Rotation,
) -> Result<Created> {
    let found = own(registry, access, user_id, id, version).await?;
    let holder = holder(registry, access, user_id).await?;
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    if !client_input::covers(cap(access, &holder), &apis, &found.client.scopes) {
        return Err(Code::Forbidden
            .because("this credential may do more than you now: take the scopes away that you do not hold, then rotate")
            .reason("client.beyond_yours")
            .into());
    }
    secrets::rotate_client(registry, access, found.client, rotation).await
}

/// Deletes a credential for good: one's own, or a member's. All its tokens are dead at once.
///
/// # Errors
/// `not_found`; `precondition_failed`; missing permission; for people, an old sign-in.
pub async fn delete(
    registry: &Registry,
    access: &Access,
    user_id: &str,
    id: &str,
    version: Option<i64>,
) -> Result<Client> {
    check_available(registry)?;
    let now = registry.now();
    if is_own(access, user_id) {
        access.require_fresh(Permission::AccountWrite, now)?;
    } else {
        access.require_fresh(Permission::ClientsDelete, now)?;
    }
    let found = find(registry, access, user_id, id).await?;
    if version.is_some_and(|seen| seen != found.client.version) {
        return Err(crate::db::WriteError::Unmet("version").into());
    }
    clients::set_status_of(registry, access, found.client, Status::Deleted.into()).await
}

/// Deletes what has expired long ago.
///
/// # Errors
/// When the storage fails.
pub async fn sweep(registry: &Registry) -> Result<()> {
    let before = registry.live.past().before(KEPT).at();
    for (id, org_id) in store::credentials::expired(registry.db(), before, 100).await? {
        let (client, org) = (
            store::clients::find(registry.db(), &id).await?,
            store::organizations::find(registry.db(), &org_id).await?,
        );
        let (Some(client), Some(org)) = (client, org) else {
            continue;
        };
        let access = super::bootstrap::system_access(org);
        let gone = clients::Change {
            reason: Some("it expired 90 days ago"),
            ..Status::Deleted.into()
        };
        match clients::set_status_of(registry, &access, client, gone).await {
            // Another node was first.
            Err(error) if error.refusal().is_some() => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// The scopes of a credential as a token request names them in full: audience and value together.
pub fn qualified(client: &Client, apis: &[Api]) -> Vec<String> {
    let full = |(api, value): &(String, String)| {
        let api = apis.iter().find(|known| known.id == *api)?;
        Some(qualify(&api.audience, value))
    };
    client.scopes.iter().filter_map(full).collect()
}

/// One scope in full, in the form that can be read most easily: with a hyphen between, unless the audience ends so that
/// none is needed.
pub fn qualify(audience: &str, value: &str) -> String {
    if audience.ends_with(['/', '-', ':']) {
        format!("{audience}{value}")
    } else {
        format!("{audience}-{value}")
    }
}

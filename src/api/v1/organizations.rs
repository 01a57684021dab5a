//! Organisations: the caller's own, and all of them for who runs the instance.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{client_changes::body, sent};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, operation, paging},
        page,
    },
    error::Result,
    oauth::refusal::{Field, Refusal},
    registry::{
        Registry,
        access::Permission,
        organizations::{self, OrganizationEdit},
    },
    store,
    time::Timestamp,
};

/// A tenant.
#[derive(Serialize, ToSchema)]
struct Organization {
    id: String,
    handle: String,
    name: String,
    /// `team` or `personal`
    kind: String,
    settings: Settings,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}

/// What an organisation decides for its clients.
#[derive(Serialize, ToSchema)]
struct Settings {
    /// Seconds; `null`: as the instance has it
    access_token_lifetime: Option<i64>,
    /// Whether the organisation lets web clients return to `http` on a loopback host
    development_redirects: bool,
    /// Whether the instance does; without it, the organisation's word changes nothing
    development_redirects_here: bool,
    /// Days until a new secret of a service expires
    secret_lifetime_days: i64,
    secrets_may_never_expire: bool,
    /// Hours for which an old secret works beside its successor, where nobody says otherwise
    secret_overlap_hours: i64,
    /// Whether to tell of clients that nobody used for 60, 90 and 120 days
    unused_notices: bool,
    /// After how many days without a use a client is disabled; `null`: never
    unused_disable_days: Option<i64>,
    /// Whether every member needs a second factor to sign in
    require_second_factor: bool,
    /// How many personal credentials a member has at most; none are allowed at 0
    credentials_per_member: i64,
    /// How many scopes a personal credential has at most
    scopes_per_credential: i64,
    /// Days for which the activity is kept; `null`: for ever
    audit_retention_days: Option<i64>,
}

impl Organization {
    fn of(registry: &Registry, org: store::organizations::Organization) -> Self {
        Self {
            id: org.id,
            handle: org.handle,
            name: org.name,
            kind: org.kind,
            settings: Settings {
                access_token_lifetime: org.settings.access_token_lifetime,
                development_redirects: org.settings.development_redirects,
                development_redirects_here: registry.boundary.allows_development(),
                secret_lifetime_days: org.settings.secret_lifetime_days,
                secrets_may_never_expire: org.settings.secrets_may_never_expire,
                secret_overlap_hours: org.settings.secret_overlap_hours,
                unused_notices: org.settings.unused_notices,
                unused_disable_days: org.settings.unused_disable_days,
                require_second_factor: org.settings.require_second_factor,
                credentials_per_member: org.settings.credentials_per_member,
                scopes_per_credential: org.settings.scopes_per_credential,
                audit_retention_days: org.settings.audit_retention_days,
            },
            created_at: org.created_at,
            updated_at: org.updated_at,
            version: org.version,
        }
    }
}

/// An organisation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrganization {
    #[schema(min_length = 2, max_length = 40)]
    handle: String,
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Id of the person who owns it
    owner: Option<String>,
}

/// What to change of an organisation, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrganizationPatch {
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(nullable = false)]
    settings: Option<SettingsPatch>,
}

/// What to change of the settings.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsPatch {
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86400)]
    access_token_lifetime: Option<Option<i64>>,
    #[schema(nullable = false)]
    development_redirects: Option<bool>,
    #[schema(nullable = false, minimum = 1, maximum = 731)]
    secret_lifetime_days: Option<i64>,
    #[schema(nullable = false)]
    secrets_may_never_expire: Option<bool>,
    #[schema(nullable = false, minimum = 1, maximum = 720)]
    secret_overlap_hours: Option<i64>,
    #[schema(nullable = false)]
    unused_notices: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 30, maximum = 1100)]
    unused_disable_days: Option<Option<i64>>,
    #[schema(nullable = false)]
    require_second_factor: Option<bool>,
    #[schema(nullable = false, minimum = 0, maximum = 100)]
    credentials_per_member: Option<i64>,
    #[schema(nullable = false, minimum = 1, maximum = 100)]
    scopes_per_credential: Option<i64>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 30, maximum = 36500)]
    audit_retention_days: Option<Option<i64>>,
}

const TAG: &str = "Organisations";
const ORGANIZATIONS: &str = "/api/v1/orgs";
const ORGANIZATION: &str = "/api/v1/orgs/{org}";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (
        Some(Permission::OrganizationsRead),
        Some(Permission::OrganizationsWrite),
    );
    let one = || Answer::Ok(Shape::of::<Organization>());
    let all = Answer::Ok(Shape::list_of::<Organization>());
    let made = Answer::Created(Shape::of::<Organization>());
    let list = operation(
        Method::GET,
        ORGANIZATIONS,
        "listOrganizations",
        "List organisations",
        read,
        all,
        |c| Box::pin(list(c)),
    );
    let create = operation(
        Method::POST,
        ORGANIZATIONS,
        "createOrganization",
        "Create an organisation",
        Some(Permission::InstanceWrite),
        made,
        |c| Box::pin(create(c)),
    );
    let show = operation(
        Method::GET,
        ORGANIZATION,
        "showOrganization",
        "See an organisation",
        read,
        one(),
        |c| Box::pin(show(c)),
    );
    let edit = operation(
        Method::PATCH,
        ORGANIZATION,
        "editOrganization",
        "Change an organisation",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let example = json!({ "handle": "acme-energy", "name": "Acme Energy" });
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            ..list
        },
        Operation {
            tag: TAG,
            body: Some(body::<NewOrganization>(true, false, example)),
            ..create
        },
        Operation { tag: TAG, ..show },
        Operation {
            tag: TAG,
            body: Some(body::<OrganizationPatch>(
                true,
                true,
                json!({ "settings": { "secret_lifetime_days": 30 } }),
            )),
            precondition: Precondition::Required,
            ..edit
        },
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let all = if call.caller.sees_everything() {
        organizations::all(registry, &call.caller.own(false)?).await?
    } else {
        let own = call.caller.everywhere(false)?;
        own.iter()
            .map(|access| Ok(organizations::see(access)?.clone()))
            .collect::<Result<_>>()?
    };
    let all: Vec<Organization> = all
        .into_iter()
        .map(|org| Organization::of(registry, org))
        .collect();
    let part = page::cut(all, |org| &org.id, &call.query)?;
    page::reply(&part, ORGANIZATIONS, &call.query, &["limit"])
}

async fn create(call: Call) -> Result<Reply> {
    let access = call.caller.own(call.dry_run())?;
    access.require(Permission::InstanceWrite)?;
    let input: NewOrganization = call.input()?;
    let registry = &call.app.registry;
    if let Some(owner) = &input.owner
        && store::users::find(registry.db(), owner).await?.is_none()
    {
        let detail = "There is no person with this id.";
        return Err(Refusal::fields(vec![Field::new("/owner", "owner.unknown", detail)]).into());
    }
    let owner = input.owner.as_deref();
    let org = organizations::create(registry, &access, &input.handle, &input.name, owner).await?;
    let location = format!("/api/v1/orgs/{}", org.handle);
    let etag = etag::of_version(org.version);
    let reply = Reply::of(&Organization::of(registry, org))?.tagged(etag);
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let org = organizations::see(&access)?.clone();
    let etag = etag::of_version(org.version);
    Ok(Reply::of(&Organization::of(&call.app.registry, org))?.tagged(etag))
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    let patch: OrganizationPatch = call.input()?;
    let version = access.org.version;
    call.demand(&etag::of_version(version), true)?;
    let settings = patch.settings.map(|change| {
        let before = access.org.settings.clone();
        store::organizations::Settings {
            access_token_lifetime: change
                .access_token_lifetime
                .unwrap_or(before.access_token_lifetime),
            development_redirects: change
                .development_redirects
                .unwrap_or(before.development_redirects),
            secret_lifetime_days: change.secret_lifetime_days.unwrap_or(before.secret_lifetime_days),
            secrets_may_never_expire: change
                .secrets_may_never_expire
                .unwrap_or(before.secrets_may_never_expire),
            secret_overlap_hours: change.secret_overlap_hours.unwrap_or(before.secret_overlap_hours),
            unused_notices: change.unused_notices.unwrap_or(before.unused_notices),
            unused_disable_days: change.unused_disable_days.unwrap_or(before.unused_disable_days),
            require_second_factor: change
                .require_second_factor
                .unwrap_or(before.require_second_factor),
            credentials_per_member: change
                .credentials_per_member
                .unwrap_or(before.credentials_per_member),
            scopes_per_credential: change
                .scopes_per_credential
                .unwrap_or(before.scopes_per_credential),
            audit_retention_days: change.audit_retention_days.unwrap_or(before.audit_retention_days),
        }
    });
    let edit = OrganizationEdit {
        name: patch.name,
        settings,
    };
    let org = organizations::edit(&call.app.registry, &access, Some(version), edit).await?;
    let etag = etag::of_version(org.version);
    Ok(Reply::of(&Organization::of(&call.app.registry, org))?.tagged(etag))
}

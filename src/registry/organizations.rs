//! Tenants: creating one, and its settings.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::{
        name,
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        announce,
        apis::{self, NewApi, NewScope},
        clients::differences,
    },
    store::{
        self,
        apis::{Risk, TokenFormat},
        changes,
        organizations::{Organization, Settings},
        users::Role,
    },
};

/// What to change of an organisation; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct OrganizationEdit {
    pub name: Option<String>,
    pub settings: Option<Settings>,
}

/// Whether a text may be a handle: it stands in URLs.
fn is_handle(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// Creates an organisation with its "Workspace" API, owned by a person if one is named.
///
/// # Errors
/// Bad input field by field; a taken handle; only operators and the server itself may.
pub async fn create(
    registry: &Registry,
    access: &Access,
    handle: &str,
    name: &str,
    owner: Option<&str>,
) -> Result<Organization> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let (org, batch) = draft(registry, &access.actor, handle, name, owner)?;
    registry.commit(access, batch).await.map_err(taken)?;
    Ok(org)
}

pub(super) fn taken(error: WriteError) -> Error {
    if error.is_unique("organizations", "handle_folded") {
        let detail = "Another organisation has this handle.";
        return Refusal::fields(vec![Field::new("/handle", "handle.taken", detail)]).into();
    }
    error.into()
}

/// An organisation and the statements that add it.
pub(super) fn draft(
    registry: &Registry,
    actor: &Actor,
    handle: &str,
    name: &str,
    owner: Option<&str>,
) -> Result<(Organization, Batch)> {
    let mut fields = Vec::new();
    if !is_handle(handle) {
        let detail = "A handle has 2 to 40 lower-case letters, digits and hyphens, as in acme-energy.";
        fields.push(Field::new("/handle", "handle", detail));
    }
    if let Err(detail) = name::check_trusted(name) {
        fields.push(Field::new("/name", "name", detail));
    }
    if !fields.is_empty() {
        return Err(Refusal::fields(fields).into());
    }
    let now = registry.now();
    let org = Organization {
        id: format!("org_{}", registry.id()),
        handle: handle.to_owned(),
        name: name::normal(name),
        kind: "team".to_owned(),
        settings: Settings::default().into(),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let mut batch = Batch::default();
    batch.push(store::organizations::add(&org));
    announce(&mut batch, changes::Kind::Organization, &org.id, now);
    let (_, workspace) = apis::draft(registry, Some(org.id.clone()), workspace_api(handle));
    batch.append(workspace);
    if let Some(user) = owner {
        batch.push(store::users::add_member(&org.id, user, Role::Owner, now));
    }
    let event = registry.event(
        actor,
        &org.id,
        "organization.created",
        resource(&org),
        json!({ "after": { "handle": org.handle, "name": org.name } }),
    );
    batch.push(store::audit::append(&event));
    Ok((org, batch))
}

fn workspace_api(handle: &str) -> NewApi {
    let scope = |value: &str, description: &str, risk, implies: &[&str]| NewScope {
        value: value.to_owned(),
        description: description.to_owned(),
        risk,
        implies: implies.iter().map(|&v| v.to_owned()).collect(),
        requires_consent: true,
    };
    NewApi {
        name: "Workspace".to_owned(),
        audience: format!("urn:oauthority:workspace:{handle}"),
        token_format: TokenFormat::Jwt,
        lifetime: None,
        signing_algorithm: None,
        scopes: vec![
            scope("workspace:read", "See what is in the workspace", Risk::Reads, &[]),
            scope(
                "workspace:write",
                "Change what is in the workspace",
                Risk::Changes,
                &["workspace:read"],
            ),
        ],
    }
}

fn resource(org: &Organization) -> Resource<'_> {
    Resource {
        kind: "organization",
        id: &org.id,
        name: &org.name,
    }
}

/// Changes name and settings.
///
/// # Errors
/// Bad input field by field; `precondition_failed`; missing permission; for people, an old sign-in when settings change.
pub async fn edit(
    registry: &Registry,
    access: &Access,
    version: Option<i64>,
    edit: OrganizationEdit,
) -> Result<Organization> {
    access.require(Permission::OrganizationsWrite)?;
    let before = &access.org;
    if version.is_some_and(|seen| seen != before.version) {
        return Err(WriteError::Unmet("version").into());
    }
    let after = Organization {
        name: edit.name.map_or_else(
            || before.name.clone(),
            |n| if n == before.name { n } else { name::normal(&n) },
        ),
        settings: match edit.settings {
            Some(settings) => before.settings.with(settings),
            None => before.settings.clone(),
        },
        ..before.clone()
    };
    check(registry, before, &after)?;
    let describe = |o: &Organization| json!({ "name": o.name, "settings": o.settings });
    let (was, is) = differences(&describe(before), &describe(&after));
    if is.is_empty() {
        return Ok(after);
    }
    // They decide how its people sign in and how its secrets live.
    if is.contains_key("settings") {
        access.check_fresh(registry.now())?;
    }
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::organizations::set(&after, now));
    announce(&mut batch, changes::Kind::Organization, &after.id, now);
    let details = json!({ "before": was, "after": is });
    let event = registry.event(
        &access.actor,
        &after.id,
        "organization.updated",
        resource(&after),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(Organization {
        updated_at: now,
        version: before.version + 1,
        ..after
    })
}

fn check(registry: &Registry, before: &Organization, org: &Organization) -> Result<()> {
    let mut fields = Vec::new();
    let switched_on = org.settings.development_redirects && !before.settings.development_redirects;
    if switched_on && !registry.boundary.allows_development() {
        let detail = "This server does not allow development redirects; whoever runs it can \
                      (features.development_redirects).";
        fields.push(Field::new(
            "/settings/development_redirects",
            "not_allowed_here",
            detail,
        ));
    }
    // What is stored already stays until it is changed.
    if org.name != before.name
        && let Err(detail) = name::check_trusted(&org.name)
    {
        fields.push(Field::new("/name", "name", detail));
    }
    let lifetime = org.settings.access_token_lifetime;
    if lifetime.is_some_and(|seconds| !(60..=86_400).contains(&seconds)) {
        let detail = "An access token lives between 60 and 86,400 seconds.";
        fields.push(Field::new("/settings/access_token_lifetime", "range", detail));
    }
    if !(1..=731).contains(&org.settings.secret_lifetime_days) {
        let detail = "A secret lives between 1 and 731 days.";
        fields.push(Field::new("/settings/secret_lifetime_days", "range", detail));
    }
    if !(1..=720).contains(&org.settings.secret_overlap_hours) {
        let detail = "Two secrets work side by side for 1 to 720 hours.";
        fields.push(Field::new("/settings/secret_overlap_hours", "range", detail));
    }
    let unused = org.settings.unused_disable_days;
    if unused.is_some_and(|days| !(30..=1100).contains(&days)) {
        let detail = "A client is disabled after 30 to 1,100 days without a use.";
        fields.push(Field::new("/settings/unused_disable_days", "range", detail));
    }
    if !(0..=100).contains(&org.settings.credentials_per_member) {
        let detail = "Allow between 0 and 100 personal credentials a member.";
        fields.push(Field::new("/settings/credentials_per_member", "range", detail));
    }
    if !(1..=100).contains(&org.settings.scopes_per_credential) {
        let detail = "A personal credential has between 1 and 100 scopes.";
        fields.push(Field::new("/settings/scopes_per_credential", "range", detail));
    }
    let kept = org.settings.audit_retention_days;
    if kept.is_some_and(|days| !(30..=36_500).contains(&days)) {
        let detail = "The activity is kept for 30 to 36,500 days, or for ever.";
        fields.push(Field::new("/settings/audit_retention_days", "range", detail));
    }
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Refusal::fields(fields).into())
    }
}

/// The organisation of an access, if it may see it.
///
/// # Errors
/// Missing permission.
pub fn see(access: &Access) -> Result<&Organization> {
    access.require(Permission::OrganizationsRead)?;
    Ok(&access.org)
}

/// Every organisation, for operators.
///
/// # Errors
/// Missing permission.
pub async fn all(registry: &Registry, access: &Access) -> Result<Vec<Organization>> {
    access.require(Permission::InstanceRead)?;
    Ok(store::organizations::all(registry.db()).await?)
}

/// There is no such organisation here.
pub fn unknown() -> Refusal {
    Code::NotFound.because("there is no organisation with this handle or id")
}

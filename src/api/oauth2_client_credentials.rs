//! `/20160918/users/{user}/oauth2ClientCredentials`: personal credentials in the shape of `product.md` section 5, in camel
//! case, on the same clients as `/api/v1/me/credentials`.
//!
//! A person reaches his own with `account:write`. Whoever manages an organisation sees those of its members, makes and
//! deletes them; what is in one, and its password, belong to its person alone.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    call::{Call, Reply},
    etag,
    operation::{Answer, Body, Operation, Precondition, Shape, operation},
};
use crate::{
    error::Result,
    registry::{
        Registry,
        access::{Access, Permission},
        client_input::ScopeRef,
        clients::Created,
        credentials::{self, Credential, CredentialEdit, CredentialState, NewCredential},
        members,
        secrets::{OldSecret, Rotation, Term},
    },
    secret,
    store::{self, apis::Api},
    time::Timestamp,
};

/// A scope with its audience.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FullyQualifiedScope {
    #[schema(min_length = 1, max_length = 255)]
    audience: String,
    #[schema(min_length = 1, max_length = 100)]
    scope: String,
}

/// A personal credential.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
struct OAuth2ClientCredential {
    id: String,
    user_id: String,
    name: String,
    description: String,
    scopes: Vec<FullyQualifiedScope>,
    /// `ACTIVE`, or `INACTIVE` while it does not work
    lifecycle_state: &'static str,
    time_created: Timestamp,
    /// `null`: never
    expires_on: Option<Timestamp>,
    /// The secret: only where it was just made, this once
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password: Option<String>,
}

/// The credentials of a person.
#[derive(Serialize, ToSchema)]
struct OAuth2ClientCredentials(Vec<OAuth2ClientCredential>);

/// A personal credential to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(rename_all = "camelCase")]
struct CreateOAuth2ClientCredential {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    scopes: Vec<FullyQualifiedScope>,
}

/// What a personal credential is to be; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(rename_all = "camelCase")]
struct UpdateOAuth2ClientCredential {
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(nullable = false, max_length = 1000)]
    description: Option<String>,
    #[schema(nullable = false)]
    scopes: Option<Vec<FullyQualifiedScope>>,
    /// Make a new password; the one before ends now.
    #[schema(nullable = false)]
    is_reset_password: Option<bool>,
}

const TAG: &str = "OAuth 2.0 client credentials";
const ALL: &str = "/20160918/users/{user}/oauth2ClientCredentials";
const ONE: &str = "/20160918/users/{user}/oauth2ClientCredentials/{credential}";
const MANAGING: &[Permission] = &[Permission::MembersWrite, Permission::ClientsWrite];

/// The rows of the table.
pub fn operations() -> Vec<Operation> {
    let write = Some(Permission::AccountWrite);
    let one = || Shape::of::<OAuth2ClientCredential>();
    let row = |method, path, id, summary, permission, answer, act| Operation {
        tag: TAG,
        ..operation(method, path, id, summary, permission, answer, act)
    };
    let list = row(
        Method::GET,
        ALL,
        "listOAuth2ClientCredentials",
        "List the personal credentials of a person",
        Some(Permission::AccountRead),
        Answer::Ok(Shape::of::<OAuth2ClientCredentials>()),
        |c| Box::pin(list(c)),
    );
    let create = row(
        Method::POST,
        ALL,
        "createOAuth2ClientCredential",
        "Make a personal credential",
        write,
        Answer::Created(one()),
        |c| Box::pin(create(c)),
    );
    let update = row(
        Method::PUT,
        ONE,
        "updateOAuth2ClientCredential",
        "Change a personal credential, or make it a new password",
        write,
        Answer::Ok(one()),
        |c| Box::pin(update(c)),
    );
    let delete = row(
        Method::DELETE,
        ONE,
        "deleteOAuth2ClientCredential",
        "Delete a personal credential",
        write,
        Answer::Nothing,
        |c| Box::pin(delete(c)),
    );
    let example = json!({
        "name": "Nightly report", "description": "Reads invoices at night",
        "scopes": [{ "audience": "https://api.example.com", "scope": "invoices:read" }],
    });
    let changing = |operation: Operation| Operation {
        conflicts: true,
        precondition: Precondition::Optional,
        ..operation
    };
    vec![
        Operation {
            instead: &[Permission::MembersRead, Permission::ClientsRead],
            ..list
        },
        Operation {
            body: Some(body::<CreateOAuth2ClientCredential>(example)),
            conflicts: true,
            instead: MANAGING,
            key: "opc-retry-token",
            ..create
        },
        Operation {
            body: Some(body::<UpdateOAuth2ClientCredential>(
                json!({ "isResetPassword": true }),
            )),
            ..changing(update)
        },
        Operation {
            instead: &[Permission::MembersRead, Permission::ClientsDelete],
            ..changing(delete)
        },
    ]
}

fn body<T: ToSchema>(example: serde_json::Value) -> Body {
    Body {
        shape: Shape::of::<T>(),
        required: true,
        patch: false,
        example,
    }
}

fn shown(credential: &Credential, apis: &[Api], now: Timestamp) -> OAuth2ClientCredential {
    let client = &credential.client;
    let scopes = client.scopes.iter().filter_map(|(id, value)| {
        let api = apis.iter().find(|api| api.id == *id)?;
        Some(FullyQualifiedScope {
            audience: api.audience.clone(),
            scope: value.clone(),
        })
    });
    OAuth2ClientCredential {
        scopes: scopes.collect(),
        id: client.client_id.clone(),
        user_id: client.user_id.clone().unwrap_or_default(),
        name: client.name.clone(),
        description: client.description.clone(),
        lifecycle_state: match credential.state(now) {
            CredentialState::Active => "ACTIVE",
            CredentialState::Disabled | CredentialState::Suspended | CredentialState::Expired => "INACTIVE",
        },
        time_created: client.created_at,
        expires_on: credential.secret().and_then(|secret| secret.expires_at),
        password: None,
    }
}

/// What the caller may do with the credentials of the person in the path, in each organisation that both belong to.
///
/// Somebody who is no member where the caller manages is like nobody at all.
async fn places(call: &Call, permission: Permission) -> Result<Vec<Access>> {
    let registry = &call.app.registry;
    credentials::check_available(registry)?;
    let (user, caller) = (call.path("user"), &call.caller);
    if caller.person.as_ref().is_some_and(|person| person.id == user) && caller.myself(permission).is_ok() {
        return caller.everywhere_myself(call.dry_run());
    }
    if !caller.sees_everything() && caller.require_somewhere(Permission::MembersRead).is_err() {
        caller.myself(permission)?;
        return Err(members::unknown().into());
    }
    let mut found = Vec::new();
    for (org, ..) in store::users::organizations_of(registry.db(), user).await? {
        if caller.belongs_to(&org) || caller.sees_everything() {
            let access = caller.reach(&call.app, &org, call.dry_run()).await?;
            if access.permissions.allow(Permission::MembersRead) {
                found.push(access);
            }
        }
    }
    if found.is_empty() {
        return Err(members::unknown().into());
    }
    Ok(found)
}

async fn list(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let mut all = Vec::new();
    for access in places(&call, Permission::AccountRead).await? {
        let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
        let found = credentials::of_person(registry, &access, call.path("user")).await?;
        all.extend(found.iter().map(|one| shown(one, &apis, call.now)));
    }
    Reply::of(&OAuth2ClientCredentials(all))
}

fn refs(scopes: Vec<FullyQualifiedScope>) -> Vec<ScopeRef> {
    let full = |pair: FullyQualifiedScope| ScopeRef {
        audience: Some(pair.audience),
        value: pair.scope,
    };
    scopes.into_iter().map(full).collect()
}

async fn made(registry: &Registry, access: &Access, created: Created, now: Timestamp) -> Result<Reply> {
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let etag = etag::of_version(created.client.version);
    let secret = created.secret;
    let credential = Credential {
        secrets: secret.iter().map(|new| new.row.clone()).collect(),
        client: created.client,
    };
    let reply = Reply::of(&shown(&credential, &apis, now))?.tagged(etag);
    let text = secret.filter(|_| !access.dry_run);
    let text = text.map(|new| secret::Secret::new(new.text.expose().to_owned()));
    Ok(reply.telling("password", text))
}

async fn create(call: Call) -> Result<Reply> {
    let input: CreateOAuth2ClientCredential = call.input()?;
    let (registry, user) = (&call.app.registry, call.path("user"));
    let places = places(&call, Permission::AccountWrite).await?;
    let access = places.first().ok_or_else(members::unknown)?;
    let new = NewCredential {
        name: input.name,
        description: input.description.unwrap_or_default(),
        scopes: refs(input.scopes),
        term: Term::Default,
        term_at: "/name",
    };
    let created = credentials::create(registry, access, user, &new).await?;
    let location = format!(
        "/20160918/users/{user}/oauth2ClientCredentials/{}",
        created.client.client_id
    );
    let reply = made(registry, access, created, call.now).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

/// The credential of the path as the caller has seen it, with what he may do in its organisation.
async fn find(call: &Call) -> Result<(Access, Credential)> {
    let registry = &call.app.registry;
    let (user, id) = (call.path("user"), call.path("credential"));
    let places = places(call, Permission::AccountWrite).await?;
    let access = credentials::place_of(registry, places, id).await?;
    let access = access.ok_or_else(credentials::unknown)?;
    let credential = credentials::find(registry, &access, user, id).await?;
    call.demand(&etag::of_version(credential.client.version), false)?;
    Ok((access, credential))
}

async fn update(call: Call) -> Result<Reply> {
    let (access, before) = find(&call).await?;
    let input: UpdateOAuth2ClientCredential = call.input()?;
    let (registry, user) = (&call.app.registry, call.path("user"));
    let id = before.client.client_id.clone();
    let edit = CredentialEdit {
        name: input.name,
        description: input.description,
        scopes: input.scopes.map(refs),
    };
    let version = Some(before.client.version);
    let client = credentials::edit(registry, &access, user, &id, version, edit).await?;
    if input.is_reset_password.unwrap_or_default() {
        let rotation = Rotation {
            old: OldSecret::EndsNow,
            ..Rotation::default()
        };
        let rotated = credentials::rotate(registry, &access, user, &id, None, rotation).await?;
        return made(registry, &access, rotated, call.now).await;
    }
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let etag = etag::of_version(client.version);
    let after = Credential {
        client,
        secrets: before.secrets,
    };
    Ok(Reply::of(&shown(&after, &apis, call.now))?.tagged(etag))
}

async fn delete(call: Call) -> Result<Reply> {
    let (access, found) = find(&call).await?;
    let (registry, user) = (&call.app.registry, call.path("user"));
    let version = Some(found.client.version);
    credentials::delete(registry, &access, user, &found.client.client_id, version).await?;
    Ok(Reply::nothing())
}

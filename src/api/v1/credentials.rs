//! Personal credentials: one's own, and those of members.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    client_changes::{body, term},
    client_input::{ScopeInput, refs},
    clients::Secret,
    sent,
};
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
        access::{Access, Permission},
        clients::Created,
        credentials::{self as own, CredentialEdit, CredentialState, NewCredential},
        secrets::{OldSecret, Rotation},
    },
    secret,
    store::{
        self,
        apis::{Api, Risk},
        clients::Client,
    },
    time::Timestamp,
};

/// A client that belongs to a person.
#[derive(Serialize, ToSchema)]
pub struct Credential {
    /// The credential id is the client id
    client_id: String,
    org_id: String,
    /// Handle of the organisation
    org: String,
    /// Id of the person
    user: String,
    name: String,
    description: String,
    scopes: Vec<CredentialScope>,
    /// `suspended`: its person is not active or may not hold credentials
    state: CredentialState,
    created_at: Timestamp,
    created_by: String,
    updated_at: Timestamp,
    last_used_at: Option<Timestamp>,
    last_used_ip: Option<String>,
    version: i64,
    /// Newest first; never their text
    secrets: Vec<Secret>,
}

/// A scope of a credential.
#[derive(Serialize, ToSchema)]
struct CredentialScope {
    audience: String,
    value: String,
    /// As a token request names it in full
    qualified: String,
}

/// A credential and the text of its secret: this once, never again.
#[derive(Serialize, ToSchema)]
struct MadeCredential {
    credential: Credential,
    client_secret: Option<String>,
    #[schema(format = "uri")]
    token_endpoint: String,
}

/// A credential to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPersonalCredential {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Audience and value; at least one
    scopes: Vec<ScopeInput>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    expires: Option<String>,
}

/// One's own credential to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOwnCredential {
    /// Handle or id of the organisation; without it, the first one you belong to
    org: Option<String>,
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Audience and value; at least one
    scopes: Vec<ScopeInput>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    expires: Option<String>,
}

/// What to change of a credential, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CredentialPatch {
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    #[schema(nullable = false)]
    scopes: Option<Vec<ScopeInput>>,
}

/// How to rotate. Nothing about the old secret: it ends now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateCredential {
    /// A span such as `24h` for which the old secret still works
    #[schema(max_length = 20)]
    old_ends_in: Option<String>,
    /// Kill every token issued so far, too.
    revoke_tokens: Option<bool>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    expires: Option<String>,
}

/// A scope that you could give a credential of your own, or why not.
#[derive(Serialize, ToSchema)]
struct GrantableScope {
    /// Handle of the organisation
    org: String,
    api: String,
    audience: String,
    value: String,
    qualified: String,
    description: String,
    risk: Risk,
    /// Why you cannot give it; `null` if you can
    refused: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct GrantableScopes {
    data: Vec<GrantableScope>,
}

const TAG: &str = "Personal credentials";
const OWN: &str = "/api/v1/me/credentials";
const ONE: &str = "/api/v1/me/credentials/{credential}";
const THEIRS: &str = "/api/v1/orgs/{org}/members/{member}/credentials";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::AccountRead), Some(Permission::AccountWrite));
    let one = || Answer::Ok(Shape::of::<Credential>());
    let all = || Answer::Ok(Shape::list_of::<Credential>());
    let made = || Shape::of::<MadeCredential>();
    let row = |method, path, id, summary, permission, answer, act| Operation {
        tag: TAG,
        ..operation(method, path, id, summary, permission, answer, act)
    };
    let list = row(
        Method::GET,
        OWN,
        "listOwnCredentials",
        "List your personal credentials",
        read,
        all(),
        |c| Box::pin(list(c)),
    );
    let create = row(
        Method::POST,
        OWN,
        "createOwnCredential",
        "Make yourself a personal credential",
        write,
        Answer::Created(made()),
        |c| Box::pin(create(c)),
    );
    let show = row(
        Method::GET,
        ONE,
        "showOwnCredential",
        "See a personal credential of yours",
        read,
        one(),
        |c| Box::pin(show(c)),
    );
    let edit = row(
        Method::PATCH,
        ONE,
        "editOwnCredential",
        "Change a personal credential of yours",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let delete = row(
        Method::DELETE,
        ONE,
        "deleteOwnCredential",
        "Delete a personal credential of yours; its tokens stop at once",
        write,
        Answer::Nothing,
        |c| Box::pin(delete(c)),
    );
    let rotate = row(
        Method::POST,
        "/api/v1/me/credentials/{credential}/rotate",
        "rotateOwnCredential",
        "Give a personal credential of yours a new secret",
        write,
        Answer::Ok(made()),
        |c| Box::pin(rotate(c)),
    );
    let scopes = row(
        Method::GET,
        "/api/v1/me/credential-scopes",
        "listGrantableScopes",
        "List the scopes that a personal credential of yours could have",
        read,
        Answer::Ok(Shape::of::<GrantableScopes>()),
        |c| Box::pin(scopes(c)),
    );
    let members = row(
        Method::GET,
        "/api/v1/orgs/{org}/credentials",
        "listMemberCredentials",
        "List the personal credentials of all members; needs clients:read as well",
        Some(Permission::MembersRead),
        all(),
        |c| Box::pin(list_all(c)),
    );
    let theirs = row(
        Method::GET,
        THEIRS,
        "listCredentialsOf",
        "List the personal credentials of a member; needs clients:read as well",
        Some(Permission::MembersRead),
        all(),
        |c| Box::pin(list_theirs(c)),
    );
    let give = row(
        Method::POST,
        THEIRS,
        "createCredentialFor",
        "Make a member a personal credential and see its secret; needs clients:write as well",
        Some(Permission::MembersWrite),
        Answer::Created(made()),
        |c| Box::pin(create_for(c)),
    );
    let changing = |operation: Operation| Operation {
        conflicts: true,
        precondition: Precondition::Optional,
        ..operation
    };
    let new = || json!({ "name": "Nightly report", "scopes": [{ "audience": "https://api.example.com", "value": "invoices:read" }] });
    vec![
        Operation {
            query: paging().to_vec(),
            cli: Some("oauthority credential list"),
            ..list
        },
        Operation {
            body: Some(body::<NewOwnCredential>(true, false, new())),
            conflicts: true,
            cli: Some(
                "oauthority credential create --name 'Nightly report' --pair https://api.example.com=invoices:read",
            ),
            ..create
        },
        Operation {
            cli: Some("oauthority credential get CREDENTIAL"),
            ..show
        },
        Operation {
            body: Some(body::<CredentialPatch>(
                true,
                true,
                json!({ "name": "Weekly report" }),
            )),
            ..changing(edit)
        },
        Operation {
            cli: Some("oauthority credential delete CREDENTIAL"),
            ..changing(delete)
        },
        Operation {
            body: Some(body::<RotateCredential>(
                false,
                false,
                json!({ "old_ends_in": "24h" }),
            )),
            cli: Some("oauthority credential rotate CREDENTIAL --old-ends 24h"),
            ..changing(rotate)
        },
        Operation {
            cli: Some("oauthority credential scopes"),
            ..scopes
        },
        Operation {
            query: paging().to_vec(),
            ..members
        },
        Operation {
            query: paging().to_vec(),
            cli: Some("oauthority credential list --for ada"),
            ..theirs
        },
        Operation {
            body: Some(body::<NewPersonalCredential>(true, false, new())),
            conflicts: true,
            ..give
        },
    ]
}

/// The APIs of an organisation and what it is called.
pub(super) struct Around {
    handle: String,
    apis: Vec<Api>,
}

impl Around {
    pub async fn of(registry: &Registry, access: &Access) -> Result<Self> {
        Ok(Self {
            handle: access.org.handle.clone(),
            apis: store::apis::of_organization(registry.db(), &access.org.id).await?,
        })
    }

    fn show(&self, credential: own::Credential, now: Timestamp) -> Credential {
        let state = credential.state(now);
        let own::Credential { client, secrets } = credential;
        let scopes = client.scopes.iter().filter_map(|(id, value)| {
            let api = self.apis.iter().find(|api| api.id == *id)?;
            Some(CredentialScope {
                audience: api.audience.clone(),
                value: value.clone(),
                qualified: own::qualify(&api.audience, value),
            })
        });
        Credential {
            scopes: scopes.collect(),
            client_id: client.client_id,
            org_id: client.org_id,
            org: self.handle.clone(),
            user: client.user_id.unwrap_or_default(),
            name: client.name,
            description: client.description,
            state,
            created_at: client.created_at,
            created_by: client.created_by,
            updated_at: client.updated_at,
            last_used_at: client.last_used_at,
            last_used_ip: client.last_used_ip,
            version: client.version,
            secrets: Secret::all_of(&secrets, now),
        }
    }
}

/// The access to the organisation of one's own credential, and the credential as it was seen.
async fn find(call: &Call, permission: Permission) -> Result<(Access, own::Credential)> {
    let user = call.caller.myself(permission)?;
    let registry = &call.app.registry;
    own::check_available(registry)?;
    let id = call.path("credential");
    let places = call.caller.everywhere_myself(call.dry_run())?;
    let access = own::place_of(registry, places, id).await?;
    let access = access.ok_or_else(own::unknown)?;
    let credential = own::find(registry, &access, &user.id, id).await?;
    call.demand(&etag::of_version(credential.client.version), false)?;
    Ok((access, credential))
}

async fn reply(call: &Call, access: &Access, credential: own::Credential) -> Result<Reply> {
    let etag = etag::of_version(credential.client.version);
    let around = Around::of(&call.app.registry, access).await?;
    Ok(Reply::of(&around.show(credential, call.now))?.tagged(etag))
}

async fn made(call: &Call, access: &Access, created: Created) -> Result<Reply> {
    let registry = &call.app.registry;
    let around = Around::of(registry, access).await?;
    let etag = etag::of_version(created.client.version);
    let secret = created.secret;
    let credential = own::Credential {
        secrets: secret.iter().map(|new| new.row.clone()).collect(),
        client: created.client,
    };
    let document = MadeCredential {
        credential: around.show(credential, call.now),
        client_secret: None,
        token_endpoint: registry.config.issuer.join("/oauth2/token"),
    };
    let text = secret.filter(|_| !access.dry_run);
    let text = text.map(|new| secret::Secret::new(new.text.expose().to_owned()));
    Ok(Reply::of(&document)?.tagged(etag).telling("client_secret", text))
}

async fn list(call: Call) -> Result<Reply> {
    let user = call.caller.myself(Permission::AccountRead)?.id.clone();
    let mut all = Vec::new();
    own::check_available(&call.app.registry)?;
    for access in call.caller.everywhere_myself(false)? {
        let around = Around::of(&call.app.registry, &access).await?;
        let found = own::of_person(&call.app.registry, &access, &user).await?;
        all.extend(found.into_iter().map(|one| around.show(one, call.now)));
    }
    let part = page::cut(all, |one| &one.client_id, &call.query)?;
    page::reply(&part, OWN, &call.query, &["limit"])
}

async fn show(call: Call) -> Result<Reply> {
    let (access, credential) = find(&call, Permission::AccountRead).await?;
    reply(&call, &access, credential).await
}

impl NewPersonalCredential {
    /// As the registry takes it.
    ///
    /// # Errors
    /// Bad input.
    pub fn read(self) -> Result<NewCredential, Refusal> {
        Ok(NewCredential {
            name: self.name,
            description: self.description.unwrap_or_default(),
            scopes: refs(self.scopes),
            term: term(self.expires.as_deref(), "/expires")?,
            term_at: "/expires",
        })
    }
}

async fn create(call: Call) -> Result<Reply> {
    let user = call.caller.myself(Permission::AccountWrite)?.id.clone();
    let input: NewOwnCredential = call.input()?;
    let registry = &call.app.registry;
    own::check_available(registry)?;
    let mut places = call.caller.everywhere_myself(call.dry_run())?.into_iter();
    let access = match &input.org {
        Some(org) => places.find(|access| access.org.id == *org || access.org.handle == *org),
        None => places.next(),
    };
    let access = access.ok_or_else(|| {
        let detail = "You belong to no such organisation.";
        Refusal::fields(vec![Field::new("/org", "org.unknown", detail)])
    })?;
    let new = NewPersonalCredential {
        name: input.name,
        description: input.description,
        scopes: input.scopes,
        expires: input.expires,
    };
    let created = own::create(registry, &access, &user, &new.read()?).await?;
    let location = format!("{OWN}/{}", created.client.client_id);
    let reply = made(&call, &access, created).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn edit(call: Call) -> Result<Reply> {
    let (access, before) = find(&call, Permission::AccountWrite).await?;
    let patch: CredentialPatch = call.input()?;
    let edit = CredentialEdit {
        name: patch.name,
        description: patch.description.map(Option::unwrap_or_default),
        scopes: patch.scopes.map(refs),
    };
    let (user, id) = (owner(&before.client), before.client.client_id.clone());
    let version = Some(before.client.version);
    let client = own::edit(&call.app.registry, &access, &user, &id, version, edit).await?;
    let secrets = before.secrets;
    reply(&call, &access, own::Credential { client, secrets }).await
}

fn owner(client: &Client) -> String {
    client.user_id.clone().unwrap_or_default()
}

async fn delete(call: Call) -> Result<Reply> {
    let (access, found) = find(&call, Permission::AccountWrite).await?;
    let (user, id) = (owner(&found.client), &found.client.client_id);
    let version = Some(found.client.version);
    own::delete(&call.app.registry, &access, &user, id, version).await?;
    Ok(Reply::nothing())
}

async fn rotate(call: Call) -> Result<Reply> {
    let (access, found) = find(&call, Permission::AccountWrite).await?;
    let input: RotateCredential = call.input()?;
    let old = match input.old_ends_in.as_deref() {
        None | Some("0") => OldSecret::EndsNow,
        Some(text) => {
            let span = super::client_list::written_span(text, "/old_ends_in")?;
            OldSecret::EndsAt(call.now.after(span))
        }
    };
    let rotation = Rotation {
        old,
        revoke_tokens: input.revoke_tokens.unwrap_or_default(),
        term: term(input.expires.as_deref(), "/expires")?,
        ..Rotation::default()
    };
    let (user, id) = (owner(&found.client), &found.client.client_id);
    let version = Some(found.client.version);
    let rotated = own::rotate(&call.app.registry, &access, &user, id, version, rotation).await?;
    made(&call, &access, rotated).await
}

async fn scopes(call: Call) -> Result<Reply> {
    let user = call.caller.myself(Permission::AccountRead)?.id.clone();
    let registry = &call.app.registry;
    own::check_available(registry)?;
    let mut data = Vec::new();
    for access in call.caller.everywhere_myself(false)? {
        for (api, scopes) in own::grantable(registry, &access, &user).await? {
            data.extend(scopes.into_iter().map(|one| GrantableScope {
                org: access.org.handle.clone(),
                api: api.name.clone(),
                audience: api.audience.clone(),
                qualified: own::qualify(&api.audience, &one.scope.value),
                value: one.scope.value,
                description: one.scope.description,
                risk: one.scope.risk,
                refused: one.refused,
            }));
        }
    }
    Reply::of(&GrantableScopes { data })
}

async fn list_all(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let found = own::of_organization(&call.app.registry, &access).await?;
    let path = format!("/api/v1/orgs/{}/credentials", access.org.handle);
    listed(&call, &access, found, &path).await
}

async fn list_theirs(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let registry = &call.app.registry;
    own::check_available(registry)?;
    let member = crate::registry::members::find(registry, &access, call.path("member")).await?;
    let found = own::of_person(registry, &access, &member.user.id).await?;
    let path = format!(
        "/api/v1/orgs/{}/members/{}/credentials",
        access.org.handle, member.user.id
    );
    listed(&call, &access, found, &path).await
}

async fn listed(call: &Call, access: &Access, found: Vec<own::Credential>, path: &str) -> Result<Reply> {
    let around = Around::of(&call.app.registry, access).await?;
    let all: Vec<Credential> = found.into_iter().map(|one| around.show(one, call.now)).collect();
    let part = page::cut(all, |one| &one.client_id, &call.query)?;
    page::reply(&part, path, &call.query, &["limit"])
}

async fn create_for(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::MembersWrite)?;
    let input: NewPersonalCredential = call.input()?;
    let created = own::create(&call.app.registry, &access, call.path("member"), &input.read()?).await?;
    let location = format!(
        "/api/v1/orgs/{}/clients/{}",
        access.org.handle, created.client.client_id
    );
    let reply = made(&call, &access, created).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

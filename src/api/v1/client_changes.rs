//! Creating clients, editing them, and cutting them off.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::{
    client_input::{ClientPatch, NewClient},
    client_list::{TAG, written_moment, written_span},
    clients::{Client, Secret, Surroundings},
    impact::Impact,
};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Body, Operation, Precondition, Shape, operation},
    },
    error::Result,
    oauth::refusal::Refusal,
    registry::{
        access::{Access, Permission},
        clients::{self, Created, Creation},
        copies,
        impact::{self, Plan},
        notes,
        secrets::Term,
    },
    secret,
    store::clients as kept,
};

/// Why a client is disabled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// A span such as `14d`, or a moment: when the client is deleted unless somebody enables it before
    #[schema(max_length = 40)]
    delete_after: Option<String>,
}

/// How to call a copy, and what to say about its secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CopyClient {
    /// Without it: the name of the other, as a copy
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(max_length = 100)]
    secret_label: Option<String>,
    #[schema(max_length = 300)]
    secret_note: Option<String>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    secret_expires: Option<String>,
}

/// A client, and the text of its new secret: this once, never again.
#[derive(Serialize, ToSchema)]
pub struct MadeClient {
    client: Client,
    /// `null` for a client that holds none
    client_secret: Option<String>,
    secret: Option<Secret>,
}

pub const CLIENTS: &str = "/api/v1/orgs/{org}/clients";
const CLIENT: &str = "/api/v1/orgs/{org}/clients/{client}";

pub fn operations() -> Vec<Operation> {
    let (write, delete) = (Some(Permission::ClientsWrite), Some(Permission::ClientsDelete));
    let client = || Answer::Ok(Shape::of::<Client>());
    let made = Answer::Created(Shape::of::<MadeClient>());
    let create = operation(
        Method::POST,
        CLIENTS,
        "createClient",
        "Create a client",
        write,
        made,
        |c| Box::pin(create(c)),
    );
    let edit = operation(
        Method::PATCH,
        CLIENT,
        "editClient",
        "Change a client",
        write,
        client(),
        |c| Box::pin(edit(c)),
    );
    let remove = operation(
        Method::DELETE,
        CLIENT,
        "deleteClient",
        "Delete a client for good: its id never works again",
        delete,
        Answer::NothingBut(Shape::of::<Impact>()),
        |c| Box::pin(delete_client(c)),
    );
    let disable = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/disable",
        "disableClient",
        "Cut a client off until it is enabled again",
        write,
        client(),
        |c| Box::pin(disable(c)),
    );
    let enable = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/enable",
        "enableClient",
        "Bring a disabled client back",
        write,
        client(),
        |c| Box::pin(enable(c)),
    );
    let copy = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/copy",
        "copyClient",
        "Create a client with the settings of another, also of a deleted one",
        write,
        Answer::Created(Shape::of::<MadeClient>()),
        |c| Box::pin(copy(c)),
    );
    vec![
        Operation {
            body: Some(body::<CopyClient>(
                false,
                false,
                json!({ "name": "Billing sync 2" }),
            )),
            cli: Some("oauthority client create --like CLIENT_ID --name 'Billing sync 2'"),
            ..changing(copy, Precondition::None)
        },
        Operation {
            body: Some(body::<NewClient>(true, false, new_client_example())),
            cli: Some("oauthority client create --name 'Billing sync' --type service --scope workspace:read"),
            ..changing(create, Precondition::None)
        },
        Operation {
            body: Some(body::<ClientPatch>(
                true,
                true,
                json!({ "name": "Billing sync 2" }),
            )),
            cli: Some("oauthority client update CLIENT_ID --name 'Billing sync 2'"),
            ..changing(edit, Precondition::Required)
        },
        Operation {
            cli: Some("oauthority client delete CLIENT_ID"),
            ..changing(remove, Precondition::Required)
        },
        Operation {
            body: Some(body::<Reason>(
                false,
                false,
                json!({ "reason": "Nobody uses it", "delete_after": "14d" }),
            )),
            cli: Some("oauthority client disable CLIENT_ID --delete-after 14d"),
            ..changing(disable, Precondition::Optional)
        },
        Operation {
            cli: Some("oauthority client enable CLIENT_ID"),
            ..changing(enable, Precondition::Optional)
        },
    ]
}

fn changing(operation: Operation, precondition: Precondition) -> Operation {
    Operation {
        tag: TAG,
        conflicts: true,
        precondition,
        ..operation
    }
}

/// A body of this shape.
pub fn body<T: ToSchema>(required: bool, patch: bool, example: Json) -> Body {
    Body {
        shape: Shape::of::<T>(),
        required,
        patch,
        example,
    }
}

fn new_client_example() -> Json {
    json!({ "name": "Billing sync", "type": "service", "scopes": ["workspace:read"] })
}

/// When a new secret expires, as somebody wrote it.
///
/// # Errors
/// Bad input at the member.
pub fn term(text: Option<&str>, pointer: &str) -> Result<Term, Refusal> {
    match text {
        None => Ok(Term::Default),
        Some("never") => Ok(Term::Never),
        Some(text) if text.contains('T') => written_moment(text, pointer).map(Term::At),
        Some(text) => written_span(text, pointer).map(Term::After),
    }
}

async fn create(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let new: NewClient = call.input()?;
    let extra = Creation {
        secret_label: new.secret_label.clone(),
        secret_note: new.secret_note.clone(),
        secret_term: term(new.secret_expires.as_deref(), "/secret_expires")?,
        file_key: new.file_key.clone(),
    };
    let created = clients::create(&call.app.registry, &access, new.draft()?, extra).await?;
    let location = format!(
        "/api/v1/orgs/{}/clients/{}",
        access.org.handle, created.client.client_id
    );
    let notes = notes::of(&call.app.registry, &access, &created.client).await?;
    let reply = made_with(&call, &access, created, Some(notes)).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn copy(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let asked: CopyClient = call.input()?;
    let extra = Creation {
        secret_label: asked.secret_label,
        secret_note: asked.secret_note,
        secret_term: term(asked.secret_expires.as_deref(), "/secret_expires")?,
        file_key: None,
    };
    let registry = &call.app.registry;
    let created = copies::create(registry, &access, call.path("client"), asked.name, extra).await?;
    let location = format!(
        "/api/v1/orgs/{}/clients/{}",
        access.org.handle, created.client.client_id
    );
    let notes = notes::of(registry, &access, &created.client).await?;
    let reply = made_with(&call, &access, created, Some(notes)).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

/// Answers with a client that got a secret. What was only tried has none to tell.
///
/// # Errors
/// When the storage fails.
pub async fn made(call: &Call, access: &Access, created: Created) -> Result<Reply> {
    made_with(call, access, created, None).await
}

async fn made_with(
    call: &Call,
    access: &Access,
    created: Created,
    notes: Option<Vec<notes::Note>>,
) -> Result<Reply> {
    let around = Surroundings::read(&call.app.registry, access).await?;
    let etag = etag::of_version(created.client.version);
    let secret = created
        .secret
        .as_ref()
        .map(|new| Secret::of(&new.row, &[], call.now));
    let text = created.secret.filter(|_| !access.dry_run);
    let document = MadeClient {
        client: around.show(created.client, None).noting(notes),
        client_secret: None,
        secret,
    };
    let text = text.map(|new| secret::Secret::new(new.text.expose().to_owned()));
    Ok(Reply::of(&document)?.tagged(etag).telling("client_secret", text))
}

/// The client of the path as it is, if the caller has seen it so.
///
/// # Errors
/// `not_found`; `precondition_failed`; `precondition_required`, if it is needed.
pub async fn seen(call: &Call, access: &Access, needed: bool) -> Result<kept::Client> {
    let client = clients::find(&call.app.registry, access, call.path("client")).await?;
    call.demand(&etag::of_version(client.version), needed)?;
    Ok(client)
}

/// Answers with a client.
///
/// # Errors
/// When the storage fails.
pub async fn shown(call: &Call, access: &Access, client: kept::Client) -> Result<Reply> {
    let around = Surroundings::read(&call.app.registry, access).await?;
    let etag = etag::of_version(client.version);
    Ok(Reply::of(&around.show(client, None))?.tagged(etag))
}

/// As [`shown`], with what would stop.
async fn tried(
    call: &Call,
    access: &Access,
    client: kept::Client,
    impact: impact::Impact,
    notes: Option<Vec<notes::Note>>,
) -> Result<Reply> {
    let around = Surroundings::read(&call.app.registry, access).await?;
    let document = Client {
        impact: Some(impact.into()),
        ..around.show(client, None).noting(notes)
    };
    Reply::of(&document)
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let patch: ClientPatch = call.input()?;
    let before = seen(&call, &access, true).await?;
    let edit = patch.edit(&before);
    let registry = &call.app.registry;
    let client = clients::edit(registry, &access, &before.client_id, Some(before.version), edit).await?;
    let notes = Some(notes::of(registry, &access, &client).await?);
    if access.dry_run {
        let impact = impact::of_change(registry, &before, &client).await?;
        return tried(&call, &access, client, impact, notes).await;
    }
    let around = Surroundings::read(registry, &access).await?;
    let etag = etag::of_version(client.version);
    let shown = around.show(client, None).noting(notes);
    Ok(Reply::of(&shown)?.tagged(etag))
}

async fn delete_client(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsDelete)?;
    let client = seen(&call, &access, true).await?;
    let registry = &call.app.registry;
    let (id, version) = (client.client_id, Some(client.version));
    clients::delete(registry, &access, &id, version).await?;
    if access.dry_run {
        let found = impact::of(registry, &access, &id, &Plan::Delete).await?;
        return Reply::of(&Impact::from(found));
    }
    Ok(Reply::nothing())
}

async fn disable(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let Reason { reason, delete_after } = call.input()?;
    let delete_at = match delete_after.as_deref() {
        Some(text) if text.contains('T') => Some(written_moment(text, "/delete_after")?),
        Some(text) => Some(call.now.after(written_span(text, "/delete_after")?)),
        None => None,
    };
    let client = seen(&call, &access, false).await?;
    let registry = &call.app.registry;
    let (id, version) = (client.client_id, Some(client.version));
    let client = clients::retire(registry, &access, &id, version, reason.as_deref(), delete_at).await?;
    if access.dry_run {
        let found = impact::of(registry, &access, &id, &Plan::Disable).await?;
        return tried(&call, &access, client, found, None).await;
    }
    shown(&call, &access, client).await
}

async fn enable(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let client = seen(&call, &access, false).await?;
    let registry = &call.app.registry;
    let client = clients::enable(registry, &access, &client.client_id, Some(client.version)).await?;
    shown(&call, &access, client).await
}

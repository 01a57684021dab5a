//! Scopes that a client does not ask for: what is proposed, taken away, given back.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    client_changes::{body, seen, shown},
    client_list::TAG,
    clients::Client,
};
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Precondition, Shape, operation},
    },
    error::Result,
    registry::{
        access::Permission,
        least_privilege::{self, UNDO},
    },
    time::Timestamp,
};

/// A scope by the API it belongs to.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ScopeOf {
    audience: String,
    value: String,
}

/// A scope that a client did not ask for in 90 days.
#[derive(Serialize, ToSchema)]
struct UnaskedScope {
    audience: String,
    value: String,
    /// `null`: never since uses are recorded
    last_asked_at: Option<Timestamp>,
}

/// Scopes that were taken and can be given back.
#[derive(Serialize, ToSchema)]
struct TakenScopes {
    scopes: Vec<String>,
    taken_by: String,
    taken_at: Timestamp,
    /// Until when they can be given back
    restorable_until: Timestamp,
}

/// What is proposed for a client.
#[derive(Serialize, ToSchema)]
struct UnaskedScopes {
    unasked: Vec<UnaskedScope>,
    /// Since when uses are recorded; nothing is proposed before that is 90 days
    tracked_since: Option<Timestamp>,
    taken: Option<TakenScopes>,
}

/// Which scopes to take away. Without `scopes`: every one that is proposed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrimInput {
    scopes: Option<Vec<ScopeOf>>,
}

pub fn operations() -> Vec<Operation> {
    let write = Some(Permission::ClientsWrite);
    let client = || Answer::Ok(Shape::of::<Client>());
    let list = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients/{client}/unasked-scopes",
        "listUnaskedScopes",
        "See which scopes a client did not ask for in 90 days",
        Some(Permission::ClientsRead),
        Answer::Ok(Shape::of::<UnaskedScopes>()),
        |call| Box::pin(list(call)),
    );
    let trim = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/trim-scopes",
        "trimScopes",
        "Take scopes away that a client does not ask for",
        write,
        client(),
        |call| Box::pin(trim(call)),
    );
    let restore = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/restore-scopes",
        "restoreScopes",
        "Give the scopes back that were taken last",
        write,
        client(),
        |call| Box::pin(restore(call)),
    );
    let example = json!({ "scopes": [{ "audience": "https://api.acme.example/invoices", "value": "invoices:delete" }] });
    let changing = |operation: Operation| Operation {
        tag: TAG,
        conflicts: true,
        precondition: Precondition::Optional,
        ..operation
    };
    vec![
        Operation {
            tag: TAG,
            cli: Some("oauthority client trim CLIENT_ID --dry-run"),
            ..list
        },
        Operation {
            body: Some(body::<TrimInput>(false, false, example)),
            cli: Some("oauthority client trim CLIENT_ID"),
            ..changing(trim)
        },
        Operation {
            cli: Some("oauthority client trim CLIENT_ID --undo"),
            ..changing(restore)
        },
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let found = least_privilege::proposal(&call.app.registry, &access, call.path("client")).await?;
    let unasked = found.unasked.into_iter().map(|scope| UnaskedScope {
        audience: scope.audience,
        value: scope.value,
        last_asked_at: scope.last_asked_at,
    });
    Reply::of(&UnaskedScopes {
        unasked: unasked.collect(),
        tracked_since: found.recorded_since,
        taken: found.taken.map(|trim| TakenScopes {
            scopes: trim.scopes.into_iter().map(|(_, value)| value).collect(),
            taken_by: trim.taken_by,
            taken_at: trim.taken_at,
            restorable_until: trim.taken_at.after(UNDO),
        }),
    })
}

async fn trim(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let TrimInput { scopes } = call.input()?;
    let client = seen(&call, &access, false).await?;
    let only: Option<Vec<(String, String)>> = scopes.map(|all| {
        all.into_iter()
            .map(|scope| (scope.audience, scope.value))
            .collect()
    });
    let (id, version) = (&client.client_id, Some(client.version));
    let client = least_privilege::trim(&call.app.registry, &access, id, version, only.as_deref()).await?;
    shown(&call, &access, client).await
}

async fn restore(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let client = seen(&call, &access, false).await?;
    let (id, version) = (&client.client_id, Some(client.version));
    let client = least_privilege::restore(&call.app.registry, &access, id, version).await?;
    shown(&call, &access, client).await
}

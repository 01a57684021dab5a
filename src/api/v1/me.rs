//! Who calls, and what answers.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation},
    },
    error::Result,
    time::Timestamp,
};

/// The caller.
#[derive(Serialize, ToSchema)]
struct Me {
    /// `client`
    kind: &'static str,
    client_id: String,
    name: String,
    org: OwnOrganization,
    /// What the token may do.
    scopes: Vec<String>,
}

/// The organisation of the caller.
#[derive(Serialize, ToSchema)]
struct OwnOrganization {
    id: String,
    handle: String,
    name: String,
}

/// The server.
#[derive(Serialize, ToSchema)]
struct ServerStatus {
    version: &'static str,
    #[schema(format = "uri")]
    issuer: String,
    /// `sqlite` or `postgresql`
    database: String,
    time: Timestamp,
}

pub fn operations() -> Vec<Operation> {
    let about = |path, id, summary, shape, act| Operation {
        tag: "About",
        ..operation(Method::GET, path, id, summary, None, Answer::Ok(shape), act)
    };
    vec![
        Operation {
            cli: Some("oauthority status"),
            ..about("/api/v1/me", "me", "See who calls", Shape::of::<Me>(), |call| {
                Box::pin(me(call))
            })
        },
        Operation {
            cli: Some("oauthority status"),
            ..about(
                "/api/v1/status",
                "status",
                "See what answers",
                Shape::of::<ServerStatus>(),
                |call| Box::pin(status(call)),
            )
        },
    ]
}

async fn me(call: Call) -> Result<Reply> {
    let caller = call.caller;
    Reply::of(&Me {
        kind: "client",
        client_id: caller.client_id,
        name: caller.name,
        org: OwnOrganization {
            id: caller.org.id,
            handle: caller.org.handle,
            name: caller.org.name,
        },
        scopes: caller.scopes,
    })
}

async fn status(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    Reply::of(&ServerStatus {
        version: env!("CARGO_PKG_VERSION"),
        issuer: registry.config.issuer.as_str().to_owned(),
        database: registry.db().kind().to_string(),
        time: call.now,
    })
}

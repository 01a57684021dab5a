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
    store::users::Role,
    time::Timestamp,
};

/// The caller.
#[derive(Serialize, ToSchema)]
struct Me {
    /// `client`, or `user` when the client acts for a person
    kind: &'static str,
    client_id: String,
    /// Of the client, or of the person.
    name: String,
    /// Whom the client acts for.
    user: Option<Person>,
    /// His own; of several, the first. `null` for a person who belongs to none.
    org: Option<OwnOrganization>,
    /// What a person is in that organisation: `owner`, `admin`, `auditor` or `member`.
    role: Option<Role>,
    /// What the token may do; for a person, as far as his role allows it too.
    scopes: Vec<String>,
}

/// A person.
#[derive(Serialize, ToSchema)]
struct Person {
    id: String,
    username: String,
    /// Whether he runs the whole instance.
    operator: bool,
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
    let home = caller.homes.into_iter().next();
    let role = home.as_ref().and_then(|home| home.role);
    let (kind, name) = match &caller.person {
        Some(person) => ("user", person.display_name.clone()),
        None => ("client", caller.client_name),
    };
    Reply::of(&Me {
        kind,
        client_id: caller.client_id,
        name,
        user: caller.person.map(|person| Person {
            id: person.id,
            username: person.username,
            operator: person.operator,
        }),
        org: home.map(|home| OwnOrganization {
            id: home.org.id,
            handle: home.org.handle,
            name: home.org.name,
        }),
        role,
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

//! Second factors of people who have lost theirs, for who runs the instance.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation},
    },
    error::Result,
    registry::{access::Permission, factors},
};

/// A person whose second factors are gone.
#[derive(Serialize, ToSchema)]
struct ResetPerson {
    id: String,
    username: String,
}

pub fn operations() -> Vec<Operation> {
    let reset = operation(
        Method::POST,
        "/api/v1/operator/users/{user}/reset-factors",
        "resetFactors",
        "Remove every second factor of a person who has lost his, and end his sessions",
        Some(Permission::InstanceWrite),
        Answer::Ok(Shape::of::<ResetPerson>()),
        |c| Box::pin(reset(c)),
    );
    vec![Operation {
        tag: "Operator",
        cli: Some("oauthority user reset-factors USER"),
        ..reset
    }]
}

async fn reset(call: Call) -> Result<Reply> {
    let access = call.caller.own(call.dry_run())?;
    let user = factors::reset(&call.app.registry, &access, call.path("user")).await?;
    Reply::of(&ResetPerson {
        id: user.id,
        username: user.username,
    })
}

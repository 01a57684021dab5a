//! The person whom a token acts for. He never does more by a token than the token says, and a token never does more than
//! he may himself at that moment: both are looked up on each call.
//!
//! The instance's own clients act for him wherever he belongs. Another client acts for him in its own organisation only,
//! whatever else he runs: its owner there chose what it may ask for, and nobody elsewhere did.

use super::{Caller, Home, gone, scopes};
use crate::{
    app::App,
    bearer::Bearer,
    error::Result,
    oauth::client::Kind,
    registry::{
        access::{Actor, ActorKind, Permissions},
        assurance::Assurance,
        factors,
    },
    store::{
        self,
        clients::Client,
        users::{User, UserStatus},
    },
    time::Timestamp,
};

/// Says who calls with a token that stands on this grant.
///
/// # Errors
/// `invalid_token` when the grant has ended, or its person may not sign in any more.
pub async fn caller(
    app: &App,
    held: &Bearer,
    client: Client,
    grant: &str,
    actor: Actor,
    now: Timestamp,
) -> Result<Caller> {
    let db = app.registry.db();
    let grant = store::grants::find(db, grant)
        .await?
        .filter(|grant| grant.client_id == client.client_id)
        .filter(|grant| grant.revoked_at.is_none() && now < grant.expires_at)
        .ok_or_else(|| gone("grant"))?;
    let user = store::users::find(db, &grant.user_id)
        .await?
        .filter(|user| user.status == UserStatus::Active)
        .ok_or_else(|| gone("person"))?;
    let factors = factors::of(&app.registry, &user).await?;
    // Who runs the instance does so by the instance's own clients.
    let operator = user.operator && client.kind == Kind::System;
    let elsewhere = if operator {
        Permissions::operator().through(held.permissions)
    } else {
        Permissions::default()
    };
    Ok(Caller {
        scopes: scopes(held),
        homes: homes(
            app,
            held,
            &client,
            (&user, grant.created_at),
            operator.then_some(elsewhere),
        )
        .await?,
        client_id: client.client_id,
        client_name: client.name,
        elsewhere,
        assurance: Assurance::of_grant(&grant, factors),
        actor: Actor {
            kind: ActorKind::User,
            id: user.id.clone(),
            name: user.username.clone(),
            ..actor
        },
        person: Some(user),
    })
}

/// Where they belong, as far as the client may act for them there by a grant that was made at that moment: not where they
/// left since, though they came back. An operator is at home in the instance's organisation.
async fn homes(
    app: &App,
    held: &Bearer,
    client: &Client,
    (user, made_at): (&User, Timestamp),
    operator: Option<Permissions>,
) -> Result<Vec<Home>> {
    let db = app.registry.db();
    let mut homes: Vec<Home> = store::organizations::with_roles_at(db, &user.id, made_at)
        .await?
        .into_iter()
        .filter(|(org, _)| client.kind == Kind::System || org.id == client.org_id)
        .map(|(org, role)| Home {
            org,
            role: Some(role),
            permissions: operator.unwrap_or_else(|| Permissions::of_role(role).through(held.permissions)),
        })
        .collect();
    if let (true, Some(permissions)) = (homes.is_empty(), operator) {
        let first = store::organizations::first(db).await?;
        homes.extend(first.map(|org| Home {
            org,
            role: None,
            permissions,
        }));
    }
    Ok(homes)
}

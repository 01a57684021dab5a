//! Who calls the management API: the client that the access token was issued to, in its organisation, with the
//! permissions that the scopes of the token are.
//!
//! The organisation in a path must be the caller's own, by handle or id. Any other is answered like one that does not
//! exist, unless the token may see the whole instance.

use axum::http::{HeaderMap, header};

use crate::{
    app::App,
    bearer,
    error::Result,
    oauth::client::Origin,
    observe::RequestContext,
    registry::{
        access::{Access, Actor, ActorKind, Permission, Permissions},
        organizations,
    },
    store::{self, organizations::Organization},
    time::Timestamp,
};

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub client_id: String,
    pub name: String,
    /// His own organisation.
    pub org: Organization,
    /// As the token has them.
    pub scopes: Vec<String>,
    permissions: Permissions,
    actor: Actor,
}

/// Says who calls.
///
/// # Errors
/// As [`bearer::authenticate`].
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    query: Option<&str>,
    context: &RequestContext,
    now: Timestamp,
) -> Result<Caller> {
    let held = bearer::authenticate(&app.registry, headers, query, now).await?;
    let db = app.registry.db();
    let gone = || bearer_gone();
    let client = store::clients::find(db, &held.client.id)
        .await?
        .ok_or_else(gone)?;
    let org = store::organizations::find(db, &client.org_id)
        .await?
        .ok_or_else(gone)?;
    let actor = Actor {
        kind: ActorKind::Client,
        id: client.client_id.clone(),
        name: client.name.clone(),
        ip: Some(context.ip.to_string()),
        request_id: context.request_id.clone(),
        origin: origin(headers),
    };
    Ok(Caller {
        client_id: client.client_id,
        name: client.name,
        org,
        scopes: held.token.scope.split(' ').map(str::to_owned).collect(),
        permissions: held.permissions,
        actor,
    })
}

fn bearer_gone() -> crate::oauth::refusal::Refusal {
    crate::oauth::refusal::Code::InvalidToken.because("the client of this access token is gone")
}

/// The product's own command line says so.
fn origin(headers: &HeaderMap) -> Origin {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    if agent.is_some_and(|agent| agent.starts_with("oauthority/") || agent.starts_with("oauthority-cli/")) {
        Origin::Cli
    } else {
        Origin::Api
    }
}

impl Caller {
    /// What he may do in his own organisation.
    pub fn own(&self, dry_run: bool) -> Access {
        self.at(self.org.clone(), dry_run)
    }

    /// What he may do in the organisation with this handle or id.
    ///
    /// # Errors
    /// `not_found` for one that does not exist and for one that is not his.
    pub async fn reach(&self, app: &App, org: &str, dry_run: bool) -> Result<Access> {
        let db = app.registry.db();
        let found = match store::organizations::find(db, org).await? {
            Some(found) => Some(found),
            None => store::organizations::find_by_handle(db, org).await?,
        };
        let reached = found.filter(|found| found.id == self.org.id || self.sees_everything());
        let mut access = self.at(reached.ok_or_else(organizations::unknown)?, dry_run);
        // Who sees the whole instance does not run it for that.
        if access.org.id != self.org.id && !self.permissions.allow(Permission::InstanceWrite) {
            access.permissions = access.permissions.looking();
        }
        Ok(access)
    }

    /// Whether he may act in every organisation.
    pub fn sees_everything(&self) -> bool {
        self.permissions.allow(Permission::InstanceRead)
    }

    fn at(&self, org: Organization, dry_run: bool) -> Access {
        Access {
            actor: self.actor.clone(),
            org,
            permissions: self.permissions,
            authenticated_at: None,
            dry_run,
        }
    }
}

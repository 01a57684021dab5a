//! What a cut would cut, before it is made.

use axum::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::client_list::TAG;
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, flag, operation, parameter, word},
        query::Parameter,
    },
    error::Result,
    oauth::refusal::{Field, Refusal},
    registry::{
        access::Permission,
        client_input::ScopeRef,
        impact::{self, Cut, Plan},
    },
    store::{apis::TokenFormat, usage::Times},
    time::Timestamp,
};

pub fn operations() -> Vec<Operation> {
    let impact = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients/{client}/impact",
        "showImpact",
        "See what cutting a client off would cut",
        Some(Permission::ClientsRead),
        Answer::Ok(Shape::of::<Impact>()),
        |call| Box::pin(show(call)),
    );
    let asked = [
        Cut::Delete,
        Cut::Disable,
        Cut::Rotate,
        Cut::RemoveScope,
        Cut::RemoveRedirect,
    ];
    vec![Operation {
        tag: TAG,
        query: vec![
            word(
                "action",
                "What somebody is about to do; `delete` if nothing is said.",
                &asked.map(Cut::word),
            ),
            repeating(
                "scope",
                "For `remove_scope`: a scope that goes, by its value or fully qualified; may come several times.",
            ),
            repeating(
                "redirect_uri",
                "For `remove_redirect`: a redirect URI that goes; may come several times.",
            ),
            flag("revoke_tokens", "For `rotate`: tokens issued so far stop, too."),
        ],
        cli: Some("oauthority client impact CLIENT_ID"),
        ..impact
    }]
}

fn repeating(name: &'static str, about: &'static str) -> Parameter {
    let schema = json!({ "type": "string", "maxLength": 2000 });
    Parameter {
        repeats: true,
        ..parameter(name, about, schema)
    }
}

/// What a cut would cut.
#[derive(Serialize, ToSchema)]
pub struct Impact {
    action: Cut,
    as_of: Timestamp,
    /// Access tokens that stop working
    access_tokens: Vec<LiveTokens>,
    /// Refresh tokens that stop working
    refresh_tokens: i64,
    /// Refresh tokens that go on with fewer scopes
    refresh_tokens_narrowed: i64,
    /// People who are signed in at the client, or gave it what goes
    people: i64,
    /// What people allowed it, which is erased
    consents: i64,
    /// Devices that wait for their person
    device_sign_ins: i64,
    /// Secrets that work now and would not any more
    secrets: usize,
    /// Scopes that go, and whether anybody asks for them
    scopes: Vec<ScopeLost>,
    /// Redirect URIs that go, and whether anybody is sent there
    redirect_uris: Vec<RedirectLost>,
    last_used_at: Option<Timestamp>,
    last_used_ip: Option<String>,
    /// Until when a service that verifies JWTs offline still accepts one
    offline_until: Option<Timestamp>,
    reversible: bool,
}

/// Access tokens of one format that stop working.
#[derive(Serialize, ToSchema)]
struct LiveTokens {
    format: TokenFormat,
    count: i64,
    last_expires_at: Timestamp,
}

/// A scope that goes.
#[derive(Serialize, ToSchema)]
struct ScopeLost {
    /// `null`: of OpenID Connect
    audience: Option<String>,
    value: String,
    last_asked_at: Option<Timestamp>,
    times_asked: i64,
}

/// A redirect URI that goes.
#[derive(Serialize, ToSchema)]
struct RedirectLost {
    redirect_uri: String,
    last_used_at: Option<Timestamp>,
    times_used: i64,
}

fn last(on: Option<Times>) -> (Option<Timestamp>, i64) {
    (on.map(|on| on.last_at), on.map_or(0, |on| on.times))
}

impl From<impact::Impact> for Impact {
    fn from(found: impact::Impact) -> Self {
        let scopes = found.scopes.into_iter().map(|scope| {
            let (last_asked_at, times_asked) = last(scope.on);
            ScopeLost {
                audience: scope.audience,
                value: scope.value,
                last_asked_at,
                times_asked,
            }
        });
        let redirects = found.redirect_uris.into_iter().map(|uri| {
            let (last_used_at, times_used) = last(uri.on);
            RedirectLost {
                redirect_uri: uri.redirect_uri,
                last_used_at,
                times_used,
            }
        });
        Self {
            action: found.action,
            as_of: found.as_of,
            access_tokens: tokens(found.stops.access_tokens),
            refresh_tokens: found.stops.refresh_tokens,
            refresh_tokens_narrowed: found.stops.refresh_tokens_narrowed,
            people: found.stops.people,
            consents: found.consents,
            device_sign_ins: found.stops.device_sign_ins,
            secrets: found.secrets,
            scopes: scopes.collect(),
            redirect_uris: redirects.collect(),
            last_used_at: found.last_used_at,
            last_used_ip: found.last_used_ip,
            offline_until: found.stops.offline_until,
            reversible: found.reversible,
        }
    }
}

fn tokens(all: Vec<impact::LiveTokens>) -> Vec<LiveTokens> {
    let shown = all.into_iter().map(|tokens| LiveTokens {
        format: tokens.format,
        count: tokens.count,
        last_expires_at: tokens.last_expires_at,
    });
    shown.collect()
}

/// What stops at all clients together when a scope goes.
#[derive(Serialize, ToSchema)]
pub struct ScopeImpact {
    as_of: Timestamp,
    /// Clients that lose it
    clients: Vec<Holder>,
    /// Access tokens that stop working
    access_tokens: Vec<LiveTokens>,
    /// Refresh tokens that stop working
    refresh_tokens: i64,
    /// Refresh tokens that go on with fewer scopes
    refresh_tokens_narrowed: i64,
    /// People who gave it to a client
    people: i64,
    /// Until when a service that verifies JWTs offline still accepts one with it
    offline_until: Option<Timestamp>,
}

/// A client that loses something.
#[derive(Serialize, ToSchema)]
struct Holder {
    client_id: String,
    name: String,
}

impl From<impact::ScopeImpact> for ScopeImpact {
    fn from(found: impact::ScopeImpact) -> Self {
        let clients = found.clients.into_iter();
        Self {
            as_of: found.as_of,
            clients: clients
                .map(|(client_id, name)| Holder { client_id, name })
                .collect(),
            access_tokens: tokens(found.stops.access_tokens),
            refresh_tokens: found.stops.refresh_tokens,
            refresh_tokens_narrowed: found.stops.refresh_tokens_narrowed,
            people: found.stops.people,
            offline_until: found.stops.offline_until,
        }
    }
}

fn plan(call: &Call) -> Result<Plan, Refusal> {
    let query = &call.query;
    let all = |name: &'static str| query.all(name).map(str::to_owned).collect::<Vec<String>>();
    let needed = |name: &'static str, of: &str| {
        let detail = format!("Say which: {name} is needed for {of}.");
        Refusal::fields(vec![Field::new(format!("/{name}"), "required", detail)])
    };
    let action = query.one("action").and_then(Cut::parse).unwrap_or(Cut::Delete);
    let (scopes, uris) = (all("scope"), all("redirect_uri"));
    Ok(match action {
        Cut::Disable => Plan::Disable,
        Cut::Rotate => Plan::Rotate {
            revoke_tokens: query.flag("revoke_tokens"),
        },
        Cut::RemoveScope if scopes.is_empty() => return Err(needed("scope", "remove_scope")),
        Cut::RemoveScope => Plan::RemoveScopes(scopes.into_iter().map(ScopeRef::text).collect()),
        Cut::RemoveRedirect if uris.is_empty() => return Err(needed("redirect_uri", "remove_redirect")),
        Cut::RemoveRedirect => Plan::RemoveRedirects(uris),
        // A change is tried at its own operation.
        Cut::Delete | Cut::Edit => Plan::Delete,
    })
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsRead)?;
    let found = impact::of(&call.app.registry, &access, call.path("client"), &plan(&call)?).await?;
    Reply::of(&Impact::from(found))
}

//! How a client is used.

use axum::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::client_list::TAG;
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation, parameter},
    },
    error::Result,
    registry::{access::Permission, usage as registry},
    store::usage::{Counted, Times},
    time::Timestamp,
};

pub fn operations() -> Vec<Operation> {
    let usage = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients/{client}/usage",
        "showUsage",
        "See how a client is used",
        Some(Permission::ClientsRead),
        Answer::Ok(Shape::of::<Usage>()),
        |call| Box::pin(show(call)),
    );
    let days = json!({ "type": "integer", "minimum": 1, "maximum": 400, "default": 30 });
    vec![Operation {
        tag: TAG,
        query: vec![parameter("days", "How many days, today among them.", days)],
        cli: Some("oauthority client usage CLIENT_ID"),
        ..usage
    }]
}

/// How a client is used. Hours and days begin in UTC.
#[derive(Serialize, ToSchema)]
struct Usage {
    client_id: String,
    as_of: Timestamp,
    last_used_at: Option<Timestamp>,
    last_used_ip: Option<String>,
    /// How exact times of use are
    last_used_precision: &'static str,
    /// The last use before then was not written down.
    tracked_since: Option<Timestamp>,
    /// Nothing else before then was.
    usage_since: Option<Timestamp>,
    /// Tokens issued in the days shown
    tokens: i64,
    /// Token requests refused in the days shown
    failed_requests: i64,
    /// The day with the most tokens
    busiest_day: Option<Count>,
    /// The last 72 hours, those in which something happened
    hours: Vec<Count>,
    /// Today last
    days: Vec<Count>,
    secrets: Vec<SecretUse>,
    scopes: Vec<ScopeUse>,
    audiences: Vec<AudienceUse>,
    redirect_uris: Vec<RedirectUse>,
    /// Requests refused within seven days
    failures: Vec<Failure>,
    /// Since it was disabled
    attempts_while_disabled: Option<Attempts>,
}

/// An hour or a day.
#[derive(Serialize, ToSchema)]
struct Count {
    began_at: Timestamp,
    tokens: i64,
    /// Refused token requests
    failed_requests: i64,
}

impl From<Counted> for Count {
    fn from(counted: Counted) -> Self {
        Self {
            began_at: counted.began_at,
            tokens: counted.tokens,
            failed_requests: counted.failures,
        }
    }
}

/// How a secret was used.
#[derive(Serialize, ToSchema)]
struct SecretUse {
    id: String,
    label: String,
    hint: String,
    uses: i64,
    /// To ten minutes
    uses_last_hour: i64,
    uses_last_day: i64,
    last_used_at: Option<Timestamp>,
    /// The latest ones, 20 at most
    addresses: Vec<AddressUse>,
}

/// From where a secret was used.
#[derive(Serialize, ToSchema)]
struct AddressUse {
    /// `null`: others, too many to tell apart
    ip: Option<String>,
    uses: i64,
    first_at: Timestamp,
    last_at: Timestamp,
}

/// A scope, and whether it is asked for.
#[derive(Serialize, ToSchema)]
struct ScopeUse {
    /// `null`: of OpenID Connect
    audience: Option<String>,
    value: String,
    /// Whether it was granted as such, or comes with another one
    granted: bool,
    /// Since when it would have been written down
    watched_since: Timestamp,
    first_asked_at: Option<Timestamp>,
    last_asked_at: Option<Timestamp>,
    times_asked: i64,
    /// Nobody asked for it in 90 days, all of which were watched
    unused: bool,
}

/// An audience, and when tokens for it were last asked for.
#[derive(Serialize, ToSchema)]
struct AudienceUse {
    audience: String,
    last_asked_at: Option<Timestamp>,
}

/// Where answers about people went.
#[derive(Serialize, ToSchema)]
struct RedirectUse {
    redirect_uri: String,
    /// Whether it is registered now
    registered: bool,
    last_used_at: Option<Timestamp>,
    times_used: i64,
}

/// Requests refused with one error.
#[derive(Serialize, ToSchema)]
struct Failure {
    endpoint: String,
    error: String,
    times: i64,
    last_at: Timestamp,
}

/// Attempts on a disabled client.
#[derive(Serialize, ToSchema)]
struct Attempts {
    times: i64,
    first_at: Timestamp,
    last_at: Timestamp,
    last_ip: String,
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let days = call.query.number("days").unwrap_or(30).clamp(1, 400);
    let work = &call.app.registry;
    Reply::of(&shown(
        registry::of_client(work, &access, call.path("client"), days).await?,
    ))
}

fn shown(found: registry::Usage) -> Usage {
    let (tokens, failed_requests) = found.total();
    Usage {
        tokens,
        failed_requests,
        busiest_day: found.busiest().map(Count::from),
        audiences: audiences(&found.scopes),
        client_id: found.client.client_id,
        as_of: found.as_of,
        last_used_at: found.client.last_used_at,
        last_used_ip: found.client.last_used_ip,
        last_used_precision: "minute",
        tracked_since: found.tracked_since,
        usage_since: found.usage_since,
        hours: found.hours.into_iter().map(Count::from).collect(),
        days: found.days.into_iter().map(Count::from).collect(),
        secrets: found.secrets.into_iter().map(secret).collect(),
        scopes: found
            .scopes
            .into_iter()
            .map(|one| scope(one, found.as_of))
            .collect(),
        redirect_uris: found.redirect_uris.into_iter().map(redirect).collect(),
        failures: found.failures.into_iter().map(failure).collect(),
        attempts_while_disabled: found.attempts.map(|attempts| Attempts {
            times: attempts.on.times,
            first_at: attempts.on.first_at,
            last_at: attempts.on.last_at,
            last_ip: attempts.last_ip,
        }),
    }
}

fn secret(found: registry::UsedSecret) -> SecretUse {
    let addresses = found.used.addresses.into_iter().map(|address| AddressUse {
        ip: address.ip,
        uses: address.on.times,
        first_at: address.on.first_at,
        last_at: address.on.last_at,
    });
    SecretUse {
        id: found.secret.id,
        label: found.secret.label,
        hint: format!("…{}", found.secret.hint),
        uses: found.secret.uses,
        uses_last_hour: found.used.last_hour,
        uses_last_day: found.used.last_day,
        last_used_at: found.secret.last_used_at,
        addresses: addresses.collect(),
    }
}

fn times(on: Option<Times>) -> i64 {
    on.map_or(0, |on| on.times)
}

fn scope(found: registry::ScopeUse, now: Timestamp) -> ScopeUse {
    ScopeUse {
        unused: found.is_unused(now),
        audience: found.audience,
        value: found.value,
        granted: found.granted,
        watched_since: found.since,
        first_asked_at: found.on.map(|on| on.first_at),
        last_asked_at: found.on.map(|on| on.last_at),
        times_asked: times(found.on),
    }
}

fn audiences(scopes: &[registry::ScopeUse]) -> Vec<AudienceUse> {
    let mut all: Vec<AudienceUse> = Vec::new();
    for scope in scopes {
        let (Some(audience), last) = (&scope.audience, scope.on.map(|on| on.last_at)) else {
            continue;
        };
        match all.iter_mut().find(|known| known.audience == *audience) {
            Some(known) => known.last_asked_at = known.last_asked_at.max(last),
            None => all.push(AudienceUse {
                audience: audience.clone(),
                last_asked_at: last,
            }),
        }
    }
    all
}

fn redirect(found: registry::RedirectUse) -> RedirectUse {
    RedirectUse {
        redirect_uri: found.redirect_uri,
        registered: found.registered,
        last_used_at: found.on.map(|on| on.last_at),
        times_used: times(found.on),
    }
}

fn failure(found: crate::store::usage::Failures) -> Failure {
    Failure {
        endpoint: found.place,
        error: found.error,
        times: found.times,
        last_at: found.last_at,
    }
}

//! What was really the matter: found out after the answer, from what was presented and what is kept. A refusal that says
//! it all carries its cause along; of one that says as little as possible, the cause is looked up here.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::queue::Noted;
use crate::{
    client_auth::{Shape, ShownSecret},
    error::Result,
    oauth::{
        client::{SecretState, Status},
        scope,
    },
    registry::Registry,
    store::{
        self, authorization_codes::MOST_WRONG_TRIES, clients::Client, device_codes::DeviceState,
        failures::Failure, grants::Grant, secrets::ClientSecret,
    },
};

/// Clients that were read already: many failures are of the same one.
#[derive(Default)]
pub(super) struct Known {
    clients: HashMap<String, Option<(Client, Vec<ClientSecret>)>>,
}

impl Known {
    async fn client(
        &mut self,
        registry: &Registry,
        id: &str,
    ) -> Result<Option<&(Client, Vec<ClientSecret>)>> {
        if !self.clients.contains_key(id) {
            let db = registry.db();
            let found = match store::clients::find(db, id).await? {
                Some(client) => Some((client, store::secrets::of_client(db, id).await?)),
                None => None,
            };
            self.clients.insert(id.to_owned(), found);
        }
        Ok(self.clients.get(id).and_then(Option::as_ref))
    }
}

/// A cause and what belongs to it.
type Cause = (&'static str, Json);

/// Finds out what was the matter.
pub(super) async fn find(registry: &Registry, known: &mut Known, noted: &Noted) -> Result<Failure> {
    let found = match noted.client_id() {
        Some(id) => known.client(registry, id).await?,
        None => None,
    };
    let cause = match (noted.reason, found) {
        ("client.unproven", Some((client, secrets))) => unproven(registry, noted, client, secrets).await?,
        ("client.inactive", Some((client, _))) => (inactive(client), Json::Null),
        ("client.unproven" | "client.inactive", None) => ("client.unknown", Json::Null),
        ("code.unknown" | "code.redirect_uri", Some((client, _))) => code(registry, noted, client).await?,
        ("refresh.unknown", Some((client, _))) => refresh(registry, noted, client).await?,
        ("device.unknown", Some((client, _))) => device(registry, noted, client).await?,
        ("scope.ungranted", Some((client, _))) => ungranted(registry, noted, client),
        (reason, _) => (reason, Json::Null),
    };
    let (cause, mut facts) = cause;
    if let (Some(id), Json::Null) = (noted.client_id(), &facts)
        && found.is_none()
        && !super::sent::looks_secret(id)
    {
        facts = json!({ "named": id });
    }
    Ok(Failure {
        reference: noted.reference.clone(),
        org_id: found.map(|(client, _)| client.org_id.clone()),
        client_id: found.map(|(client, _)| client.client_id.clone()),
        at: noted.at,
        endpoint: noted.endpoint.word().to_owned(),
        error: noted.error.to_owned(),
        description: noted.description.to_string(),
        cause: cause.to_owned(),
        facts,
        sent: noted.sent.json(),
        ip: noted.ip.to_string(),
        request_id: noted.request_id.clone(),
    })
}

/// Why a client does not count that there is, or was.
const fn inactive(client: &Client) -> &'static str {
    match client.status {
        Status::Deleted => "client.deleted",
        // Enabled in the moments since.
        Status::Disabled | Status::Active => "client.disabled",
    }
}

async fn unproven(
    registry: &Registry,
    noted: &Noted,
    client: &Client,
    secrets: &[ClientSecret],
) -> Result<Cause> {
    if client.status != Status::Active {
        return Ok((inactive(client), Json::Null));
    }
    let holds = client.application_type.holds_secret();
    match &noted.shown.secret {
        None if holds => Ok(("secret.missing", Json::Null)),
        // Active by now: it was not, a moment ago.
        None => Ok(("client.disabled", Json::Null)),
        Some(_) if !holds => Ok(("secret.of_public", Json::Null)),
        Some(shown) => wrong_secret(registry, noted, client, secrets, shown).await,
    }
}

async fn wrong_secret(
    registry: &Registry,
    noted: &Noted,
    client: &Client,
    secrets: &[ClientSecret],
    shown: &ShownSecret,
) -> Result<Cause> {
    let with = |digest: &[u8; 32]| secrets.iter().find(|secret| secret.digest == digest);
    if let Some(secret) = with(&shown.digest) {
        let facts = about(secret);
        return Ok(match secret.state(noted.at) {
            SecretState::Revoked => ("secret.revoked", facts),
            SecretState::Expired if secret.ends_at.is_some_and(|at| at <= noted.at) => {
                ("secret.ended", facts)
            }
            SecretState::Expired => ("secret.expired", facts),
            // It works, so what carried it did not fit.
            SecretState::Active | SecretState::Ending => match client.auth_method {
                Some(demanded) if demanded != shown.method => (
                    "secret.method",
                    json!({ "sent_by": shown.method, "demanded": demanded }),
                ),
                _ => ("secret.works_by_now", facts),
            },
        });
    }
    if let Some(secret) = with(&shown.trimmed) {
        return Ok(("secret.padded", about(secret)));
    }
    // Another organisation's secret is a secret that nobody knows.
    if let Some(secret) = store::secrets::find_by_digest(registry.db(), &shown.digest).await?
        && let Some(other) = store::clients::find(registry.db(), &secret.client_id).await?
        && other.org_id == client.org_id
    {
        let facts = json!({ "client_id": other.client_id, "name": other.name });
        return Ok(("secret.other_client", facts));
    }
    Ok(match shown.shape {
        Shape::Whole => ("secret.unknown", Json::Null),
        Shape::Broken => ("secret.broken", Json::Null),
        Shape::Other => ("secret.other_shape", Json::Null),
    })
}

/// Which of the scopes that were asked for the client does not have.
fn ungranted(registry: &Registry, noted: &Noted, client: &Client) -> Cause {
    let asked = noted.sent.value("scope").unwrap_or_default();
    let Some(live) = registry.live.client(&client.client_id) else {
        return ("scope.ungranted", Json::Null);
    };
    let missing: Vec<&str> = asked
        .split(' ')
        .filter(|text| !text.is_empty() && !scope::is_granted(&live.granted, live.oidc(), text))
        .collect();
    // The client has them all, so it is the person who did not give them, or the resource that has none of them.
    let cause = if missing.is_empty() {
        "scope.not_here"
    } else {
        "scope.ungranted"
    };
    (cause, json!({ "missing": missing }))
}

fn about(secret: &ClientSecret) -> Json {
    json!({
        "secret": secret.id,
        "label": secret.label,
        "hint": secret.hint,
        "stopped_at": secret.stops_at(),
    })
}

async fn code(registry: &Registry, noted: &Noted, client: &Client) -> Result<Cause> {
    let code = match &noted.code {
        Some(digest) => store::authorization_codes::find(registry.db(), digest).await?,
        None => None,
    };
    let Some(code) = code else {
        return Ok(("code.unknown", Json::Null));
    };
    if code.client_id != client.client_id {
        return Ok(("code.other_client", Json::Null));
    }
    if noted.reason == "code.redirect_uri" {
        return Ok(("code.redirect_uri", json!({ "asked_for": code.redirect_uri })));
    }
    let facts = json!({
        "issued_at": code.created_at,
        "expires_at": code.expires_at,
        "used_at": code.used_at,
    });
    let used = code.used_at.is_some_and(|at| at <= noted.at);
    Ok(if used {
        ("code.used", facts)
    } else if code.expires_at <= noted.at {
        ("code.expired", facts)
    } else if code.wrong_tries >= MOST_WRONG_TRIES {
        ("code.tried_out", facts)
    } else {
        let grant = store::grants::find(registry.db(), &code.grant_id).await?;
        ended(grant.as_ref(), noted, client).unwrap_or(("code.unknown", facts))
    })
}

/// How a grant ended before this was asked, if it did.
fn ended(grant: Option<&Grant>, noted: &Noted, client: &Client) -> Option<Cause> {
    let grant = grant?;
    if let Some(at) = grant.revoked_at.filter(|at| *at <= noted.at) {
        let facts = json!({ "ended_at": at, "why": grant.revoked_why });
        return Some(("grant.ended", facts));
    }
    if grant.client_epoch < client.epoch {
        return Some(("grant.cut_off", Json::Null));
    }
    if grant.expires_at <= noted.at {
        return Some(("grant.expired", json!({ "ended_at": grant.expires_at })));
    }
    let idle = grant.idle_expires_at <= noted.at;
    idle.then(|| ("grant.idle", json!({ "ended_at": grant.idle_expires_at })))
}

async fn refresh(registry: &Registry, noted: &Noted, client: &Client) -> Result<Cause> {
    let Some(named) = &noted.refresh_token else {
        return Ok(("refresh.unknown", Json::Null));
    };
    let Some(grant) = store::grants::find(registry.db(), &named.grant_id).await? else {
        return Ok(("refresh.forgotten", Json::Null));
    };
    if grant.client_id != client.client_id {
        return Ok(("refresh.other_client", Json::Null));
    }
    // The replay that was refused here ended the grant itself.
    let here = grant.revoked_why.as_deref() == Some("replay") && grant.revoked_at == Some(noted.at);
    if here {
        let facts = json!({ "newest_at": grant.rotated_at });
        return Ok(("refresh.replayed", facts));
    }
    Ok(ended(Some(&grant), noted, client)
        .unwrap_or(("refresh.replayed", json!({ "newest_at": grant.rotated_at }))))
}

async fn device(registry: &Registry, noted: &Noted, client: &Client) -> Result<Cause> {
    let code = match &noted.device_code {
        Some(digest) => store::device_codes::find(registry.db(), digest).await?,
        None => None,
    };
    Ok(match code {
        None => ("device.unknown", Json::Null),
        Some(code) if code.client_id != client.client_id => ("device.other_client", Json::Null),
        Some(code) if code.client_epoch < client.epoch => ("grant.cut_off", Json::Null),
        Some(code) if code.state == DeviceState::Spent => ("device.used", Json::Null),
        Some(code) => {
            let grant = match &code.grant_id {
                Some(id) => store::grants::find(registry.db(), id).await?,
                None => None,
            };
            ended(grant.as_ref(), noted, client).unwrap_or(("device.unknown", Json::Null))
        }
    })
}

//! Signing keys, for who runs the instance.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::client_changes::body;
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation, paging},
        page,
    },
    error::Result,
    jose::Alg,
    oauth::refusal::{Field, Refusal},
    registry::{access::Permission, keys},
    store::keys::{KeyState, StoredKey},
    time::Timestamp,
};

/// A signing key.
#[derive(Serialize, ToSchema)]
struct SigningKey {
    kid: String,
    algorithm: String,
    state: KeyState,
    created_at: Timestamp,
    activated_at: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

impl From<StoredKey> for SigningKey {
    fn from(key: StoredKey) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            state: key.state,
            created_at: key.created_at,
            activated_at: key.activated_at,
            retired_at: key.retired_at,
        }
    }
}

/// What kind of key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// `ES256` (if nothing is said), `EdDSA` or `RS256`
    algorithm: Option<String>,
}

const KEYS: &str = "/api/v1/operator/keys";
const TAG: &str = "Operator";

pub fn operations() -> Vec<Operation> {
    let write = Some(Permission::InstanceWrite);
    let all = || Answer::Ok(Shape::list_of::<SigningKey>());
    let read = Some(Permission::InstanceRead);
    let list = operation(
        Method::GET,
        KEYS,
        "listKeys",
        "List signing keys",
        read,
        all(),
        |c| Box::pin(list(c)),
    );
    let made = Answer::Created(Shape::of::<SigningKey>());
    let rotate = operation(
        Method::POST,
        KEYS,
        "rotateKey",
        "Publish a new signing key; it signs once verifiers know it",
        write,
        made,
        |c| Box::pin(rotate(c)),
    );
    let retire = operation(
        Method::POST,
        "/api/v1/operator/keys/{kid}/retire",
        "retireKey",
        "Retire a signing key at once, as after a leak",
        write,
        all(),
        |c| Box::pin(retire(c)),
    );
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            cli: Some("oauthority keys list"),
            ..list
        },
        Operation {
            tag: TAG,
            body: Some(body::<NewKey>(false, false, json!({ "algorithm": "ES256" }))),
            conflicts: true,
            cli: Some("oauthority keys rotate"),
            ..rotate
        },
        Operation {
            tag: TAG,
            conflicts: true,
            cli: Some("oauthority keys retire KID"),
            ..retire
        },
    ]
}

fn shown(call: &Call, keys: Vec<StoredKey>) -> Result<Reply> {
    let all: Vec<SigningKey> = keys.into_iter().map(SigningKey::from).collect();
    let part = page::cut(all, |key| &key.kid, &call.query)?;
    page::reply(&part, KEYS, &call.query, &["limit"])
}

async fn list(call: Call) -> Result<Reply> {
    let keys = keys::list(&call.app.registry, &call.caller.own(false)?).await?;
    shown(&call, keys)
}

async fn rotate(call: Call) -> Result<Reply> {
    let access = call.caller.own(call.dry_run())?;
    access.require(Permission::InstanceWrite)?;
    let NewKey { algorithm } = call.input()?;
    let alg =
        Alg::named(algorithm.as_deref().unwrap_or("ES256")).filter(|alg| keys::ALGORITHMS.contains(alg));
    let alg = alg.ok_or_else(|| {
        let detail = "Choose ES256, EdDSA or RS256.";
        Refusal::fields(vec![Field::new("/algorithm", "unknown", detail)])
    })?;
    let key = keys::rotate(&call.app.registry, &access, alg).await?;
    let reply = Reply::of(&SigningKey::from(key))?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(KEYS.to_owned())
    })
}

async fn retire(call: Call) -> Result<Reply> {
    let access = call.caller.own(call.dry_run())?;
    let keys = keys::retire(&call.app.registry, &access, call.path("kid")).await?;
    shown(&call, keys)
}

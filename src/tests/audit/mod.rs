//! The activity as evidence: the chain, what becomes of it when somebody meddles, how long it is kept, files.

mod chain;
mod documents;
mod export;
mod foreign;
mod retention;
mod words;

use serde_json::Value as Json;

use super::harness::TestApp;
use crate::{
    db::{Statement, Value},
    registry::audit::{seal, verify},
    store::audit::Event,
};

/// Does something to the database behind the server's back.
pub async fn meddle(app: &TestApp, sql: &'static str, params: Vec<Value>) {
    let done = app.db().write(Statement::new(sql, params).into()).await;
    let done = done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert!(done[0].rows > 0, "{sql} met nothing");
}

/// Puts an entry into the database as somebody does who has not the key file.
async fn put(app: &TestApp, event: &Event) {
    let sql = "INSERT INTO audit_events (id, org_id, at, actor_kind, actor_id, actor_name, ip, request_id, action, \
               resource_kind, resource_id, resource_name, outcome, details) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let params = vec![
        (&event.id).into(),
        event.org_id.clone().into(),
        event.at.into(),
        (&event.actor_kind).into(),
        (&event.actor_id).into(),
        (&event.actor_name).into(),
        event.ip.clone().into(),
        (&event.request_id).into(),
        (&event.action).into(),
        (&event.resource_kind).into(),
        (&event.resource_id).into(),
        (&event.resource_name).into(),
        (&event.outcome).into(),
        event.details.to_string().into(),
    ];
    meddle(app, sql, params).await;
}

/// What the server finds in the chain of the first organisation.
async fn found(app: &TestApp) -> verify::Report {
    verify::organization(&app.app.registry, &app.owner())
        .await
        .expect("the storage works")
}

/// Place and code of the first thing that is wrong.
async fn fault(app: &TestApp) -> Option<(i64, &'static str)> {
    found(app).await.fault.map(|fault| (fault.seq, fault.code))
}

pub async fn sealed(app: &TestApp) {
    seal::all(&app.app.registry).await.expect("the storage works");
}

pub async fn count(app: &TestApp, sql: &'static str) -> i64 {
    let row = app.db().read_one(sql, vec![]).await.expect("read");
    row.expect("a row").next().expect("a number")
}

/// Members of an entry in the order and with the white space of nobody.
fn shuffled(entry: &Json) -> Json {
    match entry {
        Json::Object(members) => {
            let turned: Vec<_> = members
                .iter()
                .rev()
                .map(|(k, v)| (k.clone(), shuffled(v)))
                .collect();
            Json::Object(turned.into_iter().collect())
        }
        other => other.clone(),
    }
}

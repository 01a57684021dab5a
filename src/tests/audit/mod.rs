//! The activity as evidence: the chain, what becomes of it when somebody meddles, how long it is kept, files.

mod chain;
mod documents;
mod export;
mod retention;
mod words;

use serde_json::Value as Json;

use super::harness::TestApp;
use crate::{
    db::{Statement, Value},
    registry::audit::{seal, verify},
};

/// Does something to the database behind the server's back.
async fn meddle(app: &TestApp, sql: &'static str, params: Vec<Value>) {
    let done = app.db().write(Statement::new(sql, params).into()).await;
    let done = done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert!(done[0].rows > 0, "{sql} met nothing");
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

async fn sealed(app: &TestApp) {
    seal::all(&app.app.registry).await.expect("the storage works");
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
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

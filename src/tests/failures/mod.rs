//! Why a request of a client was refused: the caller learns no more than before, the owner learns everything.

mod bounds; // how much is kept, and what never is
mod causes; // each cause is found
mod people; // at the authorization endpoint, and with what it gave
mod readers; // who may read it
mod wire; // what the caller gets

use serde_json::Value as Json;

use super::harness::{Answer, TestApp, TestClient};
use crate::failures::read::Explained;

/// What the owner of the first organisation reads behind an answer.
async fn explained(app: &TestApp, answer: &Answer) -> Explained {
    behind(app, &answer.reference()).await
}

/// What the owner of the first organisation reads behind a reference.
async fn behind(app: &TestApp, reference: &str) -> Explained {
    let (registry, owner) = (&app.app.registry, app.owner());
    let say = |at: crate::time::Timestamp| format!("at {at}");
    app.app
        .failures
        .explain(registry, &owner, reference, &say)
        .await
        .unwrap_or_else(|error| panic!("{reference}: {error}"))
}

/// Asserts the cause behind an answer and a part of its words.
#[track_caller]
fn told(found: &Explained, cause: &str, words: &str) {
    assert_eq!(found.failure.cause, cause, "{:?}", found.explanation);
    let because = &found.explanation.because;
    assert!(because.contains(words), "{because}");
}

/// A text of the database that nobody should find anything in: all rows of failures.
async fn everything(app: &TestApp) -> String {
    app.app.failures.settle(&app.app.registry).await.expect("settled");
    let rows = app
        .db()
        .read(
            "SELECT sent || facts || description || cause FROM failures",
            vec![],
        )
        .await
        .expect("read");
    rows.into_iter()
        .map(|mut row| row.next::<String>().expect("a text"))
        .collect()
}

/// How many failures are kept.
async fn kept(app: &TestApp) -> i64 {
    app.app.failures.settle(&app.app.registry).await.expect("settled");
    let rows = app.db().read("SELECT COUNT(*) FROM failures", vec![]).await;
    rows.expect("read")
        .pop()
        .expect("a row")
        .next()
        .expect("a number")
}

/// A failure through the management API.
async fn over_api(app: &TestApp, caller: &TestClient, path: &str) -> Answer {
    let token = caller.token_for(app, &[("resource", "urn:oauthority:api")]).await;
    app.get(path).bearer(&token).send().await
}

/// A member of a JSON object that is a text.
fn text<'j>(json: &'j Json, name: &str) -> &'j str {
    json[name].as_str().unwrap_or_default()
}

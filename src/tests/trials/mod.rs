//! Trying a client out, and looking into a token: in the console, by the API and on the command line.

mod inspector; // what a token is
mod pages; // in the console
mod programs; // ready to run
mod tokens; // previews, and tokens for a test

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::harness::{Answer, TestApp, TestClient};

/// A call of the management API by a client.
async fn call(app: &TestApp, caller: &TestClient, method: Method, path: &str, body: &Json) -> Answer {
    let token = caller.token_for(app, &[("resource", "urn:oauthority:api")]).await;
    app.call(method, path).bearer(&token).json(body).await
}

async fn post(app: &TestApp, caller: &TestClient, path: &str, body: &Json) -> Answer {
    call(app, caller, Method::POST, path, body).await
}

/// A path of the first organisation.
fn own(app: &TestApp, rest: &str) -> String {
    format!("/api/v1/orgs/{}{rest}", app.org.handle)
}

/// A path of a client of the first organisation.
fn of(app: &TestApp, client: &TestClient, rest: &str) -> String {
    own(app, &format!("/clients/{}{rest}", client.id))
}

/// What the management API says of a token.
async fn inspected(app: &TestApp, caller: &TestClient, token: &str) -> Json {
    let answer = post(
        app,
        caller,
        &own(app, "/tokens/inspect"),
        &json!({ "token": token }),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

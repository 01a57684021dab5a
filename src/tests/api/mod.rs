//! The management API through the router, on both databases. A test is named for the case of the protocol it proves.

mod account;
mod apis; // resource servers, scopes, organisations, keys
mod clients; // lists, changes, secrets
mod conditional; // entity tags and repeated requests
mod contract; // /api/oauth-applications
mod copies; // a client like another one
mod document; // what the OpenAPI document promises
mod escalation; // nobody gives more than he has
mod file_keys; // clients that a file knows
mod hostile; // bad input
mod legacy; // grants for migrations
mod oversized; // a refusal does not grow with what it refuses
mod people; // tokens that act for people
mod people_settings; // what a client settles about people
mod tenancy; // what belongs to others

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::harness::{Answer, Call, TestApp, TestClient};
use crate::registry::{
    bootstrap::system_access,
    secrets::{self, Rotation},
};

/// Everything that an organisation's own token may do.
const ALL: [&str; 10] = [
    "organizations:write",
    "clients:write",
    "clients:delete",
    "apis:write",
    "apis:delete",
    "members:write",
    "members:delete",
    "audit:read",
    "clients:read",
    "apis:read",
];

/// Somebody with a token for the management API.
struct Manager<'a> {
    app: &'a TestApp,
    client: TestClient,
    token: String,
}

impl<'a> Manager<'a> {
    /// A service of the first organisation with these scopes.
    async fn with(app: &'a TestApp, scopes: &[&str]) -> Self {
        let client = app.service(scopes).await;
        Self::of(app, client).await
    }

    /// A service of the first organisation that may do everything there.
    async fn new(app: &'a TestApp) -> Self {
        Self::with(app, &ALL).await
    }

    /// The client that runs the instance.
    async fn operator(app: &'a TestApp) -> Self {
        let access = system_access(app.org.clone());
        let id = app.app.registry.config.system_clients.admin_id.clone();
        let made = secrets::rotate(&app.app.registry, &access, &id, None, Rotation::default())
            .await
            .expect("rotated");
        let secret = made.secret.expect("a secret").text.expose().to_owned();
        Self::of(app, TestClient { id, secret }).await
    }

    async fn of(app: &'a TestApp, client: TestClient) -> Self {
        let token = client.token_for(app, &[("resource", "urn:oauthority:api")]).await;
        Self { app, client, token }
    }

    fn call(&self, method: Method, path: &str) -> Call<'a> {
        self.app.call(method, path).bearer(&self.token)
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    async fn post(&self, path: &str, body: &Json) -> Answer {
        self.call(Method::POST, path).json(body).await
    }

    async fn patch(&self, path: &str, body: &Json) -> Answer {
        self.call(Method::PATCH, path)
            .header("if-match", "*")
            .json(body)
            .await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path)
            .header("if-match", "*")
            .send()
            .await
    }

    /// A path in the first organisation.
    fn own(&self, rest: &str) -> String {
        format!("/api/v1/orgs/{}{rest}", self.app.org.handle)
    }

    /// Makes a service and gives its id and secret.
    async fn service(&self, name: &str) -> TestClient {
        let body = json!({ "name": name, "type": "service", "scopes": ["workspace:read"] });
        let answer = self.post(&self.own("/clients"), &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = answer.json();
        TestClient {
            id: word(&made["client"]["client_id"]),
            secret: word(&made["client_secret"]),
        }
    }
}

fn word(value: &Json) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text, not {value}"))
        .to_owned()
}

/// Asserts that an answer is a problem with this status and code, and gives it.
#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str) -> Json {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let problem = answer.json();
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!(code), &json!(status)),
        "{problem}"
    );
    assert_eq!(problem["request_id"], answer.header("request-id"));
    assert!(
        problem["type"]
            .as_str()
            .is_some_and(|t| t.ends_with(&format!("/help/errors#{code}"))),
        "{problem}"
    );
    problem
}

/// The pointers of a problem.
fn pointers(problem: &Json) -> Vec<&str> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["pointer"].as_str()).collect()
}

/// The names in a list, in order.
fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| word(&item["name"]))
        .collect()
}

//! Pages of the console, in process: what they show, what they refuse, and what they leave behind.

mod activity;
mod apis;
mod apps;
mod client;
mod clients;
mod connector; // sync connectors, and clients like others
mod create;
mod cut;
mod edit;
mod hand_over;
pub mod inert;
mod landing;
mod people;
mod people_settings;
mod preferences;
mod rotate;
mod settings;

use axum::http::StatusCode;

use super::{
    browser::Browser,
    harness::{Answer, TestApp, TestClient, service},
};
use crate::{
    oauth::client::{ApplicationType, GrantType},
    registry::client_input::Draft,
    store::users::Role,
};

/// The browser of an admin of the first organisation.
async fn admin(app: &TestApp) -> Browser<'_> {
    Browser::of(app, "ada", Role::Admin).await
}

/// A page of the first organisation.
fn at(app: &TestApp, tail: &str) -> String {
    format!("/orgs/{}{tail}", app.org.handle)
}

/// The value of a hidden field, as the browser would post it.
fn hidden(page: &Answer, name: &str) -> String {
    let text = page.text();
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = text
        .split_once(&marker)
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('"').next().unwrap_or_default().replace("&amp;", "&")
}

/// Asserts the status, and shows the page if it is another one.
#[track_caller]
fn expect(answer: &Answer, status: StatusCode) {
    assert_eq!(answer.status, status, "{}", answer.text());
}

/// Asserts that the page holds the text.
#[track_caller]
fn holds(answer: &Answer, text: &str) {
    assert!(answer.text().contains(text), "no {text:?} in {}", answer.text());
}

/// Asserts that the page does not hold the text.
#[track_caller]
fn lacks(answer: &Answer, text: &str) {
    assert!(!answer.text().contains(text), "{text:?} in {}", answer.text());
}

/// Every secret in a page.
fn secrets(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let starts = text.match_indices("oas_").map(|(at, _)| at);
    starts
        .filter_map(|at| text.get(at..at + 53))
        .map(str::to_owned)
        .collect()
}

/// A service with a name.
async fn named(app: &TestApp, name: &str) -> TestClient {
    let draft = Draft {
        name: name.to_owned(),
        ..service(&["workspace:read"])
    };
    app.client(&app.org, draft).await
}

/// An app without a secret.
async fn native(app: &TestApp, name: &str) -> TestClient {
    let draft = Draft {
        name: name.to_owned(),
        application_type: ApplicationType::Native,
        grant_types: vec![GrantType::AuthorizationCode],
        redirect_uris: vec!["com.example.app:/callback".to_owned()],
        ..service(&["workspace:read"])
    };
    app.client(&app.org, draft).await
}

/// The client ids of a list, in its order.
fn ids(page: &str) -> Vec<String> {
    page.split("<th scope=\"row\"")
        .skip(1)
        .filter_map(|row| {
            row.split("/clients/")
                .nth(1)?
                .split('"')
                .next()
                .map(str::to_owned)
        })
        .collect()
}

//! The console: pages by path.

mod activity;
mod client;
mod clients;
mod landing;
mod people;
mod preferences;

use crate::{
    oauth::client::{ApplicationType, GrantType},
    registry::client_input::Draft,
    tests::harness::{TestApp, TestClient, service},
};

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

/// A path of the first organisation.
fn at(app: &TestApp, tail: &str) -> String {
    format!("/orgs/{}{tail}", app.org.handle)
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

//! Personal credentials: made, used, handed over, and dead with what they stand on.

mod admin; // what whoever manages the organisation may do
mod command; // by command
mod console; // the pages, without script
mod contract; // in the shape of another contract
mod death; // with the person, the membership, the capability, the feature
mod offers; // prepared by one, fetched by another
mod own; // limits and caps

use serde_json::{Value as Json, json};

use super::{
    browser::{Browser, PASSWORD, person},
    flows::{Rp, text},
    harness::{Answer, TestApp, TestClient},
};
use crate::{
    registry::{
        access::{Access, Permission, Permissions},
        client_input::ScopeRef,
        credentials::{self, NewCredential},
        people::{self, NewAccount},
        secrets::Term,
    },
    secret::Secret,
    store::{
        apis::{Api, TokenFormat},
        users::{Role, User},
    },
};

const AUDIENCE: &str = "https://api.example";
const READ: &str = "https://api.example-invoices:read";

/// The API that credentials are for.
async fn invoices(app: &TestApp) -> Api {
    let scopes = ["invoices:read", "invoices:write"];
    app.api(&app.org, AUDIENCE, TokenFormat::Jwt, &scopes).await
}

/// A token of the command line that acts for whoever is signed in.
async fn token(app: &TestApp, browser: &Browser<'_>, scope: &str) -> String {
    let cli = Rp {
        client: TestClient {
            id: "oauthority-cli".to_owned(),
            secret: String::new(),
        },
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
    };
    let tokens = cli.tokens(app, browser, &[("scope", scope)]).await;
    text(&tokens, "access_token")
}

/// A new credential as the API takes it.
fn body(name: &str, values: &[&str]) -> Json {
    let pair = |value: &&str| json!({ "audience": AUDIENCE, "value": value });
    json!({ "name": name, "scopes": values.iter().map(pair).collect::<Vec<_>>() })
}

/// The same as the registry takes it.
fn new(values: &[&str]) -> NewCredential {
    let full = |value: &&str| ScopeRef {
        audience: Some(AUDIENCE.to_owned()),
        value: (*value).to_owned(),
    };
    NewCredential {
        name: "Nightly report".to_owned(),
        description: String::new(),
        scopes: values.iter().map(full).collect(),
        term: Term::Default,
        term_at: "/expires",
    }
}

/// What a person may do with his own, having just signed in.
fn own(app: &TestApp, user: &User, role: Role) -> Access {
    let mut access = app.owner();
    access.actor.id.clone_from(&user.id);
    access.actor.name.clone_from(&user.username);
    access.permissions = Permissions::of_role(role).with(Permission::AccountWrite);
    access
}

/// A credential of a person, made by himself.
async fn made(app: &TestApp, user: &User, role: Role, values: &[&str]) -> TestClient {
    make(app, user, role, &new(values)).await
}

async fn make(app: &TestApp, user: &User, role: Role, new: &NewCredential) -> TestClient {
    let access = own(app, user, role);
    let created = credentials::create(&app.app.registry, &access, &user.id, new)
        .await
        .expect("made");
    TestClient {
        id: created.client.client_id,
        secret: created.secret.expect("a secret").text.expose().to_owned(),
    }
}

/// A credential of a new member, with scopes by their values.
pub async fn of_a_member(app: &TestApp, values: &[&str]) -> TestClient {
    let holder = person(app, "holder", Some(Role::Member)).await;
    let new = NewCredential {
        scopes: values.iter().map(|value| ScopeRef::text(*value)).collect(),
        ..new(&[])
    };
    make(app, &holder, Role::Member, &new).await
}

/// Somebody who runs the instance.
async fn operator(app: &TestApp) -> Access {
    let new = NewAccount {
        username: "root".to_owned(),
        display_name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    let user = people::create(&app.app.registry, new, true, &[])
        .await
        .expect("made");
    let mut access = app.owner();
    access.permissions = Permissions::operator();
    access.actor.id.clone_from(&user.id);
    access
}

/// Asserts that a token counts, or not.
async fn counts(app: &TestApp, caller: &TestClient, token: &str, expected: bool) {
    assert_eq!(app.introspect(caller, token).await["active"], expected);
}

/// The code of a problem.
fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

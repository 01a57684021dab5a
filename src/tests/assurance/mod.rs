//! How sure it is who acts: a sign-in has a time and a strength, an operation a demand
//! ([decision 19](../../../docs/decisions/0019-assurance.md)).

mod api; // old and weak sign-ins at the API
mod console; // every page that changes something has decided
mod control; // nobody controls a client that may do more
mod factors; // the strength that the account has now
mod page; // apps on people's own machines always show one

use serde_json::Value as Json;

use super::{
    browser::{Browser, PASSWORD},
    flows::{Rp, text},
    harness::{Answer, TestApp},
};
use crate::{
    registry::people::{self, NewAccount},
    secret::Secret,
    store::users::{Role, User},
    time::Lifetime,
};

/// Everything that the command line may ask for.
const ALL: &str = "organizations:write clients:write clients:delete apis:write apis:delete members:write members:delete \
                   audit:read account:write instance:write";

/// Makes somebody who owns the first organisation and runs the instance.
async fn olivia(app: &TestApp) -> User {
    let new = NewAccount {
        username: "olivia".to_owned(),
        display_name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    people::create(&app.app.registry, new, true, &[(&app.org.id, Role::Owner)])
        .await
        .expect("made")
}

/// A browser in which somebody has just signed in.
async fn signed_in<'a>(app: &'a TestApp, username: &str) -> Browser<'a> {
    let browser = Browser::new(app);
    browser.sign_in(username).await;
    browser
}

/// An access token of the command line for whoever is signed in, with its refresh token.
async fn tokens(app: &TestApp, browser: &Browser<'_>, scope: &str) -> Json {
    Rp::command_line(app)
        .tokens(app, browser, &[("scope", scope)])
        .await
}

/// The access token of an answer.
fn access(tokens: &Json) -> String {
    text(tokens, "access_token")
}

/// So long after a sign-in it is old.
fn grow_old(app: &TestApp) {
    app.clock.advance(Lifetime::minutes(16));
}

/// Asserts that the API wants another sign-in of this class.
#[track_caller]
fn challenged(answer: &Answer, class: &str) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    // RFC 9470 §3
    let challenge = answer.header("www-authenticate");
    for part in [
        "Bearer ".to_owned(),
        "error=\"insufficient_user_authentication\"".to_owned(),
        "error_description=\"".to_owned(),
        format!("acr_values=\"{class}\""),
        "max_age=900".to_owned(),
    ] {
        assert!(challenge.contains(&part), "{part} in {challenge}");
    }
    let problem = answer.json();
    assert_eq!(problem["code"], "insufficient_user_authentication", "{problem}");
    assert_eq!(
        (&problem["acr_values"], &problem["max_age"]),
        (&class.into(), &900.into()),
        "{problem}"
    );
}

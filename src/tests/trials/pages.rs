use axum::http::StatusCode;

use crate::{
    registry::clients,
    store::users::Role,
    tests::{
        browser::{Browser, PASSWORD},
        flows::field,
        harness::{Answer, TestApp, TestClient, on_both},
    },
    time::Lifetime,
};

fn at(app: &TestApp, client: &TestClient, rest: &str) -> String {
    format!("/orgs/{}/clients/{}{rest}", app.org.handle, client.id)
}

#[track_caller]
fn holds(answer: &Answer, text: &str) {
    assert!(answer.text().contains(text), "no {text:?} in {}", answer.text());
}

#[tokio::test]
async fn the_page_shows_programs_by_link_and_what_happens() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&at(&app, &client, "/try")).await;
        holds(&page, "curl --silent");
        holds(&page, "Waiting for the first token…");
        holds(&page, "?lang=python");
        assert!(
            !page.text().contains("There is a problem"),
            "nothing is wrong yet"
        );
        let page = browser.get(&at(&app, &client, "/try?lang=python")).await;
        holds(&page, "import urllib.request");
        assert!(!page.text().contains("oas_"));
        app.token(&client, &[("scope", "workspace:write")]).await;
        let page = browser.get(&at(&app, &client, "/try")).await;
        holds(&page, "Last request 10:00:00");
        holds(&page, "This client has no workspace:write.");
        holds(&page, "/edit#scopes\">Add workspace:write</a>");
        let part = [("x-fragment", "waiting")];
        let line = browser.get_with(&at(&app, &client, "/try/live"), &part).await;
        holds(&line, "data-poll");
        assert!(!line.text().contains("<html"), "{}", line.text());
        app.clock.advance(Lifetime::seconds(5));
        client.token(&app).await;
        holds(
            &browser.get(&at(&app, &client, "/try")).await,
            "Last request 10:00:05: went well",
        );
    })
    .await;
}

#[tokio::test]
async fn claims_are_shown_on_the_page() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let browser = Browser::of(&app, "aud", Role::Auditor).await;
        let page = browser
            .get(&at(&app, &client, "/try?preview=1&scope=workspace:read"))
            .await;
        holds(&page, "new for each token");
        assert!(!page.text().contains("Get a test token"), "an auditor gets none");
        let page = browser
            .get(&at(&app, &client, "/try?preview=1&scope=no:such"))
            .await;
        holds(&page, "A scope is unknown or not granted to this client.");
    })
    .await;
}

#[tokio::test]
async fn a_test_token_is_shown_once_after_a_fresh_sign_in_and_revoked_there() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        app.clock.advance(Lifetime::minutes(20));
        let page = browser.get(&at(&app, &client, "/try")).await;
        let once = field(&page, "once");
        let path = at(&app, &client, "/try/token");
        let asked = browser.submit(&path, &[("once", &once)]).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        let made = browser
            .submit(&path, &[("once", &once), ("confirm_password", PASSWORD)])
            .await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text());
        let text = made.text();
        let (_, rest) = text.split_once("translate=\"no\">eyJ").expect("a token");
        let token = format!("eyJ{}", rest.split('<').next().expect("an end"));
        assert_eq!(text.matches(&token).count(), 1);
        holds(&made, "Active: it counts now.");
        assert_eq!(app.introspect(&client, &token).await["test"], true);
        holds(
            &browser.get(&at(&app, &client, "/activity")).await,
            "got a test token of",
        );
        let again = browser.submit(&path, &[("once", &once)]).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        let gone = browser
            .submit(&at(&app, &client, "/try/revoke"), &[("token", &token)])
            .await;
        assert_eq!(gone.status, StatusCode::SEE_OTHER);
        assert!(!gone.header("location").contains("eyJ"));
        assert_eq!(app.introspect(&client, &token).await["active"], false);
    })
    .await;
}

#[tokio::test]
async fn a_scope_that_is_not_granted_is_refused_at_the_field_of_that_form() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let once = field(&browser.get(&at(&app, &client, "/try")).await, "once");
        let typed = [("once", once.as_str()), ("scope", "no:such")];
        let page = browser.submit(&at(&app, &client, "/try/token"), &typed).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&page, "href=\"#test-scope\"");
        holds(&page, "id=\"test-scope-error\"");
        assert_eq!(page.text().matches("value=\"no:such\"").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_client_gets_none() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let once = field(&browser.get(&at(&app, &client, "/try")).await, "once");
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        let refused = browser
            .submit(&at(&app, &client, "/try/token"), &[("once", &once)])
            .await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        let page = browser.get(&at(&app, &client, "/try")).await;
        holds(&page, "This client is disabled");
        assert!(!page.text().contains("Get a test token"));
    })
    .await;
}

#[tokio::test]
async fn the_inspector_takes_a_token_and_never_shows_it_again() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let browser = Browser::of(&app, "aud", Role::Auditor).await;
        let path = format!("/orgs/{}/tools/token", app.org.handle);
        let page = browser.get(&path).await;
        holds(&page, "/assets/token.");
        holds(&page, "neither logs nor keeps it");
        let token = client.token(&app).await;
        let found = browser.submit(&path, &[("token", &token)]).await;
        holds(&found, "Active: it counts now.");
        holds(&found, "Valid, by a key that signs now");
        holds(
            &found,
            &format!("/clients/{}\"><bdi>Nightly export</bdi>", client.id),
        );
        assert!(!found.text().contains(&token), "{}", found.text());
        let signature = token.rsplit('.').next().expect("a signature");
        assert!(!found.text().contains(signature));
        clients::delete(&app.app.registry, &app.owner(), &client.id, None)
            .await
            .expect("deleted");
        holds(
            &browser.submit(&path, &[("token", &token)]).await,
            "Its client was deleted",
        );
        let wrong = browser.submit(&path, &[("token", "")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let member = Browser::of(&app, "max", Role::Member).await;
        assert_eq!(member.get(&path).await.status, StatusCode::FORBIDDEN);
        assert_eq!(
            member.submit(&path, &[("token", &token)]).await.status,
            StatusCode::FORBIDDEN
        );
    })
    .await;
}

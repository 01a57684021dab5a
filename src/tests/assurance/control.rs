//! Nobody controls a client that may do more than they, by whatever door.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{access, challenged, grow_old, olivia, signed_in, tokens};
use crate::{
    oauth::authentication::SINGLE_FACTOR,
    registry::client_input::Draft,
    store::{self, users::Role},
    tests::{
        browser::Browser,
        flows::web_app,
        harness::{Answer, TestApp, TestClient, on_both},
    },
};

/// A client where people sign in, which may change members.
async fn mighty(app: &TestApp) -> TestClient {
    let draft = Draft {
        require_consent: true,
        ..web_app(&["openid", "members:write"])
    };
    app.client(&app.org, draft).await
}

async fn send(app: &TestApp, token: &str, method: Method, path: &str, body: &Json) -> Answer {
    app.call(method, path)
        .bearer(token)
        .header("if-match", "*")
        .json(body)
        .await
}

#[track_caller]
fn beyond(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.text());
    assert_eq!(
        answer.json()["code"],
        "client.beyond_yours",
        "{what}: {}",
        answer.text()
    );
}

#[tokio::test]
async fn fx_04_nobody_controls_a_client_that_may_do_more() {
    on_both(async |app| {
        let (client, manager) = (
            mighty(&app).await,
            app.service(&["clients:write", "clients:delete"]).await,
        );
        let token = manager.token(&app).await;
        let path = format!("/api/v1/orgs/{}/clients/{}", app.org.handle, client.id);
        for change in [
            json!({ "redirect_uris": ["https://evil.example/callback"] }),
            json!({ "post_logout_redirect_uris": ["https://evil.example/"] }),
            json!({ "backchannel_logout_uri": "https://evil.example/out" }),
            json!({ "require_consent": false }),
            json!({ "grant_types": ["authorization_code", "refresh_token", "client_credentials"] }),
            json!({ "auth_method": "client_secret_post" }),
        ] {
            beyond(
                &send(&app, &token, Method::PATCH, &path, &change).await,
                &change.to_string(),
            );
        }
        let contract = format!("/api/oauth-applications/{}", client.id);
        let change = json!({ "redirectUrls": ["https://evil.example/callback"] });
        beyond(
            &send(&app, &token, Method::PATCH, &contract, &change).await,
            "the contract",
        );
        let offer = json!({ "to": "globex" });
        beyond(
            &send(&app, &token, Method::POST, &format!("{path}/transfer"), &offer).await,
            "transfer",
        );
        beyond(
            &send(&app, &token, Method::POST, &format!("{path}/rotate"), &json!({})).await,
            "rotate",
        );
        // Copying is giving: each scope is asked for.
        let copied = send(&app, &token, Method::POST, &format!("{path}/copy"), &json!({})).await;
        assert!(copied.text().contains("scope.beyond_yours"), "{}", copied.text());
        // A name is no credential, and cutting off is no control; bringing back is.
        let renamed = send(&app, &token, Method::PATCH, &path, &json!({ "name": "Portal" })).await;
        assert_eq!(renamed.status, 200, "{}", renamed.text());
        let disabled = send(&app, &token, Method::POST, &format!("{path}/disable"), &json!({})).await;
        assert_eq!(disabled.status, 200, "{}", disabled.text());
        beyond(
            &send(&app, &token, Method::POST, &format!("{path}/enable"), &json!({})).await,
            "enable",
        );
        let enable = format!("{contract}/enable");
        beyond(
            &send(&app, &token, Method::POST, &enable, &json!({})).await,
            "the contract enables",
        );
        // Who holds it may.
        let equal = app
            .service(&["clients:write", "members:write"])
            .await
            .token(&app)
            .await;
        let enabled = send(&app, &equal, Method::POST, &format!("{path}/enable"), &json!({})).await;
        assert_eq!(enabled.status, 200, "{}", enabled.text());
        let moved = json!({ "redirect_uris": ["https://portal.example/callback"] });
        assert_eq!(send(&app, &equal, Method::PATCH, &path, &moved).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_04_a_change_that_is_equal_to_a_credential_needs_a_fresh_sign_in() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let token = access(
            &tokens(
                &app,
                &browser,
                "clients:write members:write organizations:write apis:write",
            )
            .await,
        );
        let client = app.client(&app.org, web_app(&["openid", "workspace:read"])).await;
        grow_old(&app);
        let org = format!("/api/v1/orgs/{}", app.org.handle);
        let path = format!("{org}/clients/{}", client.id);
        for change in [
            json!({ "redirect_uris": ["https://other.example/callback"] }),
            json!({ "require_consent": true }),
            json!({ "auth_method": "client_secret_post" }),
            json!({ "scopes": ["openid", "workspace:read", "clients:read"] }),
        ] {
            challenged(
                &send(&app, &token, Method::PATCH, &path, &change).await,
                SINGLE_FACTOR,
            );
        }
        let settings = json!({ "settings": { "require_second_factor": true } });
        challenged(
            &send(&app, &token, Method::PATCH, &org, &settings).await,
            SINGLE_FACTOR,
        );
        let harmless =
            json!({ "name": "Another", "description": "Words", "home_page": "https://other.example/" });
        let named = send(&app, &token, Method::PATCH, &path, &harmless).await;
        assert_eq!(named.status, 200, "{}", named.text());
        let fewer = send(
            &app,
            &token,
            Method::PATCH,
            &path,
            &json!({ "scopes": ["workspace:read"] }),
        )
        .await;
        assert_eq!(fewer.status, 200, "{}", fewer.text());
    })
    .await;
}

#[tokio::test]
async fn fx_04_the_console_asks_first_and_keeps_what_was_typed() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let client = app.service(&["workspace:read"]).await;
        let path = format!("/orgs/{}/clients/{}/disable", app.org.handle, client.id);
        browser.get(&path).await;
        browser.submit(&path, &[]).await;
        grow_old(&app);
        let path = path.replace("disable", "enable");
        browser.get(&path).await;
        let asked = browser.submit(&path, &[]).await;
        assert_eq!(asked.status, 403, "{}", asked.text());
        assert!(
            asked.text().contains("name=\"confirm_password\""),
            "{}",
            asked.text()
        );
        let done = browser
            .submit(&path, &[("confirm_password", crate::tests::browser::PASSWORD)])
            .await;
        assert_eq!(done.status, 303, "{}", done.text());
        assert_eq!(app.token(&client, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_04_nobody_takes_away_what_they_do_not_hold_and_waits() {
    on_both(async |app| {
        let client = app.service(&["members:write", "workspace:read"]).await;
        let token = app.service(&["clients:write"]).await.token(&app).await;
        let path = format!("/api/v1/orgs/{}/clients/{}", app.org.handle, client.id);
        let less = json!({ "scopes": ["workspace:read"] });
        beyond(&send(&app, &token, Method::PATCH, &path, &less).await, "less");
        // Whoever holds it may take it away.
        let token = app
            .service(&["clients:write", "members:write"])
            .await
            .token(&app)
            .await;
        let answer = send(&app, &token, Method::PATCH, &path, &less).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn fx_04_a_scope_that_brings_others_along_or_asks_nobody_needs_a_fresh_sign_in() {
    on_both(async |app| {
        olivia(&app).await;
        let token = access(&tokens(&app, &signed_in(&app, "olivia").await, super::ALL).await);
        let apis = store::apis::of_organization(app.db(), &app.org.id)
            .await
            .expect("read");
        let own = apis
            .iter()
            .find(|api| api.org_id.is_some())
            .expect("the first API");
        let path = format!("/api/v1/orgs/{}/apis/{}/scopes", app.org.handle, own.id);
        grow_old(&app);
        let scope = |value: &str, more: Json| {
            let mut scope = json!({ "value": value, "description": "Do it", "risk": "reads" });
            for (name, value) in more.as_object().expect("members") {
                scope[name] = value.clone();
            }
            scope
        };
        for body in [
            scope("z:z", json!({ "implies": ["workspace:read"] })),
            scope("z:z", json!({ "requires_consent": false })),
        ] {
            challenged(&app.post(&path).bearer(&token).json(&body).await, SINGLE_FACTOR);
        }
        let plain = app
            .post(&path)
            .bearer(&token)
            .json(&scope("z:z", json!({})))
            .await;
        assert_eq!(plain.status, 201, "{}", plain.text());
    })
    .await;
}

//! Old and weak sign-ins at the management API. RFC 9470

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{ALL, access, challenged, grow_old, olivia, signed_in, tokens};
use crate::{
    oauth::authentication::{MULTI_FACTOR, SINGLE_FACTOR},
    store::users::Role,
    tests::{
        browser::{Browser, PASSWORD, person},
        flows::{Rp, payload, text},
        harness::{Answer, TestApp, TestClient, on_both, service},
        sign_in,
    },
};

async fn call(app: &TestApp, token: &str, method: Method, path: &str, body: Option<&Json>) -> Answer {
    let call = app.call(method, path).bearer(token).header("if-match", "*");
    match body {
        Some(body) => call.json(body).await,
        None => call.send().await,
    }
}

fn rotate(app: &TestApp, client: &str) -> String {
    format!("/api/v1/orgs/{}/clients/{client}/rotate", app.org.handle)
}

#[tokio::test]
async fn fx_03_an_old_sign_in_is_challenged_and_refreshing_makes_it_no_younger() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let (rp, made) = (Rp::command_line(&app), tokens(&app, &browser, ALL).await);
        let service = app.service(&["workspace:read"]).await;
        let path = rotate(&app, &service.id);
        let told = payload(&access(&made));
        assert_eq!(told["auth_time"], app.clock.now().seconds());
        assert_eq!(told["acr"], SINGLE_FACTOR);
        let fresh = call(
            &app,
            &access(&made),
            Method::POST,
            &path,
            Some(&json!({ "manual": true })),
        )
        .await;
        assert_eq!(fresh.status, 200, "{}", fresh.text());
        grow_old(&app);
        challenged(
            &call(&app, &access(&made), Method::POST, &path, Some(&json!({}))).await,
            SINGLE_FACTOR,
        );
        let refreshed = rp.refresh(&app, &text(&made, "refresh_token"), &[]).await.json();
        let again = payload(&access(&refreshed));
        assert_eq!(
            (&again["auth_time"], &again["acr"]),
            (&told["auth_time"], &told["acr"])
        );
        challenged(
            &call(&app, &access(&refreshed), Method::POST, &path, Some(&json!({}))).await,
            SINGLE_FACTOR,
        );
        // Reading, and saying what would come of it, need none.
        let read = format!("/api/v1/orgs/{}/clients", app.org.handle);
        assert_eq!(
            call(&app, &access(&refreshed), Method::GET, &read, None)
                .await
                .status,
            200
        );
        let tried = format!(
            "/api/v1/orgs/{}/clients/{}?dry_run=true",
            app.org.handle, service.id
        );
        let tried = call(&app, &access(&refreshed), Method::DELETE, &tried, None).await;
        assert_eq!(tried.status, 200, "{}", tried.text());
        assert_eq!(app.token(&service, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_03_a_client_in_its_own_name_is_not_asked() {
    on_both(async |app| {
        let manager = app.service(&["clients:write"]).await;
        let token = manager.token(&app).await;
        let service = app.service(&["workspace:read"]).await;
        grow_old(&app);
        let rotated = call(
            &app,
            &token,
            Method::POST,
            &rotate(&app, &service.id),
            Some(&json!({})),
        )
        .await;
        assert_eq!(rotated.status, 200, "{}", rotated.text());
    })
    .await;
}

#[tokio::test]
async fn fx_03_a_weak_sign_in_is_challenged_with_the_class_to_reach() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let web = Rp::of(&app, crate::tests::flows::web_app(&["openid", "clients:write"])).await;
        sign_in::set_up_app(&app, &browser).await;
        // By another session, which has not shown the app: as nobody gets one any more, made so by hand.
        let made = web.tokens(&app, &browser, &[("scope", "clients:write")]).await;
        let weak = "UPDATE grants SET methods = 'pwd'";
        app.db()
            .write(crate::db::Statement::new(weak, vec![]).into())
            .await
            .expect("written");
        let service = app.service(&["workspace:read"]).await;
        let path = rotate(&app, &service.id);
        challenged(
            &call(&app, &access(&made), Method::POST, &path, Some(&json!({}))).await,
            MULTI_FACTOR,
        );
    })
    .await;
}

/// The path of an operation with something in each place.
fn filled(app: &TestApp, path: &str, client: &str) -> String {
    path.replace("{org}", &app.org.handle)
        .replace("{client}", client)
        .replace("{", "")
        .replace("}", "")
}

#[tokio::test]
async fn fx_03_every_operation_asks_what_it_says() {
    on_both(async |app| {
        let user = olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let made = tokens(&app, &browser, ALL).await;
        let client = app.client(&app.org, service(&["workspace:read"])).await;
        grow_old(&app);
        let document = app.get("/api/v1/openapi.json").send().await.json();
        let paths = document["paths"].as_object().expect("paths").clone();
        let mut asked = 0;
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().expect("methods") {
                let about = operation["description"].as_str().unwrap_or_default();
                let wanted = about.contains("insufficient_user_authentication");
                if method == "get" || about.starts_with("For what") {
                    continue;
                }
                let method: Method = method.to_ascii_uppercase().parse().expect("a method");
                let at = filled(&app, &path, &client.id)
                    .replace("/users/user/oauth2", &format!("/users/{}/oauth2", user.id));
                let body = operation["requestBody"]["content"]
                    .as_object()
                    .and_then(|all| all.values().next())
                    .map(|content| content["example"].clone());
                let body = body.map(|mut body| {
                    if body.get("ownerOrgId").is_some() {
                        body["ownerOrgId"] = json!(app.org.id);
                    }
                    body
                });
                let merge = operation["requestBody"]["content"]
                    .get("application/json")
                    .is_none()
                    && body.is_some();
                let call = app
                    .call(method.clone(), &at)
                    .bearer(&access(&made))
                    .header("if-match", "*");
                let answer = match body {
                    Some(body) if merge => call.raw("application/merge-patch+json", body.to_string()).await,
                    Some(body) => call.json(&body).await,
                    None => call.send().await,
                };
                let challenged = answer.text().contains("insufficient_user_authentication");
                assert_eq!(challenged, wanted, "{method} {at}: {}", answer.text());
                asked += i32::from(challenged);
            }
        }
        assert!(asked > 30, "{asked}");
    })
    .await;
}

#[tokio::test]
async fn fx_03_a_changed_password_ends_what_manages_and_all_of_it_if_one_says_so() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let (rp, web) = (Rp::command_line(&app), Rp::web(&app).await);
        let manages = tokens(&app, &browser, "clients:write").await;
        let other = web.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let new = "another battery staple entirely 9";
        change(&browser, PASSWORD, new, &[]).await;
        rp.refresh(&app, &text(&manages, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        assert_eq!(
            app.get("/api/v1/me")
                .bearer(&access(&manages))
                .send()
                .await
                .status,
            401
        );
        let next = web
            .refresh(&app, &text(&other, "refresh_token"), &[])
            .await
            .json();
        change(&browser, new, PASSWORD, &[("end_apps", "yes")]).await;
        web.refresh(&app, &text(&next, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
    })
    .await;
}

async fn change(browser: &Browser<'_>, old: &str, new: &str, more: &[(&str, &str)]) {
    browser.get("/me/security").await;
    let mut form = vec![("do", "password"), ("old_password", old), ("password", new)];
    form.extend_from_slice(more);
    let answer = browser.submit("/me/security", &form).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
}

#[tokio::test]
async fn fx_03_everything_else_can_be_ended_at_once() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let (browser, elsewhere) = (signed_in(&app, "ada").await, signed_in(&app, "ada").await);
        let web = Rp::web(&app).await;
        let given = web.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        browser.get("/me/security").await;
        browser.submit("/me/security", &[("do", "end_the_rest")]).await;
        web.refresh(&app, &text(&given, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        assert_eq!(elsewhere.get("/me/preferences").await.status, 303);
        assert_eq!(browser.get("/me/preferences").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_03_a_personal_credential_reaches_no_credentials() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let token = access(&tokens(&app, &browser, ALL).await);
        let pair = |value: &str| json!({ "audience": "urn:oauthority:api", "value": value });
        for value in ["apis:write", "apis:delete", "clients:write", "members:write", "members:delete", "clients:delete", "organizations:write"] {
            let body = json!({ "name": "Report", "scopes": [pair(value)] });
            let refused = call(&app, &token, Method::POST, "/api/v1/me/credentials", Some(&body)).await;
            assert_eq!(refused.status, 400, "{value} {}", refused.text());
            assert!(refused.text().contains("service client"), "{}", refused.text());
        }
        let body = json!({ "name": "Report", "scopes": [pair("clients:read"), pair("apis:read")] });
        let made = call(&app, &token, Method::POST, "/api/v1/me/credentials", Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        // One from before keeps its scope, which does not count at the API.
        let made = made.json();
        let client = TestClient {
            id: text(&made["credential"], "client_id"),
            secret: text(&made, "client_secret"),
        };
        let sql = "INSERT INTO client_scopes (client_id, api_id, value, position) \
                   SELECT client_id, api_id, 'clients:write', 9 FROM client_scopes WHERE client_id = $1 LIMIT 1";
        let mut batch = crate::db::Batch::from(crate::db::Statement::new(sql, vec![client.id.as_str().into()]));
        crate::registry::announce(&mut batch, crate::store::changes::Kind::Client, &client.id, app.clock.now());
        app.app.registry.live.commit(batch).await.expect("written");
        let own = client.token_for(&app, &[("scope", "clients:write")]).await;
        let service = app.service(&["workspace:read"]).await;
        let refused = call(&app, &own, Method::POST, &rotate(&app, &service.id), Some(&json!({}))).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
    })
    .await;
}

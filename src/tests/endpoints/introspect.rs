//! Introspection: what it tells, and to whom.

use axum::http::Method;
use serde_json::json;

use crate::{
    registry::bootstrap::system_access,
    registry::{
        clients,
        secrets::{self, Rotation},
    },
    store::apis::TokenFormat,
    tests::harness::{TestApp, TestClient, inactive, on_both, service},
    time::Lifetime,
};

/// A system client, with a secret that somebody can read.
async fn admin_client(app: &TestApp) -> TestClient {
    let access = system_access(app.org.clone());
    let rotated = secrets::rotate(
        &app.app.registry,
        &access,
        "oa_admin_client",
        None,
        Rotation::default(),
    )
    .await;
    TestClient {
        id: "oa_admin_client".to_owned(),
        secret: rotated
            .expect("rotated")
            .secret
            .expect("a secret")
            .text
            .expose()
            .to_owned(),
    }
}

#[tokio::test]
async fn i_03_token_missing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for form in [&[][..], &[("token", "")]] {
            let answer = app.post("/oauth2/introspect").basic(&client).form(form).await;
            answer.refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn i_04_i_10_an_active_token() {
    on_both(async |app| {
        app.api(
            &app.org,
            "https://o.example",
            TokenFormat::Opaque,
            &["o:read", "o:write"],
        )
        .await;
        let client = app.service(&["workspace:read", "o:read", "o:write"]).await;
        for (audience, scope) in [
            ("urn:oauthority:workspace:main", "workspace:read"),
            ("https://o.example", "o:read o:write"),
        ] {
            let token = client.token_for(&app, &[("resource", audience)]).await;
            let answer = app
                .post("/oauth2/introspect")
                .basic(&client)
                .form(&[("token", &token), ("foo", "bar")])
                .await;
            assert_eq!(answer.header("cache-control"), "no-store");
            let seen = answer.json();
            let now = app.clock.now().seconds();
            let jti = seen["jti"].as_str().expect("a jti");
            assert!(jti.len() >= 22);
            assert_eq!(
                seen,
                json!({
                    "active": true, "scope": scope, "client_id": client.id, "sub": client.id, "aud": audience,
                    "iss": "http://localhost:8080", "exp": now + 3600, "iat": now, "token_type": "Bearer",
                    "jti": jti, "org_id": app.org.id,
                })
            );
        }
    })
    .await;
}

#[tokio::test]
async fn i_05_whatever_is_wrong_the_answer_is_the_same() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let long = ".".repeat(60_000);
        for token in [
            "x",
            "oat_",
            "oat_AAAA",
            "a.b.c",
            "..",
            long.as_str(),
            "\u{e9}",
            "null",
        ] {
            assert_eq!(app.introspect(&client, token).await, inactive(), "{token:.20}");
        }
        let token = client.token(&app).await;
        app.clock.advance(Lifetime::seconds(3599));
        assert_eq!(app.introspect(&client, &token).await["active"], true);
        app.clock.advance(Lifetime::seconds(1));
        assert_eq!(app.introspect(&client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn i_06_b_071_another_audience_or_tenant() {
    on_both(async |app| {
        app.api(&app.org, "https://one.example", TokenFormat::Jwt, &["one:read"])
            .await;
        app.api(&app.org, "https://two.example", TokenFormat::Jwt, &["two:read"])
            .await;
        let client = app.service(&["one:read"]).await;
        let resource_one = app.service(&["one:read"]).await;
        let resource_two = app.service(&["two:read"]).await;
        let elsewhere = app.organization("elsewhere").await;
        let stranger = app.client(&elsewhere, service(&["workspace:read"])).await;
        let token = client.token(&app).await;
        assert_eq!(app.introspect(&client, &token).await["active"], true);
        assert_eq!(app.introspect(&resource_one, &token).await["active"], true);
        assert_eq!(app.introspect(&resource_two, &token).await, inactive());
        assert_eq!(app.introspect(&stranger, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn i_06_tokens_for_the_built_in_api_are_the_business_of_system_clients() {
    on_both(async |app| {
        let client = app.service(&["clients:read"]).await;
        let same_scope = app.service(&["clients:read"]).await;
        let admin = admin_client(&app).await;
        let token = client.token(&app).await;
        assert_eq!(app.introspect(&same_scope, &token).await, inactive());
        assert_eq!(app.introspect(&admin, &token).await["aud"], "urn:oauthority:api");
    })
    .await;
}

#[tokio::test]
async fn i_08_the_hint_is_only_a_hint() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        for hint in ["access_token", "refresh_token", "nonsense"] {
            let form = [("token", token.as_str()), ("token_type_hint", hint)];
            let answer = app.post("/oauth2/introspect").basic(&client).form(&form).await;
            assert_eq!(answer.json()["active"], true, "{hint}");
        }
    })
    .await;
}

#[tokio::test]
async fn i_09_get_with_the_token_in_the_query() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        let path = format!("/oauth2/introspect?token={token}");
        app.call(Method::GET, &path)
            .basic(&client)
            .send()
            .await
            .refused(405, "method_not_allowed");
    })
    .await;
}

#[tokio::test]
async fn b_077_answers_do_not_cross_callers() {
    on_both(async |app| {
        let (client, other) = (
            app.service(&["clients:read"]).await,
            app.service(&["clients:read"]).await,
        );
        let token = client.token(&app).await;
        for _ in 0..3 {
            assert_eq!(app.introspect(&client, &token).await["active"], true);
            assert_eq!(app.introspect(&other, &token).await, inactive());
        }
        let form = [("token", token.as_str())];
        assert_eq!(
            app.post("/oauth2/revoke").basic(&client).form(&form).await.status,
            200
        );
        assert_eq!(app.introspect(&client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn b_107_a_token_of_dots_costs_nothing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let dots = ".".repeat(1_000_000);
        let form = [("token", dots.as_str())];
        let answer = app.post("/oauth2/introspect").basic(&client).form(&form).await;
        assert_eq!(answer.status, 413);
    })
    .await;
}

#[tokio::test]
async fn asking_about_a_token_is_a_use_of_the_secret() {
    on_both(async |app| {
        let (issued, asker) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let token = issued.token(&app).await;
        app.introspect(&asker, &token).await;
        app.post("/oauth2/revoke")
            .basic(&asker)
            .form(&[("token", &token)])
            .await;
        let listed = secrets::list(&app.app.registry, &app.owner(), &asker.id)
            .await
            .expect("listed");
        assert_eq!(listed[0].last_used_at, Some(app.clock.now()));
        assert_eq!(listed[0].uses, 2);
        let client = clients::find(&app.app.registry, &app.owner(), &asker.id)
            .await
            .expect("found");
        assert_eq!(client.last_used_at, Some(app.clock.now()));
        let end =
            async || secrets::end(&app.app.registry, &app.owner(), &asker.id, &listed[0].id, false).await;
        let refused = end().await.expect_err("in use");
        assert_eq!(refused.refusal().map(|r| r.reason), Some("secret.in_use"));
        app.clock.advance(Lifetime::minutes(61));
        end().await.expect("not in use any more");
    })
    .await;
}

#[tokio::test]
async fn asking_with_a_wrong_secret_is_no_use() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let wrong = client.with_secret("oas_wrong");
        let call = app.post("/oauth2/introspect").basic(&wrong);
        call.form(&[("token", "x")]).await.refused(401, "invalid_client");
        let listed = secrets::list(&app.app.registry, &app.owner(), &client.id)
            .await
            .expect("listed");
        assert_eq!(listed[0].last_used_at, None);
    })
    .await;
}

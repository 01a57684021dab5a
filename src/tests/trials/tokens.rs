use serde_json::json;

use super::{inspected, of, post};
use crate::{
    oauth::client::Kind,
    registry::{clients, impact, secrets, secrets::Rotation},
    store::{
        apis::TokenFormat,
        audit::{self, Filter},
    },
    tests::{
        flows::{Rp, alice, payload, web_app},
        harness::{TestApp, inactive, on_both, service},
    },
};

#[tokio::test]
async fn a_preview_says_what_a_token_says_and_issues_nothing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        let reader = app.service(&["clients:read"]).await;
        let asked = json!({ "scope": "workspace:read" });
        let shown = post(&app, &reader, &of(&app, &client, "/preview-token"), &asked)
            .await
            .json();
        let mut claims = payload(&client.token_for(&app, &[("scope", "workspace:read")]).await);
        claims["jti"] = "new for each token".into();
        assert_eq!(shown["claims"], claims);
        assert_eq!(shown["header"]["typ"], "at+jwt");
        assert_eq!(shown["expires_in"], 3600);
        let count = impact::of(
            &app.app.registry,
            &app.owner(),
            &client.id,
            &impact::Plan::Disable,
        )
        .await
        .expect("counted");
        assert_eq!(
            count.stops.access_tokens.iter().map(|one| one.count).sum::<i64>(),
            1
        );
        let wrong = json!({ "scope": "workspace:nothing" });
        let refused = post(&app, &reader, &of(&app, &client, "/preview-token"), &wrong).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/scope");
    })
    .await;
}

#[tokio::test]
async fn a_preview_for_a_person_says_what_his_token_says() {
    on_both(async |app| {
        let (browser, rp) = (
            alice(&app).await,
            Rp::of(&app, web_app(&["openid", "workspace:read"])).await,
        );
        let reader = app.service(&["clients:read", "members:read"]).await;
        let path = of(&app, &rp.client, "/preview-token");
        let shown = post(&app, &reader, &path, &json!({ "user": "alice" }))
            .await
            .json();
        let tokens = rp
            .tokens(&app, &browser, &[("scope", "openid workspace:read")])
            .await;
        let real = payload(tokens["access_token"].as_str().expect("a token"));
        for claim in [
            "iss",
            "sub",
            "aud",
            "scope",
            "client_id",
            "org_id",
            "acr",
            "amr",
            "cv",
        ] {
            assert_eq!(shown["claims"][claim], real[claim], "{claim}");
        }
        let nobody = post(&app, &reader, &path, &json!({})).await;
        assert_eq!(nobody.json()["errors"][0]["code"], "user.missing");
        let stranger = post(&app, &reader, &path, &json!({ "user": "zoe" })).await;
        assert_eq!(stranger.json()["errors"][0]["code"], "user.unknown");
        let blind = app.service(&["clients:read"]).await;
        let forbidden = post(&app, &blind, &path, &json!({ "user": "alice" })).await;
        assert_eq!(forbidden.status, 403);
    })
    .await;
}

async fn test_token(app: &TestApp, format: TokenFormat) {
    let audience = "https://tests.example";
    app.api(&app.org, audience, format, &["tests:read"]).await;
    let client = app.service(&["tests:read"]).await;
    let writer = app.service(&["clients:write"]).await;
    let made = post(app, &writer, &of(app, &client, "/test-token"), &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let token = made["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(made["preview"]["claims"]["test"], true);
    assert_eq!(made["preview"]["expires_in"], 300);

    let said = app.introspect(&client, &token).await;
    assert_eq!((&said["active"], &said["test"]), (&json!(true), &json!(true)));
    assert_eq!(
        said["exp"].as_i64().expect("exp") - said["iat"].as_i64().expect("iat"),
        300
    );
    let real = client.token(app).await;
    assert!(app.introspect(&client, &real).await["test"].is_null());

    let filter = Filter {
        action: Some("token.test_issued".to_owned()),
        ..Filter::default()
    };
    let events = audit::list(app.db(), &app.org.id, &filter, 10)
        .await
        .expect("read");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor_id, writer.id);
    assert!(!events[0].details.to_string().contains(&token));

    let count = impact::of(
        &app.app.registry,
        &app.owner(),
        &client.id,
        &impact::Plan::Disable,
    )
    .await
    .expect("counted");
    assert_eq!(
        count.stops.access_tokens.iter().map(|one| one.count).sum::<i64>(),
        2
    );

    let taken = post(
        app,
        &writer,
        &of(app, &client, "/revoke-token"),
        &json!({ "token": token }),
    )
    .await;
    assert_eq!(taken.status, 204);
    assert_eq!(app.introspect(&client, &token).await, inactive());
    assert_eq!(app.introspect(&client, &real).await["active"], true);
}

#[tokio::test]
async fn a_token_for_a_test_says_so_lives_five_minutes_and_is_taken_back() {
    on_both(async |app| test_token(&app, TokenFormat::Jwt).await).await;
    on_both(async |app| test_token(&app, TokenFormat::Opaque).await).await;
}

#[tokio::test]
async fn it_is_no_use_of_the_client() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let writer = app.service(&["clients:write"]).await;
        post(&app, &writer, &of(&app, &client, "/test-token"), &json!({})).await;
        app.app.registry.flush_activity().await.expect("flushed");
        let found = clients::find(&app.app.registry, &app.owner(), &client.id)
            .await
            .expect("found");
        assert_eq!(found.last_used_at, None);
    })
    .await;
}

#[tokio::test]
async fn who_may_not_gets_none() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let path = of(&app, &client, "/test-token");
        let reader = app.service(&["clients:read"]).await;
        assert_eq!(post(&app, &reader, &path, &json!({})).await.status, 403);

        // A client that may do more than whoever asks.
        let writer = app.service(&["clients:write"]).await;
        let strong = app.service(&["members:write"]).await;
        let refused = post(&app, &writer, &of(&app, &strong, "/test-token"), &json!({})).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (403, &json!("client.beyond_yours"))
        );

        // Of another organisation.
        let elsewhere = app.organization("elsewhere").await;
        let foreign = app.client(&elsewhere, service(&["workspace:read"])).await;
        assert_eq!(
            post(&app, &writer, &of(&app, &foreign, "/test-token"), &json!({}))
                .await
                .status,
            404
        );
        let token = foreign.token(&app).await;
        let other = post(
            &app,
            &writer,
            &of(&app, &client, "/revoke-token"),
            &json!({ "token": token }),
        )
        .await;
        assert_eq!(other.status, 404);
        assert_eq!(app.introspect(&foreign, &token).await["active"], true);

        // One that acts for people, and one that is disabled.
        let rp = Rp::web(&app).await;
        let refused = post(&app, &writer, &of(&app, &rp.client, "/test-token"), &json!({})).await;
        assert_eq!(refused.json()["code"], "client.no_client_credentials");
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        let refused = post(&app, &writer, &path, &json!({})).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (409, &json!("client.disabled"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_makes_none_and_disabling_ends_it() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let writer = app.service(&["clients:write", "clients:read"]).await;
        let dry = format!("{}?dry_run=true", of(&app, &client, "/test-token"));
        let shown = post(&app, &writer, &dry, &json!({})).await.json();
        assert!(shown["access_token"].is_null());
        assert_eq!(shown["preview"]["claims"]["test"], true);
        let made = post(&app, &writer, &of(&app, &client, "/test-token"), &json!({}))
            .await
            .json();
        let token = made["access_token"].as_str().expect("a token").to_owned();
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        assert_eq!(inspected(&app, &writer, &token).await["active"], false);
    })
    .await;
}

#[tokio::test]
async fn a_system_client_is_for_operators() {
    on_both(async |app| {
        let sync = app.app.registry.config.system_clients.sync_id.clone();
        let access = crate::registry::bootstrap::system_access(app.org.clone());
        let made = secrets::rotate(&app.app.registry, &access, &sync, None, Rotation::default())
            .await
            .expect("rotated");
        assert_eq!(made.client.kind, Kind::System);
        let asked = crate::issue::trial::Asked::default();
        let refused = crate::issue::trial::issue(&app.app.registry, &app.owner(), &sync, &asked).await;
        assert!(refused.is_err());
        let made = crate::issue::trial::issue(&app.app.registry, &access, &sync, &asked).await;
        assert!(made.expect("made").text.is_some());
    })
    .await;
}

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value as Json, json};

use super::{inspected, of, own, post};
use crate::{
    registry::clients,
    store::apis::TokenFormat,
    tests::{
        flows::{Rp, alice, text},
        harness::{TestApp, TestClient, on_both, service},
    },
    time::Lifetime,
};

async fn reader(app: &TestApp) -> TestClient {
    app.service(&["clients:read"]).await
}

#[track_caller]
fn why(found: &Json, words: &str) {
    assert_eq!(found["active"], false, "{found}");
    let why = found["why"].as_str().unwrap_or_default();
    assert!(why.contains(words), "{found}");
}

#[tokio::test]
async fn a_token_that_counts_is_told_in_words() {
    on_both(async |app| {
        let (client, reader) = (app.service(&["workspace:read"]).await, reader(&app).await);
        let found = inspected(&app, &reader, &client.token(&app).await).await;
        assert_eq!(found["active"], true);
        assert_eq!(found["kind"], "access_token");
        assert_eq!(found["signature"], "valid_current_key");
        assert_eq!(found["ours"], true);
        assert_eq!(found["client_id"], client.id);
        assert_eq!(found["client_name"], "Nightly export");
        assert_eq!(found["scopes"][0]["value"], "workspace:read");
        assert!(found["scopes"][0]["description"].is_string());
        assert_eq!(found["api"], "Workspace");
        assert_eq!(found["claims"]["client_id"], client.id);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_counts_no_more_says_why() {
    on_both(async |app| {
        let reader = reader(&app).await;
        let (registry, owner) = (&app.app.registry, app.owner());
        let client = app.service(&["workspace:read", "workspace:write"]).await;

        let taken = client.token(&app).await;
        let form = [("token", taken.as_str())];
        app.post("/oauth2/revoke").basic(&client).form(&form).await;
        why(
            &inspected(&app, &reader, &taken).await,
            &format!("It was revoked at 2026-11-22T10:00:00.000Z by {}.", client.id),
        );

        let writing = client.token_for(&app, &[("scope", "workspace:write")]).await;
        let sql = "DELETE FROM client_scopes WHERE client_id = $1 AND value = 'workspace:write'";
        let less = crate::db::Statement::new(sql, vec![(&client.id).into()]);
        let mut batch: crate::db::Batch = less.into();
        let kind = crate::store::changes::Kind::Client;
        crate::registry::announce(&mut batch, kind, &client.id, app.clock.now());
        registry.live.commit(batch).await.expect("committed");
        why(
            &inspected(&app, &reader, &writing).await,
            "what is not granted any more: workspace:write",
        );

        let before = client.token(&app).await;
        clients::disable(registry, &owner, &client.id, None, None)
            .await
            .expect("disabled");
        why(
            &inspected(&app, &reader, &before).await,
            "Its client was disabled at 2026-11-22T10:00:00.000Z by Olivia.",
        );
        clients::enable(registry, &owner, &client.id, None)
            .await
            .expect("enabled");
        why(
            &inspected(&app, &reader, &before).await,
            "cut off since it was issued",
        );

        let last = client.token(&app).await;
        clients::delete(registry, &owner, &client.id, None)
            .await
            .expect("deleted");
        why(&inspected(&app, &reader, &last).await, "Its client was deleted");

        let other = app.service(&["workspace:read"]).await;
        let old = other.token(&app).await;
        app.clock.advance(Lifetime::hours(2));
        why(
            &inspected(&app, &reader, &old).await,
            "It expired at 2026-11-22T11:00:00.000Z.",
        );
    })
    .await;
}

#[tokio::test]
async fn who_looks_again_with_the_same_key_sees_what_is_now() {
    on_both(async |app| {
        let (client, reader) = (app.service(&["workspace:read"]).await, reader(&app).await);
        let (token, bearer) = (client.token(&app).await, reader.token(&app).await);
        let look = async || {
            let call = app.post(&format!("/api/v1/orgs/{}/tokens/inspect", app.org.handle));
            let call = call.bearer(&bearer).header("idempotency-key", "the-same");
            call.json(&json!({ "token": token })).await.json()
        };
        assert_eq!(look().await["active"], true);
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        assert_eq!(look().await["active"], false);
    })
    .await;
}

#[tokio::test]
async fn a_changed_token_and_a_foreign_one() {
    on_both(async |app| {
        let (client, reader) = (app.service(&["workspace:read"]).await, reader(&app).await);
        let token = client.token(&app).await;
        let (front, signature) = token.rsplit_once('.').expect("a JWT");
        let forged = format!("{front}.{}", "A".repeat(signature.len()));
        let found = inspected(&app, &reader, &forged).await;
        assert_eq!(
            (&found["signature"], &found["active"]),
            (&json!("invalid"), &json!(false))
        );
        assert!(found["client_id"].is_null());
        let encode = |json: Json| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let foreign = format!(
            "{}.{}.c2ln",
            encode(json!({ "alg": "RS256", "typ": "at+jwt", "kid": "x" })),
            encode(json!({ "iss": "https://other.example", "sub": "me", "exp": 1_900_000_000 }))
        );
        let found = inspected(&app, &reader, &foreign).await;
        assert_eq!(
            (&found["ours"], &found["signature"]),
            (&json!(false), &json!("not_verified"))
        );
        assert_eq!(found["claims"]["sub"], "me");
        assert!(found["active"].is_null());
        // Numbers that are no moments are shown as claims, and never as dates.
        let endless = format!(
            "{}.{}.c2ln",
            encode(json!({ "alg": "RS256" })),
            encode(json!({ "iss": "https://other.example", "iat": i64::MIN, "exp": i64::MAX }))
        );
        let found = inspected(&app, &reader, &endless).await;
        assert!(
            found["issued_at"].is_null() && found["expires_at"].is_null(),
            "{found}"
        );
        assert_eq!(found["claims"]["exp"], i64::MAX);
        for (text, words) in [
            ("a.b.c", "The header"),
            ("e30.b.c", "The payload"),
            ("e30.e30", "this text has 1"),
        ] {
            let found = inspected(&app, &reader, text).await;
            assert!(
                found["why"].as_str().is_some_and(|why| why.contains(words)),
                "{found}"
            );
        }
        for (text, kind) in [
            ("hello", "unknown"),
            ("a.b.c", "unknown"),
            (client.secret.as_str(), "client_secret"),
        ] {
            let found = inspected(&app, &reader, text).await;
            assert_eq!(found["kind"], kind);
            assert!(
                found["active"].is_null() && found["client_id"].is_null(),
                "{found}"
            );
        }
        let empty = post(
            &app,
            &reader,
            &own(&app, "/tokens/inspect"),
            &json!({ "token": " " }),
        )
        .await;
        assert_eq!(empty.status, 400);
    })
    .await;
}

#[tokio::test]
async fn tokens_of_others_are_inactive_and_no_more() {
    on_both(async |app| {
        let elsewhere = app.organization("elsewhere").await;
        let audience = "https://opaque.example";
        app.api(&elsewhere, audience, TokenFormat::Opaque, &["secret:read"])
            .await;
        let foreign = app.client(&elsewhere, service(&["secret:read"])).await;
        let reader = reader(&app).await;
        let theirs = inspected(&app, &reader, &foreign.token(&app).await).await;
        let made_up = inspected(&app, &reader, "oat_made-up").await;
        assert_eq!(theirs, made_up);
        assert_eq!(theirs["active"], false);
        let foreign = app.client(&elsewhere, service(&["workspace:read"])).await;
        let theirs = inspected(&app, &reader, &foreign.token(&app).await).await;
        assert_eq!(theirs["active"], false);
        for hidden in ["why", "client_name", "api"] {
            assert!(theirs[hidden].is_null(), "{hidden}: {theirs}");
        }
        let blind = app.service(&["apis:read"]).await;
        let answer = post(
            &app,
            &blind,
            &own(&app, "/tokens/inspect"),
            &json!({ "token": "x" }),
        )
        .await;
        assert_eq!(answer.status, 403);
    })
    .await;
}

#[tokio::test]
async fn opaque_refresh_and_id_tokens() {
    on_both(async |app| {
        let reader = reader(&app).await;
        app.api(
            &app.org,
            "https://opaque.example",
            TokenFormat::Opaque,
            &["secret:read"],
        )
        .await;
        let client = app.service(&["secret:read"]).await;
        let found = inspected(&app, &reader, &client.token(&app).await).await;
        assert_eq!(
            (&found["kind"], &found["active"]),
            (&json!("opaque_access_token"), &json!(true))
        );
        assert_eq!(found["audience"], "https://opaque.example");
        let (browser, rp) = (alice(&app).await, Rp::web(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let first = text(&tokens, "refresh_token");
        assert_eq!(inspected(&app, &reader, &first).await["active"], true);
        rp.refresh(&app, &first, &[]).await;
        why(
            &inspected(&app, &reader, &first).await,
            "A newer refresh token took its place",
        );
        let tokens = rp.tokens(&app, &browser, &[("scope", "openid")]).await;
        let found = inspected(&app, &reader, &text(&tokens, "id_token")).await;
        assert_eq!(
            (&found["kind"], &found["signature"]),
            (&json!("id_token"), &json!("valid_current_key"))
        );
        assert_eq!(found["client_id"], rp.client.id);
    })
    .await;
}

#[tokio::test]
async fn a_test_token_is_marked_and_nothing_of_it_is_written_down() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let writer = app.service(&["clients:write"]).await;
        let made = post(&app, &writer, &of(&app, &client, "/test-token"), &json!({}))
            .await
            .json();
        let token = text(&made, "access_token");
        assert_eq!(inspected(&app, &writer, &token).await["test"], true);
        for table in ["audit_events", "failures"] {
            let sql = match table {
                "audit_events" => "SELECT COALESCE(details, '') FROM audit_events",
                _ => "SELECT sent || facts FROM failures",
            };
            for mut row in app.db().read(sql, vec![]).await.expect("read") {
                let text: String = row.next().expect("a text");
                assert!(
                    !text.contains(&token) && !text.contains(&token[..40]),
                    "{table}: {text}"
                );
            }
        }
    })
    .await;
}

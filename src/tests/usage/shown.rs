//! What people and programs see of it.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    db::Statement,
    registry::clients,
    store::users::Role,
    tests::{
        browser::Browser,
        flows::{CALLBACK, Rp, alice, web_app},
        harness::{Answer, service},
    },
    time::Lifetime,
};

/// A token that may manage clients and APIs.
async fn manager(app: &TestApp) -> String {
    let scopes = ["clients:write", "clients:delete", "apis:write", "apis:delete"];
    let client = app.service(&scopes).await;
    client.token_for(app, &[("resource", "urn:oauthority:api")]).await
}

fn own(app: &TestApp, rest: &str) -> String {
    format!("/api/v1/orgs/{}{rest}", app.org.handle)
}

async fn get(app: &TestApp, token: &str, rest: &str) -> Answer {
    app.get(&own(app, rest)).bearer(token).send().await
}

async fn usage_of(app: &TestApp, token: &str, client: &TestClient) -> Json {
    let answer = get(app, token, &format!("/clients/{}/usage", client.id)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_program_reads_how_a_client_is_used() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        app.clock.advance(Lifetime::days(1));
        let token = manager(&app).await;
        for _ in 0..2 {
            client.token_for(&app, &[("scope", "workspace:read")]).await;
        }
        app.token(&client, &[("scope", "nonsense")]).await;
        let used = usage_of(&app, &token, &client).await;
        assert_eq!(
            (&used["tokens"], &used["failed_requests"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(used["days"].as_array().map(Vec::len), Some(30));
        assert_eq!(used["days"][29]["tokens"], 2);
        assert_eq!(used["days"][28]["tokens"], 1);
        assert_eq!(used["busiest_day"]["began_at"], "2026-11-23T00:00:00.000Z");
        assert_eq!(used["hours"].as_array().map(Vec::len), Some(2));
        assert_eq!(used["last_used_precision"], "minute");
        assert_eq!(used["usage_since"], "2026-11-22T10:00:00.000Z");
        let secret = &used["secrets"][0];
        assert_eq!(
            (&secret["uses"], &secret["uses_last_hour"]),
            (&json!(3), &json!(2))
        );
        assert_eq!(secret["addresses"][0]["uses"], 3);
        assert!(secret.get("digest").is_none() && !used.to_string().contains("oas_"));
        let scopes = used["scopes"].as_array().expect("scopes");
        let asked: Vec<_> = scopes
            .iter()
            .map(|one| (one["value"].as_str(), &one["times_asked"]))
            .collect();
        assert_eq!(
            asked,
            [
                (Some("workspace:read"), &json!(3)),
                (Some("workspace:write"), &json!(0))
            ]
        );
        assert_eq!(scopes[1]["unused"], false, "it was not watched for 90 days");
        assert_eq!(used["audiences"][0]["audience"], "urn:oauthority:workspace:main");
        assert_eq!(used["failures"][0]["error"], "invalid_scope");
        assert_eq!(used["attempts_while_disabled"], Json::Null);
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_how_the_clients_of_others_are_used() {
    on_both(async |app| {
        let token = manager(&app).await;
        let other = app.organization("other").await;
        let foreign = app.client(&other, service(&["workspace:read"])).await;
        let unknown = "oac_aaaaaaaaaaaaaaaaaaaa";
        for tail in ["usage", "impact"] {
            let foreign = get(&app, &token, &format!("/clients/{}/{tail}", foreign.id)).await;
            let nobody = get(&app, &token, &format!("/clients/{unknown}/{tail}")).await;
            assert_eq!((foreign.status.as_u16(), nobody.status.as_u16()), (404, 404));
            let without = |answer: &Answer| {
                let mut body = answer.json();
                body["request_id"] = Json::Null;
                body["instance"] = Json::Null;
                body
            };
            assert_eq!(without(&foreign), without(&nobody));
        }
        let little = app.service(&["apis:read"]).await;
        let little = little
            .token_for(&app, &[("resource", "urn:oauthority:api")])
            .await;
        let own = app.service(&["workspace:read"]).await;
        let answer = get(&app, &little, &format!("/clients/{}/usage", own.id)).await;
        assert_eq!(answer.status, 403);
    })
    .await;
}

#[tokio::test]
async fn whoever_tries_a_change_first_is_told_what_stops() {
    on_both(async |app| {
        let token = manager(&app).await;
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        client.token_for(&app, &[("scope", "workspace:write")]).await;
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        let send = async |method: Method, rest: &str, body: &Json| {
            let path = own(&app, &format!("/clients/{}{rest}?dry_run=true", client.id));
            let call = app.call(method, &path).bearer(&token).header("if-match", "*");
            let answer = call.json(body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        };
        let patch = json!({ "scopes": ["workspace:read"] });
        let tried = send(Method::PATCH, "", &patch).await;
        assert_eq!(tried["scopes"].as_array().map(Vec::len), Some(1));
        let impact = &tried["impact"];
        assert_eq!(
            (&impact["action"], &impact["access_tokens"][0]["count"]),
            (&json!("edit"), &json!(1))
        );
        assert_eq!(impact["scopes"][0]["value"], "workspace:write");
        assert_eq!(impact["scopes"][0]["times_asked"], 1);
        assert!(impact["offline_until"].is_string());
        let tried = send(Method::PATCH, "", &json!({ "name": "Other" })).await;
        assert_eq!(tried["impact"]["access_tokens"], json!([]));
        let tried = send(Method::POST, "/disable", &json!({})).await;
        assert_eq!(tried["impact"]["access_tokens"][0]["count"], 2);
        assert_eq!(tried["impact"]["reversible"], true);
        let path = own(&app, &format!("/clients/{}?dry_run=true", client.id));
        let call = app
            .call(Method::DELETE, &path)
            .bearer(&token)
            .header("if-match", "*");
        let tried = call.send().await;
        assert_eq!(
            (tried.status.as_u16(), &tried.json()["secrets"]),
            (200, &json!(1))
        );
        // Nothing happened.
        let shown = get(&app, &token, &format!("/clients/{}", client.id)).await.json();
        assert_eq!(shown["version"], 1);
        assert!(shown.get("impact").is_none());
        client.token(&app).await;
    })
    .await;
}

#[tokio::test]
async fn the_impact_of_less_is_asked_for_by_name() {
    on_both(async |app| {
        let token = manager(&app).await;
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        client.token(&app).await;
        let impact =
            async |query: &str| get(&app, &token, &format!("/clients/{}/impact?{query}", client.id)).await;
        let one = impact("action=remove_scope&scope=urn:oauthority:workspace:main-workspace:write").await;
        assert_eq!(one.json()["access_tokens"][0]["count"], 1, "{}", one.text());
        let both = impact("action=remove_scope&scope=workspace:write&scope=workspace:read").await;
        assert_eq!(both.json()["scopes"].as_array().map(Vec::len), Some(2));
        for wrong in [
            "action=remove_scope",
            "action=remove_scope&scope=nonsense:read",
            "action=remove_scope&scope=scim:read",
            "action=remove_redirect",
            "action=remove_redirect&redirect_uri=https://app.example",
            "action=edit",
        ] {
            assert_eq!(impact(wrong).await.status, 400, "{wrong}");
        }
        let gentle = impact("action=rotate").await.json();
        assert_eq!(
            (&gentle["access_tokens"], &gentle["secrets"]),
            (&json!([]), &json!(1))
        );
        let hard = impact("action=rotate&revoke_tokens=true").await.json();
        assert_eq!(hard["access_tokens"][0]["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn trying_to_delete_a_scope_tells_what_all_holders_lose() {
    on_both(async |app| {
        let api = app
            .api(
                &app.org,
                "https://j.example",
                crate::store::apis::TokenFormat::Jwt,
                &["j:read"],
            )
            .await;
        let token = manager(&app).await;
        for _ in 0..2 {
            app.service(&["j:read"]).await.token(&app).await;
        }
        let path = own(&app, &format!("/apis/{}/scopes/j:read?dry_run=true", api.id));
        let call = app
            .call(Method::DELETE, &path)
            .bearer(&token)
            .header("if-match", "*");
        let tried = call.send().await;
        assert_eq!(tried.status, 200, "{}", tried.text());
        let tried = tried.json();
        assert_eq!(tried["access_tokens"][0]["count"], 2);
        assert_eq!(tried["clients"].as_array().map(Vec::len), Some(2));
        let path = own(&app, &format!("/apis/{}/scopes/j:read", api.id));
        let call = app
            .call(Method::DELETE, &path)
            .bearer(&token)
            .header("if-match", "*");
        assert_eq!(
            call.send().await.status,
            409,
            "the real thing wants to be confirmed"
        );
    })
    .await;
}

async fn admin(app: &TestApp) -> Browser<'_> {
    Browser::of(app, "ada", Role::Admin).await
}

async fn page(app: &TestApp, browser: &Browser<'_>, rest: &str) -> String {
    let answer = browser.get(&format!("/orgs/{}{rest}", app.org.handle)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[tokio::test]
async fn the_pages_of_a_client_show_its_use() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        let ada = admin(&app).await;
        let at = format!("/clients/{}", client.id);
        let fresh = page(&app, &ada, &at).await;
        assert!(fresh.contains("No tokens in 30 days") && fresh.contains("Never, since use is recorded"));
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        app.token(&client, &[("scope", "nonsense")]).await;
        let used = page(&app, &ada, &at).await;
        assert!(
            used.contains("<title>2 tokens in 30 days, busiest 22 November with 2</title>"),
            "{used}"
        );
        assert!(used.contains("<svg") && used.contains("Show as table") && !used.contains("style="));
        assert!(used.contains("invalid_scope") && used.contains("with “<bdi>Secret of 22 Nov 2026</bdi>”"));
        let secrets = page(&app, &ada, &format!("{at}/secrets")).await;
        assert!(secrets.contains("2 last hour") && secrets.contains("2 last day"));
        assert!(
            secrets.contains("<code>127.0.0.1</code>") || secrets.contains("<code>0.0.0.0</code>"),
            "{secrets}"
        );
        let access = page(&app, &ada, &format!("{at}/access")).await;
        assert!(access.contains("just now") && access.contains("Not since 22 Nov 2026"));
        assert!(!access.contains("Never in 90 days"));
    })
    .await;
}

#[tokio::test]
async fn never_in_90_days_is_said_after_90_days_only() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let path = format!("/clients/{}/access", client.id);
        app.clock.advance(Lifetime::days(89));
        let ada = admin(&app).await;
        assert!(page(&app, &ada, &path).await.contains("Not since 22 Nov 2026"));
        app.clock.advance(Lifetime::days(1));
        let ada = Browser::of(&app, "eve", Role::Admin).await;
        assert!(page(&app, &ada, &path).await.contains("Never in 90 days"));
        // What is recorded for less time says nothing about 90 days, however old the client is.
        let sql = "UPDATE instance SET value = $1 WHERE name = 'usage_since'";
        let late = app.clock.now().before(Lifetime::days(5)).to_string();
        let batch = [
            Statement::new(sql, vec![late.as_str().into()]),
            Statement::new("DELETE FROM scopes_asked", vec![]),
        ];
        app.db()
            .write(batch.into_iter().collect())
            .await
            .expect("as after an upgrade");
        assert!(page(&app, &ada, &path).await.contains("Not since 15 Feb 2027"));
    })
    .await;
}

#[tokio::test]
async fn a_disabled_client_says_who_still_tries() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        for _ in 0..3 {
            app.token(&client, &[]).await.refused(401, "invalid_client");
        }
        let ada = admin(&app).await;
        let shown = page(&app, &ada, &format!("/clients/{}", client.id)).await;
        assert!(shown.contains("Tried 3 times since it was disabled"), "{shown}");
    })
    .await;
}

#[tokio::test]
async fn the_overview_counts_tokens_and_names_who_fails_often() {
    on_both(async |app| {
        let (good, bad) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        for _ in 0..3 {
            good.token(&app).await;
            bad.token(&app).await;
        }
        // A few are nobody's trouble.
        for _ in 0..4 {
            app.token(&good, &[("scope", "nonsense")]).await;
            app.token(&bad, &[("scope", "nonsense")]).await;
        }
        app.token(&bad, &[("scope", "nonsense")]).await;
        let ada = admin(&app).await;
        let shown = page(&app, &ada, "").await;
        assert!(
            shown.contains("6 tokens in 30 days, busiest 22 November with 6"),
            "{shown}"
        );
        assert!(shown.contains("5 of 8 token requests refused in 24 hours"));
        assert!(!shown.contains("4 of 7 token requests"));
        app.clock.advance(Lifetime::hours(26));
        let ada = Browser::of(&app, "eve", Role::Admin).await;
        assert!(
            !page(&app, &ada, "")
                .await
                .contains("token requests refused in 24 hours")
        );
    })
    .await;
}

#[tokio::test]
async fn a_panel_that_fails_fails_alone() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let sql = "ALTER TABLE redirects_used RENAME TO out_of_reach";
        app.db()
            .write(Statement::new(sql, vec![]).into())
            .await
            .expect("moved");
        let shown = page(&app, &ada, &format!("/clients/{}", client.id)).await;
        assert!(shown.contains("cannot be shown right now") && shown.contains("Client ID"));
    })
    .await;
}

#[tokio::test]
async fn a_redirect_uri_in_use_does_not_go_without_a_word() {
    on_both(async |app| {
        let mut draft = web_app(&["openid", "workspace:read"]);
        draft.redirect_uris.push("https://app.example/unused".to_owned());
        let rp = Rp::of(&app, draft).await;
        rp.code(&alice(&app).await, &[]).await;
        let token = manager(&app).await;
        let query = format!("action=remove_redirect&redirect_uri={CALLBACK}");
        let impact = get(&app, &token, &format!("/clients/{}/impact?{query}", rp.client.id))
            .await
            .json();
        assert_eq!(impact["redirect_uris"][0]["times_used"], 1);
        assert!(impact["redirect_uris"][0]["last_used_at"].is_string());
        let ada = admin(&app).await;
        let shown = page(&app, &ada, &format!("/clients/{}", rp.client.id)).await;
        assert!(
            shown.contains("Not used on record") && shown.contains("1 time in all"),
            "{shown}"
        );
    })
    .await;
}

//! The contract of `product.md` section 5.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{Manager, pointers, problem, word};
use crate::tests::harness::{TestApp, TestClient, inactive, on_both};

const APPLICATIONS: &str = "/api/oauth-applications";

fn keys(value: &Json) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

const APPLICATION_KEYS: [&str; 10] = [
    "clientId",
    "name",
    "type",
    "redirectUrls",
    "ownerOrgId",
    "allowedScopes",
    "isFirstParty",
    "disabled",
    "createdAt",
    "updatedAt",
];

fn seed(app: &TestApp) -> Json {
    json!({
        "ownerOrgId": app.org.id, "name": "My application", "type": "web",
        "redirectUrls": ["https://example.com/callback"],
    })
}

async fn made(manager: &Manager<'_>, body: &Json) -> Json {
    let answer = manager.post(APPLICATIONS, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn t69_the_seed_bodies_give_the_documented_keys() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let created = made(&manager, &seed(&app)).await;
        assert_eq!(keys(&created), ["application", "clientSecret"]);
        let application = &created["application"];
        assert_eq!(keys(application), APPLICATION_KEYS);
        assert_eq!(application["allowedScopes"], json!(["workspace:read"]));
        assert_eq!(application["updatedAt"], application["createdAt"]);
        assert_eq!(
            (&application["disabled"], &application["isFirstParty"]),
            (&json!(false), &json!(false))
        );
        let path = format!("{APPLICATIONS}/{}", word(&application["clientId"]));
        assert_eq!(manager.get(&path).await.json(), *application);
        let change = json!({ "name": "Renamed", "allowedScopes": ["workspace:write"] });
        let answer = manager.call(Method::PATCH, &path).json(&change).await;
        let changed = answer.json();
        assert_eq!(keys(&changed), APPLICATION_KEYS);
        assert_eq!(
            (&changed["name"], &changed["allowedScopes"]),
            (&json!("Renamed"), &json!(["workspace:write"]))
        );
        let rotated = manager
            .call(Method::POST, &format!("{path}/rotate-secret"))
            .send()
            .await;
        assert_eq!(rotated.status, 200, "{}", rotated.text());
        assert_eq!(keys(&rotated.json()), ["application", "clientSecret"]);
        assert_ne!(rotated.json()["clientSecret"], created["clientSecret"]);
        for _ in 0..2 {
            let removed = manager.call(Method::DELETE, &path).send().await;
            assert_eq!(
                (removed.status.as_u16(), removed.json()),
                (200, json!({ "success": true }))
            );
        }
        assert_eq!(manager.get(&path).await.json()["disabled"], true);
        problem(
            &manager.post(&format!("{path}/rotate-secret"), &json!({})).await,
            409,
            "client.disabled",
        );
        let enabled = manager.call(Method::POST, &format!("{path}/enable")).send().await;
        assert_eq!(enabled.json()["disabled"], false);
    })
    .await;
}

#[tokio::test]
async fn every_type_has_its_grants_and_only_web_a_secret() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        for (kind, url) in [
            ("native", "http://127.0.0.1/cb"),
            ("public", "com.example.app:/cb"),
            ("user-agent-based", "https://spa.example/"),
        ] {
            let mut body = seed(&app);
            (body["type"], body["redirectUrls"]) = (json!(kind), json!([url]));
            let created = made(&manager, &body).await;
            assert!(created["clientSecret"].is_null(), "{kind}");
            let path = format!(
                "{APPLICATIONS}/{}/rotate-secret",
                word(&created["application"]["clientId"])
            );
            problem(&manager.post(&path, &json!({})).await, 400, "client.no_secret");
            body["redirectUrls"] = json!([]);
            let refused = problem(&manager.post(APPLICATIONS, &body).await, 400, "invalid_input");
            assert_eq!(pointers(&refused), ["/redirectUrls"], "{kind}");
        }
        let mut body = seed(&app);
        body["redirectUrls"] = json!([]);
        let created = made(&manager, &body).await;
        let client = TestClient {
            id: word(&created["application"]["clientId"]),
            secret: word(&created["clientSecret"]),
        };
        assert_eq!(
            app.token(&client, &[]).await.status,
            200,
            "web may act for itself"
        );
        let path = format!("{APPLICATIONS}/{}", client.id);
        let change = json!({ "redirectUrls": ["https://example.com/cb"] });
        assert_eq!(manager.call(Method::PATCH, &path).json(&change).await.status, 200);
        let rich = manager
            .get(&manager.own(&format!("/clients/{}", client.id)))
            .await
            .json();
        assert_eq!(
            rich["grant_types"],
            json!(["authorization_code", "refresh_token", "client_credentials"])
        );
        assert_eq!(app.token(&client, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn bad_input_is_named_in_the_words_of_the_contract() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let mut body = seed(&app);
        body["redirectUrls"] = json!(["https://a.example/", "https://a.example/#x"]);
        body["allowedScopes"] = json!(["no:such"]);
        let refused = problem(&manager.post(APPLICATIONS, &body).await, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/redirectUrls/1", "/allowedScopes/0"]);
        let mut body = seed(&app);
        body["allowedScopes"] = json!([]);
        let refused = problem(&manager.post(APPLICATIONS, &body).await, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/allowedScopes"]);
        let mut body = seed(&app);
        (body["clientId"], body["isFirstParty"], body["type"]) = (json!("x"), json!(true), json!("service"));
        let refused = problem(&manager.post(APPLICATIONS, &body).await, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/type", "/clientId", "/isFirstParty"]);
    })
    .await;
}

#[tokio::test]
async fn rotation_may_overlap_and_revoke() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let created = made(&manager, &seed(&app)).await;
        let client = TestClient {
            id: word(&created["application"]["clientId"]),
            secret: word(&created["clientSecret"]),
        };
        let token = client.token(&app).await;
        let path = format!("{APPLICATIONS}/{}/rotate-secret", client.id);
        let rotated = manager.post(&path, &json!({ "graceSeconds": 60 })).await;
        let second = client.with_secret(&word(&rotated.json()["clientSecret"]));
        assert_eq!(app.token(&client, &[]).await.status, 200);
        assert_eq!(app.introspect(&second, &token).await["active"], true);
        problem(
            &manager.post(&path, &json!({ "graceSeconds": 60 })).await,
            409,
            "secret.limit",
        );
        problem(
            &manager.post(&path, &json!({ "graceSeconds": 2_592_001 })).await,
            400,
            "invalid_input",
        );
        let third = manager.post(&path, &json!({ "revokeTokens": true })).await;
        let third = client.with_secret(&word(&third.json()["clientSecret"]));
        assert_eq!(app.token(&second, &[]).await.status, 401);
        assert_eq!(app.introspect(&third, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn the_list_goes_both_ways_and_shows_applications_only() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let mut ids = Vec::new();
        for name in ["One", "Two", "Three"] {
            let mut body = seed(&app);
            body["name"] = json!(name);
            ids.push(word(&made(&manager, &body).await["application"]["clientId"]));
            app.clock.advance(crate::time::Lifetime::seconds(1));
        }
        let list = async |query: &str| {
            let answer = manager.get(&format!("{APPLICATIONS}?{query}")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        };
        let found = |page: &Json| -> Vec<String> {
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|a| word(&a["clientId"]))
                .collect()
        };
        let all = list("").await;
        assert_eq!(keys(&all), ["data", "pageInfo"]);
        assert_eq!(found(&all), ids, "neither services nor system clients");
        assert_eq!(
            keys(&all["pageInfo"]),
            [
                "total",
                "hasNextPage",
                "hasPreviousPage",
                "startCursor",
                "endCursor"
            ]
        );
        let first = list("limit=2").await;
        assert_eq!(found(&first), ids[..2]);
        assert_eq!(
            (&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["total"]),
            (&json!(true), &json!(3))
        );
        let second = list(&format!(
            "limit=2&after={}",
            word(&first["pageInfo"]["endCursor"])
        ))
        .await;
        assert_eq!(found(&second), ids[2..]);
        let back = list(&format!(
            "limit=2&before={}",
            word(&second["pageInfo"]["startCursor"])
        ))
        .await;
        assert_eq!(found(&back), ids[..2]);
        assert_eq!(found(&list("name=tW").await), ids[1..2]);
        assert_eq!(found(&list(&format!("ids={},{}", ids[0], ids[2])).await).len(), 2);
        assert_eq!(found(&list(&format!("ids={}&ids=x", ids[0])).await).len(), 1);
        assert_eq!(
            found(&list(&format!("owner_org_id={}", app.org.id)).await).len(),
            3
        );
        assert_eq!(found(&list("owner_org_id=org_other").await).len(), 0);
        for wrong in ["limit=0", "limit=101", "after=%21", "after=b2E", "page=2"] {
            problem(
                &manager.get(&format!("{APPLICATIONS}?{wrong}")).await,
                400,
                "invalid_input",
            );
        }
        for hidden in [
            manager.client.id.as_str(),
            "oa_admin_client",
            "oauthority-mobile-app",
        ] {
            problem(
                &manager.get(&format!("{APPLICATIONS}/{hidden}")).await,
                404,
                "not_found",
            );
            let removed = manager
                .call(Method::DELETE, &format!("{APPLICATIONS}/{hidden}"))
                .send()
                .await;
            problem(&removed, 404, "not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn permanent_deletion_asks_for_its_own_scope() {
    on_both(async |app| {
        let writer = Manager::with(&app, &["clients:write"]).await;
        let path = format!(
            "{APPLICATIONS}/{}",
            word(&made(&writer, &seed(&app)).await["application"]["clientId"])
        );
        let permanent = format!("{path}?permanent=true");
        let refused = writer.call(Method::DELETE, &permanent).send().await;
        problem(&refused, 403, "insufficient_scope");
        let deleter = Manager::with(&app, &["clients:delete"]).await;
        let removed = deleter.call(Method::DELETE, &permanent).send().await;
        assert_eq!(
            (removed.status.as_u16(), removed.json()),
            (200, json!({ "success": true }))
        );
        problem(&writer.get(&path).await, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn if_match_is_optional_here() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let path = format!(
            "{APPLICATIONS}/{}",
            word(&made(&manager, &seed(&app)).await["application"]["clientId"])
        );
        let change = async |tag: &str| {
            let call = manager.call(Method::PATCH, &path).header("if-match", tag);
            call.json(&json!({ "name": "New" })).await
        };
        problem(&change("\"v9\"").await, 412, "version_conflict");
        assert_eq!(change("\"v1\"").await.header("etag"), "\"v2\"");
    })
    .await;
}

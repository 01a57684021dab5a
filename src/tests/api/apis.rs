//! APIs, scopes, organisations and keys.

use axum::http::Method;
use serde_json::json;

use super::{Manager, pointers, problem, word};
use crate::tests::harness::{inactive, on_both};

#[tokio::test]
async fn apis_and_scopes_live_and_go() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = json!({ "name": "Invoices", "audience": "https://invoices.example", "scopes": [
            { "value": "invoices:read", "description": "See invoices", "risk": "reads" },
        ]});
        let made = manager.post(&manager.own("/apis"), &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let path = manager.own(&format!("/apis/{}", word(&made.json()["id"])));
        let scope =
            json!({ "value": "invoices:write", "description": "Change", "implies": ["invoices:read"] });
        let added = manager.post(&format!("{path}/scopes"), &scope).await;
        assert_eq!(added.status, 201, "{}", added.text());
        assert_eq!(
            manager.get(&path).await.header("etag"),
            "\"v2\"",
            "a new scope is a change of the API"
        );
        let client = app.service(&["invoices:write"]).await;
        let token = client.token(&app).await;
        let shown = manager.get(&path).await.json();
        let held = shown["scopes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["value"] == "invoices:write")
            .unwrap();
        assert_eq!(held["clients"], 1);
        let write = format!("{path}/scopes/invoices:write");
        problem(&manager.delete(&write).await, 409, "scope.in_use");
        let changed = manager.patch(&write, &json!({ "risk": "destructive" })).await;
        assert_eq!(changed.json()["risk"], "destructive", "{}", changed.text());
        problem(
            &manager.delete(&format!("{path}/scopes/invoices:read")).await,
            409,
            "scope.implied",
        );
        assert_eq!(manager.delete(&format!("{write}?confirm=true")).await.status, 204);
        assert_eq!(app.introspect(&client, &token).await, inactive());
        let edited = manager
            .patch(&path, &json!({ "lifetime": 600, "token_format": "opaque" }))
            .await;
        assert_eq!(
            (&edited.json()["lifetime"], &edited.json()["token_format"]),
            (&json!(600), &json!("opaque"))
        );
        assert_eq!(
            manager.patch(&path, &json!({ "lifetime": null })).await.json()["lifetime"],
            json!(null)
        );
        assert_eq!(manager.delete(&path).await.status, 204);
        problem(&manager.get(&path).await, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn bad_apis_are_refused_part_by_part() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = json!({ "name": " ", "audience": "relative", "lifetime": 5, "signing_algorithm": "none", "scopes": [
            { "value": "UPPER", "description": "x", "implies": ["no:such"] },
        ]});
        let refused = problem(&manager.post(&manager.own("/apis"), &body).await, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/lifetime"], "the document is asked first");
        let mut body = body;
        body["lifetime"] = json!(null);
        let refused = problem(&manager.post(&manager.own("/apis"), &body).await, 400, "invalid_input");
        let expected = ["/name", "/signing_algorithm", "/audience", "/scopes/0/value", "/scopes/0/implies/0"];
        assert_eq!(pointers(&refused), expected);
        let builtin = manager.get(&manager.own("/apis")).await.json();
        let builtin = builtin["data"].as_array().unwrap().iter().find(|api| api["built_in"] == true).unwrap();
        let path = manager.own(&format!("/apis/{}", word(&builtin["id"])));
        problem(&manager.delete(&path).await, 409, "api.built_in");
    })
    .await;
}

#[tokio::test]
async fn an_organisation_changes_its_settings() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let path = manager.own("");
        let etag = manager.get(&path).await.header("etag").to_owned();
        let body = json!({ "name": "New name", "settings": { "secrets_may_never_expire": false } });
        let changed = manager
            .call(Method::PATCH, &path)
            .header("if-match", &etag)
            .json(&body)
            .await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.json()["settings"]["secret_lifetime_days"], 90);
        let stale = manager
            .call(Method::PATCH, &path)
            .header("if-match", &etag)
            .json(&body)
            .await;
        problem(&stale, 412, "version_conflict");
        let contract = json!({ "ownerOrgId": app.org.id, "name": "A", "type": "web", "redirectUrls": [] });
        let made = manager.post("/api/oauth-applications", &contract).await.json();
        let id = word(&made["application"]["clientId"]);
        let secrets = manager
            .get(&manager.own(&format!("/clients/{id}/secrets")))
            .await
            .json();
        assert!(
            secrets["data"][0]["expires_at"].is_string(),
            "the organisation insists"
        );
    })
    .await;
}

#[tokio::test]
async fn keys_are_the_operators() {
    on_both(async |app| {
        problem(
            &Manager::new(&app).await.get("/api/v1/operator/keys").await,
            403,
            "insufficient_scope",
        );
        let operator = Manager::operator(&app).await;
        let made = operator.call(Method::POST, "/api/v1/operator/keys").send().await;
        assert_eq!(
            (made.status.as_u16(), &made.json()["state"]),
            (201, &json!("pending"))
        );
        problem(
            &operator.post("/api/v1/operator/keys", &json!({})).await,
            409,
            "key.pending",
        );
        let path = format!("/api/v1/operator/keys/{}/retire", word(&made.json()["kid"]));
        let retired = operator.call(Method::POST, &path).send().await;
        assert_eq!(retired.status, 200, "{}", retired.text());
        problem(
            &operator.call(Method::POST, &path).send().await,
            409,
            "key.retired",
        );
        let unknown = operator
            .call(Method::POST, "/api/v1/operator/keys/nothing/retire")
            .send()
            .await;
        problem(&unknown, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn who_calls_and_what_answers() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:read"]).await;
        let me = manager.get("/api/v1/me").await.json();
        assert_eq!(
            (&me["scopes"], &me["org"]["handle"]),
            (&json!(["clients:read"]), &json!(app.org.handle))
        );
        let status = manager.get("/api/v1/status").await.json();
        assert_eq!(status["issuer"], app.app.registry.config.issuer.as_str());
    })
    .await;
}

//! Entity tags, and requests that come twice.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{Manager, names, problem, word};
use crate::{
    tests::harness::{Answer, on_both, on_both_with},
    time::Lifetime,
};

#[tokio::test]
async fn w_23_a_stale_change_is_refused() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let change = async |tag: &str, name: &str| {
            let call = manager.call(Method::PATCH, &path).header("if-match", tag);
            call.json(&json!({ "name": name })).await
        };
        let changed = change("\"v1\"", "First").await;
        assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"v2\""));
        let stale = change("\"v1\"", "Second").await;
        let refused = problem(&stale, 412, "version_conflict");
        assert_eq!(
            (stale.header("etag"), &refused["current_etag"]),
            ("\"v2\"", &json!("\"v2\""))
        );
        assert_eq!(manager.get(&path).await.json()["name"], "First");
        let without = manager
            .call(Method::PATCH, &path)
            .json(&json!({ "name": "Third" }))
            .await;
        problem(&without, 428, "precondition_required");
        problem(
            &manager.call(Method::DELETE, &path).send().await,
            428,
            "precondition_required",
        );
    })
    .await;
}

#[tokio::test]
async fn w_23_of_two_changes_at_once_one_wins() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let change = async |name: &str| {
            let call = manager.call(Method::PATCH, &path).header("if-match", "\"v1\"");
            call.json(&json!({ "name": name })).await.status.as_u16()
        };
        let mut both = [tokio::join!(change("A"), change("B"))].map(|(a, b)| [a, b])[0];
        both.sort_unstable();
        assert_eq!(both, [200, 412]);
    })
    .await;
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let known = async |tag: &str| {
            manager
                .call(Method::GET, &path)
                .header("if-none-match", tag)
                .send()
                .await
        };
        let unchanged = known("\"v1\"").await;
        assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
        assert_eq!(unchanged.header("etag"), "\"v1\"");
        assert_eq!(known("W/\"v1\"").await.status, 304);
        assert_eq!(known("\"v0\"").await.status, 200);
    })
    .await;
}

async fn create(manager: &Manager<'_>, key: &str, body: &Json) -> Answer {
    let call = manager.call(Method::POST, &manager.own("/clients"));
    call.header("idempotency-key", key).json(body).await
}

fn nightly() -> Json {
    json!({ "name": "Nightly", "type": "service", "scopes": ["workspace:read"] })
}

#[tokio::test]
async fn a_repeated_request_is_carried_out_once() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let first = create(&manager, "one", &nightly()).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let again = create(&manager, "one", &nightly()).await;
        assert_eq!(
            (again.status.as_u16(), again.header("idempotent-replayed")),
            (200, "true")
        );
        assert_eq!(again.json(), first.json(), "the same secret, too");
        let all = names(&manager.get(&manager.own("/clients")).await);
        assert_eq!(all.iter().filter(|name| *name == "Nightly").count(), 1);
        let other = json!({ "name": "Other", "type": "service", "scopes": ["workspace:read"] });
        problem(
            &create(&manager, "one", &other).await,
            422,
            "idempotency_key_reused",
        );
        app.clock.advance(Lifetime::minutes(11));
        let late = create(&manager, "one", &nightly()).await.json();
        assert!(late["client_secret"].is_null());
        assert_eq!(late["secret"]["hint"], first.json()["secret"]["hint"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_the_callers_own() {
    on_both(async |app| {
        let (one, two) = (Manager::new(&app).await, Manager::new(&app).await);
        let first = create(&one, "key", &nightly()).await.json();
        let second = create(&two, "key", &nightly()).await;
        assert_eq!(second.status, 201);
        assert_ne!(
            word(&second.json()["client"]["client_id"]),
            word(&first["client"]["client_id"])
        );
    })
    .await;
}

#[tokio::test]
async fn requests_with_one_key_at_once_make_one_client() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = nightly();
        let (a, b, c) = tokio::join!(
            create(&manager, "k", &body),
            create(&manager, "k", &body),
            create(&manager, "k", &body)
        );
        let statuses: Vec<u16> = [&a, &b, &c].iter().map(|answer| answer.status.as_u16()).collect();
        assert_eq!(
            statuses.iter().filter(|status| **status == 201).count(),
            1,
            "{statuses:?}"
        );
        assert!(
            statuses.iter().all(|status| [200, 201, 409].contains(status)),
            "{statuses:?}"
        );
        let made = manager
            .get(&manager.own("/activity?action=client.created"))
            .await
            .json();
        let made = made["data"].as_array().unwrap();
        assert_eq!(
            made.iter().filter(|e| e["resource"]["name"] == "Nightly").count(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_gives_its_key_back() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let wrong = json!({ "name": "Nightly", "type": "service", "scopes": ["no:such"] });
        problem(&create(&manager, "k", &wrong).await, 400, "invalid_input");
        assert_eq!(create(&manager, "k", &nightly()).await.status, 201);
        problem(&create(&manager, "", &nightly()).await, 400, "idempotency_key");
    })
    .await;
}

#[tokio::test]
async fn callers_are_counted() {
    on_both_with(&[("limits.requests_per_minute", "3")], async |app| {
        let manager = Manager::new(&app).await;
        let first = manager.get("/api/v1/me").await;
        assert_eq!(first.header("ratelimit-policy"), "\"default\";q=3;w=60");
        assert_eq!(first.header("ratelimit"), "\"default\";r=2;t=60");
        manager.get("/api/v1/me").await;
        manager.get("/api/v1/me").await;
        let refused = manager.get("/api/v1/me").await;
        problem(&refused, 429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "60");
        assert_eq!(Manager::new(&app).await.get("/api/v1/me").await.status, 200);
        app.clock.advance(Lifetime::minutes(1));
        assert_eq!(manager.get("/api/v1/me").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_repeated_only_to_who_may_still_ask() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let first = create(&manager, "one", &nightly()).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let more = [("resource", "urn:oauthority:api"), ("scope", "clients:read")];
        let reading = Manager {
            token: manager.client.token_for(&app, &more).await,
            client: manager.client,
            app: &app,
        };
        problem(
            &create(&reading, "one", &nightly()).await,
            403,
            "insufficient_scope",
        );
    })
    .await;
}

//! Webhooks over the API.

use axum::http::Method;
use serde_json::json;

use super::*;
use crate::tests::harness::{Answer, TestClient, on_both};

/// Somebody with a token of the first organisation.
struct Manager<'a> {
    app: &'a TestApp,
    token: String,
}

const ALL: [&str; 2] = ["organizations:write", "audit:read"];

impl<'a> Manager<'a> {
    async fn with(app: &'a TestApp, scopes: &[&str]) -> Self {
        let client = app.service(scopes).await;
        Self::of(app, &client).await
    }

    async fn of(app: &'a TestApp, client: &TestClient) -> Self {
        let token = client.token_for(app, &[("resource", "urn:oauthority:api")]).await;
        Self { app, token }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/orgs/{}/webhooks{rest}", self.app.org.handle)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let call = self
            .app
            .call(method, path)
            .bearer(&self.token)
            .header("if-match", "*");
        match body {
            Some(body) => call.json(body).await,
            None => call.send().await,
        }
    }

    async fn get(&self, rest: &str) -> Answer {
        self.send(Method::GET, &self.path(rest), None).await
    }

    async fn post(&self, rest: &str, body: Option<&Json>) -> Answer {
        self.send(Method::POST, &self.path(rest), body).await
    }

    async fn made(&self, url: &str) -> Json {
        settled(self.app).await;
        let body = json!({ "url": url, "events": ["secret.*", "client.*", "client.*"] });
        let answer = self.post("", Some(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }
}

fn word(json: &Json) -> String {
    json.as_str()
        .unwrap_or_else(|| panic!("a text, not {json}"))
        .to_owned()
}

#[tokio::test]
async fn a_webhook_is_made_seen_changed_and_removed() {
    on_both(async |app| {
        let (manager, receiver) = (Manager::with(&app, &ALL).await, Receiver::start().await);
        let made = manager.made(&receiver.url).await;
        assert!(word(&made["secret"]).starts_with("whsec_"));
        assert_eq!(made["webhook"]["events"], json!(["client.*", "secret.*"]));
        let id = word(&made["webhook"]["id"]);
        let seen = manager.get(&format!("/{id}")).await;
        assert_eq!(
            (seen.json(), seen.header("etag")),
            (made["webhook"].clone(), "\"v1\"")
        );
        assert!(!seen.text().contains("whsec_"));
        assert_eq!(manager.get("").await.json()["data"][0]["id"], id);
        let path = manager.path(&format!("/{id}"));
        let unread = app
            .call(Method::PATCH, &path)
            .bearer(&manager.token)
            .json(&json!({ "active": false }))
            .await;
        assert_eq!(unread.status, 428);
        let stale = app
            .call(Method::PATCH, &path)
            .bearer(&manager.token)
            .header("if-match", "\"v9\"")
            .json(&json!({ "active": false }))
            .await;
        assert_eq!((stale.status.as_u16(), stale.header("etag")), (412, "\"v1\""));
        let change = json!({ "active": false, "description": "Off" });
        let changed = manager.send(Method::PATCH, &path, Some(&change)).await;
        assert_eq!(changed.json()["active"], false, "{}", changed.text());
        let bad = json!({ "events": ["client", "Client.*"], "url": "https://10.0.0.1/" });
        let refused = manager.send(Method::PATCH, &path, Some(&bad)).await;
        let pointers: Vec<String> = refused.json()["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| word(&error["pointer"]))
            .collect();
        assert_eq!(
            (refused.status.as_u16(), pointers),
            (400, vec!["/url".into(), "/events/0".into(), "/events/1".into()])
        );
        assert_eq!(manager.send(Method::DELETE, &path, None).await.status, 204);
        assert_eq!(manager.get(&format!("/{id}")).await.status, 404);
        // What the log says of it holds neither path nor secret.
        let events = app
            .get(&format!("/api/v1/orgs/{}/activity?event=webhook", app.org.handle))
            .bearer(&manager.token)
            .send()
            .await;
        let actions: Vec<String> = events.json()["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| word(&event["action"]))
            .collect();
        assert_eq!(actions, ["webhook.deleted", "webhook.updated", "webhook.created"]);
        assert!(!events.text().contains("/hook") && !events.text().contains("whsec_"));
    })
    .await;
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_tells_no_secret() {
    on_both(async |app| {
        let (manager, receiver) = (Manager::with(&app, &ALL).await, Receiver::start().await);
        let body = json!({ "url": receiver.url, "events": ["*"] });
        let tried = manager.post("?dry_run=true", Some(&body)).await;
        assert_eq!(
            (tried.status.as_u16(), &tried.json()["secret"]),
            (200, &Json::Null)
        );
        assert_eq!(manager.get("").await.json()["total"], 0);
        let id = word(&manager.made(&receiver.url).await["webhook"]["id"]);
        let rotated = manager
            .post(&format!("/{id}/rotate-secret?dry_run=true"), None)
            .await;
        assert_eq!(rotated.json()["secret"], Json::Null);
        manager.post(&format!("/{id}/test?dry_run=true"), None).await;
        assert!(receiver.heard().is_empty());
        assert_eq!(manager.get(&format!("/{id}")).await.header("etag"), "\"v1\"");
    })
    .await;
}

#[tokio::test]
async fn a_test_says_at_once_how_it_ended() {
    on_both(async |app| {
        let (manager, receiver) = (Manager::with(&app, &ALL).await, Receiver::start().await);
        let made = manager.made(&receiver.url).await;
        let id = word(&made["webhook"]["id"]);
        let sent = manager.post(&format!("/{id}/test"), None).await.json();
        assert_eq!(
            (&sent["state"], &sent["last_status"]),
            (&json!("delivered"), &json!(204))
        );
        let heard = receiver.heard();
        assert!(heard[0].is_signed_by(&word(&made["secret"])));
        assert_eq!(heard[0].json()["type"], "webhook.test");
        receiver.answers(500);
        let sent = manager.post(&format!("/{id}/test"), None).await.json();
        assert_eq!(
            (&sent["state"], &sent["last_status"]),
            (&json!("dead"), &json!(500))
        );
        receiver.heard();
        // It is not tried again by itself.
        assert_eq!(later(&app, Lifetime::days(1)).await, 0);
        let manager = Manager::with(&app, &ALL).await;
        let listed = manager.get(&format!("/{id}/deliveries?state=dead")).await.json();
        assert_eq!(listed["data"][0]["id"], sent["id"]);
    })
    .await;
}

#[tokio::test]
async fn messages_are_listed_in_parts_and_sent_again() {
    on_both(async |app| {
        let (manager, receiver) = (Manager::with(&app, &ALL).await, Receiver::start().await);
        let id = word(&manager.made(&receiver.url).await["webhook"]["id"]);
        for _ in 0..5 {
            app.service(&["workspace:read"]).await;
        }
        told(&app).await;
        receiver.heard();
        let first = manager.get(&format!("/{id}/deliveries?limit=3")).await.json();
        let cursor = word(&first["next_cursor"]);
        let second = manager
            .get(&format!("/{id}/deliveries?limit=3&cursor={cursor}"))
            .await
            .json();
        let ids = |part: &Json| -> Vec<String> {
            let data = part["data"].as_array().expect("a list");
            data.iter().map(|message| word(&message["id"])).collect()
        };
        assert_eq!((ids(&first).len(), ids(&second).len()), (3, 2));
        assert!(second["next_cursor"].is_null());
        let message = ids(&second)[0].clone();
        let seen = manager.get(&format!("/{id}/deliveries/{message}")).await.json();
        assert_eq!(
            (&seen["state"], &seen["body"]["type"]),
            (&json!("delivered"), &json!("client.created"))
        );
        let again = manager
            .post(&format!("/{id}/deliveries/{message}/redeliver"), None)
            .await;
        assert_eq!(
            (again.status.as_u16(), &again.json()["state"]),
            (200, &json!("waiting"))
        );
        let twice = manager
            .post(&format!("/{id}/deliveries/{message}/redeliver"), None)
            .await;
        assert_eq!(
            (twice.status.as_u16(), &twice.json()["code"]),
            (409, &json!("webhook.waiting"))
        );
        told(&app).await;
        let heard: Vec<Message> = receiver.heard();
        assert!(heard.iter().any(|m| m.header("webhook-id") == message));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_of_somebody_else_does_not_exist() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let new = NewWebhook {
            url: "https://hooks.example.com/".to_owned(),
            description: String::new(),
            events: vec!["*".to_owned()],
            active: true,
        };
        let theirs = registry_webhooks::create(&app.app.registry, &app.owner_of(&other), new)
            .await
            .expect("made")
            .webhook;
        let (manager, receiver) = (Manager::with(&app, &ALL).await, Receiver::start().await);
        let own = hook(&app, &receiver.url, &["*"]).await.webhook;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        let bare = |answer: &Answer| {
            let mut problem = answer.json();
            (problem["instance"], problem["request_id"]) = (Json::Null, Json::Null);
            (answer.status.as_u16(), problem)
        };
        for (method, tail) in [
            (Method::GET, ""),
            (Method::PATCH, ""),
            (Method::DELETE, ""),
            (Method::POST, "/rotate-secret"),
            (Method::POST, "/test"),
            (Method::GET, "/deliveries"),
            (Method::GET, "/deliveries/msg_x"),
            (Method::POST, "/deliveries/msg_x/redeliver"),
        ] {
            let body = (method == Method::PATCH).then(|| json!({ "active": false }));
            let at = |id: &str| manager.path(&format!("/{id}{tail}"));
            let foreign = manager.send(method.clone(), &at(&theirs.id), body.as_ref()).await;
            let nowhere = manager
                .send(method.clone(), &at("wh_nothing"), body.as_ref())
                .await;
            assert_eq!(bare(&foreign), bare(&nowhere), "{method} {tail}");
            assert_eq!(foreign.status, 404, "{method} {tail}");
        }
        // Nor does a message of one webhook belong to another.
        let message = kept::list(app.db(), &own.id, None, None, 1)
            .await
            .expect("read")
            .remove(0);
        let second = hook(&app, &receiver.url, &["*"]).await.webhook;
        let foreign = manager
            .get(&format!("/{}/deliveries/{}", second.id, message.id))
            .await;
        assert_eq!(foreign.status, 404);
        // And what happens there is told to nobody here.
        let there = manager.get("").await.json();
        assert_eq!(there["total"], 2);
        receiver.heard();
        app.client(&other, crate::tests::harness::service(&["workspace:read"]))
            .await;
        told(&app).await;
        let heard = receiver.heard();
        assert!(heard.iter().all(|m| !m.body.contains(&other.id)), "{heard:?}");
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_read_the_log_makes_no_webhook() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let body = json!({ "url": receiver.url, "events": ["*"] });
        let settings_only = Manager::with(&app, &["organizations:write"]).await;
        let refused = settings_only.post("", Some(&body)).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let auditor = Manager::with(&app, &["audit:read"]).await;
        assert_eq!(auditor.get("").await.status, 200);
        assert_eq!(auditor.post("", Some(&body)).await.status, 403);
        let id = hook(&app, &receiver.url, &["*"]).await.webhook.id;
        for rest in ["rotate-secret", "test", "deliveries/x/redeliver"] {
            assert_eq!(
                auditor.post(&format!("/{id}/{rest}"), None).await.status,
                403,
                "{rest}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn there_is_an_end_to_how_many() {
    on_both(async |app| {
        let manager = Manager::with(&app, &ALL).await;
        for _ in 0..20 {
            manager.made("https://hooks.example.com/").await;
        }
        let body = json!({ "url": "https://hooks.example.com/", "events": ["*"] });
        let refused = manager.post("", Some(&body)).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (409, &json!("webhook.limit"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_makes_one_webhook_and_tells_the_same_secret() {
    on_both(async |app| {
        let manager = Manager::with(&app, &ALL).await;
        let body = json!({ "url": "https://hooks.example.com/", "events": ["*"] });
        let make = async || {
            app.post(&manager.path(""))
                .bearer(&manager.token)
                .header("idempotency-key", "once")
                .json(&body)
                .await
                .json()
        };
        let (one, two) = (make().await, make().await);
        assert_eq!(one["secret"], two["secret"]);
        assert_eq!(manager.get("").await.json()["total"], 1);
    })
    .await;
}

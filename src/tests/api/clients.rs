//! Clients over `/api/v1`.

use axum::http::Method;
use serde_json::json;

use super::{Manager, names, pointers, problem, word};
use crate::{
    tests::harness::{inactive, on_both},
    time::Lifetime,
};

#[tokio::test]
async fn w_06_a_secret_is_told_once() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = json!({ "name": "Nightly", "type": "service", "scopes": ["workspace:read"] });
        let answer = manager.post(&manager.own("/clients"), &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("etag"), "\"v1\"");
        let made = answer.json();
        let (id, secret) = (word(&made["client"]["client_id"]), word(&made["client_secret"]));
        assert!(answer.header("location").ends_with(&format!("/clients/{id}")));
        assert_eq!(
            made["secret"]["hint"],
            format!("…{}", &secret[secret.len() - 6..])
        );
        for path in ["", "?include=secrets", "/secrets", "/activity"] {
            let shown = manager.get(&manager.own(&format!("/clients/{id}{path}"))).await;
            assert_eq!(shown.status, 200, "{}", shown.text());
            assert!(!shown.text().contains(&secret), "{path}");
        }
        let listed = manager.get(&manager.own("/clients?include=secrets")).await;
        assert!(!listed.text().contains(&secret));
    })
    .await;
}

#[tokio::test]
async fn w_07_a_rotation_gives_one_new_secret_and_is_written_down() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let answer = manager
            .post(&format!("{path}/rotate"), &json!({ "old_ends_in": "1h" }))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let fresh = client.with_secret(&word(&answer.json()["client_secret"]));
        assert_eq!(app.token(&client, &[]).await.status, 200);
        assert_eq!(app.token(&fresh, &[]).await.status, 200);
        app.clock.advance(Lifetime::hours(2));
        assert_eq!(app.token(&client, &[]).await.status, 401);
        assert_eq!(app.token(&fresh, &[]).await.status, 200);
        let manager = Manager::of(&app, manager.client).await;
        let events = manager
            .get(&manager.own("/activity?action=secret.rotated"))
            .await
            .json();
        assert_eq!(events["data"][0]["resource"]["id"], client.id.as_str());
        let listed = manager.get(&format!("{path}/secrets")).await.json();
        assert_eq!(listed["total"], 2);
        assert_eq!(listed["data"][1]["state"], "expired");
    })
    .await;
}

#[tokio::test]
async fn w_08_delete_is_final() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let token = client.token(&app).await;
        let path = manager.own(&format!("/clients/{}", client.id));
        assert_eq!(manager.delete(&path).await.status, 204);
        assert_eq!(app.introspect(&manager.client, &token).await, inactive());
        assert_eq!(manager.get(&path).await.json()["status"], "deleted");
        problem(&manager.delete(&path).await, 409, "client.deleted");
        problem(
            &manager.post(&format!("{path}/enable"), &json!({})).await,
            409,
            "client.deleted",
        );
        assert!(!names(&manager.get(&manager.own("/clients")).await).contains(&"Nightly".to_owned()));
        let deleted = manager.get(&manager.own("/clients?status=deleted")).await;
        assert_eq!(names(&deleted), ["Nightly"]);
    })
    .await;
}

#[tokio::test]
async fn w_09_disable_can_be_undone_without_reviving_tokens() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let token = client.token(&app).await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let answer = manager
            .post(&format!("{path}/disable"), &json!({ "reason": "Leaked" }))
            .await;
        let shown = answer.json();
        assert_eq!(
            (&shown["status"], &shown["status_reason"]),
            (&json!("disabled"), &json!("Leaked"))
        );
        assert_eq!(app.token(&client, &[]).await.status, 401);
        problem(
            &manager.post(&format!("{path}/rotate"), &json!({})).await,
            409,
            "client.disabled",
        );
        assert_eq!(
            manager
                .call(Method::POST, &format!("{path}/enable"))
                .send()
                .await
                .status,
            200
        );
        assert_eq!(app.token(&client, &[]).await.status, 200);
        assert_eq!(app.introspect(&client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn w_14_what_is_not_settable_is_refused_by_name() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let body = json!({ "org_id": "x", "first_party": true, "created_at": "x", "status": "active", "type": "web" });
        let refused = problem(&manager.patch(&path, &body).await, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/org_id", "/first_party", "/created_at", "/status", "/type"]);
    })
    .await;
}

#[tokio::test]
async fn w_15_dangerous_redirects_are_refused_one_by_one() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = json!({ "name": "App", "type": "web", "scopes": ["workspace:read"], "redirect_uris": [
            "https://good.example/cb", "javascript:alert(1)", "http://plain.example/", "https://a.example/#f",
            "https://u:p@a.example/", "https://*.example/",
        ]});
        let refused = problem(
            &manager.post(&manager.own("/clients"), &body).await,
            400,
            "invalid_input",
        );
        let wrong: Vec<String> = (1..6).map(|at| format!("/redirect_uris/{at}")).collect();
        assert_eq!(pointers(&refused), wrong);
    })
    .await;
}

#[tokio::test]
async fn w_16_scopes_must_be_the_organisations() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let format = crate::store::apis::TokenFormat::Jwt;
        app.api(&other, "https://foreign.example", format, &["foreign:read"])
            .await;
        let manager = Manager::new(&app).await;
        let pair = json!({ "audience": "https://foreign.example", "value": "foreign:read" });
        let body =
            json!({ "name": "A", "type": "service", "scopes": ["workspace:read", "foreign:read", pair] });
        let refused = problem(
            &manager.post(&manager.own("/clients"), &body).await,
            400,
            "invalid_input",
        );
        assert_eq!(pointers(&refused), ["/scopes/1", "/scopes/2"]);
    })
    .await;
}

#[tokio::test]
async fn lists_filter_sort_and_continue() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write", "clients:delete"]).await;
        for name in ["sync 10", "Sync 2", "sync 1", "Épsilon"] {
            manager.service(name).await;
        }
        let list = async |query: &str| names(&manager.get(&manager.own(&format!("/clients?{query}"))).await);
        assert_eq!(list("q=SYNC&kind=custom").await, ["sync 1", "Sync 2", "sync 10"]);
        assert_eq!(
            list("q=sync&kind=custom&sort=-name").await,
            ["sync 10", "Sync 2", "sync 1"]
        );
        assert_eq!(list("q=epsilon").await, ["Épsilon"]);
        assert_eq!(list("q=%25").await, [""; 0]);
        assert_eq!(
            list("kind=system&type=native").await,
            ["Command Line", "Desktop Agent", "Mobile App"]
        );
        assert_eq!(
            list("used=never&q=sync%201&kind=custom").await,
            ["sync 1", "sync 10"]
        );
        assert_eq!(
            list("grant=client_credentials&scope=clients:write&kind=custom").await,
            ["Nightly export"]
        );
        assert_eq!(list("expiring=91d&q=sync%202").await, ["Sync 2"]);
        assert_eq!(list("expiring=14d&q=sync%202").await, [""; 0]);
        let mut all = Vec::new();
        let mut path = manager.own("/clients?q=sync&kind=custom&limit=2&fields=name,client_id");
        loop {
            let answer = manager.get(&path).await;
            all.extend(names(&answer));
            let part = answer.json();
            assert_eq!(
                (&part["total"], part["data"][0].as_object().unwrap().len()),
                (&json!(3), 2)
            );
            let Some(cursor) = part["next_cursor"].as_str() else {
                break;
            };
            assert!(
                answer.header("link").contains(&format!("cursor={cursor}")),
                "{}",
                answer.header("link")
            );
            assert!(answer.header("link").contains("q=sync"));
            path = manager.own(&format!(
                "/clients?q=sync&kind=custom&limit=2&fields=name,client_id&cursor={cursor}"
            ));
        }
        assert_eq!(all, ["sync 1", "Sync 2", "sync 10"]);
    })
    .await;
}

#[tokio::test]
async fn a_trial_changes_nothing() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let before = manager.get(&path).await.json();
        let body = json!({ "name": "Tried", "type": "service", "scopes": ["workspace:read"] });
        let tried = manager.post(&manager.own("/clients?dry_run=true"), &body).await;
        assert_eq!(tried.status, 200, "{}", tried.text());
        assert!(
            tried.json()["client_secret"].is_null(),
            "a secret that does not work is not told"
        );
        let edited = manager
            .patch(&format!("{path}?dry_run=true"), &json!({ "name": "Other" }))
            .await;
        assert_eq!(edited.json()["name"], "Other");
        for action in ["disable", "rotate"] {
            let tried = manager
                .post(&format!("{path}/{action}?dry_run=true"), &json!({}))
                .await;
            assert_eq!(tried.status, 200, "{}", tried.text());
        }
        let tried = manager.delete(&format!("{path}?dry_run=true")).await;
        assert_eq!(
            (tried.status.as_u16(), &tried.json()["secrets"]),
            (200, &json!(1))
        );
        assert_eq!(manager.get(&path).await.json(), before);
        assert_eq!(app.token(&client, &[]).await.status, 200);
        assert!(names(&manager.get(&manager.own("/clients?q=Tried")).await).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_sync_connector_is_one_step_and_locked() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = json!({ "template": "sync-connector", "name": "Directory sync – HQ" });
        let answer = manager.post(&manager.own("/clients"), &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = answer.json();
        assert_eq!(made["client"]["kind"], "sync_connector");
        assert_eq!(made["client"]["scopes"].as_array().unwrap().len(), 5);
        assert_eq!(made["client"]["response_types"], json!(["token"]));
        let path = manager.own(&format!("/clients/{}", word(&made["client"]["client_id"])));
        let locked = manager
            .patch(&path, &json!({ "scopes": ["workspace:read"] }))
            .await;
        assert_eq!(pointers(&problem(&locked, 400, "invalid_input")), ["/scopes"]);
        let own = manager
            .patch(&path, &json!({ "customise": true, "scopes": ["workspace:read"] }))
            .await;
        assert_eq!(own.json()["kind"], "custom");
        let fixed = json!({ "template": "sync-connector", "name": "A", "type": "web", "scopes": [] });
        let fixed = manager.post(&manager.own("/clients"), &fixed).await;
        assert_eq!(
            pointers(&problem(&fixed, 400, "invalid_input")),
            ["/type", "/scopes"]
        );
    })
    .await;
}

#[tokio::test]
async fn system_clients_cannot_be_broken() {
    on_both(async |app| {
        let manager = Manager::operator(&app).await;
        let path = manager.own("/clients/oa_sync_client");
        problem(&manager.delete(&path).await, 409, "client.system");
        problem(
            &manager.patch(&path, &json!({ "name": "Mine" })).await,
            409,
            "client.system",
        );
        problem(
            &manager.post(&format!("{path}/disable"), &json!({})).await,
            409,
            "client.system",
        );
        let rotated = manager.post(&format!("{path}/rotate"), &json!({})).await;
        assert_eq!(rotated.status, 200, "{}", rotated.text());
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_use_is_not_ended_by_accident() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        client.token(&app).await;
        let path = manager.own(&format!("/clients/{}/secrets", client.id));
        let second = manager
            .post(&path, &json!({ "label": "Second", "expires": "30d" }))
            .await;
        assert_eq!(second.status, 201, "{}", second.text());
        problem(&manager.post(&path, &json!({})).await, 409, "secret.limit");
        let old = &manager.get(&path).await.json()["data"][1];
        assert_eq!(old["uses"], 1);
        let old = format!("{path}/{}", word(&old["id"]));
        problem(&manager.delete(&old).await, 409, "secret.in_use");
        let moved = manager
            .patch(
                &old,
                &json!({ "label": "First", "ends_at": "2026-11-23T00:00:00Z" }),
            )
            .await;
        assert_eq!(
            (&moved.json()["label"], &moved.json()["state"]),
            (&json!("First"), &json!("ending"))
        );
        assert_eq!(manager.delete(&format!("{old}?force=true")).await.status, 204);
        assert_eq!(app.token(&client, &[]).await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn an_impact_counts_what_a_cut_would_cut() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        client.token(&app).await;
        client.token(&app).await;
        let path = manager.own(&format!("/clients/{}/impact?action=disable", client.id));
        let impact = manager.get(&path).await.json();
        assert_eq!(impact["access_tokens"][0]["count"], 2, "{impact}");
        assert_eq!(
            (&impact["secrets"], &impact["reversible"]),
            (&json!(1), &json!(true))
        );
    })
    .await;
}

#[tokio::test]
async fn w_28_every_change_is_written_down_without_secrets() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        manager.patch(&path, &json!({ "name": "Daily" })).await;
        manager.post(&format!("{path}/rotate"), &json!({})).await;
        manager.delete(&path).await;
        let events = manager.get(&format!("{path}/activity")).await;
        let text = events.text();
        assert!(!text.contains("oas_"), "{text}");
        let events = events.json();
        let actions: Vec<_> = events["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| word(&e["action"]))
            .collect();
        assert_eq!(
            actions,
            [
                "client.deleted",
                "secret.rotated",
                "client.updated",
                "client.created"
            ]
        );
        let edited = &events["data"][2];
        assert_eq!(edited["details"]["after"]["name"], "Daily");
        assert_eq!(edited["details"]["before"]["name"], "Nightly");
        assert_eq!(edited["actor"]["id"], manager.client.id.as_str());
        assert!(
            edited["ip"].is_string()
                && edited["request_id"]
                    .as_str()
                    .is_some_and(|id| id.starts_with("req_"))
        );
        let first = manager.get(&manager.own("/activity?limit=2")).await.json();
        let rest = format!("/activity?limit=2&cursor={}", word(&first["next_cursor"]));
        let rest = manager.get(&manager.own(&rest)).await.json();
        assert_ne!(rest["data"][0]["id"], first["data"][1]["id"]);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_term_is_pointed_at_where_it_stands() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        for tail in ["rotate", "secrets"] {
            let path = manager.own(&format!("/clients/{}/{tail}", client.id));
            let answer = manager.post(&path, &json!({ "expires": "9000d" })).await;
            assert_eq!(
                answer.json()["errors"][0]["pointer"],
                "/expires",
                "{}",
                answer.text()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn secrets_of_one_day_are_numbered() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Nightly").await;
        let path = manager.own(&format!("/clients/{}/secrets", client.id));
        assert_eq!(manager.post(&path, &json!({})).await.status, 201);
        let listed = manager.get(&path).await.json();
        assert_eq!(listed["data"][0]["label"], "Secret of 22 Nov 2026 (2)");
        assert_eq!(listed["data"][1]["label"], "Secret of 22 Nov 2026");
    })
    .await;
}

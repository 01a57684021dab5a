//! Bad input: always a problem, never a failure.

use axum::http::Method;
use serde_json::json;

use super::{Manager, pointers, problem};
use crate::{
    tests::harness::{on_both, service},
    time::Lifetime,
};

#[tokio::test]
async fn w_18_tokens_that_do_not_count() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let elsewhere = app
            .client(&app.org, service(&["workspace:read"]))
            .await
            .token(&app)
            .await;
        for token in [elsewhere.as_str(), "x", "oat_x", "a.b.c"] {
            let answer = app.get("/api/v1/me").bearer(token).send().await;
            problem(&answer, 401, "invalid_token");
            let challenge = "Bearer realm=\"oauthority\", error=\"invalid_token\"";
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
        app.clock.advance(Lifetime::hours(2));
        problem(&manager.get("/api/v1/me").await, 401, "invalid_token");
        let twice = app.get("/api/v1/me").bearer("a").bearer("b").send().await;
        problem(&twice, 400, "invalid_request");
        let in_query = app.get("/api/v1/me?access_token=abc").send().await;
        assert_eq!(in_query.status, 401);
    })
    .await;
}

#[tokio::test]
async fn paths_methods_and_media_types() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        for path in [
            "/api",
            "/api/",
            "/api/v2/clients",
            "/api/v1",
            "/api/v1/orgs/x/y/z",
        ] {
            let unknown = manager.get(path).await;
            problem(&unknown, 404, "not_found");
            assert!(!unknown.headers.contains_key("allow"), "{path}");
        }
        let clients = manager.own("/clients");
        let refused = manager.call(Method::PUT, &clients).send().await;
        problem(&refused, 405, "method_not_allowed");
        let mut allowed: Vec<&str> = refused.header("allow").split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "POST"]);
        let form = manager.call(Method::POST, &clients).form(&[("name", "a")]).await;
        problem(&form, 415, "unsupported_media_type");
        let merge = manager
            .call(Method::POST, &clients)
            .raw("application/merge-patch+json", "{}")
            .await;
        problem(&merge, 415, "unsupported_media_type");
        assert_eq!(manager.call(Method::HEAD, &clients).send().await.status, 200);
        let options = manager
            .call(Method::OPTIONS, &clients)
            .header("origin", "https://evil.example")
            .send()
            .await;
        assert!(options.headers.get("access-control-allow-origin").is_none());
    })
    .await;
}

#[tokio::test]
async fn malformed_bodies() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let clients = manager.own("/clients");
        let raw = async |body: &str| {
            manager
                .call(Method::POST, &clients)
                .raw("application/json", body.to_owned())
                .await
        };
        let refused = problem(&raw("{\n \"name\": }").await, 400, "malformed_json");
        assert!(
            refused["detail"]
                .as_str()
                .is_some_and(|d| d.contains("line 2, column 10")),
            "{refused}"
        );
        for body in ["", "{", "nul", "[1", &"[".repeat(50_000)] {
            problem(&raw(body).await, 400, "malformed_json");
        }
        for body in [
            "[]",
            "null",
            "1",
            "\"x\"",
            "{}",
            "{\"name\": 1}",
            "{\"name\":\"a\\u0000\"}",
        ] {
            problem(&raw(body).await, 400, "invalid_input");
        }
        let wrong = json!({ "name": ["x"], "type": "robot", "scopes": [7, { "audience": "a" }], "more": {} });
        let refused = problem(&manager.post(&clients, &wrong).await, 400, "invalid_input");
        assert_eq!(
            pointers(&refused),
            ["/name", "/type", "/scopes/0", "/scopes/1/value", "/more"]
        );
    })
    .await;
}

#[tokio::test]
async fn b_097_queries_are_data() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let quotes = "%27%22%3B%20DROP%20TABLE%20clients%3B--";
        for query in [
            format!("cursor={quotes}"),
            "cursor=JzsgRFJPUCBUQUJMRQ".to_owned(),
            "sort=name;drop%20table%20clients".to_owned(),
            "sort=client_id".to_owned(),
            format!("status={quotes}"),
            format!("kind={quotes}"),
            format!("used={quotes}"),
            format!("created_after={quotes}"),
            format!("fields={quotes}"),
            "limit=1%20OR%201".to_owned(),
            "limit=-1".to_owned(),
            "created_after=9999999999999999d".to_owned(),
            "nonsense=1".to_owned(),
        ] {
            problem(
                &manager.get(&manager.own(&format!("/clients?{query}"))).await,
                400,
                "invalid_input",
            );
        }
        for name in ["q", "scope", "owner"] {
            let answer = manager
                .get(&manager.own(&format!("/clients?{name}={quotes}%25_%5C")))
                .await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["total"]),
                (200, &json!(0)),
                "{name}"
            );
        }
        for name in ["actor", "resource", "action"] {
            let answer = manager
                .get(&manager.own(&format!("/activity?{name}={quotes}")))
                .await;
            assert_eq!(answer.json()["data"], json!([]), "{name}");
        }
        for query in ["cursor=abc", "since=yesterday", "outcome=maybe"] {
            problem(
                &manager.get(&manager.own(&format!("/activity?{query}"))).await,
                400,
                "invalid_input",
            );
        }
        let refused = problem(
            &manager.get(&manager.own("/clients?nme=x")).await,
            400,
            "invalid_input",
        );
        assert!(
            refused["detail"]
                .as_str()
                .is_some_and(|d| d.contains("created_after")),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test]
async fn text_that_no_database_holds() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        for path in [
            "/clients/a%00b",
            "/clients/%ff",
            "/clients?q=%00",
            "/clients?q=%ff",
            "/apis/%00",
        ] {
            assert_eq!(manager.get(&manager.own(path)).await.status, 400, "{path}");
        }
        problem(
            &manager.get("/api/v1/orgs/%00/clients").await,
            400,
            "malformed_path",
        );
    })
    .await;
}

#[tokio::test]
async fn g_04_g_05_an_answer_with_a_secret_is_json_that_nobody_stores() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let (clients, applications) = (manager.own("/clients"), "/api/oauth-applications".to_owned());
        let service = json!({ "name": "A", "type": "service", "scopes": ["workspace:read"] });
        let web = json!({ "ownerOrgId": app.org.id, "name": "Ö", "type": "web", "redirectUrls": [] });
        for (path, body, member) in [
            (clients, service, "client_secret"),
            (applications, web, "clientSecret"),
        ] {
            let answer = manager.post(&path, &body).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert!(answer.json()[member].is_string());
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(std::str::from_utf8(&answer.body).is_ok());
        }
    })
    .await;
}

#[tokio::test]
async fn b_028_an_address_that_runs_code_is_refused_however_it_is_written() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let addresses: Vec<String> = ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"]
            .iter()
            .flat_map(|address| {
                let mixed = format!("{}{}", address[..4].to_uppercase(), &address[4..]);
                let led = [" ", "\t", "\n", "\u{1}"].map(|lead| format!("{lead}{address}"));
                let split = address.replacen(':', "\n:", 1);
                [(*address).to_owned(), mixed, split].into_iter().chain(led)
            })
            .collect();
        // A refusal lists ten faults at most: five at a time are all listed.
        let types = ["web", "native", "public", "user-agent-based"];
        for (application_type, addresses) in types.iter().flat_map(|kind| addresses.chunks(5).map(move |part| (kind, part))) {
            let body = json!({
                "name": "App", "type": application_type, "scopes": ["workspace:read"], "redirect_uris": addresses,
            });
            let refused = problem(&manager.post(&manager.own("/clients"), &body).await, 400, "invalid_input");
            let wrong: Vec<String> = (0..addresses.len()).map(|at| format!("/redirect_uris/{at}")).collect();
            assert_eq!(pointers(&refused), wrong, "{application_type}");
            let body = json!({
                "ownerOrgId": app.org.id, "name": "App", "type": application_type, "redirectUrls": addresses,
            });
            let refused = problem(&manager.post("/api/oauth-applications", &body).await, 400, "invalid_input");
            assert_eq!(pointers(&refused).len(), addresses.len(), "{application_type}");
        }
    })
    .await;
}

// A list goes on behind an id that is gone, so each has to tell garbage from that.
#[tokio::test]
async fn fx_15_a_cursor_that_is_none_of_ours_is_refused_by_every_list() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let document = app.get("/api/v1/openapi.json").send().await.json();
        let mut lists = 0;
        for (method, path, operation) in super::document::operations(&document) {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let pages = parameters.iter().any(|parameter| parameter["name"] == "cursor");
            if method != Method::GET || !pages || path.matches('{').count() > 1 {
                continue;
            }
            let path = path.replace("{org}", &app.org.handle);
            // Bytes that are none, an id, two ids, a number.
            for cursor in ["abc", "dXNyX2E", "dXNyX2Egb2FjX2I", "Nw"] {
                let answer = manager.get(&format!("{path}?cursor={cursor}")).await;
                assert!(!answer.status.is_success(), "{path} {cursor}: {}", answer.text());
                lists += usize::from(answer.status == 400);
            }
        }
        assert!(lists >= 16, "{lists}");
    })
    .await;
}

//! The activity as files, from the console, the API and the command line.

use serde_json::Value as Json;

use crate::{
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{TestApp, TestClient, on_both, service},
    },
};

async fn named(app: &TestApp, name: &str) -> TestClient {
    let draft = crate::registry::client_input::Draft {
        name: name.to_owned(),
        ..service(&["workspace:read"])
    };
    app.client(&app.org, draft).await
}

fn path(app: &TestApp, rest: &str) -> String {
    format!("/api/v1/orgs/{}/activity{rest}", app.org.handle)
}

async fn token(app: &TestApp, scopes: &[&str]) -> String {
    let client = app.service(scopes).await;
    client.token_for(app, &[("resource", "urn:oauthority:api")]).await
}

#[tokio::test]
async fn a_file_holds_what_the_filter_lets_through_and_no_formula() {
    on_both(async |app| {
        named(&app, "=HYPERLINK(\"http://evil.example\")").await;
        named(&app, "Billing sync").await;
        let token = token(&app, &["audit:read"]).await;
        let file = app
            .get(&path(&app, "/export?format=csv&event=client.created"))
            .bearer(&token)
            .send()
            .await;
        assert_eq!(file.status, 200, "{}", file.text());
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert!(
            file.header("content-disposition")
                .starts_with("attachment; filename=\"activity-")
        );
        assert_eq!(file.header("cache-control"), "no-store");
        let text = file.text();
        assert!(
            text.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""),
            "{text}"
        );
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.contains("\"client.created\"")),
            "{text}"
        );
        let lines = app
            .get(&path(&app, "/export?actor=Olivia"))
            .bearer(&token)
            .send()
            .await;
        assert_eq!(lines.header("content-type"), "application/x-ndjson");
        let entries: Vec<Json> = lines
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).expect("an entry a line"))
            .collect();
        assert!(entries.len() >= 3);
        assert!(entries.iter().all(|entry| entry["actor"]["name"] == "Olivia"));
        assert!(
            entries
                .iter()
                .all(|entry| entry["seq"].is_i64() && entry["hash"].is_string())
        );
    })
    .await;
}

#[tokio::test]
async fn a_long_log_comes_whole_and_in_order() {
    on_both(async |app| {
        for n in 0..1203 {
            let mut event = app.app.registry.event(
                &app.owner().actor,
                &app.org.id,
                "client.updated",
                crate::registry::Resource {
                    kind: "client",
                    id: "oac_x",
                    name: "x",
                },
                serde_json::json!({ "n": n }),
            );
            // Many in one millisecond.
            event.at = app.clock.now().after(crate::time::Lifetime::seconds(n / 300));
            app.db()
                .write(crate::store::audit::append(&event).into())
                .await
                .expect("written");
        }
        let token = token(&app, &["audit:read"]).await;
        let lines = app
            .get(&path(&app, "/export?client=oac_x"))
            .bearer(&token)
            .send()
            .await;
        let numbers: Vec<i64> = lines
            .text()
            .lines()
            .map(|line| {
                serde_json::from_str::<Json>(line).expect("JSON")["details"]["n"]
                    .as_i64()
                    .expect("n")
            })
            .collect();
        let wanted: Vec<i64> = (0..1203).rev().collect();
        assert_eq!(numbers, wanted);
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = format!("/orgs/{}/activity?client=oac_x&format=json", app.org.handle);
        let file = browser.get(&page).await;
        assert_eq!(file.json().as_array().map(Vec::len), Some(1203));
    })
    .await;
}

#[tokio::test]
async fn a_day_is_as_long_as_it_is_where_the_person_lives() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let zone = browser
            .submit("/me/preferences", &[("zone", "America/New_York")])
            .await;
        assert_eq!(zone.status, 303, "{}", zone.text());
        // On 1 November 2026 clocks go back there: the day has 25 hours and ends at 05:00 UTC.
        for (id, at) in [("in", "2026-11-02T04:59:00Z"), ("out", "2026-11-02T05:00:00Z")] {
            let mut event = app.app.registry.event(
                &app.owner().actor,
                &app.org.id,
                "client.updated",
                crate::registry::Resource {
                    kind: "client",
                    id: "oac_x",
                    name: id,
                },
                serde_json::json!({}),
            );
            event.at = crate::time::Timestamp::parse(at).expect("a time");
            app.db()
                .write(crate::store::audit::append(&event).into())
                .await
                .expect("written");
        }
        let page = format!(
            "/orgs/{}/activity?since=2026-11-01&until=2026-11-01&format=json",
            app.org.handle
        );
        let found = browser.get(&page).await.json();
        let names: Vec<&str> = found
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["resource"]["name"].as_str())
            .collect();
        assert_eq!(names, ["in"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_read_the_log_gets_no_file() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let token = token(&app, &["clients:read"]).await;
        let file = app.get(&path(&app, "/export")).bearer(&token).send().await;
        assert_eq!(file.status, 403);
        let auditor = self::token(&app, &["audit:read"]).await;
        for rest in ["/export", "/verify", "/chain", "/x"] {
            let theirs = format!("/api/v1/orgs/{}/activity{rest}", other.handle);
            let file = app.get(&theirs).bearer(&auditor).send().await;
            assert_eq!(file.status, 404, "{rest}");
        }
        let member = Browser::of(&app, "mel", Role::Member).await;
        for rest in ["?format=csv", "/verify"] {
            let page = format!("/orgs/{}/activity{rest}", app.org.handle);
            assert_eq!(member.get(&page).await.status, 403, "{rest}");
        }
    })
    .await;
}

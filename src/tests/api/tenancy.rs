//! What belongs to others does not exist.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{ALL, Manager, document::operations, problem, word};
use crate::{
    registry::members::{self, NewMember},
    store::{apis::TokenFormat, users::Role},
    tests::harness::{Answer, TestApp, on_both, service},
};

/// Calls an operation with a body that would do.
async fn call(manager: &Manager<'_>, method: &Method, path: &str, operation: &Json) -> Answer {
    let call = manager.call(method.clone(), path).header("if-match", "*");
    let body = &operation["requestBody"]["content"]["application/json"]["example"];
    if body.is_null() {
        call.send().await
    } else {
        call.json(body).await
    }
}

/// What an operation answers, how many statements it makes, and how many entries the activity of all has then.
async fn counted<T>(app: &TestApp, asked: impl Future<Output = T>) -> (T, (u64, i64)) {
    let before = app.db().statements();
    let answer = asked.await;
    let made = app.db().statements() - before;
    let rows = app.db().read("SELECT COUNT(*) FROM audit_events", vec![]).await;
    let mut row = rows.expect("read").pop().expect("a row");
    (answer, (made, row.next().expect("a number")))
}

/// A problem without what names the request.
fn bare(answer: &Answer) -> Json {
    let mut problem = problem(answer, 404, "not_found");
    (problem["instance"], problem["request_id"]) = (Json::Null, Json::Null);
    problem
}

async fn foreign_things(app: &TestApp) -> [(&'static str, String); 5] {
    let other = app.organization("other").await;
    let client = app.client(&other, service(&["workspace:read"])).await;
    let api = app
        .api(
            &other,
            "https://foreign.example",
            TokenFormat::Jwt,
            &["foreign:read"],
        )
        .await;
    let new = NewMember {
        username: "mallory".to_owned(),
        display_name: None,
        email: None,
        role: Role::Admin,
    };
    let member = members::add(&app.app.registry, &app.owner_of(&other), new)
        .await
        .expect("added");
    [
        ("{org}", "other".to_owned()),
        ("{client}", client.id),
        ("{api}", api.id),
        ("{member}", member.member.user.id),
        ("{kid}", "nobody".to_owned()),
    ]
}

#[tokio::test]
async fn fx_11_b_011_w_10_foreign_is_like_unknown_on_every_route() {
    on_both(async |app| {
        let things = foreign_things(&app).await;
        let manager = Manager::new(&app).await;
        let document = app.get("/api/v1/openapi.json").send().await.json();
        let mut asked = 0;
        for (method, path, operation) in operations(&document) {
            for (part, foreign) in things
                .iter()
                .filter(|(part, _)| *part != "{kid}" && path.contains(part))
            {
                let fill = |id: &str| {
                    let path = path.replace(part, id).replace("{org}", &app.org.handle);
                    path.replace("{scope}", "foreign:read").replace(['{', '}'], "")
                };
                // Whatever a first use writes is written.
                call(&manager, &method, &fill("nothing-here"), &operation).await;
                let (there, seen) = counted(&app, call(&manager, &method, &fill(foreign), &operation)).await;
                let path_of_nothing = fill("nothing-here");
                let nowhere = call(&manager, &method, &path_of_nothing, &operation);
                let (nowhere, unseen) = counted(&app, nowhere).await;
                assert_eq!(bare(&there), bare(&nowhere), "{method} {path}");
                // Neither more is read nor anything written: it is not even slower.
                assert_eq!(seen, unseen, "{method} {path} {part}");
                asked += 1;
            }
        }
        assert!(asked > 40, "{asked}");
        // The contract, and what a token or a transfer names.
        let (_, client) = &things[1];
        for (method, path) in [
            (Method::GET, "/api/oauth-applications/"),
            (Method::PATCH, "/api/oauth-applications/"),
            (Method::DELETE, "/api/oauth-applications/"),
            (Method::GET, "/api/v1/me/credentials/"),
        ] {
            let ask = async |id: &str| {
                let call = manager.call(method.clone(), &format!("{path}{id}"));
                let call = call.header("if-match", "*");
                let answer = match method {
                    Method::PATCH => call.json(&json!({ "name": "Mine" })).await,
                    _ => call.send().await,
                };
                (answer.status, answer.text().replace(id, ""))
            };
            ask("oac_nothing").await;
            let (there, seen) = counted(&app, ask(client)).await;
            let (nowhere, unseen) = counted(&app, ask("oac_nothing")).await;
            assert_eq!((there.0, seen), (nowhere.0, unseen), "{method} {path}");
        }
    })
    .await;
}

#[tokio::test]
async fn b_011_nothing_of_the_others_changed() {
    on_both(async |app| {
        let things = foreign_things(&app).await;
        let (_, client) = &things[1];
        let manager = Manager::new(&app).await;
        let operator = Manager::operator(&app).await;
        let path = format!("/api/v1/orgs/other/clients/{client}");
        let before = operator.get(&path).await.json();
        for org in ["other", app.org.handle.as_str()] {
            let path = format!("/api/v1/orgs/{org}/clients/{client}");
            manager.delete(&path).await;
            manager.patch(&path, &json!({ "name": "Mine" })).await;
            manager.post(&format!("{path}/disable"), &json!({})).await;
            manager.post(&format!("{path}/rotate"), &json!({})).await;
        }
        assert_eq!(operator.get(&path).await.json(), before);
    })
    .await;
}

#[tokio::test]
async fn an_owner_elsewhere_is_unknown_in_the_contract() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let manager = Manager::with(&app, &ALL).await;
        let body = |org: &str| json!({ "ownerOrgId": org, "name": "A", "type": "web", "redirectUrls": [] });
        let there = manager.post("/api/oauth-applications", &body(&other.id)).await;
        let nowhere = manager
            .post("/api/oauth-applications", &body("org_nothing"))
            .await;
        assert_eq!(bare(&there), bare(&nowhere));
    })
    .await;
}

#[tokio::test]
async fn who_runs_the_instance_acts_everywhere() {
    on_both(async |app| {
        let operator = Manager::operator(&app).await;
        let made = operator
            .post("/api/v1/orgs", &json!({ "handle": "other", "name": "Other" }))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        let body = json!({ "name": "A", "type": "service", "scopes": ["workspace:read"] });
        let client = operator.post("/api/v1/orgs/other/clients", &body).await;
        assert_eq!(client.status, 201, "{}", client.text());
        assert_eq!(client.json()["client"]["org_id"], made.json()["id"]);
        let by_id = format!("/api/v1/orgs/{}/clients", word(&made.json()["id"]));
        assert_eq!(operator.get(&by_id).await.json()["total"], 1);
        assert_eq!(operator.get("/api/v1/orgs").await.json()["total"], 2);
        assert_eq!(
            Manager::new(&app).await.get("/api/v1/orgs").await.json()["total"],
            1
        );
        let contract =
            json!({ "ownerOrgId": made.json()["id"], "name": "B", "type": "web", "redirectUrls": [] });
        let application = operator.post("/api/oauth-applications", &contract).await.json();
        let path = format!(
            "/api/oauth-applications/{}",
            word(&application["application"]["clientId"])
        );
        assert_eq!(operator.get(&path).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn w_27_a_disabled_caller_is_out_at_once() {
    on_both(async |app| {
        let (one, two) = (Manager::new(&app).await, Manager::new(&app).await);
        assert_eq!(
            one.get("/api/v1/me").await.json()["client_id"],
            one.client.id.as_str()
        );
        let path = two.own(&format!("/clients/{}/disable", one.client.id));
        assert_eq!(two.post(&path, &json!({})).await.status, 200);
        problem(&one.get("/api/v1/me").await, 401, "invalid_token");
    })
    .await;
}

#[tokio::test]
async fn trying_to_add_somebody_tells_nothing_about_him() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let known = NewMember {
            username: "eve".to_owned(),
            display_name: Some("Eve Moneypenny".to_owned()),
            email: Some("eve@example.com".to_owned()),
            role: Role::Member,
        };
        members::add(&app.app.registry, &app.owner_of(&other), known)
            .await
            .expect("added");
        let manager = Manager::new(&app).await;
        let tried = async |username: &str| {
            let body = json!({ "username": username, "role": "member" });
            let answer = manager.post(&manager.own("/members?dry_run=true"), &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut told = answer.json();
            for own in ["id", "username", "display_name"] {
                told["member"][own].take();
            }
            assert!(!answer.text().contains("Moneypenny") && !answer.text().contains("example.com"));
            told
        };
        assert_eq!(tried("eve").await, tried("nobody").await);
    })
    .await;
}

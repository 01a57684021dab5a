//! What the OpenAPI document promises.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{Manager, problem};
use crate::tests::harness::{TestApp, on_both};

async fn document(app: &TestApp) -> Json {
    let answer = app.get("/api/v1/openapi.json").send().await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Every operation: method, path, description.
pub fn operations(document: &Json) -> Vec<(Method, String, Json)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let method: Method = method.to_ascii_uppercase().parse().expect("a method");
            all.push((method, path.clone(), operation.clone()));
        }
    }
    all
}

fn references(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Object(members) => {
            if let Some(Json::String(reference)) = members.get("$ref") {
                found.push(reference.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn everything_it_refers_to_is_there() {
    on_both(async |app| {
        let document = document(&app).await;
        assert_eq!(document["openapi"], "3.1.0");
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let mut ids: Vec<String> = operations(&document)
            .iter()
            .map(|(_, _, o)| o["operationId"].to_string())
            .collect();
        let many = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), many > 40), (many, true));
    })
    .await;
}

#[tokio::test]
async fn every_request_body_refuses_strangers_and_has_an_example_that_fits() {
    on_both(async |app| {
        let document = document(&app).await;
        for (method, path, operation) in operations(&document) {
            for (media_type, content) in operation["requestBody"]["content"]
                .as_object()
                .into_iter()
                .flatten()
            {
                let reference = content["schema"]["$ref"].as_str().expect("a named schema");
                let schema = document.pointer(&reference[1..]).expect("it is there");
                assert_eq!(
                    schema["additionalProperties"], false,
                    "{method} {path} {media_type}"
                );
                let required = schema["required"].as_array().into_iter().flatten();
                for name in required.filter_map(Json::as_str) {
                    assert!(content["example"].get(name).is_some(), "{method} {path}: {name}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn w_18_every_operation_asks_for_a_token() {
    on_both(async |app| {
        let document = document(&app).await;
        for (method, path, _) in operations(&document) {
            let answer = app.call(method.clone(), &path).send().await;
            problem(&answer, 401, "unauthenticated");
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer realm=\"oauthority\"",
                "{method} {path}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn b_049_every_operation_asks_for_the_scope_it_names() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["scim:read"]).await;
        let client = app.service(&["workspace:read"]).await;
        let document = document(&app).await;
        for (method, path, operation) in operations(&document) {
            let Some(scope) = operation["security"][1]["oauth2"][0].as_str() else {
                continue;
            };
            let path = path
                .replace("{org}", &app.org.handle)
                .replace("{client}", &client.id)
                .replace(['{', '}'], "");
            let content = &operation["requestBody"]["content"];
            let body = content["application/json"]["example"].clone();
            let call = manager.call(method.clone(), &path).header("if-match", "*");
            let answer = if body.is_null() {
                call.send().await
            } else {
                call.json(&body).await
            };
            problem(&answer, 403, "insufficient_scope");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
            assert!(
                challenge.contains(&format!("scope=\"{scope}\"")),
                "{method} {path}: {challenge}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_shows_every_operation_without_foreign_scripts() {
    on_both(async |app| {
        let page = app.get("/api/v1/docs").send().await;
        assert_eq!(page.status, 200);
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        let text = page.text();
        for (_, path, operation) in operations(&document(&app).await) {
            assert!(text.contains(&path), "{path}");
            assert!(text.contains(&format!(
                "id=\"{}\"",
                operation["operationId"].as_str().expect("an id")
            )));
        }
        assert!(text.contains("oauthority client list"));
        assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains("src=\"http"));
        assert_eq!(
            app.get("/api/v1/openapi.json").send().await.json()["info"]["license"]["name"],
            json!("Apache-2.0")
        );
    })
    .await;
}

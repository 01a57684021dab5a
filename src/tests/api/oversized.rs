//! A refusal is at most as long as the question, or 4 KB, whatever was asked: ten faults, and how many more there are.

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{Manager, problem};
use crate::tests::{
    databases::sqlite,
    harness::{Answer, TestApp},
};

const LEAST: usize = 4096;
const FLAGS: &[(&str, &str)] = &[
    ("limits.requests_per_minute", "0"),
    ("limits.failed_authentications_per_client", "10000"),
];

/// Bodies that are all wrong, each below the limit of a body.
fn bodies() -> Vec<(&'static str, String)> {
    let members = |member: &dyn Fn(usize) -> String, count: usize| {
        let all: Vec<String> = (0..count).map(member).collect();
        format!("{{{}}}", all.join(","))
    };
    let json = "application/json";
    vec![
        (json, members(&|n| format!("\"x{n}\":1"), 6000)),
        (json, members(&|n| format!("\"\\u0001{n}\":1"), 4000)),
        (json, format!("{{\"{}\":1}}", "<\\\"\\u0000>".repeat(4000))),
        (json, format!("{{\"{}\":1}}", "\u{e9}".repeat(30_000))),
        (json, format!("{{\"name\":\"{}\"}}", "\\u0000".repeat(10_000))),
        (
            json,
            format!("{{\"name\":{0},\"scopes\":{0},\"redirect_uris\":{0}}}", {
                let items = vec!["\"\\u0002\""; 2000];
                format!("[{}]", items.join(","))
            }),
        ),
        (json, format!("[{}]", vec!["{}"; 20_000].join(","))),
        (json, format!("\"{}\"", "x".repeat(60_000))),
        (json, "[".repeat(60_000)),
        ("application/x-www-form-urlencoded", "a=b&".repeat(15_000)),
        ("text/plain", "%00".repeat(20_000)),
    ]
}

fn queries() -> Vec<String> {
    let many = (0..3000).fold(String::from("?"), |mut text, n| {
        let _ = write!(text, "x{n}=1&");
        text
    });
    vec![
        many,
        format!("?{}=1", "%01".repeat(5000)),
        format!("?limit={}", "9".repeat(20_000)),
        format!("?cursor={}&sort={0}&fields={0}", "%22".repeat(4000)),
    ]
}

/// Asserts that an answer that is no success is no longer than the question and 4 KB; pages of people are not meant.
#[track_caller]
fn bounded(answer: &Answer, question: usize, asked: &str) {
    let headers = answer.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    let most = question.max(LEAST);
    let asked = &asked[..asked.floor_char_boundary(200)];
    if answer.status.as_u16() >= 400 {
        assert!(answer.body.len() <= most, "{asked}: {} bytes", answer.body.len());
    }
    assert!(headers <= most, "{asked}: {headers} bytes of headers");
}

/// Every operation of the document: its method, and its path with names in it that lead nowhere or to the organisation.
async fn operations(app: &TestApp) -> Vec<(Method, String)> {
    let document = app.get("/api/v1/openapi.json").send().await.json();
    let paths = document["paths"].as_object().expect("paths").clone();
    let mut all = Vec::new();
    for (path, methods) in paths {
        let path = path.replace("{org}", &app.org.handle);
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "unknown" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for method in methods.as_object().expect("operations").keys() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())
            {
                all.push((method, path.clone()));
            }
        }
    }
    assert!(all.len() > 80, "{}", all.len());
    all
}

#[tokio::test]
async fn fx_10_no_operation_answers_more_than_it_was_asked() {
    let app = TestApp::start(&sqlite(), FLAGS).await;
    let manager = Manager::operator(&app).await;
    let (bodies, queries) = (bodies(), queries());
    for (method, path) in operations(&app).await {
        for query in &queries {
            let asked = format!("{method} {path}{query}");
            let answer = manager
                .call(method.clone(), &format!("{path}{query}"))
                .send()
                .await;
            bounded(&answer, asked.len(), &asked);
        }
        let long = format!("{path}/{}", "%22".repeat(5000));
        let answer = manager.call(method.clone(), &long).send().await;
        bounded(&answer, LEAST, &long);
        if method == Method::GET {
            continue;
        }
        for (media_type, body) in &bodies {
            let call = manager.call(method.clone(), &path).header("if-match", "*");
            let answer = call.raw(media_type, body.clone()).await;
            bounded(&answer, body.len().min(LEAST), &format!("{method} {path} {body}"));
        }
    }
}

#[tokio::test]
async fn fx_10_no_oauth_endpoint_answers_more_than_it_was_asked() {
    let app = TestApp::start(&sqlite(), FLAGS).await;
    let client = app.service(&["workspace:read"]).await;
    let long = |letter: &str, count: usize| letter.repeat(count);
    let mut forms: Vec<String> = [
        "grant_type=",
        "grant_type=client_credentials&scope=",
        "grant_type=client_credentials&resource=",
        "grant_type=authorization_code&code=",
        "grant_type=refresh_token&refresh_token=",
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=",
        "token=",
        "client_id=",
        "response_type=code&client_id=",
        "response_type=code&redirect_uri=",
    ]
    .iter()
    .flat_map(|start| {
        [("%22", 15_000), ("%3C", 15_000), ("x", 50_000), ("a:b+", 12_000)].map(|(l, n)| (start, l, n))
    })
    .map(|(start, letter, count)| format!("{start}{}", long(letter, count)))
    .collect();
    forms.push((0..8000).map(|n| format!("x{n}=1&")).collect());
    forms.push(long("resource=https://a.example&", 2000));
    let media_type = "application/x-www-form-urlencoded";
    for path in [
        "/oauth2/token",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/oauth2/device_authorization",
        "/oauth2/userinfo",
        "/api/oauth/token",
    ] {
        for form in &forms {
            for known in [true, false] {
                let call = app.post(path);
                let call = if known { call.basic(&client) } else { call };
                bounded(
                    &call.raw(media_type, form.clone()).await,
                    LEAST,
                    &format!("{path} {form}"),
                );
            }
        }
        for (media_type, body) in bodies() {
            let answer = app.post(path).basic(&client).raw(media_type, body.clone()).await;
            bounded(&answer, LEAST, &format!("{path} {body}"));
        }
    }
}

#[tokio::test]
async fn fx_10_ten_faults_are_told_and_the_rest_is_counted() {
    let app = TestApp::start(&sqlite(), FLAGS).await;
    let manager = Manager::new(&app).await;
    let body: Json = (0..2000)
        .map(|n| (format!("x{n}"), json!(1)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let answer = manager.post(&manager.own("/clients"), &body).await;
    problem(&answer, 400, "invalid_input");
    let told = answer.json();
    let listed = told["errors"].as_array().expect("a list").len();
    let more = told["more_errors"].as_u64().expect("a number");
    assert!((1..=10).contains(&listed), "{told}");
    // Two members are missing besides.
    assert!(listed as u64 + more >= 2000, "{told}");
    assert_eq!(told["errors"][0]["pointer"], "/x0");
    let few = manager
        .post(&manager.own("/clients"), &json!({ "x": 1 }))
        .await
        .json();
    assert!(few.get("more_errors").is_none(), "{few}");
}

//! Tokens at our own API.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    bearer::{self, Bearer},
    error::Error,
    oauth::refusal::Code,
    registry::{access::Permission, clients},
    store::apis::TokenFormat,
    tests::harness::{TestApp, on_both},
    time::Lifetime,
};

async fn call(app: &TestApp, values: &[&str], query: Option<&str>) -> Result<Bearer, Error> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(
            header::AUTHORIZATION,
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    bearer::authenticate(&app.app.registry, &headers, query, app.clock.now()).await
}

#[track_caller]
fn refused(result: Result<Bearer, Error>, code: Code, challenge: &str) {
    let error = result.expect_err("refused");
    let refusal = error.refusal().expect("a refusal");
    assert_eq!(refusal.code, code);
    let header = bearer::challenge(refusal).expect("a challenge");
    assert_eq!(
        header.to_str().expect("ASCII"),
        format!("Bearer realm=\"oauthority\"{challenge}")
    );
}

const INVALID: &str = ", error=\"invalid_token\"";

#[tokio::test]
async fn w_18_no_token_or_a_bad_one() {
    on_both(async |app| {
        let client = app.service(&["clients:read"]).await;
        let token = client.token(&app).await;
        let held = call(&app, &[&format!("bearer {token}")], None)
            .await
            .expect("accepted");
        assert_eq!(*held.client.id, *client.id);
        assert!(
            held.permissions.allow(Permission::ClientsRead)
                && !held.permissions.allow(Permission::ClientsWrite)
        );
        for values in [&[][..], &["Basic YTpi"], &["Bearer"]] {
            refused(call(&app, values, None).await, Code::Unauthenticated, "");
        }
        let dots = ".".repeat(50_000);
        for text in ["x", "", "a b", dots.as_str()] {
            refused(
                call(&app, &[&format!("Bearer {text}")], None).await,
                Code::InvalidToken,
                INVALID,
            );
        }
        app.clock.advance(Lifetime::hours(1));
        refused(
            call(&app, &[&format!("Bearer {token}")], None).await,
            Code::InvalidToken,
            INVALID,
        );
    })
    .await;
}

#[tokio::test]
async fn w_18_one_token_in_one_place() {
    on_both(async |app| {
        let client = app.service(&["clients:read"]).await;
        let token = client.token(&app).await;
        let (value, query) = (format!("Bearer {token}"), format!("access_token={token}"));
        let challenge = ", error=\"invalid_request\"";
        refused(
            call(&app, &[&value, &value], None).await,
            Code::InvalidRequest,
            challenge,
        );
        refused(
            call(&app, &[&value], Some(&query)).await,
            Code::InvalidRequest,
            challenge,
        );
        refused(call(&app, &[], Some(&query)).await, Code::Unauthenticated, "");
    })
    .await;
}

#[tokio::test]
async fn b_049_a_token_for_another_api_is_no_good_here() {
    on_both(async |app| {
        app.api(
            &app.org,
            "https://evil.example",
            TokenFormat::Jwt,
            &["clients:write"],
        )
        .await;
        let scope = crate::registry::client_input::ScopeRef {
            audience: Some("https://evil.example".to_owned()),
            value: "clients:write".to_owned(),
        };
        let draft = crate::registry::client_input::Draft {
            scopes: vec![scope],
            ..crate::tests::harness::service(&[])
        };
        let client = app.client(&app.org, draft).await;
        let token = client.token(&app).await;
        refused(
            call(&app, &[&format!("Bearer {token}")], None).await,
            Code::InvalidToken,
            INVALID,
        );
    })
    .await;
}

#[tokio::test]
async fn a_cut_off_client_is_out_at_once() {
    on_both(async |app| {
        let client = app.service(&["clients:read"]).await;
        let value = format!("Bearer {}", client.token(&app).await);
        assert!(call(&app, &[&value], None).await.is_ok());
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        refused(call(&app, &[&value], None).await, Code::InvalidToken, INVALID);
    })
    .await;
}

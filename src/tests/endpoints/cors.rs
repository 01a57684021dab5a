//! Pages of other origins: let in where apps in browsers need it, and only from where they were registered.

use axum::http::Method;

use crate::{
    oauth::client::{ApplicationType, GrantType},
    registry::{client_input::Draft, clients},
    tests::harness::{Answer, TestApp, TestClient, on_both, signing_in},
};

const ORIGIN: &str = "https://spa.example";

async fn spa(app: &TestApp, redirect_uri: &str) -> TestClient {
    let draft = Draft {
        redirect_uris: vec![redirect_uri.to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        ..signing_in(ApplicationType::UserAgentBased)
    };
    app.client(&app.org, draft).await
}

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    app.call(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization")
        .send()
        .await
}

#[track_caller]
fn let_in(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let varies = answer.headers.get_all("vary").iter();
    assert!(varies.into_iter().any(|value| value == "Origin"));
}

#[tokio::test]
async fn b_099_a_registered_origin_is_let_in_where_apps_need_it() {
    on_both(async |app| {
        let client = spa(&app, "https://spa.example/callback").await;
        for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo"] {
            let answer = preflight(&app, path, ORIGIN).await;
            assert_eq!(answer.status, 204);
            let_in(&answer, ORIGIN);
            assert_eq!(
                answer.header("access-control-allow-headers"),
                "authorization, content-type, dpop"
            );
            for other in [
                "https://evil.example",
                "null",
                "https://spa.example:8443",
                "http://spa.example",
                "https://SPA.example",
            ] {
                let_in(&preflight(&app, path, other).await, "");
            }
        }
        // Errors, too: the app must be able to read what is wrong.
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.id.as_str()),
            ("refresh_token", "x"),
        ];
        let answer = app
            .post("/oauth2/token")
            .header("origin", ORIGIN)
            .form(&form)
            .await;
        assert_eq!(answer.status, 400);
        let_in(&answer, ORIGIN);
        let form = [("client_id", client.id.as_str()), ("token", "x")];
        let_in(
            &app.post("/oauth2/revoke")
                .header("origin", ORIGIN)
                .form(&form)
                .await,
            ORIGIN,
        );
        let_in(
            &app.get("/oauth2/userinfo").header("origin", ORIGIN).send().await,
            ORIGIN,
        );
    })
    .await;
}

#[tokio::test]
async fn b_099_an_origin_counts_for_its_own_client_only() {
    on_both(async |app| {
        spa(&app, "https://spa.example/callback").await;
        let other = spa(&app, "https://other.example/callback").await;
        let confidential = app.client(&app.org, signing_in(ApplicationType::Web)).await;
        for (id, origin) in [
            (&other.id, ORIGIN),
            (&confidential.id, "https://app.example"),
            (&"oac_unknown".to_owned(), ORIGIN),
        ] {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", id.as_str()),
                ("refresh_token", "x"),
            ];
            let_in(
                &app.post("/oauth2/token")
                    .header("origin", origin)
                    .form(&form)
                    .await,
                "",
            );
        }
        let_in(&preflight(&app, "/oauth2/token", "https://app.example").await, "");
    })
    .await;
}

#[tokio::test]
async fn an_origin_goes_with_its_last_active_client() {
    on_both(async |app| {
        let first = spa(&app, "https://spa.example/a").await;
        let second = spa(&app, "https://spa.example/b").await;
        for client in [first, second] {
            let_in(&preflight(&app, "/oauth2/token", ORIGIN).await, ORIGIN);
            clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
                .await
                .expect("disabled");
        }
        let_in(&preflight(&app, "/oauth2/token", ORIGIN).await, "");
        let app = app.restart().await;
        let_in(&preflight(&app, "/oauth2/token", ORIGIN).await, "");
    })
    .await;
}

#[tokio::test]
async fn g_29_nobody_is_let_in_where_people_are_asked() {
    on_both(async |app| {
        let client = spa(&app, "https://spa.example/callback").await;
        let authorize = format!("/oauth2/authorize?client_id={}&response_type=code", client.id);
        for path in [
            authorize.as_str(),
            "/oauth2/authorize",
            "/oauth2/introspect",
            "/oauth2/logout",
            "/login",
            "/consent",
            "/api/v1/me",
            "/api/oauth-applications",
            "/",
        ] {
            for method in [Method::OPTIONS, Method::GET, Method::POST] {
                let answer = app
                    .call(method.clone(), path)
                    .header("origin", ORIGIN)
                    .header("access-control-request-method", "GET")
                    .send()
                    .await;
                for name in ["access-control-allow-origin", "access-control-allow-credentials"] {
                    assert_eq!(answer.header(name), "", "{method} {path}");
                }
            }
        }
    })
    .await;
}

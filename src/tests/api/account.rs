//! A person's own account over the management API.

use serde_json::Value as Json;

use super::super::{
    browser::Browser,
    flows::{Rp, alice, text},
    harness::{TestApp, TestClient, on_both},
};

/// A token of the command line that acts for whoever is signed in.
async fn token(app: &TestApp, browser: &Browser<'_>, scope: &str) -> String {
    let cli = Rp {
        client: TestClient {
            id: "oauthority-cli".to_owned(),
            secret: String::new(),
        },
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
    };
    text(
        &cli.tokens(app, browser, &[("scope", scope)]).await,
        "access_token",
    )
}

fn ids(list: &Json, name: &str) -> Vec<String> {
    let data = list["data"].as_array().expect("a list");
    data.iter().map(|one| text(one, name)).collect()
}

#[tokio::test]
async fn a_person_sees_and_removes_his_apps() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let token = token(&app, &browser, "account:write").await;
        let apps = app.get("/api/v1/me/apps").bearer(&token).send().await.json();
        let mut known = ids(&apps, "client_id");
        known.sort_unstable();
        let mut expected = vec!["oauthority-cli".to_owned(), rp.client.id.clone()];
        expected.sort_unstable();
        assert_eq!(known, expected);
        let path = format!("/api/v1/me/apps/{}", rp.client.id);
        let gone = app
            .call(axum::http::Method::DELETE, &path)
            .bearer(&token)
            .send()
            .await;
        assert_eq!(gone.status, 204, "{}", gone.text());
        rp.refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        let again = app
            .call(axum::http::Method::DELETE, &path)
            .bearer(&token)
            .send()
            .await;
        assert_eq!(again.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_person_ends_his_sessions() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let other = Browser::new(&app);
        other.sign_in("alice").await;
        let token = token(&app, &browser, "account:write").await;
        let sessions = app.get("/api/v1/me/sessions").bearer(&token).send().await.json();
        assert_eq!(ids(&sessions, "id").len(), 2);
        for id in ids(&sessions, "id") {
            let path = format!("/api/v1/me/sessions/{id}");
            let ended = app
                .call(axum::http::Method::DELETE, &path)
                .bearer(&token)
                .send()
                .await;
            assert_eq!(ended.status, 204, "{}", ended.text());
        }
        for browser in [&browser, &other] {
            assert!(
                browser
                    .get("/me/apps")
                    .await
                    .header("location")
                    .starts_with("/login")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn b_049_a_persons_account_is_not_anybodys() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let weak = token(&app, &browser, "account:read").await;
        let path = "/api/v1/me/sessions/ses_unknown";
        let refused = app
            .call(axum::http::Method::DELETE, path)
            .bearer(&weak)
            .send()
            .await;
        assert_eq!(refused.status, 403);
        assert!(
            refused.header("www-authenticate").contains("insufficient_scope"),
            "{refused:?}",
            refused = refused.header("www-authenticate")
        );
        let other = token(&app, &browser, "clients:read").await;
        assert_eq!(app.get("/api/v1/me/apps").bearer(&other).send().await.status, 403);
    })
    .await;
}

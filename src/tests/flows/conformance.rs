//! Requests as the modules of the OpenID certification send them, where no other test does; docs/conformance.md names the
//! test for each module. Tests here are called as the module is.

use super::*;
use crate::{oauth::people_settings::PeopleSettings, time::Lifetime};

/// The claims of the ID token that a request leads to.
async fn claims(app: &TestApp, rp: &Rp, browser: &Browser<'_>, more: &[(&str, &str)]) -> Json {
    payload(&text(&rp.tokens(app, browser, more).await, "id_token"))
}

#[tokio::test]
async fn oidcc_ensure_other_scope_order_succeeds() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "email openid")]).await;
        assert_eq!(tokens["scope"], "email openid");
        assert!(tokens["id_token"].is_string());
    })
    .await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        rp.code(&browser, &[("extra", "foobar")]).await;
    })
    .await;
}

#[tokio::test]
async fn oidcc_display_hints_and_locales_change_nothing() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let modules = [
            ("display", "page"),
            ("display", "popup"),
            ("login_hint", "alice@app.example"),
            ("ui_locales", "se"),
            ("claims_locales", "se"),
            ("acr_values", "urn:mace:incommon:iap:silver 1 2"),
        ];
        let first = claims(&app, &rp, &browser, &[]).await;
        for wish in modules {
            let told = claims(&app, &rp, &browser, &[wish]).await;
            assert_eq!(told["sub"], first["sub"], "{wish:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let first = claims(&app, &rp, &browser, &[("max_age", "15000")]).await;
        app.clock.advance(Lifetime::seconds(5));
        let silent = [("max_age", "15000"), ("prompt", "none")];
        let second = claims(&app, &rp, &browser, &silent).await;
        for same in ["sub", "auth_time"] {
            assert!(!first[same].is_null(), "{same}");
            assert_eq!(second[same], first[same], "{same}");
        }
    })
    .await;
}

#[tokio::test]
async fn oidcc_max_age_1_and_10000() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let first = claims(&app, &rp, &browser, &[("max_age", "10000")]).await;
        app.clock.advance(Lifetime::seconds(2));
        let second = claims(&app, &rp, &browser, &[("max_age", "10000")]).await;
        assert_eq!(second["auth_time"], first["auth_time"]);
        let answer = rp.authorize(&browser, &[("max_age", "1")]).await;
        assert_eq!(param(&answer, "code"), None);
        browser.sign_in("alice").await;
        let third = claims(&app, &rp, &browser, &[("max_age", "1")]).await;
        let at = |claims: &Json| claims["auth_time"].as_i64().expect("a time");
        assert_eq!(at(&third), at(&first) + 2);
        assert_eq!(third["sub"], first["sub"]);
    })
    .await;
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &[]).await;
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        app.clock.advance(Lifetime::seconds(30));
        rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
        let token = text(&tokens, "access_token");
        assert_eq!(app.introspect(&rp.client, &token).await["active"], false);
    })
    .await;
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &[]).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &rp.redirect_uri),
            ("code_verifier", VERIFIER),
            ("client_id", &rp.client.id),
            ("client_secret", &rp.client.secret),
        ];
        let answer = app.post("/oauth2/token").form(&form).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["id_token"].is_string());
    })
    .await;
}

/// What docs/conformance.md says of requests without a challenge.
#[tokio::test]
async fn oidcc_server_without_pkce_is_told_why() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let bare = [("code_challenge", ""), ("code_challenge_method", "")];
        let answer = rp.authorize(&browser, &bare).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("invalid_request"));
        assert!(param(&answer, "error_description").is_some_and(|why| why.contains("code_challenge")));
    })
    .await;
}

/// Asks to be signed out of a client, and says whether the person is still signed in.
async fn sign_out(app: &TestApp, params: &[(&str, &str)]) -> (Answer, bool) {
    let people = PeopleSettings {
        post_logout_redirect_uris: vec!["https://app.example/bye".to_owned()],
        ..PeopleSettings::default()
    };
    let draft = Draft {
        people,
        ..web_app(&SCOPES)
    };
    let (rp, browser) = (Rp::of(app, draft).await, alice(app).await);
    let hint = text(&rp.tokens(app, &browser, &[]).await, "id_token");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params.iter().map(|(name, value)| match *name {
            "id_token_hint" => (*name, hint.as_str()),
            name => (name, *value),
        }))
        .finish();
    let answer = browser.get(&format!("/oauth2/logout?{query}")).await;
    let silent = rp.authorize(&browser, &[("prompt", "none")]).await;
    (answer, param(&silent, "code").is_some())
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    on_both(async |app| {
        let request = [
            ("id_token_hint", ""),
            ("post_logout_redirect_uri", "https://app.example/bye"),
        ];
        let (answer, signed_in) = sign_out(&app, &request).await;
        assert_eq!(answer.header("location"), "https://app.example/bye");
        assert!(!signed_in);
    })
    .await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    on_both(async |app| {
        let (answer, signed_in) = sign_out(&app, &[("state", "x")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (200, ""));
        assert!(answer.text().contains("Sign out?"), "{}", answer.text());
        assert!(signed_in);
    })
    .await;
}

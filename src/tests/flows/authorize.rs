//! The authorization endpoint. [RFC 6749 §4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1)

use axum::http::Method;

use super::*;
use crate::{
    registry::clients,
    tests::{browser::person, endpoints::revoke::break_storage},
    time::Lifetime,
};

/// Where a request for somebody who is not signed in goes on after the sign-in page.
#[track_caller]
pub fn return_to(answer: &Answer) -> String {
    let query = answer.header("location").strip_prefix("/login?");
    let query = query.unwrap_or_else(|| panic!("not to the sign-in: {}", answer.header("location")));
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(name, _)| name == "return_to");
    found.expect("a way back").1.into_owned()
}

/// The parameters of a request.
fn pairs(url: &str) -> Vec<(String, String)> {
    let (_, query) = url.split_once('?').expect("a query");
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn a_01_sign_in_and_consent_lead_back_with_code_state_and_issuer_only() {
    on_both(async |app| {
        let rp = Rp::of(&app, asking(&SCOPES)).await;
        person(&app, "alice", Some(Role::Member)).await;
        let browser = Browser::new(&app);
        let first = browser.get(&rp.url(&[])).await;
        assert_eq!(first.status, 303);
        let on = return_to(&first);
        browser.sign_in("alice").await;
        let page = follow(&browser, &on).await;
        assert_eq!((page.status.as_u16(), codes(&app).await), (200, 0));
        let answer = say(&browser, &page, "allow", &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert!(
            answer
                .header("location")
                .starts_with("https://app.example/callback?")
        );
        assert_eq!(params(&answer), ["code", "state", "iss"]);
        assert_eq!(param(&answer, "iss").as_deref(), Some(issuer(&app)));
        assert_eq!(param(&answer, "state").as_deref(), Some(STATE));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        let code = param(&answer, "code").expect("a code");
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
    })
    .await;
}

// Also from a page of another site.
#[tokio::test]
async fn a_02_a_form_is_as_good_as_a_query() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let pairs = pairs(&rp.url(&[]));
        let form: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let from = [
            ("origin", "https://app.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        let answer = browser.post_with("/oauth2/authorize", &form, &from).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(params(&answer), ["code", "state", "iss"]);
        // Such a form brings no cookie along; the sign-in leads on for who is signed in.
        let stranger = Browser::new(&app);
        let answer = stranger.post_with("/oauth2/authorize", &form, &from).await;
        let answer = follow(&browser, answer.header("location")).await;
        assert_eq!(params(&answer), ["code", "state", "iss"]);
        // What is no form is no request.
        let json = serde_json::json!({ "client_id": rp.client.id });
        let answer = app.post("/oauth2/authorize").json(&json).await;
        assert_eq!(answer.header("location"), "");
    })
    .await;
}

#[tokio::test]
async fn a_03_an_unknown_missing_or_disabled_client_gets_a_page() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for id in [
            "",
            "oac_aaaaaaaaaaaaaaaaaaaa",
            "%00",
            "x'; DROP TABLE clients; --",
        ] {
            shown(&rp.authorize(&browser, &[("client_id", id)]).await);
        }
        let (registry, owner) = (&app.app.registry, app.owner());
        clients::disable(registry, &owner, &rp.client.id, None, None)
            .await
            .expect("disabled");
        shown(&rp.authorize(&browser, &[]).await);
        clients::delete(registry, &owner, &rp.client.id, None)
            .await
            .expect("deleted");
        shown(&rp.authorize(&browser, &[]).await);
        assert_eq!(codes(&app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_04_a_05_a_09_a_10_b_021_b_022_b_024_another_redirect_uri_gets_a_page() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for uri in [
            "https://evil.example/callback",
            "https://app.example/callback/",
            "https://app.example/callback/more",
            "https://app.example/callback?x=1",
            "https://app.example/callback#f",
            "https://app.example/callback%2f..",
            "https://app.example/CALLBACK",
            "https://app.example:443/callback",
            "https://app.example/callback*",
            "https://*.example/callback",
            "https://appXexample/callback",
            "https://app.example.evil.example/callback",
            "https://app.example@evil.example/callback",
            "http://app.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://localhost.evil/callback",
            "http://127.0.0.1@evil/callback",
            "//app.example/callback",
            "javascript:alert(1)//app.example/callback",
            "JavaScript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "about:blank",
            "https://app.example/callback\r\nset-cookie: a=b",
        ] {
            let answer = rp.authorize(&browser, &[("redirect_uri", uri)]).await;
            shown(&answer);
            assert!(!answer.text().contains("<script>"), "{uri}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_11_a_12_the_redirect_uri_may_be_left_out_where_there_is_one() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let one = Rp::web(&app).await;
        let without = [("redirect_uri", ""), ("scope", "workspace:read")];
        let code = one.code(&browser, &without).await;
        let answer = one.redeem(&app, &code, &[("redirect_uri", "")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        // RFC 6749 §4.1.3: if it is sent all the same, it is the registered one.
        let code = one.code(&browser, &without).await;
        let other = [("redirect_uri", "https://evil.example/callback")];
        one.redeem(&app, &code, &other)
            .await
            .refused(400, "invalid_grant");
        assert_eq!(one.redeem(&app, &code, &[]).await.status, 200);
        // OIDC Core §3.1.2.1: required with openid.
        shown(&one.authorize(&browser, &[("redirect_uri", "")]).await);
        let draft = Draft {
            redirect_uris: vec![CALLBACK.to_owned(), "https://app.example/other".to_owned()],
            ..web_app(&SCOPES)
        };
        shown(&Rp::of(&app, draft).await.authorize(&browser, &without).await);
    })
    .await;
}

#[tokio::test]
async fn a_13_a_query_of_the_redirect_uri_stays() {
    on_both(async |app| {
        let draft = Draft {
            redirect_uris: vec!["https://app.example/callback?x=1".to_owned()],
            ..web_app(&SCOPES)
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let answer = rp.authorize(&browser, &[]).await;
        assert!(
            answer
                .header("location")
                .starts_with("https://app.example/callback?x=1&code=")
        );
        assert_eq!(params(&answer), ["x", "code", "state", "iss"]);
        let answer = rp.authorize(&browser, &[("scope", "x:y")]).await;
        assert_eq!(
            params(&answer),
            ["x", "error", "error_description", "error_uri", "state", "iss"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_15_a_16_a_21_a_22_a_23_a_25_a_26_a_27_a_35_a_49_a_50_a_52_the_client_is_told_what_is_wrong() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let public = Rp::of(&app, public_app(&SCOPES)).await;
        let (short, long) = ("a".repeat(42), "a".repeat(129));
        let cases: [(&[(&str, &str)], &str); 25] = [
            (&[("response_type", "")], "invalid_request"),
            (&[("response_type", "id_token")], "unsupported_response_type"),
            (&[("response_type", "code token")], "unsupported_response_type"),
            (&[("response_type", "code id_token")], "unsupported_response_type"),
            (&[("response_type", "junk")], "unsupported_response_type"),
            (&[("code_challenge", "")], "invalid_request"),
            (
                &[("code_challenge", ""), ("code_challenge_method", "")],
                "invalid_request",
            ),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            (&[("code_challenge_method", "s256")], "invalid_request"),
            (&[("code_challenge", &short)], "invalid_request"),
            (&[("code_challenge", &long)], "invalid_request"),
            (
                &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")],
                "invalid_request",
            ),
            (&[("scope", "never:heard")], "invalid_scope"),
            (&[("scope", "openid \"")], "invalid_scope"),
            (&[("scope", "workspace:write")], "invalid_scope"),
            (&[("request", "e30.e30.")], "request_not_supported"),
            (
                &[("request_uri", "https://169.254.169.254/r")],
                "request_uri_not_supported",
            ),
            (&[("registration", "{}")], "registration_not_supported"),
            (&[("response_mode", "junk")], "invalid_request"),
            (&[("response_mode", "fragment")], "invalid_request"),
            (&[("prompt", "none login")], "invalid_request"),
            (&[("max_age", "-1")], "invalid_request"),
            (&[("max_age", "x")], "invalid_request"),
            (&[("id_token_hint", "e30.e30.e30")], "invalid_request"),
        ];
        for rp in [&rp, &public] {
            for (more, error) in cases {
                let answer = rp.authorize(&browser, more).await;
                told(&app, &answer, error);
            }
            // RFC 6749 §4.2.2.1: where a token would be told.
            let answer = rp.authorize(&browser, &[("response_type", "token")]).await;
            let told = answer.header("location").strip_prefix(&format!("{CALLBACK}#"));
            assert!(told.is_some_and(|told| told.starts_with("error=unsupported_response_type&")));
        }
        assert_eq!(codes(&app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_18_a_20_the_state_comes_back_as_it_was() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for state in [
            "+",
            "&",
            "=",
            "%",
            "\"",
            "%2B",
            "a b+c&d=e%20\"'<>\\",
            "Grüße 🦀 日本",
            "\r\nlocation: https://evil.example",
            " ",
        ] {
            for more in [("scope", "openid"), ("scope", "x:y")] {
                let answer = rp.authorize(&browser, &[("state", state), more]).await;
                assert_eq!(param(&answer, "state").as_deref(), Some(state));
            }
        }
        let answer = rp.authorize(&browser, &[("state", "")]).await;
        assert_eq!(params(&answer), ["code", "iss"]);
        let answer = rp.authorize(&browser, &[("state", ""), ("scope", "x:y")]).await;
        assert_eq!(
            params(&answer),
            ["error", "error_description", "error_uri", "iss"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_28_without_scope_it_is_what_was_granted_at_the_default_api() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "")]).await;
        assert_eq!(tokens["scope"], "workspace:read");
        assert!(tokens.get("id_token").is_none());
        let openid = Rp::of(&app, web_app(&["openid", "profile"])).await;
        told(
            &app,
            &openid.authorize(&browser, &[("scope", "")]).await,
            "invalid_scope",
        );
    })
    .await;
}

#[tokio::test]
async fn a_33_an_ambiguous_state_is_not_told_back() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let answer = follow(&browser, &format!("{}&state=other", rp.url(&[]))).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("invalid_request"));
        assert_eq!(
            params(&answer),
            ["error", "error_description", "error_uri", "iss"]
        );
        // Nor is anything else taken twice, known or not.
        for name in [
            "scope",
            "nonce",
            "prompt",
            "code_challenge",
            "response_type",
            "foo",
        ] {
            let answer = follow(&browser, &format!("{}&{name}=a&{name}=b", rp.url(&[]))).await;
            told(&app, &answer, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn a_34_a_repeated_client_or_redirect_uri_gets_a_page() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for more in [
            "redirect_uri=https%3A%2F%2Fevil.example".to_owned(),
            format!("redirect_uri={CALLBACK}"),
            "client_id=oac_aaaaaaaaaaaaaaaaaaaa".to_owned(),
            format!("client_id={}", rp.client.id),
        ] {
            shown(&follow(&browser, &format!("{}&{more}", rp.url(&[]))).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_36_the_client_hears_of_a_failure() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        break_storage(&app).await;
        let answer = rp.authorize(&browser, &[]).await;
        told(&app, &answer, "temporarily_unavailable");
        for word in ["INSERT", "sqlite", "readonly", "read-only", "grants"] {
            assert!(
                !answer.header("location").contains(word),
                "{}",
                answer.header("location")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_54_other_methods_are_not_served() {
    on_both(async |app| {
        for path in ["/oauth2/authorize", "/oauth2/authorize/continue"] {
            for method in [Method::PUT, Method::DELETE, Method::PATCH] {
                let answer = app.call(method, path).send().await;
                assert_eq!(answer.status, 405, "{path}");
                assert!(answer.header("allow").contains("GET"), "{path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_55_a_code_lives_for_a_minute() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &[]).await;
        app.clock.advance(Lifetime::seconds(59));
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
        let code = rp.code(&browser, &[]).await;
        app.clock.advance(Lifetime::seconds(60));
        rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn a_form_post_answer_is_inert() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let state = "\"><script>alert(1)</script>";
        let more = [("response_mode", "form_post"), ("state", state)];
        let answer = rp.authorize(&browser, &more).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (200, ""));
        assert!(!answer.text().contains("<script>alert"), "{}", answer.text());
        assert!(answer.text().contains("action=\"https://app.example/callback\""));
        let code = field(&answer, "code");
        assert_eq!(field(&answer, "iss"), issuer(&app));
        assert_eq!(
            field(&answer, "state"),
            "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
        );
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
        let refused = rp
            .authorize(&browser, &[("response_mode", "form_post"), ("scope", "x:y")])
            .await;
        assert_eq!(field(&refused, "error"), "invalid_scope");
    })
    .await;
}

#[tokio::test]
async fn the_sign_in_says_for_which_app() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&["openid"])).await, Browser::new(&app));
        let page = rp.authorize(&browser, &[("scope", "openid")]).await.text();
        assert!(page.contains("Sign in to continue to <b>"), "{page}");
        assert!(
            !browser
                .get("/login")
                .await
                .text()
                .contains("Sign in to continue to")
        );
    })
    .await;
}

#[tokio::test]
async fn a_session_from_before_a_demand_must_prove_the_rest_first() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        app.demand_second_factor().await;
        told(
            &app,
            &rp.authorize(&browser, &[("prompt", "none")]).await,
            "login_required",
        );
        let page = rp.authorize(&browser, &[]).await;
        assert_eq!(param(&page, "code"), None);
        assert!(page.text().contains("second factor"), "{}", page.text());
    })
    .await;
}

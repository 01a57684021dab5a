//! ID tokens and what an OpenID Connect request may ask for.
//! [OIDC Core](https://openid.net/specs/openid-connect-core-1_0.html)

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::json;

use super::{userinfo::telling_alice, *};
use crate::{
    jose::jws::Compact,
    oauth::{authentication::MULTI_FACTOR, people_settings::PeopleSettings},
    time::Lifetime,
};

async fn id_token(app: &TestApp, rp: &Rp, browser: &Browser<'_>, more: &[(&str, &str)]) -> Json {
    payload(&text(&rp.tokens(app, browser, more).await, "id_token"))
}

#[tokio::test]
async fn o_01_o_03_o_25_an_id_token_says_who_where_and_when() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("nonce", "n ü\"1")]).await;
        let token = text(&tokens, "id_token");
        assert_eq!(
            Compact::parse(&token).expect("a JWT").header().alg.name(),
            "RS256"
        );
        let claims = payload(&token);
        assert_eq!(claims["iss"], "http://localhost:8080");
        assert_eq!(claims["aud"], rp.client.id);
        assert_eq!(claims["nonce"], "n ü\"1");
        let sub = text(&claims, "sub");
        assert!(sub.is_ascii() && sub.len() <= 255);
        let now = app.clock.now().seconds();
        assert_eq!(claims["iat"], now);
        assert_eq!(claims["exp"], now + 3600);
        assert_eq!(claims["auth_time"], now);
        let hash = digest(&SHA256, text(&tokens, "access_token").as_bytes());
        assert_eq!(
            claims["at_hash"],
            BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
        );
    })
    .await;
}

#[tokio::test]
async fn o_02_no_nonce_asked_none_told() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        assert!(id_token(&app, &rp, &browser, &[]).await.get("nonce").is_none());
    })
    .await;
}

#[tokio::test]
async fn o_04_o_08_an_old_sign_in_does_not_do() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let first = id_token(&app, &rp, &browser, &[("max_age", "60")]).await;
        app.clock.advance(Lifetime::seconds(61));
        for demand in [("max_age", "60"), ("prompt", "login")] {
            let answer = browser.get(&rp.url(&[demand])).await;
            let location = answer.header("location");
            assert!(
                location.starts_with("/login?") && location.contains("again=1"),
                "{location}"
            );
        }
        let silent = rp
            .authorize(&browser, &[("max_age", "60"), ("prompt", "none")])
            .await;
        assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
        browser.sign_in("alice").await;
        let second = id_token(&app, &rp, &browser, &[("max_age", "60")]).await;
        let at = |claims: &Json| claims["auth_time"].as_i64().expect("a time");
        assert_eq!(at(&second), at(&first) + 61);
    })
    .await;
}

#[tokio::test]
async fn o_05_o_06_a_silent_request_shows_no_page() {
    on_both(async |app| {
        let draft = Draft {
            require_consent: true,
            ..web_app(&SCOPES)
        };
        let rp = Rp::of(&app, draft).await;
        let answer = rp.authorize(&Browser::new(&app), &[("prompt", "none")]).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("login_required"));
        let answer = rp.authorize(&alice(&app).await, &[("prompt", "none")]).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("consent_required"));
    })
    .await;
}

#[tokio::test]
async fn o_09_who_allowed_it_before_is_asked_again_on_demand() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let answer = rp.authorize(&browser, &[("prompt", "consent")]).await;
        assert!(answer.text().contains("id=\"consent\""), "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn o_11_unknown_wishes_are_no_error() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let more = [
            ("display", "hologram"),
            ("ui_locales", "tlh x-y"),
            ("claims_locales", "tlh"),
            ("acr_values", "urn:mace:incommon:iap:silver"),
            ("login_hint", "nobody@example.com"),
            ("claims", r#"{"userinfo":{"shoe_size":{"essential":true}},"x":1}"#),
        ];
        rp.code(&browser, &more).await;
    })
    .await;
}

#[tokio::test]
async fn o_12_a_hint_names_the_person() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let hint = text(&rp.tokens(&app, &browser, &[]).await, "id_token");
        let silent = [("prompt", "none"), ("id_token_hint", hint.as_str())];
        rp.code(&browser, &silent).await;
        // An expired one as well.
        app.clock.advance(Lifetime::hours(2));
        browser.sign_in("alice").await;
        rp.code(&browser, &silent).await;
        let bob = Browser::of(&app, "bob", Role::Member).await;
        let answer = rp.authorize(&bob, &silent).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("login_required"));
    })
    .await;
}

#[tokio::test]
async fn o_14_offline_access_is_the_persons_to_give() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp
            .tokens(&app, &browser, &[("scope", "openid offline_access")])
            .await;
        assert!(tokens.get("refresh_token").is_none(), "{tokens}");
        assert_eq!(tokens["scope"], "openid");
    })
    .await;
}

#[tokio::test]
async fn rf_22_the_id_token_of_a_refresh() {
    on_both(async |app| {
        let draft = Draft {
            require_consent: true,
            ..web_app(&SCOPES)
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let wish = [("scope", "openid offline_access"), ("nonce", "n-1")];
        let page = rp.authorize(&browser, &wish).await.text();
        let (_, rest) = page.split_once("name=\"tx\" value=\"").expect("the consent page");
        let tx = rest.split('"').next().expect("a value").to_owned();
        let answer = browser
            .submit("/consent", &[("tx", &tx), ("answer", "allow")])
            .await;
        let tokens = rp
            .redeem(&app, &param(&answer, "code").expect("a code"), &[])
            .await
            .json();
        let first = payload(&text(&tokens, "id_token"));
        assert_eq!(first["nonce"], "n-1");
        app.clock.advance(Lifetime::minutes(10));
        let again = rp
            .refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .json();
        let second = payload(&text(&again, "id_token"));
        for same in ["iss", "sub", "aud", "auth_time", "sid", "acr", "azp"] {
            assert_eq!(second[same], first[same], "{same}");
        }
        assert_eq!(second["iat"].as_i64(), first["iat"].as_i64().map(|at| at + 600));
        assert!(second.get("nonce").is_none());
    })
    .await;
}

#[tokio::test]
async fn oidcc_s5_5_claims_asked_for_singly() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, telling_alice(&app).await);
        let claims =
            r#"{"id_token":{"email":null,"given_name":{"essential":true},"nickname":null,"shoe_size":null}}"#;
        let wish = [("scope", "openid"), ("claims", claims)];
        let tokens = rp.tokens(&app, &browser, &wish).await;
        // What they belong to is asked for with them.
        assert_eq!(tokens["scope"], "openid email profile");
        let told = payload(&text(&tokens, "id_token"));
        assert_eq!(told["email"], "alice@example.com");
        assert_eq!(told["given_name"], "Alice");
        for silent in ["email_verified", "name", "nickname", "shoe_size"] {
            assert!(told.get(silent).is_none(), "{silent}");
        }
        // In a plain OAuth request nobody is told anything.
        let tokens = rp
            .tokens(&app, &browser, &[("scope", "workspace:read"), ("claims", claims)])
            .await;
        assert_eq!(tokens["scope"], "workspace:read");
    })
    .await;
}

#[tokio::test]
async fn oidcc_s5_5_a_claim_needs_its_scope_and_the_persons_word() {
    on_both(async |app| {
        let browser = telling_alice(&app).await;
        let claims = r#"{"id_token":{"email":{"essential":true}},"userinfo":{"email":null}}"#;
        let wish = [("scope", "openid"), ("claims", claims)];
        // A client that may not ask for the scope.
        let rp = Rp::of(&app, web_app(&["openid", "workspace:read"])).await;
        let tokens = rp.tokens(&app, &browser, &wish).await;
        assert_eq!(tokens["scope"], "openid");
        assert!(payload(&text(&tokens, "id_token")).get("email").is_none());
        // A client of which people are asked.
        let draft = Draft {
            require_consent: true,
            ..web_app(&SCOPES)
        };
        let page = Rp::of(&app, draft).await.authorize(&browser, &wish).await.text();
        assert!(page.contains("See your e-mail address"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn oidcc_s5_5_a_malformed_claims_parameter() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for claims in ["{", "[]", r#"{"userinfo":1}"#, r#"{"id_token":{"email":7}}"#] {
            let answer = rp.authorize(&browser, &[("claims", claims)]).await;
            assert_eq!(
                param(&answer, "error").as_deref(),
                Some("invalid_request"),
                "{claims}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn oidcc_s5_5_1_a_sub_that_is_asked_for_is_the_only_one_that_does() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let sub = text(&id_token(&app, &rp, &browser, &[]).await, "sub");
        for member in ["id_token", "userinfo"] {
            let right = json!({ member: { "sub": { "value": sub } } }).to_string();
            rp.code(&browser, &[("claims", &right)]).await;
            let wrong = json!({ member: { "sub": { "value": "somebody" } } }).to_string();
            let answer = rp
                .authorize(&browser, &[("claims", &wrong), ("prompt", "none")])
                .await;
            assert_eq!(param(&answer, "error").as_deref(), Some("login_required"));
        }
    })
    .await;
}

#[tokio::test]
async fn oidcc_s5_5_1_1_an_essential_class_is_a_demand() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let of = |essential: bool, class: &str| {
            json!({ "id_token": { "acr": { "essential": essential, "values": [class] } } }).to_string()
        };
        let demand = of(true, MULTI_FACTOR);
        let answer = rp
            .authorize(&browser, &[("claims", &demand), ("prompt", "none")])
            .await;
        assert_eq!(param(&answer, "error").as_deref(), Some("login_required"));
        let answer = browser.get(&rp.url(&[("claims", &demand)])).await;
        assert!(
            answer.header("location").contains("factor="),
            "{}",
            answer.header("location")
        );
        let answer = rp
            .authorize(&browser, &[("claims", &of(true, "urn:unknown"))])
            .await;
        let error = param(&answer, "error");
        assert_eq!(error.as_deref(), Some("unmet_authentication_requirements"));
        // A wish turns nobody away.
        for wish in [of(false, MULTI_FACTOR), of(false, "urn:unknown")] {
            rp.code(&browser, &[("claims", &wish), ("prompt", "none")]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn o_04_a_client_may_settle_how_old_a_sign_in_may_be() {
    on_both(async |app| {
        let people = PeopleSettings {
            default_max_age: Some(Lifetime::seconds(30)),
            require_auth_time: true,
            ..PeopleSettings::default()
        };
        let draft = Draft {
            people,
            ..web_app(&SCOPES)
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        assert!(id_token(&app, &rp, &browser, &[]).await["auth_time"].is_i64());
        app.clock.advance(Lifetime::seconds(31));
        let answer = rp.authorize(&browser, &[("prompt", "none")]).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("login_required"));
    })
    .await;
}

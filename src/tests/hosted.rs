//! Set-up, sign-in, sign-out, and what guards the forms.

use axum::http::StatusCode;

use super::{
    browser::{Browser, PASSWORD, person},
    harness::{on_both, on_both_with},
};
use crate::{registry::people, secret::Secret, store::users::Role, time::Lifetime};

#[tokio::test]
async fn w_01_the_session_cookie_is_for_this_host_and_no_script() {
    on_both_with(
        &[("issuer", "https://id.example"), ("behind_proxy", "true")],
        async |app| {
            person(&app, "ada", Some(Role::Admin)).await;
            let form = [("username", "ada"), ("password", PASSWORD)];
            let answer = app.post("/login").form(&form).await;
            let cookie = answer.header("set-cookie");
            assert!(cookie.starts_with("__Host-oauthority="), "{cookie}");
            for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        },
    )
    .await;
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let form = [("username", "ada"), ("password", PASSWORD)];
        let answer = app.post("/login").form(&form).await;
        let cookie = answer.header("set-cookie");
        assert!(
            cookie.starts_with("oauthority=") && cookie.contains("HttpOnly"),
            "{cookie}"
        );
    })
    .await;
}

#[tokio::test]
async fn w_02_a_45_b_081_signing_in_makes_a_new_session_and_ends_the_old_one() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let first = browser.session().unwrap();
        browser.sign_in("ada").await;
        let second = browser.session().unwrap();
        assert_ne!(first, second);
        browser.set_session(&first);
        assert_eq!(browser.get("/me/preferences").await.status, StatusCode::SEE_OTHER);
        // A cookie somebody planted is not taken over.
        let planted = "A".repeat(43);
        browser.set_session(&planted);
        browser.sign_in("ada").await;
        assert_ne!(browser.session().unwrap(), planted);
    })
    .await;
}

#[tokio::test]
async fn w_03_signing_out_ends_the_session_on_the_server() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let session = browser.session().unwrap();
        let answer = browser.submit("/logout", &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(browser.session(), None);
        browser.set_session(&session);
        let answer = browser.get("/me/preferences").await;
        assert_eq!(answer.header("location"), "/login?return_to=%2Fme%2Fpreferences");
    })
    .await;
}

#[tokio::test]
async fn w_04_a_session_ends_when_idle_and_at_last_in_any_case() {
    on_both(async |app| {
        let limits = app.app.registry.config.lifetimes.clone();
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        app.clock.advance(limits.session_idle);
        assert_eq!(browser.get("/me/preferences").await.status, StatusCode::SEE_OTHER);
        browser.sign_in("ada").await;
        let step = Lifetime::seconds(limits.session_idle.as_seconds() - 60);
        let mut alive = 0;
        while alive < limits.session.as_seconds() - step.as_seconds() {
            app.clock.advance(step);
            alive += step.as_seconds();
            assert_eq!(
                browser.get("/me/preferences").await.status,
                StatusCode::OK,
                "{alive}"
            );
        }
        app.clock.advance(step);
        assert_eq!(browser.get("/me/preferences").await.status, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn w_05_b_092_a_form_without_our_token_or_from_another_site_is_refused() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let csrf = browser.csrf();
        let dark = |token| [("csrf", token), ("theme", "dark")];
        let path = "/me/preferences";
        let cases: [(&str, &[(&'static str, &str)]); 6] = [
            ("", &[]),
            ("x", &[]),
            (&csrf, &[("origin", "https://evil.example")]),
            (&csrf, &[("origin", "null")]),
            (&csrf, &[("sec-fetch-site", "cross-site")]),
            (&csrf, &[("sec-fetch-site", "same-site")]),
        ];
        for (token, headers) in cases {
            let answer = browser.post_with(path, &dark(token), headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{token} {headers:?}");
        }
        // The token of somebody else's session is no better.
        let other = Browser::of(&app, "bob", Role::Admin).await;
        let foreign = other.csrf();
        let answer = browser.post_with(path, &dark(&foreign), &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(!browser.get(path).await.text().contains("data-theme=\"dark\""));
        let same = [
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin"),
        ];
        let answer = browser.post_with(path, &dark(&csrf), &same).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(browser.get(path).await.text().contains("data-theme=\"dark\""));
    })
    .await;
}

#[tokio::test]
async fn a_47_b_083_a_wrong_password_and_an_unknown_user_read_the_same() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let mut pages = Vec::new();
        for username in ["ada", "zoe"] {
            let form = [("username", username), ("password", "not the right one")];
            let answer = app.post("/login").form(&form).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            pages.push(answer.text().replace(username, "NAME"));
        }
        assert_eq!(pages[0], pages[1]);
    })
    .await;
}

#[tokio::test]
async fn too_many_wrong_passwords_lock_the_account_for_a_while() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let most = app.app.registry.config.limits.sign_in_attempts_per_account;
        for _ in 0..most {
            let form = [("username", "ada"), ("password", "wrong wrong wrong")];
            app.post("/login").form(&form).await;
        }
        let right = [("username", "ada"), ("password", PASSWORD)];
        assert_eq!(
            app.post("/login").form(&right).await.status,
            StatusCode::UNAUTHORIZED
        );
        app.clock.advance(Lifetime::minutes(16));
        assert_eq!(
            app.post("/login").form(&right).await.status,
            StatusCode::SEE_OTHER
        );
    })
    .await;
}

#[tokio::test]
async fn sign_ins_are_limited_by_address() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let right = [("username", "ada"), ("password", PASSWORD)];
        let wrong = [("username", "nobody"), ("password", "x")];
        for _ in 0..app.app.registry.config.limits.sign_in_attempts_per_address {
            app.post("/login").from("203.0.113.9").form(&wrong).await;
        }
        let answer = app.post("/login").from("203.0.113.9").form(&right).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        let answer = app.post("/login").from("203.0.113.10").form(&right).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn the_set_up_link_makes_one_administrator_and_dies() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let link = people::setup_link(registry)
            .await
            .unwrap()
            .expect("nobody is there yet");
        let replaced = people::setup_link(registry).await.unwrap().expect("still nobody");
        assert_eq!(app.get(&link.path).send().await.status, StatusCode::GONE);
        assert_eq!(app.get(&replaced.path).send().await.status, StatusCode::OK);
        let weak = [("username", "ada"), ("password", "password1234")];
        let answer = app.post(&replaced.path).form(&weak).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text().contains("<title>Error: "));
        let form = [("username", "ada"), ("password", PASSWORD)];
        let answer = app.post(&replaced.path).form(&form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(
            app.post(&replaced.path).form(&form).await.status,
            StatusCode::GONE
        );
        assert!(people::setup_link(registry).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_set_up_link_is_valid_for_a_day() {
    on_both(async |app| {
        let link = people::setup_link(&app.app.registry).await.unwrap().unwrap();
        app.clock.advance(Lifetime::hours(24));
        assert_eq!(app.get(&link.path).send().await.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn a_46_signing_in_leads_to_our_own_pages_only() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        for (asked, followed) in [
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/orgs/main/clients?q=a", "/orgs/main/clients?q=a"),
        ] {
            let form = [("username", "ada"), ("password", PASSWORD), ("return_to", asked)];
            let answer = app.post("/login").form(&form).await;
            assert_eq!(answer.header("location"), followed);
        }
    })
    .await;
}

#[tokio::test]
async fn g_36_hosted_pages_cannot_be_framed() {
    on_both(async |app| {
        let answer = app.get("/login").send().await;
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'")
        );
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cache-control"), "no-store");
    })
    .await;
}

#[tokio::test]
async fn b_090_a_malformed_cookie_counts_as_none() {
    on_both(async |app| {
        let long = format!("oauthority={}", "A".repeat(8000));
        for cookie in [
            long.as_str(),
            "oauthority=%00",
            "oauthority",
            "oauthority=a; oauthority=b",
        ] {
            let answer = app.get("/me/preferences").header("cookie", cookie).send().await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{cookie:.40}");
        }
    })
    .await;
}

#[tokio::test]
async fn guesses_side_by_side_lock_an_account_too() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let registry = &app.app.registry;
        let from = people::Browser {
            ip: "192.0.2.9".to_owned(),
            user_agent: String::new(),
            previous: None,
        };
        let guess = async |word: &str| {
            people::sign_in(registry, "ada", Secret::new(word.to_owned()), &from)
                .await
                .is_ok()
        };
        let most = registry.config.limits.sign_in_attempts_per_account;
        for _ in 0..most.div_ceil(2) {
            let (one, other) = tokio::join!(guess("wrong"), guess("wrong as well"));
            assert!(!one && !other);
        }
        assert!(!guess(PASSWORD).await, "the account is locked");
        app.clock.advance(Lifetime::minutes(16));
        assert!(guess(PASSWORD).await);
    })
    .await;
}

#[tokio::test]
async fn a_set_up_link_is_dead_once_somebody_has_an_account() {
    on_both(async |app| {
        let link = people::setup_link(&app.app.registry)
            .await
            .unwrap()
            .expect("nobody yet");
        person(&app, "ada", Some(Role::Admin)).await;
        let browser = Browser::new(&app);
        assert_eq!(browser.get(&link.path).await.status, StatusCode::GONE);
        let form = [("username", "eve"), ("password", PASSWORD)];
        let refused = browser.submit(&link.path, &form).await;
        assert_eq!(refused.status, StatusCode::GONE, "{}", refused.text());
    })
    .await;
}

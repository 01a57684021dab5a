//! Set-up, sign-in, sign-out, and what guards the forms.

use axum::http::StatusCode;

use super::{
    browser::{Browser, PASSWORD, person},
    harness::{TestApp, on_both, on_both_with},
    sign_in::browser_at,
};
use crate::{
    registry::{
        members::{self, NewMember},
        people, sign_in,
    },
    secret::Secret,
    store::{self, users::Role},
    time::Lifetime,
};

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
async fn too_many_wrong_passwords_shut_out_for_a_while() {
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
            StatusCode::TOO_MANY_REQUESTS
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
async fn g_18_whoever_asks_reads_that_the_body_is_too_large() {
    on_both(async |app| {
        for (path, media_type) in [
            ("/oauth2/token", "application/json"),
            ("/api/oauth/token", "application/json"),
            ("/api/v1/orgs", "application/problem+json"),
            ("/api/oauth-applications", "application/problem+json"),
            ("/login", "text/html; charset=utf-8"),
            ("/orgs/main/clients", "text/html; charset=utf-8"),
        ] {
            let call = app.post(path);
            let body = "a=".to_owned() + &"x".repeat(70_000);
            let answer = call.raw("application/x-www-form-urlencoded", body).await;
            assert_eq!(answer.status, 413, "{path}");
            assert_eq!(answer.header("content-type"), media_type, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            if media_type == "application/problem+json" {
                let problem = answer.json();
                assert_eq!(problem["code"], "request_too_large");
                assert_eq!(problem["instance"], path);
                assert_eq!(problem["request_id"], answer.header("request-id"));
            }
            if media_type.starts_with("text/html") {
                assert!(answer.text().contains("Nothing was changed."), "{path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn g_26_b_082_links_and_redirects_come_from_the_issuer() {
    on_both_with(
        &[("issuer", "https://id.example"), ("behind_proxy", "true")],
        async |app| {
            person(&app, "ada", Some(Role::Admin)).await;
            let form = [("username", "ada"), ("password", PASSWORD)];
            let spoofed = |path: &str| {
                app.post(path)
                    .from("203.0.113.9")
                    .header("host", "evil.example")
                    .header("forwarded", "host=evil.example;proto=http")
                    .header("x-forwarded-host", "evil.example")
                    .header("x-forwarded-proto", "http")
            };
            let answer = spoofed("/login").form(&form).await;
            assert_eq!(answer.header("location"), "/");
            assert!(answer.header("set-cookie").contains("; Secure"));
            let client = app.service(&["members:write"]).await;
            let token = client.token(&app).await;
            let added = spoofed(&format!("/api/v1/orgs/{}/members", app.org.handle))
                .bearer(&token)
                .json(&serde_json::json!({ "username": "ben", "role": "member" }))
                .await;
            let members = format!("https://id.example/api/v1/orgs/{}/members/", app.org.handle);
            assert!(added.header("location").starts_with(&members), "{}", added.text());
            let link = added.json()["setup_link"].as_str().unwrap_or_default().to_owned();
            assert!(link.starts_with("https://id.example/setup/"), "{link}");
        },
    )
    .await;
}

/// The path of the link of a new member.
async fn invited(app: &TestApp, username: &str) -> String {
    let new = NewMember {
        username: username.to_owned(),
        display_name: None,
        email: Some(format!("{username}@example.com")),
        role: Role::Member,
    };
    let added = members::add(&app.app.registry, &app.owner(), new)
        .await
        .expect("added");
    added.link.path
}

#[tokio::test]
async fn w_25_an_account_link_is_for_one_person_one_time_and_one_organisation() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let path = invited(&app, "ben").await;
        for altered in [
            format!("{path}A"),
            path[..path.len() - 1].to_owned(),
            path.to_uppercase(),
        ] {
            let answer = app.post(&altered).form(&[("password", PASSWORD)]).await;
            assert!(
                answer.status == StatusCode::GONE || answer.status == StatusCode::NOT_FOUND,
                "{altered}"
            );
        }
        // Whatever else is posted, the link decides who it is for.
        let form = [
            ("password", PASSWORD),
            ("username", "mallory"),
            ("email", "mallory@example.com"),
            ("role", "owner"),
            ("org", other.id.as_str()),
        ];
        let answer = app.post(&path).form(&form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(app.get(&path).send().await.status, StatusCode::GONE);
        assert_eq!(app.post(&path).form(&form).await.status, StatusCode::GONE);
        let find = async |name| {
            store::users::find_by_username(app.db(), name)
                .await
                .expect("read")
        };
        assert!(find("mallory").await.is_none());
        let ben = find("ben").await.expect("added");
        assert_eq!(ben.email.as_deref(), Some("ben@example.com"));
        let role = async |org| store::users::role(app.db(), org, &ben.id).await.expect("read");
        assert_eq!(role(&app.org.id).await, Some(Role::Member));
        assert_eq!(role(&other.id).await, None);
        let late = invited(&app, "eve").await;
        app.clock.advance(Lifetime::hours(24));
        assert_eq!(app.get(&late).send().await.status, StatusCode::GONE);
        assert_eq!(app.post(&late).form(&form).await.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn g_25_after_a_password_the_browser_is_led_on_by_303() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let link = invited(&app, "ben").await;
        let right = [
            ("username", "ada"),
            ("password", PASSWORD),
            ("return_to", "/me/preferences"),
        ];
        for (path, form) in [("/login", &right[..]), (link.as_str(), &right[1..2])] {
            let answer = app.post(path).form(form).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        }
        // A form for an organisation that is spelled otherwise is refused rather than sent on with all it holds.
        let ada = Browser::new(&app);
        ada.sign_in("ada").await;
        let shouted = app.org.handle.to_uppercase();
        for path in [
            format!("/orgs/{shouted}/clients/new/service"),
            format!("/orgs/{}/clients/", app.org.handle),
        ] {
            let status = ada.submit(&path, &[("password", PASSWORD)]).await.status.as_u16();
            assert!(![301, 302, 307, 308].contains(&status), "{path}: {status}");
        }
    })
    .await;
}

#[tokio::test]
async fn guesses_side_by_side_shut_out_too() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let registry = &app.app.registry;
        let from = browser_at("192.0.2.9");
        let guess = async |word: &str| {
            sign_in::password(registry, "ada", Secret::new(word.to_owned()), &from)
                .await
                .is_ok()
        };
        let most = registry.config.limits.sign_in_attempts_per_account;
        for _ in 0..most.div_ceil(2) {
            let (one, other) = tokio::join!(guess("wrong"), guess("wrong as well"));
            assert!(!one && !other);
        }
        assert!(!guess(PASSWORD).await, "shut out");
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

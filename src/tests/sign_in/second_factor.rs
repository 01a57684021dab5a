//! Codes of an authenticator app, recovery codes, and a factor that is set up on the spot.

use axum::http::StatusCode;

use super::{codes, events, hidden, is_signed_in, offered, password, set_up_app, user};
use crate::{
    oauth::authentication::MULTI_FACTOR,
    store::{self, users::Role},
    tests::{
        browser::Browser,
        harness::{TestApp, on_both},
    },
    time::Lifetime,
};

const STEP: Lifetime = Lifetime::seconds(30);

/// A browser that signed out again, of somebody who has an authenticator app.
async fn with_app<'a>(app: &'a TestApp, name: &str) -> (Browser<'a>, super::App, Vec<String>) {
    let browser = Browser::of(app, name, Role::Admin).await;
    let (device, codes) = set_up_app(app, &browser).await;
    browser.submit("/logout", &[]).await;
    app.clock.advance(STEP);
    (browser, device, codes)
}

async fn methods(app: &TestApp, username: &str) -> Vec<String> {
    let user = user(app, username).await;
    let sessions = crate::registry::sessions::of_user(&app.app.registry, &user.id).await;
    sessions
        .expect("read")
        .into_iter()
        .map(|session| session.methods)
        .collect()
}

#[tokio::test]
async fn a_password_alone_is_no_session_when_there_is_a_second_factor() {
    on_both(async |app| {
        let (browser, device, _) = with_app(&app, "ada").await;
        let half = password(&browser, "ada").await;
        assert_eq!(half.header("location"), "/login/mfa?return_to=%2F");
        assert_eq!(browser.session(), None);
        assert!(!is_signed_in(&browser).await);
        let page = browser.get("/login/mfa?return_to=%2Fme%2Fpreferences").await;
        assert!(page.text().contains("autocomplete=\"one-time-code\""));
        let wrong = browser.submit("/login/mfa", &[("code", "000000")]).await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
        assert!(!is_signed_in(&browser).await);
        browser.get("/login/mfa").await;
        let code = device.code(&app);
        let done = browser
            .submit("/login/mfa", &[("code", &code), ("return_to", "/me/preferences")])
            .await;
        assert_eq!(done.header("location"), "/me/preferences", "{}", done.text());
        assert!(is_signed_in(&browser).await);
        assert_eq!(methods(&app, "ada").await, ["pwd otp mfa"]);
    })
    .await;
}

#[tokio::test]
async fn rfc6238_s5_2_a_code_works_once() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let (device, _) = set_up_app(&app, &browser).await;
        browser.submit("/logout", &[]).await;
        // The code that set it up is used.
        password(&browser, "ada").await;
        browser.get("/login/mfa").await;
        let used = device.code(&app);
        let again = browser.submit("/login/mfa", &[("code", &used)]).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED);
        app.clock.advance(STEP);
        let fresh = device.code(&app);
        let done = browser.submit("/login/mfa", &[("code", &fresh)]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        let other = Browser::new(&app);
        password(&other, "ada").await;
        other.get("/login/mfa").await;
        for code in [&fresh, &used] {
            let again = other.submit("/login/mfa", &[("code", code)]).await;
            assert_eq!(again.status, StatusCode::UNAUTHORIZED, "{}", again.text());
        }
    })
    .await;
}

#[tokio::test]
async fn codes_are_guessed_no_more_often_than_passwords() {
    on_both(async |app| {
        let (_, device, _) = with_app(&app, "ada").await;
        let guesser = Browser::new(&app);
        // The password that begins it is a try from there, too.
        for halves in [5, 3] {
            password(&guesser, "ada").await;
            guesser.get("/login/mfa").await;
            for _ in 0..halves {
                let wrong = guesser.submit("/login/mfa", &[("code", "000000")]).await;
                assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{}", wrong.text());
            }
        }
        let code = device.code(&app);
        let shut = guesser.submit("/login/mfa", &[("code", &code)]).await;
        assert_eq!(shut.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(shut.header("retry-after"), "900");
        assert!(shut.text().contains("Too many wrong tries"), "{}", shut.text());
        let shut = password(&guesser, "ada").await;
        assert!(shut.text().contains("Too many wrong tries"), "{}", shut.text());
        crate::registry::guessing::tell(&app.app.registry)
            .await
            .expect("told");
        assert_eq!(events(&app, "user.locked").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    on_both(async |app| {
        let (browser, _, codes) = with_app(&app, "ada").await;
        assert_eq!(codes.len(), 10);
        for (attempt, status) in [StatusCode::SEE_OTHER, StatusCode::UNAUTHORIZED]
            .into_iter()
            .enumerate()
        {
            let other = Browser::new(&app);
            password(&other, "ada").await;
            other.get("/login/mfa").await;
            let typed = codes[0].to_uppercase().replace('-', " ");
            let answer = other.submit("/login/mfa", &[("code", &typed)]).await;
            assert_eq!(answer.status, status, "{attempt}: {}", answer.text());
        }
        assert_eq!(events(&app, "user.recovery_code_used").await.len(), 1);
        // New codes end the old ones.
        password(&browser, "ada").await;
        browser.get("/login/mfa").await;
        browser.submit("/login/mfa", &[("code", &codes[1])]).await;
        browser.get("/me/security").await;
        let fresh = super::codes(&browser.submit("/me/security", &[("do", "codes")]).await);
        assert_ne!(fresh, codes);
        let other = Browser::new(&app);
        password(&other, "ada").await;
        other.get("/login/mfa").await;
        for (code, status) in [
            (&codes[2], StatusCode::UNAUTHORIZED),
            (&fresh[0], StatusCode::SEE_OTHER),
        ] {
            let answer = other.submit("/login/mfa", &[("code", code)]).await;
            assert_eq!(answer.status, status);
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_proven_counts_five_minutes_once_and_only_with_the_same_password() {
    on_both(async |app| {
        let (browser, device, _) = with_app(&app, "ada").await;
        password(&browser, "ada").await;
        browser.get("/login/mfa").await;
        app.clock.advance(Lifetime::minutes(5));
        let late = browser
            .submit("/login/mfa", &[("code", &device.code(&app))])
            .await;
        assert_eq!(late.header("location"), "/login?return_to=%2F");
        // A copy of the cookie from before is worth nothing after the sign-in.
        password(&browser, "ada").await;
        let half = browser.cookie("oauthority-sign-in").expect("half a sign-in");
        browser.get("/login/mfa").await;
        browser
            .submit("/login/mfa", &[("code", &device.code(&app))])
            .await;
        assert!(is_signed_in(&browser).await);
        let thief = Browser::new(&app);
        thief.set_cookie("oauthority-sign-in", &half);
        let page = thief.get("/login/mfa").await;
        assert_eq!(page.header("location"), "/login?return_to=%2F");
        // Nor after the password was changed.
        app.clock.advance(STEP);
        let other = Browser::new(&app);
        password(&other, "ada").await;
        other.get("/login/mfa").await;
        let ada = user(&app, "ada").await;
        let changed = store::users::set_password(&ada.id, "another hash", app.clock.now());
        app.db().write(changed.into()).await.expect("written");
        let page = other.submit("/login/mfa", &[("code", &device.code(&app))]).await;
        assert_eq!(page.header("location"), "/login?return_to=%2F");
    })
    .await;
}

#[tokio::test]
async fn w_05_a_code_is_taken_from_our_own_page_only() {
    on_both(async |app| {
        let (browser, device, _) = with_app(&app, "ada").await;
        password(&browser, "ada").await;
        let page = browser.get("/login/mfa").await;
        let (code, token) = (device.code(&app), hidden(&page, "csrf"));
        let cases: [(&str, &[(&'static str, &str)]); 2] =
            [("x", &[]), (&token, &[("origin", "https://evil.example")])];
        for (token, headers) in cases {
            let form = [("code", code.as_str()), ("csrf", token)];
            browser.post_with("/login/mfa", &form, headers).await;
            assert!(!is_signed_in(&browser).await, "{headers:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_needs_a_second_factor_sets_it_up_on_the_spot() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        browser.submit("/logout", &[]).await;
        app.demand_second_factor().await;
        let half = password(&browser, "ada").await;
        assert_eq!(half.header("location"), "/login/factor?return_to=%2F");
        assert!(!is_signed_in(&browser).await);
        let page = browser.get("/login/factor?return_to=%2Fme%2Fsecurity").await;
        assert!(page.text().contains("<svg width=\"200\""), "{}", page.text());
        let (device, sealed) = (offered(&page), hidden(&page, "sealed"));
        let wrong = [("sealed", sealed.as_str()), ("code", "000000")];
        let refused = browser.submit("/login/factor", &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(offered(&refused).secret, device.secret, "the same secret again");
        let code = device.code(&app);
        let right = [
            ("sealed", sealed.as_str()),
            ("code", code.as_str()),
            ("return_to", "/me/security"),
        ];
        let done = browser.submit("/login/factor", &right).await;
        assert_eq!(codes(&done).len(), 10);
        assert!(done.text().contains("href=\"/me/security\""));
        assert!(is_signed_in(&browser).await);
        assert_eq!(methods(&app, "ada").await, ["pwd otp mfa"]);
    })
    .await;
}

#[tokio::test]
async fn a_password_alone_adds_nothing_to_an_account_with_a_second_factor() {
    on_both(async |app| {
        let (browser, _, _) = with_app(&app, "ada").await;
        let ada = user(&app, "ada").await;
        let removed = store::totp_secrets::remove(&ada.id);
        let page = {
            // An offer from a time when the account had none.
            app.db().write(removed.into()).await.expect("removed");
            app.demand_second_factor().await;
            password(&browser, "ada").await;
            browser.get("/login/factor").await
        };
        let (device, sealed) = (offered(&page), hidden(&page, "sealed"));
        let key = store::passkeys::Passkey {
            id: "AAAA".to_owned(),
            user_id: ada.id.clone(),
            name: "Key".to_owned(),
            credential: "{}".to_owned(),
            created_at: app.clock.now(),
            last_used_at: None,
        };
        app.db()
            .write(store::passkeys::add(&key, 10).into())
            .await
            .expect("added");
        let code = device.code(&app);
        let form = [("sealed", sealed.as_str()), ("code", code.as_str())];
        let refused = browser.submit("/login/factor", &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        assert!(!is_signed_in(&browser).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_steps_up_without_the_password_and_keeps_its_id() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let path = format!("/login?return_to=%2Fme%2Fsecurity&factor={MULTI_FACTOR}");
        let step = browser.get(&path).await;
        let expected =
            "/login/factor?return_to=%2Fme%2Fsecurity&factor=urn%3Aoauthority%3Aacr%3Amulti-factor";
        assert_eq!(step.header("location"), expected);
        assert!(is_signed_in(&browser).await, "the session goes on meanwhile");
        let ada = user(&app, "ada").await;
        let before = crate::registry::sessions::of_user(&app.app.registry, &ada.id)
            .await
            .expect("read");
        let cookie = browser.session();
        app.clock.advance(Lifetime::minutes(1));
        let page = browser.get(expected).await;
        let (device, sealed) = (offered(&page), hidden(&page, "sealed"));
        let code = device.code(&app);
        browser
            .submit("/login/factor", &[("sealed", &sealed), ("code", &code)])
            .await;
        let after = crate::registry::sessions::of_user(&app.app.registry, &ada.id)
            .await
            .expect("read");
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].id, before[0].id);
        assert_eq!(after[0].methods, "pwd otp mfa");
        assert_eq!(after[0].authenticated_at, before[0].authenticated_at);
        assert_eq!(after[0].expires_at, before[0].expires_at);
        assert_ne!(browser.session(), cookie, "a new cookie");
        let there = browser.get(&path).await;
        assert_eq!(there.header("location"), "/me/security");
    })
    .await;
}

#[tokio::test]
async fn an_organisation_that_needs_a_second_factor_is_closed_to_a_session_with_one() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let old = Browser::new(&app);
        old.sign_in("ada").await;
        let path = format!("/orgs/{}/clients", app.org.handle);
        assert_eq!(browser.get(&path).await.status, StatusCode::OK);
        app.demand_second_factor().await;
        let led = browser.get(&path).await;
        assert_eq!(led.status, StatusCode::SEE_OTHER);
        assert!(led.header("location").starts_with("/login?return_to=%2Forgs%2F"));
        set_up_app(&app, &browser).await;
        // Where it was set up, the app was shown as well.
        assert_eq!(browser.get(&path).await.status, StatusCode::OK);
        let led = old.get(&path).await;
        let led = old.get(led.header("location")).await;
        assert!(
            led.header("location").starts_with("/login/mfa?"),
            "{}",
            led.header("location")
        );
    })
    .await;
}

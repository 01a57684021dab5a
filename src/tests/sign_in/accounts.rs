//! Several accounts in one browser.

use axum::http::StatusCode;

use super::{between, is_signed_in, password, user};
use crate::{
    registry::sessions,
    store::{sessions::Session, users::Role},
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{Answer, TestApp, on_both},
    },
    time::Lifetime,
};

async fn sessions_of(app: &TestApp, username: &str) -> Vec<Session> {
    let user = user(app, username).await;
    sessions::of_user(&app.app.registry, &user.id)
        .await
        .expect("read")
}

/// Ada signed in, then Ben beside her.
async fn both(app: &TestApp) -> Browser<'_> {
    let browser = Browser::of(app, "ada", Role::Admin).await;
    person(app, "ben", Some(Role::Auditor)).await;
    let form = browser.get("/login?other=1&return_to=%2F").await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(
        form.text()
            .contains("id=\"username\" name=\"username\" type=\"text\" value=\"\"")
    );
    browser.sign_in("ben").await;
    browser
}

async fn who(browser: &Browser<'_>) -> String {
    between(
        &browser.get("/me/preferences").await,
        "aria-label=\"Account: ",
        "\"",
    )
}

/// The form token that stands beside a session.
fn token_beside(page: &Answer, session: &str) -> String {
    let text = page.text();
    let (before, _) = text.split_once(session).expect("the session");
    let (_, token) = before.rsplit_once("name=\"csrf\" value=\"").expect("a token");
    token.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn another_account_signs_in_beside_the_first_and_either_can_be_chosen() {
    on_both(async |app| {
        let browser = both(&app).await;
        assert_eq!(who(&browser).await, "ben");
        let page = browser.get("/login/choose?return_to=%2Fme%2Fpreferences").await;
        assert!(page.text().contains("<bdi>ada</bdi> (ada)") && page.text().contains("<bdi>ben</bdi> (ben)"));
        let ada = sessions_of(&app, "ada").await.remove(0).id;
        let token = token_beside(&page, &ada);
        let chosen = browser
            .post_with(
                "/login/choose",
                &[
                    ("csrf", &token),
                    ("session", &ada),
                    ("return_to", "/me/preferences"),
                ],
                &[],
            )
            .await;
        assert_eq!(chosen.header("location"), "/me/preferences", "{}", chosen.text());
        assert_eq!(who(&browser).await, "ada");
        // With the token of the other one it is refused.
        let ben = sessions_of(&app, "ben").await.remove(0).id;
        let form = [("csrf", token.as_str()), ("session", ben.as_str())];
        let refused = browser.post_with("/login/choose", &form, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(who(&browser).await, "ada");
    })
    .await;
}

#[tokio::test]
async fn signing_out_ends_the_current_account_or_all_of_them() {
    on_both(async |app| {
        let browser = both(&app).await;
        let out = browser.submit("/logout", &[]).await;
        assert_eq!(out.header("location"), "/login/choose");
        assert!(!is_signed_in(&browser).await);
        assert_eq!(sessions_of(&app, "ben").await.len(), 0);
        assert_eq!(sessions_of(&app, "ada").await.len(), 1);
        let page = browser.get("/login/choose").await;
        assert!(
            page.text().contains("<bdi>ada</bdi> (ada)") && !page.text().contains("<bdi>ben</bdi> (ben)")
        );
        browser.sign_in("ben").await;
        let out = browser.submit("/logout", &[("all", "1")]).await;
        assert_eq!(out.header("location"), "/login");
        assert_eq!(
            sessions_of(&app, "ben").await.len() + sessions_of(&app, "ada").await.len(),
            0
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_is_signed_out_without_the_token_of_his_form() {
    on_both(async |app| {
        let browser = both(&app).await;
        for form in [&[("csrf", "x")][..], &[("csrf", "x"), ("all", "1")]] {
            let answer = browser.post_with("/logout", form, &[]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
        assert_eq!(who(&browser).await, "ben");
    })
    .await;
}

#[tokio::test]
async fn who_proves_anew_keeps_the_session_its_public_id_and_the_other_accounts() {
    on_both(async |app| {
        let browser = both(&app).await;
        let before = sessions_of(&app, "ben").await.remove(0);
        let cookie = browser.session();
        app.clock.advance(Lifetime::minutes(20));
        let form = browser.get("/login?again=1&return_to=%2Fme%2Fpreferences").await;
        assert_eq!(form.status, StatusCode::OK);
        assert!(form.text().contains("value=\"ben\""), "{}", form.text());
        password(&browser, "ben").await;
        let after = sessions_of(&app, "ben").await;
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].id, before.id);
        assert_eq!(after[0].created_at, before.created_at);
        assert_eq!(after[0].authenticated_at, app.clock.now());
        assert_ne!(browser.session(), cookie);
        browser.get("/me/preferences").await;
        let page = browser.get("/login/choose").await;
        assert!(page.text().contains("<bdi>ada</bdi> (ada)"));
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_hinted_at_stands_in_the_form_and_who_is_signed_in_goes_on() {
    on_both(async |app| {
        let browser = Browser::new(&app);
        let form = browser
            .get("/login?login_hint=ada&return_to=%2Foauth2%2Fauthorize%3Fa%3Db")
            .await;
        assert!(form.text().contains("value=\"ada\""));
        assert!(!form.header("content-security-policy").contains("form-action"));
        person(&app, "ada", Some(Role::Admin)).await;
        let form = [
            ("username", "ada"),
            ("password", PASSWORD),
            ("return_to", "/oauth2/authorize?a=b"),
        ];
        let there = browser.submit("/login", &form).await;
        assert_eq!(there.header("location"), "/oauth2/authorize?a=b");
        assert!(!there.header("content-security-policy").contains("form-action"));
        let on = browser
            .get("/login?return_to=%2Foauth2%2Fauthorize%3Fa%3Db")
            .await;
        assert_eq!(on.header("location"), "/oauth2/authorize?a=b");
    })
    .await;
}

#[tokio::test]
async fn b_090_a_cookie_of_others_that_was_made_up_holds_nobody() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let many = vec!["A".repeat(43); 40].join(".");
        for value in [many.as_str(), "..", "x", &"A".repeat(43)] {
            browser.set_cookie("oauthority-others", value);
            let page = browser.get("/login/choose").await;
            assert_eq!(page.status, StatusCode::OK);
            assert_eq!(page.text().matches("action=\"/login/choose\"").count(), 1);
        }
    })
    .await;
}

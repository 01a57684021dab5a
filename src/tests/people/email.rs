//! The address of a person, and what else he tells about himself.

use axum::http::StatusCode;

use super::{link, post, reachable};
use crate::{
    store::{
        self,
        users::{Role, User},
    },
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{Answer, TestApp, on_both},
    },
    time::Lifetime,
};

async fn read(app: &TestApp, username: &str) -> User {
    let found = store::users::find_by_username(app.db(), username).await;
    found.unwrap().expect("a person")
}

async fn change(browser: &Browser<'_>, email: &str) -> Answer {
    browser
        .submit("/me/email", &[("do", "change"), ("email", email)])
        .await
}

#[tokio::test]
async fn an_address_is_taken_over_once_its_person_opens_the_link() {
    on_both(async |app| {
        let ada = person(&app, "ada", Some(Role::Member)).await;
        reachable(&app, &ada, "old@example.com").await;
        let browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let asked = change(&browser, " Ada@Example.com ").await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.text());
        let page = browser.get("/me/profile").await.text();
        assert!(
            page.contains("Ada@Example.com") && page.contains("Send the link again"),
            "{page}"
        );
        assert_eq!(read(&app, "ada").await.email.as_deref(), Some("old@example.com"));
        let mails = post(&app).await;
        assert!(mails[0].contains("To: Ada@Example.com\r\n"), "{}", mails[0]);
        let path = link(&mails[0]);

        let anybody = Browser::new(&app);
        let sent = anybody.get(&path).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "sign in first");
        let eve = Browser::of(&app, "eve", Role::Member).await;
        assert_eq!(eve.get(&path).await.status, StatusCode::GONE);
        assert_eq!(eve.submit(&path, &[]).await.status, StatusCode::GONE);

        assert_eq!(browser.get(&path).await.status, StatusCode::OK);
        assert_eq!(browser.submit(&path, &[]).await.status, StatusCode::SEE_OTHER);
        let now = read(&app, "ada").await;
        assert_eq!(now.email.as_deref(), Some("Ada@Example.com"));
        assert!(now.email_verified_at.is_some() && now.email_pending.is_none());
        assert_eq!(browser.submit(&path, &[]).await.status, StatusCode::GONE);
        let told = post(&app).await;
        assert!(
            told[0].contains("To: old@example.com") && told[0].contains("was changed"),
            "{told:?}"
        );
        // Looked up by the new address, whatever its case, and by the old one no more.
        for (who, found) in [("ADA@EXAMPLE.COM", 1), ("old@example.com", 0)] {
            let all = store::users::find_by_email(app.db(), who, 9).await.unwrap();
            assert_eq!(all.len(), found, "{who}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_newer_link_ends_the_older_and_five_an_hour_are_enough() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Member).await;
        change(&browser, "one@example.com").await;
        let first = link(&post(&app).await[0]);
        change(&browser, "two@example.com").await;
        let second = link(&post(&app).await[0]);
        assert_eq!(browser.submit(&first, &[]).await.status, StatusCode::GONE);
        for _ in 0..3 {
            change(&browser, "two@example.com").await;
        }
        let sixth = change(&browser, "two@example.com").await;
        assert_eq!(sixth.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(browser.submit(&second, &[]).await.status, StatusCode::GONE);
        let last = link(post(&app).await.last().unwrap());
        app.clock.advance(Lifetime::minutes(60 * 24 - 1));
        let later = Browser::new(&app);
        later.sign_in("ada").await;
        assert_eq!(later.get(&last).await.status, StatusCode::OK);
        app.clock.advance(Lifetime::minutes(1));
        assert_eq!(later.get(&last).await.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn an_address_changes_only_after_a_fresh_sign_in() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Member).await;
        app.clock.advance(Lifetime::minutes(16));
        let asked = change(&browser, "ada@example.com").await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        assert!(asked.text().contains("Enter your password"), "{}", asked.text());
        assert!(read(&app, "ada").await.email_pending.is_none());
        let form = [
            ("do", "change"),
            ("email", "ada@example.com"),
            ("confirm_password", PASSWORD),
        ];
        let again = browser.submit("/me/email", &form).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.text());
        let bad = change(&browser, "ada@example.com, eve@evil.example").await;
        assert!(bad.status.is_client_error());
        let removed = browser.submit("/me/email", &[("do", "remove")]).await;
        assert!(removed.status == StatusCode::SEE_OTHER || removed.status == StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_what_its_person_says_but_for_what_is_verified() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Member).await;
        let told = [
            ("display_name", "Ada Lovelace"),
            ("given_name", "Ada"),
            ("birthdate", "1815-12-10"),
            ("zoneinfo", "Europe/London"),
            ("phone_number", "+44 20 7946 0000"),
            ("phone_number_verified", "true"),
            ("street_address", "12 St James's Square\r\nLondon"),
            ("country", "GB"),
        ];
        let saved = browser.submit("/me/profile", &told).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
        let ada = read(&app, "ada").await;
        assert_eq!(ada.display_name, "Ada Lovelace");
        assert_eq!(ada.profile.given_name.as_deref(), Some("Ada"));
        assert!(!ada.profile.phone_number_verified && ada.profile.nickname.is_none());
        let address = ada.profile.address.clone().expect("told");
        assert_eq!(
            address.street_address.as_deref(),
            Some("12 St James's Square\nLondon")
        );
        let page = browser.get("/me/profile").await.text();
        assert!(page.contains("1815-12-10"), "{page}");
        let bad = [
            ("display_name", "Ada"),
            ("website", "javascript:alert(1)"),
            ("locale", "en_GB"),
        ];
        let refused = browser.submit("/me/profile", &bad).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let text = refused.text();
        assert!(
            text.contains("href=\"#website\"") && text.contains("href=\"#locale\""),
            "{text}"
        );
    })
    .await;
}

//! Preferences.

use axum::http::StatusCode;

use super::{at, named};
use crate::{
    store::users::Role,
    tests::{browser::Browser, harness::on_both},
};

#[tokio::test]
async fn t58_t3_the_first_byte_has_the_theme_and_whether_keys_are_on() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&at(&app, "/activity")).await.text();
        assert!(
            !page.contains("data-theme") && !page.contains("data-shortcuts"),
            "{page}"
        );
        let fields = [("theme", "dark"), ("zone", "Europe/Stockholm"), ("clock", "12")];
        assert_eq!(
            browser.submit("/me/preferences", &fields).await.status,
            StatusCode::SEE_OTHER
        );
        let page = browser.get(&at(&app, "/activity")).await.text();
        assert!(
            page.contains("data-theme=\"dark\"") && page.contains("data-shortcuts=\"off\""),
            "{page}"
        );
        assert!(page.contains("Times in Europe/Stockholm"));
        let sessions = browser.get("/me/sessions").await.text();
        assert!(sessions.contains(":00 AM CET"), "{sessions}");
        let fields = [("zone", "Mars/Olympus")];
        let answer = browser.submit("/me/preferences", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    })
    .await;
}

#[tokio::test]
async fn columns_are_hidden_for_one_person_and_the_rest_is_kept() {
    on_both(async |app| {
        named(&app, "Billing").await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        browser
            .submit(
                "/me/preferences",
                &[("theme", "light"), ("column", "scopes"), ("column", "created")],
            )
            .await;
        let list = at(&app, "/clients?q=billing");
        let fields = [
            ("do", "columns"),
            ("column", "created"),
            ("return_to", list.as_str()),
        ];
        let answer = browser.submit("/me/preferences", &fields).await;
        assert_eq!(answer.header("location"), list);
        let page = browser.get(&list).await.text();
        assert!(
            !page.contains("data-l=\"Scopes\"") && page.contains("data-l=\"Created\""),
            "{page}"
        );
        assert!(page.contains("data-theme=\"light\""));
        let other = Browser::of(&app, "ben", Role::Admin).await;
        assert!(other.get(&list).await.text().contains("data-l=\"Scopes\""));
    })
    .await;
}

#[tokio::test]
async fn a_return_leads_nowhere_else() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let fields = [("do", "columns"), ("return_to", "//evil.example")];
        let answer = browser.submit("/me/preferences", &fields).await;
        assert_eq!(answer.header("location"), "/");
    })
    .await;
}

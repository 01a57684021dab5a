//! Where people arrive, other addresses, help.

use axum::http::StatusCode;

use super::at;
use crate::{
    store::users::Role,
    tests::{
        browser::{Browser, person},
        harness::on_both,
    },
};

const PAGE: [(&str, &str); 1] = [("accept", "text/html,*/*")];

#[tokio::test]
async fn each_role_lands_where_it_can_do_something() {
    on_both(async |app| {
        for (name, role) in [("ada", Role::Admin), ("aud", Role::Auditor)] {
            let browser = Browser::of(&app, name, role).await;
            let answer = browser.get("/").await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            assert_eq!(answer.header("location"), at(&app, "/clients"));
        }
        let mel = Browser::of(&app, "mel", Role::Member).await;
        let page = mel.get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("ada"), "{}", page.text());
        person(&app, "nobody", None).await;
        let nobody = Browser::new(&app);
        nobody.sign_in("nobody").await;
        assert!(nobody.get("/").await.text().contains("no organisation yet"));
    })
    .await;
}

#[tokio::test]
async fn other_names_lead_to_the_page_for_good() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        for (from, to) in [
            ("/settings/oauth-clients", at(&app, "/clients")),
            ("/configuration/oauth-clients", at(&app, "/clients")),
            ("/configuration/oauth-scopes", at(&app, "/apis")),
            ("/Orgs/x/Clients?q=A", "/orgs/x/clients?q=A".to_owned()),
            ("/orgs/x/clients/", "/orgs/x/clients".to_owned()),
            ("/orgs/X/clients", "/orgs/x/clients".to_owned()),
        ] {
            let answer = browser.get_with(from, &PAGE).await;
            assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{from}");
            assert_eq!(answer.header("location"), to, "{from}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_is_a_page_for_browsers_only() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get_with("/nowhere", &PAGE).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.text().contains("Page not found"));
        for path in ["/api/nowhere", "/oauth2/nowhere", "/.well-known/nowhere"] {
            let answer = browser.get_with(path, &PAGE).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            assert!(!answer.text().contains("<html"), "{path}");
        }
        assert!(browser.get("/nowhere").await.text().is_empty());
    })
    .await;
}

#[tokio::test]
async fn help_is_for_everybody() {
    on_both(async |app| {
        for (path, word) in [
            ("/help/shortcuts", "Next row"),
            ("/help/glossary", "Grant type"),
            ("/help/errors", "precondition_failed"),
        ] {
            let answer = app.get(path).send().await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.text().contains(word), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_may_not_is_told_who_may() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let mel = Browser::of(&app, "mel", Role::Member).await;
        let page = mel.get(&at(&app, "/clients")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        let page = page.text();
        assert!(page.contains("does not allow: see OAuth clients."), "{page}");
        assert!(page.contains("Admins: ada."), "{page}");
    })
    .await;
}

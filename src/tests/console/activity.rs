//! Activity and overview.

use axum::http::StatusCode;

use super::{at, named};
use crate::{
    registry::{
        clients,
        secrets::{OldSecret, Rotation},
    },
    store::users::Role,
    tests::{browser::Browser, harness::on_both},
    time::Lifetime,
};

#[tokio::test]
async fn entries_read_as_sentences_and_have_pages() {
    on_both(async |app| {
        let client = named(&app, "Billing sync").await;
        let old = OldSecret::EndsAt(app.clock.now().after(Lifetime::hours(24)));
        client.rotated(&app, Rotation { old, ..Rotation::default() }).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&at(&app, "/activity?event=secret")).await.text();
        let sentence = format!(
            "<b><bdi>Olivia</bdi></b> rotated the secret of <a href=\"{}\"><bdi>Billing sync</bdi></a>; the old one ends 23 Nov 2026, 10:00:00 UTC.",
            at(&app, &format!("/clients/{}", client.id))
        );
        assert!(page.contains(&sentence), "{page}");
        assert!(page.contains("id=\"count\">1 entry"), "{page}");
        let link = page.split("a class=\"dim\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let one = browser.get(link).await;
        assert_eq!(one.status, StatusCode::OK);
        assert!(one.text().contains("secret.rotated"));
        assert!(one.text().contains("<h2 id=\"record-title\">"), "{}", one.text());
        let file = browser.get(&at(&app, "/activity?event=secret&format=json")).await;
        assert_eq!(file.json().as_array().map(Vec::len), Some(1));
        let file = browser.get(&at(&app, "/activity?format=csv")).await;
        assert!(file.text().starts_with("\"id\",\"at\""));
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_is_told() {
    on_both(async |app| {
        let owner = app.owner();
        clients::disable(&app.app.registry, &owner, "oa_admin_client", None, None)
            .await
            .unwrap_err();
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&at(&app, "/activity?result=refused")).await.text();
        assert!(
            page.contains("tried to disable ") && page.contains("and was refused: system clients"),
            "{page}"
        );
    })
    .await;
}

#[tokio::test]
async fn older_entries_are_a_link_away() {
    on_both(async |app| {
        for n in 0..52 {
            named(&app, &format!("sync {n}")).await;
            app.clock.advance(Lifetime::seconds(1));
        }
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser
            .get(&at(&app, "/activity?event=client"))
            .await
            .text()
            .replace("&amp;", "&");
        assert_eq!(page.matches("class=\"meta\"").count(), 50);
        let older = page
            .split("rel=\"next\" href=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        let page = browser.get(older).await.text();
        assert!(page.contains(">sync 0<") && page.contains(">sync 1<"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_overview_names_what_needs_attention_or_that_nothing_does() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&at(&app, "")).await.text();
        assert!(
            page.contains("Nothing needs attention") && page.contains("First steps"),
            "{page}"
        );
        named(&app, "Forgotten").await;
        app.clock.advance(Lifetime::days(80));
        browser.sign_in("ada").await;
        let page = browser.get(&at(&app, "")).await.text();
        assert!(
            page.contains("1 client never used") && page.contains("Forgotten"),
            "{page}"
        );
        assert!(
            page.contains("1 client with a secret that stops within 14 days"),
            "{page}"
        );
        let list = browser
            .get(&at(&app, "/clients?attention=never_used"))
            .await
            .text();
        assert_eq!(super::ids(&list).len(), 1);
    })
    .await;
}

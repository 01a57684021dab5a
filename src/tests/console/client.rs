//! One client.

use axum::http::StatusCode;

use super::{at, named, native};
use crate::{
    registry::{
        clients::{self, Edit},
        secrets::{OldSecret, Rotation},
    },
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{TestApp, on_both},
    },
    time::Lifetime,
};

fn of(app: &TestApp, client: &str, tail: &str) -> String {
    at(app, &format!("/clients/{client}{tail}"))
}

#[tokio::test]
async fn the_overview_says_what_the_client_is() {
    on_both(async |app| {
        let client = native(&app, "Phone").await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&of(&app, &client.id, "")).await.text();
        for word in [
            "Client ID",
            "Status",
            "Grant Types",
            "Response Types",
            "Scopes",
            "Require User Consent",
            "Created",
            "Last Updated",
            "Authorization code",
            "com.example.app:/callback",
            "workspace:read",
        ] {
            assert!(page.contains(word), "{word}");
        }
        assert!(
            page.contains("<dt>Last Updated</dt><dd><span class=\"hint\">–</span>"),
            "{page}"
        );
        let edit = Edit {
            name: Some("Phone 2".to_owned()),
            ..Edit::default()
        };
        app.clock.advance(Lifetime::minutes(1));
        clients::edit(&app.app.registry, &app.owner(), &client.id, None, edit)
            .await
            .unwrap();
        let page = browser.get(&of(&app, &client.id, "")).await.text();
        assert!(page.contains("<dt>Last Updated</dt><dd><time"), "{page}");
        let panel = browser
            .get_with(&of(&app, &client.id, ""), &[("x-fragment", "panel")])
            .await
            .text();
        assert!(
            panel.contains("<h1") && !panel.contains("class=\"bar\""),
            "{panel}"
        );
    })
    .await;
}

#[tokio::test]
async fn t19_the_secrets_have_their_columns_and_no_secret() {
    on_both(async |app| {
        let client = named(&app, "Billing").await;
        client.token(&app).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&of(&app, &client.id, "/secrets")).await.text();
        for column in ["Hint", "Created", "Last used", "Uses", "Expires", "State"] {
            assert!(page.contains(&format!("data-l=\"{column}\"")), "{column}");
        }
        let hint = &client.secret[client.secret.len() - 6..];
        assert!(page.contains(&format!("…{hint}")) && !page.contains(&client.secret));
        let aud = Browser::of(&app, "aud", Role::Auditor).await;
        assert!(
            !aud.get(&of(&app, &client.id, "/secrets"))
                .await
                .text()
                .contains(hint)
        );
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_use_is_ended_only_by_force() {
    on_both(async |app| {
        let client = named(&app, "Billing").await;
        client.token(&app).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let path = of(&app, &client.id, "/secrets");
        let page = browser.get(&path).await.text();
        let id = page
            .split("?end=")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap()
            .to_owned();
        let asked = browser.get(&format!("{path}?end={id}")).await.text();
        assert!(asked.contains("End secret now") && asked.contains("Keep it"));
        let fields = [("do", "end"), ("secret", id.as_str())];
        let refused = browser.submit(&path, &fields).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(
            refused.text().contains("<title>Error: ") && refused.text().contains("is in use"),
            "{}",
            refused.text()
        );
        let fields = [("do", "end"), ("secret", id.as_str()), ("force", "1")];
        assert_eq!(browser.submit(&path, &fields).await.status, StatusCode::SEE_OTHER);
        let page = browser.get(&path).await.text();
        assert!(page.contains("No usable secret – tokens fail now."), "{page}");
        app.token(&client, &[]).await.refused(401, "invalid_client");
    })
    .await;
}

#[tokio::test]
async fn t22_the_end_of_a_secret_is_moved_in_the_persons_zone() {
    on_both(async |app| {
        let client = named(&app, "Billing").await;
        let old = OldSecret::EndsAt(app.clock.now().after(Lifetime::hours(24)));
        client
            .rotated(
                &app,
                Rotation {
                    old,
                    ..Rotation::default()
                },
            )
            .await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let zone = [
            ("zone", "Europe/Stockholm"),
            ("theme", ""),
            ("shortcuts", "on"),
            ("column", "scopes"),
        ];
        assert_eq!(
            browser.submit("/me/preferences", &zone).await.status,
            StatusCode::SEE_OTHER
        );
        let path = of(&app, &client.id, "/secrets");
        let page = browser.get(&path).await.text();
        let id = page
            .rsplit("?move=")
            .next()
            .and_then(|rest| rest.split('"').next())
            .unwrap()
            .to_owned();
        let late = [
            ("do", "move"),
            ("secret", id.as_str()),
            ("ends_at", "2027-11-25T11:30"),
        ];
        let refused = browser.submit(&path, &late).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("2027-11-25T11:30") && refused.text().contains("within 30 days"));
        let fields = [
            ("do", "move"),
            ("secret", id.as_str()),
            ("ends_at", "2026-11-25T11:30"),
        ];
        assert_eq!(browser.submit(&path, &fields).await.status, StatusCode::SEE_OTHER);
        let page = browser.get(&of(&app, &client.id, "/activity")).await.text();
        assert!(page.contains("ends 25 Nov 2026, 11:30:00 CET"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn a_disabled_client_and_an_archived_one_say_so() {
    on_both(async |app| {
        let client = named(&app, "Billing").await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let owner = app.owner();
        let registry = &app.app.registry;
        clients::disable(registry, &owner, &client.id, None, Some("leaked"))
            .await
            .unwrap();
        let page = browser.get(&of(&app, &client.id, "")).await.text();
        assert!(
            page.contains("Disabled 22 Nov 2026 by Olivia") && page.contains("“<bdi>leaked</bdi>”"),
            "{page}"
        );
        assert!(page.contains(&format!("action=\"{}\"", of(&app, &client.id, "/enable"))));
        clients::delete(registry, &owner, &client.id, None).await.unwrap();
        let page = browser.get(&of(&app, &client.id, "")).await.text();
        assert!(
            page.contains("Deleted 22 Nov 2026 by Olivia. It cannot be brought back."),
            "{page}"
        );
        assert!(page.contains(&format!("/clients/new/custom?like={}", client.id)));
        assert!(!page.contains("/edit") && !page.contains("/rotate"));
        // What it held is still to be read.
        assert!(page.contains("workspace:read"));
    })
    .await;
}

#[tokio::test]
async fn t76_a_system_client_offers_no_change_and_says_why() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&of(&app, "oa_sync_client", "")).await.text();
        assert!(page.contains("nobody can rename, disable or delete it"), "{page}");
        // Its secret is for an operator: a link that leads to a refusal is not offered.
        for tail in ["/edit", "/disable", "/delete", "/rotate"] {
            assert!(!page.contains(&of(&app, "oa_sync_client", tail)), "{tail}");
        }
    })
    .await;
}

#[tokio::test]
async fn implied_scopes_are_shown_with_what_they_come_with() {
    on_both(async |app| {
        let client = app.service(&["workspace:write"]).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get(&of(&app, &client.id, "/access")).await.text();
        assert!(page.contains("Comes with <code>workspace:write</code>"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_client_offers_a_search() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let answer = browser.get(&of(&app, "oac_nobody", "")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text().contains("/clients?q=oac_nobody"));
    })
    .await;
}

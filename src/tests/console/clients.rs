//! The client list.

use axum::http::StatusCode;

use super::{at, ids, named, native};
use crate::{
    registry::{
        clients,
        secrets::{OldSecret, Rotation},
    },
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{TestApp, on_both},
    },
    time::Lifetime,
};

async fn ada(app: &TestApp) -> Browser<'_> {
    Browser::of(app, "ada", Role::Admin).await
}

#[tokio::test]
async fn t1_the_list_has_the_columns_25_rows_and_the_count() {
    on_both(async |app| {
        for n in 0..30 {
            named(&app, &format!("sync {n}")).await;
        }
        let page = ada(&app).await.get(&at(&app, "/clients")).await;
        assert_eq!(page.status, StatusCode::OK);
        let page = page.text();
        for column in [
            "Client",
            "Client ID",
            "Grant types",
            "Status",
            "Scopes",
            "Secrets",
            "Last used",
            "Created",
        ] {
            assert!(
                page.contains(&format!("data-l=\"{column}\"")) || page.contains(&format!(">{column}<svg")),
                "{column}"
            );
        }
        assert_eq!(ids(&page).len(), 25);
        // Five of them are the system clients.
        assert!(page.contains("35 clients"), "{page}");
        assert!(page.len() <= 60 * 1024, "{} bytes", page.len());
        let rest = ada_again(&app, "/clients?page=2").await;
        assert_eq!(ids(&rest).len(), 10);
    })
    .await;
}

async fn ada_again(app: &TestApp, tail: &str) -> String {
    let browser = Browser::new(app);
    browser.sign_in("ada").await;
    browser.get(&at(app, tail)).await.text()
}

#[tokio::test]
async fn t2_a_search_answers_with_the_results_alone() {
    on_both(async |app| {
        for name in ["mobile app 3", "mobile app 30", "Billing"] {
            native(&app, name).await;
        }
        let browser = ada(&app).await;
        let path = at(&app, "/clients?q=Mobile+APP&kind=custom");
        let answer = browser.get_with(&path, &[("x-fragment", "results")]).await.text();
        assert!(
            answer.starts_with("<section class=\"results\" id=\"results\""),
            "{answer}"
        );
        assert!(answer.contains("id=\"count\">2 clients<"), "{answer}");
        assert!(!answer.contains("<html"));
    })
    .await;
}

#[tokio::test]
async fn t6_names_sort_by_the_value_of_their_numbers_and_a_second_click_reverses() {
    on_both(async |app| {
        let mut made = Vec::new();
        for n in [10, 2, 1] {
            made.insert(0, named(&app, &format!("sync {n}")).await.id);
        }
        let browser = ada(&app).await;
        let page = browser
            .get(&at(&app, "/clients?q=sync+&kind=custom&sort=name"))
            .await
            .text();
        let page = page.replace("&amp;", "&");
        assert_eq!(ids(&page), made);
        assert!(page.contains("aria-sort=\"ascending\""));
        assert!(page.contains("q=sync&kind=custom&sort=-name"), "{page}");
        let page = browser
            .get(&at(&app, "/clients?q=sync&kind=custom&sort=-name"))
            .await
            .text();
        made.reverse();
        assert_eq!(ids(&page), made);
        assert!(page.contains("aria-sort=\"descending\""));
    })
    .await;
}

#[tokio::test]
async fn t7_ticked_rows_are_disabled_and_exported_without_script() {
    on_both(async |app| {
        let (one, two) = (named(&app, "=one").await, named(&app, "two").await);
        let browser = ada(&app).await;
        browser.get(&at(&app, "/clients")).await;
        let fields = [("do", "export"), ("id", one.id.as_str()), ("id", two.id.as_str())];
        let file = browser.submit(&at(&app, "/clients"), &fields).await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(file.text().lines().count(), 3);
        assert!(file.text().contains("\"'=one\""));
        assert!(!file.text().contains(&one.secret) && !file.text().contains("oas_"));
        let fields = [
            ("do", "disable"),
            ("confirm", "1"),
            ("id", one.id.as_str()),
            ("id", "oa_admin_client"),
        ];
        let answer = browser
            .submit(&at(&app, "/clients?q=one&sort=name"), &fields)
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), at(&app, "/clients?q=one&sort=name"));
        let page = browser.get(&at(&app, "/clients?status=disabled")).await.text();
        assert_eq!(ids(&page), [one.id]);
        assert!(
            page.contains("1 client is disabled.") && page.contains("oa_admin_client: system clients"),
            "{page}"
        );
    })
    .await;
}

#[tokio::test]
async fn t8_unused_clients_are_found_and_the_note_says_since_when_use_is_known() {
    on_both(async |app| {
        let old = named(&app, "old").await;
        let used = named(&app, "used").await;
        app.clock.advance(Lifetime::days(80));
        used.token(&app).await;
        app.clock.advance(Lifetime::days(20));
        let young = named(&app, "young").await;
        app.app.registry.flush_activity().await.unwrap();
        let browser = ada(&app).await;
        let page = browser
            .get(&at(&app, "/clients?used=90d&kind=custom"))
            .await
            .text();
        assert_eq!(ids(&page), std::slice::from_ref(&old.id));
        assert!(page.contains("Use recorded since 22 Nov 2026"), "{page}");
        assert!(page.contains("Not used in 90 days"));
        let page = browser
            .get(&at(&app, "/clients?used=never&kind=custom&sort=name"))
            .await
            .text();
        assert_eq!(ids(&page), [old.id, young.id]);
    })
    .await;
}

#[tokio::test]
async fn t9_an_empty_list_says_whether_it_is_new_or_filtered() {
    on_both(async |app| {
        let fresh = app.organization("fresh").await;
        let ada = crate::tests::browser::person(&app, "ada", Some(Role::Admin)).await;
        let join = crate::store::users::add_member(&fresh.id, &ada.id, Role::Admin, app.clock.now());
        app.db().write(join.into()).await.unwrap();
        let browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let page = browser.get("/orgs/fresh/clients").await.text();
        assert!(
            page.contains("No clients yet") && !page.contains("<table"),
            "{page}"
        );
        assert_eq!(page.matches("btn primary").count(), 1);
        let gone = named(&app, "Ledger").await;
        clients::delete(&app.app.registry, &app.owner(), &gone.id, None)
            .await
            .unwrap();
        let page = browser.get(&at(&app, "/clients?q=%3Cb%3E")).await.text();
        assert!(
            page.contains("No client matches “&lt;b&gt;”") && page.contains("Clear filters"),
            "{page}"
        );
        let page = browser.get(&at(&app, "/clients?q=ledger")).await.text();
        assert!(page.contains("1 archived client matches"), "{page}");
        let page = browser
            .get(&at(&app, "/clients?q=ledger&status=archived"))
            .await
            .text();
        assert_eq!(ids(&page), [gone.id]);
        assert!(page.contains("◆") && page.contains("Create a new one like this"));
    })
    .await;
}

#[tokio::test]
async fn the_secrets_cell_says_what_ends() {
    on_both(async |app| {
        let client = named(&app, "Billing").await;
        let old = OldSecret::EndsAt(app.clock.now().after(Lifetime::hours(72)));
        client
            .rotated(
                &app,
                Rotation {
                    old,
                    ..Rotation::default()
                },
            )
            .await;
        let page = ada(&app).await.get(&at(&app, "/clients?q=billing")).await.text();
        assert!(page.contains("2 · one ends in 3 d"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn t71_an_auditor_sees_no_control_and_may_not_post() {
    on_both(async |app| {
        let client = named(&app, "Billing").await;
        let aud = Browser::of(&app, "aud", Role::Auditor).await;
        let paths = [
            at(&app, "/clients"),
            at(&app, &format!("/clients/{}", client.id)),
            at(&app, &format!("/clients/{}/secrets", client.id)),
            at(&app, "/people"),
            at(&app, ""),
        ];
        for path in &paths {
            let page = aud.get(path).await.text();
            let main = page.split("<main").nth(1).unwrap_or_default();
            assert!(!main.contains("method=\"post\""), "{path}: {main}");
            for word in [
                "Create client",
                "/edit",
                "/rotate",
                "/disable",
                "/delete",
                "type=\"checkbox\"",
            ] {
                assert!(!main.contains(word), "{path}: {word}");
            }
        }
        let fields = [("do", "disable"), ("id", client.id.as_str())];
        assert_eq!(aud.submit(&paths[0], &fields).await.status, StatusCode::FORBIDDEN);
        let fields = [("do", "end"), ("secret", "x")];
        assert_eq!(aud.submit(&paths[2], &fields).await.status, StatusCode::FORBIDDEN);
        let fields = [("username", "eve"), ("role", "admin")];
        let answer = aud.submit(&at(&app, "/people/new"), &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_foreign_organisation_is_as_unknown_as_none() {
    on_both(async |app| {
        app.organization("other").await;
        let browser = ada(&app).await;
        let foreign = browser.get("/orgs/other/clients").await;
        let none = browser.get("/orgs/nobody/clients").await;
        assert_eq!(
            (foreign.status, none.status),
            (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND)
        );
    })
    .await;
}

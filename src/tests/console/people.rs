//! Members.

use axum::http::StatusCode;

use super::at;
use crate::{
    store::{self, users::Role},
    tests::{
        browser::{Browser, person},
        harness::on_both,
    },
};

#[tokio::test]
async fn a_new_account_gets_a_link_that_is_shown_once() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let fields = [
            ("username", "ben"),
            ("display_name", "Ben Kay"),
            ("role", "auditor"),
        ];
        let answer = browser.submit(&at(&app, "/people/new"), &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let page = answer.text();
        let path = page
            .split("/setup/")
            .nth(1)
            .and_then(|rest| rest.split('<').next())
            .unwrap();
        assert_eq!(
            app.get(&format!("/setup/{path}")).send().await.status,
            StatusCode::OK
        );
        let list = browser.get(&at(&app, "/people")).await.text();
        assert!(
            list.contains("Ben Kay") && list.contains("Invited") && !list.contains(path),
            "{list}"
        );
    })
    .await;
}

#[tokio::test]
async fn bad_input_keeps_what_was_typed() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let fields = [
            ("username", "no spaces"),
            ("email", "ben@example.com"),
            ("role", "member"),
        ];
        let answer = browser.submit(&at(&app, "/people/new"), &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text();
        assert!(
            page.contains("<title>Error: Add member") && page.contains("href=\"#username\""),
            "{page}"
        );
        assert!(page.contains("value=\"ben@example.com\""));
    })
    .await;
}

#[tokio::test]
async fn roles_change_and_members_go_but_the_last_owner_stays() {
    on_both(async |app| {
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let path = at(&app, &format!("/people/{}", ben.id));
        let answer = owner.submit(&path, &[("do", "role"), ("role", "admin")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert!(owner.get(&path).await.text().contains("ben is an admin now."));
        assert_eq!(
            owner.submit(&path, &[("do", "remove")]).await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
        let list = owner.get(&at(&app, "/people")).await.text();
        let own = list
            .split("/people/usr_")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        let own = at(&app, &format!("/people/usr_{own}"));
        let answer = owner.submit(&own, &[("do", "remove")]).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.text().contains("at least one owner"), "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn w_27_a_removed_member_is_out_of_the_organisation_at_once() {
    on_both(async |app| {
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let ben = person(&app, "ben", Some(Role::Admin)).await;
        let other = app.organization("other").await;
        let add = store::users::add_member(&other.id, &ben.id, Role::Admin, app.clock.now());
        app.db().write(add.into()).await.unwrap();
        let his = Browser::new(&app);
        his.sign_in("ben").await;
        let clients = at(&app, "/clients");
        assert_eq!(his.get(&clients).await.status, StatusCode::OK);
        let path = at(&app, &format!("/people/{}", ben.id));
        let demoted = owner.submit(&path, &[("do", "role"), ("role", "auditor")]).await;
        assert_eq!(demoted.status, StatusCode::SEE_OTHER);
        assert_eq!(
            his.get(&at(&app, "/clients/new")).await.status,
            StatusCode::FORBIDDEN
        );
        let removed = owner.submit(&path, &[("do", "remove")]).await;
        assert_eq!(removed.status, StatusCode::SEE_OTHER);
        for tail in ["", "/clients", "/apis", "/people", "/activity", "/settings"] {
            let page = his.get(&at(&app, tail)).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{tail}");
            let unknown = his.get(&format!("/orgs/nowhere{tail}")).await;
            assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{tail}");
        }
        let posted = his
            .submit(
                &at(&app, "/people/new"),
                &[("username", "eve"), ("role", "admin")],
            )
            .await;
        assert_eq!(posted.status, StatusCode::NOT_FOUND);
        assert!(
            store::users::find_by_username(app.db(), "eve")
                .await
                .unwrap()
                .is_none()
        );
        // The session itself lives on where its person is still a member.
        assert_eq!(his.get("/orgs/other/clients").await.status, StatusCode::OK);
        assert!(!his.get("/").await.text().contains(&app.org.name));
    })
    .await;
}

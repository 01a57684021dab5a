//! Rotating secrets.

use super::*;
use crate::{
    registry::people,
    store,
    tests::{
        browser::PASSWORD,
        harness::{TestClient, on_both},
    },
    time::Lifetime,
};

fn path(app: &TestApp, client: &TestClient) -> String {
    at(app, &format!("/clients/{}/rotate", client.id))
}

/// Rotates with these fields.
async fn rotate(app: &TestApp, ada: &Browser<'_>, client: &TestClient, fields: &[(&str, &str)]) -> Answer {
    let page = ada.get(&path(app, client)).await;
    expect(&page, StatusCode::OK);
    let once = hidden(&page, "once");
    let all = [&[("once", once.as_str()), ("secret_expires", "90")], fields].concat();
    ada.submit(&path(app, client), &all).await
}

#[tokio::test]
async fn t20_both_work_until_the_old_one_ends() {
    on_both(async |app| {
        let old = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = rotate(&app, &ada, &old, &[("old_ends", "24h"), ("label", "vault")]).await;
        expect(&page, StatusCode::OK);
        holds(&page, "The old secret works until");
        let new = old.with_secret(&secrets(&page).remove(0));
        old.token(&app).await;
        new.token(&app).await;
        app.clock.advance(Lifetime::seconds(24 * 3600 + 1));
        let app = app.restart().await;
        app.token(&old, &[]).await.refused(401, "invalid_client");
        new.token(&app).await;
    })
    .await;
}

#[tokio::test]
async fn t22_now_ends_the_old_one_at_once() {
    on_both(async |app| {
        let old = app.service(&["workspace:read"]).await;
        let token = old.token(&app).await;
        let ada = admin(&app).await;
        let page = rotate(&app, &ada, &old, &[("old_ends", "now"), ("revoke_tokens", "yes")]).await;
        expect(&page, StatusCode::OK);
        let new = old.with_secret(&secrets(&page).remove(0));
        app.token(&old, &[]).await.refused(401, "invalid_client");
        assert_eq!(
            app.introspect(&new, &token).await,
            crate::tests::harness::inactive()
        );
    })
    .await;
}

#[tokio::test]
async fn t19_a_third_secret_asks_which_one_ends_first() {
    on_both(async |app| {
        let first = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = rotate(&app, &ada, &first, &[("old_ends", "manual")]).await;
        let second = first.with_secret(&secrets(&page).remove(0));
        second.token(&app).await;
        let asked = rotate(&app, &ada, &first, &[("old_ends", "24h")]).await;
        expect(&asked, StatusCode::CONFLICT);
        holds(&asked, "<title>Error: ");
        holds(&asked, "name=\"end_first\"");
        holds(&asked, "Two secrets are usable already");
        let all = store::secrets::of_client(app.db(), &first.id)
            .await
            .expect("read");
        let used = all
            .iter()
            .find(|s| second.secret.ends_with(&s.hint))
            .expect("known");
        let in_use = rotate(
            &app,
            &ada,
            &first,
            &[("old_ends", "24h"), ("end_first", &used.id)],
        )
        .await;
        expect(&in_use, StatusCode::CONFLICT);
        holds(&in_use, "is in use");
        holds(&in_use, "name=\"force\"");
        let forced = [
            ("old_ends", "24h"),
            ("end_first", used.id.as_str()),
            ("force", "yes"),
        ];
        expect(&rotate(&app, &ada, &first, &forced).await, StatusCode::OK);
        app.token(&second, &[]).await.refused(401, "invalid_client");
        first.token(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_date_is_read_in_its_zone() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let missing = rotate(&app, &ada, &client, &[("old_ends", "at")]).await;
        expect(&missing, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&missing, "href=\"#old_ends_at\"");
        let fields = [
            ("old_ends", "at"),
            ("old_ends_at", "2026-11-23T10:14"),
            ("zone", "Europe/Stockholm"),
        ];
        let page = rotate(&app, &ada, &client, &fields).await;
        expect(&page, StatusCode::OK);
        holds(&page, "23 Nov 2026, 09:14:00 UTC");
        let late = [
            ("old_ends", "at"),
            ("old_ends_at", "2027-02-01T10:14"),
            ("zone", "UTC"),
        ];
        let other = app.service(&["workspace:read"]).await;
        let refused = rotate(&app, &ada, &other, &late).await;
        expect(&refused, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&refused, "within 30 days");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_form_shows_no_second_secret() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = ada.get(&path(&app, &client)).await;
        let once = hidden(&page, "once");
        let fields = [
            ("once", once.as_str()),
            ("old_ends", "24h"),
            ("secret_expires", "90"),
        ];
        expect(&ada.submit(&path(&app, &client), &fields).await, StatusCode::OK);
        // Two are usable now, so a repetition must be told from a third rotation.
        let ended = [
            ("once", once.as_str()),
            ("old_ends", "now"),
            ("secret_expires", "90"),
        ];
        let again = ada.submit(&path(&app, &client), &ended).await;
        expect(&again, StatusCode::CONFLICT);
        holds(&again, "shown already");
        let again = ada.submit(&path(&app, &client), &fields).await;
        expect(&again, StatusCode::CONFLICT);
        holds(&again, "shown already");
        assert!(secrets(&again).is_empty());
        let all = store::secrets::of_client(app.db(), &client.id)
            .await
            .expect("read");
        assert_eq!(all.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn who_has_no_secret_cannot_rotate_it() {
    on_both(async |app| {
        let draft = crate::tests::harness::signing_in(ApplicationType::Native);
        let public = app.client(&app.org, draft).await;
        let disabled = app.service(&["workspace:read"]).await;
        crate::registry::clients::disable(&app.app.registry, &app.owner(), &disabled.id, None, None)
            .await
            .expect("disabled");
        let ada = admin(&app).await;
        let answer = ada.get(&path(&app, &public)).await;
        expect(&answer, StatusCode::BAD_REQUEST);
        holds(&answer, "cannot keep a secret");
        let answer = ada.get(&path(&app, &disabled)).await;
        expect(&answer, StatusCode::CONFLICT);
        holds(&answer, "nable it before you rotate");
    })
    .await;
}

#[tokio::test]
async fn t76_the_secret_of_a_system_client_can_be_rotated() {
    on_both(async |app| {
        let link = people::setup_link(&app.app.registry)
            .await
            .expect("made")
            .expect("nobody yet");
        let ope = Browser::new(&app);
        let form = [("username", "ope"), ("password", PASSWORD)];
        expect(&ope.submit(&link.path, &form).await, StatusCode::SEE_OTHER);
        ope.get("/me/preferences").await;
        let path = at(&app, "/clients/oa_sync_client/rotate");
        expect(&ope.get(&path).await, StatusCode::OK);
        // They serve every organisation: not even an owner of this one may.
        let olga = Browser::of(&app, "olga", Role::Owner).await;
        expect(&olga.get(&path).await, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_may_do_more_is_for_an_operator_to_rotate() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let page = ada.get(&at(&app, "/clients/oa_admin_client")).await;
        holds(&page, "An operator can rotate its secret.");
        lacks(&page, "/clients/oa_admin_client/rotate");
        let list = ada.get(&at(&app, "/clients")).await;
        lacks(&list, "/clients/oa_admin_client/rotate");
        lacks(&list, "/clients/oa_sync_client/rotate");
        let refused = ada.get(&at(&app, "/clients/oa_admin_client/disable")).await;
        holds(&refused, "can be rotated by an operator.");
        lacks(&refused, "/clients/oa_admin_client/rotate");
    })
    .await;
}

//! The pages of the person: password, app, sessions.

use axum::http::StatusCode;

use super::{events, hidden, is_signed_in, password, set_up_app, user};
use crate::{
    registry::sessions,
    store::{
        grants::{self, Grant},
        users::Role,
    },
    tests::{
        browser::{Browser, PASSWORD},
        harness::{TestApp, on_both},
        people::grant,
    },
    time::Lifetime,
};

const NEW: &str = "another battery staple entirely 9";

/// A grant that hangs on a session of a person, and one that outlives it.
async fn grants_of(app: &TestApp, username: &str) -> [Grant; 2] {
    let client = app.service(&["workspace:read"]).await;
    let user = user(app, username).await;
    let session = sessions::of_user(&app.app.registry, &user.id)
        .await
        .expect("read")
        .remove(0);
    let made = [("grant_online", false), ("grant_offline", true)].map(|(id, offline)| Grant {
        session_id: Some(session.id.clone()),
        offline,
        ..grant(app, id, &user.id, &client.id, &app.org.id)
    });
    for one in &made {
        app.db().write(grants::add(one).into()).await.expect("added");
    }
    made
}

async fn is_revoked(app: &TestApp, grant: &Grant) -> bool {
    let found = grants::find(app.db(), &grant.id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(
        found.revoked_at.is_some(),
        app.app.registry.live.is_revoked(&grant.id)
    );
    found.revoked_at.is_some()
}

#[tokio::test]
async fn o_26_ending_a_session_ends_what_hangs_on_it_and_every_node_hears() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let [online, offline] = grants_of(&app, "ada").await;
        assert!(!is_revoked(&app, &online).await);
        browser.submit("/logout", &[]).await;
        assert!(is_revoked(&app, &online).await);
        assert!(!is_revoked(&app, &offline).await);
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_or_all_others() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let [online, _] = grants_of(&app, "ada").await;
        let others = [Browser::new(&app), Browser::new(&app), Browser::new(&app)];
        for other in &others {
            app.clock.advance(Lifetime::seconds(1));
            other.sign_in("ada").await;
        }
        let page = others[2].get("/me/sessions").await;
        assert_eq!(page.text().matches("This device").count(), 1);
        let session = hidden(&page, "session");
        // Not what somebody else has, nor one's own.
        let stranger = Browser::of(&app, "ben", Role::Admin).await;
        stranger.get("/me/sessions").await;
        stranger
            .submit("/me/sessions", &[("do", "one"), ("session", &session)])
            .await;
        let mut alive = 0;
        for one in others.iter().chain([&browser]) {
            alive += usize::from(is_signed_in(one).await);
        }
        assert_eq!(alive, 4);
        let ended = others[2]
            .submit("/me/sessions", &[("do", "one"), ("session", &session)])
            .await;
        assert_eq!(ended.status, StatusCode::SEE_OTHER);
        others[2].get("/me/sessions").await;
        others[2].submit("/me/sessions", &[("do", "others")]).await;
        assert!(is_signed_in(&others[2]).await);
        for gone in [&browser, &others[0], &others[1]] {
            assert!(!is_signed_in(gone).await);
        }
        assert!(is_revoked(&app, &online).await);
        assert_eq!(events(&app, "user.sessions_ended").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_ends_other_sessions() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let other = Browser::new(&app);
        other.sign_in("ada").await;
        browser.get("/me/security").await;
        for (old, new, id) in [("wrong", NEW, "#old_password"), (PASSWORD, "short", "#password")] {
            let form = [("do", "password"), ("old_password", old), ("password", new)];
            let refused = browser.submit("/me/security", &form).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(
                refused.text().contains(&format!("href=\"{id}\"")),
                "{}",
                refused.text()
            );
        }
        let form = [("do", "password"), ("old_password", PASSWORD), ("password", NEW)];
        let done = browser.submit("/me/security", &form).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        assert!(is_signed_in(&browser).await);
        assert!(!is_signed_in(&other).await);
        let refused = password(&other, "ada").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let form = [("username", "ada"), ("password", NEW)];
        assert_eq!(other.submit("/login", &form).await.status, StatusCode::SEE_OTHER);
        assert_eq!(events(&app, "user.password_changed").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_changes_the_proof_needs_a_fresh_one() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let (device, _) = set_up_app(&app, &browser).await;
        browser.get("/me/security").await;
        app.clock.advance(Lifetime::minutes(16));
        for act in ["codes", "app.remove", "passkey.remove", "confirm"] {
            let asked = browser.submit("/me/security", &[("do", act)]).await;
            assert_eq!(asked.status, StatusCode::FORBIDDEN, "{act}");
            assert!(asked.text().contains("confirm_code"), "{act}");
        }
        assert_eq!(
            browser.get("/me/security/app").await.status,
            StatusCode::FORBIDDEN
        );
        // The password alone is not enough for who has a second factor.
        let only = [("do", "app.remove"), ("confirm_password", PASSWORD)];
        let asked = browser.submit("/me/security", &only).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN, "{}", asked.text());
        let code = device.code(&app);
        let both = [only[0], only[1], ("confirm_code", code.as_str())];
        let done = browser.submit("/me/security", &both).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        assert_eq!(events(&app, "user.factor_removed").await.len(), 1);
        assert!(is_signed_in(&browser).await);
        // The next sign-in asks for no code any more.
        let other = Browser::new(&app);
        other.sign_in("ada").await;
    })
    .await;
}

#[tokio::test]
async fn who_has_an_app_keeps_it_and_an_offer_is_for_one_person() {
    on_both(async |app| {
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let ben = Browser::of(&app, "ben", Role::Admin).await;
        let page = ada.get("/me/security/app").await;
        let (device, sealed) = (super::offered(&page), hidden(&page, "sealed"));
        let code = device.code(&app);
        let form = [("sealed", sealed.as_str()), ("code", code.as_str())];
        ben.get("/me/security").await;
        let refused = ben.submit("/me/security/app", &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(ada.submit("/me/security/app", &form).await.status, StatusCode::OK);
        let again = ada.submit("/me/security/app", &form).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
        let kept = app
            .db()
            .read_one("SELECT sealed FROM totp_secrets", vec![])
            .await
            .expect("read");
        let kept: Vec<u8> = kept.expect("a row").next().expect("bytes");
        let plain = totp_rs::Secret::try_from_base32(&device.secret).expect("base32");
        let plain: &[u8] = plain.as_ref();
        assert!(!kept.windows(plain.len()).any(|part| part == plain), "sealed");
    })
    .await;
}

//! The code that one person typed is nobody else's.

use super::*;
use crate::{
    registry::user_codes,
    tests::browser::{PASSWORD, person},
};

const SURE: [(&str, &str); 2] = [("answer", "allow"), ("sure", "yes")];

#[tokio::test]
async fn fx_15_a_code_that_somebody_typed_is_unknown_to_everybody_else() {
    on_both(async |app| {
        let (rp, alice) = (television(&app).await, alice(&app).await);
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        let page = enter(&alice, &codes.user).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let (other, unknown) = (enter(&ben, &codes.user).await, enter(&ben, "BBBB-BBBB").await);
        assert_eq!(other.status, 422);
        assert!(
            other.text().contains("We do not know this code"),
            "{}",
            other.text()
        );
        let tidy = |answer: &Answer, code: &str| answer.text().replace(code, "CODE");
        assert_eq!(tidy(&other, &codes.user), tidy(&unknown, "BBBB-BBBB"));
        // The ticket of one is nothing in the hands of the other.
        let stolen = ticket(&page);
        ben.submit("/device/confirm", &[("t", &stolen), SURE[0], SURE[1]])
            .await;
        assert_eq!(poll(&app, &rp, &codes.device).await.status, 400);
        allow(&alice, &codes.user).await;
        app.clock.advance(Lifetime::seconds(6));
        assert_eq!(poll(&app, &rp, &codes.device).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_15_of_two_who_type_a_code_at_once_one_has_it() {
    on_both(async |app| {
        let (rp, alice) = (television(&app).await, alice(&app).await);
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        let (one, two) = tokio::join!(enter(&alice, &codes.user), enter(&ben, &codes.user));
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422]);
    })
    .await;
}

#[tokio::test]
async fn fx_15_another_account_of_the_same_browser_types_the_code_once_more() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        person(&app, "ben", Some(Role::Member)).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        let old = ticket(&enter(&browser, &codes.user).await);
        browser
            .submit("/login", &[("username", "ben"), ("password", PASSWORD)])
            .await;
        browser.get("/device").await;
        let done = say(&browser, &codes.user, &SURE).await;
        assert!(done.text().contains("Device allowed"), "{}", done.text());
        let late = browser.get(&format!("/device/confirm?t={old}")).await;
        assert_ne!(late.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_02_wrong_user_codes_are_counted_for_the_person_at_every_node_and_after_a_restart() {
    on_both(async |app| {
        let person = person(&app, "alice", Some(Role::Member)).await;
        for _ in 0..5 {
            assert!(
                user_codes::count(&app.app.registry, &person.id)
                    .await
                    .expect("counted")
            );
        }
        let app = app.restart().await;
        assert!(
            !user_codes::count(&app.app.registry, &person.id)
                .await
                .expect("counted")
        );
        let browser = Browser::new(&app);
        browser.sign_in("alice").await;
        assert_eq!(browser.get("/device").await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn fx_02_right_user_codes_do_not_make_up_for_wrong_ones() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        for _ in 0..4 {
            assert_eq!(enter(&browser, "BBBB-BBBB").await.status, 422);
            let codes = begin(&app, &rp, "workspace:read").await;
            assert_eq!(enter(&browser, &codes.user).await.status, 200);
        }
        assert_eq!(enter(&browser, "BBBB-BBBB").await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn fx_02_after_very_many_wrong_user_codes_everybody_has_one_left() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let registry = &app.app.registry;
        for _ in 0..600 {
            user_codes::note_wrong(registry).await.expect("counted");
        }
        // Nobody is kept from the right one.
        let codes = begin(&app, &rp, "workspace:read").await;
        assert_eq!(enter(&browser, &codes.user).await.status, 200);
        let wrong = enter(&browser, "BBBB-BBBB").await;
        assert_eq!(wrong.status, 429);
    })
    .await;
}

//! What the person sees and says. [RFC 8628 §3.3](https://www.rfc-editor.org/rfc/rfc8628#section-3.3)

use super::*;
use crate::{
    oauth::people_settings::PeopleSettings,
    store::{self, users::Preferences},
    tests::browser::person,
};

#[tokio::test]
async fn da_13_g_36_nobody_gets_past_the_page() {
    on_both(async |app| {
        let rp = television(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        let complete = format!("/device?user_code={}", codes.user);
        // Nobody is signed in.
        let stranger = Browser::new(&app);
        let answer = stranger.get(&complete).await;
        let back: String = form_urlencoded::byte_serialize(complete.as_bytes()).collect();
        assert_eq!(answer.header("location"), format!("/login?return_to={back}"));
        // The link brings the code along and does no more.
        let browser = alice(&app).await;
        let form = browser.get(&complete).await;
        assert_eq!(form.status, 200);
        assert!(form.text().contains(&format!("value=\"{}\"", codes.user)));
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
        let page = enter(&browser, &codes.user).await;
        for answer in [&form, &page] {
            assert_eq!(answer.header("x-frame-options"), "DENY");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"));
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        for shown in [
            "Living room",
            &app.org.name,
            "May workspace:read",
            "alice",
            "Only continue if",
        ] {
            let words = shown.replace("May workspace:read", "workspace:read");
            assert!(page.text().contains(&words), "{words}: {}", page.text());
        }
        // Without the tick nothing happens.
        let fields = [("answer", "allow")];
        let answer = say(&browser, &codes.user, &fields).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().contains("<title>Error: "), "{}", answer.text());
        app.clock.advance(Lifetime::seconds(5));
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
    })
    .await;
}

#[tokio::test]
async fn da_14_t_42_a_code_in_any_dress() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        let bare = codes.user.replace('-', "").to_lowercase();
        for typed in [
            codes.user.clone(),
            bare.clone(),
            format!(" {} {} ", &bare[..4], &bare[4..]),
            format!("{}–{}", &bare[..2], &bare[2..]),
        ] {
            let page = enter(&browser, &typed).await;
            assert!(page.text().contains("I started this on my device"), "{typed}");
            assert!(page.text().contains(&codes.user));
        }
        for typed in ["", "WDJB", "12345678", "WDJB-MJHTX"] {
            let page = enter(&browser, typed).await;
            assert_eq!(page.status, 422);
            assert!(page.text().contains("A code has 8 letters"), "{typed}");
        }
    })
    .await;
}

#[tokio::test]
async fn da_15_t_42_after_five_wrong_codes_one_waits() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        for _ in 0..4 {
            let page = enter(&browser, "BBBB-BBBB").await;
            assert_eq!(page.status, 422);
            assert!(page.text().contains("We do not know this code"));
        }
        let page = enter(&browser, "BBBB-BBBB").await;
        assert_eq!((page.status.as_u16(), page.header("retry-after")), (429, "601"));
        assert!(
            page.text().contains("22 Nov 2026, 10:10:00 UTC"),
            "{}",
            page.text()
        );
        // Now not even the right one works, in no session of this person.
        assert_eq!(enter(&browser, &codes.user).await.status, 429);
        browser.sign_in("alice").await;
        assert_eq!(browser.get("/device").await.status, 429);
        app.clock.advance(Lifetime::minutes(10));
        let fresh = begin(&app, &rp, "workspace:read").await;
        allow(&browser, &fresh.user).await;
    })
    .await;
}

#[tokio::test]
async fn da_15_pauses_between_guesses_do_not_help() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for _ in 0..4 {
            assert_eq!(enter(&browser, "BBBB-BBBB").await.status, 422);
            app.clock.advance(Lifetime::minutes(9));
        }
        assert_eq!(enter(&browser, "BBBB-BBBB").await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn da_15_many_people_at_one_address_wait_as_well() {
    on_both(async |app| {
        for number in 0..4 {
            let browser = Browser::of(&app, &format!("guest{number}"), Role::Member).await;
            for _ in 0..5 {
                enter(&browser, "BBBB-BBBB").await;
            }
        }
        let browser = alice(&app).await;
        assert_eq!(browser.get("/device").await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn t_42_used_and_expired_codes_have_words_of_their_own() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let (used, late) = (
            begin(&app, &rp, "workspace:read").await,
            begin(&app, &rp, "workspace:read").await,
        );
        let page = enter(&browser, &late.user).await;
        let ticket = ticket(&page);
        allow(&browser, &used.user).await;
        let page = enter(&browser, &used.user).await;
        assert_eq!(page.status, 422);
        assert!(page.text().contains("This code was used already"));
        app.clock.advance(Lifetime::minutes(10));
        let page = enter(&browser, &late.user).await;
        assert!(page.text().contains("This code has expired"));
        // The page was open when the time was over.
        let fields = [("t", ticket.as_str()), ("sure", "yes"), ("answer", "allow")];
        let answer = browser.submit("/device/confirm", &fields).await;
        assert_eq!(answer.status, 410);
        assert!(answer.text().contains("This code has expired"));
    })
    .await;
}

#[tokio::test]
async fn t_44_the_page_shows_where_and_when_in_my_zone() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let alice = store::users::find_by_username(app.db(), "alice")
            .await
            .expect("read");
        let preferences = Preferences {
            zone: Some("Europe/Stockholm".to_owned()),
            ..Preferences::default()
        };
        let set = store::users::set_preferences(&alice.expect("made").id, &preferences.into());
        app.db().write(set.into()).await.expect("written");
        let call = app.post(ENDPOINT).from("203.0.113.9").basic(&rp.client);
        let call = call.header("user-agent", "<b>Television</b>/2.1");
        let json = call.form(&[("scope", "workspace:read")]).await.json();
        let page = enter(&browser, &text(&json, "user_code")).await.text();
        for shown in [
            "Living room",
            "Does your device show",
            &text(&json, "user_code"),
            "203.0.113.9",
            "22 Nov 2026, 11:00:00 CET",
            "&lt;b&gt;Television&lt;/b&gt;/2.1",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn b_047_somebody_from_elsewhere_is_turned_away() {
    on_both(async |app| {
        let rp = television(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        person(&app, "mallory", None).await;
        let browser = Browser::new(&app);
        browser.sign_in("mallory").await;
        let page = enter(&browser, &codes.user).await;
        assert_eq!(page.status, 403, "{}", page.text());
        assert!(page.text().contains("This account cannot use the app"));
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
        // Who belongs to it still can.
        allow(&alice(&app).await, &codes.user).await;
        assert_eq!(poll(&app, &rp, &codes.device).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_needs_two_factors_gets_them() {
    on_both(async |app| {
        let strict = Draft {
            people: PeopleSettings {
                require_second_factor: true,
                ..PeopleSettings::default()
            },
            ..draft(ApplicationType::Web)
        };
        let (rp, browser) = (Rp::of(&app, strict).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        let page = enter(&browser, &codes.user).await;
        assert_eq!(page.status, 303);
        let location = page.header("location");
        assert!(
            location.starts_with("/login?return_to=%2Fdevice%2Fconfirm%3Ft%3D"),
            "{location}"
        );
        assert!(location.contains("&factor=urn%3Aoauthority%3Aacr%3Amulti-factor"));
    })
    .await;
}

#[tokio::test]
async fn b_092_only_the_persons_own_page_answers() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        let page = enter(&browser, &codes.user).await;
        let (ticket, csrf) = (ticket(&page), browser.csrf());
        let bob = Browser::of(&app, "bob", Role::Member).await;
        let foreign = bob.csrf();
        let fields = |csrf: &'static str| [("csrf", csrf), ("sure", "yes"), ("answer", "allow")];
        let with = async |browser: &Browser<'_>, csrf: &str, headers: &[(&'static str, &str)]| {
            let fields = [
                ("csrf", csrf),
                ("t", &ticket),
                ("sure", "yes"),
                ("answer", "allow"),
            ];
            browser.post_with("/device/confirm", &fields, headers).await
        };
        for csrf in ["", "x", &foreign] {
            assert_eq!(with(&browser, csrf, &[]).await.status, 403, "{csrf:?}");
        }
        for headers in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(with(&browser, &csrf, &[headers]).await.status, 403);
            let entered = [("csrf", csrf.as_str()), ("user_code", &codes.user)];
            let answer = browser.post_with("/device", &entered, &[headers]).await;
            assert_eq!(answer.status, 403);
        }
        let entered = browser
            .post_with("/device", &[("user_code", &codes.user)], &[])
            .await;
        assert_eq!(entered.status, 403);
        // Bob has not typed the code: the page of somebody else leads him to where he can.
        let answer = with(&bob, &foreign, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, format!("/device?user_code={}", codes.user).as_str())
        );
        // And a ticket that was made up leads nowhere.
        let made_up = [&fields("x")[..], &[("t", "bm90IG91cnM")]].concat();
        let answer = browser.post_with("/device/confirm", &made_up, &[]).await;
        assert_eq!(answer.header("location"), "/device");
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
        assert_eq!(with(&browser, &csrf, &[]).await.status, 303);
        assert_eq!(poll(&app, &rp, &codes.device).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn what_may_be_left_out_is_left_out_and_what_was_allowed_is_not_new() {
    on_both(async |app| {
        let choosy = Draft {
            optional_scopes: Some(vec![ScopeRef::text("email")]),
            ..draft(ApplicationType::Web)
        };
        let (rp, browser) = (Rp::of(&app, choosy).await, alice(&app).await);
        let first = begin(&app, &rp, "openid email").await;
        let page = enter(&browser, &first.user).await;
        assert!(!page.text().contains("New</"), "everything is new");
        allow(&browser, &first.user).await;
        let tokens = poll(&app, &rp, &first.device).await.json();
        assert_eq!(tokens["scope"], "openid");
        let second = begin(&app, &rp, "openid email").await;
        let fields = [("answer", "allow"), ("sure", "yes"), ("scope", "email")];
        say(&browser, &second.user, &fields).await;
        let tokens = poll(&app, &rp, &second.device).await.json();
        assert_eq!(tokens["scope"], "openid email");
        let alice = store::users::find_by_username(app.db(), "alice")
            .await
            .expect("read");
        let consent = store::consents::find(app.db(), &alice.expect("made").id, &rp.client.id).await;
        let consent = consent.expect("read").expect("given");
        assert_eq!(consent.scopes.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_issuer_with_a_path_leads_to_the_page() {
    on_both_with(&[("issuer", "https://id.example/t1")], async |app| {
        let answer = app.get("/t1/device?user_code=WDJB-MJHT").send().await;
        assert_eq!(answer.header("location"), "/device?user_code=WDJB-MJHT");
    })
    .await;
}

//! What the device hears. [RFC 8628 §3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)

use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::{
    registry::{
        clients::{self, Edit},
        members,
    },
    store,
    tests::databases::databases,
};

/// How many grants a client holds.
async fn grants(app: &TestApp, rp: &Rp) -> usize {
    let epoch = app.app.registry.live.client(&rp.client.id).expect("live").epoch;
    let held = store::grants::of_client(app.db(), &rp.client.id, epoch, app.clock.now(), 99).await;
    held.expect("read").len()
}

#[tokio::test]
async fn da_05_t_04_an_approved_device_gets_tokens() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "openid offline_access workspace:read").await;
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
        allow(&browser, &codes.user).await;
        let tokens = poll(&app, &rp, &codes.device).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text());
        assert_eq!(tokens.header("cache-control"), "no-store");
        let tokens = tokens.json();
        assert_eq!(tokens["scope"], "openid offline_access workspace:read");
        let id_token = payload(&text(&tokens, "id_token"));
        assert_eq!(id_token["aud"], rp.client.id);
        assert_eq!(
            id_token.get("sid"),
            None,
            "the device is in no session of a browser"
        );
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(
            (&active["active"], &active["sub"]),
            (&true.into(), &id_token["sub"])
        );
        // Signing out in the browser does not sign out the device.
        browser.submit("/logout", &[]).await;
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], true);
        let next = rp.refresh(&app, &text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(next.status, 200, "{}", next.text());
    })
    .await;
}

#[tokio::test]
async fn da_06_a_device_that_asks_too_often_slows_down_for_good() {
    on_both(async |app| {
        let rp = television(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        // Seconds since the poll before, and what the device hears.
        for (seconds, error) in [
            (0, "authorization_pending"),
            (5, "authorization_pending"),
            (4, "slow_down"),
            (5, "slow_down"),
            (15, "authorization_pending"),
            (14, "slow_down"),
            (20, "authorization_pending"),
            (19, "slow_down"),
            (25, "authorization_pending"),
        ] {
            app.clock.advance(Lifetime::seconds(seconds));
            poll(&app, &rp, &codes.device).await.refused(400, error);
        }
    })
    .await;
}

#[tokio::test]
async fn da_07_a_device_that_was_denied() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        let done = say(&browser, &codes.user, &[("answer", "deny")]).await;
        assert!(done.text().contains("Device denied"), "{}", done.text());
        for _ in 0..2 {
            poll(&app, &rp, &codes.device).await.refused(400, "access_denied");
        }
        assert_eq!(grants(&app, &rp).await, 0);
    })
    .await;
}

#[tokio::test]
async fn da_08_an_expired_code_is_expired_whatever_was_said() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let silent = begin(&app, &rp, "workspace:read").await;
        let approved = begin(&app, &rp, "workspace:read").await;
        allow(&browser, &approved.user).await;
        app.clock.advance(Lifetime::seconds(599));
        poll(&app, &rp, &silent.device)
            .await
            .refused(400, "authorization_pending");
        app.clock.advance(Lifetime::seconds(1));
        for codes in [&silent, &approved] {
            poll(&app, &rp, &codes.device).await.refused(400, "expired_token");
        }
    })
    .await;
}

#[tokio::test]
async fn da_09_da_12_an_unknown_code_and_none() {
    on_both(async |app| {
        let rp = television(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        for unknown in ["x", &codes.user, &codes.device[1..], ""] {
            let error = if unknown.is_empty() {
                "invalid_request"
            } else {
                "invalid_grant"
            };
            poll(&app, &rp, unknown).await.refused(400, error);
        }
        rp.ask(&app, &[("grant_type", GRANT)])
            .await
            .refused(400, "invalid_request");
        let twice = [("grant_type", GRANT), ("device_code", "a"), ("device_code", "b")];
        rp.ask(&app, &twice).await.refused(400, "invalid_request");
    })
    .await;
}

#[tokio::test]
async fn da_10_a_code_works_once() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        allow(&browser, &codes.user).await;
        let tokens = poll(&app, &rp, &codes.device).await.json();
        poll(&app, &rp, &codes.device).await.refused(400, "invalid_grant");
        // Somebody who has the code does not sign out the device with it.
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], true);
        app.clock.advance(Lifetime::hours(1));
        poll(&app, &rp, &codes.device).await.refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn da_11_b_003_the_code_of_another_client() {
    on_both(async |app| {
        let (rp, other) = (television(&app).await, television(&app).await);
        let browser = alice(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
        app.clock.advance(Lifetime::seconds(5));
        for _ in 0..3 {
            poll(&app, &other, &codes.device)
                .await
                .refused(400, "invalid_grant");
        }
        // The owner is not slowed down.
        poll(&app, &rp, &codes.device)
            .await
            .refused(400, "authorization_pending");
        allow(&browser, &codes.user).await;
        poll(&app, &other, &codes.device)
            .await
            .refused(400, "invalid_grant");
        let tokens = poll(&app, &rp, &codes.device).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text());
        poll(&app, &rp, &codes.device).await.refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn da_10_of_many_polls_at_once_exactly_one_gets_tokens() {
    for database in databases().await {
        let app = Arc::new(TestApp::start(&database, &[]).await);
        let rp = television(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        allow(&alice(&app).await, &codes.user).await;
        let mut polls = JoinSet::new();
        for _ in 0..30 {
            let (app, rp, code) = (Arc::clone(&app), rp.clone(), codes.device.clone());
            polls.spawn(async move { poll(&app, &rp, &code).await });
        }
        let mut tokens = Vec::new();
        while let Some(answer) = polls.join_next().await {
            let answer = answer.expect("no panic");
            if answer.status == 200 {
                tokens.push(text(&answer.json(), "access_token"));
            } else {
                answer.refused(400, "invalid_grant");
            }
        }
        assert_eq!(tokens.len(), 1, "{}", app.database);
        let active = app.introspect(&rp.client, &tokens[0]).await;
        assert_eq!(active["active"], true);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_answers_at_once_exactly_one_counts() {
    for database in databases().await {
        let app = Arc::new(TestApp::start(&database, &[]).await);
        let rp = television(&app).await;
        let codes = begin(&app, &rp, "workspace:read").await;
        let browser = alice(&app).await;
        let page = enter(&browser, &codes.user).await;
        let (ticket, csrf) = (ticket(&page), browser.csrf());
        let cookie = format!("oauthority={}", browser.session().expect("signed in"));
        let mut answers = JoinSet::new();
        for number in 0..16 {
            let (app, ticket, csrf, cookie) =
                (Arc::clone(&app), ticket.clone(), csrf.clone(), cookie.clone());
            answers.spawn(async move {
                let answer = if number % 2 == 0 { "allow" } else { "deny" };
                let fields = [
                    ("csrf", csrf.as_str()),
                    ("t", &ticket),
                    ("sure", "yes"),
                    ("answer", answer),
                ];
                let call = app.post("/device/confirm").header("cookie", &cookie);
                call.form(&fields).await.status.as_u16()
            });
        }
        let mut first = 0;
        while let Some(status) = answers.join_next().await {
            match status.expect("no panic") {
                303 => first += 1,
                other => assert_eq!(other, 410, "{}", app.database),
            }
        }
        assert_eq!(first, 1, "{}", app.database);
        let grants = grants(&app, &rp).await;
        let answer = poll(&app, &rp, &codes.device).await;
        assert_eq!(grants, usize::from(answer.status == 200), "{}", answer.text());
    }
}

#[tokio::test]
async fn b_065_a_client_that_was_switched_off_meanwhile() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let (waiting, approved) = (
            begin(&app, &rp, "workspace:read").await,
            begin(&app, &rp, "workspace:read").await,
        );
        allow(&browser, &approved.user).await;
        let page = enter(&browser, &waiting.user).await;
        let ticket = ticket(&page);
        let (registry, id) = (&app.app.registry, &rp.client.id);
        clients::disable(registry, &app.owner(), id, None, None)
            .await
            .expect("disabled");
        poll(&app, &rp, &approved.device)
            .await
            .refused(401, "invalid_client");
        let fields = [("t", ticket.as_str()), ("sure", "yes"), ("answer", "allow")];
        let answer = browser.submit("/device/confirm", &fields).await;
        assert_eq!(answer.status, 410, "{}", answer.text());
        assert!(answer.text().contains("This app was switched off"));
        // What began before stays dead.
        clients::enable(registry, &app.owner(), id, None)
            .await
            .expect("enabled");
        for codes in [&waiting, &approved] {
            poll(&app, &rp, &codes.device).await.refused(400, "invalid_grant");
        }
        let answer = browser.submit("/device/confirm", &fields).await;
        assert_eq!(answer.status, 410, "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn b_047_b_065_a_person_who_was_removed_meanwhile() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "workspace:read").await;
        allow(&browser, &codes.user).await;
        let alice = store::users::find_by_username(app.db(), "alice")
            .await
            .expect("read");
        let alice = alice.expect("made");
        members::remove(&app.app.registry, &app.owner(), &alice.id)
            .await
            .expect("removed");
        poll(&app, &rp, &codes.device).await.refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn what_a_client_lost_meanwhile_is_not_in_the_token() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let codes = begin(&app, &rp, "openid email workspace:read").await;
        allow(&browser, &codes.user).await;
        let edit = Edit {
            scopes: Some(["openid", "workspace:read"].map(ScopeRef::text).to_vec()),
            ..Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &rp.client.id, None, edit)
            .await
            .expect("changed");
        let tokens = poll(&app, &rp, &codes.device).await.json();
        assert_eq!(tokens["scope"], "openid workspace:read");
    })
    .await;
}

#[tokio::test]
async fn codes_and_grants_that_cannot_matter_are_forgotten() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let (expired, kept) = (
            begin(&app, &rp, "openid workspace:read").await,
            begin(&app, &rp, "openid workspace:read").await,
        );
        allow(&browser, &kept.user).await;
        poll(&app, &rp, &kept.device).await;
        let count = async |table: &str| {
            let row = app
                .db()
                .read_one(format!("SELECT count(*) FROM {table}"), vec![])
                .await;
            row.expect("read")
                .expect("a row")
                .next::<i64>()
                .expect("a number")
        };
        app.clock.advance(Lifetime::hours(24));
        app.sweep().await;
        assert_eq!((count("device_codes").await, count("grants").await), (2, 1));
        poll(&app, &rp, &expired.device)
            .await
            .refused(400, "expired_token");
        app.clock.advance(Lifetime::hours(1));
        app.sweep().await;
        assert_eq!((count("device_codes").await, count("grants").await), (0, 1));
        poll(&app, &rp, &expired.device)
            .await
            .refused(400, "invalid_grant");
        app.clock.advance(Lifetime::days(31));
        app.sweep().await;
        assert_eq!(count("grants").await, 0);
    })
    .await;
}

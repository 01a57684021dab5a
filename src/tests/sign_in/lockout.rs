//! Who guesses shuts out himself, and nobody else.

use axum::http::StatusCode;

use super::events;
use crate::{
    registry::{guessing::tell, lockout::WINDOW},
    store::users::Role,
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{Answer, TestApp, on_both},
    },
    time::Lifetime,
};

async fn tries(app: &TestApp, ip: &str, username: &str, password: &str) -> Answer {
    let form = [("username", username), ("password", password)];
    app.post("/login").from(ip).form(&form).await
}

async fn guess_until_shut(app: &TestApp, ip: &str, username: &str) {
    for _ in 0..app.app.registry.config.limits.sign_in_attempts_per_account {
        let answer = tries(app, ip, username, "wrong wrong wrong").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.text().contains("do not go together"));
    }
}

#[tokio::test]
async fn c_57_who_guesses_a_password_shuts_out_his_own_network_only() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        guess_until_shut(&app, "203.0.113.9", "ada").await;
        let shut = tries(&app, "203.0.113.9", "ada", PASSWORD).await;
        assert_eq!(shut.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(shut.header("retry-after"), "900");
        assert!(
            shut.text().contains("Try again in 15 minutes, at 10:15 UTC."),
            "{}",
            shut.text()
        );
        // Elsewhere one waits a minute after ten wrong ones: nobody knows who guessed.
        app.clock.advance(Lifetime::minutes(1));
        let elsewhere = tries(&app, "203.0.113.10", "ada", PASSWORD).await;
        assert_eq!(elsewhere.status, StatusCode::SEE_OTHER);
        tell(&app.app.registry).await.expect("told");
        let locked = events(&app, "user.locked").await;
        assert_eq!(locked.len(), 1);
        assert_eq!(locked[0].details["origin"], "network 203.0.113.9");
        app.clock.advance(WINDOW);
        let later = tries(&app, "203.0.113.9", "ada", PASSWORD).await;
        assert_eq!(later.status, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn an_ipv6_network_is_one_guesser() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        guess_until_shut(&app, "2001:db8:1:2::1", "ada").await;
        app.clock.advance(Lifetime::minutes(1));
        let neighbour = tries(&app, "2001:db8:1:2:ffff::9", "ada", PASSWORD).await;
        assert_eq!(neighbour.status, StatusCode::TOO_MANY_REQUESTS);
        let other = tries(&app, "2001:db8:1:3::1", "ada", PASSWORD).await;
        assert_eq!(other.status, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn a_known_browser_is_not_shut_out_by_a_stranger_on_its_network() {
    on_both(async |app| {
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let ben = Browser::of(&app, "ben", Role::Admin).await;
        guess_until_shut(&app, "127.0.0.1", "ada").await;
        // To another account the browser is a stranger like any other.
        let refused = ben
            .submit("/login", &[("username", "ada"), ("password", PASSWORD)])
            .await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        let right = [("username", "ada"), ("password", PASSWORD)];
        let answer = ada.submit("/login", &right).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        // Its own wrong tries count.
        let most = app.app.registry.config.limits.sign_in_attempts_per_account;
        for _ in 0..most {
            ada.submit("/login", &[("username", "ada"), ("password", "wrong")])
                .await;
        }
        let answer = ada.submit("/login", &right).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text());
        assert!(answer.text().contains("Too many wrong tries"));
    })
    .await;
}

#[tokio::test]
async fn strangers_do_not_use_up_the_tries_of_a_known_browser() {
    on_both(async |app| {
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        for _ in 0..app.app.registry.config.limits.sign_in_attempts_per_address {
            tries(&app, "127.0.0.1", "nobody", "wrong").await;
        }
        let stranger = tries(&app, "127.0.0.1", "ada", PASSWORD).await;
        assert_eq!(stranger.status, StatusCode::TOO_MANY_REQUESTS);
        let right = [("username", "ada"), ("password", PASSWORD)];
        assert_eq!(ada.submit("/login", &right).await.status, StatusCode::SEE_OTHER);
    })
    .await;
}

#[tokio::test]
async fn who_comes_in_by_a_known_browser_forgives_no_stranger() {
    on_both(async |app| {
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        guess_until_shut(&app, "127.0.0.1", "ada").await;
        ada.sign_in("ada").await;
        let shut = tries(&app, "127.0.0.1", "ada", PASSWORD).await;
        assert_eq!(shut.status, StatusCode::TOO_MANY_REQUESTS);
    })
    .await;
}

#[tokio::test]
async fn a_47_b_083_a_name_that_nobody_has_is_shut_like_any_other() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let mut pages = Vec::new();
        for (ip, username) in [("203.0.113.9", "ada"), ("203.0.113.10", "zoe")] {
            guess_until_shut(&app, ip, username).await;
            let shut = tries(&app, ip, username, "wrong").await;
            assert_eq!(shut.status, StatusCode::TOO_MANY_REQUESTS);
            pages.push(shut.text().replace(username, "NAME"));
        }
        assert_eq!(pages[0], pages[1]);
    })
    .await;
}

#[tokio::test]
async fn a_47_an_unknown_name_costs_as_many_statements_as_a_known_one() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let mut costs = Vec::new();
        for (ip, username) in [("203.0.113.9", "ada"), ("203.0.113.10", "zoe")] {
            let before = app.db().statements();
            tries(&app, ip, username, "wrong").await;
            costs.push(app.db().statements() - before);
        }
        assert_eq!(costs[0], costs[1]);
    })
    .await;
}

#[tokio::test]
async fn wrong_tries_are_forgotten_after_a_good_one_and_swept_in_time() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let most = app.app.registry.config.limits.sign_in_attempts_per_account;
        for round in 0..2 {
            for _ in 0..most - 1 {
                tries(&app, "203.0.113.9", "ada", "wrong").await;
            }
            let right = tries(&app, "203.0.113.9", "ada", PASSWORD).await;
            assert_eq!(right.status, StatusCode::SEE_OTHER, "{round}");
            app.clock.advance(Lifetime::seconds(61));
        }
        tries(&app, "203.0.113.9", "zoe", "wrong").await;
        app.clock.advance(WINDOW);
        app.sweep().await;
        let left = app
            .db()
            .read_one("SELECT count(*) FROM sign_in_failures", vec![])
            .await
            .expect("read");
        let left: i64 = left.expect("a row").next().expect("a number");
        assert_eq!(left, 0);
    })
    .await;
}

//! What is guessed is capped wherever the guesses come from, and nobody is shut out by it.

use axum::http::StatusCode;

use super::{App, browser_at, events, is_signed_in, password as half_of, set_up_app, user};
use crate::{
    error::{Error, Result},
    oauth::authentication::SINGLE_FACTOR,
    registry::{
        factors, guessing,
        members::{self, NewMember},
        sessions::{self, SignedIn},
        sign_in::{self, Progress, Proof},
    },
    secret::Secret,
    store::users::{Role, User},
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{Answer, TestApp, on_both},
        people::{link, post, reachable},
    },
    time::Lifetime,
};

const STEP: Lifetime = Lifetime::seconds(30);

/// Ada, who has an authenticator app, and the browser in which she set it up.
async fn ada(app: &TestApp) -> (Browser<'_>, App, User) {
    let browser = Browser::of(app, "ada", Role::Admin).await;
    let (device, _) = set_up_app(app, &browser).await;
    browser.submit("/logout", &[]).await;
    app.clock.advance(STEP);
    (browser, device, user(app, "ada").await)
}

/// A browser that nobody knows, in the nth of very many networks.
fn stranger(number: usize) -> sessions::Browser {
    browser_at(&format!("2001:db8:0:{number:x}::1"))
}

/// A browser that the account knows.
fn known(app: &TestApp, user: &User) -> sessions::Browser {
    sessions::Browser {
        known: sign_in::remember_browser(&app.app.registry, "", user),
        ..browser_at("192.0.2.77")
    }
}

/// What became of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Right,
    /// It was looked at.
    Wrong,
    /// It was not looked at.
    Refused,
}

fn fate<T>(done: Result<T>) -> (Fate, Option<T>) {
    match done {
        Ok(done) => (Fate::Right, Some(done)),
        Err(Error::Refused(refusal)) if guessing::is_shut(&refusal) => (Fate::Refused, None),
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.code.status(), 401, "{refusal}");
            (Fate::Wrong, None)
        }
        Err(error) => panic!("{error}"),
    }
}

/// Somebody who knows the password enters a code into a sign-in of their own.
async fn enters(app: &TestApp, half: &Proof, code: &str, from: &sessions::Browser) -> (Fate, Option<Proof>) {
    fate(factors::prove_code(&app.app.registry, half.clone(), code, from).await)
}

/// A fresh half of a sign-in, as it is after the right password.
async fn half(app: &TestApp, from: &sessions::Browser) -> Proof {
    let password = Secret::new(PASSWORD.to_owned());
    sign_in::password(&app.app.registry, "ada", password, from)
        .await
        .expect("the right password")
}

async fn finishes(app: &TestApp, proof: Proof, from: &sessions::Browser) -> SignedIn {
    match sign_in::go_on(&app.app.registry, proof, SINGLE_FACTOR, from).await {
        Ok(Progress::Done(signed_in)) => *signed_in,
        _ => panic!("not signed in"),
    }
}

async fn tries(app: &TestApp, number: usize, username: &str, password: &str) -> Answer {
    let ip = format!("2001:db8:0:{number:x}::1");
    let form = [("username", username), ("password", password)];
    app.post("/login").from(&ip).form(&form).await
}

/// Guesses at a password from a network of their own each, an hour apart once one has to wait.
async fn guess_to_the_end(app: &TestApp, username: &str) {
    for number in 0..100 {
        let answer = tries(app, number, username, "wrong").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{number}");
        if number >= 9 {
            app.clock.advance(Lifetime::hours(1));
        }
    }
}

async fn told(app: &TestApp) -> Vec<String> {
    guessing::tell(&app.app.registry).await.expect("told");
    post(app).await
}

#[tokio::test]
async fn fx_02_the_fifth_wrong_code_ends_half_a_sign_in() {
    on_both(async |app| {
        let (_, device, _) = ada(&app).await;
        let guesser = Browser::new(&app);
        half_of(&guesser, "ada").await;
        let half = guesser.cookie("oauthority-sign-in").expect("half a sign-in");
        guesser.get("/login/mfa").await;
        for _ in 0..4 {
            let wrong = guesser.submit("/login/mfa", &[("code", "000000")]).await;
            assert!(
                wrong.text().contains("This code does not work"),
                "{}",
                wrong.text()
            );
        }
        let over = guesser.submit("/login/mfa", &[("code", "000000")]).await;
        assert_eq!(over.status, StatusCode::UNAUTHORIZED);
        assert!(over.text().contains("this sign-in has ended"), "{}", over.text());
        assert_eq!(guesser.cookie("oauthority-sign-in"), None);
        // A copy of the cookie is worth nothing either, with the right code.
        guesser.set_cookie("oauthority-sign-in", &half);
        let code = device.code(&app);
        let again = guesser.submit("/login/mfa", &[("code", &code)]).await;
        assert_eq!(again.header("location"), "/login?return_to=%2F");
        // The next half goes on with the account's count.
        half_of(&guesser, "ada").await;
        guesser.get("/login/mfa").await;
        let done = guesser.submit("/login/mfa", &[("code", &code)]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        assert!(is_signed_in(&guesser).await);
    })
    .await;
}

#[tokio::test]
async fn fx_02_codes_side_by_side_get_no_further_than_the_fifth() {
    on_both(async |app| {
        ada(&app).await;
        let from = stranger(1);
        let half = half(&app, &from).await;
        let mut looked_at = 0;
        for _ in 0..3 {
            let guess = || factors::prove_code(&app.app.registry, half.clone(), "000000", &from);
            let (a, b, c, d) = tokio::join!(guess(), guess(), guess(), guess());
            for done in [a, b, c, d] {
                let refusal = done.expect_err("wrong").refusal().expect("a refusal").clone();
                looked_at += usize::from(matches!(refusal.reason, "code" | "half_over"));
            }
        }
        assert_eq!(looked_at, 5);
    })
    .await;
}

#[tokio::test]
async fn fx_02_many_halves_from_many_networks_share_the_cap_of_the_account() {
    on_both(async |app| {
        let (browser, device, ada) = ada(&app).await;
        let mut looked_at = 0;
        for number in 0..20 {
            let from = stranger(number);
            let half = half(&app, &from).await;
            for _ in 0..3 {
                looked_at += usize::from(enters(&app, &half, "000000", &from).await.0 == Fate::Wrong);
            }
        }
        assert_eq!(looked_at, 10, "then there is a pause");
        // As slowly as they are let: no more than a hundred in a row, right ones included.
        for number in 20..130 {
            app.clock.advance(Lifetime::hours(1));
            let from = stranger(number);
            let half = half(&app, &from).await;
            looked_at += usize::from(enters(&app, &half, "000000", &from).await.0 == Fate::Wrong);
        }
        assert_eq!(looked_at, 100);
        app.clock.advance(Lifetime::days(200));
        crate::jobs::sweep(&app.app.registry).await.expect("swept");
        let (from, code) = (stranger(9), device.code(&app));
        let half = half(&app, &from).await;
        assert_eq!(enters(&app, &half, &code, &from).await.0, Fate::Refused);
        // The person's own browser knows nothing of it, and opens the way again.
        half_of(&browser, "ada").await;
        browser.get("/login/mfa").await;
        let done = browser.submit("/login/mfa", &[("code", &code)]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        app.clock.advance(STEP);
        let (fate, _) = enters(&app, &self::half(&app, &from).await, &device.code(&app), &from).await;
        assert_eq!(fate, Fate::Right);
        assert_eq!(ada.username, "ada");
    })
    .await;
}

#[tokio::test]
async fn fx_02_a_recovery_code_is_the_same_way_in() {
    on_both(async |app| {
        ada(&app).await;
        for number in 0..10 {
            let from = stranger(number);
            let half = half(&app, &from).await;
            assert_eq!(enters(&app, &half, "aaaaabbbbb", &from).await.0, Fate::Wrong);
        }
        let from = stranger(11);
        let half = half(&app, &from).await;
        assert_eq!(enters(&app, &half, "aaaaabbbbc", &from).await.0, Fate::Refused);
        assert_eq!(enters(&app, &half, "000000", &from).await.0, Fate::Refused);
    })
    .await;
}

#[tokio::test]
async fn fx_02_ten_passwords_in_a_row_begin_a_pause_that_a_known_browser_does_not_feel() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let own = Browser::new(&app);
        own.sign_in("ada").await;
        for number in 0..10 {
            let wrong = tries(&app, number, "ada", "wrong").await;
            assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
        }
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = tries(&app, 99, "ada", PASSWORD).await;
            assert_eq!(wait.status, StatusCode::TOO_MANY_REQUESTS, "{minutes}");
            assert_eq!(wait.header("retry-after"), (minutes * 60).to_string());
            let words = format!("Try again in {minutes} minute");
            assert!(wait.text().contains(&words), "{}", wait.text());
            let right = [("username", "ada"), ("password", PASSWORD)];
            let sign_in = Browser::new(&app);
            sign_in.set_cookie(
                "oauthority-known",
                &own.cookie("oauthority-known").expect("known"),
            );
            app.clock.advance(Lifetime::minutes(minutes));
            let wrong = tries(&app, 99, "ada", "wrong").await;
            assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{minutes}");
            if minutes == 60 {
                let answer = sign_in.submit("/login", &right).await;
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
                // That was a right one: the row begins anew.
                assert_eq!(
                    tries(&app, 98, "ada", PASSWORD).await.status,
                    StatusCode::SEE_OTHER
                );
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn fx_02_a_hundred_close_the_way_and_the_mailed_link_opens_it_for_good() {
    on_both(async |app| {
        let ada = person(&app, "ada", Some(Role::Admin)).await;
        reachable(&app, &ada, "ada@example.com").await;
        guess_to_the_end(&app, "ada").await;
        app.clock.advance(Lifetime::days(200));
        crate::jobs::sweep(&app.app.registry).await.expect("swept");
        let shut = tries(&app, 999, "ada", PASSWORD).await;
        assert_eq!(shut.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(shut.header("retry-after"), "");
        assert!(
            shut.text().contains("A hundred wrong passwords in a row"),
            "{}",
            shut.text()
        );
        assert!(shut.text().contains("/login/recover"));
        let mails = told(&app).await;
        assert!(
            mails
                .iter()
                .any(|mail| mail.contains("A hundred wrong passwords")),
            "{mails:?}"
        );
        // The link makes the browser known, so that whoever goes on guessing does not reach it.
        let own = Browser::new(&app);
        own.submit("/login/recover", &[("who", "ada")]).await;
        let mails = post(&app).await;
        let path = link(mails.last().expect("a mail"));
        let new = "four quite unrelated words 9";
        let set = own.submit(&path, &[("password", new)]).await;
        assert_eq!(set.status, StatusCode::OK, "{}", set.text());
        for number in 0..12 {
            tries(&app, number, "ada", "wrong").await;
        }
        let right = [("username", "ada"), ("password", new)];
        let done = own.submit("/login", &right).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    })
    .await;
}

#[tokio::test]
async fn fx_02_whoever_picks_a_first_password_is_let_in_whatever_strangers_tried() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let new = NewMember {
            username: "ada".to_owned(),
            display_name: None,
            email: None,
            role: Role::Member,
        };
        let added = members::add(registry, &app.owner(), new).await.expect("added");
        for number in 0..12 {
            tries(&app, number, "ada", "wrong").await;
        }
        assert_eq!(
            tries(&app, 99, "ada", "wrong").await.status,
            StatusCode::TOO_MANY_REQUESTS
        );
        let own = Browser::new(&app);
        let done = own.submit(&added.link.path, &[("password", PASSWORD)]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    })
    .await;
}

#[tokio::test]
async fn fx_02_a_browser_that_failed_a_hundred_times_is_a_stranger() {
    on_both(async |app| {
        let ada = person(&app, "ada", Some(Role::Admin)).await;
        let from = known(&app, &ada);
        let registry = &app.app.registry;
        let guess = async |word: &str, from: &sessions::Browser| {
            fate(sign_in::password(registry, "ada", Secret::new(word.to_owned()), from).await).0
        };
        for number in 0..200 {
            assert_eq!(guess("wrong", &from).await, Fate::Wrong, "{number}");
            app.clock.advance(Lifetime::hours(1));
        }
        assert_eq!(guess("wrong", &from).await, Fate::Refused);
        // Another browser that the account knows is not concerned.
        assert_eq!(guess(PASSWORD, &known(&app, &ada)).await, Fate::Right);
    })
    .await;
}

#[tokio::test]
async fn fx_02_the_person_and_their_organisations_hear_of_each_step_once() {
    on_both(async |app| {
        let ada = person(&app, "ada", Some(Role::Admin)).await;
        reachable(&app, &ada, "ada@example.com").await;
        for number in 0..9 {
            tries(&app, number, "ada", "wrong").await;
        }
        assert!(told(&app).await.is_empty());
        tries(&app, 9, "ada", "wrong").await;
        tries(&app, 9, "ada", "wrong").await;
        let mails = told(&app).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(mails[0].contains("Ten wrong passwords"), "{}", mails[0]);
        assert!(told(&app).await.is_empty(), "once");
        assert_eq!(events(&app, "user.sign_in_slowed").await.len(), 1);
        // The next row within a day is an entry of the log, and no mail.
        app.clock.advance(Lifetime::minutes(20));
        assert_eq!(
            tries(&app, 11, "ada", PASSWORD).await.status,
            StatusCode::SEE_OTHER
        );
        for number in 20..30 {
            tries(&app, number, "ada", "wrong").await;
        }
        assert!(told(&app).await.is_empty());
        assert_eq!(events(&app, "user.sign_in_slowed").await.len(), 2);
        for number in 30..120 {
            app.clock.advance(Lifetime::hours(1));
            tries(&app, number, "ada", "wrong").await;
        }
        let mails = told(&app).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(mails[0].contains("A hundred wrong passwords"), "{}", mails[0]);
        let closed = events(&app, "user.sign_in_closed").await;
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].details["way"], "password");
    })
    .await;
}

#[tokio::test]
async fn fx_02_a_name_that_nobody_has_pauses_and_closes_like_any_other_and_costs_as_much() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let mut seen = Vec::new();
        for username in ["ada", "zoe"] {
            let mut of_name = Vec::new();
            for number in 0..102 {
                let before = app.db().statements();
                let answer = tries(&app, number, username, "wrong").await;
                let words = answer.text().replace(username, "NAME");
                // The clock goes on from name to name.
                let words = words.split(", at ").next().unwrap_or_default().to_owned();
                let wait = answer.header("retry-after").to_owned();
                of_name.push((answer.status, wait, words, app.db().statements() - before));
                if number >= 10 {
                    app.clock.advance(Lifetime::hours(1));
                }
            }
            seen.push(of_name);
        }
        for (number, (ada, zoe)) in seen[0].iter().zip(&seen[1]).enumerate() {
            assert_eq!(ada, zoe, "{number}");
        }
        assert_eq!(seen[0][10].0, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(seen[0][101].0, StatusCode::TOO_MANY_REQUESTS);
    })
    .await;
}

#[tokio::test]
async fn fx_02_rfc6238_s5_2_the_code_of_the_next_step_is_not_taken() {
    on_both(async |app| {
        let (_, device, _) = ada(&app).await;
        let from = stranger(1);
        app.clock.advance(STEP);
        let now = app.clock.now();
        let half = half(&app, &from).await;
        let before_last = now.before(STEP).before(STEP);
        for (at, expected) in [
            (now.after(STEP), Fate::Wrong),
            (before_last, Fate::Wrong),
            (now.before(STEP), Fate::Right),
            (now, Fate::Right),
        ] {
            assert_eq!(
                enters(&app, &half, &device.code_at(at), &from).await.0,
                expected,
                "{at:?}"
            );
        }
    })
    .await;
}

/// Chance that is the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test]
async fn fx_02_whatever_strangers_do_they_get_no_more_than_the_cap_and_the_person_gets_in() {
    on_both(async |app| {
        let (_, device, ada) = ada(&app).await;
        let own = known(&app, &ada);
        let session = {
            let own_half = half(&app, &own).await;
            let (_, proof) = enters(&app, &own_half, &device.code(&app), &own).await;
            let signed_in = finishes(&app, proof.expect("right"), &own).await;
            signed_in.session
        };
        let registry = &app.app.registry;
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        let (mut in_a_row, mut most, mut halves, mut number) = (0, 0, Vec::new(), 0);
        for round in 0..600 {
            match dice.roll(20) {
                // The person comes back now and then, from the browser that knows them.
                0 if round % 3 == 0 => {
                    app.clock.advance(Lifetime::minutes(1));
                    let half = sign_in::of_session(registry, &session, ada.clone());
                    let (fate, proof) = enters(&app, &half, &device.code(&app), &own).await;
                    assert_eq!(fate, Fate::Right, "{round}");
                    finishes(&app, proof.expect("right"), &own).await;
                    in_a_row = 0;
                }
                1..=4 => app
                    .clock
                    .advance(Lifetime::minutes(i64::try_from(dice.roll(90)).unwrap_or(1))),
                5..=7 => {
                    halves.push((sign_in::of_session(registry, &session, ada.clone()), 0));
                }
                _ => {
                    number += 1;
                    let at = usize::try_from(dice.roll(8)).unwrap_or(0);
                    let Some((half, tried)) = halves.iter_mut().rev().nth(at) else {
                        continue;
                    };
                    let fate = enters(&app, half, "000000", &stranger(number % 50)).await.0;
                    if fate == Fate::Wrong && *tried < 5 {
                        *tried += 1;
                        in_a_row += 1;
                        most = most.max(in_a_row);
                    }
                    assert!(in_a_row <= 100, "{round}");
                }
            }
        }
        assert!(most >= 10, "they did guess: {most}");
        assert!(halves.iter().all(|(_, tried)| *tried <= 5));
    })
    .await;
}

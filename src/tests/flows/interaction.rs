//! One interaction, one answer, one person.

use super::{consent::asks, *};
use crate::{
    tests::browser::{PASSWORD, person},
    time::Lifetime,
};

/// Whether an answer is the page for a request that was answered before.
fn is_answered(answer: &Answer) -> bool {
    answer.status == 400 && answer.text().contains("This request was answered already")
}

fn is_of_another(answer: &Answer) -> bool {
    answer.status == 400 && answer.text().contains("This request belongs to another sign-in")
}

async fn removes(app: &TestApp, rp: &Rp, username: &str) {
    let user = user(app, username).await;
    let actor = app.owner().actor;
    crate::registry::connected_apps::remove(&app.app.registry, &actor, &user.id, &rp.client.id)
        .await
        .expect("removed");
}

async fn consents(app: &TestApp) -> i64 {
    let rows = app.db().read("SELECT COUNT(*) FROM consents", vec![]);
    let mut row = rows.await.expect("read").pop().expect("a row");
    row.next().expect("a number")
}

#[tokio::test]
async fn fx_15_one_consent_form_gives_one_code() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        let page = rp.authorize(&browser, &[]).await;
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
        for word in ["allow", "deny"] {
            let again = say(&browser, &page, word, &[]).await;
            assert!(
                is_answered(&again),
                "{} {}",
                again.header("location"),
                again.text()
            );
        }
        assert_eq!(codes(&app).await, 1);
        // The same for a no, and for the page itself.
        let asked = [("prompt", "consent")];
        let page = rp.authorize(&browser, &asked).await;
        told(&app, &say(&browser, &page, "deny", &[]).await, "access_denied");
        assert!(is_answered(&say(&browser, &page, "allow", &[]).await));
        let tx = field(&page, "tx");
        assert!(is_answered(&browser.get(&format!("/consent?tx={tx}")).await));
        assert_eq!(codes(&app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn fx_15_forms_side_by_side_give_one_code() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        let page = rp.authorize(&browser, &[]).await;
        let post = || say(&browser, &page, "allow", &[]);
        let (one, two, three) = tokio::join!(post(), post(), post());
        let answers = [one, two, three];
        let given = answers.iter().filter(|answer| param(answer, "code").is_some());
        assert_eq!(given.count(), 1);
        assert_eq!(answers.iter().filter(|answer| is_answered(answer)).count(), 2);
        assert_eq!(codes(&app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn fx_15_what_led_through_the_sign_in_gives_one_code() {
    on_both(async |app| {
        let rp = Rp::web(&app).await;
        person(&app, "alice", Some(Role::Member)).await;
        let browser = Browser::new(&app);
        let page = rp.authorize(&browser, &[]).await;
        let onward = field(&page, "return_to").replace("&amp;", "&");
        browser.sign_in("alice").await;
        assert!(param(&browser.get(&onward).await, "code").is_some());
        assert!(is_answered(&browser.get(&onward).await));
        assert_eq!(codes(&app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn fx_15_a_form_from_before_the_app_was_removed_does_not_allow_it_again() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        // Opened before there was anything, and removed after another form had allowed it.
        let first = rp.authorize(&browser, &[]).await;
        let second = rp.authorize(&browser, &[]).await;
        assert!(param(&say(&browser, &second, "allow", &[]).await, "code").is_some());
        app.clock.advance(Lifetime::minutes(1));
        removes(&app, &rp, "alice").await;
        let asked = say(&browser, &first, "allow", &[]).await;
        assert!(asks(&asked), "{}", asked.header("location"));
        assert_eq!(consents(&app).await, 0);
        // What was shown after that counts.
        assert!(param(&say(&browser, &asked, "allow", &[]).await, "code").is_some());
        // Opened while it was allowed.
        let third = rp.authorize(&browser, &[("prompt", "consent")]).await;
        removes(&app, &rp, "alice").await;
        let asked = say(&browser, &third, "allow", &[]).await;
        assert!(asks(&asked), "{}", asked.header("location"));
        assert_eq!(consents(&app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn fx_15_what_one_person_is_asked_opens_for_no_other() {
    on_both(async |app| {
        let (rp, alice) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let page = rp.authorize(&alice, &[]).await;
        let tx = field(&page, "tx");
        assert!(is_of_another(&ben.get(&format!("/consent?tx={tx}")).await));
        assert!(is_of_another(&say(&ben, &page, "allow", &[]).await));
        // Nor in another session of the same person.
        let elsewhere = Browser::new(&app);
        elsewhere.sign_in("alice").await;
        assert!(is_of_another(&elsewhere.get(&format!("/consent?tx={tx}")).await));
        // Whoever is signed out goes on as themselves or not at all.
        let out = Browser::new(&app);
        let led = follow(&out, &format!("/consent?tx={tx}")).await;
        let onward = field(&led, "return_to").replace("&amp;", "&");
        out.sign_in("ben").await;
        assert!(is_of_another(&out.get(&onward).await));
        out.submit("/logout", &[]).await;
        out.sign_in("alice").await;
        assert!(asks(&follow(&out, &onward).await));
        assert_eq!(codes(&app).await, 0);
        assert!(param(&say(&alice, &page, "allow", &[]).await, "code").is_some());
    })
    .await;
}

#[tokio::test]
async fn fx_15_whoever_says_not_you_is_asked_as_the_account_they_choose() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        person(&app, "ben", Some(Role::Member)).await;
        let page = rp.authorize(&browser, &[("prompt", "select_account")]).await;
        assert!(!asks(&page), "first they choose");
        let page = rp.authorize(&browser, &[]).await;
        let text = page.text();
        let (_, rest) = text
            .split_once("/login/choose?return_to=")
            .expect("a way to another account");
        let path = rest.split('"').next().unwrap_or_default().replace("&amp;", "&");
        browser.get(&format!("/login/choose?return_to={path}")).await;
        let right = [("username", "ben"), ("password", PASSWORD)];
        browser.submit("/login", &right).await;
        let onward: String = form_urlencoded::parse(format!("r={path}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        let page = follow(&browser, &onward).await;
        assert!(asks(&page) && page.text().contains("(ben)"), "{}", page.text());
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
    })
    .await;
}

#[tokio::test]
async fn fx_15_nothing_is_written_before_something_is_given() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        let rows = async || {
            let mut row = app
                .db()
                .read("SELECT COUNT(*) FROM one_time_tokens", vec![])
                .await
                .expect("read")
                .pop()
                .expect("a row");
            row.next::<i64>().expect("a number")
        };
        let before = rows().await;
        rp.authorize(&Browser::new(&app), &[]).await;
        let page = rp.authorize(&browser, &[]).await;
        assert_eq!(rows().await, before);
        say(&browser, &page, "allow", &[]).await;
        assert_eq!(rows().await, before + 1);
        // A request that no page sees has one answer anyway.
        rp.code(&browser, &[]).await;
        assert_eq!(rows().await, before + 1);
    })
    .await;
}

#[tokio::test]
async fn fx_15_a_prompt_that_nobody_knows_is_refused() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for prompt in ["junk", "login junk", "create"] {
            let answer = rp.authorize(&browser, &[("prompt", prompt)]).await;
            told(&app, &answer, "invalid_request");
        }
    })
    .await;
}

//! A forgotten password.

use axum::http::StatusCode;

use super::{grant, link, post, reachable};
use crate::{
    oauth::client::ApplicationType,
    store::{
        self,
        audit::Filter,
        grants::Grant,
        users::{Role, User},
    },
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{Answer, TestApp, on_both, signing_in},
    },
    time::Lifetime,
};

const NEW: &str = "four quite unrelated words 9";

async fn ada(app: &TestApp) -> User {
    let ada = person(app, "ada", Some(Role::Admin)).await;
    reachable(app, &ada, "Ada@example.com").await;
    ada
}

async fn ask(app: &TestApp, who: &str) -> Answer {
    app.post("/login/recover").form(&[("who", who)]).await
}

async fn signs_in(app: &TestApp, password: &str) -> bool {
    let form = [("username", "ada"), ("password", password)];
    app.post("/login").form(&form).await.status == StatusCode::SEE_OTHER
}

#[tokio::test]
async fn a_link_sets_a_new_password_once_and_ends_every_session() {
    on_both(async |app| {
        let ada = ada(&app).await;
        let elsewhere = Browser::new(&app);
        elsewhere.sign_in("ada").await;
        let ben = Browser::of(&app, "ben", Role::Member).await;
        assert_eq!(ask(&app, " ADA ").await.status, StatusCode::OK);
        let mails = post(&app).await;
        assert_eq!(mails.len(), 1);
        assert!(mails[0].contains("To: Ada@example.com\r\n"), "{}", mails[0]);
        let path = link(&mails[0]);

        let page = app.get(&path).send().await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        let weak = app.post(&path).form(&[("password", "short")]).await;
        assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
        let done = app.post(&path).form(&[("password", NEW)]).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
        // A link signs nobody in: the browser is only known from now on.
        let cookies: Vec<_> = done.headers.get_all("set-cookie").iter().collect();
        assert!(
            cookies.len() == 1
                && cookies[0]
                    .to_str()
                    .is_ok_and(|text| text.starts_with("oauthority-known=")),
            "{cookies:?}"
        );
        assert!(!signs_in(&app, PASSWORD).await && signs_in(&app, NEW).await);
        let again = app.post(&path).form(&[("password", PASSWORD)]).await;
        assert_eq!(again.status, StatusCode::GONE);
        assert_eq!(
            elsewhere.get("/me/preferences").await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(ben.get("/me/preferences").await.status, StatusCode::OK);
        let told = post(&app).await;
        assert!(
            told.len() == 1 && told[0].contains("Your password was changed"),
            "{told:?}"
        );
        let events = store::audit::list(app.db(), &app.org.id, &Filter::default(), 50).await;
        let events = events.unwrap();
        for action in ["user.recovery_sent", "user.password_reset"] {
            let event = events.iter().find(|e| e.action == action).expect(action);
            assert_eq!(event.resource_id, ada.id);
        }
        let token = path.rsplit('/').next().unwrap();
        assert!(
            !format!("{events:?}").contains(token),
            "no secret in the audit log"
        );
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_what_lives_by_sessions_and_nothing_of_others() {
    on_both(async |app| {
        let ada = ada(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let client = app.client(&app.org, signing_in(ApplicationType::Web)).await;
        let of = |id: &str, user: &User, offline: bool| Grant {
            offline,
            session_id: Some(format!("ses_{id}")),
            ..grant(&app, id, &user.id, &client.id, &app.org.id)
        };
        for given in [
            of("online", &ada, false),
            of("offline", &ada, true),
            of("bens", &ben, false),
        ] {
            app.db().write(store::grants::add(&given).into()).await.unwrap();
        }
        ask(&app, "ada").await;
        let path = link(&post(&app).await[0]);
        app.post(&path).form(&[("password", NEW)]).await;
        let live = &app.app.registry.live;
        let revoked = ["online", "offline", "bens"].map(|id| live.is_revoked(id));
        assert_eq!(revoked, [true, false, false]);
    })
    .await;
}

#[tokio::test]
async fn a_link_dies_with_a_newer_one_with_another_password_and_with_time() {
    on_both(async |app| {
        let ada = ada(&app).await;
        let registry = &app.app.registry;
        ask(&app, "ada@EXAMPLE.com").await;
        let first = link(&post(&app).await[0]);
        ask(&app, "ada").await;
        let second = link(&post(&app).await[0]);
        assert_eq!(app.get(&first).send().await.status, StatusCode::GONE);
        assert_eq!(app.get(&second).send().await.status, StatusCode::OK);
        let other = store::users::set_password(&ada.id, "$argon2id$other", registry.now());
        app.db().write(other.into()).await.unwrap();
        let late = app.post(&second).form(&[("password", NEW)]).await;
        assert_eq!(late.status, StatusCode::GONE);
        ask(&app, "ada").await;
        let third = link(&post(&app).await[0]);
        app.clock.advance(Lifetime::hours(1));
        assert_eq!(app.get(&third).send().await.status, StatusCode::GONE);
        // The link of another purpose is none here, and this one is none elsewhere.
        ask(&app, "ada").await;
        let fourth = link(&post(&app).await[0]);
        let token = fourth.rsplit('/').next().unwrap();
        let elsewhere = app.get(&format!("/setup/{token}")).send().await;
        assert_eq!(elsewhere.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn b_082_a_link_is_built_from_the_configured_issuer_alone() {
    on_both(async |app| {
        ada(&app).await;
        let answer = app
            .post("/login/recover")
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "host=evil.example;proto=https")
            .form(&[("who", "ada")])
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        let mails = post(&app).await;
        assert!(!mails[0].contains("evil.example"), "{}", mails[0]);
        assert!(mails[0].contains("http://localhost:8080/login/recover/"));
    })
    .await;
}

#[tokio::test]
async fn b_083_whether_an_account_exists_shows_neither_in_the_answer_nor_in_the_work() {
    on_both(async |app| {
        ada(&app).await;
        let without = person(&app, "ben", None).await;
        assert!(without.email.is_none());
        let mut answers = Vec::new();
        for who in ["ada", "ada@example.com", "ben", "eve", "eve@example.com"] {
            let before = app.db().statements();
            let answer = ask(&app, who).await;
            let text = answer.text();
            answers.push((answer.status, text, app.db().statements() - before));
            app.clock.advance(Lifetime::minutes(2));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(answers[0].2, 1, "one statement, whoever it is");
        let mails = post(&app).await;
        assert_eq!(mails.len(), 2, "one for each time that Ada was meant");
    })
    .await;
}

#[tokio::test]
async fn an_account_gets_three_links_an_hour_and_an_address_asks_five_times_a_minute() {
    on_both(async |app| {
        ada(&app).await;
        for _ in 0..5 {
            assert_eq!(ask(&app, "ada").await.status, StatusCode::OK);
            post(&app).await;
        }
        let sixth = ask(&app, "ada").await;
        assert_eq!(sixth.status, StatusCode::TOO_MANY_REQUESTS);
        let elsewhere = app.post("/login/recover").from("192.0.2.7");
        assert_eq!(elsewhere.form(&[("who", "ada")]).await.status, StatusCode::OK);
        let filter = Filter {
            action: Some("user.recovery_sent".to_owned()),
            ..Filter::default()
        };
        let sent = store::audit::list(app.db(), &app.org.id, &filter, 50).await;
        assert_eq!(sent.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_nobody_has_proven_gets_no_link() {
    on_both(async |app| {
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let typed = store::users::set_pending_email(&ben.id, Some("ben@example.com"), app.clock.now());
        app.db().write(typed.into()).await.unwrap();
        for who in ["ben", "ben@example.com"] {
            ask(&app, who).await;
        }
        assert!(post(&app).await.is_empty());
    })
    .await;
}

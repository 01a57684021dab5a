use axum::http::StatusCode;
use serde_json::json;

use super::{another, events, post, reader, subjects};
use crate::{
    registry::{
        clients,
        secret_notices::tell,
        secrets::{self, OldSecret, Rotation, Term},
    },
    store::{self, users::Role},
    tests::{
        browser::Browser,
        harness::{TestApp, TestClient, on_both},
    },
    time::Lifetime,
};

/// A new secret beside the old one, which ends after a while.
async fn rotate(app: &TestApp, client: &TestClient, old: OldSecret) -> TestClient {
    let rotation = Rotation {
        old,
        ..Rotation::default()
    };
    let created = secrets::rotate(&app.app.registry, &app.owner(), &client.id, None, rotation).await;
    TestClient {
        id: client.id.clone(),
        secret: created
            .unwrap()
            .secret
            .map(|s| s.text.expose().to_owned())
            .unwrap_or_default(),
    }
}

#[tokio::test]
async fn before_a_secret_expires_somebody_is_told_three_times_and_once_each() {
    on_both(async |app| {
        reader(&app, "ada", Role::Admin).await;
        reader(&app, "mel", Role::Member).await;
        let client = app.service(&["workspace:read"]).await;
        let registry = &app.app.registry;
        let other = another(&app).await;
        let mut told = Vec::new();
        for day in 0..95 {
            for _ in 0..2 {
                tell(registry).await.unwrap();
                if let Some(other) = &other {
                    tell(&other.app.registry).await.unwrap();
                }
            }
            for (to, subject) in subjects(&app).await {
                assert_eq!(to, "ada@example.com", "a member has nothing to do with it");
                told.push((day, subject));
            }
            app.clock.advance(Lifetime::days(1));
        }
        let wanted = [
            (60, "The secret of Nightly export expires in 30 days".to_owned()),
            (83, "The secret of Nightly export expires in 7 days".to_owned()),
            (89, "The secret of Nightly export expires tomorrow".to_owned()),
        ];
        assert_eq!(told, wanted);
        let days: Vec<_> = events(&app, "secret.expiring")
            .await
            .iter()
            .map(|event| (event.actor_kind.clone(), event.details["days"].clone()))
            .collect();
        assert_eq!(days, [30, 7, 1].map(|days| ("system".to_owned(), json!(days))));
        let stopped = events(&app, "secret.stopped").await;
        assert_eq!(stopped.len(), 1, "told once, when it was over");
        assert_eq!(stopped[0].resource_id, client.id);
        app.token(&client, &[]).await.refused(401, "invalid_client");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_was_away_tells_what_holds_now_and_not_what_it_missed() {
    on_both(async |app| {
        reader(&app, "ada", Role::Owner).await;
        app.service(&["workspace:read"]).await;
        app.clock.advance(Lifetime::days(85));
        let app = app.restart().await;
        tell(&app.app.registry).await.unwrap();
        let told = subjects(&app).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1, "The secret of Nightly export expires in 7 days");
    })
    .await;
}

#[tokio::test]
async fn a_mail_names_the_secret_by_its_hint_and_many_come_in_one() {
    on_both(async |app| {
        reader(&app, "ada", Role::Admin).await;
        let one = app.service(&["workspace:read"]).await;
        for _ in 0..24 {
            app.service(&["workspace:read"]).await;
        }
        app.clock.advance(Lifetime::days(61));
        tell(&app.app.registry).await.unwrap();
        let mails = post(&app).await;
        assert_eq!(mails.len(), 1, "25 secrets, one mail");
        let mail = &mails[0];
        assert!(mail.contains("25 secrets of"), "{mail}");
        assert!(
            mail.contains("And 5 more") && mail.contains("attention=expiring"),
            "{mail}"
        );
        assert!(!mail.contains(&one.secret));
    })
    .await;
}

#[tokio::test]
async fn whoever_looks_after_a_client_hears_of_it_and_the_others_do_not() {
    on_both(async |app| {
        reader(&app, "ada", Role::Admin).await;
        let mel = reader(&app, "mel", Role::Member).await;
        let client = app.service(&["workspace:read"]).await;
        let edit = clients::Edit {
            user_id: Some(Some(mel.id.clone())),
            ..clients::Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &client.id, None, edit)
            .await
            .unwrap();
        app.clock.advance(Lifetime::days(61));
        tell(&app.app.registry).await.unwrap();
        let told = subjects(&app).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "mel@example.com");
        // Who does not want such mail gets none.
        let browser = Browser::new(&app);
        browser.sign_in("mel").await;
        browser.submit("/me/preferences", &[("shortcuts", "on")]).await;
        app.clock.advance(Lifetime::days(23));
        tell(&app.app.registry).await.unwrap();
        let to: Vec<_> = subjects(&app).await.into_iter().map(|(to, _)| to).collect();
        assert_eq!(to, ["ada@example.com"]);
    })
    .await;
}

#[tokio::test]
async fn an_old_secret_that_is_still_used_is_told_of_before_it_ends() {
    on_both(async |app| {
        reader(&app, "ada", Role::Admin).await;
        let registry = &app.app.registry;
        let (used, silent) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let end = app.clock.now().after(Lifetime::days(3));
        rotate(&app, &used, OldSecret::EndsAt(end)).await;
        rotate(&app, &silent, OldSecret::EndsAt(end)).await;
        app.clock.advance(Lifetime::hours(47));
        used.token(&app).await;
        tell(registry).await.unwrap();
        assert!(subjects(&app).await.is_empty());
        app.clock.advance(Lifetime::hours(2));
        tell(registry).await.unwrap();
        tell(registry).await.unwrap();
        let told = events(&app, "secret.ending_in_use").await;
        assert_eq!(told.len(), 1, "only the one that is used, and once");
        assert_eq!(told[0].resource_id, used.id);
        assert_eq!(
            subjects(&app).await[0].1,
            "The old secret of Nightly export is still used and ends soon"
        );
        // Extended, it is told of anew, a day before the new end.
        let old = store::secrets::of_client(app.db(), &used.id)
            .await
            .unwrap()
            .remove(1);
        let later = app.clock.now().after(Lifetime::days(5));
        secrets::set_end(registry, &app.owner(), &used.id, &old.id, Some(later))
            .await
            .unwrap();
        app.clock.advance(Lifetime::hours(4 * 24 + 1));
        used.token(&app).await;
        tell(registry).await.unwrap();
        assert_eq!(events(&app, "secret.ending_in_use").await.len(), 2);
        app.clock.advance(Lifetime::hours(24));
        tell(registry).await.unwrap();
        let stopped = events(&app, "secret.stopped").await;
        assert_eq!(stopped.len(), 2);
        app.token(&used, &[]).await.refused(401, "invalid_client");
    })
    .await;
}

#[tokio::test]
async fn the_old_one_may_go_once_the_new_one_is_used_and_it_was_silent_for_an_hour() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let old = app.service(&["workspace:read"]).await;
        old.token(&app).await;
        let end = app.clock.now().after(Lifetime::days(1));
        let new = rotate(&app, &old, OldSecret::EndsAt(end)).await;
        let safe = async || {
            let all = secrets::list(registry, &app.owner(), &old.id).await.unwrap();
            let now = app.clock.now();
            [0, 1].map(|at| secrets::safe_to_end(&all[at], &all, now))
        };
        assert_eq!(safe().await, [false, false], "nobody uses the new one");
        app.clock.advance(Lifetime::hours(2));
        assert_eq!(safe().await, [false, false], "silence alone proves nothing");
        new.token(&app).await;
        assert_eq!(safe().await, [false, true]);
        old.token(&app).await;
        assert_eq!(safe().await, [false, false], "somebody still has it");
        let refused = secrets::end(registry, &app.owner(), &old.id, &old.secret[43..], false).await;
        assert!(refused.is_err(), "in use");
        app.clock.advance(Lifetime::minutes(61));
        assert_eq!(safe().await, [false, true]);
        let all = secrets::list(registry, &app.owner(), &old.id).await.unwrap();
        secrets::end(registry, &app.owner(), &old.id, &all[1].id, false)
            .await
            .unwrap();
        app.token(&old, &[]).await.refused(401, "invalid_client");
        new.token(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_note_says_where_a_secret_is_kept() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let registry = &app.app.registry;
        let rotation = Rotation {
            note: Some(" vault, path billing/sync ".to_owned()),
            term: Term::After(Lifetime::days(5)),
            ..Rotation::default()
        };
        secrets::rotate(registry, &app.owner(), &client.id, None, rotation)
            .await
            .unwrap();
        let all = secrets::list(registry, &app.owner(), &client.id).await.unwrap();
        assert_eq!(all[0].note, "vault, path billing/sync");
        assert_eq!(
            all[0].next_notice_at,
            Some(app.clock.now().after(Lifetime::days(4))),
            "30 and 7 days before lie before it was made"
        );
        secrets::describe(
            registry,
            &app.owner(),
            &client.id,
            &all[0].id,
            None,
            Some("a safe"),
        )
        .await
        .unwrap();
        let browser = Browser::new(&app);
        crate::tests::browser::person(&app, "ada", Some(Role::Admin)).await;
        browser.sign_in("ada").await;
        let path = format!("/orgs/{}/clients/{}/secrets", app.org.handle, client.id);
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("a safe"));
        let long = "x".repeat(301);
        let refused =
            secrets::describe(registry, &app.owner(), &client.id, &all[0].id, None, Some(&long)).await;
        assert!(refused.is_err());
    })
    .await;
}

use axum::http::StatusCode;

use super::{another, events, reader, subjects};
use crate::{
    jobs,
    oauth::client::Status,
    registry::{
        clients,
        organizations::{self, OrganizationEdit},
        secrets::{self, Rotation, Term},
        unused::retire,
    },
    store::{self, organizations::Settings, users::Role},
    tests::{
        browser::{Browser, person},
        harness::{TestApp, TestClient, on_both},
    },
    time::Lifetime,
};

async fn policy(app: &TestApp, notices: bool, days: Option<i64>) {
    let org = store::organizations::find(app.db(), &app.org.id)
        .await
        .unwrap()
        .unwrap();
    let settings = Settings {
        unused_notices: notices,
        unused_disable_days: days,
        ..(*org.settings).clone()
    };
    let edit = OrganizationEdit {
        settings: Some(settings),
        ..OrganizationEdit::default()
    };
    organizations::edit(&app.app.registry, &app.owner_of(&org), None, edit)
        .await
        .unwrap();
}

/// A service with a secret that never expires.
async fn endless(app: &TestApp) -> TestClient {
    let client = app.service(&["workspace:read"]).await;
    let rotation = Rotation {
        term: Term::Never,
        ..Rotation::default()
    };
    let created = secrets::rotate(&app.app.registry, &app.owner(), &client.id, None, rotation).await;
    let secret = created.unwrap().secret.map(|s| s.text.expose().to_owned());
    TestClient {
        id: client.id,
        secret: secret.unwrap_or_default(),
    }
}

async fn status(app: &TestApp, id: &str) -> Status {
    store::clients::find(app.db(), id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn nothing_is_done_about_unused_clients_unless_the_organisation_wants_it() {
    on_both(async |app| {
        reader(&app, "ada", Role::Admin).await;
        let client = app.service(&["workspace:read"]).await;
        app.clock.advance(Lifetime::days(400));
        retire(&app.app.registry).await.unwrap();
        assert_eq!(status(&app, &client.id).await, Status::Active);
        assert!(subjects(&app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn after_60_90_and_120_days_somebody_is_told_and_a_use_begins_anew() {
    on_both(async |app| {
        reader(&app, "ada", Role::Admin).await;
        policy(&app, true, None).await;
        let client = endless(&app).await;
        let other = another(&app).await;
        let mut told = Vec::new();
        for day in 0..220 {
            if day == 125 {
                client.token(&app).await;
            }
            for node in [Some(&app), other.as_ref(), Some(&app)].into_iter().flatten() {
                retire(&node.app.registry).await.unwrap();
            }
            told.extend(
                subjects(&app)
                    .await
                    .into_iter()
                    .map(|(_, subject)| (day, subject)),
            );
            app.clock.advance(Lifetime::days(1));
        }
        let line = |days: i64| format!("Nightly export was not used for {days} days");
        assert_eq!(
            told,
            [
                (61, line(60)),
                (91, line(90)),
                (121, line(120)),
                (186, line(60)),
                (216, line(90)),
            ]
        );
        assert_eq!(events(&app, "client.unused").await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn the_policy_disables_after_its_days_and_leaves_alone_what_was_enabled_or_is_the_systems() {
    on_both(async |app| {
        policy(&app, false, Some(180)).await;
        let client = app.service(&["workspace:read"]).await;
        let registry = &app.app.registry;
        app.clock.advance(Lifetime::days(179));
        app.sweep().await;
        retire(registry).await.unwrap();
        assert_eq!(status(&app, &client.id).await, Status::Active);
        app.clock.advance(Lifetime::days(2));
        app.sweep().await;
        retire(registry).await.unwrap();
        let found = store::clients::find(app.db(), &client.id).await.unwrap().unwrap();
        assert_eq!(found.status, Status::Disabled);
        assert_eq!(found.status_reason.as_deref(), Some("Not used for 180 days"));
        assert_eq!(status(&app, "oa_sync_client").await, Status::Active);
        let disabled = events(&app, "client.disabled").await;
        assert_eq!(disabled[0].actor_kind, "system");
        // Somebody wants to keep it: it gets the same time again.
        clients::enable(registry, &app.owner(), &client.id, None)
            .await
            .unwrap();
        app.clock.advance(Lifetime::days(1));
        app.sweep().await;
        retire(registry).await.unwrap();
        assert_eq!(status(&app, &client.id).await, Status::Active);
        app.clock.advance(Lifetime::days(180));
        app.sweep().await;
        retire(registry).await.unwrap();
        assert_eq!(status(&app, &client.id).await, Status::Disabled);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_client_is_deleted_on_its_day_unless_somebody_enables_it() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let mel = reader(&app, "mel", Role::Member).await;
        let (gone, kept) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let edit = clients::Edit {
            user_id: Some(Some(mel.id.clone())),
            ..clients::Edit::default()
        };
        clients::edit(registry, &app.owner(), &kept.id, None, edit)
            .await
            .unwrap();
        let day = app.clock.now().after(Lifetime::days(14));
        for client in [&gone, &kept] {
            clients::retire(
                registry,
                &app.owner(),
                &client.id,
                None,
                Some("unused"),
                Some(day),
            )
            .await
            .unwrap();
        }
        assert_eq!(
            subjects(&app).await,
            [(
                "mel@example.com".to_owned(),
                "Nightly export is disabled and will be deleted".to_owned()
            )]
        );
        app.token(&gone, &[]).await.refused(401, "invalid_client");
        app.clock.advance(Lifetime::days(12));
        app.sweep().await;
        retire(registry).await.unwrap();
        assert_eq!(status(&app, &gone.id).await, Status::Disabled);
        let enabled = clients::enable(registry, &app.owner(), &kept.id, None)
            .await
            .unwrap();
        assert_eq!(enabled.delete_at, None);
        app.clock.advance(Lifetime::days(2));
        app.sweep().await;
        if let Some(other) = another(&app).await {
            other.sweep().await;
            retire(&other.app.registry).await.unwrap();
        }
        retire(registry).await.unwrap();
        assert_eq!(status(&app, &gone.id).await, Status::Deleted);
        assert_eq!(status(&app, &kept.id).await, Status::Active);
        let deleted = events(&app, "client.deleted").await;
        assert_eq!(deleted.len(), 1);
        assert_eq!(deleted[0].actor_kind, "system");
        kept.token(&app).await;
    })
    .await;
}

#[tokio::test]
async fn fx_62_a_clock_that_is_ahead_deletes_and_disables_no_client() {
    on_both(async |app| {
        if app.database == "postgresql" {
            return; // such a node does none of it there
        }
        let registry = &app.app.registry;
        policy(&app, false, Some(180)).await;
        let (due, unused) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let day = app.clock.now().after(Lifetime::days(14));
        clients::retire(registry, &app.owner(), &due.id, None, None, Some(day))
            .await
            .unwrap();
        jobs::sweep(registry).await.unwrap();
        app.clock.turn(Lifetime::days(4000));
        for _ in 0..20 {
            jobs::sweep(registry).await.unwrap();
            retire(registry).await.unwrap();
            app.clock.advance(Lifetime::hours(1));
        }
        assert_eq!(status(&app, &due.id).await, Status::Disabled);
        assert_eq!(status(&app, &unused.id).await, Status::Active);
        app.clock.turn(Lifetime::days(-4000));
        clients::enable(registry, &app.owner(), &due.id, None)
            .await
            .unwrap();
        due.token(&app).await;
        // On its day a client goes.
        let day = app.clock.now().after(Lifetime::days(14));
        clients::retire(registry, &app.owner(), &due.id, None, None, Some(day))
            .await
            .unwrap();
        app.clock.advance(Lifetime::days(14));
        app.sweep().await;
        retire(registry).await.unwrap();
        assert_eq!(status(&app, &due.id).await, Status::Deleted);
    })
    .await;
}

#[tokio::test]
async fn a_day_for_the_deletion_lies_ahead_and_wants_who_may_delete() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let client = app.service(&["workspace:read"]).await;
        let now = app.clock.now();
        for at in [now, now.before(Lifetime::days(1)), now.after(Lifetime::days(367))] {
            let refused = clients::retire(registry, &app.owner(), &client.id, None, None, Some(at)).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.refusal().unwrap().fields[0].pointer, "/delete_at");
        }
        let mut access = app.owner();
        access.permissions = crate::registry::access::Permissions::of_scopes(["clients:write"]);
        let day = now.after(Lifetime::days(2));
        let refused = clients::retire(registry, &access, &client.id, None, None, Some(day)).await;
        assert_eq!(refused.unwrap_err().refusal().unwrap().code.status(), 403);
        assert_eq!(status(&app, &client.id).await, Status::Active);
    })
    .await;
}

#[tokio::test]
async fn j4_several_are_disabled_with_a_reason_and_a_day_without_script() {
    on_both(async |app| {
        let (one, two) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        person(&app, "ada", Some(Role::Admin)).await;
        let ada = Browser::new(&app);
        ada.sign_in("ada").await;
        let list = format!("/orgs/{}/clients", app.org.handle);
        let back = format!("{list}?used=never");
        ada.get(&back).await;
        let ticked = [
            ("do", "disable"),
            ("id", one.id.as_str()),
            ("id", two.id.as_str()),
        ];
        let page = ada.submit(&back, &ticked).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("Disable 2 clients?"), "{}", page.text());
        assert_eq!(status(&app, &one.id).await, Status::Active, "it only asks");
        let mut confirmed = ticked.to_vec();
        confirmed.extend([
            ("confirm", "1"),
            ("reason", "nobody uses it"),
            ("delete_after", "14"),
        ]);
        let answer = ada.submit(&back, &confirmed).await;
        assert_eq!(answer.header("location"), back);
        for client in [&one, &two] {
            let found = store::clients::find(app.db(), &client.id).await.unwrap().unwrap();
            assert_eq!(found.status, Status::Disabled);
            assert_eq!(found.status_reason.as_deref(), Some("nobody uses it"));
            assert_eq!(found.delete_at, Some(app.clock.now().after(Lifetime::days(14))));
        }
        let page = ada.get(&format!("{list}/{}", one.id)).await.text();
        assert!(page.contains("It is deleted 6 Dec 2026"), "{page}");
    })
    .await;
}

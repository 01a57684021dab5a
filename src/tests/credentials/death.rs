//! What a credential stands on goes, and it goes at once, on every node.

use axum::http::StatusCode;

use super::*;
use crate::{
    registry::{accounts, credentials, members},
    store::{self, users::UserStatus},
    tests::harness::{on_both, on_both_with},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Deactivated,
    Removed,
    Forbidden,
}

async fn end(app: &TestApp, way: Way, operator: &Access, user: &User) {
    let registry = &app.app.registry;
    match way {
        Way::Deactivated => {
            let gone = accounts::set_status(registry, operator, &user.id, UserStatus::Inactive).await;
            gone.expect("deactivated");
        }
        Way::Removed => members::remove(registry, &app.owner(), &user.id)
            .await
            .expect("removed"),
        Way::Forbidden => {
            let gone = accounts::set_may_hold(registry, operator, &user.id, false).await;
            gone.expect("forbidden");
        }
    }
}

async fn bring_back(app: &TestApp, way: Way, operator: &Access, user: &User) {
    let registry = &app.app.registry;
    match way {
        Way::Deactivated => {
            let back = accounts::set_status(registry, operator, &user.id, UserStatus::Active).await;
            back.expect("reactivated");
        }
        Way::Removed => {
            let add = store::users::add_member(&app.org.id, &user.id, Role::Member, app.clock.now());
            app.db().write(add.into()).await.unwrap();
        }
        Way::Forbidden => {
            let back = accounts::set_may_hold(registry, operator, &user.id, true).await;
            back.expect("allowed");
        }
    }
}

/// Token endpoint, introspection and management API, on one node.
async fn dead(app: &TestApp, caller: &TestClient, client: &TestClient, token: &str, own_token: &str) {
    app.token(client, &[]).await.refused(401, "invalid_client");
    counts(app, caller, token, false).await;
    let path = format!("/api/v1/orgs/{}", app.org.handle);
    let refused = app.get(&path).bearer(own_token).send().await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text());
}

#[tokio::test]
async fn it_dies_with_person_membership_and_capability_at_once_on_every_node() {
    on_both(async |app| {
        invoices(&app).await;
        let caller = app.service(&["invoices:read"]).await;
        let operator = operator(&app).await;
        for way in [Way::Deactivated, Way::Removed, Way::Forbidden] {
            let ben = person(&app, &format!("ben-{way:?}").to_lowercase(), Some(Role::Member)).await;
            let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
            let access = own(&app, &ben, Role::Member);
            let mut looking = new(&[]);
            looking.scopes = vec![ScopeRef::text("organizations:read")];
            let manager = credentials::create(&app.app.registry, &access, &ben.id, &looking)
                .await
                .expect("made");
            let manager = TestClient {
                id: manager.client.client_id,
                secret: manager.secret.expect("a secret").text.expose().to_owned(),
            };
            let (token, managing) = (client.token(&app).await, manager.token(&app).await);
            counts(&app, &caller, &token, true).await;
            let path = format!("/api/v1/orgs/{}", app.org.handle);
            assert_eq!(
                app.get(&path).bearer(&managing).send().await.status,
                StatusCode::OK
            );
            // Two nodes share a PostgreSQL database only.
            let other = if app.database == "postgresql" {
                Some(app.another_node().await)
            } else {
                None
            };
            if let Some(other) = &other {
                counts(other, &caller, &token, true).await;
            }

            end(&app, way, &operator, &ben).await;
            let idle = store::credentials::fallen(app.db(), &app.org.id).await.unwrap();
            assert_eq!(idle, if way == Way::Removed { 0 } else { 2 }, "{way:?}");
            dead(&app, &caller, &client, &token, &managing).await;
            if let Some(other) = &other {
                other.app.registry.live.catch_up().await.unwrap();
                dead(other, &caller, &client, &token, &managing).await;
            }
            let refused =
                credentials::create(&app.app.registry, &access, &ben.id, &new(&["invoices:read"])).await;
            assert!(refused.is_err(), "{way:?}: nothing new either");

            bring_back(&app, way, &operator, &ben).await;
            counts(&app, &caller, &token, false).await;
            let again = app.token(&client, &[]).await;
            if way == Way::Removed {
                again.refused(401, "invalid_client");
                let erased = store::secrets::of_client(app.db(), &client.id).await.unwrap();
                assert!(erased.is_empty(), "deleted for good");
            } else {
                assert_eq!(again.status, StatusCode::OK, "{way:?}: {}", again.text());
                let fresh = text(&again.json(), "access_token");
                counts(&app, &caller, &fresh, true).await;
                counts(&app, &caller, &token, false).await;
            }
        }
        // And so a node that starts afterwards reads it.
        let app = app.restart().await;
        let ben = store::users::find_by_username(app.db(), "ben-removed")
            .await
            .unwrap()
            .unwrap();
        for id in store::credentials::of_person(app.db(), &ben.id).await.unwrap() {
            assert!(app.app.registry.live.client(&id).is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn with_a_membership_goes_from_where_its_credentials_were_used() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
        client.token(&app).await;
        app.app.registry.flush_activity().await.unwrap();
        let rows = async |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            let row = app.db().read_one(sql, vec![]).await.unwrap();
            row.unwrap().next::<i64>().unwrap()
        };
        let tables = ["secret_addresses", "secret_counts"];
        let before = [rows(tables[0]).await, rows(tables[1]).await];
        assert!(before.iter().all(|count| *count > 0), "{before:?}");
        assert!(
            !store::usage::scopes_asked(app.db(), &client.id)
                .await
                .unwrap()
                .is_empty()
        );
        members::remove(&app.app.registry, &app.owner(), &ben.id)
            .await
            .unwrap();
        assert_eq!([rows(tables[0]).await, rows(tables[1]).await], [0, 0]);
        assert!(
            store::usage::scopes_asked(app.db(), &client.id)
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn switched_off_nothing_works_and_everything_says_so() {
    on_both_with(&[("features.personal_credentials", "false")], async |app| {
        invoices(&app).await;
        let browser = Browser::of(&app, "ben", Role::Member).await;
        let ben = store::users::find_by_username(app.db(), "ben")
            .await
            .unwrap()
            .unwrap();
        let token = token(&app, &browser, "account:write").await;
        let compat = format!("/20160918/users/{}/oauth2ClientCredentials", ben.id);
        for path in ["/api/v1/me/credentials", "/api/v1/me/credential-scopes", &compat] {
            let off = app.get(path).bearer(&token).send().await;
            let expected = (StatusCode::FORBIDDEN, "feature_unavailable".to_owned());
            assert_eq!((off.status, code(&off)), expected, "{path}");
        }
        let asked = body("One", &["invoices:read"]);
        let off = app
            .post("/api/v1/me/credentials")
            .bearer(&token)
            .json(&asked)
            .await;
        assert_eq!(code(&off), "feature_unavailable");
        let page = browser.get("/me/credentials").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(
            page.text().contains("turned off by your operator"),
            "{}",
            page.text()
        );
        for path in ["/me/credentials/new", "/credentials/claim/x"] {
            let page = browser.get(path).await;
            assert!(
                page.text().contains("Turned off by your operator"),
                "{path}: {}",
                page.text()
            );
        }
        // One from before the switch: made by hand, as the registry makes none now.
        let access = own(&app, &ben, Role::Member);
        assert!(
            credentials::create(&app.app.registry, &access, &ben.id, &new(&["invoices:read"]))
                .await
                .is_err()
        );
        let draft = crate::registry::client_input::Draft {
            user_id: Some(ben.id.clone()),
            ..crate::tests::harness::service(&["invoices:read"])
        };
        let client = app.client(&app.org, draft).await;
        let caller = app.service(&["invoices:read"]).await;
        let before = client.token(&app).await;
        let mut batch = crate::db::Batch::default();
        let mut kept = store::clients::find(app.db(), &client.id).await.unwrap().unwrap();
        kept.kind = crate::oauth::client::Kind::Personal;
        batch.push(store::clients::set(&kept, app.clock.now()));
        let kind = store::changes::Kind::Client;
        crate::registry::announce(&mut batch, kind, &client.id, app.clock.now());
        app.app.registry.live.commit(batch).await.unwrap();
        counts(&app, &caller, &before, false).await;
        app.token(&client, &[]).await.refused(401, "invalid_client");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_made_while_its_ground_goes_does_not_survive() {
    on_both(async |app| {
        invoices(&app).await;
        let operator = operator(&app).await;
        let app = std::sync::Arc::new(app);
        for round in 0..12 {
            let way = [Way::Removed, Way::Forbidden, Way::Deactivated][round % 3];
            let ben = person(&app, &format!("ben{round}"), Some(Role::Member)).await;
            let access = own(&app, &ben, Role::Member);
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..4 {
                let (app, access, ben) = (std::sync::Arc::clone(&app), access.clone(), ben.clone());
                tasks.spawn(async move {
                    let asked = new(&["invoices:read"]);
                    let made = credentials::create(&app.app.registry, &access, &ben.id, &asked).await;
                    made.ok().map(|made| TestClient {
                        id: made.client.client_id,
                        secret: made.secret.expect("a secret").text.expose().to_owned(),
                    })
                });
            }
            end(&app, way, &operator, &ben).await;
            for client in tasks.join_all().await.into_iter().flatten() {
                app.token(&client, &[]).await.refused(401, "invalid_client");
                if way == Way::Removed {
                    let kept = store::clients::find(app.db(), &client.id).await.unwrap().unwrap();
                    assert_eq!(kept.status, crate::oauth::client::Status::Deleted);
                }
            }
        }
    })
    .await;
}

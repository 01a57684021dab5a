//! Many at once: whoever is first, nobody gets more than he may, and what was acknowledged holds.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::StatusCode;
use tokio::task::JoinSet;

use super::{
    databases::databases,
    harness::{TestApp, TestClient},
};
use crate::{
    error::Error,
    registry::{
        clients,
        secrets::{self, OldSecret, Rotation},
    },
    store,
};

/// Each database in turn, with an application that tasks can share.
async fn apps() -> Vec<(super::databases::Database, Arc<TestApp>)> {
    let mut apps = Vec::new();
    for database in databases().await {
        let app = Arc::new(TestApp::start(&database, &[]).await);
        apps.push((database, app));
    }
    apps
}

/// What a rotation may run into when others rotate at the same moment.
fn is_fair(error: &Error) -> bool {
    error
        .refusal()
        .is_some_and(|refusal| matches!(refusal.code.status(), 409 | 412))
}

// B-057: fifty at once, twenty times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_057_parallel_rotations_never_leave_three_usable_secrets() {
    for (_database, app) in apps().await {
        let client = app.service(&["workspace:read"]).await;
        for round in 0..20 {
            let old = [
                OldSecret::EndsNow,
                OldSecret::Stays,
                OldSecret::EndsAt(app.clock.now().after(crate::time::Lifetime::hours(1))),
            ];
            let mut tasks = JoinSet::new();
            for number in 0..50 {
                let (app, id, old) = (Arc::clone(&app), client.id.clone(), old[(round + number) % 3]);
                tasks.spawn(async move {
                    let rotation = Rotation {
                        old,
                        ..Rotation::default()
                    };
                    secrets::rotate(&app.app.registry, &app.owner(), &id, None, rotation).await
                });
            }
            let mut made = Vec::new();
            while let Some(done) = tasks.join_next().await {
                match done.expect("no panic") {
                    Ok(created) => made.extend(created.secret.map(|secret| secret.text.expose().to_owned())),
                    Err(error) => assert!(is_fair(&error), "{}: {error}", app.database),
                }
            }
            let now = app.clock.now();
            let kept = store::secrets::of_client(app.db(), &client.id)
                .await
                .expect("read");
            let usable = kept.iter().filter(|secret| secret.usable(now)).count();
            assert!(
                (1..=2).contains(&usable),
                "{}, {round}: {usable} usable",
                app.database
            );
            // At least one got through in a round where one may.
            assert!(!made.is_empty() || usable == 2, "{}, {round}", app.database);
            let mut working = 0;
            for secret in &made {
                let answer = app.token(&client.with_secret(secret), &[]).await;
                working += usize::from(answer.status == StatusCode::OK);
                app.clock.advance(crate::time::Lifetime::seconds(61));
            }
            assert!(
                working <= usable,
                "{}: {working} work, {usable} usable",
                app.database
            );
        }
    }
}

/// Introspects until told to stop; a round that began after the acknowledgement must not say active.
async fn watch(
    app: Arc<TestApp>,
    watcher: TestClient,
    token: String,
    cut: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
) -> usize {
    let mut wrong = 0;
    while !stop.load(Ordering::SeqCst) {
        let acknowledged = cut.load(Ordering::SeqCst);
        let active = app.introspect(&watcher, &token).await["active"] == true;
        wrong += usize::from(acknowledged && active);
        tokio::task::yield_now().await;
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_acknowledged_cut_nobody_says_active() {
    for (_database, app) in apps().await {
        let watcher = app.service(&["workspace:read"]).await;
        for round in 0..12 {
            let client = app.service(&["workspace:read"]).await;
            let token = client.token(&app).await;
            let (cut, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let mut watching = JoinSet::new();
            for _ in 0..6 {
                watching.spawn(watch(
                    Arc::clone(&app),
                    watcher.clone(),
                    token.clone(),
                    Arc::clone(&cut),
                    Arc::clone(&stop),
                ));
            }
            let (registry, access) = (&app.app.registry, app.owner());
            match round % 3 {
                0 => drop(
                    clients::delete(registry, &access, &client.id, None)
                        .await
                        .expect("deleted"),
                ),
                1 => drop(
                    clients::disable(registry, &access, &client.id, None, None)
                        .await
                        .expect("disabled"),
                ),
                _ => {
                    let answer = app
                        .post("/oauth2/revoke")
                        .basic(&client)
                        .form(&[("token", &token)])
                        .await;
                    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                }
            }
            cut.store(true, Ordering::SeqCst);
            assert_eq!(
                app.introspect(&watcher, &token).await["active"],
                false,
                "{}",
                app.database
            );
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            stop.store(true, Ordering::SeqCst);
            while let Some(wrong) = watching.join_next().await {
                assert_eq!(wrong.expect("no panic"), 0, "{}, {round}", app.database);
            }
        }
    }
}

// Tokens that are being minted while the client is cut off are dead as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_minted_during_a_cut_are_dead_after_it() {
    for (_database, app) in apps().await {
        let watcher = app.service(&["workspace:read"]).await;
        for round in 0..6 {
            let client = app.service(&["workspace:read"]).await;
            let mut minting = JoinSet::new();
            for _ in 0..8 {
                let (app, client) = (Arc::clone(&app), client.clone());
                minting.spawn(async move {
                    let mut tokens = Vec::new();
                    for _ in 0..20 {
                        let answer = app.token(&client, &[]).await;
                        match answer.status {
                            StatusCode::OK => {
                                tokens.extend(answer.json()["access_token"].as_str().map(str::to_owned));
                            }
                            other => assert!(matches!(other.as_u16(), 401 | 429), "{}", answer.text()),
                        }
                        tokio::task::yield_now().await;
                    }
                    tokens
                });
            }
            let (registry, access) = (&app.app.registry, app.owner());
            if round % 2 == 0 {
                drop(
                    clients::disable(registry, &access, &client.id, None, None)
                        .await
                        .expect("disabled"),
                );
                drop(
                    clients::enable(registry, &access, &client.id, None)
                        .await
                        .expect("enabled"),
                );
                drop(
                    clients::disable(registry, &access, &client.id, None, None)
                        .await
                        .expect("disabled"),
                );
            } else {
                drop(
                    clients::delete(registry, &access, &client.id, None)
                        .await
                        .expect("deleted"),
                );
            }
            while let Some(tokens) = minting.join_next().await {
                for token in tokens.expect("no panic") {
                    assert_eq!(
                        app.introspect(&watcher, &token).await["active"],
                        false,
                        "{}",
                        app.database
                    );
                }
            }
        }
    }
}

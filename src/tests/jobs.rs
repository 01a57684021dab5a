//! What the server does by itself.

use super::harness::{TestApp, on_both};
use crate::{
    jobs,
    jose::Alg,
    registry::{bootstrap::system_access, keys},
    store::{self, changes, keys::KeyState, once, revocations},
    time::{Lifetime, Timestamp},
};

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    let row = app.db().read_one(sql, vec![]).await.unwrap();
    row.unwrap().next().unwrap()
}

#[tokio::test]
async fn a_sweep_forgets_what_cannot_matter_any_more() {
    on_both(async |app: TestApp| {
        let registry = &app.app.registry;
        let now = app.clock.now();
        let soon = now.after(Lifetime::minutes(1));
        let texts = (0..2500_i64).map(|n| once::add(&n.to_be_bytes(), "test", None, now, soon));
        app.db().write(texts.collect()).await.unwrap();
        let late = Timestamp::from_seconds(i64::from(u32::MAX));
        app.db()
            .write(revocations::add("gone", "oac_x", now, soon).into())
            .await
            .unwrap();
        app.db()
            .write(revocations::add("kept", "oac_x", now, late).into())
            .await
            .unwrap();
        app.organization("one").await;
        app.organization("two").await;

        jobs::sweep(registry).await.unwrap();
        assert_eq!(count(&app, "SELECT count(*) FROM one_time_tokens").await, 2500);
        app.clock.advance(Lifetime::hours(2));
        app.sweep().await;
        assert_eq!(count(&app, "SELECT count(*) FROM one_time_tokens").await, 0);
        assert_eq!(count(&app, "SELECT count(*) FROM revoked_tokens").await, 1);
        assert_eq!(
            count(&app, "SELECT count(*) FROM change_log").await,
            1,
            "the last one stays"
        );
        let head = changes::head(app.db()).await.unwrap();
        assert_eq!(changes::after(app.db(), head - 1).await.unwrap().len(), 1);
        registry.live.catch_up().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_keys_published_at_once_do_not_stop_the_rotation() {
    on_both(async |app: TestApp| {
        let registry = &app.app.registry;
        let access = system_access(app.org.clone());
        let first = keys::rotate(registry, &access, Alg::Es256)
            .await
            .expect("published");
        // Somebody else's came at the same moment.
        let now = app.clock.now();
        let second = keys::make(
            &registry.keyring,
            &registry.entropy,
            Alg::Es256,
            KeyState::Pending,
            now,
        );
        let second = second.expect("made");
        app.db().write(store::keys::add(&second).into()).await.unwrap();
        app.clock.advance(Lifetime::minutes(11));
        keys::advance(registry).await.expect("moved on");
        let all = keys::list(registry, &access).await.expect("listed");
        let states = |wanted: KeyState| {
            let of = all.iter().filter(|k| k.algorithm == "ES256" && k.state == wanted);
            of.map(|k| k.kid.as_str()).collect::<Vec<_>>()
        };
        let active = states(KeyState::Active);
        assert_eq!((active.len(), states(KeyState::Pending).len()), (1, 0));
        assert!(active == [first.kid.as_str()] || active == [second.kid.as_str()]);
    })
    .await;
}

#[tokio::test]
async fn a_revocation_outlives_the_token_on_every_clock() {
    on_both(async |app: TestApp| {
        let soon = app.clock.now().after(Lifetime::minutes(1));
        app.db()
            .write(revocations::add("cut", "oac_x", app.clock.now(), soon).into())
            .await
            .unwrap();
        // The clock of the node that sweeps may be ahead of the one that is asked.
        app.clock.advance(Lifetime::seconds(90));
        app.sweep().await;
        assert_eq!(count(&app, "SELECT count(*) FROM revoked_tokens").await, 1);
        app.sweep().await;
        assert_eq!(count(&app, "SELECT count(*) FROM revoked_tokens").await, 0);
    })
    .await;
}

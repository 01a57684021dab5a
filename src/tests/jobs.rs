//! What the server does by itself.

use super::harness::{TestApp, on_both};
use crate::{
    jobs,
    store::{changes, once, revocations},
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
        jobs::sweep(registry).await.unwrap();
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

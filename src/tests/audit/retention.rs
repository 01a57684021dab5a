//! How long the activity is kept, and what the chain is then.

use serde_json::json;

use super::{count, fault, found, meddle, sealed};
use crate::{
    registry::organizations::{self, OrganizationEdit},
    store::{self, audit::Filter, organizations::Settings},
    tests::harness::{TestApp, on_both},
    time::Lifetime,
};

async fn keeps(app: &TestApp, days: Option<i64>) -> Result<(), crate::error::Error> {
    let org = store::organizations::find(app.db(), &app.org.id)
        .await
        .expect("read");
    let org = org.expect("there");
    let edit = OrganizationEdit {
        settings: Some(Settings {
            audit_retention_days: days,
            ..(*org.settings).clone()
        }),
        ..OrganizationEdit::default()
    };
    organizations::edit(&app.app.registry, &app.owner_of(&org), None, edit)
        .await
        .map(drop)
}

async fn swept(app: &TestApp) {
    app.sweep().await;
}

async fn pruned(app: &TestApp) -> Vec<store::audit::Event> {
    let filter = Filter {
        action: Some("audit.pruned".to_owned()),
        ..Filter::default()
    };
    store::audit::list(app.db(), &app.org.id, &filter, 100)
        .await
        .expect("read")
}

#[tokio::test]
async fn what_is_old_goes_and_the_rest_of_the_chain_holds() {
    on_both(async |app| {
        keeps(&app, Some(30)).await.expect("saved");
        for _ in 0..4 {
            app.service(&["workspace:read"]).await;
        }
        sealed(&app).await;
        let before = found(&app).await.head;
        app.clock.advance(Lifetime::days(10));
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        app.clock.advance(Lifetime::days(20));
        swept(&app).await;
        assert!(
            pruned(&app).await.is_empty(),
            "thirty days are not over before the day is"
        );
        app.clock.advance(Lifetime::days(1));
        swept(&app).await;
        let report = found(&app).await;
        assert_eq!((report.anchor.clone(), report.fault), (before.clone(), None));
        assert_eq!(report.entries, report.head.seq - before.seq);
        let told = pruned(&app).await;
        let [told] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(
            (&told.details["entries"], &told.details["last_seq"]),
            (&json!(before.seq), &json!(before.seq))
        );
        assert!(
            told.details["up_to"]
                .as_str()
                .is_some_and(|at| at.starts_with("2026-11-22"))
        );
        // Once a day is enough, and the trace of a removal is no reason for another.
        for _ in 0..3 {
            swept(&app).await;
        }
        assert_eq!(pruned(&app).await.len(), 1);
        for _ in 0..60 {
            app.clock.advance(Lifetime::days(1));
            swept(&app).await;
        }
        assert!(pruned(&app).await.len() <= 2, "{}", pruned(&app).await.len());
        assert_eq!(fault(&app).await, None);
    })
    .await;
}

#[tokio::test]
async fn nothing_goes_that_is_kept_for_ever() {
    on_both(async |app| {
        keeps(&app, None).await.expect("saved");
        sealed(&app).await;
        let before = found(&app).await.head.seq;
        app.clock.advance(Lifetime::days(4000));
        swept(&app).await;
        assert_eq!((found(&app).await.entries, pruned(&app).await.len()), (before, 0));
    })
    .await;
}

#[tokio::test]
async fn four_hundred_days_unless_somebody_says_otherwise() {
    on_both(async |app| {
        sealed(&app).await;
        app.clock.advance(Lifetime::days(400));
        swept(&app).await;
        assert_eq!(pruned(&app).await.len(), 0);
        app.clock.advance(Lifetime::days(1));
        swept(&app).await;
        assert_eq!(pruned(&app).await.len(), 1);
        let refused = keeps(&app, Some(29)).await.expect_err("too short");
        let fields = refused.refusal().expect("ours").fields.clone();
        assert_eq!(fields[0].pointer, "/settings/audit_retention_days");
    })
    .await;
}

#[tokio::test]
async fn what_was_not_sealed_yet_stays() {
    on_both(async |app| {
        app.clock.advance(Lifetime::days(500));
        swept(&app).await;
        let there = count(&app, "SELECT count(*) FROM audit_events WHERE seq IS NULL").await;
        assert!(there > 0);
    })
    .await;
}

#[tokio::test]
async fn evidence_of_meddling_is_not_removed() {
    on_both(async |app| {
        for _ in 0..3 {
            app.service(&["workspace:read"]).await;
        }
        sealed(&app).await;
        let before = found(&app).await;
        let sql = "UPDATE audit_events SET actor_name = 'Mallory' WHERE seq = 2 AND org_id = $1";
        meddle(&app, sql, vec![(&app.org.id).into()]).await;
        app.clock.advance(Lifetime::days(500));
        swept(&app).await;
        let after = found(&app).await;
        assert_eq!((after.anchor, after.head), (before.anchor, before.head));
        assert_eq!(
            after.fault.map(|fault| (fault.seq, fault.code)),
            Some((2, "changed"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_beginning_that_this_server_did_not_write_does_not_pass() {
    on_both(async |app| {
        for _ in 0..3 {
            app.service(&["workspace:read"]).await;
        }
        sealed(&app).await;
        // As if the first three had been removed because of their age.
        let all = store::audit::chained(app.db(), &app.org.id, 0, 3)
            .await
            .expect("read");
        let hash = all[2].sealed.clone().expect("sealed").hash;
        let sql = "DELETE FROM audit_events WHERE seq <= 3 AND org_id = $1";
        meddle(&app, sql, vec![(&app.org.id).into()]).await;
        let sql = "UPDATE audit_chains SET anchor_seq = 3, anchor_hash = $1 WHERE chain = $2";
        meddle(&app, sql, vec![hash.into(), (&app.org.id).into()]).await;
        assert_eq!(fault(&app).await, Some((3, "anchor_forged")));
    })
    .await;
}

//! Every way to meddle with what was done, each directly in the database.

use super::{count, fault, found, meddle, put, sealed, shuffled};
use crate::{
    registry::{
        audit::{
            chain::{genesis, hex, link},
            record, seal,
        },
        organizations,
    },
    store::{self, audit::Filter},
    tests::harness::{TestApp, on_both},
    time::Lifetime,
};

/// Six entries and more, sealed.
async fn some_activity(app: &TestApp) -> Vec<store::audit::Event> {
    for n in 0..6 {
        app.service(&["workspace:read"]).await;
        if n % 2 == 0 {
            app.clock.advance(Lifetime::seconds(1));
        }
    }
    sealed(app).await;
    let all = store::audit::chained(app.db(), &app.org.id, 0, 100)
        .await
        .expect("read");
    assert!(all.len() > 6, "{}", all.len());
    all
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_whole() {
    on_both(async |app| {
        assert_eq!(fault(&app).await, None);
        let all = some_activity(&app).await;
        let report = found(&app).await;
        assert_eq!(report.fault, None);
        assert_eq!((report.entries, report.waiting), (all.len() as i64, 0));
        assert_eq!((report.anchor.seq, report.head.seq), (0, all.len() as i64));
        let at: Vec<_> = all.iter().map(|event| event.at).collect();
        assert!(at.is_sorted());
        // What comes later is put behind it.
        app.service(&["workspace:read"]).await;
        let later = found(&app).await;
        assert_eq!((later.fault, later.head.seq), (None, report.head.seq + 1));
    })
    .await;
}

#[tokio::test]
async fn anybody_can_compute_the_chain_from_the_entries_alone() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let mut previous = genesis(&app.org.id).to_vec();
        for event in &all {
            // However somebody's JSON library turns the members around.
            let computed = link(&previous, &shuffled(&record(event)));
            assert_eq!(record(event)["hash"], hex(&computed));
            previous = computed.to_vec();
        }
        assert_eq!(found(&app).await.head.hash, hex(&previous));
    })
    .await;
}

#[tokio::test]
async fn a_changed_entry_is_found_whatever_was_changed() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let victim = &all[3];
        for (field, before) in [
            ("actor_name", victim.actor_name.clone()),
            ("actor_id", victim.actor_id.clone()),
            ("actor_kind", victim.actor_kind.clone()),
            ("request_id", victim.request_id.clone()),
            ("action", victim.action.clone()),
            ("resource_kind", victim.resource_kind.clone()),
            ("resource_id", victim.resource_id.clone()),
            ("resource_name", victim.resource_name.clone()),
            ("outcome", victim.outcome.clone()),
            ("details", victim.details.to_string()),
        ] {
            let other = match field {
                "outcome" => "refused",
                "details" => "{\"after\":{}}",
                _ => "somebody else",
            };
            let sql: &'static str = match field {
                "actor_name" => "UPDATE audit_events SET actor_name = $1 WHERE id = $2",
                "actor_id" => "UPDATE audit_events SET actor_id = $1 WHERE id = $2",
                "actor_kind" => "UPDATE audit_events SET actor_kind = $1 WHERE id = $2",
                "request_id" => "UPDATE audit_events SET request_id = $1 WHERE id = $2",
                "action" => "UPDATE audit_events SET action = $1 WHERE id = $2",
                "resource_kind" => "UPDATE audit_events SET resource_kind = $1 WHERE id = $2",
                "resource_id" => "UPDATE audit_events SET resource_id = $1 WHERE id = $2",
                "resource_name" => "UPDATE audit_events SET resource_name = $1 WHERE id = $2",
                "outcome" => "UPDATE audit_events SET outcome = $1 WHERE id = $2",
                _ => "UPDATE audit_events SET details = $1 WHERE id = $2",
            };
            meddle(&app, sql, vec![other.into(), (&victim.id).into()]).await;
            let report = found(&app).await;
            let fault = report.fault.expect(field);
            assert_eq!((fault.seq, fault.code), (4, "changed"), "{field}");
            assert_eq!(fault.entry.as_deref(), Some(victim.id.as_str()), "{field}");
            assert_eq!(report.entries, 3, "{field}");
            meddle(&app, sql, vec![before.into(), (&victim.id).into()]).await;
            assert_eq!(super::fault(&app).await, None, "{field}");
        }
        let sql = "UPDATE audit_events SET at = at + 1 WHERE id = $1";
        meddle(&app, sql, vec![(&victim.id).into()]).await;
        assert_eq!(fault(&app).await, Some((4, "changed")));
    })
    .await;
}

#[tokio::test]
async fn a_removed_entry_is_missed() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let sql = "DELETE FROM audit_events WHERE id = $1";
        meddle(&app, sql, vec![(&all[2].id).into()]).await;
        assert_eq!(fault(&app).await, Some((3, "missing")));
    })
    .await;
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_missed() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let sql = "DELETE FROM audit_events WHERE seq > 4";
        meddle(&app, sql, vec![]).await;
        assert_eq!(fault(&app).await, Some((5, "missing")));
        // Nor does it help to say that the chain ends there: only the key file can.
        let sql = "UPDATE audit_chains SET seq = 4, hash = $1 WHERE chain = $2";
        let hash = all[3].sealed.clone().expect("sealed").hash;
        meddle(&app, sql, vec![hash.into(), (&app.org.id).into()]).await;
        assert_eq!(fault(&app).await, Some((4, "head_forged")));
    })
    .await;
}

#[tokio::test]
async fn entries_that_changed_places_are_found() {
    on_both(async |app| {
        some_activity(&app).await;
        for sql in [
            "UPDATE audit_events SET seq = 999 WHERE seq = 2",
            "UPDATE audit_events SET seq = 2 WHERE seq = 5",
            "UPDATE audit_events SET seq = 5 WHERE seq = 999",
        ] {
            meddle(&app, sql, vec![]).await;
        }
        assert_eq!(fault(&app).await, Some((2, "changed")));
    })
    .await;
}

#[tokio::test]
async fn an_entry_put_in_between_is_found() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let seq = "UPDATE audit_events SET seq = seq + 1000 WHERE seq >= 4";
        meddle(&app, seq, vec![]).await;
        let seq = "UPDATE audit_events SET seq = seq - 999 WHERE seq >= 1000";
        meddle(&app, seq, vec![]).await;
        let mut forged = store::audit::Event {
            id: "forged".to_owned(),
            ..all[3].clone()
        };
        forged.sealed = None;
        let hash = link(&all[2].sealed.clone().expect("sealed").hash, &record(&forged));
        put(&app, &forged).await;
        let sql = "UPDATE audit_events SET seq = 4, hash = $1 WHERE id = 'forged'";
        meddle(&app, sql, vec![hash.into()]).await;
        assert!(
            matches!(fault(&app).await, Some((4, "changed"))),
            "{:?}",
            fault(&app).await
        );
    })
    .await;
}

#[tokio::test]
async fn an_entry_behind_the_end_is_no_entry() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let forged = store::audit::Event {
            id: "forged".to_owned(),
            ..all[0].clone()
        };
        put(&app, &forged).await;
        let next = all.len() as i64 + 1;
        let sql = "UPDATE audit_events SET seq = $1, hash = $2 WHERE id = 'forged'";
        meddle(&app, sql, vec![next.into(), vec![0_u8; 32].into()]).await;
        assert_eq!(fault(&app).await, Some((next, "unknown_entry")));
    })
    .await;
}

#[tokio::test]
async fn an_entry_in_the_way_of_one_chain_is_found_and_stops_no_other() {
    on_both(async |app| {
        let other = app.organization("acme-energy").await;
        let all = some_activity(&app).await;
        let orgs = [app.org.id.clone(), other.id.clone()];
        for org in &orgs {
            let forged = store::audit::Event {
                id: format!("forged {org}"),
                org_id: Some(org.clone()),
                ..all[0].clone()
            };
            put(&app, &forged).await;
        }
        let next = all.len() as i64 + 1;
        let sql = "UPDATE audit_events SET seq = $1, hash = $2 WHERE id = $3";
        let in_the_way = format!("forged {}", app.org.id);
        meddle(
            &app,
            sql,
            vec![next.into(), vec![0_u8; 32].into(), in_the_way.into()],
        )
        .await;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        assert_eq!(fault(&app).await, Some((next, "unknown_entry")));
        let report = found(&app).await;
        assert!(report.waiting > 0, "what is new waits");
        let waiting = store::audit::unsealed(app.db(), &other.id, 10).await;
        assert!(waiting.expect("read").is_empty(), "the other chain goes on");
    })
    .await;
}

/// Whoever can write to the database computes every hash anew, as anybody can, and the end as well.
async fn forge_everything_behind(app: &TestApp, from: usize) {
    let all = store::audit::chained(app.db(), &app.org.id, 0, 1000)
        .await
        .expect("read");
    let mut previous = match from {
        0 => genesis(&app.org.id).to_vec(),
        n => all[n - 1].sealed.clone().expect("sealed").hash,
    };
    for event in &all[from..] {
        let hash = link(&previous, &record(event)).to_vec();
        let sql = "UPDATE audit_events SET hash = $1 WHERE id = $2";
        meddle(app, sql, vec![hash.clone().into(), (&event.id).into()]).await;
        previous = hash;
    }
    let sql = "UPDATE audit_chains SET hash = $1 WHERE chain = $2";
    meddle(app, sql, vec![previous.into(), (&app.org.id).into()]).await;
}

#[tokio::test]
async fn a_chain_made_without_the_key_file_does_not_pass_and_is_not_gone_on_with() {
    on_both(async |app| {
        let all = some_activity(&app).await;
        let sql = "UPDATE audit_events SET actor_id = 'Mallory' WHERE id = $1";
        meddle(&app, sql, vec![(&all[2].id).into()]).await;
        forge_everything_behind(&app, 2).await;
        let end = all.len() as i64;
        assert_eq!(fault(&app).await, Some((end, "head_forged")));
        // Nothing that the server does later makes it good.
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        assert_eq!(count(&app, "SELECT max(seq) FROM audit_events").await, end);
        let report = found(&app).await;
        assert_eq!(report.fault.map(|fault| fault.code), Some("head_forged"));
        assert_eq!(report.waiting, 1);
    })
    .await;
}

#[tokio::test]
async fn the_end_of_another_chain_is_not_the_end_of_this_one() {
    on_both(async |app| {
        let other = app.organization("other").await;
        some_activity(&app).await;
        let theirs = store::audit_chains::find(app.db(), &other.id)
            .await
            .expect("read");
        let theirs = theirs.expect("sealed").head;
        let sql = "UPDATE audit_chains SET seq = $1, hash = $2, mac = $3 WHERE chain = $4";
        let params = vec![
            theirs.seq.into(),
            theirs.hash.into(),
            theirs.mac.into(),
            (&app.org.id).into(),
        ];
        meddle(&app, sql, params).await;
        assert_eq!(fault(&app).await.map(|(_, code)| code), Some("head_forged"));
    })
    .await;
}

#[tokio::test]
async fn a_chain_without_an_end_does_not_begin_anew() {
    on_both(async |app| {
        some_activity(&app).await;
        let before = found(&app).await.head.seq;
        meddle(&app, "DELETE FROM audit_chains", vec![]).await;
        app.service(&["workspace:read"]).await;
        assert_eq!(fault(&app).await, Some((0, "no_chain")));
        assert_eq!(count(&app, "SELECT max(seq) FROM audit_events").await, before);
    })
    .await;
}

#[tokio::test]
async fn many_sealers_make_one_chain() {
    on_both(async |app| {
        for _ in 0..5 {
            app.service(&["workspace:read"]).await;
        }
        let registry = &app.app.registry;
        let (a, b, c, d) = tokio::join!(
            seal::all(registry),
            seal::all(registry),
            seal::all(registry),
            seal::all(registry)
        );
        for sealed in [a, b, c, d] {
            sealed.expect("the storage works");
        }
        let report = found(&app).await;
        assert_eq!((report.fault, report.waiting), (None, 0));
        assert_eq!(report.entries, report.head.seq);
    })
    .await;
}

#[tokio::test]
async fn nodes_that_write_and_seal_at_once_make_one_chain() {
    on_both(async |app| {
        // SQLite has one node only.
        if app.database == "sqlite" {
            return;
        }
        let node = app.another_node().await;
        let busy = async |app: &TestApp| {
            for _ in 0..8 {
                app.service(&["workspace:read"]).await;
                sealed(app).await;
            }
        };
        tokio::join!(busy(&app), busy(&node));
        let report = found(&app).await;
        assert_eq!((report.fault, report.waiting), (None, 0));
        assert!(report.entries >= 16);
    })
    .await;
}

#[tokio::test]
async fn every_organisation_has_a_chain_of_its_own_and_what_belongs_to_none_as_well() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let mut event = app.app.registry.event(
            &crate::registry::access::Actor::system(),
            "",
            "user.locked",
            crate::registry::Resource {
                kind: "user",
                id: "usr_x",
                name: "x",
            },
            serde_json::json!({}),
        );
        event.org_id = None;
        app.db()
            .write(store::audit::append(&event).into())
            .await
            .expect("written");
        sealed(&app).await;
        let names = count(&app, "SELECT count(*) FROM audit_chains").await;
        assert_eq!(names, 3);
        let access = crate::registry::bootstrap::system_access(app.org.clone());
        let report = crate::registry::audit::verify::instance(&app.app.registry, &access).await;
        let report = report.expect("read");
        assert_eq!((report.entries, report.fault), (1, None));
        let theirs =
            crate::registry::audit::verify::organization(&app.app.registry, &app.owner_of(&other)).await;
        assert_eq!(theirs.expect("read").chain, other.id);
        let sql = "UPDATE audit_events SET actor_name = 'x' WHERE org_id IS NULL";
        meddle(&app, sql, vec![]).await;
        let report = crate::registry::audit::verify::instance(&app.app.registry, &access).await;
        assert_eq!(report.expect("read").fault.map(|f| f.code), Some("changed"));
        assert_eq!(fault(&app).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_restart_goes_on_with_the_chain() {
    on_both(async |app| {
        some_activity(&app).await;
        let before = found(&app).await.head;
        let app = app.restart().await;
        organizations::see(&app.owner()).expect("there");
        app.service(&["workspace:read"]).await;
        let after = found(&app).await;
        assert_eq!((after.fault, after.head.seq), (None, before.seq + 1));
        let filter = Filter::default();
        let newest = store::audit::list(app.db(), &app.org.id, &filter, 1)
            .await
            .expect("read");
        assert_eq!(
            newest[0].sealed.as_ref().map(|link| link.seq),
            Some(after.head.seq)
        );
    })
    .await;
}

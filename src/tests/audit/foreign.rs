//! Entries that this server did not write, entries of before, and what is left of a person who was erased.

use serde_json::json;

use super::{count, fault, found, meddle, put, sealed};
use crate::{
    registry::{
        Resource,
        access::Actor,
        audit::{
            chain::{genesis, link},
            record, redact, verify,
        },
        bootstrap::system_access,
    },
    store::{self, audit::Event, users::Role},
    tests::{
        browser::person,
        harness::{TestApp, on_both},
    },
    time::Lifetime,
};

/// An entry like one of the server's, from 20 days ago.
async fn forged(app: &TestApp, id: &str) -> Event {
    let all = store::audit::list(app.db(), &app.org.id, &store::audit::Filter::default(), 1).await;
    Event {
        id: id.to_owned(),
        at: app.clock.now().before(Lifetime::days(20)),
        actor_name: "Olivia".to_owned(),
        action: "client.deleted".to_owned(),
        parts: None,
        mac: None,
        sealed: None,
        ..all.expect("read").remove(0)
    }
}

async fn all(app: &TestApp) -> Vec<Event> {
    let all = store::audit::chained(app.db(), &app.org.id, 0, 1000).await;
    all.expect("read")
}

#[tokio::test]
async fn fx_08_an_entry_that_somebody_inserted_gets_no_place_and_is_found() {
    on_both(async |app| {
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        assert_eq!(fault(&app).await, None);
        // More than are sealed at once, all before anything else.
        for n in 0..250 {
            put(&app, &forged(&app, &format!("forged {n:03}")).await).await;
        }
        let before = found(&app).await.head.seq;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        let report = found(&app).await;
        assert_eq!(
            (report.head.seq, report.waiting),
            (before + 1, 0),
            "what is right goes on being sealed"
        );
        assert_eq!(report.foreign, 250);
        assert_eq!(report.entries, report.head.seq, "and is verified");
        let fault = report.fault.expect("found");
        assert_eq!(
            (fault.code, fault.entry.as_deref()),
            ("foreign_entry", Some("forged 000"))
        );
        let head = verify::head(&app.app.registry, &app.org.id)
            .await
            .expect("read")
            .expect("sealed");
        assert_eq!((head.ours, head.foreign), (true, 250));
        let at: Vec<_> = all(&app).await.iter().map(|event| event.at).collect();
        assert!(at.is_sorted());
    })
    .await;
}

#[tokio::test]
async fn fx_08_a_mac_of_another_entry_or_chain_is_none() {
    on_both(async |app| {
        let other = app.organization("other").await;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        let victim = all(&app).await.remove(0);
        put(&app, &Event { id: "copy".to_owned(), ..victim.clone() }).await;
        put(&app, &Event { id: "elsewhere".to_owned(), org_id: Some(other.id.clone()), ..victim.clone() }).await;
        for id in ["copy", "elsewhere"] {
            let sql = "UPDATE audit_events SET mac = v.mac, who_digest = v.who_digest, who_salt = v.who_salt, \
                       what_digest = v.what_digest, what_salt = v.what_salt \
                       FROM audit_events v WHERE v.id = $1 AND audit_events.id = $2";
            meddle(&app, sql, vec![(&victim.id).into(), id.into()]).await;
        }
        sealed(&app).await;
        assert_eq!(fault(&app).await.map(|(_, code)| code), Some("foreign_entry"));
        let theirs = verify::organization(&app.app.registry, &app.owner_of(&other)).await.expect("read");
        assert_eq!(theirs.foreign, 1);
    })
    .await;
}

#[tokio::test]
async fn fx_08_what_is_changed_before_it_is_sealed_is_found_as_well() {
    on_both(async |app| {
        sealed(&app).await;
        for sql in [
            "UPDATE audit_events SET actor_name = 'Mallory' WHERE seq IS NULL AND refused_at IS NULL",
            "UPDATE audit_events SET details = 'what' WHERE seq IS NULL AND refused_at IS NULL",
            "UPDATE audit_events SET at = at - 60000 WHERE seq IS NULL AND refused_at IS NULL",
            "UPDATE audit_events SET actor_name = '', ip = NULL, who_salt = NULL \
             WHERE seq IS NULL AND refused_at IS NULL",
            "UPDATE audit_events SET mac = NULL, who_digest = NULL, what_digest = NULL \
             WHERE seq IS NULL AND refused_at IS NULL",
        ] {
            let before = found(&app).await.foreign;
            app.service(&["workspace:read"]).await;
            meddle(&app, sql, vec![]).await;
            sealed(&app).await;
            assert_eq!(found(&app).await.foreign, before + 1, "{sql}");
        }
    })
    .await;
}

/// Somebody takes an entry away before it is sealed, and brings it back when it is convenient.
#[tokio::test]
async fn fx_08_an_entry_that_was_held_back_is_found_by_its_time() {
    on_both(async |app| {
        app.service(&["workspace:read"]).await;
        meddle(
            &app,
            "UPDATE audit_events SET org_id = 'hidden' WHERE seq IS NULL",
            vec![],
        )
        .await;
        app.clock.advance(Lifetime::days(2));
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        let back = "UPDATE audit_events SET org_id = $1, refused_at = NULL WHERE org_id = 'hidden'";
        meddle(&app, back, vec![(&app.org.id).into()]).await;
        sealed(&app).await;
        assert_eq!(fault(&app).await.map(|(_, code)| code), Some("out_of_order"));
        assert_eq!(
            found(&app).await.entries,
            found(&app).await.head.seq,
            "the rest is verified all the same"
        );
    })
    .await;
}

#[tokio::test]
async fn fx_08_a_row_that_says_it_was_sealed_long_ago_is_found() {
    on_both(async |app| {
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        put(&app, &forged(&app, "old").await).await;
        for seq in [0_i64, -7] {
            let sql = "UPDATE audit_events SET seq = $1, hash = mac WHERE id = 'old'";
            meddle(&app, sql, vec![seq.into()]).await;
            assert_eq!(
                fault(&app).await.map(|(_, code)| code),
                Some("foreign_entry"),
                "{seq}"
            );
        }
    })
    .await;
}

/// The database as a version before left it: entries without a MAC, some of them sealed, under a head of the first format.
async fn as_before(app: &TestApp, waiting: i64) {
    sealed(app).await;
    let sql = "UPDATE audit_events SET mac = NULL, who_digest = NULL, who_salt = NULL, what_digest = NULL, what_salt = NULL";
    meddle(app, sql, vec![]).await;
    let mut previous = genesis(&app.org.id).to_vec();
    let old = all(app).await;
    let kept = old.len() as i64 - waiting;
    for event in old.iter().take(usize::try_from(kept).expect("some")) {
        let hash = link(&previous, &record(event)).to_vec();
        let sql = "UPDATE audit_events SET hash = $1 WHERE id = $2";
        meddle(app, sql, vec![hash.clone().into(), (&event.id).into()]).await;
        previous = hash;
    }
    let sql = "UPDATE audit_events SET seq = NULL, hash = NULL WHERE seq > $1 AND org_id = $2";
    if waiting > 0 {
        meddle(app, sql, vec![kept.into(), (&app.org.id).into()]).await;
    }
    let mut text = kept.to_be_bytes().to_vec();
    text.extend_from_slice(&previous);
    text.extend_from_slice(app.org.id.as_bytes());
    let mac = app.app.registry.keyring.digest("audit head", &text);
    let sql = "UPDATE audit_chains SET seq = $1, hash = $2, mac = $3 WHERE chain = $4";
    let params = vec![
        kept.into(),
        previous.into(),
        mac.as_bytes().into(),
        (&app.org.id).into(),
    ];
    meddle(app, sql, params).await;
}

#[tokio::test]
async fn fx_08_entries_of_before_keep_their_hash_and_those_that_wait_are_adopted_once() {
    on_both(async |app| {
        for _ in 0..4 {
            app.service(&["workspace:read"]).await;
        }
        let other = app.organization("other").await;
        sealed(&app).await;
        as_before(&app, 2).await;
        let theirs = "UPDATE audit_events SET seq = NULL, hash = NULL WHERE org_id = $1";
        meddle(&app, theirs, vec![(&other.id).into()]).await;
        meddle(
            &app,
            "DELETE FROM audit_chains WHERE chain <> $1",
            vec![(&app.org.id).into()],
        )
        .await;
        // Somebody who knows of the upgrade puts an entry there meanwhile.
        put(&app, &forged(&app, "forged").await).await;
        let old = all(&app).await;
        let app = app.restart().await;
        let report = found(&app).await;
        assert_eq!(report.foreign, 1, "one dated back is not adopted");
        let now = all(&app).await;
        for (before, after) in old.iter().zip(&now) {
            assert_eq!(before.sealed, after.sealed);
        }
        let adopted: Vec<_> = now
            .iter()
            .filter(|event| event.action == "audit.adopted")
            .collect();
        assert_eq!(adopted.len(), 1);
        assert_eq!(adopted[0].details["entries"], 2);
        let theirs = verify::organization(&app.app.registry, &app.owner_of(&other))
            .await
            .expect("read");
        assert_eq!((theirs.fault, theirs.waiting), (None, 0));
        assert!(theirs.entries > 1);
        // The door is closed for good, whatever the time says.
        for org in [&app.org.id, &other.id] {
            let late = Event {
                at: app.clock.now(),
                org_id: Some(org.clone()),
                ..forged(&app, &format!("late {org}")).await
            };
            put(&app, &late).await;
        }
        let app = app.restart().await;
        assert_eq!(found(&app).await.foreign, 2);
        let theirs = verify::organization(&app.app.registry, &app.owner_of(&other))
            .await
            .expect("read");
        assert_eq!(theirs.foreign, 1);
        // Nor is a chain that somebody made up begun.
        put(
            &app,
            &Event {
                org_id: Some("org_x".to_owned()),
                ..forged(&app, "new chain").await
            },
        )
        .await;
        let app = app.restart().await;
        sealed(&app).await;
        assert_eq!(
            store::audit_chains::find(app.db(), "org_x").await.expect("read"),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn fx_08_the_head_of_before_does_not_come_back() {
    on_both(async |app| {
        app.service(&["workspace:read"]).await;
        as_before(&app, 0).await;
        let old = store::audit_chains::find(app.db(), &app.org.id)
            .await
            .expect("read")
            .expect("there")
            .head;
        let app = app.restart().await;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        assert_eq!(fault(&app).await, None);
        let sql = "UPDATE audit_chains SET seq = $1, hash = $2, mac = $3 WHERE chain = $4";
        let params = vec![
            old.seq.into(),
            old.hash.into(),
            old.mac.into(),
            (&app.org.id).into(),
        ];
        meddle(&app, sql, params).await;
        put(
            &app,
            &Event {
                at: app.clock.now(),
                ..forged(&app, "late").await
            },
        )
        .await;
        assert_eq!(fault(&app).await.map(|(_, code)| code), Some("head_forged"));
        let app = app.restart().await;
        assert!(fault(&app).await.is_some(), "something stands behind that end");
        assert_eq!(
            count(
                &app,
                "SELECT count(*) FROM audit_events WHERE id = 'late' AND seq IS NOT NULL"
            )
            .await,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn fx_08_a_person_is_erased_and_the_chain_still_verified() {
    on_both(async |app| {
        let ada = person(&app, "ada", Some(Role::Admin)).await;
        let registry = &app.app.registry;
        let actor = Actor {
            id: ada.id.clone(),
            name: "Ada Lovelace".to_owned(),
            ip: Some("203.0.113.77".to_owned()),
            ..app.owner().actor
        };
        let about = |id, name| Resource {
            kind: "user",
            id,
            name,
        };
        let details = json!({ "after": { "email": "ada@example.org" } });
        for (actor, resource) in [
            (&actor, about("usr_bob", "Bob")),
            (&app.owner().actor, about(&ada.id, "Ada Lovelace")),
            (&actor, about(&ada.id, "Ada Lovelace")),
        ] {
            let event = registry.event(actor, &app.org.id, "user.updated", resource, details.clone());
            app.db()
                .write(store::audit::append(&event).into())
                .await
                .expect("written");
        }
        sealed(&app).await;
        let (before, whole) = (found(&app).await, all(&app).await);
        let operator = system_access(app.org.clone());
        let gone = redact::person(registry, &operator, &ada.id)
            .await
            .expect("erased");
        assert!(gone >= 3, "{gone}");
        let report = found(&app).await;
        assert_eq!((report.fault, report.redacted), (None, gone));
        let now = all(&app).await;
        for (before, after) in whole.iter().zip(&now) {
            assert_eq!(before.sealed, after.sealed, "every hash stays");
        }
        assert_eq!(
            before.head.seq + 1,
            report.head.seq,
            "that it was done is an entry"
        );
        let text = serde_json::to_string(&now.iter().map(record).collect::<Vec<_>>()).expect("JSON");
        assert!(
            !text.contains("Lovelace") && !text.contains("203.0.113.77"),
            "{text}"
        );
        let of_bob = now
            .iter()
            .find(|event| event.resource_id == "usr_bob")
            .expect("there");
        assert_eq!(of_bob.resource_name, "Bob", "what they did to others stays");
        assert_eq!(
            redact::person(registry, &operator, &ada.id).await.expect("again"),
            0
        );
        // Somebody else who erases, or writes another name where one was erased, is found.
        let sql =
            "UPDATE audit_events SET resource_name = '', details = '{}', what_salt = NULL WHERE id = $1";
        meddle(&app, sql, vec![(&of_bob.id).into()]).await;
        assert_eq!(fault(&app).await.map(|(_, code)| code), Some("changed"));
    })
    .await;
}

#[tokio::test]
async fn fx_08_a_name_where_one_was_erased_is_found() {
    on_both(async |app| {
        let ada = person(&app, "ada", Some(Role::Admin)).await;
        let resource = Resource {
            kind: "user",
            id: &ada.id,
            name: "Ada",
        };
        let event = app.app.registry.event(
            &app.owner().actor,
            &app.org.id,
            "user.updated",
            resource,
            json!({}),
        );
        app.db()
            .write(store::audit::append(&event).into())
            .await
            .expect("written");
        sealed(&app).await;
        let operator = system_access(app.org.clone());
        let gone = redact::person(&app.app.registry, &operator, &ada.id)
            .await
            .expect("erased");
        assert!(gone > 0);
        let sql = "UPDATE audit_events SET resource_name = 'Eve' WHERE resource_id = $1";
        meddle(&app, sql, vec![(&ada.id).into()]).await;
        assert_eq!(fault(&app).await.map(|(_, code)| code), Some("changed"));
    })
    .await;
}

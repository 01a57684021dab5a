//! `oauthority audit verify` and `oauthority webhook …`.

use serde_json::json;

use super::shell::{Listening, MANAGE, Shell};
use crate::{
    cli::Exit,
    db::{Statement, Value},
    registry::audit::{
        chain::{genesis, link},
        record, seal,
    },
    store,
    time::Lifetime,
};

async fn meddle(server: &Listening, sql: &'static str, params: Vec<Value>) {
    let write = Statement::new(sql, params);
    server.app.db().write(write.into()).await.expect("written");
}

async fn busy(server: &Listening) {
    for _ in 0..5 {
        server.app.service(&["workspace:read"]).await;
    }
    seal::all(&server.app.app.registry).await.expect("sealed");
}

async fn head(shell: &Shell) -> String {
    let ran = shell.run(&["audit", "verify"]).await.done();
    ran.out.trim().to_owned()
}

#[tokio::test]
async fn a_whole_log_is_computed_anew_and_its_head_proves_it_later() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    let kept = head(&shell).await;
    assert!(
        kept.split_once(':')
            .is_some_and(|(seq, hash)| seq.parse::<i64>().is_ok() && hash.len() == 64),
        "{kept}"
    );
    busy(&server).await;
    let ran = shell
        .run(&["audit", "verify", "--head", &kept, "-o", "json"])
        .await
        .done();
    let found = ran.json();
    assert_eq!(
        (&found["intact"], &found["server"]["intact"]),
        (&json!(true), &json!(true))
    );
    assert!(found["entries"].as_i64().is_some_and(|n| n > 10));
    for wrong in ["7", "x:y", "1:00"] {
        assert_eq!(
            shell.run(&["audit", "verify", "--head", wrong]).await.exit,
            Exit::Usage,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_changed_entry_is_named_and_the_exit_code_says_so() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    let all = store::audit::chained(server.app.db(), &server.app.org.id, 0, 100)
        .await
        .expect("read");
    let sql = "UPDATE audit_events SET details = '{}', actor_name = 'Mallory' WHERE id = $1";
    meddle(&server, sql, vec![(&all[2].id).into()]).await;
    let ran = shell.run(&["audit", "verify"]).await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::NotIntact, ""));
    assert!(
        ran.err.contains("Entry 3") && ran.err.contains(&all[2].id),
        "{ran:?}"
    );
    let ran = shell.run(&["audit", "verify", "-o", "json"]).await;
    assert_eq!(ran.exit, Exit::NotIntact);
    let found = ran.json();
    assert_eq!(
        (&found["intact"], &found["first_bad_seq"]),
        (&json!(false), &json!(3))
    );
    assert_eq!(found["first_bad_entry"], all[2].id);
}

#[tokio::test]
async fn a_missing_entry_is_named() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    meddle(&server, "DELETE FROM audit_events WHERE seq = 4", vec![]).await;
    let ran = shell.run(&["audit", "verify"]).await;
    assert_eq!(ran.exit, Exit::NotIntact);
    assert!(ran.err.contains("Entry 4 is gone"), "{ran:?}");
}

/// Whoever has an old copy of the database, with an end that the key file made, puts it back.
#[tokio::test]
async fn a_log_that_was_put_back_is_found_with_the_head_of_an_earlier_run_and_only_so() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    let db = server.app.db();
    let old = store::audit_chains::find(db, &server.app.org.id)
        .await
        .expect("read")
        .expect("there");
    busy(&server).await;
    let kept = head(&shell).await;
    let back = "UPDATE audit_chains SET seq = $1, hash = $2, mac = $3 WHERE chain = $4";
    let params = vec![
        old.head.seq.into(),
        old.head.hash.into(),
        old.head.mac.into(),
        (&server.app.org.id).into(),
    ];
    meddle(&server, back, params).await;
    meddle(
        &server,
        "DELETE FROM audit_events WHERE seq > $1",
        vec![old.head.seq.into()],
    )
    .await;
    // The server itself was deceived.
    shell.run(&["audit", "verify"]).await.done();
    let ran = shell.run(&["audit", "verify", "--head", &kept]).await;
    assert_eq!(ran.exit, Exit::NotIntact);
    assert!(ran.err.contains("cut off"), "{ran:?}");
    // And once it has grown as long again it is another one.
    for _ in 0..3 {
        busy(&server).await;
    }
    shell.run(&["audit", "verify"]).await.done();
    let ran = shell.run(&["audit", "verify", "--head", &kept]).await;
    assert_eq!(ran.exit, Exit::NotIntact);
    assert!(ran.err.contains("another one than it was"), "{ran:?}");
}

#[tokio::test]
async fn a_chain_made_anew_without_the_key_file_does_not_pass() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    let org = server.app.org.id.clone();
    let all = store::audit::chained(server.app.db(), &org, 0, 100)
        .await
        .expect("read");
    let mut previous = genesis(&org).to_vec();
    for mut event in all {
        event.actor_id = "Nobody".to_owned();
        previous = link(&previous, &record(&event)).to_vec();
        let sql = "UPDATE audit_events SET actor_id = 'Nobody', hash = $1 WHERE id = $2";
        meddle(&server, sql, vec![previous.clone().into(), event.id.into()]).await;
    }
    let sql = "UPDATE audit_chains SET hash = $1 WHERE chain = $2";
    meddle(&server, sql, vec![previous.into(), org.into()]).await;
    let ran = shell.run(&["audit", "verify"]).await;
    assert_eq!(ran.exit, Exit::NotIntact);
    assert!(ran.err.contains("key file"), "{ran:?}");
}

#[tokio::test]
async fn a_head_from_before_the_oldest_entry_proves_nothing_and_says_so() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    let all = store::audit::chained(server.app.db(), &server.app.org.id, 0, 2)
        .await
        .expect("read");
    let first = crate::registry::audit::chain::hex(&all[0].sealed.clone().expect("sealed").hash);
    let kept = head(&shell).await;
    server.app.clock.advance(Lifetime::days(402));
    server.app.sweep().await;
    // The secret of the other one has expired.
    let shell = server.shell(&MANAGE).await;
    let ran = shell
        .run(&["audit", "verify", "--head", &format!("1:{first}")])
        .await;
    assert_eq!(ran.exit, Exit::NotIntact);
    assert!(ran.err.contains("removed because of their age"), "{ran:?}");
    // The last one that went is still known.
    let seq = kept
        .split(':')
        .next()
        .and_then(|seq| seq.parse::<i64>().ok())
        .expect("a place");
    let anchor = store::audit_chains::find(server.app.db(), &server.app.org.id)
        .await
        .expect("read");
    assert_eq!(anchor.expect("there").anchor.seq, seq);
    shell.run(&["audit", "verify", "--head", &kept]).await.done();
}

#[tokio::test]
async fn whoever_may_not_read_the_log_verifies_nothing() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&["clients:read", "organizations:read"]).await;
    assert_eq!(shell.run(&["audit", "verify"]).await.exit, Exit::Forbidden);
    let shell = server.shell(&MANAGE).await;
    assert_eq!(
        shell.run(&["audit", "verify", "--instance"]).await.exit,
        Exit::Forbidden
    );
}

#[tokio::test]
async fn the_activity_is_filtered_exported_and_followed() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    busy(&server).await;
    let list = [
        "activity",
        "list",
        "--event",
        "client.created",
        "--result",
        "done",
    ];
    let rows = shell
        .run(&[&list[..], &["-o", "ndjson", "--all"]].concat())
        .await
        .done();
    assert!(rows.out.lines().count() >= 6, "{rows:?}");
    let csv = shell
        .run(&[&list[..], &["-o", "csv", "--all"]].concat())
        .await
        .done();
    assert!(
        csv.out.starts_with("id,at,") && csv.out.lines().count() >= 7,
        "{csv:?}"
    );
    let none = shell
        .run(&["activity", "list", "--result", "refused", "-q"])
        .await
        .done();
    assert_eq!(none.out, "");
    server.app.clock.advance(Lifetime::seconds(1));
    let (out, err) = (
        super::shell::Captured::default(),
        super::shell::Captured::default(),
    );
    let mut terminal = shell.terminal(&out, &err);
    let words = [
        "oauthority",
        "activity",
        "list",
        "--event",
        "client.created",
        "--follow",
        "-q",
    ];
    let following = crate::cli::run(words.map(Into::into), &mut terminal);
    let made = async {
        // Two looks later it must have been seen; what was there before is not told.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        server.app.clock.advance(Lifetime::seconds(1));
        server.app.service(&["workspace:read"]).await;
        for _ in 0..50 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            if out.text().lines().count() == 1 {
                tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
                return;
            }
        }
    };
    tokio::select! {
        exit = following => panic!("it ended: {exit:?} {}", err.text()),
        () = made => {}
    }
    assert_eq!(out.text().lines().count(), 1, "{} {}", out.text(), err.text());
}

#[tokio::test]
async fn webhooks_from_the_prompt() {
    let server = Listening::start(&[]).await;
    let scopes: Vec<&str> = MANAGE.iter().copied().chain(["organizations:write"]).collect();
    let shell = server.shell(&scopes).await;
    let file = shell.path("whsec");
    let path = file.to_string_lossy().into_owned();
    let url = "http://127.0.0.1:9/hook";
    let made = shell
        .run(&[
            "webhook",
            "create",
            "--url",
            url,
            "--event",
            "client.*",
            "--secret-file",
            &path,
            "-o",
            "json",
        ])
        .await
        .done();
    assert!(!made.out.contains("whsec_"), "{made:?}");
    let secret = std::fs::read_to_string(&file).expect("written");
    assert!(secret.starts_with("whsec_"));
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let listed = shell.run(&["webhook", "list", "-q"]).await.done();
    assert_eq!(listed.out.trim(), id);
    let rotated = shell
        .run(&["webhook", "rotate", &id, "--overlap", "1h", "--secret-file", "-"])
        .await
        .done();
    assert!(
        rotated.out.starts_with("whsec_") && rotated.out != secret,
        "{rotated:?}"
    );
    let third = shell.run(&["webhook", "rotate", &id, "--secret-file", "-"]).await;
    assert_eq!(third.exit, Exit::Conflict);
    let test = shell.run(&["webhook", "test", &id]).await;
    assert_eq!(test.exit, Exit::Network, "{test:?}");
    let dead = shell
        .run(&["webhook", "deliveries", &id, "--state", "dead", "-q"])
        .await
        .done();
    let message = dead.out.trim().to_owned();
    assert!(message.starts_with("msg_"), "{dead:?}");
    shell.run(&["webhook", "redeliver", &id, &message]).await.done();
    let again = shell.run(&["webhook", "redeliver", &id, &message]).await;
    assert_eq!(again.exit, Exit::Conflict);
    let off = shell
        .run(&["webhook", "update", &id, "--active", "false", "-o", "json"])
        .await
        .done();
    assert_eq!(off.json()["active"], false);
    assert_eq!(shell.run(&["webhook", "update", &id]).await.exit, Exit::Usage);
    shell.run(&["webhook", "delete", &id, "--yes"]).await.done();
    assert_eq!(shell.run(&["webhook", "get", &id]).await.exit, Exit::NotFound);
    let bad = shell
        .run(&[
            "webhook",
            "create",
            "--url",
            "https://10.0.0.1/",
            "--event",
            "*",
            "--secret-file",
            "-",
        ])
        .await;
    assert_eq!(bad.exit, Exit::Invalid);
}

//! Counted in memory, written in batches, added up across nodes, never lost.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use super::*;
use crate::{db::Statement, jobs, store, tests::databases, time::Lifetime};

const FOR_ITSELF: [(&str, &str); 1] = [("grant_type", "client_credentials")];

#[tokio::test]
async fn hours_and_days_roll_over() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        // It is ten o'clock.
        client.token(&app).await;
        app.clock.advance(Lifetime::minutes(59));
        client.token(&app).await;
        app.clock.advance(Lifetime::minutes(1));
        client.token(&app).await;
        flush(&app).await;
        app.clock.advance(Lifetime::hours(13));
        client.token(&app).await;
        app.clock.advance(Lifetime::hours(1));
        client.token(&app).await;
        flush(&app).await;
        let hours = numbers(&app, &client.id, Span::Hour).await;
        assert_eq!(hours, [(2, 0), (1, 0), (1, 0), (1, 0)]);
        let days = counts(&app, &client.id, Span::Day).await;
        assert_eq!(days.iter().map(|day| day.tokens).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(days[1].began_at.to_string(), "2026-11-23T00:00:00.000Z");
        assert_eq!(numbers(&app, &app.org.id, Span::Day).await, [(3, 0), (2, 0)]);
    })
    .await;
}

#[tokio::test]
async fn a_secret_knows_its_last_hour_and_day_and_from_where() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ask = async |ip: &str| {
            let call = app.post("/oauth2/token").basic(&client).from(ip);
            assert_eq!(call.form(&FOR_ITSELF).await.status, 200);
        };
        ask("198.51.100.7").await;
        ask("198.51.100.7").await;
        app.clock.advance(Lifetime::minutes(30));
        ask("2001:db8::5").await;
        flush(&app).await;
        let used = secret_use(&app, &client).await;
        assert_eq!((used.last_hour, used.last_day), (3, 3));
        let from = |used: &SecretUse| -> Vec<(String, i64)> {
            let ips = used.addresses.iter();
            ips.map(|a| (a.ip.clone().unwrap_or_default(), a.on.times))
                .collect()
        };
        let both = [("2001:db8::5".to_owned(), 1), ("198.51.100.7".to_owned(), 2)];
        assert_eq!(from(&used), both);
        app.clock.advance(Lifetime::minutes(50));
        assert_eq!(secret_use(&app, &client).await.last_hour, 1);
        app.clock.advance(Lifetime::minutes(11));
        let used = secret_use(&app, &client).await;
        assert_eq!((used.last_hour, used.last_day), (0, 3));
        app.clock.advance(Lifetime::hours(24));
        let used = secret_use(&app, &client).await;
        assert_eq!((used.last_hour, used.last_day), (0, 0));
        assert_eq!(from(&used), both);
    })
    .await;
}

#[tokio::test]
async fn of_very_many_addresses_the_latest_are_kept() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for host in 1..=40 {
            let ip = format!("203.0.113.{host}");
            let call = app.post("/oauth2/token").basic(&client).from(&ip);
            assert_eq!(call.form(&FOR_ITSELF).await.status, 200);
            app.clock.advance(Lifetime::seconds(1));
        }
        flush(&app).await;
        let used = secret_use(&app, &client).await;
        // Between two writes, 32 are told apart; the rest has no name.
        assert_eq!(used.addresses.len(), 33);
        assert_eq!(used.addresses[0].ip, None);
        assert_eq!(used.addresses[0].on.times, 8);
        jobs::sweep(&app.app.registry).await.expect("swept");
        let used = secret_use(&app, &client).await;
        assert_eq!(used.addresses.len(), 20);
        assert_eq!(used.addresses[19].ip.as_deref(), Some("203.0.113.14"));
        assert_eq!(used.last_hour, 40);
    })
    .await;
}

#[tokio::test]
async fn two_nodes_add_up_and_the_last_use_never_moves_back() {
    on_both(async |app| {
        // A SQLite file has one node; there the same is true of two writes in the wrong order.
        let client = app.service(&["workspace:read"]).await;
        let other = match app.database {
            "postgresql" => Some(app.another_node().await),
            _ => None,
        };
        let late = other.as_ref().unwrap_or(&app);
        client.token(&app).await;
        app.clock.advance(Lifetime::minutes(5));
        let latest = app.clock.now();
        if other.is_some() {
            client.token(late).await;
            client.token(late).await;
            flush(late).await;
            flush(&app).await;
            assert_eq!(numbers(&app, &client.id, Span::Hour).await, [(3, 0)]);
            assert_eq!(secret_use(&app, &client).await.last_hour, 3);
            let out = "SELECT CAST(sum(tokens) AS BIGINT) FROM tokens_out";
            assert_eq!(number(&app, out).await, 3);
        } else {
            client.token(&app).await;
            flush(&app).await;
            let earlier = latest.before(Lifetime::minutes(1));
            let secret = store::secrets::of_client(app.db(), &client.id).await.unwrap();
            let batch = [
                store::clients::note_use(&client.id, earlier, "192.0.2.1"),
                store::secrets::note_use(&secret[0].id, 1, earlier, "192.0.2.1"),
            ];
            app.db().write(batch.into_iter().collect()).await.unwrap();
        }
        let stored = store::clients::find(app.db(), &client.id).await.unwrap().unwrap();
        assert_eq!(stored.last_used_at, Some(latest));
        let secrets = store::secrets::of_client(app.db(), &client.id).await.unwrap();
        assert_eq!((secrets[0].last_used_at, secrets[0].uses), (Some(latest), 3));
        assert_ne!(secrets[0].last_used_ip.as_deref(), Some("192.0.2.1"));
        assert_ne!(stored.last_used_ip.as_deref(), Some("192.0.2.1"));
    })
    .await;
}

#[tokio::test]
async fn what_was_written_survives_a_restart() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        client.token(&app).await;
        let then = app.clock.now();
        jobs::Jobs::start(&app.app).stop().await;
        let app = app.restart().await;
        let stored = store::clients::find(app.db(), &client.id).await.unwrap().unwrap();
        assert_eq!(stored.last_used_at, Some(then));
        client.token(&app).await;
        flush(&app).await;
        assert_eq!(numbers(&app, &client.id, Span::Day).await, [(2, 0)]);
        assert_eq!(secret_use(&app, &client).await.last_day, 2);
    })
    .await;
}

#[tokio::test]
async fn of_many_clients_each_has_its_turn_and_of_few_all_have() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let client = app.service(&["workspace:read"]).await;
        client.token(&app).await;
        registry.flush_activity_in_turn().await.unwrap();
        assert_eq!(registry.activity.waiting(), 0, "few are written at once");
        let mut many = Vec::new();
        for _ in 0..210 {
            many.push(app.service(&["workspace:read"]).await);
        }
        for client in &many {
            client.token(&app).await;
        }
        registry.flush_activity_in_turn().await.unwrap();
        assert!(registry.activity.waiting() > 150, "only one shard had its turn");
        for _ in 0..64 {
            registry.flush_activity_in_turn().await.unwrap();
        }
        assert_eq!(registry.activity.waiting(), 0);
        for client in many.iter().take(5) {
            assert_eq!(numbers(&app, &client.id, Span::Hour).await, [(1, 0)]);
        }
    })
    .await;
}

/// Runs a statement outside of the product.
async fn meddle(app: &TestApp, sql: &'static str) {
    let statement = Statement::new(sql, vec![]);
    app.db().write(statement.into()).await.expect(sql);
}

#[tokio::test]
async fn a_write_that_fails_loses_nothing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        let other = app.service(&["workspace:read"]).await;
        client.token(&app).await;
        other.token(&app).await;
        app.token(&client, &[("scope", "nonsense")]).await;
        meddle(&app, "ALTER TABLE tokens_out RENAME TO out_of_reach").await;
        app.app.registry.flush_activity().await.expect_err("out of reach");
        client
            .token_for(&app, &[("scope", "workspace:write workspace:read")])
            .await;
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        app.token(&client, &[("scope", "nonsense")]).await;
        app.app.registry.flush_activity().await.expect_err("out of reach");
        app.clock.advance(Lifetime::hours(1));
        client.token(&app).await;
        meddle(&app, "ALTER TABLE out_of_reach RENAME TO tokens_out").await;
        flush(&app).await;
        assert_eq!(app.app.registry.activity.waiting(), 0);
        assert_eq!(numbers(&app, &client.id, Span::Hour).await, [(3, 2), (1, 0)]);
        assert_eq!(numbers(&app, &other.id, Span::Hour).await, [(1, 0)]);
        assert_eq!(numbers(&app, &app.org.id, Span::Day).await, [(5, 2)]);
        // Whoever asks for something that he may not have proved who he is all the same, but got nothing.
        assert_eq!(secret_use(&app, &client).await.last_day, 4);
        let out = "SELECT CAST(sum(tokens) AS BIGINT) FROM tokens_out";
        assert_eq!(number(&app, out).await, 5);
        let asked = usage::scopes_asked(app.db(), &client.id).await.expect("read");
        let times = |value: &str| {
            let found = asked.iter().find(|scope| scope.value == value);
            found.and_then(|scope| scope.on).map(|on| on.times)
        };
        assert_eq!(
            (times("workspace:read"), times("workspace:write")),
            (Some(4), Some(3))
        );
    })
    .await;
}

#[tokio::test]
async fn names_that_nobody_has_leave_no_trace() {
    on_both(async |app| {
        let nobody = TestClient {
            id: "oac_aaaaaaaaaaaaaaaaaaaa".to_owned(),
            secret: "oas_wrong".to_owned(),
        };
        app.token(&nobody, &[]).await.refused(401, "invalid_client");
        let form = [("token", "x"), ("client_id", nobody.id.as_str())];
        app.post("/oauth2/introspect").form(&form).await;
        app.post("/oauth2/revoke").form(&form).await;
        app.post("/oauth2/device_authorization").form(&form).await;
        let path = format!("/oauth2/authorize?client_id={}", nobody.id);
        assert_eq!(app.get(&path).send().await.status, 400);
        assert_eq!(app.app.registry.activity.waiting(), 0);
        flush(&app).await;
        for sql in [
            "SELECT count(*) FROM client_failures",
            "SELECT count(*) FROM usage_counts",
            "SELECT count(*) FROM client_attempts",
            "SELECT count(*) FROM tokens_out",
        ] {
            assert_eq!(number(&app, sql).await, 0, "{sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn old_counts_are_forgotten_and_days_last_longer_than_hours() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        client.token(&app).await;
        app.token(&client, &[("scope", "nonsense")]).await;
        flush(&app).await;
        let rows = async |sql: &'static str| number(&app, sql).await;
        let parts = "SELECT count(*) FROM secret_counts WHERE span = 600";
        let hours = "SELECT count(*) FROM usage_counts WHERE span = 3600";
        let days = "SELECT count(*) FROM usage_counts WHERE span = 86400";
        let failures = "SELECT count(*) FROM client_failures";
        let out = "SELECT count(*) FROM tokens_out";
        let sweep = async || jobs::sweep(&app.app.registry).await.expect("swept");
        sweep().await;
        assert_eq!((rows(parts).await, rows(hours).await, rows(out).await), (1, 2, 1));
        app.clock.advance(Lifetime::hours(26));
        sweep().await;
        assert_eq!((rows(parts).await, rows(hours).await, rows(out).await), (0, 2, 0));
        app.clock.advance(Lifetime::hours(48));
        sweep().await;
        assert_eq!(
            (rows(hours).await, rows(days).await, rows(failures).await),
            (0, 2, 1)
        );
        app.clock.advance(Lifetime::days(6));
        sweep().await;
        assert_eq!((rows(days).await, rows(failures).await), (2, 0));
        app.clock.advance(Lifetime::days(395));
        sweep().await;
        assert_eq!(rows(days).await, 0);
        assert_eq!(rows("SELECT count(*) FROM secret_addresses").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_kept_texts_are_few_however_much_is_written() {
    databases::on_both(async |db| {
        let rows = |many: usize| {
            let from = Timestamp::from_millis(0);
            let row = |n: usize| usage::count(&format!("oac_{n}"), Span::Day, from, 1, 0);
            Statement::join((0..many).map(row).collect())
        };
        let joined = rows(77);
        assert_eq!(joined.len(), 2 + 1 + 5);
        db.write(joined.into_iter().collect()).await.expect("written");
        db.write(rows(40).into_iter().collect()).await.expect("added");
        let sum = "SELECT CAST(sum(tokens) AS BIGINT), count(*) FROM usage_counts";
        let mut row = db.read_one(sum, vec![]).await.unwrap().unwrap();
        assert_eq!(
            (row.next::<i64>().unwrap(), row.next::<i64>().unwrap()),
            (117, 77)
        );
    })
    .await;
}

/// Not a test of anything but the machine: how long it takes to write down what 10,000 clients did.
#[tokio::test]
#[ignore = "measures"]
async fn a_flush_of_ten_thousand_clients() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let now = app.clock.now();
        let known = app.app.registry.live.client(&client.id).expect("known");
        let activity = &app.app.registry.activity;
        let clients: Vec<_> = (0..10_000)
            .map(|n| {
                let id = Arc::from(format!("oac_{n:020}").as_str());
                crate::live::Client {
                    id,
                    org_id: Arc::clone(&known.org_id),
                    grant_types: Vec::new(),
                    secrets: Vec::new(),
                    granted: Vec::new(),
                    for_people: None,
                    ..*known
                }
            })
            .collect();
        let api = &known.granted[0].api;
        for (n, client) in (0_u32..).zip(&clients) {
            for second in 0..2 {
                let issued = crate::activity::Issued {
                    format: store::apis::TokenFormat::Jwt,
                    api,
                    scope: "workspace:read",
                    grant: None,
                    expires_at: now.after(Lifetime::seconds(second)),
                    epoch: 1,
                };
                let ip = IpAddr::V4(Ipv4Addr::from(n));
                activity.note(client, Some(&client.id), ip, now, Some(issued));
            }
        }
        for round in 0..2 {
            let again = round == 1;
            if again {
                for client in &clients {
                    activity.note(
                        client,
                        Some(&client.id),
                        IpAddr::V4(Ipv4Addr::LOCALHOST),
                        now,
                        None,
                    );
                }
            }
            let began = std::time::Instant::now();
            flush(&app).await;
            eprintln!("{}: {:?}", app.database, began.elapsed());
        }
    })
    .await;
}

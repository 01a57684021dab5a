//! Clocks that are wrong, and are put right again: what they must not do.

use std::{fs, path::Path, sync::Arc};

use tokio::sync::oneshot;

use super::{
    harness::{TestApp, TestClient, inactive, on_both, on_both_with},
    postgres,
};
use crate::{
    app,
    db::Db,
    jobs,
    live::Live,
    observe::Observer,
    server::Server,
    store::{self, clock_readings, revocations},
    time::Lifetime,
};

/// A token of a client that may look at it itself.
async fn token(app: &TestApp) -> (TestClient, String) {
    let client = app.service(&["workspace:read"]).await;
    let token = client.token(app).await;
    assert_eq!(app.introspect(&client, &token).await["active"], true);
    (client, token)
}

async fn revoke(app: &TestApp, client: &TestClient, token: &str) {
    let answer = app
        .post("/oauth2/revoke")
        .basic(client)
        .form(&[("token", token)])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn sweep(app: &TestApp) {
    jobs::sweep(&app.app.registry).await.expect("swept");
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    let row = app.db().read_one(sql, vec![]).await.expect("read");
    row.expect("a row").next().expect("a number")
}

const REVOKED: &str = "SELECT count(*) FROM revoked_tokens";

async fn unavailable(app: &TestApp, client: &TestClient, token: &str) {
    let form = [("token", token), ("grant_type", "client_credentials")];
    for path in ["/oauth2/introspect", "/oauth2/token", "/oauth2/revoke"] {
        let answer = app.post(path).basic(client).form(&form).await;
        answer.refused(503, "temporarily_unavailable");
    }
}

#[tokio::test]
async fn fx_61_a_lease_ends_after_its_length_whatever_the_wall_shows() {
    // By how much the clock is turned before the node looks at the log for the last time, and after it was cut off.
    for (before, after) in [(59, -59), (0, -3600), (59, -86_400), (0, 3600)] {
        on_both(async |app: TestApp| {
            if app.database == "sqlite" {
                return; // nobody else can change it, so memory is always right
            }
            let (client, token) = token(&app).await;
            app.clock.turn(Lifetime::seconds(before));
            app.app.registry.live.catch_up().await.expect("the storage works");
            app.app
                .registry
                .live
                .fresh()
                .await
                .expect("a minute is no reason");
            postgres::shut(app.settings()).await;
            app.clock.turn(Lifetime::seconds(after));
            app.clock.advance(Lifetime::seconds(31));
            unavailable(&app, &client, &token).await;
        })
        .await;
    }
}

#[tokio::test]
async fn fx_61_over_a_real_socket_a_node_that_was_cut_off_says_active_for_its_lease_only() {
    for turned in [Lifetime::hours(1), Lifetime::hours(-1)] {
        on_both_with(&[("listen", "127.0.0.1:0")], async |app: TestApp| {
            if app.database == "sqlite" {
                return; // nobody else can change it, so memory is always right
            }
            let (client, token) = token(&app).await;
            let config = &app.app.registry.config;
            let server = Server::bind(config).await.expect("a free port");
            let url = format!("http://{}/oauth2/introspect", server.address().expect("bound"));
            let (stop, stopped) = oneshot::channel::<()>();
            let router = app::router(&app.app, Observer::new(config));
            let task = tokio::spawn(server.run(router, async move { drop(stopped.await) }));
            let http = reqwest::Client::new();
            let ask = async || {
                let request = http.post(&url).basic_auth(&client.id, Some(&client.secret));
                let answer = request.form(&[("token", token.as_str())]).send().await;
                let answer = answer.expect("the server answers");
                (answer.status().as_u16(), answer.text().await.expect("a body"))
            };
            app.app.registry.live.catch_up().await.expect("the storage works");
            postgres::shut(app.settings()).await;
            app.clock.turn(turned);
            app.clock.turn(Lifetime::seconds(-turned.as_seconds()));
            let (status, text) = ask().await;
            assert!(
                status == 200 && text.contains("\"active\":true"),
                "{status} {text}"
            );
            app.clock.turn(turned);
            app.clock.advance(Lifetime::seconds(31));
            assert_eq!(ask().await.0, 503, "{turned:?}");
            app.clock.turn(Lifetime::seconds(-turned.as_seconds()));
            assert_eq!(ask().await.0, 503, "{turned:?} and back");
            drop((stop, http));
            task.await.expect("the server stops");
        })
        .await;
    }
}

#[test]
fn fx_61_one_file_asks_the_operating_system_for_the_time() {
    let mut asked = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let file = path.to_string_lossy().into_owned();
        let clocks = [
            "SystemTime::",
            "Instant::",
            "jiff::Timestamp::now",
            "Zoned::now",
            "clock_gettime",
        ];
        if clocks.iter().any(|clock| text.contains(clock)) && !file.contains("/tests") {
            asked.push(file);
        }
    }
    asked.sort();
    let known = [
        "/src/mail/message.rs", // writes a time down that it was given
        "/src/observe.rs",      // how long a request took, for the log
        "/src/server/flow.rs",  // deadlines of a connection, by the clock of its timers
        "/src/time.rs",
    ];
    let (found, all) = (asked.len(), asked.join("\n"));
    assert!(
        found == known.len() && asked.iter().zip(known).all(|(file, known)| file.ends_with(known)),
        "take the time from `Clock`, so that a test can turn it:\n{all}"
    );
}

#[tokio::test]
async fn fx_62_a_revocation_outlives_a_clock_that_is_ahead() {
    for ahead in [Lifetime::hours(2), Lifetime::days(30), Lifetime::days(4000)] {
        on_both(async |mut app: TestApp| {
            let (client, token) = token(&app).await;
            sweep(&app).await;
            revoke(&app, &client, &token).await;
            app.clock.turn(ahead);
            for restarted in [false, true] {
                if restarted && app.database == "sqlite" {
                    app = app.restart().await;
                }
                for _ in 0..3 {
                    sweep(&app).await;
                    app.clock.advance(Lifetime::seconds(65));
                }
            }
            app.clock.turn(Lifetime::seconds(-ahead.as_seconds()));
            assert_eq!(app.introspect(&client, &token).await, inactive());
            sweep(&app).await;
            let app = app.restart().await;
            assert_eq!(app.introspect(&client, &token).await, inactive());
        })
        .await;
    }
}

#[tokio::test]
async fn fx_62_a_clock_that_is_ahead_for_days_loses_nothing_that_counts_on_a_right_one() {
    on_both(async |app: TestApp| {
        if app.database == "postgresql" {
            return; // such a node does not sweep there
        }
        let (client, token) = token(&app).await;
        revoke(&app, &client, &token).await;
        // As it was made by a clock that is a day ahead.
        app.clock.turn(Lifetime::hours(24));
        let early = client.token(&app).await;
        revoke(&app, &client, &early).await;
        for _ in 0..20 {
            sweep(&app).await;
            app.clock.advance(Lifetime::hours(1));
        }
        app.clock.turn(Lifetime::hours(-24));
        for _ in 0..30 {
            for token in [&token, &early] {
                assert_eq!(app.introspect(&client, token).await, inactive());
            }
            sweep(&app).await;
            app.clock.advance(Lifetime::hours(1));
        }
    })
    .await;
}

#[tokio::test]
async fn fx_62_a_revocation_by_a_clock_that_is_ahead_is_written_down() {
    on_both(async |app: TestApp| {
        if app.database == "postgresql" {
            return; // such a node says 503
        }
        let (client, token) = token(&app).await;
        app.clock.turn(Lifetime::hours(2));
        revoke(&app, &client, &token).await;
        app.clock.turn(Lifetime::hours(-2));
        assert_eq!(app.introspect(&client, &token).await, inactive());
        let app = app.restart().await;
        assert_eq!(app.introspect(&client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn fx_62_another_node_that_is_ahead_takes_nothing_from_the_fleet() {
    on_both(async |app: TestApp| {
        if app.database == "sqlite" {
            return;
        }
        let other = app.another_machine().await;
        let (client, token) = token(&app).await;
        sweep(&app).await;
        revoke(&app, &client, &token).await;
        other.clock.turn(Lifetime::hours(2));
        // Even if it swept before it looked at the clock of the database.
        for _ in 0..40 {
            sweep(&other).await;
            app.clock.advance(Lifetime::hours(1));
        }
        app.app.registry.live.reload().await.expect("read");
        assert_eq!(app.introspect(&client, &token).await, inactive());
        let late = client.token(&app).await;
        revoke(&app, &client, &late).await;
        sweep(&other).await;
        app.app.registry.live.reload().await.expect("read");
        assert_eq!(app.introspect(&client, &late).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn fx_62_a_node_whose_clock_is_off_does_not_serve_until_it_is_right() {
    on_both(async |app: TestApp| {
        if app.database == "sqlite" {
            return; // there is no other clock
        }
        let (client, token) = token(&app).await;
        for by in [Lifetime::hours(2), Lifetime::seconds(-61)] {
            let other = app.another_machine().await;
            other.clock.turn(by);
            other
                .app
                .registry
                .live
                .catch_up()
                .await
                .expect("the storage works");
            unavailable(&other, &client, &token).await;
            for path in ["/health/ready", "/login", "/api/v1/orgs", "/oauth2/jwks"] {
                assert_eq!(other.get(path).send().await.status, 503, "{path}");
            }
            assert_eq!(other.get("/health/live").send().await.status, 200);
            other.clock.turn(Lifetime::seconds(-by.as_seconds()));
            other
                .app
                .registry
                .live
                .catch_up()
                .await
                .expect("the storage works");
            assert_eq!(other.introspect(&client, &token).await["active"], true);
            // The others never noticed.
            assert_eq!(app.introspect(&client, &token).await["active"], true);
        }
    })
    .await;
}

#[tokio::test]
async fn fx_62_a_node_whose_clock_is_off_does_not_start() {
    on_both(async |app: TestApp| {
        let clock = app.clock.of_another_machine();
        clock.turn(Lifetime::hours(-2));
        if app.database == "sqlite" {
            return; // there is no other clock
        }
        let db = Db::open(app.settings()).await.expect("there");
        let keyring = Arc::clone(&app.app.registry.keyring);
        let refused = Live::load(db, keyring, clock, true).await.err().expect("refused");
        let said = refused.to_string();
        assert!(
            said.contains("7200 seconds behind the clock of the database"),
            "{said}"
        );
    })
    .await;
}

#[tokio::test]
async fn fx_62_a_turn_is_noticed_where_there_is_no_other_clock() {
    on_both(async |app: TestApp| {
        let live = &app.app.registry.live;
        live.look_at_clocks().await.expect("the storage works");
        app.clock.advance(Lifetime::days(3));
        live.look_at_clocks().await.expect("the storage works");
        assert_eq!(live.clock_turned_by(), 0, "time passed, nobody turned anything");
        app.clock.turn(Lifetime::hours(-2));
        live.look_at_clocks().await.expect("the storage works");
        assert_eq!(live.clock_turned_by(), -7_200_000);
        assert_eq!(live.fresh().await.is_ok(), app.database == "sqlite");
    })
    .await;
}

#[tokio::test]
async fn fx_62_evidence_goes_in_the_end() {
    on_both(async |app: TestApp| {
        let soon = app.clock.now().after(Lifetime::minutes(1));
        let cut = revocations::add("cut", "oac_x", app.clock.now(), soon);
        app.db().write(cut.into()).await.expect("written");
        for hour in 0..100 {
            sweep(&app).await;
            app.clock.advance(Lifetime::hours(1));
            if hour < 25 {
                assert_eq!(count(&app, REVOKED).await, 1, "{hour}");
            }
        }
        assert_eq!(count(&app, REVOKED).await, 0);
        assert!(count(&app, "SELECT count(*) FROM clock_readings").await <= 28);
        assert!(app.app.registry.live.past().at() > soon);
    })
    .await;
}

#[tokio::test]
async fn fx_62_nobody_runs_while_the_server_is_down_and_nothing_is_lost_by_a_restart() {
    on_both(async |mut app: TestApp| {
        for _ in 0..3 {
            sweep(&app).await;
            app.clock.advance(Lifetime::hours(10));
        }
        let before = clock_readings::running(app.db()).await.expect("read");
        assert_eq!(before, 20 * 3_600_000);
        app.clock.advance(Lifetime::days(30));
        app = app.restart().await;
        sweep(&app).await;
        let after = clock_readings::running(app.db()).await.expect("read");
        assert_eq!(after, before);
        app.clock.advance(Lifetime::minutes(1));
        sweep(&app).await;
        let after = clock_readings::running(app.db()).await.expect("read");
        assert_eq!(after, before + 60_000);
    })
    .await;
}

#[tokio::test]
async fn fx_62_nodes_do_not_count_the_same_time_twice() {
    on_both(async |app: TestApp| {
        if app.database == "sqlite" {
            return;
        }
        let nodes = [app.another_machine().await, app.another_node().await, app];
        for _ in 0..10 {
            for node in &nodes {
                sweep(node).await;
                node.clock.advance(Lifetime::seconds(20));
            }
        }
        let running = clock_readings::running(nodes[0].db()).await.expect("read");
        assert!((240_000..=600_000).contains(&running), "{running}");
    })
    .await;
}

#[tokio::test]
async fn fx_62_the_log_is_not_shortened_by_a_clock_that_is_years_ahead() {
    on_both(async |app: TestApp| {
        if app.database == "postgresql" {
            return; // such a node does not sweep there
        }
        app.service(&["workspace:read"]).await;
        crate::registry::audit::seal::all(&app.app.registry)
            .await
            .expect("sealed");
        sweep(&app).await;
        let before = count(&app, "SELECT count(*) FROM audit_events").await;
        app.clock.turn(Lifetime::days(4000));
        for _ in 0..20 {
            sweep(&app).await;
            app.clock.advance(Lifetime::hours(1));
        }
        assert_eq!(count(&app, "SELECT count(*) FROM audit_events").await, before);
        assert!(
            store::organizations::first(app.db())
                .await
                .expect("read")
                .is_some()
        );
    })
    .await;
}

/// Whoever writes a new sweep takes a `Past`, or says here why a wrong clock does no harm.
#[test]
fn fx_62_what_is_swept_is_past_for_sure() {
    let harmless = [
        ("changes.rs", "forget"),        // whoever is further behind reads everything anew
        ("clock_readings.rs", "forget"), // by the time that programs ran
        ("consents.rs", "forget"),       // somebody takes it back
        ("idempotency.rs", "forget_secrets"), // a secret that is gone opens nothing
        ("tokens_out.rs", "forget"),     // counts, shown to people
        ("usage.rs", "forget_attempts"), // counts, shown to people
        ("usage.rs", "forget_counts"),
        ("usage.rs", "forget_secret_counts"),
        ("usage.rs", "forget_failures"),
        ("usage.rs", "forget_addresses"),
        ("webhooks.rs", "forget_old_secrets"), // a secret that is gone opens nothing
    ];
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut sure = 0;
    for entry in fs::read_dir(store).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split("pub fn ").skip(1) {
            let signature = rest.split('{').next().unwrap_or_default();
            let name = signature.split('(').next().unwrap_or_default();
            // A statement of a sweep is bounded.
            let sweeps = name.starts_with("forget") || bounded_delete(rest);
            if !sweeps || name.starts_with("trim_") || harmless.contains(&(file.as_str(), name)) {
                continue;
            }
            assert!(signature.contains(": Past"), "{file}: {name} goes by one clock");
            sure += 1;
        }
    }
    assert!(sure >= 14, "only {sure} were found");
}

/// Whether the next function deletes a part of what is old.
fn bounded_delete(rest: &str) -> bool {
    let body = rest.split("\npub ").next().unwrap_or_default();
    body.contains("DELETE FROM") && body.contains("LIMIT 1000")
}

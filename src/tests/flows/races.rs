//! Many at once at the token endpoint, and what happens in between: a code and a refresh token work for one.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use super::*;
use crate::{
    authorize::{
        Transaction,
        approve::{self, Approval, Word},
        request,
    },
    browser::Visitor,
    db::DbSettings,
    registry::{members, sessions},
    store::sessions::Session,
    tests::{
        browser::person,
        databases::{Database, provisioned},
    },
    time::Lifetime,
};

/// How many ask at once, and how often.
const PARALLEL: usize = 50;
const ROUNDS: usize = 200;

/// Each database in turn, with an application that tasks can share; nobody is throttled.
async fn apps() -> Vec<(Database, Arc<TestApp>)> {
    let mut apps = Vec::new();
    for database in provisioned().await {
        let flags = [("limits.requests_per_minute", "0")];
        let app = Arc::new(TestApp::start(&database, &flags).await);
        apps.push((database, app));
    }
    apps
}

/// What many got who asked at once.
struct Crowd {
    /// What the winners got.
    won: Vec<Json>,
    /// How often everything else was answered: status and error.
    lost: BTreeMap<(u16, String), usize>,
}

impl Crowd {
    async fn gather(mut asking: JoinSet<Answer>) -> Self {
        let (mut won, mut lost) = (Vec::new(), BTreeMap::new());
        while let Some(answer) = asking.join_next().await {
            let answer = answer.expect("no panic");
            if answer.status == 200 {
                won.push(answer.json());
            } else {
                assert!(answer.status != 503 || !answer.header("retry-after").is_empty());
                *lost.entry(answer.refusal()).or_default() += 1;
            }
        }
        Self { won, lost }
    }

    /// Everybody redeems the same code, each at one of the nodes.
    async fn redeem(nodes: &[Arc<TestApp>], rp: &Rp, code: &str) -> Self {
        let mut asking = JoinSet::new();
        for app in nodes.iter().cycle().take(PARALLEL) {
            let (app, rp, code) = (Arc::clone(app), rp.clone(), code.to_owned());
            asking.spawn(async move { rp.redeem(&app, &code, &[]).await });
        }
        Self::gather(asking).await
    }

    /// Everybody uses the same refresh token.
    async fn refresh(nodes: &[Arc<TestApp>], rp: &Rp, token: &str) -> Self {
        let mut asking = JoinSet::new();
        for app in nodes.iter().cycle().take(PARALLEL) {
            let (app, rp, token) = (Arc::clone(app), rp.clone(), token.to_owned());
            asking.spawn(async move { rp.refresh(&app, &token, &[]).await });
        }
        Self::gather(asking).await
    }

    /// Asserts that one got tokens and all others were told `invalid_grant`.
    #[track_caller]
    fn one_won(&self, about: &str) -> &Json {
        assert_eq!(self.won.len(), 1, "{about}: {:?}", self.lost);
        let all_others = BTreeMap::from([((400, "invalid_grant".to_owned()), PARALLEL - 1)]);
        assert_eq!(self.lost, all_others, "{about}");
        &self.won[0]
    }
}

/// A web client whose refresh tokens come without `openid`, and somebody who signs in.
const SCOPE: [(&str, &str); 1] = [("scope", "workspace:read")];

/// Redeems many codes, many times each; the replays end what the winner got.
async fn race_for_codes(nodes: &[Arc<TestApp>], rounds: usize) {
    let app = &nodes[0];
    let (rp, browser) = (Rp::web(app).await, alice(app).await);
    let mut last = None;
    for node in nodes {
        node.app.registry.live.catch_up().await.expect("caught up");
    }
    for round in 0..rounds {
        let code = rp.code(&browser, &SCOPE).await;
        let crowd = Crowd::redeem(nodes, &rp, &code).await;
        let won = crowd.one_won(&format!("{}, {round}", app.database));
        // RFC 6749 §4.1.2: the others replayed it.
        for app in nodes {
            app.app.registry.live.catch_up().await.expect("caught up");
            assert!(!is_active(app, &rp, &text(won, "access_token")).await, "{round}");
        }
        last = Some(text(won, "refresh_token"));
    }
    let refreshed = rp.refresh(app, &last.expect("a round"), &[]).await;
    refreshed.refused(400, "invalid_grant");
}

/// Uses many refresh tokens, many times each: all get the same successor, which works.
async fn race_for_refresh_tokens(nodes: &[Arc<TestApp>], rounds: usize) {
    let app = &nodes[0];
    let (rp, browser) = (Rp::web(app).await, alice(app).await);
    let mut token = text(&rp.tokens(app, &browser, &SCOPE).await, "refresh_token");
    for node in nodes {
        node.app.registry.live.catch_up().await.expect("caught up");
    }
    for round in 0..rounds {
        let about = format!("{}, {round}", app.database);
        let crowd = Crowd::refresh(nodes, &rp, &token).await;
        assert_eq!(crowd.lost, BTreeMap::new(), "{about}");
        let next = text(&crowd.won[0], "refresh_token");
        assert!(
            crowd.won.iter().all(|won| text(won, "refresh_token") == next),
            "{about}"
        );
        token = next;
    }
    let grants = store::grants::of_client(app.db(), &rp.client.id, 1, app.clock.now(), 10).await;
    let counters: Vec<i64> = grants
        .expect("read")
        .iter()
        .map(|grant| grant.refresh_counter)
        .collect();
    assert_eq!(
        counters,
        [i64::try_from(rounds).expect("few") + 1],
        "one family, one head"
    );
    // Ten seconds later they are replays.
    app.clock.advance(Lifetime::seconds(11));
    let newest = rp.refresh(app, &token, &[]).await.json();
    app.clock.advance(Lifetime::seconds(11));
    let crowd = Crowd::refresh(nodes, &rp, &token).await;
    assert!(crowd.won.is_empty());
    assert_eq!(
        crowd.lost,
        BTreeMap::from([((400, "invalid_grant".to_owned()), PARALLEL)])
    );
    let newest = text(&newest, "access_token");
    assert!(!is_active(app, &rp, &newest).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fd_01_b_057_fifty_redeem_a_code_and_one_gets_tokens() {
    for (_database, app) in apps().await {
        race_for_codes(&[app], ROUNDS).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fd_02_b_058_fifty_refresh_and_the_family_has_one_head() {
    for (_database, app) in apps().await {
        race_for_refresh_tokens(&[app], ROUNDS).await;
    }
}

// PostgreSQL under two nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_059_races_between_two_nodes_are_no_errors() {
    let (_database, app) = apps().await.pop().expect("PostgreSQL");
    assert_eq!(app.database, "postgresql");
    let nodes = [Arc::clone(&app), Arc::new(app.another_node().await)];
    race_for_codes(&nodes, 20).await;
    let (_database, app) = apps().await.pop().expect("PostgreSQL");
    let nodes = [Arc::clone(&app), Arc::new(app.another_node().await)];
    race_for_refresh_tokens(&nodes, 20).await;
}

// FD-04: the second comes while the first is being answered, in whatever order they are written.
#[tokio::test]
async fn fd_04_a_replay_during_the_answer_ends_what_it_gave() {
    for (_database, app) in apps().await {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        for round in 0..30 {
            let code = rp.code(&browser, &SCOPE).await;
            let (one, other) = tokio::join!(rp.redeem(&app, &code, &[]), rp.redeem(&app, &code, &[]));
            let (won, lost) = if one.status == 200 {
                (one, other)
            } else {
                (other, one)
            };
            assert_eq!(won.status, 200, "{round}: {}", won.text());
            lost.refused(400, "invalid_grant");
            assert!(
                !is_active(&app, &rp, &text(&won.json(), "access_token")).await,
                "{round}"
            );
            let token = text(&won.json(), "refresh_token");
            rp.refresh(&app, &token, &[]).await.refused(400, "invalid_grant");
            // Who lacks the verifier replays nothing.
            let code = rp.code(&browser, &SCOPE).await;
            let wrong = [("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx")];
            let (won, lost) = tokio::join!(rp.redeem(&app, &code, &[]), rp.redeem(&app, &code, &wrong));
            lost.refused(400, "invalid_grant");
            assert!(
                is_active(&app, &rp, &text(&won.json(), "access_token")).await,
                "{round}"
            );
        }
    }
}

/// What may end while somebody gets his code.
const ENDS: [&str; 4] = ["membership", "account", "consent", "session"];

/// Takes something away from Alice.
async fn take_away(app: &TestApp, what: &str, user_id: &str, client_id: &str, session: &str) {
    match what {
        "membership" => members::remove(&app.app.registry, &app.owner(), user_id)
            .await
            .expect("removed"),
        "account" => deactivate(app, user_id).await,
        "consent" => {
            let consent = store::consents::forget(user_id, client_id);
            end(app, Which::Consent(user_id, client_id), user_id, consent.into()).await;
        }
        _ => {
            let sql = "DELETE FROM sessions WHERE id = $1";
            let gone = Statement::new(sql, vec![session.into()]);
            end(app, Which::Session(session), user_id, gone.into()).await;
        }
    }
}

async fn session(app: &TestApp, browser: &Browser<'_>) -> (Session, User) {
    let cookie = browser.session().expect("signed in");
    let session = sessions::find(&app.app.registry, &cookie).await;
    session.expect("read").expect("alive")
}

// Each end comes after the request was judged and before its code is written.
#[tokio::test]
async fn what_ended_before_the_code_was_written_is_noticed() {
    on_both(async |app| {
        let rp = Rp::of(&app, asking(&["openid"])).await;
        let registry = &app.app.registry;
        for (what, error) in ENDS.iter().zip([
            "access_denied",
            "access_denied",
            "consent_required",
            "login_required",
        ]) {
            let browser = Browser::of(&app, what, Role::Member).await;
            let scope = [("scope", "openid")];
            let page = rp.authorize(&browser, &scope).await;
            assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
            let (session, user) = session(&app, &browser).await;
            let (user_id, session_id) = (user.id.clone(), session.id.clone());
            let csrf = String::new();
            let visitor = Visitor { session, user, csrf };
            let url = rp.url(&scope);
            let opened = request::open(registry, url.split_once('?').expect("a query").1).ok();
            let opened = opened.expect("a good request");
            let transaction = Transaction::begin(registry, String::new());
            take_away(&app, what, &user_id, &rp.client.id, &session_id).await;
            let approval = Approval {
                opened: &opened,
                visitor: &visitor,
                scopes: opened.scopes.clone(),
                word: Word::Remembered,
                transaction: &transaction,
            };
            let refused = approve::answer(registry, &app.owner().actor, &approval, app.clock.now()).await;
            let refused = refused.map(drop).expect_err(what);
            assert_eq!(refused.refusal().map(|r| r.code.name()), Some(error), "{what}");
        }
    })
    .await;
}

// Each end comes at the same time as a request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_grant_slips_past_what_ends_it() {
    for (_database, app) in apps().await {
        let rp = Rp::of(&app, asking(&["openid"])).await;
        for (number, what) in ENDS.iter().enumerate().cycle().take(40) {
            // Sign-ins from one address are limited by the minute.
            app.clock.advance(Lifetime::minutes(1));
            let name = format!("alice{number}{}", app.app.registry.id());
            let person = person(&app, &name, Some(Role::Member)).await;
            let browser = Browser::new(&app);
            browser.sign_in(&name).await;
            let scope = [("scope", "openid")];
            let page = rp.authorize(&browser, &scope).await;
            assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
            let (session, _) = session(&app, &browser).await;
            let url = rp.url(&scope);
            let ending = take_away(&app, what, &person.id, &rp.client.id, &session.id);
            let (answer, ()) = tokio::join!(follow(&browser, &url), ending);
            let left = store::grants::of_user(app.db(), &person.id, app.clock.now()).await;
            assert_eq!(left.expect("read").len(), 0, "{}, {what}", app.database);
            if let Some(code) = param(&answer, "code") {
                rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
            }
        }
    }
}

/// Sets something for the database of the application, and ends its connections so that all of them have it.
async fn configure(app: &TestApp, settings: &[&str]) {
    for setting in settings {
        let sql = format!(
            "DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET {setting}'', current_database()); END'"
        );
        let set = app.db().write(Statement::new(sql, vec![]).into()).await;
        set.expect("a setting");
    }
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()";
    assert!(app.db().read(all, vec![]).await.is_err());
    // The pool notices one dead connection after the other.
    for _ in 0..20 {
        drop(app.db().ping().await);
    }
}

// PostgreSQL gives up statements and transactions: they are tried again, or the client is told to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fd_09_what_the_database_gives_up_is_tried_again_or_said() {
    let (_database, app) = apps().await.pop().expect("PostgreSQL");
    let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
    let mut pending = Vec::new();
    for _ in 0..12 {
        pending.push(rp.code(&browser, &SCOPE).await);
    }
    let mut token = text(&rp.tokens(&app, &browser, &SCOPE).await, "refresh_token");
    let locked = pending.pop().expect("a code");
    let serializable = "default_transaction_isolation = serializable";
    configure(&app, &[serializable, "statement_timeout = 50"]).await;
    let unavailable = (503, "temporarily_unavailable".to_owned());
    let replayed = (400, "invalid_grant".to_owned());
    for code in pending {
        let crowd = Crowd::redeem(&[Arc::clone(&app)], &rp, &code).await;
        assert!(crowd.won.len() <= 1, "{:?}", crowd.lost);
        assert!(
            crowd
                .lost
                .keys()
                .all(|told| [&unavailable, &replayed].contains(&told)),
            "{:?}",
            crowd.lost
        );
    }
    for _ in 0..10 {
        let crowd = Crowd::refresh(&[Arc::clone(&app)], &rp, &token).await;
        assert!(
            crowd.lost.keys().all(|told| *told == unavailable),
            "{:?}",
            crowd.lost
        );
        let next = crowd.won.first().map(|won| text(won, "refresh_token"));
        assert!(
            crowd
                .won
                .iter()
                .all(|won| Some(text(won, "refresh_token")) == next)
        );
        token = next.unwrap_or(token);
    }
    // Somebody holds the table: what could not be written is not answered, and works later.
    let DbSettings::Postgres { url, .. } = app.settings() else {
        panic!("PostgreSQL");
    };
    let (holder, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("it answers");
    let driving = tokio::spawn(connection);
    holder
        .batch_execute("BEGIN; LOCK TABLE grants IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("locked");
    for _ in 0..2 {
        let answer = rp.redeem(&app, &locked, &[]).await;
        answer.refused(503, "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    holder.batch_execute("ROLLBACK").await.expect("given back");
    drop(holder);
    drop(driving.await);
    configure(&app, &["statement_timeout = 0"]).await;
    assert_eq!(rp.redeem(&app, &locked, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_from_many_sides_is_one_event() {
    for (_database, app) in apps().await {
        let nodes = [Arc::clone(&app)];
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &SCOPE).await;
        let crowd = Crowd::redeem(&nodes, &rp, &code).await;
        let won = crowd.one_won(app.database);
        assert!(!is_active(&app, &rp, &text(won, "access_token")).await);
        let sql = "SELECT id FROM audit_events WHERE action = 'grant.revoked'";
        let events = app.db().read(sql, vec![]).await.expect("read");
        assert_eq!(events.len(), 1, "{}", app.database);
    }
}

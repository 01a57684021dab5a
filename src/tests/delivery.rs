//! A share for each organisation and host: what hangs holds up nobody else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    flows::web_app,
    harness::{TestApp, on_both},
};
use crate::{
    backchannel::SignOuts,
    db::Statement,
    delivery::{Engine, Outcome},
    oauth::people_settings::PeopleSettings,
    registry::{
        Resource,
        audit::seal,
        client_input::Draft,
        webhooks::{self as registry_webhooks, NewWebhook},
    },
    store::{
        self,
        organizations::Organization,
        webhook_deliveries::{self as kept, Delivery, State},
    },
    time::Lifetime,
    webhooks::Messages,
};

/// What a host does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    /// Nothing, for as long as it is so.
    Hangs,
    HangsUp,
}

/// Somebody's server on this machine.
struct Host {
    url: String,
    manner: watch::Sender<Manner>,
    /// How many requests came.
    came: Arc<AtomicUsize>,
    /// How many are there now, and were at most.
    there: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Host {
    async fn start(manner: Manner) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", socket.local_addr().expect("an address"));
        let (manner, told) = watch::channel(manner);
        let (came, there) = (Arc::default(), Arc::default());
        let counts = (Arc::clone(&came), Arc::clone(&there));
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(meet(stream, told.clone(), counts.clone()));
            }
        });
        Self {
            url,
            manner,
            came,
            there,
        }
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    fn at_most(&self) -> usize {
        self.there.1.load(Ordering::SeqCst)
    }

    /// Waits until so many requests came.
    async fn has_met(&self, count: usize) {
        while self.came() < count {
            tokio::task::yield_now().await;
        }
    }
}

type Counts = (Arc<AtomicUsize>, Arc<(AtomicUsize, AtomicUsize)>);

async fn meet(mut stream: TcpStream, mut manner: watch::Receiver<Manner>, (came, there): Counts) {
    let mut part = [0; 4096];
    let _ = stream.read(&mut part).await;
    let now = there.0.fetch_add(1, Ordering::SeqCst) + 1;
    there.1.fetch_max(now, Ordering::SeqCst);
    came.fetch_add(1, Ordering::SeqCst);
    tokio::select! {
        _ = manner.wait_for(|manner| *manner != Manner::Hangs) => {}
        _ = stream.read(&mut part) => {}
    }
    if *manner.borrow() == Manner::Answers {
        let _ = stream
            .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            .await;
    }
    there.0.fetch_sub(1, Ordering::SeqCst);
}

async fn hook(app: &TestApp, org: &Organization, url: &str) -> String {
    let new = NewWebhook {
        url: url.to_owned(),
        description: "Monitoring".to_owned(),
        events: vec!["client.created".to_owned()],
        active: true,
    };
    let made = registry_webhooks::create(&app.app.registry, &app.owner_of(org), new).await;
    made.expect("made").webhook.id
}

/// Something that webhooks are told of, sealed.
async fn events(app: &TestApp, org: &Organization, count: usize) {
    let registry = &app.app.registry;
    for _ in 0..count {
        let resource = Resource {
            kind: "client",
            id: "oac_x",
            name: "x",
        };
        let actor = app.owner_of(org).actor;
        let event = registry.event(&actor, &org.id, "client.created", resource, json!({}));
        let append = store::audit::append(&event);
        app.db().write(append.into()).await.expect("written");
    }
    seal::all(registry).await.expect("the storage works");
}

async fn settled(app: &TestApp) {
    seal::all(&app.app.registry).await.expect("the storage works");
    app.clock.advance(Lifetime::seconds(1));
}

async fn messages(app: &TestApp, hook: &str) -> Vec<Delivery> {
    let found = kept::list(app.db(), hook, None, None, 1000).await;
    found.expect("read")
}

#[tokio::test]
async fn fx_09_webhooks_that_never_answer_hold_up_nobody_else() {
    on_both(async |app| {
        let (mine, other) = (app.org.clone(), app.organization("globex").await);
        settled(&app).await;
        let mut dead = Vec::new();
        for _ in 0..17 {
            let host = Host::start(Manner::Hangs).await;
            hook(&app, &mine, &host.url).await;
            dead.push(host);
        }
        let good = Host::start(Manner::Answers).await;
        hook(&app, &other, &good.url).await;
        events(&app, &mine, 1).await;
        // What the other organisation tells is due last.
        app.clock.advance(Lifetime::seconds(1));
        events(&app, &other, 1).await;
        let mut engine = Engine::new(&app.app, Messages);
        engine.fill().await.expect("the storage works");
        let first = engine.ended().await.expect("something is on its way");
        assert_eq!(first.expect("the storage works"), Outcome::Answered);
        let tried: usize = dead.iter().map(Host::came).sum();
        assert!(tried <= 4, "{tried} at once");
        assert_eq!(good.came(), 1);
        // What is on its way makes room one by one, and nobody is forgotten.
        for host in &dead {
            host.manner.send_replace(Manner::Answers);
        }
        engine.drain().await.expect("the storage works");
        assert!(dead.iter().all(|host| host.came() == 1));
    })
    .await;
}

#[tokio::test]
async fn fx_09_sign_outs_that_nobody_takes_hold_up_nobody_else() {
    on_both(async |app| {
        let (mine, other) = (app.org.clone(), app.organization("globex").await);
        let (dead, good) = (
            Host::start(Manner::Hangs).await,
            Host::start(Manner::Answers).await,
        );
        let to = async |org: &Organization, url: &str, number: usize| {
            let people = PeopleSettings {
                backchannel_logout_uri: Some(url.to_owned()),
                ..PeopleSettings::default()
            };
            let draft = Draft {
                people,
                ..web_app(&["openid"])
            };
            let client = app.client(org, draft).await;
            let queue = Statement::new(
                "INSERT INTO logout_deliveries (id, client_id, subject, session_id, created_at, next_try_at, tries) \
                 VALUES ($1, $2, 'usr_x', 'ses_x', $3, $3, 0)",
                vec![
                    format!("out_{number}").into(),
                    client.id.into(),
                    app.clock.now().into(),
                ],
            );
            app.db().write(queue.into()).await.expect("written");
        };
        for number in 0..20 {
            to(&mine, &dead.url, number).await;
        }
        app.clock.advance(Lifetime::seconds(1));
        to(&other, &good.url, 20).await;
        let mut engine = Engine::new(&app.app, SignOuts);
        engine.fill().await.expect("the storage works");
        let first = engine.ended().await.expect("something is on its way");
        assert_eq!(first.expect("the storage works"), Outcome::Answered);
        assert_eq!(good.came(), 1);
        dead.manner.send_replace(Manner::Answers);
        assert_eq!(engine.drain().await.expect("the storage works"), 20);
        assert!(dead.at_most() <= 4, "{} at once", dead.at_most());
        let left = app.db().read_one("SELECT count(*) FROM logout_deliveries", vec![]);
        let left = left.await.expect("read").expect("a row").next::<i64>();
        assert_eq!(left.expect("a number"), 0);
    })
    .await;
}

#[tokio::test]
async fn fx_09_a_silent_host_is_left_alone_and_its_messages_keep_their_tries() {
    on_both(async |app| {
        settled(&app).await;
        let host = Host::start(Manner::HangsUp).await;
        let hook = hook(&app, &app.org, &host.url).await;
        events(&app, &app.org, 10).await;
        let mut engine = Engine::new(&app.app, Messages);
        assert_eq!(engine.drain().await.expect("the storage works"), 4);
        let tries = async || {
            let mut tries: Vec<i64> = messages(&app, &hook).await.iter().map(|m| m.tries).collect();
            tries.sort_unstable();
            tries
        };
        assert_eq!(tries().await, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(engine.drain().await.expect("the storage works"), 0);
        // One message asks whether it is back.
        app.clock.advance(Lifetime::seconds(30));
        assert_eq!(engine.drain().await.expect("the storage works"), 1);
        app.clock.advance(Lifetime::seconds(30));
        assert_eq!(
            engine.drain().await.expect("the storage works"),
            0,
            "it waits longer now"
        );
        app.clock.advance(Lifetime::minutes(1));
        host.manner.send_replace(Manner::Answers);
        assert_eq!(engine.drain().await.expect("the storage works"), 10);
        let all = messages(&app, &hook).await;
        assert!(all.iter().all(|message| message.state == State::Delivered));
    })
    .await;
}

#[tokio::test]
async fn fx_09_a_turn_does_not_ask_more_where_there_are_more_organisations() {
    on_both(async |app| {
        let host = Host::start(Manner::Hangs).await;
        let mut asked = Vec::new();
        for round in 0..2 {
            settled(&app).await;
            for number in 0..6 {
                let org = app.organization(&format!("org-{round}-{number}")).await;
                hook(&app, &org, &host.url).await;
                events(&app, &org, 1).await;
            }
            let mut engine = Engine::new(&app.app, Messages);
            engine.fill().await.expect("the storage works");
            // All that may are on their way to the one host; the others wait.
            host.has_met(4 * (round + 1)).await;
            let before = app.db().statements();
            engine.look_again();
            engine.fill().await.expect("the storage works");
            asked.push(app.db().statements() - before);
            assert_eq!(host.came(), 4 * (round + 1));
            drop(engine);
            // The claims of the one that is gone run out.
            app.clock.advance(Lifetime::minutes(2));
        }
        assert_eq!(asked[0], asked[1]);
        assert!(asked[0] <= 4, "{asked:?}");
    })
    .await;
}

#[tokio::test]
async fn fx_09_what_a_node_had_claimed_when_it_died_goes_out_again() {
    on_both(async |app| {
        settled(&app).await;
        let host = Host::start(Manner::Hangs).await;
        let hook = hook(&app, &app.org, &host.url).await;
        events(&app, &app.org, 1).await;
        let mut engine = Engine::new(&app.app, Messages);
        engine.fill().await.expect("the storage works");
        host.has_met(1).await;
        drop(engine);
        host.manner.send_replace(Manner::Answers);
        let mut engine = Engine::new(&app.app, Messages);
        assert_eq!(
            engine.drain().await.expect("the storage works"),
            0,
            "still claimed"
        );
        app.clock.advance(Lifetime::minutes(1));
        assert_eq!(engine.drain().await.expect("the storage works"), 1);
        assert_eq!(messages(&app, &hook).await[0].state, State::Delivered);
    })
    .await;
}

#[tokio::test]
async fn fx_09_a_stop_lets_what_is_on_its_way_arrive() {
    on_both(async |app| {
        settled(&app).await;
        let host = Host::start(Manner::Hangs).await;
        let hook = hook(&app, &app.org, &host.url).await;
        events(&app, &app.org, 1).await;
        let (stop, stopping) = watch::channel(false);
        let running = tokio::spawn(Engine::new(&app.app, Messages).run(stopping));
        host.has_met(1).await;
        stop.send_replace(true);
        host.manner.send_replace(Manner::Answers);
        running.await.expect("an end");
        assert_eq!(messages(&app, &hook).await[0].state, State::Delivered);
    })
    .await;
}

//! What arrives, what does not, and when it is tried again.

use serde_json::json;

use super::*;
use crate::{
    db::{Statement, WriteError},
    registry::{
        clients,
        secrets::{self, OldSecret, Rotation},
        webhooks::Edit,
    },
    store::{self, audit::Filter, users::Role},
    tests::{
        browser::Browser,
        flows::{Rp, say, web_app},
        harness::on_both,
    },
    webhooks::{HOPE, PATIENCE},
};

#[tokio::test]
async fn a_receiver_is_told_of_a_client_with_a_signature_that_holds() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.*"]).await;
        let client = app.service(&["workspace:read"]).await;
        assert_eq!(told(&app).await, 1);
        let heard = receiver.heard();
        let [message] = heard.as_slice() else {
            panic!("{heard:?}")
        };
        assert!(message.is_signed_by(&secret(&made)));
        assert!(!message.is_signed_by(&format!("whsec_{}", BASE64_STANDARD.encode([7; 32]))));
        assert_eq!(message.header("content-type"), "application/json");
        assert!(message.header("webhook-id").starts_with("msg_"));
        let now = app.clock.now();
        assert_eq!(message.header("webhook-timestamp"), now.seconds().to_string());
        let body = message.json();
        assert_eq!(
            (&body["type"], &body["timestamp"]),
            (&json!("client.created"), &json!(now))
        );
        assert_eq!(body["data"]["resource"]["id"], client.id);
        assert_eq!(body["data"]["actor"]["name"], "Olivia");
        // The receiver is a witness: it knows the place and the hash of the entry.
        let entry = store::audit::find(app.db(), &app.org.id, body["data"]["id"].as_str().expect("an id"))
            .await
            .expect("read")
            .expect("there");
        assert_eq!(body["data"], crate::registry::audit::record(&entry));
        assert!(body["data"]["seq"].is_i64() && body["data"]["hash"].is_string());
        assert!(!message.body.contains(&client.secret));
        // It arrived: nothing comes twice.
        assert_eq!(later(&app, Lifetime::days(2)).await, 0);
        let all = messages(&app, &made, None).await;
        assert_eq!(
            (all.len(), all[0].state, all[0].last_status),
            (1, State::Delivered, Some(204))
        );
    })
    .await;
}

#[tokio::test]
async fn only_what_was_asked_for_what_was_done_and_what_came_after_is_told() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let before = app.service(&["workspace:read"]).await;
        hook(&app, &receiver.url, &["secret.rotated"]).await;
        told(&app).await;
        assert!(
            receiver.kinds().is_empty(),
            "what came before is none of its business"
        );
        let rotation = Rotation {
            old: OldSecret::EndsNow,
            ..Rotation::default()
        };
        before.rotated(&app, rotation).await;
        app.service(&["workspace:read"]).await;
        clients::disable(&app.app.registry, &app.owner(), "oa_admin_client", None, None)
            .await
            .expect_err("a system client stays");
        told(&app).await;
        assert_eq!(receiver.kinds(), ["secret.rotated"]);
        let everything = Receiver::start().await;
        hook(&app, &everything.url, &["*"]).await;
        clients::disable(&app.app.registry, &app.owner(), "oa_admin_client", None, None)
            .await
            .expect_err("a system client stays");
        told(&app).await;
        assert_eq!(
            everything.kinds(),
            ["webhook.created"],
            "a refusal is nothing that was done"
        );
    })
    .await;
}

#[tokio::test]
async fn an_action_that_nobody_thought_of_is_told_as_well() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        hook(&app, &receiver.url, &["secret.*", "credential.*"]).await;
        for action in ["secret.expiring", "credential.claimed", "secretary.hired"] {
            let resource = crate::registry::Resource {
                kind: "client",
                id: "oac_x",
                name: "x",
            };
            let event = app
                .app
                .registry
                .event(&app.owner().actor, &app.org.id, action, resource, json!({}));
            app.db()
                .write(store::audit::append(&event).into())
                .await
                .expect("written");
        }
        told(&app).await;
        assert_eq!(receiver.kinds(), ["secret.expiring", "credential.claimed"]);
    })
    .await;
}

#[tokio::test]
async fn an_organisation_hears_what_its_people_allow_an_app_refuse_and_take_back() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        hook(&app, &receiver.url, &["consent.*"]).await;
        let rp = Rp::of(
            &app,
            crate::registry::client_input::Draft {
                require_consent: true,
                ..web_app(&["workspace:read"])
            },
        )
        .await;
        let browser = Browser::of(&app, "alice", Role::Member).await;
        let scope = [("scope", "workspace:read")];
        let page = rp.authorize(&browser, &scope).await;
        let denied = say(&browser, &page, "deny", &[]).await;
        assert!(
            denied.header("location").contains("error=access_denied"),
            "{}",
            denied.text()
        );
        let page = rp.authorize(&browser, &scope).await;
        let allowed = say(&browser, &page, "allow", &["workspace:read"]).await;
        assert!(allowed.header("location").contains("code="), "{}", allowed.text());
        let removed = browser.submit(&format!("/me/apps/{}", rp.client.id), &[]).await;
        assert_eq!(removed.status, 303, "{}", removed.text());
        told(&app).await;
        assert_eq!(
            receiver.kinds(),
            ["consent.denied", "consent.given", "consent.withdrawn"]
        );
    })
    .await;
}

#[tokio::test]
async fn what_does_not_arrive_is_tried_again_with_growing_pauses_and_then_given_up() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        receiver.answers(503);
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        app.service(&["workspace:read"]).await;
        assert_eq!(told(&app).await, 1);
        let mut ids = vec![receiver.heard()[0].header("webhook-id").to_owned()];
        let mut timestamps = Vec::new();
        for pause in PATIENCE {
            assert_eq!(
                later(&app, Lifetime::seconds(pause.as_seconds() - 1)).await,
                0,
                "{pause:?}"
            );
            // At most a fifth more.
            assert_eq!(
                later(&app, Lifetime::seconds(1 + pause.as_seconds() / 5)).await,
                1,
                "{pause:?}"
            );
            let heard = receiver.heard();
            ids.push(heard[0].header("webhook-id").to_owned());
            timestamps.push(heard[0].header("webhook-timestamp").to_owned());
            assert!(heard[0].is_signed_by(&secret(&made)));
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "a message keeps its id");
        timestamps.dedup();
        assert_eq!(timestamps.len(), PATIENCE.len(), "and has the time of the try");
        let dead = messages(&app, &made, Some(State::Dead)).await;
        assert_eq!((dead.len(), dead[0].tries), (1, 9));
        assert_eq!(
            (dead[0].last_status, dead[0].last_error.as_deref()),
            (Some(503), Some("it answered 503"))
        );
        assert_eq!(later(&app, Lifetime::days(3)).await, 0);
        // Sent again by hand it arrives, under the id that it had.
        receiver.answers(200);
        let registry = &app.app.registry;
        let again = registry_webhooks::redeliver(registry, &app.owner(), &made.webhook.id, &dead[0].id).await;
        assert_eq!(again.expect("queued").state, State::Waiting);
        assert_eq!(told(&app).await, 1);
        assert_eq!(receiver.heard()[0].header("webhook-id"), dead[0].id);
        let hook = store::webhooks::find_any(app.db(), &made.webhook.id)
            .await
            .expect("read");
        assert_eq!(hook.expect("there").failing_since, None);
    })
    .await;
}

#[tokio::test]
async fn a_message_on_its_way_is_not_sent_again_by_hand() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        receiver.answers(500);
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        app.service(&["workspace:read"]).await;
        told(&app).await;
        let waiting = messages(&app, &made, Some(State::Waiting)).await;
        let registry = &app.app.registry;
        let refused =
            registry_webhooks::redeliver(registry, &app.owner(), &made.webhook.id, &waiting[0].id).await;
        assert_eq!(
            refused.expect_err("it waits").refusal().map(|r| r.reason),
            Some("webhook.waiting")
        );
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_or_hangs_does_not_hold_up_the_others() {
    on_both(async |app| {
        // A socket that takes connections and never answers.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let silent_url = format!("http://{}/", silent.local_addr().expect("an address"));
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let gone_url = format!("http://{}/", gone.local_addr().expect("an address"));
        drop(gone);
        let receiver = Receiver::start().await;
        let (hangs, absent) = (
            hook(&app, &silent_url, &["client.created"]).await,
            hook(&app, &gone_url, &["client.created"]).await,
        );
        hook(&app, &receiver.url, &["client.created"]).await;
        app.service(&["workspace:read"]).await;
        assert_eq!(told(&app).await, 3);
        assert_eq!(receiver.kinds(), ["client.created"]);
        for (made, why) in [(&hangs, "within five seconds"), (&absent, "refused")] {
            let waiting = messages(&app, made, Some(State::Waiting)).await;
            let error = waiting[0].last_error.clone().expect("why");
            assert!(
                error.to_lowercase().contains(why) && waiting[0].last_status.is_none(),
                "{error}"
            );
        }
        drop(silent);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_where_nothing_arrives_for_days_is_switched_off() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        receiver.answers(500);
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        let mut days = 0;
        let hook = async || {
            let found = store::webhooks::find_any(app.db(), &made.webhook.id)
                .await
                .expect("read");
            found.expect("there")
        };
        while hook().await.active {
            app.service(&["workspace:read"]).await;
            later(&app, Lifetime::hours(12)).await;
            days += 1;
            assert!(days < 30, "it is never switched off");
        }
        let off = hook().await;
        assert!(
            off.failing_since
                .is_some_and(|since| since <= app.clock.now().before(HOPE))
        );
        assert!(off.disabled_why.is_some());
        let filter = Filter {
            action: Some("webhook.disabled".to_owned()),
            ..Filter::default()
        };
        let events = store::audit::list(app.db(), &app.org.id, &filter, 10)
            .await
            .expect("read");
        assert_eq!((events.len(), events[0].actor_kind.as_str()), (1, "system"));
        // What waits stays; nothing new comes.
        let waiting = messages(&app, &made, Some(State::Waiting)).await.len();
        receiver.heard();
        app.service(&["workspace:read"]).await;
        assert_eq!(later(&app, Lifetime::hours(12)).await, 0);
        assert_eq!(messages(&app, &made, Some(State::Waiting)).await.len(), waiting);
        // Switched on again it begins anew.
        receiver.answers(200);
        let edit = Edit {
            active: Some(true),
            ..Edit::default()
        };
        let on = registry_webhooks::edit(&app.app.registry, &app.owner(), &made.webhook.id, None, edit).await;
        let on = on.expect("saved");
        assert!(on.active && on.failing_since.is_none() && on.disabled_why.is_none());
        let tried = told(&app).await + later(&app, Lifetime::days(2)).await;
        assert_eq!((tried, waiting > 0), (waiting, true));
        assert!(messages(&app, &made, Some(State::Waiting)).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_says_it_is_gone_is_believed() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        receiver.answers(410);
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        app.service(&["workspace:read"]).await;
        told(&app).await;
        let hook = store::webhooks::find_any(app.db(), &made.webhook.id)
            .await
            .expect("read")
            .expect("there");
        assert!(!hook.active && hook.disabled_why.is_some_and(|why| why.contains("410")));
    })
    .await;
}

#[tokio::test]
async fn two_secrets_sign_until_the_old_one_ends() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        let registry = &app.app.registry;
        let (id, first) = (made.webhook.id.clone(), secret(&made));
        let rotate = async |overlap| registry_webhooks::rotate(registry, &app.owner(), &id, overlap).await;
        let second = secret(&rotate(Lifetime::hours(1)).await.expect("rotated"));
        let one = async || {
            app.service(&["workspace:read"]).await;
            told(&app).await;
            receiver.heard().pop().expect("told")
        };
        let both = one().await;
        assert!(both.is_signed_by(&first) && both.is_signed_by(&second));
        let refused = rotate(Lifetime::hours(1)).await.expect_err("two are enough");
        assert_eq!(refused.refusal().map(|r| r.reason), Some("webhook.two_secrets"));
        app.clock.advance(Lifetime::hours(1));
        let later = one().await;
        assert!(!later.is_signed_by(&first) && later.is_signed_by(&second));
        // After a leak nothing but the new one signs.
        let third = secret(&rotate(Lifetime::seconds(0)).await.expect("rotated"));
        let now = one().await;
        assert!(!now.is_signed_by(&second) && now.is_signed_by(&third));
        crate::jobs::sweep(registry).await.expect("swept");
        let kept = app
            .db()
            .read_one("SELECT old_secret FROM webhooks", vec![])
            .await
            .expect("read");
        assert_eq!(
            kept.expect("a row").next::<Option<Vec<u8>>>().expect("bytes"),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn signing_secrets_are_sealed_in_the_database() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        let text = secret(&made);
        let key = BASE64_STANDARD.decode(&text["whsec_".len()..]).expect("base64");
        let row = app
            .db()
            .read_one("SELECT secret FROM webhooks", vec![])
            .await
            .expect("read");
        let stored: Vec<u8> = row.expect("a row").next().expect("bytes");
        assert!(!stored.windows(8).any(|part| part == &key[..8]));
        // Taken from one webhook, it opens for no other.
        let other = hook(&app, &receiver.url, &["client.created"]).await;
        let sql = "UPDATE webhooks SET secret = $1 WHERE id = $2";
        let write = Statement::new(sql, vec![stored.into(), (&other.webhook.id).into()]);
        app.db().write(write.into()).await.expect("written");
        app.service(&["workspace:read"]).await;
        told(&app).await;
        assert_eq!(receiver.heard().len(), 1);
        let waiting = messages(&app, &other, Some(State::Waiting)).await;
        assert!(
            waiting[0]
                .last_error
                .as_deref()
                .is_some_and(|why| why.contains("key file"))
        );
    })
    .await;
}

#[tokio::test]
async fn many_senders_send_each_message_once() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        hook(&app, &receiver.url, &["client.created"]).await;
        for _ in 0..10 {
            app.service(&["workspace:read"]).await;
        }
        tokio::join!(sealed(&app), sealed(&app), sealed(&app));
        let send = async || webhooks::deliver(&app.app).await.expect("the storage works");
        let tried = tokio::join!(send(), send(), send());
        assert_eq!(tried.0 + tried.1 + tried.2, 10);
        let mut ids: Vec<String> = receiver
            .heard()
            .iter()
            .map(|message| message.header("webhook-id").to_owned())
            .collect();
        ids.sort();
        let many = ids.len();
        ids.dedup();
        assert_eq!((many, ids.len()), (10, 10));
    })
    .await;
}

#[tokio::test]
async fn two_nodes_send_each_message_once() {
    on_both(async |app| {
        // SQLite has one node only.
        if app.database == "sqlite" {
            return;
        }
        let receiver = Receiver::start().await;
        let node = app.another_node().await;
        hook(&app, &receiver.url, &["client.created"]).await;
        for _ in 0..10 {
            app.service(&["workspace:read"]).await;
        }
        let (a, b) = tokio::join!(told(&app), told(&node));
        let rest = told(&app).await;
        assert_eq!((a + b + rest, receiver.heard().len()), (10, 10));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_queued_twice_whatever_crashes() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        // A crash before anything is sealed.
        app.service(&["workspace:read"]).await;
        let app = app.restart().await;
        sealed(&app).await;
        // A crash between seal and message, and a sealer that does not know what the other one did.
        let app = app.restart().await;
        sealed(&app).await;
        assert_eq!(messages(&app, &made, None).await.len(), 1);
        // A crash after the message was claimed: it goes out once the claim has run out.
        let now = app.clock.now();
        let waiting = messages(&app, &made, None).await.remove(0);
        let claim = kept::claim(&waiting, now, now.after(Lifetime::minutes(1)));
        app.db().write(claim.into()).await.expect("claimed");
        assert_eq!(told(&app).await, 0);
        assert_eq!(later(&app, Lifetime::minutes(1)).await, 1);
        assert_eq!(receiver.heard()[0].header("webhook-id"), waiting.id);
        // Whoever wakes up late has it no more.
        let late = app.db().write(kept::claim(&waiting, now, now).into()).await;
        assert_eq!(late.err(), Some(WriteError::Unmet("claimed")));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_was_removed_meanwhile_stops_nobody() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        registry_webhooks::remove(&app.app.registry, &app.owner(), &made.webhook.id, None)
            .await
            .expect("removed");
        assert_eq!(told(&app).await, 0);
        assert!(receiver.heard().is_empty());
    })
    .await;
}

#[tokio::test]
async fn messages_are_forgotten_after_thirty_days() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        app.service(&["workspace:read"]).await;
        told(&app).await;
        app.clock.advance(Lifetime::days(29));
        crate::jobs::sweep(&app.app.registry).await.expect("swept");
        assert_eq!(messages(&app, &made, None).await.len(), 1);
        app.clock.advance(Lifetime::days(2));
        app.sweep().await;
        assert_eq!(messages(&app, &made, None).await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_rotation_is_told_without_the_secret() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        hook(&app, &receiver.url, &["*"]).await;
        let client = app.service(&["workspace:read"]).await;
        let rotated = secrets::rotate(
            &app.app.registry,
            &app.owner(),
            &client.id,
            None,
            Rotation::default(),
        )
        .await
        .expect("rotated");
        told(&app).await;
        let new = rotated.secret.expect("a secret").text.expose().to_owned();
        for message in receiver.heard() {
            for secret in [&new, &client.secret] {
                assert!(!message.body.contains(secret.as_str()));
            }
            assert!(!message.body.contains("whsec_"));
        }
    })
    .await;
}

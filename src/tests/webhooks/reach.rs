//! Where nothing is sent, whatever somebody types and whatever a name resolves to.

use super::*;
use crate::{
    db::Statement,
    store::organizations::Settings,
    tests::harness::{on_both, on_both_with},
};

async fn settings(app: &TestApp, development_redirects: bool) {
    let settings = Settings {
        development_redirects,
        ..(*app.org.settings).clone()
    };
    let text = serde_json::to_string(&settings).expect("settings");
    let sql = "UPDATE organizations SET settings = $1 WHERE id = $2";
    let write = Statement::new(sql, vec![text.into(), (&app.org.id).into()]);
    app.db().write(write.into()).await.expect("written");
}

#[tokio::test]
async fn b_096_an_address_inside_is_refused_when_it_is_saved() {
    on_both(async |app| {
        for (url, code) in [
            ("https://169.254.169.254/latest/meta-data", "uri.private"),
            ("https://metadata.google.internal/", "uri.private"),
            ("https://10.0.0.1/", "uri.private"),
            ("https://[fd00::1]/", "uri.private"),
            ("http://hooks.example.com/", "uri.http"),
            ("ftp://hooks.example.com/", "uri.scheme"),
            ("https://user:pass@hooks.example.com/", "uri.userinfo"),
            ("hooks.example.com", "uri.relative"),
        ] {
            let new = NewWebhook {
                url: url.to_owned(),
                description: String::new(),
                events: vec!["*".to_owned()],
                active: true,
            };
            let refused = registry_webhooks::create(&app.app.registry, &app.owner(), new).await;
            let error = refused.expect_err(url);
            let refusal = error.refusal().expect("ours");
            assert_eq!(
                (refusal.fields[0].pointer.as_str(), refusal.fields[0].code),
                ("/url", code),
                "{url}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn b_096_this_machine_is_told_nothing_once_development_is_over() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        settings(&app, false).await;
        app.service(&["workspace:read"]).await;
        assert_eq!(told(&app).await, 1);
        assert!(receiver.heard().is_empty());
        let waiting = messages(&app, &made, Some(State::Waiting)).await;
        assert!(waiting[0].last_error.is_some() && waiting[0].last_status.is_none());
    })
    .await;
}

#[tokio::test]
async fn b_096_an_address_that_leads_inside_by_now_is_not_connected_to() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        let port = receiver
            .url
            .rsplit(':')
            .next()
            .and_then(|rest| rest.split('/').next());
        let port = port.expect("a port");
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        for url in [
            // As if each had been saved while it still looked harmless.
            format!("https://169.254.169.254:{port}/"),
            format!("https://localhost:{port}/hook"),
            format!("https://127.0.0.1:{port}/hook"),
            format!("http://10.0.0.1:{port}/hook"),
        ] {
            settings(&app, false).await;
            let sql = "UPDATE webhooks SET url = $1 WHERE id = $2";
            let write = Statement::new(sql, vec![url.as_str().into(), (&made.webhook.id).into()]);
            app.db().write(write.into()).await.expect("written");
            assert_eq!(later(&app, Lifetime::days(1)).await, 1, "{url}");
            assert!(receiver.heard().is_empty(), "{url}");
            let all = messages(&app, &made, None).await;
            assert!(all[0].last_status.is_none(), "{url}: {:?}", all[0]);
        }
    })
    .await;
}

#[tokio::test]
async fn b_096_a_server_with_a_public_name_posts_nothing_to_its_own_machine() {
    on_both_with(&[("issuer", "https://id.example.com")], async |app| {
        assert!(app.org.settings.development_redirects);
        let receiver = Receiver::start().await;
        let made = hook(&app, "https://hooks.example.com/", &["client.created"]).await;
        let edit = registry_webhooks::Edit {
            url: Some(receiver.url.clone()),
            ..registry_webhooks::Edit::default()
        };
        let refused =
            registry_webhooks::edit(&app.app.registry, &app.owner(), &made.webhook.id, None, edit).await;
        let refused = refused.expect_err("an address inside");
        assert_eq!(
            refused
                .refusal()
                .map(|refusal| refusal.fields[0].pointer.as_str()),
            Some("/url")
        );
        // Nor if it was saved before the server got its name.
        let sql = "UPDATE webhooks SET url = $1 WHERE id = $2";
        let write = Statement::new(sql, vec![receiver.url.as_str().into(), (&made.webhook.id).into()]);
        app.db().write(write.into()).await.expect("written");
        app.service(&["workspace:read"]).await;
        assert_eq!(told(&app).await, 1);
        assert!(receiver.heard().is_empty());
    })
    .await;
}

#[tokio::test]
async fn b_096_a_redirect_is_not_followed_and_is_no_success() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        for status in [301, 302, 303, 307, 308] {
            receiver.answers(status);
            app.service(&["workspace:read"]).await;
            told(&app).await;
            let heard = receiver.heard();
            assert!(heard.len() == 1 && heard[0].body != "inside", "{status}");
            let newest = messages(&app, &made, None).await.remove(0);
            assert_eq!(
                (newest.state, newest.last_status),
                (State::Waiting, Some(i64::from(status)))
            );
            app.clock.advance(Lifetime::seconds(1));
        }
    })
    .await;
}

//! The pages of webhooks.

use super::*;
use crate::{
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{Answer, on_both},
    },
};

fn at(app: &TestApp, tail: &str) -> String {
    format!("/orgs/{}/settings/webhooks{tail}", app.org.handle)
}

fn hidden(page: &Answer, name: &str) -> String {
    let text = page.text();
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = text
        .split_once(&marker)
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Makes a webhook by the form; its id and its signing secret.
async fn made(app: &TestApp, browser: &Browser<'_>, url: &str) -> (String, String) {
    let form = browser.get(&at(app, "/new")).await;
    let once = hidden(&form, "once");
    let fields = [
        ("once", once.as_str()),
        ("url", url),
        ("description", "Monitoring"),
        ("events", "client.*"),
        ("other_events", "user.locked secret.rotated"),
    ];
    let page = browser.submit(&at(app, "/new"), &fields).await;
    let text = page.text();
    let secret = text
        .split("data-secret translate=\"no\">")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap_or_else(|| panic!("no secret in {text}"));
    let again = browser.submit(&at(app, "/new"), &fields).await;
    assert!(again.text().contains("This was done already"), "{}", again.text());
    let id = text
        .split("/settings/webhooks/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("the way on");
    (id.to_owned(), secret.to_owned())
}

#[tokio::test]
async fn an_admin_makes_a_webhook_and_sees_its_secret_once() {
    on_both(async |app| {
        let (receiver, browser) = (
            Receiver::start().await,
            Browser::of(&app, "ada", Role::Admin).await,
        );
        let empty = browser.get(&at(&app, "")).await;
        assert!(empty.text().contains("No webhooks yet"));
        let (id, secret) = made(&app, &browser, &receiver.url).await;
        assert!(secret.starts_with("whsec_"));
        let page = browser.get(&at(&app, &format!("/{id}"))).await.text();
        assert!(
            !page.contains("whsec_") && page.contains("Monitoring") && page.contains("user.locked"),
            "{page}"
        );
        let sent = browser.submit(&at(&app, &format!("/{id}/test")), &[]).await;
        assert_eq!(sent.status, 303);
        assert!(receiver.heard()[0].is_signed_by(&secret));
        let page = browser.get(&at(&app, &format!("/{id}"))).await.text();
        assert!(page.contains("The test message arrived."), "{page}");
        assert_eq!(browser.get(&at(&app, "")).await.text().matches("<tr").count(), 2);
        let settings = browser
            .get(&format!("/orgs/{}/settings", app.org.handle))
            .await
            .text();
        assert!(settings.contains("Manage webhooks"));
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_stands_at_its_field_and_what_was_typed_stays() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let once = hidden(&browser.get(&at(&app, "/new")).await, "once");
        let fields = [
            ("once", once.as_str()),
            ("url", "https://169.254.169.254/"),
            ("description", "Kept"),
            ("other_events", "nonsense"),
        ];
        let page = browser.submit(&at(&app, "/new"), &fields).await;
        assert_eq!(page.status, 422);
        let text = page.text();
        for part in [
            "id=\"url-error\"",
            "id=\"other_events-error\"",
            "value=\"Kept\"",
            "value=\"nonsense\"",
            "Error:",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dead_message_is_seen_and_sent_again() {
    on_both(async |app| {
        let (receiver, browser) = (
            Receiver::start().await,
            Browser::of(&app, "ada", Role::Admin).await,
        );
        let (id, _) = made(&app, &browser, &receiver.url).await;
        receiver.answers(500);
        browser.submit(&at(&app, &format!("/{id}/test")), &[]).await;
        let list = browser.get(&at(&app, "")).await.text();
        assert!(list.contains("1 message") && list.contains("Failing"), "{list}");
        let page = browser.get(&at(&app, &format!("/{id}?state=dead"))).await.text();
        assert!(
            page.contains("Given up") && page.contains("it answered 500"),
            "{page}"
        );
        let message = page
            .split("/deliveries/")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a message")
            .to_owned();
        let one = browser
            .get(&at(&app, &format!("/{id}/deliveries/{message}")))
            .await
            .text();
        assert!(
            one.contains("webhook.test") && one.contains("Send again"),
            "{one}"
        );
        let overview = browser.get(&format!("/orgs/{}", app.org.handle)).await.text();
        assert!(overview.contains("fails"), "{overview}");
        receiver.answers(200);
        let again = browser
            .submit(&at(&app, &format!("/{id}/deliveries/{message}/redeliver")), &[])
            .await;
        assert_eq!(again.status, 303);
        receiver.heard();
        told(&app).await;
        assert!(receiver.heard().iter().any(|m| m.header("webhook-id") == message));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_the_server_switched_off_needs_attention() {
    on_both(async |app| {
        let (receiver, browser) = (
            Receiver::start().await,
            Browser::of(&app, "ada", Role::Admin).await,
        );
        receiver.answers(410);
        let id = hook(&app, &receiver.url, &["client.created"]).await.webhook.id;
        app.service(&["workspace:read"]).await;
        told(&app).await;
        let overview = browser.get(&format!("/orgs/{}", app.org.handle)).await.text();
        assert!(
            overview.contains("was switched off") && overview.contains(&at(&app, &format!("/{id}"))),
            "{overview}"
        );
        let page = browser.get(&at(&app, &format!("/{id}"))).await.text();
        assert!(
            page.contains("The server did that") && page.contains("410"),
            "{page}"
        );
        let activity = format!("/orgs/{}/activity?event=webhook", app.org.handle);
        let text = browser.get(&activity).await.text();
        assert!(text.contains("switched off the webhook to"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_is_changed_rotated_and_deleted_by_forms() {
    on_both(async |app| {
        let (receiver, browser) = (
            Receiver::start().await,
            Browser::of(&app, "ada", Role::Admin).await,
        );
        let (id, first) = made(&app, &browser, &receiver.url).await;
        let form = browser.get(&at(&app, &format!("/{id}/edit"))).await;
        let version = hidden(&form, "version");
        let fields = [
            ("version", version.as_str()),
            ("url", receiver.url.as_str()),
            ("events", "secret.*"),
            ("active", "yes"),
        ];
        let saved = browser.submit(&at(&app, &format!("/{id}/edit")), &fields).await;
        assert_eq!(saved.status, 303, "{}", saved.text());
        let stale = browser.submit(&at(&app, &format!("/{id}/edit")), &fields).await;
        assert_eq!(stale.status, 412);
        let form = browser.get(&at(&app, &format!("/{id}/rotate"))).await;
        let once = hidden(&form, "once");
        let rotated = browser
            .submit(
                &at(&app, &format!("/{id}/rotate")),
                &[("once", &once), ("overlap", "24h")],
            )
            .await;
        assert!(rotated.text().contains("whsec_") && !rotated.text().contains(&first));
        let page = browser.get(&at(&app, &format!("/{id}"))).await.text();
        assert!(page.contains("the one before signs as well until"), "{page}");
        let form = browser.get(&at(&app, &format!("/{id}/delete"))).await;
        let version = hidden(&form, "version");
        let deleted = browser
            .submit(&at(&app, &format!("/{id}/delete")), &[("version", &version)])
            .await;
        assert_eq!(deleted.status, 303, "{}", deleted.text());
        assert_eq!(browser.get(&at(&app, &format!("/{id}"))).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn an_auditor_sees_and_changes_nothing_and_a_member_sees_nothing() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let id = hook(&app, &receiver.url, &["client.*"]).await.webhook.id;
        let auditor = Browser::of(&app, "aud", Role::Auditor).await;
        let page = auditor.get(&at(&app, &format!("/{id}"))).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("/rotate") && !page.text().contains("Send test message"));
        for tail in ["/edit", "/rotate", "/delete"] {
            assert_eq!(
                auditor.get(&at(&app, &format!("/{id}{tail}"))).await.status,
                403,
                "{tail}"
            );
        }
        let refused = auditor.submit(&at(&app, &format!("/{id}/test")), &[]).await;
        assert_eq!(refused.status, 403);
        let member = Browser::of(&app, "mel", Role::Member).await;
        assert_eq!(member.get(&at(&app, "")).await.status, 403);
        assert!(receiver.heard().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_activity_says_how_far_it_is_sealed_and_the_check_says_what_is_wrong() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        app.service(&["workspace:read"]).await;
        sealed(&app).await;
        let activity = format!("/orgs/{}/activity", app.org.handle);
        let page = browser.get(&activity).await.text();
        assert!(
            page.contains("Sealed to entry ") && page.contains("/activity/verify"),
            "{page}"
        );
        let whole = browser.get(&format!("{activity}/verify")).await.text();
        assert!(
            whole.contains("Nothing was changed, removed or put in between."),
            "{whole}"
        );
        let sql = "UPDATE audit_events SET actor_name = 'Mallory' WHERE seq = 1 AND org_id = $1";
        let write = crate::db::Statement::new(sql, vec![(&app.org.id).into()]);
        app.db().write(write.into()).await.expect("written");
        let broken = browser.get(&format!("{activity}/verify")).await.text();
        assert!(
            broken.contains("Entry 1 is not what was sealed there."),
            "{broken}"
        );
        let sql = "UPDATE audit_chains SET seq = seq + 1";
        app.db()
            .write(crate::db::Statement::new(sql, vec![]).into())
            .await
            .expect("written");
        let page = browser.get(&activity).await.text();
        assert!(page.contains("The log was tampered with"), "{page}");
        let overview = browser.get(&format!("/orgs/{}", app.org.handle)).await.text();
        assert!(overview.contains("The activity was tampered with"), "{overview}");
    })
    .await;
}

//! The page that shows a secret, and the files it gives away.

use super::*;
use crate::tests::harness::on_both;
use crate::time::Lifetime;

/// Rotates, and gives the page with the secret.
async fn handed(app: &TestApp, ada: &Browser<'_>, id: &str) -> Answer {
    let path = at(app, &format!("/clients/{id}/rotate"));
    let page = ada.get(&path).await;
    let once = hidden(&page, "once");
    let created = ada
        .submit(
            &path,
            &[("once", &once), ("old_ends", "24h"), ("secret_expires", "90")],
        )
        .await;
    expect(&created, StatusCode::OK);
    created
}

fn shares(page: &Answer) -> Vec<String> {
    let text = page.text();
    let found = text.split("name=\"share\" value=\"").skip(1);
    found
        .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn t18_a_file_can_be_taken_once() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = handed(&app, &ada, &client.id).await;
        let secret = secrets(&page).remove(0);
        let [env, json] = &shares(&page)[..] else {
            panic!("two files: {}", page.text());
        };
        let path = at(&app, &format!("/clients/{}/download", client.id));
        let file = ada.submit(&path, &[("format", "env"), ("share", env)]).await;
        expect(&file, StatusCode::OK);
        assert_eq!(
            file.header("content-disposition"),
            "attachment; filename=\"nightly-export.env\""
        );
        holds(&file, &format!("OAUTHORITY_CLIENT_ID={}\n", client.id));
        holds(&file, &format!("OAUTHORITY_CLIENT_SECRET={secret}\n"));
        assert_eq!(file.header("cache-control"), "no-store");
        let again = ada.submit(&path, &[("format", "env"), ("share", env)]).await;
        expect(&again, StatusCode::GONE);
        let file = ada.submit(&path, &[("format", "json"), ("share", json)]).await;
        assert_eq!(file.json()["client_secret"], secret);
    })
    .await;
}

#[tokio::test]
async fn a_file_is_gone_after_five_minutes_and_never_anybody_elses() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let other = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = handed(&app, &ada, &client.id).await;
        let [env, json] = &shares(&page)[..] else {
            panic!("two files");
        };
        let elsewhere = at(&app, &format!("/clients/{}/download", other.id));
        let wrong = ada.submit(&elsewhere, &[("format", "env"), ("share", env)]).await;
        expect(&wrong, StatusCode::GONE);
        app.clock.advance(Lifetime::minutes(6));
        let path = at(&app, &format!("/clients/{}/download", client.id));
        let late = ada.submit(&path, &[("format", "json"), ("share", json)]).await;
        expect(&late, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn t13_what_is_kept_for_a_file_is_not_the_secret() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = handed(&app, &ada, &client.id).await;
        let secret = secrets(&page).remove(0);
        let rows = app
            .db()
            .read(
                "SELECT payload FROM one_time_tokens WHERE payload IS NOT NULL",
                vec![],
            )
            .await
            .expect("read");
        assert_eq!(rows.len(), 2);
        for mut row in rows {
            let mut sealed: Vec<u8> = row.next().expect("bytes");
            let keyring = &app.app.registry.keyring;
            let share = keyring.open(client.id.as_bytes(), &mut sealed).expect("ours");
            assert_eq!(share.len(), secret.len());
            assert_ne!(share, secret.as_bytes());
        }
    })
    .await;
}

#[tokio::test]
async fn t32_the_wait_ends_with_the_first_token() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = handed(&app, &ada, &client.id).await;
        let secret = secrets(&page).remove(0);
        let text = page.text();
        let (_, rest) = text.split_once("data-poll=\"").expect("a waiting line");
        let poll = rest.split('"').next().unwrap_or_default().to_owned();
        // The old secret does not end the wait for the new one.
        client.token(&app).await;
        let still = ada.get_with(&poll, &[("x-fragment", "waiting")]).await;
        holds(&still, "data-poll");
        lacks(&still, "<html");
        client.with_secret(&secret).token(&app).await;
        let over = ada.get_with(&poll, &[("x-fragment", "waiting")]).await;
        lacks(&over, "data-poll");
        holds(&over, "First token issued 10:00:00 from");
        let page = ada.get(&poll).await;
        holds(&page, "<html");
        holds(&page, "First token issued");
    })
    .await;
}

//! Disabling, enabling and deleting.

use super::*;
use crate::{
    oauth::client::Status,
    store,
    tests::harness::{TestClient, inactive, on_both},
};

async fn status(app: &TestApp, id: &str) -> Status {
    let found = store::clients::find(app.db(), id).await.expect("read");
    found.expect("there").status
}

fn page_of(app: &TestApp, client: &TestClient, tail: &str) -> String {
    at(app, &format!("/clients/{}{tail}", client.id))
}

#[tokio::test]
async fn t25_a_wrong_name_deletes_nothing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let path = page_of(&app, &client, "/delete");
        let page = ada.get(&path).await;
        expect(&page, StatusCode::OK);
        let version = hidden(&page, "version");
        let answer = ada
            .submit(&path, &[("version", &version), ("confirm", "Nightly")])
            .await;
        expect(&answer, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&answer, "<title>Error: ");
        holds(&answer, "role=\"alert\" tabindex=\"-1\" autofocus");
        holds(&answer, "value=\"Nightly\"");
        assert_eq!(status(&app, &client.id).await, Status::Active);
        let done = ada
            .submit(&path, &[("version", &version), ("confirm", "Nightly export")])
            .await;
        expect(&done, StatusCode::SEE_OTHER);
        assert_eq!(status(&app, &client.id).await, Status::Deleted);
        let list = ada.get(done.header("location")).await;
        holds(&list, "Create a new one like this");
        let gone = ada.get(&path).await;
        expect(&gone, StatusCode::CONFLICT);
        holds(&gone, &format!("new/custom?like={}", client.id));
    })
    .await;
}

#[tokio::test]
async fn t27_a_client_in_use_is_better_disabled() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let unused = ada.get(&page_of(&app, &client, "/delete")).await;
        holds(&unused, "Never used");
        lacks(&unused, "Disable instead");
        let token = client.token(&app).await;
        let page = ada.get(&page_of(&app, &client, "/delete")).await;
        holds(&page, "<li class=\"bad\">");
        holds(&page, "Disable instead");
        holds(&page, "autofocus>Keep it</a>");
        holds(&page, "access token is refused at once");
        holds(&page, "at the latest");
        holds(&page, "secret stops working for good");
        let answer = ada
            .submit(&page_of(&app, &client, "/delete"), &[("confirm", &client.id)])
            .await;
        expect(&answer, StatusCode::SEE_OTHER);
        let other = app.service(&["workspace:read"]).await;
        assert_eq!(app.introspect(&other, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn disabling_says_why_and_enabling_brings_back() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        let ada = admin(&app).await;
        let path = page_of(&app, &client, "/disable");
        let version = hidden(&ada.get(&path).await, "version");
        let fields = [("version", version.as_str()), ("reason", "Not used since May")];
        expect(&ada.submit(&path, &fields).await, StatusCode::SEE_OTHER);
        assert_eq!(status(&app, &client.id).await, Status::Disabled);
        holds(&ada.get(&page_of(&app, &client, "")).await, "Not used since May");
        app.token(&client, &[]).await.refused(401, "invalid_client");
        let path = page_of(&app, &client, "/enable");
        expect(&ada.get(&path).await, StatusCode::OK);
        assert_eq!(
            status(&app, &client.id).await,
            Status::Disabled,
            "a GET changes nothing"
        );
        expect(&ada.submit(&path, &[]).await, StatusCode::SEE_OTHER);
        client.token(&app).await;
        let other = app.service(&["workspace:read"]).await;
        assert_eq!(app.introspect(&other, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn t76_a_system_client_is_spared_with_the_reason() {
    on_both(async |app| {
        let ada = admin(&app).await;
        for tail in ["/edit", "/disable", "/delete"] {
            let path = at(&app, &format!("/clients/oa_sync_client{tail}"));
            let page = ada.get(&path).await;
            expect(&page, StatusCode::CONFLICT);
            holds(&page, "keeps the product running");
            lacks(&page, "name=\"confirm\"");
            let answer = ada
                .submit(&path, &[("confirm", "oa_sync_client"), ("name", "Mine")])
                .await;
            expect(&answer, StatusCode::CONFLICT);
        }
        assert_eq!(status(&app, "oa_sync_client").await, Status::Active);
    })
    .await;
}

#[tokio::test]
async fn foreign_clients_are_not_found_and_auditors_change_nothing() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let foreign = app.client(&other, service(&["workspace:read"])).await;
        let own = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let aud = Browser::of(&app, "aud", Role::Auditor).await;
        for tail in ["/edit", "/rotate", "/disable", "/enable", "/delete"] {
            let answer = ada.get(&page_of(&app, &foreign, tail)).await;
            expect(&answer, StatusCode::NOT_FOUND);
            let answer = ada
                .submit(&page_of(&app, &foreign, tail), &[("confirm", &foreign.id)])
                .await;
            assert_ne!(answer.status, StatusCode::SEE_OTHER, "{tail}");
            expect(&aud.get(&page_of(&app, &own, tail)).await, StatusCode::FORBIDDEN);
            let fields = [("confirm", own.id.as_str()), ("old_ends", "now")];
            let answer = aud.submit(&page_of(&app, &own, tail), &fields).await;
            expect(&answer, StatusCode::FORBIDDEN);
        }
        assert_eq!(status(&app, &foreign.id).await, Status::Active);
        assert_eq!(status(&app, &own.id).await, Status::Active);
    })
    .await;
}

#[tokio::test]
async fn where_no_token_is_alive_none_is_counted() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let path = page_of(&app, &client, "/disable");
        holds(&ada.get(&path).await, "No access token is alive.");
        client.token(&app).await;
        holds(&ada.get(&path).await, "access token is refused at once");
    })
    .await;
}

//! Editing clients.

use super::*;
use crate::{
    oauth::client::Kind,
    registry::{
        client_input::Draft,
        clients::{self, Edit},
    },
    store::{self, clients::Client},
    tests::harness::{TestClient, on_both},
};

fn path(app: &TestApp, client: &TestClient) -> String {
    at(app, &format!("/clients/{}/edit", client.id))
}

async fn client(app: &TestApp, id: &str) -> Client {
    let found = store::clients::find(app.db(), id).await.expect("read");
    found.expect("there")
}

/// What the form posts, as it was opened.
async fn opened(app: &TestApp, page: &Answer, id: &str) -> Vec<(&'static str, String)> {
    let client = client(app, id).await;
    let mut fields = vec![
        ("version", hidden(page, "version")),
        ("original", hidden(page, "original")),
        ("name", client.name),
        ("description", client.description),
        ("grant_types", "client_credentials".to_owned()),
    ];
    let scopes = client.scopes.iter();
    fields.extend(scopes.map(|(api, value)| ("scopes", format!("{api} {value}"))));
    fields
}

fn set(fields: &mut [(&'static str, String)], name: &str, value: &str) {
    for (known, old) in fields {
        if *known == name {
            value.clone_into(old);
        }
    }
}

fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

async fn rename(app: &TestApp, id: &str, name: &str) {
    let edit = Edit {
        name: Some(name.to_owned()),
        ..Edit::default()
    };
    clients::edit(&app.app.registry, &app.owner(), id, None, edit)
        .await
        .expect("renamed");
}

#[tokio::test]
async fn settings_are_saved_and_a_scope_taken_away_counts_at_once() {
    on_both(async |app| {
        let machine = app.service(&["workspace:read", "workspace:write"]).await;
        let token = machine.token(&app).await;
        let ada = admin(&app).await;
        let page = ada.get(&path(&app, &machine)).await;
        let mut fields = opened(&app, &page, &machine.id).await;
        fields.retain(|(name, value)| *name != "scopes" || !value.ends_with("workspace:write"));
        set(&mut fields, "name", "Weekly export");
        fields.push(("do", "summary".to_owned()));
        let told = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        holds(&told, "Takes away workspace:write");
        fields.pop();
        let asked = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        expect(&asked, StatusCode::OK);
        holds(&asked, "Save changes of");
        holds(&asked, "access token is refused at once");
        assert_eq!(client(&app, &machine.id).await.name, "Nightly export");
        fields.push(("confirmed", "yes".to_owned()));
        let saved = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        expect(&saved, StatusCode::SEE_OTHER);
        assert_eq!(client(&app, &machine.id).await.name, "Weekly export");
        assert_eq!(
            app.introspect(&machine, &token).await,
            crate::tests::harness::inactive()
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_and_kept() {
    on_both(async |app| {
        let machine = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = ada.get(&path(&app, &machine)).await;
        let mut fields = opened(&app, &page, &machine.id).await;
        fields.push(("access_token_lifetime", "a year".to_owned()));
        let answer = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        expect(&answer, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&answer, "between 60 and 86,400");
        holds(&answer, "value=\"a year\"");
    })
    .await;
}

#[tokio::test]
async fn t65_two_who_save_the_same_field_choose() {
    on_both(async |app| {
        let machine = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = ada.get(&path(&app, &machine)).await;
        let mut fields = opened(&app, &page, &machine.id).await;
        set(&mut fields, "name", "Mine");
        set(&mut fields, "description", "Also mine");
        rename(&app, &machine.id, "Theirs").await;
        let asked = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        expect(&asked, StatusCode::CONFLICT);
        holds(&asked, "Olivia saved this just now.");
        for text in ["Nightly export", "Mine", "Theirs", "name=\"keep_name\""] {
            holds(&asked, text);
        }
        lacks(&asked, "keep_description");
        set(&mut fields, "version", &hidden(&asked, "version"));
        set(&mut fields, "original", &hidden(&asked, "original"));
        fields.push(("keep_name", "theirs".to_owned()));
        let saved = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        expect(&saved, StatusCode::SEE_OTHER);
        let after = client(&app, &machine.id).await;
        assert_eq!(
            (after.name.as_str(), after.description.as_str()),
            ("Theirs", "Also mine")
        );
    })
    .await;
}

#[tokio::test]
async fn two_who_save_different_fields_both_win() {
    on_both(async |app| {
        let machine = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let page = ada.get(&path(&app, &machine)).await;
        let mut fields = opened(&app, &page, &machine.id).await;
        set(&mut fields, "description", "Mine");
        rename(&app, &machine.id, "Theirs").await;
        let saved = ada.submit(&path(&app, &machine), &pairs(&fields)).await;
        expect(&saved, StatusCode::SEE_OTHER);
        let after = client(&app, &machine.id).await;
        assert_eq!(
            (after.name.as_str(), after.description.as_str()),
            ("Theirs", "Mine")
        );
    })
    .await;
}

#[tokio::test]
async fn a_sync_connector_is_locked_until_it_is_customised() {
    on_both(async |app| {
        let draft = Draft::sync_connector("Directory sync".to_owned(), String::new());
        let connector = app.client(&app.org, draft).await;
        let ada = admin(&app).await;
        let page = ada.get(&path(&app, &connector)).await;
        holds(&page, "no more and no less");
        let mut fields = opened(&app, &page, &connector.id).await;
        fields.retain(|(name, _)| *name != "scopes");
        set(&mut fields, "name", "Renamed");
        let saved = ada.submit(&path(&app, &connector), &pairs(&fields)).await;
        expect(&saved, StatusCode::SEE_OTHER);
        assert_eq!(client(&app, &connector.id).await.scopes.len(), 5);
        let page = ada
            .get(&format!("{}?customise=yes", path(&app, &connector)))
            .await;
        lacks(&page, "no more and no less");
        let mut fields = opened(&app, &page, &connector.id).await;
        fields.push(("customise", "yes".to_owned()));
        let at = fields
            .iter()
            .position(|(name, _)| *name == "scopes")
            .expect("scopes");
        fields.remove(at);
        let saved = ada.submit(&path(&app, &connector), &pairs(&fields)).await;
        expect(&saved, StatusCode::SEE_OTHER);
        let after = client(&app, &connector.id).await;
        assert_eq!((after.kind, after.scopes.len()), (Kind::Custom, 4));
    })
    .await;
}

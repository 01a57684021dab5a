//! A client like another one, and what is to be known of names that are used twice.

use serde_json::json;

use super::{Manager, problem, word};
use crate::{
    oauth::client::ApplicationType,
    registry::client_input::{Draft, ScopeRef},
    tests::harness::{on_both, signing_in},
};

#[tokio::test]
async fn a_copy_has_the_settings_and_none_of_the_secrets_and_grants() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let draft = Draft {
            name: "Portal".to_owned(),
            description: "For customers".to_owned(),
            scopes: vec![ScopeRef::text("workspace:read"), ScopeRef::text("openid")],
            ..signing_in(ApplicationType::Web)
        };
        let portal = app.client(&app.org, draft).await;
        let path = manager.own(&format!("/clients/{}", portal.id));
        manager.patch(&path, &json!({ "file_key": "portal" })).await;
        let before = manager.get(&path).await.json();
        let copied = manager.post(&format!("{path}/copy"), &json!({})).await;
        assert_eq!(copied.status, 201, "{}", copied.text());
        let (copy, secret) = (&copied.json()["client"], word(&copied.json()["client_secret"]));
        for same in [
            "description",
            "type",
            "grant_types",
            "redirect_uris",
            "scopes",
            "oidc_scopes",
        ] {
            assert_eq!(copy[same], before[same], "{same}");
        }
        assert_eq!(copy["name"], "Portal (copy)");
        assert_ne!(copy["client_id"], before["client_id"]);
        assert_ne!(secret, portal.secret);
        assert!(copy["file_key"].is_null() && copy["notes"] == json!([]), "{copy}");
        // Of a deleted one, too: the record of its end knows its scopes.
        manager.delete(&path).await;
        let again = manager
            .post(&format!("{path}/copy"), &json!({ "name": "Portal 2" }))
            .await;
        assert_eq!(
            again.json()["client"]["scopes"],
            before["scopes"],
            "{}",
            again.text()
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_copies_more_than_he_could_give() {
    on_both(async |app| {
        let strong = app.service(&["members:write"]).await;
        let weak = Manager::with(&app, &["clients:write"]).await;
        let path = weak.own(&format!("/clients/{}/copy", strong.id));
        let refused = weak.post(&path, &json!({})).await;
        problem(&refused, 400, "invalid_input");
        let system = weak
            .post(&weak.own("/clients/oa_admin_client/copy"), &json!({}))
            .await;
        problem(&system, 400, "invalid_input");
        let unknown = weak
            .post(&weak.own("/clients/oac_unknown/copy"), &json!({}))
            .await;
        problem(&unknown, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_used_twice_is_noted_and_no_error() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = |name: &str| json!({ "name": name, "type": "service", "scopes": ["workspace:read"] });
        let first = manager
            .post(&manager.own("/clients"), &body("Exporter"))
            .await
            .json();
        assert_eq!(first["client"]["notes"], json!([]));
        let id = word(&first["client"]["client_id"]);
        let second = manager.post(&manager.own("/clients"), &body("EXPORTER")).await;
        assert_eq!(second.status, 201);
        let note = &second.json()["client"]["notes"][0];
        assert_eq!(
            (&note["code"], &note["clients"]),
            (&json!("name.taken"), &json!([id]))
        );
        let other = manager.service("Importer").await;
        let path = manager.own(&format!("/clients/{}", other.id));
        let renamed = manager.patch(&path, &json!({ "name": "Exporter" })).await;
        assert_eq!(renamed.status, 200);
        assert_eq!(renamed.json()["notes"][0]["clients"].as_array().unwrap().len(), 2);
        assert!(
            manager.get(&path).await.json().get("notes").is_none(),
            "it is about the change"
        );
    })
    .await;
}

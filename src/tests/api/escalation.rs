//! Nobody gives more than he has, nor takes it by a secret.

use serde_json::json;

use super::{Manager, pointers, problem};
use crate::{
    registry::{
        access::Permission,
        bootstrap::system_access,
        secrets::{self, Rotation},
    },
    tests::harness::on_both,
};

#[tokio::test]
async fn a_token_grants_only_what_it_holds() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let body = json!({ "name": "Helper", "type": "service", "scopes": ["clients:read", "members:write"] });
        let refused = problem(&manager.post(&manager.own("/clients"), &body).await, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/scopes/1"]);
        assert_eq!(refused["errors"][0]["code"], "scope.beyond_yours");
        let own = manager.service("Own").await;
        let path = manager.own(&format!("/clients/{}", own.id));
        let refused = manager.patch(&path, &json!({ "scopes": ["members:write"] })).await;
        assert_eq!(pointers(&problem(&refused, 400, "invalid_input")), ["/scopes/0"]);
        let contract = json!({
            "ownerOrgId": app.org.id, "name": "A", "type": "web", "redirectUrls": [], "allowedScopes": ["members:write"],
        });
        let refused = manager.post("/api/oauth-applications", &contract).await;
        assert_eq!(pointers(&problem(&refused, 400, "invalid_input")), ["/allowedScopes/0"]);
    })
    .await;
}

#[tokio::test]
async fn a_token_takes_no_secret_of_a_client_that_may_do_more() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["clients:write"]).await;
        let mighty = app.service(&["members:write"]).await;
        let path = manager.own(&format!("/clients/{}", mighty.id));
        for action in ["rotate", "secrets"] {
            let refused = manager.post(&format!("{path}/{action}"), &json!({})).await;
            problem(&refused, 403, "client.beyond_yours");
        }
        assert_eq!(app.token(&mighty, &[]).await.status, 200);
        let equal = app.service(&["clients:read"]).await;
        let path = manager.own(&format!("/clients/{}/rotate", equal.id));
        assert_eq!(manager.post(&path, &json!({})).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn the_instance_is_never_granted() {
    on_both(async |app| {
        for manager in [Manager::new(&app).await, Manager::operator(&app).await] {
            for permission in Permission::ALL.iter().filter(|p| p.is_instance()) {
                let body = json!({ "name": "King", "type": "service", "scopes": [permission.word()] });
                let refused = problem(
                    &manager.post(&manager.own("/clients"), &body).await,
                    400,
                    "invalid_input",
                );
                assert_eq!(pointers(&refused), ["/scopes/0"]);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn b_053_reading_does_not_create() {
    on_both(async |app| {
        let reader = Manager::with(&app, &["clients:read", "apis:read", "members:read"]).await;
        let body = json!({ "name": "A", "type": "service", "scopes": ["workspace:read"] });
        problem(
            &reader.post(&reader.own("/clients"), &body).await,
            403,
            "insufficient_scope",
        );
        let contract = json!({ "ownerOrgId": app.org.id, "name": "A", "type": "web", "redirectUrls": [] });
        problem(
            &reader.post("/api/oauth-applications", &contract).await,
            403,
            "insufficient_scope",
        );
        let member = json!({ "username": "eve", "role": "owner" });
        problem(
            &reader.post(&reader.own("/members"), &member).await,
            403,
            "insufficient_scope",
        );
        let org = json!({ "handle": "mine", "name": "Mine" });
        problem(
            &Manager::new(&app).await.post("/api/v1/orgs", &org).await,
            403,
            "insufficient_scope",
        );
    })
    .await;
}

#[tokio::test]
async fn a_client_makes_nobody_an_owner() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let owner = json!({ "username": "eve", "role": "owner" });
        problem(
            &manager.post(&manager.own("/members"), &owner).await,
            403,
            "member.owner",
        );
        let admin = json!({ "username": "eve", "role": "admin" });
        let added = manager.post(&manager.own("/members"), &admin).await;
        assert_eq!(added.status, 201, "{}", added.text());
        let link = added.json()["setup_link"].as_str().unwrap_or_default().to_owned();
        assert!(link.contains("/setup/"), "{link}");
        let id = added.json()["member"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let path = manager.own(&format!("/members/{id}"));
        problem(
            &manager.patch(&path, &json!({ "role": "owner" })).await,
            403,
            "member.owner",
        );
        assert_eq!(
            manager.patch(&path, &json!({ "role": "auditor" })).await.json()["role"],
            "auditor"
        );
        assert_eq!(manager.delete(&path).await.status, 204);
        problem(&manager.get(&path).await, 404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_token_makes_nobody_mightier_than_itself() {
    on_both(async |app| {
        let manager = Manager::with(&app, &["members:write"]).await;
        for role in ["admin", "auditor"] {
            let body = json!({ "username": "eve", "role": role });
            problem(
                &manager.post(&manager.own("/members"), &body).await,
                403,
                "member.beyond_yours",
            );
        }
        let body = json!({ "username": "eve", "role": "member" });
        let added = manager.post(&manager.own("/members"), &body).await;
        assert_eq!(added.status, 201, "{}", added.text());
        let id = added.json()["member"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let path = manager.own(&format!("/members/{id}"));
        let refused = manager.patch(&path, &json!({ "role": "admin" })).await;
        problem(&refused, 403, "member.beyond_yours");
        let mighty = Manager::new(&app).await;
        assert_eq!(mighty.patch(&path, &json!({ "role": "admin" })).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn seeing_the_whole_instance_changes_nothing_in_it() {
    on_both(async |app| {
        let operator = Manager::operator(&app).await;
        app.organization("other").await;
        let more = [
            ("resource", "urn:oauthority:api"),
            ("scope", "instance:read clients:write"),
        ];
        let token = operator.client.token_for(&app, &more).await;
        let seeing = Manager {
            app: &app,
            client: operator.client,
            token,
        };
        let body = json!({ "name": "A", "type": "service", "scopes": ["workspace:read"] });
        let path = "/api/v1/orgs/other/clients";
        problem(&seeing.post(path, &body).await, 403, "insufficient_scope");
        assert_eq!(seeing.get(path).await.status, 200);
        assert_eq!(seeing.post(&seeing.own("/clients"), &body).await.status, 201);
    })
    .await;
}

#[tokio::test]
async fn the_secrets_of_system_clients_are_the_operators() {
    on_both(async |app| {
        let sync = app.app.registry.config.system_clients.sync_id.clone();
        let owner = app.owner();
        let refused = secrets::rotate(&app.app.registry, &owner, &sync, None, Rotation::default()).await;
        let refused = refused.err().expect("refused");
        assert_eq!(refused.refusal().map(|r| r.reason), Some("client.system"));
        let system = system_access(app.org.clone());
        let rotated = secrets::rotate(&app.app.registry, &system, &sync, None, Rotation::default()).await;
        assert!(rotated.is_ok());
    })
    .await;
}

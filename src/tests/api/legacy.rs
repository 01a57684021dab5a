//! Grants for migrations only: while they are off, nothing says that they exist.

use serde_json::json;

use super::{Manager, pointers, word};
use crate::tests::harness::{on_both, on_both_with};

const ON: [(&str, &str); 2] = [
    ("legacy.password_grant", "true"),
    ("legacy.implicit_grant", "true"),
];

fn asking(grant: &str) -> serde_json::Value {
    json!({
        "name": "Old portal",
        "type": "web",
        "grant_types": [grant],
        "redirect_uris": if grant == "implicit" { vec!["https://app.example/callback"] } else { vec![] },
        "scopes": ["openid", "workspace:read"],
    })
}

#[tokio::test]
async fn t11_password_and_implicit_are_unknown_while_they_are_off() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let unknown = manager.post(&manager.own("/clients"), &asking("telepathy")).await;
        for grant in ["password", "implicit"] {
            let refused = manager.post(&manager.own("/clients"), &asking(grant)).await;
            assert_eq!(refused.status, 400);
            assert_eq!(pointers(&refused.json()), ["/grant_types/0"]);
            assert_eq!(refused.json()["errors"][0], unknown.json()["errors"][0]);
            let listed = manager
                .get(&manager.own(&format!("/clients?grant={grant}")))
                .await;
            assert_eq!(listed.status, 400);
        }
        let document = app.get("/api/v1/openapi.json").send().await.json();
        let grants = &document["components"]["schemas"]["GrantType"]["enum"];
        assert_eq!(grants.as_array().map(Vec::len), Some(4), "{grants}");
        assert!(!document.to_string().contains("mplicit"));
        let metadata = app
            .get("/.well-known/oauth-authorization-server")
            .send()
            .await
            .text();
        assert!(!metadata.contains("\"password\"") && !metadata.contains("implicit"));
    })
    .await;
}

#[tokio::test]
async fn t11_switched_on_they_can_be_registered() {
    on_both_with(&ON, async |app| {
        let manager = Manager::new(&app).await;
        let document = app.get("/api/v1/openapi.json").send().await.json();
        let grants = &document["components"]["schemas"]["GrantType"]["enum"];
        assert_eq!(grants.as_array().map(Vec::len), Some(6), "{grants}");
        for grant in ["password", "implicit"] {
            let made = manager.post(&manager.own("/clients"), &asking(grant)).await;
            assert_eq!(made.status, 201, "{}", made.text());
            assert_eq!(made.json()["client"]["grant_types"], json!([grant]));
            let id = word(&made.json()["client"]["client_id"]);
            let live = app.app.registry.live.client(&id).expect("live");
            assert!(live.for_people.is_some());
        }
    })
    .await;
}

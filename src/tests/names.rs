//! Names that deceive, at every door; and what becomes of those that are stored already.

mod shown; // on pages, in mails and lists

use std::{fs, path::Path};

use serde_json::json;

use super::{
    audit::meddle,
    browser::Browser,
    harness::{on_both, service},
};
use crate::{
    registry::{
        apis::{self, NewApi},
        clients::{self, Creation, Edit},
        organizations::{self, OrganizationEdit},
    },
    store::{apis::TokenFormat, users::Role},
};

const HOSTILE: [&str; 5] = ["a\u{202e}b", "\u{200b}", "\u{3164}", "a\u{34f}b", "a\u{e0041}"];

#[tokio::test]
async fn fx_12_no_door_takes_a_hostile_name() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let manager = app.service(&["clients:read", "clients:write", "organizations:write"]).await;
        let token = manager.token_for(&app, &[("resource", "urn:oauthority:api")]).await;
        for name in HOSTILE.into_iter().chain(["Oauthority Command Line", "Mobi1e App"]) {
            let path = format!("/api/v1/orgs/{}/clients", app.org.handle);
            let body = json!({ "name": name, "type": "service", "scopes": ["workspace:read"] });
            let refused = app.post(&path).bearer(&token).json(&body).await;
            assert_eq!(refused.status, 400, "{name:?}: {}", refused.text());
            let body = json!({ "ownerOrgId": app.org.id, "name": name, "type": "native", "redirectUrls": ["https://a.example/cb"] });
            let refused = app.post("/api/oauth-applications").bearer(&token).json(&body).await;
            assert_eq!(refused.status, 400, "{name:?}: {}", refused.text());
            let edit = OrganizationEdit { name: Some(name.to_owned()), ..OrganizationEdit::default() };
            assert!(organizations::edit(registry, &app.owner(), None, edit).await.is_err(), "{name:?}");
            let new = NewApi {
                name: name.to_owned(),
                audience: "https://names.example".to_owned(),
                token_format: TokenFormat::Jwt,
                lifetime: None,
                signing_algorithm: None,
                scopes: Vec::new(),
            };
            assert!(apis::create(registry, &app.owner(), new).await.is_err(), "{name:?}");
        }
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        for name in HOSTILE {
            let refused = ada.submit("/me/profile", &[("display_name", name)]).await;
            assert_ne!(refused.status, 303, "{name:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn fx_12_a_stored_name_stays_until_it_is_edited_and_is_spelled_out() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let draft = service(&["workspace:read"]);
        let created = clients::create(registry, &app.owner(), draft, Creation::default())
            .await
            .expect("made");
        let id = created.client.client_id;
        let stored = "abc\u{202e}\u{5d0}";
        meddle(
            &app,
            "UPDATE clients SET name = $1 WHERE client_id = $2",
            vec![stored.into(), (&id).into()],
        )
        .await;
        let edit = Edit {
            description: Some("Nightly".to_owned()),
            ..Edit::default()
        };
        let after = clients::edit(registry, &app.owner(), &id, None, edit)
            .await
            .expect("the rest is edited");
        assert_eq!(after.name, stored);
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        for path in [
            "/clients".to_owned(),
            format!("/clients/{id}"),
            format!("/clients/{id}/delete"),
        ] {
            let page = ada.get(&format!("/orgs/{}{path}", app.org.handle)).await;
            assert_eq!(page.status, 200, "{path}");
            let text = page.text();
            assert!(text.contains("[U+202E]"), "{path}: {text}");
        }
        let edit = Edit {
            name: Some("a\u{202e}b".to_owned()),
            ..Edit::default()
        };
        assert!(
            clients::edit(registry, &app.owner(), &id, None, edit)
                .await
                .is_err()
        );
    })
    .await;
}

/// Whoever checks a text for control characters alone has forgotten those that are hidden.
#[test]
fn fx_12_no_input_checks_its_names_by_itself() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/registry")];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            // Claims about a person, and addresses, are no names that others trust.
            let claims = path.ends_with("registry/profile.rs") || path.ends_with("registry/people.rs");
            if text.contains("is_control") && !claims {
                wrong.push(path);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

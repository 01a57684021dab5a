//! A sync connector from its form to its last sync, and clients that are made like others.

use axum::http::StatusCode;

use super::{at, expect, hidden, holds, lacks, named, secrets};
use crate::{
    registry::client_input::SYNC_CONNECTOR_SCOPES,
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{TestClient, on_both},
    },
    time::Lifetime,
};

#[tokio::test]
async fn j_2_a_connector_is_made_configured_reports_in_and_is_looked_after() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Owner).await;
        let path = at(&app, "/clients/new/sync-connector");
        let form = browser.get(&path).await;
        for words in [
            "Directory profile",
            "None yet",
            "Connector host name",
            "Why these?",
            "Customise",
            "Secret expires",
        ] {
            holds(&form, words);
        }
        for scope in SYNC_CONNECTOR_SCOPES {
            holds(&form, scope);
        }
        let once = hidden(&form, "once");
        let fields = [
            ("once", once.as_str()),
            ("directory", "active-directory"),
            ("host", "HQ domain controller"),
            ("secret_expires", "90"),
        ];
        let created = browser.submit(&path, &fields).await;
        expect(&created, StatusCode::OK);
        holds(&created, "Directory sync – HQ domain controller is ready");
        holds(&created, "Waiting for the connector to report in…");
        for words in [
            "connector.toml",
            "EnvironmentFile=",
            "docker run",
            "client_secret_env",
            "urn:oauthority:api",
        ] {
            holds(&created, words);
        }
        let secret = secrets(&created).pop().expect("a secret");
        // Only where it is handed over, never in a snippet.
        let snippets = created
            .text()
            .split("connector-config")
            .skip(1)
            .collect::<String>();
        assert!(!snippets.contains(&secret));
        let text = created.text();
        let id = text
            .split("client_id = &quot;")
            .nth(1)
            .and_then(|rest| rest.split('&').next())
            .expect("an id");
        let page = at(&app, &format!("/clients/{id}"));
        holds(
            &browser.get(&page).await,
            "Active Directory at HQ domain controller",
        );
        let wait = format!("{page}/waiting");
        holds(
            &browser.get(&wait).await,
            "Waiting for the connector to report in…",
        );
        let client = TestClient {
            id: id.to_owned(),
            secret,
        };
        client
            .token_for(
                &app,
                &[("scope", "scim:read"), ("resource", "urn:oauthority:api")],
            )
            .await;
        holds(&browser.get(&wait).await, "The connector reported in");
        let overview = browser.get(&page).await;
        holds(&overview, "Last sync");
        lacks(&overview, "Not asked for in 30 days");
        app.clock.advance(Lifetime::days(31));
        client
            .token_for(
                &app,
                &[("scope", "scim:read"), ("resource", "urn:oauthority:api")],
            )
            .await;
        let browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let later = browser.get(&page).await;
        holds(&later, "Not asked for in 30 days");
        let remark = later
            .text()
            .split("Not asked for in 30 days")
            .nth(1)
            .unwrap()
            .split("</p>")
            .next()
            .unwrap()
            .to_owned();
        assert!(
            remark.contains("connector:write") && !remark.contains("scim:read"),
            "{remark}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_connector_that_never_reported_in_is_pointed_out() {
    on_both(async |app| {
        let draft = crate::registry::client_input::Draft::sync_connector("HQ".to_owned(), String::new());
        let connector = app.client(&app.org, draft).await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = at(&app, &format!("/clients/{}", connector.id));
        lacks(&browser.get(&page).await, "has not reported in");
        app.clock.advance(Lifetime::days(31));
        browser.sign_in("ada").await;
        holds(&browser.get(&page).await, "This connector has not reported in");
    })
    .await;
}

#[tokio::test]
async fn an_active_client_is_copied_from_its_menu() {
    on_both(async |app| {
        let client = named(&app, "Exporter").await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = at(&app, &format!("/clients/{}", client.id));
        holds(&browser.get(&page).await, "Create one like this");
        let to = browser.get(&format!("{page}/copy")).await;
        assert_eq!(to.status, StatusCode::SEE_OTHER);
        let form = browser.get(to.header("location")).await;
        holds(&form, "Begun with the settings of");
        holds(&form, "Another client has this name");
    })
    .await;
}

#[tokio::test]
async fn a_client_of_a_file_says_so_and_its_form_warns() {
    on_both(async |app| {
        let client = named(&app, "Exporter").await;
        let edit = crate::registry::clients::Edit {
            file_key: Some(Some("exporter".to_owned())),
            ..crate::registry::clients::Edit::default()
        };
        let registry = &app.app.registry;
        crate::registry::clients::edit(registry, &app.owner(), &client.id, None, edit)
            .await
            .unwrap();
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = at(&app, &format!("/clients/{}", client.id));
        holds(&browser.get(&page).await, "A file of clients, under the key");
        holds(
            &browser.get(&format!("{page}/edit")).await,
            "A file manages this client",
        );
    })
    .await;
}

//! The operator decides where this instance sends requests, and browsers over plain http. What was saved under another
//! rule keeps its meaning, is not called, and is listed.

use super::{
    browser::{Browser, person},
    harness::*,
};
use crate::{
    db::{Statement, WriteError},
    oauth::{client::ApplicationType, people_settings::PeopleSettings, refusal::Code},
    registry::{
        accounts, addresses,
        apis::{self, NewApi},
        audiences,
        bootstrap::system_access,
        client_input::Draft,
        clients::{self, Creation, Edit},
        members, organizations, webhooks,
    },
    store::{
        self,
        apis::TokenFormat,
        users::{Role, UserStatus},
    },
};

const PUBLIC: &[(&str, &str)] = &[("issuer", "https://id.example.com")];

fn web(redirect_uri: &str, logout_uri: Option<&str>) -> Draft {
    Draft {
        redirect_uris: vec![redirect_uri.to_owned()],
        people: PeopleSettings {
            backchannel_logout_uri: logout_uri.map(str::to_owned),
            ..PeopleSettings::default()
        },
        ..signing_in(ApplicationType::Web)
    }
}

/// The fields that a refused creation points at; empty if it was made.
async fn refused(app: &TestApp, draft: Draft) -> Vec<String> {
    let made = clients::create(&app.app.registry, &app.owner(), draft, Creation::default()).await;
    let Err(error) = made else { return Vec::new() };
    let fields = &error.refusal().expect("ours").fields;
    fields.iter().map(|field| field.pointer.clone()).collect()
}

/// Writes addresses into a client as an older version left them, and starts anew.
async fn with_stored(app: TestApp, id: &str, redirect_uri: &str, logout_uri: &str) -> TestApp {
    let sql = "UPDATE clients SET redirect_uris = $1, backchannel_logout_uri = $2 WHERE client_id = $3";
    let write = Statement::new(sql, vec![redirect_uri.into(), logout_uri.into(), id.into()]);
    app.db().write(write.into()).await.expect("written");
    app.restart().await
}

#[tokio::test]
async fn fx_01_an_organisation_does_not_open_loopback() {
    on_both_with(PUBLIC, async |app| {
        assert!(app.org.settings.development_redirects, "as 0.1.0 left it");
        for host in [
            "127.0.0.1:9",
            "127.1",
            "localhost:9",
            "[::1]",
            "2130706433",
            "[::ffff:7f00:1]",
            "10.0.0.1",
        ] {
            for scheme in ["http", "https"] {
                let uri = format!("{scheme}://{host}/admin/shutdown?x=1");
                let draft = web("https://app.example/cb", Some(&uri));
                assert_eq!(refused(&app, draft).await, ["/backchannel_logout_uri"], "{uri}");
            }
        }
        for uri in [
            "http://127.0.0.1:3000/cb",
            "http://localhost:3000/cb",
            "http://[::1]/cb",
        ] {
            assert_eq!(refused(&app, web(uri, None)).await, ["/redirect_uris/0"], "{uri}");
            let single_page = Draft {
                application_type: ApplicationType::UserAgentBased,
                ..web(uri, None)
            };
            assert_eq!(refused(&app, single_page).await, ["/redirect_uris/0"], "{uri}");
        }
        let native = Draft {
            application_type: ApplicationType::Native,
            ..web("http://127.0.0.1/cb", None)
        };
        assert!(refused(&app, native).await.is_empty(), "RFC 8252 stays");
    })
    .await;
}

#[tokio::test]
async fn fx_01_the_operator_opens_loopback_and_an_organisation_only_forbids() {
    let settings = [
        PUBLIC[0],
        ("features.development_redirects", "true"),
        ("outward.allow", "127.0.0.0/8"),
    ];
    on_both_with(&settings, async |mut app| {
        let uri = "http://127.0.0.1:3000/cb";
        assert!(
            refused(&app, web(uri, Some("http://127.0.0.1:9/logout")))
                .await
                .is_empty()
        );
        assert_eq!(
            refused(&app, web(uri, Some("http://10.0.0.1/logout"))).await,
            ["/backchannel_logout_uri"]
        );
        app.org.settings.development_redirects = false;
        assert_eq!(refused(&app, web(uri, None)).await, ["/redirect_uris/0"]);
    })
    .await;
}

#[tokio::test]
async fn fx_01_what_an_older_version_saved_goes_on_is_not_called_and_is_listed() {
    let (redirect_uri, logout_uri) = ("http://127.0.0.1:3000/cb", "http://127.0.0.1:9/logout");
    on_both_with(PUBLIC, async |app| {
        let client = app.client(&app.org, web("https://app.example/cb", None)).await;
        let app = with_stored(app, &client.id, redirect_uri, logout_uri).await;
        let registry = &app.app.registry;
        // It goes on: other things are changed without a word about it, and it stays registered.
        let edit = Edit {
            name: Some("Billing".to_owned()),
            ..Edit::default()
        };
        let edited = clients::edit(registry, &app.owner(), &client.id, None, edit)
            .await
            .expect("edited");
        assert_eq!(edited.redirect_uris, [redirect_uri]);
        assert_eq!(edited.people.backchannel_logout_uri.as_deref(), Some(logout_uri));
        let to = format!(
            "/oauth2/authorize?response_type=code&client_id={}&redirect_uri={redirect_uri}",
            client.id
        );
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let answer = browser.get(&to).await;
        assert!(
            answer.header("location").starts_with(redirect_uri),
            "{}",
            answer.text()
        );
        // Another one like it is refused.
        let edit = Edit {
            redirect_uris: Some(vec![
                redirect_uri.to_owned(),
                "http://127.0.0.1:3001/cb".to_owned(),
            ]),
            ..Edit::default()
        };
        let refused = clients::edit(registry, &app.owner(), &client.id, None, edit).await;
        let refused = refused.expect_err("a new one");
        assert_eq!(
            refused.refusal().expect("ours").fields[0].pointer,
            "/redirect_uris/1"
        );
        // It is listed: by the API's notes, on the overview, and on the page of the client.
        let notes = addresses::notes(&registry.boundary_of(&app.org), &edited);
        let codes: Vec<&str> = notes.iter().map(|note| note.code).collect();
        assert_eq!(codes, [addresses::REFUSED, addresses::NOT_CALLED]);
        let overview = browser.get("/orgs/main").await.text();
        assert!(
            overview.contains("Billing is not told of sign-outs"),
            "{overview}"
        );
        let page = browser
            .get(&format!("/orgs/main/clients/{}", client.id))
            .await
            .text();
        assert!(
            page.contains("goes on working") && page.contains("is not called"),
            "{page}"
        );
    })
    .await;
}

#[tokio::test]
async fn fx_01_a_stored_webhook_that_is_not_called_is_listed_and_can_be_changed() {
    on_both_with(PUBLIC, async |app| {
        let registry = &app.app.registry;
        let new = webhooks::NewWebhook {
            url: "https://hooks.example.com/".to_owned(),
            description: String::new(),
            events: vec!["*".to_owned()],
            active: true,
        };
        let made = webhooks::create(registry, &app.owner(), new)
            .await
            .expect("made")
            .webhook;
        assert_eq!(webhooks::blocked(registry, &app.org, &made), None);
        let sql = "UPDATE webhooks SET url = 'http://127.0.0.1:9/hook' WHERE id = $1";
        let write = Statement::new(sql, vec![made.id.as_str().into()]);
        app.db().write(write.into()).await.expect("written");
        let edit = webhooks::Edit {
            description: Some("Old".to_owned()),
            ..webhooks::Edit::default()
        };
        let hook = webhooks::edit(registry, &app.owner(), &made.id, None, edit)
            .await
            .expect("edited");
        assert!(webhooks::blocked(registry, &app.org, &hook).is_some());
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let overview = browser.get("/orgs/main").await.text();
        assert!(
            overview.contains("The webhook to 127.0.0.1:9 is not called"),
            "{overview}"
        );
    })
    .await;
}

#[tokio::test]
async fn fx_01_no_box_is_offered_that_does_nothing() {
    on_both_with(PUBLIC, async |mut app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser.get("/orgs/main/settings").await.text();
        assert!(
            page.contains("forbidden on this server")
                && !page.contains("type=\"checkbox\" name=\"development_redirects\""),
            "{page}"
        );
        let settings = |development_redirects| {
            let mut settings = (*app.org.settings).clone();
            settings.development_redirects = development_redirects;
            settings
        };
        let (on, off) = (settings(true), settings(false));
        let edit = |settings| organizations::OrganizationEdit {
            settings: Some(settings),
            ..organizations::OrganizationEdit::default()
        };
        let closed = organizations::edit(&app.app.registry, &app.owner(), None, edit(off)).await;
        app.org = closed.expect("an organisation may forbid it to itself");
        let refused = organizations::edit(&app.app.registry, &app.owner(), None, edit(on)).await;
        let refused = refused.expect_err("and not allow it");
        assert_eq!(
            refused.refusal().expect("ours").fields[0].pointer,
            "/settings/development_redirects"
        );
    })
    .await;
}

#[tokio::test]
async fn fx_13_a_stored_query_does_not_speak_for_this_server() {
    on_both(async |app| {
        let client = app.client(&app.org, web("https://app.example/cb", None)).await;
        let stored = "https://app.example/cb?tenant=7&code=evil&%73tate=evil&iss=evil&error=evil";
        let app = with_stored(app, &client.id, stored, "https://app.example/logout").await;
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let asked: String = url::form_urlencoded::byte_serialize(stored.as_bytes()).collect();
        for mode in ["query", "form_post"] {
            let to = format!(
                "/oauth2/authorize?response_type=code&client_id={}&redirect_uri={asked}&state=ours&response_mode={mode}",
                client.id
            );
            let answer = browser.get(&to).await;
            let shown = format!("{} {}", answer.header("location"), answer.text());
            assert!(!shown.contains("evil") && shown.contains("https://app.example/cb?tenant=7"), "{shown}");
            assert!(shown.contains("ours"), "{shown}");
        }
    })
    .await;
}

#[tokio::test]
async fn fx_16_an_api_takes_no_audience_of_ours_and_none_that_is_taken_in_another_spelling() {
    let issuer = [("issuer", "https://id.example.com")];
    on_both_with(&issuer, async |app| {
        let org = &app.org;
        app.api(org, "https://api.example.com/v1", TokenFormat::Jwt, &["a:b"]).await;
        for (audience, code) in [
            ("https://id.example.com", "audience.reserved"),
            ("https://id.example.com/", "audience.reserved"),
            ("HTTPS://ID.example.com:443/oauth2/userinfo", "audience.reserved"),
            ("https://id.example.com./x", "audience.reserved"),
            ("urn:oauthority:api", "audience.reserved"),
            ("URN:oauthority:api", "audience.reserved"),
            ("urn:OAuthority:api", "audience.reserved"),
            ("urn:%6fauthority:api", "audience.reserved"),
            ("javascript:alert(1)", "audience.scheme"),
            ("DATA:text/html,x", "audience.scheme"),
            ("file:///etc/passwd", "audience.scheme"),
            ("https://api.example.com/v1", "audience.taken"),
            ("https://API.example.com:443/%761", "audience.taken"),
        ] {
            let new = NewApi {
                name: "Mine".to_owned(),
                audience: audience.to_owned(),
                token_format: TokenFormat::Jwt,
                lifetime: None,
                signing_algorithm: None,
                scopes: Vec::new(),
            };
            let refused = apis::create(&app.app.registry, &app.owner(), new).await;
            let refused = refused.expect_err(audience);
            assert_eq!(refused.refusal().expect("ours").fields[0].code, code, "{audience}");
        }
        app.api(org, "https://api.example.com/v2", TokenFormat::Jwt, &["a:b"]).await;
        assert!(audiences::twins(&app.app.registry).await.expect("read").is_empty());
        // Two that an older version took for different ones go on, and the operator is told.
        let write = "UPDATE apis SET audience = 'HTTPS://api.example.com/v1' WHERE audience = 'https://api.example.com/v2'";
        app.db().write(Statement::new(write, vec![]).into()).await.expect("written");
        let twins = audiences::twins(&app.app.registry).await.expect("read");
        assert_eq!(twins.len(), 1);
        assert_eq!(twins[0].len(), 2);
    })
    .await;
}

#[tokio::test]
async fn fx_17_the_last_active_owner_is_not_deactivated_demoted_or_removed() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let access = system_access(app.org.clone());
        let first = person(&app, "olga", Some(Role::Owner)).await;
        let second = person(&app, "oscar", Some(Role::Owner)).await;
        accounts::set_status(registry, &access, &second.id, UserStatus::Inactive)
            .await
            .expect("another owner is active");
        let refused = accounts::set_status(registry, &access, &first.id, UserStatus::Inactive).await;
        let refused = refused.expect_err("the last one");
        let refusal = refused.refusal().expect("ours");
        assert!(
            refusal.code == Code::Conflict && refusal.description.contains("(main)"),
            "{}",
            refusal.description
        );
        // An owner who is inactive does not count.
        assert!(
            members::set_role(registry, &app.owner(), &first.id, Role::Admin)
                .await
                .is_err()
        );
        assert!(members::remove(registry, &app.owner(), &first.id).await.is_err());
        // The statement holds as well when two come at once and neither saw the other.
        let batch = crate::db::Batch::from(store::users::expect_other_owners(&first.id));
        let unmet = app.db().write(batch).await;
        assert!(matches!(unmet, Err(WriteError::Unmet("last_owner"))));
        accounts::set_status(registry, &access, &second.id, UserStatus::Active)
            .await
            .expect("reactivated");
        accounts::set_status(registry, &access, &first.id, UserStatus::Inactive)
            .await
            .expect("now there is another");
    })
    .await;
}

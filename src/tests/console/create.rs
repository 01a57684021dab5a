//! Creating clients.

use super::*;
use crate::{
    oauth::client::{GrantType, Kind},
    store::{self, apis::TokenFormat, clients::Client},
    tests::harness::{TestClient, on_both},
    time::Lifetime,
};

/// What the form of a service posts.
fn service(page: &Answer, name: &str, scope: &str) -> Vec<(&'static str, String)> {
    vec![
        ("once", hidden(page, "once")),
        ("name", name.to_owned()),
        ("grant_types", "client_credentials".to_owned()),
        ("scopes", scope.to_owned()),
        ("secret_expires", "90".to_owned()),
    ]
}

fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

/// What the form posts for a scope of the Workspace API.
async fn workspace(app: &TestApp, value: &str) -> String {
    let apis = store::apis::of_organization(app.db(), &app.org.id)
        .await
        .expect("read");
    let api = apis
        .iter()
        .find(|api| api.scopes.iter().any(|s| s.value == value))
        .expect("provisioned");
    format!("{} {value}", api.id)
}

async fn named(app: &TestApp, name: &str) -> Vec<Client> {
    let ids = store::clients::namesakes(app.db(), &app.org.id, name, "")
        .await
        .expect("read");
    let mut clients = Vec::new();
    for id in ids {
        clients.extend(store::clients::find(app.db(), &id).await.expect("read"));
    }
    clients
}

#[tokio::test]
async fn t10_the_picker_is_a_form_that_leads_on() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let page = ada.get(&at(&app, "/clients/new")).await;
        expect(&page, StatusCode::OK);
        let text = page.text();
        let (sync, custom) = (
            text.find("value=\"sync-connector\""),
            text.find("value=\"custom\""),
        );
        assert!(
            sync.is_some() && sync < custom,
            "sync connector and custom come first"
        );
        lacks(&page, "oming soon");
        let next = ada.get(&at(&app, "/clients/new?template=web&name=Shop")).await;
        expect(&next, StatusCode::SEE_OTHER);
        assert_eq!(next.header("location"), at(&app, "/clients/new/web?name=Shop"));
        let answer = ada
            .get(&at(&app, "/clients/new?person=yes&place=device&keeps=no"))
            .await;
        holds(&answer, "Continue with Mobile or desktop app");
        expect(
            &ada.get(&at(&app, "/clients/new/fax")).await,
            StatusCode::NOT_FOUND,
        );
    })
    .await;
}

#[tokio::test]
async fn t13_the_secret_is_shown_once_and_works() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/service");
        let page = ada.get(&path).await;
        let scope = workspace(&app, "workspace:read").await;
        let fields = service(&page, "Invoice exporter", &scope);
        let created = ada.submit(&path, &pairs(&fields)).await;
        expect(&created, StatusCode::OK);
        let shown = secrets(&created);
        assert_eq!(shown.len(), 1, "{}", created.text());
        assert_eq!(created.header("cache-control"), "no-store");
        holds(&created, "$OAUTHORITY_CLIENT_SECRET");
        holds(&created, "Waiting for the first token");
        let [client] = &named(&app, "Invoice exporter").await[..] else {
            panic!("one client");
        };
        let machine = TestClient {
            id: client.client_id.clone(),
            secret: shown[0].clone(),
        };
        machine.token(&app).await;
        for tail in ["/clients", "/activity", &format!("/clients/{}", machine.id)] {
            lacks(&ada.get(&at(&app, tail)).await, &machine.secret);
        }
        let again = ada.submit(&path, &pairs(&fields)).await;
        expect(&again, StatusCode::CONFLICT);
        holds(&again, "shown already");
        holds(&again, &format!("/clients/{}/rotate", machine.id));
        assert!(secrets(&again).is_empty());
        assert_eq!(named(&app, "Invoice exporter").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_form_that_has_to_be_mended_keeps_everything_and_its_one_chance() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/web");
        let page = ada.get(&path).await;
        let once = hidden(&page, "once");
        let scope = workspace(&app, "workspace:read").await;
        let fields = [
            ("once", once.as_str()),
            ("name", ""),
            ("description", "Sells <b>things</b>"),
            ("grant_types", "authorization_code"),
            (
                "redirect_uris",
                "https://a.example/#x https://*.example/cb\nhttp://example.com",
            ),
            ("redirect_uris", "http://127.0.0.1:4000/cb"),
            ("scopes", &scope),
        ];
        let answer = ada.submit(&path, &fields).await;
        expect(&answer, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&answer, "<title>Error: ");
        holds(&answer, "Enter a name.");
        holds(&answer, "href=\"#redirect_uris-1\"");
        holds(&answer, "Remove the fragment");
        holds(&answer, "Wildcards are not allowed");
        holds(&answer, "Use https");
        holds(&answer, "value=\"http://127.0.0.1:4000/cb\"");
        holds(&answer, "Sells &lt;b&gt;things&lt;/b&gt;");
        assert_eq!(
            answer.text().matches("name=\"redirect_uris\"").count(),
            5,
            "four rows and the template"
        );
        let mended = [
            ("once", once.as_str()),
            ("name", "Shop"),
            ("grant_types", "authorization_code"),
            ("redirect_uris", "https://a.example/cb"),
            ("scopes", &scope),
            ("scopes", "openid"),
            ("require_consent", "yes"),
        ];
        expect(&ada.submit(&path, &mended).await, StatusCode::OK);
        let client = named(&app, "Shop").await.remove(0);
        assert_eq!(client.oidc_scopes, ["openid"]);
        assert!(client.require_consent);
    })
    .await;
}

#[tokio::test]
async fn t29_rows_come_and_go_without_script() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/custom");
        ada.get(&path).await;
        let typed = [
            ("name", "Shop"),
            ("redirect_uris", "https://a.example/1"),
            ("redirect_uris", "https://a.example/2"),
        ];
        let add = [&typed[..], &[("do", "add:redirect_uris")]].concat();
        let more = ada.submit(&path, &add).await;
        expect(&more, StatusCode::OK);
        assert_eq!(
            more.text().matches("name=\"redirect_uris\"").count(),
            4,
            "three rows and the template"
        );
        holds(&more, "value=\"Shop\"");
        let remove = [&typed[..], &[("do", "remove:redirect_uris:0")]].concat();
        let fewer = ada.submit(&path, &remove).await;
        lacks(&fewer, "https://a.example/1");
        holds(&fewer, "https://a.example/2");
        let reads = ada.submit(&path, &[("do", "pick:reads")]).await;
        let scope = workspace(&app, "workspace:read").await;
        holds(&reads, &format!("value=\"{scope}\" checked"));
        assert!(named(&app, "Shop").await.is_empty(), "nothing was created");
    })
    .await;
}

#[tokio::test]
async fn t12_the_summary_says_what_would_come_of_it() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/custom");
        ada.get(&path).await;
        let scope = workspace(&app, "members:delete").await;
        let csrf = ada.csrf();
        let fields = [
            ("csrf", csrf.as_str()),
            ("do", "summary"),
            ("name", "Cleaner"),
            ("type", "public"),
            ("grant_types", "client_credentials"),
            ("scopes", &scope),
        ];
        let answer = ada.post_with(&path, &fields, &[("x-fragment", "summary")]).await;
        expect(&answer, StatusCode::OK);
        assert!(
            answer.text().starts_with("<div class=\"stack\" id=\"summary\">"),
            "{}",
            answer.text()
        );
        holds(&answer, "<b><bdi>Cleaner</bdi></b> gets tokens for itself.");
        holds(&answer, "members:delete can destroy data");
        holds(&answer, "A public app cannot keep a secret");
        assert!(named(&app, "Cleaner").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn t11_a_sync_connector_is_exactly_what_it_is() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/sync-connector");
        let page = ada.get(&path).await;
        for scope in [
            "scim:read",
            "scim:write",
            "sync:profile:read",
            "connector:read",
            "connector:write",
        ] {
            holds(&page, &format!(" {scope}\">"));
        }
        assert_eq!(page.text().matches("name=\"scopes\"").count(), 5);
        holds(&page, "name=\"grant_types\" value=\"client_credentials\"");
        let once = hidden(&page, "once");
        let empty = ada.submit(&path, &[("once", &once)]).await;
        expect(&empty, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&empty, "Name the host");
        // Whatever else is posted, the preset holds.
        let wider = workspace(&app, "members:delete").await;
        let fields = [
            ("once", once.as_str()),
            ("host", "dc1"),
            ("secret_expires", "30"),
            ("scopes", &wider),
            ("grant_types", "authorization_code"),
        ];
        expect(&ada.submit(&path, &fields).await, StatusCode::OK);
        let client = named(&app, "Directory sync – dc1").await.remove(0);
        assert_eq!(client.kind, Kind::SyncConnector);
        assert_eq!(client.grant_types, [GrantType::ClientCredentials]);
        assert_eq!(client.scopes.len(), 5);
        let custom = at(
            &app,
            "/clients/new/custom?type=service&grant=client_credentials&scope=scim:read&name=Mine",
        );
        let open = ada.get(&custom).await;
        holds(&open, "Filled in by the link you followed");
        holds(&open, "value=\"Mine\"");
    })
    .await;
}

#[tokio::test]
async fn password_and_implicit_are_not_selectable() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/custom");
        let page = ada.get(&path).await;
        lacks(&page, "value=\"password\"");
        lacks(&page, "mplicit");
        let once = hidden(&page, "once");
        let scope = workspace(&app, "workspace:read").await;
        let fields = [
            ("once", once.as_str()),
            ("name", "Old"),
            ("type", "web"),
            ("grant_types", "password"),
            ("scopes", &scope),
        ];
        let answer = ada.submit(&path, &fields).await;
        expect(&answer, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&answer, "Choose at least one way to get tokens.");
    })
    .await;
}

#[tokio::test]
async fn a_public_client_gets_no_secret_and_is_told_why() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/native");
        let page = ada.get(&path).await;
        lacks(&page, "Secret expires");
        let once = hidden(&page, "once");
        let scope = workspace(&app, "workspace:read").await;
        let fields = [
            ("once", once.as_str()),
            ("name", "Phone"),
            ("grant_types", "authorization_code"),
            ("grant_types", "refresh_token"),
            ("redirect_uris", "com.example.app:/cb"),
            ("scopes", &scope),
        ];
        let created = ada.submit(&path, &fields).await;
        expect(&created, StatusCode::OK);
        holds(&created, "There is no secret.");
        assert!(secrets(&created).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_namesake_is_pointed_out() {
    on_both(async |app| {
        let first = app.service(&["workspace:read"]).await;
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/service");
        ada.get(&path).await;
        let answer = ada
            .submit(&path, &[("do", "summary"), ("name", "nightly EXPORT")])
            .await;
        holds(&answer, "Another client has this name");
        holds(&answer, &first.id);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_client_can_be_the_model_of_a_new_one() {
    on_both(async |app| {
        let gone = app.service(&["workspace:write"]).await;
        crate::registry::clients::delete(&app.app.registry, &app.owner(), &gone.id, None)
            .await
            .expect("deleted");
        let ada = admin(&app).await;
        let page = ada
            .get(&at(&app, &format!("/clients/new/custom?like={}", gone.id)))
            .await;
        expect(&page, StatusCode::OK);
        holds(&page, "value=\"Nightly export\"");
        let scope = workspace(&app, "workspace:write").await;
        holds(&page, &format!("value=\"{scope}\" checked"));
        let other = app.organization("other").await;
        let foreign = app
            .client(&other, crate::tests::harness::service(&["workspace:read"]))
            .await;
        let page = ada
            .get(&at(&app, &format!("/clients/new/custom?like={}", foreign.id)))
            .await;
        expect(&page, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn an_old_sign_in_asks_for_the_password_and_keeps_the_form() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/service");
        let page = ada.get(&path).await;
        let scope = workspace(&app, "workspace:read").await;
        let mut fields = service(&page, "Invoice exporter", &scope);
        app.clock.advance(Lifetime::minutes(16));
        let asked = ada.submit(&path, &pairs(&fields)).await;
        expect(&asked, StatusCode::FORBIDDEN);
        holds(&asked, "name=\"confirm_password\"");
        holds(&asked, "value=\"Invoice exporter\"");
        fields.push(("confirm_password", crate::tests::browser::PASSWORD.to_owned()));
        let created = ada.submit(&path, &pairs(&fields)).await;
        expect(&created, StatusCode::OK);
        assert_eq!(secrets(&created).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn t71_an_auditor_creates_nothing() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let page = ada.get(&at(&app, "/clients/new/service")).await;
        let scope = workspace(&app, "workspace:read").await;
        let fields = service(&page, "Sneaky", &scope);
        let aud = Browser::of(&app, "aud", Role::Auditor).await;
        for tail in ["/clients/new", "/clients/new/service"] {
            expect(&aud.get(&at(&app, tail)).await, StatusCode::FORBIDDEN);
        }
        let answer = aud
            .submit(&at(&app, "/clients/new/service"), &pairs(&fields))
            .await;
        expect(&answer, StatusCode::FORBIDDEN);
        assert!(named(&app, "Sneaky").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_request_for_several_audiences_names_one() {
    on_both(async |app| {
        let api = app
            .api(
                &app.org,
                "https://bills.example",
                TokenFormat::Opaque,
                &["bills:read"],
            )
            .await;
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/service");
        let page = ada.get(&path).await;
        let scope = workspace(&app, "workspace:read").await;
        let mut fields = service(&page, "Both", &scope);
        fields.push(("scopes", format!("{} bills:read", api.id)));
        let created = ada.submit(&path, &pairs(&fields)).await;
        expect(&created, StatusCode::OK);
        holds(&created, "resource=urn:oauthority:workspace:");
        holds(&created, "scope=workspace:read&quot;");
    })
    .await;
}

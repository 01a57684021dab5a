//! What 0.1.0 took and this version would not take: it goes on as it was meant, does no harm, and is listed.

use std::net::TcpListener;

use serde_json::{Value as Json, json};

use super::{Upgraded, from_0_1_0};
use crate::{
    backchannel,
    oauth::authentication::MULTI_FACTOR,
    registry::{
        addresses, audiences,
        audit::{seal, verify},
        client_input::ScopeRef,
        clients::{self, Edit},
        factors, organizations,
    },
    store,
    tests::{
        audit::meddle,
        browser::Browser,
        flows::{Rp, param, payload},
        harness::{TestApp, TestClient, inactive},
    },
};

/// Somebody of the installation, who has just signed in.
async fn signed_in<'a>(old: &'a Upgraded, username: &str) -> Browser<'a> {
    let browser = Browser::new(&old.app);
    browser.sign_in(username).await;
    browser
}

/// Changes something that has nothing to do with what is odd about a client.
async fn describe(app: &TestApp, id: &str) -> store::clients::Client {
    let edit = Edit {
        description: Some("As before".to_owned()),
        ..Edit::default()
    };
    clients::edit(&app.app.registry, &app.owner(), id, None, edit)
        .await
        .expect("other settings are changed without a word")
}

async fn grant(app: &TestApp, id: &str, scopes: Vec<ScopeRef>) {
    let edit = Edit {
        scopes: Some(scopes),
        ..Edit::default()
    };
    clients::edit(&app.app.registry, &app.owner(), id, None, edit)
        .await
        .expect("granted");
}

fn scope_of(audience: &str) -> ScopeRef {
    ScopeRef {
        audience: Some(audience.to_owned()),
        value: "x:read".to_owned(),
    }
}

/// The codes of the notes that the API tells of a client. A client of 0.1.0 asks: chance is that of 0.1.0 once more, and
/// would make one of the same name.
async fn noted(old: &Upgraded, id: &str) -> Vec<String> {
    let (app, reader) = (&old.app, old.client("jwt"));
    grant(app, &reader.id, vec![ScopeRef::text("clients:read")]).await;
    let token = reader.token_for(app, &[("resource", "urn:oauthority:api")]).await;
    let path = format!("/api/v1/orgs/{}/clients/{id}", app.org.handle);
    let answer = app.get(&path).bearer(&token).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    let notes = told["notes"].as_array().cloned().unwrap_or_default();
    let codes = notes.iter().filter_map(|note| note["code"].as_str());
    codes.map(str::to_owned).collect()
}

#[tokio::test]
async fn fx_01_a_stored_logout_uri_on_this_machine_is_kept_is_not_called_and_is_listed() {
    let inside = TcpListener::bind("127.0.0.1:0").expect("a port");
    inside.set_nonblocking(true).expect("a socket");
    let uri = format!("http://{}/admin/shutdown", inside.local_addr().expect("bound"));
    let sql = format!(
        "UPDATE clients SET backchannel_logout_uri = '{uri}' WHERE backchannel_logout_uri IS NOT NULL"
    );
    from_0_1_0(&[Box::leak(sql.into_boxed_str())], async |old| {
        let (app, client) = (&old.app, old.client("loopback"));
        let edited = describe(app, &client.id).await;
        assert_eq!(
            edited.people.backchannel_logout_uri.as_deref(),
            Some(uri.as_str())
        );
        let codes = noted(&old, &client.id).await;
        assert!(
            codes.iter().any(|code| code == addresses::NOT_CALLED),
            "{codes:?}"
        );
        let overview = signed_in(&old, "olivia").await.get("/orgs/main").await.text();
        assert!(
            overview.contains("Loopback logout is not told of sign-outs"),
            "{overview}"
        );
        let browser = signed_in(&old, "alice").await;
        let rp = Rp {
            client,
            redirect_uri: "http://localhost:3000/cb".to_owned(),
        };
        rp.tokens(app, &browser, &[("scope", "openid")]).await;
        browser.submit("/logout", &[]).await;
        backchannel::deliver(&app.app).await.expect("the storage works");
        assert!(inside.accept().is_err(), "it was called");
    })
    .await;
}

#[tokio::test]
async fn fx_06_a_token_of_0_1_0_dies_with_its_scope_and_stays_dead() {
    from_0_1_0(&[], async |old| {
        let app = &old.app;
        for (owner, token, scopes, other) in [
            (
                "jwt",
                "/jwt_token",
                &["workspace:read", "workspace:write"][..],
                "reports:read",
            ),
            ("opaque", "/opaque_token", &["reports:read"], "workspace:read"),
        ] {
            let (client, token) = (old.client(owner), old.fact(token));
            assert_eq!(app.introspect(&client, &token).await["active"], true, "{owner}");
            grant(app, &client.id, vec![ScopeRef::text(other)]).await;
            assert_eq!(app.introspect(&client, &token).await, inactive(), "{owner}");
            let again = scopes.iter().map(|scope| ScopeRef::text(*scope)).collect();
            grant(app, &client.id, again).await;
            assert_eq!(app.introspect(&client, &token).await, inactive(), "{owner}");
            client.token(app).await;
        }
    })
    .await;
}

#[tokio::test]
async fn fx_07_settings_of_0_1_0_keep_their_meaning_and_what_only_a_newer_version_knows() {
    let sql = r#"UPDATE organizations SET settings = '{"require_second_factor":true,"audit_retention_days":null,"from_the_future":{"x":1}}'"#;
    from_0_1_0(&[sql], async |old| {
        let (app, registry) = (&old.app, &old.app.app.registry);
        assert_eq!(app.org.settings.audit_retention_days, None, "for ever");
        let alice = store::users::find_by_username(app.db(), "alice").await;
        let alice = alice.expect("read").expect("there");
        assert_eq!(
            factors::required(registry, &alice).await.expect("read"),
            MULTI_FACTOR
        );
        let mut settings = (*app.org.settings).clone();
        settings.secret_overlap_hours = 5;
        let edit = organizations::OrganizationEdit {
            name: None,
            settings: Some(settings),
        };
        organizations::edit(registry, &app.owner(), None, edit)
            .await
            .expect("edited");
        let row = app
            .db()
            .read_one("SELECT settings FROM organizations", vec![])
            .await;
        let text: String = row.expect("read").expect("a row").next().expect("a text");
        let stored: Json = serde_json::from_str(&text).expect("JSON");
        assert_eq!(stored["from_the_future"], json!({ "x": 1 }));
        assert_eq!(
            (&stored["audit_retention_days"], &stored["secret_overlap_hours"]),
            (&Json::Null, &json!(5))
        );
    })
    .await;
}

#[tokio::test]
async fn fx_08_a_changed_entry_of_0_1_0_is_found() {
    from_0_1_0(&[], async |old| {
        let (app, registry) = (&old.app, &old.app.app.registry);
        seal::all(registry).await.expect("sealed");
        let sql = "UPDATE audit_events SET action = $1 WHERE id = (SELECT min(id) FROM audit_events WHERE org_id = $2)";
        meddle(
            app,
            sql,
            vec!["client.edited".into(), app.org.id.as_str().into()],
        )
        .await;
        let found = verify::organization(registry, &app.owner()).await.expect("read");
        assert!(found.fault.is_some(), "{found:?}");
    })
    .await;
}

#[tokio::test]
async fn fx_12_a_stored_name_that_turns_letters_around_stays_and_is_spelled_out() {
    from_0_1_0(&[], async |old| {
        let (app, id) = (&old.app, old.fact("/rtl"));
        assert_eq!(describe(app, &id).await.name, "\u{202e}gnilliB");
        let olivia = signed_in(&old, "olivia").await;
        for path in [
            "/orgs/main/clients".to_owned(),
            format!("/orgs/main/clients/{id}"),
        ] {
            let page = olivia.get(&path).await.text();
            assert!(page.contains("[U+202E]"), "{path}: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn fx_13_a_stored_query_goes_on_and_does_not_speak_for_this_server() {
    from_0_1_0(&[], async |old| {
        let (app, client) = (&old.app, old.client("loopback"));
        let stored = "https://rp.example/cb?code=evil&state=evil&iss=evil";
        let edited = describe(app, &client.id).await;
        assert!(edited.redirect_uris.iter().any(|uri| uri == stored), "{edited:?}");
        let codes = noted(&old, &client.id).await;
        assert!(codes.iter().any(|code| code == addresses::REFUSED), "{codes:?}");
        let rp = Rp {
            client,
            redirect_uri: stored.to_owned(),
        };
        let answer = rp
            .authorize(&signed_in(&old, "alice").await, &[("scope", "openid")])
            .await;
        let to = answer.header("location");
        assert!(to.starts_with("https://rp.example/cb?"), "{}", answer.text());
        assert!(!to.contains("evil") && param(&answer, "code").is_some(), "{to}");
    })
    .await;
}

#[tokio::test]
async fn fx_14_a_stored_host_in_another_spelling_matches_byte_for_byte_only() {
    from_0_1_0(&[], async |old| {
        let (app, id) = (&old.app, old.fact("/native"));
        describe(app, &id).await;
        let codes = noted(&old, &id).await;
        let refused = codes.iter().filter(|code| *code == addresses::REFUSED);
        assert_eq!(refused.count(), 2, "{codes:?}");
        let browser = signed_in(&old, "alice").await;
        let rp = |redirect_uri: &str| Rp {
            client: TestClient {
                id: id.clone(),
                secret: String::new(),
            },
            redirect_uri: redirect_uri.to_owned(),
        };
        let scope = [("scope", "workspace:read")];
        for uri in [
            "http://127.1/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8080/cb",
        ] {
            // The page that everybody sees who goes back to their own machine.
            let answer = rp(uri).authorize(&browser, &scope).await;
            assert!(
                answer.text().contains("id=\"consent\""),
                "{uri}: {}",
                answer.text()
            );
        }
        for uri in [
            "http://127.1:8080/cb",
            "http://127.0.1/cb",
            "http://2130706433:8080/cb",
        ] {
            let answer = rp(uri).authorize(&browser, &scope).await;
            assert_eq!(answer.status, 400, "{uri}: {}", answer.text());
        }
    })
    .await;
}

#[tokio::test]
async fn fx_16_stored_audiences_go_on_being_compared_exactly_and_open_no_door_of_ours() {
    from_0_1_0(&[], async |old| {
        let (app, registry) = (&old.app, &old.app.app.registry);
        let (one, two) = ("https://API.example.com/", "https://api.example.com:443");
        let twins = audiences::twins(registry).await.expect("read");
        assert!(
            twins.iter().any(|group| group
                .iter()
                .all(|audience| [one, two].contains(&audience.as_str()))),
            "{twins:?}"
        );
        let client = app.service(&["workspace:read"]).await;
        for (mine, other) in [(one, two), (two, one)] {
            grant(app, &client.id, vec![scope_of(mine)]).await;
            let token = client.token_for(app, &[("resource", mine)]).await;
            assert_eq!(payload(&token)["aud"], mine);
            let refused = app.token(&client, &[("resource", other)]).await;
            assert_eq!(refused.status, 400, "{other}: {}", refused.text());
        }
        for audience in ["URN:oauthority:api", "javascript:alert(1)"] {
            grant(app, &client.id, vec![scope_of(audience)]).await;
            let token = client.token_for(app, &[("resource", audience)]).await;
            let answer = app.get("/api/v1/me").bearer(&token).send().await;
            assert_eq!(answer.status, 401, "{audience}: {}", answer.text());
        }
    })
    .await;
}

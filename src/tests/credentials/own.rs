//! One's own: limits, caps, and what works with what was made.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::*;
use crate::{
    registry::{
        credentials::{self, CredentialEdit},
        members,
        organizations::{self, OrganizationEdit},
    },
    store::{self, organizations::Settings},
    tests::harness::on_both,
    time::Lifetime,
};

const OWN: &str = "/api/v1/me/credentials";

#[tokio::test]
async fn a_member_makes_one_and_gets_tokens_with_scopes_in_full_and_repeated() {
    on_both(async |app| {
        invoices(&app).await;
        let browser = Browser::of(&app, "ben", Role::Member).await;
        let token = token(&app, &browser, "account:write").await;
        let asked = body("Nightly", &["invoices:read", "invoices:write"]);
        let answer = app.post(OWN).bearer(&token).json(&asked).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let made = answer.json();
        let client = TestClient {
            id: text(&made["credential"], "client_id"),
            secret: text(&made, "client_secret"),
        };
        assert_eq!(made["token_endpoint"], "http://localhost:8080/oauth2/token");
        assert_eq!(made["credential"]["scopes"][0]["qualified"], READ);
        assert_eq!(made["credential"]["state"], "active");
        let full = app.token(&client, &[("scope", READ)]).await;
        assert_eq!(full.json()["scope"], "invoices:read", "{}", full.text());
        let joined = [("scope", READ), ("scope", "https://api.exampleinvoices:write")];
        let joined = app.token(&client, &joined).await;
        assert_eq!(
            joined.json()["scope"],
            "invoices:read invoices:write",
            "{}",
            joined.text()
        );
        let caller = app.service(&["invoices:read"]).await;
        counts(&app, &caller, &text(&joined.json(), "access_token"), true).await;

        let theirs = caller.token(&app).await;
        counts(&app, &client, &theirs, false).await;
        counts(&app, &client, &text(&full.json(), "access_token"), true).await;

        let listed = app.get(OWN).bearer(&token).send().await.json();
        assert_eq!(listed["data"][0]["client_id"], client.id);
        assert!(!listed.to_string().contains(&client.secret));
        let one = format!("{OWN}/{}", client.id);
        let patch = json!({ "scopes": [{ "audience": AUDIENCE, "value": "invoices:read" }] });
        let edited = app.call(Method::PATCH, &one).bearer(&token).json(&patch).await;
        assert_eq!(edited.status, StatusCode::OK, "{}", edited.text());
        counts(&app, &caller, &text(&joined.json(), "access_token"), false).await;
        counts(&app, &caller, &text(&full.json(), "access_token"), true).await;

        let rotated = app
            .post(&format!("{one}/rotate"))
            .bearer(&token)
            .json(&json!({}))
            .await;
        let fresh = client.with_secret(&text(&rotated.json(), "client_secret"));
        app.token(&client, &[]).await.refused(401, "invalid_client");
        assert_eq!(app.token(&fresh, &[]).await.status, StatusCode::OK);
        let stale = app
            .call(Method::DELETE, &one)
            .bearer(&token)
            .header("if-match", "\"v1\"");
        assert_eq!(stale.send().await.status, StatusCode::PRECONDITION_FAILED);
        let gone = app.call(Method::DELETE, &one).bearer(&token).send().await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        counts(&app, &caller, &text(&full.json(), "access_token"), false).await;
        assert_eq!(
            app.get(&one).bearer(&token).send().await.status,
            StatusCode::NOT_FOUND
        );
        let actions: Vec<String> =
            store::audit::list(app.db(), &app.org.id, &store::audit::Filter::default(), 99)
                .await
                .unwrap()
                .into_iter()
                .map(|event| {
                    assert!(!event.details.to_string().contains(&client.secret));
                    event.action
                })
                .collect();
        for action in ["created", "updated", "rotated", "deleted"] {
            let action = format!("credential.{action}");
            assert!(actions.contains(&action), "{action} in {actions:?}");
        }
    })
    .await;
}

async fn settings(app: &TestApp, change: impl FnOnce(&mut Settings)) {
    let org = store::organizations::find(app.db(), &app.org.id)
        .await
        .unwrap()
        .unwrap();
    let mut access = app.owner_of(&org);
    let mut settings = (*org.settings).clone();
    change(&mut settings);
    access.org = org;
    let edit = OrganizationEdit {
        settings: Some(settings),
        ..OrganizationEdit::default()
    };
    organizations::edit(&app.app.registry, &access, None, edit)
        .await
        .expect("saved");
}

#[tokio::test]
async fn both_limits_are_settings_of_the_organisation() {
    on_both(async |app| {
        let values: Vec<String> = (0..11).map(|n| format!("things:read{n}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        app.api(&app.org, AUDIENCE, TokenFormat::Jwt, &values).await;
        let browser = Browser::of(&app, "ben", Role::Member).await;
        let token = token(&app, &browser, "account:write").await;
        let ask = async |values: &[&str]| app.post(OWN).bearer(&token).json(&body("One", values)).await;
        let none = ask(&[]).await;
        assert_eq!(none.json()["errors"][0]["pointer"], "/scopes", "{}", none.text());
        let many = ask(&values).await;
        assert_eq!(many.json()["errors"][0]["code"], "too_many", "{}", many.text());
        for _ in 0..10 {
            let made = ask(&values[..10]).await;
            assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        }
        let eleventh = ask(&values[..1]).await;
        assert_eq!(
            (eleventh.status, code(&eleventh)),
            (StatusCode::CONFLICT, "credential.limit".to_owned())
        );
        settings(&app, |s| {
            (s.credentials_per_member, s.scopes_per_credential) = (11, 1);
        })
        .await;
        assert_eq!(ask(&values[..2]).await.json()["errors"][0]["code"], "too_many");
        assert_eq!(ask(&values[..1]).await.status, StatusCode::CREATED);
        settings(&app, |s| s.credentials_per_member = 0).await;
        let closed = ask(&values[..1]).await;
        let expected = (StatusCode::FORBIDDEN, "credential.none_allowed".to_owned());
        assert_eq!((closed.status, code(&closed)), expected, "{}", closed.text());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_are_never_both_the_last_one() {
    on_both(async |app| {
        invoices(&app).await;
        settings(&app, |s| s.credentials_per_member = 1).await;
        let app = std::sync::Arc::new(app);
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let mut access = own(&app, &ben, Role::Member);
        access.org = store::organizations::find(app.db(), &app.org.id)
            .await
            .unwrap()
            .unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (app, access, ben) = (std::sync::Arc::clone(&app), access.clone(), ben.clone());
            tasks.spawn(async move {
                let asked = new(&["invoices:read"]);
                credentials::create(&app.app.registry, &access, &ben.id, &asked)
                    .await
                    .is_ok()
            });
        }
        let made = tasks.join_all().await.into_iter().filter(|made| *made).count();
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test]
async fn nobody_gives_his_credential_more_than_he_holds() {
    on_both(async |app| {
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let asked = json!({ "name": "Manager", "scopes": ["audit:read"] });
        let ask = async |token: &str| app.post(OWN).bearer(token).json(&asked).await;
        let bens = token(&app, &ben, "account:write").await;
        let refused = ask(&bens).await;
        assert_eq!(
            refused.json()["errors"][0]["code"],
            "scope.beyond_yours",
            "{}",
            refused.text()
        );
        let weak = ask(&token(&app, &ada, "account:write").await).await;
        let why = "a token gives no more than it holds itself";
        assert_eq!(
            weak.json()["errors"][0]["code"],
            "scope.beyond_yours",
            "{why}: {}",
            weak.text()
        );
        let strong = token(&app, &ada, "account:write audit:read").await;
        let made = ask(&strong).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        for scope in ["instance:read", "account:write"] {
            let asked = json!({ "name": "More", "scopes": [scope] });
            let refused = app.post(OWN).bearer(&strong).json(&asked).await;
            assert_eq!(
                refused.json()["errors"][0]["code"],
                "scope.beyond_yours",
                "{scope}"
            );
        }

        let path = "/api/v1/me/credential-scopes";
        let listed = app.get(path).bearer(&bens).send().await.json();
        let rows = listed["data"].as_array().expect("a list").clone();
        let why =
            |value: &str| rows.iter().find(|row| row["value"] == value).expect(value)["refused"].clone();
        assert_eq!(why("workspace:read"), Json::Null);
        assert!(
            why("audit:read")
                .as_str()
                .is_some_and(|why| why.contains("do not hold")),
            "{listed}"
        );

        // What she made as an admin does no more than she may, whatever becomes of her.
        let client = TestClient {
            id: text(&made.json()["credential"], "client_id"),
            secret: text(&made.json(), "client_secret"),
        };
        let token = client.token(&app).await;
        let path = format!("/api/v1/orgs/{}/activity", app.org.handle);
        assert_eq!(app.get(&path).bearer(&token).send().await.status, StatusCode::OK);
        let user = store::users::find_by_username(app.db(), "ada")
            .await
            .unwrap()
            .unwrap();
        members::set_role(&app.app.registry, &app.owner(), &user.id, Role::Member)
            .await
            .expect("set");
        assert_eq!(
            app.get(&path).bearer(&token).send().await.status,
            StatusCode::FORBIDDEN
        );
        let access = own(&app, &user, Role::Member);
        let kept = CredentialEdit {
            name: Some("Renamed".to_owned()),
            ..CredentialEdit::default()
        };
        let registry = &app.app.registry;
        credentials::edit(registry, &access, &user.id, &client.id, None, kept)
            .await
            .expect("a new name gives nothing");
        let rotated =
            credentials::rotate(registry, &access, &user.id, &client.id, None, Default::default()).await;
        assert_eq!(
            rotated.err().unwrap().refusal().unwrap().reason,
            "client.beyond_yours"
        );
    })
    .await;
}

#[tokio::test]
async fn an_expired_one_is_kept_for_a_while_and_then_swept() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
        let state = async || {
            let access = own(&app, &ben, Role::Member);
            let found = credentials::find(&app.app.registry, &access, &ben.id, &client.id);
            found.await.ok().map(|one| one.state(app.clock.now()).word())
        };
        assert_eq!(state().await, Some("active"));
        app.clock.advance(Lifetime::days(90));
        assert_eq!(state().await, Some("expired"));
        app.token(&client, &[]).await.refused(401, "invalid_client");
        app.clock.advance(Lifetime::days(89));
        crate::jobs::sweep(&app.app.registry).await.unwrap();
        assert_eq!(state().await, Some("expired"));
        app.clock.advance(Lifetime::days(2));
        app.sweep().await;
        assert_eq!(state().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_comes_again_makes_nothing_twice_and_asks_for_its_scope() {
    on_both(async |app| {
        invoices(&app).await;
        let browser = Browser::of(&app, "ben", Role::Member).await;
        let strong = token(&app, &browser, "account:write").await;
        let weak = token(&app, &browser, "account:read").await;
        let ask = async |token: &str| {
            let call = app.post(OWN).bearer(token).header("idempotency-key", "k1");
            call.json(&body("Once", &["invoices:read"])).await
        };
        let first = ask(&strong).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
        let second = ask(&strong).await;
        assert_eq!(second.header("idempotent-replayed"), "true", "{}", second.text());
        assert_eq!(second.json()["client_secret"], first.json()["client_secret"]);
        assert_eq!(ask(&weak).await.status, StatusCode::FORBIDDEN);
    })
    .await;
}

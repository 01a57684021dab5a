//! What people gave an app, as its organisation sees it, and how the organisation ends it.

use axum::http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::{Rp, SCOPES, alice, asking, is_active, say, text, user, web_app};
use crate::{
    oauth::client::GrantType,
    registry::client_input::Draft,
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{Answer, TestApp, on_both},
    },
    time::Lifetime,
};

fn tab(app: &TestApp, rp: &Rp, tail: &str) -> String {
    format!("/orgs/{}/clients/{}/grants{tail}", app.org.handle, rp.client.id)
}

/// A caller of the management API.
struct Caller<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> Caller<'a> {
    async fn with(app: &'a TestApp, scopes: &[&str]) -> Self {
        let client = app.service(scopes).await;
        let token = client.token_for(app, &[("resource", "urn:oauthority:api")]).await;
        Self { app, token }
    }

    async fn call(&self, method: Method, path: &str) -> Answer {
        let path = format!("/api/v1/orgs/{}{path}", self.app.org.handle);
        self.app.call(method, &path).bearer(&self.token).send().await
    }

    async fn list(&self, path: &str) -> Vec<Json> {
        let answer = self.call(Method::GET, path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"].as_array().unwrap().clone()
    }
}

/// Lets somebody allow everything that an app asks for.
async fn allows(app: &TestApp, rp: &Rp, browser: &Browser<'_>) -> Json {
    let page = rp
        .authorize(browser, &[("scope", "openid offline_access workspace:read")])
        .await;
    let answer = say(browser, &page, "allow", &[]).await;
    let code = super::param(&answer, "code").expect("a code");
    rp.redeem(app, &code, &[]).await.json()
}

#[tokio::test]
async fn the_tab_says_who_allowed_what_and_ends_it_for_one() {
    on_both(async |app| {
        let rp = Rp::of(&app, asking(&SCOPES)).await;
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let page = ada.get(&tab(&app, &rp, "")).await.text();
        assert!(page.contains("Nobody has allowed this app yet"), "{page}");
        let (a, b) = (alice(&app).await, Browser::of(&app, "bob", Role::Member).await);
        let (alices, bobs) = (allows(&app, &rp, &a).await, allows(&app, &rp, &b).await);
        let page = ada.get(&tab(&app, &rp, "")).await.text();
        for words in [
            "2 people",
            "2 refresh tokens",
            "alice",
            "bob",
            "See what is in the workspace",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let id = user(&app, "alice").await.id;
        let path = tab(&app, &rp, &format!("/{id}"));
        let question = ada.get(&path).await.text();
        assert!(question.contains("1 refresh token among them"), "{question}");
        assert_eq!(ada.submit(&path, &[]).await.status, StatusCode::SEE_OTHER);
        assert!(!is_active(&app, &rp, &text(&alices, "access_token")).await);
        assert!(is_active(&app, &rp, &text(&bobs, "access_token")).await);
        rp.refresh(&app, &text(&alices, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        assert!(!a.get("/me/apps").await.text().contains("app.example"));
        let again = rp.authorize(&a, &[]).await;
        assert!(again.text().contains("Allow"), "asked again: {}", again.text());
        assert_eq!(ada.submit(&path, &[]).await.status, 404, "nothing is left");
        let events = ada
            .get(&format!("/orgs/{}/activity", app.org.handle))
            .await
            .text();
        assert!(events.contains("ended what a person allowed"), "{events}");
    })
    .await;
}

#[tokio::test]
async fn all_of_it_ends_at_once_on_every_node_and_needs_a_fresh_sign_in() {
    on_both(async |app| {
        let draft = Draft {
            grant_types: vec![
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ],
            ..asking(&SCOPES)
        };
        let rp = Rp::of(&app, draft).await;
        // SQLite has one node only.
        let other = match app.database {
            "postgresql" => Some(app.another_node().await),
            _ => None,
        };
        let (a, b) = (alice(&app).await, Browser::of(&app, "bob", Role::Member).await);
        let tokens = [allows(&app, &rp, &a).await, allows(&app, &rp, &b).await];
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        app.clock.advance(Lifetime::minutes(16));
        let path = tab(&app, &rp, "/all");
        let question = ada.get(&path).await;
        assert!(
            question.text().contains("2 refresh tokens"),
            "{}",
            question.text()
        );
        let version = super::field(&question, "version");
        let asked = ada.submit(&path, &[("version", &version)]).await;
        assert_eq!(asked.status, 403, "{}", asked.text());
        assert!(is_active(&app, &rp, &text(&tokens[0], "access_token")).await);
        let form = [
            ("version", version.as_str()),
            ("confirm_password", crate::tests::browser::PASSWORD),
        ];
        let done = ada.submit(&path, &form).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        for one in &tokens {
            assert!(!is_active(&app, &rp, &text(one, "access_token")).await);
            if let Some(other) = &other {
                assert!(!is_active(other, &rp, &text(one, "access_token")).await);
            }
            rp.refresh(&app, &text(one, "refresh_token"), &[])
                .await
                .refused(400, "invalid_grant");
        }
        // The client itself lives on.
        rp.client.token(&app).await;
    })
    .await;
}

#[tokio::test]
async fn names_are_for_those_who_may_see_members_and_others_are_404() {
    on_both(async |app| {
        let rp = Rp::of(&app, web_app(&SCOPES)).await;
        let a = alice(&app).await;
        rp.tokens(&app, &a, &[]).await;
        let path = format!("/clients/{}/grants", rp.client.id);
        let seeing = Caller::with(&app, &["clients:read", "members:read"]).await;
        let listed = seeing.list(&path).await;
        assert_eq!(
            (listed.len(), &listed[0]["username"]),
            (1, &json!("alice")),
            "{listed:?}"
        );
        assert!(listed[0].get("email").is_none(), "{listed:?}");
        let by_name = seeing.list("/grants?user=alice").await;
        assert_eq!(by_name[0]["id"], listed[0]["id"]);
        assert!(seeing.list("/grants?user=nobody").await.is_empty());
        let blind = Caller::with(&app, &["clients:write"]).await;
        let listed = blind.list(&path).await;
        assert_eq!(listed[0]["username"], Json::Null, "{listed:?}");
        assert!(
            blind.list("/grants?user=alice").await.is_empty(),
            "no look-up by name either"
        );
        // Reading is not ending.
        let id = user(&app, "alice").await.id;
        let one = format!("{path}/{id}");
        assert_eq!(seeing.call(Method::DELETE, &one).await.status, 403);
        // A foreign organisation sees nothing of it, the same as of nothing.
        let foreign = app.organization("other").await;
        let theirs = app
            .client(&foreign, crate::tests::harness::service(&["clients:write"]))
            .await;
        let token = theirs
            .token_for(&app, &[("resource", "urn:oauthority:api")])
            .await;
        for client in [rp.client.id.as_str(), "oac_unknown"] {
            let at = format!("/api/v1/orgs/other/clients/{client}/grants");
            let answer = app.get(&at).bearer(&token).send().await;
            assert_eq!(answer.status, 404);
        }
        assert_eq!(
            blind
                .call(Method::DELETE, &format!("{one}?dry_run=true"))
                .await
                .status,
            204
        );
        assert_eq!(blind.list(&path).await.len(), 1, "a dry run ends nothing");
        assert_eq!(blind.call(Method::DELETE, &one).await.status, 204);
        assert!(blind.list(&path).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_list_comes_in_parts_and_each_person_once() {
    on_both(async |app| {
        let rp = Rp::of(&app, asking(&SCOPES)).await;
        let mut ids = Vec::new();
        for name in ["p1", "p2", "p3"] {
            let browser = Browser::of(&app, name, Role::Member).await;
            allows(&app, &rp, &browser).await;
            rp.tokens(&app, &browser, &[]).await;
            ids.push(user(&app, name).await.id);
        }
        let caller = Caller::with(&app, &["clients:read", "members:read"]).await;
        let mut seen = Vec::new();
        let mut path = format!("/clients/{}/grants?limit=2", rp.client.id);
        loop {
            let answer = caller.call(Method::GET, &path).await.json();
            seen.extend(
                answer["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| text(one, "user")),
            );
            let Some(cursor) = answer["next_cursor"].as_str() else {
                break;
            };
            path = format!("/clients/{}/grants?limit=2&cursor={cursor}", rp.client.id);
        }
        ids.sort();
        assert_eq!(seen, ids);
    })
    .await;
}

#[tokio::test]
async fn what_people_gave_the_instances_own_clients_is_for_operators_to_end() {
    on_both(async |app| {
        let caller = Caller::with(&app, &["clients:write"]).await;
        let answer = caller
            .call(Method::DELETE, "/clients/oauthority-mobile-app/grants")
            .await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert_eq!(answer.json()["code"], "client.system");
    })
    .await;
}

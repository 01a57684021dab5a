//! People at the management API: what a token does for the person it acts for.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::{Manager, names, problem, word};
use crate::{
    db::Statement,
    registry::{client_input::Draft, members},
    store::{
        self,
        organizations::Organization,
        users::{Role, User},
    },
    tests::{
        browser::{Browser, PASSWORD, person},
        flows::{Rp, text, web_app},
        harness::{Answer, TestApp, on_both, on_both_with, service},
    },
};

/// Everything that the command line may ask for in an organisation.
const ALL: &str = "organizations:write clients:write clients:delete apis:write apis:delete members:write \
                   members:delete audit:read";

/// Somebody at the API by a client.
struct Caller<'a> {
    app: &'a TestApp,
    user: User,
    rp: Rp,
    tokens: Json,
}

impl<'a> Caller<'a> {
    /// Signs in by the command line.
    async fn new(app: &'a TestApp, username: &str, role: Option<Role>, scope: &str) -> Self {
        let user = person(app, username, role).await;
        Self::by(app, user, Rp::command_line(app), scope).await
    }

    /// Signs in by a client.
    async fn by(app: &'a TestApp, user: User, rp: Rp, scope: &str) -> Self {
        let browser = Browser::new(app);
        browser
            .submit("/login", &[("username", &user.username), ("password", PASSWORD)])
            .await;
        let tokens = rp.tokens(app, &browser, &[("scope", scope)]).await;
        Self {
            app,
            user,
            rp,
            tokens,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let token = text(&self.tokens, "access_token");
        let call = self.app.call(method, path).bearer(&token).header("if-match", "*");
        match body {
            Some(body) => call.json(body).await,
            None => call.send().await,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Json) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    fn own(&self, rest: &str) -> String {
        format!("/api/v1/orgs/{}{rest}", self.app.org.handle)
    }
}

async fn join(app: &TestApp, org: &Organization, user: &User, role: Role) {
    let add = store::users::add_member(&org.id, &user.id, role, app.clock.now());
    app.db().write(add.into()).await.expect("added");
}

fn new_service() -> Json {
    json!({ "name": "Exporter", "type": "service", "scopes": ["workspace:read"] })
}

#[tokio::test]
async fn me_says_who_calls_by_what() {
    on_both(async |app| {
        let ada = Caller::new(&app, "ada", Some(Role::Admin), "clients:read audit:read").await;
        let me = ada.get("/api/v1/me").await.json();
        assert_eq!(
            me,
            json!({
                "kind": "user", "client_id": ada.rp.client.id, "name": "ada",
                "user": { "id": ada.user.id, "username": "ada", "operator": false },
                "org": { "id": app.org.id, "handle": app.org.handle, "name": app.org.name },
                "role": "admin", "scopes": ["clients:read", "audit:read"],
            })
        );
        let client = Manager::new(&app).await.get("/api/v1/me").await.json();
        assert_eq!(
            (&client["kind"], &client["user"]),
            (&json!("client"), &Json::Null)
        );
    })
    .await;
}

#[tokio::test]
async fn b_053_a_token_never_does_more_than_its_person() {
    on_both(async |app| {
        for (name, role) in [("mel", Role::Member), ("aud", Role::Auditor)] {
            let caller = Caller::new(&app, name, Some(role), ALL).await;
            let path = caller.own("/clients");
            problem(&caller.post(&path, &new_service()).await, 403, "forbidden");
            let contract =
                json!({ "ownerOrgId": app.org.id, "name": "A", "type": "web", "redirectUrls": [] });
            let refused = caller.post("/api/oauth-applications", &contract).await;
            problem(&refused, 403, "forbidden");
            let member = json!({ "username": "eve", "role": "member" });
            problem(
                &caller.post(&caller.own("/members"), &member).await,
                403,
                "forbidden",
            );
            let reads = caller.get(&path).await.status == 200;
            assert_eq!(reads, role == Role::Auditor, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn b_049_a_token_never_does_more_than_its_scopes() {
    on_both(async |app| {
        let owner = Caller::new(&app, "olga", Some(Role::Owner), "clients:read").await;
        assert_eq!(owner.get(&owner.own("/clients")).await.status, 200);
        let refused = owner.post(&owner.own("/clients"), &new_service()).await;
        let told = problem(&refused, 403, "insufficient_scope");
        assert!(word(&told["detail"]).contains("clients:write"), "{told}");
        assert_eq!(
            refused.header("www-authenticate"),
            "Bearer realm=\"oauthority\", error=\"insufficient_scope\", scope=\"clients:write\""
        );
        problem(
            &owner.get(&owner.own("/members")).await,
            403,
            "insufficient_scope",
        );
        // A token for the person's profile is for another API.
        let rp = Rp::command_line(&app);
        let elsewhere = Caller::by(&app, owner.user, rp, "openid email").await;
        problem(&elsewhere.get("/api/v1/me").await, 401, "invalid_token");
    })
    .await;
}

#[tokio::test]
async fn an_admin_does_by_token_what_he_may() {
    on_both(async |app| {
        let ada = Caller::new(&app, "ada", Some(Role::Admin), ALL).await;
        let made = ada.post(&ada.own("/clients"), &new_service()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let events = ada.get(&ada.own("/activity?action=client.created")).await.json();
        let actor = &events["data"][0]["actor"];
        assert_eq!(
            (&actor["kind"], &actor["id"], &actor["name"]),
            (&json!("user"), &json!(ada.user.id), &json!("ada")),
            "{events}"
        );
        let contract = json!({ "ownerOrgId": app.org.id, "name": "A", "type": "web", "redirectUrls": [] });
        let made = ada.post("/api/oauth-applications", &contract).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let owner = json!({ "username": "eve", "role": "owner" });
        problem(&ada.post(&ada.own("/members"), &owner).await, 403, "member.owner");
        for instance in ["/api/v1/operator/keys", "/api/v1/orgs/nobody"] {
            assert_ne!(ada.get(instance).await.status, 200, "{instance}");
        }
    })
    .await;
}

#[tokio::test]
async fn b_011_where_he_does_not_belong_nothing_exists() {
    on_both(async |app| {
        let (near, far) = (app.organization("near").await, app.organization("far").await);
        let hidden = app.client(&far, service(&["workspace:read"])).await;
        let ada = Caller::new(&app, "ada", Some(Role::Admin), ALL).await;
        join(&app, &near, &ada.user, Role::Auditor).await;
        let bare = |answer: &Answer| {
            let mut told = problem(answer, 404, "not_found");
            (told["instance"], told["request_id"]) = (Json::Null, Json::Null);
            told
        };
        let nowhere = bare(&ada.get("/api/v1/orgs/nowhere/clients").await);
        assert_eq!(bare(&ada.get("/api/v1/orgs/far/clients").await), nowhere);
        assert_eq!(
            bare(&ada.post("/api/v1/orgs/far/clients", &new_service()).await),
            nowhere
        );
        let contract = |id: &str| format!("/api/oauth-applications/{id}");
        assert_eq!(
            bare(&ada.get(&contract(&hidden.id)).await),
            bare(&ada.get(&contract("oac_nothing")).await)
        );
        let body = json!({ "ownerOrgId": far.id, "name": "A", "type": "web", "redirectUrls": [] });
        assert_eq!(bare(&ada.post("/api/oauth-applications", &body).await), nowhere);
        // Where he belongs, his role there counts.
        assert_eq!(ada.get("/api/v1/orgs/near/clients").await.status, 200);
        let refused = ada.post("/api/v1/orgs/near/clients", &new_service()).await;
        problem(&refused, 403, "forbidden");
        let body = json!({ "ownerOrgId": near.id, "name": "A", "type": "web", "redirectUrls": [] });
        problem(
            &ada.post("/api/oauth-applications", &body).await,
            403,
            "forbidden",
        );
        let mut known = names(&ada.get("/api/v1/orgs").await);
        known.sort();
        let mut his = vec![app.org.name.clone(), near.name.clone()];
        his.sort();
        assert_eq!(known, his);
    })
    .await;
}

#[tokio::test]
async fn an_organisations_own_client_acts_for_him_there_only() {
    on_both(async |app| {
        let far = app.organization("far").await;
        let user = person(&app, "ada", Some(Role::Admin)).await;
        join(&app, &far, &user, Role::Owner).await;
        let draft = Draft {
            require_consent: false,
            ..web_app(&["clients:write"])
        };
        let ada = Caller::by(&app, user, Rp::of(&app, draft).await, "clients:write").await;
        assert_eq!(ada.post(&ada.own("/clients"), &new_service()).await.status, 201);
        let there = ada.post("/api/v1/orgs/far/clients", &new_service()).await;
        problem(&there, 404, "not_found");
        assert_eq!(names(&ada.get("/api/oauth-applications").await).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_operator_runs_the_instance_by_its_own_client() {
    on_both(async |app| {
        app.organization("far").await;
        let new = crate::registry::people::NewAccount {
            username: "ope".to_owned(),
            display_name: None,
            password: crate::secret::Secret::new(PASSWORD.to_owned()),
        };
        let user = crate::registry::people::create(&app.app.registry, new, true, &[])
            .await
            .expect("created");
        let rp = Rp::command_line(&app);
        let all = format!("{ALL} instance:write");
        let ope = Caller::by(&app, user.clone(), rp.clone(), &all).await;
        let path = "/api/v1/orgs/far/clients";
        assert_eq!(ope.post(path, &new_service()).await.status, 201);
        assert_eq!(ope.get("/api/v1/operator/keys").await.status, 200);
        let looking = Caller::by(&app, user.clone(), rp.clone(), "clients:write instance:read").await;
        assert_eq!(looking.get(path).await.status, 200);
        problem(
            &looking.post(path, &new_service()).await,
            403,
            "insufficient_scope",
        );
        let narrow = Caller::by(&app, user, rp, "clients:write").await;
        problem(&narrow.get(path).await, 404, "not_found");
        assert_eq!(narrow.get(&narrow.own("/clients")).await.status, 200);
        let member = Caller::new(&app, "mel", Some(Role::Owner), &all).await;
        problem(&member.get(path).await, 404, "not_found");
        problem(&member.get("/api/v1/operator/keys").await, 403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn b_065_who_is_switched_off_is_out_on_the_next_request() {
    on_both(async |app| {
        let ada = Caller::new(&app, "ada", Some(Role::Admin), ALL).await;
        assert_eq!(ada.get("/api/v1/me").await.status, 200);
        for (status, expected) in [("inactive", 401), ("locked", 401), ("active", 200)] {
            let set = Statement::new(
                "UPDATE users SET status = $1 WHERE id = $2",
                vec![status.into(), (&ada.user.id).into()],
            );
            app.db().write(set.into()).await.expect("set");
            assert_eq!(ada.get("/api/v1/me").await.status, expected, "{status}");
        }
        let refresh = text(&ada.tokens, "refresh_token");
        let revoke = [("token", refresh.as_str()), ("client_id", &ada.rp.client.id)];
        assert_eq!(app.post("/oauth2/revoke").form(&revoke).await.status, 200);
        problem(&ada.get("/api/v1/me").await, 401, "invalid_token");
    })
    .await;
}

#[tokio::test]
async fn b_065_a_role_counts_as_it_is_now() {
    on_both(async |app| {
        let ada = Caller::new(&app, "ada", Some(Role::Admin), ALL).await;
        let path = ada.own("/clients");
        assert_eq!(ada.post(&path, &new_service()).await.status, 201);
        let (registry, owner) = (&app.app.registry, app.owner());
        members::set_role(registry, &owner, &ada.user.id, Role::Member)
            .await
            .expect("set");
        problem(&ada.post(&path, &new_service()).await, 403, "forbidden");
        members::remove(registry, &owner, &ada.user.id)
            .await
            .expect("removed");
        problem(&ada.get(&path).await, 404, "not_found");
        assert_eq!(ada.get("/api/v1/me").await.json()["org"], Json::Null);
        problem(&ada.get("/api/oauth-applications").await, 403, "no_organization");
        assert_eq!(ada.get("/api/v1/orgs").await.json()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_persons() {
    on_both(async |app| {
        let one = Caller::new(&app, "ada", Some(Role::Admin), ALL).await;
        let two = Caller::new(&app, "ben", Some(Role::Admin), ALL).await;
        let post = async |caller: &Caller<'_>| {
            app.post(&caller.own("/clients"))
                .bearer(&text(&caller.tokens, "access_token"))
                .header("idempotency-key", "k-1")
                .json(&new_service())
                .await
        };
        let first = post(&one).await;
        assert_eq!(
            (first.status.as_u16(), post(&two).await.status.as_u16()),
            (201, 201)
        );
        let again = post(&one).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.json(), first.json());
        // The answer, with its secret, is not for somebody who may not do this any more.
        members::set_role(&app.app.registry, &app.owner(), &one.user.id, Role::Member)
            .await
            .expect("set");
        problem(&post(&one).await, 403, "forbidden");
    })
    .await;
}

#[tokio::test]
async fn calls_are_counted_for_each_person() {
    on_both_with(&[("limits.requests_per_minute", "2")], async |app| {
        let one = Caller::new(&app, "ada", Some(Role::Admin), ALL).await;
        let two = Caller::new(&app, "ben", Some(Role::Admin), ALL).await;
        for expected in [200, 200, 429] {
            assert_eq!(one.get("/api/v1/me").await.status, expected);
        }
        assert_eq!(two.get("/api/v1/me").await.status, 200);
    })
    .await;
}

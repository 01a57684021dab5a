//! Accounts that may sign in, or not any more.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::{grant, link, post, reachable};
use crate::{
    oauth::client::ApplicationType,
    registry::{
        access::{Access, Permissions},
        accounts,
        people::{self, NewAccount},
    },
    secret::Secret,
    store::{
        self,
        audit::Filter,
        users::{Role, User, UserStatus},
    },
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{TestApp, TestClient, on_both, signing_in},
    },
};

/// Somebody who runs the instance.
async fn operator(app: &TestApp, username: &str) -> (User, Access) {
    let new = NewAccount {
        username: username.to_owned(),
        display_name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    let user = people::create(&app.app.registry, new, true, &[]).await.unwrap();
    let mut access = app.owner();
    access.permissions = Permissions::operator();
    access.actor.id.clone_from(&user.id);
    (user, access)
}

async fn deactivate(app: &TestApp, access: &Access, user: &User) -> crate::error::Result<User> {
    accounts::set_status(&app.app.registry, access, &user.id, UserStatus::Inactive).await
}

#[tokio::test]
async fn deactivating_ends_everything_at_once_and_reactivating_brings_nothing_back() {
    on_both(async |app| {
        let (_, access) = operator(&app, "root").await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        reachable(&app, &ben, "ben@example.com").await;
        let other = app.organization("other").await;
        let zoe = person(&app, "zoe", None).await;
        for owner in [&ben, &zoe] {
            let add = store::users::add_member(&other.id, &owner.id, Role::Owner, app.clock.now());
            app.db().write(add.into()).await.unwrap();
        }
        let client = app.client(&app.org, signing_in(ApplicationType::Web)).await;
        let given = grant(&app, "gra_ben", &ben.id, &client.id, &app.org.id);
        app.db().write(store::grants::add(&given).into()).await.unwrap();
        let his = Browser::new(&app);
        his.sign_in("ben").await;
        app.post("/login/recover").form(&[("who", "ben")]).await;
        let path = link(&post(&app).await[0]);

        let gone = deactivate(&app, &access, &ben).await.expect("deactivated");
        assert_eq!(gone.status, UserStatus::Inactive);
        assert!(app.app.registry.live.is_revoked("gra_ben"));
        assert_eq!(his.get("/me/preferences").await.status, StatusCode::SEE_OTHER);
        assert_eq!(app.get(&path).send().await.status, StatusCode::GONE);
        let form = [("username", "ben"), ("password", PASSWORD)];
        let refused = app.post("/login").form(&form).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        for org in [&app.org.id, &other.id] {
            let events = store::audit::list(app.db(), org, &Filter::default(), 50).await;
            assert!(events.unwrap().iter().any(|e| e.action == "user.deactivated"));
        }

        let registry = &app.app.registry;
        accounts::set_status(registry, &access, &ben.id, UserStatus::Active)
            .await
            .expect("reactivated");
        assert_eq!(app.post("/login").form(&form).await.status, StatusCode::SEE_OTHER);
        assert!(registry.live.is_revoked("gra_ben"), "old grants stay dead");
        assert_eq!(his.get("/me/preferences").await.status, StatusCode::SEE_OTHER);
        assert_eq!(app.get(&path).send().await.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn the_last_operator_and_oneself_stay() {
    on_both(async |app| {
        let (root, access) = operator(&app, "root").await;
        let own = deactivate(&app, &access, &root).await;
        assert_eq!(own.unwrap_err().refusal().unwrap().reason, "own_account");
        let mut machine = access.clone();
        machine.actor.id = "oac_machine".to_owned();
        let last = deactivate(&app, &machine, &root).await;
        assert_eq!(last.unwrap_err().refusal().unwrap().reason, "last_operator");
        let (second, _) = operator(&app, "second").await;
        let (one, other) = tokio::join!(
            deactivate(&app, &machine, &root),
            deactivate(&app, &machine, &second)
        );
        assert!(one.is_ok() != other.is_ok(), "one of two stays");
        let ada = app.owner();
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let refused = deactivate(&app, &ada, &ben).await;
        assert!(refused.is_err(), "an owner of an organisation runs no instance");
    })
    .await;
}

#[tokio::test]
async fn who_runs_the_instance_sees_and_deactivates_people_by_rest() {
    on_both(async |app| {
        let access = crate::registry::bootstrap::system_access(app.org.clone());
        let id = app.app.registry.config.system_clients.admin_id.clone();
        let rotation = crate::registry::secrets::Rotation::default();
        let made = crate::registry::secrets::rotate(&app.app.registry, &access, &id, None, rotation)
            .await
            .expect("rotated");
        let secret = made.secret.expect("a secret").text.expose().to_owned();
        let token = TestClient { id, secret }.token(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        person(&app, "ada", None).await;

        let first = app.get("/api/v1/users?limit=1").bearer(&token).send().await;
        let first = first.json();
        assert_eq!(first["data"][0]["username"], "ben");
        let cursor = first["next_cursor"].as_str().expect("more");
        let path = format!("/api/v1/users?limit=1&cursor={cursor}");
        let second = app.get(&path).bearer(&token).send().await.json();
        assert_eq!(second["data"][0]["username"], "ada");
        assert!(second["next_cursor"].is_null());
        let found = app.get("/api/v1/users?username=BEN").bearer(&token).send().await;
        assert_eq!(found.json()["data"][0]["id"], ben.id.as_str());

        let path = format!("/api/v1/users/{}", ben.id);
        let shown = app.get(&path).bearer(&token).send().await;
        assert!(!shown.text().contains("argon2"), "{}", shown.text());
        let patch = async |status: &str, etag: &str| {
            let call = app.call(Method::PATCH, &path).bearer(&token);
            let call = call.header("if-match", etag);
            call.json(&json!({ "status": status })).await
        };
        let etag = shown.header("etag").to_owned();
        assert_eq!(patch("locked", &etag).await.status, StatusCode::BAD_REQUEST);
        let done = patch("inactive", &etag).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
        assert_eq!(done.json()["status"], "inactive");
        assert_eq!(
            patch("active", &etag).await.status,
            StatusCode::PRECONDITION_FAILED
        );

        let manager = app.service(&["members:write"]).await.token(&app).await;
        for path in ["/api/v1/users", path.as_str()] {
            let refused = app.get(path).bearer(&manager).send().await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_operator_deactivates_at_the_page_of_a_member() {
    on_both(async |app| {
        operator(&app, "root").await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let path = format!("/orgs/{}/people/{}", app.org.handle, ben.id);
        let root = Browser::new(&app);
        root.sign_in("root").await;
        assert!(root.get(&path).await.text().contains("Deactivate account"));
        let done = root.submit(&path, &[("do", "deactivate")]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        let page = root.get(&path).await.text();
        assert!(
            page.contains("Reactivate account") && page.contains("Inactive"),
            "{page}"
        );
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        assert!(!owner.get(&path).await.text().contains("Reactivate account"));
        let refused = owner.submit(&path, &[("do", "reactivate")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn an_operator_hands_a_link_over_where_no_mail_reaches() {
    on_both(async |app| {
        operator(&app, "root").await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let path = format!("/orgs/{}/people/{}", app.org.handle, ben.id);
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        owner.get(&path).await;
        let refused = owner.submit(&path, &[("do", "recover")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        let root = Browser::new(&app);
        root.sign_in("root").await;
        root.get(&path).await;
        let shown = root.submit(&path, &[("do", "recover")]).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
        let text = shown.text();
        let (_, rest) = text.split_once("/login/recover/").expect("a link");
        let token: String = rest.chars().take(43).collect();
        let link = format!("/login/recover/{token}");
        let form = [("password", "four quite unrelated words 9")];
        assert_eq!(app.post(&link).form(&form).await.status, StatusCode::OK);
        assert_eq!(app.post(&link).form(&form).await.status, StatusCode::GONE);
    })
    .await;
}

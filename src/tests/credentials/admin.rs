//! Whoever manages the organisation sees what members hold and can take it away, but never gets a secret of it.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::*;
use crate::{
    error::Error,
    registry::{
        clients::{self, Edit},
        credentials,
        secrets::{self, Rotation},
    },
    store::{self, audit::Filter},
    tests::harness::on_both,
};

fn reason(error: &Error) -> &'static str {
    error.refusal().map_or("", |refusal| refusal.reason)
}

#[tokio::test]
async fn no_path_gives_an_admin_the_secret_of_a_members_credential() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
        let (registry, owner, id) = (&app.app.registry, app.owner(), client.id.as_str());
        let rotated = secrets::rotate(registry, &owner, id, None, Rotation::default()).await;
        assert_eq!(reason(&rotated.err().unwrap()), "client.personal");
        let rotated = credentials::rotate(registry, &owner, &ben.id, id, None, Rotation::default()).await;
        assert_eq!(reason(&rotated.err().unwrap()), "client.personal");
        let secret = store::secrets::of_client(app.db(), id).await.unwrap().remove(0);
        let ended = secrets::set_end(registry, &owner, id, &secret.id, None).await;
        assert_eq!(reason(&ended.err().unwrap()), "client.personal");
        let edited = clients::edit(registry, &owner, id, None, Edit::default()).await;
        assert_eq!(reason(&edited.err().unwrap()), "client.personal");
        let root = operator(&app).await;
        let rotated = secrets::rotate(registry, &root, id, None, Rotation::default()).await;
        assert_eq!(
            reason(&rotated.err().unwrap()),
            "client.personal",
            "nor an operator"
        );

        let service = app
            .service(&["clients:write", "clients:delete", "members:write"])
            .await;
        let token = service.token(&app).await;
        let at = format!("/api/v1/orgs/{}/clients/{id}", app.org.handle);
        let asked = [
            (Method::POST, format!("{at}/rotate"), json!({})),
            (Method::POST, format!("{at}/secrets"), json!({})),
            (Method::PATCH, at.clone(), json!({ "name": "Mine" })),
            (
                Method::PATCH,
                format!("{at}/secrets/{}", secret.id),
                json!({ "label": "Mine" }),
            ),
            (Method::DELETE, format!("{at}/secrets/{}", secret.id), json!({})),
        ];
        for (method, path, body) in asked {
            let call = app
                .call(method.clone(), &path)
                .bearer(&token)
                .header("if-match", "*");
            let refused = call.json(&body).await;
            assert_eq!(
                refused.status,
                StatusCode::FORBIDDEN,
                "{method} {path}: {}",
                refused.text()
            );
            assert_eq!(code(&refused), "client.personal");
        }
        let compat = format!("/api/oauth-applications/{id}/rotate-secret");
        let unseen = app.post(&compat).bearer(&token).json(&json!({})).await;
        assert_eq!(unseen.status, StatusCode::NOT_FOUND);
        let dated = format!("/20160918/users/{}/oauth2ClientCredentials/{id}", ben.id);
        let reset = app
            .call(Method::PUT, &dated)
            .bearer(&token)
            .json(&json!({ "isResetPassword": true }))
            .await;
        assert_eq!(reset.status, StatusCode::FORBIDDEN, "{}", reset.text());

        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let page = format!("/orgs/{}/clients/{id}", app.org.handle);
        let shown = ada.get(&page).await.text();
        assert!(
            shown.contains("A personal credential") && !shown.contains(&format!("{page}/rotate")),
            "{shown}"
        );
        let form = [
            ("old_ends", "now"),
            ("secret_expires", "90"),
            ("once", "aaaaaaaaaaaaaaaaaaaaaa"),
        ];
        for tail in ["/rotate", "/edit"] {
            let path = format!("{page}{tail}");
            for answer in [ada.get(&path).await, ada.submit(&path, &form).await] {
                assert!(answer.status.is_client_error(), "{tail}: {}", answer.status);
                assert!(!answer.text().contains("oas_"));
            }
        }
        // His, beside her own: there is none with this id.
        assert_eq!(
            ada.get(&format!("/me/credentials/{id}")).await.status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            app.token(&client, &[]).await.status,
            StatusCode::OK,
            "nothing was changed"
        );
        let refused = store::audit::list(app.db(), &app.org.id, &Filter::default(), 99)
            .await
            .unwrap();
        assert!(
            refused
                .iter()
                .any(|event| event.outcome == "refused" && event.resource_id == id)
        );
    })
    .await;
}

#[tokio::test]
async fn an_admin_disables_enables_and_deletes_and_its_person_cannot_enable() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
        let (registry, owner) = (&app.app.registry, app.owner());
        clients::disable(registry, &owner, &client.id, None, Some("leaked"))
            .await
            .expect("disabled");
        app.token(&client, &[]).await.refused(401, "invalid_client");
        let access = own(&app, &ben, Role::Member);
        let rotated =
            credentials::rotate(registry, &access, &ben.id, &client.id, None, Rotation::default()).await;
        assert_eq!(reason(&rotated.err().unwrap()), "client.disabled");
        clients::enable(registry, &owner, &client.id, None)
            .await
            .expect("enabled");
        assert_eq!(app.token(&client, &[]).await.status, StatusCode::OK);
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let list = ada
            .get(&format!("/orgs/{}/credentials", app.org.handle))
            .await
            .text();
        assert!(
            list.contains("Nightly report") && list.contains("ben") && list.contains(AUDIENCE),
            "{list}"
        );
        clients::delete(registry, &owner, &client.id, None)
            .await
            .expect("deleted");
        app.token(&client, &[]).await.refused(401, "invalid_client");
        let events = store::audit::list(app.db(), &app.org.id, &Filter::default(), 99)
            .await
            .unwrap();
        for action in ["disabled", "enabled", "deleted"] {
            assert!(
                events
                    .iter()
                    .any(|event| event.action == format!("credential.{action}")),
                "{action}"
            );
        }
        // Its record can be read.
        let page = ada
            .get(&format!("/orgs/{}/clients/{}", app.org.handle, client.id))
            .await;
        assert!(page.text().contains("invoices:read"), "{}", page.text());
    })
    .await;
}

#[tokio::test]
async fn shown_once_to_its_maker_is_written_down() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let service = app.service(&["members:write", "clients:write"]).await;
        let token = service.token(&app).await;
        let path = format!("/api/v1/orgs/{}/members/{}/credentials", app.org.handle, ben.id);
        let given = app
            .post(&path)
            .bearer(&token)
            .json(&body("Given", &["invoices:read"]))
            .await;
        assert_eq!(given.status, StatusCode::CREATED, "{}", given.text());
        assert_eq!(given.json()["credential"]["user"], ben.id.as_str());
        let events = store::audit::list(app.db(), &app.org.id, &Filter::default(), 99)
            .await
            .unwrap();
        assert!(
            events
                .iter()
                .any(|event| event.action == "credential.shown_to_maker")
        );
        let listed = app.get(&path).bearer(&token).send().await.json();
        assert_eq!(listed["data"][0]["name"], "Given");
        let half = app.service(&["members:write"]).await.token(&app).await;
        let refused = app
            .post(&path)
            .bearer(&half)
            .json(&body("More", &["invoices:read"]))
            .await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_others_is_like_nothing() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let eve = Browser::of(&app, "eve", Role::Member).await;
        let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
        let token = token(
            &app,
            &eve,
            "account:write members:write clients:write clients:delete",
        )
        .await;
        let problem = async |path: &str, method: Method| {
            let answer = app.call(method, path).bearer(&token).json(&json!({})).await;
            let mut problem = answer.json();
            for own in ["instance", "request_id"] {
                problem[own].take();
            }
            (answer.status, problem)
        };
        for method in [Method::GET, Method::DELETE, Method::PATCH] {
            let theirs = problem(&format!("/api/v1/me/credentials/{}", client.id), method.clone()).await;
            let none = problem("/api/v1/me/credentials/oac_nothing", method.clone()).await;
            assert_eq!((theirs.0, &theirs), (StatusCode::NOT_FOUND, &none), "{method}");
        }
        for user in [ben.id.as_str(), "usr_nobody"] {
            let path = format!("/20160918/users/{user}/oauth2ClientCredentials");
            assert_eq!(
                problem(&path, Method::GET).await.0,
                StatusCode::NOT_FOUND,
                "a member sees no members"
            );
        }
        // Who manages another organisation finds nobody here.
        let other = app.organization("other").await;
        let foreign = app
            .client(
                &other,
                crate::tests::harness::service(&["members:write", "clients:delete"]),
            )
            .await;
        let foreign = foreign.token(&app).await;
        let told = async |user: &str, tail: &str, method: Method| {
            let path = format!("/20160918/users/{user}/oauth2ClientCredentials{tail}");
            let answer = app.call(method, &path).bearer(&foreign).send().await;
            let mut problem = answer.json();
            for own in ["instance", "request_id"] {
                problem[own].take();
            }
            (answer.status, problem)
        };
        let tail = format!("/{}", client.id);
        for (tail, method) in [("", Method::GET), (tail.as_str(), Method::DELETE)] {
            let theirs = told(&ben.id, tail, method.clone()).await;
            assert_eq!(theirs.0, StatusCode::NOT_FOUND);
            assert_eq!(theirs, told("usr_nobody", tail, method).await);
        }
        assert_eq!(app.token(&client, &[]).await.status, StatusCode::OK);
    })
    .await;
}

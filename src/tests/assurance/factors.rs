//! A step-up asks for the strength that the account has now.

use axum::http::Method;

use super::{access, challenged, signed_in, tokens};
use crate::{
    oauth::authentication::MULTI_FACTOR,
    store::users::Role,
    tests::{
        browser::{PASSWORD, person},
        harness::on_both,
        sign_in::set_up_app,
    },
};

#[tokio::test]
async fn fx_05_a_session_from_before_a_second_factor_changes_nothing_without_it() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let (old, new) = (signed_in(&app, "ada").await, signed_in(&app, "ada").await);
        let (device, _) = set_up_app(&app, &new).await;
        for act in ["codes", "app.remove", "confirm", "password"] {
            old.get("/me/security").await;
            let form = [
                ("do", act),
                ("old_password", PASSWORD),
                ("password", "another battery staple entirely 9"),
            ];
            let asked = old.submit("/me/security", &form).await;
            assert_eq!(asked.status, 403, "{act} {}", asked.text());
            for field in ["name=\"confirm_password\"", "name=\"confirm_code\""] {
                assert!(asked.text().contains(field), "{act} {field} {}", asked.text());
            }
        }
        let form = [("do", "codes"), ("confirm_password", PASSWORD)];
        let alone = old.submit("/me/security", &form).await;
        assert_eq!(alone.status, 403, "the password alone: {}", alone.text());
        let email = old.submit("/me/email", &[("do", "remove")]).await;
        assert_eq!(email.status, 403, "{}", email.text());
        // The session that added the app has shown it.
        new.get("/me/security").await;
        let codes = new.submit("/me/security", &[("do", "codes")]).await;
        assert_eq!(codes.status, 200, "{}", codes.text());
        // And with the app the old one may as well. A code works once, so the next one.
        app.clock.advance(crate::time::Lifetime::seconds(30));
        let code = device.code(&app);
        let form = [
            ("do", "codes"),
            ("confirm_password", PASSWORD),
            ("confirm_code", code.as_str()),
        ];
        let codes = old.submit("/me/security", &form).await;
        assert_eq!(codes.status, 200, "{}", codes.text());
    })
    .await;
}

#[tokio::test]
async fn fx_05_a_session_that_had_proven_all_is_not_fresh_once_something_was_changed_elsewhere() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let new = signed_in(&app, "ada").await;
        let (device, _) = set_up_app(&app, &new).await;
        app.clock.advance(crate::time::Lifetime::seconds(30));
        let old = crate::tests::browser::Browser::new(&app);
        old.submit("/login", &[("username", "ada"), ("password", PASSWORD)])
            .await;
        let page = old.get("/login/mfa").await;
        assert!(page.text().contains("name=\"code\""), "{}", page.text());
        old.submit("/login/mfa", &[("code", &device.code(&app))]).await;
        assert_eq!(old.get("/me/security").await.status, 200);
        new.get("/me/security").await;
        let codes = new.submit("/me/security", &[("do", "codes")]).await;
        assert_eq!(codes.status, 200, "{}", codes.text());
        old.get("/me/security").await;
        let asked = old.submit("/me/security", &[("do", "app.remove")]).await;
        assert_eq!(asked.status, 403, "{}", asked.text());
    })
    .await;
}

#[tokio::test]
async fn fx_05_a_new_factor_ends_what_was_given_to_apps_that_manage() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let browser = signed_in(&app, "ada").await;
        let made = tokens(&app, &browser, "clients:read").await;
        let me = async || app.get("/api/v1/me").bearer(&access(&made)).send().await.status;
        assert_eq!(me().await, 200);
        set_up_app(&app, &browser).await;
        assert_eq!(me().await, 401);
    })
    .await;
}

#[tokio::test]
async fn fx_05_an_organisation_that_demands_a_second_factor_demands_it_at_the_api() {
    on_both(async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let browser = signed_in(&app, "ada").await;
        let made = tokens(
            &app,
            &browser,
            "clients:write clients:delete organizations:read account:read",
        )
        .await;
        let service = app.service(&["clients:read"]).await;
        let client = format!("/api/v1/orgs/main/clients/{}", service.id);
        let ask = async |method: Method, path: &str| {
            let call = app.call(method, path).bearer(&access(&made));
            call.header("if-match", "*").send().await
        };
        assert_eq!(ask(Method::GET, &client).await.status, 200);
        app.demand_second_factor().await;
        for (method, path) in [
            (Method::GET, client.clone()),
            (Method::DELETE, client.clone()),
            (Method::DELETE, format!("{client}?dry_run=true")),
            (Method::GET, "/api/v1/orgs".to_owned()),
            (Method::GET, "/api/v1/orgs/main".to_owned()),
            (Method::GET, "/api/oauth-applications".to_owned()),
            (Method::GET, format!("/api/oauth-applications/{}", service.id)),
        ] {
            let answer = ask(method.clone(), &path).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
            challenged(&answer, MULTI_FACTOR);
        }
        // Who one is can be seen, and a client in its own name is not asked.
        assert_eq!(ask(Method::GET, "/api/v1/me").await.status, 200);
        let own = service
            .token_for(&app, &[("resource", "urn:oauthority:api")])
            .await;
        assert_eq!(app.get(&client).bearer(&own).send().await.status, 200);
        // With the factor it goes.
        let both = "UPDATE grants SET methods = 'pwd otp mfa'";
        let write = crate::db::Statement::new(both, vec![]);
        app.db().write(write.into()).await.expect("written");
        assert_eq!(ask(Method::GET, &client).await.status, 200);
        let deleted = ask(Method::DELETE, &client).await;
        assert!(deleted.status.is_success(), "{}", deleted.text());
    })
    .await;
}

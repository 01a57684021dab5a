//! Anybody can answer at a port of this machine or for a private scheme. RFC 8252 §8.6

use super::{grow_old, olivia, signed_in};
use crate::{
    oauth::client::{ApplicationType, GrantType},
    registry::client_input::Draft,
    tests::{
        browser::Browser,
        flows::{Rp, alice, codes, follow, param, say, web_app},
        harness::{TestApp, on_both},
    },
};

/// The apps of the instance itself.
fn own_apps(app: &TestApp) -> [(Rp, &'static str); 3] {
    let ids = &app.app.registry.config.system_clients;
    [
        (Rp::command_line(app), "clients:read offline_access"),
        (
            Rp::system(&ids.mobile_id, "org.oauthority.mobile:/callback"),
            "openid email",
        ),
        (
            Rp::system(&ids.desktop_id, "http://[::1]:40123/callback"),
            "openid profile",
        ),
    ]
}

async fn asks(rp: &Rp, browser: &Browser<'_>, scope: &str) {
    let page = rp.authorize(browser, &[("scope", scope)]).await;
    assert_eq!(page.status, 200, "{} {}", rp.client.id, page.text());
    for part in ["id=\"consent\"", "id=\"duration\"", "id=\"destination\""] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    let silent = rp
        .authorize(browser, &[("scope", scope), ("prompt", "none")])
        .await;
    assert_eq!(
        param(&silent, "error").as_deref(),
        Some("consent_required"),
        "{}",
        rp.client.id
    );
    assert_eq!(param(&silent, "code"), None);
}

#[tokio::test]
async fn fx_03_an_app_on_ones_own_machine_always_shows_a_page_also_our_own() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for (rp, scope) in own_apps(&app) {
            asks(&rp, &browser, scope).await;
            assert_eq!(codes(&app).await, 0);
        }
        // Also for what was allowed before, and for a client of an organisation that asks nobody.
        let (rp, scope) = (Rp::command_line(&app), "clients:read");
        let page = rp.authorize(&browser, &[("scope", scope)]).await;
        let answer = say(&browser, &page, "allow", &[]).await;
        assert!(param(&answer, "code").is_some(), "{}", answer.header("location"));
        asks(&rp, &browser, scope).await;
        let draft = Draft {
            application_type: ApplicationType::Native,
            redirect_uris: vec!["com.example.app:/cb".to_owned()],
            require_consent: false,
            ..web_app(&["openid", "workspace:read"])
        };
        asks(&Rp::of(&app, draft).await, &browser, "openid workspace:read").await;
    })
    .await;
}

#[tokio::test]
async fn fx_03_a_client_that_is_known_by_its_secret_is_not_concerned() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let draft = Draft {
            redirect_uris: vec!["http://127.0.0.1:4000/cb".to_owned()],
            ..web_app(&["openid", "workspace:read"])
        };
        Rp::of(&app, draft).await.code(&browser, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn fx_03_scopes_that_manage_are_given_by_a_fresh_sign_in_only() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        let web = Draft {
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            ..web_app(&["openid", "clients:read"])
        };
        let web = Rp::of(&app, web).await;
        web.code(&browser, &[("scope", "openid clients:read")]).await;
        grow_old(&app);
        for (rp, scope) in [
            (&Rp::command_line(&app), "clients:read"),
            (&web, "openid clients:read"),
        ] {
            let page = rp.authorize(&browser, &[("scope", scope)]).await;
            assert!(page.text().contains("id=\"sign-in\""), "{}", page.text());
            let silent = rp
                .authorize(&browser, &[("scope", scope), ("prompt", "none")])
                .await;
            assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
        }
        // What manages nothing is given by an old one, too.
        web.code(&browser, &[("scope", "openid")]).await;
        // A page that was opened in time is not answered later.
        browser.sign_in("olivia").await;
        let rp = Rp::command_line(&app);
        let page = rp.authorize(&browser, &[("scope", "clients:read")]).await;
        grow_old(&app);
        let late = say(&browser, &page, "allow", &[]).await;
        assert_eq!(param(&late, "code"), None);
        let next = follow(&browser, late.header("location")).await;
        assert!(next.text().contains("id=\"sign-in\""), "{}", next.text());
    })
    .await;
}

#[tokio::test]
async fn fx_03_a_device_gets_scopes_that_manage_by_a_fresh_sign_in_only() {
    on_both(async |app| {
        olivia(&app).await;
        let browser = signed_in(&app, "olivia").await;
        grow_old(&app);
        let id = app.app.registry.config.system_clients.cli_id.clone();
        let form = [("client_id", id.as_str()), ("scope", "clients:read")];
        let asked = app.post("/oauth2/device_authorization").form(&form).await.json();
        let code = asked["user_code"].as_str().expect("a code").to_owned();
        browser.get("/device").await;
        let typed = browser.submit("/device", &[("user_code", &code)]).await;
        let page = follow(&browser, typed.header("location")).await;
        assert!(page.text().contains("id=\"sign-in\""), "{}", page.text());
    })
    .await;
}

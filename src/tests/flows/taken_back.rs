//! Refresh tokens at the revocation and introspection endpoints.
//! [RFC 7009](https://www.rfc-editor.org/rfc/rfc7009), [RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)

use serde_json::json;

use super::*;
use crate::{tests::harness::inactive, time::Lifetime};

async fn revoke(app: &TestApp, rp: &Rp, token: &str) -> Answer {
    let form = [("token", token), ("client_id", rp.client.id.as_str())];
    if rp.client.secret.is_empty() {
        return app.post("/oauth2/revoke").form(&form).await;
    }
    app.post("/oauth2/revoke")
        .basic(&rp.client)
        .form(&form[..1])
        .await
}

async fn tokens(app: &TestApp, rp: &Rp) -> (String, String) {
    let browser = Browser::new(app);
    if store::users::find_by_username(app.db(), "alice")
        .await
        .expect("read")
        .is_none()
    {
        crate::tests::browser::person(app, "alice", Some(Role::Member)).await;
    }
    browser.sign_in("alice").await;
    let tokens = rp.tokens(app, &browser, &[("scope", "workspace:read")]).await;
    (text(&tokens, "access_token"), text(&tokens, "refresh_token"))
}

#[tokio::test]
async fn v_01_a_refresh_token_takes_the_whole_grant_with_it() {
    on_both(async |app| {
        let rp = Rp::web(&app).await;
        let (access, old) = tokens(&app, &rp).await;
        let next = rp.refresh(&app, &old, &[]).await.json();
        let answer = revoke(&app, &rp, &text(&next, "refresh_token")).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, ""));
        for token in [
            &access,
            &text(&next, "access_token"),
            &text(&next, "refresh_token"),
        ] {
            assert_eq!(app.introspect(&rp.client, token).await, inactive());
        }
        rp.refresh(&app, &text(&next, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        // Once more does no harm.
        assert_eq!(revoke(&app, &rp, &old).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn v_01_a_public_client_takes_its_own_back() {
    on_both(async |app| {
        let draft = Draft {
            application_type: ApplicationType::Native,
            ..web_app(&SCOPES)
        };
        let rp = Rp::of(&app, draft).await;
        let tokens = {
            let browser = alice(&app).await;
            let page = rp.authorize(&browser, &[("scope", "workspace:read")]).await;
            let code = param(&page, "code").expect("a code");
            rp.redeem(&app, &code, &[]).await.json()
        };
        let token = text(&tokens, "refresh_token");
        assert_eq!(revoke(&app, &rp, &token).await.status, 200);
        rp.refresh(&app, &token, &[]).await.refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn v_06_i_11_a_refresh_token_is_nobody_elses_business() {
    on_both(async |app| {
        let (rp, other) = (Rp::web(&app).await, Rp::web(&app).await);
        let (_, token) = tokens(&app, &rp).await;
        assert_eq!(revoke(&app, &other, &token).await.status, 200);
        let service = app.service(&["workspace:read"]).await;
        for caller in [&other.client, &service] {
            assert_eq!(app.introspect(caller, &token).await, inactive());
        }
        assert_eq!(app.introspect(&rp.client, &token).await["active"], true);
        assert_eq!(rp.refresh(&app, &token, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn i_11_what_a_client_learns_of_its_refresh_token() {
    on_both(async |app| {
        let rp = Rp::web(&app).await;
        let (access, token) = tokens(&app, &rp).await;
        let now = app.clock.now();
        let lifetimes = &app.app.registry.config.lifetimes;
        let told = app.introspect(&rp.client, &token).await;
        let expected = json!({
            "active": true,
            "scope": "workspace:read",
            "client_id": rp.client.id,
            "sub": app.introspect(&rp.client, &access).await["sub"],
            "iss": "http://localhost:8080",
            "exp": now.after(lifetimes.refresh_idle.min(lifetimes.refresh_absolute)).seconds(),
            "iat": now.seconds(),
        });
        assert_eq!(told, expected);
        app.clock.advance(Lifetime::minutes(1));
        let next = rp.refresh(&app, &token, &[]).await.json();
        assert_eq!(
            app.introspect(&rp.client, &token).await,
            inactive(),
            "it was used"
        );
        let next = app.introspect(&rp.client, &text(&next, "refresh_token")).await;
        assert_eq!(next["iat"], now.after(Lifetime::minutes(1)).seconds());
        app.clock.advance(lifetimes.refresh_absolute);
        assert_eq!(app.introspect(&rp.client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn b_063_what_was_revoked_stays_so_over_a_restart() {
    on_both(async |app| {
        let rp = Rp::web(&app).await;
        let (access, refresh) = tokens(&app, &rp).await;
        assert_eq!(revoke(&app, &rp, &refresh).await.status, 200);
        let app = app.restart().await;
        rp.refresh(&app, &refresh, &[])
            .await
            .refused(400, "invalid_grant");
        assert_eq!(app.introspect(&rp.client, &access).await, inactive());
    })
    .await;
}

//! Apps on people's own machines: no secret, PKCE, a port or a private scheme to come back to.
//! [RFC 8252](https://www.rfc-editor.org/rfc/rfc8252)

use super::*;

/// How the draft of an app on people's machines looks.
fn native(redirect_uris: &[&str]) -> Draft {
    Draft {
        application_type: ApplicationType::Native,
        redirect_uris: redirect_uris.iter().map(|&uri| uri.to_owned()).collect(),
        ..web_app(&["openid", "workspace:read"])
    }
}

impl Rp {
    /// A client of the instance itself, which comes back here.
    pub fn system(id: &str, redirect_uri: &str) -> Self {
        Self {
            client: TestClient {
                id: id.to_owned(),
                secret: String::new(),
            },
            redirect_uri: redirect_uri.to_owned(),
        }
    }

    /// The command line, listening at a port.
    pub fn command_line(app: &TestApp) -> Self {
        let id = &app.app.registry.config.system_clients.cli_id;
        Self::system(id, "http://127.0.0.1:51004/callback")
    }
}

/// Where a request is answered to; `None` when the person is told instead.
async fn answered(rp: &Rp, browser: &Browser<'_>, uri: &str) -> Option<String> {
    let first = browser.get(&rp.url(&[("redirect_uri", uri)])).await;
    if first.status == 400 {
        assert_eq!(first.header("location"), "");
        return None;
    }
    // People are asked each time where anybody may listen, so the code is a button away.
    assert!(first.status.is_redirection(), "{}", first.text());
    Some(uri.to_owned())
}

#[tokio::test]
async fn n_01_n_02_any_port_of_this_machine() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for host in ["127.0.0.1", "[::1]"] {
            let registered = format!("http://{host}/cb");
            let rp = Rp::of(&app, native(&[&registered])).await;
            let uri = format!("http://{host}:51004/cb");
            assert!(answered(&rp, &browser, &uri).await.is_some(), "{uri}");
            let silent = [("redirect_uri", uri.as_str()), ("prompt", "none")];
            let answer = rp.authorize(&browser, &silent).await;
            let location = answer.header("location");
            assert!(location.starts_with(&format!("{uri}?")), "{location}");
        }
    })
    .await;
}

#[tokio::test]
async fn n_03_nothing_but_the_port_may_differ() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let rp = Rp::of(&app, native(&["http://127.0.0.1/cb"])).await;
        for uri in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.1:51004/cb/",
            "http://127.0.0.1:51004/cb?x=1",
            "https://127.0.0.1:51004/cb",
            "http://localhost:51004/cb",
            "http://127.0.0.2:51004/cb",
            "http://[::1]:51004/cb",
            "http://127.0.0.1:51004@evil.example/cb",
        ] {
            assert_eq!(answered(&rp, &browser, uri).await, None, "{uri}");
        }
    })
    .await;
}

#[tokio::test]
async fn n_04_a_private_scheme_holds_a_dot() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let uri = "com.example.app:/cb";
        let rp = Rp::of(&app, native(&[uri])).await;
        assert!(answered(&rp, &browser, uri).await.is_some());
        for other in [
            "com.example.other:/cb",
            "com.example.app:/other",
            "com.example.app://cb",
        ] {
            assert_eq!(answered(&rp, &browser, other).await, None, "{other}");
        }
        let refused = crate::registry::clients::create(
            &app.app.registry,
            &app.owner(),
            native(&["myapp:/cb"]),
            crate::registry::clients::Creation::default(),
        )
        .await;
        let refused = refused.err().expect("a scheme that anybody may take");
        let fields = &refused.refusal().expect("a refusal").fields;
        assert_eq!(fields[0].pointer, "/redirect_uris/0");
    })
    .await;
}

#[tokio::test]
async fn n_05_no_code_without_a_challenge() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let rp = Rp::command_line(&app);
        let answer = rp
            .authorize(
                &browser,
                &[
                    ("scope", "clients:read"),
                    ("code_challenge", ""),
                    ("code_challenge_method", ""),
                ],
            )
            .await;
        assert_eq!(param(&answer, "error").as_deref(), Some("invalid_request"));
        assert_eq!(param(&answer, "code"), None);
    })
    .await;
}

/// From the first redirect to the second refresh token, without a secret and without a question.
async fn from_authorize_to_refresh(app: &TestApp, rp: &Rp, scope: &str) {
    let browser = alice(app).await;
    let code = rp.code(&browser, &[("scope", scope)]).await;
    let wrong = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    rp.redeem(app, &code, &[("code_verifier", wrong)])
        .await
        .refused(400, "invalid_grant");
    let tokens = rp.redeem(app, &code, &[]).await.json();
    assert_eq!(tokens["scope"], scope, "{tokens}");
    let refreshed = rp.refresh(app, &text(&tokens, "refresh_token"), &[]).await.json();
    assert_eq!(refreshed["scope"], scope, "{refreshed}");
    assert_ne!(refreshed["refresh_token"], tokens["refresh_token"]);
}

#[tokio::test]
async fn the_mobile_app_from_authorize_to_refreshed_tokens() {
    on_both(async |app| {
        let id = &app.app.registry.config.system_clients.mobile_id;
        let rp = Rp::system(id, "org.oauthority.mobile:/callback");
        from_authorize_to_refresh(&app, &rp, "openid email offline_access").await;
    })
    .await;
}

#[tokio::test]
async fn the_desktop_agent_from_authorize_to_refreshed_tokens() {
    on_both(async |app| {
        let id = &app.app.registry.config.system_clients.desktop_id;
        let rp = Rp::system(id, "http://[::1]:40123/callback");
        from_authorize_to_refresh(&app, &rp, "openid profile offline_access").await;
    })
    .await;
}

#[tokio::test]
async fn the_command_line_from_authorize_to_refreshed_tokens() {
    on_both(async |app| {
        let rp = Rp::command_line(&app);
        from_authorize_to_refresh(&app, &rp, "clients:read audit:read").await;
        let device = rp.ask(&app, &[("grant_type", "client_credentials")]).await;
        device.refused(400, "unauthorized_client");
    })
    .await;
}

#[tokio::test]
async fn v_01_v_06_v_08_a_refresh_token_goes_with_all_of_its_grant() {
    on_both(async |app| {
        let (rp, browser) = (Rp::command_line(&app), alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "clients:read")]).await;
        let refresh = text(&tokens, "refresh_token");
        let owner = app.service(&["workspace:read"]).await;
        let foreign = app
            .post("/oauth2/revoke")
            .basic(&owner)
            .form(&[("token", &refresh)])
            .await;
        assert_eq!(foreign.status, 200);
        let me = async || {
            app.get("/api/v1/me")
                .bearer(&text(&tokens, "access_token"))
                .send()
                .await
                .status
        };
        assert_eq!(me().await, 200, "it is somebody else's");
        let own = [("token", refresh.as_str()), ("client_id", &rp.client.id)];
        for _ in 0..2 {
            assert_eq!(app.post("/oauth2/revoke").form(&own).await.status, 200);
        }
        assert_eq!(me().await, 401);
        rp.refresh(&app, &refresh, &[])
            .await
            .refused(400, "invalid_grant");
    })
    .await;
}

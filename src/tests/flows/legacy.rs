//! The two grants that exist for migrations only. Off, nothing says that they exist; on, they go round no rule.

use super::*;
use crate::{
    db::Statement,
    oauth::people_settings::PeopleSettings,
    registry::members,
    store,
    tests::{
        browser::{PASSWORD, person},
        databases::databases,
        harness::inactive,
    },
};

const ON: [(&str, &str); 2] = [
    ("legacy.password_grant", "true"),
    ("legacy.implicit_grant", "true"),
];

/// An old portal, of a first organisation that has switched on everything.
fn portal() -> Draft {
    Draft {
        name: "Old portal".to_owned(),
        grant_types: vec![GrantType::Password, GrantType::Implicit, GrantType::RefreshToken],
        ..web_app(&SCOPES)
    }
}

async fn bring(app: &TestApp, rp: &Rp, username: &str, password: &str, scope: &str) -> Answer {
    let form = [
        ("grant_type", "password"),
        ("username", username),
        ("password", password),
        ("scope", scope),
    ];
    rp.ask(app, &form).await
}

/// The parameters in the fragment of a redirect to a client.
fn fragment(answer: &Answer) -> Vec<(String, String)> {
    let url = Url::parse(answer.header("location")).expect("a redirect to a client");
    assert_eq!(url.query(), None);
    form_urlencoded::parse(url.fragment().expect("a fragment").as_bytes())
        .into_owned()
        .collect()
}

fn of(params: &[(String, String)], name: &str) -> String {
    let found = params.iter().find(|(known, _)| known == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {params:?}"))
        .1
        .clone()
}

const TOKEN: [(&str, &str); 3] = [
    ("response_type", "token"),
    ("code_challenge", ""),
    ("code_challenge_method", ""),
];

fn token(scope: &str) -> Vec<(&str, &str)> {
    [&TOKEN[..], &[("scope", scope)]].concat()
}

async fn metadata(app: &TestApp) -> Json {
    app.get("/.well-known/oauth-authorization-server")
        .send()
        .await
        .json()
}

#[tokio::test]
async fn g_40_b_046_m_08_switched_off_again_they_are_unknown() {
    for database in databases().await {
        let app = TestApp::start(&database, &ON).await;
        let rp = Rp::of(&app, portal()).await;
        person(&app, "alice", Some(Role::Member)).await;
        assert_eq!(
            bring(&app, &rp, "alice", PASSWORD, "workspace:read").await.status,
            200
        );
        let offered = metadata(&app).await;
        let has = |member: &str, word: &str| {
            let list = offered[member].as_array().expect("a list");
            list.contains(&word.into())
        };
        assert!(has("grant_types_supported", "password") && has("grant_types_supported", "implicit"));
        assert!(has("response_types_supported", "token"));
        drop(app);
        let app = TestApp::start(&database, &[]).await;
        bring(&app, &rp, "alice", PASSWORD, "workspace:read")
            .await
            .refused(400, "unsupported_grant_type");
        let browser = Browser::new(&app);
        browser.sign_in("alice").await;
        let answer = rp.authorize(&browser, &token("workspace:read")).await;
        assert_eq!(of(&fragment(&answer), "error"), "unsupported_response_type");
        let offered = metadata(&app).await.to_string();
        for hidden in ["password", "implicit", "\"token\""] {
            assert!(!offered.contains(hidden), "{hidden}: {offered}");
        }
    }
}

#[tokio::test]
async fn b_046_a_client_without_the_grant_gets_nothing_while_they_are_on() {
    on_both_with(&ON, async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        bring(&app, &rp, "alice", PASSWORD, "workspace:read")
            .await
            .refused(400, "unauthorized_client");
        let answer = rp.authorize(&browser, &token("workspace:read")).await;
        assert_eq!(of(&fragment(&answer), "error"), "unauthorized_client");
        // And the portal no code.
        let portal = Rp::of(&app, portal()).await;
        let answer = portal.authorize(&browser, &[]).await;
        assert_eq!(param(&answer, "error").as_deref(), Some("unauthorized_client"));
        // The implicit grant has nothing to do with the token endpoint.
        portal
            .ask(&app, &[("grant_type", "implicit")])
            .await
            .refused(400, "unsupported_grant_type");
    })
    .await;
}

#[tokio::test]
async fn a_password_becomes_tokens() {
    on_both_with(&ON, async |app| {
        let rp = Rp::of(&app, portal()).await;
        let alice = person(&app, "alice", Some(Role::Member)).await;
        let answer = bring(
            &app,
            &rp,
            "Alice",
            PASSWORD,
            "openid offline_access workspace:read",
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        let tokens = answer.json();
        assert_eq!(tokens["scope"], "openid offline_access workspace:read");
        assert_eq!(
            tokens.get("id_token"),
            None,
            "OpenID Connect does not know this grant"
        );
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(
            (&active["active"], &active["sub"]),
            (&true.into(), &alice.id.clone().into())
        );
        let next = rp.refresh(&app, &text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(next.status, 200, "{}", next.text());
        let brief = bring(&app, &rp, "alice", PASSWORD, "openid workspace:read")
            .await
            .json();
        assert_eq!(brief.get("refresh_token"), None);
        members::remove(&app.app.registry, &app.owner(), &alice.id)
            .await
            .expect("removed");
        for tokens in [&next.json(), &brief] {
            let gone = app.introspect(&rp.client, &text(tokens, "access_token")).await;
            assert_eq!(gone, inactive());
        }
    })
    .await;
}

#[tokio::test]
async fn b_045_b_047_a_password_goes_round_no_rule() {
    on_both_with(&ON, async |app| {
        let rp = Rp::of(&app, portal()).await;
        person(&app, "alice", Some(Role::Member)).await;
        person(&app, "mallory", None).await;
        bring(&app, &rp, "alice", PASSWORD, "workspace:write")
            .await
            .refused(400, "invalid_scope");
        let (wrong, unknown) = (
            bring(&app, &rp, "alice", "wrong", "workspace:read").await,
            bring(&app, &rp, "nobody", "wrong", "workspace:read").await,
        );
        wrong.refused(400, "invalid_grant");
        assert_eq!(
            wrong.json()["error_description"],
            unknown.json()["error_description"]
        );
        let stranger = bring(&app, &rp, "mallory", PASSWORD, "workspace:read").await;
        stranger.refused(400, "invalid_grant");
        for lacking in ["username", "password"] {
            let form: Vec<_> = [("username", "alice"), ("password", PASSWORD)]
                .into_iter()
                .filter(|(name, _)| *name != lacking)
                .chain([("grant_type", "password")])
                .collect();
            rp.ask(&app, &form).await.refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn wrong_passwords_count_as_on_the_sign_in_page() {
    on_both_with(&ON, async |app| {
        let rp = Rp::of(&app, portal()).await;
        person(&app, "alice", Some(Role::Member)).await;
        for _ in 0..9 {
            bring(&app, &rp, "alice", "wrong", "workspace:read").await;
        }
        // The last try is right, and all is forgiven.
        assert_eq!(
            bring(&app, &rp, "alice", PASSWORD, "workspace:read").await.status,
            200
        );
        for _ in 0..10 {
            bring(&app, &rp, "alice", "wrong", "workspace:read").await;
        }
        bring(&app, &rp, "alice", PASSWORD, "workspace:read")
            .await
            .refused(400, "invalid_grant");
        let page = Browser::new(&app);
        let answer = page
            .submit("/login", &[("username", "alice"), ("password", PASSWORD)])
            .await;
        assert_eq!(answer.status, 429);
        assert!(
            answer.text().contains("Too many wrong tries"),
            "{}",
            answer.text()
        );
        // And what one address may try.
        for _ in 0..8 {
            bring(&app, &rp, "somebody", "wrong", "workspace:read").await;
        }
        bring(&app, &rp, "somebody", "wrong", "workspace:read")
            .await
            .refused(429, "rate_limited");
    })
    .await;
}

#[tokio::test]
async fn whoever_has_or_needs_a_second_factor_is_refused() {
    on_both_with(&ON, async |app| {
        let rp = Rp::of(&app, portal()).await;
        let strict = Draft {
            people: PeopleSettings {
                require_second_factor: true,
                ..PeopleSettings::default()
            },
            ..portal()
        };
        let strict = Rp::of(&app, strict).await;
        let ada = person(&app, "ada", Some(Role::Member)).await;
        person(&app, "alice", Some(Role::Member)).await;
        let sql = "INSERT INTO totp_secrets (user_id, sealed, created_at, last_step) VALUES ($1, $2, 0, 0)";
        let has_app = Statement::new(sql, vec![(&ada.id).into(), vec![0_u8].into()]);
        app.db().write(has_app.into()).await.expect("written");
        bring(&app, &rp, "ada", PASSWORD, "workspace:read")
            .await
            .refused(400, "invalid_grant");
        bring(&app, &strict, "alice", PASSWORD, "workspace:read")
            .await
            .refused(400, "invalid_grant");
        assert_eq!(
            bring(&app, &rp, "alice", PASSWORD, "workspace:read").await.status,
            200
        );
        app.demand_second_factor().await;
        bring(&app, &rp, "alice", PASSWORD, "workspace:read")
            .await
            .refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn the_implicit_grant_answers_in_the_fragment() {
    on_both_with(&ON, async |app| {
        let (rp, browser) = (Rp::of(&app, portal()).await, alice(&app).await);
        let answer = rp
            .authorize(&browser, &token("openid offline_access workspace:read"))
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert!(answer.header("location").starts_with(&format!("{CALLBACK}#")));
        let params = fragment(&answer);
        let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "access_token",
                "token_type",
                "expires_in",
                "scope",
                "state",
                "iss"
            ]
        );
        assert_eq!(of(&params, "token_type"), "Bearer");
        assert_eq!(of(&params, "expires_in"), "3600");
        assert_eq!(of(&params, "state"), "s t&a=t%e+\"é");
        let access_token = of(&params, "access_token");
        let active = app.introspect(&rp.client, &access_token).await;
        assert_eq!(active["active"], true, "{active}");
        // The grant is written down, and lives no longer than its session.
        let alice = store::users::find_by_username(app.db(), "alice")
            .await
            .expect("read");
        let grants = store::grants::of_user(app.db(), &alice.expect("made").id, app.clock.now()).await;
        let grants = grants.expect("read");
        assert!(grants.len() == 1 && !grants[0].offline && grants[0].session_id.is_some());
        browser.get("/me/preferences").await;
        browser.submit("/logout", &[]).await;
        assert_eq!(app.introspect(&rp.client, &access_token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn the_implicit_grant_goes_round_no_rule() {
    on_both_with(&ON, async |app| {
        let asking = Draft {
            require_consent: true,
            ..portal()
        };
        let rp = Rp::of(&app, asking).await;
        let nobody = Browser::new(&app);
        let answer = follow(&nobody, &rp.url(&token("workspace:read"))).await;
        assert!(answer.text().contains("id=\"sign-in\""), "{}", answer.text());
        let browser = alice(&app).await;
        // A token never travels in a query.
        let query = [&token("workspace:read")[..], &[("response_mode", "query")]].concat();
        let answer = rp.authorize(&browser, &query).await;
        assert_eq!(of(&fragment(&answer), "error"), "invalid_request");
        let answer = rp.authorize(&browser, &token("workspace:write")).await;
        assert_eq!(of(&fragment(&answer), "error"), "invalid_scope");
        let page = rp.authorize(&browser, &token("workspace:read")).await;
        let denied = say(&browser, &page, "deny", &[]).await;
        assert_eq!(of(&fragment(&denied), "error"), "access_denied");
        let page = rp.authorize(&browser, &token("workspace:read")).await;
        let allowed = say(&browser, &page, "allow", &[]).await;
        assert!(!of(&fragment(&allowed), "access_token").is_empty());
        // fx_15: one request, one answer.
        let again = say(&browser, &page, "allow", &[]).await;
        assert_eq!((again.status.as_u16(), again.header("location")), (400, ""));
        person(&app, "mallory", None).await;
        let stranger = Browser::new(&app);
        stranger.sign_in("mallory").await;
        let answer = rp.authorize(&stranger, &token("workspace:read")).await;
        assert_eq!(of(&fragment(&answer), "error"), "access_denied");
    })
    .await;
}

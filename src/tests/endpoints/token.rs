//! The token endpoint and the client credentials grant.

use axum::{body::Body, http::Method};
use serde_json::json;

use crate::{
    oauth::client::{ApplicationType, GrantType},
    registry::client_input::{Draft, ScopeRef},
    store::apis::TokenFormat,
    tests::{
        credentials,
        harness::{on_both, on_both_with, service, signing_in},
    },
};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn cc_01_a_token_and_no_refresh_token() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let answer = app.token(&client, &[]).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "workspace:read");
        assert_eq!(body.as_object().expect("an object").len(), 4, "{body}");
    })
    .await;
}

#[tokio::test]
async fn cc_02_public_client() {
    on_both(async |app| {
        let mut client = app
            .client(&app.org, signing_in(ApplicationType::UserAgentBased))
            .await;
        client.secret.clear();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.id.as_str()),
        ];
        app.post("/oauth2/token")
            .form(&form)
            .await
            .refused(400, "unauthorized_client");
    })
    .await;
}

#[tokio::test]
async fn cc_03_b_045_scope_that_is_not_granted() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for scope in [
            "workspace:write",
            "clients:read",
            "nonsense",
            "workspace:read workspace:write",
            "\"\\é",
        ] {
            app.token(&client, &[("scope", scope)])
                .await
                .refused(400, "invalid_scope");
        }
    })
    .await;
}

#[tokio::test]
async fn cc_04_scope_omitted_means_all_of_the_default_audience() {
    on_both(async |app| {
        app.api(&app.org, "https://b.example", TokenFormat::Jwt, &["b:read"])
            .await;
        let client = app.service(&["workspace:write", "b:read"]).await;
        assert_eq!(app.token(&client, &[]).await.json()["scope"], "workspace:write");
        let b = app.token(&client, &[("resource", "https://b.example")]).await;
        assert_eq!(b.json()["scope"], "b:read");
        let implied = app.token(&client, &[("scope", "workspace:read")]).await;
        assert_eq!(implied.json()["scope"], "workspace:read", "write implies read");
    })
    .await;
}

#[tokio::test]
async fn cc_06_openid_is_for_people() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        app.token(&client, &[("scope", "openid")])
            .await
            .refused(400, "invalid_scope");
    })
    .await;
}

#[tokio::test]
async fn scopes_may_be_qualified_and_belong_to_one_audience() {
    on_both(async |app| {
        app.api(
            &app.org,
            "https://b.example",
            TokenFormat::Jwt,
            &["b:read", "workspace:read"],
        )
        .await;
        let scopes = [
            ScopeRef {
                audience: Some("urn:oauthority:workspace:main".to_owned()),
                value: "workspace:read".to_owned(),
            },
            ScopeRef {
                audience: Some("https://b.example".to_owned()),
                value: "workspace:read".to_owned(),
            },
            ScopeRef::text("b:read"),
        ];
        let draft = Draft {
            scopes: scopes.to_vec(),
            ..service(&[])
        };
        let client = app.client(&app.org, draft).await;
        for (scope, resource, expected) in [
            ("https://b.exampleb:read", "", "b:read"),
            ("https://b.example-b:read", "", "b:read"),
            ("workspace:read", "https://b.example", "workspace:read"),
            (
                "https://b.example-workspace:read",
                "https://b.example",
                "workspace:read",
            ),
        ] {
            let answer = app
                .token(&client, &[("scope", scope), ("resource", resource)])
                .await;
            assert_eq!(answer.json()["scope"], expected, "{scope}");
        }
        app.token(&client, &[("scope", "workspace:read")])
            .await
            .refused(400, "invalid_scope");
        let two = app
            .token(
                &client,
                &[("scope", "b:read urn:oauthority:workspace:mainworkspace:read")],
            )
            .await;
        two.refused(400, "invalid_target");
        for resource in [
            "https://unknown.example",
            "relative",
            "https://b.example#fragment",
        ] {
            app.token(&client, &[("resource", resource)])
                .await
                .refused(400, "invalid_target");
        }
    })
    .await;
}

#[tokio::test]
async fn t_01_grant_type_missing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for form in [&[][..], &[("grant_type", "")]] {
            app.post("/oauth2/token")
                .basic(&client)
                .form(form)
                .await
                .refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn t_02_g_40_grant_type_not_served() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for grant in ["password", "implicit", "CLIENT_CREDENTIALS", "x"] {
            let answer = app
                .post("/oauth2/token")
                .basic(&client)
                .form(&[("grant_type", grant)])
                .await;
            answer.refused(400, "unsupported_grant_type");
        }
    })
    .await;
}

#[tokio::test]
async fn t_03_b_046_client_not_registered_for_the_grant() {
    on_both(async |app| {
        let client = app.client(&app.org, signing_in(ApplicationType::Web)).await;
        app.token(&client, &[]).await.refused(400, "unauthorized_client");
    })
    .await;
}

#[tokio::test]
async fn t_29_lifetime_is_the_smallest_that_is_set() {
    on_both(async |app| {
        let draft = Draft {
            access_token_lifetime: Some(crate::time::Lifetime::minutes(5)),
            ..service(&["workspace:read"])
        };
        let client = app.client(&app.org, draft).await;
        let answer = app.token(&client, &[]).await.json();
        assert_eq!(answer["expires_in"], 300);
        let seen = app
            .introspect(&client, answer["access_token"].as_str().expect("a token"))
            .await;
        let exp = seen["exp"].as_i64().expect("a number");
        assert_eq!(exp - seen["iat"].as_i64().expect("a number"), 300);
        assert_eq!(exp, app.clock.now().seconds() + 300);
    })
    .await;
}

#[tokio::test]
async fn g_04_g_05_json_that_nobody_stores() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let answer = app.token(&client, &[]).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        let token = answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        for (path, status) in [("/oauth2/introspect", 200), ("/oauth2/introspect/", 404)] {
            let answer = app.post(path).basic(&client).form(&[("token", &token)]).await;
            assert_eq!(answer.status, status, "{path}");
            if status == 200 {
                assert_eq!(answer.header("content-type"), "application/json");
                assert_eq!(answer.header("cache-control"), "no-store");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn g_07_unknown_parameters_are_ignored() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let answer = app.token(&client, &[("foo", "bar")]).await;
        assert_eq!(answer.status, 200);
        let token = answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        let form = [("token", token.as_str()), ("foo", "bar"), ("token_typ_hint", "x")];
        let call = app.post("/oauth2/introspect").basic(&client);
        assert_eq!(call.form(&form).await.json()["active"], true);
        let call = app.post("/oauth2/revoke").basic(&client);
        assert_eq!(call.form(&form).await.status, 200);
        assert_eq!(app.introspect(&client, &token).await["active"], false);
    })
    .await;
}

#[tokio::test]
async fn g_08_an_empty_scope_counts_as_omitted() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let answer = app.token(&client, &[("scope", ""), ("client_secret", "")]).await;
        assert_eq!(answer.json()["scope"], "workspace:read");
    })
    .await;
}

#[tokio::test]
async fn g_10_repeated_parameters() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for name in [
            "grant_type",
            "scope",
            "client_id",
            "code",
            "redirect_uri",
            "refresh_token",
            "foo",
        ] {
            let value = if name == "client_id" {
                client.id.as_str()
            } else {
                "workspace:read"
            };
            let answer = app.token(&client, &[(name, value), (name, value)]).await;
            answer.refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn g_10_personal_credentials_may_repeat_scope() {
    on_both(async |app| {
        let client = credentials::of_a_member(&app, &["workspace:read", "workspace:write"]).await;
        let twice = [("scope", "workspace:write"), ("scope", "workspace:read")];
        let answer = app.token(&client, &twice).await;
        assert_eq!(answer.json()["scope"], "workspace:write workspace:read");
    })
    .await;
}

#[tokio::test]
async fn g_11_resource_may_be_repeated() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let resource = ("resource", "urn:oauthority:workspace:main");
        assert_eq!(app.token(&client, &[resource, resource]).await.status, 200);
        let other = ("resource", "urn:oauthority:api");
        app.token(&client, &[resource, other])
            .await
            .refused(400, "invalid_target");
    })
    .await;
}

#[tokio::test]
async fn g_13_a_json_body_is_the_same_as_a_form() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": client.id,
            "client_secret": client.secret,
            "scope": "workspace:read",
        });
        let answer = app.post("/oauth2/token").json(&body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["scope"]),
            (200, &json!("workspace:read"))
        );
        for bad in [
            r#"{"grant_type":"client_credentials","expires_in":60}"#,
            r#"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#,
            r#"{"grant_type":["client_credentials"]}"#,
            r#"["client_credentials"]"#,
            r#"{"grant_type":"#,
            "",
        ] {
            let answer = app
                .post("/oauth2/token")
                .basic(&client)
                .raw("application/json", bad)
                .await;
            answer.refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn other_media_types_are_refused() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for media_type in ["text/plain", "multipart/form-data; boundary=x", "application/xml"] {
            let call = app.post("/oauth2/token").basic(&client);
            let answer = call.raw(media_type, "grant_type=client_credentials").await;
            answer.refused(415, "unsupported_media_type");
        }
        let call = app.post("/oauth2/token").basic(&client);
        let answer = call
            .raw(&format!("{FORM}; charset=UTF-8"), "grant_type=client_credentials")
            .await;
        assert_eq!(answer.status, 200);
    })
    .await;
}

#[tokio::test]
async fn g_17_wrong_method() {
    on_both(async |app| {
        for path in [
            "/oauth2/token",
            "/oauth2/revoke",
            "/oauth2/introspect",
            "/api/oauth/token",
        ] {
            for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
                let answer = app.call(method, path).send().await;
                answer.refused(405, "method_not_allowed");
                // What apps in browsers use answers their preflights, too.
                let allowed = match path {
                    "/oauth2/introspect" => "POST",
                    _ => "POST,OPTIONS",
                };
                assert_eq!(answer.header("allow"), allowed);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn g_18_a_body_over_the_limit() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let call = app.post("/oauth2/token").basic(&client);
        let answer = call
            .raw(FORM, Body::from("a=".to_owned() + &"x".repeat(70_000)))
            .await;
        assert_eq!(answer.status, 413);
        assert_eq!(app.token(&client, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_nul_in_a_parameter_is_refused_before_any_look_up() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for body in [
            "grant_type=client_credentials&scope=%00",
            "grant_type=client_credentials&client_id=a%00",
            "grant_type=client_credentials&foo=%00",
        ] {
            let answer = app.post("/oauth2/token").basic(&client).raw(FORM, body).await;
            answer.refused(400, "invalid_request");
        }
        let answer = app
            .post("/oauth2/token")
            .raw("application/json", r#"{"client_id":"a\u0000"}"#)
            .await;
        answer.refused(400, "invalid_request");
    })
    .await;
}

#[tokio::test]
async fn aliases_are_the_same_endpoint() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for path in ["/api/oauth/token", "/oauth2/v1/token"] {
            let form = [("grant_type", "client_credentials")];
            assert_eq!(
                app.post(path).basic(&client).form(&form).await.status,
                200,
                "{path}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn b_105_long_scopes_are_refused_quickly() {
    on_both_with(&[("limits.body_bytes", "2000000")], async |app| {
        let client = app.service(&["workspace:read"]).await;
        for length in [50_000, 100_000, 1_000_000] {
            for unit in ["workspace:read ", "x ", "x"] {
                let scope = unit.repeat(length / unit.len());
                let began = std::time::Instant::now();
                app.token(&client, &[("scope", &scope)])
                    .await
                    .refused(400, "invalid_scope");
                // 100 ms in a release build; this one is not, and shares its processor.
                assert!(
                    began.elapsed().as_millis() < 1000,
                    "{length} {unit}: {:?}",
                    began.elapsed()
                );
            }
        }
        let many: Vec<_> = (0..1000).map(|_| ("resource", "https://a.example")).collect();
        app.token(&client, &many).await.refused(400, "invalid_request");
    })
    .await;
}

#[tokio::test]
async fn no_statement_reaches_the_database() {
    on_both(async |app| {
        app.api(&app.org, "https://b.example", TokenFormat::Opaque, &["b:read"])
            .await;
        let client = app.service(&["workspace:read", "b:read"]).await;
        let before = app.db().statements();
        for resource in ["urn:oauthority:workspace:main", "https://b.example"] {
            let token = client.token_for(&app, &[("resource", resource)]).await;
            assert_eq!(app.introspect(&client, &token).await["active"], true);
            assert_eq!(app.introspect(&client, "nonsense").await["active"], false);
        }
        app.token(&client.with_secret("wrong"), &[])
            .await
            .refused(401, "invalid_client");
        assert_eq!(app.db().statements(), before);
    })
    .await;
}

#[tokio::test]
async fn uses_are_counted_and_written_later() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for _ in 0..3 {
            client.token(&app).await;
        }
        app.app.registry.flush_activity().await.expect("written");
        let stored = crate::store::clients::find(app.db(), &client.id)
            .await
            .expect("read");
        assert_eq!(stored.expect("there").last_used_at, Some(app.clock.now()));
        let secrets = crate::store::secrets::of_client(app.db(), &client.id)
            .await
            .expect("read");
        assert_eq!(secrets[0].uses, 3);
    })
    .await;
}

#[tokio::test]
async fn token_requests_are_limited_where_the_operator_says_so() {
    on_both_with(&[("limits.token_requests_per_client", "2")], async |app| {
        let client = app.service(&["workspace:read"]).await;
        let other = app.service(&["workspace:read"]).await;
        for _ in 0..2 {
            assert_eq!(app.token(&client, &[]).await.status, 200);
        }
        let answer = app.token(&client, &[]).await;
        answer.refused(429, "rate_limited");
        assert_eq!(answer.header("retry-after"), "61");
        assert_eq!(app.token(&other, &[]).await.status, 200);
        app.clock.advance(crate::time::Lifetime::seconds(61));
        assert_eq!(app.token(&client, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_web_app_may_act_for_itself_too() {
    on_both(async |app| {
        let draft = Draft {
            grant_types: vec![GrantType::AuthorizationCode, GrantType::ClientCredentials],
            ..signing_in(ApplicationType::Web)
        };
        let client = app.client(&app.org, draft).await;
        assert_eq!(app.token(&client, &[]).await.status, 200);
    })
    .await;
}

//! Discovery and keys: everything that is advertised works, and nothing else is.

use std::collections::HashSet;

use axum::http::Method;
use serde_json::json;

use crate::{
    jose::jws::Compact,
    oauth::{authentication, client::GrantType},
    tests::harness::{on_both, on_both_with},
};

const DOCUMENTS: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

#[tokio::test]
async fn m_01_m_02_m_03_g_28_both_documents() {
    on_both(async |app| {
        for path in DOCUMENTS {
            let answer = app.get(path).send().await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (200, "application/json")
            );
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert_eq!(answer.json()["issuer"], "http://localhost:8080");
        }
    })
    .await;
}

#[tokio::test]
async fn m_04_an_issuer_with_a_path() {
    on_both_with(&[("issuer", "https://id.example/t1")], async |app| {
        for path in [
            "/.well-known/oauth-authorization-server/t1",
            "/t1/.well-known/openid-configuration",
            "/t1/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration/t1",
        ] {
            let document = app.get(path).send().await.json();
            assert_eq!(document["issuer"], "https://id.example/t1", "{path}");
            assert_eq!(document["token_endpoint"], "https://id.example/t1/oauth2/token");
        }
        let client = app.service(&["workspace:read"]).await;
        let form = [("grant_type", "client_credentials")];
        assert_eq!(
            app.post("/t1/oauth2/token")
                .basic(&client)
                .form(&form)
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn m_08_m_09_m_10_exactly_what_works() {
    on_both(async |app| {
        let document = app.get(DOCUMENTS[0]).send().await.json();
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(
            document["response_modes_supported"],
            json!(["query", "form_post"])
        );
        let secrets = json!(["client_secret_basic", "client_secret_post"]);
        let or_none = json!(["client_secret_basic", "client_secret_post", "none"]);
        assert_eq!(document["token_endpoint_auth_methods_supported"], or_none);
        assert_eq!(document["revocation_endpoint_auth_methods_supported"], or_none);
        assert_eq!(document["introspection_endpoint_auth_methods_supported"], secrets);
        let client = app.service(&["workspace:read"]).await;
        let advertised = document["grant_types_supported"].as_array().expect("a list");
        for grant in GrantType::ALL {
            let call = app.post("/oauth2/token").basic(&client);
            let answer = call.form(&[("grant_type", grant.word())]).await;
            let served = answer.json()["error"] != "unsupported_grant_type";
            assert_eq!(advertised.contains(&json!(grant)), served, "{grant}");
        }
        for absent in [
            "token_endpoint_auth_signing_alg_values_supported",
            "check_session_iframe",
            "registration_endpoint",
        ] {
            assert!(document.get(absent).is_none(), "{absent}");
        }
    })
    .await;
}

#[tokio::test]
async fn m_06_m_07_m_12_what_openid_connect_needs() {
    on_both(async |app| {
        let document = app.get(DOCUMENTS[1]).send().await.json();
        for member in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            assert!(document[member].is_string(), "{member}");
        }
        let algorithms = json!(["RS256", "ES256", "EdDSA"]);
        for (member, expected) in [
            ("subject_types_supported", json!(["public", "pairwise"])),
            ("id_token_signing_alg_values_supported", algorithms.clone()),
            ("userinfo_signing_alg_values_supported", algorithms),
            ("code_challenge_methods_supported", json!(["S256"])),
            ("authorization_response_iss_parameter_supported", json!(true)),
            ("acr_values_supported", json!(authentication::CLASSES)),
            (
                "prompt_values_supported",
                json!(["none", "login", "consent", "select_account"]),
            ),
            ("claims_parameter_supported", json!(true)),
            ("claim_types_supported", json!(["normal"])),
            ("request_parameter_supported", json!(false)),
            ("request_uri_parameter_supported", json!(false)),
            ("backchannel_logout_supported", json!(true)),
            ("backchannel_logout_session_supported", json!(true)),
            ("ui_locales_supported", json!(["en"])),
        ] {
            assert_eq!(document[member], expected, "{member}");
        }
        let listed = |member: &str, value: &str| {
            let list = document[member].as_array().expect("a list");
            list.contains(&json!(value))
        };
        assert!(listed("scopes_supported", "openid") && listed("scopes_supported", "offline_access"));
        for claim in [
            "sub",
            "email_verified",
            "address",
            "phone_number",
            "auth_time",
            "acr",
        ] {
            assert!(listed("claims_supported", claim), "{claim}");
        }
    })
    .await;
}

#[tokio::test]
async fn m_19_every_advertised_endpoint_answers() {
    on_both(async |app| {
        let document = app.get(DOCUMENTS[0]).send().await.json();
        for (member, url) in document.as_object().expect("an object") {
            if member.ends_with("_endpoint") || member == "jwks_uri" {
                let path = url
                    .as_str()
                    .expect("a URL")
                    .strip_prefix("http://localhost:8080")
                    .expect("ours");
                for method in [Method::GET, Method::POST] {
                    assert_ne!(app.call(method, path).send().await.status, 404, "{member}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn m_22_m_23_public_keys_only() {
    on_both(async |app| {
        let answer = app.get("/oauth2/jwks").send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let body = answer.json();
        let keys = body["keys"].as_array().expect("a list");
        let kids: HashSet<_> = keys.iter().map(|k| k["kid"].as_str().expect("a kid")).collect();
        assert!(!keys.is_empty() && kids.len() == keys.len());
        for key in keys {
            assert_eq!(key["use"], "sig");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert!(key.get(private).is_none(), "{private}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn m_25_the_key_of_a_token_is_published() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        let kid = Compact::parse(&token)
            .expect("a JWT")
            .header()
            .kid
            .clone()
            .expect("a kid");
        let keys = app.get("/oauth2/jwks").send().await.json();
        assert!(
            keys["keys"]
                .as_array()
                .expect("a list")
                .iter()
                .any(|key| key["kid"] == kid.as_str())
        );
    })
    .await;
}

#[tokio::test]
async fn documents_are_not_sent_twice() {
    on_both(async |app| {
        for path in [DOCUMENTS[0], DOCUMENTS[1], "/oauth2/jwks"] {
            let etag = app.get(path).send().await.header("etag").to_owned();
            assert!(etag.starts_with('"'));
            for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
                let answer = app.get(path).header("if-none-match", &known).send().await;
                assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{known}");
                assert_eq!(answer.header("etag"), etag);
            }
            assert_eq!(
                app.get(path).header("if-none-match", "\"x\"").send().await.status,
                200
            );
            let head = app.call(Method::HEAD, path).send().await;
            assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
            let wrong = app.post(path).send().await;
            assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "GET,HEAD"));
        }
    })
    .await;
}

#[tokio::test]
async fn g_26_spoofed_headers_change_nothing() {
    on_both(async |app| {
        let plain = app.get(DOCUMENTS[0]).send().await.body;
        let spoofed = app
            .get(DOCUMENTS[0])
            .from("203.0.113.9")
            .header("host", "evil.example")
            .header("forwarded", "host=evil.example;proto=http")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "http")
            .send()
            .await;
        assert_eq!(spoofed.body, plain);
    })
    .await;
}

#[tokio::test]
async fn b_099_no_origin_is_let_in_but_to_public_documents() {
    on_both(async |app| {
        let client = app.service(&["clients:read"]).await;
        let token = client.token(&app).await;
        for path in [
            "/oauth2/token",
            "/oauth2/introspect",
            "/oauth2/revoke",
            "/api/v1/me",
            "/api/oauth-applications",
            "/login",
            "/",
        ] {
            for method in [Method::OPTIONS, Method::GET, Method::POST] {
                let answer = app
                    .call(method.clone(), path)
                    .header("origin", "https://evil.example")
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "authorization")
                    .bearer(&token)
                    .send()
                    .await;
                let allowed = |name: &&str| answer.headers.contains_key(*name);
                let found: Vec<_> = ["access-control-allow-origin", "access-control-allow-credentials"]
                    .into_iter()
                    .filter(allowed)
                    .collect();
                assert!(found.is_empty(), "{method} {path}: {found:?}");
            }
        }
    })
    .await;
}

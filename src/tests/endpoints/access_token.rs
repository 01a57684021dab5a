//! The tokens themselves: what a JWT says, and what is refused as one.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value as Json, json};

use crate::{
    access_token,
    jose::{jwk::Jwk, jws::Compact},
    store::apis::TokenFormat,
    tests::harness::{TestApp, inactive, on_both, on_both_with},
};

fn claims(token: &str) -> Json {
    serde_json::from_slice(Compact::parse(token).expect("a JWT").payload()).expect("claims")
}

/// Verifies a token as a resource server would: offline, with the published keys.
async fn verify(app: &TestApp, token: &str, alg: &str) {
    let token = Compact::parse(token).expect("a JWT");
    let published = app.get("/oauth2/jwks").send().await.json();
    let key = published["keys"]
        .as_array()
        .and_then(|keys| {
            keys.iter()
                .find(|key| key["kid"].as_str() == token.header().kid.as_deref())
        })
        .expect("published");
    assert_eq!((key["alg"].as_str(), token.header().alg.name()), (Some(alg), alg));
    let key: Jwk = serde_json::from_value(key.clone()).expect("a key");
    assert_eq!(token.verify(&key), Ok(()));
}

#[tokio::test]
async fn j_01_header() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        let header = token.split('.').next().expect("a part");
        let header: Json =
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON");
        assert_eq!(
            (&header["typ"], &header["alg"]),
            (&json!("at+jwt"), &json!("ES256"))
        );
        verify(&app, &token, "ES256").await;
    })
    .await;
}

#[tokio::test]
async fn j_02_j_03_j_04_j_07_cc_05_claims() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        let token = client.token(&app).await;
        let claims = claims(&token);
        let now = app.clock.now().seconds();
        assert_eq!(
            claims,
            json!({
                "iss": "http://localhost:8080", "sub": client.id, "aud": "urn:oauthority:workspace:main",
                "client_id": client.id, "org_id": app.org.id, "scope": "workspace:read workspace:write",
                "iat": now, "exp": now + 3600, "cv": 1, "jti": claims["jti"],
            })
        );
        assert_eq!(claims["jti"].as_str().expect("a text").len(), 44);
        assert!(client.id.starts_with("oac_"), "no user id does");
    })
    .await;
}

#[tokio::test]
async fn j_05_the_audience_is_the_resource_asked_for() {
    on_both(async |app| {
        app.api(&app.org, "https://b.example/api", TokenFormat::Jwt, &["b:read"])
            .await;
        let client = app.service(&["workspace:read", "b:read"]).await;
        let token = client
            .token_for(&app, &[("resource", "https://b.example/api")])
            .await;
        assert_eq!(claims(&token)["aud"], "https://b.example/api");
    })
    .await;
}

#[tokio::test]
async fn j_06_nobody_signed_in() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let claims = claims(&client.token(&app).await);
        for absent in ["auth_time", "acr", "amr"] {
            assert!(claims.get(absent).is_none(), "{absent}");
        }
    })
    .await;
}

#[tokio::test]
async fn j_08_an_api_chooses_how_its_tokens_are_signed() {
    on_both(async |app| {
        for (alg, audience, scope) in [
            ("RS256", "https://r.example", "r:read"),
            ("EdDSA", "https://e.example", "e:read"),
        ] {
            app.api_signed(&app.org, audience, TokenFormat::Jwt, Some(alg), &[scope])
                .await;
            let client = app.service(&[scope]).await;
            let token = client.token(&app).await;
            verify(&app, &token, alg).await;
            assert_eq!(app.introspect(&client, &token).await["active"], true);
            assert!(access_token::read(&app.app.registry, &token).is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn the_configuration_chooses_eddsa() {
    on_both_with(&[("signing.algorithm", "EdDSA")], async |app| {
        let client = app.service(&["workspace:read"]).await;
        verify(&app, &client.token(&app).await, "EdDSA").await;
    })
    .await;
}

#[tokio::test]
async fn fx_18_a_token_with_another_signature_is_inactive_before_and_after_the_genuine_one() {
    on_both(async |app| {
        for alg in ["ES256", "EdDSA", "RS256"] {
            let audience = format!("https://{}.example", alg.to_lowercase());
            let scope = format!("{}:read", alg.to_lowercase());
            app.api_signed(&app.org, &audience, TokenFormat::Jwt, Some(alg), &[&scope])
                .await;
            let client = app.service(&[&scope]).await;
            let token = client.token(&app).await;
            let (claims, signature) = token.rsplit_once('.').expect("three parts");
            let forged: Vec<String> = (0..signature.len() - 1)
                .step_by(7)
                .map(|at| {
                    let mut bytes = signature.as_bytes().to_vec();
                    bytes[at] = if bytes[at] == b'B' { b'C' } else { b'B' };
                    format!("{claims}.{}", String::from_utf8_lossy(&bytes))
                })
                .collect();
            let all = async || {
                for text in &forged {
                    assert_eq!(app.introspect(&client, text).await, inactive(), "{alg}: {text}");
                    let refused = app.get("/oauth2/userinfo").bearer(text).send().await;
                    assert_eq!(refused.status, 401, "{alg}");
                    let form = [("token", text.as_str())];
                    app.post("/oauth2/revoke").basic(&client).form(&form).await;
                }
            };
            all().await;
            for _ in 0..2 {
                assert_eq!(app.introspect(&client, &token).await["active"], true);
                all().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn fx_18_only_what_was_verified_is_remembered_and_a_key_that_is_gone_takes_it_along() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let (token, other) = (client.token(&app).await, client.token(&app).await);
        let verified = &app.app.registry.live.verified;
        let (claims, _) = token.rsplit_once('.').expect("three parts");
        let (_, signature) = other.rsplit_once('.').expect("three parts");
        let before = verified.count();
        app.introspect(&client, &format!("{claims}.{signature}")).await;
        assert_eq!(verified.count(), before);
        for _ in 0..3 {
            assert_eq!(app.introspect(&client, &token).await["active"], true);
            assert_eq!(verified.count(), before + 1);
        }
        let sql = "DELETE FROM signing_keys WHERE algorithm = 'ES256'";
        let gone = crate::db::Statement::new(sql, vec![]);
        app.db().write(gone.into()).await.expect("deleted");
        app.app.registry.live.reload().await.expect("read");
        assert_eq!(app.introspect(&client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn g_22_g_24_tokens_are_unguessable_and_printable() {
    on_both(async |app| {
        app.api(&app.org, "https://o.example", TokenFormat::Opaque, &["o:read"])
            .await;
        let client = app.service(&["workspace:read", "o:read"]).await;
        let mut seen = std::collections::HashSet::new();
        for audience in ["urn:oauthority:workspace:main", "https://o.example"] {
            for _ in 0..50 {
                let token = client.token_for(&app, &[("resource", audience)]).await;
                assert!(
                    token
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
                );
                let jti = access_token::read(&app.app.registry, &token).expect("ours").jti;
                assert!(seen.insert(jti) && seen.insert(token));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_opaque_token_shows_nothing() {
    on_both(async |app| {
        app.api(&app.org, "https://o.example", TokenFormat::Opaque, &["o:read"])
            .await;
        let client = app.service(&["o:read"]).await;
        let token = client.token(&app).await;
        let sealed = BASE64_URL_SAFE_NO_PAD
            .decode(token.strip_prefix("oat_").expect("the prefix"))
            .expect("base64url");
        let holds = |text: &str| sealed.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!holds(&client.id) && !holds("o:read"));
    })
    .await;
}

#[tokio::test]
async fn b_070_an_altered_token_is_inactive() {
    on_both(async |app| {
        app.api(&app.org, "https://o.example", TokenFormat::Opaque, &["o:read"])
            .await;
        let client = app.service(&["workspace:read", "o:read"]).await;
        for audience in ["urn:oauthority:workspace:main", "https://o.example"] {
            let token = client.token_for(&app, &[("resource", audience)]).await;
            let mut altered: Vec<String> = (1..token.len())
                .step_by(7)
                .map(|n| token[..n].to_owned())
                .collect();
            altered.extend(["A", "=", ".", " ", "\n"].map(|more| format!("{token}{more}")));
            altered.extend([token.to_uppercase(), token.to_lowercase(), format!(" {token}")]);
            altered.push(format!("{}=", token.trim_end_matches('=')));
            for text in altered {
                assert_eq!(app.introspect(&client, &text).await, inactive(), "{text}");
            }
            // Every character matters: another one in its place is another token, or none.
            for at in (0..token.len()).step_by(3) {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = if bytes[at] == b'B' { b'C' } else { b'B' };
                let text = String::from_utf8(bytes).expect("ASCII");
                assert_eq!(access_token::read(&app.app.registry, &text), None, "{at}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_ours_alone_is_not_enough_and_neither_is_the_mac() {
    on_both(async |app| {
        let (one, two) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let (token, other) = (one.token(&app).await, two.token(&app).await);
        let (claims, _) = token.rsplit_once('.').expect("three parts");
        let (_, signature) = other.rsplit_once('.').expect("three parts");
        let crossed = format!("{claims}.{signature}");
        assert_eq!(app.introspect(&one, &token).await["active"], true);
        assert_eq!(app.introspect(&one, &crossed).await, inactive());
        assert_eq!(access_token::read(&app.app.registry, &crossed), None);
        for signature in ["", "AAAA", &"A".repeat(85), &"A".repeat(87), &"A".repeat(342)] {
            assert_eq!(
                app.introspect(&one, &format!("{claims}.{signature}")).await,
                inactive()
            );
        }
        let keys = app.app.registry.live.keys();
        let key = keys.active(crate::jose::Alg::Es256).expect("active");
        let signed = key.key.encode(
            &key.access_token_header,
            Compact::parse(&token).expect("a JWT").payload(),
        );
        assert!(access_token::read(&app.app.registry, &signed.expect("signed")).is_some());
        let payload =
            br#"{"iss":"http://localhost:8080","jti":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
        let forged = key.key.encode(&key.access_token_header, payload).expect("signed");
        assert_eq!(access_token::read(&app.app.registry, &forged), None);
        let id_token = key.key.prepare_header("JWT");
        let payload = Compact::parse(&token).expect("a JWT").payload().to_vec();
        let wrong_kind = key.key.encode(&id_token, &payload).expect("signed");
        assert_eq!(access_token::read(&app.app.registry, &wrong_kind), None);
    })
    .await;
}

#[tokio::test]
async fn g_22_client_ids_and_secrets_are_unguessable() {
    on_both(async |app| {
        let mut seen = std::collections::HashSet::new();
        let mut letters = std::collections::HashSet::new();
        for _ in 0..20 {
            let client = app.service(&["workspace:read"]).await;
            let id = client.id.strip_prefix("oac_").expect("the prefix").to_owned();
            let random = &client.secret.strip_prefix("oas_").expect("the prefix")[..43];
            // 43 of 62 letters are 256 bits, 20 of 32 are 100.
            assert!(
                id.len() == 20
                    && id
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
            );
            assert!(random.bytes().all(|b| b.is_ascii_alphanumeric()));
            letters.extend(random.bytes());
            for part in random.as_bytes().chunks(8) {
                assert!(seen.insert(part.to_vec()) || part.len() < 8, "it repeats itself");
            }
            assert!(seen.insert(id.into_bytes()));
        }
        assert_eq!(letters.len(), 62, "every letter occurs among 860");
    })
    .await;
}

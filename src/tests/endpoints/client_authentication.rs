//! Who may call: the secret methods, at every endpoint that authenticates.

use std::time::Instant;

use axum::http::HeaderMap;
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::{
    client_auth,
    oauth::{
        client::{ApplicationType, AuthMethod},
        params::Params,
    },
    registry::{
        clients,
        secrets::{OldSecret, Rotation},
    },
    tests::harness::{Answer, TestApp, TestClient, on_both, on_both_with, pinned, signing_in},
    time::Lifetime,
};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// Asks for a token with the credentials in the body.
async fn post(app: &TestApp, client: &TestClient) -> Answer {
    let form = [
        GRANT,
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    app.post("/oauth2/token").form(&form).await
}

#[track_caller]
fn unauthorized(answer: &Answer) {
    answer.refused(401, "invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic realm="));
}

#[tokio::test]
async fn c_01_basic_correct() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        assert_eq!(app.token(&client, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn c_02_wrong_basic_secret() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let last = client.secret.len() - 1;
        for secret in [
            "wrong",
            "",
            &client.secret[..last],
            &format!("{}x", client.secret),
        ] {
            unauthorized(&app.token(&client.with_secret(secret), &[]).await);
        }
    })
    .await;
}

#[tokio::test]
async fn c_03_c_17_unknown_wrong_disabled_and_deleted_look_the_same() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let unknown = TestClient {
            id: "oac_aaaaaaaaaaaaaaaaaaaa".to_owned(),
            ..client.clone()
        };
        let mut answers = vec![
            app.token(&unknown, &[]).await,
            app.token(&client.with_secret("wrong"), &[]).await,
        ];
        let (registry, owner) = (&app.app.registry, app.owner());
        clients::disable(registry, &owner, &client.id, None, None)
            .await
            .expect("disabled");
        answers.push(app.token(&client, &[]).await);
        answers.push(post(&app, &client).await);
        clients::delete(registry, &owner, &client.id, None)
            .await
            .expect("deleted");
        answers.push(app.token(&client, &[]).await);
        for answer in &answers {
            unauthorized(answer);
            assert_eq!(answer.without_reference(), answers[0].without_reference());
        }
    })
    .await;
}

#[tokio::test]
async fn c_04_basic_parts_are_form_encoded() {
    // Ids with every character that form encoding touches cannot be made, so the encoding is spelled out.
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let spelled = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
        let pair = format!("{}:{}", spelled(&client.id), spelled(&client.secret));
        let header = format!("basic {}", BASE64_STANDARD.encode(pair));
        let answer = app
            .post("/oauth2/token")
            .header("authorization", &header)
            .form(&[GRANT])
            .await;
        assert_eq!(answer.status, 200);
    })
    .await;
}

#[tokio::test]
async fn c_08_wrong_secret_in_the_body() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        assert_eq!(post(&app, &client).await.status, 200);
        unauthorized(&post(&app, &client.with_secret("wrong")).await);
    })
    .await;
}

#[tokio::test]
async fn c_09_a_pinned_client_keeps_to_its_method() {
    on_both(async |app| {
        let basic = app.client(&app.org, pinned(AuthMethod::ClientSecretBasic)).await;
        assert_eq!(app.token(&basic, &[]).await.status, 200);
        unauthorized(&post(&app, &basic).await);
        let body = app.client(&app.org, pinned(AuthMethod::ClientSecretPost)).await;
        assert_eq!(post(&app, &body).await.status, 200);
        unauthorized(&app.token(&body, &[]).await);
    })
    .await;
}

#[tokio::test]
async fn c_11_two_methods_at_once() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let more = [("client_secret", client.secret.as_str())];
        app.token(&client, &more).await.refused(400, "invalid_request");
        let twice = app
            .post("/oauth2/token")
            .basic(&client)
            .basic(&client)
            .form(&[GRANT])
            .await;
        twice.refused(400, "invalid_request");
    })
    .await;
}

#[tokio::test]
async fn c_12_c_13_the_body_names_the_same_client_or_none() {
    on_both(async |app| {
        let (one, other) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let same = [("client_id", one.id.as_str())];
        assert_eq!(app.token(&one, &same).await.status, 200);
        for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
            let form = [GRANT, ("token", "x"), ("client_id", other.id.as_str())];
            app.post(path)
                .basic(&one)
                .form(&form)
                .await
                .refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn c_14_v_05_a_confidential_client_sends_its_id_only() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
            let form = [GRANT, ("token", "x"), ("client_id", client.id.as_str())];
            unauthorized(&app.post(path).form(&form).await);
        }
    })
    .await;
}

#[tokio::test]
async fn c_19_a_rotated_secret() {
    on_both(async |app| {
        let old = app.service(&["workspace:read"]).await;
        let grace = Rotation {
            old: OldSecret::EndsAt(app.clock.now().after(Lifetime::hours(1))),
            ..Rotation::default()
        };
        let new = old.rotated(&app, grace).await;
        assert_eq!(app.token(&new, &[]).await.status, 200);
        assert_eq!(app.token(&old, &[]).await.status, 200);
        app.clock.advance(Lifetime::hours(1));
        assert_eq!(app.token(&new, &[]).await.status, 200);
        unauthorized(&app.token(&old, &[]).await);
        let newest = new.rotated(&app, Rotation::default()).await;
        unauthorized(&app.token(&new, &[]).await);
        assert_eq!(app.token(&newest, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn c_57_guessing_is_throttled_without_locking_the_client_out() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let guess = async |ip: &str, secret: &str| {
            let client = client.with_secret(secret);
            app.post("/oauth2/token")
                .from(ip)
                .basic(&client)
                .form(&[GRANT])
                .await
        };
        for _ in 0..10 {
            unauthorized(&guess("203.0.113.9", "wrong").await);
        }
        let answer = guess("203.0.113.9", "wrong").await;
        answer.refused(429, "rate_limited");
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(guess("203.0.113.9", &client.secret).await.status, 429);
        assert_eq!(guess("198.51.100.7", &client.secret).await.status, 200);
        app.clock.advance(Lifetime::minutes(1));
        assert_eq!(guess("203.0.113.9", &client.secret).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn b_038_a_secret_of_a_client_without_one() {
    on_both(async |app| {
        let public = app
            .client(&app.org, signing_in(ApplicationType::UserAgentBased))
            .await;
        for secret in ["anything", ""] {
            unauthorized(&app.token(&public.with_secret(secret), &[]).await);
        }
        unauthorized(&post(&app, &public.with_secret("anything")).await);
        let wrong = app
            .client(&app.org, pinned(AuthMethod::ClientSecretBasic))
            .await
            .with_secret("wrong");
        unauthorized(&post(&app, &wrong).await);
    })
    .await;
}

/// The digest is compared in constant time, so a right prefix must not take longer than a wrong one.
#[tokio::test]
async fn b_039_a_right_prefix_takes_no_longer() {
    on_both_with(
        &[("limits.failed_authentications_per_client", "10000")],
        async |app| {
            let client = app.service(&["workspace:read"]).await;
            let mut prefix = client.secret.clone();
            prefix.replace_range(prefix.len() - 1.., "!");
            let wrong = "!".repeat(client.secret.len());
            let measure = |secret: &str| {
                let form = format!("client_id={}&client_secret={secret}", client.id);
                let params = Params::form(form.as_bytes()).expect("a form");
                let (registry, throttle, ip) = (&app.app.registry, &app.app.throttle, [127, 0, 0, 1].into());
                let began = Instant::now();
                let refused = client_auth::authenticate(
                    registry,
                    throttle,
                    &HeaderMap::new(),
                    &params,
                    ip,
                    app.clock.now(),
                );
                let took = began.elapsed();
                assert!(refused.is_err());
                took
            };
            let (mut right, mut other): (Vec<_>, Vec<_>) =
                (0..4000).map(|_| (measure(&prefix), measure(&wrong))).unzip();
            right.sort_unstable();
            other.sort_unstable();
            let (right, other) = (right[2000].as_secs_f64(), other[2000].as_secs_f64());
            assert!((right / other - 1.0).abs() < 0.3, "{right} {other}");
        },
    )
    .await;
}

#[tokio::test]
async fn b_040_loosely_encoded_basic() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let pair = format!("{}:{}", client.id, client.secret);
        let good = BASE64_STANDARD.encode(&pair);
        for header in [
            format!("Basic {}", good.trim_end_matches('=')),
            format!("Basic {good}x"),
            format!("Basic {good} trailing"),
            format!("Basic {}", BASE64_STANDARD.encode(pair.replace(':', ""))),
            format!("Basic {}", BASE64_STANDARD.encode(format!("{pair}%"))),
            format!("Basic {}", BASE64_STANDARD.encode(format!("{pair}+"))),
            format!(
                "Basic {}",
                BASE64_STANDARD.encode([pair.as_bytes(), b"\xff"].concat())
            ),
            format!("Basic {pair}"),
            format!("Bearer {good}"),
            "Basic".to_owned(),
        ] {
            if header.trim_end_matches('=') == format!("Basic {good}") {
                continue; // this pair needs no padding
            }
            let answer = app
                .post("/oauth2/token")
                .header("authorization", &header)
                .form(&[GRANT])
                .await;
            unauthorized(&answer);
        }
        let token = client.token(&app).await;
        unauthorized(&app.post("/oauth2/token").bearer(&token).form(&[GRANT]).await);
    })
    .await;
}

#[tokio::test]
async fn g_21_credentials_in_the_query() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let path = format!(
            "/oauth2/token?client_id={}&client_secret={}",
            client.id, client.secret
        );
        app.post(&path)
            .form(&[GRANT])
            .await
            .refused(400, "invalid_request");
        let path = format!("/oauth2/token?client_id={}", client.id);
        unauthorized(&app.post(&path).form(&[GRANT]).await);
    })
    .await;
}

#[tokio::test]
async fn i_01_i_02_no_or_bad_credentials() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let form = [("token", "x")];
        for path in ["/oauth2/introspect", "/oauth2/revoke", "/oauth2/token"] {
            unauthorized(&app.post(path).form(&form).await);
            let wrong = client.with_secret("wrong");
            unauthorized(&app.post(path).basic(&wrong).form(&form).await);
        }
        let public = app.client(&app.org, signing_in(ApplicationType::Native)).await;
        let form = [("token", "x"), ("client_id", public.id.as_str())];
        unauthorized(&app.post("/oauth2/introspect").form(&form).await);
    })
    .await;
}

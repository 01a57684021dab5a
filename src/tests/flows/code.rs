//! Authorization codes at the token endpoint. [RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)

use super::*;
use crate::time::Lifetime;

#[tokio::test]
async fn t_04_t_27_a_code_becomes_tokens() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let answer = rp.authorize(&browser, &[("nonce", "n-1")]).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with(CALLBACK));
        assert_eq!(params(&answer), ["code", "state", "iss"]);
        assert_eq!(param(&answer, "state").as_deref(), Some("s t&a=t%e+\"é"));
        let code = param(&answer, "code").expect("a code");
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 3600);
        assert_eq!(tokens["scope"], "openid workspace:read");
        let id_token = payload(&text(&tokens, "id_token"));
        assert_eq!(id_token["nonce"], "n-1");
        assert_eq!(id_token["aud"], rp.client.id);
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], true, "{active}");
        assert_eq!(active["sub"], id_token["sub"]);
    })
    .await;
}

#[tokio::test]
async fn t_08_t_09_a_replay_ends_everything() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &[("scope", "workspace:read")]).await;
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], false);
        rp.refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn t_06_t_07_a_code_must_be_one() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        rp.redeem(&app, "x", &[("code", "")])
            .await
            .refused(400, "invalid_request");
        let code = rp.code(&browser, &[]).await;
        let (longer, case) = (format!("{code}A"), code.to_ascii_uppercase());
        for wrong in [
            "x",
            &code[1..],
            &code[..code.len() - 1],
            &longer,
            &case,
            "é",
            "....",
            &"x".repeat(9000),
        ] {
            rp.redeem(&app, wrong, &[]).await.refused(400, "invalid_grant");
        }
        let twice = format!("grant_type=authorization_code&code={code}&code={code}");
        let call = app.post("/oauth2/token").basic(&rp.client);
        let answer = call.raw("application/x-www-form-urlencoded", twice).await;
        answer.refused(400, "invalid_request");
        // None of this used it up.
        let answer = rp.redeem(&app, &code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
    })
    .await;
}

// B-001: of the same organisation, of another one, and public ones.
#[tokio::test]
async fn t_11_t_12_b_001_a_code_and_a_refresh_token_are_for_their_client() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let there = app.organization("other").await;
        let web = Rp::web(&app).await;
        let public = Rp::of(&app, public_app(&SCOPES)).await;
        let strangers = [
            Rp::web(&app).await,
            Rp::of(&app, public_app(&SCOPES)).await,
            Rp {
                client: app.client(&there, web_app(&["openid", "workspace:read"])).await,
                redirect_uri: CALLBACK.to_owned(),
            },
        ];
        for rp in [&web, &public] {
            let code = rp.code(&browser, &[("scope", "workspace:read")]).await;
            for stranger in &strangers {
                stranger
                    .redeem(&app, &code, &[])
                    .await
                    .refused(400, "invalid_grant");
            }
            let tokens = rp.redeem(&app, &code, &[]).await.json();
            let refresh_token = text(&tokens, "refresh_token");
            for stranger in &strangers {
                // Also what was used already: a stranger ends nothing.
                stranger
                    .redeem(&app, &code, &[])
                    .await
                    .refused(400, "invalid_grant");
                stranger
                    .refresh(&app, &refresh_token, &[])
                    .await
                    .refused(400, "invalid_grant");
            }
            let next = rp.refresh(&app, &refresh_token, &[]).await.json();
            app.clock.advance(Lifetime::seconds(11));
            for stranger in &strangers {
                stranger
                    .refresh(&app, &refresh_token, &[])
                    .await
                    .refused(400, "invalid_grant");
            }
            let token = text(&next, "access_token");
            let watcher = &web;
            let still = app.introspect(&watcher.client, &token).await;
            assert_eq!(still["active"], true, "{still}");
        }
    })
    .await;
}

#[tokio::test]
async fn b_002_a_code_counts_only_with_all_that_it_is_bound_to() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let other = Rp::web(&app).await;
        let wrong_verifier = VERIFIER.replace('d', "e");
        for round in 0..8 {
            let (client, uri, verifier) = (round & 1 == 0, round & 2 == 0, round & 4 == 0);
            let code = rp.code(&browser, &[]).await;
            let uri_sent = if uri {
                CALLBACK
            } else {
                "https://app.example/other"
            };
            let sent = if verifier { VERIFIER } else { &wrong_verifier };
            let more = [("redirect_uri", uri_sent), ("code_verifier", sent)];
            let answer = if client { &rp } else { &other }.redeem(&app, &code, &more).await;
            if client && uri && verifier {
                assert_eq!(answer.status, 200, "{}", answer.text());
            } else {
                answer.refused(400, "invalid_grant");
                assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200, "{round}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn t_14_t_15_the_redirect_uri_is_the_one_of_the_request() {
    on_both(async |app| {
        let draft = Draft {
            redirect_uris: vec![CALLBACK.to_owned(), "https://app.example/other".to_owned()],
            ..web_app(&SCOPES)
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let code = rp.code(&browser, &[]).await;
        for wrong in [
            "",
            "https://app.example/other",
            "https://app.example/callback/",
            "x",
        ] {
            let answer = rp.redeem(&app, &code, &[("redirect_uri", wrong)]).await;
            answer.refused(400, "invalid_grant");
        }
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn t_16_t_17_t_18_c_15_b_016_a_code_needs_its_verifier_and_five_wrong_ones_use_it_up() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for rp in [Rp::web(&app).await, Rp::of(&app, public_app(&SCOPES)).await] {
            let code = rp.code(&browser, &[]).await;
            let (short, long) = (&VERIFIER[..42], &"a".repeat(129));
            // Left out, it is no guess.
            for _ in 0..6 {
                let answer = rp.redeem(&app, &code, &[("code_verifier", "")]).await;
                answer.refused(400, "invalid_grant");
            }
            for wrong in [short, long, CHALLENGE, &VERIFIER.replace('-', "+")] {
                let answer = rp.redeem(&app, &code, &[("code_verifier", wrong)]).await;
                answer.refused(400, "invalid_grant");
            }
            assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200, "four tries");
            let code = rp.code(&browser, &[]).await;
            for _ in 0..5 {
                let answer = rp.redeem(&app, &code, &[("code_verifier", CHALLENGE)]).await;
                answer.refused(400, "invalid_grant");
            }
            rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
        }
    })
    .await;
}

#[tokio::test]
async fn t_19_b_017_b_018_there_is_no_code_without_a_challenge() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for rp in [Rp::web(&app).await, Rp::of(&app, public_app(&SCOPES)).await] {
            for more in [
                &[("code_challenge", ""), ("code_challenge_method", "")][..],
                &[("code_challenge", "")],
                &[("code_challenge_method", "")],
                &[("code_challenge_method", "plain"), ("code_challenge", VERIFIER)],
            ] {
                told(&app, &rp.authorize(&browser, more).await, "invalid_request");
            }
        }
        assert_eq!(codes(&app).await, 0);
        let metadata = app
            .get("/.well-known/oauth-authorization-server")
            .send()
            .await
            .json();
        let methods = metadata["code_challenge_methods_supported"].as_array();
        assert!(methods.into_iter().flatten().all(|method| method == "S256"));
        let lists = metadata.as_object().expect("an object");
        let algorithms = lists.iter().filter(|(name, _)| name.contains("_alg_values_"));
        for (name, values) in algorithms {
            assert!(!values.to_string().contains("\"none\""), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn t_29_the_lifetime_told_is_the_lifetime_kept() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[]).await;
        let token = text(&tokens, "access_token");
        let seconds = tokens["expires_in"].as_i64().expect("a number");
        let told = app.introspect(&rp.client, &token).await;
        assert_eq!(told["exp"].as_i64(), Some(app.clock.now().seconds() + seconds));
        app.clock.advance(Lifetime::seconds(seconds - 1));
        assert!(is_active(&app, &rp, &token).await);
        app.clock.advance(Lifetime::seconds(1));
        assert!(!is_active(&app, &rp, &token).await);
    })
    .await;
}

// However late the replay comes, as long as anything issued for the code may be alive.
#[tokio::test]
async fn t_09_a_late_replay_ends_everything_too() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &[("scope", "workspace:read")]).await;
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        app.clock.advance(Lifetime::minutes(50));
        // Not by somebody who lacks the verifier.
        let guess = [("code_verifier", CHALLENGE)];
        for _ in 0..7 {
            rp.redeem(&app, &code, &guess).await.refused(400, "invalid_grant");
        }
        let token = text(&tokens, "access_token");
        assert!(is_active(&app, &rp, &token).await);
        rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
        assert!(!is_active(&app, &rp, &token).await);
        let refresh_token = text(&tokens, "refresh_token");
        rp.refresh(&app, &refresh_token, &[])
            .await
            .refused(400, "invalid_grant");
        let app = app.restart().await;
        assert!(!is_active(&app, &rp, &token).await);
        rp.refresh(&app, &refresh_token, &[])
            .await
            .refused(400, "invalid_grant");
    })
    .await;
}

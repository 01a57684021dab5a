use axum::http::Method;
use serde_json::json;

use super::{call, of};
use crate::{
    oauth::client::{ApplicationType, AuthMethod},
    registry::client_input::Draft,
    snippets::Language,
    store::apis::TokenFormat,
    tests::{
        cli::shell::{Listening, MANAGE},
        flows::{Rp, public_app},
        harness::{on_both, pinned, service},
    },
};

#[tokio::test]
async fn there_is_a_program_in_every_language_with_the_values_of_the_client() {
    on_both(async |app| {
        app.api(
            &app.org,
            "https://tests.example",
            TokenFormat::Jwt,
            &["tests:read"],
        )
        .await;
        let draft = service(&["workspace:read", "tests:read"]);
        let client = app.client(&app.org, draft).await;
        let reader = app.service(&["clients:read"]).await;
        let path = of(&app, &client, "/snippets");
        let listed = call(&app, &reader, Method::GET, &path, &json!({})).await.json();
        let all = listed["data"].as_array().expect("a list");
        assert_eq!(all.len(), Language::ALL.len());
        for one in all {
            let code = one["code"].as_str().expect("code");
            for value in [
                client.id.as_str(),
                "/oauth2/token",
                "workspace:read",
                "OAUTHORITY_CLIENT_SECRET",
                "resource",
            ] {
                assert!(code.contains(value), "{value}: {code}");
            }
            assert!(!code.contains("oas_") && !code.contains("{{client"), "{code}");
        }
        let post = app.client(&app.org, pinned(AuthMethod::ClientSecretPost)).await;
        let listed = call(
            &app,
            &reader,
            Method::GET,
            &of(&app, &post, "/snippets"),
            &json!({}),
        )
        .await
        .json();
        assert!(
            listed["data"][1]["code"]
                .as_str()
                .is_some_and(|code| !code.contains("Basic "))
        );
    })
    .await;
}

#[tokio::test]
async fn an_app_where_people_sign_in_has_the_steps_of_it() {
    on_both(async |app| {
        let reader = app.service(&["clients:read"]).await;
        for (draft, secret) in [
            (public_app(&["openid", "workspace:read"]), false),
            (crate::tests::flows::web_app(&["openid", "workspace:read"]), true),
        ] {
            let draft = Draft {
                name: "Portal".to_owned(),
                ..draft
            };
            assert_eq!(draft.application_type == ApplicationType::Web, secret);
            let rp = Rp::of(&app, draft).await;
            let listed = call(
                &app,
                &reader,
                Method::GET,
                &of(&app, &rp.client, "/snippets"),
                &json!({}),
            )
            .await
            .json();
            let code = listed["data"][0]["code"].as_str().expect("code");
            assert!(
                code.contains("code_challenge_method=S256") && code.contains("scope=openid+workspace%3Aread"),
                "{code}"
            );
            assert_eq!(code.contains("OAUTHORITY_CLIENT_SECRET"), secret, "{code}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_command_line_prints_programs_previews_and_tokens_for_a_test() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let client = server.app.service(&["workspace:read"]).await;
    let program = shell
        .run(&["client", "try", &client.id, "--lang", "python"])
        .await
        .done();
    assert!(program.out.contains("import urllib.request") && program.out.contains(&client.id));
    assert!(program.err.contains("python3 token.py"), "{program:?}");
    let shown = shell
        .run(&["client", "try", &client.id, "-o", "json"])
        .await
        .done();
    assert_eq!(shown.json()["scope"], "workspace:read");
    let minted = shell.run(&["client", "try", &client.id, "--mint"]).await.done();
    let token = minted.out.trim().to_owned();
    let about = shell
        .pipe(&["token", "inspect", "--ask", "-", "-o", "json"], &token)
        .await
        .done();
    assert_eq!(
        (&about.json()["active"], &about.json()["test"]),
        (&json!(true), &json!(true))
    );
    let words = ["client", "try", &client.id, "--watch"];
    let calling = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            server.app.token(&client, &[("scope", "none:here")]).await;
            server.app.clock.advance(crate::time::Lifetime::seconds(1));
            client.token(&server.app).await;
            // As the job does.
            server.app.app.registry.flush_activity().await.expect("flushed");
        }
    };
    let watched = tokio::select! {
        watched = shell.run(&words) => watched.done(),
        () = calling => unreachable!("it never ends"),
    };
    assert!(watched.out.contains("a token was issued"), "{watched:?}");
}

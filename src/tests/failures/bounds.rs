use super::{everything, explained, kept, told};
use crate::{
    db::Statement,
    store::failures::MOST_OF_CLIENT,
    tests::{
        flows::{Rp, VERIFIER, alice},
        harness::on_both,
    },
    time::Lifetime,
};

#[tokio::test]
async fn nothing_that_opens_anything_is_ever_kept() {
    on_both(async |app| {
        let (browser, rp) = (alice(&app).await, Rp::web(&app).await);
        let code = rp.code(&browser, &[]).await;
        let tokens = rp.tokens(&app, &browser, &[]).await;
        let token = tokens["access_token"].as_str().expect("a token").to_owned();
        rp.redeem(&app, &code, &[("redirect_uri", "https://app.example/x")])
            .await;
        let service = app.service(&["workspace:read"]).await;
        let misplaced = [("scope", service.secret.as_str()), ("resource", token.as_str())];
        app.token(&service, &misplaced).await;
        // A secret where a name belongs.
        app.token(
            &service,
            &[(service.secret.as_str(), "x"), ("scope", "none:here")],
        )
        .await;
        let swapped = crate::tests::harness::TestClient {
            id: service.secret.clone(),
            secret: service.id.clone(),
        };
        app.token(&swapped, &[]).await;
        app.post("/oauth2/revoke")
            .basic(&service)
            .form(&[("x", &token)])
            .await;
        let all = everything(&app).await;
        assert!(kept(&app).await >= 5);
        for secret in [&code, &token, &service.secret, &rp.client.secret] {
            assert!(!all.contains(secret.as_str()), "{all}");
        }
        assert!(!all.contains(VERIFIER), "{all}");
    })
    .await;
}

#[tokio::test]
async fn the_newest_of_a_client_are_kept_and_none_older_than_thirty_days() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let first = app.token(&client, &[("scope", "none:here")]).await;
        told(&explained(&app, &first).await, "scope.ungranted", "none:here");
        for _ in 0..MOST_OF_CLIENT {
            app.clock.advance(Lifetime::seconds(1));
            app.token(&client, &[("scope", "none:here")]).await;
            app.app.failures.settle(&app.app.registry).await.expect("settled");
        }
        assert_eq!(kept(&app).await, MOST_OF_CLIENT);
        let (registry, owner) = (&app.app.registry, app.owner());
        let say = |_| String::new();
        let gone = app
            .app
            .failures
            .explain(registry, &owner, &first.reference(), &say)
            .await;
        assert!(gone.is_err());
        app.clock.advance(Lifetime::days(31));
        app.sweep().await;
        assert_eq!(kept(&app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_organisation_keeps_a_thousand() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for number in 0..1_005 {
            let sql = "INSERT INTO failures (reference, org_id, client_id, at, endpoint, error, description, cause, \
                       facts, sent, ip, request_id) \
                       VALUES ($1, $2, $3, $4, 'token', 'x', 'x', 'x', '{}', '{}', '', '')";
            let params = vec![
                format!("err_{number:016}").into(),
                (&app.org.id).into(),
                format!("other_{}", number / 50).into(),
                app.clock.now().into(),
            ];
            app.db().write(Statement::new(sql, params).into()).await.expect("written");
        }
        app.clock.advance(Lifetime::seconds(1));
        let answer = app.token(&client, &[("scope", "none:here")]).await;
        explained(&app, &answer).await;
        assert_eq!(kept(&app).await, 1_000);
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_one_client_or_of_strangers_does_not_hide_another() {
    on_both(async |app| {
        let (loud, quiet) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        for number in 0..600 {
            app.token(&loud, &[("scope", "none:here")]).await;
            let stranger = crate::tests::harness::TestClient {
                id: format!("oac_{number:020}"),
                secret: "x".to_owned(),
            };
            app.token(&stranger, &[]).await;
        }
        let answer = app.token(&quiet, &[("scope", "none:here")]).await;
        explained(&app, &answer).await;
        // 50 of the loud one, 500 of strangers, 1 of the quiet one.
        assert_eq!(kept(&app).await, 551);
    })
    .await;
}

#[tokio::test]
async fn nobody_fills_the_memory_with_long_names() {
    on_both(async |app| {
        for _ in 0..10 {
            let stranger = crate::tests::harness::TestClient {
                id: "x".repeat(30_000),
                secret: "x".to_owned(),
            };
            app.token(&stranger, &[]).await;
            app.post("/oauth2/token")
                .form(&[("client_id", &stranger.id)])
                .await;
        }
        assert!(
            app.app.failures.held() < 20 * 2_600,
            "{}",
            app.app.failures.held()
        );
        assert_eq!(kept(&app).await, 20);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_written_is_written_later() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let answer = app.token(&client, &[("scope", "none:here")]).await;
        let rename =
            |from: &str, to: &str| Statement::new(format!("ALTER TABLE {from} RENAME TO {to}"), Vec::new());
        app.db()
            .write(rename("failures", "hidden").into())
            .await
            .expect("renamed");
        assert!(app.app.failures.settle(&app.app.registry).await.is_err());
        app.db()
            .write(rename("hidden", "failures").into())
            .await
            .expect("renamed");
        told(&explained(&app, &answer).await, "scope.ungranted", "none:here");
    })
    .await;
}

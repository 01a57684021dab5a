use axum::http::Method;

use crate::{
    oauth::client::AuthMethod,
    registry::{
        clients,
        secrets::{self, OldSecret, Rotation, Term},
    },
    tests::{
        flows::{Rp, alice, param, shown},
        harness::{Answer, TestApp, TestClient, on_both, pinned},
    },
    time::Lifetime,
};

/// Everything that can be wrong with a client's proof, each with a request that has just this wrong.
async fn wrong_in_every_way(app: &TestApp) -> Vec<(&'static str, TestClient)> {
    let (registry, owner) = (&app.app.registry, app.owner());
    let service = || app.service(&["workspace:read"]);
    let good = service().await;
    let unknown = TestClient {
        id: "oac_aaaaaaaaaaaaaaaaaaaa".to_owned(),
        ..good.clone()
    };
    let revoked = service().await;
    revoked.rotated(app, Rotation::default()).await;
    let ended = service().await;
    let grace = Rotation {
        old: OldSecret::EndsAt(app.clock.now().after(Lifetime::hours(1))),
        ..Rotation::default()
    };
    ended.rotated(app, grace).await;
    let short = Rotation {
        term: Term::After(Lifetime::hours(1)),
        ..Rotation::default()
    };
    let expired = service().await.rotated(app, short).await;
    let disabled = service().await;
    clients::disable(registry, &owner, &disabled.id, None, None)
        .await
        .expect("disabled");
    let deleted = service().await;
    clients::delete(registry, &owner, &deleted.id, None)
        .await
        .expect("deleted");
    let method = app.client(&app.org, pinned(AuthMethod::ClientSecretPost)).await;
    let other = service().await;
    let elsewhere = app.organization("elsewhere").await;
    let foreign = app
        .client(&elsewhere, crate::tests::harness::service(&["workspace:read"]))
        .await;
    app.clock.advance(Lifetime::hours(2));
    vec![
        ("client.unknown", unknown),
        ("secret.other_shape", good.with_secret("wrong")),
        ("secret.broken", good.with_secret(&good.secret[..30])),
        ("secret.padded", good.with_secret(&format!("{}\n", good.secret))),
        ("secret.revoked", revoked),
        ("secret.ended", ended),
        ("secret.expired", expired),
        ("client.disabled", disabled),
        ("client.deleted", deleted),
        ("secret.method", method),
        ("secret.other_client", good.with_secret(&other.secret)),
        ("secret.unknown", good.with_secret(&foreign.secret)),
    ]
}

/// Everything that an answer tells, but what is its own by design.
fn face(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()));
    (
        answer.status.as_u16(),
        headers.collect(),
        answer.without_reference(),
    )
}

#[tokio::test]
async fn causes_of_one_error_differ_in_the_reference_alone_and_cost_the_same() {
    on_both(async |app| {
        let wrong = wrong_in_every_way(&app).await;
        // After such a time a node looks once whether it is up to date.
        app.service(&["workspace:read"]).await.token(&app).await;
        let mut faces = Vec::new();
        for (cause, client) in &wrong {
            let before = app.db().statements();
            let answer = app.token(client, &[]).await;
            assert_eq!(app.db().statements(), before, "{cause}");
            assert_eq!(answer.reference().len(), 20);
            faces.push(face(&answer));
        }
        for (face, (cause, _)) in faces.iter().zip(&wrong) {
            assert_eq!(face, &faces[0], "{cause}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_owner_reads_which_of_them_it_was() {
    on_both(async |app| {
        for (cause, client) in wrong_in_every_way(&app).await {
            let answer = app.token(&client, &[]).await;
            if cause == "client.unknown" {
                continue; // belongs to nobody
            }
            let found = super::explained(&app, &answer).await;
            assert_eq!(found.failure.cause, cause);
            assert_eq!(found.failure.client_id.as_deref(), Some(&*client.id));
        }
    })
    .await;
}

#[tokio::test]
async fn every_refusal_of_every_endpoint_carries_a_reference() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let mut answers = vec![
            app.token(&client, &[("scope", "nothing:here")]).await,
            app.post("/oauth2/token").form(&[]).await,
            app.post("/oauth2/token").raw("text/plain", "x").await,
            app.post("/oauth2/authorize").raw("text/plain", "x").await,
        ];
        for path in ["/oauth2/token", "/api/oauth/token", "/oauth2/v1/token"] {
            answers.push(app.call(Method::GET, path).send().await);
            answers.push(app.post(path).basic(&client).form(&[("grant_type", "x")]).await);
            let long = "x".repeat(2_000_000);
            let form = "application/x-www-form-urlencoded";
            answers.push(app.post(path).raw(form, long).await);
        }
        for path in [
            "/oauth2/introspect",
            "/oauth2/revoke",
            "/oauth2/device_authorization",
        ] {
            answers.push(app.call(Method::PUT, path).send().await);
            answers.push(app.post(path).form(&[("token", "x")]).await);
        }
        let issuer = app.app.registry.config.issuer.as_str().to_owned();
        for answer in &answers {
            assert!(answer.status.is_client_error(), "{}", answer.text());
            let uri = answer.json()["error_uri"]
                .as_str()
                .expect("an error_uri")
                .to_owned();
            let reference = uri
                .strip_prefix(&format!("{issuer}/failures/err_"))
                .expect("an address");
            assert!(
                reference.len() == 16
                    && reference
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
                "{uri}"
            );
        }
        let mut references: Vec<String> = answers.iter().map(Answer::reference).collect();
        references.sort();
        references.dedup();
        assert_eq!(references.len(), answers.len());
    })
    .await;
}

#[tokio::test]
async fn redirects_and_error_pages_carry_it_too() {
    on_both(async |app| {
        let (browser, rp) = (alice(&app).await, Rp::web(&app).await);
        let refused = rp.authorize(&browser, &[("scope", "nothing:here")]).await;
        let uri = param(&refused, "error_uri").expect("an error_uri");
        let (_, reference) = uri.split_once("/failures/").expect("an address");
        super::told(
            &super::behind(&app, reference).await,
            "scope.ungranted",
            "No API here has a scope nothing:here",
        );
        let page = rp
            .authorize(&browser, &[("redirect_uri", "https://app.example/callbock")])
            .await;
        shown(&page);
        let text = page.text();
        let at = text.find("err_").expect("a reference");
        let found = super::behind(&app, &text[at..at + 20]).await;
        super::told(
            &found,
            "redirect_uri.unregistered",
            "“ock” was sent, “ack” is expected",
        );
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_good_has_none() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let answer = app.token(&client, &[]).await;
        assert!(answer.json()["error_uri"].is_null());
        drop(secrets::list(&app.app.registry, &app.owner(), &client.id).await);
        assert_eq!(super::kept(&app).await, 0);
    })
    .await;
}

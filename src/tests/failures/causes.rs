use super::{explained, told};
use crate::{
    failures::Still,
    oauth::client::{ApplicationType, AuthMethod},
    registry::{clients, secrets::Rotation},
    tests::harness::{on_both, pinned, signing_in},
    time::Lifetime,
};

#[tokio::test]
async fn an_ended_secret_is_named_with_its_end_and_who_ended_it() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let hint = &client.secret[client.secret.len() - 6..];
        client.rotated(&app, Rotation::default()).await;
        app.clock.advance(Lifetime::hours(1));
        let found = explained(&app, &app.token(&client, &[]).await).await;
        told(
            &found,
            "secret.revoked",
            &format!("(…{hint}) was ended at 2026-11-22T10:00:00"),
        );
        told(&found, "secret.revoked", "by Olivia");
        let fix = found.explanation.fix.expect("a fix");
        assert!(
            fix.path.ends_with(&format!("/clients/{}/secrets", client.id)),
            "{}",
            fix.path
        );
        assert_eq!(found.explanation.still, Still::Yes);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_client_is_explained_until_it_is_enabled() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let (registry, owner) = (&app.app.registry, app.owner());
        let why = Some("left the project");
        clients::disable(registry, &owner, &client.id, None, why)
            .await
            .expect("disabled");
        let answer = app.token(&client, &[]).await;
        let found = explained(&app, &answer).await;
        told(&found, "client.disabled", "Nightly export is disabled");
        told(&found, "client.disabled", "by Olivia: “left the project”");
        assert!(found.explanation.fix.expect("a fix").path.ends_with("/enable"));
        clients::enable(registry, &owner, &client.id, None)
            .await
            .expect("enabled");
        assert_eq!(explained(&app, &answer).await.explanation.still, Still::No);
    })
    .await;
}

#[tokio::test]
async fn a_scope_that_is_not_granted_is_named_with_the_page_that_adds_it() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let asked = [("scope", "workspace:read workspace:write")];
        let found = explained(&app, &app.token(&client, &asked).await).await;
        told(&found, "scope.ungranted", "This client has no workspace:write.");
        let fix = found.explanation.fix.expect("a fix");
        assert_eq!(fix.words, "Add workspace:write");
        assert!(fix.path.ends_with("/edit#scopes"), "{}", fix.path);
        assert_eq!(
            found.explanation.set,
            [("Granted scopes", "workspace:read".to_owned())]
        );
        let found = explained(&app, &app.token(&client, &[("scope", "workspace:raed")]).await).await;
        told(
            &found,
            "scope.ungranted",
            "No API here has a scope workspace:raed",
        );
        let found = explained(
            &app,
            &app.token(&client, &[("resource", "https://x.example")]).await,
        )
        .await;
        told(
            &found,
            "target.ungranted",
            "no scope at the resource https://x.example",
        );
    })
    .await;
}

#[tokio::test]
async fn the_wrong_method_says_which_one_is_right_and_ceases_when_it_is_changed() {
    on_both(async |app| {
        let client = app.client(&app.org, pinned(AuthMethod::ClientSecretPost)).await;
        let answer = app.token(&client, &[]).await;
        let found = explained(&app, &answer).await;
        told(
            &found,
            "secret.method",
            "it came in HTTP Basic, and this client is pinned to the body",
        );
        assert_eq!(found.explanation.still, Still::Yes);
        let sql = "UPDATE clients SET auth_method = NULL WHERE client_id = $1";
        let loose = crate::db::Statement::new(sql, vec![(&client.id).into()]);
        app.db().write(loose.into()).await.expect("written");
        assert_eq!(explained(&app, &answer).await.explanation.still, Still::No);
    })
    .await;
}

#[tokio::test]
async fn another_clients_secret_is_told_within_the_organisation_only() {
    on_both(async |app| {
        let (one, other) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let found = explained(&app, &app.token(&one.with_secret(&other.secret), &[]).await).await;
        told(&found, "secret.other_client", &other.id);
        let elsewhere = app.organization("elsewhere").await;
        let draft = crate::tests::harness::service(&["workspace:read"]);
        let foreign = app.client(&elsewhere, draft).await;
        let found = explained(&app, &app.token(&one.with_secret(&foreign.secret), &[]).await).await;
        told(&found, "secret.unknown", "none that this client has or had");
        assert!(!format!("{:?}", found.failure).contains(&foreign.id));
    })
    .await;
}

#[tokio::test]
async fn grants_and_public_clients() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        let answer = app.post("/oauth2/token").basic(&client).form(&form).await;
        let found = explained(&app, &answer).await;
        told(&found, "grant_type.unregistered", "“Refresh token”");
        assert!(
            found
                .explanation
                .fix
                .expect("a fix")
                .path
                .ends_with("/edit#grant_types")
        );
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.id.as_str()),
        ];
        let found = explained(&app, &app.post("/oauth2/token").form(&form).await).await;
        told(&found, "secret.missing", "No secret was sent");
        let native = app
            .client(&app.org, signing_in(ApplicationType::UserAgentBased))
            .await;
        let found = explained(&app, &app.token(&native.with_secret("oas_x"), &[]).await).await;
        told(&found, "secret.of_public", "a client of this type has none");
        let query = format!(
            "/oauth2/token?client_id={}&client_secret={}",
            client.id, client.secret
        );
        let found = explained(&app, &app.post(&query).form(&[]).await).await;
        told(&found, "client.secret_in_url", "URL");
    })
    .await;
}

#[tokio::test]
async fn too_many_wrong_secrets_are_explained_as_such() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let wrong = client.with_secret("wrong");
        let mut last = app.token(&wrong, &[]).await;
        for _ in 0..40 {
            last = app.token(&wrong, &[]).await;
        }
        assert_eq!(last.status, 429);
        told(
            &explained(&app, &last).await,
            "client.throttled",
            "too many wrong secrets",
        );
    })
    .await;
}

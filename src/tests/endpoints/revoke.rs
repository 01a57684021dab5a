//! Revocation: what is taken back, by whom, and what happens when it cannot be written down.

use crate::{
    db::{Batch, Statement},
    oauth::client::ApplicationType,
    store::{apis::TokenFormat, audit},
    tests::harness::{Answer, TestApp, TestClient, inactive, on_both, signing_in},
};

async fn revoke(app: &TestApp, client: &TestClient, form: &[(&str, &str)]) -> Answer {
    app.post("/oauth2/revoke").basic(client).form(form).await
}

#[tokio::test]
async fn v_02_v_09_a_token_by_its_owner() {
    on_both(async |app| {
        app.api(&app.org, "https://o.example", TokenFormat::Opaque, &["o:read"])
            .await;
        let client = app.service(&["workspace:read", "o:read"]).await;
        for audience in ["urn:oauthority:workspace:main", "https://o.example"] {
            let token = client.token_for(&app, &[("resource", audience)]).await;
            let another = client.token_for(&app, &[("resource", audience)]).await;
            let answer = revoke(&app, &client, &[("token", &token), ("foo", "bar")]).await;
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, ""));
            assert_eq!(app.introspect(&client, &token).await, inactive());
            assert_eq!(app.introspect(&client, &another).await["active"], true);
        }
    })
    .await;
}

#[tokio::test]
async fn v_03_an_unknown_or_revoked_token() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        for token in ["nonsense", token.as_str(), token.as_str()] {
            assert_eq!(revoke(&app, &client, &[("token", token)]).await.status, 200);
        }
        assert_eq!(app.introspect(&client, &token).await, inactive());
    })
    .await;
}

#[tokio::test]
async fn v_04_token_missing() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        revoke(&app, &client, &[]).await.refused(400, "invalid_request");
    })
    .await;
}

#[tokio::test]
async fn v_06_a_token_of_another_client_stays_active() {
    on_both(async |app| {
        let (client, other) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let token = client.token(&app).await;
        let (theirs, unknown) = (
            revoke(&app, &other, &[("token", &token)]).await,
            revoke(&app, &other, &[("token", "x")]).await,
        );
        assert_eq!((theirs.status, theirs.body), (unknown.status, unknown.body));
        assert_eq!(app.introspect(&client, &token).await["active"], true);
    })
    .await;
}

#[tokio::test]
async fn v_07_the_hint_is_only_a_hint() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for hint in ["refresh_token", "nonsense"] {
            let token = client.token(&app).await;
            let form = [("token", token.as_str()), ("token_type_hint", hint)];
            assert_eq!(revoke(&app, &client, &form).await.status, 200);
            assert_eq!(app.introspect(&client, &token).await, inactive(), "{hint}");
        }
    })
    .await;
}

#[tokio::test]
async fn v_08_a_public_client_may_call_with_its_id() {
    on_both(async |app| {
        let public = app.client(&app.org, signing_in(ApplicationType::Native)).await;
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        let form = [("client_id", public.id.as_str()), ("token", token.as_str())];
        assert_eq!(app.post("/oauth2/revoke").form(&form).await.status, 200);
        assert_eq!(
            app.introspect(&client, &token).await["active"],
            true,
            "it is not its own"
        );
    })
    .await;
}

#[tokio::test]
async fn a_revocation_is_in_the_audit_log() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        revoke(&app, &client, &[("token", &token)]).await;
        let filter = audit::Filter {
            action: Some("token.revoked".to_owned()),
            ..audit::Filter::default()
        };
        let events = audit::list(app.db(), &app.org.id, &filter, 10)
            .await
            .expect("read");
        assert_eq!(
            (events.len(), events[0].actor_id.as_str()),
            (1, client.id.as_str())
        );
        assert!(!format!("{events:?}").contains(&token));
    })
    .await;
}

/// The storage takes no writes from now on.
pub async fn break_storage(app: &TestApp) {
    let write = async |sql: &'static str| app.db().write(Batch::from(Statement::new(sql, vec![]))).await;
    if app.database == "sqlite" {
        write("PRAGMA query_only = ON").await.expect("a setting");
        return;
    }
    write(
        "DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET default_transaction_read_only = on'', \
         current_database()); END'",
    )
    .await
    .expect("a setting");
    // The setting is for new connections; this ends the old ones, its own included.
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()";
    assert!(app.db().read(all, vec![]).await.is_err());
}

#[tokio::test]
async fn v_10_b_062_g_32_a_storage_error_is_never_200() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        break_storage(&app).await;
        for _ in 0..3 {
            let answer = revoke(&app, &client, &[("token", &token)]).await;
            answer.refused(503, "temporarily_unavailable");
            assert!(!answer.header("retry-after").is_empty());
            for word in ["SELECT", "INSERT", "sqlite", "postgres", "revoked_tokens"] {
                assert!(!answer.text().contains(word), "{}", answer.text());
            }
        }
    })
    .await;
}

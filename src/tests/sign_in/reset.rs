//! Operators help who has lost his second factor.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::{events, is_signed_in, set_up_app};
use crate::{
    registry::{
        bootstrap::system_access,
        secrets::{self, Rotation},
    },
    store::users::Role,
    tests::{
        browser::Browser,
        harness::{TestApp, TestClient, on_both},
    },
};

async fn operator(app: &TestApp) -> String {
    let access = system_access(app.org.clone());
    let made = secrets::rotate(
        &app.app.registry,
        &access,
        "oa_admin_client",
        None,
        Rotation::default(),
    )
    .await
    .expect("rotated");
    let client = TestClient {
        id: "oa_admin_client".to_owned(),
        secret: made.secret.expect("a secret").text.expose().to_owned(),
    };
    client.token(app).await
}

#[tokio::test]
async fn an_operator_resets_second_factors_and_nobody_else_does() {
    on_both(async |app| {
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        set_up_app(&app, &ada).await;
        let path = "/api/v1/operator/users/ada/reset-factors";
        let manager = app.service(&["members:write", "organizations:write"]).await;
        let token = manager.token(&app).await;
        let refused = app.call(Method::POST, path).bearer(&token).json(&json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        assert!(is_signed_in(&ada).await);
        let token = operator(&app).await;
        let unknown = app
            .call(Method::POST, "/api/v1/operator/users/zoe/reset-factors")
            .bearer(&token)
            .json(&json!({}))
            .await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        let done = app.call(Method::POST, path).bearer(&token).json(&json!({})).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
        assert_eq!(done.json()["username"], "ada");
        assert!(!is_signed_in(&ada).await);
        // The password is enough again.
        Browser::new(&app).sign_in("ada").await;
        let told = events(&app, "user.factors_reset").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].details["before"]["recovery_codes"], 10);
    })
    .await;
}

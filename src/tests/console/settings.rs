//! Settings of the organisation.

use super::*;
use crate::{store, tests::harness::on_both};

#[tokio::test]
async fn settings_are_saved_or_refused_with_everything_kept() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/settings");
        let version = hidden(&ada.get(&path).await, "version");
        let wrong = [
            ("version", version.as_str()),
            ("name", "Acme"),
            ("secret_lifetime_days", "many"),
        ];
        let answer = ada.submit(&path, &wrong).await;
        expect(&answer, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&answer, "href=\"#secret_lifetime_days\"");
        holds(&answer, "value=\"many\"");
        let right = [
            ("version", version.as_str()),
            ("name", "Acme"),
            ("secret_lifetime_days", "45"),
            ("access_token_lifetime", "900"),
            ("secret_overlap_hours", "48"),
            ("unused_notices", "yes"),
            ("unused_disable_days", "180"),
        ];
        expect(&ada.submit(&path, &right).await, StatusCode::SEE_OTHER);
        let org = store::organizations::first(app.db())
            .await
            .expect("read")
            .expect("there");
        assert_eq!(org.name, "Acme");
        assert_eq!(org.settings.secret_lifetime_days, 45);
        assert!(!org.settings.secrets_may_never_expire && !org.settings.development_redirects);
        assert!(org.settings.unused_notices && org.settings.unused_disable_days == Some(180));
        let client = app.service(&["workspace:read"]).await;
        let form = ada
            .get(&at(&app, &format!("/clients/{}/rotate", client.id)))
            .await;
        holds(&form, "In 48 hours");
        let form = ada.get(&at(&app, "/clients/new/service")).await;
        holds(&form, "In 45 days (usual here)");
        lacks(&form, "value=\"never\"");
        let stale = ada.submit(&path, &right).await;
        expect(&stale, StatusCode::PRECONDITION_FAILED);
    })
    .await;
}

#[tokio::test]
async fn only_admins_see_the_settings() {
    on_both(async |app| {
        for (name, role) in [("aud", Role::Auditor), ("mel", Role::Member)] {
            let browser = Browser::of(&app, name, role).await;
            expect(&browser.get(&at(&app, "/settings")).await, StatusCode::FORBIDDEN);
            let answer = browser.submit(&at(&app, "/settings"), &[("name", "Mine")]).await;
            expect(&answer, StatusCode::FORBIDDEN);
        }
    })
    .await;
}

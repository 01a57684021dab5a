//! Refresh tokens. [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)

use super::*;
use crate::time::Lifetime;

#[tokio::test]
async fn rf_01_rf_06_a_refresh_token_works_once() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let first = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let old = text(&first, "refresh_token");
        let second = rp.refresh(&app, &old, &[]).await.json();
        let new = text(&second, "refresh_token");
        assert_ne!(old, new);
        // The answer may have been lost: a moment later the same successor.
        app.clock.advance(Lifetime::seconds(10));
        let again = rp.refresh(&app, &old, &[]).await.json();
        assert_eq!(text(&again, "refresh_token"), new);
        app.clock.advance(Lifetime::seconds(1));
        rp.refresh(&app, &old, &[]).await.refused(400, "invalid_grant");
        rp.refresh(&app, &new, &[]).await.refused(400, "invalid_grant");
        for answer in [&second, &again] {
            let active = app.introspect(&rp.client, &text(answer, "access_token")).await;
            assert_eq!(active["active"], false);
        }
    })
    .await;
}

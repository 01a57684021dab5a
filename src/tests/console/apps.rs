//! Connected apps and one's own activity.

use super::super::{
    flows::{Rp, SCOPES, alice, text, web_app},
    harness::on_both,
};
use crate::registry::client_input::Draft;

fn asking() -> Draft {
    Draft {
        name: "Travel planner".to_owned(),
        require_consent: true,
        ..web_app(&SCOPES)
    }
}

#[tokio::test]
async fn t45_rf_15_removing_an_app_says_what_stops_and_ends_it() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking()).await, alice(&app).await);
        let page = rp
            .authorize(&browser, &[("scope", "openid offline_access workspace:read")])
            .await;
        assert!(page.text().contains("Allow Travel planner?"), "{}", page.text());
        let tx = page
            .text()
            .split("name=\"tx\" value=\"")
            .nth(1)
            .expect("a form")
            .split('"')
            .next()
            .expect("a value")
            .to_owned();
        let answer = browser
            .submit("/consent", &[("tx", &tx), ("answer", "allow")])
            .await;
        let code = super::super::flows::param(&answer, "code").expect("a code");
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        let list = browser.get("/me/apps").await.text();
        assert!(
            list.contains("Travel planner") && list.contains("app.example"),
            "{list}"
        );
        let path = format!("/me/apps/{}", rp.client.id);
        let question = browser.get(&path).await.text();
        assert!(
            question.contains("1 sign-in of it stops working at once"),
            "{question}"
        );
        assert_eq!(browser.submit(&path, &[]).await.status, 303);
        rp.refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], false);
        assert!(!browser.get("/me/apps").await.text().contains("app.example"));
        let mine = browser.get("/me/activity").await.text();
        assert!(
            mine.contains("allowed") && mine.contains("took back what was allowed to"),
            "{mine}"
        );
        // Whoever signs in again is asked again.
        let again = rp.authorize(&browser, &[]).await;
        assert!(again.text().contains("Allow Travel planner?"));
        assert_eq!(browser.get("/me/apps/oac_unknown").await.status, 404);
    })
    .await;
}

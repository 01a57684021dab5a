//! Mail about sign-ins from browsers that an account does not know.

use super::{post, reachable};
use crate::{
    store::users::Role,
    tests::{
        browser::{Browser, person},
        harness::on_both,
    },
};

#[tokio::test]
async fn a_sign_in_from_a_new_browser_is_told_to_who_wants_it() {
    on_both(async |app| {
        let user = person(&app, "ada", Some(Role::Member)).await;
        reachable(&app, &user, "ada@example.com").await;
        let own = Browser::new(&app);
        own.sign_in("ada").await;
        assert!(post(&app).await.is_empty(), "nobody asked for it");
        own.submit(
            "/me/preferences",
            &[("notices", "on"), ("density", "compact"), ("theme", "contrast")],
        )
        .await;
        let page = own.get("/me/apps").await.text();
        assert!(
            page.contains("data-density=\"compact\"") && page.contains("data-theme=\"contrast\""),
            "{page}"
        );
        own.submit("/logout", &[]).await;
        own.sign_in("ada").await;
        assert!(post(&app).await.is_empty(), "this browser is known");
        Browser::new(&app).sign_in("ada").await;
        let mails = post(&app).await;
        assert_eq!(mails.len(), 1);
        assert!(
            mails[0].contains("A sign-in from a new browser") && mails[0].contains("/me/sessions"),
            "{}",
            mails[0]
        );
    })
    .await;
}

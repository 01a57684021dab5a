//! What ends with a membership.

use axum::http::StatusCode;

use super::grant;
use crate::{
    db::Batch,
    oauth::{client::ApplicationType, scope::ScopeKey},
    store::{self, users::Role},
    tests::{
        browser::{Browser, person},
        harness::{on_both, signing_in},
    },
};

#[tokio::test]
async fn a_removed_member_leaves_no_grant_and_no_consent_behind() {
    on_both(async |app| {
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let other = app.organization("other").await;
        let add = store::users::add_member(&other.id, &ben.id, Role::Member, app.clock.now());
        app.db().write(add.into()).await.unwrap();
        let here = app.client(&app.org, signing_in(ApplicationType::Web)).await;
        let there = app.client(&other, signing_in(ApplicationType::Web)).await;
        let allowed = [(ScopeKey::openid("openid"), 0)];
        let now = app.clock.now();
        let given = Batch::from_iter([
            store::grants::add(&grant(&app, "gra_here", &ben.id, &here.id, &app.org.id)),
            store::grants::add(&grant(&app, "gra_there", &ben.id, &there.id, &other.id)),
            store::consents::set(&ben.id, &here.id, &allowed, now),
            store::consents::set(&ben.id, &there.id, &allowed, now),
        ]);
        app.db().write(given).await.unwrap();

        let path = format!("/orgs/{}/people/{}", app.org.handle, ben.id);
        let removed = owner.submit(&path, &[("do", "remove")]).await;
        assert_eq!(removed.status, StatusCode::SEE_OTHER, "{}", removed.text());

        let live = &app.app.registry.live;
        assert!(live.is_revoked("gra_here") && !live.is_revoked("gra_there"));
        let left = store::grants::of_user(app.db(), &ben.id, now).await.unwrap();
        assert_eq!(
            left.iter().map(|g| g.id.as_str()).collect::<Vec<_>>(),
            ["gra_there"]
        );
        let left = store::consents::of_user(app.db(), &ben.id).await.unwrap();
        assert_eq!(
            left.iter().map(|c| c.client_id.as_str()).collect::<Vec<_>>(),
            [there.id.as_str()]
        );
        let app = app.restart().await;
        assert!(
            app.app.registry.live.is_revoked("gra_here"),
            "read from the database"
        );
    })
    .await;
}

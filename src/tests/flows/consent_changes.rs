//! What changes while somebody looks at the consent page.

use super::{consent::asks, *};
use crate::registry::clients::{self, Edit};

// The request names no scopes, and the client has more of them by the time the person answers.
#[tokio::test]
async fn nobody_allows_what_the_page_did_not_show() {
    on_both(async |app| {
        let draft = asking(&["workspace:read", "workspace:write"]);
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let edit = async |scopes: &[&str], optional: &[&str]| {
            let refs = |scopes: &[&str]| Some(scopes.iter().map(|scope| ScopeRef::text(*scope)).collect());
            let edit = Edit {
                scopes: refs(scopes),
                optional_scopes: refs(optional),
                ..Edit::default()
            };
            clients::edit(&app.app.registry, &app.owner(), &rp.client.id, None, edit)
                .await
                .expect("edited");
        };
        let all = ["workspace:read", "workspace:write"];
        for (before, after) in [
            ((&all[..1], &[][..]), (&all[..], &[][..])),
            ((&all[..], &all[1..]), (&all[..], &[][..])),
        ] {
            edit(before.0, before.1).await;
            let page = rp.authorize(&browser, &[("scope", "")]).await;
            edit(after.0, after.1).await;
            let page = say(&browser, &page, "allow", &[]).await;
            assert!(asks(&page), "{}", page.header("location"));
            assert_eq!(codes(&app).await, 0);
            told(&app, &say(&browser, &page, "deny", &[]).await, "access_denied");
        }
        // A request that was on no page yet says nothing.
        let first = browser.get(&rp.url(&[("scope", "workspace:read")])).await;
        let tx = first
            .header("location")
            .strip_prefix("/consent?tx=")
            .expect("to the page");
        let allow = [("tx", tx), ("answer", "allow")];
        let page = browser.submit("/consent", &allow).await;
        assert!(asks(&page), "{}", page.header("location"));
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
    })
    .await;
}

// Everything is judged anew when the person answers.
#[tokio::test]
async fn what_changed_while_the_page_was_open_counts() {
    on_both(async |app| {
        let draft = asking(&["openid", "workspace:read", "workspace:write"]);
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let page = rp
            .authorize(&browser, &[("scope", "openid workspace:write")])
            .await;
        let edit = Edit {
            scopes: Some(vec![ScopeRef::text("openid"), ScopeRef::text("workspace:read")]),
            ..Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &rp.client.id, None, edit)
            .await
            .expect("edited");
        told(&app, &say(&browser, &page, "allow", &[]).await, "invalid_scope");
        let page = rp.authorize(&browser, &[]).await;
        let edit = Edit {
            redirect_uris: Some(vec!["https://app.example/other".to_owned()]),
            ..Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &rp.client.id, None, edit)
            .await
            .expect("edited");
        shown(&say(&browser, &page, "allow", &[]).await);
        assert_eq!(codes(&app).await, 0);
    })
    .await;
}

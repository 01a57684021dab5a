//! Refresh tokens. [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)

use super::*;
use crate::{
    registry::{clients, members},
    time::Lifetime,
};

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

#[tokio::test]
async fn rf_02_rf_03_a_refresh_token_must_be_one() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        rp.refresh(&app, "", &[]).await.refused(400, "invalid_request");
        let tokens = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let token = text(&tokens, "refresh_token");
        let longer = format!("{token}A");
        for wrong in [
            "x",
            &token[1..],
            &token[..token.len() - 1],
            &longer,
            &token.to_ascii_uppercase(),
            &token.replacen("ort_", "", 1),
            &text(&tokens, "access_token"),
            "ort_",
            &"ort_A".repeat(5000),
        ] {
            rp.refresh(&app, wrong, &[]).await.refused(400, "invalid_grant");
        }
        assert_eq!(rp.refresh(&app, &token, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn rf_04_b_037_a_confidential_client_proves_itself() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let token = text(&tokens, "refresh_token");
        let nobody = Rp {
            client: rp.client.with_secret(""),
            ..rp.clone()
        };
        nobody
            .refresh(&app, &token, &[])
            .await
            .refused(401, "invalid_client");
        let wrong = Rp {
            client: rp.client.with_secret("oas_wrong"),
            ..rp.clone()
        };
        wrong
            .refresh(&app, &token, &[])
            .await
            .refused(401, "invalid_client");
        // The same for a code.
        let code = rp.code(&browser, &[]).await;
        nobody
            .redeem(&app, &code, &[])
            .await
            .refused(401, "invalid_client");
        // Nothing was rotated: the next one is the second.
        let kept = store::grants::of_client(app.db(), &rp.client.id, 1, app.clock.now(), 10).await;
        assert!(kept.expect("read").iter().all(|grant| grant.refresh_counter < 2));
        assert_eq!(rp.refresh(&app, &token, &[]).await.status, 200);
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn rf_05_a_public_client_rotates_always() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, public_app(&SCOPES)).await, alice(&app).await);
        let watcher = Rp::web(&app).await;
        let first = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let mut known = vec![text(&first, "refresh_token")];
        for _ in 0..4 {
            let answer = rp.refresh(&app, known.last().expect("one"), &[]).await.json();
            let next = text(&answer, "refresh_token");
            assert!(!known.contains(&next));
            known.push(next);
        }
        // Whichever comes again but the last two ends it all, within the ten seconds as well.
        let last = known.pop().expect("one");
        let alive = rp.refresh(&app, &last, &[]).await.json();
        rp.refresh(&app, &known[1], &[])
            .await
            .refused(400, "invalid_grant");
        rp.refresh(&app, &text(&alive, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        for answer in [&first, &alive] {
            assert!(!is_active(&app, &watcher, &text(answer, "access_token")).await);
        }
    })
    .await;
}

// What one request narrows is whole again in the next.
#[tokio::test]
async fn rf_09_rf_10_rf_12_a_refresh_narrows_and_never_widens() {
    on_both(async |app| {
        let scopes = [
            "openid",
            "profile",
            "offline_access",
            "workspace:read",
            "workspace:write",
        ];
        let (rp, browser) = (Rp::of(&app, asking(&scopes)).await, alice(&app).await);
        let given = "openid offline_access workspace:read";
        let page = rp.authorize(&browser, &[("scope", given)]).await;
        let code = param(&say(&browser, &page, "allow", &[]).await, "code").expect("a code");
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        let mut token = text(&tokens, "refresh_token");
        for (asked, told) in [
            ("workspace:read", "workspace:read"),
            ("openid", "openid"),
            (
                "workspace:read openid workspace:read openid",
                "openid workspace:read",
            ),
            ("openid offline_access openid", "openid offline_access"),
            (given, given),
            ("", given),
        ] {
            let answer = rp.refresh(&app, &token, &[("scope", asked)]).await.json();
            assert_eq!(answer["scope"], told, "{answer}");
            let access = app.introspect(&rp.client, &text(&answer, "access_token")).await;
            assert_eq!(
                (&access["active"], &access["scope"]),
                (&true.into(), &told.into())
            );
            assert_eq!(answer.get("id_token").is_some(), told.contains("openid"));
            token = text(&answer, "refresh_token");
        }
        for more in [
            "workspace:write",
            "profile",
            "openid workspace:write",
            "never:heard",
        ] {
            let answer = rp.refresh(&app, &token, &[("scope", more)]).await;
            answer.refused(400, "invalid_scope");
        }
        // A refusal rotates nothing.
        assert_eq!(rp.refresh(&app, &token, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn rf_15_b_048_b_065_what_ends_the_permission_ends_the_refresh() {
    on_both(async |app| {
        let registry = &app.app.registry;
        for (number, name) in ["removed", "deactivated", "withdrawn", "disabled", "deleted"]
            .iter()
            .enumerate()
        {
            let rp = Rp::of(&app, asking(&["openid", "workspace:read"])).await;
            let watcher = Rp::web(&app).await;
            let browser = Browser::of(&app, name, Role::Member).await;
            let page = rp.authorize(&browser, &[("scope", "workspace:read")]).await;
            let code = param(&say(&browser, &page, "allow", &[]).await, "code").expect("a code");
            let tokens = rp.redeem(&app, &code, &[]).await.json();
            let pending = rp.code(&browser, &[("scope", "workspace:read")]).await;
            let (user, id) = (user(&app, name).await.id, &rp.client.id);
            match number {
                0 => members::remove(registry, &app.owner(), &user)
                    .await
                    .expect("removed"),
                1 => deactivate(&app, &user).await,
                2 => {
                    let consent = store::consents::forget(&user, id);
                    end(&app, Which::Consent(&user, id), &user, consent.into()).await;
                }
                3 => drop(
                    clients::disable(registry, &app.owner(), id, None, None)
                        .await
                        .expect("disabled"),
                ),
                _ => drop(
                    clients::delete(registry, &app.owner(), id, None)
                        .await
                        .expect("deleted"),
                ),
            }
            let refused = |answer: &Answer| match number {
                0..3 => answer.refused(400, "invalid_grant"),
                _ => answer.refused(401, "invalid_client"),
            };
            let token = text(&tokens, "refresh_token");
            refused(&rp.refresh(&app, &token, &[]).await);
            refused(&rp.redeem(&app, &pending, &[]).await);
            assert!(
                !is_active(&app, &watcher, &text(&tokens, "access_token")).await,
                "{name}"
            );
            if number == 4 {
                // Nothing is left of it, on either side.
                let grants = store::grants::of_user(app.db(), &user, app.clock.now());
                let consents = store::consents::of_client(app.db(), id, 10);
                assert!(grants.await.expect("read").is_empty() && consents.await.expect("read").is_empty());
            }
            if number == 3 {
                // Enabled again, what was given before stays dead.
                clients::enable(registry, &app.owner(), id, None)
                    .await
                    .expect("enabled");
                rp.refresh(&app, &token, &[]).await.refused(400, "invalid_grant");
                rp.redeem(&app, &pending, &[]).await.refused(400, "invalid_grant");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rf_16_a_refresh_token_ends_unused_and_at_last_in_any_case() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let scope = [("scope", "workspace:read")];
        let mut token = text(&rp.tokens(&app, &browser, &scope).await, "refresh_token");
        let begun = app.clock.now();
        for _ in 0..3 {
            app.clock.advance(Lifetime::days(30));
            app.clock.advance(Lifetime::seconds(-1));
            token = text(&rp.refresh(&app, &token, &[]).await.json(), "refresh_token");
        }
        // Ninety days in all, however often it is used.
        let left = begun.after(Lifetime::days(90)).seconds_since(app.clock.now());
        app.clock.advance(Lifetime::seconds(left - 1));
        token = text(&rp.refresh(&app, &token, &[]).await.json(), "refresh_token");
        app.clock.advance(Lifetime::seconds(1));
        rp.refresh(&app, &token, &[]).await.refused(400, "invalid_grant");
        let unused = text(
            &rp.tokens(&app, &Browser::of(&app, "bob", Role::Member).await, &scope)
                .await,
            "refresh_token",
        );
        app.clock.advance(Lifetime::days(30));
        rp.refresh(&app, &unused, &[]).await.refused(400, "invalid_grant");
    })
    .await;
}

#[tokio::test]
async fn rf_22_an_id_token_of_a_refresh_tells_of_the_same_sign_in() {
    on_both(async |app| {
        let scopes = ["openid", "offline_access"];
        let (rp, browser) = (Rp::of(&app, asking(&scopes)).await, alice(&app).await);
        let more = [
            ("scope", "openid offline_access"),
            ("nonce", "n-1"),
            ("max_age", "600"),
        ];
        let page = rp.authorize(&browser, &more).await;
        let code = param(&say(&browser, &page, "allow", &[]).await, "code").expect("a code");
        let first = rp.redeem(&app, &code, &[]).await.json();
        app.clock.advance(Lifetime::hours(1));
        let second = rp.refresh(&app, &text(&first, "refresh_token"), &[]).await.json();
        let [before, after] = [&first, &second].map(|answer| payload(&text(answer, "id_token")));
        for claim in ["iss", "sub", "aud", "auth_time"] {
            assert!(!before[claim].is_null(), "{claim}: {before}");
            assert_eq!(before[claim], after[claim], "{claim}");
        }
        assert_eq!(before["nonce"], "n-1");
        assert!(after.get("nonce").is_none(), "{after}");
        assert_eq!(after["iat"], app.clock.now().seconds());
        assert_eq!(before["auth_time"], before["iat"]);
    })
    .await;
}

// What is taken away from the client is not in the next token, and nothing of what is left is lost.
#[tokio::test]
async fn a_scope_the_client_lost_is_not_refreshed() {
    on_both(async |app| {
        let (rp, browser) = (
            Rp::of(&app, asking(&["workspace:read", "workspace:write"])).await,
            alice(&app).await,
        );
        let page = rp
            .authorize(&browser, &[("scope", "workspace:read workspace:write")])
            .await;
        let code = param(&say(&browser, &page, "allow", &[]).await, "code").expect("a code");
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        assert_eq!(tokens["scope"], "workspace:read workspace:write");
        let edit = clients::Edit {
            scopes: Some(vec![ScopeRef::text("workspace:read")]),
            ..clients::Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &rp.client.id, None, edit)
            .await
            .expect("edited");
        assert!(!is_active(&app, &rp, &text(&tokens, "access_token")).await);
        let answer = rp
            .refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .json();
        assert_eq!(answer["scope"], "workspace:read");
        let next = text(&answer, "refresh_token");
        let more = [("scope", "workspace:write")];
        rp.refresh(&app, &next, &more).await.refused(400, "invalid_scope");
    })
    .await;
}

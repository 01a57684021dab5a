//! Resource indicators. [RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)

use super::*;
use crate::store::apis::TokenFormat;

const ORDERS: &str = "https://orders.example/v1";
const STOCK: &str = "https://stock.example";

/// A client of two resources, another one that it has no access to, and its scopes.
async fn two(app: &TestApp) -> Rp {
    app.api(&app.org, ORDERS, TokenFormat::Jwt, &["orders:read", "all:read"])
        .await;
    app.api(&app.org, STOCK, TokenFormat::Jwt, &["stock:read", "all:read"])
        .await;
    app.api(
        &app.org,
        "https://other.example",
        TokenFormat::Jwt,
        &["other:read"],
    )
    .await;
    let audience = |audience: &str, value: &str| ScopeRef {
        audience: Some(audience.to_owned()),
        value: value.to_owned(),
    };
    let draft = Draft {
        scopes: vec![
            ScopeRef::text("openid"),
            audience(ORDERS, "orders:read"),
            audience(ORDERS, "all:read"),
            audience(STOCK, "stock:read"),
            audience(STOCK, "all:read"),
        ],
        ..web_app(&[])
    };
    Rp::of(app, draft).await
}

fn audience(tokens: &Json) -> Json {
    payload(&text(tokens, "access_token"))["aud"].clone()
}

#[tokio::test]
async fn r_01_a_token_is_for_the_resource_that_was_asked_for() {
    on_both(async |app| {
        let (rp, browser) = (two(&app).await, alice(&app).await);
        let asked = [("scope", "all:read"), ("resource", STOCK)];
        let code = rp.code(&browser, &asked).await;
        let tokens = rp.redeem(&app, &code, &[("resource", STOCK)]).await.json();
        assert_eq!(
            (audience(&tokens), &tokens["scope"]),
            (STOCK.into(), &"all:read".into())
        );
        // It need not be said twice.
        let tokens = rp.tokens(&app, &browser, &asked).await;
        assert_eq!(audience(&tokens), STOCK);
        let next = rp
            .refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .json();
        assert_eq!(audience(&next), STOCK);
    })
    .await;
}

#[tokio::test]
async fn r_02_r_03_a_resource_must_be_known_and_absolute() {
    on_both(async |app| {
        let (rp, browser) = (two(&app).await, alice(&app).await);
        let code = rp
            .code(&browser, &[("scope", "orders:read"), ("resource", ORDERS)])
            .await;
        for wrong in [
            "https://unknown.example",
            "https://other.example",
            "https://orders.example/v1/",
            "https://orders.example",
            "orders",
            "/v1",
            "https://orders.example/v1#f",
            "https://orders.example/v1#",
        ] {
            let answer = rp
                .authorize(&browser, &[("scope", "orders:read"), ("resource", wrong)])
                .await;
            told(&app, &answer, "invalid_target");
            let answer = rp.redeem(&app, &code, &[("resource", wrong)]).await;
            answer.refused(400, "invalid_target");
        }
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn r_04_b_008_a_resource_that_was_not_authorised_is_refused() {
    on_both(async |app| {
        let (rp, browser) = (two(&app).await, alice(&app).await);
        let code = rp
            .code(&browser, &[("scope", "orders:read"), ("resource", ORDERS)])
            .await;
        for more in [
            &[("resource", STOCK)][..],
            &[("resource", STOCK), ("resource", ORDERS)],
        ] {
            let mut form = vec![
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ];
            form.extend(more);
            rp.ask(&app, &form).await.refused(400, "invalid_target");
        }
        let tokens = rp.redeem(&app, &code, &[("resource", ORDERS)]).await.json();
        assert_eq!(audience(&tokens), ORDERS);
        let token = text(&tokens, "refresh_token");
        let elsewhere = [("resource", STOCK)];
        rp.refresh(&app, &token, &elsewhere)
            .await
            .refused(400, "invalid_target");
        for scope in ["stock:read", "https://stock.example-all:read", "openid"] {
            let answer = rp.refresh(&app, &token, &[("scope", scope)]).await;
            answer.refused(400, "invalid_scope");
        }
        let next = rp.refresh(&app, &token, &[]).await.json();
        assert_eq!(
            (audience(&next), &next["scope"]),
            (ORDERS.into(), &"orders:read".into())
        );
    })
    .await;
}

#[tokio::test]
async fn r_05_of_two_resources_a_token_is_for_the_one_asked() {
    on_both(async |app| {
        let (rp, browser) = (two(&app).await, alice(&app).await);
        let both = format!(
            "{}&resource={ORDERS}&resource={STOCK}",
            rp.url(&[("scope", "openid orders:read stock:read")])
        );
        let answer = follow(&browser, &both).await;
        let code = param(&answer, "code").expect("a code");
        rp.redeem(&app, &code, &[]).await.refused(400, "invalid_target");
        let tokens = rp.redeem(&app, &code, &[("resource", STOCK)]).await.json();
        assert_eq!(audience(&tokens), STOCK);
        assert_eq!(tokens["scope"], "openid stock:read");
        // Without naming them the request is open.
        let answer = rp
            .authorize(&browser, &[("scope", "orders:read stock:read")])
            .await;
        told(&app, &answer, "invalid_target");
        let answer = rp.authorize(&browser, &[("scope", "all:read")]).await;
        told(&app, &answer, "invalid_scope");
        // One that nothing is asked of is no use.
        let answer = rp
            .authorize(&browser, &[("scope", "orders:read"), ("resource", STOCK)])
            .await;
        told(&app, &answer, "invalid_scope");
        // Each in turn, from one grant.
        let without = rp.url(&[("scope", "orders:read stock:read")]);
        let answer = follow(&browser, &format!("{without}&resource={ORDERS}&resource={STOCK}")).await;
        let code = param(&answer, "code").expect("a code");
        let mut tokens = rp.redeem(&app, &code, &[("resource", STOCK)]).await.json();
        for resource in [ORDERS, STOCK, ORDERS] {
            let token = text(&tokens, "refresh_token");
            rp.refresh(&app, &token, &[]).await.refused(400, "invalid_target");
            tokens = rp.refresh(&app, &token, &[("resource", resource)]).await.json();
            assert_eq!(audience(&tokens), resource);
        }
    })
    .await;
}

//! Authorization codes at the token endpoint. [RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)

use super::*;

#[tokio::test]
async fn t_04_t_27_a_code_becomes_tokens() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let answer = rp.authorize(&browser, &[("nonce", "n-1")]).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with(CALLBACK));
        assert_eq!(params(&answer), ["code", "state", "iss"]);
        assert_eq!(param(&answer, "state").as_deref(), Some("s t&a=t%e+\"é"));
        let code = param(&answer, "code").expect("a code");
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 3600);
        assert_eq!(tokens["scope"], "openid workspace:read");
        let id_token = payload(&text(&tokens, "id_token"));
        assert_eq!(id_token["nonce"], "n-1");
        assert_eq!(id_token["aud"], rp.client.id);
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], true, "{active}");
        assert_eq!(active["sub"], id_token["sub"]);
    })
    .await;
}

#[tokio::test]
async fn t_08_t_09_a_replay_ends_everything() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let code = rp.code(&browser, &[("scope", "workspace:read")]).await;
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        rp.redeem(&app, &code, &[]).await.refused(400, "invalid_grant");
        let active = app.introspect(&rp.client, &text(&tokens, "access_token")).await;
        assert_eq!(active["active"], false);
        rp.refresh(&app, &text(&tokens, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
    })
    .await;
}

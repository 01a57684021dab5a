use super::{behind, explained, told};
use crate::{
    registry::clients,
    tests::{
        flows::{Rp, VERIFIER, alice, asking, follow, param, say, text},
        harness::{Answer, TestApp, on_both},
    },
    time::Lifetime,
};

#[tokio::test]
async fn codes_that_do_not_count() {
    on_both(async |app| {
        let (browser, rp) = (alice(&app).await, Rp::web(&app).await);
        let code = rp.code(&browser, &[]).await;
        let elsewhere = [("redirect_uri", "https://app.example/callback/x")];
        let found = explained(&app, &rp.redeem(&app, &code, &elsewhere).await).await;
        told(
            &found,
            "code.redirect_uri",
            "they differ after “https://app.example/callback”",
        );
        let wrong = VERIFIER.replace('d', "e");
        let found = explained(&app, &rp.redeem(&app, &code, &[("code_verifier", &wrong)]).await).await;
        told(&found, "code.verifier_wrong", "not the one");
        let other = Rp::web(&app).await;
        let found = explained(&app, &other.redeem(&app, &code, &[]).await).await;
        told(&found, "code.other_client", "another client");
        let found = explained(&app, &rp.redeem(&app, "made-up", &[]).await).await;
        told(&found, "code.unknown", "no such");
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
        app.clock.advance(Lifetime::seconds(1));
        let found = explained(&app, &rp.redeem(&app, &code, &[]).await).await;
        told(&found, "code.used", "used already, at 2026-11-22T10:00:00");
        let late = rp.code(&browser, &[]).await;
        app.clock.advance(Lifetime::minutes(2));
        let found = explained(&app, &rp.redeem(&app, &late, &[]).await).await;
        told(&found, "code.expired", "expired at");
    })
    .await;
}

#[tokio::test]
async fn unknown_codes_look_all_the_same_to_the_caller() {
    on_both(async |app| {
        let (browser, rp) = (alice(&app).await, Rp::web(&app).await);
        let used = rp.code(&browser, &[]).await;
        rp.redeem(&app, &used, &[]).await;
        let foreign = Rp::web(&app).await.code(&browser, &[]).await;
        let late = rp.code(&browser, &[]).await;
        app.clock.advance(Lifetime::minutes(2));
        let mut faces = Vec::new();
        for code in [&used, &foreign, &late, "made-up"] {
            faces.push(rp.redeem(&app, code, &[]).await.without_reference());
        }
        assert!(faces.iter().all(|face| *face == faces[0]), "{faces:?}");
    })
    .await;
}

#[tokio::test]
async fn refresh_tokens_that_do_not_count() {
    on_both(async |app| {
        let (browser, rp) = (alice(&app).await, Rp::web(&app).await);
        let offline = [("scope", "workspace:read")];
        let first = text(&rp.tokens(&app, &browser, &offline).await, "refresh_token");
        let second = text(&rp.refresh(&app, &first, &[]).await.json(), "refresh_token");
        app.clock.advance(Lifetime::minutes(1));
        let found = explained(&app, &rp.refresh(&app, &first, &[]).await).await;
        told(&found, "refresh.replayed", "An older refresh token was used");
        app.clock.advance(Lifetime::minutes(1));
        let found = explained(&app, &rp.refresh(&app, &second, &[]).await).await;
        told(
            &found,
            "grant.ended",
            "because a code or refresh token was used a second time",
        );
        let found = explained(&app, &rp.refresh(&app, "ort_made-up", &[]).await).await;
        told(&found, "refresh.unknown", "no refresh token");
        let other = Rp::web(&app).await;
        let found = explained(&app, &other.refresh(&app, &second, &[]).await).await;
        told(&found, "refresh.other_client", "another client");
        let idle = text(&rp.tokens(&app, &browser, &offline).await, "refresh_token");
        let (registry, owner) = (&app.app.registry, app.owner());
        clients::disable(registry, &owner, &rp.client.id, None, None)
            .await
            .expect("disabled");
        clients::enable(registry, &owner, &rp.client.id, None)
            .await
            .expect("enabled");
        let found = explained(&app, &rp.refresh(&app, &idle, &[]).await).await;
        told(&found, "grant.cut_off", "disabled or cut off since");
    })
    .await;
}

async fn behind_redirect(app: &TestApp, answer: &Answer) -> crate::failures::read::Explained {
    let uri = param(answer, "error_uri").unwrap_or_else(|| panic!("{}", answer.header("location")));
    let (_, reference) = uri.split_once("/failures/").expect("an address");
    behind(app, reference).await
}

#[tokio::test]
async fn a_person_who_says_no_and_a_request_without_pkce() {
    on_both(async |app| {
        let (browser, rp) = (
            alice(&app).await,
            Rp::of(&app, asking(&["openid", "workspace:read"])).await,
        );
        let page = follow(&browser, &rp.url(&[])).await;
        let denied = say(&browser, &page, "deny", &[]).await;
        told(
            &behind_redirect(&app, &denied).await,
            "person.denied",
            "did not allow it",
        );
        let plain = rp
            .authorize(&browser, &[("code_challenge", ""), ("code_challenge_method", "")])
            .await;
        told(
            &behind_redirect(&app, &plain).await,
            "pkce.missing",
            "does not use PKCE",
        );
        let plain = rp
            .authorize(&browser, &[("code_challenge_method", "plain")])
            .await;
        told(
            &behind_redirect(&app, &plain).await,
            "pkce.method",
            "code_challenge_method=plain",
        );
        let silent = rp.authorize(&browser, &[("prompt", "none")]).await;
        told(
            &behind_redirect(&app, &silent).await,
            "consent_required",
            "asked first",
        );
        let expired = browser.get("/oauth2/authorize/continue?tx=x").await;
        assert!(expired.text().contains("err_"), "{}", expired.text());
    })
    .await;
}

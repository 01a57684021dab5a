//! An app asks that the person be signed out.
//! [RP-Initiated Logout](https://openid.net/specs/openid-connect-rpinitiated-1_0.html)

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use super::*;
use crate::{oauth::people_settings::PeopleSettings, time::Lifetime};

const PATH: &str = "/oauth2/logout";
const AFTER: &str = "https://app.example/bye";

async fn leaving(app: &TestApp) -> Rp {
    let people = PeopleSettings {
        post_logout_redirect_uris: vec![AFTER.to_owned(), "https://app.example/bye?a=1".to_owned()],
        ..PeopleSettings::default()
    };
    Rp::of(
        app,
        Draft {
            people,
            ..web_app(&SCOPES)
        },
    )
    .await
}

fn path(params: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish();
    format!("{PATH}?{query}")
}

async fn is_signed_in(rp: &Rp, browser: &Browser<'_>) -> bool {
    let answer = rp.authorize(browser, &[("prompt", "none")]).await;
    let error = param(&answer, "error");
    assert!(
        error.is_none() || error.as_deref() == Some("login_required"),
        "{error:?}"
    );
    error.is_none()
}

#[tokio::test]
async fn o_26_a_hint_ends_the_session_and_leads_back() {
    on_both(async |app| {
        let (rp, browser) = (leaving(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[]).await;
        let hint = text(&tokens, "id_token");
        // The ID token may be long expired.
        for _ in 0..5 {
            app.clock.advance(Lifetime::minutes(20));
            browser.get("/me/preferences").await;
        }
        assert!(is_signed_in(&rp, &browser).await);
        let cookie = browser.session().expect("signed in");
        let request = [
            ("id_token_hint", hint.as_str()),
            ("post_logout_redirect_uri", AFTER),
            ("state", "s t&1"),
            ("ui_locales", "de"),
            ("logout_hint", "alice"),
        ];
        let answer = browser.get(&path(&request)).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), "https://app.example/bye?state=s+t%261");
        assert_eq!(browser.session(), None);
        // Not the cookie alone: the session is dead.
        browser.set_session(&cookie);
        assert!(!is_signed_in(&rp, &browser).await);
        // What hung on the session is dead, too.
        let token = text(&tokens, "access_token");
        assert_eq!(app.introspect(&rp.client, &token).await["active"], false);
        // Nobody is there any more: straight on.
        let answer = browser.get(&path(&request)).await;
        assert_eq!(answer.header("location"), "https://app.example/bye?state=s+t%261");
    })
    .await;
}

#[tokio::test]
async fn o_26_a_post_is_the_same() {
    on_both(async |app| {
        let (rp, browser) = (leaving(&app).await, alice(&app).await);
        let hint = text(&rp.tokens(&app, &browser, &[]).await, "id_token");
        let request = [
            ("id_token_hint", hint.as_str()),
            ("client_id", rp.client.id.as_str()),
            ("post_logout_redirect_uri", "https://app.example/bye?a=1"),
            ("state", "x"),
        ];
        let foreign = [
            ("origin", "https://app.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        let answer = browser.post_with(PATH, &request, &foreign).await;
        assert_eq!(answer.status, 303);
        let next = answer.header("location").to_owned();
        assert!(next.starts_with("/oauth2/logout?"), "{next}");
        let answer = browser.get(&next).await;
        assert_eq!(answer.header("location"), "https://app.example/bye?a=1&state=x");
        assert!(!is_signed_in(&rp, &browser).await);
    })
    .await;
}

#[tokio::test]
async fn o_26_without_a_way_back_there_is_a_page() {
    on_both(async |app| {
        let (rp, browser) = (leaving(&app).await, alice(&app).await);
        let hint = text(&rp.tokens(&app, &browser, &[]).await, "id_token");
        for _ in 0..2 {
            let answer = browser.get(&path(&[("id_token_hint", &hint)])).await;
            assert_eq!(answer.status, 200);
            assert!(answer.text().contains("You are signed out"));
        }
        assert!(!is_signed_in(&rp, &browser).await);
    })
    .await;
}

#[tokio::test]
async fn o_27_without_a_hint_the_person_is_asked() {
    on_both(async |app| {
        let (rp, browser) = (leaving(&app).await, alice(&app).await);
        let request = path(&[
            ("client_id", &rp.client.id),
            ("post_logout_redirect_uri", AFTER),
            ("state", "x"),
        ]);
        for request in [request.as_str(), PATH] {
            let page = browser.get(request).await;
            assert_eq!((page.status.as_u16(), page.header("location")), (200, ""));
            assert!(page.text().contains("Stay signed in"), "{}", page.text());
            assert!(is_signed_in(&rp, &browser).await);
        }
        browser.get(&request).await;
        let query = request.split_once('?').expect("a query").1;
        let say = async |word| {
            browser
                .submit("/logout/confirm", &[("request", query), ("answer", word)])
                .await
        };
        let stayed = say("stay").await;
        assert!(stayed.text().contains("You are still signed in"));
        assert!(is_signed_in(&rp, &browser).await);
        browser.get(&request).await;
        let gone = say("sign_out").await;
        assert_eq!(gone.header("location"), "https://app.example/bye?state=x");
        assert!(!is_signed_in(&rp, &browser).await);
    })
    .await;
}

#[tokio::test]
async fn o_27_the_answer_needs_the_form_of_the_session() {
    on_both(async |app| {
        let (rp, browser) = (leaving(&app).await, alice(&app).await);
        browser.get(PATH).await;
        let fields = [("answer", "sign_out"), ("csrf", "wrong")];
        assert_eq!(
            browser.post_with("/logout/confirm", &fields, &[]).await.status,
            403
        );
        let csrf = browser.csrf();
        let fields = [("answer", "sign_out"), ("csrf", csrf.as_str())];
        let foreign = [("origin", "https://evil.example")];
        assert_eq!(
            browser
                .post_with("/logout/confirm", &fields, &foreign)
                .await
                .status,
            403
        );
        assert!(is_signed_in(&rp, &browser).await);
    })
    .await;
}

/// The same token with another header.
fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').expect("a JWT");
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
}

#[tokio::test]
async fn o_27_nobody_is_sent_where_nothing_is_registered() {
    on_both(async |app| {
        let (rp, other) = (leaving(&app).await, leaving(&app).await);
        let browser = alice(&app).await;
        let tokens = rp.tokens(&app, &browser, &[]).await;
        let hint = text(&tokens, "id_token");
        let (body, signature) = hint.rsplit_once('.').expect("a JWT");
        let none = format!(
            "{}.",
            with_header(body, r#"{"alg":"none","typ":"JWT"}"#).trim_end_matches('.')
        );
        let forged = format!("{body}.{}", signature.chars().rev().collect::<String>());
        let access = text(&tokens, "access_token");
        let mut wrong: Vec<Vec<(&str, &str)>> = vec![
            vec![("post_logout_redirect_uri", AFTER)],
            vec![
                ("id_token_hint", &hint),
                ("client_id", &other.client.id),
                ("post_logout_redirect_uri", AFTER),
            ],
            vec![("client_id", "oac_unknown"), ("post_logout_redirect_uri", AFTER)],
            vec![
                ("id_token_hint", &hint),
                ("id_token_hint", &hint),
                ("post_logout_redirect_uri", AFTER),
            ],
        ];
        for bad in [none.as_str(), forged.as_str(), access.as_str(), "junk"] {
            wrong.push(vec![("id_token_hint", bad), ("post_logout_redirect_uri", AFTER)]);
            wrong.push(vec![("id_token_hint", bad)]);
        }
        for uri in [
            "https://app.example/bye/",
            "https://app.example/bye?a=2",
            "https://app.example/callback",
            "https://evil.example/bye",
            "https://app.example/bye#x",
            "HTTPS://app.example/bye",
            "//app.example/bye",
            "javascript:alert(1)",
        ] {
            wrong.push(vec![("id_token_hint", &hint), ("post_logout_redirect_uri", uri)]);
        }
        let stranger = Browser::new(&app);
        for request in wrong {
            for who in [&browser, &stranger] {
                let answer = who.get(&path(&request)).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.header("location")),
                    (400, ""),
                    "{request:?}"
                );
                assert!(answer.text().contains("The app sent a request we cannot trust"));
            }
        }
        assert!(is_signed_in(&rp, &browser).await);
    })
    .await;
}

#[tokio::test]
async fn o_27_the_hint_of_somebody_else_asks_first() {
    on_both(async |app| {
        let rp = leaving(&app).await;
        let hint = text(&rp.tokens(&app, &alice(&app).await, &[]).await, "id_token");
        let bob = Browser::of(&app, "bob", Role::Member).await;
        let answer = bob
            .get(&path(&[
                ("id_token_hint", &hint),
                ("post_logout_redirect_uri", AFTER),
            ]))
            .await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (200, ""));
        assert!(answer.text().contains("Sign out?"));
        assert!(is_signed_in(&rp, &bob).await);
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_sign_out_are_protected() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let page = browser.get(PATH).await;
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(!page.header("content-security-policy").contains("form-action"));
        let wrong = app.call(axum::http::Method::DELETE, PATH).send().await;
        assert_eq!(wrong.status, 405);
    })
    .await;
}

//! The consent page. [OIDC Core §3.1.2.4](https://openid.net/specs/openid-connect-core-1_0.html#Consent)

use super::*;
use crate::{
    registry::apis::{self, NewApi, NewScope},
    store::apis::{Risk, TokenFormat},
    tests::browser::person,
    time::Lifetime,
};

/// Whether an answer is the consent page.
pub fn asks(answer: &Answer) -> bool {
    answer.status == 200 && answer.text().contains("id=\"consent\"")
}

/// The lines of the page that are marked as new.
fn new(page: &Answer) -> Vec<String> {
    let text = page.text();
    let rows = text.split("<li class=\"wish\">").skip(1);
    rows.filter(|row| {
        row.split("<details>")
            .next()
            .is_some_and(|row| row.contains("New"))
    })
    .filter_map(|row| {
        Some(
            row.split_once("<code translate=\"no\">")?
                .1
                .split('<')
                .next()?
                .to_owned(),
        )
    })
    .collect()
}

#[tokio::test]
async fn a_32_whoever_denies_is_told_back() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        // Whatever is not "allow" is no.
        for word in ["deny", "", "ALLOW"] {
            let page = rp.authorize(&browser, &[]).await;
            assert!(asks(&page), "{}", page.text());
            told(&app, &say(&browser, &page, word, &[]).await, "access_denied");
        }
        assert_eq!(codes(&app).await, 0);
        assert!(asks(&rp.authorize(&browser, &[]).await));
    })
    .await;
}

#[tokio::test]
async fn a_37_the_page_says_who_asks_for_what_and_where_it_leads() {
    on_both(async |app| {
        let draft = Draft {
            name: "<b>Google</b>".to_owned(),
            redirect_uris: vec!["https://login.accounts.google.com.evil.example/cb".to_owned()],
            ..asking(&["openid", "profile", "offline_access", "workspace:write"])
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let scope = ("scope", "openid profile offline_access workspace:write");
        let page = rp.authorize(&browser, &[scope]).await;
        let text = page.text();
        for part in [
            "Allow &lt;b&gt;Google&lt;/b&gt;?",
            &rp.client.id,
            &app.org.name,
            "alice",
            "login.accounts.google.com.<b>evil.example</b>",
            "https://login.accounts.google.com.evil.example/cb",
            "Know that it is you",
            "See your name and profile",
            "Keep this access",
            "workspace:write",
            "at <bdi>Workspace</bdi>",
            "It can read",
            "It can change",
            "It can act while you are away",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("<b>Google"), "{text}");
        assert!(text.find("id=\"deny\"") < text.find("id=\"allow\""));
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("cache-control"), "no-store");
    })
    .await;
}

#[tokio::test]
async fn a_38_b_092_only_the_page_of_the_same_session_is_believed() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        let page = rp.authorize(&browser, &[]).await;
        let tx = field(&page, "tx");
        let allow = [("tx", tx.as_str()), ("answer", "allow")];
        let forged = |csrf| [allow[0], allow[1], ("csrf", csrf)];
        person(&app, "mallory", Some(Role::Member)).await;
        let mallory = Browser::new(&app);
        mallory.sign_in("mallory").await;
        let other = mallory.csrf();
        for csrf in ["", "x", other.as_str()] {
            for answer in ["allow", "deny"] {
                let fields = [("tx", tx.as_str()), ("answer", answer), ("csrf", csrf)];
                let answer = browser.post_with("/consent", &fields, &[]).await;
                assert_eq!((answer.status.as_u16(), answer.header("location")), (403, ""));
            }
        }
        let csrf = browser.csrf();
        for foreign in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let answer = browser.post_with("/consent", &forged(&csrf), &[foreign]).await;
            assert_eq!(answer.status, 403);
        }
        assert_eq!(codes(&app).await, 0);
        // A request that somebody else is asked opens for nobody, and asks nobody else.
        let page = follow(&mallory, &format!("/consent?tx={tx}")).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""));
        assert!(
            page.text().contains("belongs to another sign-in"),
            "{}",
            page.text()
        );
        assert_eq!(codes(&app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_expired_or_was_tampered_with_ends_on_a_page() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, alice(&app).await);
        let page = rp.authorize(&browser, &[]).await;
        let tx = field(&page, "tx");
        let mut other = tx.clone();
        let at = other.len() / 2;
        other.replace_range(at..=at, if &tx[at..=at] == "A" { "B" } else { "A" });
        let csrf = browser.csrf();
        let refused = async |tx: &str| {
            let fields = [("tx", tx), ("answer", "allow"), ("csrf", csrf.as_str())];
            let posted = browser.post_with("/consent", &fields, &[]).await;
            let shown = browser.get(&format!("/consent?tx={tx}")).await;
            let gone_on = browser.get(&format!("/oauth2/authorize/continue?tx={tx}")).await;
            for answer in [posted, shown, gone_on] {
                assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""));
                assert!(
                    answer.text().contains("This request expired"),
                    "{}",
                    answer.text()
                );
            }
        };
        for wrong in [other.as_str(), "", "x", &tx[..tx.len() - 1], &"A".repeat(100)] {
            refused(wrong).await;
        }
        app.clock.advance(Lifetime::minutes(30));
        refused(&tx).await;
        assert_eq!(codes(&app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_42_only_what_is_new_is_asked() {
    on_both(async |app| {
        let extra = app
            .api(
                &app.org,
                "https://extra.example",
                TokenFormat::Jwt,
                &["extra:read"],
            )
            .await;
        let draft = asking(&[
            "openid",
            "profile",
            "workspace:read",
            "workspace:write",
            "extra:read",
        ]);
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let first = [("scope", "openid workspace:read")];
        let page = rp.authorize(&browser, &first).await;
        assert_eq!(new(&page), Vec::<String>::new(), "nothing to compare with");
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
        // The same, or less of it, is not asked again.
        for scope in ["openid workspace:read", "openid", "workspace:read"] {
            rp.code(&browser, &[("scope", scope)]).await;
        }
        rp.code(&browser, &[first[0], ("prompt", "none")]).await;
        // More is, and is marked.
        let more = [("scope", "openid profile workspace:read workspace:write")];
        let page = rp.authorize(&browser, &more).await;
        assert_eq!(new(&page), ["profile", "workspace:write"]);
        told(
            &app,
            &rp.authorize(&browser, &[more[0], ("prompt", "none")]).await,
            "consent_required",
        );
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
        rp.code(&browser, &more).await;
        // Another resource is, too.
        let page = rp
            .authorize(
                &browser,
                &[("scope", "extra:read"), ("resource", &extra.audience)],
            )
            .await;
        assert_eq!(new(&page), ["extra:read"]);
        // What was denied is asked again, what was allowed before stays allowed.
        told(&app, &say(&browser, &page, "deny", &[]).await, "access_denied");
        rp.code(&browser, &more).await;
        // The client may ask for it all the same.
        let page = rp.authorize(&browser, &[first[0], ("prompt", "consent")]).await;
        assert!(asks(&page) && new(&page).is_empty());
        // Another person is another.
        let bob = Browser::of(&app, "bob", Role::Member).await;
        assert!(asks(&rp.authorize(&bob, &first).await));
    })
    .await;
}

#[tokio::test]
async fn t_05_an_optional_scope_may_be_left_out_and_the_token_tells() {
    on_both(async |app| {
        let draft = Draft {
            optional_scopes: Some(vec![ScopeRef::text("profile"), ScopeRef::text("workspace:write")]),
            ..asking(&["openid", "profile", "workspace:read", "workspace:write"])
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let all = [("scope", "openid profile workspace:read workspace:write")];
        let page = rp.authorize(&browser, &all).await;
        assert!(!page.text().contains(" checked"), "{}", page.text());
        let redeemed = async |answer: Answer| {
            let code = param(&answer, "code").expect("a code");
            rp.redeem(&app, &code, &[]).await.json()
        };
        // What is ticked can only be what was optional and asked for.
        let tokens = redeemed(say(&browser, &page, "allow", &["email", "x/y"]).await).await;
        assert_eq!(tokens["scope"], "openid workspace:read");
        // What he left out is not asked again by the way; the client may ask him to think again.
        let tokens = rp.tokens(&app, &browser, &all).await;
        assert_eq!(tokens["scope"], "openid workspace:read");
        let nothing_else = [("scope", "profile"), ("prompt", "none")];
        told(
            &app,
            &rp.authorize(&browser, &nothing_else).await,
            "consent_required",
        );
        let page = rp.authorize(&browser, &[all[0], ("prompt", "consent")]).await;
        assert!(asks(&page) && new(&page).is_empty());
        let tokens = redeemed(say(&browser, &page, "allow", &["profile"]).await).await;
        assert_eq!(tokens["scope"], "openid profile workspace:read");
        // What is ticked is remembered like the rest.
        rp.code(&browser, &[("scope", "openid profile")]).await;
        let less = rp
            .tokens(&app, &browser, &[("scope", "openid profile workspace:read")])
            .await;
        assert_eq!(less["scope"], "openid profile workspace:read");
    })
    .await;
}

#[tokio::test]
async fn leaving_out_everything_is_a_no() {
    on_both(async |app| {
        let draft = Draft {
            optional_scopes: Some(vec![ScopeRef::text("workspace:read")]),
            ..asking(&["workspace:read"])
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let page = rp.authorize(&browser, &[("scope", "workspace:read")]).await;
        told(&app, &say(&browser, &page, "allow", &[]).await, "access_denied");
        assert_eq!(codes(&app).await, 0);
    })
    .await;
}

// RFC 8252 §8.6: another program may answer there.
#[tokio::test]
async fn an_app_on_the_device_asks_each_time() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for (uri, words) in [
            ("http://127.0.0.1/cb", "an app on this computer"),
            ("com.example.app:/cb", "an app on this device"),
        ] {
            let draft = Draft {
                application_type: ApplicationType::Native,
                redirect_uris: vec![uri.to_owned()],
                ..asking(&SCOPES)
            };
            let rp = Rp::of(&app, draft).await;
            for _ in 0..2 {
                let page = rp.authorize(&browser, &[]).await;
                assert!(asks(&page) && page.text().contains(words), "{}", page.text());
                let answer = say(&browser, &page, "allow", &[]).await;
                let code = param(&answer, "code").expect("a code");
                assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
            }
            let silent = rp.authorize(&browser, &[("prompt", "none")]).await;
            assert_eq!(param(&silent, "error").as_deref(), Some("consent_required"));
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_is_asked_where_none_is_needed() {
    on_both(async |app| {
        let browser = alice(&app).await;
        Rp::web(&app).await.code(&browser, &[]).await;
        // A client of the instance itself, too; but not where anybody may listen (RFC 8252 §8.6).
        let first_party = Rp {
            client: TestClient {
                id: app.app.registry.config.system_clients.mobile_id.clone(),
                secret: String::new(),
            },
            redirect_uri: "org.oauthority.mobile:/callback".to_owned(),
        };
        let answer = first_party.authorize(&browser, &[("scope", "openid")]).await;
        assert_eq!(param(&answer, "code"), None);
        assert!(answer.text().contains("id=\"consent\""), "{}", answer.text());
        // A scope that its API gives without asking.
        let scope = |value: &str, requires_consent| NewScope {
            value: value.to_owned(),
            description: "May see the menu".to_owned(),
            risk: Risk::Reads,
            implies: Vec::new(),
            requires_consent,
        };
        let menu = NewApi {
            name: "Canteen".to_owned(),
            audience: "https://canteen.example".to_owned(),
            token_format: TokenFormat::Jwt,
            lifetime: None,
            signing_algorithm: None,
            scopes: vec![scope("menu:read", false), scope("orders:read", true)],
        };
        apis::create(&app.app.registry, &app.owner(), menu)
            .await
            .expect("created");
        let rp = Rp::of(&app, asking(&["menu:read", "orders:read"])).await;
        rp.code(&browser, &[("scope", "menu:read")]).await;
        assert!(asks(
            &rp.authorize(&browser, &[("scope", "menu:read orders:read")])
                .await
        ));
        assert!(asks(
            &rp.authorize(&browser, &[("scope", "menu:read"), ("prompt", "consent")])
                .await
        ));
    })
    .await;
}

// OIDC Core §11: where nobody is asked, access while he is away is not given.
#[tokio::test]
async fn t_28_a_refresh_token_needs_the_grant_type_and_the_persons_word() {
    on_both(async |app| {
        let browser = alice(&app).await;
        let rp = Rp::web(&app).await;
        let offline = [("scope", "openid offline_access workspace:read")];
        let unasked = rp.tokens(&app, &browser, &offline).await;
        assert_eq!(unasked["scope"], "openid workspace:read");
        assert!(unasked.get("refresh_token").is_none(), "{unasked}");
        // That alone is nothing that can be given unasked.
        assert!(asks(
            &rp.authorize(&browser, &[("scope", "offline_access")]).await
        ));
        let page = rp.authorize(&browser, &[offline[0], ("prompt", "consent")]).await;
        let answer = say(&browser, &page, "allow", &[]).await;
        let code = param(&answer, "code").expect("a code");
        let asked = rp.redeem(&app, &code, &[]).await.json();
        assert_eq!(asked["scope"], "openid offline_access workspace:read");
        assert_eq!(
            rp.refresh(&app, &text(&asked, "refresh_token"), &[]).await.status,
            200
        );
        // An OpenID request without it gets none; a request of OAuth alone does.
        let tokens = rp.tokens(&app, &browser, &[("scope", "openid")]).await;
        assert!(tokens.get("refresh_token").is_none());
        let tokens = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        assert!(tokens.get("refresh_token").is_some());
        // A client without the grant type never does.
        let without = Draft {
            grant_types: vec![GrantType::AuthorizationCode],
            ..web_app(&["openid", "workspace:read"])
        };
        let rp = Rp::of(&app, without).await;
        for scope in ["openid", "workspace:read"] {
            let tokens = rp.tokens(&app, &browser, &[("scope", scope)]).await;
            assert!(tokens.get("refresh_token").is_none(), "{tokens}");
        }
    })
    .await;
}

//! The userinfo endpoint. [OIDC Core §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)

use serde_json::json;

use super::*;
use crate::{
    db::Batch,
    jose::jws::Compact,
    oauth::people_settings::{PeopleSettings, ResponseAlg, SubjectType},
    openid::id_token::read_hint,
    registry::clients,
    store::{
        self,
        users::{Address, Profile},
    },
    time::Lifetime,
};

const PATH: &str = "/oauth2/userinfo";

/// Alice with everything that she can tell.
pub async fn telling_alice(app: &TestApp) -> Browser<'_> {
    let browser = alice(app).await;
    let user = store::users::find_by_username(app.db(), "alice").await;
    let user = user.expect("read").expect("made");
    let profile = Profile {
        given_name: Some("Alice".to_owned()),
        phone_number: Some("+44 20 7946 0000".to_owned()),
        address: Some(Address {
            locality: Some("Oxford".to_owned()),
            ..Address::default()
        }),
        ..Profile::default()
    };
    let now = app.clock.now();
    let mut batch = Batch::default();
    batch.push(store::users::set_profile(
        &user.id,
        "Alice Liddell",
        &profile.into(),
        now,
    ));
    batch.push(store::users::set_pending_email(
        &user.id,
        Some("alice@example.com"),
        now,
    ));
    batch.push(store::users::set_proven_email(&user.id, "alice@example.com", now));
    app.db().write(batch).await.expect("written");
    browser
}

fn names(json: &Json) -> Vec<&str> {
    let mut names: Vec<&str> = json
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn o_15_get_and_post_tell_the_same_person() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "openid")]).await;
        let token = text(&tokens, "access_token");
        let sub = payload(&text(&tokens, "id_token"))["sub"].clone();
        for answer in [
            app.get(PATH).bearer(&token).send().await,
            app.post(PATH).bearer(&token).send().await,
            app.post(PATH).form(&[("access_token", &token)]).await,
        ] {
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.json(), json!({ "sub": sub }));
        }
    })
    .await;
}

#[tokio::test]
async fn o_16_o_17_without_a_token_or_with_a_bad_one() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let none = app.get(PATH).send().await;
        assert_eq!(none.status, 401);
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"oauthority\"");
        let tokens = rp.tokens(&app, &browser, &[]).await;
        let token = text(&tokens, "access_token");
        let challenge = "Bearer realm=\"oauthority\", error=\"invalid_token\"";
        for bad in ["junk", &token[..token.len() - 1], &text(&tokens, "id_token")] {
            let answer = app.get(PATH).bearer(bad).send().await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("www-authenticate")),
                (401, challenge)
            );
        }
        app.clock.advance(Lifetime::hours(1));
        let answer = app.get(PATH).bearer(&token).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("www-authenticate")),
            (401, challenge)
        );
    })
    .await;
}

#[tokio::test]
async fn o_18_a_token_without_openid() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let service = app.service(&["workspace:read"]).await;
        for token in [text(&tokens, "access_token"), service.token(&app).await] {
            let answer = app.get(PATH).bearer(&token).send().await;
            assert_eq!(answer.status, 403);
            let challenge = "Bearer realm=\"oauthority\", error=\"insufficient_scope\"";
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
    })
    .await;
}

#[tokio::test]
async fn o_19_o_20_one_token_and_never_in_the_query() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let token = text(&rp.tokens(&app, &browser, &[]).await, "access_token");
        let query = format!("{PATH}?access_token={token}");
        assert_eq!(app.get(&query).send().await.status, 401);
        assert_eq!(app.post(&query).send().await.status, 401);
        let form = [("access_token", token.as_str())];
        for twice in [
            app.get(&query).bearer(&token).send().await,
            app.post(PATH).bearer(&token).form(&form).await,
            app.post(&query).form(&form).await,
            app.post(PATH).form(&[form[0], form[0]]).await,
            app.get(PATH).bearer(&token).bearer(&token).send().await,
        ] {
            twice.refused(400, "invalid_request");
            let challenge = "Bearer realm=\"oauthority\", error=\"invalid_request\"";
            assert_eq!(twice.header("www-authenticate"), challenge);
        }
        // Only a form holds one.
        assert_eq!(
            app.post(PATH)
                .json(&json!({ "access_token": token }))
                .await
                .status,
            401
        );
    })
    .await;
}

#[tokio::test]
async fn o_22_each_scope_tells_its_claims_and_no_other() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, telling_alice(&app).await);
        for (scope, expected) in [
            ("openid", &["sub"][..]),
            ("openid email", &["email", "email_verified", "sub"]),
            ("openid address", &["address", "sub"]),
            ("openid phone", &["phone_number", "phone_number_verified", "sub"]),
            (
                "openid profile",
                &["given_name", "name", "preferred_username", "sub", "updated_at"],
            ),
        ] {
            let tokens = rp.tokens(&app, &browser, &[("scope", scope)]).await;
            let told = app
                .get(PATH)
                .bearer(&text(&tokens, "access_token"))
                .send()
                .await
                .json();
            assert_eq!(names(&told), expected, "{scope}");
        }
        let tokens = rp
            .tokens(&app, &browser, &[("scope", "openid email phone address")])
            .await;
        let told = app
            .get(PATH)
            .bearer(&text(&tokens, "access_token"))
            .send()
            .await
            .json();
        assert_eq!(told["email"], "alice@example.com");
        assert_eq!(told["email_verified"], true);
        assert_eq!(told["phone_number_verified"], false);
        assert_eq!(told["address"], json!({ "locality": "Oxford" }));
    })
    .await;
}

#[tokio::test]
async fn o_15_a_pairwise_client_knows_its_own_name_of_a_person() {
    on_both(async |app| {
        let people = PeopleSettings {
            subject_type: SubjectType::Pairwise,
            ..PeopleSettings::default()
        };
        let draft = Draft {
            people,
            ..web_app(&SCOPES)
        };
        let (rp, browser) = (Rp::of(&app, draft).await, alice(&app).await);
        let tokens = rp.tokens(&app, &browser, &[("scope", "openid")]).await;
        let told = app
            .get(PATH)
            .bearer(&text(&tokens, "access_token"))
            .send()
            .await
            .json();
        assert_eq!(told["sub"], payload(&text(&tokens, "id_token"))["sub"]);
        let public = Rp::web(&app)
            .await
            .tokens(&app, &browser, &[("scope", "openid")])
            .await;
        assert_ne!(told["sub"], payload(&text(&public, "id_token"))["sub"]);
    })
    .await;
}

#[tokio::test]
async fn o_03_oidcc_s5_3_2_a_client_may_have_it_signed() {
    on_both(async |app| {
        let browser = alice(&app).await;
        for alg in ResponseAlg::ALL {
            let people = PeopleSettings {
                userinfo_signed_response_alg: Some(*alg),
                id_token_signed_response_alg: Some(*alg),
                ..PeopleSettings::default()
            };
            let draft = Draft {
                people,
                ..web_app(&SCOPES)
            };
            let rp = Rp::of(&app, draft).await;
            let tokens = rp.tokens(&app, &browser, &[("scope", "openid")]).await;
            let answer = app.get(PATH).bearer(&text(&tokens, "access_token")).send().await;
            assert_eq!(answer.header("content-type"), "application/jwt");
            let jwt = answer.text();
            let id_token = text(&tokens, "id_token");
            for signed in [&jwt, &id_token] {
                let parsed = Compact::parse(signed).expect("a JWT");
                assert_eq!(parsed.header().alg.name(), alg.word());
                let keys = app.app.registry.live.keys();
                let key = keys.public(parsed.header().kid.as_deref().expect("a kid"));
                parsed.verify(key.expect("published")).expect("verified");
            }
            let told = payload(&jwt);
            assert_eq!(told["iss"], "http://localhost:8080");
            assert_eq!(told["aud"], rp.client.id);
            assert_eq!(told["sub"], payload(&id_token)["sub"]);
            // It is no ID token, and does not pass for one.
            assert_eq!(read_hint(&app.app.registry, &jwt), None);
            assert!(read_hint(&app.app.registry, &id_token).is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn o_17_a_token_ends_with_what_it_stands_on() {
    on_both(async |app| {
        let (rp, browser) = (Rp::web(&app).await, alice(&app).await);
        let token = text(
            &rp.tokens(&app, &browser, &[("scope", "openid")]).await,
            "access_token",
        );
        let other = Rp::web(&app).await;
        let of_other = text(
            &other.tokens(&app, &browser, &[("scope", "openid")]).await,
            "access_token",
        );
        clients::disable(&app.app.registry, &app.owner(), &rp.client.id, None, None)
            .await
            .expect("disabled");
        assert_eq!(app.get(PATH).bearer(&token).send().await.status, 401);
        assert_eq!(app.get(PATH).bearer(&of_other).send().await.status, 200);
        browser.submit("/logout", &[]).await;
        assert_eq!(app.get(PATH).bearer(&of_other).send().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn fx_16_a_token_for_another_api_opens_nothing_here() {
    on_both(async |app| {
        let (rp, browser) = (Rp::of(&app, asking(&SCOPES)).await, telling_alice(&app).await);
        let audience = app
            .app
            .registry
            .live
            .audiences()
            .into_iter()
            .find(|audience| audience.contains("workspace"))
            .expect("the first API");
        let all = ("scope", "openid profile workspace:read offline_access");
        let page = rp.authorize(&browser, &[all]).await;
        let allowed = say(&browser, &page, "allow", &["offline_access"]).await;
        let code = param(&allowed, "code").expect("a code");
        let tokens = rp.redeem(&app, &code, &[]).await.json();
        let refresh = text(&tokens, "refresh_token");
        let more = [("scope", "openid"), ("resource", &*audience)];
        let narrowed = rp.refresh(&app, &refresh, &more).await.json();
        for token in [text(&tokens, "access_token"), text(&narrowed, "access_token")] {
            assert_eq!(payload(&token)["aud"], *audience);
            for answer in [
                app.get(PATH).bearer(&token).send().await,
                app.post(PATH).form(&[("access_token", &token)]).await,
            ] {
                assert_eq!(answer.status, 401, "{}", answer.text());
                let challenge = "Bearer realm=\"oauthority\", error=\"invalid_token\"";
                assert_eq!(answer.header("www-authenticate"), challenge);
                assert!(!answer.text().contains("Liddell"));
            }
            // Nor does it open the other doors.
            for path in [
                "/api/v1/me",
                "/api/oauth-applications",
                "/20160918/users/me/oauth2ClientCredentials",
            ] {
                assert_eq!(app.get(path).bearer(&token).send().await.status, 401, "{path}");
            }
        }
        // What was given is enough for a token of UserInfo's own.
        let refresh = text(&narrowed, "refresh_token");
        let fresh = rp
            .refresh(&app, &refresh, &[("scope", "openid profile")])
            .await
            .json();
        let answer = app.get(PATH).bearer(&text(&fresh, "access_token")).send().await;
        assert_eq!(answer.json()["name"], "Alice Liddell", "{}", answer.text());
    })
    .await;
}

//! What a client settles about people, in the console; and the warning of grants for migrations.

use super::*;
use crate::{
    oauth::people_settings::{ResponseAlg, SubjectType},
    registry::people::{self, NewAccount},
    secret::Secret,
    store::{self, clients::Client},
    tests::{
        browser::PASSWORD,
        harness::{on_both, on_both_with},
    },
    time::Lifetime,
};

/// The browser of an operator, who belongs to no organisation.
async fn operator(app: &TestApp) -> Browser<'_> {
    let new = NewAccount {
        username: "ope".to_owned(),
        display_name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    people::create(&app.app.registry, new, true, &[])
        .await
        .expect("created");
    let browser = Browser::new(app);
    browser.sign_in("ope").await;
    browser
}

async fn only(app: &TestApp, name: &str) -> Client {
    let all = store::clients::all(app.db()).await.expect("read");
    all.into_iter().find(|client| client.name == name).expect("there")
}

async fn scope(app: &TestApp, value: &str) -> String {
    let apis = store::apis::all(app.db()).await.expect("read");
    let held = |api: &&store::apis::Api| api.scopes.iter().any(|scope| scope.value == value);
    format!("{} {value}", apis.iter().find(held).expect("there").id)
}

/// A form as it was filled in for an app.
fn filled<'a>(once: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("once", once),
        ("name", "Portal"),
        ("grant_types", "authorization_code"),
        ("redirect_uris", "https://app.example/callback"),
        ("scopes", "openid"),
        ("scopes", "email"),
        ("scopes", scope),
        ("require_consent", "yes"),
        ("optional_scopes", "email workspace:read"),
        ("home_page", "https://app.example/"),
        (
            "post_logout_redirect_uris",
            "https://app.example/bye\r\nhttps://app.example/left",
        ),
        ("backchannel_logout_uri", "https://app.example/logout"),
        ("id_token_signed_response_alg", "EdDSA"),
        ("userinfo_signed_response_alg", ""),
        ("subject_type", "pairwise"),
        ("sector_identifier", ""),
        ("default_max_age", "7200"),
        ("require_second_factor", "yes"),
    ]
}

#[tokio::test]
async fn settings_about_people_are_made_shown_and_changed() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/web");
        let page = ada.get(&path).await;
        holds(&page, "name=\"optional_scopes\"");
        let (once, scope) = (hidden(&page, "once"), scope(&app, "workspace:read").await);
        let mut fields = filled(&once, &scope);
        fields.push(("do", "summary"));
        let told = ada.submit(&path, &fields).await;
        holds(&told, "A password alone is not enough.");
        holds(&told, "more than 2 hours ago sign in again");
        fields.pop();
        expect(&ada.submit(&path, &fields).await, StatusCode::OK);
        let made = only(&app, "Portal").await;
        let people = &made.people;
        assert_eq!(made.optional_scopes.len(), 2);
        assert_eq!(people.post_logout_redirect_uris.len(), 2);
        assert_eq!(people.id_token_signed_response_alg, Some(ResponseAlg::EdDsa));
        assert_eq!(people.sector_identifier.as_deref(), Some("app.example"));
        assert_eq!(people.default_max_age, Some(Lifetime::hours(2)));

        let own = at(&app, &format!("/clients/{}", made.client_id));
        let facts = ada.get(&own).await;
        for text in ["https://app.example/bye", "Of clients of the sector", "EdDSA"] {
            holds(&facts, text);
        }
        let edit = format!("{own}/edit");
        let page = ada.get(&edit).await;
        lacks(&page, "name=\"subject_type\"");
        let (version, original) = (hidden(&page, "version"), hidden(&page, "original"));
        let mut fields = filled(&once, &scope);
        fields.retain(|(name, _)| {
            !matches!(
                *name,
                "subject_type" | "sector_identifier" | "require_second_factor" | "once"
            )
        });
        fields.extend([("version", version.as_str()), ("original", original.as_str())]);
        expect(&ada.submit(&edit, &fields).await, StatusCode::SEE_OTHER);
        let after = only(&app, "Portal").await;
        assert!(!after.people.require_second_factor);
        assert_eq!(after.people.subject_type, SubjectType::Pairwise);
        assert_eq!(after.people.sector_identifier, made.people.sector_identifier);
        assert_eq!(after.optional_scopes, made.optional_scopes);

        let like = ada
            .get(&at(&app, &format!("/clients/new/custom?like={}", made.client_id)))
            .await;
        for text in [
            "email workspace:read",
            "https://app.example/logout",
            "value=\"7200\"",
        ] {
            holds(&like, text);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_about_people_is_said_at_its_field() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/web");
        let once = hidden(&ada.get(&path).await, "once");
        let scope = scope(&app, "workspace:read").await;
        for (name, value, said) in [
            ("optional_scopes", "openid", "nobody can leave it out"),
            ("home_page", "http://app.example", "Use https."),
            (
                "backchannel_logout_uri",
                "https://10.0.0.1/",
                "name a public host",
            ),
            ("default_max_age", "soon", "which is a year"),
            (
                "post_logout_redirect_uris",
                "https://a.example/*",
                "Wildcards are not allowed",
            ),
        ] {
            let mut fields = filled(&once, &scope);
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
            let answer = ada.submit(&path, &fields).await;
            expect(&answer, StatusCode::UNPROCESSABLE_ENTITY);
            holds(&answer, said);
        }
    })
    .await;
}

#[tokio::test]
async fn two_who_save_the_same_setting_about_people_choose() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/clients/new/web");
        let once = hidden(&ada.get(&path).await, "once");
        let scope = scope(&app, "workspace:read").await;
        expect(&ada.submit(&path, &filled(&once, &scope)).await, StatusCode::OK);
        let made = only(&app, "Portal").await;
        let edit = at(&app, &format!("/clients/{}/edit", made.client_id));
        let page = ada.get(&edit).await;
        let (version, original) = (hidden(&page, "version"), hidden(&page, "original"));
        let save = async |home: &str| {
            let mut fields = filled(&once, &scope);
            fields.retain(|(name, _)| !matches!(*name, "home_page" | "subject_type" | "sector_identifier"));
            fields.extend([
                ("home_page", home),
                ("version", version.as_str()),
                ("original", original.as_str()),
            ]);
            ada.submit(&edit, &fields).await
        };
        expect(&save("https://theirs.example/").await, StatusCode::SEE_OTHER);
        let asked = save("https://mine.example/").await;
        expect(&asked, StatusCode::CONFLICT);
        holds(&asked, "name=\"keep_home_page\"");
        lacks(&asked, "keep_subject_type");
    })
    .await;
}

#[tokio::test]
async fn t11_grants_for_migrations_are_offered_with_a_warning_only_while_they_are_on() {
    let pages = [
        "",
        "/settings",
        "/clients",
        "/clients/new/custom",
        "/clients/new/web",
    ];
    on_both(async |app| {
        let ope = operator(&app).await;
        for tail in pages {
            lacks(&ope.get(&at(&app, tail)).await, "mplicit");
            lacks(&ope.get(&at(&app, tail)).await, "password grant");
        }
    })
    .await;
    let on = [
        ("legacy.password_grant", "true"),
        ("legacy.implicit_grant", "true"),
    ];
    on_both_with(&on, async |app| {
        let (ope, ada) = (operator(&app).await, admin(&app).await);
        for tail in ["", "/settings"] {
            holds(
                &ope.get(&at(&app, tail)).await,
                "The password grant is switched on in the configuration",
            );
            holds(
                &ope.get(&at(&app, tail)).await,
                "The implicit grant is switched on in the configuration",
            );
            lacks(
                &ada.get(&at(&app, tail)).await,
                "is switched on in the configuration",
            );
        }
        let form = ada.get(&at(&app, "/clients/new/custom")).await;
        holds(&form, "value=\"password\"");
        holds(&form, "are for a migration only");
        lacks(
            &ada.get(&at(&app, "/clients/new/web")).await,
            "value=\"password\"",
        );
    })
    .await;
}

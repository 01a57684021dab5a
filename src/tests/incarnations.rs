//! What is cut stays cut: what is granted again, made anew or let in again is another incarnation, and nothing that was
//! issued for the one before counts for it.

use super::{
    browser::{Browser, person},
    flows::{Rp, alice, asking, field, say, text, user, web_app},
    harness::{TestApp, TestClient, inactive, on_both},
};
use crate::{
    db::Statement,
    registry::{
        access::Permissions,
        accounts,
        apis::{self, NewApi, NewScope},
        client_input::ScopeRef,
        clients::{self, Edit},
        impact::{self, Plan},
        members,
    },
    store::{
        self,
        apis::{Api, Risk, TokenFormat},
        organizations::Organization,
        users::{Role, UserStatus},
    },
    tests::{flows::consent::asks, flows::param},
    time::Lifetime,
};

const FORMATS: [(&str, TokenFormat); 2] = [
    ("https://fx.example", TokenFormat::Jwt),
    ("https://fxo.example", TokenFormat::Opaque),
];

fn scope(value: &str, words: &str, implies: &[&str]) -> NewScope {
    NewScope {
        value: value.to_owned(),
        description: words.to_owned(),
        risk: Risk::Reads,
        implies: implies.iter().map(|value| (*value).to_owned()).collect(),
        requires_consent: true,
    }
}

fn api(audience: &str, token_format: TokenFormat) -> NewApi {
    NewApi {
        name: "Fx".to_owned(),
        audience: audience.to_owned(),
        token_format,
        lifetime: None,
        signing_algorithm: None,
        scopes: vec![
            scope("fx:read", "Read it", &[]),
            scope("fx:write", "Write it", &["fx:read"]),
        ],
    }
}

async fn create(app: &TestApp, audience: &str, format: TokenFormat) -> Api {
    apis::create(&app.app.registry, &app.owner(), api(audience, format))
        .await
        .expect("created")
}

async fn edit(app: &TestApp, id: &str, scopes: &[&str]) {
    let edit = Edit {
        scopes: Some(scopes.iter().map(|value| ScopeRef::text(*value)).collect()),
        ..Edit::default()
    };
    clients::edit(&app.app.registry, &app.owner(), id, None, edit)
        .await
        .expect("edited");
}

async fn is_active(app: &TestApp, client: &TestClient, token: &str) -> bool {
    let seen = app.introspect(client, token).await;
    if seen["active"] != true {
        assert_eq!(seen, inactive());
    }
    seen["active"] == true
}

/// A token of a client for a scope.
async fn token(app: &TestApp, client: &TestClient, scope: &str) -> String {
    client.token_for(app, &[("scope", scope)]).await
}

#[tokio::test]
async fn fx_06_a_scope_that_is_granted_again_revives_no_token() {
    for (audience, format) in FORMATS {
        on_both(async |app| {
            create(&app, audience, format).await;
            let all = ["fx:read", "fx:write", "workspace:read"];
            let client = app.service(&all).await;
            let old = token(&app, &client, "fx:write").await;
            let untouched = token(&app, &client, "workspace:read").await;
            edit(&app, &client.id, &["fx:read", "workspace:read"]).await;
            assert!(!is_active(&app, &client, &old).await);
            edit(&app, &client.id, &all).await;
            let new = token(&app, &client, "fx:write").await;
            assert!(!is_active(&app, &client, &old).await, "{format:?}");
            app.app.registry.flush_activity().await.expect("written");
            let app = app.restart().await;
            assert!(!is_active(&app, &client, &old).await, "{format:?}");
            assert!(is_active(&app, &client, &untouched).await);
            assert!(is_active(&app, &client, &new).await);
            // What is told of a cut is what it cuts: the new one alone.
            let plan = Plan::RemoveScopes(vec![ScopeRef::text("fx:write")]);
            let told = impact::of(&app.app.registry, &app.owner(), &client.id, &plan)
                .await
                .expect("counted");
            let counts = told.stops.access_tokens.iter().map(|tokens| tokens.count);
            assert_eq!(counts.sum::<i64>(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn fx_06_an_api_or_a_scope_that_is_made_anew_revives_no_token() {
    on_both(async |app| {
        let (audience, format) = FORMATS[0];
        let made = create(&app, audience, format).await;
        let client = app.service(&["fx:read", "fx:write", "workspace:read"]).await;
        let (registry, owner) = (&app.app.registry, app.owner());
        let old = token(&app, &client, "fx:write").await;
        apis::delete_scope(registry, &owner, &made.id, "fx:write", true)
            .await
            .expect("deleted");
        apis::create_scope(
            registry,
            &owner,
            &made.id,
            scope("fx:write", "Delete it", &["fx:read"]),
        )
        .await
        .expect("made anew");
        edit(&app, &client.id, &["fx:read", "fx:write", "workspace:read"]).await;
        assert!(!is_active(&app, &client, &old).await);
        let second = token(&app, &client, "fx:write").await;
        assert!(is_active(&app, &client, &second).await);
        apis::delete(registry, &owner, &made.id, None, true)
            .await
            .expect("deleted");
        create(&app, audience, format).await;
        edit(&app, &client.id, &["fx:read", "fx:write", "workspace:read"]).await;
        assert!(!is_active(&app, &client, &second).await);
        let third = token(&app, &client, "fx:write").await;
        assert!(is_active(&app, &client, &third).await);
    })
    .await;
}

#[tokio::test]
async fn fx_06_an_implication_that_is_made_again_revives_no_token() {
    on_both(async |app| {
        let (audience, format) = FORMATS[0];
        let made = create(&app, audience, format).await;
        let client = app.service(&["fx:write", "workspace:read"]).await;
        let (registry, owner) = (&app.app.registry, app.owner());
        let implied = token(&app, &client, "fx:read").await;
        let direct = token(&app, &client, "fx:write").await;
        for implies in [&[][..], &["fx:read"][..]] {
            apis::edit_scope(registry, &owner, &made.id, scope("fx:write", "Write it", implies))
                .await
                .expect("edited");
            assert!(!is_active(&app, &client, &implied).await, "{implies:?}");
            assert!(is_active(&app, &client, &direct).await, "{implies:?}");
        }
        let new = token(&app, &client, "fx:read").await;
        assert!(is_active(&app, &client, &new).await);
    })
    .await;
}

#[tokio::test]
async fn fx_06_a_refresh_token_or_code_does_not_get_back_what_was_withdrawn() {
    on_both(async |app| {
        create(&app, FORMATS[0].0, FORMATS[0].1).await;
        let all = ["workspace:read", "workspace:write"];
        let (rp, browser) = (Rp::of(&app, web_app(&all)).await, alice(&app).await);
        let both = [("scope", "workspace:read workspace:write")];
        let got = rp.tokens(&app, &browser, &both).await;
        let code = rp.code(&browser, &both).await;
        edit(&app, &rp.client.id, &all[..1]).await;
        edit(&app, &rp.client.id, &all).await;
        let again = rp.refresh(&app, &text(&got, "refresh_token"), &[]).await.json();
        assert_eq!(again["scope"], "workspace:read", "{again}");
        let refused = rp
            .refresh(
                &app,
                &text(&again, "refresh_token"),
                &[("scope", "workspace:write")],
            )
            .await;
        refused.refused(400, "invalid_scope");
        let late = rp.redeem(&app, &code, &[]).await.json();
        assert_eq!(late["scope"], "workspace:read", "{late}");
    })
    .await;
}

#[tokio::test]
async fn fx_06_openid_scopes_are_incarnations_as_well() {
    on_both(async |app| {
        let all = ["openid", "email", "workspace:read"];
        let (rp, browser) = (Rp::of(&app, web_app(&all)).await, alice(&app).await);
        let got = rp.tokens(&app, &browser, &[("scope", "openid email")]).await;
        let old = text(&got, "access_token");
        assert_eq!(app.get("/oauth2/userinfo").bearer(&old).send().await.status, 200);
        edit(&app, &rp.client.id, &["openid", "workspace:read"]).await;
        edit(&app, &rp.client.id, &all).await;
        assert_eq!(app.get("/oauth2/userinfo").bearer(&old).send().await.status, 401);
        let got = rp.tokens(&app, &browser, &[("scope", "openid email")]).await;
        let new = text(&got, "access_token");
        assert_eq!(app.get("/oauth2/userinfo").bearer(&new).send().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn fx_06_a_consent_is_for_the_incarnation_that_was_shown() {
    on_both(async |app| {
        let all = ["openid", "workspace:read", "workspace:write"];
        let (rp, browser) = (Rp::of(&app, asking(&all)).await, alice(&app).await);
        let more = [("scope", "openid workspace:read workspace:write")];
        let page = rp.authorize(&browser, &more).await;
        // Withdrawn and granted again while the page was open: it is shown once more.
        edit(&app, &rp.client.id, &all[..2]).await;
        edit(&app, &rp.client.id, &all).await;
        let page = say(&browser, &page, "allow", &[]).await;
        assert!(asks(&page), "{}", page.header("location"));
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
        assert!(param(&rp.authorize(&browser, &more).await, "code").is_some());
        edit(&app, &rp.client.id, &all[..2]).await;
        edit(&app, &rp.client.id, &all).await;
        let page = rp.authorize(&browser, &more).await;
        assert!(asks(&page), "{}", page.header("location"));
        // What was not touched is still allowed.
        let narrow = rp
            .authorize(&browser, &[("scope", "openid workspace:read")])
            .await;
        assert!(param(&narrow, "code").is_some(), "{}", narrow.text());
        assert!(!field(&page, "tx").is_empty());
    })
    .await;
}

#[tokio::test]
async fn fx_06_who_is_reactivated_is_asked_again() {
    on_both(async |app| {
        let all = ["openid", "workspace:read"];
        let (rp, browser) = (Rp::of(&app, asking(&all)).await, alice(&app).await);
        let page = rp.authorize(&browser, &[]).await;
        assert!(param(&say(&browser, &page, "allow", &[]).await, "code").is_some());
        let alice = user(&app, "alice").await;
        let mut operator = app.owner();
        operator.permissions = Permissions::operator();
        for status in [UserStatus::Inactive, UserStatus::Active] {
            accounts::set_status(&app.app.registry, &operator, &alice.id, status)
                .await
                .expect("changed");
        }
        browser.sign_in("alice").await;
        assert!(asks(&rp.authorize(&browser, &[]).await));
    })
    .await;
}

#[tokio::test]
async fn fx_06_the_audience_of_a_deleted_api_stays_with_its_organisation() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let (audience, format) = FORMATS[0];
        create(&app, audience, format).await;
        let try_it = async |org: &Organization| {
            apis::create(&app.app.registry, &app.owner_of(org), api(audience, format)).await
        };
        let told = |outcome: crate::error::Result<Api>| {
            let error = outcome.expect_err("taken");
            format!("{:?}", error.refusal().expect("a refusal"))
        };
        let taken = told(try_it(&other).await);
        let mine = apis::list(&app.app.registry, &app.owner()).await.expect("read");
        let mine = mine.iter().find(|api| api.audience == audience).expect("there");
        apis::delete(&app.app.registry, &app.owner(), &mine.id, None, true)
            .await
            .expect("deleted");
        assert_eq!(told(try_it(&other).await), taken);
        try_it(&app.org).await.expect("its own");
        assert_eq!(told(try_it(&other).await), taken);
    })
    .await;
}

// What is stored already: a token of 0.1.0 names the epoch of its client, and everything granted then has number 0.
#[tokio::test]
async fn fx_06_what_was_issued_before_the_upgrade_counts_until_it_is_taken_away() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let sql = "UPDATE client_scopes SET since = 0 WHERE client_id = $1";
        let stored = Statement::new(sql, vec![client.id.as_str().into()]);
        app.db().write(stored.into()).await.expect("written");
        let app = app.restart().await;
        let known = app.app.registry.live.client(&client.id).expect("there");
        assert_eq!((known.epoch, known.incarnation), (1, 1));
        let old = token(&app, &client, "workspace:read").await;
        edit(&app, &client.id, &["workspace:read", "workspace:write"]).await;
        assert!(is_active(&app, &client, &old).await);
        edit(&app, &client.id, &["workspace:write"]).await;
        edit(&app, &client.id, &["workspace:read", "workspace:write"]).await;
        assert!(!is_active(&app, &client, &old).await);
        // Cut off after that, and not mistaken for what comes later.
        let newer = token(&app, &client, "workspace:read").await;
        clients::disable(&app.app.registry, &app.owner(), &client.id, None, None)
            .await
            .expect("disabled");
        clients::enable(&app.app.registry, &app.owner(), &client.id, None)
            .await
            .expect("enabled");
        assert!(!is_active(&app, &client, &newer).await);
        let stored = store::clients::find(app.db(), &client.id).await.expect("read");
        let live = app.app.registry.live.client(&client.id).expect("there");
        assert_eq!(stored.expect("there").incarnation(), live.incarnation);
    })
    .await;
}

#[tokio::test]
async fn fx_06_who_comes_back_does_not_find_what_apps_of_the_instance_got_before() {
    on_both(async |app| {
        let user = person(&app, "mel", Some(Role::Member)).await;
        let browser = Browser::new(&app);
        browser.sign_in("mel").await;
        let scope = ("scope", "organizations:read offline_access");
        let tokens = Rp::command_line(&app).tokens(&app, &browser, &[scope]).await;
        let reach = async |token: &str| {
            let path = format!("/api/v1/orgs/{}", app.org.handle);
            app.get(&path).bearer(token).send().await.status
        };
        let old = text(&tokens, "access_token");
        assert_eq!(reach(&old).await, 200);
        app.clock.advance(Lifetime::minutes(1));
        members::remove(&app.app.registry, &app.owner(), &user.id)
            .await
            .expect("removed");
        assert_eq!(reach(&old).await, 404);
        app.clock.advance(Lifetime::minutes(1));
        let back = store::users::add_member(&app.org.id, &user.id, Role::Member, app.clock.now());
        app.db().write(back.into()).await.expect("joined");
        assert_eq!(reach(&old).await, 404, "what was given before is for before");
        let refresh = text(&tokens, "refresh_token");
        let renewed = Rp::command_line(&app).refresh(&app, &refresh, &[]).await.json();
        assert_eq!(reach(&text(&renewed, "access_token")).await, 404);
        // A new sign-in acts there again.
        let new = Rp::command_line(&app).tokens(&app, &browser, &[scope]).await;
        assert_eq!(reach(&text(&new, "access_token")).await, 200);
    })
    .await;
}

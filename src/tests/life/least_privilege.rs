use axum::http::StatusCode;
use serde_json::json;

use super::events;
use crate::{
    registry::{clients, least_privilege},
    store::{self, apis::TokenFormat, users::Role},
    tests::{
        browser::{Browser, person},
        harness::{TestApp, TestClient, on_both, service},
    },
    time::Lifetime,
};

const SHOP: &str = "https://shop.example";

/// A service that may read, write and erase, and only ever reads.
async fn reader(app: &TestApp) -> TestClient {
    app.api(
        &app.org,
        SHOP,
        TokenFormat::Jwt,
        &["shop:read", "shop:write", "shop:erase"],
    )
    .await;
    let client = app
        .client(&app.org, service(&["shop:read", "shop:write", "shop:erase"]))
        .await;
    use_it(app, &client).await;
    client
}

async fn use_it(app: &TestApp, client: &TestClient) {
    client.token_for(app, &[("scope", "shop:read")]).await;
}

async fn proposed(app: &TestApp, client: &TestClient) -> Vec<String> {
    let found = least_privilege::proposal(&app.app.registry, &app.owner(), &client.id).await;
    found
        .unwrap()
        .unasked
        .into_iter()
        .map(|scope| scope.value)
        .collect()
}

#[tokio::test]
async fn what_was_not_asked_for_in_90_days_is_proposed_and_not_before() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let client = reader(&app).await;
        assert!(proposed(&app, &client).await.is_empty(), "too young to tell");
        app.clock.advance(Lifetime::days(50));
        client.token_for(&app, &[("scope", "shop:erase")]).await;
        app.clock.advance(Lifetime::days(39));
        use_it(&app, &client).await;
        assert!(proposed(&app, &client).await.is_empty(), "89 days prove nothing");
        app.clock.advance(Lifetime::hours(25));
        assert_eq!(proposed(&app, &client).await, ["shop:write"]);
        app.clock.advance(Lifetime::days(51));
        assert_eq!(proposed(&app, &client).await, ["shop:write", "shop:erase"]);
    })
    .await;
}

#[tokio::test]
async fn where_an_older_version_ran_nothing_is_proposed_before_scopes_are_recorded_for_90_days() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let client = reader(&app).await;
        app.clock.advance(Lifetime::days(91));
        use_it(&app, &client).await;
        // What that version knew: that the client was used, and no scope.
        let since = app.clock.now().before(Lifetime::days(2)).to_string();
        let begun = store::instance::set(store::instance::USAGE_SINCE, &since);
        app.db().write(begun.into()).await.unwrap();
        assert!(proposed(&app, &client).await.is_empty());
        app.clock.advance(Lifetime::days(89));
        use_it(&app, &client).await;
        assert_eq!(proposed(&app, &client).await, ["shop:write", "shop:erase"]);
    })
    .await;
}

#[tokio::test]
async fn who_names_no_scope_asks_for_all_of_them() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let client = reader(&app).await;
        app.clock.advance(Lifetime::days(89));
        client.token_for(&app, &[]).await;
        app.clock.advance(Lifetime::days(2));
        assert!(proposed(&app, &client).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_scope_is_needed_if_one_that_comes_with_it_is_asked_for() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let client = app.service(&["workspace:write"]).await;
        app.clock.advance(Lifetime::days(80));
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        app.clock.advance(Lifetime::days(15));
        assert!(
            proposed(&app, &client).await.is_empty(),
            "without it there is no reading"
        );
    })
    .await;
}

#[tokio::test]
async fn a_client_that_nobody_uses_or_whose_scopes_are_settled_is_left_alone() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let unused = app.service(&["workspace:write"]).await;
        app.clock.advance(Lifetime::days(120));
        assert!(
            proposed(&app, &unused).await.is_empty(),
            "it is unused: another matter"
        );
        let system = TestClient {
            id: "oa_sync_client".to_owned(),
            secret: String::new(),
        };
        assert!(proposed(&app, &system).await.is_empty());
        let refused = least_privilege::trim(&app.app.registry, &app.owner(), &system.id, None, None).await;
        assert_eq!(refused.unwrap_err().refusal().unwrap().reason, "client.system");
    })
    .await;
}

#[tokio::test]
async fn one_click_takes_them_away_at_once_and_one_gives_them_back() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let registry = &app.app.registry;
        let client = reader(&app).await;
        app.clock.advance(Lifetime::days(91));
        person(&app, "ada", Some(Role::Admin)).await;
        let ada = Browser::new(&app);
        ada.sign_in("ada").await;
        let held = client.token_for(&app, &[]).await;
        // That token asked for everything, just now. Nothing is proposed any more.
        assert!(proposed(&app, &client).await.is_empty());
        app.clock.advance(Lifetime::days(91));
        use_it(&app, &client).await;
        ada.sign_in("ada").await;
        let path = format!("/orgs/{}/clients/{}/access", app.org.handle, client.id);
        let page = ada.get(&path).await.text();
        assert!(page.contains("2 scopes were not asked for in 90 days"), "{page}");
        let answer = ada.submit(&path, &[("do", "trim")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        app.token(&client, &[("scope", "shop:write")])
            .await
            .refused(400, "invalid_scope");
        use_it(&app, &client).await;
        assert_eq!(app.introspect(&client, &held).await, json!({ "active": false }));
        let trimmed = events(&app, "client.scopes_trimmed").await;
        assert_eq!(trimmed.len(), 1);
        assert_eq!(
            trimmed[0].details["after"]["scopes"],
            json!([{ "audience": SHOP, "value": "shop:read" }])
        );
        assert!(ada.get(&path).await.text().contains("Give them back"));
        app.clock.advance(Lifetime::days(29));
        ada.sign_in("ada").await;
        ada.submit(&path, &[("do", "restore")]).await;
        client
            .token_for(&app, &[("scope", "shop:write shop:erase")])
            .await;
        assert_eq!(events(&app, "client.scopes_restored").await.len(), 1);
        let again = least_privilege::restore(registry, &app.owner(), &client.id, None).await;
        assert_eq!(again.unwrap_err().refusal().unwrap().reason, "scopes.none_taken");
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_can_be_given_back_for_30_days_and_only_what_is_proposed_is_taken() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let registry = &app.app.registry;
        let client = reader(&app).await;
        app.clock.advance(Lifetime::days(89));
        use_it(&app, &client).await;
        app.clock.advance(Lifetime::days(2));
        let owner = app.owner();
        let only = [(SHOP.to_owned(), "shop:read".to_owned())];
        let refused = least_privilege::trim(registry, &owner, &client.id, None, Some(&only)).await;
        assert_eq!(
            refused.unwrap_err().refusal().unwrap().fields[0].pointer,
            "/scopes/0"
        );
        let only = [(SHOP.to_owned(), "shop:erase".to_owned())];
        let trimmed = least_privilege::trim(registry, &owner, &client.id, None, Some(&only))
            .await
            .unwrap();
        assert_eq!(trimmed.scopes.len(), 2);
        let stale = least_privilege::trim(registry, &owner, &client.id, Some(1), None).await;
        assert_eq!(stale.unwrap_err().refusal().unwrap().code.status(), 412);
        app.clock.advance(Lifetime::days(31));
        let late = least_privilege::restore(registry, &app.owner(), &client.id, None).await;
        assert_eq!(late.unwrap_err().refusal().unwrap().reason, "scopes.none_taken");
    })
    .await;
}

#[tokio::test]
async fn the_list_finds_whoever_holds_what_he_does_not_ask_for() {
    on_both(async |mut app| {
        app.org.settings.secret_lifetime_days = 700;
        let idle = reader(&app).await;
        let busy = app.client(&app.org, service(&["shop:read"])).await;
        let broad = app.service(&["workspace:write"]).await;
        app.clock.advance(Lifetime::days(89));
        for client in [&idle, &busy] {
            use_it(&app, client).await;
        }
        broad.token_for(&app, &[("scope", "workspace:read")]).await;
        app.clock.advance(Lifetime::days(2));
        app.app.registry.flush_activity().await.unwrap();
        let filter = store::clients::Filter {
            unasked_since: Some(app.clock.now().before(Lifetime::days(90))),
            ..store::clients::Filter::default()
        };
        let page = store::clients::Page {
            sort: store::clients::SortKey::Name,
            descending: false,
            from: store::clients::From::Offset(0),
            limit: 10,
        };
        let orgs = [app.org.id.clone()];
        let found = store::clients::list(app.db(), &orgs, &filter, &page)
            .await
            .unwrap()
            .unwrap();
        let ids: Vec<_> = found.clients.into_iter().map(|client| client.client_id).collect();
        assert_eq!(ids, std::slice::from_ref(&idle.id));
        person(&app, "ada", Some(Role::Admin)).await;
        let ada = Browser::new(&app);
        ada.sign_in("ada").await;
        let page = ada.get(&format!("/orgs/{}", app.org.handle)).await.text();
        assert!(
            page.contains("1 client with scopes that nobody asks for"),
            "{page}"
        );
        clients::disable(&app.app.registry, &app.owner(), &idle.id, None, None)
            .await
            .unwrap();
        let page = ada.get(&format!("/orgs/{}", app.org.handle)).await.text();
        assert!(!page.contains("that nobody asks for"));
    })
    .await;
}

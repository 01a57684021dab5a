//! Evidence: which scopes were asked for, where answers went, what was refused.

use super::*;
use crate::{
    registry::{
        client_input::ScopeRef,
        clients::{self, Edit},
    },
    store::usage::{AskedScope, Endpoint},
    tests::{
        browser::Browser,
        flows::{CALLBACK, Rp, alice, asking, follow, param, say, web_app},
    },
    time::Lifetime,
};

async fn asked(app: &TestApp, client: &str) -> Vec<AskedScope> {
    flush(app).await;
    usage::scopes_asked(app.db(), client).await.expect("read")
}

fn times(asked: &[AskedScope], value: &str) -> Option<i64> {
    let found = asked.iter().find(|scope| scope.value == value);
    found.expect(value).on.map(|on| on.times)
}

#[tokio::test]
async fn a_scope_is_known_to_be_asked_for_or_not() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        let granted_at = app.clock.now();
        let before = asked(&app, &client.id).await;
        assert_eq!(before.len(), 2);
        assert!(before.iter().all(|scope| scope.on.is_none()));
        assert!(before.iter().all(|scope| scope.granted_at == Some(granted_at)));
        app.clock.advance(Lifetime::days(1));
        let first = app.clock.now();
        client.token_for(&app, &[("scope", "workspace:read")]).await;
        app.clock.advance(Lifetime::days(1));
        client
            .token_for(&app, &[("scope", "workspace:read workspace:read")])
            .await;
        let after = asked(&app, &client.id).await;
        assert_eq!(times(&after, "workspace:write"), None);
        let on = after[0].on.expect("asked for");
        assert_eq!((on.times, on.first_at, on.last_at), (2, first, app.clock.now()));
        // Whoever does not say what he wants asks for all he gets.
        client.token(&app).await;
        let after = asked(&app, &client.id).await;
        assert_eq!(
            (times(&after, "workspace:read"), times(&after, "workspace:write")),
            (Some(3), Some(1))
        );
        // What is refused was not granted, and so cannot be taken away for want of use.
        app.token(&client, &[("scope", "scim:read")]).await;
        assert_eq!(asked(&app, &client.id).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_scope_that_is_granted_again_begins_anew() {
    on_both(async |app| {
        let client = app.service(&["workspace:read", "workspace:write"]).await;
        client.token(&app).await;
        asked(&app, &client.id).await;
        app.clock.advance(Lifetime::days(3));
        let set = async |scopes: &[&str]| {
            let scopes = scopes.iter().map(|scope| ScopeRef::text(*scope)).collect();
            let edit = Edit {
                scopes: Some(scopes),
                ..Edit::default()
            };
            clients::edit(&app.app.registry, &app.owner(), &client.id, None, edit)
                .await
                .expect("saved");
        };
        set(&["workspace:read"]).await;
        assert_eq!(asked(&app, &client.id).await.len(), 1);
        set(&["workspace:read", "workspace:write"]).await;
        let now = asked(&app, &client.id).await;
        assert_eq!(times(&now, "workspace:read"), Some(1));
        assert_eq!(times(&now, "workspace:write"), None);
        assert_eq!(now[1].granted_at, Some(app.clock.now()));
        assert!(now[0].granted_at < now[1].granted_at);
    })
    .await;
}

#[tokio::test]
async fn what_people_were_asked_counts_given_or_not() {
    on_both(async |app| {
        let mut draft = asking(&["openid", "email", "workspace:read"]);
        draft.optional_scopes = Some(vec![ScopeRef::text("email")]);
        let rp = Rp::of(&app, draft).await;
        let browser = alice(&app).await;
        let page = follow(&browser, &rp.url(&[("scope", "openid email workspace:read")])).await;
        let answer = say(&browser, &page, "allow", &[]).await;
        let code = param(&answer, "code").expect("a code");
        assert_eq!(rp.redeem(&app, &code, &[]).await.status, 200);
        let asked = asked(&app, &rp.client.id).await;
        for value in ["openid", "email", "workspace:read"] {
            assert_eq!(times(&asked, value), Some(1), "{value}");
        }
        assert_eq!(asked.iter().filter(|scope| scope.api_id.is_empty()).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_answer_counts_for_the_redirect_uri_it_went_to() {
    on_both(async |app| {
        let mut draft = web_app(&["openid", "workspace:read"]);
        draft.redirect_uris.push("https://app.example/other".to_owned());
        let rp = Rp::of(&app, draft).await;
        let browser = alice(&app).await;
        for _ in 0..2 {
            rp.code(&browser, &[]).await;
        }
        // Refused: nothing went anywhere that proves a use.
        rp.authorize(&browser, &[("scope", "scim:read")]).await;
        flush(&app).await;
        let used = usage::redirects_used(app.db(), &rp.client.id)
            .await
            .expect("read");
        assert_eq!(used.len(), 1);
        assert_eq!((used[0].0.as_str(), used[0].1.times), (CALLBACK, 2));
        assert_eq!(used[0].1.last_at, app.clock.now());
    })
    .await;
}

#[tokio::test]
async fn refusals_are_counted_by_place_and_error() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        app.token(&client, &[("scope", "nonsense")]).await;
        app.token(&client, &[("scope", "nonsense")]).await;
        app.token(&client.with_secret("wrong"), &[]).await;
        let form = [
            ("client_id", client.id.as_str()),
            ("client_secret", "wrong"),
            ("token", "x"),
        ];
        app.post("/oauth2/introspect")
            .form(&form)
            .await
            .refused(401, "invalid_client");
        let path = format!(
            "/oauth2/authorize?client_id={}&redirect_uri=https%3A%2F%2Fevil.example",
            client.id
        );
        app.get(&path).send().await;
        flush(&app).await;
        let all = usage::failures_of(app.db(), &client.id, Timestamp::from_millis(0));
        let all: Vec<_> = all
            .await
            .expect("read")
            .into_iter()
            .map(|f| (f.place, f.error, f.times))
            .collect();
        let one = |place: Endpoint, error: &str, times| (place.word().to_owned(), error.to_owned(), times);
        assert_eq!(
            all,
            [
                one(Endpoint::Token, "invalid_scope", 2),
                one(Endpoint::Authorize, "invalid_request", 1),
                one(Endpoint::Introspect, "invalid_client", 1),
                one(Endpoint::Token, "invalid_client", 1),
            ]
        );
        assert_eq!(numbers(&app, &client.id, Span::Hour).await, [(0, 3)]);
    })
    .await;
}

#[tokio::test]
async fn whoever_still_uses_a_disabled_client_is_counted() {
    on_both(async |app| {
        let (registry, owner) = (&app.app.registry, app.owner());
        let client = app.service(&["workspace:read"]).await;
        client.token(&app).await;
        let disable = async || {
            clients::disable(registry, &owner, &client.id, None, None)
                .await
                .expect("disabled")
        };
        let attempts = async || {
            flush(&app).await;
            usage::attempts_on(app.db(), &client.id).await.expect("read")
        };
        disable().await;
        assert_eq!(attempts().await, None);
        // Only whoever has the secret of it says anything about who still needs it.
        app.token(&client.with_secret("wrong"), &[])
            .await
            .refused(401, "invalid_client");
        assert_eq!(attempts().await, None);
        for host in ["192.0.2.1", "192.0.2.2"] {
            app.clock.advance(Lifetime::seconds(1));
            let call = app.post("/oauth2/token").basic(&client).from(host);
            let form = [("grant_type", "client_credentials")];
            call.form(&form).await.refused(401, "invalid_client");
        }
        let found = attempts().await.expect("tried");
        assert_eq!((found.on.times, found.last_ip.as_str()), (2, "192.0.2.2"));
        assert_eq!(found.on.last_at, app.clock.now());
        // The last use stays what it was.
        assert_eq!(secret_use(&app, &client).await.last_day, 1);
        clients::enable(registry, &owner, &client.id, None)
            .await
            .expect("back");
        disable().await;
        assert_eq!(attempts().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_person_who_comes_to_a_disabled_app_counts_as_an_attempt() {
    on_both(async |app| {
        let rp = Rp::web(&app).await;
        clients::disable(&app.app.registry, &app.owner(), &rp.client.id, None, None)
            .await
            .expect("disabled");
        let browser: Browser<'_> = alice(&app).await;
        assert_eq!(browser.get(&rp.url(&[])).await.status, 400);
        flush(&app).await;
        let found = usage::attempts_on(app.db(), &rp.client.id).await.expect("read");
        assert_eq!(found.expect("tried").on.times, 1);
    })
    .await;
}

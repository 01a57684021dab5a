//! APIs and scopes.

use super::*;
use crate::{
    store::{self, apis::TokenFormat},
    tests::harness::{inactive, on_both},
};

#[tokio::test]
async fn an_api_and_its_scopes_are_made_and_changed() {
    on_both(async |app| {
        let ada = admin(&app).await;
        let path = at(&app, "/apis/new");
        ada.get(&path).await;
        let wrong = ada
            .submit(
                &path,
                &[("name", "Billing"), ("audience", "billing"), ("lifetime", "5")],
            )
            .await;
        expect(&wrong, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&wrong, "absolute URI");
        holds(&wrong, "between 60 and 86,400");
        let fields = [
            ("name", "Billing"),
            ("audience", "https://billing.example"),
            ("token_format", "opaque"),
            ("lifetime", "600"),
        ];
        let made = ada.submit(&path, &fields).await;
        expect(&made, StatusCode::SEE_OTHER);
        let api = made.header("location").to_owned();
        let page = ada.get(&api).await;
        holds(&page, "No scopes yet");
        holds(&page, "10 minutes");
        let new = format!("{api}/scopes/new");
        let wrong = ada
            .submit(
                &new,
                &[("value", "Bills"), ("description", ""), ("risk", "reads")],
            )
            .await;
        expect(&wrong, StatusCode::UNPROCESSABLE_ENTITY);
        holds(&wrong, "resource:action");
        let read = [
            ("value", "bills:read"),
            ("description", "Read bills"),
            ("risk", "reads"),
        ];
        expect(&ada.submit(&new, &read).await, StatusCode::SEE_OTHER);
        let write = [
            ("value", "bills:write"),
            ("description", "Change bills"),
            ("risk", "changes"),
            ("implies", "bills:read"),
        ];
        expect(&ada.submit(&new, &write).await, StatusCode::SEE_OTHER);
        let edit = format!("{api}/scopes/bills:write/edit");
        holds(&ada.get(&edit).await, "Change bills");
        let changed = [
            ("value", "bills:other"),
            ("description", "Pay bills"),
            ("risk", "destructive"),
        ];
        expect(&ada.submit(&edit, &changed).await, StatusCode::SEE_OTHER);
        let page = ada.get(&api).await;
        holds(&page, "Pay bills");
        lacks(&page, "bills:other");
        holds(&ada.get(&at(&app, "/apis")).await, "https://billing.example");
    })
    .await;
}

#[tokio::test]
async fn an_api_keeps_its_audience_and_a_stale_edit_changes_nothing() {
    on_both(async |app| {
        let api = app
            .api(
                &app.org,
                "https://bills.example",
                TokenFormat::Jwt,
                &["bills:read"],
            )
            .await;
        let ada = admin(&app).await;
        let path = at(&app, &format!("/apis/{}/edit", api.id));
        let version = hidden(&ada.get(&path).await, "version");
        let fields = [
            ("version", version.as_str()),
            ("name", "Bills"),
            ("audience", "https://other.example"),
            ("token_format", "jwt"),
            ("signing_algorithm", "RS256"),
        ];
        expect(&ada.submit(&path, &fields).await, StatusCode::SEE_OTHER);
        let now = store::apis::find(app.db(), &api.id)
            .await
            .expect("read")
            .expect("there");
        assert_eq!(
            (now.name.as_str(), now.audience.as_str()),
            ("Bills", "https://bills.example")
        );
        let stale = ada
            .submit(&path, &[("version", version.as_str()), ("name", "Old")])
            .await;
        expect(&stale, StatusCode::PRECONDITION_FAILED);
    })
    .await;
}

#[tokio::test]
async fn who_loses_a_scope_is_named_before_it_goes() {
    on_both(async |app| {
        let api = app
            .api(
                &app.org,
                "https://bills.example",
                TokenFormat::Opaque,
                &["bills:read", "bills:pay"],
            )
            .await;
        let holder = app.service(&["bills:read", "bills:pay"]).await;
        let token = holder.token(&app).await;
        let ada = admin(&app).await;
        let path = at(&app, &format!("/apis/{}/scopes/bills:pay/delete", api.id));
        let page = ada.get(&path).await;
        holds(&page, "client loses it at once");
        holds(&page, "Nightly export");
        let wrong = ada.submit(&path, &[("confirm", "bills")]).await;
        expect(&wrong, StatusCode::UNPROCESSABLE_ENTITY);
        let done = ada.submit(&path, &[("confirm", "bills:pay")]).await;
        expect(&done, StatusCode::SEE_OTHER);
        assert_eq!(app.introspect(&holder, &token).await, inactive());
        let path = at(&app, &format!("/apis/{}/delete", api.id));
        holds(&ada.get(&path).await, "scope goes with it");
        let gone = ada.submit(&path, &[("confirm", "https://bills.example")]).await;
        expect(&gone, StatusCode::SEE_OTHER);
        expect(
            &ada.get(&at(&app, &format!("/apis/{}", api.id))).await,
            StatusCode::NOT_FOUND,
        );
    })
    .await;
}

#[tokio::test]
async fn the_built_in_api_is_read_only() {
    on_both(async |app| {
        let apis = store::apis::of_organization(app.db(), &app.org.id)
            .await
            .expect("read");
        let built_in = apis.iter().find(|api| api.org_id.is_none()).expect("provisioned");
        let ada = admin(&app).await;
        let path = at(&app, &format!("/apis/{}", built_in.id));
        let page = ada.get(&path).await;
        holds(&page, "cannot be changed");
        lacks(&page, "/edit\"");
        for tail in [
            "/edit",
            "/delete",
            "/scopes/new",
            "/scopes/clients:read/edit",
            "/scopes/clients:read/delete",
        ] {
            let answer = ada.get(&format!("{path}{tail}")).await;
            expect(&answer, StatusCode::CONFLICT);
            holds(&answer, "built in");
            let fields = [
                ("name", "Mine"),
                ("confirm", "clients:read"),
                ("value", "a:b"),
                ("description", "x"),
            ];
            let answer = ada.submit(&format!("{path}{tail}"), &fields).await;
            assert!(!answer.status.is_redirection(), "{tail}");
        }
    })
    .await;
}

#[tokio::test]
async fn auditors_look_and_strangers_find_nothing() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let foreign = app
            .api(&other, "https://foreign.example", TokenFormat::Jwt, &["a:b"])
            .await;
        let own = app
            .api(&app.org, "https://own.example", TokenFormat::Jwt, &["a:b"])
            .await;
        let aud = Browser::of(&app, "aud", Role::Auditor).await;
        let page = aud.get(&at(&app, &format!("/apis/{}", own.id))).await;
        expect(&page, StatusCode::OK);
        lacks(&page, "Add scope");
        for tail in ["", "/edit", "/delete", "/scopes/new"] {
            let answer = aud.get(&at(&app, &format!("/apis/{}{tail}", foreign.id))).await;
            let wanted = if tail.is_empty() {
                StatusCode::NOT_FOUND
            } else {
                StatusCode::FORBIDDEN
            };
            expect(&answer, wanted);
        }
        let answer = aud
            .submit(
                &at(&app, "/apis/new"),
                &[("name", "x"), ("audience", "https://x.example")],
            )
            .await;
        expect(&answer, StatusCode::FORBIDDEN);
    })
    .await;
}

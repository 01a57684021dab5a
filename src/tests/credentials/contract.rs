//! `/20160918/users/{user}/oauth2ClientCredentials`.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::*;
use crate::{store, tests::harness::on_both, time::Lifetime};

fn keys(value: &Json) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

/// Every key that the contract has, but the one that is told once.
const KEYS: [&str; 8] = [
    "description",
    "expiresOn",
    "id",
    "lifecycleState",
    "name",
    "scopes",
    "timeCreated",
    "userId",
];

struct Ben {
    at: String,
    token: String,
    id: String,
}

async fn ben(app: &TestApp) -> Ben {
    invoices(app).await;
    let browser = Browser::of(app, "ben", Role::Member).await;
    let user = store::users::find_by_username(app.db(), "ben")
        .await
        .unwrap()
        .unwrap();
    Ben {
        at: format!("/20160918/users/{}/oauth2ClientCredentials", user.id),
        token: token(app, &browser, "account:write").await,
        id: user.id,
    }
}

fn asked() -> Json {
    json!({
        "name": "Nightly report", "description": "Reads invoices",
        "scopes": [{ "audience": AUDIENCE, "scope": "invoices:read" }],
    })
}

#[tokio::test]
async fn every_documented_key_and_no_more_and_the_password_only_where_it_was_made() {
    on_both(async |app| {
        let ben = ben(&app).await;
        let made = app.post(&ben.at).bearer(&ben.token).json(&asked()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        let document = made.json();
        let mut with: Vec<&str> = KEYS.to_vec();
        with.push("password");
        with.sort_unstable();
        assert_eq!(keys(&document), with);
        assert_eq!(document["userId"], ben.id.as_str());
        assert_eq!(document["lifecycleState"], "ACTIVE");
        assert_eq!(
            document["scopes"],
            json!([{ "audience": AUDIENCE, "scope": "invoices:read" }])
        );
        assert_eq!(document["timeCreated"], "2026-11-22T10:00:00.000Z");
        assert_eq!(document["expiresOn"], "2027-02-20T10:00:00.000Z");
        let client = TestClient {
            id: text(&document, "id"),
            secret: text(&document, "password"),
        };
        assert_eq!(
            app.token(&client, &[("scope", READ)]).await.status,
            StatusCode::OK
        );
        let one = format!("{}/{}", ben.at, client.id);
        assert!(
            made.header("location").ends_with(&one),
            "{}",
            made.header("location")
        );

        let listed = app.get(&ben.at).bearer(&ben.token).send().await.json();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!(keys(&listed[0]), KEYS);
        let changed = app.call(Method::PUT, &one).bearer(&ben.token);
        let changed = changed.json(&json!({ "name": "Weekly" })).await;
        assert_eq!(
            (changed.status, keys(&changed.json())),
            (StatusCode::OK, KEYS.to_vec())
        );
        assert_eq!(changed.json()["description"], "Reads invoices");
        let reset = app.call(Method::PUT, &one).bearer(&ben.token);
        let reset = reset.json(&json!({ "isResetPassword": true })).await;
        assert_eq!(keys(&reset.json()), with);
        app.token(&client, &[]).await.refused(401, "invalid_client");
        let fresh = client.with_secret(&text(&reset.json(), "password"));
        assert_eq!(app.token(&fresh, &[]).await.status, StatusCode::OK);

        let unknown = json!({ "name": "x", "scopes": [], "secret": "y" });
        let refused = app.post(&ben.at).bearer(&ben.token).json(&unknown).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(
            refused
                .header("content-type")
                .starts_with("application/problem+json")
        );
        let nowhere = app.get("/20160918/nothing").send().await;
        assert!(
            nowhere
                .header("content-type")
                .starts_with("application/problem+json"),
            "{}",
            nowhere.text()
        );
        let method = app.call(Method::PATCH, &ben.at).bearer(&ben.token).send().await;
        assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(app.get(&ben.at).send().await.status, StatusCode::UNAUTHORIZED);
        app.clock.advance(Lifetime::days(91));
        let again = Browser::new(&app);
        again.sign_in("ben").await;
        let token = token(&app, &again, "account:read").await;
        let expired = app.get(&ben.at).bearer(&token).send().await.json();
        assert_eq!(expired[0]["lifecycleState"], "INACTIVE", "{expired}");
    })
    .await;
}

#[tokio::test]
async fn a_retry_token_makes_it_once_in_a_day() {
    on_both(async |app| {
        let ben = ben(&app).await;
        let ask = async |token: &str, retry: &str, body: &Json| {
            let call = app.post(&ben.at).bearer(token).header("opc-retry-token", retry);
            call.json(body).await
        };
        let first = ask(&ben.token, "r1", &asked()).await.json();
        let second = ask(&ben.token, "r1", &asked()).await;
        assert_eq!(second.json(), first, "with the password, within ten minutes");
        let mut other = asked();
        other["name"] = json!("Other");
        let reused = ask(&ben.token, "r1", &other).await;
        assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let bad = ask(&ben.token, "a b", &asked()).await;
        assert!(bad.text().contains("opc-retry-token"), "{}", bad.text());
        app.clock.advance(Lifetime::minutes(11));
        let late = ask(&ben.token, "r1", &asked()).await.json();
        assert_eq!(
            (late["id"].clone(), keys(&late)),
            (first["id"].clone(), KEYS.to_vec())
        );
        app.clock.advance(Lifetime::hours(24));
        app.sweep().await;
        let browser = Browser::new(&app);
        browser.sign_in("ben").await;
        let fresh = token(&app, &browser, "account:write").await;
        let new = ask(&fresh, "r1", &asked()).await;
        assert_eq!(new.status, StatusCode::CREATED, "{}", new.text());
        assert_ne!(new.json()["id"], first["id"]);
    })
    .await;
}

#[tokio::test]
async fn if_match_guards_change_and_end_and_may_be_left_out() {
    on_both(async |app| {
        let ben = ben(&app).await;
        let made = app.post(&ben.at).bearer(&ben.token).json(&asked()).await;
        let (etag, one) = (
            made.header("etag").to_owned(),
            format!("{}/{}", ben.at, text(&made.json(), "id")),
        );
        let put = async |etag: &str, name: &str| {
            let call = app
                .call(Method::PUT, &one)
                .bearer(&ben.token)
                .header("if-match", etag);
            call.json(&json!({ "name": name })).await
        };
        let changed = put(&etag, "Two").await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
        assert_ne!(changed.header("etag"), etag);
        assert_eq!(put(&etag, "Three").await.status, StatusCode::PRECONDITION_FAILED);
        let stale = app
            .call(Method::DELETE, &one)
            .bearer(&ben.token)
            .header("if-match", &etag);
        assert_eq!(stale.send().await.status, StatusCode::PRECONDITION_FAILED);
        let gone = app.call(Method::DELETE, &one).bearer(&ben.token).send().await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
        let again = app.call(Method::DELETE, &one).bearer(&ben.token).send().await;
        assert_eq!(again.status, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn whoever_manages_members_makes_and_deletes_them_too() {
    on_both(async |app| {
        let ben = ben(&app).await;
        let scopes = ["members:write", "clients:write", "clients:delete"];
        let token = app.service(&scopes).await.token(&app).await;
        let made = app.post(&ben.at).bearer(&token).json(&asked()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        assert_eq!(made.json()["userId"], ben.id.as_str());
        let one = format!("{}/{}", ben.at, text(&made.json(), "id"));
        let gone = app.call(Method::DELETE, &one).bearer(&token).send().await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
        let weak = app.service(&["members:read"]).await.token(&app).await;
        let refused = app.post(&ben.at).bearer(&weak).json(&asked()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let none = app.service(&["audit:read"]).await.token(&app).await;
        assert_eq!(
            app.get(&ben.at).bearer(&none).send().await.status,
            StatusCode::FORBIDDEN
        );
    })
    .await;
}

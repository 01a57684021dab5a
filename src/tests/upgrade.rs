//! A database that 0.1.0 wrote, and what this version makes of it: what is stored already keeps its meaning.
//!
//! `upgrade/0.1.0.json` is every row of an installation that 0.1.0 made in process, on the seeded clock and chance of
//! the harness, with an https issuer. Its `facts` are what the people and clients of it hold: secrets, tokens, a code.

mod findings; // what 0.1.0 took and this version would not take

use serde_json::Value as Json;

use super::{
    browser::Browser,
    databases::empty_databases,
    flows::Rp,
    harness::{TestApp, TestClient, inactive},
};
use crate::{
    db::{Batch, Db, Statement, Value, migrate::MIGRATIONS},
    registry::audit::{seal, verify},
    time::Lifetime,
};

/// How many migrations 0.1.0 had.
const OLD: usize = 9;

/// An application that was 0.1.0 until now.
pub struct Upgraded {
    pub app: TestApp,
    facts: Json,
}

impl Upgraded {
    /// A text that 0.1.0 gave somebody; the path is a JSON pointer below `facts`.
    #[track_caller]
    pub fn fact(&self, pointer: &str) -> String {
        let found = self.facts.pointer(pointer).and_then(Json::as_str);
        found.unwrap_or_else(|| panic!("no {pointer}")).to_owned()
    }

    /// A client with its secret.
    #[track_caller]
    pub fn client(&self, name: &str) -> TestClient {
        TestClient {
            id: self.fact(&format!("/{name}/0")),
            secret: self.fact(&format!("/{name}/1")),
        }
    }
}

/// Lets this version start on what 0.1.0 left, on SQLite, then on PostgreSQL. `more` is done to the database before, as
/// 0.1.0 could have done it.
pub async fn from_0_1_0(more: &[&'static str], test: impl AsyncFn(Upgraded)) {
    let document: Json = serde_json::from_str(include_str!("upgrade/0.1.0.json")).expect("a document");
    for database in empty_databases().await {
        let old = Db::open_with(&database.settings, &MIGRATIONS[..OLD])
            .await
            .expect(database.name);
        old.write(rows(&document)).await.expect(database.name);
        for sql in more {
            old.write(Statement::new(*sql, vec![]).into()).await.expect(sql);
        }
        drop(old);
        let flags = [("issuer", "https://id.example"), ("behind_proxy", "true")];
        let app = TestApp::start(&database, &flags).await;
        app.clock.advance(Lifetime::seconds(2));
        let facts = document["facts"].clone();
        test(Upgraded { app, facts }).await;
    }
}

/// The rows of the document, in place of those that the first migration makes.
fn rows(document: &Json) -> Batch {
    let mut batch = Batch::from(Statement::new("DELETE FROM counters", vec![]));
    for table in document["tables"].as_array().expect("tables") {
        let columns = table["columns"].as_array().expect("columns");
        let text = |value: &Json| value.as_str().expect("a text").to_owned();
        let names: Vec<String> = columns.iter().map(|column| text(&column[0])).collect();
        let numbers: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
        let (names, numbers) = (names.join(", "), numbers.join(", "));
        let sql = format!(
            "INSERT INTO {} ({names}) VALUES ({numbers})",
            text(&table["table"])
        );
        for row in table["rows"].as_array().expect("rows") {
            let cells = row.as_array().expect("cells").iter().zip(columns);
            let params = cells.map(|(cell, column)| value(cell, &text(&column[1])));
            batch.push(Statement::new(sql.clone(), params.collect()));
        }
    }
    batch
}

fn value(cell: &Json, kind: &str) -> Value {
    match cell {
        Json::String(hex) if kind == "BYTEA" => {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
            Value::Bytes((0..hex.len()).step_by(2).map(byte).collect())
        }
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => Value::Int(number.as_i64().expect("an integer")),
        Json::Bool(value) => Value::Bool(*value),
        _ => Value::Null,
    }
}

/// The app where Alice allowed something.
fn billing(old: &Upgraded) -> Rp {
    Rp {
        client: old.client("billing"),
        redirect_uri: "https://app.example/callback".to_owned(),
    }
}

#[tokio::test]
async fn what_was_active_stays_active_and_what_was_cut_stays_cut() {
    from_0_1_0(&[], async |old| {
        let app = &old.app;
        for (owner, token) in [
            ("jwt", "/jwt_token"),
            ("opaque", "/opaque_token"),
            ("personal", "/personal_token"),
            ("billing", "/billing_tokens/access_token"),
            ("loopback", "/loopback_tokens/access_token"),
        ] {
            let told = app.introspect(&old.client(owner), &old.fact(token)).await;
            assert_eq!(told["active"], true, "{owner}: {told}");
        }
        let told = app
            .introspect(&old.client("jwt"), &old.fact("/revoked_token"))
            .await;
        assert_eq!(told, inactive());
    })
    .await;
}

#[tokio::test]
async fn secrets_codes_and_refresh_tokens_go_on() {
    from_0_1_0(&[], async |old| {
        let (app, rp) = (&old.app, billing(&old));
        for client in ["jwt", "opaque", "personal"] {
            old.client(client).token(app).await;
        }
        let redeemed = rp.redeem(app, &old.fact("/open_code"), &[]).await;
        assert_eq!(redeemed.status, 200, "{}", redeemed.text());
        let refreshed = rp
            .refresh(app, &old.fact("/billing_tokens/refresh_token"), &[])
            .await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    })
    .await;
}

#[tokio::test]
async fn what_alice_allowed_is_not_asked_again() {
    from_0_1_0(&[], async |old| {
        let browser = Browser::new(&old.app);
        browser.sign_in("alice").await;
        let scope = ("scope", "openid profile offline_access workspace:read");
        billing(&old).code(&browser, &[scope]).await;
    })
    .await;
}

#[tokio::test]
async fn fx_16_apps_that_use_one_token_for_two_go_on_until_the_operator_says_otherwise() {
    from_0_1_0(&[], async |old| {
        let token = old.fact("/billing_tokens/access_token");
        let asked = || old.app.get("/oauth2/userinfo").bearer(&token);
        assert_eq!(asked().send().await.status, 200);
        assert!(old.app.app.registry.userinfo_any_api);
    })
    .await;
}

#[tokio::test]
async fn the_activity_is_whole() {
    from_0_1_0(&[], async |old| {
        let registry = &old.app.app.registry;
        seal::all(registry).await.expect("sealed");
        let found = verify::organization(registry, &old.app.owner())
            .await
            .expect("read");
        assert_eq!((found.fault.as_ref(), found.waiting), (None, 0), "{found:?}");
        assert!(found.entries > 10, "{found:?}");
    })
    .await;
}

//! What is stored is read as it was meant: members of a newer version are kept and written back, what this version cannot
//! read is refused, and never is there a default in its place.

use std::{collections::BTreeSet, fs, path::Path};

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::{
    audit::{count, meddle, sealed},
    browser::person,
    harness::{TestApp, on_both},
};
use crate::{
    oauth::{authentication::MULTI_FACTOR, client::Status},
    registry::{audit::retention, factors, organizations, people, profile},
    store::{
        self,
        document::value,
        users::{Preferences, Profile, Role, User},
    },
    time::Lifetime,
};

/// Somebody with this role.
async fn ada(app: &TestApp, role: Role) -> User {
    person(app, "ada", Some(role)).await;
    let found = store::users::find_by_username(app.db(), "ada").await;
    found.expect("read").expect("there")
}

async fn text(app: &TestApp, sql: &'static str, id: &str) -> Json {
    let row = app.db().read_one(sql, vec![id.into()]).await.expect("read");
    value(&row.expect("a row").next::<String>().expect("a text")).expect("JSON")
}

async fn set_settings(app: &TestApp, settings: &str) {
    let sql = "UPDATE organizations SET settings = $1 WHERE id = $2";
    meddle(app, sql, vec![settings.into(), (&app.org.id).into()]).await;
}

const SETTINGS: &str = "SELECT settings FROM organizations WHERE id = $1";

#[tokio::test]
async fn fx_07_a_setting_from_the_future_does_not_switch_the_second_factor_off() {
    on_both(async |app| {
        let ada = ada(&app, Role::Admin).await;
        set_settings(
            &app,
            r#"{"require_second_factor":true,"from_the_future":{"x":1}}"#,
        )
        .await;
        let registry = &app.app.registry;
        assert_eq!(
            factors::required(registry, &ada).await.expect("read"),
            MULTI_FACTOR
        );
        let operator = User {
            operator: true,
            ..ada.clone()
        };
        assert_eq!(
            factors::required(registry, &operator).await.expect("read"),
            MULTI_FACTOR
        );
    })
    .await;
}

#[tokio::test]
async fn fx_07_a_setting_from_the_future_outlives_an_edit() {
    on_both(async |app| {
        set_settings(&app, r#"{"audit_retention_days":null,"from_the_future":{"x":1}}"#).await;
        let org = store::organizations::find(app.db(), &app.org.id)
            .await
            .expect("read")
            .expect("there");
        assert_eq!(org.settings.audit_retention_days, None, "for ever is no default");
        let access = app.owner_of(&org);
        let mut settings = (*org.settings).clone();
        settings.secret_overlap_hours = 5;
        let edit = organizations::OrganizationEdit {
            name: None,
            settings: Some(settings),
        };
        organizations::edit(&app.app.registry, &access, None, edit)
            .await
            .expect("edited");
        let stored = text(&app, SETTINGS, &app.org.id).await;
        assert_eq!(stored["from_the_future"], json!({ "x": 1 }));
        assert_eq!(stored["audit_retention_days"], Json::Null);
        assert_eq!(stored["secret_overlap_hours"], 5);
    })
    .await;
}

#[tokio::test]
async fn fx_07_entries_kept_for_ever_or_for_an_unreadable_time_do_not_go() {
    on_both(async |app| {
        sealed(&app).await;
        app.clock.advance(Lifetime::days(3000));
        for settings in [
            r#"{"audit_retention_days":null,"from_the_future":1}"#,
            r#"{"audit_retention_days":"P5Y"}"#,
            "",
        ] {
            set_settings(&app, settings).await;
            let before = count(&app, "SELECT count(*) FROM audit_events WHERE org_id <> ''").await;
            retention::enforce(&app.app.registry)
                .await
                .expect("the storage works");
            let after = count(&app, "SELECT count(*) FROM audit_events WHERE org_id <> ''").await;
            assert_eq!(before, after, "{settings}");
        }
    })
    .await;
}

#[tokio::test]
async fn fx_07_settings_that_cannot_be_read_are_a_refusal_and_never_a_default() {
    on_both(async |app| {
        let ada = ada(&app, Role::Admin).await;
        let client = app.service(&["workspace:read"]).await;
        let other = app.organization("beta").await;
        for garbage in ["", "{", "[]", "null", r#"{"require_second_factor":"always"}"#] {
            set_settings(&app, garbage).await;
            let registry = &app.app.registry;
            assert!(
                store::organizations::find(app.db(), &app.org.id).await.is_err(),
                "{garbage}"
            );
            assert!(factors::required(registry, &ada).await.is_err(), "{garbage}");
            let operator = User {
                operator: true,
                ..ada.clone()
            };
            assert_eq!(
                factors::required(registry, &operator).await.expect("read"),
                MULTI_FACTOR
            );
            assert!(store::organizations::find(app.db(), &other.id).await.is_ok());
            registry.live.reload().await.expect("the others go on");
            let lifetime = registry.live.organization_lifetime(&app.org.id);
            assert_eq!(lifetime, Some(Lifetime::seconds(60)), "{garbage}");
            assert_eq!(app.token(&client, &[]).await.status, StatusCode::OK);
        }
    })
    .await;
}

#[tokio::test]
async fn fx_07_documents_of_a_person_keep_what_a_newer_version_put_there() {
    on_both(async |app| {
        let ada = ada(&app, Role::Member).await;
        let sql = "UPDATE users SET profile = $1, preferences = $2 WHERE id = $3";
        let (told, liked) = (
            r#"{"nickname":"A","future":1,"address":{"country":"GB","planet":"Earth"}}"#,
            r#"{"theme":"dark","future":[2]}"#,
        );
        meddle(&app, sql, vec![told.into(), liked.into(), (&ada.id).into()]).await;
        let ada = store::users::find(app.db(), &ada.id)
            .await
            .expect("read")
            .expect("there");
        let registry = &app.app.registry;
        let told = Profile {
            nickname: Some("Ada".to_owned()),
            ..(*ada.profile).clone()
        };
        profile::set(registry, &app.owner().actor, &ada, "Ada", told)
            .await
            .expect("told");
        let liked = Preferences {
            compact: true,
            ..(*ada.preferences).clone()
        };
        people::set_preferences(registry, &ada, liked)
            .await
            .expect("liked");
        let profile = text(&app, "SELECT profile FROM users WHERE id = $1", &ada.id).await;
        assert_eq!(
            profile,
            json!({ "nickname": "Ada", "future": 1, "address": { "country": "GB", "planet": "Earth" } })
        );
        let preferences = text(&app, "SELECT preferences FROM users WHERE id = $1", &ada.id).await;
        assert_eq!(
            (&preferences["future"], &preferences["compact"]),
            (&json!([2]), &json!(true))
        );
        let garbage = "UPDATE users SET preferences = 'what' WHERE id = $1";
        meddle(&app, garbage, vec![(&ada.id).into()]).await;
        let ada = store::users::find(app.db(), &ada.id)
            .await
            .expect("how things look may fall back")
            .expect("there");
        assert_eq!(*ada.preferences, Preferences::default());
        meddle(
            &app,
            "UPDATE users SET profile = 'what' WHERE id = $1",
            vec![(&ada.id).into()],
        )
        .await;
        assert!(store::users::find(app.db(), &ada.id).await.is_err());
    })
    .await;
}

/// A client that is kept with a word of a newer version must not come in by another way.
#[tokio::test]
async fn fx_07_a_client_with_an_unknown_word_does_not_authenticate() {
    const COLUMNS: [(&str, &str); 6] = [
        (
            "auth_method",
            "UPDATE clients SET auth_method = 'from_the_future' WHERE client_id = $1",
        ),
        (
            "grant_types",
            "UPDATE clients SET grant_types = 'client_credentials from_the_future' WHERE client_id = $1",
        ),
        (
            "origin",
            "UPDATE clients SET origin = 'from_the_future' WHERE client_id = $1",
        ),
        (
            "subject_type",
            "UPDATE clients SET subject_type = 'from_the_future' WHERE client_id = $1",
        ),
        (
            "id_token_signed_response_alg",
            "UPDATE clients SET id_token_signed_response_alg = 'from_the_future' WHERE client_id = $1",
        ),
        (
            "changed_through",
            "UPDATE clients SET changed_through = 'from_the_future' WHERE client_id = $1",
        ),
    ];
    on_both(async |app| {
        let neighbour = app.service(&["workspace:read"]).await;
        for (column, sql) in COLUMNS {
            let client = app.service(&["workspace:read"]).await;
            let token = client.token(&app).await;
            meddle(&app, sql, vec![(&client.id).into()]).await;
            app.app.registry.live.reload().await.expect("the others go on");
            app.token(&client, &[]).await.refused(401, "invalid_client");
            assert_eq!(
                app.introspect(&neighbour, &token).await["active"],
                false,
                "{column}"
            );
            assert_eq!(
                app.token(&neighbour, &[]).await.status,
                StatusCode::OK,
                "{column}"
            );
            assert!(
                store::clients::find(app.db(), &client.id).await.is_err(),
                "{column}"
            );
            assert!(
                store::clients::usable(app.db(), &client.id)
                    .await
                    .is_ok_and(|found| found.is_none())
            );
        }
        assert_eq!(Status::parse("from_the_future"), None);
    })
    .await;
}

#[tokio::test]
async fn fx_07_scopes_that_were_taken_are_given_back_only_if_they_can_be_read() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let trim = store::scope_trims::Trim {
            id: "t1".to_owned(),
            client_id: client.id.clone(),
            scopes: vec![("api".to_owned(), "x".to_owned())],
            taken_by: "somebody".to_owned(),
            taken_at: app.clock.now(),
        };
        app.db()
            .write(store::scope_trims::add(&trim).into())
            .await
            .expect("written");
        let since = app.clock.now().before(Lifetime::days(1));
        let last = store::scope_trims::last(app.db(), &client.id, since)
            .await
            .expect("read");
        assert_eq!(last.map(|trim| trim.scopes), Some(trim.scopes));
        meddle(
            &app,
            "UPDATE scope_trims SET scopes = '[[\"api\"]' WHERE id = $1",
            vec!["t1".into()],
        )
        .await;
        assert!(
            store::scope_trims::last(app.db(), &client.id, since)
                .await
                .is_err()
        );
    })
    .await;
}

/// The text of a source without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source");
    text.split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A column that holds JSON cannot be read past `store/document.rs`, and a word not past `Row::word`.
#[test]
fn fx_07_the_store_has_one_reader_of_documents_and_one_of_words() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(store).expect("the store") {
        let path = entry.expect("a file").path();
        let code = code(&path);
        let flat: String = code.split_whitespace().collect();
        let mut refused: BTreeSet<&str> = BTreeSet::new();
        if path.file_name().is_none_or(|name| name != "document.rs") {
            refused.extend([
                "serde_json::from_",
                "serde_json::to_string",
                ".unwrap_or_default().into(),(&",
            ]);
        }
        // What `parse` gives may be an `Option`: it goes through `Row::word`, `optional_word` or `words`.
        refused.extend([
            "::parse(&row",
            "::parse(&word",
            "::parse(word",
            "filter_map(Self::parse",
            "parse).unwrap_or",
        ]);
        // A change of an unknown kind makes a node read everything anew.
        if path.file_name().is_some_and(|name| name == "changes.rs") {
            refused.remove("::parse(&row");
        }
        for pattern in refused {
            if flat.contains(pattern) {
                wrong.push(format!("{}: {pattern}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

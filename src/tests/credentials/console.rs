//! The pages, as a browser without script uses them.

use axum::http::StatusCode;

use super::*;
use crate::{
    registry::{accounts, organizations},
    store,
    tests::harness::on_both,
    time::Lifetime,
};

const NEW: &str = "/me/credentials/new";

/// The value of a hidden field, as the browser would post it.
fn hidden(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .split_once(&marker)
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn secrets(page: &str) -> Vec<String> {
    let starts = page.match_indices("oas_").map(|(at, _)| at);
    starts
        .filter_map(|at| page.get(at..at + 53))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn j_6_a_credential_with_two_pairs_is_made_without_script() {
    on_both(async |app| {
        let first = invoices(&app).await;
        let second = app
            .api(
                &app.org,
                "https://files.example/",
                TokenFormat::Opaque,
                &["files:read"],
            )
            .await;
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let empty = ben.get("/me/credentials").await.text();
        assert!(
            empty.contains("Use a personal credential when a script acts as you"),
            "{empty}"
        );
        let page = ben.get(NEW).await.text();
        assert!(
            page.contains("clients:write") && page.contains("you do not hold it yourself"),
            "{page}"
        );
        let once = hidden(&page, "once");
        // Another audience in the first pair shows its scopes.
        let chosen = [
            ("org", app.org.handle.as_str()),
            ("once", &once),
            ("name", "Nightly"),
            ("pair", "1"),
            ("audience-0", &first.id),
            ("shown-0", "another"),
            ("do", "show:0"),
        ];
        let shown = ben.submit(NEW, &chosen).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
        assert!(shown.text().contains(READ) && shown.text().contains("value=\"Nightly\""));
        assert!(
            shown.text().contains("formnovalidate"),
            "buttons inside do not insist on the rest"
        );
        // One more pair keeps what was ticked.
        let ticked = [
            ("org", app.org.handle.as_str()),
            ("once", &once),
            ("name", "Nightly"),
            ("pair", "1"),
            ("audience-0", &first.id),
            ("shown-0", &first.id),
            ("scope-0", "invoices:read"),
            ("do", "add"),
        ];
        let more = ben.submit(NEW, &ticked).await.text();
        assert!(
            more.contains("Pair 2") && more.contains("value=\"invoices:read\" checked"),
            "{more}"
        );
        let full = [
            ("org", app.org.handle.as_str()),
            ("once", &once),
            ("name", ""),
            ("description", "In the cellar"),
            ("secret_expires", "30"),
            ("pair", "1"),
            ("audience-0", &first.id),
            ("shown-0", &first.id),
            ("scope-0", "invoices:read"),
            ("pair", "2"),
            ("audience-1", &second.id),
            ("shown-1", &second.id),
            ("scope-1", "files:read"),
        ];
        let refused = ben.submit(NEW, &full).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("href=\"#name\"") && refused.text().contains("In the cellar"));
        let mut full = full.to_vec();
        full[2] = ("name", "Nightly");
        let answer = ben.submit(NEW, &full).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let page = answer.text();
        let secret = secrets(&page);
        assert_eq!(secret.len(), 1, "once in the page: {page}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let user = store::users::find_by_username(app.db(), "ben")
            .await
            .unwrap()
            .unwrap();
        let id = store::credentials::of_person(app.db(), &user.id)
            .await
            .unwrap()
            .remove(0);
        for part in [
            id.as_str(),
            READ,
            "https://files.example/files:read",
            "http://localhost:8080/oauth2/token",
            "curl http://localhost:8080/oauth2/token",
            "Credential ID",
        ] {
            assert!(page.contains(part), "no {part} in {page}");
        }
        let again = ben.submit(NEW, &full).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
        assert!(secrets(&again.text()).is_empty());
        let client = TestClient {
            id: id.clone(),
            secret: secret[0].clone(),
        };
        let wait = format!("/me/credentials/{id}/waiting");
        assert!(
            ben.get(&wait)
                .await
                .text()
                .contains("Waiting for the first token")
        );
        let token = app
            .token(&client, &[("scope", "https://files.example/files:read")])
            .await;
        assert_eq!(token.status, StatusCode::OK, "{}", token.text());
        assert!(ben.get(&wait).await.text().contains("First token issued"));
        let share = hidden(&page, "share");
        let file = format!("/me/credentials/{id}/download");
        let env = ben.submit(&file, &[("format", "env"), ("share", &share)]).await;
        assert!(env.text().contains(&client.secret), "{}", env.text());
        let gone = ben.submit(&file, &[("format", "env"), ("share", &share)]).await;
        assert_eq!(gone.status, StatusCode::GONE);

        let list = ben.get("/me/credentials").await.text();
        assert!(
            list.contains("Nightly") && list.contains(AUDIENCE) && secrets(&list).is_empty(),
            "{list}"
        );
        let at = format!("/me/credentials/{id}");
        let detail = ben.get(&at).await.text();
        assert!(
            detail.contains(READ) && detail.contains("made the personal credential"),
            "{detail}"
        );
        assert!(!detail.contains(&client.secret));

        let form = format!("{at}/edit");
        let version = hidden(&ben.get(&form).await.text(), "version");
        let less = [
            ("version", version.as_str()),
            ("once", &once),
            ("name", "Nightly"),
            ("pair", "1"),
            ("audience-0", &second.id),
            ("shown-0", &second.id),
            ("scope-0", "files:read"),
        ];
        let saved = ben.submit(&form, &less).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
        assert!(!ben.get(&at).await.text().contains(READ));
        assert_eq!(
            ben.submit(&form, &less).await.status,
            StatusCode::PRECONDITION_FAILED,
            "seen by somebody else"
        );

        let form = format!("{at}/rotate");
        let once = hidden(&ben.get(&form).await.text(), "once");
        let fields = [
            ("once", once.as_str()),
            ("old_ends", "24h"),
            ("secret_expires", "90"),
        ];
        let rotated = ben.submit(&form, &fields).await;
        let fresh = secrets(&rotated.text());
        assert_eq!(fresh.len(), 1, "{}", rotated.text());
        assert_eq!(
            app.token(&client, &[]).await.status,
            StatusCode::OK,
            "the old one still works"
        );
        let third = ben
            .submit(&form, &[("once", "aaaaaaaaaaaaaaaaaaaaaa"), ("old_ends", "24h")])
            .await;
        assert_eq!(third.status, StatusCode::CONFLICT);
        assert!(
            third.text().contains("Two secrets work already"),
            "{}",
            third.text()
        );

        let form = format!("{at}/delete");
        assert!(ben.get(&form).await.text().contains("cannot be undone"));
        assert_eq!(ben.submit(&form, &[]).await.status, StatusCode::SEE_OTHER);
        app.token(&client, &[]).await.refused(401, "invalid_client");
        assert_eq!(ben.get(&at).await.status, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn an_old_sign_in_is_asked_for_the_password_and_keeps_the_form() {
    on_both(async |app| {
        let api = invoices(&app).await;
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let once = hidden(&ben.get(NEW).await.text(), "once");
        app.clock.advance(Lifetime::minutes(16));
        let mut fields = vec![
            ("org", app.org.handle.as_str()),
            ("once", once.as_str()),
            ("name", "Nightly"),
            ("pair", "1"),
            ("audience-0", &api.id),
            ("shown-0", &api.id),
            ("scope-0", "invoices:read"),
        ];
        let asked = ben.submit(NEW, &fields).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        assert!(asked.text().contains("Enter your password") && asked.text().contains("invoices:read"));
        fields.push(("confirm_password", PASSWORD));
        let made = ben.submit(NEW, &fields).await;
        assert_eq!(
            (made.status, secrets(&made.text()).len()),
            (StatusCode::OK, 1),
            "{}",
            made.text()
        );
    })
    .await;
}

#[tokio::test]
async fn the_list_says_why_nothing_can_be_made() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let user = store::users::find_by_username(app.db(), "ben")
            .await
            .unwrap()
            .unwrap();
        let client = made(&app, &user, Role::Member, &["invoices:read"]).await;
        let root = operator(&app).await;
        let registry = &app.app.registry;
        accounts::set_may_hold(registry, &root, &user.id, false)
            .await
            .expect("forbidden");
        let list = ben.get("/me/credentials").await.text();
        assert!(
            list.contains("Your account may not hold credentials") && list.contains("Suspended"),
            "{list}"
        );
        let closed = ben.get(NEW).await;
        assert_eq!(closed.status, StatusCode::FORBIDDEN, "{}", closed.text());
        // He still gets rid of it.
        let gone = ben
            .submit(&format!("/me/credentials/{}/delete", client.id), &[])
            .await;
        assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.text());
        accounts::set_may_hold(registry, &root, &user.id, true)
            .await
            .expect("allowed");
        let edit = organizations::OrganizationEdit {
            settings: Some(store::organizations::Settings {
                credentials_per_member: 0,
                ..(*app.org.settings).clone()
            }),
            ..organizations::OrganizationEdit::default()
        };
        organizations::edit(registry, &app.owner(), None, edit)
            .await
            .expect("saved");
        let list = ben.get("/me/credentials").await.text();
        assert!(
            list.contains("No personal credentials are allowed here"),
            "{list}"
        );
        person(&app, "lone", None).await;
        let lone = Browser::new(&app);
        lone.sign_in("lone").await;
        assert!(
            lone.get("/me/credentials")
                .await
                .text()
                .contains("You belong to no organisation")
        );
    })
    .await;
}

#[tokio::test]
async fn an_expired_one_offers_a_new_one_like_it() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let user = store::users::find_by_username(app.db(), "ben")
            .await
            .unwrap()
            .unwrap();
        let client = made(&app, &user, Role::Member, &["invoices:read"]).await;
        app.clock.advance(Lifetime::days(90));
        ben.sign_in("ben").await;
        let page = ben.get(&format!("/me/credentials/{}", client.id)).await.text();
        assert!(
            page.contains("Expired") && page.contains("Make a new one like this"),
            "{page}"
        );
        let form = ben.get(&format!("{NEW}?like={}", client.id)).await.text();
        assert!(
            form.contains("value=\"invoices:read\" checked") && form.contains("Nightly report"),
            "{form}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_operator_switches_the_capability_on_the_persons_page() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let client = made(&app, &ben, Role::Member, &["invoices:read"]).await;
        operator(&app).await;
        let root = Browser::new(&app);
        root.sign_in("root").await;
        let path = format!("/orgs/{}/people/{}", app.org.handle, ben.id);
        assert!(
            root.get(&path)
                .await
                .text()
                .contains("Forbid personal credentials")
        );
        let done = root.submit(&path, &[("do", "forbid-credentials")]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        app.token(&client, &[]).await.refused(401, "invalid_client");
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let page = ada.get(&path).await.text();
        assert!(page.contains("Not allowed by an operator"), "{page}");
        let refused = ada.submit(&path, &[("do", "allow-credentials")]).await;
        assert_eq!(
            refused.status,
            StatusCode::FORBIDDEN,
            "an admin of one organisation does not"
        );
        root.submit(&path, &[("do", "allow-credentials")]).await;
        assert_eq!(app.token(&client, &[]).await.status, StatusCode::OK);
    })
    .await;
}

/// The fields of the form for a member.
fn prepared<'a>(once: &'a str, api: &'a str, delivery: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("once", once),
        ("name", "Meter upload"),
        ("secret_expires", "90"),
        ("pair", "1"),
        ("audience-0", api),
        ("shown-0", api),
        ("scope-0", "invoices:read"),
        ("delivery", delivery),
    ]
}

#[tokio::test]
async fn an_admin_chooses_how_it_gets_there_and_takes_an_offer_back() {
    on_both(async |app| {
        let api = invoices(&app).await.id;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let form = format!("/orgs/{}/people/{}/credentials/new", app.org.handle, ben.id);
        let list = format!("/orgs/{}/credentials", app.org.handle);
        let once = hidden(&ada.get(&form).await.text(), "once");
        let shown = ada.submit(&form, &prepared(&once, &api, "slip")).await;
        let page = shown.text();
        assert_eq!(
            (shown.status, secrets(&page).len()),
            (StatusCode::OK, 1),
            "{page}"
        );
        assert!(
            page.contains("Print slip") && page.contains("is written down"),
            "{page}"
        );
        let again = ada.submit(&form, &prepared(&once, &api, "slip")).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        let activity = ada
            .get(&format!("/orgs/{}/activity", app.org.handle))
            .await
            .text();
        assert!(
            activity.contains("was shown the secret of somebody else"),
            "{activity}"
        );

        let once = hidden(&ada.get(&form).await.text(), "once");
        let offered = ada.submit(&form, &prepared(&once, &api, "link")).await;
        assert!(secrets(&offered.text()).is_empty() && offered.text().contains("/credentials/claim/"));
        let page = ada.get(&list).await.text();
        assert!(page.contains("Waiting") && page.contains("Withdraw"), "{page}");
        let offer = hidden(&page, "offer");
        let aud = Browser::of(&app, "aud", Role::Auditor).await;
        let looked = aud.get(&list).await.text();
        assert!(
            looked.contains("Meter upload") && !looked.contains("Withdraw"),
            "{looked}"
        );
        assert_eq!(
            aud.submit(&list, &[("offer", &offer)]).await.status,
            StatusCode::FORBIDDEN
        );
        assert_eq!(aud.get(&form).await.status, StatusCode::FORBIDDEN);
        let eve = Browser::of(&app, "eve", Role::Member).await;
        assert_eq!(eve.get(&list).await.status, StatusCode::FORBIDDEN);
        let gone = ada.submit(&list, &[("offer", &offer)]).await;
        assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.text());
        assert!(ada.get(&list).await.text().contains("Withdrawn"));
    })
    .await;
}

#[tokio::test]
async fn where_a_second_factor_is_demanded_nothing_is_made_without_one() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = Browser::of(&app, "ben", Role::Member).await;
        let user = store::users::find_by_username(app.db(), "ben")
            .await
            .unwrap()
            .unwrap();
        let client = made(&app, &user, Role::Member, &["invoices:read"]).await;
        app.demand_second_factor().await;
        let one = format!("/me/credentials/{}", client.id);
        for path in [
            NEW.to_owned(),
            format!("{one}/rotate"),
            format!("{one}/edit"),
            format!("{one}/delete"),
        ] {
            for answer in [
                ben.get(&path).await,
                ben.submit(&path, &[("once", "aaaaaaaaaaaaaaaaaaaaaa")]).await,
            ] {
                let to = answer.header("location");
                assert!(
                    to.starts_with("/login?") && to.contains("factor="),
                    "{path}: {} {to}",
                    answer.status
                );
            }
        }
    })
    .await;
}

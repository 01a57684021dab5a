//! Sealed hand-off: who offers never sees the secret, and who fetches is the one it was for.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::*;
use crate::{
    registry::{credential_offers as offers, members, organizations},
    store::{self, audit::Filter, credential_offers::OfferState},
    tests::{
        harness::{on_both, on_both_with},
        people::reachable,
    },
    time::Lifetime,
};

/// Offers Ben a credential; the path of the link.
async fn offered(app: &TestApp, ben: &User) -> String {
    let made = offers::offer(&app.app.registry, &app.owner(), &ben.id, &new(&["invoices:read"]))
        .await
        .expect("offered");
    made.path.expect("shown, as there is no mail server")
}

/// Every secret in a page.
fn secrets(page: &Answer) -> Vec<String> {
    let text = page.text();
    let starts = text.match_indices("oas_").map(|(at, _)| at);
    starts
        .filter_map(|at| text.get(at..at + 53))
        .map(str::to_owned)
        .collect()
}

async fn browser<'a>(app: &'a TestApp, username: &str) -> Browser<'a> {
    let browser = Browser::new(app);
    browser.sign_in(username).await;
    browser
}

async fn state(app: &TestApp) -> OfferState {
    let all = store::credential_offers::of_org(app.db(), &app.org.id)
        .await
        .unwrap();
    all[0].state_at(app.clock.now())
}

async fn actions(app: &TestApp) -> Vec<String> {
    let events = store::audit::list(app.db(), &app.org.id, &Filter::default(), 99).await;
    events.unwrap().into_iter().map(|event| event.action).collect()
}

#[tokio::test]
async fn who_offers_never_sees_the_secret_and_the_member_fetches_it_once() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        person(&app, "eve", Some(Role::Admin)).await;
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let form = format!("/orgs/{}/people/{}/credentials/new", app.org.handle, ben.id);
        let page = ada.get(&form).await.text();
        let value = |name: &str| {
            let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        let (once, shown) = (value("once"), value("shown-0"));
        // The first audience offered may be another one.
        let (_, rest) = page
            .split_once(" – https://api.example</option>")
            .map_or(("", ""), |both| both);
        assert!(!rest.is_empty() || page.contains(AUDIENCE), "{page}");
        let id = store::apis::of_organization(app.db(), &app.org.id)
            .await
            .unwrap()
            .into_iter()
            .find(|api| api.audience == AUDIENCE)
            .expect("made")
            .id;
        let fields = [
            ("once", once.as_str()),
            ("name", "Nightly report"),
            ("pair", "1"),
            ("audience-0", id.as_str()),
            ("shown-0", id.as_str()),
            ("scope-0", "invoices:read"),
            ("secret_expires", "90"),
            ("delivery", "link"),
        ];
        assert!(!shown.is_empty());
        let answer = ada.submit(&form, &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert!(secrets(&answer).is_empty());
        let (_, path) = answer
            .text()
            .split_once("http://localhost:8080")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a link");
        let path = path.split('<').next().unwrap().to_owned();
        assert!(path.starts_with("/credentials/claim/"), "{path}");
        let made = store::credentials::of_person(app.db(), &ben.id).await.unwrap();
        assert!(made.is_empty(), "neither client nor secret before it is fetched");

        // Nobody in particular is sent to the sign-in; somebody else finds nothing and takes nothing away.
        let nobody = app.get(&path).send().await;
        assert_eq!(nobody.status, StatusCode::SEE_OTHER);
        let eve = browser(&app, "eve").await;
        let unknown = eve
            .get("/credentials/claim/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .await;
        for who in [&eve, &ada] {
            let foreign = who.get(&path).await;
            assert_eq!(foreign.status, StatusCode::NOT_FOUND);
            assert_eq!(who.submit(&path, &[]).await.status, StatusCode::NOT_FOUND);
        }
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        assert_eq!(state(&app).await, OfferState::Open);

        let bens = browser(&app, "ben").await;
        let question = bens.get(&path).await;
        assert_eq!(question.status, StatusCode::OK, "{}", question.text());
        assert_eq!(question.header("referrer-policy"), "same-origin");
        assert_eq!(question.header("cache-control"), "no-store");
        let text_of = question.text();
        assert!(text_of.contains("ada") && text_of.contains(READ), "{text_of}");
        assert!(secrets(&question).is_empty());
        let taken = bens.submit(&path, &[]).await;
        assert_eq!(taken.status, StatusCode::OK, "{}", taken.text());
        let id = store::credentials::of_person(app.db(), &ben.id)
            .await
            .unwrap()
            .remove(0);
        let client = TestClient {
            id,
            secret: secrets(&taken).remove(0),
        };
        assert_eq!(
            app.token(&client, &[("scope", READ)]).await.status,
            StatusCode::OK
        );
        for again in [bens.get(&path).await, bens.submit(&path, &[]).await] {
            assert_eq!(again.status, StatusCode::GONE, "{}", again.text());
        }
        assert_eq!(eve.get(&path).await.status, StatusCode::NOT_FOUND);
        let list = ada.get(&format!("/orgs/{}/credentials", app.org.handle)).await;
        assert!(list.text().contains("Fetched"), "{}", list.text());
        assert!(secrets(&list).is_empty() && !list.text().contains("/credentials/claim/"));
        let known = actions(&app).await;
        for action in ["credential.offered", "credential.claimed", "credential.created"] {
            assert!(known.iter().any(|one| one == action), "{action} in {known:?}");
        }
        assert!(!known.iter().any(|one| one == "credential.shown_to_maker"));
        let events = store::audit::list(app.db(), &app.org.id, &Filter::default(), 99)
            .await
            .unwrap();
        let token = path.rsplit('/').next().unwrap();
        assert!(
            events
                .iter()
                .all(|event| !event.details.to_string().contains(token))
        );
    })
    .await;
}

#[tokio::test]
async fn fetching_needs_a_fresh_sign_in_and_keeps_what_was_typed() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let bens = browser(&app, "ben").await;
        let path = offered(&app, &ben).await;
        app.clock.advance(Lifetime::minutes(16));
        assert_eq!(bens.get(&path).await.status, StatusCode::OK, "looking does not");
        let asked = bens.submit(&path, &[]).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        assert!(asked.text().contains("Enter your password"), "{}", asked.text());
        let taken = bens.submit(&path, &[("confirm_password", PASSWORD)]).await;
        assert_eq!(
            (taken.status, secrets(&taken).len()),
            (StatusCode::OK, 1),
            "{}",
            taken.text()
        );
    })
    .await;
}

#[tokio::test]
async fn unclaimed_it_is_destroyed_after_a_day_and_that_is_written_down() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let path = offered(&app, &ben).await;
        app.clock.advance(Lifetime::hours(24));
        let bens = browser(&app, "ben").await;
        assert_eq!(bens.get(&path).await.status, StatusCode::GONE);
        assert_eq!(bens.submit(&path, &[]).await.status, StatusCode::GONE);
        crate::jobs::sweep(&app.app.registry).await.unwrap();
        let kept = store::credential_offers::of_org(app.db(), &app.org.id)
            .await
            .unwrap();
        assert!(kept[0].sealed.is_none() && kept[0].state == OfferState::Expired);
        assert!(
            actions(&app)
                .await
                .iter()
                .any(|action| action == "credential.expired")
        );
        assert_eq!(bens.get(&path).await.status, StatusCode::GONE);
        app.clock.advance(Lifetime::days(31));
        app.sweep().await;
        assert!(
            store::credential_offers::of_org(app.db(), &app.org.id)
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn it_is_withdrawn_by_hand_and_with_whoever_it_hangs_on() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let admin = person(&app, "ada", Some(Role::Admin)).await;
        let registry = &app.app.registry;
        let service = app.service(&["members:write", "clients:write"]).await;
        let token = service.token(&app).await;
        let at = format!("/api/v1/orgs/{}", app.org.handle);
        let post = format!("{at}/members/{}/credential-offers", ben.id);
        let made = app
            .post(&post)
            .bearer(&token)
            .json(&body("By API", &["invoices:read"]))
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        let link = text(&made.json(), "claim_link");
        let path = link
            .strip_prefix("http://localhost:8080")
            .expect("ours")
            .to_owned();
        let id = text(&made.json()["offer"], "id");
        let one = format!("{at}/credential-offers/{id}");
        let listed = app
            .get(&format!("{at}/credential-offers"))
            .bearer(&token)
            .send()
            .await;
        assert!(
            !listed.text().contains(link.rsplit('/').next().unwrap()),
            "{}",
            listed.text()
        );
        let gone = app.call(Method::DELETE, &one).bearer(&token).send().await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
        let again = app.call(Method::DELETE, &one).bearer(&token).send().await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        let bens = browser(&app, "ben").await;
        assert_eq!(bens.submit(&path, &[]).await.status, StatusCode::GONE);

        let mut access = app.owner();
        access.permissions = Permissions::of_role(Role::Admin);
        access.actor.id.clone_from(&admin.id);
        let made = offers::offer(registry, &access, &ben.id, &new(&["invoices:read"])).await;
        let path = made.expect("offered").path.expect("shown");
        members::set_role(registry, &app.owner(), &admin.id, Role::Auditor)
            .await
            .expect("set");
        assert_eq!(
            bens.submit(&path, &[]).await.status,
            StatusCode::GONE,
            "he may give less now"
        );
        let path = offered(&app, &ben).await;
        members::remove(registry, &app.owner(), &ben.id)
            .await
            .expect("removed");
        assert_eq!(bens.submit(&path, &[]).await.status, StatusCode::GONE);
        assert!(
            store::credentials::of_person(app.db(), &ben.id)
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_offers_more_than_both_hold_nor_past_the_limit() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let registry = &app.app.registry;
        let mut strong = new(&[]);
        strong.scopes = vec![ScopeRef::text("clients:write")];
        let refused = offers::offer(registry, &app.owner(), &ben.id, &strong).await;
        assert!(refused.is_err(), "the member does not hold it");
        let other = app.organization("other").await;
        let refused = offers::offer(registry, &app.owner_of(&other), &ben.id, &new(&["invoices:read"])).await;
        assert_eq!(refused.err().unwrap().refusal().unwrap().code.status(), 404);
        let edit = organizations::OrganizationEdit {
            settings: Some(store::organizations::Settings {
                credentials_per_member: 1,
                ..(*app.org.settings).clone()
            }),
            ..organizations::OrganizationEdit::default()
        };
        let mut access = app.owner();
        access.org = organizations::edit(registry, &access, None, edit)
            .await
            .expect("saved");
        offers::offer(registry, &access, &ben.id, &new(&["invoices:read"]))
            .await
            .expect("one");
        let second = offers::offer(registry, &access, &ben.id, &new(&["invoices:read"])).await;
        assert_eq!(
            second.err().unwrap().refusal().unwrap().reason,
            "credential.limit"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_fetch_at_once_one_gets_it() {
    on_both(async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let path = offered(&app, &ben).await;
        let token = path.rsplit('/').next().unwrap().to_owned();
        let app = std::sync::Arc::new(app);
        let access = own(&app, &ben, Role::Member);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (app, access, ben, token) = (
                std::sync::Arc::clone(&app),
                access.clone(),
                ben.clone(),
                token.clone(),
            );
            tasks.spawn(async move {
                match offers::claim(&app.app.registry, &access, &ben, &token).await {
                    Ok(_) => true,
                    Err(error) => {
                        assert_eq!(error.refusal().map(|r| r.code.status()), Some(410), "{error}");
                        false
                    }
                }
            });
        }
        let got = tasks.join_all().await.into_iter().filter(|got| *got).count();
        assert_eq!(got, 1);
        assert_eq!(
            store::credentials::of_person(app.db(), &ben.id)
                .await
                .unwrap()
                .len(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn with_a_mail_server_the_link_goes_to_the_member_and_to_nobody_else() {
    on_both_with(&[("mail.smtp_url", "smtp://127.0.0.1:1")], async |app| {
        invoices(&app).await;
        let ben = person(&app, "ben", Some(Role::Member)).await;
        let registry = &app.app.registry;
        let asked = new(&["invoices:read"]);
        let shown = offers::offer(registry, &app.owner(), &ben.id, &asked)
            .await
            .expect("offered");
        assert!(shown.path.is_some(), "no proven address");
        reachable(&app, &ben, "ben@example.com").await;
        let before = store::mails::due(app.db(), app.clock.now(), 99)
            .await
            .unwrap()
            .len();
        let service = app.service(&["members:write", "clients:write"]).await;
        let token = service.token(&app).await;
        let post = format!(
            "/api/v1/orgs/{}/members/{}/credential-offers",
            app.org.handle, ben.id
        );
        let made = app
            .post(&post)
            .bearer(&token)
            .json(&body("Mailed", &["invoices:read"]))
            .await;
        assert_eq!(made.json()["claim_link"], json!(null), "{}", made.text());
        let after = store::mails::due(app.db(), app.clock.now(), 99)
            .await
            .unwrap()
            .len();
        assert_eq!(after, before + 1);
    })
    .await;
}

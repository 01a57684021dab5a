//! A client moves to another organisation: what goes along, what dies, who learns what.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::{
    browser::{Browser, PASSWORD, person},
    flows::{Rp, SCOPES, alice, text, web_app},
    harness::{Answer, TestApp, TestClient, inactive, on_both, service},
};
use crate::{
    error::Error,
    jobs,
    oauth::{
        client::{GrantType, Kind},
        refusal::Code,
    },
    registry::{
        access::Access,
        client_input::{Draft, ScopeRef},
        clients::{self, Edit},
        transfers::{self, Acceptance, Seen},
    },
    store::{self, organizations::Organization, transfers::State, users::Role},
    time::Lifetime,
};

/// Two organisations, and a client of the first that is offered to the second.
struct Scene<'a> {
    app: &'a TestApp,
    giver: Access,
    taker: Access,
    other: Organization,
}

impl<'a> Scene<'a> {
    async fn new(app: &'a TestApp) -> Self {
        let other = app.organization("acme-energy").await;
        Self {
            app,
            giver: app.owner(),
            taker: app.owner_of(&other),
            other,
        }
    }

    async fn offered(&self, client: &TestClient) -> Seen {
        self.offer(client, "acme-energy").await.expect("offered")
    }

    async fn offer(&self, client: &TestClient, to: &str) -> crate::error::Result<Seen> {
        transfers::offer(&self.app.app.registry, &self.giver, &client.id, to, "As agreed").await
    }

    async fn accept(&self, seen: &Seen) -> crate::error::Result<clients::Created> {
        let acceptance = Acceptance::default();
        transfers::accept(&self.app.app.registry, &self.taker, &seen.transfer.id, acceptance).await
    }

    async fn client(&self, client: &TestClient) -> store::clients::Client {
        store::clients::find(self.app.db(), &client.id)
            .await
            .unwrap()
            .unwrap()
    }

    /// What happened in an organisation to a client, oldest first.
    async fn actions(&self, org: &Organization, client: &TestClient) -> Vec<String> {
        let filter = store::audit::Filter {
            resource: Some(client.id.clone()),
            ..store::audit::Filter::default()
        };
        let events = store::audit::list(self.app.db(), &org.id, &filter, 100)
            .await
            .unwrap();
        events.into_iter().rev().map(|event| event.action).collect()
    }
}

fn code(error: &Error) -> (Code, &str) {
    let refusal = error.refusal().expect("a refusal");
    (refusal.code, refusal.reason)
}

#[tokio::test]
async fn the_client_moves_and_everything_it_had_is_dead_on_every_node() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let draft = Draft {
            grant_types: vec![
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ],
            ..web_app(&SCOPES)
        };
        let rp = Rp::of(&app, draft).await;
        let browser = alice(&app).await;
        let of_alice = rp.tokens(&app, &browser, &[("scope", "workspace:read")]).await;
        let own = rp.client.token(&app).await;
        let before = scene.client(&rp.client).await;
        // SQLite has one node only.
        let node = match app.database {
            "postgresql" => Some(app.another_node().await),
            _ => None,
        };
        let asker = app.service(&["workspace:read"]).await;
        let taken = scene.accept(&scene.offered(&rp.client).await).await.unwrap();
        // Its turn at the log, which it takes every second.
        if let Some(node) = &node {
            node.app.registry.live.catch_up().await.unwrap();
        }
        let new = rp
            .client
            .with_secret(taken.secret.as_ref().unwrap().text.expose());
        for token in [&own, &text(&of_alice, "access_token")] {
            for at in [Some(&app), node.as_ref()].into_iter().flatten() {
                assert_eq!(at.introspect(&asker, token).await, inactive());
                assert_eq!(at.introspect(&new, token).await, inactive());
            }
        }
        for at in [Some(&app), node.as_ref()].into_iter().flatten() {
            at.token(&rp.client, &[]).await.refused(401, "invalid_client");
        }
        let again = Rp {
            client: new.clone(),
            ..rp.clone()
        };
        again
            .refresh(&app, &text(&of_alice, "refresh_token"), &[])
            .await
            .refused(400, "invalid_grant");
        new.token(&app).await;
        let after = scene.client(&rp.client).await;
        assert_eq!(
            (after.org_id.as_str(), after.user_id.clone()),
            (scene.other.id.as_str(), None)
        );
        assert!(after.epoch > before.epoch, "{} {}", after.epoch, before.epoch);
        assert_eq!(
            (after.version, taken.client.version),
            (before.version + 2, before.version + 2)
        );
        assert_eq!(after.redirect_uris, before.redirect_uris);
        assert_eq!(after.oidc_scopes, before.oidc_scopes);
        // The value that the taker's Workspace has as well, of the taker's Workspace.
        let apis = store::apis::of_organization(app.db(), &scene.other.id)
            .await
            .unwrap();
        let held = apis.iter().find(|api| api.id == after.scopes[0].0).unwrap();
        assert_eq!(
            (after.scopes.len(), held.org_id.as_deref()),
            (1, Some(scene.other.id.as_str()))
        );
        assert!(
            store::consents::of_client(app.db(), &rp.client.id, 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(after.last_used_at.is_none() || after.last_used_at > before.last_used_at);
        assert!(!after.created_by.contains("Olivia"), "{}", after.created_by);
        // Alice is nobody there: she cannot sign in to it any more.
        let denied = again.authorize(&browser, &[]).await;
        assert!(
            super::flows::param(&denied, "code").is_none(),
            "{}",
            denied.text()
        );
    })
    .await;
}

#[tokio::test]
async fn the_giver_does_not_find_it_any_more_but_keeps_what_happened() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let client = app.service(&["workspace:read"]).await;
        scene.accept(&scene.offered(&client).await).await.unwrap();
        let registry = &app.app.registry;
        let (gone, none) = (
            clients::find(registry, &scene.giver, &client.id)
                .await
                .unwrap_err(),
            clients::find(registry, &scene.giver, "oac_unknown")
                .await
                .unwrap_err(),
        );
        assert_eq!(gone.to_string(), none.to_string());
        assert!(clients::find(registry, &scene.taker, &client.id).await.is_ok());
        let here = scene.actions(&app.org, &client).await;
        assert_eq!(
            here[..4],
            [
                "client.created",
                "client.transfer_offered",
                "client.transfer_accepted",
                "client.transferred"
            ]
        );
        let there = scene.actions(&scene.other, &client).await;
        assert_eq!(there, ["client.transfer_accepted", "client.transferred"]);
        // Nobody's name crosses.
        let filter = store::audit::Filter::default();
        let events = store::audit::list(app.db(), &app.org.id, &filter, 2)
            .await
            .unwrap();
        for event in events
            .iter()
            .filter(|event| event.action.starts_with("client.transfer"))
        {
            assert!(event.actor_name == "acme-energy" || event.actor_name == "Olivia");
        }
        let seen = transfers::list(registry, &scene.giver).await.unwrap();
        assert_eq!(seen[0].state, State::Accepted);
        let edit = Edit {
            name: Some("Renamed there".to_owned()),
            ..Edit::default()
        };
        clients::edit(registry, &scene.taker, &client.id, None, edit)
            .await
            .unwrap();
        let seen = transfers::list(registry, &scene.giver).await.unwrap();
        assert_eq!(seen[0].transfer.client_name, "Nightly export");
    })
    .await;
}

#[tokio::test]
async fn an_offer_to_nobody_looks_the_same_and_runs_out() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let (a, b) = (
            app.service(&["workspace:read"]).await,
            app.service(&["workspace:read"]).await,
        );
        let registry = &app.app.registry;
        let known = scene.offer(&a, "ACME-Energy").await.unwrap();
        let unknown = scene.offer(&b, "nobody-there").await.unwrap();
        assert_eq!((known.state, known.side), (unknown.state, unknown.side));
        assert_eq!(known.transfer.expires_at, unknown.transfer.expires_at);
        // Who comes later under that handle was not meant.
        app.clock.advance(Lifetime::minutes(1));
        let late = app.organization("nobody-there").await;
        assert!(
            transfers::list(registry, &app.owner_of(&late))
                .await
                .unwrap()
                .is_empty()
        );
        let refused = transfers::find(registry, &app.owner_of(&late), &unknown.transfer.id)
            .await
            .unwrap_err();
        let none = transfers::find(registry, &app.owner_of(&late), "trf_unknown")
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), none.to_string());
        app.clock.advance(Lifetime::days(7));
        let giver = app.owner();
        let taker = app.owner_of(&scene.other);
        let late = transfers::accept(registry, &taker, &known.transfer.id, Acceptance::default()).await;
        assert_eq!(code(&late.err().unwrap()), (Code::Conflict, "transfer.settled"));
        jobs::sweep(registry).await.unwrap();
        jobs::sweep(registry).await.unwrap();
        for client in [&a, &b] {
            let actions = scene.actions(&app.org, client).await;
            assert_eq!(actions.last().unwrap(), "client.transfer_expired");
            assert_eq!(
                actions
                    .iter()
                    .filter(|one| *one == "client.transfer_expired")
                    .count(),
                1
            );
        }
        assert!(
            transfers::list(registry, &giver)
                .await
                .unwrap()
                .iter()
                .all(|one| one.state == State::Expired)
        );
        // It can be offered again.
        transfers::offer(registry, &giver, &a.id, "acme-energy", "")
            .await
            .unwrap();
        let twice = transfers::offer(registry, &giver, &a.id, "acme-energy", "")
            .await
            .unwrap_err();
        assert_eq!(code(&twice), (Code::Conflict, "transfer.open"));
    })
    .await;
}

#[tokio::test]
async fn what_does_not_travel_is_refused() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let registry = &app.app.registry;
        let reason = async |id: &str| {
            let refused = transfers::offer(registry, &scene.giver, id, "acme-energy", "")
                .await
                .unwrap_err();
            code(&refused).1.to_owned()
        };
        assert_eq!(reason("oa_sync_client").await, "client.system");
        let connector = app
            .client(&app.org, Draft::sync_connector("HQ".to_owned(), String::new()))
            .await;
        assert_eq!(reason(&connector.id).await, "client.sync_connector");
        let client = app.service(&["workspace:read"]).await;
        let sql = "UPDATE clients SET kind = 'personal' WHERE client_id = $1";
        let personal = crate::db::Statement::new(sql, vec![client.id.as_str().into()]);
        app.db().write(personal.into()).await.unwrap();
        assert_eq!(scene.client(&client).await.kind, Kind::Personal);
        assert_eq!(reason(&client.id).await, "client.personal");
        let client = app.service(&["workspace:read"]).await;
        // Whoever cuts it off takes the offer back.
        let seen = scene.offered(&client).await;
        clients::disable(registry, &scene.giver, &client.id, None, None)
            .await
            .unwrap();
        assert_eq!(reason(&client.id).await, "client.disabled");
        let late = scene.accept(&seen).await.err().unwrap();
        assert_eq!(code(&late), (Code::Conflict, "transfer.settled"));
        assert!(
            scene
                .actions(&app.org, &client)
                .await
                .contains(&"client.transfer_withdrawn".to_owned())
        );
        let own = transfers::offer(registry, &scene.giver, &client.id, "main", "")
            .await
            .unwrap_err();
        assert_eq!(code(&own).0, Code::Conflict, "the client is disabled: {own:?}");
    })
    .await;
}

#[tokio::test]
async fn of_two_who_accept_at_once_one_gets_it_and_an_edit_meanwhile_is_seen() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let client = app.service(&["workspace:read"]).await;
        let seen = scene.offered(&client).await;
        let (a, b) = tokio::join!(scene.accept(&seen), scene.accept(&seen));
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
        let lost = a.err().or(b.err()).unwrap();
        assert!(
            matches!(
                code(&lost).0,
                Code::Conflict | Code::PreconditionFailed | Code::NotFound
            ),
            "{lost:?}"
        );
        let secrets = store::secrets::of_client(app.db(), &client.id).await.unwrap();
        assert_eq!(secrets.len(), 1, "one secret for the one who got it");

        let client = app.service(&["workspace:read"]).await;
        let seen = scene.offered(&client).await;
        let version = scene.client(&client).await.version;
        let registry = &app.app.registry;
        let edit = Edit {
            description: Some("Other".to_owned()),
            ..Edit::default()
        };
        clients::edit(registry, &scene.giver, &client.id, None, edit)
            .await
            .unwrap();
        let looked_at = Acceptance {
            version: Some(version),
            ..Acceptance::default()
        };
        let stale = transfers::accept(registry, &scene.taker, &seen.transfer.id, looked_at)
            .await
            .err()
            .unwrap();
        assert_eq!(code(&stale).0, Code::PreconditionFailed);
        // The two at the same moment: whichever is first, nothing is half done.
        let edit = Edit {
            description: Some("Another".to_owned()),
            ..Edit::default()
        };
        let (accepted, edited) = tokio::join!(
            scene.accept(&seen),
            clients::edit(registry, &scene.giver, &client.id, None, edit)
        );
        let after = scene.client(&client).await;
        match accepted {
            Ok(_) => {
                assert_eq!(after.org_id, scene.other.id);
                assert!(edited.is_err() || after.description == "Another");
            }
            Err(error) => {
                assert_eq!(code(&error).0, Code::PreconditionFailed);
                assert!(edited.is_ok() && after.org_id == app.org.id);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_taker_gives_what_he_has_and_nothing_of_the_giver() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let registry = &app.app.registry;
        let client = app.service(&["workspace:read", "clients:read"]).await;
        let seen = scene.offered(&client).await;
        let choose = async |access: &Access, scopes: Vec<ScopeRef>| {
            let acceptance = Acceptance {
                scopes: Some(scopes),
                ..Acceptance::default()
            };
            transfers::accept(registry, access, &seen.transfer.id, acceptance).await
        };
        let apis = store::apis::of_organization(app.db(), &app.org.id).await.unwrap();
        let theirs = apis.iter().find(|api| api.org_id.is_some()).unwrap();
        let foreign = ScopeRef {
            audience: Some(theirs.audience.clone()),
            value: "workspace:read".to_owned(),
        };
        let refused = choose(&scene.taker, vec![foreign]).await.err().unwrap();
        assert_eq!(refused.refusal().unwrap().fields[0].code, "scope.audience");
        // What the client held of the management API, the taker does not get for nothing.
        let narrow = Access {
            permissions: crate::registry::access::Permissions::of_scopes(["clients:write"]),
            ..scene.taker.clone()
        };
        let beyond = choose(&narrow, vec![ScopeRef::text("members:write")])
            .await
            .err()
            .unwrap();
        assert_eq!(beyond.refusal().unwrap().fields[0].code, "scope.beyond_yours");
        let taken = choose(&scene.taker, vec![ScopeRef::text("workspace:write")])
            .await
            .unwrap();
        assert_eq!(taken.client.scopes.len(), 1);
        assert_eq!(taken.client.scopes[0].1, "workspace:write");
    })
    .await;
}

/// A member of the other organisation.
async fn bea<'a>(scene: &Scene<'a>) -> Browser<'a> {
    let user = person(scene.app, "bea", None).await;
    let added = store::users::add_member(&scene.other.id, &user.id, Role::Admin, scene.app.clock.now());
    scene.app.db().write(added.into()).await.unwrap();
    let browser = Browser::new(scene.app);
    browser.sign_in("bea").await;
    browser
}

fn field(page: &Answer, name: &str) -> String {
    super::flows::field(page, name).replace("&amp;", "&")
}

#[tokio::test]
async fn both_sides_do_it_in_the_console() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let client = app.service(&["workspace:read"]).await;
        let ada = Browser::of(&app, "ada", Role::Admin).await;
        let offer = format!("/orgs/main/clients/{}/transfer", client.id);
        let asked = ada.get(&format!("{offer}?to=acme-energy&note=As+agreed")).await;
        assert!(
            asked.text().contains("Type “Nightly export” to confirm"),
            "{}",
            asked.text()
        );
        let form = [
            ("to", "acme-energy"),
            ("note", "As agreed"),
            ("confirm", "Nightly"),
            ("version", "1"),
        ];
        let wrong = ada.submit(&offer, &form).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let form = [
            ("to", "acme-energy"),
            ("note", "As agreed"),
            ("confirm", "Nightly export"),
        ];
        assert_eq!(ada.submit(&offer, &form).await.status, StatusCode::SEE_OTHER);
        let mine = ada.get("/orgs/main/clients/transfers").await.text();
        assert!(mine.contains("acme-energy") && mine.contains("Offered"), "{mine}");

        let bea = bea(&scene).await;
        let list = bea.get("/orgs/acme-energy/clients").await.text();
        assert!(
            list.contains("1 client is offered to this organisation"),
            "{list}"
        );
        let offers = bea.get("/orgs/acme-energy/clients/transfers").await.text();
        let id = offers
            .split("/clients/transfers/")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let path = format!("/orgs/acme-energy/clients/transfers/{id}");
        let page = bea.get(&path).await;
        for words in ["What comes", "As agreed", "My organisation", "Scopes there"] {
            assert!(page.text().contains(words), "{words}: {}", page.text());
        }
        assert!(
            !page.text().contains("Olivia") && !page.text().contains("ada"),
            "{}",
            page.text()
        );
        let before = bea.get(&format!("/orgs/acme-energy/clients/{}", client.id)).await;
        assert_eq!(before.status, 404, "it is not theirs yet");
        let ticked = page
            .text()
            .split("name=\"scopes\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        app.clock.advance(Lifetime::minutes(16));
        let (once, version) = (field(&page, "once"), field(&page, "version"));
        let mut form = vec![
            ("do", "accept"),
            ("once", once.as_str()),
            ("version", version.as_str()),
            ("scopes", ticked.as_str()),
            ("secret_expires", "90"),
        ];
        let stale = bea.submit(&path, &form).await;
        assert_eq!(stale.status, 403, "{}", stale.text());
        form.push(("confirm_password", PASSWORD));
        let done = bea.submit(&path, &form).await;
        assert!(
            done.text().contains("Nightly export is yours") && done.text().contains("oas_"),
            "{}",
            done.text()
        );
        form.pop();
        let again = bea.submit(&path, &form).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
        assert!(!again.text().contains("oas_"));
        assert_eq!(
            ada.get(&format!("/orgs/main/clients/{}", client.id)).await.status,
            404
        );
        assert_eq!(
            bea.get(&format!("/orgs/acme-energy/clients/{}", client.id))
                .await
                .status,
            200
        );
    })
    .await;
}

/// A caller of the management API.
async fn token(app: &TestApp, org: &Organization) -> String {
    let client = app
        .client(org, service(&["clients:write", "clients:delete"]))
        .await;
    client.token_for(app, &[("resource", "urn:oauthority:api")]).await
}

#[tokio::test]
async fn both_sides_do_it_over_the_api_and_third_parties_see_nothing() {
    on_both(async |app| {
        let scene = Scene::new(&app).await;
        let third = app.organization("third").await;
        let (here, there, elsewhere) = (
            token(&app, &app.org).await,
            token(&app, &scene.other).await,
            token(&app, &third).await,
        );
        let client = app.service(&["workspace:read"]).await;
        let post = async |bearer: &str, path: &str, body: &Json| {
            app.post(&format!("/api/v1/orgs{path}"))
                .bearer(bearer)
                .json(body)
                .await
        };
        let get = async |bearer: &str, path: &str| {
            app.get(&format!("/api/v1/orgs{path}"))
                .bearer(bearer)
                .send()
                .await
        };
        let to = json!({ "to": "acme-energy" });
        let offer = format!("/main/clients/{}/transfer", client.id);
        let dry = post(&here, &format!("{offer}?dry_run=true"), &to).await;
        assert_eq!(dry.status, 200, "{}", dry.text());
        let made = post(&here, &offer, &to).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = text(&made.json(), "id");
        let (foreign, unknown) = (
            get(&elsewhere, &format!("/third/transfers/{id}")).await,
            get(&elsewhere, "/third/transfers/trf_unknown").await,
        );
        assert_eq!(
            (foreign.status, unknown.status),
            (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND)
        );
        assert_eq!(foreign.json()["detail"], unknown.json()["detail"]);
        assert_eq!(
            get(&elsewhere, "/third/transfers").await.json()["data"],
            json!([])
        );
        let shown = get(&there, &format!("/acme-energy/transfers/{id}")).await;
        let coming = shown.json();
        assert_eq!(
            coming["client"]["scopes_there"],
            json!(["workspace:read"]),
            "{coming}"
        );
        assert_eq!(
            coming["client"]["proposed_scopes"][0]["audience"],
            "urn:oauthority:workspace:acme-energy"
        );
        let own = get(&here, &format!("/main/transfers/{id}")).await.json();
        assert!(own["client"].is_null() && own["direction"] == "out", "{own}");
        // Neither answers for the other.
        let wrong_side = post(&here, &format!("/main/transfers/{id}/accept"), &json!({})).await;
        assert_eq!(wrong_side.status, 409, "{}", wrong_side.text());
        let wrong_side = post(
            &there,
            &format!("/acme-energy/transfers/{id}/withdraw"),
            &json!({}),
        )
        .await;
        assert_eq!(wrong_side.status, 409);
        let accept = format!("/acme-energy/transfers/{id}/accept");
        // Whoever accepts says what he has looked at: until then the other side may change it.
        let blind = post(&there, &accept, &json!({})).await;
        assert_eq!(
            blind.status,
            StatusCode::PRECONDITION_REQUIRED,
            "{}",
            blind.text()
        );
        let registry = &app.app.registry;
        let swapped = Edit {
            description: Some("Changed since".to_owned()),
            ..Edit::default()
        };
        clients::edit(registry, &app.owner(), &client.id, None, swapped)
            .await
            .unwrap();
        let take = async |path: &str, tag: &str| {
            let call = app.post(&format!("/api/v1/orgs{path}")).bearer(&there);
            call.header("if-match", tag).json(&json!({})).await
        };
        let stale = take(&accept, shown.header("etag")).await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{}", stale.text());
        let shown = get(&there, &format!("/acme-energy/transfers/{id}")).await;
        let tag = shown.header("etag");
        let tried = take(&format!("{accept}?dry_run=true"), tag).await;
        assert_eq!(
            (tried.status, &tried.json()["client_secret"]),
            (StatusCode::OK, &Json::Null)
        );
        let taken = take(&accept, tag).await;
        assert_eq!(taken.status, 201, "{}", taken.text());
        let new = client.with_secret(&text(&taken.json(), "client_secret"));
        new.token(&app).await;
        assert_eq!(
            get(&here, &format!("/main/clients/{}", client.id)).await.status,
            404
        );
        let tag = taken.header("etag").to_owned();
        let now = get(&there, &format!("/acme-energy/clients/{}", client.id)).await;
        assert_eq!(now.header("etag"), tag);
        // Declined and withdrawn ones are settled for good.
        let second = app.service(&["workspace:read"]).await;
        let offer = format!("/main/clients/{}/transfer", second.id);
        let id = text(&post(&here, &offer, &to).await.json(), "id");
        let declined = post(
            &there,
            &format!("/acme-energy/transfers/{id}/decline"),
            &json!({}),
        )
        .await
        .json();
        assert_eq!(declined["state"], "declined");
        assert_eq!(
            post(&here, &format!("/main/transfers/{id}/withdraw"), &json!({}))
                .await
                .status,
            409
        );
        let id = text(&post(&here, &offer, &to).await.json(), "id");
        let withdrawn = post(&here, &format!("/main/transfers/{id}/withdraw"), &json!({}))
            .await
            .json();
        assert_eq!(withdrawn["state"], "withdrawn");
        assert_eq!(
            post(&there, &format!("/acme-energy/transfers/{id}/accept"), &json!({}))
                .await
                .status,
            409
        );
        second.token(&app).await;
    })
    .await;
}

//! The numbers that are shown before a cut equal what is then really cut.

use super::*;
use crate::{
    oauth::client::GrantType,
    registry::{
        client_input::ScopeRef,
        clients::{self, Edit},
        impact::{self, Impact, Plan},
        secrets::Rotation,
    },
    store::apis::TokenFormat,
    store::users::Role,
    tests::{
        browser::Browser,
        flows::{Rp, payload, text, web_app},
    },
    time::Lifetime,
};

const SCOPES: [&str; 6] = [
    "openid",
    "j:read",
    "j:write",
    "o:read",
    "o:write",
    "workspace:read",
];

const BOTH: &str = "j:read j:write";

/// A client that acts for itself and for people, everything it was ever given, and a service that looks at tokens.
struct Scene {
    rp: Rp,
    service: TestClient,
    tokens: Vec<String>,
    refresh_tokens: Vec<String>,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Active {
    jwt: i64,
    opaque: i64,
    refresh: i64,
}

impl Active {
    fn less(self, after: Self) -> Self {
        Self {
            jwt: self.jwt - after.jwt,
            opaque: self.opaque - after.opaque,
            refresh: self.refresh - after.refresh,
        }
    }

    fn told(impact: &Impact) -> Self {
        let of = |format| {
            let tokens = &impact.stops.access_tokens;
            tokens
                .iter()
                .filter(|tokens| tokens.format == format)
                .map(|tokens| tokens.count)
                .sum()
        };
        Self {
            jwt: of(TokenFormat::Jwt),
            opaque: of(TokenFormat::Opaque),
            refresh: impact.stops.refresh_tokens,
        }
    }
}

/// Two APIs, one with signed tokens and one with opaque ones.
async fn apis(app: &TestApp) {
    for (audience, format, scopes) in [
        ("https://j.example", TokenFormat::Jwt, ["j:read", "j:write"]),
        ("https://o.example", TokenFormat::Opaque, ["o:read", "o:write"]),
    ] {
        app.api(&app.org, audience, format, &scopes).await;
    }
}

/// Tokens of every kind, some of them dead: expired, taken back, of a grant that ended, of an older epoch.
async fn scene(app: &TestApp) -> Scene {
    let mut draft = web_app(&SCOPES);
    draft.grant_types.push(GrantType::ClientCredentials);
    let mut scene = Scene {
        rp: Rp::of(app, draft).await,
        service: app.service(&SCOPES[1..]).await,
        tokens: Vec::new(),
        refresh_tokens: Vec::new(),
    };
    // Expires before anybody looks.
    scene.for_itself(app).await;
    app.clock.advance(Lifetime::minutes(61));
    // Of an older epoch.
    scene.for_itself(app).await;
    let rotation = Rotation {
        revoke_tokens: true,
        ..Rotation::default()
    };
    scene.rp.client = scene.rp.client.rotated(app, rotation).await;
    app.clock.advance(Lifetime::minutes(10));
    scene.for_itself(app).await;
    let cut = scene.tokens.len() - 2;
    for token in [&scene.tokens[cut], &scene.tokens[cut], &scene.tokens[cut + 1]] {
        let call = app.post("/oauth2/revoke").basic(&scene.rp.client);
        assert_eq!(call.form(&[("token", token)]).await.status, 200);
    }
    for (name, scope) in [
        ("alice", BOTH),
        ("bob", BOTH),
        ("carol", "j:write"),
        ("dave", "openid j:read"),
    ] {
        let browser = Browser::of(app, name, Role::Member).await;
        scene.for_person(app, &browser, scope, name == "alice").await;
    }
    scene
}

impl Scene {
    async fn for_itself(&mut self, app: &TestApp) {
        for scope in [
            "j:read",
            "j:write j:read",
            "j:read j:write",
            "o:write",
            "o:read",
            "o:read o:write",
        ] {
            for _ in 0..2 {
                let token = self.rp.client.token_for(app, &[("scope", scope)]).await;
                self.tokens.push(token);
            }
        }
    }

    /// With a refresh token and what comes of it, but for those who are only signed in.
    async fn for_person(&mut self, app: &TestApp, browser: &Browser<'_>, scope: &str, ends: bool) {
        let got = self.rp.tokens(app, browser, &[("scope", scope)]).await;
        self.tokens.push(text(&got, "access_token"));
        if scope.contains("openid") {
            return;
        }
        let first = text(&got, "refresh_token");
        let again = self.rp.refresh(app, &first, &[]).await.json();
        let second = text(&again, "refresh_token");
        self.tokens.push(text(&again, "access_token"));
        if ends {
            let call = app.post("/oauth2/revoke").basic(&self.rp.client);
            assert_eq!(call.form(&[("token", &second)]).await.status, 200);
        }
        self.refresh_tokens.extend([first, second]);
    }

    /// What introspection says, of every token there ever was.
    async fn active(&self, app: &TestApp) -> Active {
        let mut active = Active {
            jwt: 0,
            opaque: 0,
            refresh: 0,
        };
        for token in &self.tokens {
            if app.introspect(&self.service, token).await["active"] == true {
                match token.starts_with("oat_") {
                    true => active.opaque += 1,
                    false => active.jwt += 1,
                }
            }
        }
        for token in &self.refresh_tokens {
            let call = app.post("/oauth2/introspect").basic(&self.rp.client);
            let answer = call.form(&[("token", token)]).await;
            // A client that was cut off cannot even ask.
            if answer.status == 200 && answer.json()["active"] == true {
                active.refresh += 1;
            }
        }
        active
    }

    /// The latest expiry of a JWT that somebody would accept who only looks at its signature and its times.
    fn offline_until(&self, app: &TestApp, with: &str) -> Option<Timestamp> {
        let jwts = self.tokens.iter().filter(|token| !token.starts_with("oat_"));
        let holds = |claims: &serde_json::Value| {
            let scope = claims["scope"].as_str().unwrap_or_default();
            with.is_empty() || scope.split(' ').any(|value| value == with)
        };
        let expiries = jwts.map(|token| payload(token)).filter(holds);
        let expiries = expiries.map(|claims| Timestamp::from_seconds(claims["exp"].as_i64().expect("exp")));
        expiries.filter(|at| *at > app.clock.now()).max()
    }

    async fn impact(&self, app: &TestApp, plan: &Plan) -> Impact {
        impact::of(&app.app.registry, &app.owner(), &self.rp.client.id, plan)
            .await
            .expect("counted")
    }

    async fn keep(&self, app: &TestApp, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| ScopeRef::text(*scope)).collect();
        let edit = Edit {
            scopes: Some(scopes),
            ..Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &self.rp.client.id, None, edit)
            .await
            .expect("saved");
    }
}

#[tokio::test]
async fn disabling_cuts_what_was_counted() {
    on_both(async |app| {
        apis(&app).await;
        let scene = scene(&app).await;
        let told = scene.impact(&app, &Plan::Disable).await;
        let before = scene.active(&app).await;
        clients::disable(&app.app.registry, &app.owner(), &scene.rp.client.id, None, None)
            .await
            .expect("disabled");
        let after = scene.active(&app).await;
        assert_eq!(
            after,
            Active {
                jwt: 0,
                opaque: 0,
                refresh: 0
            }
        );
        assert_eq!(Active::told(&told), before.less(after));
        // Nothing is left out: 12 of the last round less two that were taken back, and those of three people.
        assert_eq!((before.jwt + before.opaque, before.refresh), (10 + 5, 2));
        assert_eq!((told.stops.people, told.secrets, told.consents), (3, 1, 0));
        assert_eq!(told.stops.offline_until, scene.offline_until(&app, ""));
        assert!(told.reversible);
        // What comes after it is another matter.
        let again = scene.impact(&app, &Plan::Delete).await;
        assert_eq!(
            Active::told(&again),
            Active {
                jwt: 0,
                opaque: 0,
                refresh: 0
            }
        );
        assert_eq!(again.stops.people, 0);
        assert_eq!(again.stops.offline_until, told.stops.offline_until);
    })
    .await;
}

#[tokio::test]
async fn deleting_cuts_what_was_counted() {
    on_both(async |app| {
        apis(&app).await;
        let scene = scene(&app).await;
        let told = scene.impact(&app, &Plan::Delete).await;
        let before = scene.active(&app).await;
        clients::delete(&app.app.registry, &app.owner(), &scene.rp.client.id, None)
            .await
            .expect("deleted");
        assert_eq!(Active::told(&told), before.less(scene.active(&app).await));
        assert!(!told.reversible);
    })
    .await;
}

#[tokio::test]
async fn taking_a_scope_away_cuts_what_was_counted() {
    on_both(async |app| {
        apis(&app).await;
        let scene = scene(&app).await;
        let plan = Plan::RemoveScopes(vec![ScopeRef::text("https://j.example-j:write")]);
        let told = scene.impact(&app, &plan).await;
        let before = scene.active(&app).await;
        scene
            .keep(
                &app,
                &SCOPES
                    .into_iter()
                    .filter(|scope| *scope != "j:write")
                    .collect::<Vec<_>>(),
            )
            .await;
        let after = scene.active(&app).await;
        let cut = before.less(after);
        assert!(cut.jwt > 0 && after.jwt > 0, "{cut:?} {after:?}");
        assert_eq!(Active::told(&told), cut);
        // Of two people, one keeps the refresh token for the rest; the third never gave it.
        assert_eq!(cut.refresh, 1);
        assert_eq!((told.stops.people, told.stops.refresh_tokens_narrowed), (2, 1));
        assert_eq!(told.stops.offline_until, scene.offline_until(&app, "j:write"));
        assert_eq!(told.scopes.len(), 1);
        assert_eq!(told.scopes[0].audience.as_deref(), Some("https://j.example"));
        assert!(told.scopes[0].on.is_some_and(|on| on.times > 5));
        // Granted again, it is another incarnation: nothing from before counts, nor is it counted.
        scene.keep(&app, &SCOPES).await;
        assert_eq!(scene.active(&app).await, after);
        let nothing = before.less(before);
        assert_eq!(Active::told(&scene.impact(&app, &plan).await), nothing);
    })
    .await;
}

#[tokio::test]
async fn a_scope_of_openid_connect_is_counted_as_well() {
    on_both(async |app| {
        apis(&app).await;
        let scene = scene(&app).await;
        let told = scene
            .impact(&app, &Plan::RemoveScopes(vec![ScopeRef::text("openid")]))
            .await;
        let before = scene.active(&app).await;
        scene.keep(&app, &SCOPES[1..]).await;
        let cut = before.less(scene.active(&app).await);
        assert_eq!(
            cut,
            Active {
                jwt: 1,
                opaque: 0,
                refresh: 0
            }
        );
        assert_eq!((Active::told(&told), told.stops.people), (cut, 1));
        assert_eq!(told.scopes[0].on.map(|on| on.times), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_rotation_cuts_tokens_only_if_it_is_told_to() {
    on_both(async |app| {
        apis(&app).await;
        let scene = scene(&app).await;
        let gentle = scene.impact(&app, &Plan::Rotate { revoke_tokens: false }).await;
        assert!(gentle.stops.access_tokens.is_empty());
        assert_eq!((gentle.secrets, gentle.stops.people), (1, 0));
        let hard = scene.impact(&app, &Plan::Rotate { revoke_tokens: true }).await;
        let before = scene.active(&app).await;
        let rotation = Rotation {
            revoke_tokens: true,
            ..Rotation::default()
        };
        let client = scene.rp.client.rotated(&app, rotation).await;
        let rp = Rp {
            client,
            ..scene.rp.clone()
        };
        let after = Scene { rp, ..scene }.active(&app).await;
        assert_eq!(Active::told(&hard), before.less(after));
        assert_eq!(
            after,
            Active {
                jwt: 0,
                opaque: 0,
                refresh: 0
            }
        );
    })
    .await;
}

#[tokio::test]
async fn a_scope_of_an_api_is_summed_over_all_who_hold_it() {
    on_both(async |app| {
        apis(&app).await;
        let (one, two) = (scene(&app).await, app.service(&["j:write", "o:read"]).await);
        for _ in 0..3 {
            two.token_for(&app, &[("scope", "j:write")]).await;
        }
        let api = app.app.registry.live.api_of("https://j.example").expect("known");
        let owner = app.owner();
        let told = impact::of_scope(&app.app.registry, &owner, &api.id, Some("j:write"))
            .await
            .expect("counted");
        let plan = Plan::RemoveScopes(vec![ScopeRef::text("j:write")]);
        let alone = one.impact(&app, &plan).await;
        assert_eq!(told.clients.len(), 3, "a service may look at tokens as well");
        let count = |tokens: &[impact::LiveTokens]| tokens.iter().map(|tokens| tokens.count).sum::<i64>();
        assert_eq!(
            count(&told.stops.access_tokens),
            count(&alone.stops.access_tokens) + 3
        );
        assert_eq!(told.stops.people, 2);
        let before = one.active(&app).await;
        crate::registry::apis::delete_scope(&app.app.registry, &owner, &api.id, "j:write", true)
            .await
            .expect("deleted");
        assert_eq!(before.less(one.active(&app).await), Active::told(&alone));
    })
    .await;
}

#[tokio::test]
async fn a_redirect_uri_says_whether_it_is_used() {
    on_both(async |app| {
        apis(&app).await;
        let scene = scene(&app).await;
        let plan = Plan::RemoveRedirects(vec![scene.rp.redirect_uri.clone()]);
        let told = scene.impact(&app, &plan).await;
        assert!(told.is_felt());
        assert!(told.stops.access_tokens.is_empty());
        assert_eq!(told.redirect_uris[0].on.map(|on| on.times), Some(4));
        let unknown = Plan::RemoveRedirects(vec!["https://other.example".to_owned()]);
        impact::of(&app.app.registry, &app.owner(), &scene.rp.client.id, &unknown)
            .await
            .expect_err("it is not registered");
    })
    .await;
}

#[tokio::test]
async fn two_nodes_count_the_same_as_one() {
    on_both(async |app| {
        if app.database != "postgresql" {
            // A SQLite file has one node.
            return;
        }
        apis(&app).await;
        let other = app.another_node().await;
        let mut scene = scene(&app).await;
        scene.for_itself(&other).await;
        // Counted here, taken back there, and known at either place in whatever order.
        let token = scene.tokens[scene.tokens.len() - 1].clone();
        other.app.registry.live.catch_up().await.expect("caught up");
        let call = app.post("/oauth2/revoke").basic(&scene.rp.client);
        assert_eq!(call.form(&[("token", &token)]).await.status, 200);
        flush(&app).await;
        flush(&other).await;
        let before = scene.active(&app).await;
        for node in [&app, &other] {
            let told = scene.impact(node, &Plan::Disable).await;
            assert_eq!(Active::told(&told), before);
        }
    })
    .await;
}

//! Every way in which a token dies: the very next introspection knows, and a restart does not forget.
//! `product.md` section 4.

use crate::{
    db::Statement,
    oauth::client::{AuthMethod, GrantType, Status},
    registry::{
        apis,
        client_input::ScopeRef,
        clients::{self, Edit},
        secrets::Rotation,
    },
    store::apis::TokenFormat,
    tests::{
        harness::{TestApp, TestClient, inactive, on_both},
        postgres,
    },
    time::Lifetime,
};

/// A client with a JWT and an opaque token, and a resource server that may look at both.
struct Scene {
    client: TestClient,
    resource: TestClient,
    tokens: [String; 2],
    opaque_api: String,
}

async fn scene(app: &TestApp) -> Scene {
    app.api(
        &app.org,
        "https://j.example",
        TokenFormat::Jwt,
        &["j:read", "j:write"],
    )
    .await;
    let opaque = app
        .api(
            &app.org,
            "https://o.example",
            TokenFormat::Opaque,
            &["o:read", "o:write"],
        )
        .await;
    let scopes = ["j:read", "j:write", "o:read", "o:write"];
    let (client, resource) = (app.service(&scopes).await, app.service(&scopes).await);
    let tokens = [
        client.token_for(app, &[("scope", "j:read j:write")]).await,
        client.token_for(app, &[("scope", "o:read o:write")]).await,
    ];
    let scene = Scene {
        client,
        resource,
        tokens,
        opaque_api: opaque.id,
    };
    scene.both(app, true).await;
    scene
}

impl Scene {
    async fn both(&self, app: &TestApp, active: bool) {
        for token in &self.tokens {
            let seen = app.introspect(&self.resource, token).await;
            if active {
                assert_eq!(seen["active"], true);
            } else {
                assert_eq!(seen, inactive());
            }
        }
    }

    /// Dead now, and after a restart.
    async fn dead_for_good(&self, app: TestApp) -> TestApp {
        self.both(&app, false).await;
        let app = app.restart().await;
        self.both(&app, false).await;
        app
    }
}

#[tokio::test]
async fn disabling_kills_every_token_and_enabling_revives_none() {
    on_both(async |app| {
        let scene = scene(&app).await;
        clients::disable(&app.app.registry, &app.owner(), &scene.client.id, None, None)
            .await
            .expect("disabled");
        let app = scene.dead_for_good(app).await;
        clients::enable(&app.app.registry, &app.owner(), &scene.client.id, None)
            .await
            .expect("enabled");
        let app = scene.dead_for_good(app).await;
        let fresh = scene.client.token_for(&app, &[("scope", "j:read")]).await;
        assert_eq!(app.introspect(&scene.resource, &fresh).await["active"], true);
    })
    .await;
}

#[tokio::test]
async fn deleting_kills_every_token() {
    on_both(async |app| {
        let scene = scene(&app).await;
        clients::delete(&app.app.registry, &app.owner(), &scene.client.id, None)
            .await
            .expect("deleted");
        scene.dead_for_good(app).await;
    })
    .await;
}

#[tokio::test]
async fn withdrawing_a_scope_kills_the_tokens_that_hold_it() {
    on_both(async |app| {
        let scene = scene(&app).await;
        let narrow = scene.client.token_for(&app, &[("scope", "j:read")]).await;
        let edit = Edit {
            scopes: Some(["j:read", "o:read"].map(ScopeRef::text).to_vec()),
            ..Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &scene.client.id, None, edit)
            .await
            .expect("edited");
        assert_eq!(app.introspect(&scene.resource, &narrow).await["active"], true);
        let app = scene.dead_for_good(app).await;
        assert_eq!(app.introspect(&scene.resource, &narrow).await["active"], true);
    })
    .await;
}

#[tokio::test]
async fn other_edits_kill_nothing() {
    on_both(async |app| {
        let scene = scene(&app).await;
        let edit = Edit {
            name: Some("Another name".to_owned()),
            auth_method: Some(Some(AuthMethod::ClientSecretPost)),
            grant_types: Some(vec![GrantType::ClientCredentials]),
            ..Edit::default()
        };
        clients::edit(&app.app.registry, &app.owner(), &scene.client.id, None, edit)
            .await
            .expect("edited");
        scene.both(&app, true).await;
        let app = app.restart().await;
        scene.both(&app, true).await;
    })
    .await;
}

#[tokio::test]
async fn b_063_revoking_kills_a_token_for_good() {
    on_both(async |app| {
        let scene = scene(&app).await;
        for token in &scene.tokens {
            let form = [("token", token.as_str())];
            let answer = app.post("/oauth2/revoke").basic(&scene.client).form(&form).await;
            assert_eq!(answer.status, 200);
        }
        scene.dead_for_good(app).await;
    })
    .await;
}

#[tokio::test]
async fn rotation_kills_tokens_only_when_asked_to() {
    on_both(async |app| {
        let scene = scene(&app).await;
        let client = scene.client.rotated(&app, Rotation::default()).await;
        scene.both(&app, true).await;
        let rotation = Rotation {
            revoke_tokens: true,
            ..Rotation::default()
        };
        client.rotated(&app, rotation).await;
        scene.dead_for_good(app).await;
    })
    .await;
}

#[tokio::test]
async fn deleting_a_scope_kills_the_tokens_that_hold_it() {
    on_both(async |app| {
        let scene = scene(&app).await;
        let (registry, owner) = (&app.app.registry, app.owner());
        apis::delete_scope(registry, &owner, &scene.opaque_api, "o:write", true)
            .await
            .expect("deleted");
        assert_eq!(
            app.introspect(&scene.resource, &scene.tokens[0]).await["active"],
            true
        );
        assert_eq!(
            app.introspect(&scene.resource, &scene.tokens[1]).await,
            inactive()
        );
    })
    .await;
}

#[tokio::test]
async fn deleting_an_api_kills_its_tokens() {
    on_both(async |app| {
        let scene = scene(&app).await;
        apis::delete(&app.app.registry, &app.owner(), &scene.opaque_api, None, true)
            .await
            .expect("deleted");
        let app = app.restart().await;
        assert_eq!(
            app.introspect(&scene.resource, &scene.tokens[0]).await["active"],
            true
        );
        assert_eq!(
            app.introspect(&scene.resource, &scene.tokens[1]).await,
            inactive()
        );
    })
    .await;
}

/// A node that cannot know whether it has missed a change asks the database, and does not guess without it.
#[tokio::test]
async fn g_32_without_its_shared_database_a_node_answers_for_the_lease_only() {
    on_both(async |app| {
        if app.database == "sqlite" {
            return; // nobody else can change it, so memory is always right
        }
        let scene = scene(&app).await;
        postgres::shut(app.settings()).await;
        app.clock.advance(Lifetime::seconds(30));
        scene.both(&app, true).await;
        app.clock.advance(Lifetime::seconds(1));
        let form = [
            ("token", scene.tokens[0].as_str()),
            ("grant_type", "client_credentials"),
        ];
        for path in ["/oauth2/introspect", "/oauth2/token", "/oauth2/revoke"] {
            let answer = app.post(path).basic(&scene.client).form(&form).await;
            answer.refused(503, "temporarily_unavailable");
        }
    })
    .await;
}

/// Runs a statement outside of the product.
async fn meddle(app: &TestApp, sql: &'static str) {
    app.db()
        .write(Statement::new(sql, vec![]).into())
        .await
        .expect(sql);
}

#[tokio::test]
async fn what_could_not_be_applied_is_not_answered_while_somebody_else_applies_it() {
    on_both(async |app| {
        let scene = scene(&app).await;
        let live = &app.app.registry.live;
        meddle(&app, "ALTER TABLE client_secrets RENAME TO out_of_reach").await;
        clients::disable(&app.app.registry, &app.owner(), &scene.client.id, None, None)
            .await
            .expect("committed, though not applied");
        live.fresh().await.expect_err("this node cannot know");
        meddle(&app, "ALTER TABLE out_of_reach RENAME TO client_secrets").await;
        let second = async {
            live.fresh().await.expect("the storage is back");
            live.client(&scene.client.id).map(|client| client.status)
        };
        let (first, second) = tokio::join!(live.catch_up(), second);
        first.expect("the storage is back");
        assert_eq!(second, Some(Status::Disabled));
    })
    .await;
}

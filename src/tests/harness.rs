//! The whole application in process: no port, no sleep. Time moves by `app.clock.advance`, chance is seeded.
//!
//! Actors do things, so that a test reads as what it tests: `let token = client.token(&app).await;`.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
};
use base64::prelude::{BASE64_STANDARD, Engine};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tower::ServiceExt;
use url::form_urlencoded;

use super::databases::{Database, databases, provisioned};
use crate::{
    app::{self, State, Surroundings},
    config::{Config, Sources},
    db::{Db, DbSettings},
    jobs,
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, Kind, Origin},
        people_settings::PeopleSettings,
    },
    observe::{Observer, Peer},
    registry::{
        access::{Access, Actor, ActorKind, Permissions},
        apis::{self, NewApi, NewScope},
        assurance::Assurance,
        bootstrap::system_access,
        client_input::{Draft, ScopeRef},
        clients::{self, Creation},
        organizations,
        secrets::{self, Rotation},
    },
    secret::{Entropy, Keyring, MasterKey},
    store::{
        self,
        apis::{Api, Risk, TokenFormat},
        factors::Factors,
        organizations::Organization,
        users::Role,
    },
    time::{Clock, Lifetime, Timestamp},
};

/// When every test begins.
const BEGINNING: &str = "2026-11-22T10:00:00Z";

/// The application on a database of a test's own.
pub struct TestApp {
    pub app: State,
    pub clock: Clock,
    /// The first organisation.
    pub org: Organization,
    /// `sqlite` or `postgresql`.
    pub database: &'static str,
    router: Router,
    start: Start,
}

/// Runs a test on SQLite, then on PostgreSQL.
pub async fn on_both(test: impl AsyncFn(TestApp)) {
    on_both_with(&[], test).await;
}

/// As [`on_both`], with settings.
pub async fn on_both_with(flags: &[(&'static str, &'static str)], test: impl AsyncFn(TestApp)) {
    // What the first start makes depends on these only.
    let differs = |(key, _): &(&str, &str)| key.starts_with("bootstrap") || key.starts_with("system_clients");
    let fresh = if flags.iter().any(differs) {
        databases().await
    } else {
        provisioned().await
    };
    for database in fresh {
        test(TestApp::start(&database, flags).await).await;
    }
}

/// Lets the application start once on a database.
pub async fn provision(settings: &DbSettings) {
    let directory = TempDir::new().expect("the system has a temporary directory");
    let key_file = directory.path().join("master.key");
    MasterKey::create(&key_file, &Entropy::seeded(1)).expect("the directory is empty");
    TestApp::launch(Start {
        clock: Clock::set(Timestamp::parse(BEGINNING).expect("a time")),
        // Other secrets than the tests will draw.
        entropy: Entropy::seeded(3),
        flags: Vec::new(),
        directory: Arc::new(directory),
        settings: settings.clone(),
        database: "template",
    })
    .await;
}

impl TestApp {
    /// Starts on an empty database.
    pub async fn start(database: &Database, flags: &[(&'static str, &'static str)]) -> Self {
        let directory = TempDir::new().expect("the system has a temporary directory");
        let key_file = directory.path().join("master.key");
        MasterKey::create(&key_file, &Entropy::seeded(1)).expect("the directory is empty");
        let start = Start {
            clock: Clock::set(Timestamp::parse(BEGINNING).expect("a time")),
            entropy: Entropy::seeded(7),
            flags: flags.to_vec(),
            directory: Arc::new(directory),
            settings: database.settings.clone(),
            database: database.name,
        };
        Self::launch(start).await
    }

    async fn launch(start: Start) -> Self {
        let data = start.directory.path().to_string_lossy().into_owned();
        let sources = Sources::default().directory(data.clone()).flag("data_dir", data);
        let sources = start
            .flags
            .iter()
            .fold(sources, |sources, (key, value)| sources.flag(*key, *value));
        let config = Config::load(&sources).expect("a valid configuration");
        let master = MasterKey::read(&config.key_file).expect("made before");
        let around = Surroundings {
            clock: start.clock.clone(),
            entropy: start.entropy.clone(),
        };
        let app = app::App::start(
            config,
            Db::open(&start.settings).await.expect(start.database),
            Keyring::derive(&master),
            around,
        )
        .await
        .expect(start.database);
        let org = store::organizations::first(app.registry.db())
            .await
            .expect(start.database);
        Self {
            router: app::router(&app, Observer::new(&app.registry.config)),
            org: org.expect("provisioned"),
            app,
            clock: start.clock.clone(),
            database: start.database,
            start,
        }
    }

    /// Stops without saying goodbye and starts again on the same database.
    pub async fn restart(self) -> Self {
        drop((self.router, self.app));
        Self::launch(self.start).await
    }

    /// Another node of the fleet: the same database, clock and chance, a memory of its own.
    pub async fn another_node(&self) -> Self {
        Self::launch(self.start.clone()).await
    }

    /// A node on another machine: as [`another_node`](Self::another_node), with a clock of its own. The same time passes on
    /// both, but somebody may turn one.
    pub async fn another_machine(&self) -> Self {
        let clock = self.clock.of_another_machine();
        Self::launch(Start {
            clock,
            ..self.start.clone()
        })
        .await
    }

    /// Sweeps what is past now. That takes more than a day of running, over which the clock must go on to say so.
    pub async fn sweep(&self) {
        jobs::sweep(&self.app.registry).await.expect("swept");
        self.clock.advance(Lifetime::hours(27));
        jobs::sweep(&self.app.registry).await.expect("swept");
    }

    pub fn db(&self) -> &Db {
        self.app.registry.db()
    }

    /// Where the database is.
    pub const fn settings(&self) -> &DbSettings {
        &self.start.settings
    }

    /// The access of an owner of the first organisation, who has just signed in.
    pub fn owner(&self) -> Access {
        self.owner_of(&self.org)
    }

    /// The access of an owner of an organisation.
    pub fn owner_of(&self, org: &Organization) -> Access {
        Access {
            actor: Actor {
                kind: ActorKind::User,
                id: "usr_olivia".to_owned(),
                name: "Olivia".to_owned(),
                ip: None,
                request_id: "req_test".to_owned(),
                origin: Origin::Console,
            },
            org: org.clone(),
            permissions: Permissions::of_role(Role::Owner),
            assurance: Assurance::of_sign_in(self.clock.now(), "pwd", Factors::default()),
            dry_run: false,
        }
    }

    /// Another organisation.
    pub async fn organization(&self, handle: &str) -> Organization {
        let access = system_access(self.org.clone());
        organizations::create(&self.app.registry, &access, handle, handle, None)
            .await
            .expect("created")
    }

    /// Lets the first organisation demand a second factor of its people.
    pub async fn demand_second_factor(&self) {
        let settings = store::organizations::Settings {
            require_second_factor: true,
            ..(*self.org.settings).clone()
        };
        let edit = organizations::OrganizationEdit {
            settings: Some(settings),
            ..organizations::OrganizationEdit::default()
        };
        organizations::edit(&self.app.registry, &self.owner(), None, edit)
            .await
            .expect("saved");
    }

    /// An API of an organisation with plain scopes.
    pub async fn api(&self, org: &Organization, audience: &str, format: TokenFormat, scopes: &[&str]) -> Api {
        self.api_signed(org, audience, format, None, scopes).await
    }

    /// As [`api`](Self::api), signing with an algorithm.
    pub async fn api_signed(
        &self,
        org: &Organization,
        audience: &str,
        format: TokenFormat,
        algorithm: Option<&str>,
        scopes: &[&str],
    ) -> Api {
        let scopes = scopes.iter().map(|value| NewScope {
            value: (*value).to_owned(),
            description: format!("May {value}"),
            risk: Risk::Reads,
            implies: Vec::new(),
            requires_consent: true,
        });
        let new = NewApi {
            name: audience.to_owned(),
            audience: audience.to_owned(),
            token_format: format,
            lifetime: None,
            signing_algorithm: algorithm.map(str::to_owned),
            scopes: scopes.collect(),
        };
        apis::create(&self.app.registry, &self.owner_of(org), new)
            .await
            .expect("created")
    }

    /// A service of the first organisation that may do this.
    pub async fn service(&self, scopes: &[&str]) -> TestClient {
        self.client(&self.org, service(scopes)).await
    }

    /// A client of an organisation.
    pub async fn client(&self, org: &Organization, draft: Draft) -> TestClient {
        let created = clients::create(
            &self.app.registry,
            &self.owner_of(org),
            draft,
            Creation::default(),
        )
        .await
        .expect("created");
        TestClient {
            id: created.client.client_id,
            secret: created
                .secret
                .map(|s| s.text.expose().to_owned())
                .unwrap_or_default(),
        }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        Call { app: self, request }
    }

    /// Asks for a token.
    pub async fn token(&self, client: &TestClient, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend_from_slice(more);
        self.post("/oauth2/token").basic(client).form(&form).await
    }

    /// Asks whether a token is good.
    pub async fn introspect(&self, caller: &TestClient, token: &str) -> Json {
        let answer = self
            .post("/oauth2/introspect")
            .basic(caller)
            .form(&[("token", token)])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }
}

/// What a start needs and a restart finds again.
#[derive(Clone)]
struct Start {
    clock: Clock,
    entropy: Entropy,
    flags: Vec<(&'static str, &'static str)>,
    directory: Arc<TempDir>,
    settings: DbSettings,
    database: &'static str,
}

/// The answer to a token that is none, or nobody's business.
pub fn inactive() -> Json {
    json!({ "active": false })
}

/// The draft of a service.
pub fn service(scopes: &[&str]) -> Draft {
    Draft {
        kind: Kind::Custom,
        application_type: ApplicationType::Service,
        name: "Nightly export".to_owned(),
        description: String::new(),
        grant_types: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        scopes: scopes.iter().map(|s| ScopeRef::text(*s)).collect(),
        auth_method: None,
        require_consent: false,
        access_token_lifetime: None,
        optional_scopes: None,
        people: PeopleSettings::default(),
        user_id: None,
    }
}

/// The draft of an app where people sign in.
pub fn signing_in(application_type: ApplicationType) -> Draft {
    Draft {
        application_type,
        grant_types: vec![GrantType::AuthorizationCode],
        redirect_uris: vec!["https://app.example/callback".to_owned()],
        ..service(&["workspace:read"])
    }
}

/// The draft of a service that is pinned to a method.
pub fn pinned(method: AuthMethod) -> Draft {
    Draft {
        auth_method: Some(method),
        ..service(&["workspace:read"])
    }
}

/// A client and what it knows.
#[derive(Clone, Debug)]
pub struct TestClient {
    pub id: String,
    pub secret: String,
}

impl TestClient {
    /// Gets a token.
    pub async fn token(&self, app: &TestApp) -> String {
        self.token_for(app, &[]).await
    }

    /// Gets a token with these parameters.
    pub async fn token_for(&self, app: &TestApp, more: &[(&str, &str)]) -> String {
        let answer = app.token(self, more).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The same client with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        Self {
            id: self.id.clone(),
            secret: secret.to_owned(),
        }
    }

    /// Gets a new secret from its owner.
    pub async fn rotated(&self, app: &TestApp, rotation: Rotation) -> Self {
        let created = secrets::rotate(&app.app.registry, &app.owner(), &self.id, None, rotation)
            .await
            .expect("rotated");
        self.with_secret(created.secret.expect("a secret").text.expose())
    }
}

/// A request being put together; `form`, `json` and `send` send it.
pub struct Call<'a> {
    app: &'a TestApp,
    request: Request<Body>,
}

impl Call<'_> {
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        self.request
            .headers_mut()
            .append(HeaderName::from_static(name), value);
        self
    }

    /// HTTP Basic as RFC 6749 has it.
    #[must_use]
    pub fn basic(self, client: &TestClient) -> Self {
        let encode = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&client.id), encode(&client.secret));
        self.header(
            "authorization",
            &format!("Basic {}", BASE64_STANDARD.encode(pair)),
        )
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// From another address than this machine.
    #[must_use]
    pub fn from(mut self, ip: &str) -> Self {
        let ip: IpAddr = ip.parse().expect("an address");
        self.request.extensions_mut().insert(Peer {
            ip,
            ..Peer::default()
        });
        self
    }

    pub async fn form(self, pairs: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.raw("application/x-www-form-urlencoded", body).await
    }

    pub async fn json(self, body: &Json) -> Answer {
        self.raw("application/json", body.to_string()).await
    }

    /// With a body as it is.
    pub async fn raw(self, media_type: &str, body: impl Into<Body>) -> Answer {
        let mut call = self.header("content-type", media_type);
        *call.request.body_mut() = body.into();
        call.send().await
    }

    pub async fn send(self) -> Answer {
        let response = self
            .app
            .router
            .clone()
            .oneshot(self.request)
            .await
            .unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("a body").to_bytes(),
        }
    }
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Json {
        let media_type = self.header(header::CONTENT_TYPE.as_str());
        assert!(media_type.contains("json"), "{media_type:?}: {}", self.text());
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A header, empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The reference of a refusal, as its `error_uri` ends.
    #[track_caller]
    pub fn reference(&self) -> String {
        let uri = self.json()["error_uri"].as_str().unwrap_or_default().to_owned();
        let (_, reference) = uri
            .split_once("/failures/")
            .unwrap_or_else(|| panic!("{}", self.text()));
        reference.to_owned()
    }

    /// The body of a refusal without what tells it from any other.
    pub fn without_reference(&self) -> String {
        self.text().replace(&self.reference(), "")
    }

    /// The status and the `error` code.
    pub fn refusal(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Asserts a status and an `error` code, and that the error keeps to RFC 6749 §5.2.
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str) {
        assert_eq!(self.refusal(), (status, error.to_owned()), "{}", self.text());
        for member in ["error", "error_description"] {
            let text = self.json()[member].as_str().unwrap_or_default().to_owned();
            let allowed =
                |c: char| matches!(c, '\u{20}'..='\u{21}' | '\u{23}'..='\u{5b}' | '\u{5d}'..='\u{7e}');
            assert!(text.chars().all(allowed), "{text:?}");
        }
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

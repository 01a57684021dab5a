//! The application: one value behind one pointer, and the table of everything it answers.

mod face; // how errors look that no handler saw

use std::sync::Arc;

use axum::{
    Router, extract,
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::Response,
};

use crate::{
    activity::Activity,
    api,
    client_auth::Throttle,
    config::{Config, Database},
    console,
    db::{Db, DbSettings},
    endpoints,
    error::{Error, Result},
    failures::Failures,
    hosted,
    live::{self, Live},
    mail::Post,
    observe::{self, Asked, Face, Observer, RequestContext, Unhandled},
    password::Passwords,
    registry::{self, Registry, audiences, audit, bootstrap},
    secret::{Entropy, Keyring, MasterKey},
    server, store,
    time::Clock,
};

/// What every handler works with.
pub struct App {
    pub registry: Registry,
    pub throttle: Throttle,
    pub failures: Failures,
}

/// Shared by every handler.
pub type State = Arc<App>;

/// What the outside world provides; tests provide their own.
pub struct Surroundings {
    pub clock: Clock,
    pub entropy: Entropy,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            entropy: Entropy::system(),
        }
    }
}

impl App {
    /// As [`start`](Self::start), on the database and with the key file that the configuration names.
    ///
    /// # Errors
    /// One sentence for the operator: what is wrong and what to do.
    pub async fn open(config: Config, around: Surroundings) -> Result<State> {
        let db = Db::open(&db_settings(&config)).await?;
        let keyring = keyring(&config, &db, &around.entropy).await?;
        Self::start(config, db, keyring, around).await
    }

    /// Reads the keys, makes sure that everything is provisioned.
    ///
    /// # Errors
    /// One sentence for the operator: what is wrong and what to do.
    pub async fn start(config: Config, db: Db, keyring: Keyring, around: Surroundings) -> Result<State> {
        let keyring = Arc::new(keyring);
        bootstrap::check_key_file(&db, &keyring).await?;
        let personal = config.features.personal_credentials;
        let live = Live::load(db, Arc::clone(&keyring), around.clock.clone(), personal).await?;
        let parallel = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2));
        let registry = Registry {
            userinfo: Arc::new(live::Api::userinfo(config.issuer.as_str())),
            userinfo_any_api: userinfo_any_api(&config, live.db()).await?,
            boundary: registry::boundary(&config),
            post: Post::new(&config)?,
            config: Arc::new(config),
            live,
            keyring,
            entropy: around.entropy,
            clock: around.clock,
            activity: Arc::new(Activity::default()),
            passwords: Passwords::new(parallel),
        };
        audit::adopt::all(&registry).await?;
        bootstrap::provision(&registry).await?;
        audiences::tell(&registry).await?;
        let throttle = Throttle::new(&registry.config);
        Ok(Arc::new(Self {
            registry,
            throttle,
            failures: Failures::default(),
        }))
    }
}

/// Whether UserInfo takes tokens for any API: as the configuration says, else as it was when the installation was made.
async fn userinfo_any_api(config: &Config, db: &Db) -> Result<bool> {
    match config.legacy.userinfo_any_api {
        Some(said) => Ok(said),
        None => Ok(store::instance::find(db, store::instance::USERINFO_ANY_API)
            .await?
            .is_some()),
    }
}

/// The database that the configuration names.
fn db_settings(config: &Config) -> DbSettings {
    match &config.database {
        Database::Sqlite(path) => DbSettings::Sqlite { path: path.clone() },
        Database::Postgres(url) => DbSettings::Postgres {
            url: url.clone(),
            pool_size: 16,
        },
    }
}

/// The keys of this instance: read from the key file, or made with it when the database is new.
///
/// # Errors
/// One sentence for the operator. A key file that is missing although the database was used before is never replaced:
/// what it sealed would be lost.
async fn keyring(config: &Config, db: &Db, entropy: &Entropy) -> Result<Keyring> {
    let used = store::instance::find(db, store::instance::KEY_CHECK)
        .await?
        .is_some();
    let master = match MasterKey::read(&config.key_file) {
        Err(error) if error.is_missing() && !used => MasterKey::create(&config.key_file, entropy),
        read => read,
    };
    Ok(Keyring::derive(&master.map_err(Error::internal)?))
}

/// Everything this server answers.
pub fn router(app: &State, observer: Observer) -> Router {
    let ready = {
        let app = Arc::clone(app);
        move || {
            let app = Arc::clone(&app);
            async move { ready(&app).await }
        }
    };
    let observer = observer.facing(face::face(app));
    let gate = (Arc::clone(app), observer.face());
    let routes = Router::new()
        .merge(endpoints::routes(&app.registry.config))
        .merge(api::routes(app))
        .merge(hosted::routes(&app.registry.config.issuer))
        .merge(console::routes())
        .layer(from_fn_with_state(gate, by_the_clock))
        .with_state(Arc::clone(app))
        .merge(observe::routes(observer.clone(), ready));
    let limit = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
    // The first is the outermost.
    let share = app.registry.config.limits.connections_per_address;
    let body_limit = server::BodyLimit::new(limit, observer.face()).with_share_of_each_address(share);
    routes.layer((observe::Watch::new(observer), body_limit))
}

/// Nothing is served by a clock that is off: what has expired would count, and what counts would have expired.
async fn by_the_clock(
    extract::State((app, face)): extract::State<(State, Face)>,
    request: extract::Request,
    next: Next,
) -> Response {
    if app.registry.live.trust_clock().is_ok() {
        return next.run(request).await;
    }
    let context = request.extensions().get::<RequestContext>();
    let asked = Asked {
        method: request.method().clone(),
        uri: request.uri().clone(),
        request_id: context.map_or_else(String::new, |context| context.request_id.clone()),
    };
    let what = Unhandled {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: "temporarily_unavailable",
        description: "the clock of this server is off; nothing was changed; try again shortly".to_owned(),
    };
    face.put(&what, &asked)
}

async fn ready(app: &App) -> Result<(), String> {
    app.registry.db().ping().await.map_err(|e| e.to_string())?;
    app.registry.live.fresh().await.map_err(|e| e.to_string())
}

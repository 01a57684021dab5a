//! `oauthority serve`: the server itself.
//!
//! Whatever can be wrong is found before the first connection is accepted, and said in one line.

use std::{
    io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
};
use crate::{
    app::{self, App, Surroundings},
    config::{Config, Sources},
    demo,
    jobs::Jobs,
    observe::{self, Observer},
    secret::Secret,
    server::{self, Server},
    setup_link,
    time::{Clock, Timestamp},
};

/// Flags of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Make a demonstration to look around in: an organisation with people and clients
    #[arg(long)]
    dev: bool,
    /// The password of the people of the demonstration, instead of one that is made up [env: OAUTHORITY_DEV_PASSWORD]
    #[arg(long, value_name = "PASSWORD", requires = "dev")]
    dev_password: Option<String>,
}

/// Where the settings of the server come from.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// The configuration file, instead of `oauthority.toml` here or in the data directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The URL of this server as clients and browsers see it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// `sqlite`, `sqlite:PATH` or `postgres://…`
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// Where the embedded database and the key file live
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// Any setting of the reference, as in `--set lifetimes.access_token=30m`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    others: Vec<String>,
}

impl Settings {
    /// The settings that hold.
    ///
    /// # Errors
    /// Every problem there is, a line each.
    pub fn load(&self, terminal: &Terminal) -> Result<Config> {
        load(&self.sources(terminal)?)
    }

    fn sources(&self, terminal: &Terminal) -> Result<Sources> {
        let mut sources = Sources::new(terminal.environment.clone());
        if let Some(file) = &self.config {
            sources = sources.file(file);
        }
        let named = [
            ("listen", &self.listen),
            ("issuer", &self.issuer),
            ("database", &self.database),
            ("data_dir", &self.data_dir),
        ];
        for (key, value) in named {
            if let Some(value) = value {
                sources = sources.flag(key, value);
            }
        }
        for other in &self.others {
            let (key, value) = other
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--set {other}: write KEY=VALUE")))?;
            sources = sources.flag(key, value);
        }
        Ok(sources)
    }
}

fn load(sources: &Sources) -> Result<Config> {
    Config::load(sources).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let many = if lines.len() == 1 { "a problem" } else { "problems" };
        Failure::usage(format!("the configuration has {many}:\n  {}", lines.join("\n  ")))
    })
}

/// Runs the server until the operating system asks it to stop.
///
/// # Errors
/// One line for the operator: what is wrong and what to do.
pub async fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<()> {
    let stop = server::stop_signal()?;
    until(arguments, terminal, stop, |_| {}).await
}

/// Runs the server until `stop`; `listening` hears where it listens.
pub(crate) async fn until(
    arguments: Arguments,
    terminal: &mut Terminal,
    stop: impl Future<Output = ()>,
    listening: impl FnOnce(SocketAddr),
) -> Result<()> {
    let mut sources = arguments.settings.sources(terminal)?;
    if arguments.dev {
        sources = sources
            .fallback("bootstrap.organization", demo::NAME)
            .fallback("bootstrap.handle", demo::HANDLE);
    }
    let mut config = load(&sources)?;
    observe::init(&config.log);
    make_data_dir(&config.data_dir)?;
    let server = Server::bind(&config)
        .await
        .map_err(|error| cannot_start(&error))?;
    let metrics = metrics_server(&config).await?;
    let address = server.address()?;
    if config.listen.port() == 0 {
        // The issuer follows from the port, which is known only now.
        config = load(&sources.flag("listen", address.to_string()))?;
    }
    let around = surroundings(&arguments, terminal)?;
    let app = App::open(config, around).await?;
    let registry = &app.registry;
    if arguments.dev {
        let password = arguments.dev_password.as_deref();
        let password = password.or_else(|| terminal.variable("OAUTHORITY_DEV_PASSWORD"));
        let password = password.map(|password| Secret::new(password.to_owned()));
        let mut told = None;
        demo::provision(registry, password, |line| told = Some(line.to_owned())).await?;
        if let Some(line) = told {
            terminal.print(&format!("{line}\n"))?;
        }
    }
    if let Some(line) = setup_link::announce(registry).await? {
        terminal.print(&format!("{line}\n"))?;
    }
    if let Some(directory) = registry.post.directory() {
        let directory = directory.display();
        tracing::info!(%directory, "no mail server is set (`mail.smtp_url`): mails are written there as files");
    }
    let jobs = Jobs::start(&app);
    let observer = Observer::new(&registry.config);
    warn_about_proxies(&registry.config);
    tracing::info!(%address, issuer = %registry.config.issuer, "listening");
    listening(address);
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let metrics = metrics.map(|server| {
        let routes = observe::metrics_alone(observer.clone());
        // Whether told or left alone: it is over.
        tokio::spawn(server.run(routes, async move { drop(end.await) }))
    });
    server.run(app::router(&app, observer), stop).await;
    drop(ended);
    if let Some(metrics) = metrics {
        drop(metrics.await);
    }
    jobs.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// The listener for metrics alone, if there is to be one.
async fn metrics_server(config: &Config) -> Result<Option<Server>> {
    let Some(listen) = config.metrics.listen else {
        return Ok(None);
    };
    let mut own = config.clone();
    own.listen = listen;
    let bound = Server::bind(&own).await;
    bound.map(Some).map_err(|error| cannot_start(&error))
}

/// A proxy that nobody named: it works, and everybody looks like the proxy.
fn warn_about_proxies(config: &Config) {
    if config.behind_proxy && config.trusted_proxies.is_empty() {
        tracing::warn!(
            "`behind_proxy` is set and `trusted_proxies` is not: every request counts as the proxy's own, so all clients share \
             one address in limits, lockouts and the activity, and one who guesses slows down all others. Set \
             `trusted_proxies` to the addresses of the proxy, such as trusted_proxies = [\"127.0.0.1\"]"
        );
    }
}

fn cannot_start(error: &server::Error) -> Failure {
    let hint = match error {
        server::Error::Listen(_, cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            ": another program listens there; stop it, or choose another address with --listen"
        }
        _ => "",
    };
    Failure::new(Exit::Unexpected, format!("{error}{hint}"))
}

/// Makes the data directory for its owner alone; one that others may enter stays as it is.
fn make_data_dir(path: &Path) -> Result<()> {
    let failed = |error: io::Error| {
        let message = format!("cannot use the data directory {}: {error}", path.display());
        Failure::new(Exit::Unexpected, message)
    };
    if path.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// The clock and the randomness. `OAUTHORITY_TEST_NOW` starts the clock elsewhere, as a test aid; with `--dev` only,
/// since a server whose clock is wrong accepts what has expired.
fn surroundings(arguments: &Arguments, terminal: &mut Terminal) -> Result<Surroundings> {
    let mut around = Surroundings::default();
    let Some(at) = terminal.variable("OAUTHORITY_TEST_NOW").map(str::to_owned) else {
        return Ok(around);
    };
    if !arguments.dev {
        terminal.say("oauthority: OAUTHORITY_TEST_NOW is ignored without --dev");
        return Ok(around);
    }
    let at = Timestamp::parse(&at).map_err(|why| Failure::usage(format!("OAUTHORITY_TEST_NOW: {why}")))?;
    around.clock = Clock::starting(at);
    Ok(around)
}

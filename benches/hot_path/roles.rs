//! The two servers, each a process of its own on core 0: the floor, and ours as it is delivered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    http::header,
    routing::{MethodFilter, get, on},
};
use oauthority::{
    app::{self, App, Surroundings},
    config::{Config, Sources},
    jobs::Jobs,
    oauth::{
        client::{ApplicationType, GrantType, Kind},
        people_settings::PeopleSettings,
    },
    observe::{self, Observer},
    registry::{Registry, access::Access, apis, bootstrap, client_input, clients, people},
    secret::Secret,
    server::Server,
    store::{self, apis::Risk, apis::TokenFormat, users::Role},
};

use crate::Outcome;

/// Clients that requests are drawn from.
pub const CLIENTS: usize = 256;

/// A server that runs until this is dropped.
pub struct Child {
    process: process::Child,
    pub address: SocketAddr,
    /// Client id and secret.
    pub clients: Vec<(String, String)>,
    /// The app where people sign in, last of the clients announced.
    pub app: (String, String),
    /// The client that may see clients, announced before it.
    pub manager: (String, String),
}

/// The person who signs in to it.
pub const PERSON: &str = "alice";
pub const PASSWORD: &str = "correct horse battery staple 7";
/// Where it gets its codes.
pub const CALLBACK: &str = "https://app.example/callback";

impl Child {
    pub fn floor(sizes: &[usize]) -> Outcome<Self> {
        let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
        Self::start(&[&["floor"], sizes.as_slice()].concat())
    }

    pub fn server(directory: &Path) -> Outcome<Self> {
        Self::start(&["server", &directory.to_string_lossy()])
    }

    /// As [`server`](Self::server), with so many clients, and with its background jobs if they are wanted.
    pub fn with(directory: &Path, clients: usize, jobs: bool) -> Outcome<Self> {
        let jobs = if jobs { "jobs" } else { "idle" };
        Self::start(&["server", &directory.to_string_lossy(), &clients.to_string(), jobs])
    }

    /// A server on a directory that a server had before.
    pub fn again(directory: &Path) -> Outcome<Self> {
        Self::start(&["again", &directory.to_string_lossy()])
    }

    /// How much memory it holds, in MiB.
    pub fn memory(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .and_then(|line| line.split_whitespace().next())
            .ok_or("a number")?
            .parse()?;
        Ok(kib / 1024)
    }

    fn start(arguments: &[&str]) -> Outcome<Self> {
        // The generator has the other core to itself; where there is only one, it has to share.
        pin_self();
        let mut process = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe()?)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("a pipe")?).lines();
        let address = lines.next().ok_or("the server did not start")??.parse()?;
        let mut clients: Vec<(String, String)> = lines
            .take_while(|line| !matches!(line.as_deref(), Ok("")))
            .filter_map(|line| {
                line.ok()?
                    .split_once(' ')
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
            })
            .collect();
        Ok(Self {
            process,
            address,
            app: clients.pop().unwrap_or_default(),
            manager: clients.pop().unwrap_or_default(),
            clients,
        })
    }

    /// CPU time of each thread so far, in the kernel's own nanoseconds.
    pub fn cpu(&self) -> Outcome<Cpu> {
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let path = task?.path();
            // A thread may end while it is looked at.
            let Ok(text) = fs::read_to_string(path.join("schedstat")) else {
                continue;
            };
            threads.insert(path, text.split(' ').next().ok_or("a number")?.parse()?);
        }
        Ok(Cpu(threads))
    }
}

/// CPU time of the threads of a process.
pub struct Cpu(BTreeMap<PathBuf, u64>);

impl Cpu {
    /// What they spent since an earlier look.
    pub fn since(&self, before: &Self) -> Duration {
        let spent = |(thread, nanos): (&PathBuf, &u64)| nanos - before.0.get(thread).unwrap_or(&0);
        Duration::from_nanos(self.0.iter().map(spent).sum())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pin_self() {
    let own = process::id().to_string();
    let _ = Command::new("taskset")
        .args(["-cp", "1", &own])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn announce(address: SocketAddr, clients: &[(String, String)]) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}")?;
    for (id, secret) in clients {
        writeln!(out, "{id} {secret}")?;
    }
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Headers that hyper writes around a constant: status line, content type, content length, date.
const AROUND: usize = 108;

const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// Answers constants of the given sizes, and nothing else.
pub fn floor(sizes: &[&str]) -> Outcome<()> {
    let mut router = Router::new();
    let sizes: BTreeSet<&str> = sizes.iter().copied().collect();
    for size in sizes {
        let body = Bytes::from(vec![b'x'; size.parse::<usize>()?.saturating_sub(AROUND)]);
        let constant = body.clone();
        let reading = on(MethodFilter::POST, async move |_: Bytes| (JSON, body.clone()));
        let route = reading.merge(get(async move || (JSON, constant.clone())));
        router = router.route(&format!("/constant/{size}"), route);
    }
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?, &[])?;
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// The server with its defaults on an embedded database, and clients to ask it.
pub fn server(directory: &str, clients: usize, jobs: bool) -> Outcome<()> {
    serve(directory, Some(clients), jobs)
}

/// A server on a directory that a server had before; it announces nobody.
pub fn again(directory: &str) -> Outcome<()> {
    serve(directory, None, false)
}

fn serve(directory: &str, clients: Option<usize>, with_jobs: bool) -> Outcome<()> {
    let sources = Sources::default()
        .directory(directory)
        .flag("data_dir", directory)
        .flag("listen", "127.0.0.1:0")
        // What is measured is the work of a sign-in, not how soon it is refused.
        .flag("limits.sign_in_attempts_per_address", "100000")
        .flag("issuer", "http://localhost:8080");
    let config = Config::load(&sources).map_err(|problems| format!("{problems:?}"))?;
    observe::init(&config.log);
    runtime()?.block_on(async {
        let observer = Observer::new(&config);
        let server = Server::bind(&config).await?;
        let app = App::open(config, Surroundings::default()).await?;
        let clients = match clients {
            Some(count) => register(&app.registry, count).await?,
            None => Vec::new(),
        };
        announce(server.address()?, &clients)?;
        let _jobs = with_jobs.then(|| Jobs::start(&app));
        server
            .run(app::router(&app, observer), std::future::pending())
            .await;
        Ok(())
    })
}

async fn register(registry: &Registry, count: usize) -> Outcome<Vec<(String, String)>> {
    let org = store::organizations::first(registry.db())
        .await?
        .ok_or("an organisation")?;
    let access = bootstrap::system_access(org);
    let kinds = [
        ("opaque", None),
        ("es256", Some("ES256")),
        ("eddsa", Some("EdDSA")),
        ("rs256", Some("RS256")),
    ];
    for (name, algorithm) in kinds {
        let scope = apis::NewScope {
            value: format!("{name}:read"),
            description: "Read".to_owned(),
            risk: Risk::Reads,
            implies: Vec::new(),
            requires_consent: false,
        };
        let format = if algorithm.is_some() {
            TokenFormat::Jwt
        } else {
            TokenFormat::Opaque
        };
        let new = apis::NewApi {
            name: name.to_owned(),
            audience: format!("https://{name}.example.com"),
            token_format: format,
            lifetime: None,
            signing_algorithm: algorithm.map(str::to_owned),
            scopes: vec![scope],
        };
        apis::create(registry, &access, new).await?;
    }
    let mut made = Vec::with_capacity(count);
    let scopes = kinds.map(|(name, _)| format!("{name}:read"));
    for number in 0..count {
        made.push(register_service(registry, &access, format!("Service {number}"), &scopes).await?);
    }
    let see = ["clients:read".to_owned()];
    made.push(register_service(registry, &access, "Manager".to_owned(), &see).await?);
    made.push(register_app(registry, &access).await?);
    Ok(made)
}

async fn register_service(
    registry: &Registry,
    access: &Access,
    name: String,
    scopes: &[String],
) -> Outcome<(String, String)> {
    let draft = client_input::Draft {
        kind: Kind::Custom,
        application_type: ApplicationType::Service,
        name,
        description: String::new(),
        grant_types: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        scopes: scopes.iter().map(client_input::ScopeRef::text).collect(),
        auth_method: None,
        require_consent: false,
        access_token_lifetime: None,
        optional_scopes: None,
        people: PeopleSettings::default(),
        user_id: None,
    };
    let created = clients::create(registry, access, draft, clients::Creation::default()).await?;
    let secret = created.secret.ok_or("a service has a secret")?;
    Ok((created.client.client_id, secret.text.expose().to_owned()))
}

/// An app where people sign in, which need not ask, and a person who does.
async fn register_app(registry: &Registry, access: &Access) -> Outcome<(String, String)> {
    let draft = client_input::Draft {
        kind: Kind::Custom,
        application_type: ApplicationType::Web,
        name: "App".to_owned(),
        description: String::new(),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        redirect_uris: vec![CALLBACK.to_owned()],
        scopes: vec![client_input::ScopeRef::text("opaque:read")],
        auth_method: None,
        require_consent: false,
        access_token_lifetime: None,
        optional_scopes: None,
        people: PeopleSettings::default(),
        user_id: None,
    };
    let created = clients::create(registry, access, draft, clients::Creation::default()).await?;
    let secret = created.secret.ok_or("a web app has a secret")?;
    let person = people::NewAccount {
        username: PERSON.to_owned(),
        display_name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    people::create(registry, person, false, &[(&access.org.id, Role::Member)]).await?;
    Ok((created.client.client_id, secret.text.expose().to_owned()))
}

//! What was acknowledged survives. The server is killed with SIGKILL in the middle of a stream of creates, deletes,
//! disables and revocations, of codes and refresh tokens, fifty times; after each restart it is ready within three
//! seconds, whatever it had answered with success holds, and in the end the file is whole.

#[path = "crash/people.rs"]
mod people; // what clients got on behalf of a person

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use oauthority::{
    app::{App, Surroundings},
    config::{Config, Sources},
    registry::{
        bootstrap::system_access,
        people::{NewAccount, create},
        secrets::{self, Rotation},
    },
    secret::Secret,
    store::{self, users::Role},
};
use reqwest::{Client as Http, StatusCode, header, redirect};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const KILLS: u64 = 50;
const WORKERS: usize = 6;
const READY_WITHIN: Duration = Duration::from_secs(3);

/// Client id and secret.
#[derive(Clone, Debug)]
struct Credentials {
    id: String,
    secret: String,
}

/// What the server acknowledged of a client, and what it must do after any crash.
#[derive(Clone, Debug)]
struct Known {
    client: Credentials,
    token: Option<String>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Gets tokens; its token is active.
    Lives,
    /// Its token is not active; it gets new ones.
    Revoked,
    /// Nothing works.
    Cut,
    /// A cut was asked for and not answered: both are right.
    Open,
}

type Ledger = Arc<Mutex<Vec<Known>>>;

fn record(ledger: &Ledger, known: Known) -> usize {
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.push(known);
    ledger.len() - 1
}

fn change(ledger: &Ledger, at: usize, change: impl FnOnce(&mut Known)) {
    change(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner)[at]);
}

fn sources(data: &Path) -> Sources {
    Sources::default()
        .directory(data)
        .flag("data_dir", data.to_string_lossy())
}

/// The first start, in this process: it leaves a person, and an administrator client whose secret is known.
async fn provision(data: &Path) -> Outcome<Credentials> {
    std::fs::create_dir(data)?;
    let config = Config::load(&sources(data)).map_err(|problems| format!("{problems:?}"))?;
    let app = App::open(config, Surroundings::default()).await?;
    let registry = &app.registry;
    let org = store::organizations::first(registry.db())
        .await?
        .ok_or("the first organisation")?;
    let alice = NewAccount {
        username: people::USERNAME.to_owned(),
        display_name: None,
        password: Secret::new(people::PASSWORD.to_owned()),
    };
    create(registry, alice, false, &[(&org.id, Role::Member)]).await?;
    let id = registry.config.system_clients.admin_id.clone();
    let rotated = secrets::rotate(registry, &system_access(org), &id, None, Rotation::default()).await?;
    let secret = rotated.secret.ok_or("a new secret")?.text.expose().to_owned();
    Ok(Credentials { id, secret })
}

/// The server as it is delivered, in a process of its own. It is killed when this is dropped.
struct Server {
    process: Child,
    base: String,
    http: Http,
}

impl Server {
    /// Starts it and waits until it is ready.
    async fn start(data: &Path, address: SocketAddr) -> Outcome<Self> {
        let started = Instant::now();
        let base = format!("http://{address}");
        let process = Command::new(env!("CARGO_BIN_EXE_oauthority"))
            .args(["serve", "--listen", &address.to_string(), "--issuer", &base])
            .arg("--data-dir")
            .arg(data)
            .args(["--set", "limits.requests_per_minute=0"])
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let http = Http::builder()
            .timeout(Duration::from_secs(10))
            .redirect(redirect::Policy::none())
            .build()?;
        let server = Self { process, base, http };
        loop {
            let asked = server
                .http
                .get(format!("{}/health/ready", server.base))
                .send()
                .await;
            if asked.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Ok(server);
            }
            if started.elapsed() > READY_WITHIN {
                return Err("not ready within three seconds".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// SIGKILL, and no moment to say goodbye.
    fn kill(&mut self) -> Outcome<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    async fn post_form(
        &self,
        path: &str,
        client: &Credentials,
        form: &[(&str, &str)],
    ) -> Outcome<(StatusCode, Json)> {
        let call = self.http.post(format!("{}{path}", self.base)).form(form);
        let answer = call.basic_auth(&client.id, Some(&client.secret)).send().await?;
        let status = answer.status();
        // A revocation answers with nothing.
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    async fn token(&self, client: &Credentials) -> Outcome<Option<String>> {
        let form = [("grant_type", "client_credentials")];
        let (status, body) = self.post_form("/oauth2/token", client, &form).await?;
        match status {
            StatusCode::OK => Ok(body["access_token"].as_str().map(str::to_owned)),
            StatusCode::UNAUTHORIZED => Ok(None),
            other => Err(format!("{other}: {body}").into()),
        }
    }

    async fn is_active(&self, watcher: &Credentials, token: &str) -> Outcome<bool> {
        let (status, body) = self
            .post_form("/oauth2/introspect", watcher, &[("token", token)])
            .await?;
        if status != StatusCode::OK {
            return Err(format!("{status}: {body}").into());
        }
        Ok(body["active"] == true)
    }

    async fn create(&self, bearer: &str) -> Outcome<Credentials> {
        let new = json!({ "name": "Nightly export", "type": "service", "scopes": ["workspace:read"],
            "grant_types": ["client_credentials"] });
        self.register(bearer, &new).await
    }

    async fn register(&self, bearer: &str, new: &Json) -> Outcome<Credentials> {
        let call = self
            .http
            .post(format!("{}/api/v1/orgs/main/clients", self.base))
            .json(new);
        let answer = call.bearer_auth(bearer).send().await?;
        let (status, body): (_, Json) = (answer.status(), answer.json().await?);
        let text = |value: &Json| {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| format!("{status}: {body}"))
        };
        Ok(Credentials {
            id: text(&body["client"]["client_id"])?,
            secret: text(&body["client_secret"])?,
        })
    }

    /// Disables or deletes.
    async fn cut(&self, bearer: &str, client: &Credentials, delete: bool) -> Outcome<()> {
        let url = format!("{}/api/v1/orgs/main/clients/{}", self.base, client.id);
        let call = if delete {
            self.http.delete(url).header(header::IF_MATCH, "*")
        } else {
            self.http.post(format!("{url}/disable"))
        };
        let answer = call.bearer_auth(bearer).send().await?;
        if !answer.status().is_success() {
            return Err(format!("{}: {}", answer.status(), answer.text().await?).into());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Creates, and cuts, until the server is gone.
async fn work(server: Arc<Server>, bearer: String, ledger: Ledger, number: usize) -> Outcome<()> {
    for round in number.. {
        let client = server.create(&bearer).await?;
        let known = Known {
            client: client.clone(),
            token: None,
            fate: Fate::Lives,
        };
        let at = record(&ledger, known);
        let token = server.token(&client).await?.ok_or("a new client gets a token")?;
        change(&ledger, at, |known| known.token = Some(token.clone()));
        let fate = match round % 4 {
            0 => continue,
            1 => Fate::Revoked,
            _ => Fate::Cut,
        };
        change(&ledger, at, |known| known.fate = Fate::Open);
        if fate == Fate::Revoked {
            let (status, body) = server
                .post_form("/oauth2/revoke", &client, &[("token", &token)])
                .await?;
            if status != StatusCode::OK {
                return Err(format!("{status}: {body}").into());
            }
        } else {
            server.cut(&bearer, &client, round % 4 == 2).await?;
        }
        change(&ledger, at, |known| known.fate = fate);
    }
    Ok(())
}

/// Asserts that all of it is as it was acknowledged.
async fn check(server: &Server, watcher: &Credentials, all: &[Known]) -> Outcome<()> {
    for known in all {
        let gets_tokens = server.token(&known.client).await?.is_some();
        let active = match &known.token {
            Some(token) => Some(server.is_active(watcher, token).await?),
            None => None,
        };
        let right = match known.fate {
            Fate::Lives => gets_tokens && active != Some(false),
            Fate::Revoked => gets_tokens && active == Some(false),
            Fate::Cut => !gets_tokens && active == Some(false),
            // A client that gets nothing has no active token either.
            Fate::Open => gets_tokens || active == Some(false),
        };
        assert!(right, "gets tokens: {gets_tokens}, active: {active:?}, {known:?}");
    }
    Ok(())
}

/// The address of a port that was free just now.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn integrity(data: &Path) -> Outcome<String> {
    let file: PathBuf = match Config::load(&sources(data))
        .map_err(|problems| format!("{problems:?}"))?
        .database
    {
        oauthority::config::Database::Sqlite(path) => path,
        oauthority::config::Database::Postgres(_) => return Err("an embedded database".into()),
    };
    let connection = rusqlite::Connection::open(file)?;
    Ok(connection.query_row("PRAGMA integrity_check", (), |row| row.get(0))?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fd_20_whatever_was_acknowledged_survives_fifty_kills() -> Outcome<()> {
    let directory = TempDir::new()?;
    let data = directory.path().join("data");
    let admin = provision(&data).await?;
    let address = free_address()?;
    let ledger = Ledger::default();
    let mut checked = 0;
    let mut server = Arc::new(Server::start(&data, address).await?);
    let bearer = server
        .token(&admin)
        .await?
        .ok_or("the administrator gets a token")?;
    let watcher = server.create(&bearer).await?;
    let app = people::App::of(&server, &bearer).await?;
    let (families, mut settled) = (people::Families::default(), 0);
    for kill in 0..KILLS {
        let mut workers = JoinSet::new();
        for number in 0..WORKERS {
            workers.spawn(work(
                Arc::clone(&server),
                bearer.clone(),
                Arc::clone(&ledger),
                number,
            ));
        }
        for _ in 0..WORKERS / 2 {
            let (app, families) = (app.clone(), Arc::clone(&families));
            workers.spawn(people::work(Arc::clone(&server), app, families));
        }
        // On a busy machine the stream takes a while to begin.
        let recorded = || ledger.lock().unwrap_or_else(PoisonError::into_inner).len();
        for _ in 0..1000 {
            if recorded() > checked {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(100 + kill * 61 % 400)).await;
        // The workers hold the server as well: the process is ended by its number.
        let pid = server.process.id().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status()?.success());
        while let Some(ended) = workers.join_next().await {
            let why = ended?.expect_err("the server is gone").to_string();
            assert!(
                why.contains("error sending") || why.contains("error decoding") || why.contains("request"),
                "{why}"
            );
        }
        Arc::get_mut(&mut server).ok_or("nobody else holds it")?.kill()?;
        server = Arc::new(Server::start(&data, address).await?);
        let known = ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(known.len() > checked, "the stream was not running");
        check(&server, &watcher, &known[checked..]).await?;
        checked = known.len();
        let mut all = families.lock().unwrap_or_else(PoisonError::into_inner).clone();
        people::check(&server, &app, &watcher, &mut all[settled..]).await?;
        settled = all.len();
        *families.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }
    let known = ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
    check(&server, &watcher, &known).await?;
    let mut all = families.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for state in [people::State::Issued, people::State::Lives, people::State::Ended] {
        assert!(all.iter().any(|family| family.state == state), "{state:?}");
    }
    all.retain(|family| matches!(family.state, people::State::Lives | people::State::Ended));
    people::check(&server, &app, &watcher, &mut all).await?;
    for fate in [Fate::Lives, Fate::Revoked, Fate::Cut] {
        assert!(known.iter().any(|known| known.fate == fate), "{fate:?}");
    }
    Arc::get_mut(&mut server).ok_or("nobody else holds it")?.kill()?;
    assert_eq!(integrity(&data)?, "ok");
    Ok(())
}

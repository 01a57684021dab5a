//! The program as it is delivered, in a process of its own, and the first start that leaves it with people and an
//! administrator client.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
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

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A member of the first organisation.
pub const ALICE: &str = "alice";
/// An owner of the first organisation, who runs the instance as well.
pub const OLIVIA: &str = "olivia";
/// The password of both.
pub const PASSWORD: &str = "correct horse battery staple 7";

const READY_WITHIN: Duration = Duration::from_secs(30);

/// Client id and secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
}

/// Where a server on this data directory reads its settings from.
pub fn sources(data: &Path) -> Sources {
    Sources::default()
        .directory(data)
        .flag("data_dir", data.to_string_lossy())
}

/// The first start, in this process: it leaves two people, and an administrator client whose secret is known.
///
/// # Errors
/// Whatever keeps the server from starting.
pub async fn provision(data: &Path) -> Outcome<Credentials> {
    std::fs::create_dir(data)?;
    let config = Config::load(&sources(data)).map_err(|problems| format!("{problems:?}"))?;
    let app = App::open(config, Surroundings::default()).await?;
    let registry = &app.registry;
    let org = store::organizations::first(registry.db())
        .await?
        .ok_or("the first organisation")?;
    for (username, operator, role) in [(ALICE, false, Role::Member), (OLIVIA, true, Role::Owner)] {
        let account = NewAccount {
            username: username.to_owned(),
            display_name: None,
            password: Secret::new(PASSWORD.to_owned()),
        };
        create(registry, account, operator, &[(&org.id, role)]).await?;
    }
    let id = registry.config.system_clients.admin_id.clone();
    let rotated = secrets::rotate(registry, &system_access(org), &id, None, Rotation::default()).await?;
    let secret = rotated.secret.ok_or("a new secret")?.text.expose().to_owned();
    Ok(Credentials { id, secret })
}

/// The server as it is delivered, in a process of its own. It is killed when this is dropped.
pub struct Server {
    pub process: Child,
    pub base: String,
    pub http: Http,
}

impl Server {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start(data: &Path, address: SocketAddr) -> Outcome<Self> {
        let issuer = format!("http://{address}");
        Self::start_with(
            data,
            address,
            &[("issuer", issuer.as_str()), ("limits.requests_per_minute", "0")],
        )
        .await
    }

    /// As [`start`](Self::start), with just these settings.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start_with(data: &Path, address: SocketAddr, settings: &[(&str, &str)]) -> Outcome<Self> {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_oauthority"));
        command
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(data);
        for (key, value) in settings {
            command.args(["--set", &format!("{key}={value}")]);
        }
        let process = command
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let http = Http::builder()
            .timeout(Duration::from_secs(30))
            .redirect(redirect::Policy::none())
            .build()?;
        let server = Self {
            process,
            base: format!("http://{address}"),
            http,
        };
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
                return Err("not ready in time".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// SIGKILL, and no moment to say goodbye.
    pub fn kill(&mut self) -> Outcome<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    pub async fn post_form(
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

    pub async fn token(&self, client: &Credentials) -> Outcome<Option<String>> {
        let form = [("grant_type", "client_credentials")];
        let (status, body) = self.post_form("/oauth2/token", client, &form).await?;
        match status {
            StatusCode::OK => Ok(body["access_token"].as_str().map(str::to_owned)),
            StatusCode::UNAUTHORIZED => Ok(None),
            other => Err(format!("{other}: {body}").into()),
        }
    }

    pub async fn is_active(&self, watcher: &Credentials, token: &str) -> Outcome<bool> {
        let (status, body) = self
            .post_form("/oauth2/introspect", watcher, &[("token", token)])
            .await?;
        if status != StatusCode::OK {
            return Err(format!("{status}: {body}").into());
        }
        Ok(body["active"] == true)
    }

    pub async fn create(&self, bearer: &str) -> Outcome<Credentials> {
        let new = json!({ "name": "Nightly export", "type": "service", "scopes": ["workspace:read"],
            "grant_types": ["client_credentials"] });
        self.register(bearer, &new).await
    }

    pub async fn register(&self, bearer: &str, new: &Json) -> Outcome<Credentials> {
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
    pub async fn cut(&self, bearer: &str, client: &Credentials, delete: bool) -> Outcome<()> {
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

/// The address of a port that was free just now.
pub fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

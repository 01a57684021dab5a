//! A shell of a test's own: streams, environment and home directory.

use std::{
    io::{self, Cursor, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{
    app,
    cli::{self, Exit, Terminal},
    observe::Observer,
    server::Server,
    tests::{
        databases,
        harness::{TestApp, TestClient},
    },
    time::Clock,
};

/// What an administrator's client may do.
pub const MANAGE: [&str; 10] = [
    "organizations:read",
    "clients:write",
    "clients:delete",
    "apis:write",
    "apis:delete",
    "members:write",
    "members:delete",
    "audit:read",
    "scim:read",
    "sync:profile:read",
];

/// A server that listens on this machine, on a database of its own; it stops when this is dropped.
pub struct Listening {
    pub app: TestApp,
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Listening {
    pub async fn start(flags: &[(&'static str, &'static str)]) -> Self {
        let mut all = vec![("listen", "127.0.0.1:0"), ("limits.requests_per_minute", "0")];
        all.extend_from_slice(flags);
        let app = TestApp::start(&databases::sqlite(), &all).await;
        let config = &app.app.registry.config;
        let server = Server::bind(config).await.expect("a free port");
        let address = server.address().expect("bound");
        let router = app::router(&app.app, Observer::new(config));
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run(router, async move { drop(stopped.await) }));
        Self {
            app,
            address,
            _stop: stop,
        }
    }

    /// The shell of somebody who calls as a client with these scopes.
    pub async fn shell(&self, scopes: &[&str]) -> Shell {
        let client = self.app.service(scopes).await;
        self.shell_of(&client)
    }

    /// The shell of somebody who calls as this client.
    pub fn shell_of(&self, client: &TestClient) -> Shell {
        let mut shell = Shell::new(self.app.clock.clone());
        shell.set("OAUTHORITY_HOST", &format!("http://{}", self.address));
        shell.set("OAUTHORITY_CLIENT_ID", &client.id);
        shell.set("OAUTHORITY_CLIENT_SECRET", &client.secret);
        shell
    }
}

/// Somebody at a prompt, or a script.
pub struct Shell {
    pub home: TempDir,
    environment: Vec<(String, String)>,
    clock: Clock,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The same, provided that it ended well.
    pub fn done(self) -> Self {
        assert_eq!(self.exit, Exit::Done, "{self:?}");
        self
    }
}

impl Shell {
    pub fn new(clock: Clock) -> Self {
        Self {
            home: TempDir::new().expect("the system has a temporary directory"),
            environment: Vec::new(),
            clock,
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a command as a script does: no terminal anywhere.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.give(arguments, "", false).await
    }

    /// Runs a command at a terminal where somebody types `input`.
    pub async fn type_in(&self, arguments: &[&str], input: &str) -> Ran {
        self.give(arguments, input, true).await
    }

    /// Runs a command with something on standard input.
    pub async fn pipe(&self, arguments: &[&str], input: &str) -> Ran {
        self.give(arguments, input, false).await
    }

    async fn give(&self, arguments: &[&str], input: &str, person: bool) -> Ran {
        let (out, err) = (Captured::default(), Captured::default());
        let mut terminal = self.terminal(&out, &err);
        terminal.input = Box::new(Cursor::new(input.to_owned()));
        terminal.shows_tables = person;
        terminal.can_ask = person;
        let words = std::iter::once("oauthority").chain(arguments.iter().copied());
        let exit = cli::run(words.map(Into::into), &mut terminal).await;
        Ran {
            exit,
            out: out.text(),
            err: err.text(),
        }
    }

    /// A terminal that keeps what is written to it.
    pub fn terminal(&self, out: &Captured, err: &Captured) -> Terminal {
        let home = self.home.path().to_string_lossy().into_owned();
        let mut environment = self.environment.clone();
        environment.push(("HOME".to_owned(), home));
        Terminal {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(io::empty()),
            shows_tables: false,
            can_ask: false,
            environment: environment.into_iter().collect(),
            clock: self.clock.clone(),
        }
    }
}

/// What was written to a stream.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("UTF-8")
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! A private PostgreSQL server for the test process.
//!
//! A shell keeps it: it reads names of databases to drop from a pipe, and stops the server when the pipe closes, which
//! the operating system does however the process ends.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

use super::harness::provision;
use crate::db::{Db, DbSettings};

const KEEPER: &str = r#"
trap '' INT HUP TERM
set -e
bin=$1 port=$2
dir=$(mktemp -d /tmp/oauthority-test-XXXXXX)
trap '"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1; rm -rf "$dir"' EXIT
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1 </dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$dir/data/server.key" \
    -out "$dir/data/server.crt" -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
    2>>"$dir/log" </dev/null
chmod 755 "$dir"; cp "$dir/data/server.crt" "$dir/"
"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start >/dev/null 2>&1 </dev/null -o "-p $port -k $dir -h localhost \
    -c ssl=on -c fsync=off -c deadlock_timeout=100ms -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB -c autovacuum=off"
echo "$dir"
while read -r name; do
    "$bin/psql" -h "$dir" -p "$port" -U postgres -qc "DROP DATABASE IF EXISTS $name WITH (FORCE)" >/dev/null 2>&1 || true
done
"#;

struct Server {
    port: u16,
    directory: PathBuf,
    drops: Mutex<ChildStdin>,
    _keeper: Child,
}

/// A database on the server; dropped with this.
pub struct Database(String);

impl Database {
    /// Where to connect, without TLS.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost:{}/{}?sslmode=disable",
            server().port,
            self.0
        )
    }

    /// Where to connect, with these parameters.
    pub fn url_with(&self, parameters: &str) -> String {
        format!(
            "postgres://postgres@localhost:{}/{}?{parameters}",
            server().port,
            self.0
        )
    }

    /// Executes SQL as the superuser, outside the pool under test.
    pub async fn administer(&self, sql: &str) {
        execute(&self.0, sql).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut drops = server().drops.lock().unwrap_or_else(PoisonError::into_inner);
        drop(writeln!(drops, "{}", self.0));
    }
}

/// Throws everybody out of the database of these settings, and lets nobody in again.
pub async fn shut(settings: &DbSettings) {
    let DbSettings::Postgres { url, .. } = settings else {
        return;
    };
    let name = url
        .split(['/', '?'])
        .find(|part| part.starts_with("t_"))
        .expect("a database of ours");
    execute(
        "postgres",
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
    )
    .await;
    let all = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    execute("postgres", &all).await;
}

/// The certificate of the server, in PEM.
pub fn certificate() -> PathBuf {
    server().directory.join("server.crt")
}

/// A database with the schema of the product, copied from a template.
pub async fn migrated() -> Database {
    static TEMPLATE: OnceCell<()> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(async || {
            let settings = template("tpl").await;
            Db::open(&settings).await.expect("migrations apply");
        })
        .await;
    create("tpl").await
}

/// A database on which the application has started once, copied from a template.
pub async fn provisioned() -> Database {
    static TEMPLATE: OnceCell<()> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(async || provision(&template("tpl_provisioned").await).await)
        .await;
    create("tpl_provisioned").await
}

/// A new database that others are copied from.
async fn template(name: &str) -> DbSettings {
    execute("postgres", &format!("CREATE DATABASE {name}")).await;
    DbSettings::Postgres {
        url: format!(
            "postgres://postgres@localhost:{}/{name}?sslmode=disable",
            server().port
        ),
        pool_size: 1,
    }
}

/// A database with nothing in it.
pub async fn empty() -> Database {
    create("template0").await
}

async fn create(template: &str) -> Database {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let name = format!("t_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    execute("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    Database(name)
}

async fn execute(database: &str, sql: &str) {
    let address = format!("postgres://postgres@localhost:{}/{database}", server().port);
    let (client, connection) = tokio_postgres::connect(&address, NoTls)
        .await
        .expect("the server answers");
    let driver = tokio::spawn(connection);
    client.batch_execute(sql).await.expect(sql);
    drop(client);
    drop(driver.await);
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let binaries = binaries().expect("these tests need PostgreSQL: install the apt package `postgresql`");
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("loopback works")
        .port();
    let identity = Command::new("id").arg("-u").output().expect("`id` works");
    // PostgreSQL refuses to run as root.
    let mut command = if identity.stdout.trim_ascii() == b"0" {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut keeper = command
        .args(["-c", KEEPER, "keeper"])
        .arg(binaries)
        .arg(port.to_string())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let drops = keeper.stdin.take().expect("it is piped");
    let mut ready = String::new();
    BufReader::new(keeper.stdout.take().expect("it is piped"))
        .read_line(&mut ready)
        .expect("it can be read");
    assert!(
        !ready.is_empty(),
        "PostgreSQL did not start; is the apt package `postgresql` complete?"
    );
    Server {
        port,
        directory: PathBuf::from(ready.trim_end()),
        drops: Mutex::new(drops),
        _keeper: keeper,
    }
}

/// The newest installation of Debian, or what is in the path.
fn binaries() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed
        .map(|entry| entry.path())
        .max_by_key(|path| version(path))
        .map(|path| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|directory| directory.join("initdb").exists())
}

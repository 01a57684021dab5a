//! What was acknowledged survives. The server is killed with SIGKILL in the middle of a stream of creates, deletes,
//! disables and revocations, of codes and refresh tokens, fifty times; after each restart
//! whatever it had answered with success holds, and in the end the file is whole.

mod people; // what clients got on behalf of a person

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use oauthority::config::Config;
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::server::{Credentials, Outcome, Server, free_address, provision, sources};

const KILLS: u64 = 50;
const WORKERS: usize = 6;

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

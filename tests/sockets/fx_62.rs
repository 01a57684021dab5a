//! A revocation outlives a clock that is hours ahead, sweeps, and is put right: on SQLite, where there is no other clock.

use std::{
    fs::File,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use oauthority::{
    app::{App, Surroundings},
    config::Config,
    store::instance,
    time::{Clock, Lifetime},
};
use reqwest::{StatusCode, redirect};

use crate::server::{self, Outcome, Server};

/// How often it is looked whether something has happened, and how long one waits in between.
const TRIES: usize = 3000;
const PAUSE: Duration = Duration::from_millis(10);

/// Lets `--dev` find its demonstration made: it is what lets the clock start elsewhere.
async fn allow_dev(data: &Path) -> Outcome<()> {
    let config = Config::load(&server::sources(data)).map_err(|problems| format!("{problems:?}"))?;
    let app = App::open(config, Surroundings::default()).await?;
    let fact = instance::add(instance::DEMO_COMPLETE, &app.registry.now().to_string());
    app.registry.db().write(fact.into()).await?;
    Ok(())
}

/// Starts the program with a clock that is ahead, and waits until it has swept.
async fn start(data: &Path, address: SocketAddr, ahead: Lifetime) -> Outcome<Server> {
    let log = data.join(format!("log-{}", ahead.as_seconds()));
    let process = Command::new(env!("CARGO_BIN_EXE_oauthority"))
        .args(["serve", "--dev", "--listen", &address.to_string(), "--data-dir"])
        .arg(data)
        .args([
            "--set",
            &format!("issuer=http://{address}"),
            "--set",
            "log.level=debug",
        ])
        .env_clear()
        .env(
            "OAUTHORITY_TEST_NOW",
            Clock::system().now().after(ahead).to_string(),
        )
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()?;
    let http = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()?;
    let server = Server {
        process,
        base: format!("http://{address}"),
        http,
    };
    for _ in 0..TRIES {
        let asked = server
            .http
            .get(format!("{}/health/ready", server.base))
            .send()
            .await;
        let ready = asked.is_ok_and(|answer| answer.status() == StatusCode::OK);
        if ready && std::fs::read_to_string(&log)?.contains("what is past was forgotten") {
            return Ok(server);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("not ready in time: {}", std::fs::read_to_string(&log)?).into())
}

#[tokio::test]
async fn fx_62_a_revocation_outlives_a_clock_that_was_hours_ahead() -> Outcome<()> {
    let directory = tempfile::TempDir::new()?;
    let data = directory.path().join("data");
    let admin = server::provision(&data).await?;
    allow_dev(&data).await?;
    let address = server::free_address()?;
    let right = Lifetime::seconds(0);

    let mut server = start(&data, address, right).await?;
    let bearer = server.token(&admin).await?.ok_or("a token")?;
    let client = server.create(&bearer).await?;
    let token = server.token(&client).await?.ok_or("a token")?;
    assert!(server.is_active(&client, &token).await?);
    let (status, _) = server
        .post_form("/oauth2/revoke", &client, &[("token", &token)])
        .await?;
    assert_eq!(status, StatusCode::OK);
    assert!(!server.is_active(&client, &token).await?);
    server.kill()?;

    for ahead in [Lifetime::hours(2), Lifetime::days(60)] {
        start(&data, address, ahead).await?.kill()?;
    }

    let server = start(&data, address, right).await?;
    assert!(
        !server.is_active(&client, &token).await?,
        "the revocation is lost"
    );
    let other = server.token(&client).await?.ok_or("a token")?;
    assert!(server.is_active(&client, &other).await?);
    Ok(())
}

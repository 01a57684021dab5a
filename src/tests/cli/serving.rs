//! `serve`: the first start and later ones, and what is said when it cannot start.

use std::os::unix::fs::PermissionsExt;

use super::shell::{Captured, Listening, MANAGE, Ran, Shell};
use crate::{cli::Exit, time::Clock};

/// Starts the server and stops it as soon as it listens.
async fn start(shell: &Shell, more: &[&str]) -> Ran {
    let data = shell.path("data").to_string_lossy().into_owned();
    let (out, err) = (Captured::default(), Captured::default());
    let mut terminal = shell.terminal(&out, &err);
    let words = [
        "oauthority",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        &data,
        "--set",
        "log.level=error",
    ];
    let exit = crate::cli::serve_once(words.iter().chain(more).map(Into::into), &mut terminal).await;
    Ran {
        exit,
        out: out.text(),
        err: err.text(),
    }
}

#[tokio::test]
async fn the_first_start_prints_one_link_and_later_ones_nothing() {
    let shell = Shell::new(Clock::system());
    let first = start(&shell, &[]).await.done();
    assert_eq!(first.out.lines().count(), 1, "{first:?}");
    let file = shell.path("data/setup-link");
    let url = std::fs::read_to_string(&file).unwrap();
    assert!(first.out.contains(url.trim()), "{first:?}");
    let mode = |name: &str| std::fs::metadata(shell.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("data"), mode("data/setup-link"), mode("data/master.key")),
        (0o700, 0o600, 0o600)
    );
    let second = start(&shell, &[]).await.done();
    assert_eq!(second.out, "", "{second:?}");
    let data = shell.path("data").to_string_lossy().into_owned();
    let again = shell.run(&["setup-link", "--data-dir", &data]).await.done();
    assert_eq!(again.out, url, "the link still stands");
}

#[tokio::test]
async fn fd_28_whatever_prevents_the_start_is_said_in_a_line() {
    let shell = Shell::new(Clock::system());
    start(&shell, &[]).await.done();
    let refused = async |more: &[&str], words: &str| {
        let ran = start(&shell, more).await;
        assert!(ran.exit != Exit::Done && ran.err.contains(words), "{ran:?}");
        assert_eq!(
            (ran.err.trim().lines().count(), ran.out.as_str()),
            (1, ""),
            "{ran:?}"
        );
    };
    let held = Listening::start(&[]).await;
    refused(
        &["--set", &format!("listen={}", held.address)],
        "another program listens there",
    )
    .await;
    let missing = [
        "--set",
        "tls.certificate=/nowhere.pem",
        "--set",
        "tls.key=/nowhere.pem",
    ];
    refused(&missing, "/nowhere.pem").await;
    let key = shell.path("data/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&[], "chmod 600").await;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let original = std::fs::read(&key).unwrap();
    std::fs::write(&key, [7; 32]).unwrap();
    refused(&[], "not the one this database was made with").await;
    std::fs::remove_file(&key).unwrap();
    refused(&[], "does not exist").await;
    std::fs::write(&key, original).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    start(&shell, &[]).await.done();
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_reported() {
    let shell = Shell::new(Clock::system());
    let ran = shell
        .run(&[
            "config",
            "check",
            "--listen",
            "nowhere",
            "--set",
            "issuer=ftp://x",
        ])
        .await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        ran.err.contains("`listen`") && ran.err.contains("`issuer`"),
        "{ran:?}"
    );
    let database = "postgres://oauthority:hunter2@db.example/oauthority";
    let shown = shell
        .run(&["config", "show", "--database", database, "-o", "json"])
        .await
        .done();
    assert!(
        !shown.out.contains("hunter2") && shown.out.contains("command line"),
        "{}",
        shown.out
    );
}

#[tokio::test]
async fn the_command_line_of_each_operation_is_understood() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let document = server.app.get("/api/v1/openapi.json").send().await.text();
    let mut seen = 0;
    for part in document.split("\"oauthority ").skip(1) {
        let line = part.split('"').next().unwrap();
        // Every second piece between quotes is one word.
        let mut words: Vec<&str> = Vec::new();
        for (at, piece) in line.split('\'').enumerate() {
            match at % 2 {
                0 => words.extend(piece.split_whitespace()),
                _ => words.push(piece),
            }
        }
        // An unknown flag is noticed before the request for help.
        words.push("--help");
        let ran = shell.run(&words).await;
        assert_eq!(ran.exit, Exit::Done, "{line}: {}", ran.err);
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

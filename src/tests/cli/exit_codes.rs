//! Scripts rely on the exit codes.

use serde_json::Value as Json;

use super::shell::{Listening, MANAGE, Shell};
use crate::{cli::Exit, time::Clock};

#[tokio::test]
async fn ux_60_each_exit_code_is_provoked() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let exit = async |arguments: &[&str]| shell.run(arguments).await.exit;
    assert_eq!(exit(&["client", "list"]).await, Exit::Done);
    assert_eq!(exit(&["client", "lsit"]).await, Exit::Usage);
    assert_eq!(exit(&["client", "get", "oac_nobody"]).await, Exit::NotFound);
    assert_eq!(
        exit(&["client", "disable", "oa_admin_client"]).await,
        Exit::Conflict
    );
    let invalid = [
        "client",
        "create",
        "--template",
        "service",
        "--name",
        "x",
        "--scope",
        "no:such",
    ];
    assert_eq!(exit(&invalid).await, Exit::Invalid);
    assert_eq!(exit(&["keys", "list"]).await, Exit::Forbidden);
    let stale = [
        "client",
        "update",
        "oa_sync_client",
        "--name",
        "x",
        "--if-version",
        "99",
    ];
    assert_eq!(exit(&stale).await, Exit::Conflict);

    let mut stranger = server.shell(&MANAGE).await;
    stranger.set("OAUTHORITY_TOKEN", "nonsense");
    assert_eq!(stranger.run(&["client", "list"]).await.exit, Exit::SignInNeeded);
    stranger.set("OAUTHORITY_HOST", "http://127.0.0.1:9");
    assert_eq!(stranger.run(&["client", "list"]).await.exit, Exit::Network);
    stranger.set("OAUTHORITY_HOST", "http://login.example.com");
    assert_eq!(
        stranger.run(&["client", "list"]).await.exit,
        Exit::Usage,
        "no token over plain HTTP"
    );
}

#[tokio::test]
async fn ux_60_too_many_requests_mean_try_later() {
    let server = Listening::start(&[("limits.requests_per_minute", "2")]).await;
    let shell = server.shell(&MANAGE).await;
    let mut exits = Vec::new();
    for _ in 0..4 {
        exits.push(shell.run(&["whoami"]).await.exit);
    }
    assert_eq!(exits.last(), Some(&Exit::TryLater), "{exits:?}");
}

#[tokio::test]
async fn ux_61_deleting_without_anybody_to_ask() {
    let server = Listening::start(&[]).await;
    let mut shell = server.shell(&MANAGE).await;
    let client = server.app.service(&["workspace:read"]).await;
    let delete = ["client", "delete", client.id.as_str()];
    let ran = shell.run(&delete).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        ran.err.contains("--yes") && ran.err.contains("--confirm 'Nightly export'"),
        "{}",
        ran.err
    );

    let directory = shell.path("config");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(
        directory.join("config.toml"),
        "[profiles.live]\nproduction = true\n",
    )
    .unwrap();
    shell.set("OAUTHORITY_CONFIG_DIR", &directory.to_string_lossy());
    let live = |more: &[&'static str]| [&delete[..], &["--profile", "live"], more].concat();
    assert_eq!(shell.run(&live(&["--yes"])).await.exit, Exit::NotConfirmed);
    assert_eq!(
        shell.run(&live(&["--confirm", "Another"])).await.exit,
        Exit::NotConfirmed
    );
    let typed = shell.type_in(&live(&["--yes"]), "nightly export\n").await;
    assert_eq!(typed.exit, Exit::NotConfirmed, "{typed:?}");
    assert!(
        typed.err.contains("Delete Nightly export?") && typed.err.contains("cannot be undone"),
        "{typed:?}"
    );
    shell.type_in(&live(&[]), "Nightly export\n").await.done();
}

#[tokio::test]
async fn a_refusal_in_json_is_the_problem_on_standard_error() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let ran = shell.run(&["client", "get", "oac_nobody", "-o", "json"]).await;
    assert_eq!(ran.out, "");
    let problem: Json = serde_json::from_str(&ran.err).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!(problem["code"], "not_found");
    assert!(problem["request_id"].is_string());
}

#[tokio::test]
async fn a_secret_is_never_made_without_a_place_for_it() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let create = [
        "client",
        "create",
        "--template",
        "service",
        "--name",
        "x",
        "--scope",
        "workspace:read",
    ];
    let count = async || {
        shell
            .run(&["client", "list", "-q"])
            .await
            .done()
            .out
            .lines()
            .count()
    };
    let before = count().await;
    for wrong in [["-q", "--color=never"], ["--secret-file", "/nowhere/at/all"]] {
        assert_eq!(
            shell.run(&[&create[..], &wrong].concat()).await.exit,
            Exit::Usage,
            "{wrong:?}"
        );
    }
    assert_eq!(count().await, before);
    let made = shell.run(&create).await.done();
    assert!(made.out.contains("\nOAUTHORITY_CLIENT_SECRET=oas_"), "{made:?}");
}

#[tokio::test]
async fn help_explains_topics_and_commands() {
    let shell = Shell::new(Clock::system());
    for topic in [
        "environment",
        "formatting",
        "exit-codes",
        "filters",
        "examples",
        "client",
    ] {
        assert!(
            !shell.run(&["help", topic]).await.done().out.is_empty(),
            "{topic}"
        );
    }
    let client = shell.run(&["client", "--help"]).await.done();
    assert!(client.out.contains("Examples:"), "{}", client.out);
    let wrong = shell.run(&["help", "exit-code"]).await;
    assert!(
        wrong.exit == Exit::Usage && wrong.err.contains("exit-codes"),
        "{wrong:?}"
    );
    assert!(
        shell
            .run(&["version"])
            .await
            .done()
            .out
            .starts_with("oauthority ")
    );
}

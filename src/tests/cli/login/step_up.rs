//! The server wants another sign-in for what a command does. RFC 9470

use super::*;
use crate::time::Lifetime;

const CREATE: [&str; 8] = [
    "client",
    "create",
    "--template",
    "service",
    "--name",
    "x",
    "--scope",
    "workspace:read",
];

/// A shell with a sign-in of 16 minutes ago, and the browser it was made in.
async fn old<'a>(server: &'a Listening) -> (Shell, Browser<'a>) {
    let browser = Browser::of(&server.app, "ada", Role::Admin).await;
    let shell = shell(server);
    log_in(&shell, &browser, &["--scope", "clients:write"])
        .await
        .0
        .done();
    server.app.clock.advance(Lifetime::minutes(16));
    (shell, browser)
}

#[tokio::test]
async fn fx_03_a_script_is_told_what_to_do() {
    let server = server(&[]).await;
    let (shell, _browser) = old(&server).await;
    let ran = shell.run(&CREATE).await;
    assert_eq!(ran.exit, Exit::SignInNeeded, "{ran:?}");
    for part in ["15 minutes", "oauthority login", "OAUTHORITY_CLIENT_ID"] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    // Looking, and trying, go on.
    shell.run(&["client", "list"]).await.done();
    shell.run(&[&CREATE[..], &["--dry-run"]].concat()).await.done();
}

#[tokio::test]
async fn fx_03_at_a_terminal_a_command_signs_in_anew_and_goes_on() {
    let server = server(&[]).await;
    let (shell, browser) = old(&server).await;
    let before = kept(&shell);
    let (out, err) = (Captured::default(), Captured::default());
    let mut terminal = shell.terminal(&out, &err);
    terminal.can_ask = true;
    let words = std::iter::once("oauthority").chain(CREATE);
    let command = cli::run(words.map(Into::into), &mut terminal);
    let act = async {
        // Scopes that manage are given by a fresh sign-in only.
        browser.sign_in("ada").await;
        device::say(&browser, &err, &[("answer", "allow"), ("sure", "yes")]).await;
    };
    let (exit, ()) = tokio::join!(command, act);
    let said = err.text();
    assert_eq!(exit, Exit::Done, "{said}");
    assert!(said.contains("15 minutes") && said.contains("goes on"), "{said}");
    let after = kept(&shell);
    assert_eq!(after["scope"], before["scope"]);
    assert_ne!(after["access_token"], before["access_token"]);
    let token = before["access_token"].as_str().expect("a token");
    assert_eq!(
        server.app.get("/api/v1/me").bearer(token).send().await.status,
        401
    );
    shell.run(&CREATE).await.done();
}

#[tokio::test]
async fn fx_03_a_command_does_not_go_on_as_somebody_else() {
    let server = server(&[]).await;
    let (shell, _ada) = old(&server).await;
    let bob = Browser::of(&server.app, "bob", Role::Owner).await;
    let before = kept(&shell);
    let (out, err) = (Captured::default(), Captured::default());
    let mut terminal = shell.terminal(&out, &err);
    terminal.can_ask = true;
    let words = std::iter::once("oauthority").chain(CREATE);
    let command = cli::run(words.map(Into::into), &mut terminal);
    let act = device::say(&bob, &err, &[("answer", "allow"), ("sure", "yes")]);
    let (exit, ()) = tokio::join!(command, act);
    let said = err.text();
    assert_eq!(exit, Exit::SignInNeeded, "{said}");
    assert!(said.contains("bob signed in") && said.contains("ada's"), "{said}");
    assert_eq!(kept(&shell), before, "the sign-in before is kept");
    shell.run(&["client", "list"]).await.done();
    // What was given to the other one is over, and nothing was made.
    for none in [
        "SELECT count(*) FROM grants g JOIN users u ON u.id = g.user_id \
         WHERE u.username = 'bob' AND g.revoked_at IS NULL",
        "SELECT count(*) FROM clients WHERE name = 'x'",
    ] {
        let row = server.app.db().read_one(none, vec![]).await.expect("read");
        assert_eq!(row.expect("a row").next::<i64>().expect("a number"), 0, "{none}");
    }
}

//! People who sign in from the command line, on the real pages of a real server.

mod browser; // by a browser on the same machine
mod device; // by a code on any device
mod kept; // what is kept between commands
mod step_up; // a fresher sign-in

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::Value as Json;

use super::shell::{Captured, Listening, Ran, Shell};
use crate::{
    cli::{self, Exit},
    store::users::Role,
    tests::{
        browser::Browser,
        flows::{allowed_here, follow},
    },
};

/// A server that is reached under the name it gives itself.
async fn server(more: &[(&'static str, &'static str)]) -> Listening {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let mut flags = vec![
        ("listen", leak(address.to_string())),
        ("issuer", leak(format!("http://{address}"))),
    ];
    flags.extend_from_slice(more);
    Listening::start(&flags).await
}

/// The shell of somebody who has not signed in yet.
fn shell(server: &Listening) -> Shell {
    let mut shell = Shell::new(server.app.clock.clone());
    shell.set("OAUTHORITY_HOST", &format!("http://{}", server.address));
    shell
}

/// Runs a command, and does something beside it with what it says.
async fn beside<T>(shell: &Shell, arguments: &[&str], act: impl AsyncFnOnce(Captured) -> T) -> (Ran, T) {
    let (out, err) = (Captured::default(), Captured::default());
    let mut terminal = shell.terminal(&out, &err);
    let words = std::iter::once("oauthority").chain(arguments.iter().copied());
    let command = cli::run(words.map(Into::into), &mut terminal);
    let (exit, done) = tokio::join!(command, act(err.clone()));
    let ran = Ran {
        exit,
        out: out.text(),
        err: err.text(),
    };
    (ran, done)
}

/// Waits until a command has said something with this in it, and gives the line.
async fn said(err: &Captured, part: &str) -> String {
    loop {
        if let Some(line) = err.text().lines().find(|line| line.contains(part)) {
            return line.trim().to_owned();
        }
        tokio::task::yield_now().await;
    }
}

/// Signs in with a browser where the person is signed in already. Gives the last page, too.
async fn log_in(shell: &Shell, browser: &Browser<'_>, more: &[&str]) -> (Ran, String) {
    let arguments = [&["login", "--web"], more].concat();
    beside(shell, &arguments, async |err| {
        let url = said(&err, "/oauth2/authorize?").await;
        let (_, path) = url.split_once("/oauth2/").expect("a URL of the server");
        let answer = follow(browser, &format!("/oauth2/{path}")).await;
        let answer = allowed_here(browser, answer, "http://127.0.0.1").await;
        get(answer.header("location")).await.1
    })
    .await
}

/// What a browser gets from the command.
async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.expect("somebody listens");
    (answer.status().as_u16(), answer.text().await.expect("a page"))
}

fn file(shell: &Shell) -> PathBuf {
    shell.path(".config/oauthority/sign-in-default.json")
}

fn kept(shell: &Shell) -> Json {
    let text = std::fs::read_to_string(file(shell)).expect("a sign-in");
    serde_json::from_str(&text).expect("JSON")
}

/// A shell in which somebody of this role has signed in.
async fn signed_in(server: &Listening, username: &str, role: Role, more: &[&str]) -> Shell {
    let browser = Browser::of(&server.app, username, role).await;
    let shell = shell(server);
    log_in(&shell, &browser, more).await.0.done();
    shell
}

/// Nothing that a person might paste somewhere gives anything away.
#[track_caller]
fn tells_no_secret(ran: &Ran, shell: &Shell) {
    let kept = kept(shell);
    for name in ["access_token", "refresh_token"] {
        let secret = kept[name].as_str().expect("a token");
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{ran:?}");
    }
    assert!(!ran.err.contains("eyJ") && !ran.err.contains("ort_"), "{ran:?}");
}

//! By a code on any device.

use super::*;

/// A person types the code that the command shows, and answers.
pub(super) async fn say(browser: &Browser<'_>, err: &Captured, fields: &[(&str, &str)]) {
    let complete = said(err, "/device?user_code=").await;
    let (_, code) = complete.split_once("user_code=").expect("a code");
    let spaced: Vec<String> = code.chars().map(String::from).collect();
    assert!(err.text().contains(&spaced.join(" ")), "{}", err.text());
    browser.get("/device").await;
    let entered = browser.submit("/device", &[("user_code", code)]).await;
    let page = browser.get(entered.header("location")).await.text();
    let (_, rest) = page.split_once("name=\"t\" value=\"").expect("a ticket");
    let ticket = rest.split('"').next().expect("a ticket");
    let mut all = vec![("t", ticket)];
    all.extend_from_slice(fields);
    let answer = browser.submit("/device/confirm", &all).await;
    assert!(answer.status.is_redirection(), "{}", answer.text());
}

#[tokio::test]
async fn a_person_signs_in_by_a_code() {
    let server = server(&[]).await;
    let browser = Browser::of(&server.app, "aud", Role::Auditor).await;
    let shell = shell(&server);
    // Without a browser here, this is what happens by itself.
    let (ran, ()) = beside(&shell, &["login"], async |err| {
        say(&browser, &err, &[("answer", "allow"), ("sure", "yes")]).await;
    })
    .await;
    let ran = ran.done();
    assert!(ran.err.contains("aud, auditor of main"), "{ran:?}");
    tells_no_secret(&ran, &shell);
    shell.run(&["client", "list"]).await.done();
}

#[tokio::test]
async fn a_refusal_on_the_page_ends_the_command() {
    let server = server(&[]).await;
    let browser = Browser::of(&server.app, "aud", Role::Auditor).await;
    let shell = shell(&server);
    let (ran, ()) = beside(&shell, &["login", "--device"], async |err| {
        say(&browser, &err, &[("answer", "deny")]).await;
    })
    .await;
    assert_eq!(ran.exit, Exit::Forbidden, "{ran:?}");
    assert!(ran.err.contains("refused"), "{ran:?}");
    assert!(!file(&shell).exists());
}

#[tokio::test]
async fn a_code_that_nobody_types_expires() {
    let server = server(&[]).await;
    let shell = shell(&server);
    let ran = shell.run(&["login", "--device"]).await;
    assert_eq!(ran.exit, Exit::SignInNeeded, "{ran:?}");
    assert!(
        ran.err.contains("expired") && ran.err.contains("oauthority login"),
        "{ran:?}"
    );
}

//! By a browser on the same machine.

use url::Url;

use super::*;

#[tokio::test]
async fn a_person_signs_in_with_a_browser() {
    let server = server(&[]).await;
    let browser = Browser::of(&server.app, "aud", Role::Auditor).await;
    let shell = shell(&server);
    let (ran, page) = log_in(&shell, &browser, &[]).await;
    let ran = ran.done();
    assert!(page.contains("You can close this page"), "{page}");
    assert_eq!(ran.out, "");
    for part in [
        "Signed in",
        "aud, auditor of main",
        "clients:read",
        "60 minutes",
        "mode 0600",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    tells_no_secret(&ran, &shell);
    let me = shell.run(&["whoami", "-o", "json"]).await.done().json();
    assert_eq!(
        (&me["kind"], &me["user"]["username"]),
        (&"user".into(), &"aud".into())
    );
    shell.run(&["client", "list"]).await.done();
    for name in ["sign-in-default.json", "sign-in-default.lock", "config.toml"] {
        let path = shell.path(".config/oauthority").join(name);
        let mode = std::fs::metadata(&path).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let profiles = std::fs::read_to_string(shell.path(".config/oauthority/config.toml")).expect("profiles");
    assert!(
        !profiles.contains("eyJ") && !profiles.contains("ort_"),
        "{profiles}"
    );
}

#[tokio::test]
async fn what_is_missing_is_said_and_can_be_asked_for() {
    let server = server(&[]).await;
    let browser = Browser::of(&server.app, "ada", Role::Admin).await;
    let shell = shell(&server);
    log_in(&shell, &browser, &[]).await.0.done();
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
    let refused = shell.run(&create).await;
    assert_eq!(refused.exit, Exit::Forbidden);
    let words = "oauthority login --scope clients:write";
    assert!(refused.err.contains(words), "{refused:?}");
    let first = kept(&shell);
    log_in(&shell, &browser, &["--scope", "clients:write"])
        .await
        .0
        .done();
    shell.run(&create).await.done();
    // What a profile has is asked for again, and the sign-in before is over.
    log_in(&shell, &browser, &["--scope", "members:write"])
        .await
        .0
        .done();
    let scope = kept(&shell)["scope"].as_str().expect("scopes").to_owned();
    assert!(
        scope.contains("clients:write") && scope.contains("members:write"),
        "{scope}"
    );
    let old = first["access_token"].as_str().expect("a token");
    let answer = server.app.get("/api/v1/me").bearer(old).send().await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_member_gets_no_more_by_asking_for_it() {
    let server = server(&[]).await;
    let shell = signed_in(
        &server,
        "mel",
        Role::Member,
        &["--scope", "clients:delete,instance:write"],
    )
    .await;
    let refused = shell.run(&["client", "list"]).await;
    assert_eq!(refused.exit, Exit::Forbidden, "{refused:?}");
    assert!(
        refused.err.contains("your role") && !refused.err.contains("login"),
        "{refused:?}"
    );
    assert_eq!(shell.run(&["keys", "list"]).await.exit, Exit::Forbidden);
}

/// Where the command listens, and the state that it expects.
async fn expected(err: &Captured) -> (String, String) {
    let url = Url::parse(&said(err, "/oauth2/authorize?").await).expect("a URL");
    let param = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .expect("there")
            .1
            .into_owned()
    };
    assert_eq!(param("code_challenge_method"), "S256");
    (param("redirect_uri"), param("state"))
}

#[tokio::test]
async fn a_refusal_ends_the_command() {
    let server = server(&[]).await;
    let shell = shell(&server);
    let (ran, page) = beside(&shell, &["login", "--web"], async |err| {
        let (uri, state) = expected(&err).await;
        let foreign = get(&format!("{uri}?error=access_denied&state=another")).await;
        assert_eq!(foreign.0, 400, "{}", foreign.1);
        let elsewhere = uri.replace("/callback", "/");
        assert_eq!(get(&elsewhere).await.0, 404);
        let iss = format!("http://{}", server.address);
        get(&format!("{uri}?error=access_denied&state={state}&iss={iss}"))
            .await
            .1
    })
    .await;
    assert_eq!(ran.exit, Exit::Forbidden, "{ran:?}");
    assert!(page.contains("You are not signed in"), "{page}");
    assert!(!file(&shell).exists());
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_not_used() {
    let server = server(&[]).await;
    let shell = shell(&server);
    let (ran, _) = beside(&shell, &["login", "--web"], async |err| {
        let (uri, state) = expected(&err).await;
        get(&format!("{uri}?code=c&state={state}&iss=https://evil.example")).await
    })
    .await;
    assert_eq!(ran.exit, Exit::Unexpected, "{ran:?}");
    assert!(ran.err.contains("not used"), "{ran:?}");
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let server = server(&[]).await;
    let shell = shell(&server);
    let ran = shell.run(&["login", "--web", "--wait", "0"]).await;
    assert_eq!(ran.exit, Exit::SignInNeeded, "{ran:?}");
    assert!(ran.err.contains("nobody signed in"), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_goes_by_another_name_is_not_trusted() {
    let server = server(&[]).await;
    let mut shell = shell(&server);
    shell.set(
        "OAUTHORITY_HOST",
        &format!("http://localhost:{}", server.address.port()),
    );
    let ran = shell.run(&["login", "--web", "--wait", "0"]).await;
    assert_eq!(ran.exit, Exit::Usage, "{ran:?}");
    assert!(
        ran.err.contains(&format!("--host http://{}", server.address)),
        "{ran:?}"
    );
}

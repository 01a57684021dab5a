//! What is kept between commands, and how it is renewed.

use super::*;
use crate::{registry::grants, store, time::Lifetime};

#[tokio::test]
async fn an_expired_token_is_renewed_without_a_word() {
    let server = server(&[]).await;
    let shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    let mut before = kept(&shell);
    for _ in 0..3 {
        shell.run(&["whoami"]).await.done();
        assert_eq!(kept(&shell), before, "it lives on");
        server.app.clock.advance(Lifetime::hours(1));
        let ran = shell.run(&["whoami"]).await.done();
        assert_eq!(ran.err, "", "{ran:?}");
        let after = kept(&shell);
        for name in ["access_token", "refresh_token"] {
            assert_ne!(before[name], after[name], "{name}");
        }
        tells_no_secret(&ran, &shell);
        before = after;
    }
    let mode = std::fs::metadata(file(&shell))
        .expect("kept")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn commands_side_by_side_renew_once() {
    let server = server(&[]).await;
    let shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    for _ in 0..2 {
        server.app.clock.advance(Lifetime::hours(1));
        let (me, list) = (["whoami"], ["client", "list"]);
        let (one, two, three) = tokio::join!(shell.run(&me), shell.run(&list), shell.run(&me));
        for ran in [one, two, three] {
            ran.done();
        }
    }
    // Had one of them used an old token, the next renewal would find everything revoked.
    server.app.clock.advance(Lifetime::hours(1));
    shell.run(&["whoami"]).await.done();
}

#[tokio::test]
async fn logging_out_ends_it_at_the_server() {
    let server = server(&[]).await;
    let shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    let tokens = kept(&shell);
    let ran = shell.run(&["logout"]).await.done();
    assert!(
        ran.err.contains("the server has taken its tokens back"),
        "{ran:?}"
    );
    assert!(!file(&shell).exists());
    assert_eq!(shell.run(&["whoami"]).await.exit, Exit::SignInNeeded);
    let token = tokens["access_token"].as_str().expect("a token");
    assert_eq!(
        server.app.get("/api/v1/me").bearer(token).send().await.status,
        401
    );
    let form = [
        ("grant_type", "refresh_token"),
        (
            "refresh_token",
            tokens["refresh_token"].as_str().expect("a token"),
        ),
        ("client_id", "oauthority-cli"),
    ];
    server
        .app
        .post("/oauth2/token")
        .form(&form)
        .await
        .refused(400, "invalid_grant");
    let again = shell.run(&["logout"]).await.done();
    assert!(again.err.contains("not signed in"), "{again:?}");
}

#[tokio::test]
async fn a_server_that_is_gone_keeps_nobody_from_logging_out() {
    let server = server(&[]).await;
    let shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    let text = std::fs::read_to_string(file(&shell)).expect("kept");
    let nowhere = text.replace(&server.address.to_string(), "127.0.0.1:9");
    std::fs::write(file(&shell), nowhere).expect("written");
    let ran = shell.run(&["logout", "--all"]).await.done();
    assert!(ran.err.contains("could not be told"), "{ran:?}");
    assert!(!file(&shell).exists());
}

#[tokio::test]
async fn what_ended_at_the_server_is_forgotten() {
    let server = server(&[]).await;
    let shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    let registry = &server.app.app.registry;
    let user = store::users::find_by_username(registry.db(), "ada")
        .await
        .expect("read")
        .expect("known");
    let now = server.app.clock.now();
    let given = store::grants::of_user(registry.db(), &user.id, now)
        .await
        .expect("read");
    for grant in &given {
        grants::end(registry, &server.app.owner().actor, grant, "test")
            .await
            .expect("ended");
    }
    let refused = shell.run(&["whoami"]).await;
    assert_eq!(refused.exit, Exit::SignInNeeded);
    assert!(refused.err.contains("oauthority login"), "{refused:?}");
    server.app.clock.advance(Lifetime::hours(1));
    let over = shell.run(&["whoami"]).await;
    assert_eq!(over.exit, Exit::SignInNeeded);
    assert!(
        over.err.contains("has ended") && over.err.contains("oauthority login"),
        "{over:?}"
    );
    assert!(!file(&shell).exists());
}

#[tokio::test]
async fn a_sign_in_goes_to_no_other_server() {
    let server = server(&[]).await;
    let mut shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    shell.set("OAUTHORITY_HOST", "http://127.0.0.1:9");
    let ran = shell.run(&["whoami"]).await;
    assert_eq!(ran.exit, Exit::SignInNeeded, "nothing was sent: {ran:?}");
    shell.unset("OAUTHORITY_HOST");
    shell.run(&["whoami"]).await.done();
}

#[tokio::test]
async fn profiles_are_signed_in_apart() {
    let server = server(&[]).await;
    let mut shell = signed_in(&server, "ada", Role::Admin, &[]).await;
    let browser = Browser::of(&server.app, "mel", Role::Member).await;
    log_in(&shell, &browser, &["--profile", "other place"])
        .await
        .0
        .done();
    shell.unset("OAUTHORITY_HOST");
    let name = async |shell: &Shell| {
        let me = shell.run(&["whoami", "-o", "json"]).await.done().json();
        me["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(name(&shell).await, "ada");
    shell.run(&["switch", "other place"]).await.done();
    assert_eq!(name(&shell).await, "mel");
    assert_eq!(shell.run(&["switch", "nowhere"]).await.exit, Exit::Usage);
    let list = shell.run(&["switch", "-o", "json"]).await.done().json();
    let seen: Vec<_> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            (
                row["name"].clone(),
                row["signed_in"].clone(),
                row["current"].clone(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("default".into(), true.into(), false.into()),
            ("other place".into(), true.into(), true.into())
        ]
    );
    shell.run(&["logout"]).await.done();
    assert_eq!(shell.run(&["whoami"]).await.exit, Exit::SignInNeeded);
    shell.run(&["whoami", "--profile", "default"]).await.done();
}

//! People by command: invited, taken back, deactivated.

use super::shell::{Listening, MANAGE};
use crate::{
    cli::Exit,
    registry::{
        bootstrap::system_access,
        secrets::{self, Rotation},
    },
    store::{
        self,
        users::{Role, UserStatus},
    },
    tests::{
        browser::person,
        flows::{Rp, SCOPES, alice, web_app},
        harness::TestClient,
    },
};

#[tokio::test]
async fn an_address_is_invited_again_and_taken_back() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let invite = ["member", "invite", "ada@example.com", "--role", "member"];
    let sent = shell.run(&invite).await.done();
    assert!(sent.err.contains("on its way"), "{sent:?}");
    shell.run(&["member", "resend", "ADA@example.com"]).await.done();
    let open = ["member", "invitations", "-o", "json"];
    let listed = shell.run(&open).await.done();
    assert_eq!(listed.json()[0]["email"], "ada@example.com", "{listed:?}");
    let queued = store::mails::due(server.app.db(), server.app.clock.now(), 9)
        .await
        .unwrap();
    assert_eq!(queued.len(), 2);
    shell.run(&["member", "revoke", "ada@example.com"]).await.done();
    assert_eq!(
        shell.run(&open).await.done().json().as_array().map(Vec::len),
        Some(0)
    );
    let again = shell.run(&["member", "revoke", "ada@example.com"]).await;
    assert_eq!(again.exit, Exit::NotFound);
}

#[tokio::test]
async fn an_operator_deactivates_and_reactivates_an_account() {
    let server = Listening::start(&[]).await;
    person(&server.app, "ben", Some(Role::Member)).await;
    let registry = &server.app.app.registry;
    let id = registry.config.system_clients.admin_id.clone();
    let access = system_access(server.app.org.clone());
    let made = secrets::rotate(registry, &access, &id, None, Rotation::default())
        .await
        .expect("rotated");
    let secret = made.secret.expect("a secret").text.expose().to_owned();
    let shell = server.shell_of(&TestClient { id, secret });
    let status = async || {
        let found = store::users::find_by_username(server.app.db(), "ben").await;
        found.unwrap().expect("made").status
    };
    shell.run(&["user", "disable", "BEN", "--yes"]).await.done();
    assert_eq!(status().await, UserStatus::Inactive);
    let listed = shell.run(&["user", "list", "-o", "json"]).await.done();
    assert!(listed.out.contains("inactive"), "{listed:?}");
    shell.run(&["user", "enable", "ben"]).await.done();
    assert_eq!(status().await, UserStatus::Active);
    let unknown = shell.run(&["user", "enable", "nobody"]).await;
    assert_eq!(unknown.exit, Exit::NotFound);
    let manager = server.shell(&MANAGE).await;
    let refused = manager.run(&["user", "list"]).await;
    assert_eq!(refused.exit, Exit::Forbidden);
}

#[tokio::test]
async fn what_people_allowed_is_listed_and_ended() {
    let server = Listening::start(&[]).await;
    let rp = Rp::of(&server.app, web_app(&SCOPES)).await;
    let browser = alice(&server.app).await;
    rp.tokens(&server.app, &browser, &[]).await;
    let shell = server.shell(&MANAGE).await;
    let listed = shell
        .run(&[
            "grant",
            "list",
            "--client",
            &rp.client.id,
            "--columns",
            "username,id",
        ])
        .await
        .done();
    let (name, id) = listed.out.trim().split_once('\t').unwrap();
    assert_eq!(name, "alice");
    let by_user = shell
        .run(&["grant", "list", "--user", "alice", "-q"])
        .await
        .done();
    assert_eq!(by_user.out.trim(), id);
    assert_eq!(
        shell.run(&["grant", "revoke", "alice", "--yes"]).await.exit,
        Exit::Usage
    );
    let revoked = shell
        .run(&["grant", "revoke", "alice", "--client", &rp.client.id, "--yes"])
        .await;
    revoked.done();
    assert_eq!(shell.run(&["grant", "list", "-q"]).await.done().out, "");
    rp.tokens(&server.app, &browser, &[]).await;
    shell
        .run(&["grant", "revoke", id, "--confirm", id.split(':').nth(1).unwrap()])
        .await
        .done();
    rp.tokens(&server.app, &browser, &[]).await;
    let all = shell
        .run(&[
            "grant",
            "revoke",
            "--client",
            &rp.client.id,
            "--all",
            "--confirm",
            "Nightly export",
        ])
        .await
        .done();
    assert!(all.err.contains("1 people"), "{all:?}");
    assert_eq!(shell.run(&["grant", "list", "-q"]).await.done().out, "");
}

//! The commands, as the document has them.

use super::*;
use crate::{
    cli::Exit,
    store,
    tests::{
        cli::shell::{Listening, Shell},
        docs,
        harness::service,
    },
};

/// The commands of the document, word by word.
fn document() -> Vec<Vec<String>> {
    let text = docs::read("docs/personal-credentials.md");
    let blocks = docs::blocks(&text, &["sh"]);
    let lines = blocks.iter().flat_map(|block| docs::commands(block));
    lines.map(|line| docs::words(&line).concat()).collect()
}

/// Runs a command of the document in which some words stand for others.
async fn run(shell: &Shell, begins: &str, stand: &[(&str, &str)]) -> crate::tests::cli::shell::Ran {
    let all = document();
    let words = all.iter().find(|words| words.join(" ").starts_with(begins));
    let words = words.unwrap_or_else(|| panic!("no {begins:?} in {all:?}"));
    let other = |word: &String| {
        let found = stand.iter().find(|(known, _)| known == word);
        found.map_or_else(|| word.clone(), |(_, other)| (*other).to_owned())
    };
    let words: Vec<String> = words.iter().skip(1).map(other).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    shell.run(&words).await
}

/// The shell of somebody whose token is this.
fn shell_with(server: &Listening, token: &str) -> Shell {
    let mut shell = Shell::new(server.app.clock.clone());
    shell.set("OAUTHORITY_HOST", &format!("http://{}", server.address));
    shell.set("OAUTHORITY_TOKEN", token);
    shell
}

#[tokio::test]
async fn the_commands_of_the_document_work() {
    let server = Listening::start(&[]).await;
    let app = &server.app;
    let audience = "https://api.example.com";
    let scopes = ["invoices:read", "invoices:write"];
    app.api(&app.org, audience, TokenFormat::Jwt, &scopes).await;
    let browser = Browser::of(app, "ben", Role::Member).await;
    let shell = shell_with(&server, &token(app, &browser, "account:write").await);
    let (env, secret) = (shell.path(".env"), shell.path("secret.txt"));
    let (env_path, secret_path) = (env.to_string_lossy(), secret.to_string_lossy());

    let scopes = run(&shell, "oauthority credential scopes", &[]).await.done();
    assert!(
        scopes.out.contains("invoices:read") && scopes.out.contains("do not hold"),
        "{scopes:?}"
    );
    let made = run(&shell, "oauthority credential create", &[(".env", &env_path)])
        .await
        .done();
    let id = made.out.trim().to_owned();
    assert!(id.starts_with("oac_") && !made.err.contains("oas_"), "{made:?}");
    assert!(
        made.err.contains("scope=https://api.example.com-invoices:read"),
        "{made:?}"
    );
    let variables = std::fs::read_to_string(&env).unwrap();
    let value = |name: &str| {
        let line = variables.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim_start_matches('=').to_owned()
    };
    let client = TestClient {
        id: value("OAUTHORITY_CLIENT_ID"),
        secret: value("OAUTHORITY_CLIENT_SECRET"),
    };
    assert_eq!(client.id, id);
    // The request of the document.
    let all = document();
    let curl = all.iter().find(|words| words[0] == "curl").expect("a request");
    let asked: Vec<(&str, &str)> = curl
        .iter()
        .filter_map(|word| Some(("scope", word.strip_prefix("scope=")?)))
        .collect();
    assert_eq!(asked.len(), 2);
    let token_of = app.token(&client, &asked).await;
    assert_eq!(
        token_of.json()["scope"],
        "invoices:read invoices:write",
        "{}",
        token_of.text()
    );

    let listed = run(&shell, "oauthority credential list", &[]).await.done();
    assert!(listed.out.contains(&id), "{listed:?}");
    let shown = run(&shell, "oauthority credential get", &[("oac_…", &id)])
        .await
        .done();
    assert!(shown.out.contains("Nightly report"), "{shown:?}");
    let stand = [("oac_…", id.as_str()), ("secret.txt", &secret_path)];
    run(&shell, "oauthority credential rotate", &stand).await.done();
    let fresh = client.with_secret(std::fs::read_to_string(&secret).unwrap().trim());
    assert_eq!(app.token(&fresh, &[]).await.status, 200);
    assert_eq!(app.token(&client, &[]).await.status, 200, "until tomorrow");
    run(&shell, "oauthority credential delete", &stand).await.done();
    app.token(&fresh, &[]).await.refused(401, "invalid_client");
    let gone = run(&shell, "oauthority credential get", &stand).await;
    assert_eq!(gone.exit, Exit::NotFound);

    // For somebody else.
    let manager = app
        .client(&app.org, service(&["members:write", "clients:write"]))
        .await;
    let manager = server.shell_of(&manager);
    let ada = person(app, "ada", Some(Role::Member)).await;
    let offered = run(&manager, "oauthority credential deliver", &[]).await.done();
    assert!(
        offered.out.contains("/credentials/claim/") && !offered.out.contains("oas_"),
        "{offered:?}"
    );
    let listed = run(&manager, "oauthority credential offers", &[]).await.done();
    assert!(
        listed.out.contains("open") && !listed.out.contains("/claim/"),
        "{listed:?}"
    );
    let offer = store::credential_offers::of_org(app.db(), &app.org.id)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(offer.user_id, ada.id);
    run(
        &manager,
        "oauthority credential withdraw",
        &[("cof_…", &offer.id)],
    )
    .await
    .done();
    let again = run(
        &manager,
        "oauthority credential withdraw",
        &[("cof_…", &offer.id)],
    )
    .await;
    assert_eq!(again.exit, Exit::Conflict);
    run(&manager, "oauthority credential list --everybody", &[])
        .await
        .done();
    let refused = run(&shell, "oauthority credential deliver", &[]).await;
    assert_ne!(refused.exit, Exit::Done);
}

#[tokio::test]
async fn an_operator_allows_and_forbids_them_by_command() {
    let server = Listening::start(&[]).await;
    let app = &server.app;
    let ben = person(app, "ben", Some(Role::Member)).await;
    let registry = &app.app.registry;
    let id = registry.config.system_clients.admin_id.clone();
    let access = crate::registry::bootstrap::system_access(app.org.clone());
    let made = crate::registry::secrets::rotate(registry, &access, &id, None, Default::default())
        .await
        .expect("rotated");
    let secret = made.secret.expect("a secret").text.expose().to_owned();
    let shell = server.shell_of(&TestClient { id, secret });
    let may = async || {
        store::users::find(app.db(), &ben.id)
            .await
            .unwrap()
            .expect("made")
            .may_hold_credentials
    };
    shell
        .run(&["user", "forbid-credentials", "ben", "--yes"])
        .await
        .done();
    assert!(!may().await);
    shell.run(&["user", "allow-credentials", "ben"]).await.done();
    assert!(may().await);
}

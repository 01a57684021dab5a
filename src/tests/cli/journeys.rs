//! What people do with the commands, from end to end.

use std::os::unix::fs::PermissionsExt;

use super::shell::{Listening, MANAGE};
use crate::{
    cli::Exit,
    registry::secrets::{self, Rotation},
    tests::harness::TestClient,
};

#[tokio::test]
async fn a_client_is_made_used_rotated_and_deleted() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let env_file = shell.path(".env");
    let env_path = env_file.to_string_lossy().into_owned();
    let made = shell
        .run(&[
            "client",
            "create",
            "--template",
            "service",
            "--name",
            "Invoice exporter",
            "--scope",
            "workspace:read",
            "--env-file",
            &env_path,
        ])
        .await
        .done();
    let id = made.out.trim().to_owned();
    let variables = std::fs::read_to_string(&env_file).unwrap();
    assert!(
        variables.contains(&format!("OAUTHORITY_CLIENT_ID={id}\n")),
        "{variables}"
    );
    assert!(
        !made.out.contains("oas_") && !made.err.contains("oas_"),
        "{made:?}"
    );
    assert_eq!(
        std::fs::metadata(&env_file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let secret = variables
        .lines()
        .find_map(|line| line.strip_prefix("OAUTHORITY_CLIENT_SECRET="))
        .unwrap();

    let token = shell
        .pipe(&["token", "get", &id, "--secret-file", "-"], secret)
        .await
        .done();
    let about = shell
        .pipe(&["token", "inspect", "-", "-o", "json"], &token.out)
        .await
        .done()
        .json();
    assert_eq!(about["claims"]["client_id"], id.as_str());
    assert_eq!(about["expired"], false);

    let new = shell
        .run(&["secret", "rotate", &id, "--old-ends", "24h", "--secret-file", "-"])
        .await
        .done();
    assert!(new.out.starts_with("oas_") && new.out.trim() != secret, "{new:?}");
    let secrets = shell.run(&["secret", "list", &id, "-o", "json"]).await.done();
    assert!(!secrets.out.contains("oas_"));
    let states: Vec<_> = secrets
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["state"].clone())
        .collect();
    assert_eq!(states, ["active", "ending"]);
    let hint = secret[secret.len() - 6..].to_owned();
    shell
        .run(&["secret", "extend", &id, &hint, "--to", "48h"])
        .await
        .done();
    shell.run(&["secret", "end", &id, &hint, "--force"]).await.done();

    shell
        .run(&[
            "client",
            "update",
            &id,
            "--add-scope",
            "workspace:write",
            "--name",
            "Exporter",
        ])
        .await
        .done();
    let client = shell
        .run(&["client", "get", &id, "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(client["scopes"].as_array().unwrap().len(), 2);
    shell
        .run(&["client", "disable", &id, "--reason", "a test"])
        .await
        .done();
    shell.run(&["client", "enable", &id]).await.done();
    shell.run(&["client", "impact", &id]).await.done();
    let listed = shell
        .run(&["secret", "list", &id, "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(listed[0]["uses_last_hour"], 0);
    shell
        .run(&["client", "delete", &id, "--confirm", "Exporter"])
        .await
        .done();
    let events = shell
        .run(&["activity", "list", "--client", &id, "--fields", "action", "--all"])
        .await
        .done();
    assert!(
        events.out.starts_with("client.deleted\n") && events.out.contains("secret.rotated"),
        "{}",
        events.out
    );
}

#[tokio::test]
async fn ux_59_piped_output_is_plain_and_agrees_with_json() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let listed = shell
        .run(&["client", "list", "--sort", "name", "-o", "json"])
        .await
        .done()
        .json();
    let ids: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["client_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 6);
    let quiet = shell
        .run(&["client", "list", "--sort", "name", "-q"])
        .await
        .done();
    assert_eq!(quiet.out.lines().collect::<Vec<_>>(), ids);
    let plain = shell.run(&["client", "list", "--sort", "name"]).await.done();
    let second: Vec<_> = plain
        .out
        .lines()
        .map(|line| line.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(second, ids, "full ids, no header");
    assert!(!plain.out.contains('\u{1b}'));
    let table = shell.type_in(&["client", "list"], "").await.done();
    assert!(
        table.out.contains("\u{1b}[1mNAME") && table.out.contains('…'),
        "{}",
        table.out
    );
    let mut plainer = server.shell(&MANAGE).await;
    plainer.set("NO_COLOR", "1");
    let table = plainer
        .type_in(&["client", "list", "--no-trunc", "--columns", "name,id"], "")
        .await
        .done();
    assert!(
        !table.out.contains('\u{1b}') && table.out.contains(ids[0]),
        "{}",
        table.out
    );
    let wrong = shell.run(&["client", "list", "--columns", "nmae"]).await;
    assert_eq!(wrong.exit, Exit::Usage, "{wrong:?}");
    for format in ["yaml", "ndjson", "csv"] {
        let other = shell
            .run(&["client", "list", "--sort", "name", "-o", format])
            .await
            .done();
        assert!(
            ids.iter().all(|id| other.out.contains(id)),
            "{format}: {}",
            other.out
        );
    }
}

#[tokio::test]
async fn a_token_is_kept_for_the_commands_that_follow() {
    let server = Listening::start(&[]).await;
    let manager = server.app.service(&MANAGE).await;
    let token = manager.token(&server.app).await;
    let mut shell = server.shell_of(&manager);
    shell.unset("OAUTHORITY_CLIENT_ID");
    shell.unset("OAUTHORITY_CLIENT_SECRET");
    assert_eq!(shell.run(&["whoami"]).await.exit, Exit::SignInNeeded);
    shell.pipe(&["login", "--with-token"], &token).await.done();
    shell.unset("OAUTHORITY_HOST");
    let file = shell.path(".config/oauthority/config.toml");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let me = shell.run(&["whoami", "-o", "json"]).await.done().json();
    assert_eq!(me["client_id"], manager.id.as_str());
    let status = shell.run(&["status", "-o", "json"]).await.done().json();
    assert_eq!(status["clock_skew_seconds"], 0);
    shell.run(&["logout"]).await.done();
    assert_eq!(shell.run(&["whoami"]).await.exit, Exit::SignInNeeded);
}

#[tokio::test]
async fn apis_scopes_and_members_come_and_go() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let audience = "https://api.example.com/invoices";
    shell
        .run(&[
            "api",
            "create",
            "--name",
            "Invoices",
            "--audience",
            audience,
            "--scope",
            "invoices:read=See invoices",
        ])
        .await
        .done();
    let write = [
        "scope",
        "create",
        "invoices",
        "invoices:write",
        "--description",
        "Change them",
        "--risk",
        "changes",
    ];
    shell.run(&write).await.done();
    let scopes = shell.run(&["scope", "list", audience, "-q"]).await.done();
    assert_eq!(scopes.out, "invoices:read\ninvoices:write\n");
    shell
        .run(&["scope", "delete", "Invoices", "invoices:write", "--yes"])
        .await
        .done();
    let api = shell
        .run(&["api", "get", "Invoices", "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(api["scopes"].as_array().unwrap().len(), 1);

    let added = shell
        .run(&["member", "add", "grace", "--role", "auditor", "-o", "json"])
        .await
        .done()
        .json();
    assert!(added["setup_link"].as_str().unwrap().contains("/setup/"));
    shell.run(&["member", "role", "grace", "member"]).await.done();
    let members = shell
        .run(&["member", "list", "--columns", "username,role"])
        .await
        .done();
    assert_eq!(members.out, "grace\tmember\n");
    shell.run(&["member", "remove", "grace", "--yes"]).await.done();
    assert_eq!(shell.run(&["member", "list", "-q"]).await.done().out, "");
}

#[tokio::test]
async fn an_operator_rotates_signing_keys() {
    let server = Listening::start(&[]).await;
    let registry = &server.app.app.registry;
    let access = crate::registry::bootstrap::system_access(server.app.org.clone());
    let id = &registry.config.system_clients.admin_id;
    let rotated = secrets::rotate(registry, &access, id, None, Rotation::default())
        .await
        .unwrap();
    let shell = server.shell_of(&TestClient {
        id: id.clone(),
        secret: rotated.secret.unwrap().text.expose().to_owned(),
    });
    let before = shell.run(&["keys", "list", "-q"]).await.done();
    shell.run(&["keys", "rotate"]).await.done();
    let after = shell.run(&["keys", "list", "-o", "json"]).await.done().json();
    assert_eq!(after.as_array().unwrap().len(), before.out.lines().count() + 1);
    let pending = after
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["state"] == "pending")
        .unwrap();
    let kid = pending["kid"].as_str().unwrap();
    shell.run(&["keys", "retire", kid, "--yes"]).await.done();
}

#[tokio::test]
async fn a_token_is_asked_about_and_taken_back() {
    let server = Listening::start(&[]).await;
    let client = server.app.service(&["workspace:read"]).await;
    let shell = server.shell_of(&client);
    let token = shell.run(&["token", "get"]).await.done();
    let good = shell
        .pipe(&["token", "introspect", "-o", "json"], &token.out)
        .await
        .done()
        .json();
    assert_eq!(good["active"], true);
    shell.pipe(&["token", "revoke"], &token.out).await.done();
    let gone = shell
        .pipe(&["token", "introspect", "-o", "json"], &token.out)
        .await
        .done()
        .json();
    assert_eq!(gone, serde_json::json!({ "active": false }));
}

#[tokio::test]
async fn whoever_takes_away_what_is_used_is_asked() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let app = &server.app;
    let client = app.service(&["workspace:read", "workspace:write"]).await;
    let spare = [
        "client",
        "update",
        &client.id,
        "--remove-scope",
        "workspace:write",
    ];
    client.token_for(app, &[("scope", "workspace:write")]).await;
    let told = shell
        .run(&[
            "client",
            "impact",
            &client.id,
            "--action",
            "remove-scope",
            "--scope",
            "workspace:write",
            "-o",
            "json",
        ])
        .await
        .done()
        .json();
    assert_eq!(told["access_tokens"][0]["count"], 1);
    assert_eq!(told["scopes"][0]["times_asked"], 1);
    // A script has to say that it means it.
    let refused = shell.run(&spare).await;
    assert_eq!(refused.exit, Exit::Usage, "{refused:?}");
    let asked = shell.type_in(&spare, "something else\n").await;
    assert_eq!(asked.exit, Exit::NotConfirmed, "{asked:?}");
    assert!(
        asked.err.contains("workspace:write goes: asked for 1 time"),
        "{asked:?}"
    );
    assert!(asked.err.contains("1 access token (jwt, until"), "{asked:?}");
    assert_eq!(
        shell.run(&[&spare[..], &["--yes"]].concat()).await.exit,
        Exit::Done
    );
    // Nobody misses what nobody uses.
    let quiet = app.service(&["workspace:read", "workspace:write"]).await;
    shell
        .run(&["client", "update", &quiet.id, "--remove-scope", "workspace:write"])
        .await
        .done();
}

#[tokio::test]
async fn the_use_of_a_client_is_a_table_for_people_and_a_document_for_programs() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let app = &server.app;
    let client = app.service(&["workspace:read"]).await;
    for _ in 0..2 {
        client.token(app).await;
    }
    app.token(&client, &[("scope", "nonsense")]).await;
    let used = shell
        .run(&["client", "usage", &client.id, "--days", "7", "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(
        (&used["tokens"], &used["failed_requests"]),
        (&serde_json::json!(2), &serde_json::json!(1))
    );
    assert_eq!(used["days"].as_array().map(Vec::len), Some(7));
    let table = shell.type_in(&["client", "usage", &client.id], "").await.done();
    for part in [
        "tokens",
        "Secrets",
        "workspace:read",
        "invalid_scope",
        "Days (UTC)",
    ] {
        assert!(table.out.contains(part), "{part} in {}", table.out);
    }
    let secrets = shell
        .run(&["secret", "list", &client.id, "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(secrets[0]["uses_last_day"], 2);
    assert_eq!(secrets[0]["addresses"][0]["uses"], 2);
    let disabled = shell.run(&["client", "disable", &client.id]).await.done();
    assert!(disabled.err.contains("2 access tokens (jwt"), "{disabled:?}");
    let tried = shell
        .run(&["client", "disable", &client.id, "--dry-run", "-o", "json"])
        .await
        .done();
    assert_eq!(tried.json()["action"], "disable");
}

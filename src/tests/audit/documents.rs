//! The snippet of `docs/audit.md` runs, on an export.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::{meddle, sealed};
use crate::tests::{
    docs::{blocks, read},
    harness::{TestApp, on_both},
};

async fn said(app: &TestApp) -> String {
    let client = app.service(&["audit:read"]).await;
    let token = client.token_for(app, &[("resource", "urn:oauthority:api")]).await;
    let path = format!("/api/v1/orgs/{}/activity/export", app.org.handle);
    let file = app.get(&path).bearer(&token).send().await;
    let text = read("docs/audit.md");
    let found = blocks(&text, &["python"]);
    let [snippet] = found.as_slice() else {
        panic!("{} blocks", found.len())
    };
    let script = format!(
        "{}\nimport sys\nprint(first_bad(sys.stdin, sys.argv[1]))",
        snippet.join("\n")
    );
    let mut child = Command::new("python3")
        .args(["-c", &script, &app.org.id])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("python3 is needed: {error}"));
    let mut input = child.stdin.take().expect("piped");
    input.write_all(&file.body).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn somebody_with_python_and_an_export_finds_what_was_changed() {
    on_both(async |app| {
        let hostile = "Žluťoučký \"kůň\" \\ 😀 \u{7f} \u{fb33} \u{1}\u{1f}\n\t\u{8}\u{c} </script>";
        let resource = crate::registry::Resource {
            kind: "client",
            id: "oac_x",
            name: hostile,
        };
        let details = serde_json::json!({ "z": [1, -7, true, null], "a": { "b": hostile, "": {} } });
        let event = app.app.registry.event(
            &app.owner().actor,
            &app.org.id,
            "client.updated",
            resource,
            details,
        );
        app.db()
            .write(crate::store::audit::append(&event).into())
            .await
            .expect("written");
        sealed(&app).await;
        assert_eq!(said(&app).await, "None");
        let sql = "UPDATE audit_events SET ip = '203.0.113.9' WHERE seq = 3 AND org_id = $1";
        meddle(&app, sql, vec![(&app.org.id).into()]).await;
        assert_eq!(said(&app).await, "3");
    })
    .await;
}

//! An entry that somebody writes into the database is not vouched for.

use std::process::{Command, Output};

use super::{Outcome, Server, running, server::Credentials};

fn verify(server: &Server, admin: &Credentials) -> Outcome<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_oauthority"))
        .args(["audit", "verify", "--host", &server.base, "--org", "main"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("OAUTHORITY_CLIENT_ID", &admin.id)
        .env("OAUTHORITY_CLIENT_SECRET", &admin.secret)
        .output()?)
}

#[tokio::test]
async fn fx_08_an_inserted_entry_is_found() -> Outcome<()> {
    let (server, admin, directory) = running(&[]).await?;
    let whole = verify(&server, &admin)?;
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    let file = rusqlite::Connection::open(directory.path().join("data/oauthority.db"))?;
    let inserted = file.execute(
        "INSERT INTO audit_events (id, org_id, at, actor_kind, actor_id, actor_name, ip, request_id, action, \
         resource_kind, resource_id, resource_name, outcome, details) \
         SELECT 'forged', org_id, at - 20 * 86400000, actor_kind, actor_id, actor_name, ip, request_id, 'client.deleted', \
         resource_kind, resource_id, resource_name, outcome, details FROM audit_events \
         WHERE org_id = (SELECT id FROM organizations WHERE handle = 'main') LIMIT 1",
        (),
    )?;
    assert_eq!(inserted, 1);
    let forged = verify(&server, &admin)?;
    assert_eq!(forged.status.code(), Some(12), "{forged:?}");
    let said = String::from_utf8_lossy(&forged.stderr).into_owned();
    assert!(
        said.contains("not written by this server") && said.contains("forged"),
        "{said}"
    );
    Ok(())
}

//! `oauthority member invite|invitations|resend|revoke`: people on their way into an organisation.

use reqwest::{Method, Url};
use serde_json::{Value as Json, json};

use super::{
    connection::Connection,
    exit::{Exit, Failure, Result},
    member::Role,
    page::{self, Part},
    render::{Column, Kind, columns},
};

fn shown() -> Vec<Column> {
    columns(&[
        ("email", "E-MAIL", Kind::Text),
        ("role", "ROLE", Kind::Text),
        ("created_at", "SENT", Kind::Day),
        ("expires_at", "WORKS UNTIL", Kind::Moment),
        ("id", "ID", Kind::Id),
    ])
}

/// Invites an address.
///
/// # Errors
/// As the server says.
pub async fn invite(connection: &mut Connection<'_>, email: &str, role: Role) -> Result<()> {
    let body = json!({ "email": email, "role": role.word() });
    let url = connection.of_org(&["invitations"]).await?;
    let sent = connection.send(Method::POST, url, Some(&body), None).await?.body;
    let line = format!(
        "{} An invitation to {email} is on its way",
        connection.view.tick()
    );
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &sent, &shown(), "id")
}

/// Lists what is open.
///
/// # Errors
/// As the server says.
pub async fn list(connection: &mut Connection<'_>) -> Result<()> {
    let rows = read(connection).await?;
    connection.view.list(connection.terminal, &rows, &shown(), "id")
}

/// Sends an invitation again.
///
/// # Errors
/// As the server says.
pub async fn resend(connection: &mut Connection<'_>, invitation: &str) -> Result<()> {
    let (id, email) = find(connection, invitation).await?;
    let url = connection.of_org(&["invitations", &id, "resend"]).await?;
    let sent = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let line = format!(
        "{} An invitation to {email} is on its way once more",
        connection.view.tick()
    );
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &sent, &shown(), "id")
}

/// Takes an invitation back.
///
/// # Errors
/// As the server says.
pub async fn revoke(connection: &mut Connection<'_>, invitation: &str) -> Result<()> {
    let (id, email) = find(connection, invitation).await?;
    let url: Url = connection.of_org(&["invitations", &id]).await?;
    let etag = connection.get(url.clone()).await?.etag;
    connection
        .send(Method::DELETE, url, None, etag.as_deref())
        .await?;
    let line = format!("{} Revoked the invitation to {email}", connection.view.tick());
    connection.terminal.say(&line);
    Ok(())
}

async fn read(connection: &mut Connection<'_>) -> Result<Vec<Json>> {
    let url = connection.of_org(&["invitations"]).await?;
    Ok(page::read(connection, url, &Part::EVERYTHING).await?.rows)
}

/// Id and address of an open invitation, by either.
async fn find(connection: &mut Connection<'_>, invitation: &str) -> Result<(String, String)> {
    let rows = read(connection).await?;
    let text = |row: &Json, name: &str| {
        let value = row.get(name).and_then(Json::as_str);
        value.unwrap_or_default().to_owned()
    };
    let meant =
        |row: &&Json| text(row, "id") == invitation || text(row, "email").eq_ignore_ascii_case(invitation);
    let row = rows.iter().find(meant).ok_or_else(|| {
        let words = format!("there is no open invitation {invitation}");
        Failure::new(Exit::NotFound, words)
    })?;
    Ok((text(row, "id"), text(row, "email")))
}

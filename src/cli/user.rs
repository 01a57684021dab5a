//! `oauthority user …`: accounts of the whole instance, for operators.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    confirm::Confirmation,
    connection::{Connection, with},
    exit::{Exit, Failure, Result},
    options::{Format, Noun},
    page,
    render::{Column, Kind, columns},
};

#[derive(Subcommand)]
pub enum Verb {
    /// List the people of the instance
    #[command(alias = "ls")]
    List {
        #[command(flatten)]
        part: page::Part,
    },
    /// Deactivate an account: its person is out everywhere, at once
    Disable {
        /// User name or id
        user: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Reactivate an account
    Enable {
        /// User name or id
        user: String,
    },
    /// Let a person hold personal credentials
    AllowCredentials {
        /// User name or id
        user: String,
    },
    /// Let a person hold no personal credentials any more: those there are stop at once
    ForbidCredentials {
        /// User name or id
        user: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Remove every second factor of a person who has lost his, and end his sessions
    ResetFactors {
        /// User name or id
        user: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Make a link to a new password, to be handed over; for an account that no mail reaches
    Recover {
        /// User name or id
        user: String,
    },
}

fn shown() -> Vec<Column> {
    columns(&[
        ("username", "USER", Kind::Text),
        ("display_name", "NAME", Kind::Text),
        ("email", "E-MAIL", Kind::Text),
        ("status", "STATUS", Kind::Status),
        ("created_at", "SINCE", Kind::Day),
        ("id", "ID", Kind::Id),
    ])
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    match noun.verb {
        Verb::List { part } => {
            let url = connection.url(&["api", "v1", "users"]);
            let listed = page::read(connection, url, &part).await?;
            connection
                .view
                .list(connection.terminal, &listed.rows, &shown(), "id")?;
            listed.tell(connection, "people");
            Ok(())
        }
        Verb::Disable { user, confirmation } => {
            let (id, username) = find(connection, &user).await?;
            let facts = [
                "Every session ends, and every app loses what this person gave it, in every organisation."
                    .to_owned(),
            ];
            confirmation.ask(connection, &format!("Deactivate {username}?"), &facts, &username)?;
            let body = json!({ "status": "inactive" });
            set(connection, &id, &body, &format!("Deactivated {username}")).await
        }
        Verb::Enable { user } => {
            let (id, username) = find(connection, &user).await?;
            let body = json!({ "status": "active" });
            set(connection, &id, &body, &format!("Reactivated {username}")).await
        }
        Verb::AllowCredentials { user } => {
            let (id, username) = find(connection, &user).await?;
            let body = json!({ "may_hold_credentials": true });
            let done = format!("{username} may hold personal credentials");
            set(connection, &id, &body, &done).await
        }
        Verb::ForbidCredentials { user, confirmation } => {
            let (id, username) = find(connection, &user).await?;
            let facts = ["Every personal credential of this person stops, in every organisation.".to_owned()];
            let question = format!("Forbid personal credentials to {username}?");
            confirmation.ask(connection, &question, &facts, &username)?;
            let body = json!({ "may_hold_credentials": false });
            let done = format!("{username} may hold no personal credentials any more");
            set(connection, &id, &body, &done).await
        }
        Verb::ResetFactors { user, confirmation } => reset(connection, &user, &confirmation).await,
        Verb::Recover { user } => recover(connection, &user).await,
    }
}

async fn reset(connection: &mut Connection<'_>, user: &str, confirmation: &Confirmation) -> Result<()> {
    let (id, username) = find(connection, user).await?;
    let facts = [
        "Authenticator app, passkeys and recovery codes are removed; the password stays.".to_owned(),
        "Make sure that the person who asks is who he says: from now on the password alone signs in."
            .to_owned(),
    ];
    let question = format!("Reset the second factors of {username}?");
    confirmation.ask(connection, &question, &facts, &username)?;
    let url = connection.url(&["api", "v1", "operator", "users", &id, "reset-factors"]);
    let person = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let line = format!(
        "{} Second factors of {username} are reset",
        connection.view.tick()
    );
    connection.terminal.say(&line);
    let shown = columns(&[("id", "ID", Kind::Text), ("username", "USER NAME", Kind::Text)]);
    connection.view.one(connection.terminal, &person, &shown, "id")
}

/// Id and user name of a person, by either.
async fn find(connection: &mut Connection<'_>, user: &str) -> Result<(String, String)> {
    let all = connection.url(&["api", "v1", "users"]);
    let named = connection.get(with(all, "username", Some(user))).await?.body;
    let one = match named["data"].get(0) {
        Some(one) => one.clone(),
        None if user.starts_with("usr_") => {
            let url = connection.url(&["api", "v1", "users", user]);
            connection.get(url).await?.body
        }
        None => {
            return Err(Failure::new(
                Exit::NotFound,
                format!("there is nobody called {user}"),
            ));
        }
    };
    let text = |name: &str| {
        one.get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Ok((text("id"), text("username")))
}

/// The link goes to standard output, so that it can be piped on.
async fn recover(connection: &mut Connection<'_>, user: &str) -> Result<()> {
    let (id, username) = find(connection, user).await?;
    let url = connection.url(&["api", "v1", "users", &id, "recovery-link"]);
    let made = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let text = |name: &str| made.get(name).and_then(Json::as_str).unwrap_or_default();
    let until = text("expires_at");
    let line = format!("Send this link to {username}; it works once, until {until}:");
    connection.terminal.say(&line);
    if connection.view.format == Format::Table {
        let link = format!("{}\n", text("recovery_link"));
        return connection.terminal.print(&link);
    }
    connection
        .view
        .one(connection.terminal, &made, &shown(), "recovery_link")
}

async fn set(connection: &mut Connection<'_>, id: &str, body: &Json, done: &str) -> Result<()> {
    let url = connection.url(&["api", "v1", "users", id]);
    let etag = connection.get(url.clone()).await?.etag;
    let user = connection
        .send(Method::PATCH, url, Some(body), etag.as_deref())
        .await?
        .body;
    let line = format!("{} {done}", connection.view.tick());
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &user, &shown(), "id")
}

//! `oauthority member …`: people of an organisation.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    confirm::Confirmation,
    connection::Connection,
    exit::{Exit, Failure, Result},
    invitation,
    options::Noun,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority member invite ada@example.com --role member
  oauthority member add grace --role auditor --email grace@example.com
  oauthority member role grace admin";

#[derive(Subcommand)]
pub enum Verb {
    /// List the members
    #[command(alias = "ls")]
    List,
    /// Invite an address: whoever has no account makes one
    Invite {
        /// E-mail address
        email: String,
        #[arg(long, value_enum)]
        role: Role,
    },
    /// List the open invitations
    Invitations,
    /// Send an invitation again, with a new link
    Resend {
        /// Address or id
        invitation: String,
    },
    /// Take an invitation back
    Revoke {
        /// Address or id
        invitation: String,
    },
    /// Make an account for a new member, with a link to pick a password; without mail
    Add(New),
    /// Change a role
    Role {
        /// User name or id
        user: String,
        #[arg(value_enum)]
        role: Role,
    },
    /// End a membership
    #[command(alias = "rm")]
    Remove {
        /// User name or id
        user: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// Flags of `add`.
#[derive(Args)]
pub struct New {
    /// User name
    username: String,
    #[arg(long, value_enum)]
    role: Role,
    /// What others read
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    Owner,
    Admin,
    Auditor,
    Member,
}

impl Role {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Member => "member",
        }
    }
}

fn shown() -> Vec<Column> {
    columns(&[
        ("username", "USER", Kind::Text),
        ("display_name", "NAME", Kind::Text),
        ("role", "ROLE", Kind::Text),
        ("status", "STATUS", Kind::Status),
        ("since", "SINCE", Kind::Day),
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
        Verb::List => {
            let rows = read(connection).await?;
            connection.view.list(connection.terminal, &rows, &shown(), "id")
        }
        Verb::Invite { email, role } => invitation::invite(connection, &email, role).await,
        Verb::Invitations => invitation::list(connection).await,
        Verb::Resend { invitation } => invitation::resend(connection, &invitation).await,
        Verb::Revoke { invitation } => invitation::revoke(connection, &invitation).await,
        Verb::Add(new) => add(connection, new).await,
        Verb::Role { user, role } => {
            let (url, etag, _) = find(connection, &user).await?;
            let body = json!({ "role": role.word() });
            let member = connection
                .send(Method::PATCH, url, Some(&body), etag.as_deref())
                .await?
                .body;
            let line = format!("{} {user} is {} now", connection.view.tick(), role.word());
            connection.terminal.say(&line);
            connection.view.one(connection.terminal, &member, &shown(), "id")
        }
        Verb::Remove { user, confirmation } => {
            let (url, etag, username) = find(connection, &user).await?;
            let facts = ["The account stays; what it may do in this organisation ends at once.".to_owned()];
            confirmation.ask(connection, &format!("Remove {username}?"), &facts, &username)?;
            connection
                .send(Method::DELETE, url, None, etag.as_deref())
                .await?;
            let line = format!("{} Removed {username}", connection.view.tick());
            connection.terminal.say(&line);
            Ok(())
        }
    }
}

async fn read(connection: &mut Connection<'_>) -> Result<Vec<Json>> {
    let url = connection.of_org(&["members"]).await?;
    match connection.get(url).await?.body.get_mut("data").map(Json::take) {
        Some(Json::Array(rows)) => Ok(rows),
        _ => Ok(Vec::new()),
    }
}

/// The URL, the entity tag and the user name of a member.
pub async fn find(
    connection: &mut Connection<'_>,
    user: &str,
) -> Result<(reqwest::Url, Option<String>, String)> {
    let rows = read(connection).await?;
    let text = |row: &Json, name: &str| {
        row.get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let row = rows
        .iter()
        .find(|row| text(row, "id") == user || text(row, "username") == user);
    let row = row.ok_or_else(|| Failure::new(Exit::NotFound, format!("there is no member {user}")))?;
    let url = connection.of_org(&["members", &text(row, "id")]).await?;
    let etag = connection.get(url.clone()).await?.etag;
    Ok((url, etag, text(row, "username")))
}

async fn add(connection: &mut Connection<'_>, new: New) -> Result<()> {
    let mut body = json!({ "username": new.username, "role": new.role.word() });
    for (name, value) in [("display_name", new.display_name), ("email", new.email)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    let url = connection.of_org(&["members"]).await?;
    let answer = connection.send(Method::POST, url, Some(&body), None).await?.body;
    let line = format!("{} {} is a member now", connection.view.tick(), new.username);
    connection.terminal.say(&line);
    if let Some(link) = answer.get("setup_link").and_then(Json::as_str) {
        let until = answer
            .get("setup_link_expires_at")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let line = format!(
            "Send this link to {}; it works once, until {until}:",
            new.username
        );
        connection.terminal.say(&line);
        if connection.view.format == super::options::Format::Table {
            return connection.terminal.print(&format!("{link}\n"));
        }
    }
    connection
        .view
        .one(connection.terminal, &answer, &shown(), "member.id")
}

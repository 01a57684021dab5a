//! `oauthority client transfer …`: clients that move to another organisation.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::super::{
    confirm::Confirmation,
    connection::{Connection, with},
    exit::Result,
    hand_over::HandOver,
    page,
    render::{Column, Kind, columns},
};

#[derive(Subcommand)]
pub enum Verb {
    /// Offer a client to another organisation; nothing changes until somebody there accepts
    Offer(Offer),
    /// List what was offered, by this organisation and to it
    #[command(alias = "ls")]
    List {
        /// in or out
        #[arg(long, value_name = "DIRECTION")]
        direction: Option<String>,
        #[command(flatten)]
        part: page::Part,
    },
    /// Show an offer, and what would come with it
    #[command(alias = "show")]
    Get {
        /// Id of the offer
        transfer: String,
    },
    /// Take an offered client over; its new secret is handed over once
    Accept(Accept),
    /// Decline an offered client
    Decline {
        /// Id of the offer
        transfer: String,
    },
    /// Take an offer of your own back
    Withdraw {
        /// Id of the offer
        transfer: String,
    },
}

/// Flags of `offer`.
#[derive(Args)]
pub struct Offer {
    /// Client id
    client: String,
    /// Handle of the organisation
    #[arg(long, value_name = "HANDLE")]
    to: String,
    /// A word to the people there
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Flags of `accept`.
#[derive(Args)]
pub struct Accept {
    /// Id of the offer
    transfer: String,
    /// A scope of an API of this organisation, or of OpenID Connect; may be repeated. Without it: what is proposed
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A label for its new secret
    #[arg(long, value_name = "LABEL")]
    secret_label: Option<String>,
    /// When its new secret expires: 90d, never, or a time
    #[arg(long, value_name = "WHEN")]
    secret_expires: Option<String>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    hand_over: HandOver,
}

fn shown() -> Vec<Column> {
    columns(&[
        ("client_name", "CLIENT", Kind::Text),
        ("direction", "DIRECTION", Kind::Text),
        ("from", "FROM", Kind::Text),
        ("to", "TO", Kind::Text),
        ("state", "STATE", Kind::Status),
        ("expires_at", "HOLDS UNTIL", Kind::Moment),
        ("client_id", "CLIENT ID", Kind::Text),
        ("id", "ID", Kind::Id),
    ])
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(connection: &mut Connection<'_>, verb: Verb) -> Result<()> {
    match verb {
        Verb::Offer(offer) => self::offer(connection, offer).await,
        Verb::List { direction, part } => {
            let url = connection.of_org(&["transfers"]).await?;
            let listed = page::read(connection, with(url, "direction", direction.as_deref()), &part).await?;
            connection
                .view
                .list(connection.terminal, &listed.rows, &shown(), "id")?;
            listed.tell(connection, "offers");
            Ok(())
        }
        Verb::Get { transfer } => {
            let url = connection.of_org(&["transfers", &transfer]).await?;
            let found = connection.get(url).await?.body;
            connection.view.one(connection.terminal, &found, &shown(), "id")
        }
        Verb::Accept(accept) => self::accept(connection, accept).await,
        Verb::Decline { transfer } => settle(connection, &transfer, "decline", "Declined").await,
        Verb::Withdraw { transfer } => {
            settle(connection, &transfer, "withdraw", "Withdrew the offer of").await
        }
    }
}

async fn offer(connection: &mut Connection<'_>, offer: Offer) -> Result<()> {
    let url = connection.of_org(&["clients", &offer.client]).await?;
    let client = connection.get(url).await?.body;
    let name = client["name"].as_str().unwrap_or(&offer.client).to_owned();
    let facts = [
        format!(
            "Once somebody of {} accepts, the client is theirs, and is not found here any more.",
            offer.to
        ),
        "Its secrets, its tokens and what people allowed it end at that moment.".to_owned(),
        "The offer holds for seven days, and can be withdrawn until then.".to_owned(),
    ];
    let question = format!("Offer {name} to {}?", offer.to);
    offer.confirmation.ask(connection, &question, &facts, &name)?;
    let url = connection.of_org(&["clients", &offer.client, "transfer"]).await?;
    let body = json!({ "to": offer.to, "note": offer.note.unwrap_or_default() });
    let made = connection.send(Method::POST, url, Some(&body), None).await?.body;
    let line = format!("{} Offered {name} to {}", connection.view.tick(), offer.to);
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &made, &shown(), "id")
}

async fn accept(connection: &mut Connection<'_>, accept: Accept) -> Result<()> {
    if !accept.dry_run {
        accept.hand_over.check(connection)?;
    }
    let url = connection.of_org(&["transfers", &accept.transfer]).await?;
    let etag = connection.get(url).await?.etag;
    let mut body = Map::new();
    if !accept.scopes.is_empty() {
        body.insert("scopes".to_owned(), json!(accept.scopes));
    }
    let texts = [
        ("secret_label", accept.secret_label),
        ("secret_expires", accept.secret_expires),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    let url = connection
        .of_org(&["transfers", &accept.transfer, "accept"])
        .await?;
    let url = with(url, "dry_run", accept.dry_run.then_some("true"));
    let answer = connection
        .send(Method::POST, url, Some(&Json::Object(body)), etag.as_deref())
        .await?
        .body;
    let name = answer["client"]["name"].as_str().unwrap_or_default().to_owned();
    if accept.dry_run {
        connection
            .terminal
            .say(&format!("Nothing was changed: {name} would be taken over."));
        return Ok(());
    }
    let line = format!("{} {name} is yours", connection.view.tick());
    connection.terminal.say(&line);
    accept.hand_over.deliver(connection, &answer)
}

async fn settle(connection: &mut Connection<'_>, transfer: &str, verb: &str, past: &str) -> Result<()> {
    let url = connection.of_org(&["transfers", transfer, verb]).await?;
    let done = connection
        .send(Method::POST, url, Some(&json!({})), None)
        .await?
        .body;
    let line = format!(
        "{} {past} {}",
        connection.view.tick(),
        done["client_name"].as_str().unwrap_or_default()
    );
    connection.terminal.say(&line);
    connection.view.one(connection.terminal, &done, &shown(), "id")
}

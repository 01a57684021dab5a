//! `oauthority client list`

use clap::Args;
use reqwest::Url;
use serde_json::Value as Json;

use super::{
    super::{
        connection::{Connection, with},
        exit::Result,
        page,
    },
    shown,
};

/// Which clients, in which order.
#[derive(Args)]
pub struct Filters {
    /// Part of the name, id, description, owner or redirect host
    #[arg(long, short = 's', value_name = "TEXT")]
    search: Option<String>,
    /// active, disabled, deleted, or several with commas
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// custom, sync_connector, system or personal
    #[arg(long)]
    kind: Option<String>,
    /// web, native, user-agent-based, public or service
    #[arg(long = "type", value_name = "TYPE")]
    application_type: Option<String>,
    /// A grant type, such as client_credentials
    #[arg(long)]
    grant: Option<String>,
    /// A granted scope
    #[arg(long)]
    scope: Option<String>,
    /// Id of the member who looks after it
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Not used for so long, such as 90d
    #[arg(long, value_name = "SPAN", conflicts_with = "never_used")]
    unused: Option<String>,
    /// Never used since uses are recorded
    #[arg(long)]
    never_used: bool,
    /// With a secret that ends within so long, such as 14d
    #[arg(long, value_name = "SPAN")]
    expiring: Option<String>,
    /// Holding a scope that it did not ask for in so long, such as 90d
    #[arg(long, value_name = "SPAN")]
    unasked: Option<String>,
    /// Made after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    created_after: Option<String>,
    /// The key under which a file knows it; `*` for any
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// name, status, last_used_at or created_at; `-` in front turns the order
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    #[command(flatten)]
    part: page::Part,
}

/// Lists clients.
pub async fn list(connection: &mut Connection<'_>, filters: Filters) -> Result<()> {
    let (url, part) = address(connection, filters).await?;
    let listed = page::read(connection, url, &part).await?;
    connection
        .view
        .list(connection.terminal, &listed.rows, &shown(), "client_id")?;
    listed.tell(connection, "clients");
    Ok(())
}

/// Every client that matches.
///
/// # Errors
/// As the server says.
pub async fn matching(connection: &mut Connection<'_>, filters: Filters) -> Result<Vec<Json>> {
    let (url, _) = address(connection, filters).await?;
    Ok(page::read(connection, url, &page::Part::EVERYTHING).await?.rows)
}

/// Where the list is, and which part of it is asked for.
async fn address(connection: &mut Connection<'_>, filters: Filters) -> Result<(Url, page::Part)> {
    let used = if filters.never_used {
        Some("never".to_owned())
    } else {
        filters.unused
    };
    let mut url = connection.of_org(&["clients"]).await?;
    let members = [
        ("q", filters.search),
        ("status", filters.status),
        ("kind", filters.kind),
        ("type", filters.application_type),
        ("grant", filters.grant),
        ("scope", filters.scope),
        ("owner", filters.owner),
        ("used", used),
        ("expiring", filters.expiring),
        ("unasked", filters.unasked),
        ("created_after", filters.created_after),
        ("key", filters.key),
        ("sort", filters.sort),
    ];
    for (name, value) in members {
        url = with(url, name, value.as_deref());
    }
    Ok((url, filters.part))
}

//! Lists that come in pages.

use clap::Args;
use reqwest::Url;
use serde_json::Value as Json;

use super::{
    connection::{Connection, with},
    exit::Result,
    options::Format,
};

/// Which part of a list.
#[derive(Args)]
pub struct Part {
    /// At most so many, up to 200
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: Option<u16>,
    /// Everything, however many pages it takes
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Part {
    /// All of it.
    pub const EVERYTHING: Self = Self {
        limit: None,
        all: true,
    };
}

impl Part {
    /// Whether all of it is wanted.
    pub const fn is_everything(&self) -> bool {
        self.all
    }
}

/// Reads all pages and hands each over as it comes, with whether it is the first: a long list never stands in memory.
///
/// # Errors
/// As the server says, and as `take` does.
pub async fn each<'t>(
    connection: &mut Connection<'t>,
    url: Url,
    mut take: impl FnMut(&mut Connection<'t>, &[Json], bool) -> Result<()>,
) -> Result<()> {
    let url = with(url, "limit", Some("200"));
    let (mut cursor, mut first): (Option<String>, bool) = (None, true);
    loop {
        let page = connection
            .get(with(url.clone(), "cursor", cursor.as_deref()))
            .await?
            .body;
        take(connection, &rows(&page), first)?;
        first = false;
        cursor = page.get("next_cursor").and_then(Json::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// A part of a list.
pub struct Listed {
    pub rows: Vec<Json>,
    total: Option<u64>,
    more: bool,
}

/// Reads one page, or all of them.
///
/// # Errors
/// As the server says.
pub async fn read(connection: &mut Connection<'_>, url: Url, part: &Part) -> Result<Listed> {
    let limit = if part.all { Some(200) } else { part.limit };
    let url = with(url, "limit", limit.map(|n| n.to_string()).as_deref());
    let mut listed = Listed {
        rows: Vec::new(),
        total: None,
        more: false,
    };
    let mut cursor: Option<String> = None;
    loop {
        let mut page = connection
            .get(with(url.clone(), "cursor", cursor.as_deref()))
            .await?
            .body;
        if let Some(Json::Array(rows)) = page.get_mut("data").map(Json::take) {
            listed.rows.extend(rows);
        }
        listed.total = page.get("total").and_then(Json::as_u64);
        cursor = page.get("next_cursor").and_then(Json::as_str).map(str::to_owned);
        listed.more = cursor.is_some();
        if !part.all || !listed.more {
            return Ok(listed);
        }
    }
}

impl Listed {
    /// Says how many there are: always on a terminal, elsewhere only when something is missing.
    pub fn tell(&self, connection: &mut Connection<'_>, what: &str) {
        if connection.view.format != Format::Table && !self.more {
            return;
        }
        let shown = self.rows.len();
        let count = match self.total {
            Some(total) if self.more => format!("{shown} of {total} {what}"),
            _ => format!("{shown} {what}"),
        };
        let more = if self.more { " · --all shows the rest" } else { "" };
        connection.terminal.say(&format!("{count}{more}"));
    }
}

/// The rows of a list that comes whole.
pub fn rows(listed: &Json) -> Vec<Json> {
    listed
        .get("data")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default()
}

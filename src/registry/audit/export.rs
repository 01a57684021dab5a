//! Entries as files: a page at a time, so that a long log never stands in memory.

use super::{chain, record};
use crate::{
    download::{self, Sink},
    error::Result,
    registry::Registry,
    store::{
        self,
        audit::{Event, Filter},
    },
};

/// How many entries are read at once.
const PAGE: i64 = 500;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, for spreadsheets.
    Csv,
    /// One list.
    Json,
    /// An entry a line. [JSON Lines](https://jsonlines.org)
    Ndjson,
}

impl Format {
    /// The format of this name.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// The end of a file name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn begin(self) -> String {
        match self {
            Self::Csv => download::row(&COLUMNS),
            Self::Json => "[".to_owned(),
            Self::Ndjson => String::new(),
        }
    }

    fn entry(self, event: &Event, first: bool) -> String {
        match self {
            Self::Csv => line(event),
            Self::Json if first => format!("\n{}", record(event)),
            Self::Json => format!(",\n{}", record(event)),
            Self::Ndjson => format!("{}\n", record(event)),
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::Json => "\n]\n",
            Self::Csv | Self::Ndjson => "",
        }
    }
}

const COLUMNS: [&str; 15] = [
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "ip",
    "action",
    "resource_kind",
    "resource_id",
    "resource_name",
    "outcome",
    "request_id",
    "details",
    "seq",
    "hash",
];

fn line(event: &Event) -> String {
    let link = event.sealed.as_ref();
    download::row(&[
        &event.id,
        &event.at.to_string(),
        &event.actor_kind,
        &event.actor_id,
        &event.actor_name,
        event.ip.as_deref().unwrap_or_default(),
        &event.action,
        &event.resource_kind,
        &event.resource_id,
        &event.resource_name,
        &event.outcome,
        &event.request_id,
        &event.details.to_string(),
        &link.map(|link| link.seq.to_string()).unwrap_or_default(),
        &link.map(|link| chain::hex(&link.hash)).unwrap_or_default(),
    ])
}

/// Writes the entries of an organisation that match, newest first.
///
/// # Errors
/// When the storage fails.
pub async fn write(
    registry: &Registry,
    org_id: &str,
    mut filter: Filter,
    format: Format,
    sink: &Sink,
) -> Result<()> {
    let mut part = format.begin();
    let mut first = true;
    loop {
        let events = store::audit::list(registry.db(), org_id, &filter, PAGE).await?;
        for event in &events {
            part.push_str(&format.entry(event, first));
            first = false;
        }
        let Some(last) = events.last() else { break };
        filter.before = Some(last.id.clone());
        // Whoever has gone needs no more.
        if !sink.send(std::mem::take(&mut part)).await {
            return Ok(());
        }
    }
    part.push_str(format.end());
    sink.send(part).await;
    Ok(())
}

//! Answers as tables, tab-separated lines, JSON, YAML and CSV.
//!
//! Only a table is for people; every other format has full values, times in RFC 3339, and the field names of the API.
//! No secret ever goes through here into a table.

mod words;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value as Json};

use words::{ago, plain, quoted, shortened, shown, tab_free};

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
    options::{Format, Options},
};
use crate::{oauth::name::visible, time::Timestamp};

/// A column of a table: the path of the member, with dots, and how people read it.
#[derive(Clone, Debug)]
pub struct Column {
    pub key: String,
    pub title: String,
    pub kind: Kind,
}

/// How people read a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Id,
    Status,
    /// "3 days ago"; nothing is "never".
    Ago,
    /// "3 Mar 2026".
    Day,
    /// "2026-03-03 10:44".
    Moment,
}

/// The columns of a table, from a list of member, title and kind.
pub fn columns(list: &[(&str, &str, Kind)]) -> Vec<Column> {
    let column = |(key, title, kind): &(&str, &str, Kind)| Column {
        key: (*key).to_owned(),
        title: (*title).to_owned(),
        kind: *kind,
    };
    list.iter().map(column).collect()
}

/// How one command prints.
pub struct View {
    pub format: Format,
    options: Options,
    colored: bool,
    unicode: bool,
    zone: jiff::tz::TimeZone,
    now: Timestamp,
}

impl View {
    /// As the options, the variables and the terminal have it.
    ///
    /// # Errors
    /// An unknown time zone.
    pub fn new(options: &Options, terminal: &Terminal) -> Result<Self> {
        let zone = match &options.tz {
            _ if options.utc => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(name).map_err(|_| {
                Failure::usage(format!(
                    "--tz {name}: no such time zone; write Europe/Berlin, say"
                ))
            })?,
            None => jiff::tz::TimeZone::system(),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| terminal.variable(name));
        Ok(Self {
            format: options.format(terminal),
            colored: options.colored(terminal),
            unicode: locale.is_some_and(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8")),
            options: options.clone(),
            zone,
            now: terminal.clock.now(),
        })
    }

    /// Whether only ids are printed.
    pub const fn quiet(&self) -> bool {
        self.options.quiet
    }

    /// A tick for a message, in characters that the terminal can show.
    pub const fn tick(&self) -> &'static str {
        if self.unicode { "✓" } else { "ok:" }
    }

    /// A list of things; `id` is the member that `--quiet` prints.
    ///
    /// # Errors
    /// An unknown column; a stream that cannot be written.
    pub fn list(&self, terminal: &mut Terminal, rows: &[Json], columns: &[Column], id: &str) -> Result<()> {
        if self.options.quiet {
            let ids: String = rows.iter().map(|row| plain(at(row, id)) + "\n").collect();
            return terminal.print(&ids);
        }
        let chosen = self.choose(rows, columns)?;
        let text = match self.format {
            Format::Table => self.table(rows, &chosen),
            Format::Tsv => self.separated(rows, &chosen, '\t', self.options.header, tab_free),
            Format::Csv => {
                let all = if self.options.fields.is_empty() {
                    every_member(rows)
                } else {
                    chosen
                };
                self.separated(rows, &all, ',', true, quoted)
            }
            Format::Json => json(&Json::Array(self.only_fields(rows)))?,
            Format::Yaml => yaml(&Json::Array(self.only_fields(rows)))?,
            Format::Ndjson => self
                .only_fields(rows)
                .iter()
                .map(|row| format!("{row}\n"))
                .collect(),
        };
        terminal.print(&text)
    }

    /// More of a list that was begun before: without another header, unless it is the `first` part.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn list_more(
        &self,
        terminal: &mut Terminal,
        rows: &[Json],
        columns: &[Column],
        id: &str,
        first: bool,
    ) -> Result<()> {
        let headed = matches!(self.format, Format::Table | Format::Csv)
            || self.format == Format::Tsv && self.options.header;
        if self.options.quiet || first || !headed {
            return self.list(terminal, rows, columns, id);
        }
        let chosen = self.choose(rows, columns)?;
        let text = match self.format {
            Format::Table => self.table(rows, &chosen),
            Format::Csv => self.separated(rows, &every_member(rows), ',', false, quoted),
            _ => self.separated(rows, &chosen, '\t', false, tab_free),
        };
        let text = match self.format {
            Format::Table => text.split_once('\n').map_or("", |(_, body)| body),
            _ => &text,
        };
        terminal.print(text)
    }

    /// One thing.
    ///
    /// # Errors
    /// A stream that cannot be written.
    pub fn one(&self, terminal: &mut Terminal, row: &Json, columns: &[Column], id: &str) -> Result<()> {
        if self.options.quiet || self.format == Format::Csv {
            return self.list(terminal, std::slice::from_ref(row), columns, id);
        }
        let fields = self
            .only_fields(std::slice::from_ref(row))
            .pop()
            .unwrap_or_default();
        let text = match self.format {
            Format::Json => json(&fields)?,
            Format::Yaml => yaml(&fields)?,
            Format::Ndjson => format!("{fields}\n"),
            Format::Tsv | Format::Csv => members(&fields)
                .map(|(name, value)| format!("{name}\t{}\n", tab_free(&plain(value))))
                .collect(),
            Format::Table => self.card(&fields, columns),
        };
        terminal.print(&text)
    }

    /// The columns asked for: known ones, or any member that the rows have.
    fn choose(&self, rows: &[Json], columns: &[Column]) -> Result<Vec<Column>> {
        let asked = if self.options.columns.is_empty() {
            &self.options.fields
        } else {
            &self.options.columns
        };
        if asked.is_empty() || matches!(self.format, Format::Json | Format::Yaml | Format::Ndjson) {
            return Ok(columns.to_vec());
        }
        let find = |word: &String| {
            let known = columns.iter().find(|column| {
                column.key == *word
                    || column.key.strip_suffix("_at") == Some(word)
                    || column.title.eq_ignore_ascii_case(word)
                    || word == "id" && column.kind == Kind::Id
            });
            let other = || Column {
                key: word.clone(),
                title: word.to_uppercase(),
                kind: Kind::Text,
            };
            let exists = rows.is_empty() || rows.iter().any(|row| !at(row, word).is_null());
            known.cloned().or_else(|| exists.then(other)).ok_or_else(|| {
                let names: Vec<&str> = columns.iter().map(|column| column.key.as_str()).collect();
                Failure::usage(format!("unknown column `{word}`: there are {}", names.join(", ")))
            })
        };
        asked.iter().map(find).collect()
    }

    fn only_fields(&self, rows: &[Json]) -> Vec<Json> {
        let asked = &self.options.fields;
        if asked.is_empty() {
            return rows.to_vec();
        }
        let pick = |row: &Json| {
            asked
                .iter()
                .map(|name| (name.clone(), at(row, name).clone()))
                .collect::<Map<_, _>>()
        };
        rows.iter().map(|row| Json::Object(pick(row))).collect()
    }

    fn table(&self, rows: &[Json], columns: &[Column]) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|column| &column.title));
        for row in rows {
            table.add_row(
                columns
                    .iter()
                    .map(|column| self.human(at(row, &column.key), column.kind)),
            );
        }
        let text = table.trim_fmt();
        let (header, body) = text.split_once('\n').unwrap_or((&text, ""));
        let header = header.trim();
        let lines: String = body
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
            .collect();
        if self.colored {
            format!("\u{1b}[1m{header}\u{1b}[0m\n{lines}")
        } else {
            format!("{header}\n{lines}")
        }
    }

    /// One thing for a person: a line for each member.
    fn card(&self, row: &Json, columns: &[Column]) -> String {
        let width = members(row).map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for (name, value) in members(row) {
            let kind = columns
                .iter()
                .find(|column| column.key == *name)
                .map(|column| column.kind);
            let words = match kind {
                // Shortened ids are for tables, where many stand in a row.
                Some(Kind::Id) | None if name.ends_with("_at") && !value.is_null() => {
                    self.human(value, Kind::Moment)
                }
                Some(Kind::Id) | None => visible(&shown(value)).into_owned(),
                Some(kind) => self.human(value, kind),
            };
            text.push_str(&format!("{:width$}  {words}\n", name.replace('_', " ")));
        }
        text
    }

    fn separated(
        &self,
        rows: &[Json],
        columns: &[Column],
        separator: char,
        header: bool,
        dress: fn(&str) -> String,
    ) -> String {
        let separator = separator.to_string();
        let mut lines = Vec::new();
        if header {
            lines.push(
                columns
                    .iter()
                    .map(|c| c.key.clone())
                    .collect::<Vec<_>>()
                    .join(&separator),
            );
        }
        for row in rows {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| dress(&plain(at(row, &column.key))))
                .collect();
            lines.push(cells.join(&separator));
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// A value as people read it.
    fn human(&self, value: &Json, kind: Kind) -> String {
        let time = || Timestamp::parse(value.as_str()?).ok();
        match kind {
            Kind::Id if !self.options.no_trunc => shortened(&shown(value)),
            Kind::Status => self.status(&shown(value)),
            Kind::Ago if value.is_null() => "never".to_owned(),
            Kind::Ago => time().map_or_else(|| shown(value), |at| ago(self.now.seconds_since(at))),
            Kind::Day => self.moment(value, "%-d %b %Y"),
            Kind::Moment => self.moment(value, "%Y-%m-%d %H:%M"),
            Kind::Text => visible(&shown(value)).into_owned(),
            Kind::Id => shown(value),
        }
    }

    fn moment(&self, value: &Json, format: &str) -> String {
        let at = value
            .as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok());
        at.map_or_else(
            || shown(value),
            |at| at.to_zoned(self.zone.clone()).strftime(format).to_string(),
        )
    }

    fn status(&self, word: &str) -> String {
        let symbol = match (word, self.unicode) {
            ("active", true) => "●",
            ("active", false) => "*",
            ("ending" | "disabled" | "pending", true) => "▲",
            ("ending" | "disabled" | "pending", false) => "!",
            (_, true) => "✗",
            (_, false) => "x",
        };
        format!("{symbol} {word}")
    }
}

/// The member at a path with dots; null if there is none.
fn at<'a>(row: &'a Json, path: &str) -> &'a Json {
    path.split('.')
        .fold(row, |value, name| value.get(name).unwrap_or(&Json::Null))
}

fn members(row: &Json) -> impl Iterator<Item = (&String, &Json)> {
    row.as_object().into_iter().flatten()
}

fn every_member(rows: &[Json]) -> Vec<Column> {
    let column = |(name, _): (&String, &Json)| Column {
        key: name.clone(),
        title: name.clone(),
        kind: Kind::Text,
    };
    rows.first()
        .map(|row| members(row).map(column).collect())
        .unwrap_or_default()
}

fn json(value: &Json) -> Result<String> {
    let text =
        serde_json::to_string_pretty(value).map_err(|e| Failure::new(Exit::Unexpected, e.to_string()))?;
    Ok(text + "\n")
}

fn yaml(value: &Json) -> Result<String> {
    serde_yaml_ng::to_string(value).map_err(|e| Failure::new(Exit::Unexpected, e.to_string()))
}

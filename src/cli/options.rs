//! What every command that talks to a server takes: where it is, who calls, how the answer looks.

use clap::{Args, Subcommand, ValueEnum};

use super::Terminal;

/// A noun with its verbs.
#[derive(Args)]
pub struct Noun<V: Subcommand> {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub verb: V,
}

/// Options of every command of the client.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// The server [env: OAUTHORITY_HOST]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub host: Option<String>,
    /// Handle or id of the organisation; without it, the one the token belongs to [env: OAUTHORITY_ORG]
    #[arg(long, global = true, value_name = "ORGANISATION", help_heading = "Connection")]
    pub org: Option<String>,
    /// Which kept sign-in to use [env: OAUTHORITY_PROFILE]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub profile: Option<String>,
    /// How to print; a table on a terminal, tab-separated otherwise [env: OAUTHORITY_OUTPUT]
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub output: Option<Format>,
    /// Only these members
    #[arg(
        long,
        global = true,
        value_delimiter = ',',
        value_name = "A,B",
        help_heading = "Output"
    )]
    pub fields: Vec<String>,
    /// Only these columns of a table
    #[arg(
        long,
        global = true,
        value_delimiter = ',',
        value_name = "A,B",
        help_heading = "Output"
    )]
    pub columns: Vec<String>,
    /// Do not shorten ids in a table
    #[arg(long, global = true, help_heading = "Output")]
    pub no_trunc: bool,
    /// A header line above tab-separated output
    #[arg(long, global = true, help_heading = "Output")]
    pub header: bool,
    /// Only ids
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Output"
    )]
    pub color: Color,
    /// Times of tables in UTC
    #[arg(long, global = true, conflicts_with = "tz", help_heading = "Output")]
    pub utc: bool,
    /// Times of tables in this zone, such as Europe/Berlin
    #[arg(long, global = true, value_name = "ZONE", help_heading = "Output")]
    pub tz: Option<String>,
}

/// How the answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Tsv,
    Json,
    Yaml,
    Ndjson,
    Csv,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Options {
    /// The format that holds: the flag, the variable, or what suits the reader.
    pub fn format(&self, terminal: &Terminal) -> Format {
        let variable = terminal.variable("OAUTHORITY_OUTPUT");
        let asked = self.output.or_else(|| Format::from_str(variable?, true).ok());
        asked.unwrap_or(if terminal.shows_tables {
            Format::Table
        } else {
            Format::Tsv
        })
    }

    /// Whether the reader is a program that wants problems as JSON, too.
    pub fn wants_json(&self, terminal: &Terminal) -> bool {
        matches!(self.format(terminal), Format::Json | Format::Ndjson)
    }

    /// Whether to use colour, as [NO_COLOR](https://no-color.org) and its relatives have it.
    pub fn colored(&self, terminal: &Terminal) -> bool {
        let is = |name: &str, value: &str| terminal.variable(name) == Some(value);
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if terminal.variable("NO_COLOR").is_some() => false,
            Color::Auto if terminal.variable("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
            Color::Auto => terminal.shows_tables && !is("CLICOLOR", "0") && !is("TERM", "dumb"),
        }
    }
}

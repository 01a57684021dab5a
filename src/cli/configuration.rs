//! `oauthority config check|show|reference`: the settings of the server, without starting it.

use clap::{Subcommand, ValueEnum};
use comfy_table::{Table, presets};

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
    serve::Settings,
};
use crate::config::{self, ShownSetting};

#[derive(Subcommand)]
pub enum Verb {
    /// Report every problem of the configuration at once
    Check(Settings),
    /// Print every setting, its value and where it came from; passwords are hidden
    Show {
        #[command(flatten)]
        settings: Settings,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print the reference of all settings, as Markdown
    Reference,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Output {
    #[default]
    Table,
    Json,
}

/// Carries a verb out.
///
/// # Errors
/// Every problem of the configuration.
pub fn run(verb: Verb, terminal: &mut Terminal) -> Result<()> {
    match verb {
        Verb::Check(settings) => {
            settings.load(terminal)?;
            terminal.say("The configuration is fine.");
            Ok(())
        }
        Verb::Show { settings, output } => {
            let shown = config::show(&settings.load(terminal)?);
            let text = match output {
                Output::Table => table(&shown, terminal.shows_tables),
                Output::Json => {
                    let json = serde_json::to_string_pretty(&shown);
                    json.map_err(|e| Failure::new(Exit::Unexpected, e.to_string()))?
                }
            };
            terminal.print(&format!("{}\n", text.trim_end()))
        }
        Verb::Reference => terminal.print(&config::reference()),
    }
}

fn table(shown: &[ShownSetting], for_person: bool) -> String {
    if !for_person {
        let rows = shown
            .iter()
            .map(|s| format!("{}\t{}\t{}\n", s.key, s.value, s.source));
        return rows.collect();
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["SETTING", "VALUE", "SOURCE"]);
    for setting in shown {
        table.add_row([setting.key, &setting.value, &setting.source]);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    /// `cargo run -- config reference > docs/configuration.md` mends it.
    #[test]
    fn the_page_in_the_manual_is_the_reference() {
        assert_eq!(
            include_str!("../../docs/configuration.md"),
            crate::config::reference()
        );
    }
}

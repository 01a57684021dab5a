//! The settings for people: what holds now and why, and the reference page.

use std::fmt::Write;

use super::{
    Config,
    table::{Default, SETTINGS},
};

/// A setting as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ShownSetting {
    /// Its key.
    pub key: &'static str,
    /// Its value; a password in it is replaced by stars.
    pub value: String,
    /// Who gave it: `default`, a file and line, a variable, or the command line.
    pub source: String,
}

/// Every setting in the order of the reference.
pub fn show(config: &Config) -> Vec<ShownSetting> {
    // Slots open for writing; a copy keeps the original untouched.
    let mut copy = config.clone();
    let shown = SETTINGS.iter().map(|setting| ShownSetting {
        key: setting.key,
        value: (setting.slot)(&mut copy).show(),
        source: config.origin(setting.key).to_string(),
    });
    shown.collect()
}

/// The reference of all settings, as Markdown.
pub fn reference() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut blank = Config::blank();
    let mut section = None;
    for setting in SETTINGS {
        let own = setting.key.split_once('.').map_or("", |(section, _)| section);
        if section != Some(own) {
            let title = if own.is_empty() {
                "Top level".into()
            } else {
                format!("`[{own}]`")
            };
            // Writing to a String cannot fail.
            let _ = write!(
                page,
                "\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
            );
            section = Some(own);
        }
        let default = match setting.default {
            Default::Text("") => "empty".into(),
            Default::Text(text) => format!("`{text}`"),
            Default::Unset => "not set".into(),
            Default::Derived(words) => words.into(),
        };
        let kind = (setting.slot)(&mut blank).kind();
        let _ = writeln!(
            page,
            "| `{}`<br>`{}` | {kind} | {default} | {} |",
            setting.key,
            setting.variable(),
            setting.doc
        );
    }
    page
}

const INTRODUCTION: &str = "\
# Configuration

Oauthority runs without any configuration. What you do set comes from, the later the weightier:

1. the defaults below;
2. one TOML file: the one `--config` names, else `OAUTHORITY_CONFIG`, else `oauthority.toml` in the working directory or
   in the data directory;
3. environment variables, named under each key: two underscores stand for the dot;
4. flags of the command line.

`oauthority config check` reports every problem at once; `oauthority config show` prints each value and where it came
from, without passwords. An unknown key or `OAUTHORITY_` variable stops the start, with the nearest known one. An empty
variable counts as not set. Relative paths start at the working directory.

Times are whole seconds (`3600`) or a number with a unit (`\"60s\"`, `\"15m\"`, `\"12h\"`, `\"90d\"`). A list is a TOML array, or
in a variable or flag its items with commas between.
";

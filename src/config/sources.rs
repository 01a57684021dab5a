//! Where settings come from: one file, the environment, the command line.
//!
//! This is the only code that reads the environment of the process or a file for a setting.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    Problem,
    slot::Given,
    table::{self, SETTINGS},
};

/// Variables that belong to the command line's client, not to the server.
const OF_THE_COMMAND_LINE: &[&str] = &[
    "OAUTHORITY_ACCESSIBLE",
    "OAUTHORITY_CLIENT_ID",
    "OAUTHORITY_CLIENT_SECRET",
    "OAUTHORITY_CLIENT_SECRET_FILE",
    "OAUTHORITY_CONFIG",
    "OAUTHORITY_CONFIG_DIR",
    "OAUTHORITY_DEBUG",
    "OAUTHORITY_DEV_PASSWORD",
    "OAUTHORITY_HOST",
    "OAUTHORITY_ID_TOKEN_FILE",
    "OAUTHORITY_LOG",
    "OAUTHORITY_NO_PROMPT",
    "OAUTHORITY_ORG",
    "OAUTHORITY_OUTPUT",
    "OAUTHORITY_PAGER",
    "OAUTHORITY_PROFILE",
    "OAUTHORITY_TEST_NOW",
    "OAUTHORITY_TOKEN",
];

/// Everything a configuration is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    environment: BTreeMap<String, String>,
    flags: Vec<(String, String)>,
    fallbacks: Vec<(&'static str, &'static str)>,
    directory: PathBuf,
}

impl Sources {
    /// The environment and working directory of this process.
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os().map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        });
        Self::new(pairs)
    }

    /// These variables and nothing else.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut environment: BTreeMap<_, _> = environment.into_iter().collect();
        // An empty variable is one that a template left blank, not a value.
        environment.retain(|_, value: &mut String| !value.is_empty());
        Self {
            environment,
            ..Self::default()
        }
    }

    /// With the file that `--config` names; it must exist.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// With a setting given on the command line, by its key such as `lifetimes.access_token`.
    #[must_use]
    pub fn flag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.push((key.into(), value.into()));
        self
    }

    /// With another default for a key, which everything else outweighs; the origin stays "default".
    #[must_use]
    pub fn fallback(mut self, key: &'static str, value: &'static str) -> Self {
        self.fallbacks.push((key, value));
        self
    }

    /// With another directory to look for `oauthority.toml` in than the working directory.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = path.into();
        self
    }

    /// `data_dir` when nobody sets it.
    pub(super) fn default_data_dir(&self) -> PathBuf {
        let absolute = |name: &str| {
            self.environment
                .get(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .map_or_else(|| "data".into(), |base| base.join("oauthority"))
    }

    /// What the sources give, the weightiest last.
    pub(super) fn collect(&self, problems: &mut Vec<Problem>) -> Vec<Gift> {
        let fallback = |(key, value): &(&'static str, &'static str)| Gift {
            key,
            given: Given::Text((*value).to_owned()),
            origin: Origin::Default,
        };
        let mut gifts: Vec<Gift> = self.fallbacks.iter().map(fallback).collect();
        if let Some(path) = self.find_file() {
            match std::fs::read_to_string(&path) {
                Ok(text) => read_toml(&path, &text, &mut gifts, problems),
                Err(e) => problems.push(Problem(format!("cannot read {}: {e}", path.display()))),
            }
        }
        self.read_environment(&mut gifts, problems);
        for (key, value) in &self.flags {
            match table::find(key) {
                Some(setting) => {
                    gifts.push(Gift {
                        key: setting.key,
                        given: Given::Text(value.clone()),
                        origin: Origin::Flag,
                    });
                }
                None => problems.push(unknown("setting", key, "on the command line", keys())),
            }
        }
        gifts
    }

    fn find_file(&self) -> Option<PathBuf> {
        let named = self
            .file
            .clone()
            .or_else(|| self.environment.get("OAUTHORITY_CONFIG").map(PathBuf::from));
        let data_dir = self
            .flags
            .iter()
            .rev()
            .find(|(key, _)| key == "data_dir")
            .map(|(_, value)| value);
        let data_dir = data_dir.or_else(|| self.environment.get("OAUTHORITY_DATA_DIR"));
        let data_dir = data_dir.map_or_else(|| self.default_data_dir(), PathBuf::from);
        named.or_else(|| {
            [self.directory.as_path(), &data_dir]
                .map(|directory| directory.join("oauthority.toml"))
                .into_iter()
                .find(|path| path.exists())
        })
    }

    fn read_environment(&self, gifts: &mut Vec<Gift>, problems: &mut Vec<Problem>) {
        for (variable, value) in self
            .environment
            .iter()
            .filter(|(name, _)| name.starts_with("OAUTHORITY_"))
        {
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *variable) {
                let origin = Origin::Environment(variable.clone());
                gifts.push(Gift {
                    key: setting.key,
                    given: Given::Text(value.clone()),
                    origin,
                });
            } else if !OF_THE_COMMAND_LINE.contains(&variable.as_str()) {
                let known = SETTINGS.iter().map(table::Setting::variable);
                problems.push(unknown("variable", variable, "in the environment", known));
            }
        }
    }
}

/// A value that a source gives to a setting.
pub(super) struct Gift {
    pub key: &'static str,
    pub given: Given,
    pub origin: Origin,
}

/// Who gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

fn keys() -> impl Iterator<Item = String> {
    SETTINGS.iter().map(|setting| setting.key.to_owned())
}

/// Names the nearest known word only if it is near: a far one would mislead.
fn unknown(what: &str, word: &str, place: &str, known: impl Iterator<Item = String>) -> Problem {
    let nearest = known
        .map(|candidate| (strsim::jaro_winkler(&candidate, word), candidate))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(similarity, _)| *similarity > 0.8);
    Problem(match nearest {
        Some((_, nearest)) => format!("unknown {what} `{word}` {place}: did you mean `{nearest}`?"),
        None => format!("unknown {what} `{word}` {place}: `oauthority config show` lists the known ones"),
    })
}

fn read_toml(path: &Path, text: &str, gifts: &mut Vec<Gift>, problems: &mut Vec<Problem>) {
    match DeTable::parse(text) {
        Ok(table) => TomlFile {
            path,
            text,
            gifts,
            problems,
        }
        .read("", table.get_ref()),
        Err(e) => {
            let line = e.span().map_or(1, |span| line_of(text, span.start));
            problems.push(Problem(format!(
                "{} line {line} is not TOML: {}",
                path.display(),
                e.message()
            )));
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(at)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

struct TomlFile<'a> {
    path: &'a Path,
    text: &'a str,
    gifts: &'a mut Vec<Gift>,
    problems: &'a mut Vec<Problem>,
}

impl TomlFile<'_> {
    fn read(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let line = line_of(self.text, name.span().start);
            let place = format!("in {} line {line}", self.path.display());
            let is_section = SETTINGS.iter().any(|s| s.key.starts_with(&format!("{key}.")));
            match (table::find(&key), value.get_ref()) {
                (None, DeValue::Table(inner)) if is_section => self.read(&format!("{key}."), inner),
                (None, _) if is_section => {
                    self.problems
                        .push(Problem(format!("`{key}` {place} must be a table: [{key}]")));
                }
                (None, _) => self.problems.push(unknown_key(&key, prefix, &place)),
                (Some(setting), value) => match understand(value) {
                    Ok(given) => {
                        let origin = Origin::File {
                            path: self.path.into(),
                            line,
                        };
                        self.gifts.push(Gift {
                            key: setting.key,
                            given,
                            origin,
                        });
                    }
                    Err(why) => self.problems.push(Problem(format!("`{key}` {place} {why}"))),
                },
            }
        }
    }
}

/// Compares with keys and sections, so that a mistyped section is recognised as one.
fn unknown_key(key: &str, prefix: &str, place: &str) -> Problem {
    let siblings = SETTINGS.iter().filter_map(|s| s.key.strip_prefix(prefix));
    let words = siblings.map(|rest| format!("{prefix}{}", rest.split('.').next().unwrap_or(rest)));
    unknown("key", key, place, words.chain(keys()))
}

fn understand(value: &DeValue<'_>) -> Result<Given, String> {
    match value {
        DeValue::String(text) => Ok(Given::Text(text.to_string())),
        DeValue::Boolean(value) => Ok(Given::Bool(*value)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Given::Integer)
            .map_err(|_| "is too large a number".into()),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(Given::List)
            .ok_or_else(|| "must be a list of texts in quotes".into()),
        other => Err(format!("must not be a {}", other.type_str())),
    }
}

//! The file of the command line: where the servers are and the tokens for them. Nobody but its owner may read it.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
    kept::Keeper,
    options::Options,
};

/// Everything in the file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The one that is used when nobody names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Profile>,
}

/// A server, an organisation and a token.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Where the sign-in is that `login` kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<Keeper>,
    /// What is deleted here is typed out first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub production: bool,
}

/// Without the token.
impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("host", &self.host)
            .field("org", &self.org)
            .finish_non_exhaustive()
    }
}

/// Where the file is: `OAUTHORITY_CONFIG_DIR`, else `oauthority` in `XDG_CONFIG_HOME` or `~/.config`.
///
/// # Errors
/// When there is no home.
pub fn path(terminal: &Terminal) -> Result<PathBuf> {
    let directory = |name: &str| terminal.variable(name).map(PathBuf::from);
    let directory = directory("OAUTHORITY_CONFIG_DIR")
        .or_else(|| Some(directory("XDG_CONFIG_HOME")?.join("oauthority")))
        .or_else(|| Some(directory("HOME")?.join(".config/oauthority")))
        .ok_or_else(|| {
            Failure::usage("set HOME or OAUTHORITY_CONFIG_DIR: there is no place for the profiles")
        })?;
    Ok(directory.join("config.toml"))
}

impl Profiles {
    /// What the file says; nothing if there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |why: String| Failure::usage(format!("cannot read {}: {why}", path.display()));
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| wrong(error.message().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text =
            toml::to_string(self).map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?;
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        replace(path, &text)
    }

    /// There is no profile of this name.
    pub fn unknown(&self, name: &str) -> Failure {
        let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        let known = known.join(", ");
        Failure::usage(format!("no profile `{name}`: there are {known}"))
    }

    /// The name of the profile that holds: flag, variable, file.
    pub fn name(&self, options: &Options, terminal: &Terminal) -> String {
        let named = options.profile.clone();
        let named = named.or_else(|| terminal.variable("OAUTHORITY_PROFILE").map(str::to_owned));
        named
            .or_else(|| self.default.clone())
            .unwrap_or_else(|| "default".to_owned())
    }
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let failed = |error: std::io::Error| {
        Failure::new(
            Exit::Unexpected,
            format!("cannot write {}: {error}", path.display()),
        )
    };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))
        .map_err(failed)
}

//! A secret on its way to the person who asked for it: once, to standard output or to a file of his own.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

use clap::Args;
use serde_json::{Value as Json, json};

use super::{
    connection::Connection,
    exit::{Failure, Result},
    options::Format,
    profile::replace,
};

/// Where a new secret goes.
#[derive(Args, Clone, Debug, Default)]
pub struct HandOver {
    /// Write the bare secret to this file (mode 0600), or `-` for standard output
    #[arg(long, value_name = "PATH")]
    secret_file: Option<String>,
    /// Set OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET in this file (mode 0600)
    #[arg(long, value_name = "PATH")]
    env_file: Option<String>,
}

impl HandOver {
    /// Makes sure that the secret will have a place, before it is made.
    ///
    /// # Errors
    /// A file that cannot be written; `--quiet` without a file.
    pub fn check(&self, connection: &Connection<'_>) -> Result<()> {
        if connection.view.quiet() && self.secret_file.is_none() && self.env_file.is_none() {
            return Err(Failure::usage(
                "with --quiet the secret would be lost: add --secret-file or --env-file",
            ));
        }
        let files = self
            .secret_file
            .iter()
            .filter(|path| *path != "-")
            .chain(&self.env_file);
        for path in files {
            let opened = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path);
            opened.map_err(|error| Failure::usage(format!("cannot write {path}: {error}")))?;
        }
        Ok(())
    }

    /// Hands over what a create or rotate answered: `client` or `credential`, and `client_secret`.
    ///
    /// # Errors
    /// When the secret cannot be written.
    pub fn deliver(&self, connection: &mut Connection<'_>, answer: &Json) -> Result<()> {
        let text = |pointer: &str| answer.pointer(pointer).and_then(Json::as_str);
        let client_id = text("/client/client_id").or_else(|| text("/credential/client_id"));
        let client_id = client_id.unwrap_or_default();
        let Some(secret) = text("/client_secret") else {
            return self.without_secret(connection, answer);
        };
        let mut told = false;
        if let Some(path) = &self.env_file {
            set_variables(
                Path::new(path),
                &[
                    ("OAUTHORITY_CLIENT_ID", client_id),
                    ("OAUTHORITY_CLIENT_SECRET", secret),
                ],
            )?;
            told = true;
            let line =
                format!("OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET are in {path} (mode 0600).");
            connection.terminal.say(&line);
        }
        match self.secret_file.as_deref() {
            Some("-") => return connection.terminal.print(&format!("{secret}\n")),
            Some(path) => {
                replace(Path::new(path), &format!("{secret}\n"))?;
                told = true;
                connection
                    .terminal
                    .say(&format!("The secret is in {path} (mode 0600)."));
            }
            None => {}
        }
        if told {
            connection.terminal.say("It is not shown again.");
            return self.without_secret(connection, answer);
        }
        match connection.view.format {
            Format::Json | Format::Yaml | Format::Ndjson => {
                connection.view.one(connection.terminal, answer, &[], "client_id")
            }
            // Not a table: two lines that a shell and a vault understand.
            Format::Table | Format::Tsv | Format::Csv => {
                connection.terminal.say("The secret is shown once, now:");
                let lines = format!("OAUTHORITY_CLIENT_ID={client_id}\nOAUTHORITY_CLIENT_SECRET={secret}\n");
                connection.terminal.print(&lines)
            }
        }
    }

    fn without_secret(&self, connection: &mut Connection<'_>, answer: &Json) -> Result<()> {
        let credential = answer.get("credential");
        let client = answer.get("client").or(credential).unwrap_or(&Json::Null);
        if connection.view.quiet() {
            return connection.view.one(connection.terminal, client, &[], "client_id");
        }
        match connection.view.format {
            Format::Json | Format::Yaml | Format::Ndjson => {
                let rest = match credential {
                    Some(credential) => json!({ "credential": credential }),
                    None => json!({ "client": client, "secret": answer.get("secret") }),
                };
                connection.view.one(connection.terminal, &rest, &[], "client_id")
            }
            Format::Table | Format::Tsv | Format::Csv => {
                let id = client.get("client_id").and_then(Json::as_str).unwrap_or_default();
                connection.terminal.print(&format!("{id}\n"))
            }
        }
    }
}

/// Sets variables in a file of `NAME=value` lines; other lines stay as they are.
///
/// # Errors
/// When it cannot be written.
pub fn set_variables(path: &Path, pairs: &[(&str, &str)]) -> Result<()> {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let is_set = |line: &str| {
        let line = line
            .trim_start()
            .strip_prefix("export ")
            .unwrap_or(line)
            .trim_start();
        pairs
            .iter()
            .any(|(name, _)| line.split('=').next().map(str::trim_end) == Some(*name))
    };
    let mut text: String = before
        .lines()
        .filter(|line| !is_set(line))
        .map(|line| format!("{line}\n"))
        .collect();
    for (name, value) in pairs {
        text.push_str(&format!("{name}={value}\n"));
    }
    replace(path, &text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn variables_are_replaced_and_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        std::fs::write(&path, "# mine\nA=1\nexport B=old\nC=3").unwrap();
        set_variables(&path, &[("B", "new"), ("D", "4")]).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "# mine\nA=1\nC=3\nB=new\nD=4\n"
        );
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

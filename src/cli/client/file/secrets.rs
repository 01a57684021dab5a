//! Where the secrets of new clients go: into files of their own, into variables of a file, or into the environment of a
//! command. Nowhere else: not on a screen, not into the file of clients, not onto a command line.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;

use super::super::super::{
    connection::Connection,
    exit::{Exit, Failure, Result},
    hand_over::set_variables,
    options::Format,
};

/// Where they go; exactly one.
#[derive(Args, Clone, Debug, Default)]
pub struct SecretsTo {
    /// Write id and secret of each new client to DIR/KEY.env (mode 0600); a file that exists is never overwritten
    #[arg(long, value_name = "DIR")]
    secrets_dir: Option<PathBuf>,
    /// Set OAUTHORITY_<KEY>_CLIENT_ID and OAUTHORITY_<KEY>_CLIENT_SECRET in this file (mode 0600)
    #[arg(long, value_name = "PATH", conflicts_with = "secrets_dir")]
    env_file: Option<PathBuf>,
    /// Run this command for each new client, with OAUTHORITY_CLIENT_ID, OAUTHORITY_CLIENT_SECRET and
    /// OAUTHORITY_CLIENT_KEY in its environment; it stands last
    #[arg(
        long,
        value_name = "CMD",
        num_args = 1..,
        allow_hyphen_values = true,
        conflicts_with_all = ["secrets_dir", "env_file"]
    )]
    exec: Vec<String>,
}

/// A place that is kept for one secret before the secret is made.
pub enum Place {
    File(PathBuf, File),
    Variables(PathBuf),
    Command,
}

impl SecretsTo {
    /// Makes sure that every secret will have a place.
    ///
    /// # Errors
    /// `Usage`: no place was named, one is taken, or cannot be written.
    pub fn check(&self, keys: &[&str]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        if let Some(directory) = &self.secrets_dir {
            return check_directory(directory, keys);
        }
        if let Some(path) = &self.env_file {
            let mut names = BTreeSet::new();
            if let Some(twin) = keys.iter().find(|key| !names.insert(variable(key))) {
                return Err(Failure::usage(format!(
                    "two new clients would share the variables of {twin} in {}; rename a key, or use --secrets-dir",
                    path.display()
                )));
            }
            return open_variables(path).map(drop);
        }
        if self.exec.is_empty() {
            return Err(Failure::usage(format!(
                "new clients get secrets ({}): say where to with --secrets-dir, --env-file or --exec; nothing was changed",
                keys.join(", ")
            )));
        }
        Ok(())
    }

    /// Keeps the place of one secret.
    ///
    /// # Errors
    /// When it is taken or cannot be written.
    pub fn reserve(&self, key: &str) -> Result<Place> {
        if let Some(directory) = &self.secrets_dir {
            let path = file_of(directory, key);
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            let file = made.map_err(|error| cannot_write(&path, &error))?;
            return Ok(Place::File(path, file));
        }
        if let Some(path) = &self.env_file {
            open_variables(path)?;
            return Ok(Place::Variables(path.clone()));
        }
        Ok(Place::Command)
    }

    /// Hands a secret over; says where it is.
    ///
    /// # Errors
    /// Why it could not be handed over.
    pub async fn deliver(
        &self,
        connection: &mut Connection<'_>,
        place: Place,
        key: &str,
        client_id: &str,
        secret: &str,
    ) -> Result<String> {
        match place {
            Place::File(path, mut file) => {
                let text = format!("OAUTHORITY_CLIENT_ID={client_id}\nOAUTHORITY_CLIENT_SECRET={secret}\n");
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                written.map_err(|error| cannot_write(&path, &error))?;
                Ok(format!("{} (mode 0600)", path.display()))
            }
            Place::Variables(path) => {
                let name = variable(key);
                let pairs = [
                    (format!("{name}_CLIENT_ID"), client_id),
                    (format!("{name}_CLIENT_SECRET"), secret),
                ];
                let pairs: Vec<(&str, &str)> =
                    pairs.iter().map(|(name, text)| (name.as_str(), *text)).collect();
                set_variables(&path, &pairs)?;
                Ok(format!("{name}_CLIENT_SECRET in {} (mode 0600)", path.display()))
            }
            Place::Command => {
                self.run(connection, key, client_id, secret).await?;
                Ok(format!(
                    "the command {}",
                    self.exec.first().map_or("", String::as_str)
                ))
            }
        }
    }

    /// Runs the command. Its output is passed on, the secret blotted out.
    async fn run(
        &self,
        connection: &mut Connection<'_>,
        key: &str,
        client_id: &str,
        secret: &str,
    ) -> Result<()> {
        let (program, rest) = self
            .exec
            .split_first()
            .ok_or_else(|| Failure::usage("--exec names no command"))?;
        let mut command = Command::new(program);
        command
            .args(rest)
            .env_remove("OAUTHORITY_CLIENT_SECRET_FILE")
            .env("OAUTHORITY_CLIENT_KEY", key)
            .env("OAUTHORITY_CLIENT_ID", client_id)
            .env("OAUTHORITY_CLIENT_SECRET", secret)
            .stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let ran = ran.map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?;
        let ran =
            ran.map_err(|error| Failure::new(Exit::Unexpected, format!("cannot run {program}: {error}")))?;
        let passed = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(secret, "[secret]");
        let (out, err) = (passed(&ran.stdout), passed(&ran.stderr));
        if !err.is_empty() {
            connection.terminal.say(err.trim_end());
        }
        match connection.view.format {
            // The document of this command is the only one there.
            _ if out.is_empty() => {}
            Format::Json | Format::Yaml | Format::Ndjson => connection.terminal.say(out.trim_end()),
            Format::Table | Format::Tsv | Format::Csv => connection.terminal.print(&out)?,
        }
        if ran.status.success() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Unexpected,
            format!("{program} failed ({})", ran.status),
        ))
    }
}

impl Place {
    /// Gives it up again: no secret was made.
    pub fn release(self) {
        if let Self::File(path, _) = self {
            // An empty file that stays behind holds nothing.
            drop(std::fs::remove_file(path));
        }
    }
}

fn check_directory(directory: &Path, keys: &[&str]) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    made.map_err(|error| Failure::usage(format!("cannot make {}: {error}", directory.display())))?;
    let taken: Vec<String> = keys
        .iter()
        .map(|key| file_of(directory, key))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "these files exist and are never overwritten: {}; nothing was changed",
        taken.join(", ")
    )))
}

fn open_variables(path: &Path) -> Result<File> {
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    opened.map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

fn file_of(directory: &Path, key: &str) -> PathBuf {
    directory.join(format!("{key}.env"))
}

/// The beginning of the variables of a key: `invoice-exporter` becomes `OAUTHORITY_INVOICE_EXPORTER`.
fn variable(key: &str) -> String {
    let plain = |ch: char| {
        if ch.is_ascii_alphanumeric() {
            ch.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!("OAUTHORITY_{}", key.chars().map(plain).collect::<String>())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("cannot write {}: {error}", path.display()),
    )
}

//! The file with the link by which the first administrator signs up: `setup-link` in the data directory.
//!
//! It exists exactly as long as nobody has an account, and the link in it works: an expired one is replaced, and the
//! file goes once somebody has signed up.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{
    config::Config,
    error::{Error, Result},
    registry::{Registry, people},
    store,
};

/// Where the link is kept.
pub fn path(config: &Config) -> PathBuf {
    config.data_dir.join("setup-link")
}

/// Makes the link of a first start, with what to tell the operator; `None` when there is one already, or nobody needs
/// one.
///
/// # Errors
/// When the storage fails or the file cannot be written.
pub async fn announce(registry: &Registry) -> Result<Option<String>> {
    if path(&registry.config).exists() {
        keep(registry).await?;
        return Ok(None);
    }
    let Some((url, expires_at)) = renew(registry).await? else {
        return Ok(None);
    };
    Ok(Some(format!(
        "Set up the first administrator (link works once, until {expires_at}): {url}"
    )))
}

/// Keeps the file true: renews a link that has expired, removes one that was used.
///
/// # Errors
/// When the storage fails or the file cannot be written.
pub async fn keep(registry: &Registry) -> Result<()> {
    let path = path(&registry.config);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(());
    };
    if store::users::count(registry.db()).await? > 0 {
        return remove(&path);
    }
    let token = text.trim().rsplit('/').next().unwrap_or_default();
    if people::open_link(registry, token).await?.is_none() && renew(registry).await?.is_some() {
        tracing::info!(file = %path.display(), "the set-up link had expired; the file has a new one");
    }
    Ok(())
}

async fn renew(registry: &Registry) -> Result<Option<(String, crate::time::Timestamp)>> {
    let Some(link) = people::setup_link(registry).await? else {
        return Ok(None);
    };
    let url = format!("{}{}", registry.config.issuer, link.path);
    write(&path(&registry.config), &url)?;
    Ok(Some((url, link.expires_at)))
}

fn write(path: &Path, url: &str) -> Result<()> {
    // Removed first, so that the mode of whatever was there does not stay.
    remove(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| writeln!(file, "{url}"))
        .map_err(|error| Error::internal(format!("cannot write {}: {error}", path.display())))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::internal(format!(
            "cannot remove {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

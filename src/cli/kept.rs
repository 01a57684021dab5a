//! Where a sign-in is kept between commands: in the key ring of the operating system where there is one, else in a file
//! beside the profiles that only its owner may read.
//!
//! A refresh token works once, and one that comes twice looks like a theft. So whoever uses it holds the lock of the
//! profile, and the next one is kept before the one before it is forgotten.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, time};

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
    profile,
};

/// What the key ring calls us.
const SERVICE: &str = "oauthority";

/// A key ring may ask its owner to unlock it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often, and for how long altogether, a lock is tried.
const TRY: Duration = Duration::from_millis(20);
const TRIES: u32 = 3_000;

/// A sign-in.
#[derive(Clone, Deserialize, Serialize)]
pub struct Kept {
    /// The server that it is for, and which alone gets it.
    pub host: String,
    pub client_id: String,
    pub token_endpoint: String,
    pub revocation_endpoint: Option<String>,
    pub access_token: String,
    /// Seconds of Unix time.
    pub expires_at: i64,
    pub refresh_token: Option<String>,
    /// Scope values, a space between.
    pub scope: String,
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeper {
    KeyRing,
    File,
}

/// Where the sign-in of one profile is kept.
#[derive(Clone, Debug)]
pub struct Place {
    pub keeper: Keeper,
    pub file: PathBuf,
    lock: PathBuf,
    /// Its name in the key ring.
    entry: String,
}

impl Place {
    /// The place of a profile.
    ///
    /// # Errors
    /// When there is no home.
    pub fn of(profile: &str, keeper: Keeper, terminal: &Terminal) -> Result<Self> {
        let profiles = profile::path(terminal)?;
        // A profile may be called anything; a file may not.
        let name: String = url::form_urlencoded::byte_serialize(profile.as_bytes()).collect();
        Ok(Self {
            keeper,
            file: profiles.with_file_name(format!("sign-in-{name}.json")),
            lock: profiles.with_file_name(format!("sign-in-{name}.lock")),
            entry: format!("{profile} in {}", profiles.display()),
        })
    }

    /// The best place of a profile on this machine, before anything is kept there.
    ///
    /// # Errors
    /// When there is no home.
    pub fn best(profile: &str, terminal: &Terminal) -> Result<Self> {
        let session = cfg!(target_os = "macos") || terminal.variable("DBUS_SESSION_BUS_ADDRESS").is_some();
        let keeper = if session && terminal.variable("OAUTHORITY_NO_KEYRING").is_none() {
            Keeper::KeyRing
        } else {
            Keeper::File
        };
        Self::of(profile, keeper, terminal)
    }

    /// What is kept there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self) -> Result<Option<Kept>> {
        let text = match self.keeper {
            Keeper::File => match std::fs::read_to_string(&self.file) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(self.failed("read", &error.to_string())),
            },
            Keeper::KeyRing => self
                .ring(|entry| match entry.get_password() {
                    Ok(text) => Ok(Some(text)),
                    Err(keyring::Error::NoEntry) => Ok(None),
                    Err(error) => Err(error),
                })
                .await
                .map_err(|why| self.failed("read", &why))?,
        };
        let read =
            |text: String| serde_json::from_str(&text).map_err(|_| self.failed("read", "it is damaged"));
        text.map(read).transpose()
    }

    /// Keeps a sign-in in place of the one before. Where there is no key ring after all, a file will do: the place
    /// that it was kept at is returned.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn write(&self, kept: &Kept) -> Result<Self> {
        let text =
            serde_json::to_string(kept).map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?;
        if self.keeper == Keeper::KeyRing {
            let secret = text.clone();
            if self.ring(move |entry| entry.set_password(&secret)).await.is_ok() {
                return Ok(self.clone());
            }
        }
        if let Some(directory) = self.file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        profile::replace(&self.file, &text)?;
        Ok(Self {
            keeper: Keeper::File,
            ..self.clone()
        })
    }

    /// Forgets what is kept there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn remove(&self) -> Result<()> {
        match self.keeper {
            Keeper::File => match std::fs::remove_file(&self.file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(self.failed("remove", &error.to_string()))
                }
                _ => Ok(()),
            },
            Keeper::KeyRing => self
                .ring(|entry| match entry.delete_credential() {
                    Err(keyring::Error::NoEntry) => Ok(()),
                    other => other,
                })
                .await
                .map_err(|why| self.failed("remove", &why)),
        }
    }

    /// Waits until no other command uses the sign-in; it is free again when the result is dropped.
    ///
    /// # Errors
    /// When another command holds it for too long.
    pub async fn lock(&self) -> Result<File> {
        if let Some(directory) = self.lock.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.lock)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => time::sleep(TRY).await,
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Err(Failure::new(
            Exit::TryLater,
            format!(
                "another command has been using this sign-in for a minute; {} is its lock",
                self.lock.display()
            ),
        ))
    }

    /// How people call the place.
    pub fn words(&self) -> String {
        match self.keeper {
            Keeper::KeyRing => "the key ring of this system".to_owned(),
            Keeper::File => format!("{} (mode 0600)", self.file.display()),
        }
    }

    fn failed(&self, what: &str, why: &str) -> Failure {
        Failure::new(
            Exit::Unexpected,
            format!("cannot {what} the sign-in in {}: {why}", self.words()),
        )
    }

    /// Asks the key ring in a thread of its own, since it may take its time and must not keep the command from ending.
    async fn ring<T: Send + 'static>(
        &self,
        act: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let (tell, told) = oneshot::channel();
        let entry = self.entry.clone();
        std::thread::spawn(move || {
            let done = keyring::Entry::new(SERVICE, &entry).and_then(|entry| act(&entry));
            // Nobody waits any more if it took too long.
            drop(tell.send(done.map_err(|error| error.to_string())));
        });
        match time::timeout(PATIENCE, told).await {
            Ok(Ok(done)) => done,
            _ => Err("it does not answer".to_owned()),
        }
    }
}

//! The master key and the file it lives in.
//!
//! The file holds 32 raw bytes and is nobody's but the server's: one that a group or others may touch is not read.
//! It is made once and never overwritten, since whatever it sealed would be lost.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Entropy, Secret};

const LENGTH: usize = 32;

/// The key from which every other key is derived; see [`Keyring`](super::Keyring).
#[derive(Debug)]
pub struct MasterKey(Secret<[u8; LENGTH]>);

impl MasterKey {
    /// Draws a key and writes it to `path`, which must not exist, readable by its owner only. The key is on the disk
    /// when this returns.
    pub fn create(path: &Path, entropy: &Entropy) -> Result<Self, KeyFileError> {
        let refuse = |fault| KeyFileError {
            path: path.to_owned(),
            fault,
        };
        let key = Secret::new(entropy.bytes::<LENGTH>());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| {
                refuse(if error.kind() == io::ErrorKind::AlreadyExists {
                    Fault::Exists
                } else {
                    Fault::Io(error)
                })
            })?;
        if let Err(error) = write(&mut file, path, key.expose()) {
            // Nothing is sealed under it yet, and half a key would stand in the way of the next start.
            let _ = fs::remove_file(path);
            return Err(refuse(Fault::Io(error)));
        }
        Ok(Self(key))
    }

    /// Reads the key from `path`. Refuses a file that is missing, that group or others may read or write, or that
    /// does not have exactly 32 bytes.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let refuse = |fault| KeyFileError {
            path: path.to_owned(),
            fault,
        };
        let io = |error: io::Error| {
            refuse(if error.kind() == io::ErrorKind::NotFound {
                Fault::Missing
            } else {
                Fault::Io(error)
            })
        };
        let file = File::open(path).map_err(io)?;
        // Of the open file, not of the path: nobody can exchange it in between.
        let metadata = file.metadata().map_err(io)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(refuse(Fault::Open(mode)));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
        match bytes.as_slice().try_into() {
            Ok(key) => Ok(Self(Secret::new(key))),
            Err(_) => Err(refuse(Fault::Length(metadata.len()))),
        }
    }

    pub(super) fn expose(&self) -> &[u8; LENGTH] {
        self.0.expose()
    }
}

/// Writes through to the disk, the directory's entry included: a key lost to a power cut would take everything it
/// sealed with it.
fn write(file: &mut File, path: &Path, key: &[u8]) -> io::Result<()> {
    file.write_all(key)?;
    file.sync_all()?;
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => File::open(directory)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Why a key file was not made or not read; says in one line what to do.
#[derive(Debug)]
pub struct KeyFileError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Missing,
    Exists,
    Open(u32),
    Length(u64),
    Io(io::Error),
}

impl KeyFileError {
    /// Whether there is no such file, as at the first start.
    pub fn is_missing(&self) -> bool {
        matches!(self.fault, Fault::Missing)
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Missing => write!(
                f,
                "the key file {path} does not exist; restore it from your backup"
            ),
            Fault::Exists => write!(f, "the key file {path} exists already and is not overwritten"),
            Fault::Open(mode) => {
                write!(
                    f,
                    "the key file {path} may be read or written by others (mode {mode:04o}); run chmod 600 on it"
                )
            }
            Fault::Length(length) => {
                write!(
                    f,
                    "the key file {path} has {length} bytes instead of {LENGTH}; restore it from your backup"
                )
            }
            Fault::Io(error) => write!(f, "the key file {path} cannot be used: {error}"),
        }
    }
}

impl std::error::Error for KeyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::MasterKey;
    use crate::secret::Entropy;

    #[test]
    fn a_created_key_is_private_and_reads_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("master.key");
        let made = MasterKey::create(&path, &Entropy::system()).expect("made");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(MasterKey::read(&path).expect("read").expose(), made.expose());
    }

    #[test]
    fn an_existing_key_is_not_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("master.key");
        let made = MasterKey::create(&path, &Entropy::system()).expect("made");
        let error = MasterKey::create(&path, &Entropy::system()).expect_err("refused");
        assert!(error.to_string().contains("exists already"), "{error}");
        assert_eq!(MasterKey::read(&path).expect("read").expose(), made.expose());
    }

    #[test]
    fn unfit_files_are_refused_in_one_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("master.key");
        let missing = MasterKey::read(&path).expect_err("missing");
        assert!(missing.is_missing());

        fs::write(&path, [1; 32]).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("opened up");
        let open = MasterKey::read(&path).expect_err("readable by the group");
        assert!(open.to_string().contains("mode 0640"), "{open}");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed");
        for length in [0, 31, 33, 4096] {
            fs::write(&path, vec![1; length]).expect("written");
            let error = MasterKey::read(&path).expect_err("wrong length");
            assert!(
                error
                    .to_string()
                    .contains(&format!("{length} bytes instead of 32")),
                "{error}"
            );
            assert!(!error.is_missing() && !error.to_string().contains('\n'));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let key = MasterKey::create(&directory.path().join("k"), &Entropy::seeded(1)).expect("made");
        assert_eq!(format!("{key:?}"), "MasterKey(Secret(…))");
    }
}

//! Mails as files, for an installation without a mail server: the operator reads them, or hands them on.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use super::Unsent;

/// Writes a message for its owner alone; a file of the same name is replaced whole.
///
/// # Errors
/// When the directory cannot be written to.
pub(super) fn write(directory: &Path, id: &str, message: &[u8]) -> Result<(), Unsent> {
    let written = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let part = directory.join(format!("{id}.part"));
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(message)?;
        file.sync_all()?;
        fs::rename(&part, directory.join(format!("{id}.eml")))
    };
    written().map_err(|error| Unsent::now(format!("cannot write to {}: {error}", directory.display())))
}

//! Secrets: holding them, drawing them, writing them down, and the keys that digest and seal them.
//!
//! What is secret sits in a [`Secret`], which does not print, does not serialize, and wipes its memory. What is
//! stored in its place is a [`Digest`] or a sealed text, both under keys of the [`Keyring`].

mod entropy; // the only source of randomness
mod keyring; // derived keys: digest, MAC, seal, wrap
mod master_key; // the key file
mod text; // how client ids and secrets are written

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

pub use self::{
    entropy::Entropy,
    keyring::{Digest, Keyring, SEAL_OVERHEAD},
    master_key::{KeyFileError, MasterKey},
    text::{ClientSecretText, client_id, hint},
};

/// A value that must not be seen: no `Display`, no `Serialize`, a `Debug` without content, wiped when dropped.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, to be used at once and not kept.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A clone is wiped like the original.
impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Secrets come in with forms and settings; they never go out again.
impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?}", Some(Secret::new("hunter2".to_owned()))),
            "Some(Secret(…))"
        );
    }

    #[test]
    fn a_secret_comes_in_from_json() {
        let secret: Secret<String> = serde_json::from_str("\"hunter2\"").expect("a string");
        assert_eq!(secret.expose(), "hunter2");
    }
}

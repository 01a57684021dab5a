//! Passwords of people: argon2id ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)) on a bounded pool.
//!
//! A password costs tens of milliseconds and 19 MiB, so only a few are worked on at once and the wait for a turn is
//! bounded: a flood of sign-ins is refused, the rest of the server goes on. An unknown user costs the same as a
//! known one.

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::Error as HashError,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use zxcvbn::{Score, zxcvbn};

use crate::secret::{Entropy, Secret};

/// OWASP's second choice of parameters: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a sign-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hashes and verifies passwords, a few at a time; clones take turns with each other.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// What an unknown user's password is verified against.
    dummy: Arc<str>,
    patience: Duration,
}

impl Passwords {
    /// Works on at most `parallel` passwords at once (at least one). The first call hashes one itself.
    pub fn new(parallel: usize) -> Self {
        static DUMMY: LazyLock<Arc<str>> = LazyLock::new(|| {
            let made = hash(b"nobody has this password", &[0; 16]);
            made.expect("the parameters are valid").into()
        });
        Self {
            turns: Arc::new(Semaphore::new(parallel.max(1))),
            dummy: Arc::clone(&DUMMY),
            patience: PATIENCE,
        }
    }

    /// The PHC string under which `password` is stored.
    pub async fn hash(&self, entropy: &Entropy, password: Secret<String>) -> Result<String, PasswordError> {
        let salt = entropy.bytes::<16>();
        self.work(move || hash(password.expose().as_bytes(), &salt)).await
    }

    /// Whether `password` is the one that `stored` was made of. Without `stored`, as for an unknown user, it is
    /// false after the same time.
    pub async fn verify(
        &self,
        password: Secret<String>,
        stored: Option<&str>,
    ) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let stored = stored.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let right = self
            .work(move || verify(password.expose().as_bytes(), &stored))
            .await?;
        Ok(known && right)
    }

    /// Runs `job` on a blocking thread when its turn comes. The turn belongs to the job, not to the caller, who may
    /// hang up meanwhile: the thread is busy all the same.
    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn: OwnedSemaphorePermit =
            match timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await {
                Ok(Ok(turn)) => turn,
                Ok(Err(_)) | Err(_) => return Err(PasswordError::Busy),
            };
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = job();
            drop(turn);
            outcome
        });
        worked.await.unwrap_or(Err(PasswordError::Failed))
    }
}

/// Whether `stored` should be replaced by a new hash at the next sign-in: other parameters than today's, another
/// algorithm, or unreadable.
pub fn needs_rehash(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else {
        return true;
    };
    let Ok(params) = Params::try_from(&hash) else {
        return true;
    };
    hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(Version::V0x13.into())
        || (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES)
}

/// Refuses a new password that is too short, too long, or easy to guess, in a sentence that says what to do.
/// Takes milliseconds of CPU. `about_user` is what a guesser would try first: username, name, e-mail address, organisation.
pub fn check_strength(password: &str, about_user: &[&str]) -> Result<(), String> {
    const CHARACTERS: usize = 12;
    const BYTES: usize = 1024;
    if password.len() > BYTES {
        return Err(format!("The password is too long: use at most {BYTES} bytes."));
    }
    let length = password.chars().count();
    if length < CHARACTERS {
        return Err(format!(
            "The password is too short: use at least {CHARACTERS} characters, it has {length}."
        ));
    }
    let estimate = zxcvbn(password, about_user);
    if estimate.score() >= Score::Three {
        return Ok(());
    }
    let feedback = estimate.feedback();
    let warning = feedback
        .and_then(|feedback| feedback.warning())
        .map(|warning| format!(" {warning}"));
    let suggestion = feedback.and_then(|feedback| feedback.suggestions().first().copied());
    let advice = suggestion.map_or_else(
        || "Use a few words that do not belong together.".to_owned(),
        |suggestion| suggestion.to_string(),
    );
    Err(format!(
        "The password is easy to guess.{} {advice}",
        warning.unwrap_or_default()
    ))
}

fn argon2id() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within RFC 9106 §3.1");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    argon2id()
        .hash_password_with_salt(password, salt)
        .map(|hash| hash.to_string())
        .map_err(|_| PasswordError::Failed)
}

fn verify(password: &[u8], stored: &str) -> Result<bool, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(|_| PasswordError::Unreadable)?;
    if stored.salt.is_none() || stored.hash.is_none() {
        return Err(PasswordError::Unreadable);
    }
    match argon2id().verify_password(password, &stored) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::Unreadable),
    }
}

/// Why a password was neither right nor wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Too many at once; ask the person to try again.
    Busy,
    /// What is stored is not a hash that can be verified.
    Unreadable,
    /// The work itself failed.
    Failed,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many passwords are being checked at once",
            Self::Unreadable => "the stored password hash cannot be read",
            Self::Failed => "the password could not be hashed",
        })
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::{PasswordError, Passwords, check_strength, needs_rehash};
    use crate::secret::{Entropy, Secret};

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new(2);
        let stored = passwords
            .hash(&Entropy::seeded(1), secret("correct horse"))
            .await
            .expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(
            passwords.verify(secret("correct horse"), Some(&stored)).await,
            Ok(true)
        );
        assert_eq!(
            passwords.verify(secret("correct horsf"), Some(&stored)).await,
            Ok(false)
        );
        assert!(!needs_rehash(&stored));
    }

    #[tokio::test]
    async fn an_unknown_user_has_no_right_password() {
        let passwords = Passwords::new(1);
        assert_eq!(
            passwords.verify(secret("nobody has this password"), None).await,
            Ok(false)
        );
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_an_error_and_not_a_wrong_password() {
        let passwords = Passwords::new(1);
        for stored in [
            "",
            "plain",
            "$2b$10$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=19456,t=2,p=1",
        ] {
            assert_eq!(
                passwords.verify(secret("x"), Some(stored)).await,
                Err(PasswordError::Unreadable),
                "{stored}"
            );
        }
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_turn_is_told_so() {
        let passwords = Passwords {
            patience: Duration::ZERO,
            ..Passwords::new(1)
        };
        let turn = Arc::clone(&passwords.turns).acquire_owned().await.expect("free");
        assert_eq!(
            passwords.verify(secret("x"), None).await,
            Err(PasswordError::Busy)
        );
        drop(turn);
        assert_eq!(passwords.verify(secret("x"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_does_not_free_the_turn_early() {
        let passwords = Passwords {
            patience: Duration::ZERO,
            ..Passwords::new(1)
        };
        let (release, released) = std::sync::mpsc::channel::<()>();
        {
            let work = passwords.work(move || released.recv().map_err(|_| PasswordError::Failed));
            tokio::pin!(work);
            // Polled once, so that the job is on its thread, then dropped.
            tokio::select! { biased; _ = &mut work => {}, () = std::future::ready(()) => {} }
        }
        assert_eq!(
            passwords.verify(secret("x"), None).await,
            Err(PasswordError::Busy)
        );
        release.send(()).expect("the job still listens");
    }

    #[test]
    fn other_parameters_want_a_new_hash() {
        let tail = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(!needs_rehash(&format!("$argon2id$v=19$m=19456,t=2,p=1${tail}")));
        assert!(needs_rehash(&format!("$argon2id$v=19$m=19456,t=3,p=1${tail}")));
        assert!(needs_rehash(&format!("$argon2id$v=19$m=4096,t=2,p=1${tail}")));
        assert!(needs_rehash(&format!("$argon2id$v=16$m=19456,t=2,p=1${tail}")));
        assert!(needs_rehash(&format!("$argon2i$v=19$m=19456,t=2,p=1${tail}")));
        assert!(needs_rehash("not a hash"));
    }

    #[test]
    fn weak_passwords_are_refused_with_a_sentence() {
        let refusal = |password: &str| check_strength(password, &["alice", "Acme"]).expect_err(password);
        assert_eq!(
            refusal("Xk3#9vQz"),
            "The password is too short: use at least 12 characters, it has 8."
        );
        assert!(refusal(&"x".repeat(1025)).contains("at most 1024 bytes"));
        for weak in [
            "password1234",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiop12",
            "alicealice12",
            "abcabcabcabc",
        ] {
            let sentence = refusal(weak);
            assert!(
                sentence.starts_with("The password is easy to guess. "),
                "{sentence}"
            );
            assert!(sentence.ends_with('.') && !sentence.contains(weak), "{sentence}");
        }
    }

    #[test]
    fn strong_passwords_pass() {
        for strong in [
            "copper lantern drifts sideways",
            "Xk3#9vQz!m2Lw",
            "über Wölfe grübeln täglich",
        ] {
            assert_eq!(check_strength(strong, &["alice"]), Ok(()));
        }
    }
}

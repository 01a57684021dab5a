//! Tokens whose signature this node has verified, so that the cost of it is paid once a token.
//!
//! What is kept is a digest of the *whole text*, made with a key that only this process knows: a token with other
//! signature bytes is another text. Only what was verified enters, so that no flood of forged tokens pushes anything out;
//! a flood of genuine ones pushes out what nobody asked for since.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::{
    hmac::{self, HMAC_SHA256},
    rand,
};
use foldhash::fast::RandomState;

const SHARDS: usize = 64;
/// How many a shard remembers at least; it may be twice as many. In all about 20 MB at most.
const EACH: usize = 4096;

type Set = HashSet<u128, RandomState>;

/// Texts that were verified.
pub struct Verified {
    key: hmac::Key,
    shards: Vec<Mutex<Shard>>,
}

/// When the young are many they become the old, and those who were old are forgotten. Whoever is asked for is young.
#[derive(Default)]
struct Shard {
    young: Set,
    old: Set,
}

/// The digest of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u128);

impl Verified {
    /// Nothing was verified so far.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn none() -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self {
            key: hmac::Key::generate(HMAC_SHA256, &rand::SystemRandom::new())?,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        })
    }

    /// The digest under which a text is known.
    pub fn digest(&self, text: &str) -> Digest {
        let tag = hmac::sign(&self.key, text.as_bytes());
        let front = tag.as_ref().first_chunk::<16>();
        Digest(front.map_or(0, |bytes| u128::from_be_bytes(*bytes)))
    }

    /// Whether a text was verified, and is remembered.
    pub fn knows(&self, digest: Digest) -> bool {
        let mut shard = self.shard(digest);
        if shard.young.contains(&digest.0) {
            return true;
        }
        let known = shard.old.remove(&digest.0);
        if known {
            shard.add(digest);
        }
        known
    }

    /// Remembers a text that was verified just now.
    pub fn add(&self, digest: Digest) {
        self.shard(digest).add(digest);
    }

    /// How many are remembered.
    pub fn count(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.young.len() + shard.old.len()
        });
        lengths.sum()
    }

    fn shard(&self, digest: Digest) -> std::sync::MutexGuard<'_, Shard> {
        let at = usize::try_from(digest.0 % SHARDS as u128).unwrap_or_default();
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn add(&mut self, digest: Digest) {
        if self.young.len() >= EACH {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fx_18_a_flood_of_genuine_tokens_is_bounded_and_spares_what_is_asked_for() {
        let verified = Verified::none().expect("randomness");
        let wanted = verified.digest("asked for all the time");
        verified.add(wanted);
        let once = verified.digest("seen once");
        verified.add(once);
        for number in 0..SHARDS * EACH * 4 {
            verified.add(verified.digest(&number.to_string()));
            if number % 1000 == 0 {
                assert!(verified.knows(wanted), "{number}");
            }
        }
        assert!(verified.count() <= SHARDS * EACH * 2, "{}", verified.count());
        assert!(!verified.knows(once));
    }

    #[test]
    fn fx_18_each_text_is_its_own_and_each_process_has_its_own_key() {
        let (one, other) = (
            Verified::none().expect("randomness"),
            Verified::none().expect("randomness"),
        );
        assert_eq!(one.digest("a.b.c"), one.digest("a.b.c"));
        assert_ne!(one.digest("a.b.c"), one.digest("a.b.d"));
        assert_ne!(one.digest("a.b.c"), other.digest("a.b.c"));
        one.add(one.digest("a.b.c"));
        assert!(one.knows(one.digest("a.b.c")) && !one.knows(one.digest("a.b.d")));
    }
}

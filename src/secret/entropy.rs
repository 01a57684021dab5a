//! The only source of randomness.
//!
//! Everything unguessable is drawn here, so a test that seeds it can repeat whatever happened. Signature keys and
//! the nonces inside signatures are the exception: the cryptographic library draws those from the same system
//! source by itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::{digest, rand};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use zeroize::Zeroizing;

/// A source of random bytes; clones draw from the same stream.
#[derive(Clone)]
pub struct Entropy(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded { seed: u64, drawn: Arc<AtomicU64> },
}

impl Entropy {
    /// The operating system's.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The same bytes for the same seed, in the order in which they are drawn: SHA-256 in counter mode. For tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded {
            seed,
            drawn: Arc::default(),
        })
    }

    /// Overwrites `out` with random bytes.
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            Source::System => rand::fill(out).expect("the operating system gives random bytes"),
            Source::Seeded { seed, drawn } => {
                for chunk in out.chunks_mut(digest::SHA256_OUTPUT_LEN) {
                    let block = drawn.fetch_add(1, Ordering::Relaxed);
                    let input = [seed.to_be_bytes(), block.to_be_bytes()].concat();
                    chunk.copy_from_slice(&digest::digest(&digest::SHA256, &input).as_ref()[..chunk.len()]);
                }
            }
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// base64url of `length` random bytes.
    pub fn token(&self, length: usize) -> String {
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(&bytes)
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::Entropy;

    #[test]
    fn a_seed_repeats_and_never_stands_still() {
        let (one, same, other) = (Entropy::seeded(1), Entropy::seeded(1), Entropy::seeded(2));
        let first = one.bytes::<40>();
        assert_eq!(first, same.bytes::<40>());
        assert_ne!(first, one.bytes::<40>());
        assert_ne!(first, other.bytes::<40>());
    }

    #[test]
    fn clones_draw_from_one_stream() {
        let one = Entropy::seeded(7);
        let clone = one.clone();
        assert_ne!(one.bytes::<16>(), clone.bytes::<16>());
    }

    #[test]
    fn tokens_are_base64url_of_the_length_asked() {
        let token = Entropy::system().token(32);
        assert_eq!(token.len(), 43);
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_ne!(token, Entropy::system().token(32));
    }
}

//! Proof Key for Code Exchange, S256 only. [RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use subtle::ConstantTimeEq;

use super::refusal::{Code, Refusal};

/// What a code is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method`.
    ///
    /// # Errors
    /// `invalid_request` when the challenge is missing or malformed, or the method is not S256.
    pub fn read(challenge: Option<&str>, method: Option<&str>) -> Result<Self, Refusal> {
        // RFC 9700 §2.1.1: every client, public or not.
        let challenge = challenge.ok_or_else(|| {
            Code::InvalidRequest
                .because("code_challenge is missing: every client uses PKCE (RFC 7636) with S256")
                .reason("pkce.missing")
        })?;
        // RFC 7636 §4.3: without a method it would be `plain`, which protects nothing.
        if method != Some("S256") {
            return Err(Code::InvalidRequest
                .because("code_challenge_method must be S256")
                .reason("pkce.method"));
        }
        // RFC 7636 §4.2: 43 to 128 characters; an S256 challenge has exactly 43.
        if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
            return Err(Code::InvalidRequest
                .because("code_challenge must be the base64url text of a SHA-256 digest, 43 characters"));
        }
        Ok(Self(challenge.to_owned()))
    }

    /// The challenge of a verifier.
    pub fn of(verifier: &str) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())))
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a verifier belongs to a challenge, in constant time. A malformed verifier belongs to none (RFC 7636 §4.1).
pub fn matches(challenge: &str, verifier: &str) -> bool {
    let shaped = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| is_base64url(byte) || matches!(byte, b'.' | b'~'));
    let computed = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    shaped & bool::from(computed.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc7636_s4_6_verifier_must_match() {
        assert!(matches(CHALLENGE, VERIFIER));
        assert!(!matches(CHALLENGE, &VERIFIER.replace('d', "e")));
        assert!(!matches(CHALLENGE, CHALLENGE));
    }

    #[test]
    fn t_18_a_verifier_has_43_to_128_characters_of_the_alphabet() {
        for wrong in [&VERIFIER[..42], &"a".repeat(129), &VERIFIER.replace('-', "+"), ""] {
            let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, wrong.as_bytes()));
            assert!(!matches(&challenge, wrong), "{wrong}");
        }
        let longest = "a.~_-".repeat(25) + "abc";
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, longest.as_bytes()));
        assert!(matches(&challenge, &longest));
    }

    #[test]
    fn a_25_b_018_a_challenge_is_a_sha_256_digest() {
        assert!(Challenge::read(Some(CHALLENGE), Some("S256")).is_ok());
        for (challenge, method) in [
            (None, Some("S256")),
            (Some(CHALLENGE), None),
            (Some(CHALLENGE), Some("plain")),
            (Some(&CHALLENGE[..42]), Some("S256")),
            (Some(&"a".repeat(129)), Some("S256")),
            (Some(&CHALLENGE.replace('-', "+")), Some("S256")),
        ] {
            assert!(
                Challenge::read(challenge, method).is_err(),
                "{challenge:?} {method:?}"
            );
        }
    }
}

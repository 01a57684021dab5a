//! The numbers of a public key, checked: [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6) and
//! [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2).
//!
//! Kept both as the text that came and as the key that the library parsed, so that neither is made twice.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use super::{Alg, JoseError};

/// How long an RSA modulus may be, in bits: RFC 7518 §3.3, and what a verifier can bear.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The members that RFC 7638 calls required, in their wire text, beside the key they make.
#[derive(Clone)]
pub(super) enum Material {
    Ec {
        x: String,
        y: String,
        key: ParsedPublicKey,
    },
    Okp {
        x: String,
        key: ParsedPublicKey,
    },
    Rsa {
        n: String,
        e: String,
        pkcs1: ParsedPublicKey,
        pss: ParsedPublicKey,
    },
}

impl Material {
    /// A point on P-256. (RFC 7518 §6.2.1)
    pub(super) fn ec(x: String, y: String) -> Result<Self, JoseError> {
        let mut point = [4; 65];
        point[1..33].copy_from_slice(&coordinate(&x)?);
        point[33..].copy_from_slice(&coordinate(&y)?);
        let key = ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
            .map_err(|_| JoseError::Key("the point is not on P-256"))?;
        Ok(Self::Ec { x, y, key })
    }

    /// An Ed25519 key. (RFC 8037 §2)
    pub(super) fn okp(x: String) -> Result<Self, JoseError> {
        let key = ParsedPublicKey::new(&signature::ED25519, coordinate(&x)?)
            .map_err(|_| JoseError::Key("the key is not one of Ed25519"))?;
        Ok(Self::Okp { x, key })
    }

    /// A modulus of 2048 to 8192 bits and an odd exponent from 3 to 32 bits. (RFC 7518 §6.3.1)
    pub(super) fn rsa(n: String, e: String) -> Result<Self, JoseError> {
        let components = RsaPublicKeyComponents {
            n: unsigned(&n)?,
            e: unsigned(&e)?,
        };
        let bits = components.n.len() * 8 - components.n[0].leading_zeros() as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(JoseError::Key("an RSA key must have 2048 to 8192 bits"));
        }
        // The library takes any exponent; with 1 every message would be its own signature, and a long one is work
        // that the sender of the key makes the verifier do.
        let exponent = components.e.as_slice();
        if exponent == [1] || exponent.len() > 4 || is_even(exponent) || is_even(&components.n) {
            return Err(JoseError::Key("the RSA key is not valid"));
        }
        let parsed = |padding| {
            components
                .to_parsed_public_key(padding)
                .map_err(|_| JoseError::Key("the RSA key is not valid"))
        };
        let pkcs1 = parsed(&signature::RSA_PKCS1_2048_8192_SHA256)?;
        let pss = parsed(&signature::RSA_PSS_2048_8192_SHA256)?;
        Ok(Self::Rsa { n, e, pkcs1, pss })
    }

    /// What a thumbprint is taken of.
    pub(super) fn canonical(&self) -> String {
        // RFC 7638 §3.2: the required members in lexicographic order, no white space. Base64url needs no escapes.
        match self {
            Self::Ec { x, y, .. } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Okp { x, .. } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e, .. } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        }
    }

    /// The key as `alg` uses it; `None` if the algorithm is one of another type of key.
    pub(super) fn verifier(&self, alg: Alg) -> Option<&ParsedPublicKey> {
        match (self, alg) {
            (Self::Ec { key, .. }, Alg::Es256) | (Self::Okp { key, .. }, Alg::EdDsa) => Some(key),
            (Self::Rsa { pkcs1, .. }, Alg::Rs256) => Some(pkcs1),
            (Self::Rsa { pss, .. }, Alg::Ps256) => Some(pss),
            _ => None,
        }
    }
}

/// A value of exactly 32 bytes. (RFC 7518 §6.2.1.2: full length, leading zeros kept)
fn coordinate(text: &str) -> Result<[u8; 32], JoseError> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JoseError::Key("a member is not base64url"))?;
    bytes
        .try_into()
        .map_err(|_| JoseError::Key("a coordinate must have 32 bytes"))
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 0)
}

/// A positive number in the fewest bytes. (RFC 7518 §2, Base64urlUInt)
fn unsigned(text: &str) -> Result<Vec<u8>, JoseError> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JoseError::Key("a member is not base64url"))?;
    match bytes.first() {
        None | Some(0) => Err(JoseError::Key(
            "a number must be positive and in its shortest form",
        )),
        Some(_) => Ok(bytes),
    }
}

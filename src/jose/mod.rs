//! The part of JOSE that this server uses, on aws-lc-rs: JWK ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517))
//! and compact JWS ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)).
//!
//! Asymmetric signatures only: there is no value of [`Alg`] for `none` or for a MAC, so no key can be mistaken
//! for a shared secret (RFC 8725 §3.1). A key is parsed once, when it arrives, never while it is used.

pub mod jwk; // public keys: JSON in and out, thumbprint, verification
pub mod jws; // compact serialization: read strictly, write from a prepared header
mod material; // the numbers of a public key, checked
pub mod signing_key; // private keys: make, load, sign

use std::fmt;

use serde::{Serialize, Serializer};

/// A signature algorithm of [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1) or
/// [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alg {
    Es256,
    EdDsa,
    Rs256,
    Ps256,
}

impl Alg {
    /// Every algorithm, in the order in which metadata lists them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// From the name in `alg`; case matters. `Ed25519` (RFC 9864) is the fully specified name of what EdDSA means
    /// here, since no other curve is served. `None` for everything else, `none` and `HS256` included.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            _ => None,
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Alg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why a key or a signed text was refused. The words name the fault, never the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoseError {
    /// The key is unfit: private where public is meant, symmetric, too short, or not a key at all.
    Key(&'static str),
    /// The text is not a compact JWS.
    Malformed(&'static str),
    /// The header asks for what is not done here.
    Header(&'static str),
    /// The signature is not one of this key over this text.
    Signature,
    /// The cryptographic library could not do its work.
    Failed,
}

impl fmt::Display for JoseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(why) | Self::Malformed(why) | Self::Header(why) => f.write_str(why),
            Self::Signature => f.write_str("the signature does not verify"),
            Self::Failed => f.write_str("the cryptographic operation failed"),
        }
    }
}

impl std::error::Error for JoseError {}

#[cfg(test)]
mod tests {
    use super::Alg;

    #[test]
    fn names_round_trip() {
        for alg in Alg::ALL {
            assert_eq!(Alg::named(alg.name()), Some(alg));
        }
    }

    #[test]
    fn rfc9864_s2_2_ed25519_is_another_name_of_eddsa() {
        assert_eq!(Alg::named("Ed25519"), Some(Alg::EdDsa));
    }

    #[test]
    fn rfc8725_s3_1_no_unsigned_and_no_symmetric_algorithm_has_a_value() {
        for name in [
            "none", "None", "", "HS256", "HS384", "HS512", "es256", "RS1", "Ed448", "ES256K",
        ] {
            assert_eq!(Alg::named(name), None, "{name}");
        }
    }
}

//! A private key that signs, with the public half that verifies.
//!
//! The key is parsed once; nothing of it is in `Debug`, and what leaves through [`SigningKey::to_pkcs8`] wipes
//! itself. Its name is its thumbprint, so the same key never appears under two.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use zeroize::Zeroizing;

use super::{Alg, JoseError, jwk::Jwk};

/// The longest signature, in bytes: RSA with 4096 bits.
pub const MAX_SIGNATURE: usize = 512;

/// A private key for one algorithm.
pub struct SigningKey {
    alg: Alg,
    kid: String,
    public: Jwk,
    private: Private,
}

enum Private {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// A new key from the operating system's randomness. RSA gets 2048 bits, which takes a noticeable part of a
    /// second: not on a request.
    pub fn generate(alg: Alg) -> Result<Self, JoseError> {
        let private = match alg {
            Alg::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Private::Ec),
            Alg::EdDsa => Ed25519KeyPair::generate().map(Private::Ed),
            Alg::Rs256 | Alg::Ps256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Private::Rsa),
        };
        Self::with(alg, private.map_err(|_| JoseError::Failed)?)
    }

    /// From the PKCS#8 document that [`to_pkcs8`](Self::to_pkcs8) made. Refuses a key of another algorithm and
    /// RSA outside 2048 to 4096 bits.
    pub fn from_pkcs8(alg: Alg, document: &[u8]) -> Result<Self, JoseError> {
        let private = match alg {
            Alg::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).map(Private::Ec)
            }
            Alg::EdDsa => Ed25519KeyPair::from_pkcs8(document).map(Private::Ed),
            Alg::Rs256 | Alg::Ps256 => RsaKeyPair::from_pkcs8(document).map(Private::Rsa),
        };
        Self::with(
            alg,
            private.map_err(|_| JoseError::Key("the private key cannot be read"))?,
        )
    }

    fn with(alg: Alg, private: Private) -> Result<Self, JoseError> {
        let public = match &private {
            Private::Ec(pair) => Jwk::of_point(pair.public_key().as_ref()),
            Private::Ed(pair) => Jwk::of_ed25519(pair.public_key().as_ref()),
            Private::Rsa(pair) if pair.public_modulus_len() > MAX_SIGNATURE => {
                Err(JoseError::Key("an RSA signing key must have 2048 to 4096 bits"))
            }
            Private::Rsa(pair) => {
                let half = pair.public_key();
                Jwk::of_rsa(
                    alg,
                    half.modulus().big_endian_without_leading_zero(),
                    half.exponent().big_endian_without_leading_zero(),
                )
            }
        }?;
        Ok(Self {
            alg,
            kid: public.thumbprint(),
            public,
            private,
        })
    }

    /// The private key as PKCS#8, to be kept under a seal.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, JoseError> {
        match &self.private {
            Private::Ec(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Private::Ed(pair) => pair.to_pkcs8().map(|document| document.as_ref().to_vec()),
            Private::Rsa(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|document| document.as_ref().to_vec())
            }
        }
        .map(Zeroizing::new)
        .map_err(|_| JoseError::Failed)
    }

    /// The thumbprint of the public half. (RFC 7638)
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm this key signs with.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// What others need to verify.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// How long its signatures are, in bytes.
    pub(super) fn signature_length(&self) -> usize {
        match &self.private {
            Private::Ec(_) | Private::Ed(_) => 64,
            Private::Rsa(pair) => pair.public_modulus_len(),
        }
    }

    /// Signs `message` into the front of `out` and gives the signature there. RSA takes about a millisecond of CPU.
    pub fn sign<'a>(&self, message: &[u8], out: &'a mut [u8; MAX_SIGNATURE]) -> Result<&'a [u8], JoseError> {
        let random = SystemRandom::new();
        let signed = match &self.private {
            Private::Ec(pair) => pair.sign(&random, message),
            Private::Ed(pair) => pair.try_sign(message),
            Private::Rsa(pair) => {
                let padding: &dyn RsaEncoding = if self.alg == Alg::Ps256 {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                let place = &mut out[..pair.public_modulus_len()];
                return match pair.sign(padding, &random, message, place) {
                    Ok(()) => Ok(place),
                    Err(_) => Err(JoseError::Failed),
                };
            }
        };
        let signature = signed.map_err(|_| JoseError::Failed)?;
        let place = &mut out[..signature.as_ref().len()];
        place.copy_from_slice(signature.as_ref());
        Ok(place)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("alg", &self.alg)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SIGNATURE, SigningKey};
    use crate::jose::Alg;

    #[test]
    fn a_key_is_the_same_after_storage() {
        for alg in Alg::ALL {
            let key = SigningKey::generate(alg).expect("a key");
            let stored = key.to_pkcs8().expect("a document");
            let again = SigningKey::from_pkcs8(alg, &stored).expect("the same key");
            assert_eq!((again.kid(), again.alg()), (key.kid(), alg));
            let mut buffer = [0; MAX_SIGNATURE];
            let signature = again.sign(b"message", &mut buffer).expect("signed");
            assert_eq!(signature.len(), again.signature_length());
            assert_eq!(key.public().verify(alg, b"message", signature), Ok(()));
        }
    }

    #[test]
    fn a_stored_key_of_another_kind_is_refused() {
        let stored = SigningKey::generate(Alg::Es256)
            .expect("a key")
            .to_pkcs8()
            .expect("a document");
        for alg in [Alg::EdDsa, Alg::Rs256, Alg::Ps256] {
            assert!(SigningKey::from_pkcs8(alg, &stored).is_err(), "{alg}");
        }
        assert!(SigningKey::from_pkcs8(Alg::Es256, &stored[1..]).is_err());
        assert!(SigningKey::from_pkcs8(Alg::Es256, &[]).is_err());
    }

    #[test]
    fn debug_shows_the_public_name_only() {
        let key = SigningKey::generate(Alg::EdDsa).expect("a key");
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey {{ alg: EdDsa, kid: {:?}, .. }}", key.kid())
        );
    }
}

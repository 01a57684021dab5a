//! The keys derived from the master key, one for each purpose, and what each does.
//!
//! Derivation is HKDF-SHA-256 ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)) with a label of its own for each
//! key, so that what one key made is noise to every other. Key objects are built once. Comparisons take the same
//! time wherever the difference is.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Entropy, MasterKey};

const TAG_LENGTH: usize = 16;

/// How many bytes a seal adds to what it holds: nonce before, tag behind.
pub const SEAL_OVERHEAD: usize = NONCE_LEN + TAG_LENGTH;

/// Every key but the master key.
pub struct Keyring {
    digest: hmac::Key,
    token_mac: hmac::Key,
    csrf: hmac::Key,
    seal: LessSafeKey,
    wrap: LessSafeKey,
    check_value: String,
}

/// HMAC-SHA-256 of a high-entropy secret: what is stored in its place.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Keyring {
    /// Derives all keys.
    pub fn derive(master: &MasterKey) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"oauthority keyring 1").extract(master.expose());
        let aead = |label: &[u8]| {
            let info = [label];
            let key = prk
                .expand(&info, &AES_256_GCM_SIV)
                .expect("32 bytes are within what HKDF gives");
            LessSafeKey::new(UnboundKey::from(key))
        };
        let mac = |label: &[u8]| {
            let info = [label];
            let key = prk
                .expand(&info, hmac::HMAC_SHA256)
                .expect("32 bytes are within what HKDF gives");
            hmac::Key::from(key)
        };
        let check = hmac::sign(&mac(b"check value"), b"");
        Self {
            digest: mac(b"digest"),
            token_mac: mac(b"token mac"),
            csrf: mac(b"csrf"),
            seal: aead(b"seal"),
            wrap: aead(b"wrap"),
            check_value: BASE64_URL_SAFE_NO_PAD.encode(&check.as_ref()[..16]),
        }
    }

    /// The digest under which `text`, itself unguessable, is stored. `purpose` keeps kinds of secrets apart; it
    /// must not contain a NUL.
    pub fn digest(&self, purpose: &str, text: &[u8]) -> Digest {
        debug_assert!(
            !purpose.contains('\0'),
            "purpose and text would run into each other"
        );
        let mut context = hmac::Context::with_key(&self.digest);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(text);
        Digest(whole(&context.sign()))
    }

    /// The MAC that vouches for the claims of a token this server made.
    pub fn token_mac(&self, parts: &[u8]) -> [u8; 16] {
        let tag: [u8; 32] = whole(&hmac::sign(&self.token_mac, parts));
        let (front, _) = tag.split_at(16);
        front.try_into().expect("sixteen bytes were split off")
    }

    /// Whether `mac` is the one over `parts`.
    pub fn verify_token_mac(&self, parts: &[u8], mac: &[u8]) -> bool {
        self.token_mac(parts).ct_eq(mac).into()
    }

    /// The token that a form of this session carries against cross-site requests.
    pub fn csrf(&self, session: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.csrf, session))
    }

    /// Whether `token` is the one of this session's forms.
    pub fn verify_csrf(&self, session: &[u8], token: &str) -> bool {
        self.csrf(session).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Encrypts and authenticates `plaintext`: nonce, ciphertext, tag. It opens only for the same `purpose`.
    pub fn seal(&self, entropy: &Entropy, purpose: &[u8], plaintext: &[u8]) -> Vec<u8> {
        seal(&self.seal, entropy, purpose, plaintext)
    }

    /// Opens in place what [`seal`](Self::seal) made for `purpose`. `None` for everything else, and then the buffer
    /// holds nothing of use.
    pub fn open<'a>(&self, purpose: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        open(&self.seal, purpose, sealed)
    }

    /// Encrypts a private signing key for storage, bound to its `kid`.
    pub fn wrap(&self, entropy: &Entropy, kid: &str, key: &[u8]) -> Vec<u8> {
        seal(&self.wrap, entropy, kid.as_bytes(), key)
    }

    /// Decrypts a stored signing key; `None` if it was wrapped for another `kid`, under another master key, or was
    /// altered.
    pub fn unwrap(&self, kid: &str, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut key = Zeroizing::new(wrapped.to_vec());
        let length = open(&self.wrap, kid.as_bytes(), &mut key)?.len();
        // Moved to the front here, so that the plaintext never stands in an allocation that is not wiped.
        key.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        key.truncate(length);
        Some(key)
    }

    /// A public value that only this master key gives. Stored beside the data, it tells a wrong key file at the
    /// start rather than at the first secret that does not match.
    pub fn check_value(&self) -> &str {
        &self.check_value
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("check_value", &self.check_value)
            .finish_non_exhaustive()
    }
}

impl Digest {
    /// As stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = std::array::TryFromSliceError;

    /// From a stored row; refuses another length than 32 bytes.
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// Takes the same time wherever the difference is.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

fn whole(tag: &hmac::Tag) -> [u8; 32] {
    tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

fn seal(key: &LessSafeKey, entropy: &Entropy, purpose: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let nonce = entropy.bytes::<NONCE_LEN>();
    let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_OVERHEAD);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose),
            &mut sealed[NONCE_LEN..],
        )
        .expect("what is sealed is far shorter than the limit of AES-GCM-SIV");
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

fn open<'a>(key: &LessSafeKey, purpose: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
    let (nonce, body) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    key.open_in_place(nonce, Aad::from(purpose), body)
        .ok()
        .map(|plaintext| &*plaintext)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use proptest::prelude::*;

    use super::{Digest, Keyring, SEAL_OVERHEAD};
    use crate::secret::{Entropy, MasterKey};

    fn keyring(seed: u64) -> Keyring {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("master.key");
        Keyring::derive(&MasterKey::create(&path, &Entropy::seeded(seed)).expect("made"))
    }

    /// Computed by hand from RFC 5869 and RFC 2104. A release that derives other keys opens nothing of before.
    #[test]
    fn derived_keys_never_change() {
        let keys = keyring(1);
        assert_eq!(keys.check_value(), "x-CmL2S850VmchyVm9PJFg");
        let digest = keys.digest("session", b"text");
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(digest.as_bytes()),
            "zfcTjheYv0p-fNb7AFb5ieem544gRn5uob9eFaPU80k"
        );
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(keys.token_mac(b"claims")),
            "Fw6Ip3Nr3tml8iDPZcWOuw"
        );
        assert_eq!(
            keys.csrf(b"session"),
            "CsWGz121R1IonuZKvNw8BoC7UhVTEP5W2FVvjHdM-2s"
        );
    }

    #[test]
    fn the_check_value_tells_master_keys_apart() {
        assert_eq!(keyring(1).check_value(), keyring(1).check_value());
        assert_ne!(keyring(1).check_value(), keyring(2).check_value());
        assert_eq!(keyring(1).check_value().len(), 22);
    }

    #[test]
    fn digests_depend_on_key_purpose_and_text() {
        let keys = keyring(1);
        let digest = keys.digest("session", b"text");
        assert_eq!(digest, keys.digest("session", b"text"));
        assert_ne!(digest, keys.digest("session", b"texts"));
        assert_ne!(digest, keys.digest("client secret", b"text"));
        assert_ne!(digest, keyring(2).digest("session", b"text"));
        assert!(Digest::try_from(&digest.as_bytes()[..]).is_ok_and(|stored| stored == digest));
        assert!(Digest::try_from(&[0; 31][..]).is_err());
        assert_eq!(format!("{digest:?}"), "Digest(…)");
    }

    #[test]
    fn a_token_mac_vouches_for_exactly_its_parts() {
        let keys = keyring(1);
        let mac = keys.token_mac(b"claims");
        assert!(keys.verify_token_mac(b"claims", &mac));
        assert!(!keys.verify_token_mac(b"claimz", &mac));
        assert!(!keys.verify_token_mac(b"claims", &mac[..15]));
        assert!(!keys.verify_token_mac(b"claims", &[]));
        assert!(!keyring(2).verify_token_mac(b"claims", &mac));
    }

    #[test]
    fn a_csrf_token_belongs_to_one_session() {
        let keys = keyring(1);
        let token = keys.csrf(b"session one");
        assert!(keys.verify_csrf(b"session one", &token));
        assert!(!keys.verify_csrf(b"session two", &token));
        assert!(!keys.verify_csrf(b"session one", ""));
    }

    #[test]
    fn a_seal_opens_only_for_its_purpose_and_key() {
        let (keys, entropy) = (keyring(1), Entropy::seeded(9));
        let sealed = keys.seal(&entropy, b"access token", b"body");
        assert_eq!(sealed.len(), 4 + SEAL_OVERHEAD);
        assert_eq!(
            keys.open(b"access token", &mut sealed.clone()),
            Some(&b"body"[..])
        );
        assert_eq!(keys.open(b"code", &mut sealed.clone()), None);
        assert_eq!(keyring(2).open(b"access token", &mut sealed.clone()), None);
        assert_eq!(keys.unwrap("access token", &sealed), None);
        assert_ne!(sealed, keys.seal(&entropy, b"access token", b"body"));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(keys.open(b"access token", &mut altered), None, "{at}");
        }
    }

    #[test]
    fn a_wrapped_key_unwraps_under_its_kid_only() {
        let keys = keyring(1);
        let wrapped = keys.wrap(&Entropy::seeded(9), "kid", b"private key");
        assert_eq!(
            keys.unwrap("kid", &wrapped).as_deref().map(Vec::as_slice),
            Some(&b"private key"[..])
        );
        assert!(keys.unwrap("other", &wrapped).is_none());
        assert!(keyring(2).unwrap("kid", &wrapped).is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_open(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let keys = keyring(1);
            prop_assert!(keys.unwrap("kid", &bytes).is_none());
            prop_assert!(keys.open(b"purpose", &mut bytes).is_none());
        }
    }
}

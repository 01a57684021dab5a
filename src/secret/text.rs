//! How client ids and client secrets are written.
//!
//! A secret has a prefix that scanners know and a checksum that tells, without asking anyone, a leaked one from a
//! look-alike. Both have a fixed length.

use super::{Entropy, Secret};

/// A client id: `oac_` and 20 lower-case base32 characters, 100 random bits. ([RFC 4648
/// §6](https://www.rfc-editor.org/rfc/rfc4648#section-6), its alphabet in lower case)
pub fn client_id(entropy: &Entropy) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut id = String::with_capacity(24);
    id.push_str("oac_");
    // Five bits of each byte: no value is likelier than another.
    id.extend(
        entropy
            .bytes::<20>()
            .map(|byte| char::from(ALPHABET[usize::from(byte & 31)])),
    );
    id
}

const PREFIX: &str = "oas_";
const RANDOM_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;
const CHECKED_LENGTH: usize = PREFIX.len() + RANDOM_DIGITS;
const LENGTH: usize = CHECKED_LENGTH + CHECK_DIGITS;

/// The plaintext of a client secret: `oas_`, 43 base62 digits of 256 random bits, 6 of the CRC-32 of all before.
#[derive(Debug)]
pub struct ClientSecretText(Secret<String>);

impl ClientSecretText {
    /// A new one.
    pub fn generate(entropy: &Entropy) -> Self {
        // Never grown, so that no copy is left behind in freed memory.
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        let random = Secret::new(entropy.bytes::<32>());
        push_base62(&mut text, *random.expose(), RANDOM_DIGITS);
        let check = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, check.to_be_bytes(), CHECK_DIGITS);
        Self(Secret::new(text))
    }

    /// The text, for the one answer that may hold it and for its digest.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The last six characters: what people tell secrets apart by afterwards.
    pub fn hint(&self) -> String {
        hint(self.expose())
    }

    /// Whether `text` could be a client secret of this product: shape and checksum, no look-up.
    pub fn well_formed(text: &str) -> bool {
        let Some((checked, check)) = text.split_at_checked(CHECKED_LENGTH) else {
            return false;
        };
        let Some(random) = checked.strip_prefix(PREFIX) else {
            return false;
        };
        let mut expected = String::with_capacity(CHECK_DIGITS);
        push_base62(
            &mut expected,
            crc32fast::hash(checked.as_bytes()).to_be_bytes(),
            CHECK_DIGITS,
        );
        random.bytes().all(|byte| byte.is_ascii_alphanumeric()) && check == expected
    }
}

/// The last six characters of `text`, or all of it if it is shorter.
pub fn hint(text: &str) -> String {
    let start = text.char_indices().rev().nth(5).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}

/// Appends the big-endian number in exactly `width` base62 digits, most significant first.
fn push_base62<const N: usize>(out: &mut String, number: [u8; N], width: usize) {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = zeroize::Zeroizing::new(number);
    let mut digits = zeroize::Zeroizing::new([b'0'; RANDOM_DIGITS]);
    for digit in digits[..width].iter_mut().rev() {
        let mut remainder = 0u16;
        for byte in rest.iter_mut() {
            let dividend = remainder << 8 | u16::from(*byte);
            *byte =
                u8::try_from(dividend / 62).expect("the remainder is below 62, so the quotient fits a byte");
            remainder = dividend % 62;
        }
        *digit = DIGITS[usize::from(remainder)];
    }
    out.extend(digits[..width].iter().copied().map(char::from));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ClientSecretText, client_id, hint, push_base62};
    use crate::secret::Entropy;

    #[test]
    fn client_ids_have_their_shape() {
        let id = client_id(&Entropy::seeded(1));
        assert_eq!(id.len(), 24);
        let random = id.strip_prefix("oac_").expect("the prefix");
        assert!(random.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')));
        assert_ne!(id, client_id(&Entropy::seeded(2)));
    }

    #[test]
    fn client_secrets_have_their_shape_and_check_offline() {
        for seed in 0..100 {
            let secret = ClientSecretText::generate(&Entropy::seeded(seed));
            assert_eq!(secret.expose().len(), 4 + 43 + 6);
            assert!(ClientSecretText::well_formed(secret.expose()));
            assert!(secret.expose().ends_with(&secret.hint()));
            assert_eq!(secret.hint().len(), 6);
        }
    }

    #[test]
    fn one_wrong_character_anywhere_is_seen() {
        let secret = ClientSecretText::generate(&Entropy::seeded(3));
        for at in 0..secret.expose().len() {
            let mut bytes = secret.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(bytes).expect("still ASCII");
            assert!(!ClientSecretText::well_formed(&text), "{at}");
        }
    }

    #[test]
    fn base62_has_a_fixed_width() {
        let written = |number: [u8; 4]| {
            let mut out = String::new();
            push_base62(&mut out, number, 6);
            out
        };
        assert_eq!(written(0u32.to_be_bytes()), "000000");
        assert_eq!(written(61u32.to_be_bytes()), "00000z");
        assert_eq!(written(62u32.to_be_bytes()), "000010");
        assert_eq!(written(u32::MAX.to_be_bytes()), "4gfFC3");
        let mut widest = String::new();
        push_base62(&mut widest, [255; 32], 43);
        // 2^256 - 1 needs all 43 digits: none is lost.
        assert!(!widest.starts_with('0'));
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = ClientSecretText::generate(&Entropy::seeded(4));
        assert!(!format!("{secret:?}").contains(&secret.hint()));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_judged_without_panic(text in any::<String>()) {
            prop_assert!(!ClientSecretText::well_formed(&text));
            prop_assert!(hint(&text).chars().count() <= 6);
            prop_assert!(text.ends_with(&hint(&text)));
        }
    }
}

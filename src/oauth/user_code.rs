//! The short code that a person carries from a device to a browser.
//! [RFC 8628 §6.1](https://www.rfc-editor.org/rfc/rfc8628#section-6.1)
//!
//! Eight of twenty consonants: no word comes out, nothing looks like a digit, and a guess is right once in 20⁸ ≈ 2³⁴·⁶.

use std::fmt;

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// A code as it is shown: `WDJB-MJHT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// Draws a code, each as likely as any other.
    pub fn draw(mut random: impl FnMut() -> u8) -> Self {
        let size = ALPHABET.len();
        // A byte above the last multiple of 20 would make some letters likelier.
        let fair = u8::MAX - u8::MAX % 20;
        Self(std::array::from_fn(|_| {
            loop {
                let byte = random();
                if byte < fair {
                    return ALPHABET[usize::from(byte) % size];
                }
            }
        }))
    }

    /// Reads what a person typed: in any case, with or without spaces and dashes. `None` if it cannot be a code.
    pub fn read(text: &str) -> Option<Self> {
        let ignored = |c: &char| c.is_whitespace() || matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}');
        let mut letters = text.chars().filter(|c| !ignored(c));
        let mut code = [0; LENGTH];
        for letter in &mut code {
            let typed = u8::try_from(letters.next()?).ok()?.to_ascii_uppercase();
            *letter = Some(typed).filter(|typed| ALPHABET.contains(typed))?;
        }
        letters.next().is_none().then_some(Self(code))
    }

    /// The letters alone.
    pub const fn letters(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.0.iter().enumerate() {
            if at == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn da_14_any_case_spaces_and_dashes_read_the_same() {
        let code = UserCode::read("WDJB-MJHT").expect("a code");
        for typed in [
            "wdjb mjht",
            "WDJBMJHT",
            " w d j b – m j h t ",
            "wdjb—mjht",
            "WdJb--mJhT",
        ] {
            assert_eq!(UserCode::read(typed), Some(code), "{typed:?}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
        assert_eq!(code.letters(), b"WDJBMJHT");
    }

    #[test]
    fn da_14_no_other_letter_makes_a_code() {
        for typed in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTW",
            "ADJB-MJHT",
            "WDJB-MJH1",
            "WDJB-MJHÉ",
            "WDJB.MJHT",
        ] {
            assert_eq!(UserCode::read(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn every_letter_is_as_likely_as_any_other() {
        let mut next = 0_u8;
        let mut counts = [0; 20];
        for _ in 0..30 {
            let code = UserCode::draw(|| {
                next = next.wrapping_add(1);
                next
            });
            for letter in code.letters() {
                counts[ALPHABET
                    .iter()
                    .position(|known| known == letter)
                    .expect("of the alphabet")] += 1;
            }
        }
        // 240 draws are each of the bytes below 240 once.
        assert_eq!(counts, [12; 20]);
    }
}

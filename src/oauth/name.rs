//! Names that people read, of clients, organisations, APIs, people and what belongs to them: what they may look like, and how
//! one that is stored already is shown.
//!
//! A name is NFC, shows something, and holds no character that is invisible or moves others about: no control, format,
//! default-ignorable, private-use or unassigned ones. [UTS #39](https://www.unicode.org/reports/tr39/) says what looks like
//! what: nobody's client, organisation or API may look like a client of the system, or carry the product's name as a word.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// The product, which no name of somebody else may hold as a word.
const PRODUCT: &str = "Oauthority";
/// The clients of the system.
const SYSTEM: [&str; 5] = [
    "Admin Client",
    "Sync Service Client",
    "Mobile App",
    "Desktop Agent",
    "Command Line",
];

/// `Default_Ignorable_Code_Point` of the Unicode Character Database, a stable property.
const IGNORABLE: [(u32, u32); 17] = [
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1_BCA0, 0x1_BCA3),
    (0x1_D173, 0x1_D17A),
    (0xE_0000, 0xE_0FFF),
];

/// Whether a character shows nothing by itself, or moves what stands beside it.
fn is_hidden(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let at = u32::from(c);
    IGNORABLE
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&at))
        || matches!(
            c.general_category(),
            G::Control
                | G::Format
                | G::LineSeparator
                | G::ParagraphSeparator
                | G::PrivateUse
                | G::Surrogate
                | G::Unassigned
        )
}

/// Whether a character leaves the place where it stands empty. U+2800 is a pattern of no dots.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_hidden(c) || c == '\u{2800}'
}

/// Whether marks stand on nothing, or so many on one letter that they cover the lines beside it.
/// [UTS #39 §5.4](https://www.unicode.org/reports/tr39/#Optional_Detection)
fn piles_marks(name: &str) -> bool {
    use GeneralCategory as G;
    // As if a mark too many had come before the first letter.
    let mut pile = 4;
    name.chars().any(|c| {
        let mark = !c.is_ascii() && matches!(c.general_category(), G::NonspacingMark | G::EnclosingMark);
        pile = if mark { pile + 1 } else { 0 };
        pile > 4
    })
}

/// A name as it is kept: NFC, without white space around it.
pub fn normal(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_owned();
    }
    text.nfc().collect()
}

/// Checks a name that may be left out.
///
/// # Errors
/// A sentence that says how to mend it.
pub fn check_optional(name: &str, most: usize) -> Result<(), String> {
    let name = normal(name);
    if name.chars().count() > most {
        return Err(format!("Write at most {most} characters."));
    }
    if let Some(c) = name.chars().find(|c| is_hidden(*c)) {
        return Err(hidden(c));
    }
    if !name.is_empty() && name.chars().all(is_blank) {
        return Err("Write something that can be seen.".to_owned());
    }
    if piles_marks(&name) {
        return Err("Remove marks that stand on no letter, and more than four on one.".to_owned());
    }
    Ok(())
}

/// Checks a name that there must be.
///
/// # Errors
/// A sentence that says how to mend it.
pub fn check(name: &str, most: usize) -> Result<(), String> {
    if normal(name).is_empty() {
        return Err("Enter a name.".to_owned());
    }
    check_optional(name, most)
}

/// Checks the name of something that people trust for its name: a client, an organisation or an API.
///
/// # Errors
/// A sentence that says how to mend it.
pub fn check_trusted(name: &str) -> Result<(), String> {
    check(name, 120)?;
    if looks_like_ours(name) {
        return Err(format!(
            "Choose a name that does not look like one of the clients of {PRODUCT}, and does not hold its name."
        ));
    }
    Ok(())
}

/// Checks a text of several lines.
///
/// # Errors
/// A sentence that says how to mend it.
pub fn check_lines(text: &str) -> Result<(), String> {
    let wrong = |c: &char| is_hidden(*c) && !matches!(c, '\n' | '\r' | '\t');
    text.chars().find(wrong).map_or(Ok(()), |c| Err(hidden(c)))
}

fn hidden(c: char) -> String {
    if c.is_control() {
        return "Remove the control characters.".to_owned();
    }
    format!(
        "Remove the character U+{:04X}, which is invisible or moves others about.",
        u32::from(c)
    )
}

/// What a name looks like, in two ways: case first or shape first. `I` looks like `l`, and `i` does not.
fn looks(text: &str) -> [Vec<String>; 2] {
    let plain: String = text.nfkc().collect();
    let shape = |text: &str| {
        let shape: String = skeleton(text)
            .filter(|c| c.general_category() != GeneralCategory::NonspacingMark)
            .collect();
        let words = shape.to_lowercase();
        let words = words.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    [shape(&plain.to_lowercase()), shape(&plain)]
}

/// Whether a name looks like one of a client of the system, however it is spaced, or holds the name of the product.
pub fn looks_like_ours(name: &str) -> bool {
    let product = looks(PRODUCT).map(|words| words.concat());
    let system = SYSTEM.map(|name| looks(name).map(|words| words.concat()));
    looks(name).into_iter().enumerate().any(|(way, words)| {
        let whole = words.concat();
        // From the beginning of any word on, however it is spaced and whatever follows.
        let ours = |from: usize| words[from..].concat().starts_with(&product[way]);
        (0..words.len()).any(ours)
            || system.iter().any(|ours| {
                whole == ours[way] || whole.strip_prefix(&product[way]) == Some(ours[way].as_str())
            })
    })
}

/// A name as it is shown: what is hidden in one that was stored before names were checked is spelled out.
pub fn visible(name: &str) -> Cow<'_, str> {
    if name.chars().all(|c| !is_hidden(c)) && (name.is_empty() || !name.chars().all(is_blank)) {
        return Cow::Borrowed(name);
    }
    let blank = name.chars().all(is_blank);
    let mut out = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        match is_hidden(c) || blank {
            true => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A name for a line of plain text, such as a mail or a heading: isolated, so that it turns nothing beside it around. One of
/// ASCII cannot.
pub fn isolated(name: &str) -> Cow<'_, str> {
    let shown = visible(name);
    if shown.is_ascii() {
        return shown;
    }
    Cow::Owned(format!("\u{2068}{shown}\u{2069}"))
}

/// A text where isolates cannot be, such as the title of a window: without them, and what else is hidden is spelled out.
pub fn without_isolates(text: &str) -> Cow<'_, str> {
    if text.contains(['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}']) {
        let bare = text.replace(['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'], "");
        return Cow::Owned(visible(&bare).into_owned());
    }
    visible(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fx_12_what_is_invisible_or_moves_others_is_refused() {
        for hostile in [
            "",
            "   ",
            "\u{3164}",
            "\u{200b}",
            "\u{2800}",
            "\u{3000}",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200d}b",
            "a\u{34f}b",
            "\u{115f}",
            "a\u{fe0f}",
            "a\u{e0041}",
            "a\u{ad}b",
            "a\u{feff}",
            "a\u{7}",
            "a\u{85}b",
            "a\u{2028}b",
            "\u{301}a",
            "a\u{336}\u{336}\u{336}\u{336}\u{336}",
            "a\u{e000}",
            "a\u{378}",
            "\u{ffa0}",
            "a\u{180e}b",
            "a\u{61c}b",
        ] {
            assert!(check(hostile, 120).is_err(), "{hostile:?}");
        }
        for good in [
            "Acme",
            "Žluťoučký kůň",
            "מוזיקה",
            "天気",
            "Ops 🚀",
            "a-b (2)",
            "Ohio Authority",
        ] {
            assert_eq!(check_trusted(good), Ok(()), "{good}");
            assert_eq!(visible(good), good);
        }
        assert!(check(&"x".repeat(121), 120).is_err());
        assert_eq!(normal(" e\u{301} "), "\u{e9}");
        assert_eq!(check_lines("a\n\tb"), Ok(()));
        assert!(check_lines("a\u{202e}").is_err());
    }

    #[test]
    fn fx_12_look_alikes_of_the_system_are_refused() {
        for like in [
            "Command Line",
            "command line",
            "CommandLine",
            "Command LIne",
            "Cοmmand Line",
            "Ｃｏｍｍａｎｄ Line",
            "Oauthority Command Line",
            "OauthorityCommandLine",
            "Oauthority",
            "0authority",
            "The OAUTHORITY app",
            "O authority Support",
            "Oauth ority Login",
            "OauthorityLogin",
            "Оauthоrity",
            "Admin-Client",
            "Àdmin Client",
            "Admin C1ient",
            "Mobi1e App",
            "mobile  app",
        ] {
            assert!(check_trusted(like).is_err(), "{like}");
        }
        for good in [
            "Command",
            "Line",
            "Admin Clients of Acme",
            "Mobile App of Acme",
            "Authority",
            "Ohio Authority",
        ] {
            assert_eq!(check_trusted(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn fx_12_what_is_stored_is_shown_spelled_out_and_isolated() {
        assert_eq!(visible("a\u{202e}b"), "a[U+202E]b");
        assert_eq!(visible("\u{3164}"), "[U+3164]");
        assert_eq!(visible(""), "");
        assert_eq!(isolated("Acme"), "Acme");
        assert_eq!(isolated("\u{5d0}\u{2069}"), "\u{2068}\u{5d0}[U+2069]\u{2069}");
        assert_eq!(
            without_isolates("Allow \u{2068}\u{5d0}\u{2069}?"),
            "Allow \u{5d0}?"
        );
    }
}

//! A name that somebody typed, and sentences with names in them.

use maud::{Markup, html};

use crate::oauth::name::visible;

/// What begins and ends a name in a sentence of [`isolated`](crate::oauth::name::isolated).
const ISOLATE: (char, char) = ('\u{2068}', '\u{2069}');

/// A name on a page: isolated from what stands beside it, and what is hidden in it spelled out.
pub fn name(text: &str) -> Markup {
    html! { bdi { (visible(text)) } }
}

/// A sentence on a page, such as a heading: its isolated names are elements, and what is hidden elsewhere is spelled out.
pub fn text(sentence: &str) -> Markup {
    let parts = sentence.split_once(ISOLATE.0);
    let Some((before, (inside, after))) =
        parts.and_then(|(before, rest)| Some((before, rest.split_once(ISOLATE.1)?)))
    else {
        return html! { (shown(sentence)) };
    };
    html! { (shown(before)) (name(inside)) (text(after)) }
}

/// White space alone is nothing to spell out between two names.
fn shown(part: &str) -> std::borrow::Cow<'_, str> {
    if part.trim().is_empty() && part.is_ascii() {
        return part.into();
    }
    visible(part)
}

#[cfg(test)]
mod tests {
    use super::{name, text};

    #[test]
    fn fx_12_a_name_turns_nothing_beside_it_around() {
        assert_eq!(name("Acme").into_string(), "<bdi>Acme</bdi>");
        assert_eq!(name("<\u{5d0}").into_string(), "<bdi>&lt;\u{5d0}</bdi>");
        assert_eq!(name("a\u{202e}b").into_string(), "<bdi>a[U+202E]b</bdi>");
        assert_eq!(
            name("\u{5d0}\u{2069}x").into_string(),
            "<bdi>\u{5d0}[U+2069]x</bdi>"
        );
    }

    #[test]
    fn fx_12_names_in_a_sentence_are_elements() {
        let allow = |name| text(&format!("Allow {}?", crate::oauth::name::isolated(name))).into_string();
        assert_eq!(allow("Acme"), "Allow Acme?");
        assert_eq!(allow("\u{5d0}\u{2069}"), "Allow <bdi>\u{5d0}[U+2069]</bdi>?");
        assert_eq!(text("a\u{2068}b\u{202e}").into_string(), "a[U+2068]b[U+202E]");
    }
}

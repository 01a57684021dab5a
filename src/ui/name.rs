//! A name that somebody typed.

use maud::{Markup, html};

use crate::oauth::name::visible;

/// A name on a page: isolated from what stands beside it, and what is hidden in it spelled out. One of ASCII turns nothing
/// around.
pub fn name(text: &str) -> Markup {
    let shown = visible(text);
    if shown.is_ascii() {
        return html! { (shown) };
    }
    html! { bdi { (shown) } }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn fx_12_a_name_turns_nothing_beside_it_around() {
        assert_eq!(name("Acme").into_string(), "Acme");
        assert_eq!(name("<\u{5d0}").into_string(), "<bdi>&lt;\u{5d0}</bdi>");
        assert_eq!(name("a\u{202e}b").into_string(), "a[U+202E]b");
        assert_eq!(
            name("\u{5d0}\u{2069}x").into_string(),
            "<bdi>\u{5d0}[U+2069]x</bdi>"
        );
    }
}

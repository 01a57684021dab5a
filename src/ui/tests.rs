//! Promises of the design system: nothing inline, enough contrast, small enough.

use std::collections::HashMap;

use super::{assets, gallery};

#[test]
fn t50_nothing_inline() {
    for (name, page) in gallery::pages() {
        assert!(!page.contains(" style="), "{name} has a style attribute");
        assert!(!page.contains("<style"), "{name} has a style element");
        for (at, _) in page.match_indices("<script") {
            assert!(
                page[at..].starts_with("<script src=")
                    || page[at..].starts_with("<script type=\"module\" src="),
                "{name}"
            );
        }
        for (at, _) in page.match_indices(" on") {
            let word: String = page[at + 3..]
                .chars()
                .take_while(char::is_ascii_lowercase)
                .collect();
            let inside_tag = page[..at].rfind('<') > page[..at].rfind('>');
            let attribute = page[at + 3 + word.len()..].starts_with("=\"");
            assert!(!(inside_tag && attribute), "{name} has the attribute on{word}");
        }
    }
}

#[test]
fn ids_are_unique_in_a_page() {
    for (name, page) in gallery::pages() {
        let mut seen = HashMap::new();
        for piece in page.split(" id=\"").skip(1) {
            let id = piece.split('"').next().expect("split gives at least one");
            assert!(seen.insert(id, ()).is_none(), "{name} has the id {id} twice");
        }
    }
}

#[test]
fn t74_a_list_of_25_is_small() {
    let page = gallery::list_page();
    assert!(page.len() <= 60 * 1024, "{} bytes", page.len());
}

#[test]
fn where_nothing_is_wrong_no_problem_is_listed() {
    use crate::ui::form::ErrorSummary;
    use maud::Render as _;
    assert_eq!(ErrorSummary::of_one("name", "").render().into_string(), "");
    let one = ErrorSummary::of_one("name", "Enter a name.")
        .render()
        .into_string();
    assert!(
        one.contains("There is a problem") && one.contains("href=\"#name\""),
        "{one}"
    );
}

#[test]
fn t11_nothing_is_coming_soon() {
    for (name, page) in gallery::pages() {
        assert!(!page.to_lowercase().contains("coming soon"), "{name}");
    }
}

#[test]
fn a_secret_stands_in_its_page_once() {
    let (_, page) = gallery::pages()
        .into_iter()
        .find(|(name, _)| *name == "created")
        .expect("the gallery has it");
    assert_eq!(page.matches(gallery::SECRET).count(), 1);
}

#[test]
fn text_reads_on_every_ground() {
    let tokens = tokens();
    let grounds = ["bg", "surface", "sunken", "hover"];
    for theme in 0..2 {
        for text in ["text", "text-2"] {
            for ground in grounds {
                contrast(&tokens, theme, text, ground, 4.5);
            }
        }
        for ground in ["bg", "surface", "sunken", "hover"] {
            contrast(&tokens, theme, "text-3", ground, 4.5);
            contrast(&tokens, theme, "link", ground, 4.5);
            contrast(&tokens, theme, "focus", ground, 3.0);
        }
        for ground in ["bg", "surface", "sunken"] {
            contrast(&tokens, theme, "control", ground, 3.0);
        }
        for tone in ["ok", "warn", "bad", "info", "mute"] {
            contrast(&tokens, theme, tone, &format!("{tone}-bg"), 4.5);
            contrast(&tokens, theme, "text", &format!("{tone}-bg"), 4.5);
        }
        contrast(&tokens, theme, "bad", "surface", 4.5);
        contrast(&tokens, theme, "bad", "raised", 4.5);
        contrast(&tokens, theme, "text", "raised", 4.5);
        contrast(&tokens, theme, "link", "info-bg", 4.5);
        contrast(&tokens, theme, "text-2", "info-bg", 4.5);
        contrast(&tokens, theme, "text-3", "info-bg", 4.5);
        contrast(&tokens, theme, "on-accent", "accent", 4.5);
        contrast(&tokens, theme, "on-accent", "accent-hover", 4.5);
        contrast(&tokens, theme, "on-danger", "danger", 4.5);
    }
}

type Tokens = HashMap<&'static str, [[f64; 3]; 2]>;

/// Reads `--name:light-dark(#light,#dark)` out of the stylesheet.
fn tokens() -> Tokens {
    let mut tokens = HashMap::new();
    for piece in assets::CSS.body().split("--").skip(1) {
        if let Some((name, rest)) = piece.split_once(":light-dark(#")
            && let Some((light, rest)) = rest.split_once(",#")
            && let Some((dark, _)) = rest.split_once(')')
            && light.len() == 6
            && dark.len() == 6
        {
            tokens.insert(name, [channels(light), channels(dark)]);
        }
    }
    assert!(tokens.len() >= 25, "only {} tokens were read", tokens.len());
    tokens
}

fn channels(hex: &str) -> [f64; 3] {
    [0, 2, 4].map(|at| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits")) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn luminance([r, g, b]: [f64; 3]) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// WCAG 2.2 §1.4.3.
fn contrast(tokens: &Tokens, theme: usize, text: &str, ground: &str, least: f64) {
    let (a, b) = (luminance(tokens[text][theme]), luminance(tokens[ground][theme]));
    let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
    assert!(ratio >= least, "{text} on {ground}, theme {theme}: {ratio:.2}");
}

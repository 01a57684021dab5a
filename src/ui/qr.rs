//! A QR code as a picture of attributes only, which the content security policy lets through.

use fast_qr::qr::QRBuilder;
use maud::{Markup, html};

/// The quiet zone around it, in modules (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;

/// The picture of a text, black on white whatever the theme; nothing if the text is too long for one.
pub fn qr(text: &str, label: &str) -> Markup {
    let Ok(code) = QRBuilder::new(text).build() else {
        return html! {};
    };
    let mut path = String::new();
    for y in 0..code.size {
        let mut x = 0;
        while x < code.size {
            let from = x;
            while x < code.size && code[y][x].value() {
                x += 1;
            }
            if x > from {
                let run = x - from;
                path.push_str(&format!("M{} {}h{run}v1h-{run}z", from + QUIET, y + QUIET));
            }
            x += 1;
        }
    }
    let side = code.size + 2 * QUIET;
    html! {
        svg width="200" height="200" viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(label)
            shape-rendering="crispEdges" {
            path fill="#fff" d=(format!("M0 0h{side}v{side}h-{side}z")) {}
            path fill="#000" d=(path) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_attributes_only() {
        let picture = qr("otpauth://totp/Oauthority:ada@id.example?secret=ABC", "QR code").into_string();
        assert!(picture.starts_with("<svg ") && !picture.contains("style") && !picture.contains("<script"));
        assert!(picture.contains("M4 4h7v1h-7z"), "the finder in the corner");
        assert!(qr(&"x".repeat(9000), "").into_string().is_empty());
    }
}

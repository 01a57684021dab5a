//! JSON written by hand, where building a tree first would cost more than the answer.
//! [RFC 8259 §7](https://www.rfc-editor.org/rfc/rfc8259#section-7)

use std::fmt::Write as _;

/// Appends `text` as a JSON string, with its quotes.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        for ch in text.chars() {
            match ch {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\0'..='\u{1f}' => {
                    // Writing into a `String` cannot fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(ch));
                }
                _ => out.push(ch),
            }
        }
    } else {
        out.push_str(text);
    }
    out.push('"');
}

/// Appends `,"name":"text"`. `name` must need no escaping.
pub fn push_member(out: &mut String, name: &str, text: &str) {
    push_name(out, name);
    push_string(out, text);
}

/// Appends `,"name":number`. `name` must need no escaping.
pub fn push_number(out: &mut String, name: &str, number: i64) {
    push_name(out, name);
    let _ = write!(out, "{number}");
}

fn push_name(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_follow_one_another() {
        let mut out = String::from("{\"a\":1");
        push_member(&mut out, "b", "x\"y");
        push_number(&mut out, "c", -7);
        out.push('}');
        assert_eq!(out, r#"{"a":1,"b":"x\"y","c":-7}"#);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).expect("valid JSON"), text);
        }
    }
}

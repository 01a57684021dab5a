//! Single values as texts.

use serde_json::Value as Json;

/// A value as programs read it: full, on one line.
pub fn plain(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Json::Object(members) => match (members.get("value"), members.get("name")) {
            (Some(Json::String(value)), _) | (None, Some(Json::String(value))) => value.clone(),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// A value for a terminal: nothing in it may move the cursor.
pub fn shown(value: &Json) -> String {
    match value {
        Json::Null => "–".to_owned(),
        Json::Array(items) if items.is_empty() => "–".to_owned(),
        Json::Array(items) => items
            .iter()
            .map(plain)
            .collect::<Vec<_>>()
            .join(", ")
            .replace(char::is_control, "�"),
        other => plain(other).replace(char::is_control, "�"),
    }
}

pub fn tab_free(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A field of CSV; one that a spreadsheet would take for a formula is kept as text.
/// [RFC 4180 §2](https://www.rfc-editor.org/rfc/rfc4180#section-2)
pub fn quoted(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<i64>().is_err() {
        return format!("\"'{}\"", text.replace('"', "\"\""));
    }
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The ends of a long id, which is what people compare.
pub fn shortened(id: &str) -> String {
    let length = id.chars().count();
    if length <= 16 {
        return id.to_owned();
    }
    let head: String = id.chars().take(9).collect();
    let tail: String = id.chars().skip(length - 4).collect();
    format!("{head}…{tail}")
}

/// A span in the past in words.
pub fn ago(seconds: i64) -> String {
    let words = |count: i64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => words(seconds / 60, "minute"),
        3600..172_800 => words(seconds / 3600, "hour"),
        _ => words(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_breaks_a_line() {
        let hostile = json!("a\u{1b}[2Jb\tc\nd");
        assert_eq!(shown(&hostile), "a�[2Jb�c�d");
        assert_eq!(tab_free(&plain(&hostile)), "a [2Jb c d");
        assert_eq!(quoted("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(quoted("-5"), "-5");
    }

    #[test]
    fn lists_and_things_become_words() {
        assert_eq!(
            plain(&json!(["a", { "audience": "urn:x", "value": "x:read" }])),
            "a,x:read"
        );
        assert_eq!(
            (shown(&json!([])), shown(&Json::Null)),
            ("–".to_owned(), "–".to_owned())
        );
    }

    #[test]
    fn long_ids_keep_their_ends_and_spans_their_unit() {
        assert_eq!(shortened("oac_7q2mabcdefghijklmnx9"), "oac_7q2ma…mnx9");
        assert_eq!(shortened("oa_admin_client"), "oa_admin_client");
        let spans = [5, 60, 3600, 172_800, 12_268_800].map(ago);
        assert_eq!(
            spans,
            [
                "just now",
                "1 minute ago",
                "1 hour ago",
                "2 days ago",
                "142 days ago"
            ]
        );
    }
}

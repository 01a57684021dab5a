//! The canonical form of an entry and the hash over it. Everything here is public and depends on no key, so that anybody
//! who holds the entries can compute the chain anew; `docs/audit.md` says the same in words.

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde_json::Value as Json;

/// What stands before the first entry of a chain: a hash that only chains of this name begin with.
pub fn genesis(name: &str) -> [u8; 32] {
    whole(digest(&SHA256, format!("oauthority audit chain 1\n{name}").as_bytes()).as_ref())
}

/// The hash of an entry behind the entry with the hash `previous`: SHA-256 over those 32 bytes and the entry without its
/// member `hash`, in canonical form.
pub fn link(previous: &[u8], entry: &Json) -> [u8; 32] {
    let mut entry = entry.clone();
    if let Some(members) = entry.as_object_mut() {
        members.shift_remove("hash");
    }
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(canonical(&entry).as_bytes());
    whole(context.finish().as_ref())
}

/// JSON with members in order, without white space, and with as few escapes as there can be.
/// [RFC 8785](https://www.rfc-editor.org/rfc/rfc8785); numbers in entries are whole.
pub fn canonical(value: &Json) -> String {
    let mut out = String::new();
    push(&mut out, value);
    out
}

fn push(out: &mut String, value: &Json) {
    match value {
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push(out, item);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut sorted: Vec<(&String, &Json)> = members.iter().collect();
            // RFC 8785 §3.2.3: by UTF-16 code units.
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, (name, member)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                // The texts and numbers of `serde_json` are those of RFC 8785 §3.2.2.
                out.push_str(&Json::from(name.as_str()).to_string());
                out.push(':');
                push(out, member);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn whole(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Members, escapes and order as in RFC 8785 §3.2.2 and §3.2.3.
    #[test]
    fn rfc8785_members_are_sorted_and_texts_escaped_minimally() {
        let value = json!({
            "\u{20ac}": "Euro", "\r": "CR", "\u{fb33}": "Dalet", "1": [true, null, -7],
            "\u{1f600}": "Smiley", "\u{80}": "Control", "\u{f6}": "\u{f}\n\"\\/\u{7f}",
        });
        assert_eq!(
            canonical(&value),
            "{\"\\r\":\"CR\",\"1\":[true,null,-7],\"\u{80}\":\"Control\",\"\u{f6}\":\"\\u000f\\n\\\"\\\\/\u{7f}\",\
             \"\u{20ac}\":\"Euro\",\"\u{1f600}\":\"Smiley\",\"\u{fb33}\":\"Dalet\"}"
        );
    }

    /// Computed with `sha256sum`. Chains of before must verify for ever.
    #[test]
    fn the_hash_never_changes() {
        assert_eq!(
            hex(&genesis("org_1")),
            "a479af046fdbf5887fe15356e946ce3bfc1434250a6bde22875a3ecce3b521b0"
        );
        let entry = json!({ "seq": 1, "hash": "ignored", "at": "x" });
        assert_eq!(
            hex(&link(&genesis("org_1"), &entry)),
            "c8ddd9ffde753f1759ead17be8c263e606c8e0f279ddb780b3bdd1c06d727d38"
        );
    }
}

//! What an entry is to everybody: its record, what of it is sealed, and how the sealed commits to what is personal.
//! Everything here is pure and needs no key, so that anybody who holds the entries can compute it; `docs/audit.md` says the
//! same in words.
//!
//! In the first format an entry is sealed whole. In the second, `who` (name and address of the actor) and `what` (name of
//! the thing, and the details) stand beside it: sealed is a digest of each, salted so that nobody can try names. Whoever
//! erases a part removes its salt as well, and the digest tells nothing any more.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value as Json, json};

use super::audit::{Event, Part};

/// The number of the format in which entries are written.
pub const FORMAT: i64 = 2;

/// Whether the personal parts of an entry are those that were committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    /// Both are there, or the format has none.
    Whole,
    /// At least one was erased.
    Redacted,
    /// At least one is another.
    Changed,
}

/// An entry as everybody sees it: API, files, messages, and what the hash is made of. Entries of the first format have no
/// member `format`.
pub fn record(event: &Event) -> Json {
    let details = match &event.details {
        Json::Null => json!({}),
        details => details.clone(),
    };
    let mut entry = json!({
        "id": event.id,
        "at": event.at,
        "actor": { "kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name },
        "ip": event.ip,
        "request_id": event.request_id,
        "action": event.action,
        "resource": { "kind": event.resource_kind, "id": event.resource_id, "name": event.resource_name },
        "outcome": event.outcome,
        "details": details,
        "seq": event.sealed.as_ref().map(|link| link.seq),
        "hash": event.sealed.as_ref().map(|link| hex(&link.hash)),
    });
    if let Some(parts) = &event.parts {
        let salt = |part: &Part| part.salt.as_deref().map(hex);
        entry["format"] = json!(FORMAT);
        entry["commitments"] = json!({ "who": hex(&parts.who.digest), "what": hex(&parts.what.digest) });
        entry["salts"] = json!({ "who": salt(&parts.who), "what": salt(&parts.what) });
    }
    entry
}

/// What of a record is sealed.
pub fn sealed(entry: &Json) -> Json {
    if entry["format"] != json!(FORMAT) {
        let mut whole = entry.clone();
        if let Some(members) = whole.as_object_mut() {
            members.shift_remove("hash");
        }
        return whole;
    }
    let mut out = Map::new();
    for name in [
        "format",
        "id",
        "at",
        "request_id",
        "action",
        "outcome",
        "commitments",
        "seq",
    ] {
        out.insert(name.to_owned(), entry[name].clone());
    }
    for name in ["actor", "resource"] {
        let party = json!({ "kind": entry[name]["kind"], "id": entry[name]["id"] });
        out.insert(name.to_owned(), party);
    }
    Json::Object(out)
}

/// Who did it, as far as that is personal.
pub fn who(entry: &Json) -> Json {
    json!({ "name": entry["actor"]["name"], "ip": entry["ip"] })
}

/// What it happened to, as far as that may be personal.
pub fn what(entry: &Json) -> Json {
    json!({ "name": entry["resource"]["name"], "details": entry["details"] })
}

/// SHA-256 over the salt and a part in canonical form.
pub fn commitment(salt: &[u8], part: &Json) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(canonical(part).as_bytes());
    whole(context.finish().as_ref())
}

/// Holds the personal parts of a record against what was sealed.
pub fn personal(entry: &Json) -> Personal {
    if entry["format"] != json!(FORMAT) {
        return Personal::Whole;
    }
    let mut found = Personal::Whole;
    let (who, what) = (who(entry), what(entry));
    let empty = json!({ "name": "", "ip": null });
    let nothing = json!({ "name": "", "details": {} });
    for (name, part, erased) in [("who", &who, &empty), ("what", &what, &nothing)] {
        let right = match entry["salts"][name].as_str() {
            Some(salt) => {
                let salt = bytes(salt);
                salt.is_some_and(|salt| entry["commitments"][name] == json!(hex(&commitment(&salt, part))))
            }
            None => {
                found = Personal::Redacted;
                entry["salts"][name].is_null() && part == erased
            }
        };
        if !right {
            return Personal::Changed;
        }
    }
    found
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

/// The bytes of a text in hexadecimal.
pub fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    hex.as_bytes().chunks(2).map(pair).collect()
}

pub(crate) fn whole(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
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

    fn entry() -> Json {
        let (salt, other) = ([7_u8; 32], [8_u8; 32]);
        let mut entry = json!({
            "format": 2, "id": "e1", "at": "2026-11-22T10:14:00Z", "request_id": "r", "action": "user.created",
            "actor": { "kind": "user", "id": "usr_1", "name": "Ada" }, "ip": "203.0.113.9",
            "resource": { "kind": "user", "id": "usr_2", "name": "Bob" }, "outcome": "done",
            "details": { "after": { "email": "bob@example.org" } }, "seq": 1, "hash": "x",
        });
        entry["salts"] = json!({ "who": hex(&salt), "what": hex(&other) });
        entry["commitments"] = json!({
            "who": hex(&commitment(&salt, &who(&entry))), "what": hex(&commitment(&other, &what(&entry))),
        });
        entry
    }

    /// Computed with `sha256sum`. Entries of before must verify for ever.
    #[test]
    fn fx_08_the_second_format_never_changes() {
        let entry = entry();
        assert_eq!(canonical(&who(&entry)), r#"{"ip":"203.0.113.9","name":"Ada"}"#);
        let members: Vec<_> = sealed(&entry)
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        assert_eq!(
            members,
            [
                "format",
                "id",
                "at",
                "request_id",
                "action",
                "outcome",
                "commitments",
                "seq",
                "actor",
                "resource"
            ]
        );
        let text = canonical(&sealed(&entry));
        for personal in ["Ada", "Bob", "203.0.113.9", "example.org"] {
            assert!(!text.contains(personal), "{text}");
        }
    }

    #[test]
    fn fx_08_a_part_is_as_it_was_or_erased_and_everything_else_is_a_change() {
        let whole = entry();
        assert_eq!(personal(&whole), Personal::Whole);
        for (at, value) in [
            ("/actor/name", json!("Eve")),
            ("/ip", json!(null)),
            ("/resource/name", json!("Eve")),
            ("/details", json!({})),
            ("/salts/who", json!("00")),
            ("/salts/what", json!(7)),
            ("/salts/who", json!(null)),
        ] {
            let mut entry = whole.clone();
            *entry.pointer_mut(at).expect("there") = value;
            assert_eq!(personal(&entry), Personal::Changed, "{at}");
        }
        let mut erased = whole.clone();
        erased["actor"]["name"] = json!("");
        erased["ip"] = json!(null);
        erased["salts"]["who"] = json!(null);
        assert_eq!(personal(&erased), Personal::Redacted);
        assert_eq!(sealed(&erased), sealed(&whole), "what is sealed is the same");
        erased["actor"]["name"] = json!("Eve");
        assert_eq!(personal(&erased), Personal::Changed);
    }

    #[test]
    fn hexadecimal_reads_back() {
        assert_eq!(bytes(&hex(&[0, 1, 254])), Some(vec![0, 1, 254]));
        for wrong in ["0", "zz", "+1", "0g"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}

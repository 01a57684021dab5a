//! The hash over an entry and the one before. Everything here is public and depends on no key, so that anybody who holds the
//! entries can compute the chain anew; `docs/audit.md` says the same in words.

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde_json::Value as Json;

pub use crate::store::audit_entry::{Personal, bytes, canonical, hex, personal};
use crate::{
    store::audit_entry::{sealed, whole},
    time::{Lifetime, Timestamp},
};

/// How far the time of an entry may lie before that of the entry before it: clocks of several nodes differ, and a change
/// takes its time.
pub const SLACK: Lifetime = Lifetime::minutes(5);

/// What stands before the first entry of a chain: a hash that only chains of this name begin with.
pub fn genesis(name: &str) -> [u8; 32] {
    whole(digest(&SHA256, format!("oauthority audit chain 1\n{name}").as_bytes()).as_ref())
}

/// The hash of an entry behind the entry with the hash `previous`: SHA-256 over those 32 bytes and what of the entry is
/// sealed, in canonical form.
pub fn link(previous: &[u8], entry: &Json) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(canonical(&sealed(entry)).as_bytes());
    whole(context.finish().as_ref())
}

/// What is wrong with the time of an entry behind one from `before`. Times of the first format were never promised.
pub fn out_of_order(at: Timestamp, before: Option<Timestamp>, now: Timestamp) -> Option<String> {
    if before.is_some_and(|before| at.after(SLACK) < before) {
        return Some("is from long before the entry before it".to_owned());
    }
    (at > now.after(SLACK)).then(|| "is from the future".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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

    #[test]
    fn fx_08_times_go_on_but_for_a_little() {
        let at = |minutes: i64| Timestamp::from_seconds(1_900_000_000 + 60 * minutes);
        assert_eq!(out_of_order(at(0), Some(at(5)), at(6)), None);
        assert!(out_of_order(at(0), Some(at(6)), at(6)).is_some());
        assert_eq!(out_of_order(at(5), None, at(0)), None);
        assert!(out_of_order(at(6), None, at(0)).is_some());
    }
}

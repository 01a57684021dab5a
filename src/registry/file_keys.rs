//! The name under which a file of clients knows a client: unique among the clients of an organisation that are not
//! deleted.

use crate::{
    db::WriteError,
    error::{Error, Result},
    oauth::{
        client::Kind,
        refusal::{Field, Refusal},
    },
    registry::{Registry, access::Access},
    store::{
        self,
        clients::{Filter, From, Keyed, Page, SortKey},
    },
};

/// What a key looks like.
const SHAPE: &str =
    "Write 1 to 64 lower-case letters, digits, dots, hyphens and underscores, the first a letter or digit.";

/// Whether a text can be a key.
fn is_key(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'-' | b'_'))
}

fn wrong(code: &'static str, detail: impl Into<String>) -> Error {
    Refusal::fields(vec![Field::new("/file_key", code, detail)]).into()
}

/// Checks the key of a client with this id; one that is about to be made has none yet.
///
/// # Errors
/// Bad input: its shape, a kind of client that no file makes, a key that another client has.
pub(super) async fn check(
    registry: &Registry,
    access: &Access,
    key: &str,
    kind: Kind,
    client_id: &str,
) -> Result<()> {
    if !is_key(key) {
        return Err(wrong("file_key.format", SHAPE));
    }
    if !matches!(kind, Kind::Custom | Kind::SyncConnector) {
        return Err(wrong(
            "file_key.kind",
            "A file manages custom clients and sync connectors only.",
        ));
    }
    let filter = Filter {
        keyed: Some(Keyed::This(key.to_owned())),
        ..Filter::default()
    };
    let page = Page {
        sort: SortKey::Created,
        descending: false,
        from: From::Offset(0),
        limit: 1,
    };
    let orgs = [access.org.id.clone()];
    let listed = store::clients::list(registry.db(), &orgs, &filter, &page).await?;
    match listed.and_then(|listed| listed.clients.into_iter().next()) {
        Some(other) if other.client_id != client_id => Err(wrong(
            "file_key.taken",
            format!("The client {} has this key already.", other.client_id),
        )),
        _ => Ok(()),
    }
}

/// What it means that somebody else took the key meanwhile.
pub(super) fn taken(error: WriteError) -> Error {
    if error.is_unique("clients", "file_key") {
        return wrong("file_key.taken", "Another client has this key already.");
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_plain_word() {
        for good in ["a", "invoice-exporter", "0.b_c", &"x".repeat(64)] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "ä", "a b", "a/b", "*", &"x".repeat(65)] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}

//! The audit log as a chain: every entry gets a number and a hash over itself and the one before, so that whatever is
//! changed, removed, put in between or moved afterwards is found.
//!
//! Writing an entry waits for nobody: it is a row of the batch that it tells of, as before. A moment later a *sealer*
//! gives the new entries of an organisation their places, in the order of their times; the last word of several
//! sealers is one conditional statement on the head of the chain. The head carries a MAC made with the key file:
//! whoever can write to the database but has not the key file cannot make another chain that passes. What belongs to no
//! organisation has a chain of its own, with an empty name.

pub mod chain; // the canonical form and the hash, which anybody can compute
pub mod export; // entries as files
pub mod retention; // what is old goes, and the chain holds
pub mod seal; // places for new entries
pub mod verify; // whether the chain is whole

use serde_json::{Value as Json, json};

use crate::{
    registry::Registry,
    secret::Digest,
    store::{audit::Event, audit_chains::End},
};

/// The chain that an entry belongs to.
fn chain_of(event: &Event) -> &str {
    event.org_id.as_deref().unwrap_or_default()
}

/// An entry as everybody sees it: API, files, messages, and what the hash is made of.
pub fn record(event: &Event) -> Json {
    let details = match &event.details {
        Json::Object(_) => event.details.clone(),
        _ => json!({}),
    };
    json!({
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
        "hash": event.sealed.as_ref().map(|link| chain::hex(&link.hash)),
    })
}

/// The hash that an entry must have at this place, behind that hash.
fn hash(event: &Event, seq: i64, previous: &[u8]) -> [u8; 32] {
    let mut entry = record(event);
    entry["seq"] = json!(seq);
    chain::link(previous, &entry)
}

/// Which end of a chain a MAC is for.
#[derive(Clone, Copy)]
enum Which {
    Head,
    Anchor,
}

impl Which {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Head => "audit head",
            Self::Anchor => "audit anchor",
        }
    }
}

fn mac(registry: &Registry, which: Which, name: &str, seq: i64, hash: &[u8]) -> Digest {
    let mut text = seq.to_be_bytes().to_vec();
    text.extend_from_slice(hash);
    text.extend_from_slice(name.as_bytes());
    registry.keyring.digest(which.purpose(), &text)
}

/// An end of a chain with its MAC.
fn end(registry: &Registry, which: Which, name: &str, seq: i64, hash: &[u8]) -> End {
    let mac = mac(registry, which, name, seq, hash);
    End {
        seq,
        hash: hash.to_vec(),
        mac: mac.as_bytes().to_vec(),
    }
}

/// Whether this server made an end of a chain.
fn is_ours(registry: &Registry, which: Which, name: &str, end: &End) -> bool {
    end.hash.len() == 32
        && Digest::try_from(end.mac.as_slice())
            .is_ok_and(|stored| stored == mac(registry, which, name, end.seq, &end.hash))
}

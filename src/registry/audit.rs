//! The audit log as a chain: every entry gets a number and a hash over itself and the one before, so that whatever is
//! changed, removed, put in between or moved afterwards is found.
//!
//! Writing an entry waits for nobody: it is a row of the batch that it tells of, as before. A moment later a *sealer*
//! gives the new entries of an organisation their places, in the order of their times; the last word of several
//! sealers is one conditional statement on the head of the chain. The head carries a MAC made with the key file:
//! whoever can write to the database but has not the key file cannot make another chain that passes. So does every entry
//! from the moment it is written: the sealer gives a place to nothing that this server did not write. What belongs to no
//! organisation has a chain of its own, with an empty name.

pub mod adopt; // entries of before the second format
pub mod chain; // the hash, which anybody can compute
pub mod export; // entries as files
pub mod redact; // what is personal goes, and the chain holds
pub mod retention; // what is old goes, and the chain holds
pub mod seal; // places for new entries
pub mod verify; // whether the chain is whole

use serde_json::json;

use crate::{
    registry::Registry,
    secret::Digest,
    store::{
        audit::{self, Event},
        audit_chains::End,
        audit_entry::{self, Personal},
    },
};

pub use audit_entry::record;

/// The chain that an entry belongs to.
fn chain_of(event: &Event) -> &str {
    event.org_id.as_deref().unwrap_or_default()
}

/// The hash that an entry must have at this place, behind that hash.
fn hash(event: &Event, seq: i64, previous: &[u8]) -> [u8; 32] {
    let mut entry = record(event);
    entry["seq"] = json!(seq);
    chain::link(previous, &entry)
}

/// What is known of an entry without looking at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is from before entries had a MAC.
    First,
    /// This server wrote it, and it is as it was written.
    Whole,
    /// This server wrote it, and erased a part of it.
    Redacted,
    /// This server did not write it like that.
    Foreign,
}

/// What the key file says of an entry.
fn judge(registry: &Registry, event: &Event) -> Kind {
    let keyring = &registry.keyring;
    let says = |stored: Option<&[u8]>, right: Digest| {
        stored.is_some_and(|stored| Digest::try_from(stored).is_ok_and(|stored| stored == right))
    };
    let Some(parts) = &event.parts else {
        return if event.mac.is_none() {
            Kind::First
        } else {
            Kind::Foreign
        };
    };
    if !says(event.mac.as_deref(), audit::mac(keyring, event)) {
        return Kind::Foreign;
    }
    let erased = |part: &audit::Part, which| {
        part.salt.is_some() || says(part.erased.as_deref(), audit::erasure(keyring, &event.id, which))
    };
    match audit_entry::personal(&record(event)) {
        Personal::Whole => Kind::Whole,
        Personal::Redacted
            if erased(&parts.who, audit::Which::Who) && erased(&parts.what, audit::Which::What) =>
        {
            Kind::Redacted
        }
        Personal::Redacted | Personal::Changed => Kind::Foreign,
    }
}

/// Which end of a chain a MAC is for.
#[derive(Clone, Copy)]
enum Which {
    /// Everything behind it has a MAC of its own.
    Head,
    /// The head of a chain of the first format, to which the entries that wait are put once.
    FirstHead,
    Anchor,
}

impl Which {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Head => "audit head 2",
            Self::FirstHead => "audit head",
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

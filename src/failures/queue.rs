//! What was refused a moment ago. Bounded, so that nobody fills the memory by failing: what is too much is dropped and
//! counted, first of whoever fails most.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Endpoint, sent::Sent};
use crate::{client_auth::Shown, grant_types::refresh_token::Named, time::Timestamp};

/// What is known of a refusal at once.
#[derive(Debug)]
pub(super) struct Noted {
    pub reference: String,
    pub at: Timestamp,
    pub endpoint: Endpoint,
    pub error: &'static str,
    pub reason: &'static str,
    pub description: Cow<'static, str>,
    pub shown: Shown,
    /// Keyed digests of what was presented; they are never written down.
    pub code: Option<[u8; 32]>,
    pub device_code: Option<[u8; 32]>,
    pub refresh_token: Option<Named>,
    pub sent: Sent,
    pub ip: IpAddr,
    pub request_id: String,
}

/// No client id is longer.
pub(super) const LONGEST_ID: usize = 100;

impl Noted {
    /// The client that the request named, if that can be the id of one.
    pub fn client_id(&self) -> Option<&str> {
        let id = self.shown.client_id.as_deref()?;
        (id.len() <= LONGEST_ID && !id.contains('\0')).then_some(id)
    }
}

/// Refusals in all that wait.
const MOST: usize = 2_000;
/// Of one client: its next flood must not hide what happens to others.
const MOST_OF_ONE: usize = 50;
/// Of all requests together that name no client that there is.
const MOST_UNKNOWN: usize = 500;

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    all: VecDeque<Noted>,
    /// How many of each client; the empty name stands for those that are unknown.
    of: HashMap<String, usize>,
}

fn key(noted: &Noted, known: bool) -> String {
    noted.client_id().filter(|_| known).unwrap_or_default().to_owned()
}

impl Queue {
    /// Adds one. `known`: it names a client that there is.
    pub fn push(&self, noted: Noted, known: bool) {
        let mut waiting = self.lock();
        let key = key(&noted, known);
        let most = if key.is_empty() { MOST_UNKNOWN } else { MOST_OF_ONE };
        let full = waiting.all.len() >= MOST;
        let count = waiting.of.entry(key).or_default();
        if full || *count >= most {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        *count += 1;
        waiting.all.push_back(noted);
    }

    /// Takes the oldest.
    pub fn take(&self, most: usize) -> Vec<Noted> {
        let mut waiting = self.lock();
        let count = most.min(waiting.all.len());
        let taken = waiting.all.drain(..count).collect();
        if waiting.all.is_empty() {
            waiting.of = HashMap::new();
        }
        taken
    }

    /// Puts back what could not be written.
    pub fn give_back(&self, noted: Vec<Noted>) {
        let mut waiting = self.lock();
        for one in noted.into_iter().rev() {
            if waiting.all.len() < MOST {
                waiting.all.push_front(one);
            } else {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many were dropped since the last time.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub fn held(&self) -> usize {
        let of = |noted: &Noted| {
            let kept = noted.sent.params.iter().filter_map(|(_, value)| value.as_deref());
            noted.shown.client_id.as_deref().map_or(0, str::len) + kept.map(str::len).sum::<usize>()
        };
        self.lock().all.iter().map(of).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

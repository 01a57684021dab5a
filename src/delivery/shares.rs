//! Who has how much on its way, and which hosts are left alone.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

use url::Url;

use crate::time::{Lifetime, Timestamp};

/// How often a host may give no answer in a row before it is left alone.
pub(super) const SILENT: usize = 4;
/// For how long it is left alone then; twice as long after each try that is not answered either.
pub(super) const PAUSE: Lifetime = Lifetime::seconds(30);
/// For how long at most.
const LONGEST: Lifetime = Lifetime::minutes(15);
/// How many hosts are remembered for their silence.
const REMEMBERED: usize = 10_000;

/// Whose share a request uses. An organisation's experience with a host is its own: nobody can make a host look dead to
/// others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    org_id: String,
    host: String,
}

impl Key {
    pub(super) fn of(org_id: &str, url: &str) -> Self {
        let host = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.authority().to_owned());
        Self {
            org_id: org_id.to_owned(),
            host,
        }
    }
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The host said something, whatever it was.
    Answered,
    /// No answer came.
    Silent,
    /// Somebody else tries it, or it is not wanted any more.
    NotOurs,
}

/// Whether there is room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Now,
    /// When something else has ended.
    Later,
    /// The host is left alone until then.
    Until(Timestamp),
}

/// What is on its way, and what came of it.
pub(super) struct Shares {
    all: usize,
    each: usize,
    running: usize,
    organizations: HashMap<String, usize>,
    hosts: HashMap<String, usize>,
    /// To one host for one organisation.
    pairs: HashMap<Key, usize>,
    silent: HashMap<Key, Silence>,
}

struct Silence {
    times: usize,
    /// Until when the host is left alone.
    until: Timestamp,
}

impl Shares {
    /// `all` may be on their way, `each` of them for one organisation or to one host.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self {
            all,
            each,
            running: 0,
            organizations: HashMap::new(),
            hosts: HashMap::new(),
            pairs: HashMap::new(),
            silent: HashMap::new(),
        }
    }

    pub(super) const fn each(&self) -> usize {
        self.each
    }

    /// Whether there is no room for anybody.
    pub(super) const fn are_taken(&self) -> bool {
        self.running >= self.all
    }

    /// Organisations that have all of their share.
    pub(super) fn full_organizations(&self) -> impl Iterator<Item = &str> {
        let full = self
            .organizations
            .iter()
            .filter(|(_, running)| **running >= self.each);
        full.map(|(org_id, _)| org_id.as_str())
    }

    pub(super) fn room(&self, key: &Key, now: Timestamp) -> Room {
        if let Some(silence) = self.silent.get(key) {
            if now < silence.until {
                return Room::Until(silence.until);
            }
            // Of a host that is doubtful no more are asked than it takes to know.
            let asked = self.pairs.get(key).copied().unwrap_or(0);
            if asked >= SILENT.saturating_sub(silence.times).max(1) {
                return Room::Later;
            }
        }
        let (of_organization, of_host) = self.load(key);
        if self.are_taken() || of_organization >= self.each || of_host >= self.each {
            Room::Later
        } else {
            Room::Now
        }
    }

    /// How many are on their way for the organisation, and to the host.
    pub(super) fn load(&self, key: &Key) -> (usize, usize) {
        let of = |counts: &HashMap<String, usize>, name: &str| counts.get(name).copied().unwrap_or(0);
        (of(&self.organizations, &key.org_id), of(&self.hosts, &key.host))
    }

    pub(super) fn begin(&mut self, key: &Key) {
        self.running += 1;
        *self.organizations.entry(key.org_id.clone()).or_default() += 1;
        *self.hosts.entry(key.host.clone()).or_default() += 1;
        *self.pairs.entry(key.clone()).or_default() += 1;
    }

    pub(super) fn end(&mut self, key: &Key, how: Outcome, now: Timestamp) {
        self.running = self.running.saturating_sub(1);
        less(&mut self.organizations, key.org_id.as_str());
        less(&mut self.hosts, key.host.as_str());
        less(&mut self.pairs, key);
        match how {
            Outcome::Answered => drop(self.silent.remove(key)),
            Outcome::Silent => self.note_silence(key, now),
            Outcome::NotOurs => {}
        }
    }

    fn note_silence(&mut self, key: &Key, now: Timestamp) {
        if self.silent.len() >= REMEMBERED {
            self.silent
                .retain(|_, silence| silence.until.after(LONGEST) > now);
        }
        if self.silent.len() >= REMEMBERED {
            self.silent.clear();
        }
        let silence = self
            .silent
            .entry(key.clone())
            .or_insert(Silence { times: 0, until: now });
        silence.times = silence.times.saturating_add(1);
        silence.until = match silence.times.checked_sub(SILENT) {
            None => now,
            Some(more) => now.after(pause(more)),
        };
    }
}

/// How long to leave a host alone that was silent so often more.
fn pause(more: usize) -> Lifetime {
    let seconds = PAUSE.as_seconds() << more.min(10);
    Lifetime::seconds(seconds.min(LONGEST.as_seconds()))
}

fn less<K, Q>(counts: &mut HashMap<K, usize>, name: &Q)
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    match counts.get_mut(name) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_900_000_000)
    }

    fn key(org_id: &str, host: &str) -> Key {
        Key::of(org_id, &format!("https://{host}/hook"))
    }

    #[test]
    fn fx_09_an_organisation_and_a_host_have_a_share_each() {
        let mut shares = Shares::new(10, 2);
        for host in ["a", "b"] {
            shares.begin(&key("one", host));
        }
        assert_eq!(shares.room(&key("one", "c"), now()), Room::Later);
        assert_eq!(shares.full_organizations().collect::<Vec<_>>(), ["one"]);
        assert_eq!(shares.room(&key("two", "a"), now()), Room::Now);
        shares.begin(&key("two", "a"));
        assert_eq!(shares.room(&key("three", "a"), now()), Room::Later);
        shares.end(&key("two", "a"), Outcome::Answered, now());
        assert_eq!(shares.room(&key("three", "a"), now()), Room::Now);
        shares.end(&key("one", "a"), Outcome::NotOurs, now());
        assert_eq!(shares.room(&key("one", "c"), now()), Room::Now);
    }

    #[test]
    fn fx_09_all_shares_together_are_bounded() {
        let mut shares = Shares::new(3, 2);
        for org_id in ["one", "two", "three"] {
            assert!(!shares.are_taken());
            shares.begin(&key(org_id, org_id));
        }
        assert!(shares.are_taken());
        assert_eq!(shares.room(&key("four", "four"), now()), Room::Later);
    }

    #[test]
    fn fx_09_a_silent_host_is_left_alone_and_then_asked_with_one_message() {
        let mut shares = Shares::new(10, 4);
        let (mine, others) = (key("one", "dead"), key("two", "dead"));
        for _ in 0..SILENT {
            assert_eq!(shares.room(&mine, now()), Room::Now);
            shares.begin(&mine);
        }
        for _ in 0..SILENT {
            assert_eq!(shares.room(&mine, now()), Room::Later, "that many tell enough");
            shares.end(&mine, Outcome::Silent, now());
        }
        let until = now().after(PAUSE);
        assert_eq!(shares.room(&mine, now()), Room::Until(until));
        assert_eq!(
            shares.room(&others, now()),
            Room::Now,
            "an organisation's own experience"
        );
        assert_eq!(shares.room(&mine, until), Room::Now);
        shares.begin(&mine);
        assert_eq!(shares.room(&mine, until), Room::Later, "one is enough to see");
        shares.end(&mine, Outcome::Silent, until);
        let twice = Lifetime::seconds(2 * PAUSE.as_seconds());
        assert_eq!(shares.room(&mine, until), Room::Until(until.after(twice)));
        shares.begin(&mine);
        shares.end(&mine, Outcome::Answered, until);
        assert_eq!(shares.room(&mine, until), Room::Now);
    }

    #[test]
    fn the_pauses_grow_and_stay_bounded() {
        assert_eq!(
            [0, 1, 4, 5, 99].map(pause),
            [30, 60, 480, 900, 900].map(Lifetime::seconds)
        );
    }

    #[test]
    fn ports_are_hosts_of_their_own() {
        assert_ne!(key("one", "a:1"), key("one", "a:2"));
        assert_eq!(
            Key::of("one", "https://A.example:443/x"),
            Key::of("one", "https://a.example/y")
        );
    }
}

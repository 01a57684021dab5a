//! How often a client may be tried. [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1): endpoints
//! that take passwords are protected against brute force.
//!
//! Failures are counted for client id and address together: whoever guesses shuts himself out, never the real client,
//! which calls from somewhere else. While nobody fails, a check is one load of an atomic.
//!
//! Windows are in memory and go by the clock that only goes forward: whoever turns the wall lets nobody try sooner and
//! nobody wait longer.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;

use crate::{
    config::Config,
    oauth::refusal::{Code, Refusal},
    time::{Lifetime, Monotonic},
};

/// Counts failed authentications, sign-ins and, where the operator limits them, token requests.
pub struct Throttle {
    hasher: RandomState,
    failures: Counter,
    requests: Counter,
    sign_ins: Counter,
    recoveries: Counter,
    devices: Counter,
    guesses_from: Counter,
    /// How long whoever guessed too often waits: as long as a code lives that he might have met.
    patience: Lifetime,
}

/// Device authorization requests from one address in a minute.
const DEVICES: u64 = 60;
/// Wrong user codes from one address, where several people may sit; those of one person are counted in the database.
const GUESSES_FROM: u64 = 20;

impl Throttle {
    /// With the limits of the configuration.
    pub fn new(config: &Config) -> Self {
        let limits = &config.limits;
        let limited = Self::limited(
            limits.failed_authentications_per_client,
            limits.token_requests_per_client,
            limits.sign_in_attempts_per_address,
        );
        Self {
            patience: config.lifetimes.device_code,
            ..limited
        }
    }

    fn limited(failures: u64, requests: u64, sign_ins: u64) -> Self {
        Self {
            hasher: RandomState::default(),
            failures: Counter::new(failures),
            requests: Counter::new(requests),
            sign_ins: Counter::new(sign_ins),
            recoveries: Counter::new(RECOVERIES),
            devices: Counter::new(DEVICES),
            guesses_from: Counter::new(GUESSES_FROM),
            patience: Lifetime::minutes(10),
        }
    }

    /// Asks whether this address may try this client.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back.
    pub(super) fn admit(&self, client_id: &str, ip: IpAddr, now: Monotonic) -> Result<(), Refusal> {
        if self.failures.is_empty() {
            return Ok(());
        }
        self.failures
            .admit(self.hasher.hash_one((client_id, network(ip))), now, || {
                Code::TooManyRequests
                    .because("too many wrong secrets for this client from this address: wait, then try again")
                    .reason("client.throttled")
            })
    }

    /// Counts a failed authentication.
    pub(super) fn note_failure(&self, client_id: &str, ip: IpAddr, now: Monotonic) {
        self.failures
            .note(self.hasher.hash_one((client_id, network(ip))), now);
    }

    /// Counts a token request of a client.
    ///
    /// # Errors
    /// `rate_limited` when the operator limits them and this is one too many.
    pub fn spend_request(&self, client_id: &str, now: Monotonic) -> Result<(), Refusal> {
        if self.requests.limit == 0 {
            return Ok(());
        }
        let key = self.hasher.hash_one(client_id);
        self.requests.admit(key, now, || {
            Code::TooManyRequests.because("too many token requests of this client: reuse its tokens")
        })?;
        self.requests.note(key, now);
        Ok(())
    }

    /// Counts a sign-in from an address, good or bad.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back.
    pub fn spend_sign_in(&self, ip: IpAddr, now: Monotonic) -> Result<(), Refusal> {
        if self.sign_ins.limit == 0 {
            return Ok(());
        }
        self.spend_sign_in_of(self.hasher.hash_one(network(ip)), now)
    }

    /// As [`spend_sign_in`](Self::spend_sign_in), of a browser that the account knows: strangers behind the same address do
    /// not use up its tries.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back.
    pub fn spend_known_sign_in(&self, browser: &str, now: Monotonic) -> Result<(), Refusal> {
        if self.sign_ins.limit == 0 {
            return Ok(());
        }
        self.spend_sign_in_of(self.hasher.hash_one(("browser", browser)), now)
    }

    fn spend_sign_in_of(&self, key: u64, now: Monotonic) -> Result<(), Refusal> {
        self.sign_ins.admit(key, now, || {
            Code::TooManyRequests
                .because("too many sign-ins from this address: wait a minute, then try again")
        })?;
        self.sign_ins.note(key, now);
        Ok(())
    }

    /// Counts a request for mail from an address: each may send one to somebody else.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back.
    pub fn spend_recovery(&self, ip: IpAddr, now: Monotonic) -> Result<(), Refusal> {
        let key = self.hasher.hash_one(network(ip));
        self.recoveries.admit(key, now, || {
            Code::TooManyRequests
                .because("too many links were asked for from this address: wait a minute, then try again")
        })?;
        self.recoveries.note(key, now);
        Ok(())
    }
}

/// How often one address may ask for a link to a new password in a minute.
const RECOVERIES: u64 = 5;
impl Throttle {
    /// Counts a device that asks, from an address.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back.
    pub fn spend_device(&self, ip: IpAddr, now: Monotonic) -> Result<(), Refusal> {
        let key = self.hasher.hash_one(network(ip));
        self.devices.admit(key, now, || {
            Code::TooManyRequests
                .because("too many devices ask from this address: wait a minute, then try again")
        })?;
        self.devices.note(key, now);
        Ok(())
    }

    /// How long everybody at this address has to wait after too many wrong user codes.
    pub fn guessing_pauses_for(&self, ip: IpAddr, now: Monotonic) -> Option<Lifetime> {
        let until = self
            .guesses_from
            .full_until(self.hasher.hash_one(network(ip)), now)?;
        // A second that has begun counts.
        Some(Lifetime::seconds(
            until.millis_since(now).saturating_add(999) / 1000,
        ))
    }

    /// Counts a wrong user code from an address.
    pub fn note_guess(&self, ip: IpAddr, now: Monotonic) {
        let until = now.after(self.patience);
        self.guesses_from
            .note_until(self.hasher.hash_one(network(ip)), now, until);
    }
}

/// The part of an address that one party holds: all of IPv4, the first 64 bits of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// Events of a key in a minute that begins with the first of them.
struct Counter {
    limit: u64,
    windows: Mutex<HashMap<u64, Window>>,
    /// How many windows there are, readable without the lock.
    count: AtomicUsize,
}

#[derive(Clone, Copy)]
struct Window {
    events: u64,
    ends_at: Monotonic,
}

const WINDOW: Lifetime = Lifetime::minutes(1);

/// More windows than this at once mean an attack with made-up ids; then the memory is bounded first.
const MOST: usize = 100_000;

impl Counter {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            windows: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    fn admit(&self, key: u64, now: Monotonic, refusal: impl FnOnce() -> Refusal) -> Result<(), Refusal> {
        let mut windows = self.lock();
        match windows.get(&key) {
            Some(window) if now >= window.ends_at => {
                windows.remove(&key);
                self.count.store(windows.len(), Ordering::Release);
                Ok(())
            }
            Some(window) if window.events >= self.limit => {
                let seconds = window.ends_at.seconds_since(now) + 1;
                Err(refusal().retry_after(u64::try_from(seconds).unwrap_or(1)))
            }
            _ => Ok(()),
        }
    }

    /// Counts an event, and lets the window last until `ends_at`: who never pauses is counted on.
    fn note_until(&self, key: u64, now: Monotonic, ends_at: Monotonic) {
        self.note(key, now);
        if let Some(window) = self.lock().get_mut(&key) {
            window.ends_at = ends_at;
        }
    }

    /// When the window of a key ends that is full.
    fn full_until(&self, key: u64, now: Monotonic) -> Option<Monotonic> {
        let mut windows = self.lock();
        let window = *windows.get(&key)?;
        if now >= window.ends_at {
            windows.remove(&key);
            self.count.store(windows.len(), Ordering::Release);
            return None;
        }
        (window.events >= self.limit).then_some(window.ends_at)
    }

    fn note(&self, key: u64, now: Monotonic) {
        let mut windows = self.lock();
        if windows.len() >= MOST && !windows.contains_key(&key) {
            windows.retain(|_, window| now < window.ends_at);
            if windows.len() >= MOST {
                windows.clear();
            }
        }
        let window = windows.entry(key).or_insert(Window {
            events: 0,
            ends_at: now.after(WINDOW),
        });
        window.events += 1;
        self.count.store(windows.len(), Ordering::Release);
    }

    /// A holder that panicked left a whole map behind: every write is one insert, removal or count.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Clock, Timestamp};

    fn start() -> Monotonic {
        Clock::set(Timestamp::from_seconds(1000)).monotonic()
    }

    fn throttle() -> Throttle {
        Throttle::limited(3, 2, 0)
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn failures_shut_out_one_address_for_one_client_for_a_minute() {
        let (throttle, now) = (throttle(), start());
        for _ in 0..3 {
            assert_eq!(throttle.admit("a", HERE, now), Ok(()));
            throttle.note_failure("a", HERE, now);
        }
        let refusal = throttle.admit("a", HERE, now).expect_err("one too many");
        assert_eq!(
            (refusal.code, refusal.retry_after),
            (Code::TooManyRequests, Some(61))
        );
        assert_eq!(throttle.admit("a", THERE, now), Ok(()));
        assert_eq!(throttle.admit("b", HERE, now), Ok(()));
        assert_eq!(throttle.admit("a", HERE, now.after(WINDOW)), Ok(()));
        assert!(
            throttle.failures.is_empty(),
            "nothing is kept of a window that has ended"
        );
    }

    #[test]
    fn fx_61_turning_the_wall_shuts_nobody_out_longer_and_lets_nobody_in_sooner() {
        let (throttle, clock) = (throttle(), Clock::set(Timestamp::from_seconds(1000)));
        for _ in 0..3 {
            throttle.note_failure("a", HERE, clock.monotonic());
        }
        for _ in 0..GUESSES_FROM {
            throttle.note_guess(HERE, clock.monotonic());
        }
        for turned in [Lifetime::hours(1), Lifetime::hours(-2)] {
            clock.turn(turned);
            assert!(throttle.admit("a", HERE, clock.monotonic()).is_err());
            let pause = throttle.guessing_pauses_for(HERE, clock.monotonic());
            assert_eq!(pause, Some(throttle.patience));
        }
        clock.advance(WINDOW);
        assert_eq!(throttle.admit("a", HERE, clock.monotonic()), Ok(()));
        clock.advance(throttle.patience);
        assert_eq!(throttle.guessing_pauses_for(HERE, clock.monotonic()), None);
    }

    #[test]
    fn one_ipv6_network_is_one_party() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:2")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:192.0.2.1")), HERE);
    }

    #[test]
    fn token_requests_are_counted_where_limited() {
        let (throttle, now) = (throttle(), start());
        assert!((0..2).all(|_| throttle.spend_request("a", now).is_ok()));
        assert!(throttle.spend_request("a", now).is_err());
        assert!(throttle.spend_request("b", now).is_ok());
        assert!((0..9).all(|_| Throttle::limited(3, 0, 0).spend_request("a", now).is_ok()));
    }

    #[test]
    fn made_up_ids_do_not_fill_the_memory() {
        let (throttle, now) = (throttle(), start());
        for key in 0..2 * MOST as u64 + 5 {
            throttle.failures.note(key, now);
        }
        assert!(throttle.failures.lock().len() <= MOST);
    }
}

//! Points in time and the clock that tells them.
//!
//! The clock is read once, at the top of a request, and travels as `now`. Nothing else in the crate asks the
//! operating system for the time, so a test that turns the clock turns it for everything.
//!
//! A [`Timestamp`] is what the clock on the wall shows: somebody may turn it. A [`Monotonic`] is a reading of a clock that
//! only goes forward, as fast as time does, and means something in this process only. Nothing turns one into the other,
//! so a span that is measured within the process cannot be compared with the wall.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch, as stored.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the epoch, as JWT claims have them (RFC 7519 §2, NumericDate).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment plus `span`.
    #[must_use]
    pub const fn after(self, span: Lifetime) -> Self {
        Self(self.0.saturating_add(span.0.saturating_mul(1000)))
    }

    /// This moment minus `span`.
    #[must_use]
    pub const fn before(self, span: Lifetime) -> Self {
        Self(self.0.saturating_sub(span.0.saturating_mul(1000)))
    }

    /// When the span of this length began that this moment is in, counted from the epoch: its hour, its day in UTC.
    #[must_use]
    pub const fn start_of(self, span: Lifetime) -> Self {
        Self(self.0 - self.0.rem_euclid(span.0 * 1000))
    }

    /// Whole seconds from `earlier` until this moment; negative if it came first.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(1000)
    }

    /// Reads an RFC 3339 text.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_millisecond()))
            .map_err(|_| format!("`{text}` is not a time such as 2026-11-22T10:14:00Z"))
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default()
    }

    /// This moment on the calendar of a time zone; UTC if the zone is not known.
    pub fn in_zone(self, zone: &str) -> jiff::Zoned {
        let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
        self.jiff().to_zoned(zone)
    }
}

/// RFC 3339, UTC, to the millisecond.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.jiff())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// How long something lives, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lifetime(i64);

impl Lifetime {
    /// So many seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// So many minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self(minutes.saturating_mul(60))
    }

    /// So many hours.
    pub const fn hours(hours: i64) -> Self {
        Self(hours.saturating_mul(3600))
    }

    /// So many days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self(days.saturating_mul(86_400))
    }

    /// Whole seconds.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// A reading of the clock that nobody turns, in milliseconds since a moment that is the same for the whole life of this
/// process. It goes on while the machine is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(i64);

impl Monotonic {
    /// This reading plus `span`.
    #[must_use]
    pub const fn after(self, span: Lifetime) -> Self {
        Self(self.0.saturating_add(span.0.saturating_mul(1000)))
    }

    /// Milliseconds from `earlier` until this reading; negative if it came first.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds from `earlier` until this reading; negative if it came first.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.millis_since(earlier).div_euclid(1000)
    }
}

/// A reading that several tasks share; none at first.
#[derive(Debug)]
pub struct SharedReading(AtomicI64);

impl SharedReading {
    /// Nothing was read so far.
    pub const fn none() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    /// Keeps a reading in place of the one before.
    pub fn store(&self, reading: Monotonic) {
        self.0.store(reading.0, Ordering::Release);
    }

    /// Whether a reading was kept that is not older than `span` at `now`.
    pub fn is_within(&self, span: Lifetime, now: Monotonic) -> bool {
        let kept = self.0.load(Ordering::Acquire);
        kept != i64::MIN && now <= Monotonic(kept).after(span)
    }
}

/// Where `now` comes from. Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// The system's, moved by so many milliseconds.
    Moved(i64),
    Set(Set),
}

/// A clock of a test.
#[derive(Clone, Debug)]
struct Set {
    /// The time that really passed, for every machine there is.
    world: Arc<AtomicI64>,
    /// By how much the clock of this machine is wrong.
    wrong_by: Arc<AtomicI64>,
}

impl Clock {
    /// The clock of the operating system.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `at` until somebody advances it.
    pub fn set(at: Timestamp) -> Self {
        Self(Source::Set(Set {
            world: Arc::new(AtomicI64::new(at.0)),
            wrong_by: Arc::default(),
        }))
    }

    /// A clock that shows `at` now and goes on from there.
    pub fn starting(at: Timestamp) -> Self {
        Self(Source::Moved(at.0 - system_millis()))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp(system_millis()),
            Source::Moved(by) => Timestamp(system_millis().saturating_add(*by)),
            Source::Set(set) => {
                Timestamp(set.world.load(Ordering::SeqCst) + set.wrong_by.load(Ordering::SeqCst))
            }
        }
    }

    /// A reading for spans that are measured and compared in this process.
    pub fn monotonic(&self) -> Monotonic {
        Monotonic(match &self.0 {
            Source::System | Source::Moved(_) => monotonic_millis(),
            Source::Set(set) => set.world.load(Ordering::SeqCst),
        })
    }

    /// What another machine shows that just answered `shown`: the same, unless time is that of a test.
    pub fn elsewhere(&self, shown: Timestamp) -> Timestamp {
        match &self.0 {
            Source::System | Source::Moved(_) => shown,
            Source::Set(set) => Timestamp(set.world.load(Ordering::SeqCst)),
        }
    }

    /// Lets time pass on a set clock; a clock that goes by itself ignores it.
    pub fn advance(&self, span: Lifetime) {
        if let Source::Set(set) = &self.0 {
            set.world.fetch_add(span.as_seconds() * 1000, Ordering::SeqCst);
        }
    }

    /// Turns a set clock forward, or back, though no time has passed; a clock that goes by itself ignores it.
    pub fn turn(&self, span: Lifetime) {
        if let Source::Set(set) = &self.0 {
            set.wrong_by.fetch_add(span.as_seconds() * 1000, Ordering::SeqCst);
        }
    }

    /// The clock of another machine: the same time passes, and it is right until somebody turns it.
    #[must_use]
    pub fn of_another_machine(&self) -> Self {
        match &self.0 {
            Source::Set(set) => Self(Source::Set(Set {
                world: Arc::clone(&set.world),
                wrong_by: Arc::default(),
            })),
            Source::System | Source::Moved(_) => self.clone(),
        }
    }

    /// Lets time pass: a clock that goes by itself is waited for, a set one is moved.
    pub async fn wait(&self, span: Lifetime) {
        match &self.0 {
            Source::Set(_) => {
                self.advance(span);
                tokio::task::yield_now().await;
            }
            Source::System | Source::Moved(_) => {
                let seconds = u64::try_from(span.as_seconds()).unwrap_or_default();
                tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
            }
        }
    }
}

fn system_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Goes on while the machine sleeps, which `Instant` does not do here.
#[cfg(target_os = "linux")]
fn monotonic_millis() -> i64 {
    let read = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    read.tv_sec
        .saturating_mul(1000)
        .saturating_add(read.tv_nsec / 1_000_000)
}

#[cfg(not(target_os = "linux"))]
fn monotonic_millis() -> i64 {
    static BEGINNING: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    i64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fx_61_who_turns_the_wall_does_not_turn_what_only_goes_forward() {
        let clock = Clock::set(Timestamp::from_seconds(1_000_000));
        let (wall, began) = (clock.now(), clock.monotonic());
        clock.turn(Lifetime::hours(-2));
        assert_eq!(clock.now().seconds_since(wall), -7200);
        assert_eq!(clock.monotonic(), began);
        clock.advance(Lifetime::seconds(30));
        assert_eq!(clock.monotonic().seconds_since(began), 30);
        let other = clock.of_another_machine();
        assert_eq!(other.now().seconds_since(wall), 30, "it is right");
        assert_eq!(other.monotonic(), clock.monotonic());
        for clock in [Clock::system(), Clock::starting(wall)] {
            let first = clock.monotonic();
            assert!(clock.monotonic() >= first);
        }
    }

    #[test]
    fn a_reading_holds_for_its_span_and_none_for_no_span() {
        let clock = Clock::set(Timestamp::from_seconds(0));
        let (kept, span) = (SharedReading::none(), Lifetime::seconds(30));
        assert!(!kept.is_within(Lifetime::days(100_000), clock.monotonic()));
        kept.store(clock.monotonic());
        clock.advance(span);
        assert!(kept.is_within(span, clock.monotonic()));
        clock.advance(Lifetime::seconds(1));
        assert!(!kept.is_within(span, clock.monotonic()));
    }

    #[test]
    fn a_clock_may_start_elsewhere_and_goes_on() {
        let start = Timestamp::from_seconds(1_000_000);
        let now = Clock::starting(start).now();
        assert!(now >= start && now.seconds_since(start) < 60, "{now}");
    }

    #[test]
    fn no_number_that_somebody_writes_turns_round() {
        let now = Timestamp::from_seconds(1_000_000);
        for span in [Lifetime::minutes, Lifetime::hours, Lifetime::days] {
            assert!(now.after(span(i64::MAX)) > now && now.after(span(i64::MIN)) < now);
        }
        assert!(Timestamp::from_seconds(i64::MIN).seconds_since(now) < 0);
        assert!(Timestamp::from_seconds(i64::MAX).seconds_since(Timestamp::from_seconds(-1)) > 0);
    }
}

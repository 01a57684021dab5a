//! How often one client may call.
//! [draft-ietf-httpapi-ratelimit-headers](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)
//!
//! A window begins with the first call and lasts a minute. A node counts for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    oauth::refusal::{Code, Refusal},
    time::{Lifetime, Monotonic},
};

const WINDOW: Lifetime = Lifetime::minutes(1);

/// Beyond so many callers, windows that are over are forgotten.
const MANY: usize = 10_000;

/// Counts the calls of each client.
pub struct RateLimit {
    /// Calls a minute; 0: as many as they like.
    quota: u64,
    windows: Mutex<HashMap<String, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    began: Monotonic,
    calls: u64,
}

/// What a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub quota: u64,
    pub calls: u64,
    /// Seconds until the window is over.
    pub seconds: i64,
}

impl RateLimit {
    /// So many calls a minute; 0 is no limit.
    pub fn new(quota: u64) -> Self {
        Self {
            quota,
            windows: Mutex::default(),
        }
    }

    /// Counts one call; `None` where there is no limit.
    pub fn spend(&self, caller: &str, now: Monotonic) -> (Option<Left>, Result<(), Refusal>) {
        if self.quota == 0 {
            return (None, Ok(()));
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |window: &Window| now >= window.began.after(WINDOW);
        if windows.len() > MANY {
            windows.retain(|_, window| !over(window));
        }
        let fresh = Window { began: now, calls: 0 };
        let window = windows.entry(caller.to_owned()).or_insert(fresh);
        if over(window) {
            *window = fresh;
        }
        window.calls = window.calls.saturating_add(1);
        let seconds = window.began.after(WINDOW).seconds_since(now).max(1);
        let left = Left {
            quota: self.quota,
            calls: self.quota.saturating_sub(window.calls),
            seconds,
        };
        let granted = if window.calls > self.quota {
            let wait = u64::try_from(seconds).unwrap_or(1);
            let detail = format!("{} calls a minute are allowed: wait {wait} s", self.quota);
            Err(Code::TooManyRequests.because(detail).retry_after(wait))
        } else {
            Ok(())
        };
        (Some(left), granted)
    }
}

impl Left {
    /// Says so in the headers of an answer.
    pub fn announce(self, headers: &mut HeaderMap) {
        let policy = format!("\"default\";q={};w={}", self.quota, WINDOW.as_seconds());
        let state = format!("\"default\";r={};t={}", self.calls, self.seconds);
        let named = [("ratelimit-policy", policy), ("ratelimit", state)];
        for (name, text) in named {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Clock, Timestamp};

    #[test]
    fn fx_61_turning_the_wall_makes_a_window_neither_longer_nor_shorter() {
        let (limit, clock) = (RateLimit::new(1), Clock::set(Timestamp::from_seconds(100)));
        assert!(limit.spend("a", clock.monotonic()).1.is_ok());
        clock.turn(Lifetime::hours(1));
        assert!(limit.spend("a", clock.monotonic()).1.is_err());
        clock.turn(Lifetime::hours(-2));
        clock.advance(WINDOW);
        assert!(limit.spend("a", clock.monotonic()).1.is_ok());
    }

    #[test]
    fn a_window_ends() {
        let limit = RateLimit::new(2);
        let clock = Clock::set(Timestamp::from_seconds(100));
        let now = clock.monotonic();
        assert!(limit.spend("a", now).1.is_ok());
        assert!(limit.spend("a", now).1.is_ok());
        let (left, refused) = limit.spend("a", now.after(Lifetime::seconds(20)));
        assert_eq!(refused.unwrap_err().retry_after, Some(40));
        assert_eq!(left.map(|l| (l.calls, l.seconds)), Some((0, 40)));
        assert!(limit.spend("b", now).1.is_ok(), "each caller has his own");
        assert!(limit.spend("a", now.after(WINDOW)).1.is_ok());
    }
}

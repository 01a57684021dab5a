//! What this node knows of clocks: whether its own may be trusted, and what is past for sure.
//!
//! On PostgreSQL the clock of the database is another one to compare with, and a node that is off by more than a minute
//! does not serve until it is right again. SQLite has no other clock: there a turn is noticed by the clock that nobody
//! turns, and said in the log; see decision 20.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use arc_swap::ArcSwapOption;

use super::Live;
use crate::{
    error::{Error, Failure, Result},
    store::clock_readings::{self, Past},
    time::{Monotonic, Timestamp},
};

/// How far two clocks may be apart.
const APART: i64 = 60_000;

/// What is known of clocks.
#[derive(Default)]
pub struct Clocks {
    /// Why this node does not serve, if its clock is off.
    off: ArcSwapOption<String>,
    /// Both clocks, when they were last looked at.
    looked: Mutex<Option<(Timestamp, Monotonic)>>,
    /// How long programs had run on this database, and when this node last knew.
    running: tokio::sync::Mutex<Option<(i64, Monotonic)>>,
    past: ArcSwapOption<Past>,
    /// By how much the clock was turned, in all, in milliseconds: for tests and the curious.
    turned: AtomicI64,
}

impl Live {
    /// A time that is over for sure, as far as this node knows.
    pub fn past(&self) -> Past {
        self.clocks
            .past
            .load()
            .as_deref()
            .copied()
            .unwrap_or(Past::UNKNOWN)
    }

    /// Makes sure that the clock of this node may be believed.
    ///
    /// # Errors
    /// `Unavailable`, and why, while it is off.
    pub fn trust_clock(&self) -> Result<()> {
        match self.clocks.off.load().as_deref() {
            None => Ok(()),
            Some(why) => Err(Error::Failed(Failure::Unavailable(why.clone()))),
        }
    }

    /// Compares the clock with the one that nobody turns and, where there is one, with that of the database.
    ///
    /// # Errors
    /// When the storage fails. A clock that is off is no error here, but [`trust_clock`](Self::trust_clock) says so.
    pub async fn look_at_clocks(&self) -> Result<()> {
        let turned = self.turned();
        let before = self.clock.now();
        if let Some(shown) = self.db.clock().await? {
            let (shown, after) = (self.clock.elsewhere(shown), self.clock.now());
            self.compare(before, shown, after);
        }
        if turned.abs() > APART {
            self.clocks.turned.fetch_add(turned, Ordering::Relaxed);
            let seconds = turned / 1000;
            tracing::error!(
                seconds,
                "the clock of this machine was turned; tokens and sessions expire by it, so set it right if it is wrong"
            );
            // What it shows now counts from now on.
            self.note_time().await?;
        }
        Ok(())
    }

    /// By how many milliseconds the clock was turned since the last look.
    fn turned(&self) -> i64 {
        let now = (self.clock.now(), self.clock.monotonic());
        let mut looked = self.clocks.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, steady) = looked.replace(now).unwrap_or(now);
        (now.0.millis().saturating_sub(wall.millis())).saturating_sub(now.1.millis_since(steady))
    }

    /// The database read its clock between `before` and `after`.
    fn compare(&self, before: Timestamp, shown: Timestamp, after: Timestamp) {
        let early = shown.millis().saturating_sub(after.millis());
        let late = before.millis().saturating_sub(shown.millis());
        let apart = early.max(late);
        if apart <= APART {
            if self.clocks.off.swap(None).is_some() {
                tracing::info!("the clock of this machine and that of the database agree again: serving");
            }
            return;
        }
        let ahead = if late > 0 { "ahead of" } else { "behind" };
        let why = format!(
            "the clock of this machine is {} seconds {ahead} the clock of the database: set both by NTP; nothing is \
             served while they are more than a minute apart",
            apart / 1000
        );
        if self.clocks.off.swap(Some(why.clone().into())).is_none() {
            tracing::error!("{why}");
        }
    }

    /// Notes what the clock shows, counts on for how long programs have run, and finds what is past for sure.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn note_time(&self) -> Result<()> {
        let mut known = self.clocks.running.lock().await;
        let steady = self.clock.monotonic();
        let mut running = None;
        if let Some((value, at)) = *known {
            let passed = steady.millis_since(at).max(0);
            let done = self
                .db
                .write(clock_readings::run_on(value, passed).into())
                .await?;
            if done.first().is_some_and(|done| done.rows == 1) {
                running = Some((value.saturating_add(passed), steady));
            }
        }
        let (value, at) = match running {
            Some(counted) => counted,
            // What passes from here on is counted, for it is not in the number that was read.
            None => (clock_readings::running(&self.db).await?, self.clock.monotonic()),
        };
        *known = Some((value, at));
        let now = self.clock.now();
        let shown = match self.db.clock().await? {
            Some(shown) => self.clock.elsewhere(shown).min(now),
            None => now,
        };
        self.db.write(clock_readings::note(value, shown).into()).await?;
        self.db.write(clock_readings::forget(value).into()).await?;
        self.learn_past(value).await
    }

    /// Finds what is past for sure when this node starts, before it has a reading of its own.
    pub(super) async fn recall_time(&self) -> Result<()> {
        if let Some(last) = clock_readings::last(&self.db).await?
            && last.millis() > self.clock.now().millis() + APART
        {
            tracing::error!(
                %last,
                "the clock of this machine shows an earlier time than when the server ran last; set it right if it is wrong"
            );
        }
        self.learn_past(clock_readings::running(&self.db).await?).await
    }

    async fn learn_past(&self, running: i64) -> Result<()> {
        let past = clock_readings::past(&self.db, running).await?;
        self.clocks.past.store(Some(past.into()));
        Ok(())
    }

    /// By how many milliseconds the clock was seen to be turned since this node started.
    pub fn clock_turned_by(&self) -> i64 {
        self.clocks.turned.load(Ordering::Relaxed)
    }
}

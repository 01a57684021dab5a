//! Who guesses passwords and codes shuts out themselves, and nobody else.
//!
//! Tries are counted twice. For an account and where they come from: an IPv4 address, the 64 bits of IPv6 that one party
//! holds, or a browser in which somebody signed in to this account before, which no stranger can use up
//! ([device cookies](https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies)). And for what is
//! guessed, wherever they come from: see [`guessing`]. A user name that nobody has is counted just so. A try is counted
//! before it is looked at, so that tries side by side are no way round.

use crate::{
    db::{Batch, Done, Statement, WriteError},
    error::{Error, Result},
    oauth::{
        client::fold,
        refusal::{Code, Refusal},
    },
    registry::{
        Registry,
        guessing::{self, CLOSED, HALF, SLOWED, Way},
        known_browser,
        sessions::{Browser, begin_again},
    },
    store::{
        guess_counts::{self, Thing},
        sign_in_failures,
        users::User,
    },
    time::{Lifetime, Timestamp},
};

/// For how long too many tries shut out, and how long they are remembered.
pub const WINDOW: Lifetime = Lifetime::minutes(15);

/// A try at an account from somewhere.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    account: String,
    way: Way,
    /// The id of a browser that the account knows; empty for strangers.
    lane: String,
    origin: String,
    /// How many there are in a row, with this one.
    guesses: i64,
    /// Whether it is the last one before the account is shut to this origin.
    last: bool,
    /// How many there are at this half of a sign-in, with this one.
    of_half: i64,
}

impl Attempt {
    /// Counts a password for a user name, whether somebody has it or not.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back, after too many tries.
    pub(super) async fn at_password(
        registry: &Registry,
        username: &str,
        user: Option<&User>,
        browser: &Browser,
    ) -> Result<Self> {
        let digest = registry.keyring.digest("user name", fold(username).as_bytes());
        let nobody: String = digest.as_bytes()[..16]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let account = user.map_or(nobody, |user| user.id.clone());
        Self::at(registry, Way::Password, &account, browser, "").await
    }

    /// Counts a code for half a sign-in. Who gets here has entered the right password.
    ///
    /// # Errors
    /// `rate_limited`, and when to come back, after too many tries; `unauthenticated` when this half has ended.
    pub(super) async fn at_code(
        registry: &Registry,
        user: &User,
        half: &str,
        browser: &Browser,
    ) -> Result<Self> {
        Self::at(registry, Way::Code, &user.id, browser, half).await
    }

    async fn at(registry: &Registry, way: Way, account: &str, browser: &Browser, half: &str) -> Result<Self> {
        let known = known_browser::find(&registry.keyring, &browser.known, account);
        let Some(id) = known else {
            return Self::count(registry, (way, account, ""), network(browser), half).await;
        };
        let own = Self::count(registry, (way, account, &id), format!("browser {id}"), half).await;
        match own {
            // Who failed a hundred times in a row there is a stranger.
            Err(error) if error.refusal().is_some_and(|refusal| refusal.reason == "closed") => {
                Self::count(registry, (way, account, ""), network(browser), half).await
            }
            own => own,
        }
    }

    async fn count(
        registry: &Registry,
        (way, account, lane): (Way, &str, &str),
        origin: String,
        half: &str,
    ) -> Result<Self> {
        let now = registry.now();
        let most = i64::try_from(registry.config.limits.sign_in_attempts_per_account).unwrap_or(i64::MAX);
        let thing = Thing {
            subject: account,
            way: way.name(),
            lane,
        };
        let mut batch = Batch::from_iter([
            sign_in_failures::count(account, &origin, most, now, now.before(WINDOW)),
            guess_counts::count(&thing, CLOSED, now),
        ]);
        if !half.is_empty() {
            batch.push(guess_counts::count_few(&guessing::half(half), HALF, now));
            let password = Way::Password.name();
            batch.push(guess_counts::reset(&Thing {
                way: password,
                ..thing.clone()
            }));
        }
        match registry.db().write(batch).await {
            Ok(mut done) => Ok(Self {
                account: account.to_owned(),
                way,
                lane: lane.to_owned(),
                last: counted(&mut done, 0)? >= most,
                guesses: counted(&mut done, 1)?,
                of_half: if half.is_empty() {
                    0
                } else {
                    counted(&mut done, 2)?
                },
                origin,
            }),
            Err(WriteError::Unmet("full")) => {
                let last = sign_in_failures::find(registry.db(), account, &origin).await?;
                Err(shut(last.map_or(now, |(_, last)| last).after(WINDOW), now).into())
            }
            Err(WriteError::Unmet("capped")) => {
                let count = guess_counts::find(registry.db(), &thing).await?;
                Err(guessing::refusal(way, count, now).into())
            }
            Err(WriteError::Unmet("few")) => Err(begin_again().into()),
            Err(error) => Err(error.into()),
        }
    }

    fn thing(&self) -> Thing<'_> {
        Thing {
            subject: &self.account,
            way: self.way.name(),
            lane: &self.lane,
        }
    }

    /// The try was wrong. Somebody hears of it if it was one too many; that costs the same whether anybody has the name.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) async fn failed(&self, registry: &Registry) -> Result<()> {
        let now = registry.now();
        let mut batch = Batch::default();
        if self.lane.is_empty() && matches!(self.guesses, SLOWED | CLOSED) {
            batch.push(guess_counts::set_due(&self.thing(), self.guesses, now));
        }
        if self.last {
            batch.push(sign_in_failures::set_due(&self.account, &self.origin, now));
        }
        if !batch.is_empty() {
            registry.db().write(batch).await?;
        }
        Ok(())
    }

    /// The try was right: wrong ones before it are not in a row with those that come.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) async fn succeeded(&self, registry: &Registry) -> Result<()> {
        // Its own count goes with the session that begins, or with the code that comes next.
        if self.guesses > 1 {
            registry
                .db()
                .write(guess_counts::reset(&self.thing()).into())
                .await?;
        }
        Ok(())
    }

    /// Whether it was the last code for this half of a sign-in.
    pub(super) const fn ends_half(&self) -> bool {
        self.of_half >= HALF
    }
}

fn counted(done: &mut [Done], at: usize) -> Result<i64> {
    let row = done.get_mut(at).and_then(|done| done.returned.pop());
    let mut row = row.ok_or_else(|| Error::internal("a try that was counted returned nothing"))?;
    Ok(row.next()?)
}

/// Forgets the tries at an account from a browser in which its person has proven who they are, and opens every way in. What
/// strangers tried from the same network still counts when the account knows the browser.
pub(super) fn forgive(registry: &Registry, user_id: &str, browser: &Browser) -> [Statement; 2] {
    let known = known_browser::find(&registry.keyring, &browser.known, user_id);
    let origin = known.map_or_else(|| network(browser), |id| format!("browser {id}"));
    [
        sign_in_failures::forgive(user_id, &origin),
        guessing::open_all(user_id),
    ]
}

fn network(browser: &Browser) -> String {
    match browser.ip.to_canonical() {
        std::net::IpAddr::V4(ip) => format!("network {ip}"),
        std::net::IpAddr::V6(ip) => {
            let network = std::net::Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX));
            format!("network {network}/64")
        }
    }
}

/// How long to wait, in seconds and in words.
pub(super) fn wait(until: Timestamp, now: Timestamp) -> (u64, String) {
    let seconds = until.seconds_since(now).max(1);
    let minutes = (seconds + 59) / 60;
    let plural = if minutes == 1 { "" } else { "s" };
    let clock = until.in_zone("UTC").strftime("%H:%M");
    let words = format!("in {minutes} minute{plural}, at {clock} UTC");
    (u64::try_from(seconds).unwrap_or(1), words)
}

fn shut(until: Timestamp, now: Timestamp) -> Refusal {
    let (seconds, when) = wait(until, now);
    Code::TooManyRequests
        .because(format!(
            "Too many wrong tries for this account from where you are. Try again {when}."
        ))
        .reason("locked")
        .retry_after(seconds)
}

//! Who guesses passwords and codes shuts out himself, and nobody else.
//!
//! Tries are counted for an account and where they come from: an IPv4 address, the 64 bits of IPv6 that one party holds,
//! or a browser in which somebody signed in to this account before, which no stranger can use up
//! ([device cookies](https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies)). A user name
//! that nobody has is counted just so. A try is counted before it is looked at, so that tries side by side are no way
//! round.

use serde_json::json;

use crate::{
    db::{Batch, Statement},
    error::Result,
    oauth::{
        client::fold,
        refusal::{Code, Refusal},
    },
    registry::{Registry, known_browser, people, sessions::Browser},
    store::{sign_in_failures, users::User},
    time::{Lifetime, Timestamp},
};

/// For how long too many tries shut out, and how long they are remembered.
pub const WINDOW: Lifetime = Lifetime::minutes(15);

/// A try at an account from somewhere.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    origin: String,
    /// Whether it is the last one before the account is shut to this origin.
    last: bool,
}

impl Attempt {
    /// Counts a try at a user name, whether somebody has it or not.
    ///
    /// # Errors
    /// `unauthenticated`, and when to come back, after too many tries.
    pub(super) async fn at(
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
        let origin = origin(registry, &account, browser);
        Self::count(registry, account, origin).await
    }

    async fn count(registry: &Registry, account: String, origin: String) -> Result<Self> {
        let now = registry.now();
        let most = i64::try_from(registry.config.limits.sign_in_attempts_per_account).unwrap_or(i64::MAX);
        let counted = sign_in_failures::count(&account, &origin, most, now, now.before(WINDOW));
        let mut done = registry.db().write(counted.into()).await?;
        let row = done.first_mut().and_then(|done| done.returned.pop());
        let failures: Option<i64> = row.map(|mut row| row.next()).transpose()?;
        match failures {
            Some(failures) => Ok(Self {
                origin,
                last: failures >= most,
            }),
            None => {
                let last = sign_in_failures::last(registry.db(), &account, &origin).await?;
                Err(shut(last.unwrap_or(now).after(WINDOW), now).into())
            }
        }
    }

    /// Tells the account's organisations of a failed try, if it was the last one.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) async fn failed(&self, registry: &Registry, user: &User, browser: &Browser) -> Result<()> {
        if !self.last {
            return Ok(());
        }
        let mut batch = Batch::default();
        let details = json!({ "until": registry.now().after(WINDOW), "origin": self.origin });
        let actor = browser.nobody();
        people::tell(registry, &actor, user, "user.locked", &details, &mut batch).await?;
        registry.live.commit(batch).await?;
        Ok(())
    }
}

/// Forgets the tries at an account from a browser in which its person has proven who he is. What strangers tried from the
/// same network still counts when the account knows the browser.
pub(super) fn forgive(registry: &Registry, user_id: &str, browser: &Browser) -> Statement {
    sign_in_failures::forgive(user_id, &origin(registry, user_id, browser))
}

fn origin(registry: &Registry, account: &str, browser: &Browser) -> String {
    known_browser::find(&registry.keyring, &browser.known, account)
        .map_or_else(|| network(browser), |id| format!("browser {id}"))
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

fn shut(until: Timestamp, now: Timestamp) -> Refusal {
    let seconds = until.seconds_since(now).max(1);
    let minutes = (seconds + 59) / 60;
    let (clock, plural) = (
        until.in_zone("UTC").strftime("%H:%M"),
        if minutes == 1 { "" } else { "s" },
    );
    Code::Unauthenticated
        .because(format!(
            "Too many wrong tries for this account from where you are. Try again in {minutes} minute{plural}, at \
             {clock} UTC."
        ))
        .reason("locked")
        .retry_after(u64::try_from(seconds).unwrap_or(1))
}

//! How often a thing may be guessed at all, wherever the guesses come from.
//!
//! Passwords and codes are short enough to be guessed, and whoever guesses chooses their addresses. So guesses are counted
//! for the thing that is guessed: half a sign-in, and each way into an account. The counts are in the database, so they
//! outlive restarts and are the same at every node; the statement that counts a guess is the one that refuses it, so that
//! guesses side by side are no way round. A user name that nobody has is counted just so.
//!
//! Nobody shuts somebody out by guessing: a browser that the account knows has a lane of its own, a passkey is not guessed,
//! and the mailed link makes the browser in which it is opened known. The person hears of each step, a moment later: what
//! answers a guess does the same work whether anybody has the name or not.
//! [NIST SP 800-63B-4 §3.2.2](https://pages.nist.gov/800-63-4/sp800-63b.html)

use serde_json::json;

use crate::{
    db::{Batch, Statement, WriteError},
    error::Result,
    mail::{Action, Mail},
    oauth::refusal::{Code, Refusal},
    registry::{Registry, access::Actor, lockout, people},
    store::{
        self,
        guess_counts::{Count, Due, Thing},
        users::{User, UserStatus},
    },
    time::{Lifetime, Timestamp},
};

/// Wrong codes that end half a sign-in.
pub const HALF: i64 = 5;
/// Guesses in a row at which a way in begins to pause: a minute, doubled by each further one, an hour at most.
pub const SLOWED: i64 = 10;
/// Guesses in a row that close a way in.
pub const CLOSED: i64 = 100;

/// How many rows are told of in one turn.
const AT_ONCE: i64 = 200;
/// A person gets no more than one mail about pauses in this time.
const QUIET: Lifetime = Lifetime::hours(24);
/// A row that ended is kept this long, for [`QUIET`].
pub const ENDED: Lifetime = Lifetime::hours(25);
/// A row in which nobody guesses any more is kept this long, unless it closed the way in.
pub const OPEN: Lifetime = Lifetime::days(90);
/// How long a user name that nobody has stays closed.
pub const NOBODY: Lifetime = Lifetime::days(365);

/// A way into an account that can be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Password,
    /// Of the authenticator app, or a recovery code.
    Code,
}

impl Way {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
        }
    }

    /// In words, for several.
    const fn words(self) -> &'static str {
        match self {
            Self::Password => "passwords",
            Self::Code => "codes",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Password, Self::Code]
            .into_iter()
            .find(|way| way.name() == name)
    }
}

/// Half a sign-in as a thing that is guessed.
pub(super) const fn half(mark: &str) -> Thing<'_> {
    Thing {
        subject: mark,
        way: "half",
        lane: "",
    }
}

/// Opens every way into an account again: its person has proven who they are, or an operator has made sure of it.
pub(super) fn open_all(user_id: &str) -> Statement {
    store::guess_counts::reset_all(user_id)
}

/// The refusal for a way in that is closed or pauses.
pub(super) fn refusal(way: Way, count: Option<Count>, now: Timestamp) -> Refusal {
    match count {
        Some(count) if count.guesses >= CLOSED => closed(way),
        Some(count) => paused(way, count.opens_at, now),
        None => paused(way, now, now),
    }
}

fn paused(way: Way, until: Timestamp, now: Timestamp) -> Refusal {
    let (seconds, when) = lockout::wait(until, now);
    Code::TooManyRequests
        .because(format!(
            "Too many wrong {} were tried for this account. Try again {when}. A browser in which you signed in before \
             need not wait, nor does a passkey.",
            way.words()
        ))
        .reason("locked")
        .retry_after(seconds)
}

fn closed(way: Way) -> Refusal {
    let words = way.words();
    Code::TooManyRequests
        .because(format!(
            "A hundred wrong {words} in a row were tried for this account, so {words} are not taken here any more. Sign in \
             with a passkey, or from a browser in which you signed in before, or set a new password with the link that \
             “Forgot your password?” sends you: each opens it again. If you have none of these, ask an operator for a link."
        ))
        .reason("closed")
}

/// Whether a refusal says that guesses have shut something: the page at hand says so itself.
pub fn is_shut(refusal: &Refusal) -> bool {
    matches!(refusal.reason, "locked" | "closed")
}

/// Tells people and their organisations what was guessed: a job.
///
/// # Errors
/// When the storage fails.
pub async fn tell(registry: &Registry) -> Result<()> {
    for due in store::guess_counts::due(registry.db(), AT_ONCE).await? {
        let batch = told(registry, &due).await?;
        commit(registry, batch).await?;
    }
    for due in store::sign_in_failures::due(registry.db(), AT_ONCE).await? {
        let mut batch = Batch::from(store::sign_in_failures::claim(&due));
        if let Some(user) = store::users::find(registry.db(), &due.account).await? {
            let details = json!({ "until": due.last_at.after(lockout::WINDOW), "origin": due.origin });
            let actor = Actor::system();
            people::tell(registry, &actor, &user, "user.locked", &details, &mut batch).await?;
        }
        commit(registry, batch).await?;
    }
    Ok(())
}

/// Commits what is told of one thing; another node may have told it.
async fn commit(registry: &Registry, batch: Batch) -> Result<()> {
    match registry.live.commit(batch).await {
        Ok(_) | Err(WriteError::Unmet("claimed")) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn told(registry: &Registry, due: &Due) -> Result<Batch> {
    let user = store::users::find(registry.db(), &due.subject).await?;
    let (Some(user), Some(way)) = (user, Way::parse(&due.way)) else {
        return Ok(Batch::from(store::guess_counts::claim(due, due.told_at)));
    };
    let now = registry.now();
    let closed = due.guesses >= CLOSED;
    let quiet = due.told_at.is_some_and(|at| at.after(QUIET) > now);
    let mail = mail(registry, &user, way, closed).filter(|_| closed || !quiet);
    let told_at = mail.as_ref().map(|_| now).or(due.told_at);
    let mut batch = Batch::from(store::guess_counts::claim(due, told_at));
    if let Some(mail) = mail {
        batch.push(registry.mail(&mail));
    }
    let mut details = json!({ "way": way.name(), "guesses": due.guesses });
    let actor = Actor::system();
    if closed {
        people::tell(
            registry,
            &actor,
            &user,
            "user.sign_in_closed",
            &details,
            &mut batch,
        )
        .await?;
    } else {
        details["until"] = json!(due.opens_at);
        people::tell(
            registry,
            &actor,
            &user,
            "user.sign_in_slowed",
            &details,
            &mut batch,
        )
        .await?;
    }
    Ok(batch)
}

/// What the person reads, at an address that they confirmed.
fn mail(registry: &Registry, user: &User, way: Way, closed: bool) -> Option<Mail> {
    let to = user.email.clone().filter(|_| user.email_verified_at.is_some())?;
    if user.status != UserStatus::Active {
        return None;
    }
    let (words, name) = (way.words(), &user.username);
    let count = if closed { "A hundred" } else { "Ten" };
    let mut before = vec![format!(
        "{count} wrong {words} in a row were tried for the account {name}, from browsers that it does not know."
    )];
    if way == Way::Code {
        before.push("Whoever did it knows the password. If it was not you, set a new one.".to_owned());
    }
    before.push(if closed {
        format!(
            "From such browsers {words} do not let anybody in any more. To open it again, sign in from a browser in which \
             you signed in before, or with a passkey, or set a new password."
        )
    } else {
        "From such browsers one now has to wait after each wrong try: a minute at first, an hour at most. Browsers in \
         which you signed in before, and passkeys, need not wait."
            .to_owned()
    });
    Some(Mail {
        to,
        subject: format!("Somebody guesses the {words} of your account"),
        before,
        action: (closed || way == Way::Code).then(|| Action {
            label: "Set a new password".to_owned(),
            url: registry.config.issuer.join("/login/recover"),
        }),
        after: vec!["Was it you? Then there is nothing else to do.".to_owned()],
        until: registry.now().after(Lifetime::days(3)),
    })
}

//! How sure it is who acts: a sign-in has a time and a strength, and an operation has a demand beside its permission.
//! [RFC 9470](https://www.rfc-editor.org/rfc/rfc9470),
//! [decision 19](../../docs/decisions/0019-assurance.md)
//!
//! The strength that counts is the one that the account has *now*: a sign-in from before a second factor was added proves
//! less than its person can prove today. Whatever changes how a person signs in goes through [`changing`], so that nothing
//! which was made with less outlives it.

use crate::{
    db::Batch,
    error::Result,
    oauth::{
        authentication::{MULTI_FACTOR, SINGLE_FACTOR, joined, reaches},
        refusal::{Code, Refusal},
        scope::ScopeKey,
    },
    registry::{Registry, announce, bootstrap::MANAGEMENT_AUDIENCE, factors},
    store::{
        self, changes,
        factors::Factors,
        grants::{Grant, Which},
        organizations::Organization,
        sessions::Session,
        users::User,
    },
    time::{Lifetime, Timestamp},
};

/// How old a sign-in may be for a sensitive action.
pub const FRESH: Lifetime = Lifetime::minutes(15);

/// What an operation demands of the person who acts, beside its permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// That they are signed in, however long ago.
    Present,
    /// What was sent decides: for what is equal to a credential or cannot be undone as [`Fresh`](Self::Fresh), otherwise as
    /// [`Present`](Self::Present).
    Depends,
    /// A sign-in that is not older than [`FRESH`], at the strength that the account has now.
    Fresh,
}

/// How sure it is who acts.
#[derive(Clone, Debug)]
pub enum Assurance {
    /// Nobody is asked: the server itself, and a client in its own name, whose scopes a fresh sign-in granted.
    Unasked,
    /// A person, by a session or by a token that a sign-in made.
    Proven(Proven),
}

/// What a person has proven.
#[derive(Clone, Debug)]
pub struct Proven {
    /// When.
    at: Timestamp,
    /// How, as in [`authentication`](crate::oauth::authentication).
    methods: String,
    /// Whether how they sign in was changed elsewhere since.
    demoted: bool,
    /// The class that the account can reach now.
    strength: &'static str,
}

/// The class that somebody with these factors proves in a full sign-in.
pub const fn strength(own: Factors) -> &'static str {
    if factors::any(own) {
        MULTI_FACTOR
    } else {
        SINGLE_FACTOR
    }
}

/// What is missing for a sensitive action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A new sign-in.
    Age,
    /// A factor that the account has and this sign-in has not shown.
    Strength,
}

impl Assurance {
    /// Of a person at a page.
    pub fn of_session(session: &Session, own: Factors) -> Self {
        Self::Proven(Proven {
            at: session.authenticated_at,
            methods: session.methods.clone(),
            demoted: session.demoted,
            strength: strength(own),
        })
    }

    /// Of a person whom a token acts for: refreshing it made the sign-in no younger.
    pub fn of_grant(grant: &Grant, own: Factors) -> Self {
        Self::of_sign_in(grant.authenticated_at, &grant.methods, own)
    }

    /// Of whoever proved this at that time.
    pub fn of_sign_in(at: Timestamp, methods: &str, own: Factors) -> Self {
        Self::Proven(Proven {
            at,
            methods: methods.to_owned(),
            demoted: false,
            strength: strength(own),
        })
    }

    /// What is missing for a sensitive action now.
    pub fn missing(&self, now: Timestamp) -> Option<Missing> {
        let Self::Proven(proven) = self else {
            return None;
        };
        if proven.demoted || proven.at < now.before(FRESH) {
            return Some(Missing::Age);
        }
        (!reaches(&proven.methods, proven.strength)).then_some(Missing::Strength)
    }

    /// The same in an organisation: where it demands a second factor of its people, nothing less is strong.
    #[must_use]
    pub fn within(self, org: &Organization) -> Self {
        match self {
            Self::Proven(proven) if org.settings.require_second_factor => Self::Proven(Proven {
                strength: MULTI_FACTOR,
                ..proven
            }),
            other => other,
        }
    }

    /// Asks for what an organisation demands of whoever enters it, however long ago they proved it.
    ///
    /// # Errors
    /// `insufficient_user_authentication`, with the class to reach.
    pub fn enter(&self, org: &Organization) -> Result<()> {
        match self {
            Self::Proven(proven)
                if org.settings.require_second_factor && !reaches(&proven.methods, MULTI_FACTOR) =>
            {
                let why = "this organisation demands a second factor: sign in with one, then repeat this";
                Err(Code::InsufficientUserAuthentication
                    .because(why)
                    .acr(MULTI_FACTOR)
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// The class that a sign-in for a sensitive action has to reach.
    pub const fn strength(&self) -> &'static str {
        match self {
            Self::Unasked => SINGLE_FACTOR,
            Self::Proven(proven) => proven.strength,
        }
    }

    /// Asks for a sign-in that is not older than [`FRESH`], at the strength that the account has now.
    ///
    /// # Errors
    /// `insufficient_user_authentication`, with the class to reach.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        match self.missing(now) {
            Some(missing) => Err(insufficient(missing, self.strength()).into()),
            None => Ok(()),
        }
    }
}

/// RFC 9470 §3: what to prove, and how recently.
fn insufficient(missing: Missing, class: &'static str) -> Refusal {
    let why = match missing {
        Missing::Age => "this needs a sign-in not older than 15 minutes: sign in again, then repeat it",
        Missing::Strength => "this account has a second factor now: sign in with it, then repeat this",
    };
    Code::InsufficientUserAuthentication.because(why).acr(class)
}

/// By what a person changes how they sign in.
#[derive(Clone, Copy, Debug)]
pub enum Prover<'a> {
    /// A session, which has to be fresh.
    Session(&'a Session),
    /// A sign-in that is not over, which has proven everything there was; and the session it goes on from, if any.
    SignIn(Option<&'a Session>),
}

impl<'a> Prover<'a> {
    /// The session that goes on.
    pub const fn session(self) -> Option<&'a Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::SignIn(session) => session,
        }
    }

    /// Asks a session for a fresh sign-in, at the strength that the account has at this moment.
    ///
    /// # Errors
    /// `insufficient_user_authentication`; when the storage fails.
    pub async fn check(self, registry: &Registry, user: &User) -> Result<()> {
        match self {
            Self::Session(session) => check_session(registry, user, session).await,
            Self::SignIn(_) => Ok(()),
        }
    }
}

/// Asks a session for a fresh sign-in, at the strength that the account has at this moment.
///
/// # Errors
/// `insufficient_user_authentication`; when the storage fails.
pub async fn check_session(registry: &Registry, user: &User, session: &Session) -> Result<()> {
    let own = factors::of(registry, user).await?;
    Assurance::of_session(session, own).check(registry.now())
}

/// A session that has proven these methods, too.
pub fn proving(session: &Session, more: &str) -> Session {
    Session {
        methods: joined(&session.methods, more),
        ..session.clone()
    }
}

/// As [`changing`], for whoever adds a factor, which proves itself: the session that goes on has shown it.
pub(super) fn adding(registry: &Registry, user: &User, prover: Prover<'_>, methods: &str) -> Batch {
    let mut batch = changing(registry, user, prover.session(), "factor_added");
    if let Prover::Session(session) = prover {
        let methods = proving(session, methods).methods;
        batch.push(store::sessions::prove_more(&session.digest, &methods));
    }
    batch
}

/// Whether any of these scopes manages this server.
pub fn manages(registry: &Registry, scopes: &[ScopeKey]) -> bool {
    let Some(api) = registry.live.api_of(MANAGEMENT_AUDIENCE) else {
        return false;
    };
    scopes.iter().any(|key| key.api.as_ref() == Some(&api.id))
}

/// The beginning of every batch that changes how a person signs in: their row is locked, what they gave apps that manage
/// this server ends, and no session but `own` counts as fresh any more.
pub(super) fn changing(registry: &Registry, user: &User, own: Option<&Session>, why: &str) -> Batch {
    let now = registry.now();
    let mut batch = Batch::from(store::grants::lock_person(&user.id));
    if let Some(api) = registry.live.api_of(MANAGEMENT_AUDIENCE) {
        let which = Which::OfApi(&user.id, &api.id);
        batch.push(store::grants::revoke(which, why, now));
    }
    batch.push(store::sessions::demote_others(
        &user.id,
        own.map_or("", |session| &session.id),
    ));
    announce(&mut batch, changes::Kind::Person, &user.id, now);
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(methods: &str, own: Factors, age: i64, demoted: bool) -> Option<Missing> {
        let now = Timestamp::from_seconds(1_000_000);
        let assurance = Assurance::Proven(Proven {
            at: now.before(Lifetime::seconds(age)),
            methods: methods.to_owned(),
            demoted,
            strength: strength(own),
        });
        assurance.missing(now)
    }

    #[test]
    fn fx_05_freshness_is_a_time_and_the_strength_that_the_account_has_now() {
        let none = Factors::default();
        let app = Factors {
            authenticator_apps: 1,
            ..none
        };
        let key = Factors { passkeys: 1, ..none };
        for (methods, own, age, demoted, missing) in [
            ("pwd", none, 0, false, None),
            ("pwd", none, 900, false, None),
            ("pwd", none, 901, false, Some(Missing::Age)),
            ("pwd", none, 0, true, Some(Missing::Age)),
            ("pwd", app, 0, false, Some(Missing::Strength)),
            ("pwd", key, 0, false, Some(Missing::Strength)),
            ("pwd otp mfa", app, 0, false, None),
            ("pwd otp mfa", app, 901, false, Some(Missing::Age)),
            ("pwd otp mfa", key, 0, false, None),
            ("pop user mfa", key, 0, false, None),
            ("", none, 0, false, None),
            ("", app, 0, false, Some(Missing::Strength)),
        ] {
            assert_eq!(
                proven(methods, own, age, demoted),
                missing,
                "{methods} {own:?} {age} {demoted}"
            );
        }
    }

    #[test]
    fn nobody_is_asked_who_acts_in_no_persons_name() {
        assert_eq!(Assurance::Unasked.missing(Timestamp::from_seconds(0)), None);
    }
}

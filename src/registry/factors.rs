//! Second factors: what a person has, what he needs, and what comes next in a sign-in.
//!
//! Whoever has a second factor is always asked for it. Whoever has none and needs one sets it up on the spot, but only
//! after everything that he has was proven: a password alone adds nothing to an account that has a second factor.

use serde_json::json;

use crate::{
    error::Result,
    oauth::{
        authentication::{self, MULTI_FACTOR, PHISHING_RESISTANT, SINGLE_FACTOR},
        refusal::{Code, Refusal},
    },
    registry::{
        Registry,
        access::{Access, Permission},
        assurance::{self, Prover},
        authenticator_app, guessing,
        lockout::Attempt,
        people, recovery_codes, sessions,
        sessions::Browser,
        sign_in::Proof,
    },
    store::{self, factors::Factors, users::User},
};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Done,
    Prove,
    SetUp,
}

/// Whether a person has a second factor at all.
pub const fn any(own: Factors) -> bool {
    own.authenticator_apps > 0 || own.passkeys > 0
}

/// What a person has.
///
/// # Errors
/// When the storage fails.
pub async fn of(registry: &Registry, user: &User) -> Result<Factors> {
    Ok(store::factors::of_user(registry.db(), &user.id).await?)
}

/// The class that the organisations of a person demand of every sign-in. Who runs the instance enters all of them, so
/// each of them may demand it of him.
///
/// # Errors
/// When the storage fails.
pub async fn required(registry: &Registry, user: &User) -> Result<&'static str> {
    let demanded = if user.operator {
        let all = store::organizations::each(registry.db()).await?;
        // What an organisation demands that cannot be read is not known, so it is demanded.
        all.iter().any(|(_, org)| {
            org.as_ref()
                .map_or(true, |org| org.settings.require_second_factor)
        })
    } else {
        let of_member = store::organizations::with_roles(registry.db(), &user.id).await?;
        of_member
            .iter()
            .any(|(org, _)| org.settings.require_second_factor)
    };
    Ok(if demanded { MULTI_FACTOR } else { SINGLE_FACTOR })
}

/// What comes next for somebody who has proven this much and needs `wanted`.
pub fn next(own: Factors, methods: &str, wanted: &str) -> Step {
    let proven = authentication::is_multi_factor(methods);
    if proven && authentication::reaches(methods, wanted) || !any(own) && wanted == SINGLE_FACTOR {
        return Step::Done;
    }
    let could = if wanted == PHISHING_RESISTANT && proven {
        own.passkeys > 0
    } else {
        any(own)
    };
    if could { Step::Prove } else { Step::SetUp }
}

pub(super) fn wrong() -> Refusal {
    Code::Unauthenticated
        .because("This code does not work. A code works once, and only while your app shows it; so does a recovery code.")
        .reason("code")
}

/// The word for a sign-in that wrong codes have ended.
pub const OVER: &str = "half_over";

fn over() -> Refusal {
    Code::Unauthenticated
        .because(
            "Five codes were wrong, so this sign-in has ended. Sign in again from the start: first your password, then the \
             code that your app shows now.",
        )
        .reason(OVER)
}

/// Checks a code of the authenticator app, or a recovery code.
///
/// # Errors
/// `unauthenticated` when it is wrong, with [`OVER`] when that was the last one for this sign-in; `rate_limited` after too
/// many tries.
pub async fn prove_code(registry: &Registry, proof: Proof, code: &str, browser: &Browser) -> Result<Proof> {
    let user = &proof.user;
    let attempt = Attempt::at_code(registry, user, &proof.mark(registry), browser).await?;
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let digits = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    let right = if digits {
        authenticator_app::spend(registry, user, &code).await?
    } else {
        recovery_codes::spend(registry, &browser.actor(user), user, &code).await?
    };
    if right {
        attempt.succeeded(registry).await?;
        return Ok(proof.and(registry, "otp"));
    }
    attempt.failed(registry).await?;
    if attempt.ends_half() {
        proof.end(registry).await?;
        return Err(over().into());
    }
    Err(wrong().into())
}

/// Refuses to add to what an account has before all of it was proven.
///
/// # Errors
/// `forbidden`.
pub async fn may_add(registry: &Registry, proof: &Proof) -> Result<()> {
    let own = of(registry, &proof.user).await?;
    if any(own) && !authentication::is_multi_factor(&proof.methods) {
        return Err(Code::Forbidden
            .because("this account has a second factor: prove it before you add another one")
            .into());
    }
    Ok(())
}

/// Adds an authenticator app in the middle of a sign-in; its code proves that the person has it.
///
/// # Errors
/// `forbidden` when the account has a second factor that was not proven; bad input for a wrong code.
pub async fn add_app(
    registry: &Registry,
    proof: Proof,
    sealed: &str,
    code: &str,
    browser: &Browser,
) -> Result<Proof> {
    may_add(registry, &proof).await?;
    let actor = browser.actor(&proof.user);
    let prover = Prover::SignIn(browser.session_of(&proof.user.id));
    authenticator_app::set_up(registry, &actor, &proof.user, prover, (sealed, code)).await?;
    Ok(proof.and(registry, "otp"))
}

/// Takes every second factor from a person who has lost his, by his id or user name, and ends his sessions; for operators.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn reset(registry: &Registry, access: &Access, person: &str) -> Result<User> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let found = match store::users::find(registry.db(), person).await? {
        None => store::users::find_by_username(registry.db(), person).await?,
        found => found,
    };
    let user = found.ok_or_else(|| Code::NotFound.because("there is no person with this id or user name"))?;
    remove_all(registry, access, &user).await?;
    Ok(user)
}

async fn remove_all(registry: &Registry, access: &Access, user: &User) -> Result<()> {
    let before = of(registry, user).await?;
    let mut batch = assurance::changing(registry, user, None, "factors_reset");
    batch.append(store::factors::remove_all(&user.id));
    batch.push(guessing::open_all(&user.id));
    sessions::ending_all(registry, &user.id, "factors_reset", &mut batch).await?;
    let details = json!({ "before": {
        "authenticator_apps": before.authenticator_apps,
        "passkeys": before.passkeys,
        "recovery_codes": before.recovery_codes,
    } });
    people::tell(
        registry,
        &access.actor,
        user,
        "user.factors_reset",
        &details,
        &mut batch,
    )
    .await?;
    registry.commit(access, batch).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_second_factor_proves_it_and_who_needs_one_sets_it_up() {
        let none = Factors::default();
        let app = Factors {
            authenticator_apps: 1,
            ..none
        };
        let key = Factors { passkeys: 1, ..none };
        for (own, methods, wanted, expected) in [
            (none, "pwd", SINGLE_FACTOR, Step::Done),
            (none, "pwd", MULTI_FACTOR, Step::SetUp),
            (none, "pwd", PHISHING_RESISTANT, Step::SetUp),
            (app, "pwd", SINGLE_FACTOR, Step::Prove),
            (app, "pwd", MULTI_FACTOR, Step::Prove),
            (app, "pwd otp mfa", MULTI_FACTOR, Step::Done),
            // The app first: a password alone must not add a passkey.
            (app, "pwd", PHISHING_RESISTANT, Step::Prove),
            (app, "pwd otp mfa", PHISHING_RESISTANT, Step::SetUp),
            (key, "pwd", SINGLE_FACTOR, Step::Prove),
            (key, "pwd otp mfa", PHISHING_RESISTANT, Step::Prove),
            (key, "pop user mfa", PHISHING_RESISTANT, Step::Done),
            (none, "pwd otp mfa", SINGLE_FACTOR, Step::Done),
        ] {
            assert_eq!(next(own, methods, wanted), expected, "{own:?} {methods} {wanted}");
        }
    }
}

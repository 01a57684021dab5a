//! How often the codes that devices show may be typed. [RFC 8628 §5.1](https://www.rfc-editor.org/rfc/rfc8628#section-5.1)
//!
//! A code has 20⁸ values and lives for minutes, and one needs an account to type it. Wrong ones are counted in the database:
//! for each person, and for the instance. Once the instance has met very many, each person has a single wrong one left, so
//! that many accounts together are no way round, and nobody is kept from typing the right one.

use crate::{
    db::WriteError,
    error::Result,
    registry::Registry,
    store::sign_in_failures as failures,
    time::{Lifetime, Timestamp},
};

/// Wrong codes of one person: 5 ÷ 20⁸ < 2⁻³².
const EACH: i64 = 5;
/// Wrong codes of everybody, before each person has only one left.
const ALL: i64 = 500;

const ORIGIN: &str = "device codes";
const EVERYBODY: &str = "instance";

/// As long as a code lives that one might have met.
fn window(registry: &Registry) -> Lifetime {
    registry.config.lifetimes.device_code
}

async fn allowance(registry: &Registry, now: Timestamp) -> Result<i64> {
    let all = failures::find(registry.db(), EVERYBODY, ORIGIN).await?;
    let many = all.is_some_and(|(wrong, last)| wrong >= ALL && last.after(window(registry)) > now);
    Ok(if many { 1 } else { EACH })
}

/// Until when a person has to wait after too many wrong codes.
///
/// # Errors
/// When the storage fails.
pub async fn pauses_until(registry: &Registry, user_id: &str) -> Result<Option<Timestamp>> {
    let now = registry.now();
    let Some((wrong, last)) = failures::find(registry.db(), user_id, ORIGIN).await? else {
        return Ok(None);
    };
    let until = last.after(window(registry));
    Ok((until > now && wrong >= allowance(registry, now).await?).then_some(until))
}

/// Counts a code that a person types, before it is looked at. `false` after too many.
///
/// # Errors
/// When the storage fails.
pub async fn count(registry: &Registry, user_id: &str) -> Result<bool> {
    let now = registry.now();
    let most = allowance(registry, now).await?;
    let counted = failures::count(user_id, ORIGIN, most, now, now.before(window(registry)));
    match registry.db().write(counted.into()).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("full")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A code that was counted leads somewhere, so it was no guess. Earlier ones stay counted: anybody can get a right code of
/// their own.
pub fn uncount(user_id: &str) -> crate::db::Statement {
    failures::uncount(user_id, ORIGIN)
}

/// A code that was counted leads nowhere: it counts for the instance, too.
///
/// # Errors
/// When the storage fails.
pub async fn note_wrong(registry: &Registry) -> Result<()> {
    let now = registry.now();
    let counted = failures::count(EVERYBODY, ORIGIN, ALL, now, now.before(window(registry)));
    match registry.db().write(counted.into()).await {
        Ok(_) | Err(WriteError::Unmet("full")) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

//! One-time codes of an authenticator app. [RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)
//!
//! The secret that a person is offered is kept nowhere but, sealed, in the form that confirms it; what was confirmed is
//! stored sealed. The time step of a code is stored when it is used, and neither it nor an earlier one works again.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::json;
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Totp};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{
    db::WriteError,
    error::{Error, Result},
    oauth::refusal::{Code, Field, Refusal},
    registry::{
        Registry,
        access::Actor,
        assurance::{self, Prover},
        people,
    },
    store::{self, sessions::Session, users::User},
    time::{Lifetime, Timestamp},
};

/// How long an offer may be confirmed.
const PATIENCE: Lifetime = Lifetime::minutes(30);
/// RFC 6238 §4.1, in seconds.
const STEP: u64 = 30;
/// RFC 4226 §4 R6: 160 bits.
const LENGTH: usize = 20;

/// A secret for an app, shown until a code confirms it.
pub struct Offer {
    /// What the form carries.
    pub sealed: String,
    /// As a person types it.
    pub secret: String,
    /// As a picture says it: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
    pub uri: String,
}

fn totp(secret: &[u8]) -> Result<Totp> {
    Builder::new()
        .with_secret(secret.to_vec())
        .build()
        .map_err(|error| Error::internal(format!("TOTP: {error}")))
}

fn offered_purpose(user: &User) -> Vec<u8> {
    format!("totp offer {}", user.id).into_bytes()
}

fn kept_purpose(user: &User) -> Vec<u8> {
    format!("totp {}", user.id).into_bytes()
}

fn offer_of(registry: &Registry, user: &User, secret: &[u8], sealed: String) -> Offer {
    let secret = totp_rs::Secret::from(secret.to_vec()).to_base32();
    let host = registry.config.issuer.url().host_str().unwrap_or_default();
    let label: String =
        form_urlencoded::byte_serialize(format!("Oauthority:{}@{host}", user.username).as_bytes()).collect();
    let label = label.replace('+', "%20");
    Offer {
        uri: format!("otpauth://totp/{label}?secret={secret}&issuer=Oauthority"),
        secret,
        sealed,
    }
}

/// A new secret.
pub fn offer(registry: &Registry, user: &User) -> Offer {
    let secret = Zeroizing::new(registry.entropy.bytes::<LENGTH>());
    let mut plain = Zeroizing::new(registry.now().after(PATIENCE).millis().to_be_bytes().to_vec());
    plain.extend_from_slice(secret.as_slice());
    let sealed = registry
        .keyring
        .seal(&registry.entropy, &offered_purpose(user), &plain);
    offer_of(
        registry,
        user,
        secret.as_slice(),
        BASE64_URL_SAFE_NO_PAD.encode(sealed),
    )
}

/// The secret of an offer that was made to this person.
fn offered(registry: &Registry, user: &User, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let plain = registry.keyring.open(&offered_purpose(user), &mut sealed)?;
    let (until, secret) = plain.split_first_chunk::<8>()?;
    (registry.now() < Timestamp::from_millis(i64::from_be_bytes(*until)))
        .then(|| Zeroizing::new(secret.to_vec()))
}

/// The same offer again, after a wrong code; another one if its time is over.
pub fn again(registry: &Registry, user: &User, sealed: &str) -> Offer {
    match offered(registry, user, sealed) {
        Some(secret) => offer_of(registry, user, &secret, sealed.to_owned()),
        None => offer(registry, user),
    }
}

/// The time step of a code that is right now or was a step ago. A code of the next step was never shown by an app whose
/// clock is right, and each step that is accepted helps whoever guesses (RFC 6238 §5.2).
fn step(registry: &Registry, secret: &[u8], code: &str) -> Result<Option<i64>> {
    let totp = totp(secret)?;
    let now = u64::try_from(registry.now().seconds()).unwrap_or_default() / STEP;
    let mut found = None;
    for step in [now, now.saturating_sub(1)] {
        let right = totp.generate(step * STEP).to_string();
        if bool::from(right.as_bytes().ct_eq(code.as_bytes())) {
            found = found.or(i64::try_from(step).ok());
        }
    }
    Ok(found)
}

/// Adds the app to which a secret was offered, once a code proves that it has it.
///
/// # Errors
/// Bad input for a wrong code; `conflict` when there is an app already; `insufficient_user_authentication`.
pub async fn set_up(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    prover: Prover<'_>,
    (sealed, code): (&str, &str),
) -> Result<()> {
    prover.check(registry, user).await?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = offered(registry, user, sealed);
    let step = match &secret {
        Some(secret) if code.len() == 6 => step(registry, secret, &code)?,
        _ => None,
    };
    let (Some(secret), Some(step)) = (secret, step) else {
        let detail = "This is not what your app should show now. Check the time of your device, then enter the next code.";
        return Err(Refusal::fields(vec![Field::new("/code", "code", detail)]).into());
    };
    let kept = registry
        .keyring
        .seal(&registry.entropy, &kept_purpose(user), &secret);
    let mut batch = assurance::adding(registry, user, prover, "otp");
    batch.push(store::totp_secrets::add(&user.id, kept, step, registry.now()));
    let details = json!({ "factor": "authenticator_app" });
    people::tell(registry, actor, user, "user.factor_added", &details, &mut batch).await?;
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet("taken") => Code::Conflict
            .because("you have an authenticator app already: remove it first")
            .into(),
        other => Error::from(other),
    })?;
    Ok(())
}

/// Whether a code is right and was not used before; then it is used.
///
/// # Errors
/// When the storage fails.
pub(super) async fn spend(registry: &Registry, user: &User, code: &str) -> Result<bool> {
    let Some(kept) = store::totp_secrets::find(registry.db(), &user.id).await? else {
        return Ok(false);
    };
    let mut opened = Zeroizing::new(kept.clone());
    let Some(secret) = registry.keyring.open(&kept_purpose(user), &mut opened) else {
        return Err(Error::internal(
            "the secret of an authenticator app does not open",
        ));
    };
    let Some(step) = step(registry, secret, code)? else {
        return Ok(false);
    };
    let spent = store::totp_secrets::spend(&user.id, kept, step);
    match registry.db().write(spent.into()).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("used")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes the app.
///
/// # Errors
/// `conflict` when there is none; `insufficient_user_authentication`.
pub async fn remove(registry: &Registry, actor: &Actor, user: &User, session: &Session) -> Result<()> {
    assurance::check_session(registry, user, session).await?;
    let mut batch = assurance::changing(registry, user, Some(session), "factor_removed");
    batch.push(store::totp_secrets::remove(&user.id));
    let details = json!({ "factor": "authenticator_app" });
    people::tell(registry, actor, user, "user.factor_removed", &details, &mut batch).await?;
    registry.live.commit(batch).await?;
    Ok(())
}

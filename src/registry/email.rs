//! The address of a person: a new one waits until a link that was sent to it is opened by the person himself.
//!
//! The link works only for whoever is signed in to the account: otherwise somebody could put another's address on his
//! own account and let the other confirm it. An address that is proven already stays until then.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    mail::{Action, Mail},
    oauth::refusal::{Code, Field, Refusal},
    registry::{Registry, access::Actor, accounts, assurance, people},
    store::{self, sessions::Session, users::User},
    time::{Lifetime, Timestamp},
};

/// The purpose of the link.
pub(super) const VERIFY: &str = "verify e-mail";
/// How long it works.
const WORKS: Lifetime = Lifetime::hours(24);
/// How many links a person may ask for in an hour.
const MOST_LINKS: i64 = 5;

/// An address as it is kept.
///
/// # Errors
/// Words for the field when it is none that mail can be sent to.
pub(super) fn check(address: &str) -> Result<String, &'static str> {
    let address = address.trim();
    let parsed: Result<lettre::Address, _> = address.parse();
    match parsed {
        Ok(_) if address.len() <= 254 && address.is_ascii() => Ok(address.to_owned()),
        _ => Err("Write an address such as ada@example.com."),
    }
}

/// Sends a link to an address that is to become a person's, or once more. The other waits, with the last link only.
///
/// # Errors
/// `insufficient_user_authentication`; an address that is none; `rate_limited`.
pub async fn ask(
    registry: &Registry,
    actor: &Actor,
    session: &Session,
    user: &User,
    address: &str,
) -> Result<String> {
    let now = registry.now();
    assurance::check_session(registry, user, session).await?;
    let address = check(address)
        .map_err(|detail| Error::from(Refusal::fields(vec![Field::new("/email", "email", detail)])))?;
    let hour = now.before(Lifetime::hours(1));
    if store::once::count_about(registry.db(), VERIFY, &user.id, hour).await? >= MOST_LINKS {
        return Err(Code::TooManyRequests
            .because("five links were sent within an hour: wait, then try again")
            .retry_after(3600)
            .into());
    }
    let token = registry.entropy.token(32);
    let digest = registry.keyring.digest(VERIFY, token.as_bytes());
    let until = now.after(WORKS);
    let payload = Some(address.clone().into_bytes());
    let mut batch = Batch::from_iter([
        store::once::void_about(VERIFY, &user.id, now),
        store::once::add_about(digest.as_bytes(), VERIFY, &user.id, payload, now, until),
        store::users::set_pending_email(&user.id, Some(&address), now),
        registry.mail(&mail(registry, user, &address, &token, until)),
    ]);
    let details = json!({ "after": { "email": address } });
    let events = accounts::events(registry, actor, user, "user.email_asked", &details).await?;
    events.into_iter().for_each(|event| batch.push(event));
    registry.live.commit(batch).await?;
    Ok(address)
}

fn mail(registry: &Registry, user: &User, to: &str, token: &str, until: Timestamp) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: "Confirm your e-mail address".to_owned(),
        before: vec![format!(
            "The account {} wants to use this address.",
            user.username
        )],
        action: Some(Action {
            label: "Confirm address".to_owned(),
            url: registry.config.issuer.join(&format!("/me/email/{token}")),
        }),
        after: vec![
            format!(
                "The link works once, for 24 hours, in a browser that is signed in as {}.",
                user.username
            ),
            "If you know nothing of this, there is nothing to do: without you nothing changes.".to_owned(),
        ],
        until,
    }
}

/// The address that a link confirms for this person, while it works.
///
/// # Errors
/// When the storage fails.
pub async fn open(registry: &Registry, user: &User, token: &str) -> Result<Option<String>> {
    let digest = registry.keyring.digest(VERIFY, token.as_bytes());
    let found = store::once::peek_about(registry.db(), digest.as_bytes(), VERIFY, registry.now()).await?;
    let address = found
        .filter(|(user_id, _)| *user_id == user.id)
        .and_then(|(_, payload)| String::from_utf8(payload).ok());
    Ok(address.filter(|address| user.email_pending.as_ref() == Some(address)))
}

/// Confirms an address by a link.
///
/// # Errors
/// `gone` for a dead link, or one of somebody else.
pub async fn confirm(registry: &Registry, actor: &Actor, user: &User, token: &str) -> Result<String> {
    let address = open(registry, user, token)
        .await?
        .ok_or_else(|| Error::from(people::dead_link()))?;
    let now = registry.now();
    let digest = registry.keyring.digest(VERIFY, token.as_bytes());
    let mut batch = Batch::from_iter([
        store::once::spend(digest.as_bytes(), VERIFY, now),
        store::users::set_proven_email(&user.id, &address, now),
    ]);
    let details = json!({ "before": { "email": user.email }, "after": { "email": address } });
    let events = accounts::events(registry, actor, user, "user.email_confirmed", &details).await?;
    events.into_iter().for_each(|event| batch.push(event));
    if let Some(notice) = notice(user, &address, now) {
        batch.push(registry.mail(&notice));
    }
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet(_) => Error::from(people::dead_link()),
        other => other.into(),
    })?;
    Ok(address)
}

/// Tells the address before that it is one no more.
fn notice(user: &User, address: &str, now: Timestamp) -> Option<Mail> {
    let before = user.email.clone().filter(|_| user.email_verified_at.is_some())?;
    (before != address).then(|| Mail {
        to: before,
        subject: "Your e-mail address was changed".to_owned(),
        before: vec![format!(
            "The account {} uses another address from now on.",
            user.username
        )],
        action: None,
        after: vec!["If it was not you, tell an organisation admin at once.".to_owned()],
        until: now.after(Lifetime::days(3)),
    })
}

/// Removes the address of a person, and one that waits.
///
/// # Errors
/// `insufficient_user_authentication`.
pub async fn remove(registry: &Registry, actor: &Actor, session: &Session, user: &User) -> Result<()> {
    let now = registry.now();
    assurance::check_session(registry, user, session).await?;
    let mut batch = Batch::from_iter([
        store::once::void_about(VERIFY, &user.id, now),
        store::users::remove_email(&user.id, now),
    ]);
    let details = json!({ "before": { "email": user.email } });
    let events = accounts::events(registry, actor, user, "user.email_removed", &details).await?;
    events.into_iter().for_each(|event| batch.push(event));
    registry.live.commit(batch).await?;
    Ok(())
}

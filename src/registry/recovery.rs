//! A forgotten password: a mail with a link that works once.
//!
//! Whoever asks hears the same, after the same work, whether the account exists or not: the request is only written
//! down, and looked into later. A mail goes to an address that its person has proven to be his, never to one that was
//! typed. The link dies when it is used, when a newer one is sent, and when the password is another one by then.
//! [NIST SP 800-63B §4.2](https://pages.nist.gov/800-63-4/sp800-63b.html)

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    mail::{Action, Mail},
    oauth::refusal::Code,
    registry::{
        Registry,
        access::{Access, Actor, Permission},
        accounts, assurance, guessing,
        people::{self, ACCOUNT, AccountLink},
        sessions,
    },
    secret::Secret,
    store::{
        self,
        grants::{self, Which},
        users::{User, UserStatus},
    },
    time::{Lifetime, Timestamp},
};

/// The purpose of the link.
pub(super) const RECOVER: &str = "recover";
/// How long it works.
pub const WORKS: Lifetime = Lifetime::hours(1);
/// How many links an account gets in that time.
const MOST_LINKS: i64 = 3;
/// How many accounts of one address get a link at once.
const MOST_ACCOUNTS: i64 = 5;
/// How many requests are answered in one turn.
const AT_ONCE: i64 = 50;

/// What somebody asked for.
#[derive(Serialize, Deserialize)]
struct Asked {
    /// User name or address, as typed.
    who: String,
    ip: Option<String>,
    request_id: String,
}

/// Writes down that somebody cannot sign in; `who` is a user name or an address.
///
/// # Errors
/// When the storage fails.
pub async fn ask(registry: &Registry, actor: &Actor, who: &str) -> Result<()> {
    let id = registry.id();
    let asked = Asked {
        who: who.trim().chars().take(254).collect(),
        ip: actor.ip.clone(),
        request_id: actor.request_id.clone(),
    };
    let text = serde_json::to_vec(&asked).unwrap_or_default();
    let sealed = registry.keyring.seal(&registry.entropy, &purpose(&id), &text);
    let statement = store::recovery_requests::add(&id, sealed, registry.now());
    registry.db().write(statement.into()).await?;
    Ok(())
}

fn purpose(id: &str) -> Vec<u8> {
    format!("recovery request {id}").into_bytes()
}

/// Answers what was asked meanwhile: a job.
///
/// # Errors
/// When the storage fails.
pub async fn answer_all(registry: &Registry) -> Result<()> {
    for request in store::recovery_requests::waiting(registry.db(), AT_ONCE).await? {
        let mut sealed = request.sealed;
        let opened = registry.keyring.open(&purpose(&request.id), &mut sealed);
        let asked: Option<Asked> = opened.and_then(|text| serde_json::from_slice(text).ok());
        let mut batch = Batch::from(store::recovery_requests::claim(&request.id));
        if let Some(asked) = asked {
            answer(registry, &asked, &mut batch).await?;
        }
        match registry.live.commit(batch).await {
            Ok(_) | Err(WriteError::Unmet(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn answer(registry: &Registry, asked: &Asked, batch: &mut Batch) -> Result<()> {
    let actor = Actor {
        ip: asked.ip.clone(),
        request_id: asked.request_id.clone(),
        ..Actor::system()
    };
    let since = registry.now().before(WORKS);
    for user in accounts_of(registry, &asked.who).await? {
        let sent = store::once::count_about(registry.db(), RECOVER, &user.id, since).await?;
        let Some(to) = user.email.clone().filter(|_| sent < MOST_LINKS) else {
            continue;
        };
        let (path, expires_at) = link(registry, &user, batch);
        batch.push(registry.mail(&mail(registry, &user, to, &path, expires_at)));
        let events = accounts::events(registry, &actor, &user, "user.recovery_sent", &json!({})).await?;
        events.into_iter().for_each(|event| batch.push(event));
    }
    Ok(())
}

/// The accounts that are meant and can be written to.
async fn accounts_of(registry: &Registry, who: &str) -> Result<Vec<User>> {
    let db = registry.db();
    let mut found = store::users::find_by_email(db, who, MOST_ACCOUNTS).await?;
    let named = store::users::find_by_username(db, who).await?;
    let reachable = |user: &User| user.status == UserStatus::Active && user.email_verified_at.is_some();
    if let Some(user) = named.filter(reachable)
        && found.iter().all(|known| known.id != user.id)
    {
        found.push(user);
    }
    Ok(found)
}

/// A link to a new password that an operator hands over himself, for an account that no mail reaches.
///
/// # Errors
/// `not_found`; `conflict` for an account that is not active; missing permission.
pub async fn link_by_hand(registry: &Registry, access: &Access, id: &str) -> Result<(User, AccountLink)> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let user = accounts::find(registry, access, id).await?;
    if user.status != UserStatus::Active {
        return Err(Code::Conflict
            .because("this account is not active: reactivate it first")
            .reason("not_active")
            .into());
    }
    let mut batch = Batch::default();
    let (path, expires_at) = link(registry, &user, &mut batch);
    let events = accounts::events(registry, &access.actor, &user, "user.recovery_made", &json!({})).await?;
    events.into_iter().for_each(|event| batch.push(event));
    registry.commit(access, batch).await?;
    Ok((user, AccountLink { path, expires_at }))
}

/// A link to a new password: the path below the issuer, and until when. Older ones stop working.
fn link(registry: &Registry, user: &User, batch: &mut Batch) -> (String, Timestamp) {
    let now = registry.now();
    let expires_at = now.after(WORKS);
    let token = registry.entropy.token(32);
    let digest = registry.keyring.digest(RECOVER, token.as_bytes());
    batch.push(store::once::void_about(RECOVER, &user.id, now));
    batch.push(store::once::add_about(
        digest.as_bytes(),
        RECOVER,
        &user.id,
        Some(password_state(registry, user)),
        now,
        expires_at,
    ));
    (format!("/login/recover/{token}"), expires_at)
}

/// What tells the present password from any other.
fn password_state(registry: &Registry, user: &User) -> Vec<u8> {
    let hash = user.password_hash.as_deref().unwrap_or_default();
    let digest = registry.keyring.digest("password state", hash.as_bytes());
    digest.as_bytes().to_vec()
}

fn mail(registry: &Registry, user: &User, to: String, path: &str, until: Timestamp) -> Mail {
    Mail {
        to,
        subject: "Set a new password".to_owned(),
        before: vec![format!(
            "Somebody, hopefully you, asked for a new password for the account {}.",
            user.username
        )],
        action: Some(Action {
            label: "Set a new password".to_owned(),
            url: registry.config.issuer.join(path),
        }),
        after: vec![
            "The link works once, for one hour.".to_owned(),
            "If it was not you, there is nothing to do: your password stays as it is.".to_owned(),
        ],
        until,
    }
}

/// The person of a link that would still work.
///
/// # Errors
/// When the storage fails.
pub async fn open(registry: &Registry, token: &str) -> Result<Option<User>> {
    let digest = registry.keyring.digest(RECOVER, token.as_bytes());
    let found = store::once::peek_about(registry.db(), digest.as_bytes(), RECOVER, registry.now()).await?;
    let Some((user_id, state)) = found else {
        return Ok(None);
    };
    let user = store::users::find(registry.db(), &user_id).await?;
    Ok(user.filter(|u| u.status == UserStatus::Active && password_state(registry, u) == state))
}

/// Sets a new password by a link. All sessions of the person end, with the grants that live by them, and what they gave
/// apps that manage this server; with `end_apps`, what they gave any.
///
/// # Errors
/// `gone` for a dead link; a weak password.
pub async fn set_password(
    registry: &Registry,
    actor: &Actor,
    token: &str,
    password: Secret<String>,
    end_apps: bool,
) -> Result<User> {
    let user = open(registry, token)
        .await?
        .ok_or_else(|| Error::from(people::dead_link()))?;
    let hash = people::hashed(registry, password, &[&user.username, &user.display_name]).await?;
    let now = registry.now();
    let digest = registry.keyring.digest(RECOVER, token.as_bytes());
    let mut batch = assurance::changing(registry, &user, None, "password_reset");
    batch.append(Batch::from_iter([
        store::once::spend(digest.as_bytes(), RECOVER, now),
        store::once::void_about(RECOVER, &user.id, now),
        // A first password can no longer be picked either.
        store::once::void_about(ACCOUNT, &user.id, now),
        store::users::replace_password(&user.id, user.password_hash.as_deref(), &hash, now),
    ]));
    batch.push(guessing::open_all(&user.id));
    if end_apps {
        batch.push(grants::revoke(Which::User(&user.id), "password_reset", now));
    }
    sessions::ending_all(registry, &user.id, "password_reset", &mut batch).await?;
    let actor = people::acting(&user, actor);
    let events = accounts::events(registry, &actor, &user, "user.password_reset", &json!({})).await?;
    events.into_iter().for_each(|event| batch.push(event));
    if let Some(notice) = notice(&user, now) {
        batch.push(registry.mail(&notice));
    }
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet(_) => Error::from(people::dead_link()),
        other => other.into(),
    })?;
    Ok(user)
}

/// Tells the person that it happened.
fn notice(user: &User, now: Timestamp) -> Option<Mail> {
    Some(Mail {
        to: user.email.clone().filter(|_| user.email_verified_at.is_some())?,
        subject: "Your password was changed".to_owned(),
        before: vec![format!(
            "The account {} has a new password, set by a link that was sent to this address. Every browser was \
             signed out.",
            user.username
        )],
        action: None,
        after: vec!["If it was not you, tell an organisation admin at once.".to_owned()],
        until: now.after(Lifetime::days(3)),
    })
}

//! Signed-in browsers: how a session begins, is proven anew, and ends.
//!
//! The text of the cookie changes with every proof, so that a text from before is worth nothing; the public id of the
//! session stays, because clients know it as `sid`. Everything that ends a session goes through [`ending`].

use std::net::IpAddr;

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    mail::{Action, Mail},
    oauth::{
        client::Origin,
        refusal::{Code, Refusal},
    },
    registry::{Registry, access::Actor, announce, known_browser, lockout, people},
    store::{
        self, changes,
        grants::{self, Which},
        sessions::Session,
        users::{User, UserStatus},
    },
    time::Lifetime,
};

/// Where a sign-in comes from.
#[derive(Clone, Debug)]
pub struct Browser {
    pub ip: IpAddr,
    pub user_agent: String,
    pub request_id: String,
    /// The cookie that says which accounts know this browser.
    pub known: String,
    /// The sessions that are alive in it, the current one first.
    pub sessions: Vec<Session>,
}

impl Browser {
    /// The session of a person in this browser.
    pub fn session_of(&self, user_id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.user_id == user_id)
    }

    /// Who acts before anybody is known: the address and the request.
    pub fn nobody(&self) -> Actor {
        Actor {
            ip: Some(self.ip.to_string()),
            request_id: self.request_id.clone(),
            origin: Origin::Console,
            ..Actor::system()
        }
    }

    /// A person who acts from here.
    pub fn actor(&self, user: &User) -> Actor {
        people::acting(user, &self.nobody())
    }
}

/// A browser in which somebody has just proven who he is.
pub struct SignedIn {
    /// The text for its cookie.
    pub cookie: String,
    pub session: Session,
    pub user: User,
    /// The text for the cookie of accounts that know this browser.
    pub known: String,
}

/// What was proven, and when.
pub(super) struct Proven<'a> {
    pub user: &'a User,
    pub methods: &'a str,
    pub at: crate::time::Timestamp,
    /// Whether all of it was proven now, and not to an older session.
    pub anew: bool,
}

/// Begins a session, or proves the person's session in this browser anew. `batch` goes with it.
///
/// # Errors
/// `unauthenticated` when the account or its password has changed meanwhile, or the session has ended; what `batch`
/// expects.
pub(super) async fn begin(
    registry: &Registry,
    proven: Proven<'_>,
    browser: &Browser,
    mut batch: Batch,
) -> Result<SignedIn> {
    let (user, now) = (proven.user, registry.now());
    let cookie = registry.entropy.token(32);
    let before = browser.session_of(&user.id);
    let whole = now.after(registry.config.lifetimes.session);
    let session = Session {
        digest: digest(registry, &cookie),
        id: before.map_or_else(|| format!("ses_{}", registry.id()), |before| before.id.clone()),
        user_id: user.id.clone(),
        created_at: before.map_or(now, |before| before.created_at),
        authenticated_at: proven.at,
        methods: proven.methods.to_owned(),
        demoted: !proven.anew && before.is_some_and(|before| before.demoted),
        last_seen_at: now,
        expires_at: before.map_or(
            whole,
            |before| if proven.anew { whole } else { before.expires_at },
        ),
        ip: browser.ip.to_string(),
        user_agent: browser.user_agent.chars().take(300).collect(),
    };
    batch.push(store::users::hold_proven(
        &user.id,
        user.password_hash.as_deref().unwrap_or_default(),
    ));
    batch.push(match before {
        Some(before) => store::sessions::renew(&before.digest, &session),
        None => store::sessions::add(&session),
    });
    batch.append(
        lockout::forgive(registry, &user.id, browser)
            .into_iter()
            .collect(),
    );
    if let Some(mail) = notice(registry, user, browser, before.is_some(), now) {
        batch.push(registry.mail(&mail));
    }
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet("changed" | "session" | "spent") => Error::from(begin_again()),
        other => other.into(),
    })?;
    Ok(SignedIn {
        cookie,
        session,
        known: known_browser::remember(&registry.keyring, &registry.entropy, &browser.known, &user.id),
        user: user.clone(),
    })
}

/// The mail about a sign-in from a browser that the account does not know, for who wants it.
fn notice(
    registry: &Registry,
    user: &User,
    browser: &Browser,
    signed_in: bool,
    now: crate::time::Timestamp,
) -> Option<Mail> {
    let known = signed_in || known_browser::find(&registry.keyring, &browser.known, &user.id).is_some();
    let to = user.email.clone().filter(|_| user.email_verified_at.is_some())?;
    (user.preferences.notices && !known).then(|| Mail {
        to,
        subject: "A sign-in from a new browser".to_owned(),
        before: vec![format!(
            "Somebody signed in to the account {} from {}, with a browser that was not used for it before.",
            user.username, browser.ip
        )],
        action: Some(Action {
            label: "See sessions".to_owned(),
            url: registry.config.issuer.join("/me/sessions"),
        }),
        after: vec!["If it was not you, end that session and change your password.".to_owned()],
        until: now.after(Lifetime::days(3)),
    })
}

/// What was proven so far does not count any more.
pub fn begin_again() -> Refusal {
    Code::Unauthenticated
        .because(
            "What you proved so far does not count any more, or took longer than 5 minutes. Sign in again.",
        )
        .reason("begin_again")
}

fn digest(registry: &Registry, cookie: &str) -> Vec<u8> {
    let digest = registry.keyring.digest("session", cookie.as_bytes());
    digest.as_bytes().to_vec()
}

/// The session of a cookie and its person, if both are alive.
///
/// # Errors
/// When the storage fails.
pub async fn find(registry: &Registry, cookie: &str) -> Result<Option<(Session, User)>> {
    let now = registry.now();
    let idle_since = now.before(registry.config.lifetimes.session_idle);
    let digest = digest(registry, cookie);
    let Some(session) = store::sessions::find(registry.db(), &digest, now, idle_since).await? else {
        return Ok(None);
    };
    let user = store::users::find(registry.db(), &session.user_id).await?;
    let Some(user) = user.filter(|u| u.status == UserStatus::Active) else {
        return Ok(None);
    };
    Ok(Some((session, user)))
}

/// Notes that a session was seen, once a minute.
///
/// # Errors
/// When the storage fails.
pub async fn touch(registry: &Registry, session: &Session) -> Result<()> {
    let now = registry.now();
    if session.last_seen_at < now.before(Lifetime::minutes(1)) {
        let touched = store::sessions::touch(&session.digest, now);
        registry.db().write(touched.into()).await?;
    }
    Ok(())
}

/// The sessions of a person that are alive, the one seen last first.
///
/// # Errors
/// When the storage fails.
pub async fn of_user(registry: &Registry, user_id: &str) -> Result<Vec<Session>> {
    let now = registry.now();
    let idle_since = now.before(registry.config.lifetimes.session_idle);
    Ok(store::sessions::of_user(registry.db(), user_id, now, idle_since).await?)
}

/// Ends sessions in a batch, with every grant that hangs on one, and announces it. The clients that they led to are told.
pub fn ending(registry: &Registry, sessions: &[Session], why: &str, batch: &mut Batch) {
    let now = registry.now();
    for session in sessions {
        batch.push(store::sessions::remove(&session.digest));
        batch.push(store::logout_deliveries::queue(&registry.id(), &session.id, now));
        batch.push(grants::revoke(Which::Session(&session.id), why, now));
    }
    let mut people: Vec<&str> = sessions.iter().map(|s| s.user_id.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    for person in people {
        announce(batch, changes::Kind::Person, person, now);
    }
}

/// Ends every session of a person in a batch, those that begin meanwhile too, with every grant that hangs on one.
///
/// # Errors
/// When the storage fails.
pub async fn ending_all(registry: &Registry, user_id: &str, why: &str, batch: &mut Batch) -> Result<()> {
    let (alive, now) = (of_user(registry, user_id).await?, registry.now());
    ending(registry, &alive, why, batch);
    batch.push(store::sessions::remove_of(user_id));
    batch.push(grants::revoke(Which::Sessions(user_id), why, now));
    announce(batch, changes::Kind::Person, user_id, now);
    Ok(())
}

/// Ends sessions; those that have ended already stay so.
///
/// # Errors
/// When the storage fails.
pub async fn end(registry: &Registry, sessions: &[Session], why: &str) -> Result<()> {
    let mut batch = Batch::default();
    ending(registry, sessions, why, &mut batch);
    registry.live.commit(batch).await?;
    Ok(())
}

/// A person ends everything that goes on in their name but this session: other sessions, and what they gave apps.
///
/// # Errors
/// When the storage fails.
pub async fn end_everything_else(
    registry: &Registry,
    user: &User,
    own: &Session,
    browser: &Browser,
) -> Result<()> {
    let mut others = of_user(registry, &user.id).await?;
    others.retain(|session| session.id != own.id);
    let now = registry.now();
    let mut batch = Batch::default();
    ending(registry, &others, "ended_by_person", &mut batch);
    batch.push(grants::revoke(Which::User(&user.id), "ended_by_person", now));
    announce(&mut batch, changes::Kind::Person, &user.id, now);
    let ids: Vec<&str> = others.iter().map(|s| s.id.as_str()).collect();
    let details = json!({ "sessions": ids, "apps": true });
    let actor = browser.actor(user);
    people::tell(
        registry,
        &actor,
        user,
        "user.sessions_ended",
        &details,
        &mut batch,
    )
    .await?;
    registry.live.commit(batch).await?;
    Ok(())
}

/// A person ends sessions of his own from another browser, and his organisations hear of it.
///
/// # Errors
/// When the storage fails.
pub async fn end_own(registry: &Registry, actor: &Actor, user: &User, sessions: &[Session]) -> Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::default();
    ending(registry, sessions, "session_ended", &mut batch);
    let ids: Vec<&str> = sessions.iter().map(|s| s.id.as_str()).collect();
    let details = json!({ "sessions": ids });
    people::tell(registry, actor, user, "user.sessions_ended", &details, &mut batch).await?;
    registry.live.commit(batch).await?;
    Ok(())
}

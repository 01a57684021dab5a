//! Accounts and their passwords.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Failure, Result},
    oauth::{
        name,
        refusal::{Code, Field, Refusal},
    },
    password::{self, PasswordError},
    registry::{
        Registry, Resource,
        access::Actor,
        accounts, assurance, factors, guessing, lockout,
        sessions::{self, Browser},
        sign_in,
    },
    secret::Secret,
    store::{
        self,
        grants::{self, Which},
        sessions::Session,
        users::{Preferences, Profile, Role, User, UserStatus},
    },
    time::Timestamp,
};

/// A link by which a person picks a password, once.
pub struct AccountLink {
    /// The path below the issuer, with the token.
    pub path: String,
    pub expires_at: Timestamp,
}

/// The purpose of the first administrator's link.
const SETUP: &str = "setup";
/// The purpose of a new member's link.
pub(super) const ACCOUNT: &str = "account";

/// The texts of a new account.
pub struct NewAccount {
    pub username: String,
    pub display_name: Option<String>,
    pub password: Secret<String>,
}

/// A person that does not exist yet.
///
/// # Errors
/// Bad input field by field.
pub(super) fn draft(
    registry: &Registry,
    username: &str,
    display_name: Option<String>,
    email: Option<String>,
) -> Result<User> {
    let username = username.trim();
    let mut fields = Vec::new();
    let plain = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if !(1..=100).contains(&username.chars().count())
        || !username.chars().all(plain)
        || name::check(username, 100).is_err()
    {
        let detail = "A user name has 1 to 100 letters, digits and . _ - @ +, without spaces.";
        fields.push(Field::new("/username", "username", detail));
    }
    let display_name = display_name
        .map(|n| name::normal(&n))
        .filter(|n| !n.is_empty())
        .unwrap_or_else(|| username.to_owned());
    if let Err(detail) = name::check(&display_name, 120) {
        fields.push(Field::new("/display_name", "display_name", detail));
    }
    let email = email.map(|e| e.trim().to_owned()).filter(|e| !e.is_empty());
    if let Some(email) = &email
        && (email.len() > 254
            || !email.contains('@')
            || email.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        let detail = "Write an address such as ada@example.com.";
        fields.push(Field::new("/email", "email", detail));
    }
    if !fields.is_empty() {
        return Err(Refusal::fields(fields).into());
    }
    let now = registry.now();
    Ok(User {
        id: format!("usr_{}", registry.id()),
        username: username.to_owned(),
        email,
        email_verified_at: None,
        email_pending: None,
        display_name,
        profile: Profile::default().into(),
        password_hash: None,
        status: UserStatus::Active,
        may_hold_credentials: true,
        operator: false,
        preferences: Preferences::default().into(),
        created_at: now,
        updated_at: now,
    })
}

pub(super) fn taken(error: WriteError) -> Error {
    if error.is_unique("users", "username_folded") {
        let detail = "This user name is taken.";
        return Refusal::fields(vec![Field::new("/username", "username.taken", detail)]).into();
    }
    error.into()
}

pub(super) async fn hashed(registry: &Registry, password: Secret<String>, about: &[&str]) -> Result<String> {
    if let Err(detail) = password::check_strength(password.expose(), about) {
        return Err(Refusal::fields(vec![Field::new("/password", "password.weak", detail)]).into());
    }
    registry
        .passwords
        .hash(&registry.entropy, password)
        .await
        .map_err(busy)
}

pub(super) fn busy(error: PasswordError) -> Error {
    match error {
        PasswordError::Busy => Code::TooManyRequests
            .because("many people are signing in just now: try again in a moment")
            .retry_after(5)
            .into(),
        other => Error::Failed(Failure::Internal(format!("password: {other:?}"))),
    }
}

/// A link for a person to pick a password; the statement that makes it work goes into the batch.
pub(super) fn account_link(registry: &Registry, user: &User, batch: &mut Batch) -> AccountLink {
    link(registry, ACCOUNT, &user.id, batch)
}

fn link(registry: &Registry, purpose: &str, user_id: &str, batch: &mut Batch) -> AccountLink {
    let token = registry.entropy.token(32);
    let digest = registry.keyring.digest(purpose, token.as_bytes());
    let now = registry.now();
    let expires_at = now.after(registry.config.lifetimes.setup_link);
    let digest = digest.as_bytes();
    batch.push(if user_id.is_empty() {
        store::once::add(digest, purpose, None, now, expires_at)
    } else {
        let payload = Some(user_id.as_bytes().to_vec());
        store::once::add_about(digest, purpose, user_id, payload, now, expires_at)
    });
    AccountLink {
        path: format!("/setup/{token}"),
        expires_at,
    }
}

/// A new link for the first administrator, while nobody has an account; older ones stop working.
///
/// # Errors
/// When the storage fails.
pub async fn setup_link(registry: &Registry) -> Result<Option<AccountLink>> {
    if !nobody_yet(registry).await? {
        return Ok(None);
    }
    let mut batch = Batch::default();
    batch.push(store::once::void(SETUP, registry.now()));
    let link = link(registry, SETUP, "", &mut batch);
    registry.live.commit(batch).await?;
    Ok(Some(link))
}

/// Whether nobody has an account yet; only so long does a link for the first administrator work.
async fn nobody_yet(registry: &Registry) -> Result<bool> {
    Ok(store::users::count(registry.db()).await? == 0)
}

/// Whether a link would still work: for the first administrator (`Some(None)`), for a person (`Some(user)`), or not.
///
/// # Errors
/// When the storage fails.
pub async fn open_link(registry: &Registry, token: &str) -> Result<Option<Option<User>>> {
    let now = registry.now();
    let setup = registry.keyring.digest(SETUP, token.as_bytes());
    if store::once::usable(registry.db(), setup.as_bytes(), SETUP, now).await? {
        return Ok(nobody_yet(registry).await?.then_some(None));
    }
    let account = registry.keyring.digest(ACCOUNT, token.as_bytes());
    let Some(payload) = store::once::peek(registry.db(), account.as_bytes(), ACCOUNT, now).await? else {
        return Ok(None);
    };
    let user = store::users::find(registry.db(), &String::from_utf8_lossy(&payload)).await?;
    Ok(user.map(Some))
}

pub(super) fn dead_link() -> Refusal {
    Code::Gone.because("this link was used already, or its time is over: ask for a new one")
}

/// The first administrator picks a user name and a password: he owns the first organisation and runs the instance.
///
/// # Errors
/// `gone` for a dead link; bad input field by field.
pub async fn set_up(registry: &Registry, actor: &Actor, token: &str, new: NewAccount) -> Result<User> {
    if !nobody_yet(registry).await? {
        return Err(dead_link().into());
    }
    let org = store::organizations::first(registry.db())
        .await?
        .ok_or_else(|| Error::internal("there is no organisation"))?;
    let mut user = draft(registry, &new.username, new.display_name, None)?;
    user.password_hash = Some(hashed(registry, new.password, &[&user.username]).await?);
    user.operator = true;
    let now = registry.now();
    let digest = registry.keyring.digest(SETUP, token.as_bytes());
    let mut batch = Batch::default();
    batch.push(store::once::spend(digest.as_bytes(), SETUP, now));
    // Nodes that started side by side may have made one each.
    batch.push(store::once::void(SETUP, now));
    batch.push(store::users::add(&user));
    batch.push(store::users::add_member(&org.id, &user.id, Role::Owner, now));
    let resource = Resource {
        kind: "user",
        id: &user.id,
        name: &user.username,
    };
    let actor = acting(&user, actor);
    let event = registry.event(&actor, &org.id, "instance.set_up", resource, json!({}));
    batch.push(store::audit::append(&event));
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet("spent") => dead_link().into(),
        other => taken(other),
    })?;
    Ok(user)
}

/// A new member picks his password.
///
/// # Errors
/// `gone` for a dead link; a weak password.
pub async fn pick_password(
    registry: &Registry,
    token: &str,
    user: &User,
    password: Secret<String>,
) -> Result<()> {
    let hash = hashed(registry, password, &[&user.username, &user.display_name]).await?;
    let now = registry.now();
    let digest = registry.keyring.digest(ACCOUNT, token.as_bytes());
    let mut batch = assurance::changing(registry, user, None, "password_set");
    batch.push(store::once::spend(digest.as_bytes(), ACCOUNT, now));
    batch.push(store::users::set_password(&user.id, &hash, now));
    // Whatever strangers guessed before there was a password.
    batch.push(guessing::open_all(&user.id));
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet("spent") => Error::from(dead_link()),
        other => other.into(),
    })?;
    Ok(())
}

/// Adds a person who has a password; for provisioning.
///
/// # Errors
/// Bad input field by field; a taken user name.
pub async fn create(
    registry: &Registry,
    new: NewAccount,
    operator: bool,
    memberships: &[(&str, Role)],
) -> Result<User> {
    let mut user = draft(registry, &new.username, new.display_name, None)?;
    user.password_hash = Some(hashed(registry, new.password, &[]).await?);
    user.operator = operator;
    let mut batch = Batch::default();
    batch.push(store::users::add(&user));
    for (org, role) in memberships {
        batch.push(store::users::add_member(org, &user.id, *role, registry.now()));
    }
    registry.live.commit(batch).await.map_err(taken)?;
    Ok(user)
}

pub(super) fn acting(user: &User, via: &Actor) -> Actor {
    Actor {
        kind: crate::registry::access::ActorKind::User,
        id: user.id.clone(),
        name: user.username.clone(),
        ..via.clone()
    }
}

/// As [`accounts::events`], into a batch.
///
/// # Errors
/// When the storage fails.
pub(super) async fn tell(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    action: &str,
    details: &serde_json::Value,
    batch: &mut Batch,
) -> Result<()> {
    let events = accounts::events(registry, actor, user, action, details).await?;
    events.into_iter().for_each(|event| batch.push(event));
    Ok(())
}

/// A person picks another password. Their other sessions end, and what they gave apps that manage this server; with
/// `end_apps`, what they gave any. What they proved elsewhere and have not finished does not count any more.
///
/// # Errors
/// `unauthenticated` when the old one is wrong, or after too many tries; a weak password; for an account with a second
/// factor, `insufficient_user_authentication`.
pub async fn change_password(
    registry: &Registry,
    user: &User,
    session: &Session,
    passwords: (Secret<String>, Secret<String>),
    end_apps: bool,
    browser: &Browser,
) -> Result<()> {
    let (old, new) = passwords;
    sign_in::password(registry, &user.username, old, browser).await?;
    // The old password is the fresh sign-in of an account that has nothing else.
    if factors::any(factors::of(registry, user).await?) {
        assurance::check_session(registry, user, session).await?;
    }
    let hash = hashed(registry, new, &[&user.username, &user.display_name]).await?;
    let mut batch = assurance::changing(registry, user, Some(session), "password_changed");
    batch.push(store::users::hold_proven(
        &user.id,
        user.password_hash.as_deref().unwrap_or_default(),
    ));
    batch.push(store::users::set_password(&user.id, &hash, registry.now()));
    if end_apps {
        batch.push(grants::revoke(
            Which::User(&user.id),
            "password_changed",
            registry.now(),
        ));
    }
    let mut others = sessions::of_user(registry, &user.id).await?;
    others.retain(|other| other.id != session.id);
    sessions::ending(registry, &others, "password_changed", &mut batch);
    batch.append(
        lockout::forgive(registry, &user.id, browser)
            .into_iter()
            .collect(),
    );
    let details = json!({ "sessions_ended": others.len() });
    let actor = browser.actor(user);
    tell(
        registry,
        &actor,
        user,
        "user.password_changed",
        &details,
        &mut batch,
    )
    .await?;
    registry.live.commit(batch).await?;
    Ok(())
}

/// Remembers how a person likes the console.
///
/// # Errors
/// When the storage fails.
pub async fn set_preferences(registry: &Registry, user: &User, preferences: Preferences) -> Result<()> {
    registry
        .db()
        .write(store::users::set_preferences(&user.id, &user.preferences.with(preferences)).into())
        .await?;
    Ok(())
}

//! A device asks, and a person answers elsewhere. [RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)
//!
//! 1. [`begin`]: the device gets two codes. It keeps the long one and shows the short one.
//! 2. [`find`] and [`bind`]: a person types the short one on a page of ours. From then on the request is theirs alone: for
//!    everybody else the code is unknown.
//! 3. [`allow`] or [`deny`]: what they say, once. The grant waits for the device, which fetches its tokens with the long code.
//!
//! A grant for a device belongs to no session of the browser in which it was given: signing out there does not sign out the
//! device.

use std::sync::Arc;

use serde_json::json;

use super::approve::{self, Said};
use crate::{
    browser::Visitor,
    db::{Batch, Statement, WriteError},
    error::{Error, Result},
    live,
    oauth::{
        authentication::MULTI_FACTOR,
        client::{GrantType, Status},
        scope::ScopeKey,
        user_code::UserCode,
    },
    registry::{
        Registry,
        access::Actor,
        grants::{self, Giver},
    },
    store::{
        self,
        consents::Consent,
        device_codes::{DEVICE_CODE, DeviceCode, DeviceState, USER_CODE},
    },
    time::{Lifetime, Timestamp},
};

use super::decide::{SignIn, lacks_second_factor, manage};

/// How long a device waits between two polls, to begin with (RFC 8628 §3.2).
pub const INTERVAL: Lifetime = Lifetime::seconds(5);

/// How often a user code is drawn anew that is taken. With a million requests waiting, one draw in 25,000 is.
const MOST_DRAWS: usize = 8;

/// What a device asks for.
pub struct Asking<'a> {
    pub client: &'a live::Client,
    pub scopes: Vec<ScopeKey>,
    /// Where it asks from, which the person is shown.
    pub ip: String,
    pub user_agent: String,
}

/// The two codes of a device.
pub struct Begun {
    pub device_code: String,
    pub user_code: UserCode,
}

/// Writes down what a device asks for.
///
/// # Errors
/// When the storage fails.
pub async fn begin(registry: &Registry, asking: Asking<'_>, now: Timestamp) -> Result<Begun> {
    let device_code = registry.entropy.token(32);
    let digest = |purpose: &str, text: &[u8]| registry.keyring.digest(purpose, text).as_bytes().to_vec();
    let mut code = DeviceCode {
        digest: digest(DEVICE_CODE, device_code.as_bytes()),
        user_code: Vec::new(),
        client_id: asking.client.id.to_string(),
        client_epoch: asking.client.incarnation,
        scopes: asking.scopes,
        ip: asking.ip,
        user_agent: asking.user_agent,
        created_at: now,
        expires_at: now.after(registry.config.lifetimes.device_code),
        poll_interval: INTERVAL,
        polled_at: None,
        state: DeviceState::Pending,
        grant_id: None,
        user_id: None,
    };
    for _ in 0..MOST_DRAWS {
        let user_code = UserCode::draw(|| registry.entropy.bytes::<1>()[0]);
        code.user_code = digest(USER_CODE, user_code.letters());
        match registry.db().write(store::device_codes::add(&code).into()).await {
            Ok(_) => {
                return Ok(Begun {
                    device_code,
                    user_code,
                });
            }
            Err(taken) if taken.is_unique("device_codes", "user_code") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::internal("every user code that was drawn is taken"))
}

/// What a user code leads to.
pub enum Found {
    /// Nothing.
    Unknown,
    /// A request that nobody answered in time.
    Expired,
    /// A request that was answered.
    Used,
    /// A request of an app that was switched off, or may not ask for this any more.
    Withdrawn,
    Waiting(Box<Waiting>),
}

/// A device that waits for a person's word.
#[derive(Debug)]
pub struct Waiting {
    pub code: DeviceCode,
    pub client: Arc<live::Client>,
    /// What it asks for, as far as its client still may.
    pub scopes: Vec<ScopeKey>,
}

/// What a user code leads to, for one of these people: the code that somebody else typed is unknown.
///
/// # Errors
/// When the storage fails.
pub async fn find(
    registry: &Registry,
    user_code: UserCode,
    people: &[&str],
    now: Timestamp,
) -> Result<Found> {
    let digest = registry.keyring.digest(USER_CODE, user_code.letters());
    let code = store::device_codes::find_by_user_code(registry.db(), digest.as_bytes()).await?;
    let own = |code: &DeviceCode| code.user_id.as_deref().is_none_or(|user| people.contains(&user));
    let Some(code) = code.filter(own) else {
        return Ok(Found::Unknown);
    };
    if code.state != DeviceState::Pending {
        return Ok(Found::Used);
    }
    if now >= code.expires_at {
        return Ok(Found::Expired);
    }
    let client = registry.live.client(&code.client_id).filter(|client| {
        client.status == Status::Active
            && client.epoch <= code.client_epoch
            && client.grant_types.contains(&GrantType::DeviceCode)
    });
    let Some(client) = client else {
        return Ok(Found::Withdrawn);
    };
    let scopes: Vec<ScopeKey> = code
        .scopes
        .iter()
        .filter(|key| client.holds(key, code.client_epoch))
        .cloned()
        .collect();
    Ok(if scopes.is_empty() {
        Found::Withdrawn
    } else {
        Found::Waiting(Box::new(Waiting { code, client, scopes }))
    })
}

/// Writes down who typed the code of a device, with what goes with it; another account of the same browser may have typed
/// it before. It does not become theirs who could not answer anyway. `false` when somebody else did meanwhile, or it was
/// decided or has expired.
///
/// # Errors
/// When the storage fails.
pub async fn bind(
    registry: &Registry,
    waiting: &Waiting,
    visitor: &Visitor,
    with: Statement,
    now: Timestamp,
) -> Result<bool> {
    let (code, user_id) = (&waiting.code, visitor.user.id.as_str());
    let before = code.user_id.as_deref().unwrap_or(user_id);
    let mut batch = Batch::from(with);
    match grants::check_member(registry, &waiting.client, user_id).await {
        Ok(()) => batch.push(store::device_codes::bind(&code.digest, user_id, before, now)),
        Err(Error::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    match registry.db().write(batch).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("pending")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Waiting {
    /// What the person has to prove before he can answer, as at the authorization endpoint.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn sign_in(
        &self,
        registry: &Registry,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Option<SignIn>> {
        let (settings, session) = (self.client.for_people.as_deref(), &visitor.session);
        let oldest = settings.and_then(|settings| settings.default_max_age);
        // A sign-in since the device asked is as fresh as can be.
        let again = session.authenticated_at < self.code.created_at
            && oldest.is_some_and(|age| session.authenticated_at.after(age) < now);
        if let Some(page) = manage(registry, &self.scopes, visitor, now).await? {
            return Ok(Some(page));
        }
        let factor = lacks_second_factor(registry, &self.client, visitor).await?;
        Ok((again || factor).then_some(SignIn {
            again,
            factor: factor.then_some(MULTI_FACTOR),
        }))
    }
}

/// What a person allows a device.
pub struct Word<'a> {
    pub waiting: &'a Waiting,
    pub visitor: &'a Visitor,
    pub scopes: &'a [ScopeKey],
    /// What he had allowed its client before.
    pub before: Option<&'a Consent>,
}

/// Writes down that a person allows it: his consent, the grant, and that the device may fetch its tokens. `false` when
/// the request was answered or expired meanwhile.
///
/// # Errors
/// `access_denied` for somebody who does not belong to the client's organisation (any more), or was deactivated; when the
/// storage fails.
pub async fn allow(registry: &Registry, actor: &Actor, word: Word<'_>, now: Timestamp) -> Result<bool> {
    let (client, code) = (&word.waiting.client, &word.waiting.code);
    grants::check_member(registry, client, &word.visitor.user.id).await?;
    let offline = grants::lasts(client, word.scopes);
    let giver = Giver::of(&word.visitor.session).elsewhere();
    let grant = grants::draft(registry, client, giver, word.scopes, offline, now);
    let said = Said {
        client,
        user_id: &word.visitor.user.id,
        asked: &word.waiting.code.scopes,
        scopes: word.scopes,
        before: word.before,
    };
    let mut batch = grants::hold(client, &grant, now);
    batch.append(approve::consent(registry, actor, said, "device", now));
    batch.push(store::grants::add(&grant));
    let user = &word.visitor.user.id;
    batch.push(store::device_codes::approve(&code.digest, user, &grant.id, now));
    decided(registry, batch).await
}

/// Writes down that a person does not allow it. `false` when the request was answered or expired meanwhile.
///
/// # Errors
/// When the storage fails.
pub async fn deny(
    registry: &Registry,
    actor: &Actor,
    waiting: &Waiting,
    user_id: &str,
    now: Timestamp,
) -> Result<bool> {
    let client = &waiting.client;
    let details = json!({ "how": "device" });
    let resource = approve::resource(client);
    let event = registry.event(actor, &client.org_id, "consent.denied", resource, details);
    let batch = Batch::from_iter([
        store::device_codes::deny(&waiting.code.digest, user_id, now),
        store::audit::append(&event),
    ]);
    decided(registry, batch).await
}

async fn decided(registry: &Registry, batch: Batch) -> Result<bool> {
    match registry.live.commit(batch).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("pending")) => Ok(false),
        Err(error) => Err(grants::denied(error)),
    }
}

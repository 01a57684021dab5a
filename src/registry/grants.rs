//! What people give clients: how it begins, and how it ends. A grant that ends takes every token that was issued for it
//! along, on the next request.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    live,
    oauth::{
        client::{GrantType, Kind},
        refusal::{Code, Refusal},
        scope::ScopeKey,
    },
    registry::{Registry, Resource, access::Actor, announce},
    store::{
        self, changes,
        consents::Consent,
        grants::{Grant, Which},
        sessions::Session,
    },
    time::{Lifetime, Timestamp},
};

/// The longest life of an access token; a grant without refresh tokens needs no more.
const LONGEST_TOKEN: Lifetime = Lifetime::days(1);

/// Who gives, and how he proved who he is.
#[derive(Clone, Copy, Debug)]
pub struct Giver<'a> {
    pub user_id: &'a str,
    /// The session that the grant belongs to, if it belongs to one.
    pub session_id: Option<&'a str>,
    pub authenticated_at: Timestamp,
    /// As in [`authentication`](crate::oauth::authentication).
    pub methods: &'a str,
}

impl<'a> Giver<'a> {
    /// The person of a session, in it.
    pub fn of(session: &'a Session) -> Self {
        Self {
            user_id: &session.user_id,
            session_id: Some(&session.id),
            authenticated_at: session.authenticated_at,
            methods: &session.methods,
        }
    }

    /// The same person for something outside of this browser, which does not end with the session.
    #[must_use]
    pub const fn elsewhere(self) -> Self {
        Self {
            session_id: None,
            ..self
        }
    }
}

/// Asks whether a person may use a client: a client serves the people of its organisation; the instance's own clients
/// serve everybody.
///
/// # Errors
/// `access_denied`. `Failed` when the storage fails.
pub async fn check_member(registry: &Registry, client: &live::Client, user_id: &str) -> Result<()> {
    if client.kind == Kind::System {
        return Ok(());
    }
    let role = store::users::role(registry.db(), &client.org_id, user_id).await?;
    if role.is_some() {
        return Ok(());
    }
    Err(Code::AccessDenied
        .because("this account does not belong to the organisation of the app")
        .reason("person.foreign")
        .into())
}

/// Whether a grant of these scopes has refresh tokens. `offline_access` decides for OpenID requests, the client's grant
/// types otherwise. [OIDC Core §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)
pub fn lasts(client: &live::Client, scopes: &[ScopeKey]) -> bool {
    let asks = |scope: &str| scopes.iter().any(|key| key.api.is_none() && *key.value == *scope);
    client.grant_types.contains(&GrantType::RefreshToken) && (!asks("openid") || asks("offline_access"))
}

/// What a person allowed a client, as far as it still counts: of a scope that was taken from the client since they allowed
/// it, or of what is only called the same, they are asked anew.
///
/// # Errors
/// When the storage fails.
pub async fn consent(registry: &Registry, client: &live::Client, user_id: &str) -> Result<Option<Consent>> {
    let mut found = store::consents::find(registry.db(), user_id, &client.id).await?;
    if let Some(consent) = &mut found {
        consent.retain(|key, number| client.counts(key, number));
    }
    Ok(found)
}

/// A grant of these scopes that begins now; `offline` says whether it has refresh tokens.
pub fn draft(
    registry: &Registry,
    client: &live::Client,
    giver: Giver<'_>,
    scopes: &[ScopeKey],
    offline: bool,
    now: Timestamp,
) -> Grant {
    let lifetimes = &registry.config.lifetimes;
    // Whatever leads to the first token lives no longer than a device code.
    let wait = lifetimes.authorization_code.max(lifetimes.device_code);
    let online = now.after(wait).after(LONGEST_TOKEN);
    let (idle, absolute) = (
        now.after(lifetimes.refresh_idle),
        now.after(lifetimes.refresh_absolute),
    );
    Grant {
        id: format!("grt_{}", registry.id()),
        client_id: client.id.to_string(),
        client_epoch: client.incarnation,
        user_id: giver.user_id.to_owned(),
        org_id: client.org_id.to_string(),
        scopes: scopes.to_vec(),
        claims: None,
        session_id: giver.session_id.map(str::to_owned),
        authenticated_at: giver.authenticated_at,
        methods: giver.methods.to_owned(),
        offline,
        refresh_counter: 0,
        rotated_at: None,
        idle_expires_at: if offline { idle } else { online },
        expires_at: if offline { absolute } else { online },
        tokens_until: now,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revoked_why: None,
    }
}

/// The statements that keep the person where he is, signed in, while a grant is written. Whoever ends a membership, an
/// account or a session takes away its row first, and the grants after that: then none slips past him.
pub fn hold(client: &live::Client, grant: &Grant, now: Timestamp) -> Batch {
    let mut batch = Batch::from(store::grants::hold_person(&grant.user_id, now));
    if client.kind != Kind::System {
        batch.push(store::grants::hold_member(&grant.org_id, &grant.user_id, now));
    }
    if let Some(session) = &grant.session_id {
        batch.push(store::sessions::hold(session));
    }
    batch
}

/// The word for a request that was answered before.
pub const ANSWERED: &str = "request.answered";

/// What it means that something could not be held.
pub fn denied(error: WriteError) -> Error {
    match error {
        WriteError::Unmet("person" | "member") => gone().into(),
        WriteError::Unmet("consent") => Code::ConsentRequired
            .because("the person has just taken back what was allowed")
            .into(),
        WriteError::Unmet("session") => Code::LoginRequired
            .because("the person has just signed out")
            .into(),
        WriteError::Unmet("answered") => Code::InvalidRequest
            .because("this request was answered already: start again at the app")
            .reason(ANSWERED)
            .into(),
        other => other.into(),
    }
}

fn gone() -> Refusal {
    Code::AccessDenied.because("this account does not belong to the organisation of the app any more")
}

/// Ends one grant, because of what its client did. Of many who do it at once, one writes it down; all answer once it holds.
///
/// # Errors
/// When the storage fails; the grant may live on then, and the caller must not say that it ended.
pub async fn end(registry: &Registry, actor: &Actor, grant: &Grant, why: &'static str) -> Result<()> {
    if grant.revoked_at.is_some() {
        return Ok(());
    }
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::grants::revoke(Which::One(&grant.id), why, now).expecting("alive"));
    announce(&mut batch, changes::Kind::Person, &grant.user_id, now);
    let resource = Resource {
        kind: "grant",
        id: &grant.id,
        name: &grant.client_id,
    };
    let details = json!({ "client_id": grant.client_id, "user": grant.user_id, "why": why });
    let event = registry.event(actor, &grant.org_id, "grant.revoked", resource, details);
    batch.push(store::audit::append(&event));
    match registry.live.commit(batch).await {
        Ok(_) => Ok(()),
        Err(WriteError::Unmet("alive")) => registry.live.catch_up().await,
        Err(error) => Err(error.into()),
    }
}

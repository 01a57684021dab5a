//! Carries out a [`Ruling`]: spends what is to be spent, mints the tokens it approves, notes the use.
//! [RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
//!
//! The only way from a ruling to a token. A client that acts for itself gets its token without a write. For a person, what
//! was presented is spent in one transaction before anything is told, and the last word in a race is a conditional
//! statement: a code or a refresh token that somebody else spent meanwhile is judged anew.

pub mod take_back; // a token is cut off
pub mod trial; // what would a client get?

use serde_json::{Map, Value as Json};

use crate::{
    access_token::{self, Claims, Minted, Person},
    activity::Issued,
    client_auth::Caller,
    db::{Batch, WriteError},
    error::{Error, Result},
    grant_types::{self, Approval, Exchange, OnBehalf, Ruling, Source, Way, refresh_token},
    oauth::{
        client::{GrantType, Origin},
        refusal::Code,
    },
    openid::{self, id_token},
    registry::{
        access::{Actor, ActorKind},
        grants,
    },
    store::{self, grants::Use},
    time::Lifetime,
};

/// What the client gets.
pub struct Tokens {
    pub access_token: String,
    pub expires_in: Lifetime,
    pub scope: String,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
}

/// How often a request is judged anew because another one was first.
const MOST_ROUNDS: usize = 3;

/// Rules on a token request and carries the ruling out.
///
/// # Errors
/// What the grant refuses; when the storage fails or a token cannot be signed.
pub async fn exchange(exchange: &Exchange<'_>) -> Result<Tokens> {
    for _ in 0..MOST_ROUNDS {
        let ruling = grant_types::redeem(exchange).await?;
        if let Some(tokens) = carry_out(exchange, ruling).await? {
            return Ok(tokens);
        }
    }
    Err(Code::InvalidGrant
        .because("this was used several times at once: start again")
        .into())
}

/// Carries out a ruling about a grant that is new, with which nobody can be first.
///
/// # Errors
/// `access_denied` when the person was deactivated or removed meanwhile; as [`exchange`].
pub async fn straight(exchange: &Exchange<'_>, ruling: Ruling<'_>) -> Result<Tokens> {
    let tokens = carry_out(exchange, ruling).await?;
    tokens.ok_or_else(|| Error::internal("a grant that is new cannot be used"))
}

/// `None` when another request was first and this one is to be judged anew.
async fn carry_out(exchange: &Exchange<'_>, ruling: Ruling<'_>) -> Result<Option<Tokens>> {
    let source = exchange.source;
    let registry = exchange.registry;
    match ruling {
        Ruling::Approve(approval) => approve(exchange, approval).await,
        Ruling::Revoke(grant, refusal) => {
            grants::end(registry, &actor(exchange.caller, source), &grant, "replay").await?;
            Err(refusal.into())
        }
        Ruling::Refuse(statement, refusal) => {
            registry.db().write(statement.into()).await?;
            Err(refusal.into())
        }
    }
}

fn actor(caller: &Caller, source: Source<'_>) -> Actor {
    Actor {
        kind: ActorKind::Client,
        id: caller.client.id.to_string(),
        name: caller.client.id.to_string(),
        ip: Some(source.ip.to_string()),
        request_id: source.request_id.to_owned(),
        origin: Origin::Api,
    }
}

async fn approve(exchange: &Exchange<'_>, approval: Approval<'_>) -> Result<Option<Tokens>> {
    let person = approval.person.as_ref();
    let claims = match person {
        Some(behalf) => claims(exchange, &approval.scope, behalf).await?,
        None => Map::new(),
    };
    let minted = mint(exchange, &approval)?;
    if let Some(behalf) = person
        && !spend(exchange, behalf, &minted).await?
    {
        return Ok(None);
    }
    let caller = exchange.caller;
    let issued = Issued {
        format: minted.format,
        api: &approval.api.id,
        scope: &approval.scope,
        grant: person.map(|behalf| behalf.grant.id.as_str()),
        expires_at: minted.expires_at,
        epoch: caller.client.incarnation,
    };
    exchange.registry.activity.note(
        &caller.client,
        caller.secret_id.as_ref(),
        exchange.source.ip,
        exchange.now,
        Some(issued),
    );
    let id_token = person
        .filter(|behalf| behalf.wants_id_token(&approval.scope))
        .map(|behalf| id_token(exchange, &approval, behalf, &minted.text, claims))
        .transpose()?;
    Ok(Some(Tokens {
        refresh_token: person.and_then(|behalf| next_refresh_token(exchange, behalf)),
        id_token,
        access_token: minted.text,
        expires_in: minted.lifetime,
        scope: approval.scope,
    }))
}

fn mint(exchange: &Exchange<'_>, approval: &Approval<'_>) -> Result<Minted> {
    let person = approval.person.as_ref().map(|behalf| Person {
        grant_id: &behalf.grant.id,
        authenticated_at: behalf.grant.authenticated_at,
        methods: &behalf.grant.methods,
    });
    let claims = Claims {
        client: &exchange.caller.client,
        api: &approval.api,
        subject: &approval.subject,
        scope: &approval.scope,
        person,
        test: false,
    };
    access_token::mint(exchange.registry, claims, exchange.now)
}

/// Spends what was presented, and keeps the grant alive. `false` when another request was first.
async fn spend(exchange: &Exchange<'_>, behalf: &OnBehalf, minted: &Minted) -> Result<bool> {
    let (registry, now) = (exchange.registry, exchange.now);
    let grant = &behalf.grant;
    let idle = if grant.offline {
        now.after(registry.config.lifetimes.refresh_idle)
    } else {
        grant.expires_at
    };
    let on = Use {
        now,
        idle_expires_at: idle.min(grant.expires_at),
        tokens_until: minted.expires_at,
    };
    let mut batch = Batch::default();
    match &behalf.way {
        Way::Code { digest, .. } => batch.push(store::authorization_codes::spend(digest, now)),
        Way::Device { digest } => batch.push(store::device_codes::spend(digest)),
        Way::Straight(first) => batch.append(first.clone()),
        Way::Refresh | Way::Again => {}
    }
    batch.push(if rotates(exchange, behalf) {
        store::grants::rotate(&grant.id, grant.refresh_counter, on)
    } else {
        store::grants::note_use(&grant.id, on)
    });
    match registry.db().write(batch).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("spent" | "rotated" | "live")) => Ok(false),
        Err(error) => Err(grants::denied(error)),
    }
}

/// Whether the client gets a refresh token that did not exist before.
fn rotates(exchange: &Exchange<'_>, behalf: &OnBehalf) -> bool {
    let may = behalf.grant.offline
        && exchange
            .caller
            .client
            .grant_types
            .contains(&GrantType::RefreshToken);
    may && !matches!(behalf.way, Way::Again)
}

/// The refresh token that works from now on.
fn next_refresh_token(exchange: &Exchange<'_>, behalf: &OnBehalf) -> Option<String> {
    let (keyring, grant) = (&exchange.registry.keyring, &behalf.grant);
    if rotates(exchange, behalf) {
        return Some(refresh_token::text(keyring, &grant.id, grant.refresh_counter + 1));
    }
    // The same successor once more.
    matches!(behalf.way, Way::Again).then(|| refresh_token::text(keyring, &grant.id, grant.refresh_counter))
}

/// What the `claims` parameter wants in the ID token. Read before anything is spent, and only if there is such a wish.
async fn claims(exchange: &Exchange<'_>, scope: &str, behalf: &OnBehalf) -> Result<Map<String, Json>> {
    let Some(parameter) = &behalf.grant.claims else {
        return Ok(Map::new());
    };
    if !behalf.wants_id_token(scope) || !openid::claims::wants_in_id_token(parameter) {
        return Ok(Map::new());
    }
    let user = store::users::find(exchange.registry.db(), &behalf.grant.user_id).await?;
    Ok(user.map_or_else(Map::new, |user| {
        openid::claims::in_id_token(&user, scope, parameter)
    }))
}

fn id_token(
    exchange: &Exchange<'_>,
    approval: &Approval<'_>,
    behalf: &OnBehalf,
    access_token: &str,
    claims: Map<String, Json>,
) -> Result<String> {
    let facts = id_token::Facts {
        client: &exchange.caller.client,
        grant: &behalf.grant,
        subject: &approval.subject,
        nonce: match &behalf.way {
            Way::Code { nonce, .. } => nonce.as_deref(),
            _ => None,
        },
        access_token,
        claims,
    };
    id_token::mint(exchange.registry, facts, exchange.now)
}

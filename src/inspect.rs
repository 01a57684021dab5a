//! What a token is, and whether it counts: for whoever looks after the clients of an organisation. What belongs to others is
//! inactive and no more, as introspection would say ([RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)).
//!
//! Nothing of a token that is looked at here is written down or logged.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::Value as Json;

use crate::{
    access_token::{self, AccessToken, Inactive, Target},
    error::Result,
    grant_types::refresh_token,
    jose::jws::{self, Compact},
    oauth::{
        client::words,
        refusal::{Field, Refusal},
        scope,
    },
    openid::id_token,
    registry::{
        Registry,
        access::{Access, Permission},
    },
    secret::ClientSecretText,
    store::{
        self,
        apis::Api,
        audit::{Event, Filter},
        clients::Client,
        grants::Grant,
        keys::KeyState,
    },
    time::Timestamp,
};

words! {
    /// What a text is.
    Kind {
        AccessToken = "access_token",
        OpaqueAccessToken = "opaque_access_token",
        RefreshToken = "refresh_token",
        IdToken = "id_token",
        Jwt = "jwt",
        ClientSecret = "client_secret",
        Unknown = "unknown",
    }
}

words! {
    /// How it stands with a signature.
    Signature {
        /// By a key that signs now.
        Current = "valid_current_key",
        /// By a key that signs no more.
        Retired = "valid_retired_key",
        Invalid = "invalid",
        /// By a key that this server does not publish.
        UnknownKey = "unknown_key",
        /// By somebody else.
        NotVerified = "not_verified",
    }
}

/// The end of the year 9999: what lies behind it, as what lies before 1970, is no moment that a token could mean.
const LATEST: i64 = 253_402_300_799;

/// What is found out about a text.
#[derive(Clone, Debug)]
pub struct Inspection {
    pub kind: Kind,
    pub header: Option<Json>,
    pub claims: Option<Json>,
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// Whether it says that it is of this server; `None` if it does not say.
    pub ours: Option<bool>,
    pub signature: Option<Signature>,
    pub kid: Option<String>,
    /// Whether it counts now; `None` where that is no question.
    pub active: Option<bool>,
    /// Why not, or what else is to be said, in one sentence.
    pub why: Option<String>,
    /// (client id, name), of a client of the organisation.
    pub client: Option<(String, String)>,
    /// (audience, name of the API), if it is one of the organisation.
    pub audience: Option<(String, Option<String>)>,
    /// (value, what it allows, in words).
    pub scopes: Vec<(String, Option<String>)>,
    /// Whether it was made for a test.
    pub test: bool,
}

impl Inspection {
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            header: None,
            claims: None,
            issued_at: None,
            expires_at: None,
            ours: None,
            signature: None,
            kid: None,
            active: None,
            why: None,
            client: None,
            audience: None,
            scopes: Vec::new(),
            test: false,
        }
    }

    fn why(self, why: impl Into<String>) -> Self {
        Self {
            why: Some(why.into()),
            ..self
        }
    }

    fn inactive(self) -> Self {
        Self {
            active: Some(false),
            ..self
        }
    }
}

/// Looks into a token and says how it stands. `say` writes moments.
///
/// # Errors
/// Missing permission; bad input for an empty or endless text. When the storage fails.
pub async fn inspect(
    registry: &Registry,
    access: &Access,
    text: &str,
    say: &(dyn Fn(Timestamp) -> String + Sync),
) -> Result<Inspection> {
    access.require(Permission::ClientsRead)?;
    registry.live.fresh().await?;
    let text = text.trim();
    if text.is_empty() || text.len() > jws::MAX_LENGTH {
        let detail = "Paste a token of at most 16 KiB.";
        return Err(Refusal::fields(vec![Field::new("/token", "token", detail)]).into());
    }
    let look = Look {
        registry,
        access,
        now: registry.now(),
        say,
    };
    if text.starts_with("oas_") {
        return Ok(secret(text));
    }
    if text.starts_with(refresh_token::PREFIX) {
        return look.refresh_token(text).await;
    }
    match decoded(text) {
        Some((header, claims)) => look.jwt(text, header, claims).await,
        None if text.starts_with("oat_") => {
            let found = Inspection::of(Kind::OpaqueAccessToken);
            look.access_token(found, access_token::read(registry, text)).await
        }
        None => Ok(Inspection::of(Kind::Unknown).why(malformed(text))),
    }
}

fn secret(text: &str) -> Inspection {
    Inspection::of(Kind::ClientSecret).why(if ClientSecretText::well_formed(text) {
        "This is no token: it is the secret of a client. If it leaked, rotate it now."
    } else {
        "This begins like the secret of a client, but its checksum is wrong: a part is missing, or it was mistyped."
    })
}

/// Header and payload of a JWT, unverified.
fn decoded(text: &str) -> Option<(Json, Json)> {
    let mut parts = text.split('.');
    let json = |part: &str| -> Option<Json> {
        let json: Json = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
        json.is_object().then_some(json)
    };
    let (header, payload) = (json(parts.next()?)?, json(parts.next()?)?);
    (parts.next().is_some() && parts.next().is_none()).then_some((header, payload))
}

/// What keeps a text from being a JWT.
fn malformed(text: &str) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    let is_json = |part: &str| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(part);
        bytes.is_ok_and(|bytes| serde_json::from_slice::<Json>(&bytes).is_ok_and(|json| json.is_object()))
    };
    match parts.as_slice() {
        [_] => "This is neither a JWT nor a token of Oauthority.".to_owned(),
        [header, _, _] if !is_json(header) => "The header of this JWT is not JSON in base64url.".to_owned(),
        [_, payload, _] if !is_json(payload) => {
            "The payload of this JWT is not JSON in base64url.".to_owned()
        }
        _ => format!("A JWT has two dots; this text has {}.", parts.len() - 1),
    }
}

struct Look<'a> {
    registry: &'a Registry,
    access: &'a Access,
    now: Timestamp,
    say: &'a (dyn Fn(Timestamp) -> String + Sync),
}

impl Look<'_> {
    async fn jwt(&self, text: &str, header: Json, claims: Json) -> Result<Inspection> {
        let is_access_token = header["typ"].as_str().is_some_and(|typ| {
            typ.trim_start_matches("application/")
                .eq_ignore_ascii_case("at+jwt")
        });
        let time = |name: &str| {
            let seconds = claims[name].as_i64().filter(|at| (0..=LATEST).contains(at));
            seconds.map(Timestamp::from_seconds)
        };
        let issuer = claims["iss"].as_str();
        let ours = issuer.map(|issuer| issuer == self.registry.config.issuer.as_str());
        let mut found = Inspection {
            issued_at: time("iat"),
            expires_at: time("exp"),
            ours,
            kid: header["kid"].as_str().map(str::to_owned),
            ..Inspection::of(if is_access_token {
                Kind::AccessToken
            } else {
                Kind::Jwt
            })
        };
        if ours == Some(true) {
            found.signature = Some(self.signature(text).await?);
        } else {
            found.signature = Some(Signature::NotVerified);
            found.why = Some("It is not of this server: decoded, not verified.".to_owned());
        }
        found.audience = claims["aud"].as_str().map(|aud| (aud.to_owned(), None));
        let scopes = claims["scope"].as_str().unwrap_or_default().split_whitespace();
        found.scopes = scopes.map(|value| (value.to_owned(), None)).collect();
        (found.header, found.claims) = (Some(header), Some(claims));
        match ours {
            Some(true) if is_access_token => {
                let token = access_token::read(self.registry, text);
                self.access_token(found, token).await
            }
            Some(true) => self.id_token(found, text).await,
            _ => Ok(found),
        }
    }

    async fn signature(&self, text: &str) -> Result<Signature> {
        let Ok(token) = Compact::parse(text) else {
            return Ok(Signature::Invalid);
        };
        let keys = self.registry.live.keys();
        let Some(key) = token.header().kid.as_deref().and_then(|kid| keys.public(kid)) else {
            return Ok(Signature::UnknownKey);
        };
        if key.alg() != Some(token.header().alg) || token.verify(key).is_err() {
            return Ok(Signature::Invalid);
        }
        let kid = key.kid().unwrap_or_default().to_owned();
        drop(keys);
        let stored = store::keys::all(self.registry.db()).await?;
        let retired = stored
            .iter()
            .any(|key| key.kid == kid && key.state == KeyState::Retired);
        Ok(if retired {
            Signature::Retired
        } else {
            Signature::Current
        })
    }

    /// A client of the organisation at hand, in whatever state.
    async fn own(&self, client_id: &str) -> Result<Option<Client>> {
        Ok(store::clients::find_in(self.registry.db(), &[&self.access.org.id], client_id).await?)
    }

    async fn access_token(&self, found: Inspection, token: Option<AccessToken>) -> Result<Inspection> {
        // What nobody here made, and what belongs to others, looks the same.
        let Some(token) = token else {
            return Ok(found.inactive());
        };
        let Some(client) = self.own(&token.client_id).await? else {
            return Ok(found.inactive());
        };
        let apis = store::apis::of_organization(self.registry.db(), &self.access.org.id).await?;
        let api = apis.iter().find(|api| match &token.target {
            Target::Audience(audience) => api.audience == *audience,
            Target::Api(id) => api.id == *id,
        });
        let audience = match (&token.target, api) {
            (_, Some(api)) => Some((api.audience.clone(), Some(api.name.clone()))),
            (Target::Audience(audience), None) => Some((audience.clone(), None)),
            (Target::Api(_), None) => None,
        };
        let judged = access_token::judge(self.registry, &token, self.now);
        let why = match judged {
            Ok(_) => None,
            Err(reason) => Some(self.reason(reason, &token, &client).await?),
        };
        Ok(Inspection {
            issued_at: Some(token.issued_at),
            expires_at: Some(token.expires_at),
            ours: Some(true),
            active: Some(why.is_none()),
            why,
            client: Some((client.client_id, client.name)),
            audience,
            scopes: token.scope.split(' ').map(|value| in_words(api, value)).collect(),
            test: token.test,
            ..found
        })
    }

    /// Why a token does not count, in a sentence.
    async fn reason(&self, reason: Inactive, token: &AccessToken, client: &Client) -> Result<String> {
        let stopped = |what: &str| {
            let at = client.status_at.map(|at| format!(" {}", (self.say)(at)));
            let by = client.status_by.as_ref().map(|by| format!(" by {by}"));
            format!(
                "Its client was {what}{}{}.",
                at.unwrap_or_default(),
                by.unwrap_or_default()
            )
        };
        Ok(match reason {
            Inactive::Expired => format!("It expired {}.", (self.say)(token.expires_at)),
            Inactive::Early => "It says that it was issued in the future.".to_owned(),
            Inactive::ClientGone => stopped("deleted"),
            Inactive::ClientDisabled => stopped("disabled"),
            Inactive::CutOff => {
                "Its client was disabled or cut off since it was issued; tokens from before stay dead."
                    .to_owned()
            }
            Inactive::Revoked => self.revoked(token).await?,
            Inactive::GrantEnded => match &token.grant_id {
                Some(id) => {
                    let grant = store::grants::find(self.registry.db(), id).await?;
                    self.ended(grant.as_ref())
                }
                None => self.ended(None),
            },
            Inactive::ScopeGone => self.ungranted(token),
            Inactive::ApiGone => "The API that it is for is gone.".to_owned(),
        })
    }

    async fn revoked(&self, token: &AccessToken) -> Result<String> {
        let filter = Filter {
            resource: Some(token.jti.clone()),
            action: Some("token.revoked".to_owned()),
            ..Filter::default()
        };
        let events = store::audit::list(self.registry.db(), &self.access.org.id, &filter, 1).await?;
        Ok(match events.first() {
            Some(Event { at, actor_name, .. }) => {
                format!("It was revoked {} by {actor_name}.", (self.say)(*at))
            }
            None => "It was revoked.".to_owned(),
        })
    }

    fn ended(&self, grant: Option<&Grant>) -> String {
        let at = grant.and_then(|grant| grant.revoked_at);
        let why = grant
            .and_then(|grant| grant.revoked_why.as_deref())
            .unwrap_or_default();
        let at = at.map(|at| format!(" {}", (self.say)(at))).unwrap_or_default();
        let why = match why {
            "" => String::new(),
            word => format!(" ({})", word.replace('_', " ")),
        };
        format!("What the person had allowed ended{at}{why}.")
    }

    fn ungranted(&self, token: &AccessToken) -> String {
        let live = self.registry.live.client(&token.client_id);
        let gone: Vec<&str> = token
            .scope
            .split(' ')
            .filter(|value| {
                live.as_ref()
                    .is_none_or(|client| !scope::is_granted(&client.granted, client.oidc(), value))
            })
            .collect();
        match gone.as_slice() {
            // Each is granted, so at least one is so only again.
            [] => {
                "What it holds was taken away since it was issued. Granted again, it is for new tokens only."
                    .to_owned()
            }
            gone => format!("It holds what is not granted any more: {}.", gone.join(", ")),
        }
    }

    async fn refresh_token(&self, text: &str) -> Result<Inspection> {
        let found = Inspection::of(Kind::RefreshToken);
        let Some(named) = refresh_token::read(&self.registry.keyring, text) else {
            return Ok(found.inactive());
        };
        let Some(grant) = store::grants::find(self.registry.db(), &named.grant_id).await? else {
            return Ok(found.inactive());
        };
        let Some(client) = self.own(&grant.client_id).await? else {
            return Ok(found.inactive());
        };
        let ends = grant.idle_expires_at.min(grant.expires_at);
        let live = self.registry.live.client(&grant.client_id);
        let why = if grant.revoked_at.is_some() {
            Some(self.ended(Some(&grant)))
        } else if self.now >= ends {
            Some(format!("It expired {}.", (self.say)(ends)))
        } else if live.is_none_or(|live| grant.client_epoch < live.epoch) {
            Some("Its client was deleted, disabled or cut off since it was issued.".to_owned())
        } else if named.counter != grant.refresh_counter {
            Some("A newer refresh token took its place. Using it again ends the grant.".to_owned())
        } else {
            None
        };
        Ok(Inspection {
            issued_at: grant.rotated_at.or(Some(grant.created_at)),
            expires_at: Some(ends),
            ours: Some(true),
            active: Some(why.is_none()),
            why,
            client: Some((client.client_id, client.name)),
            scopes: grant
                .scopes
                .iter()
                .map(|key| {
                    (
                        key.value.to_string(),
                        scope::openid_words(&key.value).map(str::to_owned),
                    )
                })
                .collect(),
            ..found
        })
    }

    async fn id_token(&self, found: Inspection, text: &str) -> Result<Inspection> {
        let Some(hint) = id_token::read_hint(self.registry, text) else {
            return Ok(found);
        };
        let client = self.own(&hint.client_id).await?;
        let found = Inspection {
            kind: Kind::IdToken,
            client: client.map(|client| (client.client_id, client.name)),
            ..found
        };
        Ok(found.why("An ID token says who signed in; it opens no API."))
    }
}

/// A scope, with what it allows.
fn in_words(api: Option<&Api>, value: &str) -> (String, Option<String>) {
    let own = api.and_then(|api| api.scopes.iter().find(|scope| scope.value == value));
    let words = own
        .map(|scope| scope.description.clone())
        .or_else(|| scope::openid_words(value).map(str::to_owned));
    (value.to_owned(), words)
}

//! Passkeys. [WebAuthn](https://www.w3.org/TR/webauthn-3/)
//!
//! A passkey is discoverable and its holder is verified by the device, so it is two factors and needs no user name. The
//! state of a ceremony is sealed and bound to what the caller names (a session, a sign-in); its nonce is spent before the
//! answer is looked at, so that no answer counts twice. A signature counter that does not move on is refused.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use uuid::Uuid;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};

use crate::{
    db::WriteError,
    error::{Error, Result},
    oauth::{
        name,
        refusal::{Code, Refusal},
    },
    registry::{
        Registry,
        access::Actor,
        assurance::{self, Prover},
        people,
        sessions::Browser,
        sign_in::{self, Proof},
    },
    store::{
        self,
        passkeys::Passkey,
        sessions::Session,
        users::{User, UserStatus},
    },
    time::{Lifetime, Timestamp},
};

/// How many passkeys a person may have.
const MOST: i64 = 10;
/// How long a ceremony may take.
pub const PATIENCE: Lifetime = Lifetime::minutes(5);

const PURPOSE: &str = "passkey ceremony";

/// A ceremony that has begun: what the browser is told, and what it gives back.
pub struct Begun {
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Json,
    pub sealed: String,
}

#[derive(Serialize, Deserialize)]
struct Ceremony<S> {
    /// Whose passkey it must be; the empty text stands for anybody's.
    user: String,
    bound: String,
    until: i64,
    nonce: String,
    state: S,
}

/// This server as browsers know it; none where its issuer is an IP address, for which there are no passkeys.
fn relying_party(registry: &Registry) -> Option<Webauthn> {
    let url = registry.config.issuer.url();
    WebauthnBuilder::new(url.domain()?, url)
        .ok()?
        .rp_name("Oauthority")
        .build()
        .ok()
}

/// Whether passkeys work here.
pub fn available(registry: &Registry) -> bool {
    registry.config.issuer.url().domain().is_some()
}

fn needed(registry: &Registry) -> Result<Webauthn> {
    relying_party(registry).ok_or_else(|| {
        Code::FeatureUnavailable
            .because("passkeys need a server that is reached by name: the operator sets `issuer` to one")
            .into()
    })
}

/// The id by which an authenticator knows a person: the number in his own.
fn handle(user: &User) -> Result<Uuid> {
    let number = user.id.strip_prefix("usr_").unwrap_or_default();
    Uuid::parse_str(number).map_err(|_| Error::internal("the id of a person holds no UUID"))
}

fn seal<S: Serialize>(registry: &Registry, kind: &str, user: &str, bound: &str, state: S) -> Result<String> {
    let ceremony = Ceremony {
        user: user.to_owned(),
        bound: bound.to_owned(),
        until: registry.now().after(PATIENCE).millis(),
        nonce: registry.entropy.token(16),
        state,
    };
    let text = serde_json::to_vec(&ceremony).map_err(Error::internal)?;
    let purpose = format!("{PURPOSE} {kind}");
    Ok(BASE64_URL_SAFE_NO_PAD.encode(
        registry
            .keyring
            .seal(&registry.entropy, purpose.as_bytes(), &text),
    ))
}

/// Opens a ceremony and spends it.
async fn open<S: DeserializeOwned>(
    registry: &Registry,
    kind: &str,
    bound: &str,
    sealed: &str,
) -> Result<Ceremony<S>> {
    let purpose = format!("{PURPOSE} {kind}");
    let ceremony: Option<Ceremony<S>> = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok().and_then(|mut sealed| {
        let text = registry.keyring.open(purpose.as_bytes(), &mut sealed)?;
        serde_json::from_slice(text).ok()
    });
    let now = registry.now();
    let Some(ceremony) = ceremony.filter(|c| c.bound == bound && now.millis() < c.until) else {
        return Err(over().into());
    };
    let digest = registry.keyring.digest(PURPOSE, ceremony.nonce.as_bytes());
    let until = Timestamp::from_millis(ceremony.until);
    let spent = store::once::spend_new(digest.as_bytes(), PURPOSE, now, until);
    match registry.db().write(spent.into()).await {
        Ok(_) => Ok(ceremony),
        Err(WriteError::Unmet("spent")) => Err(over().into()),
        Err(error) => Err(error.into()),
    }
}

fn over() -> Refusal {
    Code::Unauthenticated
        .because("This took too long, or was begun on another page. Try again.")
        .reason("ceremony")
}

fn refused(error: &WebauthnError) -> Refusal {
    tracing::info!(%error, "a passkey was refused");
    Code::Unauthenticated
        .because("This passkey does not work here. Use another one, or sign in with your password.")
        .reason("passkey")
}

/// Begins to make a passkey for a person.
///
/// # Errors
/// `feature_unavailable` where there can be none; `conflict` when the person has as many as he may.
pub async fn start_creation(registry: &Registry, user: &User, bound: &str) -> Result<Begun> {
    let relying_party = needed(registry)?;
    let own = store::passkeys::of_user(registry.db(), &user.id).await?;
    if i64::try_from(own.len()).unwrap_or(i64::MAX) >= MOST {
        return Err(most().into());
    }
    // Ids may be long, and the state travels in a cookie: an id that is left out is refused when it comes again.
    let known: Vec<CredentialID> = own
        .iter()
        .filter(|passkey| passkey.id.len() <= 128)
        .filter_map(|passkey| BASE64_URL_SAFE_NO_PAD.decode(&passkey.id).ok())
        .collect();
    let (challenge, state) = relying_party
        .start_passkey_registration(handle(user)?, &user.username, &user.display_name, Some(known))
        .map_err(Error::internal)?;
    let mut options = serde_json::to_value(challenge.public_key).map_err(Error::internal)?;
    options["authenticatorSelection"]["residentKey"] = json!("required");
    options["authenticatorSelection"]["requireResidentKey"] = json!(true);
    Ok(Begun {
        options,
        sealed: seal(registry, "create", &user.id, bound, state)?,
    })
}

fn most() -> Refusal {
    Code::Conflict
        .because(format!(
            "An account has at most {MOST} passkeys: remove one first."
        ))
        .reason("passkey.most")
}

/// Keeps the passkey that an authenticator made for a person.
///
/// # Errors
/// `unauthenticated` when it does not fit what was begun; `conflict` for a passkey known already, or one too many;
/// `insufficient_user_authentication`.
pub async fn create(
    registry: &Registry,
    actor: &Actor,
    (user, prover): (&User, Prover<'_>),
    (bound, sealed): (&str, &str),
    name: &str,
    made: &RegisterPublicKeyCredential,
) -> Result<()> {
    prover.check(registry, user).await?;
    let relying_party = needed(registry)?;
    let ceremony: Ceremony<PasskeyRegistration> = open(registry, "create", bound, sealed).await?;
    if ceremony.user != user.id {
        return Err(over().into());
    }
    let credential = relying_party
        .finish_passkey_registration(made, &ceremony.state)
        .map_err(|error| refused(&error))?;
    let passkey = Passkey {
        id: BASE64_URL_SAFE_NO_PAD.encode(credential.cred_id()),
        user_id: user.id.clone(),
        name: named(name)?,
        credential: serde_json::to_string(&credential).map_err(Error::internal)?,
        created_at: registry.now(),
        last_used_at: None,
    };
    let mut batch = assurance::adding(registry, user, prover, "pop user");
    batch.push(store::passkeys::add(&passkey, MOST));
    let details = json!({ "factor": "passkey", "name": passkey.name });
    people::tell(registry, actor, user, "user.factor_added", &details, &mut batch).await?;
    registry.live.commit(batch).await.map_err(|error| match error {
        WriteError::Unmet("most") => most().into(),
        error if error.is_unique("passkeys", "id") => Code::Conflict
            .because("This passkey is in use already.")
            .reason("passkey.exists")
            .into(),
        other => Error::from(other),
    })?;
    Ok(())
}

/// As [`create`], in the middle of a sign-in: the passkey proves its holder at once.
///
/// # Errors
/// As [`create`].
pub async fn create_in_sign_in(
    registry: &Registry,
    proof: Proof,
    (bound, sealed): (&str, &str),
    name: &str,
    made: &RegisterPublicKeyCredential,
    browser: &Browser,
) -> Result<Proof> {
    let actor = browser.actor(&proof.user);
    let prover = Prover::SignIn(browser.session_of(&proof.user.id));
    let maker = (&proof.user, prover);
    create(registry, &actor, maker, (bound, sealed), name, made).await?;
    Ok(proof.and(registry, "pop user"))
}

fn named(name: &str) -> Result<String> {
    name::check_optional(name, 60).map_err(|detail| Code::Invalid.because(detail))?;
    let name = name::normal(name);
    Ok(if name.is_empty() {
        "Passkey".to_owned()
    } else {
        name
    })
}

/// Begins to ask for a passkey: a person's, or anybody's.
///
/// # Errors
/// `feature_unavailable` where there can be none.
pub async fn start_proof(registry: &Registry, user: Option<&User>, bound: &str) -> Result<Begun> {
    let relying_party = needed(registry)?;
    let (challenge, state) = relying_party
        .start_discoverable_authentication()
        .map_err(Error::internal)?;
    let mut options = serde_json::to_value(challenge.public_key).map_err(Error::internal)?;
    if let Some(user) = user {
        let own = store::passkeys::of_user(registry.db(), &user.id).await?;
        let descriptors: Vec<Json> = own
            .iter()
            .map(|passkey| json!({ "type": "public-key", "id": passkey.id }))
            .collect();
        options["allowCredentials"] = json!(descriptors);
    }
    let user = user.map_or("", |user| &user.id);
    Ok(Begun {
        options,
        sealed: seal(registry, "prove", user, bound, state)?,
    })
}

/// Checks what an authenticator signed. Whoever has begun a sign-in with something else has proven both.
///
/// # Errors
/// `unauthenticated` when it does not fit what was begun, whatever is wrong.
pub async fn prove(
    registry: &Registry,
    (bound, sealed): (&str, &str),
    signed: &PublicKeyCredential,
    begun: Option<Proof>,
) -> Result<Proof> {
    let relying_party = needed(registry)?;
    let ceremony: Ceremony<DiscoverableAuthentication> = open(registry, "prove", bound, sealed).await?;
    let unknown = || Error::from(refused(&WebauthnError::CredentialNotFound));
    let id = BASE64_URL_SAFE_NO_PAD.encode(signed.get_credential_id());
    let passkey = store::passkeys::find(registry.db(), &id)
        .await?
        .filter(|passkey| ceremony.user.is_empty() || passkey.user_id == ceremony.user)
        .ok_or_else(unknown)?;
    let user = store::users::find(registry.db(), &passkey.user_id)
        .await?
        .filter(|user| user.status == UserStatus::Active)
        .ok_or_else(unknown)?;
    let handle = handle(&user)?;
    let foreign = |told: &[u8]| told != handle.as_bytes();
    if signed.get_user_unique_id().is_some_and(foreign) {
        return Err(unknown());
    }
    let mut credential: Credential = serde_json::from_str(&passkey.credential).map_err(Error::internal)?;
    let outcome = relying_party
        .finish_discoverable_authentication_v2(signed, ceremony.state, &credential)
        .map_err(|error| refused(&error))?;
    if !outcome.user_verified() {
        return Err(refused(&WebauthnError::UserNotVerified).into());
    }
    credential.update_credential(&outcome);
    let kept = serde_json::to_string(&credential).map_err(Error::internal)?;
    let used = store::passkeys::note_use(&passkey, &kept, registry.now());
    registry
        .db()
        .write(used.into())
        .await
        .map_err(|error| match error {
            WriteError::Unmet("raced") => over().into(),
            other => Error::from(other),
        })?;
    Ok(match begun.filter(|begun| begun.user.id == user.id) {
        Some(begun) => begun.and(registry, "pop user"),
        None => sign_in::of_passkey(registry, user),
    })
}

/// The passkeys of a person, oldest first.
///
/// # Errors
/// When the storage fails.
pub async fn of_user(registry: &Registry, user: &User) -> Result<Vec<Passkey>> {
    Ok(store::passkeys::of_user(registry.db(), &user.id).await?)
}

fn unknown() -> Refusal {
    Code::NotFound.because("you have no passkey with this id")
}

fn gone(error: WriteError) -> Error {
    match error {
        WriteError::Unmet("passkey") => unknown().into(),
        other => other.into(),
    }
}

/// Gives a passkey another name.
///
/// # Errors
/// `not_found`; a name that is too long.
pub async fn rename(registry: &Registry, user: &User, id: &str, name: &str) -> Result<()> {
    let renamed = store::passkeys::rename(id, &user.id, &named(name)?);
    registry.db().write(renamed.into()).await.map_err(gone)?;
    Ok(())
}

/// Removes a passkey.
///
/// # Errors
/// `not_found`; `insufficient_user_authentication`.
pub async fn remove(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    session: &Session,
    id: &str,
) -> Result<()> {
    assurance::check_session(registry, user, session).await?;
    let mut batch = assurance::changing(registry, user, Some(session), "factor_removed");
    batch.push(store::passkeys::remove(id, &user.id));
    let details = json!({ "factor": "passkey" });
    people::tell(registry, actor, user, "user.factor_removed", &details, &mut batch).await?;
    registry.live.commit(batch).await.map_err(gone)?;
    Ok(())
}

//! Signing keys: pending (published, not signing), active, retired (verifying what it signed).
//!
//! A key is published for twice the time that verifiers cache the key set before it signs anything, and stays
//! published until nothing it signed can be valid any more.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    jose::{Alg, signing_key::SigningKey},
    oauth::refusal::Code,
    registry::{Registry, Resource, access::Access, access::Permission, announce},
    secret::{Entropy, Keyring},
    store::{
        self, changes,
        keys::{KeyState, StoredKey},
    },
    time::{Lifetime, Timestamp},
};

/// For how long verifiers may cache the key set.
pub const CACHE: Lifetime = Lifetime::seconds(300);

/// For how long a key is published before it signs.
pub const PUBLISHED_AHEAD: Lifetime = Lifetime::seconds(600);

/// The longest life of anything signed, with room for clocks that differ.
const LONGEST_TOKEN: Lifetime = Lifetime::seconds(86_400 + 300);

/// The algorithms that access tokens can be signed with.
pub const ALGORITHMS: [Alg; 3] = [Alg::Es256, Alg::EdDsa, Alg::Rs256];

/// Makes a key and seals it.
///
/// # Errors
/// When the cryptographic library fails.
pub fn make(
    keyring: &Keyring,
    entropy: &Entropy,
    alg: Alg,
    state: KeyState,
    now: Timestamp,
) -> Result<StoredKey> {
    let key = SigningKey::generate(alg).map_err(Error::internal)?;
    let document = key.to_pkcs8().map_err(Error::internal)?;
    Ok(StoredKey {
        kid: key.kid().to_owned(),
        algorithm: alg.name().to_owned(),
        state,
        sealed: keyring.wrap(entropy, key.kid(), &document),
        created_at: now,
        activated_at: (state == KeyState::Active).then_some(now),
        retired_at: None,
    })
}

/// Every key, newest first.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<StoredKey>> {
    access.require(Permission::InstanceRead)?;
    Ok(store::keys::all(registry.db()).await?)
}

/// Publishes a new key for an algorithm; it begins to sign by itself after [`PUBLISHED_AHEAD`].
///
/// # Errors
/// `conflict` when one is pending already; missing permission.
pub async fn rotate(registry: &Registry, access: &Access, alg: Alg) -> Result<StoredKey> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let pending = store::keys::all(registry.db()).await?;
    if let Some(key) = pending
        .iter()
        .find(|k| k.algorithm == alg.name() && k.state == KeyState::Pending)
    {
        return Err(Code::Conflict
            .because(format!(
                "the key {} is pending already and begins to sign shortly",
                key.kid
            ))
            .reason("key.pending")
            .into());
    }
    let now = registry.now();
    let key = new_key(registry, alg, KeyState::Pending).await?;
    let mut batch = Batch::default();
    batch.push(store::keys::add(&key));
    finish(registry, access, batch, &key, "key.created", now).await?;
    Ok(key)
}

/// RSA keys take a while to make; not on a thread that serves requests.
async fn new_key(registry: &Registry, alg: Alg, state: KeyState) -> Result<StoredKey> {
    let keyring = std::sync::Arc::clone(&registry.keyring);
    let (entropy, now) = (registry.entropy.clone(), registry.now());
    tokio::task::spawn_blocking(move || make(&keyring, &entropy, alg, state, now))
        .await
        .map_err(Error::internal)?
}

/// Retires a key at once, as after a leak. If it was the one that signs, the pending one takes over, or a new one: then
/// verifiers that cache the key set reject new tokens until they fetch it again.
///
/// # Errors
/// `not_found`; `conflict` when it is retired already; missing permission.
pub async fn retire(registry: &Registry, access: &Access, kid: &str) -> Result<Vec<StoredKey>> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let keys = store::keys::all(registry.db()).await?;
    let key = keys
        .iter()
        .find(|k| k.kid == kid)
        .ok_or_else(|| Code::NotFound.because("there is no signing key with this kid"))?;
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::keys::retire(kid, now));
    let same = |k: &&StoredKey| k.algorithm == key.algorithm && k.kid != kid;
    let another = keys.iter().filter(same).any(|k| k.state == KeyState::Active);
    if key.state == KeyState::Active && !another {
        match keys.iter().filter(same).find(|k| k.state == KeyState::Pending) {
            Some(pending) => batch.push(store::keys::activate(&pending.kid, now)),
            None => {
                let alg = Alg::named(&key.algorithm).ok_or_else(|| Error::internal("unknown algorithm"))?;
                batch.push(store::keys::add(&new_key(registry, alg, KeyState::Active).await?));
            }
        }
    }
    finish(registry, access, batch, key, "key.retired", now).await?;
    Ok(store::keys::all(registry.db()).await?)
}

async fn finish(
    registry: &Registry,
    access: &Access,
    mut batch: Batch,
    key: &StoredKey,
    action: &str,
    now: Timestamp,
) -> Result<()> {
    announce(&mut batch, changes::Kind::Key, &key.kid, now);
    let resource = Resource {
        kind: "key",
        id: &key.kid,
        name: &key.algorithm,
    };
    let details = json!({ "algorithm": key.algorithm });
    let event = registry.event(&access.actor, &access.org.id, action, resource, details);
    batch.push(store::audit::append(&event));
    registry
        .commit(access, batch)
        .await
        .map_err(|error| match error {
            WriteError::Unmet("key_state") => Code::Conflict
                .because("this key is retired already")
                .reason("key.retired")
                .into(),
            other => Error::from(other),
        })?;
    Ok(())
}

/// Moves keys on: what was published long enough begins to sign, what it replaces retires, what cannot matter any more
/// goes.
///
/// # Errors
/// When the storage fails.
pub async fn advance(registry: &Registry) -> Result<()> {
    let now = registry.now();
    let keys = store::keys::all(registry.db()).await?;
    let mut batch = Batch::default();
    let is_due = |k: &&StoredKey| k.state == KeyState::Pending && k.created_at <= now.before(PUBLISHED_AHEAD);
    for alg in ALGORITHMS {
        // Newest first; older ones that were published side by side with it never sign.
        let mut due = keys.iter().filter(|k| k.algorithm == alg.name()).filter(is_due);
        let Some(next) = due.next() else { continue };
        batch.push(store::keys::activate(&next.kid, now));
        let active = keys
            .iter()
            .filter(|k| k.algorithm == alg.name() && k.state == KeyState::Active);
        for old in active.chain(due) {
            batch.push(store::keys::retire(&old.kid, now));
        }
    }
    for key in &keys {
        if key.retired_at.is_some_and(|at| at <= now.before(LONGEST_TOKEN)) {
            batch.push(store::keys::remove(&key.kid));
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    announce(&mut batch, changes::Kind::Key, "all", now);
    match registry.live.commit(batch).await {
        // Another node was first.
        Ok(_) | Err(WriteError::Unmet("key_state")) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

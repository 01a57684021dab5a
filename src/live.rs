//! What the request path reads: clients, APIs, organisations, signing keys and revocations, in memory.
//!
//! The database is where they come from. Every change that can alter an answer is a row of the change log, written in
//! the same transaction; a node applies the log in order, and a change is acknowledged only once it has been applied
//! here. While this node cannot know that it is up to date it asks the database first, and if that fails it refuses to
//! answer: never "active" by guess.

mod clocks; // whether the clock may be believed, and what is past for sure
mod verified; // tokens whose signature was verified

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{
        Arc, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::{
    db::{Batch, Db, DbError, Done, WriteError},
    error::{Error, Failure, Result},
    jose::{Alg, jwk::Jwk, jws::PreparedHeader, signing_key::SigningKey},
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, Kind, Status},
        people_settings::{ResponseAlg, SubjectType},
        redirect,
        scope::{Granted, ScopeKey},
    },
    secret::Keyring,
    store::{self, apis::TokenFormat, changes, credentials, grants, keys::KeyState, revocations},
    time::{Clock, Lifetime, SharedReading, Timestamp},
};

use clocks::Clocks;
use verified::Verified;

/// A client as the request path needs it.
#[derive(Debug)]
pub struct Client {
    pub id: Arc<str>,
    pub org_id: Arc<str>,
    pub kind: Kind,
    pub application_type: ApplicationType,
    pub status: Status,
    /// The number at which it was last cut off: what names a lower one is dead.
    pub epoch: i64,
    /// The number of the last change of what it may, which is never below `epoch`: what is made now names it.
    pub incarnation: i64,
    pub grant_types: Vec<GrantType>,
    pub auth_method: Option<AuthMethod>,
    pub lifetime: Option<Lifetime>,
    pub secrets: Vec<ClientSecret>,
    /// Default audience first.
    pub granted: Vec<Granted>,
    /// `None` for a client that acts for itself only: most do, and this is large.
    pub for_people: Option<Box<ForPeople>>,
}

impl Client {
    /// Whether it may ask for a scope of OpenID Connect.
    pub fn may_ask(&self, scope: &str) -> bool {
        self.oidc().iter().any(|value| value.as_ref() == scope)
    }

    /// The number at which it was granted a scope of OpenID Connect.
    fn openid_since(&self, scope: &str) -> Option<i64> {
        let people = self.for_people.as_ref()?;
        let at = people.oidc.iter().position(|value| value.as_ref() == scope)?;
        Some(people.oidc_since.get(at).copied().unwrap_or_default())
    }

    /// The number at which it was granted a scope, directly or by implication.
    pub fn since(&self, key: &ScopeKey) -> Option<i64> {
        match &key.api {
            None => self.openid_since(&key.value),
            Some(api) => {
                let mut granted = self.granted.iter();
                granted.find(|granted| granted.api == *api)?.since(&key.value)
            }
        }
    }

    /// Whether what a person gave it at this number, or it asked for then, still holds a scope: it is granted now, and has
    /// been since. What was taken away and granted again is another incarnation.
    pub fn holds(&self, key: &ScopeKey, incarnation: i64) -> bool {
        self.epoch <= incarnation && self.since(key).is_some_and(|since| since <= incarnation)
    }

    /// As [`holds`](Self::holds), of what a person allowed it: their word outlives a cut of the client's tokens.
    pub fn counts(&self, key: &ScopeKey, incarnation: i64) -> bool {
        self.since(key).is_some_and(|since| since <= incarnation)
    }

    /// Whether everything in a token of this number is still granted, and has been since: `granted` is what the client has
    /// at the API of the token. Scopes of OpenID Connect are in tokens on behalf of a person only.
    pub fn allows_all(
        &self,
        granted: Option<&Granted>,
        scope: &str,
        for_person: bool,
        incarnation: i64,
    ) -> bool {
        let holds = |since: Option<i64>| since.is_some_and(|since| since <= incarnation);
        scope.split(' ').all(|value| {
            holds(granted.and_then(|granted| granted.since(value)))
                || for_person && holds(self.openid_since(value))
        })
    }

    /// The scopes of OpenID Connect that it may ask for.
    pub fn oidc(&self) -> &[Arc<str>] {
        self.for_people.as_ref().map_or(&[], |people| &people.oidc)
    }

    /// Where its answers may go.
    pub fn redirect_uris(&self) -> &[String] {
        self.for_people
            .as_ref()
            .map_or(&[], |people| &people.redirect_uris)
    }

    /// Where its pages are that speak to this server themselves; only public clients have such.
    pub fn origins(&self) -> &[String] {
        self.for_people.as_ref().map_or(&[], |people| &people.origins)
    }

    /// What it knows people by is derived from this, if they have names of their own there.
    pub fn pairwise_sector(&self) -> Option<&str> {
        self.for_people.as_ref()?.pairwise_sector.as_deref()
    }

    /// How its ID tokens are signed.
    pub fn id_token_alg(&self) -> Alg {
        self.for_people
            .as_ref()
            .map_or(Alg::Rs256, |people| people.id_token_alg)
    }
}

/// What the flows need in which a person stands behind the token.
#[derive(Debug)]
pub struct ForPeople {
    pub name: Arc<str>,
    pub home_page: Option<String>,
    pub redirect_uris: Vec<String>,
    /// Origins of the redirect URIs, of a client that runs in browsers.
    pub origins: Vec<String>,
    /// Granted scopes of OpenID Connect.
    pub oidc: Vec<Arc<str>>,
    /// The number at which each of them was granted, in their order; empty where all were there from the start.
    pub oidc_since: Vec<i64>,
    /// Those of all granted scopes that a person may leave out.
    pub optional_scopes: Vec<ScopeKey>,
    pub require_consent: bool,
    pub first_party: bool,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: bool,
    pub id_token_alg: Alg,
    /// `None`: plain JSON.
    pub userinfo_alg: Option<Alg>,
    /// For a client that knows people by identifiers of its own: what those are derived from. Organisation and host,
    /// so that no other organisation gets the same by naming the same host.
    pub pairwise_sector: Option<String>,
    /// How old a sign-in may be if the request does not say.
    pub default_max_age: Option<Lifetime>,
    pub require_auth_time: bool,
    pub require_second_factor: bool,
}

/// A secret that may authenticate its client.
#[derive(Debug)]
pub struct ClientSecret {
    pub id: Arc<str>,
    pub digest: Vec<u8>,
    pub stops_at: Option<Timestamp>,
}

/// A resource server as the request path needs it.
#[derive(Debug)]
pub struct Api {
    pub id: Arc<str>,
    pub org_id: Option<Arc<str>>,
    pub audience: Arc<str>,
    pub format: TokenFormat,
    pub lifetime: Option<Lifetime>,
    pub algorithm: Option<Alg>,
    /// A value and everything it implies, itself included.
    implied: HashMap<Arc<str>, Vec<Implied>>,
}

/// A value that comes with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Implied {
    pub value: Arc<str>,
    /// The number since which it does.
    pub since: i64,
}

impl Api {
    /// The userinfo endpoint as an audience: that of a token which is for nothing else. Its scopes belong to no API.
    pub fn userinfo(issuer: &str) -> Self {
        Self {
            id: Arc::from("userinfo"),
            org_id: None,
            audience: Arc::from(issuer),
            format: TokenFormat::Jwt,
            lifetime: None,
            algorithm: None,
            implied: HashMap::new(),
        }
    }

    /// Everything that a value grants, itself included; empty if this API has no such scope.
    pub fn implied(&self, value: &str) -> &[Implied] {
        self.implied.get(value).map_or(&[], Vec::as_slice)
    }
}

/// A key that signs, with what is the same in every token it signs.
pub struct ActiveKey {
    pub key: SigningKey,
    pub access_token_header: PreparedHeader,
}

/// The signing keys of one moment.
#[derive(Default)]
pub struct Keys {
    active: HashMap<&'static str, Arc<ActiveKey>>,
    public: HashMap<String, Jwk>,
    /// The JWK Set document ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)) and its entity tag.
    pub document: Bytes,
    pub etag: String,
}

impl Keys {
    /// The key that signs with this algorithm.
    pub fn active(&self, alg: Alg) -> Option<&Arc<ActiveKey>> {
        self.active.get(alg.name())
    }

    /// A published key.
    pub fn public(&self, kid: &str) -> Option<&Jwk> {
        self.public.get(kid)
    }

    /// The algorithms that have an active key.
    pub fn algorithms(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.active.keys().copied().collect();
        names.sort_unstable();
        names
    }
}

/// APIs and organisations: few, so replaced whole.
#[derive(Default)]
struct Catalogue {
    apis: HashMap<Arc<str>, Arc<Api>>,
    organization_lifetimes: HashMap<String, Option<Lifetime>>,
}

const SHARDS: usize = 64;

type Shard = RwLock<HashMap<Arc<str>, Arc<Client>, RandomState>>;

/// The snapshot.
pub struct Live {
    db: Db,
    keyring: Arc<Keyring>,
    clock: Clock,
    hasher: RandomState,
    clients: Vec<Shard>,
    catalogue: ArcSwap<Catalogue>,
    keys: ArcSwap<Keys>,
    revoked: RwLock<HashMap<String, Timestamp, RandomState>>,
    /// How many active clients have pages of an origin.
    origins: RwLock<HashMap<String, usize, RandomState>>,
    applied: AtomicI64,
    /// When the log was last read to its end.
    checked_at: SharedReading,
    /// How often a change was, or may have been, committed here.
    doubts: AtomicU64,
    /// How many of these the log was read to its end after. Fewer than there are: memory may be behind.
    settled: AtomicU64,
    applying: tokio::sync::Mutex<()>,
    clocks: Clocks,
    /// Tokens whose signature this node has verified.
    pub verified: Verified,
    /// Whether personal credentials are allowed on this instance.
    personal: bool,
}

/// How long a node may answer from memory after it last read the log to its end. No wall takes part in it.
const LEASE: Lifetime = Lifetime::seconds(30);

impl Live {
    /// Reads the snapshot. `personal` says whether personal credentials are allowed on this instance.
    ///
    /// # Errors
    /// When the storage fails, or a signing key cannot be opened with the key file.
    pub async fn load(db: Db, keyring: Arc<Keyring>, clock: Clock, personal: bool) -> Result<Arc<Self>> {
        let hasher = RandomState::default();
        let live = Self {
            clients: (0..SHARDS)
                .map(|_| RwLock::new(HashMap::with_hasher(hasher.clone())))
                .collect(),
            revoked: RwLock::new(HashMap::with_hasher(hasher.clone())),
            origins: RwLock::new(HashMap::with_hasher(hasher.clone())),
            hasher,
            db,
            keyring,
            clock,
            catalogue: ArcSwap::default(),
            keys: ArcSwap::default(),
            applied: AtomicI64::new(0),
            checked_at: SharedReading::none(),
            doubts: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            applying: tokio::sync::Mutex::new(()),
            clocks: Clocks::default(),
            verified: Verified::none().map_err(Error::internal)?,
            personal,
        };
        live.look_at_clocks().await?;
        live.trust_clock()?;
        live.recall_time().await?;
        live.reload().await?;
        Ok(Arc::new(live))
    }

    /// The database behind the snapshot.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// The client with this id; `None` if there is none or it was deleted.
    pub fn client(&self, id: &str) -> Option<Arc<Client>> {
        read(self.shard(id)).get(id).cloned()
    }

    /// The clients of an organisation where people sign in. Looks at all clients: for what is rare.
    pub fn clients_of(&self, org_id: &str) -> Vec<Arc<Client>> {
        let mut found = Vec::new();
        for shard in &self.clients {
            let shard = read(shard);
            let own = shard.values().filter(|client| *client.org_id == *org_id);
            found.extend(own.filter(|client| client.for_people.is_some()).cloned());
        }
        found
    }

    /// The API with this id.
    pub fn api(&self, id: &str) -> Option<Arc<Api>> {
        self.catalogue.load().apis.get(id).cloned()
    }

    /// The API with this audience. Looks at all of them: for what is rare.
    pub fn api_of(&self, audience: &str) -> Option<Arc<Api>> {
        let catalogue = self.catalogue.load();
        catalogue
            .apis
            .values()
            .find(|api| *api.audience == *audience)
            .cloned()
    }

    /// Every audience. Looks at all APIs: for what is rare.
    pub fn audiences(&self) -> Vec<Arc<str>> {
        let catalogue = self.catalogue.load();
        catalogue
            .apis
            .values()
            .map(|api| Arc::clone(&api.audience))
            .collect()
    }

    /// The access token lifetime that an organisation sets, if it does.
    pub fn organization_lifetime(&self, org_id: &str) -> Option<Lifetime> {
        *self.catalogue.load().organization_lifetimes.get(org_id)?
    }

    /// The signing keys.
    pub fn keys(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.keys.load()
    }

    /// Whether a token was cut off by its `jti`, or a grant by its id.
    pub fn is_revoked(&self, id: &str) -> bool {
        read(&self.revoked).contains_key(id)
    }

    /// Whether an active client has pages of this origin.
    pub fn serves_origin(&self, origin: &str) -> bool {
        read(&self.origins).contains_key(origin)
    }

    /// Makes sure that memory may be answered from.
    ///
    /// # Errors
    /// `Unavailable` when this node may have missed a change and the database cannot tell, or when its clock is off.
    pub async fn fresh(&self) -> Result<()> {
        self.trust_clock()?;
        let doubts = self.doubts.load(Ordering::Acquire);
        if self.settled.load(Ordering::Acquire) < doubts {
            return self.settle(doubts).await;
        }
        if self.db.is_shared() && !self.checked_at.is_within(LEASE, self.clock.monotonic()) {
            self.catch_up().await?;
            return self.trust_clock();
        }
        Ok(())
    }

    /// Commits a batch and applies what it announced before it answers. Runs to its end even if the caller goes away.
    ///
    /// # Errors
    /// As the database says; nothing was changed then. A batch that is committed is never reported as failed: if it
    /// cannot be applied yet, this node answers nothing from memory until it can.
    pub async fn commit(self: &Arc<Self>, batch: Batch) -> Result<Vec<Done>, WriteError> {
        let live = Arc::clone(self);
        let task = tokio::spawn(async move {
            let announced = changes::announced(&batch);
            let done = live.db.write(batch).await;
            // What could not be acknowledged may be committed all the same.
            if announced && matches!(done, Ok(_) | Err(WriteError::Db(_))) {
                let doubt = live.doubts.fetch_add(1, Ordering::AcqRel) + 1;
                if let Err(error) = live.settle(doubt).await {
                    tracing::error!(%error, "a change may be committed but is not applied yet");
                }
            }
            done
        });
        task.await.unwrap_or_else(|_| {
            Err(WriteError::Db(DbError::Failed(
                "the commit was interrupted".into(),
            )))
        })
    }

    /// Looks at the clocks, and applies every change that is committed.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn catch_up(&self) -> Result<()> {
        self.look_at_clocks().await?;
        let _one_at_a_time = self.applying.lock().await;
        self.catch_up_locked().await
    }

    /// Makes sure that the log was read to its end after a doubt arose. Of many at once, one reads for all.
    async fn settle(&self, doubt: u64) -> Result<()> {
        let _one_at_a_time = self.applying.lock().await;
        if self.settled.load(Ordering::Acquire) >= doubt {
            return Ok(());
        }
        self.catch_up_locked().await
    }

    async fn catch_up_locked(&self) -> Result<()> {
        let (doubts, began) = (self.doubts.load(Ordering::Acquire), self.clock.monotonic());
        while self.apply_next().await? {}
        self.settled.fetch_max(doubts, Ordering::AcqRel);
        self.checked_at.store(began);
        Ok(())
    }

    /// Applies the next part of the log; `false` when that was its end.
    async fn apply_next(&self) -> Result<bool> {
        let from = self.applied.load(Ordering::Acquire);
        let changes = changes::after(&self.db, from).await?;
        let Some(last) = changes.last().map(|c| c.seq) else {
            // The log begins later than where we are, or the database is an older one than we knew.
            if changes::head(&self.db).await? != from {
                self.reload_locked().await?;
            }
            return Ok(false);
        };
        if changes.first().map(|c| c.seq) != Some(from + 1) || changes.iter().any(|c| c.kind.is_none()) {
            self.reload_locked().await?;
            return Ok(true);
        }
        let more = changes.len() == changes::MOST;
        for change in changes {
            if let Some(kind) = change.kind {
                self.apply(kind, &change.subject).await?;
            }
        }
        self.applied.store(last, Ordering::Release);
        Ok(more)
    }

    async fn apply(&self, kind: changes::Kind, subject: &str) -> Result<()> {
        match kind {
            changes::Kind::Client => self.reload_client(subject).await,
            changes::Kind::Api => {
                self.reload_catalogue().await?;
                self.reload_holders(subject).await
            }
            changes::Kind::Organization => self.reload_catalogue().await,
            changes::Kind::Key => self.reload_keys().await,
            changes::Kind::Token => {
                let (jti, expires_at) = revocations::read_subject(subject)?;
                write(&self.revoked).insert(jti.to_owned(), expires_at);
                Ok(())
            }
            changes::Kind::Person => {
                let revoked = grants::revoked_of(&self.db, subject, self.past()).await?;
                write(&self.revoked).extend(revoked);
                // His own credentials stand on him.
                for id in credentials::of_person(&self.db, subject).await? {
                    self.reload_client(&id).await?;
                }
                Ok(())
            }
        }
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// When the storage fails, or a signing key cannot be opened.
    pub async fn reload(&self) -> Result<()> {
        let _one_at_a_time = self.applying.lock().await;
        self.reload_locked().await
    }

    async fn reload_locked(&self) -> Result<()> {
        let (began, past) = (self.clock.monotonic(), self.past());
        // Read first: whatever changes while we read is applied once more afterwards.
        let head = changes::head(&self.db).await?;
        self.reload_catalogue().await?;
        self.reload_keys().await?;
        let revoked = revocations::live(&self.db, past).await?;
        write(&self.revoked).extend(revoked);
        let revoked = grants::revoked(&self.db, past).await?;
        write(&self.revoked).extend(revoked);
        let mut secrets: HashMap<String, Vec<store::secrets::ClientSecret>> = HashMap::new();
        for secret in store::secrets::all(&self.db).await? {
            secrets.entry(secret.client_id.clone()).or_default().push(secret);
        }
        let mut fresh: Vec<HashMap<Arc<str>, Arc<Client>, RandomState>> = (0..SHARDS)
            .map(|_| HashMap::with_hasher(self.hasher.clone()))
            .collect();
        for stored in store::clients::all(&self.db).await? {
            let secrets = secrets.remove(&stored.client_id).unwrap_or_default();
            let client = Arc::new(self.client_from(&stored, secrets));
            fresh[self.shard_of(&client.id)].insert(Arc::clone(&client.id), client);
        }
        let mut origins = HashMap::with_hasher(self.hasher.clone());
        for client in fresh.iter().flat_map(HashMap::values) {
            count_origins(&mut origins, None, Some(client));
        }
        for (shard, fresh) in self.clients.iter().zip(fresh) {
            *write(shard) = fresh;
        }
        *write(&self.origins) = origins;
        self.applied.store(head, Ordering::Release);
        self.checked_at.store(began);
        Ok(())
    }

    async fn reload_client(&self, id: &str) -> Result<()> {
        let stored = store::clients::usable(&self.db, id).await?;
        let client = match stored.filter(|c| c.status != Status::Deleted) {
            Some(stored) => {
                let secrets = store::secrets::of_client(&self.db, id).await?;
                Some(Arc::new(self.client_from(&stored, secrets)))
            }
            None => None,
        };
        let before = match &client {
            Some(client) => write(self.shard(id)).insert(Arc::clone(&client.id), Arc::clone(client)),
            None => write(self.shard(id)).remove(id),
        };
        count_origins(&mut write(&self.origins), before.as_deref(), client.as_deref());
        Ok(())
    }

    /// Reads the clients anew that hold a scope of an API, or held one until now.
    async fn reload_holders(&self, api_id: &str) -> Result<()> {
        let mut ids: Vec<String> = store::apis::holders(&self.db, api_id, None)
            .await?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        for shard in &self.clients {
            let held = read(shard);
            let holders = held
                .values()
                .filter(|c| c.granted.iter().any(|g| g.api.as_ref() == api_id));
            ids.extend(holders.map(|c| c.id.to_string()));
        }
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.reload_client(&id).await?;
        }
        Ok(())
    }

    async fn reload_catalogue(&self) -> Result<()> {
        let apis = store::apis::all(&self.db).await?;
        let organizations = store::organizations::each(&self.db).await?;
        self.catalogue.store(Arc::new(Catalogue {
            apis: apis
                .iter()
                .map(|api| (Arc::from(api.id.as_str()), Arc::new(api_from(api))))
                .collect(),
            organization_lifetimes: organizations
                .into_iter()
                .map(|(id, org)| (id, lifetime_of(org)))
                .collect(),
        }));
        Ok(())
    }

    async fn reload_keys(&self) -> Result<()> {
        let stored = store::keys::all(&self.db).await?;
        self.keys.store(Arc::new(keys_from(&self.keyring, &stored)?));
        Ok(())
    }

    /// Forgets revocations of tokens that have expired for sure.
    pub fn forget_expired(&self) {
        let past = self.past().at();
        write(&self.revoked).retain(|_, expiry| *expiry > past);
    }

    fn shard_of(&self, id: &str) -> usize {
        usize::try_from(self.hasher.hash_one(id) >> 58).unwrap_or_default() % SHARDS
    }

    fn shard(&self, id: &str) -> &Shard {
        &self.clients[self.shard_of(id)]
    }

    /// A personal credential whose person does not stand behind it any more is as good as disabled, and so are all of
    /// them where they are switched off.
    fn status_of(&self, stored: &store::clients::Client) -> Status {
        let stands = stored.holder_stands && (self.personal || stored.kind != Kind::Personal);
        match stored.status {
            Status::Active if !stands => Status::Disabled,
            status => status,
        }
    }

    /// A client with the grants that it has as it is stored, or would have; without its secrets.
    pub fn as_granted(&self, stored: &store::clients::Client) -> Client {
        self.client_from(stored, Vec::new())
    }

    fn client_from(
        &self,
        stored: &store::clients::Client,
        secrets: Vec<store::secrets::ClientSecret>,
    ) -> Client {
        let granted = granted_to(&self.catalogue.load(), stored);
        let for_people = stored
            .grant_types
            .iter()
            .any(|grant| grant.needs_person())
            .then(|| Box::new(for_people_from(stored)));
        let oidc_since = for_people.as_ref().map_or(&[][..], |people| &people.oidc_since);
        let numbers = granted
            .iter()
            .flat_map(|granted| &granted.since)
            .chain(oidc_since);
        Client {
            incarnation: numbers.copied().fold(stored.epoch, i64::max),
            id: Arc::from(stored.client_id.as_str()),
            org_id: Arc::from(stored.org_id.as_str()),
            kind: stored.kind,
            application_type: stored.application_type,
            status: self.status_of(stored),
            epoch: stored.epoch,
            grant_types: stored.grant_types.clone(),
            auth_method: stored.auth_method,
            lifetime: stored.access_token_lifetime,
            secrets: secrets
                .into_iter()
                .filter(|s| s.revoked_at.is_none())
                .map(|s| ClientSecret {
                    id: Arc::from(s.id.as_str()),
                    stops_at: s.stops_at(),
                    digest: s.digest,
                })
                .collect(),
            granted,
            for_people,
        }
    }
}

/// The lifetime that an organisation sets. Where that cannot be read, the shortest that anybody may set.
fn lifetime_of(org: Result<store::organizations::Organization, DbError>) -> Option<Lifetime> {
    match org {
        Ok(org) => org.settings.access_token_lifetime.map(Lifetime::seconds),
        Err(error) => {
            tracing::error!(%error, "an organisation cannot be read; its access tokens live for a minute");
            Some(Lifetime::seconds(60))
        }
    }
}

/// What a client was granted, API by API.
fn granted_to(catalogue: &Catalogue, stored: &store::clients::Client) -> Vec<Granted> {
    let mut granted: Vec<(Granted, Vec<Implied>)> = Vec::new();
    for key in &stored.scopes {
        let (api_id, value) = key;
        let Some(api) = catalogue.apis.get(api_id.as_str()) else {
            continue;
        };
        let Some((known, implied)) = api.implied.get_key_value(value.as_str()) else {
            continue;
        };
        let at = granted
            .iter()
            .position(|(g, _)| g.api == api.id)
            .unwrap_or_else(|| {
                let here = Granted {
                    api: Arc::clone(&api.id),
                    audience: Arc::clone(&api.audience),
                    ..Granted::default()
                };
                granted.push((here, Vec::new()));
                granted.len() - 1
            });
        let since = stored.granted_since.get(key).copied().unwrap_or_default();
        granted[at].0.values.push(Arc::clone(known));
        granted[at].1.extend(implied.iter().map(|implied| Implied {
            value: Arc::clone(&implied.value),
            since: implied.since.max(since),
        }));
    }
    let effective = |(granted, mut all): (Granted, Vec<Implied>)| {
        // Of two ways to a value the older one counts.
        all.sort_unstable_by(|a, b| (&a.value, a.since).cmp(&(&b.value, b.since)));
        all.dedup_by(|later, first| later.value == first.value);
        let since = numbers_of(all.iter().map(|implied| implied.since));
        let effective = all.into_iter().map(|implied| implied.value).collect();
        Granted {
            effective,
            since,
            ..granted
        }
    };
    granted.into_iter().map(effective).collect()
}

/// Numbers in a list, which stays empty where all are 0: most are.
fn numbers_of(numbers: impl Iterator<Item = i64>) -> Vec<i64> {
    let all: Vec<i64> = numbers.collect();
    if all.iter().any(|number| *number > 0) {
        all
    } else {
        Vec::new()
    }
}

/// Counts the origins of a client in place of those it had before.
fn count_origins(
    origins: &mut HashMap<String, usize, RandomState>,
    before: Option<&Client>,
    after: Option<&Client>,
) {
    let of = |client: Option<&Client>| {
        let active = client.filter(|client| client.status == Status::Active);
        active.map(|client| client.origins().to_vec()).unwrap_or_default()
    };
    for origin in of(after) {
        *origins.entry(origin).or_default() += 1;
    }
    for origin in of(before) {
        if let Some(count) = origins.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                origins.remove(&origin);
            }
        }
    }
}

fn for_people_from(stored: &store::clients::Client) -> ForPeople {
    let people = &stored.people;
    let alg = |alg: ResponseAlg| match alg {
        ResponseAlg::Rs256 => Alg::Rs256,
        ResponseAlg::Es256 => Alg::Es256,
        ResponseAlg::EdDsa => Alg::EdDsa,
    };
    let sector = people.sector_identifier.as_deref().unwrap_or(&stored.client_id);
    ForPeople {
        name: Arc::from(stored.name.as_str()),
        home_page: people.home_page.clone(),
        origins: match stored.application_type {
            ApplicationType::UserAgentBased | ApplicationType::Public => {
                redirect::origins(&stored.redirect_uris)
            }
            _ => Vec::new(),
        },
        redirect_uris: stored.redirect_uris.clone(),
        oidc: stored.oidc_scopes.iter().map(|s| Arc::from(s.as_str())).collect(),
        oidc_since: numbers_of(stored.oidc_scopes.iter().map(|value| {
            let key = (String::new(), value.clone());
            stored.granted_since.get(&key).copied().unwrap_or_default()
        })),
        optional_scopes: stored.optional_scopes.clone(),
        require_consent: stored.require_consent,
        first_party: stored.first_party,
        post_logout_redirect_uris: people.post_logout_redirect_uris.clone(),
        backchannel_logout_uri: people.backchannel_logout_uri.clone(),
        backchannel_logout_session_required: people.backchannel_logout_session_required,
        id_token_alg: people.id_token_signed_response_alg.map_or(Alg::Rs256, alg),
        userinfo_alg: people.userinfo_signed_response_alg.map(alg),
        pairwise_sector: (people.subject_type == SubjectType::Pairwise)
            .then(|| format!("{}/{sector}", stored.org_id)),
        default_max_age: people.default_max_age,
        require_auth_time: people.require_auth_time,
        require_second_factor: people.require_second_factor,
    }
}

/// A lock whose holder panicked is still whole: every write here is one insert, remove or replacement.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn api_from(stored: &store::apis::Api) -> Api {
    let direct: HashMap<&str, &store::apis::Scope> =
        stored.scopes.iter().map(|s| (s.value.as_str(), s)).collect();
    let number = |value: &str, implied: &str| {
        let key = (value.to_owned(), implied.to_owned());
        stored.since.get(&key).copied().unwrap_or_default()
    };
    let implied = stored.scopes.iter().map(|scope| {
        let mut all: Vec<Implied> = Vec::new();
        let mut open = vec![(scope.value.as_str(), number(&scope.value, ""))];
        while let Some((value, since)) = open.pop() {
            let known = all.iter_mut().find(|known| known.value.as_ref() == value);
            match known {
                // Another way to the same value, which is no older.
                Some(known) if known.since <= since => continue,
                Some(known) => known.since = since,
                None => all.push(Implied {
                    value: Arc::from(value),
                    since,
                }),
            }
            if let Some(scope) = direct.get(value) {
                let further = scope
                    .implies
                    .iter()
                    .filter(|next| direct.contains_key(next.as_str()));
                open.extend(further.map(|next| {
                    let step = number(value, next).max(number(next, ""));
                    (next.as_str(), since.max(step))
                }));
            }
        }
        (Arc::from(scope.value.as_str()), all)
    });
    Api {
        id: Arc::from(stored.id.as_str()),
        org_id: stored.org_id.as_deref().map(Arc::from),
        audience: Arc::from(stored.audience.as_str()),
        format: stored.token_format,
        lifetime: stored.lifetime,
        algorithm: stored.signing_algorithm.as_deref().and_then(Alg::named),
        implied: implied.collect(),
    }
}

fn keys_from(keyring: &Keyring, stored: &[store::keys::StoredKey]) -> Result<Keys> {
    let mut keys = Keys::default();
    let mut published = Vec::new();
    for row in stored {
        let opened = open_key(keyring, row)?;
        published.push(opened.public().clone());
        keys.public.insert(row.kid.clone(), opened.public().clone());
        let alg = opened.alg().name();
        // Newest first: of two active keys, the newer one signs.
        if row.state == KeyState::Active && !keys.active.contains_key(alg) {
            let access_token_header = opened.prepare_header("at+jwt");
            keys.active.insert(
                alg,
                Arc::new(ActiveKey {
                    key: opened,
                    access_token_header,
                }),
            );
        }
    }
    keys.document = serde_json::json!({ "keys": published }).to_string().into();
    let digest = keyring.digest("jwks-etag", &keys.document);
    keys.etag = format!(
        "\"{}\"",
        digest.as_bytes()[..8]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    );
    Ok(keys)
}

/// Opens a key at rest.
///
/// # Errors
/// A sentence for the operator when the key file does not open it.
fn open_key(keyring: &Keyring, row: &store::keys::StoredKey) -> Result<SigningKey> {
    let unreadable = |why: &str| {
        Error::Failed(Failure::Internal(format!(
            "the signing key {} cannot be read ({why}): start with the key file it was made with",
            row.kid
        )))
    };
    let alg = Alg::named(&row.algorithm).ok_or_else(|| unreadable("its algorithm is unknown"))?;
    let document = keyring
        .unwrap(&row.kid, &row.sealed)
        .ok_or_else(|| unreadable("the key file does not open it"))?;
    let key = SigningKey::from_pkcs8(alg, &document).map_err(|_| unreadable("its content is damaged"))?;
    if key.kid() != row.kid {
        return Err(unreadable("it is not the key it says"));
    }
    Ok(key)
}

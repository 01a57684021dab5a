//! A request on its way through other pages: its parameters as they came, sealed, so that nobody can change them or make
//! up how it stands. Good for half an hour, and for one answer: its id is spent in the transaction that writes the answer
//! down. Nothing is written before. From the first page that a signed-in person sees it is theirs, in that session.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::{
    browser::Visitor,
    db::Statement,
    error::Result,
    registry::Registry,
    store::once,
    time::{Lifetime, Timestamp},
};

/// How long a person may take.
const LIFETIME: Lifetime = Lifetime::minutes(30);

const PURPOSE: &[u8] = b"authorization-request";
/// The purpose under which ids are spent.
const INTERACTION: &str = "interaction";

/// Where the request goes on, below the issuer.
pub const CONTINUE: &str = "/oauth2/authorize/continue";

/// A request, and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transaction {
    /// The parameters, form-encoded, as they came.
    #[serde(rename = "p")]
    pub params: String,
    #[serde(rename = "t")]
    started_at: i64,
    /// Whether the person has been led to choose an account.
    #[serde(rename = "c", default)]
    chosen: bool,
    /// What the page that asks has shown.
    #[serde(rename = "s", default)]
    shown: Option<String>,
    /// Tells it from any other; empty in one that an older version sealed.
    #[serde(rename = "i", default)]
    id: String,
    /// Whose it is, once a person is asked.
    #[serde(rename = "u", default)]
    person: Option<String>,
    /// The session in which they are asked.
    #[serde(rename = "z", default)]
    session: Option<String>,
    /// Whether it came back from a page.
    #[serde(skip)]
    sealed: bool,
}

impl Transaction {
    /// A request that just came.
    pub fn begin(registry: &Registry, params: String) -> Self {
        Self {
            params,
            started_at: registry.now().millis(),
            chosen: false,
            shown: None,
            id: registry.entropy.token(16),
            person: None,
            session: None,
            sealed: false,
        }
    }

    /// The same, asked of this person in this session.
    #[must_use]
    pub fn asked_of(self, visitor: &Visitor) -> Self {
        Self {
            person: Some(visitor.user.id.clone()),
            session: Some(visitor.session.id.clone()),
            ..self
        }
    }

    /// The same, whoever goes on with it: the person said that they mean another account.
    #[must_use]
    pub fn for_anybody(self) -> Self {
        Self {
            person: None,
            session: None,
            ..self
        }
    }

    /// Whether it is somebody else's than this person's.
    pub fn is_of_another(&self, visitor: &Visitor) -> bool {
        self.person
            .as_ref()
            .is_some_and(|person| *person != visitor.user.id)
    }

    /// Whether this person is asked in this session.
    pub fn is_asked_of(&self, visitor: &Visitor) -> bool {
        !self.is_of_another(visitor)
            && self
                .session
                .as_ref()
                .is_none_or(|session| *session == visitor.session.id)
    }

    fn digest(&self, registry: &Registry) -> Vec<u8> {
        let text = if self.id.is_empty() {
            format!("{} {}", self.started_at, self.params)
        } else {
            self.id.clone()
        };
        let digest = registry.keyring.digest(INTERACTION, text.as_bytes());
        digest.as_bytes().to_vec()
    }

    /// Spends it, for the batch that writes its answer down: `answered` if that was done before. A request that no page has
    /// seen has one answer anyway.
    pub(super) fn spent(&self, registry: &Registry) -> Option<Statement> {
        self.sealed.then(|| {
            let (digest, until) = (self.digest(registry), self.started_at().after(LIFETIME));
            once::spend_new(&digest, INTERACTION, registry.now(), until).expecting("answered")
        })
    }

    /// Whether it was answered.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn is_answered(&self, registry: &Registry) -> Result<bool> {
        Ok(once::known(registry.db(), &self.digest(registry)).await?)
    }

    /// The same, once the person has been led to choose an account.
    #[must_use]
    pub fn chosen(self) -> Self {
        Self { chosen: true, ..self }
    }

    /// Whether the person has been led to choose an account.
    pub const fn is_chosen(&self) -> bool {
        self.chosen
    }

    /// The same, on a page that shows these wishes: what the person says is about them and no others.
    #[must_use]
    pub fn showing(self, wishes: String) -> Self {
        let shown = Some(wishes);
        Self { shown, ..self }
    }

    /// Whether it comes from a page that showed these wishes.
    pub fn has_shown(&self, wishes: &str) -> bool {
        self.shown.as_deref() == Some(wishes)
    }

    /// When it came: a sign-in before that is no answer to `prompt=login`.
    pub const fn started_at(&self) -> Timestamp {
        Timestamp::from_millis(self.started_at)
    }

    /// The text that holds it in a URL.
    pub fn seal(&self, registry: &Registry) -> String {
        // Strings and numbers always serialise.
        let plain = serde_json::to_vec(self).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(registry.keyring.seal(&registry.entropy, PURPOSE, &plain))
    }

    /// Reads it back; `None` for anything else, and after half an hour.
    pub fn open(registry: &Registry, text: &str) -> Option<Self> {
        let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = registry.keyring.open(PURPOSE, &mut sealed)?;
        let transaction: Self = serde_json::from_slice(plain).ok()?;
        (registry.now() < transaction.started_at().after(LIFETIME)).then_some(Self {
            sealed: true,
            ..transaction
        })
    }

    /// The local path by which the request goes on, in whatever session of its person.
    pub fn path(&self, registry: &Registry) -> String {
        let onward = Self {
            session: None,
            ..self.clone()
        };
        format!(
            "{}{CONTINUE}?tx={}",
            registry.config.issuer.path(),
            onward.seal(registry)
        )
    }

    /// The request that a local path goes on with, if it is one that [`path`](Self::path) made.
    pub fn of_path(registry: &Registry, path: &str) -> Option<Self> {
        let (path, query) = path.split_once('?')?;
        let below = path.strip_prefix(registry.config.issuer.path())?;
        let (_, text) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "tx")?;
        (below == CONTINUE || below == "/consent")
            .then(|| Self::open(registry, &text))
            .flatten()
    }
}

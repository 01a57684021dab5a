//! A request on its way through other pages: its parameters as they came, sealed, so that nobody can change them or make
//! up how it stands. Good for half an hour.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::{
    registry::Registry,
    time::{Lifetime, Timestamp},
};

/// How long a person may take.
const LIFETIME: Lifetime = Lifetime::minutes(30);

const PURPOSE: &[u8] = b"authorization-request";

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
}

impl Transaction {
    /// A request that just came.
    pub const fn begin(params: String, now: Timestamp) -> Self {
        Self {
            params,
            started_at: now.millis(),
            chosen: false,
            shown: None,
        }
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
        (registry.now() < transaction.started_at().after(LIFETIME)).then_some(transaction)
    }

    /// The local path by which the request goes on.
    pub fn path(&self, registry: &Registry) -> String {
        format!(
            "{}{CONTINUE}?tx={}",
            registry.config.issuer.path(),
            self.seal(registry)
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

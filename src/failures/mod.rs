//! Why a request of a client was refused, for whoever looks after the client. The caller gets a reference and learns no
//! more than before; behind the reference stand the exact cause and the setting that mends it.
//!
//! 1. [`Failures::note`]: on the request path, in memory. What was sent is remembered by name, harmless values and keyed
//!    digests; nothing is looked up, so neither the answer nor the time it takes can tell causes apart.
//! 2. [`Failures::settle`]: later, in a job. What was really the matter is found out and written down; the digests are
//!    forgotten.
//! 3. [`read`]: who may, reads it, explained against the settings as they are by then.

mod cause; // what was really the matter
mod explain; // in words, with what mends it
mod queue; // bounded, in memory
pub mod read; // who may read it
mod sent; // what of a request may be kept
mod words; // each cause in a sentence

use std::collections::BTreeSet;

use axum::http::HeaderMap;

pub use self::explain::{Explanation, Fix, Say, Still};
use self::{
    cause::Known,
    queue::{Noted, Queue},
    sent::Sent,
};
pub use crate::store::usage::Endpoint;
use crate::{
    client_auth::Shown,
    config::Issuer,
    db::Batch,
    error::{Error, Result},
    grant_types::{Source, refresh_token},
    live,
    oauth::{
        client::Status,
        params::Params,
        refusal::{Code, Refusal},
    },
    registry::Registry,
    secret::Entropy,
    store::{self, authorization_codes, device_codes},
};

/// Where the page is that explains a failure, below the issuer.
pub const PAGE: &str = "/failures";

/// What a failure is known by: it says nothing, and opens nothing to anybody who may not see it anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    fn draw(entropy: &Entropy) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut text = String::with_capacity(20);
        text.push_str("err_");
        // Five bits of each byte: no value is likelier than another.
        let random = entropy.bytes::<16>();
        text.extend(random.map(|byte| char::from(ALPHABET[usize::from(byte & 31)])));
        Self(text)
    }

    /// As people copy it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What clients are told as `error_uri` (RFC 6749 §5.2).
    pub fn uri(&self, issuer: &Issuer) -> String {
        issuer.join(&format!("{PAGE}/{}", self.0))
    }
}

/// A request, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub endpoint: Endpoint,
    /// Where a client may authenticate itself.
    pub headers: Option<&'a HeaderMap>,
    /// `None`: they could not be read.
    pub params: Option<&'a Params<'a>>,
    pub source: Source<'a>,
}

/// What was refused and is not written down yet.
#[derive(Default)]
pub struct Failures {
    queue: Queue,
    settling: tokio::sync::Mutex<()>,
}

/// How many are written in one transaction.
const BATCH: usize = 100;

impl Failures {
    /// Remembers that a request was refused, and gives what the caller may be told of it: nothing where a device only
    /// waits for its person. The one place where a failure and its client are known together.
    pub fn note(&self, registry: &Registry, request: Request<'_>, refusal: &Refusal) -> Option<Reference> {
        // It polls all the time, and that would push out what matters.
        if refusal.code == Code::AuthorizationPending {
            return None;
        }
        let reference = Reference::draw(&registry.entropy);
        let nothing = Params::default();
        let params = request.params.unwrap_or(&nothing);
        let mut shown = match request.headers {
            Some(headers) => Shown::of(&registry.keyring, headers, params),
            None => Shown {
                client_id: params.all("client_id").next().map(str::to_owned),
                secret: None,
            },
        };
        // What cannot be the id of a client is as long as its sender likes, and nobody asks for it later.
        shown.client_id = shown.client_id.filter(|id| id.len() <= queue::LONGEST_ID);
        let digest = |name, purpose| {
            let text = params.all(name).next()?;
            Some(*registry.keyring.digest(purpose, text.as_bytes()).as_bytes())
        };
        let refresh_token = params.all("refresh_token").next();
        let noted = Noted {
            reference: reference.0.clone(),
            at: registry.now(),
            endpoint: request.endpoint,
            error: refusal.code.name(),
            reason: refusal.reason,
            description: refusal.description.clone(),
            code: digest("code", authorization_codes::PURPOSE),
            device_code: digest("device_code", device_codes::DEVICE_CODE),
            refresh_token: refresh_token.and_then(|text| refresh_token::read(&registry.keyring, text)),
            sent: Sent::of(params),
            shown,
            ip: request.source.ip,
            request_id: request.source.request_id.to_owned(),
        };
        let client = noted.client_id().and_then(|id| registry.live.client(id));
        self.queue.push(noted, client.is_some());
        // A device that asks too often only waits.
        if let Some(client) = client
            && refusal.code != Code::SlowDown
        {
            count(registry, &client, &request, refusal.code);
        }
        Some(reference)
    }

    /// As [`note`](Self::note), of an authorization request as it came; what failed on our side has no reference.
    pub fn note_authorization(
        &self,
        registry: &Registry,
        params: &str,
        source: Source<'_>,
        error: &Error,
    ) -> Option<Reference> {
        let params = Params::form(params.as_bytes()).ok();
        let request = Request {
            endpoint: Endpoint::Authorize,
            headers: None,
            params: params.as_ref(),
            source,
        };
        self.note(registry, request, error.refusal()?)
    }

    /// How many bytes that the senders chose wait in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.queue.held()
    }

    /// Finds out what was the matter with everything noted so far, and writes it down.
    ///
    /// # Errors
    /// When the storage fails; what could not be written is tried again.
    pub async fn settle(&self, registry: &Registry) -> Result<()> {
        // Whoever reads waits for what is being written.
        let _one_at_a_time = self.settling.lock().await;
        let dropped = self.queue.take_dropped();
        if dropped > 0 {
            tracing::warn!(dropped, "more requests were refused than can be explained");
        }
        loop {
            let noted = self.queue.take(BATCH);
            if noted.is_empty() {
                return Ok(());
            }
            if let Err(error) = write(registry, &noted).await {
                self.queue.give_back(noted);
                return Err(error);
            }
        }
    }
}

/// Counts a refusal for the client that the request names.
fn count(registry: &Registry, client: &live::Client, request: &Request<'_>, code: Code) {
    let (activity, now) = (&registry.activity, registry.now());
    activity.note_refused(client, request.endpoint, code.name(), now);
    // Elsewhere an attempt counts once it is proven.
    if client.status == Status::Disabled && request.endpoint == Endpoint::Authorize {
        activity.note_attempt(client, request.source.ip, now);
    }
}

async fn write(registry: &Registry, noted: &[Noted]) -> Result<()> {
    let mut known = Known::default();
    let mut batch = Batch::default();
    let (mut clients, mut orgs) = (BTreeSet::new(), BTreeSet::new());
    for one in noted {
        let failure = cause::find(registry, &mut known, one).await?;
        clients.extend(failure.client_id.clone());
        orgs.insert(failure.org_id.clone());
        batch.push(store::failures::add(&failure));
    }
    for client in &clients {
        batch.push(store::failures::trim_client(client));
    }
    for org in &orgs {
        batch.push(store::failures::trim_organization(org.as_deref()));
    }
    registry.db().write(batch).await?;
    Ok(())
}

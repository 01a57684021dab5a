//! Sign-in, proof by proof: a password or a passkey, a second factor where one is needed, then a session.
//!
//! What was proven so far is a [`Proof`]. Between two requests it is a sealed text in a cookie that lives for five minutes,
//! works once, and dies with a change of the password; it is no session. Whether a user name exists is told neither by
//! words nor by time: an unknown one costs a count and a password check, too.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Serialize};

use crate::{
    db::{Batch, Statement, WriteError},
    error::Result,
    oauth::{
        authentication::{self, SINGLE_FACTOR},
        refusal::{Code, Refusal},
    },
    registry::{
        Registry,
        factors::{self, Step},
        known_browser,
        lockout::Attempt,
        people,
        sessions::{self, Browser, Proven, SignedIn},
    },
    secret::Secret,
    store::{
        self,
        sessions::Session,
        users::{User, UserStatus},
    },
    time::{Lifetime, Timestamp},
};

/// How long what was proven waits for the next proof.
pub const PATIENCE: Lifetime = Lifetime::minutes(5);

const PURPOSE: &str = "sign-in";

/// What somebody has proven so far.
#[derive(Clone, Debug)]
pub struct Proof {
    pub user: User,
    /// As in [`authentication`].
    pub methods: String,
    kept: Kept,
}

/// What is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    user: String,
    methods: String,
    /// When the oldest of it was proven.
    at: i64,
    until: i64,
    nonce: String,
    /// The session it was proven to, if it is more that is asked for.
    session: Option<String>,
    /// Tells whether the password is still the same.
    password: String,
}

/// What comes next.
pub enum Progress {
    Done(Box<SignedIn>),
    /// Something more is to be proven.
    Prove(Box<Proof>),
    /// There is nothing that could prove it: it has to be set up.
    SetUp(Box<Proof>),
}

impl Proof {
    fn of(registry: &Registry, user: User, methods: &str, at: Timestamp, session: Option<&Session>) -> Self {
        let kept = Kept {
            user: user.id.clone(),
            methods: methods.to_owned(),
            at: at.millis(),
            until: registry.now().after(PATIENCE).millis(),
            nonce: registry.entropy.token(16),
            session: session.map(|session| session.id.clone()),
            password: password_mark(registry, &user),
        };
        Self {
            user,
            methods: kept.methods.clone(),
            kept,
        }
    }

    /// With something more that was proven now.
    pub(super) fn and(mut self, registry: &Registry, methods: &str) -> Self {
        // A passkey proves everything by itself.
        if authentication::reaches(methods, authentication::PHISHING_RESISTANT) {
            self.kept.at = registry.now().millis();
        }
        self.methods = authentication::joined(&self.methods, methods);
        self.kept.methods.clone_from(&self.methods);
        self
    }

    /// Tells this half of a sign-in from any other, where codes for it are counted.
    pub(super) fn mark(&self, registry: &Registry) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(nonce_digest(registry, &self.kept.nonce))
    }

    fn spent(&self, registry: &Registry) -> Statement {
        store::once::spend_new(
            &nonce_digest(registry, &self.kept.nonce),
            PURPOSE,
            registry.now(),
            Timestamp::from_millis(self.kept.until),
        )
    }

    /// Ends it: it does not count any more.
    pub(super) async fn end(&self, registry: &Registry) -> Result<()> {
        match registry.db().write(self.spent(registry).into()).await {
            Ok(_) | Err(WriteError::Unmet("spent")) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What the form tokens of the next page hang on.
    pub fn nonce(&self) -> &[u8] {
        self.kept.nonce.as_bytes()
    }

    /// As a text for a cookie.
    pub fn seal(&self, registry: &Registry) -> String {
        let text = serde_json::to_vec(&self.kept).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(
            registry
                .keyring
                .seal(&registry.entropy, PURPOSE.as_bytes(), &text),
        )
    }

    /// From the text of a cookie, if it still counts in this browser.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn open(registry: &Registry, text: &str, browser: &Browser) -> Result<Option<Self>> {
        let Some(kept) = unseal(registry, text) else {
            return Ok(None);
        };
        let (now, nonce) = (registry.now(), nonce_digest(registry, &kept.nonce));
        let ended = |id: &String| !browser.sessions.iter().any(|session| session.id == *id);
        if now.millis() >= kept.until || kept.session.as_ref().is_some_and(ended) {
            return Ok(None);
        }
        if store::once::known(registry.db(), &nonce).await? {
            return Ok(None);
        }
        let user = store::users::find(registry.db(), &kept.user).await?;
        let user = user.filter(|user| {
            user.status == UserStatus::Active && password_mark(registry, user) == kept.password
        });
        Ok(user.map(|user| Self {
            user,
            methods: kept.methods.clone(),
            kept,
        }))
    }
}

fn unseal(registry: &Registry, text: &str) -> Option<Kept> {
    let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = registry.keyring.open(PURPOSE.as_bytes(), &mut sealed)?;
    serde_json::from_slice(text).ok()
}

fn nonce_digest(registry: &Registry, nonce: &str) -> Vec<u8> {
    registry
        .keyring
        .digest(PURPOSE, nonce.as_bytes())
        .as_bytes()
        .to_vec()
}

fn password_mark(registry: &Registry, user: &User) -> String {
    let hash = user.password_hash.as_deref().unwrap_or_default();
    let digest = registry.keyring.digest("password mark", hash.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&digest.as_bytes()[..16])
}

pub(super) fn wrong() -> Refusal {
    Code::Unauthenticated
        .because("This user name and password do not go together. After ten wrong tries you have to wait.")
}

/// The id of a browser that the account with this user name knows.
///
/// # Errors
/// When the storage fails.
pub async fn known_browser(registry: &Registry, username: &str, browser: &Browser) -> Result<Option<String>> {
    let user = store::users::find_by_username(registry.db(), username.trim()).await?;
    Ok(user.and_then(|user| known_browser::find(&registry.keyring, &browser.known, &user.id)))
}

/// The text for the cookie of a browser that an account knows from now on: a link that only its person can have was opened
/// there. It lets nobody in; strangers cannot use up its tries.
pub fn remember_browser(registry: &Registry, known: &str, user: &User) -> String {
    known_browser::remember(&registry.keyring, &registry.entropy, known, &user.id)
}

/// Checks a password.
///
/// # Errors
/// `unauthenticated` with the same words whatever was wrong; `rate_limited`, saying how long to wait, after too many
/// tries and while too many people sign in.
pub async fn password(
    registry: &Registry,
    username: &str,
    password: Secret<String>,
    browser: &Browser,
) -> Result<Proof> {
    let user = store::users::find_by_username(registry.db(), username.trim()).await?;
    let attempt = Attempt::at_password(registry, username.trim(), user.as_ref(), browser).await?;
    let hash = user
        .as_ref()
        .filter(|u| u.status == UserStatus::Active)
        .and_then(|u| u.password_hash.as_deref());
    let right = registry
        .passwords
        .verify(password, hash)
        .await
        .map_err(people::busy)?;
    match user {
        Some(user) if right && user.status == UserStatus::Active && user.password_hash.is_some() => {
            attempt.succeeded(registry).await?;
            Ok(Proof::of(registry, user, "pwd", registry.now(), None))
        }
        _ => {
            attempt.failed(registry).await?;
            Err(wrong().into())
        }
    }
}

/// What the person of a session has proven to it, as a beginning.
pub fn of_session(registry: &Registry, session: &Session, user: User) -> Proof {
    Proof::of(
        registry,
        user,
        &session.methods,
        session.authenticated_at,
        Some(session),
    )
}

/// What a passkey proves, by itself.
pub(super) fn of_passkey(registry: &Registry, user: User) -> Proof {
    Proof::of(registry, user, "", registry.now(), None).and(registry, "pop user")
}

/// Goes on from what was proven: to a session if that is enough for the account, its organisations and the class asked
/// for; otherwise to the next proof.
///
/// # Errors
/// `unauthenticated` when it does not count any more; when the storage fails.
pub async fn go_on(
    registry: &Registry,
    proof: Proof,
    asked: &'static str,
    browser: &Browser,
) -> Result<Progress> {
    Ok(match step(registry, &proof, asked).await? {
        Step::Done => Progress::Done(Box::new(finish(registry, proof, browser).await?)),
        Step::Prove => Progress::Prove(Box::new(proof)),
        Step::SetUp => Progress::SetUp(Box::new(proof)),
    })
}

/// What comes next after what was proven.
///
/// # Errors
/// When the storage fails.
pub async fn step(registry: &Registry, proof: &Proof, asked: &'static str) -> Result<Step> {
    let wanted = authentication::stronger(asked, factors::required(registry, &proof.user).await?);
    let own = factors::of(registry, &proof.user).await?;
    Ok(factors::next(own, &proof.methods, wanted))
}

async fn finish(registry: &Registry, proof: Proof, browser: &Browser) -> Result<SignedIn> {
    let kept = &proof.kept;
    let batch = Batch::from(proof.spent(registry));
    let proven = Proven {
        user: &proof.user,
        methods: &proof.methods,
        at: Timestamp::from_millis(kept.at),
        anew: kept.session.is_none(),
    };
    sessions::begin(registry, proven, browser, batch).await
}

/// A person who is signed in proves anew who he is: his password and, if he has a second factor, a code.
///
/// # Errors
/// `unauthenticated` when either is wrong; `rate_limited` when too many people sign in.
pub async fn confirm(
    registry: &Registry,
    user: &User,
    given: Secret<String>,
    code: &str,
    browser: &Browser,
) -> Result<SignedIn> {
    let mut proof = password(registry, &user.username, given, browser).await?;
    let own = factors::of(registry, user).await?;
    if factors::next(own, &proof.methods, SINGLE_FACTOR) == Step::Prove {
        proof = factors::prove_code(registry, proof, code, browser).await?;
    }
    finish(registry, proof, browser).await
}

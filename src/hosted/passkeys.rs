//! Passkeys between script and server, in JSON. [WebAuthn §5](https://www.w3.org/TR/webauthn-3/#sctn-api)
//!
//! What was begun waits in a sealed cookie of this browser. JSON cannot come from a form of another site, and the origin
//! is checked all the same; making a passkey needs the form token, too: of a sign-in that has come to its set-up, or of a
//! session that is fresh.

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{Request, State as Given},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Asked, Landing, go_on, half, sign_in::spend_try, with_cookies};
use crate::{
    app::{App, State},
    browser::{
        self,
        accounts::{self, Account},
        host_cookie, local_path,
    },
    error::{Error, Result},
    oauth::{
        authentication::{self, SINGLE_FACTOR},
        refusal::Code,
    },
    registry::{
        assurance::{self, Prover},
        factors, passkeys,
        sign_in::Proof,
    },
    store::users::User,
    ui::headers::{self, Place},
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/passkeys/get/options", post(start_proof))
        .route("/passkeys/get", post(prove))
        .route("/passkeys/create/options", post(start_creation))
        .route("/passkeys/create", post(create))
}

/// What the script sends: fields of the page's form, and what the authenticator said.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    factor: String,
    #[serde(default)]
    name: String,
    /// Whether only a passkey of the person at hand will do.
    #[serde(default)]
    own: String,
    #[serde(default)]
    credential: Value,
}

impl Sent {
    fn asked(&self) -> Asked {
        Asked {
            return_to: local_path(&self.return_to).to_owned(),
            class: authentication::class(&self.factor).unwrap_or(SINGLE_FACTOR),
        }
    }

    fn credential<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.credential.clone()).map_err(|_| {
            Code::Invalid
                .because("This is not what a passkey says. Load the page again.")
                .into()
        })
    }
}

/// A request of the script, and who it is from.
struct Asking {
    parts: Parts,
    sent: Sent,
    accounts: Vec<Account>,
    /// What was proven so far in a sign-in.
    half: Option<Proof>,
}

impl Asking {
    async fn read(app: &App, request: Request) -> Result<Self> {
        let (parts, body) = request.into_parts();
        browser::check_origin(app, &parts.headers)?;
        let media = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !media.is_some_and(|media| media.starts_with(b"application/json")) {
            return Err(Code::UnsupportedMediaType.because("send JSON").into());
        }
        let limit = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
        let bytes = to_bytes(body, limit)
            .await
            .map_err(|_| Error::from(Code::TooLarge.because("the request is too large")))?;
        let sent = serde_json::from_slice(&bytes)
            .map_err(|_| Error::from(Code::Invalid.because("this is not the JSON of our page")))?;
        let accounts = accounts::all(app, &parts.headers).await?;
        let half = half(app, &parts, &accounts).await?;
        Ok(Self {
            parts,
            sent,
            accounts,
            half,
        })
    }

    fn current(&self) -> Option<&Account> {
        self.accounts.iter().find(|account| account.current)
    }

    /// The person at hand: who has begun to sign in with this form, or else who is signed in with it.
    fn half_of_form(&self, app: &App) -> Option<&Proof> {
        self.half
            .as_ref()
            .filter(|proof| app.registry.keyring.verify_csrf(proof.nonce(), &self.sent.csrf))
    }

    fn account_of_form(&self, app: &App) -> Option<&Account> {
        let keyring = &app.registry.keyring;
        self.current()
            .filter(|account| keyring.verify_csrf(&account.session.digest, &self.sent.csrf))
    }

    fn ceremony(&self, app: &App) -> String {
        browser::cookie(&self.parts.headers, ceremony_name(app)).unwrap_or_default()
    }
}

fn ceremony_name(app: &App) -> &'static str {
    host_cookie!(app, "oauthority-passkey")
}

fn said(body: &Value, cookies: Vec<HeaderValue>) -> Response {
    let mut response = Json(body).into_response();
    headers::protect(&mut response, Place::Transaction);
    with_cookies(response, cookies)
}

fn answer(outcome: Result<Response>) -> Response {
    outcome.unwrap_or_else(|error| {
        let (status, why) = match &error {
            // A page, where the challenge of an API means nothing.
            Error::Refused(refusal) if refusal.code == Code::InsufficientUserAuthentication => {
                (StatusCode::FORBIDDEN, refusal.description.to_string())
            }
            Error::Refused(refusal) => (
                StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::BAD_REQUEST),
                refusal.description.to_string(),
            ),
            Error::Failed(failure) => {
                failure.log();
                (
                    failure.face().0,
                    "The server failed. Try again in a moment.".to_owned(),
                )
            }
        };
        let mut response = (status, Json(json!({ "error": why }))).into_response();
        headers::protect(&mut response, Place::Transaction);
        response
    })
}

fn begun(app: &App, begun: &passkeys::Begun) -> Response {
    let age = passkeys::PATIENCE.as_seconds();
    let cookie = browser::set_cookie(app, ceremony_name(app), &begun.sealed, age);
    said(&begun.options, vec![cookie])
}

/// Binds the ceremony to the page that began it.
fn bound(half: Option<&Proof>, account: Option<&Account>) -> String {
    match (half, account) {
        (Some(proof), _) => String::from_utf8_lossy(proof.nonce()).into_owned(),
        (None, Some(account)) => account.session.id.clone(),
        (None, None) => String::new(),
    }
}

async fn start_proof(Given(app): Given<State>, request: Request) -> Response {
    answer(
        async {
            let asking = Asking::read(&app, request).await?;
            let (half, account) = asking.at_hand(&app);
            let user = half.map(|proof| &proof.user).or(account.map(|a| &a.user));
            let started = passkeys::start_proof(&app.registry, user, &bound(half, account)).await?;
            Ok(begun(&app, &started))
        }
        .await,
    )
}

async fn prove(Given(app): Given<State>, request: Request) -> Response {
    answer(
        async {
            let asking = Asking::read(&app, request).await?;
            spend_try(&app, &accounts::browser(&app, &asking.parts, &asking.accounts))?;
            let (half, account) = asking.at_hand(&app);
            let bound = bound(half, account);
            let sealed = asking.ceremony(&app);
            let signed = asking.sent.credential()?;
            let proof = passkeys::prove(&app.registry, (&bound, &sealed), &signed, half.cloned()).await?;
            arrive(&app, &asking, proof).await
        }
        .await,
    )
}

impl Asking {
    /// Who must have the passkey, if it is not anybody's.
    fn at_hand(&self, app: &App) -> (Option<&Proof>, Option<&Account>) {
        if self.sent.own.is_empty() {
            return (None, None);
        }
        match self.half_of_form(app) {
            Some(half) => (Some(half), None),
            None => (None, self.account_of_form(app)),
        }
    }
}

/// Tells the script where to go, and the form token of the session from now on.
async fn arrive(app: &App, asking: &Asking, proof: Proof) -> Result<Response> {
    let asked = asking.sent.asked();
    let landing = go_on(app, &asking.parts, &asked, &asking.accounts, proof).await?;
    let mut cookies = landing.cookies(app, &asking.accounts);
    cookies.push(browser::set_cookie(app, ceremony_name(app), "", 0));
    let csrf = match &landing {
        Landing::There(signed_in) => app.registry.keyring.csrf(&signed_in.session.digest),
        Landing::Next(..) => String::new(),
    };
    let body = json!({ "location": landing.location(&asked), "csrf": csrf });
    Ok(said(&body, cookies))
}

/// For whom a passkey may be made now.
enum Maker<'a> {
    SigningIn(&'a Proof),
    SignedIn(&'a Account),
}

impl Maker<'_> {
    const fn user(&self) -> &User {
        match self {
            Self::SigningIn(proof) => &proof.user,
            Self::SignedIn(account) => &account.user,
        }
    }

    fn bound(&self) -> String {
        match self {
            Self::SigningIn(proof) => bound(Some(proof), None),
            Self::SignedIn(account) => bound(None, Some(account)),
        }
    }
}

async fn maker<'a>(app: &App, asking: &'a Asking) -> Result<Maker<'a>> {
    if let Some(proof) = asking.half_of_form(app) {
        factors::may_add(&app.registry, proof).await?;
        return Ok(Maker::SigningIn(proof));
    }
    let Some(account) = asking.account_of_form(app) else {
        return Err(Code::Forbidden
            .because("This page is not from your present session. Load it again.")
            .reason("csrf")
            .into());
    };
    assurance::check_session(&app.registry, &account.user, &account.session).await?;
    Ok(Maker::SignedIn(account))
}

async fn start_creation(Given(app): Given<State>, request: Request) -> Response {
    answer(
        async {
            let asking = Asking::read(&app, request).await?;
            let maker = maker(&app, &asking).await?;
            let started = passkeys::start_creation(&app.registry, maker.user(), &maker.bound()).await?;
            Ok(begun(&app, &started))
        }
        .await,
    )
}

async fn create(Given(app): Given<State>, request: Request) -> Response {
    answer(
        async {
            let asking = Asking::read(&app, request).await?;
            let browser = accounts::browser(&app, &asking.parts, &asking.accounts);
            let (sealed, name) = (asking.ceremony(&app), asking.sent.name.as_str());
            let made = asking.sent.credential()?;
            let registry = &app.registry;
            let maker = maker(&app, &asking).await?;
            let bound = maker.bound();
            let at = (bound.as_str(), sealed.as_str());
            match maker {
                Maker::SigningIn(proof) => {
                    let proof =
                        passkeys::create_in_sign_in(registry, proof.clone(), at, name, &made, &browser)
                            .await?;
                    arrive(&app, &asking, proof).await
                }
                Maker::SignedIn(account) => {
                    let actor = browser.actor(&account.user);
                    let maker = (&account.user, Prover::Session(&account.session));
                    passkeys::create(registry, &actor, maker, at, name, &made).await?;
                    let gone = browser::set_cookie(&app, ceremony_name(&app), "", 0);
                    Ok(said(
                        &json!({ "location": asking.sent.asked().return_to }),
                        vec![gone],
                    ))
                }
            }
        }
        .await,
    )
}

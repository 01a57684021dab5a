//! Pages a person meets on the way: set-up, sign-in, the choice of an account, sign-out.

mod app_name; // which app somebody signs in for
mod asked; // where a sign-in leads, and what it must reach
mod choose; // the accounts of this browser
mod consent; // may this app?
mod device; // a person answers for a device
mod factor; // a second factor is set up on the spot
mod invitation; // into an organisation
mod logout; // an app asks to sign out
mod passkeys; // passkeys, between script and server
mod recover; // a forgotten password
mod scopes; // what an app asks for, in words
mod second_factor; // a code or a passkey
mod set_up; // the first administrator, and new members, pick a password
mod sign_in; // user name and password
mod sign_out; // ends the session

use asked::Asked;
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::html;

use crate::{
    app::{App, State},
    browser::{
        self, Form, Visitor,
        accounts::{self, Account},
        host_cookie,
    },
    config::Issuer,
    error::{Error, Result},
    oauth::refusal::Code,
    observe::RequestContext,
    openid::END_SESSION,
    registry::{
        access::{Actor, ActorKind},
        guessing,
        sessions::{SignedIn, begin_again},
        sign_in::{self as proving, Progress, Proof},
    },
    ui::{
        headers::{self, Place},
        page::Card,
        problem::{Changed, Problem},
    },
};

/// Every hosted page.
pub fn routes(issuer: &Issuer) -> Router<State> {
    let end_session = format!("{}{END_SESSION}", issuer.path());
    Router::new()
        .route(&end_session, get(logout::show).post(logout::repeat))
        .route("/logout/confirm", post(logout::submit))
        .route("/setup/{token}", get(set_up::show).post(set_up::submit))
        .route("/consent", get(consent::show).post(consent::submit))
        .merge(device::routes())
        .route("/login", get(sign_in::show).post(sign_in::submit))
        .route(
            "/invitations/{token}",
            get(invitation::show).post(invitation::submit),
        )
        .route("/login/mfa", get(second_factor::show).post(second_factor::submit))
        .route("/login/factor", get(factor::show).post(factor::submit))
        .route("/login/choose", get(choose::show).post(choose::submit))
        .route("/login/recover", get(recover::show).post(recover::submit))
        .route(
            "/login/recover/{token}",
            get(recover::show_link).post(recover::submit_link),
        )
        .route("/logout", post(sign_out::submit))
        .merge(passkeys::routes())
}

fn half_name(app: &App) -> &'static str {
    host_cookie!(app, "oauthority-sign-in")
}

/// What was proven so far in this browser, if it still counts.
async fn half(app: &App, parts: &Parts, accounts: &[Account]) -> Result<Option<Proof>> {
    let Some(text) = browser::cookie(&parts.headers, half_name(app)) else {
        return Ok(None);
    };
    Proof::open(&app.registry, &text, &accounts::browser(app, parts, accounts)).await
}

/// Where somebody is after he proved something: at the next step, or there.
enum Landing {
    There(Box<SignedIn>),
    Next(String, Box<Proof>),
}

/// Goes on from what was proven.
async fn go_on(
    app: &App,
    parts: &Parts,
    asked: &Asked,
    accounts: &[Account],
    proof: Proof,
) -> Result<Landing> {
    let browser = accounts::browser(app, parts, accounts);
    Ok(
        match proving::go_on(&app.registry, proof, asked.class, &browser).await? {
            Progress::Done(signed_in) => Landing::There(signed_in),
            Progress::Prove(proof) => Landing::Next(asked.step("/login/mfa"), proof),
            Progress::SetUp(proof) => Landing::Next(asked.step("/login/factor"), proof),
        },
    )
}

impl Landing {
    /// The cookies that go with it.
    fn cookies(&self, app: &App, accounts: &[Account]) -> Vec<HeaderValue> {
        match self {
            Self::There(signed_in) => {
                let mut cookies = accounts::signed_in(app, accounts, signed_in);
                cookies.push(browser::set_cookie(app, half_name(app), "", 0));
                cookies
            }
            Self::Next(_, proof) => {
                let text = proof.seal(&app.registry);
                let age = proving::PATIENCE.as_seconds();
                vec![browser::set_cookie(app, half_name(app), &text, age)]
            }
        }
    }

    /// Where the browser goes.
    fn location<'l>(&'l self, asked: &'l Asked) -> &'l str {
        match self {
            Self::There(_) => &asked.return_to,
            Self::Next(step, _) => step,
        }
    }
}

/// As [`go_on`], as an answer.
async fn land(
    app: &App,
    parts: &Parts,
    asked: &Asked,
    accounts: &[Account],
    proof: Proof,
) -> Result<Response> {
    let landing = go_on(app, parts, asked, accounts, proof).await?;
    let cookies = landing.cookies(app, accounts);
    Ok(with_cookies(
        redirect(landing.location(asked), asked.place()),
        cookies,
    ))
}

fn redirect(to: &str, place: Place) -> Response {
    let mut response = Redirect::to(to).into_response();
    headers::protect(&mut response, place);
    response
}

fn with_cookies(mut response: Response, cookies: Vec<HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Refuses a form that does not belong to what was proven so far.
fn check_half_csrf(app: &App, proof: &Proof, token: &str) -> Result<()> {
    if app.registry.keyring.verify_csrf(proof.nonce(), token) {
        return Ok(());
    }
    Err(begin_again().into())
}

/// What a person reads on the page at hand about an error: that something did not fit, or that they have to wait.
struct Said {
    why: String,
    status: StatusCode,
    retry_after: Option<u64>,
}

fn said(error: &Error) -> Option<Said> {
    let refusal = error.refusal()?;
    let wrong = matches!(refusal.code, Code::Unauthenticated) && refusal.reason != "begin_again";
    (wrong || guessing::is_shut(refusal)).then(|| Said {
        why: refusal.description.to_string(),
        status: StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::UNAUTHORIZED),
        retry_after: refusal.retry_after,
    })
}

/// Says when to come back. RFC 6585 §4.
fn come_back(mut response: Response, retry_after: Option<u64>) -> Response {
    if let Some(seconds) = retry_after {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// The answer to an error that the page at hand does not show itself: what does not count any more begins again.
fn astray(error: &Error, parts: &Parts, asked: &Asked) -> Response {
    match error.refusal() {
        Some(refusal) if refusal.reason == "begin_again" => redirect(&asked.step("/login"), asked.place()),
        _ => trouble(error, parts),
    }
}

fn context(parts: &Parts) -> (String, String) {
    let context = parts.extensions.get::<RequestContext>();
    (
        context.map(|c| c.request_id.clone()).unwrap_or_default(),
        context.map(|c| c.ip.to_string()).unwrap_or_default(),
    )
}

/// A person who acts.
fn acting(parts: &Parts, visitor: &Visitor) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: visitor.user.id.clone(),
        name: visitor.user.username.clone(),
        ..nobody(parts)
    }
}

/// The actor before anybody is known: the address and the request.
fn nobody(parts: &Parts) -> Actor {
    let (request_id, ip) = context(parts);
    Actor {
        ip: Some(ip),
        request_id,
        origin: crate::oauth::client::Origin::Console,
        ..Actor::system()
    }
}

/// Splits a form post of a page that needs no session: it must come from our own site.
async fn posted(app: &State, request: Request) -> (Parts, Result<Form>) {
    let (parts, body) = request.into_parts();
    let limit = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
    let form = match browser::check_origin(app, &parts.headers) {
        Ok(()) => Form::read(&parts, body, limit).await,
        Err(error) => Err(error),
    };
    (parts, form)
}

/// The page for an error that the form does not show itself.
fn trouble(error: &Error, parts: &Parts) -> Response {
    let (request_id, _) = context(parts);
    let problem = match error {
        Error::Failed(failure) => {
            failure.log();
            Problem::failed(failure.face().0, Changed::Nothing, parts.uri.path(), &request_id)
        }
        Error::Refused(refusal) => {
            let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let text = html! { p { (refusal.description) } };
            Problem {
                status,
                ..Problem::conflict("This does not work", text, &request_id)
            }
        }
    };
    let card = Card {
        title: problem.title.clone(),
        ..Card::default()
    };
    let page = headers::answer(Place::Console, problem.status, card.page(&html! { (problem) }));
    come_back(page, error.refusal().and_then(|refusal| refusal.retry_after))
}

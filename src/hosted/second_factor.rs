//! The second factor: a code of the authenticator app, a recovery code, or a passkey. Until it is proven there is no session.

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::html;

use super::{
    Asked, Said, astray, check_half_csrf, come_back, half, half_name, land, posted, redirect, said,
    sign_in::spend_try_at, trouble, with_cookies,
};
use crate::{
    app::{App, State},
    browser::{self, Form, accounts},
    error::Result,
    oauth::authentication::{PHISHING_RESISTANT, is_multi_factor},
    registry::{
        factors::{self, Step},
        passkeys,
        sessions::begin_again,
        sign_in::{self, Proof},
    },
    ui::{
        factor::{PasskeyAction, code_field, passkey_button, passkey_trouble},
        form::{self, ErrorSummary, csrf},
        headers,
        page::Card,
    },
};

/// The form.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let asked = Asked::of(&query);
    match begin(&app, &parts, &asked).await {
        Ok(response) => response,
        Err(error) => astray(&error, &parts, &asked),
    }
}

async fn begin(app: &App, parts: &Parts, asked: &Asked) -> Result<Response> {
    let accounts = accounts::all(app, &parts.headers).await?;
    let proof = half(app, parts, &accounts).await?.ok_or_else(begin_again)?;
    if sign_in::step(&app.registry, &proof, asked.class).await? == Step::SetUp {
        return Ok(redirect(&asked.step("/login/factor"), asked.place()));
    }
    page(app, asked, &proof, None).await
}

/// Checks a code and goes on.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let form = match form {
        Ok(form) => form,
        Err(error) => return trouble(&error, &parts),
    };
    let asked = Asked::of(&form);
    match prove(&app, &parts, &form, &asked).await {
        Ok(response) => response,
        Err(error) => astray(&error, &parts, &asked),
    }
}

async fn prove(app: &App, parts: &Parts, form: &Form, asked: &Asked) -> Result<Response> {
    let accounts = accounts::all(app, &parts.headers).await?;
    let proof = half(app, parts, &accounts).await?.ok_or_else(begin_again)?;
    check_half_csrf(app, &proof, form.one("csrf"))?;
    let browser = accounts::browser(app, parts, &accounts);
    spend_try_at(app, &browser, &proof.user.username).await?;
    match factors::prove_code(&app.registry, proof.clone(), form.one("code"), &browser).await {
        Ok(proof) => land(app, parts, asked, &accounts, proof).await,
        Err(error) => match said(&error) {
            Some(said) if error.refusal().is_some_and(|r| r.reason == factors::OVER) => {
                Ok(over_page(app, asked, &said))
            }
            Some(said) => page(app, asked, &proof, Some(&said)).await,
            None => Err(error),
        },
    }
}

/// The page for somebody whose codes were wrong too often: the password comes first again.
fn over_page(app: &App, asked: &Asked, said: &Said) -> Response {
    let card = Card {
        title: "Sign in again".to_owned(),
        error: true,
        lead: asked.lead(app),
        ..Card::default()
    };
    let content = html! {
        p #over { (said.why) }
        div.actions { (form::link_button("Sign in", &asked.step("/login"))) }
    };
    let page = headers::answer(asked.place(), said.status, card.page(&content));
    with_cookies(page, vec![browser::set_cookie(app, half_name(app), "", 0)])
}

async fn page(app: &App, asked: &Asked, proof: &Proof, said: Option<&Said>) -> Result<Response> {
    let wrong = said.map(|said| said.why.as_str());
    let own = factors::of(&app.registry, &proof.user).await?;
    // After two factors, only a passkey proves more.
    let code = !(asked.class == PHISHING_RESISTANT && is_multi_factor(&proof.methods));
    let passkey = own.passkeys > 0 && passkeys::available(&app.registry);
    let errors = wrong.map(|why| ErrorSummary::of_one("code", why));
    let content = html! {
        @if let Some(errors) = &errors { (errors) }
        form #second-factor .stack.lg method="post" action="/login/mfa" novalidate {
            (asked.fields())
            (csrf(&app.registry.keyring.csrf(proof.nonce())))
            p { "Signing in as " b { (proof.user.username) } "." }
            @if code { (code_field("code", "Code", "", true)) }
            (passkey_trouble())
            div.actions {
                @if code { (form::primary("Go on")) }
                @if passkey { (passkey_button(PasskeyAction::ProveOwn, "Use a passkey", !code)) }
            }
            @if !code { noscript { p { "A passkey needs JavaScript: allow it for this page, then load the page again." } } }
            p { a href=(asked.step("/login") + "&other=1") { "Use another account" } }
        }
    };
    let status = said.map_or(StatusCode::OK, |said| said.status);
    let card = Card {
        title: "Prove that it is you".to_owned(),
        error: wrong.is_some(),
        lead: asked.lead(app),
        ..Card::default()
    };
    let page = headers::answer(asked.place(), status, card.page(&content));
    Ok(come_back(page, said.and_then(|said| said.retry_after)))
}

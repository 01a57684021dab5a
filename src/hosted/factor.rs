//! A second factor is set up on the spot, because the organisation or the app needs one: an authenticator app, or a
//! passkey. Only who has proven everything that he has may add to it.

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::html;

use super::{
    Asked, Landing, astray, check_half_csrf, go_on, half, posted, redirect, sign_in::spend_try_at, trouble,
    with_cookies,
};
use crate::{
    app::{App, State},
    browser::{Form, accounts},
    error::Result,
    oauth::authentication::PHISHING_RESISTANT,
    registry::{
        assurance::Prover,
        authenticator_app::{self, Offer},
        factors::{self, Step},
        passkeys, recovery_codes,
        sessions::begin_again,
        sign_in::{self, Proof},
    },
    ui::{
        factor::{self as parts_of, AppOffer, PasskeyAction, passkey_button, passkey_trouble},
        form::{self, ErrorSummary, csrf, hidden},
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
    if sign_in::step(&app.registry, &proof, asked.class).await? == Step::Prove {
        return Ok(redirect(&asked.step("/login/mfa"), asked.place()));
    }
    let offer = authenticator_app::offer(&app.registry, &proof.user);
    Ok(page(app, asked, &proof, &offer, ""))
}

/// Adds an authenticator app, shows recovery codes, and goes on.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let form = match form {
        Ok(form) => form,
        Err(error) => return trouble(&error, &parts),
    };
    let asked = Asked::of(&form);
    match add(&app, &parts, &form, &asked).await {
        Ok(response) => response,
        Err(error) => astray(&error, &parts, &asked),
    }
}

async fn add(app: &App, parts: &Parts, form: &Form, asked: &Asked) -> Result<Response> {
    let accounts = accounts::all(app, &parts.headers).await?;
    let proof = half(app, parts, &accounts).await?.ok_or_else(begin_again)?;
    check_half_csrf(app, &proof, form.one("csrf"))?;
    let browser = accounts::browser(app, parts, &accounts);
    spend_try_at(app, &browser, &proof.user.username).await?;
    let (sealed, code) = (form.one("sealed"), form.one("code"));
    let added = factors::add_app(&app.registry, proof.clone(), sealed, code, &browser).await;
    let proof = match added {
        Ok(proof) => proof,
        Err(error) => match error.refusal().and_then(|r| r.fields.first()) {
            Some(wrong) => {
                let offer = authenticator_app::again(&app.registry, &proof.user, sealed);
                return Ok(page(app, asked, &proof, &offer, &wrong.detail));
            }
            None => return Err(error),
        },
    };
    let user = proof.user.clone();
    let landing = go_on(app, parts, asked, &accounts, proof).await?;
    let cookies = landing.cookies(app, &accounts);
    let response = match &landing {
        Landing::Next(step, _) => redirect(step, asked.place()),
        Landing::There(signed_in) => {
            let prover = Prover::SignIn(Some(&signed_in.session));
            let codes = recovery_codes::make(&app.registry, &browser.actor(&user), &user, prover).await?;
            let texts = codes.iter().map(|code| code.expose().as_str());
            let content = parts_of::recovery_codes(texts, &asked.return_to);
            let card = Card {
                title: "Your authenticator app is set up".to_owned(),
                ..Card::default()
            };
            headers::answer(asked.place(), StatusCode::OK, card.page(&content))
        }
    };
    Ok(with_cookies(response, cookies))
}

fn page(app: &App, asked: &Asked, proof: &Proof, offer: &Offer, wrong: &str) -> Response {
    let errors = ErrorSummary::of_one("code", wrong);
    // An app shows codes that can be phished.
    let by_app = asked.class != PHISHING_RESISTANT;
    let passkey = passkeys::available(&app.registry);
    let content = html! {
        @if !wrong.is_empty() { (errors) }
        form #set-up-factor .stack.lg method="post" action="/login/factor" novalidate {
            (asked.fields())
            (csrf(&app.registry.keyring.csrf(proof.nonce())))
            @if by_app {
                (AppOffer { secret: &offer.secret, uri: &offer.uri, sealed: &offer.sealed, error: wrong })
            } @else {
                (hidden("name", ""))
                noscript { p { "A passkey needs JavaScript: allow it for this page, then load the page again." } }
            }
            (passkey_trouble())
            div.actions {
                @if by_app { (form::primary("Add app")) }
                @if passkey { (passkey_button(PasskeyAction::Create, "Make a passkey", !by_app)) }
            }
            p { a href=(asked.step("/login") + "&other=1") { "Use another account" } }
        }
    };
    let lead = if by_app {
        "Your organisation or the app you sign in to needs a second factor. Set one up to go on."
    } else {
        "The app you sign in to needs a passkey. Make one to go on."
    };
    let card = Card {
        title: "Set up a second factor".to_owned(),
        error: !wrong.is_empty(),
        lead: Some(html! { (lead) }),
        ..Card::default()
    };
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    headers::answer(asked.place(), status, card.page(&content))
}

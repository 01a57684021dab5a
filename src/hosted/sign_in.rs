//! Sign-in with user name and password, or a passkey. The words for a wrong name and a wrong password are the same.

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::{Markup, html};

use super::{Asked, astray, come_back, land, posted, redirect, said, trouble};
use crate::{
    app::{App, State},
    browser::{Form, accounts},
    error::Result,
    oauth::authentication,
    registry::{factors, passkeys, sessions::Browser, sign_in},
    secret::Secret,
    ui::{
        factor::{PasskeyAction, passkey_button, passkey_trouble},
        form::{self, Field, Kind},
        headers,
        page::Card,
    },
};

/// The form. Who is signed in already, and well enough, goes on; who is not well enough proves the rest. `again=1` asks
/// anew in any case, `other=1` for another account.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let asked = Asked::of(&query);
    match begin(&app, &parts, &query, &asked).await {
        Ok(response) => response,
        Err(error) => astray(&error, &parts, &asked),
    }
}

async fn begin(app: &App, parts: &Parts, query: &Form, asked: &Asked) -> Result<Response> {
    let accounts = accounts::all(app, &parts.headers).await?;
    let current = accounts.iter().find(|account| account.current);
    let hint = query.one("login_hint");
    let page = |username: &str| page(app, asked, StatusCode::OK, username, None);
    let Some(current) = current else {
        return Ok(page(hint));
    };
    if query.one("again") == "1" || query.one("other") == "1" {
        let known = if query.one("other") == "1" {
            ""
        } else {
            &current.user.username
        };
        return Ok(page(if hint.is_empty() { known } else { hint }));
    }
    let required = factors::required(&app.registry, &current.user).await?;
    let wanted = authentication::stronger(asked.class, required);
    if authentication::reaches(&current.session.methods, wanted) {
        return Ok(redirect(&asked.return_to, asked.place()));
    }
    let proof = sign_in::of_session(&app.registry, &current.session, current.user.clone());
    land(app, parts, asked, &accounts, proof).await
}

/// Checks the password and goes on.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let form = match form {
        Ok(form) => form,
        Err(error) => return trouble(&error, &parts),
    };
    let asked = Asked::of(&form);
    match prove(&app, &parts, &form, &asked).await {
        Ok(response) => response,
        Err(error) => match said(&error) {
            Some(said) => {
                let name = form.one("username");
                let page = page(&app, &asked, said.status, name, Some(&said.why));
                come_back(page, said.retry_after)
            }
            None => astray(&error, &parts, &asked),
        },
    }
}

async fn prove(app: &App, parts: &Parts, form: &Form, asked: &Asked) -> Result<Response> {
    let accounts = accounts::all(app, &parts.headers).await?;
    let browser = accounts::browser(app, parts, &accounts);
    spend_try_at(app, &browser, form.one("username")).await?;
    let password = Secret::new(form.exact("password").to_owned());
    let proof = sign_in::password(&app.registry, form.one("username"), password, &browser).await?;
    land(app, parts, asked, &accounts, proof).await
}

/// Counts a try from an address, whatever it is a try at.
///
/// # Errors
/// `rate_limited`, and when to come back.
pub(super) fn spend_try(app: &App, browser: &Browser) -> Result<()> {
    Ok(app
        .throttle
        .spend_sign_in(browser.ip, app.registry.clock.monotonic())?)
}

/// Counts a try at an account: from a browser that it knows, or else from an address.
///
/// # Errors
/// `rate_limited`, and when to come back.
pub(super) async fn spend_try_at(app: &App, browser: &Browser, username: &str) -> Result<()> {
    match sign_in::known_browser(&app.registry, username, browser).await? {
        Some(id) => Ok(app
            .throttle
            .spend_known_sign_in(&id, app.registry.clock.monotonic())?),
        None => spend_try(app, browser),
    }
}

fn page(app: &App, asked: &Asked, status: StatusCode, username: &str, wrong: Option<&str>) -> Response {
    let errors = wrong.map(|why| form::ErrorSummary::of_one("username", why));
    let passkeys = passkeys::available(&app.registry);
    let complete = if passkeys { "username webauthn" } else { "username" };
    let content = html! {
        @if let Some(errors) = &errors { (errors) }
        form #sign-in .stack.lg method="post" action="/login" novalidate {
            (asked.fields())
            (Field {
                name: "username",
                label: "User name",
                value: username,
                autocomplete: complete,
                autofocus: wrong.is_none() && username.is_empty(),
                ..Field::default()
            })
            (password_field(wrong.is_none() && !username.is_empty()))
            (passkey_trouble())
            div.actions {
                (form::primary("Sign in"))
                @if passkeys { (passkey_button(PasskeyAction::Prove, "Use a passkey", false)) }
            }
            p { a href="/login/recover" { "Forgot your password?" } }
        }
    };
    let card = Card {
        title: "Sign in".to_owned(),
        error: wrong.is_some(),
        lead: asked.lead(app),
        ..Card::default()
    };
    headers::answer(asked.place(), status, card.page(&content))
}

fn password_field(autofocus: bool) -> Markup {
    html! {
        (Field {
            name: "password",
            label: "Password",
            kind: Kind::Password,
            autocomplete: "current-password",
            autofocus,
            ..Field::default()
        })
        div.actions.needs-js { button.small-btn type="button" data-reveal="password" aria-pressed="false" { "Show password" } }
    }
}

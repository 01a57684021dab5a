//! Ends the session, here and on the server; or all sessions of this browser.

use axum::{
    extract::{Request, State as Given},
    http::request::Parts,
    response::Response,
};

use super::{posted, redirect, trouble, with_cookies};
use crate::{
    app::{App, State},
    browser::{
        Form,
        accounts::{self, Account},
    },
    error::Result,
    oauth::refusal::Code,
    registry::sessions,
    ui::headers::Place,
};

/// Signs out; repeating it does no harm.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let ended = match form {
        Ok(form) => end(&app, &parts, &form).await,
        Err(error) => Err(error),
    };
    ended.unwrap_or_else(|error| trouble(&error, &parts))
}

async fn end(app: &App, parts: &Parts, form: &Form) -> Result<Response> {
    let accounts = accounts::all(app, &parts.headers).await?;
    let all = form.one("all") == "1";
    let (gone, rest): (Vec<Account>, Vec<Account>) =
        accounts.into_iter().partition(|account| all || account.current);
    let of_one = |account: &Account| {
        app.registry
            .keyring
            .verify_csrf(&account.session.digest, form.one("csrf"))
    };
    if !gone.is_empty() && !gone.iter().any(of_one) {
        let why = "this form is not from your present session: load the page again and repeat what you did";
        return Err(Code::Forbidden.because(why).reason("csrf").into());
    }
    let gone: Vec<_> = gone.into_iter().map(|account| account.session).collect();
    if !gone.is_empty() {
        sessions::end(&app.registry, &gone, "signed_out").await?;
    }
    let next = if rest.is_empty() {
        "/login"
    } else {
        "/login/choose"
    };
    Ok(with_cookies(
        redirect(next, Place::Console),
        accounts::left(app, &rest),
    ))
}

//! A forgotten password: ask for a link, then set a new one with it. The answer to the first tells nothing.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{Path, Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::html;

use super::{nobody, posted, trouble, with_cookies};
use crate::{
    app::State,
    browser::{Form, accounts},
    error::{Error, Result},
    oauth::refusal::Code,
    observe::RequestContext,
    registry::recovery,
    secret::Secret,
    store::users::User,
    ui::{
        form::{self, ErrorSummary, Field, Kind},
        headers::{self, Place},
        page::Card,
    },
};

/// The form that asks for a link.
pub(super) async fn show() -> Response {
    ask_page(&ErrorSummary::default())
}

/// Writes the request down; what comes of it comes by mail.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    match ask(&app, &parts, form).await {
        Ok(response) => response,
        Err(error) => trouble(&error, &parts),
    }
}

async fn ask(app: &State, parts: &Parts, form: Result<Form>) -> Result<Response> {
    let form = form?;
    let Some(who) = form.given("who") else {
        let errors = ErrorSummary::of_one("who", "Write your user name or your e-mail address.");
        return Ok(ask_page(&errors));
    };
    let context = parts.extensions.get::<RequestContext>();
    let ip = context.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |c| c.ip);
    app.throttle.spend_recovery(ip, app.registry.clock.monotonic())?;
    recovery::ask(&app.registry, &nobody(parts), who).await?;
    let card = Card {
        title: "Look into your mail".to_owned(),
        ..Card::default()
    };
    let content = html! {
        p { "If there is such an account and its e-mail address is confirmed, a link to a new password is on its way. \
             It works once, for one hour." }
        p { "Nothing arrives? Look among the unwanted mail. An account without a confirmed address cannot be reached \
             this way: ask an organisation admin." }
        div.actions { (form::link_button("Back to the sign-in", "/login")) }
    };
    Ok(headers::answer(
        Place::Console,
        StatusCode::OK,
        card.page(&content),
    ))
}

fn ask_page(errors: &ErrorSummary) -> Response {
    let wrong = !errors.errors.is_empty();
    let content = html! {
        (errors)
        form.stack.lg method="post" action="/login/recover" novalidate {
            (Field { name: "who", label: "User name or e-mail", error: errors.of("who"), autocomplete: "username",
                autofocus: !wrong, max: 254, ..Field::default() })
            div.actions { (form::primary("Send link")) (form::link_button("Cancel", "/login")) }
        }
    };
    let card = Card {
        title: "Forgotten password".to_owned(),
        error: wrong,
        lead: Some(html! { "A link to a new password is sent to the address of your account." }),
        ..Card::default()
    };
    headers::answer(Place::Console, status(wrong), card.page(&content))
}

const fn status(wrong: bool) -> StatusCode {
    if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

/// The form for the new password, while the link works.
pub(super) async fn show_link(
    Given(app): Given<State>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    match open(&app, &token).await {
        Ok(user) => password_page(&token, &user, &ErrorSummary::default()),
        Err(error) => trouble(&error, &parts),
    }
}

async fn open(app: &State, token: &str) -> Result<User> {
    recovery::open(&app.registry, token).await?.ok_or_else(|| {
        Error::from(Code::Gone.because(
            "This link was used already, or its time is over, or a newer one was sent. Ask for a new one at the \
             sign-in.",
        ))
    })
}

/// Sets the new password.
pub(super) async fn submit_link(
    Given(app): Given<State>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let (parts, form) = posted(&app, request).await;
    match set(&app, &parts, &token, form).await {
        Ok(response) => response,
        Err(error) => trouble(&error, &parts),
    }
}

async fn set(app: &State, parts: &Parts, token: &str, form: Result<Form>) -> Result<Response> {
    let form = form?;
    let user = open(app, token).await?;
    let password = Secret::new(form.exact("password").to_owned());
    let end_apps = form.ticked("end_apps");
    match recovery::set_password(&app.registry, &nobody(parts), token, password, end_apps).await {
        Ok(user) => {
            // Nobody but this person has the link: strangers who guess cannot keep them out from here on.
            let known = accounts::known(app, &parts.headers, &user);
            Ok(with_cookies(done_page(), vec![known]))
        }
        Err(error) => match error.refusal() {
            Some(refusal) if !refusal.fields.is_empty() => {
                let errors = ErrorSummary::of_fields(&refusal.fields);
                Ok(password_page(token, &user, &errors))
            }
            _ => Err(error),
        },
    }
}

fn password_page(token: &str, user: &User, errors: &ErrorSummary) -> Response {
    let wrong = !errors.errors.is_empty();
    let content = html! {
        (errors)
        form.stack.lg method="post" action={ "/login/recover/" (token) } novalidate {
            (Field { name: "username", label: "User name", value: &user.username, readonly: true,
                autocomplete: "username", ..Field::default() })
            (Field { name: "password", label: "New password", kind: Kind::Password, error: errors.of("password"),
                hint: "At least 12 characters. A few unrelated words are stronger than one with symbols.",
                autocomplete: "new-password", ..Field::default() })
            (form::end_apps())
            div.actions { (form::primary("Set password")) }
        }
    };
    let card = Card {
        title: "Set a new password".to_owned(),
        error: wrong,
        lead: Some(html! { "Every browser that is signed in to this account is signed out." }),
        ..Card::default()
    };
    headers::answer(Place::Console, status(wrong), card.page(&content))
}

/// Nobody is signed in by a link: whoever has a second factor is still asked for it.
fn done_page() -> Response {
    let card = Card {
        title: "Your password is set".to_owned(),
        lead: Some(html! { "Sign in with it now. Every other browser was signed out." }),
        ..Card::default()
    };
    let content = html! { div.actions { a.btn.primary href="/login" { "Sign in" } } };
    headers::answer(Place::Console, StatusCode::OK, card.page(&content))
}

//! The single-use link: the first administrator picks a user name and a password; a new member picks a password.

use axum::{
    extract::{Path, Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::html;

use super::{Asked, land, nobody, posted, trouble};
use crate::{
    app::State,
    browser::{Form, accounts},
    error::{Error, Result},
    oauth::refusal::{Code, Field as Wrong},
    registry::{
        people::{self, NewAccount},
        sign_in,
    },
    secret::Secret,
    store::users::User,
    ui::{
        form::{self, ErrorSummary, Field, Kind},
        headers::{self, Place},
        page::Card,
    },
};

/// The form, while the link works.
pub(super) async fn show(Given(app): Given<State>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match open(&app, &token).await {
        Ok(user) => page(&token, user.as_ref(), &Form::default(), &[]),
        Err(error) => trouble(&error, &parts),
    }
}

/// Creates the account, or sets the password, and signs in.
pub(super) async fn submit(
    Given(app): Given<State>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let (parts, form) = posted(&app, request).await;
    let form = match form {
        Ok(form) => form,
        Err(error) => return trouble(&error, &parts),
    };
    let user = match open(&app, &token).await {
        Ok(user) => user,
        Err(error) => return trouble(&error, &parts),
    };
    match accept(&app, &parts, &token, user.as_ref(), &form).await {
        Ok(response) => response,
        Err(error) => match error.refusal() {
            Some(refusal) if !refusal.fields.is_empty() => {
                page(&token, user.as_ref(), &form, &refusal.fields)
            }
            _ => trouble(&error, &parts),
        },
    }
}

async fn open(app: &State, token: &str) -> Result<Option<User>> {
    people::open_link(&app.registry, token).await?.ok_or_else(|| {
        Error::from(Code::Gone.because(
            "This link was used already, or its time is over. The operator finds out how to get a new one with \
             “oauthority setup-link --help”; a member asks an organisation admin.",
        ))
    })
}

async fn accept(
    app: &State,
    parts: &Parts,
    token: &str,
    user: Option<&User>,
    form: &Form,
) -> Result<Response> {
    let secret = || Secret::new(form.exact("password").to_owned());
    let username = match user {
        Some(user) => {
            people::pick_password(&app.registry, token, user, secret()).await?;
            user.username.clone()
        }
        None => {
            let new = NewAccount {
                username: form.one("username").to_owned(),
                display_name: form.given("display_name").map(str::to_owned),
                password: secret(),
            };
            people::set_up(&app.registry, &nobody(parts), token, new)
                .await?
                .username
        }
    };
    let signed_in = accounts::all(app, &parts.headers).await?;
    let mut browser = accounts::browser(app, parts, &signed_in);
    if let Some(user) = user {
        // Nobody but this person has the link: what strangers guess does not concern them.
        browser.known = sign_in::remember_browser(&app.registry, &browser.known, user);
    }
    let proof = sign_in::password(&app.registry, &username, secret(), &browser).await?;
    land(app, parts, &Asked::leading_to("/"), &signed_in, proof).await
}

fn page(token: &str, user: Option<&User>, form: &Form, wrong: &[Wrong]) -> Response {
    let why = |name: &str| {
        wrong
            .iter()
            .find(|w| w.pointer.trim_start_matches('/') == name)
            .map_or("", |w| w.detail.as_str())
    };
    let errors = ErrorSummary::of_fields(wrong);
    let content = html! {
        @if !wrong.is_empty() { (errors) }
        form.stack.lg method="post" action={ "/setup/" (token) } novalidate {
            @match user {
                Some(user) => {
                    (Field { name: "username", label: "User name", value: &user.username, readonly: true, autocomplete: "username", ..Field::default() })
                }
                None => {
                    (Field { name: "username", label: "User name", value: form.one("username"), error: why("username"), autocomplete: "username", autofocus: wrong.is_empty(), max: 100, ..Field::default() })
                    (Field { name: "display_name", label: "Your name", value: form.one("display_name"), error: why("display_name"), autocomplete: "name", optional: true, max: 120, ..Field::default() })
                }
            }
            (Field {
                name: "password",
                label: "Password",
                kind: Kind::Password,
                hint: "At least 12 characters. A few unrelated words are stronger than one with symbols.",
                error: why("password"),
                autocomplete: "new-password",
                ..Field::default()
            })
            div.actions { (form::primary(if user.is_some() { "Set password" } else { "Create administrator" })) }
        }
    };
    let (title, lead) = match user {
        Some(_) => ("Pick a password", "Your account is ready. This link works once."),
        None => (
            "Set up Oauthority",
            "You become the owner of the first organisation and the operator of this instance. This link works once.",
        ),
    };
    let card = Card {
        title: title.to_owned(),
        error: !wrong.is_empty(),
        lead: Some(html! { (lead) }),
        ..Card::default()
    };
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    headers::answer(Place::Console, status, card.page(&content))
}

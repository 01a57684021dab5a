//! An invitation into an organisation, by its link: accept with the account at hand, or make one.

use axum::{
    extract::{Path, Request, State as Given},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{asked::Asked, land, nobody, posted, trouble};
use crate::{
    app::State,
    browser::{self, Form, Visitor, accounts},
    error::{Error, Result},
    oauth::refusal::Code,
    registry::{
        access::{Actor, ActorKind},
        invitations::{self, Opened},
        members,
        people::NewAccount,
        sign_in,
    },
    secret::Secret,
    ui::{
        form::{self, ErrorSummary, Field, Kind, csrf},
        headers::{self, Place},
        page::Card,
    },
};

/// What the link leads to.
pub(super) async fn show(Given(app): Given<State>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let shown: Result<Response> = async {
        let opened = open(&app, &token).await?;
        let visitor = browser::visitor(&app, &parts.headers).await?;
        Ok(match visitor {
            Some(visitor) if opened.is_for(&visitor.user) => accept_page(&token, &opened, &visitor),
            Some(visitor) => other_page(&opened, &visitor),
            None => new_page(&token, &opened, &Form::default(), &ErrorSummary::default()),
        })
    }
    .await;
    shown.unwrap_or_else(|error| trouble(&error, &parts))
}

async fn open(app: &State, token: &str) -> Result<Opened> {
    invitations::open(&app.registry, token).await?.ok_or_else(|| {
        Error::from(Code::Gone.because(
            "This invitation was accepted or revoked already, or its time is over. Ask the one who invited you to \
             send it again.",
        ))
    })
}

/// Accepts.
pub(super) async fn submit(
    Given(app): Given<State>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let (parts, form) = posted(&app, request).await;
    match accept(&app, &parts, &token, form).await {
        Ok(response) => response,
        Err(error) => trouble(&error, &parts),
    }
}

async fn accept(app: &State, parts: &Parts, token: &str, form: Result<Form>) -> Result<Response> {
    let form = form?;
    let opened = open(app, token).await?;
    let Some(visitor) = browser::visitor(app, &parts.headers).await? else {
        return accept_with_new(app, parts, token, &opened, &form).await;
    };
    browser::check_csrf(app, &visitor, &form)?;
    let actor = Actor {
        kind: ActorKind::User,
        id: visitor.user.id.clone(),
        name: visitor.user.username.clone(),
        ..nobody(parts)
    };
    let joined = invitations::accept(&app.registry, &actor, &visitor.user, token).await?;
    Ok(onward(&format!("/orgs/{}", joined.org.handle)))
}

async fn accept_with_new(
    app: &State,
    parts: &Parts,
    token: &str,
    opened: &Opened,
    form: &Form,
) -> Result<Response> {
    let secret = || Secret::new(form.exact("password").to_owned());
    let new = NewAccount {
        username: form.one("username").to_owned(),
        display_name: form.given("display_name").map(str::to_owned),
        password: secret(),
    };
    let user = match invitations::accept_with_new(&app.registry, &nobody(parts), token, new).await {
        Ok(user) => user,
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => {
            let errors = ErrorSummary::of_fields(&refusal.fields);
            return Ok(new_page(token, opened, form, &errors));
        }
        Err(error) => return Err(error),
    };
    let signed_in = accounts::all(app, &parts.headers).await?;
    let browser = accounts::browser(app, parts, &signed_in);
    let proof = sign_in::password(&app.registry, &user.username, secret(), &browser).await?;
    let there = Asked::leading_to(&format!("/orgs/{}", opened.org.handle));
    land(app, parts, &there, &signed_in, proof).await
}

fn onward(to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    headers::protect(&mut response, Place::Console);
    response
}

fn lead(opened: &Opened) -> Markup {
    let role = members::with_article(opened.invitation.role);
    html! { "You are invited to " strong { (crate::ui::name(&opened.org.name)) } " as " (role) ". The invitation is for " (opened.invitation.email) "." }
}

fn answer(opened: &Opened, status: StatusCode, content: &Markup) -> Response {
    let card = Card {
        title: format!("Invitation to {}", crate::oauth::name::isolated(&opened.org.name)),
        error: status.is_client_error(),
        lead: Some(lead(opened)),
        ..Card::default()
    };
    headers::answer(Place::Console, status, card.page(content))
}

fn accept_page(token: &str, opened: &Opened, visitor: &Visitor) -> Response {
    let content = html! {
        form.stack method="post" action={ "/invitations/" (token) } {
            (csrf(&visitor.csrf))
            p { "You are signed in as " strong { (visitor.user.username) } "." }
            div.actions { (form::primary("Accept invitation")) (form::link_button("Not now", "/")) }
        }
    };
    answer(opened, StatusCode::OK, &content)
}

fn other_page(opened: &Opened, visitor: &Visitor) -> Response {
    let content = html! {
        p { "You are signed in as " strong { (visitor.user.username) } ", whose confirmed address is another one. Nothing was changed." }
        p { "Confirm " (opened.invitation.email) " on your " a href="/me/profile" { "profile" }
            ", or sign out and open the link again." }
        form method="post" action="/logout" { (csrf(&visitor.csrf)) button.btn type="submit" { "Sign out" } }
    };
    answer(opened, StatusCode::OK, &content)
}

fn new_page(token: &str, opened: &Opened, form: &Form, errors: &ErrorSummary) -> Response {
    let wrong = !errors.errors.is_empty();
    let back = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", &format!("/invitations/{token}"))
        .finish();
    let content = html! {
        (errors)
        p { "You have an account already? " a href={ "/login?" (back) } { "Sign in to accept" } }
        form.stack.lg method="post" action={ "/invitations/" (token) } novalidate {
            h2 { "Make an account" }
            (Field { name: "username", label: "User name", value: form.one("username"), error: errors.of("username"),
                autocomplete: "username", max: 100, ..Field::default() })
            (Field { name: "display_name", label: "Your name", value: form.one("display_name"), error: errors.of("display_name"),
                autocomplete: "name", optional: true, max: 120, ..Field::default() })
            (Field { name: "password", label: "Password", kind: Kind::Password, error: errors.of("password"),
                hint: "At least 12 characters. A few unrelated words are stronger than one with symbols.",
                autocomplete: "new-password", ..Field::default() })
            div.actions { (form::primary("Create account and accept")) }
        }
    };
    let status = if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    answer(opened, status, &content)
}

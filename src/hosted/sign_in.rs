//! Sign-in with user name and password. The words for a wrong name and a wrong password are the same.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::html;

use super::{browser_of, posted, trouble};
use crate::{
    app::State,
    browser::{self, Form, local_path},
    oauth::refusal::Code,
    observe::RequestContext,
    registry::people,
    secret::Secret,
    ui::{
        form::{self, Field, Kind},
        headers::{self, Place},
        page::Card,
    },
};

/// The form; who is signed in already goes on.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let return_to = local_path(query.one("return_to")).to_owned();
    match browser::visitor(&app, &parts.headers).await {
        Ok(Some(_)) => Redirect::to(&return_to).into_response(),
        Ok(None) => page(StatusCode::OK, &return_to, "", None),
        Err(error) => trouble(&error, &parts),
    }
}

/// Signs in and goes on.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    match form {
        Ok(form) => sign_in(&app, &parts, &form).await,
        Err(error) => trouble(&error, &parts),
    }
}

async fn sign_in(app: &State, parts: &Parts, form: &Form) -> Response {
    let return_to = local_path(form.one("return_to")).to_owned();
    let username = form.one("username").to_owned();
    let previous = match browser::visitor(app, &parts.headers).await {
        Ok(visitor) => visitor.map(|v| v.session.digest),
        Err(error) => return trouble(&error, parts),
    };
    let context = parts.extensions.get::<RequestContext>();
    let ip = context.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |c| c.ip);
    if let Err(refusal) = app.throttle.spend_sign_in(ip, app.registry.now()) {
        return trouble(&refusal.into(), parts);
    }
    let password = Secret::new(form.exact("password").to_owned());
    match people::sign_in(&app.registry, &username, password, &browser_of(parts, previous)).await {
        Ok(signed_in) => {
            let mut response = Redirect::to(&return_to).into_response();
            headers::protect(&mut response, Place::Console);
            let cookie = browser::set_session(app, Some(&signed_in.cookie));
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(error) => match error.refusal().map(|r| (r.code, r.description.clone())) {
            Some((Code::Unauthenticated, why)) => {
                page(StatusCode::UNAUTHORIZED, &return_to, &username, Some(&why))
            }
            _ => trouble(&error, parts),
        },
    }
}

fn page(status: StatusCode, return_to: &str, username: &str, wrong: Option<&str>) -> Response {
    let errors = wrong.map(|why| form::ErrorSummary::of_one("username", why));
    let content = html! {
        @if let Some(errors) = &errors { (errors) }
        form #sign-in .stack.lg method="post" action="/login" novalidate {
            (form::hidden("return_to", return_to))
            (Field {
                name: "username",
                label: "User name",
                value: username,
                autocomplete: "username",
                autofocus: wrong.is_none(),
                ..Field::default()
            })
            (Field {
                name: "password",
                label: "Password",
                kind: Kind::Password,
                autocomplete: "current-password",
                ..Field::default()
            })
            div.actions { (form::primary("Sign in")) }
        }
    };
    let card = Card {
        title: "Sign in".to_owned(),
        error: wrong.is_some(),
        ..Card::default()
    };
    headers::answer(Place::Console, status, card.page(&content))
}

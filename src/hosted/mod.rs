//! Pages a person meets on the way: set-up, sign-in, sign-out.

mod consent; // may this app?
mod device; // a person answers for a device
mod invitation; // into an organisation
mod logout; // an app asks to sign out
mod recover; // a forgotten password
mod scopes; // what an app asks for, in words
mod set_up; // the first administrator, and new members, pick a password
mod sign_in; // user name and password
mod sign_out; // ends the session

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header, request::Parts},
    response::Response,
    routing::{get, post},
};
use maud::html;

use crate::{
    app::State,
    browser::{Form, Visitor},
    config::Issuer,
    error::{Error, Result},
    observe::RequestContext,
    openid::END_SESSION,
    registry::{
        access::{Actor, ActorKind},
        people::Browser,
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
        .route("/login/recover", get(recover::show).post(recover::submit))
        .route(
            "/login/recover/{token}",
            get(recover::show_link).post(recover::submit_link),
        )
        .route("/logout", post(sign_out::submit))
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

/// Where a sign-in comes from.
fn browser_of(parts: &Parts, previous: Option<Vec<u8>>) -> Browser {
    let agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|v| v.to_str().ok());
    Browser {
        ip: context(parts).1,
        user_agent: agent.unwrap_or_default().to_owned(),
        previous,
    }
}

/// Splits a form post of a page that needs no session: it must come from our own site.
async fn posted(app: &State, request: Request) -> (Parts, Result<Form>) {
    let (parts, body) = request.into_parts();
    let limit = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
    let form = match crate::browser::check_origin(app, &parts.headers) {
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
    headers::answer(Place::Console, problem.status, card.page(&html! { (problem) }))
}

//! The authorization endpoint. [RFC 6749 §3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)
//!
//! A request that needs the person leads to the pages of the instance, which lead back to [`go_on`]. Each time the
//! request is opened and judged anew.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{self, Request},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

use super::{Incoming, context_of};
use crate::{
    app::{App, State},
    authorize::{
        Transaction,
        approve::{self, Approval},
        decide::{self, Next},
        page,
        request::{self, Opened, Trouble},
    },
    browser::{self, Visitor},
    error::{Error, Result},
    oauth::{
        client::{Origin, Status},
        params::Params,
        refusal::Code,
    },
    observe::RequestContext,
    registry::access::{Actor, ActorKind},
    store::usage,
    ui::headers::{self, Place},
};

/// A request in the query.
pub(super) async fn get(extract::State(app): extract::State<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let params = parts.uri.query().unwrap_or_default().to_owned();
    let transaction = Transaction::begin(params, app.registry.now());
    proceed(&app, &parts, transaction).await
}

/// A request in the body (OIDC Core §3.1.2.1).
pub(super) async fn post(extract::State(app): extract::State<State>, request: Request) -> Response {
    let read: Result<_> = async {
        let incoming = Incoming::read(&app, request).await?;
        // Only a form: what a page of another origin can send, too.
        incoming.params()?;
        let text = std::str::from_utf8(&incoming.body)
            .map_err(|_| Code::InvalidRequest.because("the request is not form-encoded UTF-8"))?
            .to_owned();
        Ok((incoming.parts, text))
    }
    .await;
    match read {
        Ok((parts, params)) => {
            let transaction = Transaction::begin(params, app.registry.now());
            proceed(&app, &parts, transaction).await
        }
        Err(error) => error.into_response(),
    }
}

/// A request that comes back from another page.
pub(super) async fn go_on(extract::State(app): extract::State<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let text = Params::form(query.as_bytes())
        .ok()
        .and_then(|params| params.one("tx").ok().flatten().map(str::to_owned));
    match text.and_then(|text| Transaction::open(&app.registry, &text)) {
        Some(transaction) => proceed(&app, &parts, transaction).await,
        None => page::expired(),
    }
}

async fn proceed(app: &App, parts: &Parts, transaction: Transaction) -> Response {
    if let Err(error) = app.registry.live.fresh().await {
        return error.into_response();
    }
    let (request_id, _) = context_of(parts);
    let opened = match request::open(&app.registry, &transaction.params) {
        Ok(opened) => opened,
        Err(Trouble::Untrusted(untrusted)) => {
            note_refused(app, parts, &transaction.params, untrusted.code());
            return untrusted.answer(&request_id);
        }
        Err(Trouble::Refused(back, error)) => {
            if let Error::Refused(refusal) = &error {
                note_refused(app, parts, &transaction.params, refusal.code);
            }
            return back.fail(&error);
        }
    };
    match step(app, parts, transaction, &opened).await {
        Ok(response) => response,
        // RFC 6749 §4.1.2.1: the client hears of everything that happens from here on.
        Err(error) => opened.back.fail(&error),
    }
}

/// Counts a request that cannot be answered for the client it names, if there is one. That nobody is signed in, or says
/// no, is no failure.
fn note_refused(app: &App, parts: &Parts, params: &str, code: Code) {
    let (registry, now) = (&app.registry, app.registry.now());
    let params = Params::form(params.as_bytes()).unwrap_or_default();
    let id = params.all("client_id").next().unwrap_or_default();
    let Some(client) = registry.live.client(id) else {
        return;
    };
    registry
        .activity
        .note_refused(&client, usage::Place::Authorize, code.name(), now);
    if client.status == Status::Disabled {
        let ip = parts.extensions.get::<RequestContext>().map(|context| context.ip);
        let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        registry.activity.note_attempt(&client, ip, now);
    }
}

async fn step(app: &App, parts: &Parts, transaction: Transaction, opened: &Opened) -> Result<Response> {
    let registry = &app.registry;
    let now = registry.now();
    let visitor = browser::visitor(app, &parts.headers).await?;
    let next = decide::next(registry, &transaction, opened, visitor.as_ref(), now).await?;
    Ok(match (next, visitor) {
        (Next::Answer(scopes, word), Some(visitor)) => {
            let approval = Approval {
                opened,
                visitor: &visitor,
                scopes,
                word,
            };
            approve::answer(registry, &actor(parts, &visitor), &approval, now).await?
        }
        (Next::Ask(_), _) => lead(&format!("/consent?tx={}", transaction.seal(registry))),
        (Next::Choose, _) => lead(&with_return(
            "/login/choose",
            &transaction.chosen().path(registry),
            &[],
        )),
        (Next::SignIn(sign_in), _) => {
            let mut more = Vec::new();
            if sign_in.again {
                more.push(("again", "1"));
            }
            if let Some(class) = sign_in.factor {
                more.push(("factor", class));
            }
            if let Some(hint) = opened.wishes.login_hint.as_deref() {
                more.push(("login_hint", hint));
            }
            lead(&with_return("/login", &transaction.path(registry), &more))
        }
        // Nobody is answered for who is not there.
        (Next::Answer(..), None) => return Err(Error::internal("an answer for nobody")),
    })
}

/// Who acts, when a person signs in to an app.
fn actor(parts: &Parts, visitor: &Visitor) -> Actor {
    let (request_id, ip) = context_of(parts);
    Actor {
        kind: ActorKind::User,
        id: visitor.user.id.clone(),
        name: visitor.user.username.clone(),
        ip: Some(ip),
        request_id,
        origin: Origin::Console,
    }
}

/// To another page of ours.
fn lead(path: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    headers::protect(&mut response, Place::Transaction);
    response
}

fn with_return(page: &str, return_to: &str, more: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .extend_pairs(more)
        .finish();
    format!("{page}?{query}")
}

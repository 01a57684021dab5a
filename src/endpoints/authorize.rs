//! The authorization endpoint. [RFC 6749 §3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)
//!
//! A request that needs the person leads to the pages of the instance, which lead back to [`go_on`]. Each time the
//! request is opened and judged anew.

use axum::{
    extract::{self, Request},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

use super::{Readers, answer, context_of, source};
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
    failures::{Endpoint, Reference},
    oauth::{client::Origin, params::Params, refusal::Code},
    registry::{
        access::{Actor, ActorKind},
        grants::ANSWERED,
    },
    ui::headers::{self, Place},
};

/// A request in the query.
pub(super) async fn get(extract::State(app): extract::State<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let params = parts.uri.query().unwrap_or_default().to_owned();
    let transaction = Transaction::begin(&app.registry, params);
    proceed(&app, &parts, transaction).await
}

/// A request in the body (OIDC Core §3.1.2.1).
pub(super) async fn post(extract::State(app): extract::State<State>, request: Request) -> Response {
    answer(
        &app,
        Endpoint::Authorize,
        Readers::Nobody,
        request,
        async |app, incoming| {
            // Only a form: what a page of another origin can send, too.
            incoming.params()?;
            let text = std::str::from_utf8(&incoming.body)
                .map_err(|_| Code::InvalidRequest.because("the request is not form-encoded UTF-8"))?
                .to_owned();
            let transaction = Transaction::begin(&app.registry, text);
            Ok(proceed(app, &incoming.parts, transaction).await)
        },
    )
    .await
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
        None => {
            let why = "the request waited for more than half an hour, or was changed on its way";
            let error = Code::InvalidRequest.because(why).reason("request.expired").into();
            page::expired(refer(&app, &parts, "", &error).as_ref().map(Reference::as_str))
        }
    }
}

async fn proceed(app: &App, parts: &Parts, transaction: Transaction) -> Response {
    if let Err(error) = app.registry.live.fresh().await {
        return error.into_response();
    }
    let (request_id, _) = context_of(parts);
    let params = transaction.params.clone();
    let refer = |error: &Error| refer(app, parts, &params, error);
    let uri = |error: &Error| refer(error).map(|reference| reference.uri(&app.registry.config.issuer));
    let opened = match request::open(&app.registry, &params) {
        Ok(opened) => opened,
        Err(Trouble::Untrusted(untrusted)) => {
            let reference = refer(&untrusted.refusal().clone().into());
            return untrusted.answer(&request_id, reference.as_ref().map(Reference::as_str));
        }
        Err(Trouble::Refused(back, error)) => return back.fail(&error, uri(&error).as_deref()),
    };
    match step(app, parts, transaction, &opened).await {
        Ok(response) => response,
        // The client heard of the first answer.
        Err(error) if error.refusal().is_some_and(|r| r.reason == ANSWERED) => page::answered(),
        // RFC 6749 §4.1.2.1: the client hears of everything that happens from here on.
        Err(error) => opened.back.fail(&error, uri(&error).as_deref()),
    }
}

/// What is told of a refusal; what failed on our side has no reference.
fn refer(app: &App, parts: &Parts, params: &str, error: &Error) -> Option<Reference> {
    app.failures
        .note_authorization(&app.registry, params, source(parts), error)
}

async fn step(app: &App, parts: &Parts, transaction: Transaction, opened: &Opened) -> Result<Response> {
    let registry = &app.registry;
    let now = registry.now();
    let visitor = browser::visitor(app, &parts.headers).await?;
    if visitor
        .as_ref()
        .is_some_and(|visitor| transaction.is_of_another(visitor))
    {
        return Ok(page::of_another());
    }
    let next = decide::next(registry, &transaction, opened, visitor.as_ref(), now).await?;
    Ok(match (next, visitor) {
        (Next::Answer(scopes, word), Some(visitor)) => {
            let approval = Approval {
                opened,
                visitor: &visitor,
                scopes,
                word,
                transaction: &transaction,
            };
            approve::answer(registry, &actor(parts, &visitor), &approval, now).await?
        }
        (Next::Ask(_), Some(visitor)) => {
            let asked = transaction.asked_of(&visitor);
            lead(&format!("/consent?tx={}", asked.seal(registry)))
        }
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
        (Next::Answer(..) | Next::Ask(_), None) => {
            return Err(Error::internal("an answer for nobody"));
        }
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

//! The management API over HTTP: `/api/oauth-applications` and the richer `/api/v1` beside it, on the same rows.
//!
//! An operation only translates between the wire and the registry, which decides. What comes in is held against the
//! same schemas that the OpenAPI document shows.

mod call; // the way of a request
mod caller; // who calls
mod demand; // what else a person has to prove
mod docs; // the document as a page
mod etag; // conditional requests
mod idempotency; // a POST that may be sent again
mod input; // bodies, held against their schemas
mod oauth2_client_credentials; // personal credentials in the shape of another contract
mod oauth_applications; // the contract in camel case
mod openapi; // the document
mod operation; // what an operation is
mod page; // lists
mod problem; // how we say no
mod query; // query parameters
mod rate_limit; // how often
mod schema; // the shapes of everything
mod v1; // the rich API

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, any, get},
};

use self::{call::Ground, operation::Operation, problem::About, rate_limit::RateLimit};
use crate::{
    app::State,
    config::Issuer,
    oauth::refusal::{Code, Refusal},
    observe::{Asked, Unhandled},
};

/// Where everything here lives, below the issuer.
pub const BASE: &str = "/api";
/// Where personal credentials are as well, under the date of that contract.
pub const DATED: &str = "/20160918";

/// Every operation.
fn operations() -> &'static [Operation] {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    OPERATIONS.get_or_init(|| {
        let mut all = v1::operations();
        all.extend(oauth_applications::operations());
        all.extend(oauth2_client_credentials::operations());
        all
    })
}

/// The routes, at the path of the issuer.
pub fn routes(app: &State) -> Router<State> {
    let config = &app.registry.config;
    let ground = Ground {
        app: Arc::clone(app),
        limit: Arc::new(RateLimit::new(config.limits.requests_per_minute)),
    };
    let mut paths: Vec<(&str, MethodRouter<State>)> = Vec::new();
    for operation in operations() {
        let ground = ground.clone();
        let act = move |request: Request| call::serve(ground.clone(), operation, request);
        let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::TRACE);
        match paths.iter_mut().find(|(path, _)| *path == operation.path) {
            Some((_, methods)) => *methods = std::mem::take(methods).on(filter, act),
            None => paths.push((operation.path, MethodRouter::new().on(filter, act))),
        }
    }
    let document = Arc::new(openapi::document(config));
    let page = docs::page(&document, config);
    let json = document.to_string();
    paths.push((openapi::PATH, get(move || async move { public(&json) })));
    paths.push((docs::PATH, get(move || async move { docs::answer(&page) })));
    let mut below = Router::new();
    for (path, methods) in paths {
        let refuse = refusing(&ground.app, || {
            Code::MethodNotAllowed.because("this does not answer that method: see the Allow header")
        });
        below = below.route(path, methods.fallback(refuse));
    }
    for unknown in [
        BASE,
        "/api/",
        "/api/{*rest}",
        DATED,
        "/20160918/",
        "/20160918/{*rest}",
    ] {
        let refuse = refusing(&ground.app, || {
            Code::NotFound.because("there is nothing at this path")
        });
        // `any`, because no method is allowed here and an empty Allow would say so for a path that exists.
        below = below.route(unknown, any(refuse));
    }
    match config.issuer.path() {
        "" => below,
        base => Router::new().nest(base, below),
    }
}

/// The problem for what no operation saw.
pub fn unhandled(issuer: &Issuer, what: &Unhandled, asked: &Asked) -> Response {
    let about = About {
        issuer,
        path: asked.uri.path(),
        request_id: &asked.request_id,
        scope: None,
        etag: None,
    };
    problem::unhandled(what, about)
}

/// A handler that says no to everything.
fn refusing(
    app: &State,
    why: fn() -> Refusal,
) -> impl Fn(Request) -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    let app = Arc::clone(app);
    move |request: Request| {
        let (parts, _) = request.into_parts();
        let context = call::context(&parts);
        let about = About {
            issuer: &app.registry.config.issuer,
            path: parts.uri.path(),
            request_id: &context.request_id,
            scope: None,
            etag: None,
        };
        std::future::ready(problem::render(&why().into(), about))
    }
}

fn public(json: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (StatusCode::OK, headers, json.to_owned()).into_response()
}

/// Whether a method only reads.
fn reads(method: &Method) -> bool {
    *method == Method::GET
}

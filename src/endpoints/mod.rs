//! OAuth over HTTP: one file for each endpoint. An endpoint calls each stage of the request path once, top to bottom.
//!
//! Every answer is JSON and, where it could hold a credential, not to be stored
//! ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).

mod authorize; // ask a person
mod cors; // which pages may read an answer
mod device_authorization; // a device asks for a code
mod introspect; // is this token still good?
mod jwks; // the public keys
mod metadata; // what this server can do
mod revoke; // take a token back
mod token; // get one
mod userinfo; // who is it?

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};

use crate::{
    app::{App, State},
    client_auth::{self, Caller},
    config::Config,
    error::{Error, Result},
    oauth::{
        params::Params,
        refusal::{Code, Refusal},
    },
    observe::RequestContext,
    store::usage::Place,
    time::Timestamp,
};

/// Where the endpoints are, below the issuer; discovery says the same.
pub(crate) mod path {
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    pub const TOKEN: &str = "/oauth2/token";
    /// Other names that the token endpoint answers to.
    pub const TOKEN_ALIASES: [&str; 2] = ["/api/oauth/token", "/oauth2/v1/token"];
    pub const DEVICE_AUTHORIZATION: &str = "/oauth2/device_authorization";
    pub const INTROSPECT: &str = "/oauth2/introspect";
    pub const REVOKE: &str = "/oauth2/revoke";
    pub const USERINFO: &str = "/oauth2/userinfo";
    pub const JWKS: &str = "/oauth2/jwks";
    /// RFC 8414 §3: the path of an issuer comes behind this, not before.
    pub const METADATA: &str = "/.well-known/oauth-authorization-server";
    /// OpenID Connect Discovery §4: the path of an issuer comes before this. Some clients put it behind.
    pub const OPENID: &str = "/.well-known/openid-configuration";
}

/// The routes, at the path of the issuer.
pub fn routes(config: &Config) -> Router<State> {
    let (issuer, document) = (&config.issuer, metadata::Document::new(config));
    let serve = |document: &metadata::Document| {
        let document = document.clone();
        get(move |headers: HeaderMap| async move { document.answer(&headers) }).fallback(method_not_allowed)
    };
    let mut below = Router::new()
        .route(path::TOKEN, token_endpoint())
        .route(
            path::AUTHORIZE,
            get(authorize::get)
                .post(authorize::post)
                .fallback(method_not_allowed),
        )
        .route(
            crate::authorize::CONTINUE,
            get(authorize::go_on).fallback(method_not_allowed),
        )
        .route(
            path::DEVICE_AUTHORIZATION,
            post(device_authorization::device_authorization).fallback(method_not_allowed),
        )
        .route(
            path::INTROSPECT,
            post(introspect::introspect).fallback(method_not_allowed),
        )
        .route(
            path::REVOKE,
            post(revoke::revoke)
                .options(cors::preflight)
                .fallback(method_not_allowed),
        )
        .route(
            path::USERINFO,
            get(userinfo::userinfo)
                .post(userinfo::userinfo)
                .options(cors::preflight)
                .fallback(method_not_allowed),
        )
        .route(path::JWKS, get(jwks::jwks).fallback(method_not_allowed))
        .route(path::METADATA, serve(&document))
        .route(path::OPENID, serve(&document));
    for alias in path::TOKEN_ALIASES {
        below = below.route(alias, token_endpoint());
    }
    match issuer.path() {
        "" => below,
        base => Router::new()
            .nest(
                base,
                below.route(device_authorization::PAGE, get(device_authorization::page)),
            )
            .route(&format!("{}{base}", path::METADATA), serve(&document))
            .route(&format!("{}{base}", path::OPENID), serve(&document)),
    }
}

fn token_endpoint() -> MethodRouter<State> {
    post(token::token)
        .options(cors::preflight)
        .fallback(method_not_allowed)
}

/// The router adds which methods are allowed.
async fn method_not_allowed() -> Error {
    Code::MethodNotAllowed
        .because("this endpoint does not answer that method: see the Allow header")
        .into()
}

/// A request to one of the endpoints that clients post to, read whole.
struct Incoming {
    parts: Parts,
    body: Bytes,
}

impl Incoming {
    /// Reads the body.
    ///
    /// # Errors
    /// `request_too_large`.
    async fn read(app: &App, request: Request) -> Result<Self> {
        let most = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, most)
            .await
            .map_err(|_| Code::TooLarge.because("the request body is too large or broke off"))?;
        Ok(Self { parts, body })
    }

    /// The parameters in the body: a form, or a JSON object of strings.
    ///
    /// # Errors
    /// `invalid_request`; `unsupported_media_type` for anything else.
    fn params(&self) -> Result<Params<'_>, Refusal> {
        // RFC 6749 §2.3.1: credentials must not be in the URI, where logs and histories keep them.
        if let Some(query) = self.parts.uri.query()
            && Params::form(query.as_bytes()).is_ok_and(|query| query.all("client_secret").next().is_some())
        {
            return Err(Code::InvalidRequest
                .because("credentials in the URL are not accepted: send them in the body"));
        }
        let media_type = self
            .parts
            .headers
            .get(header::CONTENT_TYPE)
            .map_or("", |value| value.to_str().unwrap_or("?"));
        match media_type.split(';').next().unwrap_or_default().trim() {
            form if form.eq_ignore_ascii_case("application/x-www-form-urlencoded") => {
                Params::form(&self.body)
            }
            json if json.eq_ignore_ascii_case("application/json") => Params::json(&self.body),
            "" if self.body.is_empty() => Ok(Params::default()),
            _ => Err(Code::UnsupportedMediaType
                .because("send the parameters as application/x-www-form-urlencoded or application/json")),
        }
    }

    /// Which client sent it.
    ///
    /// # Errors
    /// As [`client_auth::authenticate`].
    fn caller(&self, app: &App, params: &Params<'_>, now: Timestamp) -> Result<Caller, Refusal> {
        client_auth::authenticate(
            &app.registry,
            &app.throttle,
            &self.parts.headers,
            params,
            self.ip(),
            now,
        )
    }

    /// As [`caller`](Self::caller), at an endpoint that issues nothing: `issue` counts the uses that end in a token.
    /// Public clients use no secret, and anybody can say their names, so these are not counted.
    ///
    /// # Errors
    /// As [`client_auth::authenticate`].
    fn caller_noted(&self, app: &App, params: &Params<'_>, now: Timestamp) -> Result<Caller, Refusal> {
        let caller = self.caller(app, params, now)?;
        if let Some(secret) = &caller.secret_id {
            let activity = &app.registry.activity;
            activity.note(&caller.client, Some(secret), self.ip(), now, None);
        }
        Ok(caller)
    }

    fn context(&self) -> Option<&RequestContext> {
        self.parts.extensions.get()
    }

    fn ip(&self) -> IpAddr {
        self.context()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |context| context.ip)
    }

    fn request_id(&self) -> &str {
        self.context().map_or("", |context| &context.request_id)
    }
}

/// The id and the address of a request.
fn context_of(parts: &Parts) -> (String, String) {
    let context = parts.extensions.get::<RequestContext>();
    (
        context.map(|c| c.request_id.clone()).unwrap_or_default(),
        context.map(|c| c.ip.to_string()).unwrap_or_default(),
    )
}

/// The answer to a client that posts: every 401 says how to authenticate.
fn answer(result: Result<Response>) -> Response {
    result.unwrap_or_else(|error| {
        let mut response = error.into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            // RFC 6749 §5.2, RFC 9110 §15.5.2
            let challenge = HeaderValue::from_static(r#"Basic realm="oauthority", charset="UTF-8""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    })
}

/// As [`answer`], and what is refused to a client is counted.
async fn answer_client(
    app: &App,
    request: Request,
    place: Place,
    work: impl AsyncFnOnce(&App, &Incoming) -> Result<Response>,
) -> Response {
    let result = match Incoming::read(app, request).await {
        Ok(incoming) => note_refused(app, &incoming, place, work(app, &incoming).await),
        Err(error) => Err(error),
    };
    answer(result)
}

/// As [`answer_client`], at an endpoint that apps in browsers use, too.
async fn answer_pages(
    app: &App,
    request: Request,
    place: Place,
    work: impl AsyncFnOnce(&App, &Incoming) -> Result<Response>,
) -> Response {
    let (result, origin) = match Incoming::read(app, request).await {
        Ok(incoming) => {
            let origin = cors::origin_of_client(app, &incoming);
            let result = note_refused(app, &incoming, place, work(app, &incoming).await);
            (result, origin)
        }
        Err(error) => (Err(error), None),
    };
    let mut response = answer(result);
    cors::let_in(&mut response, origin.as_deref());
    response
}

/// Counts a refusal for the client that the request names, if there is one. A device that has to wait is not refused.
fn note_refused(app: &App, incoming: &Incoming, place: Place, result: Result<Response>) -> Result<Response> {
    if let Err(Error::Refused(refusal)) = &result
        && !matches!(refusal.code, Code::AuthorizationPending | Code::SlowDown)
        && let Ok(params) = incoming.params()
        && let Some(client) = client_auth::named(&app.registry, &incoming.parts.headers, &params)
    {
        let (activity, now) = (&app.registry.activity, app.registry.now());
        activity.note_refused(&client, place, refusal.code.name(), now);
    }
    result
}

/// An answer that nobody may keep.
fn no_store(json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A public document that changes seldom, for every origin, or 304 to somebody who has it.
fn public(headers: &HeaderMap, etag: &str, document: Bytes) -> Response {
    // RFC 9110 §13.1.2: weak comparison.
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
            .any(|tag| tag == etag || tag == "*")
    });
    let mut response = Response::default();
    let about = response.headers_mut();
    about.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    about.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        about.insert(header::ETAG, etag);
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    about.insert(header::CONTENT_TYPE, JSON);
    *response.body_mut() = Body::from(document);
    response
}

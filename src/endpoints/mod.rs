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
    extract::{self, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};

use crate::{
    app::{App, State},
    client_auth::{self, Caller},
    config::Config,
    error::{Error, Result},
    failures::{self, Endpoint},
    grant_types::Source,
    oauth::{
        params::Params,
        refusal::{Code, Refusal},
    },
    observe::{Asked, RequestContext, Unhandled},
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
            post_only(get(authorize::get).post(authorize::post), Endpoint::Authorize),
        )
        .route(
            crate::authorize::CONTINUE,
            get(authorize::go_on).fallback(method_not_allowed),
        )
        .route(
            path::DEVICE_AUTHORIZATION,
            post_only(
                post(device_authorization::device_authorization),
                Endpoint::DeviceAuthorization,
            ),
        )
        .route(
            path::INTROSPECT,
            post_only(post(introspect::introspect), Endpoint::Introspect),
        )
        .route(
            path::REVOKE,
            post_only(post(revoke::revoke).options(cors::preflight), Endpoint::Revoke),
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
                below
                    .route(device_authorization::PAGE, get(device_authorization::page))
                    .route(&format!("{}/{{reference}}", failures::PAGE), get(failure_page)),
            )
            .route(&format!("{}{base}", path::METADATA), serve(&document))
            .route(&format!("{}{base}", path::OPENID), serve(&document)),
    }
}

fn token_endpoint() -> MethodRouter<State> {
    post_only(post(token::token).options(cors::preflight), Endpoint::Token)
}

/// The router adds which methods are allowed.
async fn method_not_allowed() -> Error {
    Code::MethodNotAllowed
        .because("this endpoint does not answer that method: see the Allow header")
        .into()
}

/// The same at an endpoint whose refusals are explained.
fn post_only(route: MethodRouter<State>, endpoint: Endpoint) -> MethodRouter<State> {
    route.fallback(
        move |extract::State(app): extract::State<State>, request: Request| async move {
            answer(&app, endpoint, Readers::Nobody, request, async |_, _| {
                Err(method_not_allowed().await)
            })
            .await
        },
    )
}

/// The page that explains a failure, for an issuer with a path: pages have none.
async fn failure_page(extract::Path(reference): extract::Path<String>) -> Response {
    let plain = reference.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let page = failures::PAGE;
    let to = if plain {
        format!("{page}/{reference}")
    } else {
        page.to_owned()
    };
    Redirect::to(&to).into_response()
}

/// A request to one of the endpoints that clients post to, read whole.
struct Incoming {
    parts: Parts,
    body: Bytes,
}

impl Incoming {
    /// Reads the body; without it, if it is too large or breaks off.
    async fn read(app: &App, request: Request) -> (Self, Result<()>) {
        let most = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
        let (parts, body) = request.into_parts();
        let (body, read) = match to_bytes(body, most).await {
            Ok(body) => (body, Ok(())),
            Err(_) => {
                let refusal = Code::TooLarge.because("the request body is too large or broke off");
                (Bytes::new(), Err(refusal.into()))
            }
        };
        (Self { parts, body }, read)
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
                .because("credentials in the URL are not accepted: send them in the body")
                .reason("client.secret_in_url"));
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

    fn ip(&self) -> IpAddr {
        source(&self.parts).ip
    }

    fn request_id(&self) -> &str {
        source(&self.parts).request_id
    }
}

/// Where a request comes from.
fn source(parts: &Parts) -> Source<'_> {
    let context = parts.extensions.get::<RequestContext>();
    Source {
        ip: context.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |context| context.ip),
        request_id: context.map_or("", |context| &context.request_id),
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

/// The address at which whoever looks after the client reads why it was refused; every refusal of these endpoints
/// comes by here once.
fn note_failure(app: &App, endpoint: Endpoint, incoming: &Incoming, refusal: &Refusal) -> Option<String> {
    // Credentials in the URL are refused, but they tell whose they are.
    let query = || Params::form(incoming.parts.uri.query().unwrap_or_default().as_bytes()).ok();
    let params = incoming.params().ok().or_else(query);
    let request = failures::Request {
        endpoint,
        headers: Some(&incoming.parts.headers),
        params: params.as_ref(),
        source: source(&incoming.parts),
    };
    let reference = app.failures.note(&app.registry, request, refusal)?;
    Some(reference.uri(&app.registry.config.issuer))
}

/// What the layers before an endpoint refused.
pub fn unhandled(app: &App, what: &Unhandled, asked: &Asked) -> Response {
    let below = asked.uri.path().strip_prefix(app.registry.config.issuer.path());
    let endpoint = below.and_then(|path| match path {
        path::TOKEN => Some(Endpoint::Token),
        path if path::TOKEN_ALIASES.contains(&path) => Some(Endpoint::Token),
        path::AUTHORIZE => Some(Endpoint::Authorize),
        path::DEVICE_AUTHORIZATION => Some(Endpoint::DeviceAuthorization),
        path::INTROSPECT => Some(Endpoint::Introspect),
        path::REVOKE => Some(Endpoint::Revoke),
        _ => None,
    });
    let Some(endpoint) = endpoint.filter(|_| what.status.is_client_error()) else {
        return what.json();
    };
    let request = failures::Request {
        endpoint,
        headers: None,
        params: None,
        source: Source {
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            request_id: &asked.request_id,
        },
    };
    let code = match what.status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => Code::InvalidRequest,
    };
    let refusal = code.because(what.description.clone());
    let reference = app.failures.note(&app.registry, request, &refusal);
    let uri = reference.map(|reference| reference.uri(&app.registry.config.issuer));
    what.json_with(uri.as_deref())
}

/// Which pages of other origins may read an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    Nobody,
    /// Those of the client that the request names.
    Pages,
}

/// The answer to a client that posts: every 401 says how to authenticate, every refusal where more is said.
async fn answer(
    app: &App,
    endpoint: Endpoint,
    readers: Readers,
    request: Request,
    work: impl AsyncFnOnce(&App, &Incoming) -> Result<Response>,
) -> Response {
    let (incoming, read) = Incoming::read(app, request).await;
    let origin = cors::origin_of_client(app, &incoming).filter(|_| readers == Readers::Pages);
    let result = match read {
        Ok(()) => work(app, &incoming).await,
        Err(error) => Err(error),
    };
    let mut response = result.unwrap_or_else(|error| {
        let uri = error
            .refusal()
            .and_then(|refusal| note_failure(app, endpoint, &incoming, refusal));
        let mut response = error.answer(uri.as_deref());
        if response.status() == StatusCode::UNAUTHORIZED {
            // RFC 6749 §5.2, RFC 9110 §15.5.2
            let challenge = HeaderValue::from_static(r#"Basic realm="oauthority", charset="UTF-8""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    });
    if readers == Readers::Pages {
        cors::let_in(&mut response, origin.as_deref());
    }
    response
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

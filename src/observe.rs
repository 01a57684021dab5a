//! What operators see of a request: its id, where it came from, one log line, metrics, health.
//!
//! A log line never holds a query string, a header or a body, since each of them may carry a credential. Forwarded
//! headers count only from trusted proxies (RFC 7239 §8.1).

mod address;
mod health;
mod log;
mod metrics;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

pub use address::{Proxies, client_ip, is_https};
pub use health::routes;
pub use log::init;
pub use metrics::Metrics;

use crate::config::Config;

/// The other end of a connection, as the socket tells it. The server puts it into the extensions of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted up to this server.
    pub tls: bool,
}

/// A request that came through no socket comes from this machine.
impl Default for Peer {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            tls: false,
        }
    }
}

/// What is known of a request before anybody looks at it; in its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// Names the request in logs, audit events and answers.
    pub request_id: String,
    /// The client's address, through trusted proxies.
    pub ip: IpAddr,
    /// Whether the client spoke TLS, to us or to a trusted proxy. Links and cookies follow the issuer, not this.
    pub https: bool,
}

/// What watching requests needs. Clones share everything.
#[derive(Clone)]
pub struct Observer {
    proxies: Arc<Proxies>,
    metrics: Metrics,
    metrics_public: bool,
}

impl Observer {
    /// An observer as the settings say. Installs the recorder of metrics if nobody has.
    pub fn new(config: &Config) -> Self {
        Self {
            proxies: Arc::new(Proxies::new(config)),
            metrics: Metrics::install(),
            metrics_public: config.metrics_public,
        }
    }
}

/// The header that carries the request id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Puts a watch on every route added so far: request id, context, log line, metrics, and a 500 instead of a panic.
/// Must be the outermost layer.
pub fn watch<S: Clone + Send + Sync + 'static>(router: Router<S>, observer: Observer) -> Router<S> {
    router
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(middleware::from_fn_with_state(observer, observe))
}

async fn observe(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let context = observer.context(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!("request", id = %context.request_id);
    let (id, ip) = (context.request_id.clone(), context.ip);
    request.extensions_mut().insert(context);

    let mut response = next.run(request).instrument(span).await;

    let (status, took) = (response.status(), started.elapsed());
    observer.metrics.count(route, method_label(&method), status, took);
    let ms = took.as_micros() as f64 / 1000.0;
    tracing::info!(target: "oauthority::request", method = method_label(&method), route, status = status.as_u16(), ms, request_id = %id, %ip);
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

impl Observer {
    fn context(&self, request: &Request) -> RequestContext {
        let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
        let headers = request.headers();
        RequestContext {
            request_id: self.request_id(&peer, headers),
            ip: client_ip(&peer, headers, &self.proxies),
            https: is_https(&peer, headers, &self.proxies),
        }
    }

    /// A trusted proxy may name the request, so that its log and ours can be read together; nobody else may, or
    /// logs could be made to lie.
    fn request_id(&self, peer: &Peer, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if self.proxies.trust(peer.ip) && is_request_id(id) => id.into(),
            _ => format!("req_{}", uuid::Uuid::now_v7().simple()),
        }
    }
}

fn is_request_id(text: &str) -> bool {
    (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The method as a label: anybody can invent methods, so only those of RFC 9110 and PATCH are told apart.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// The hook that [`init`] sets has logged the panic itself; the answer says nothing about it.
fn answer_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    let body = r#"{"error":"server_error","error_description":"Something failed on our side"}"#;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::INTERNAL_SERVER_ERROR, headers, Body::from(body)).into_response()
}

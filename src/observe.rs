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
mod unhandled;

use std::{
    any::Any,
    convert::Infallible,
    future::poll_fn,
    net::{IpAddr, Ipv4Addr},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use tower::{Layer, Service};

pub use address::{Proxies, client_ip, is_https};
pub use health::{metrics_alone, routes};
pub use log::init;
pub use metrics::Metrics;
pub use unhandled::{Asked, Face, Unhandled};

use crate::{config::Config, error};

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
    shown: Shown,
    /// Whether browsers are told to come back over TLS only.
    hsts: bool,
    ids: Arc<Ids>,
    face: Face,
}

/// To whom `/metrics` is shown at the door where everybody knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Everybody,
    /// Whoever is on this machine, where no proxy is: one that hides for whom it asks looks the same.
    ThisMachine,
    /// A door of their own, or none.
    Nobody,
}

impl Shown {
    fn of(config: &Config) -> Self {
        let proxied = config.behind_proxy || !config.trusted_proxies.is_empty();
        match (config.metrics_public, proxied || config.metrics.listen.is_some()) {
            (true, _) => Self::Everybody,
            (false, true) => Self::Nobody,
            (false, false) => Self::ThisMachine,
        }
    }
}

/// A year, as <https://www.rfc-editor.org/rfc/rfc6797#section-6.1> has it. Other names of the domain are not ours.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Ids of requests: a UUID of version 7 at the start, counted up. They need to differ, not to be secret.
struct Ids {
    first: u128,
    given: AtomicU64,
}

impl Ids {
    fn next(&self) -> String {
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        let id = self.first.wrapping_add(u128::from(given));
        let mut text = String::with_capacity(36);
        text.push_str("req_");
        for byte in id.to_be_bytes() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text
    }
}

impl Observer {
    /// An observer as the settings say. Installs the recorder of metrics if nobody has.
    pub fn new(config: &Config) -> Self {
        Self {
            proxies: Arc::new(Proxies::new(config)),
            metrics: Metrics::install(),
            shown: Shown::of(config),
            hsts: config.issuer.is_https(),
            ids: Arc::new(Ids {
                first: uuid::Uuid::now_v7().as_u128(),
                given: AtomicU64::new(0),
            }),
            face: Face::default(),
        }
    }

    /// The same, answering panics with this face.
    #[must_use]
    pub fn facing(self, face: Face) -> Self {
        Self { face, ..self }
    }

    /// How it answers panics.
    pub fn face(&self) -> Face {
        self.face.clone()
    }
}

/// The header that carries the request id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Puts a watch on every route added so far: request id, context, log line, metrics, and a 500 instead of a panic.
/// Must be the outermost layer.
pub fn watch<S: Clone + Send + Sync + 'static>(router: Router<S>, observer: Observer) -> Router<S> {
    router.layer(Watch::new(observer))
}

/// The layer of [`watch`], to be put on together with others: each layer of its own on a router costs every request.
#[derive(Clone)]
pub struct Watch(Arc<Observer>);

impl Watch {
    /// As the observer sees it.
    pub fn new(observer: Observer) -> Self {
        Self(Arc::new(observer))
    }
}

impl<S> Layer<S> for Watch {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched {
            inner,
            observer: Arc::clone(&self.0),
        }
    }
}

/// A service under watch.
#[derive(Clone)]
pub struct Watched<S> {
    inner: S,
    observer: Arc<Observer>,
}

impl<S> Service<Request> for Watched<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let observer = Arc::clone(&self.observer);
        let context = observer.context(&request);
        let seen = Seen {
            started: Instant::now(),
            method: method_label(request.method()),
            asked: (request.method().clone(), request.uri().clone()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            ip: context.ip,
            id: context.request_id.clone(),
        };
        request.extensions_mut().insert(context);
        let answer = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        Box::pin(async move {
            let answer = match answer {
                Ok(answer) => error::in_request(seen.id.clone(), without_panic(answer)).await,
                Err(panic) => Err(panic),
            };
            let mut response = answer.unwrap_or_else(|_| seen.answer_panic(&observer.face));
            seen.tell(&observer, response.status());
            if observer.hsts {
                // RFC 6797 §7.1
                response
                    .headers_mut()
                    .insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
            }
            if let Ok(value) = HeaderValue::try_from(seen.id) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            Ok(response)
        })
    }
}

/// The answer, or what the panic carried.
async fn without_panic(
    answer: impl Future<Output = Result<Response, Infallible>>,
) -> Result<Response, Box<dyn Any + Send>> {
    let mut answer = pin!(answer);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(answer) => answer.map(|Ok(response)| Ok(response)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

/// What is told of a request when its answer is there.
struct Seen {
    started: Instant,
    method: &'static str,
    asked: (Method, Uri),
    route: Option<MatchedPath>,
    ip: IpAddr,
    id: String,
}

impl Seen {
    /// The hook that [`init`] sets has logged the panic itself; the answer says nothing about it.
    fn answer_panic(&self, face: &Face) -> Response {
        let what = Unhandled {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: "server_error",
            description: "Something failed on our side".to_owned(),
        };
        let (method, uri) = self.asked.clone();
        let asked = Asked {
            method,
            uri,
            request_id: self.id.clone(),
        };
        face.put(&what, &asked)
    }

    fn tell(&self, observer: &Observer, status: StatusCode) {
        let route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str);
        let (method, ip, took) = (self.method, self.ip, self.started.elapsed());
        observer.metrics.count(route, method, status, took);
        let (ms, request_id, status) = (took.as_micros() as f64 / 1000.0, &self.id, status.as_u16());
        // Machines get tokens and keys by the thousand a second: metrics count what went well, the log keeps the rest.
        if status < 400 && is_routine(route) {
            tracing::debug!(target: "oauthority::request", method, route, status, ms, request_id, %ip);
        } else {
            tracing::info!(target: "oauthority::request", method, route, status, ms, request_id, %ip);
        }
    }
}

/// Whether machines ask this route all the time, and changes through it are audited.
fn is_routine(route: &str) -> bool {
    let below = ["/oauth2/", "/.well-known/", "/health/"];
    below.iter().any(|part| route.contains(part)) || ["/api/oauth/token", "/metrics"].contains(&route)
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
            _ => self.ids.next(),
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

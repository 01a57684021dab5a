//! Request bodies of bounded size and duration, read whole before anybody looks at them.
//!
//! What is too large is read to its end, within reason, before the 413: so the answer arrives and the connection
//! serves the next request.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, Version, header, request::Parts},
    response::Response,
};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt};

use super::shares::{Place, Shares};
use crate::observe::{Asked, Face, Peer, RequestContext, Unhandled};

/// Beyond this a body is not worth reading for the sake of the connection.
const DISCARD: usize = 1024 * 1024;

/// A body that takes longer is a peer that holds a connection for its own sake.
const PATIENCE: Duration = Duration::from_secs(30);

/// Refuses bodies over `limit` bytes with 413, and bodies that do not arrive with 408, on every route added so far.
pub fn limit_body<S: Clone + Send + Sync + 'static>(router: Router<S>, limit: usize) -> Router<S> {
    router.layer(BodyLimit::new(limit, Face::default()))
}

/// The layer of [`limit_body`].
#[derive(Clone, Debug)]
pub struct BodyLimit {
    limit: usize,
    face: Face,
    /// Of requests at work that came through proxies.
    shares: Option<Shares>,
}

impl BodyLimit {
    /// `limit` is the most bytes that a body may have, `face` how it looks when it has more.
    pub const fn new(limit: usize, face: Face) -> Self {
        Self {
            limit,
            face,
            shares: None,
        }
    }

    /// The same, where an address that trusted proxies name has at most so many requests at work: proxies carry
    /// everybody's over a few connections, so connections tell nothing there.
    #[must_use]
    pub fn with_share_of_each_address(self, most: u64) -> Self {
        Self {
            shares: Some(Shares::new(most)),
            ..self
        }
    }
}

impl<S> Layer<S> for BodyLimit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited {
            inner,
            rule: self.clone(),
        }
    }
}

/// A service that gets whole bodies.
#[derive(Clone)]
pub struct Limited<S> {
    inner: S,
    rule: BodyLimit,
}

impl<S> Service<Request> for Limited<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let place = match self.rule.place(&request) {
            Ok(place) => place,
            Err(refused) => return Box::pin(std::future::ready(Ok(refused))),
        };
        if hyper::body::Body::is_end_stream(request.body()) {
            let answer = self.inner.call(request);
            return Box::pin(async move {
                let _at_work = place;
                answer.await
            });
        }
        let (rule, inner) = (self.rule.clone(), self.inner.clone());
        Box::pin(async move {
            let _at_work = place;
            match rule.read(request).await {
                Ok(request) => inner.oneshot(request).await,
                Err(refused) => Ok(refused),
            }
        })
    }
}

impl BodyLimit {
    /// A place among the requests at work, if the request came through a proxy; or the answer that refuses it.
    fn place(&self, request: &Request) -> Result<Option<Place>, Response> {
        let Some(shares) = &self.shares else {
            return Ok(None);
        };
        let extensions = request.extensions();
        let (peer, context) = (extensions.get::<Peer>(), extensions.get::<RequestContext>());
        let (Some(peer), Some(context)) = (peer, context) else {
            return Ok(None);
        };
        if peer.ip == context.ip {
            return Ok(None);
        }
        if let Some(place) = shares.enter(context.ip) {
            return Ok(Some(place));
        }
        let what = Unhandled {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "rate_limited",
            description: "This address has too many requests at work: wait for answers before asking more"
                .to_owned(),
        };
        let asked = Asked {
            method: request.method().clone(),
            uri: request.uri().clone(),
            request_id: context.request_id.clone(),
        };
        let mut response = self.face.put(&what, &asked);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        Err(response)
    }

    /// The request with its body in memory, or the answer that refuses it.
    async fn read(&self, request: Request) -> Result<Request, Response> {
        let limit = self.limit;
        let (parts, mut body) = request.into_parts();
        let promised = length(&parts.headers);
        // A client that waits for 100 Continue has not sent a body it could be spared.
        if promised > limit.saturating_add(DISCARD)
            || (promised > limit && parts.headers.contains_key(header::EXPECT))
        {
            return Err(self.refuse(&too_large(limit), &parts, false));
        }
        let (status, why) = match tokio::time::timeout(PATIENCE, collect(&mut body, limit)).await {
            Ok(Collected::Whole(bytes)) => return Ok(Request::from_parts(parts, Body::from(bytes))),
            Ok(Collected::TooLarge { at_end }) => return Err(self.refuse(&too_large(limit), &parts, at_end)),
            Ok(Collected::Broken) => (StatusCode::BAD_REQUEST, "The request body ended early"),
            Err(_) => (
                StatusCode::REQUEST_TIMEOUT,
                "The request body did not arrive in time",
            ),
        };
        let what = Unhandled {
            status,
            error: "invalid_request",
            description: why.to_owned(),
        };
        Err(self.refuse(&what, &parts, false))
    }

    /// The answer; unless the body was read to its end, the connection serves no other request.
    fn refuse(&self, what: &Unhandled, parts: &Parts, at_end: bool) -> Response {
        let context = parts.extensions.get::<RequestContext>();
        let asked = Asked {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            request_id: context.map_or_else(String::new, |context| context.request_id.clone()),
        };
        let mut response = self.face.put(what, &asked);
        if !at_end && parts.version < Version::HTTP_2 {
            response
                .headers_mut()
                .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}

fn length(headers: &HeaderMap) -> usize {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

enum Collected {
    Whole(Bytes),
    TooLarge { at_end: bool },
    Broken,
}

async fn collect(body: &mut Body, limit: usize) -> Collected {
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Collected::Broken;
        };
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen > limit.saturating_add(DISCARD) {
            return Collected::TooLarge { at_end: false };
        }
        if seen > limit {
            whole = Vec::new();
        } else if seen == data.len() {
            // Nearly every body comes in one piece, which then need not be copied.
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    if seen > limit {
        return Collected::TooLarge { at_end: true };
    }
    Collected::Whole(if whole.is_empty() { first } else { whole.into() })
}

fn too_large(limit: usize) -> Unhandled {
    Unhandled {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        error: "request_too_large",
        description: format!("The request body is larger than {limit} bytes"),
    }
}

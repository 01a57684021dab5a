//! `/health/live`, `/health/ready` and `/metrics`: for probes and scrapers, without authentication.

use axum::{
    Extension, Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Observer, RequestContext, Shown, address};

/// The routes for probes. `ready` tells whether the server can do its work now; the reason why not goes to the log,
/// never into the answer. Needs [`watch`](super::watch) around it.
pub fn routes<S, Ready, Answer>(observer: Observer, ready: Ready) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Ready: Fn() -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<(), String>> + Send + 'static,
{
    let metrics = async move |Extension(context): Extension<RequestContext>, headers: HeaderMap| {
        observer.show_metrics(&context, &headers)
    };
    Router::new()
        .route(
            "/health/live",
            get(async || answer(StatusCode::OK, r#"{"status":"live"}"#)),
        )
        .route("/health/ready", get(async move || show_readiness(ready().await)))
        .route("/metrics", get(metrics))
}

/// `/metrics` and nothing else, for a listener of its own: whoever reaches it may see them.
pub fn metrics_alone(observer: Observer) -> Router {
    Router::new().route("/metrics", get(async move || observer.rendered()))
}

fn show_readiness(ready: Result<(), String>) -> Response {
    match ready {
        Ok(()) => answer(StatusCode::OK, r#"{"status":"ready"}"#),
        Err(reason) => {
            tracing::warn!(%reason, "not ready");
            answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"unavailable"}"#)
        }
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}

impl Observer {
    /// A loopback address with a forwarded header is a proxy nobody told us about: its client may be anybody.
    fn show_metrics(&self, context: &RequestContext, headers: &HeaderMap) -> Response {
        let near = context.ip.is_loopback() && !address::is_forwarded(headers);
        match self.shown {
            Shown::Everybody => return self.rendered(),
            Shown::ThisMachine if near => return self.rendered(),
            Shown::ThisMachine | Shown::Nobody => {}
        }
        let body = r#"{"error":"access_denied","error_description":"Metrics are for this machine and, behind a proxy, for the address of metrics.listen; see metrics_public"}"#;
        answer(StatusCode::FORBIDDEN, body)
    }

    fn rendered(&self) -> Response {
        let format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        (format, self.metrics.render()).into_response()
    }
}

//! What the watch sees and what it keeps to itself, through a router in process.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use axum::{Extension, body::Body, http::header, response::IntoResponse, routing::get};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::config::Sources;

fn config(flags: &[(&str, &str)]) -> Config {
    let sources = Sources::default()
        .directory("/nonexistent")
        .flag("data_dir", "/nonexistent");
    let sources = flags
        .iter()
        .fold(sources, |sources, (key, value)| sources.flag(*key, *value));
    Config::load(&sources).expect("a valid configuration")
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn peer(text: &str) -> Peer {
    Peer {
        ip: ip(text),
        port: 4711,
        tls: false,
    }
}

const TRUSTED: (&str, &str) = ("trusted_proxies", "10.0.0.0/8");

#[test]
fn b_087_forwarded_for_of_an_untrusted_peer_changes_nothing() {
    let proxies = Proxies::new(&config(&[TRUSTED]));
    let spoofed = headers(&[
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;proto=https"),
        ("x-forwarded-proto", "https"),
    ]);
    let peer = peer("203.0.113.9");
    assert_eq!(client_ip(&peer, &spoofed, &proxies), ip("203.0.113.9"));
    assert!(!is_https(&peer, &spoofed, &proxies));
    let nobody = Proxies::new(&config(&[]));
    assert_eq!(client_ip(&peer, &spoofed, &nobody), ip("203.0.113.9"));
}

#[test]
fn b_087_client_is_the_rightmost_hop_that_is_not_a_proxy() {
    let proxies = Proxies::new(&config(&[TRUSTED]));
    let of = |lines: &[(&'static str, &'static str)]| client_ip(&peer("10.0.0.1"), &headers(lines), &proxies);
    assert_eq!(of(&[]), ip("10.0.0.1"));
    assert_eq!(of(&[("x-forwarded-for", "198.51.100.7")]), ip("198.51.100.7"));
    assert_eq!(
        of(&[("x-forwarded-for", "1.1.1.1, 198.51.100.7, 10.0.0.2")]),
        ip("198.51.100.7")
    );
    assert_eq!(
        of(&[
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "198.51.100.7")
        ]),
        ip("198.51.100.7")
    );
    assert_eq!(of(&[("x-forwarded-for", "10.0.0.3, 10.0.0.2")]), ip("10.0.0.3"));
    assert_eq!(
        of(&[("x-forwarded-for", "198.51.100.7, nonsense, 10.0.0.2")]),
        ip("10.0.0.2")
    );
    assert_eq!(
        of(&[("x-forwarded-for", "198.51.100.7:1234")]),
        ip("198.51.100.7")
    );
    // The header that the proxies do not write may come from the client.
    assert_eq!(of(&[("forwarded", "for=1.1.1.1")]), ip("10.0.0.1"));
}

#[test]
fn rfc7239_s4_forwarded_names_the_client() {
    let proxies = Proxies::new(&config(&[TRUSTED, ("forwarded_header", "forwarded")]));
    let of = |line: &'static str| {
        client_ip(
            &peer("::ffff:10.0.0.1"),
            &headers(&[("forwarded", line)]),
            &proxies,
        )
    };
    assert_eq!(of("For=198.51.100.7;proto=https"), ip("198.51.100.7"));
    assert_eq!(
        of("for=1.1.1.1, for=\"[2001:db8::7]:4711\";by=10.0.0.1, for=10.0.0.2"),
        ip("2001:db8::7")
    );
    assert_eq!(of("for=\"[2001:db8::7]\""), ip("2001:db8::7"));
    assert_eq!(of("for=unknown"), ip("10.0.0.1"));
    assert_eq!(of("for=_hidden, for=10.0.0.2"), ip("10.0.0.2"));
    assert_eq!(
        client_ip(
            &peer("10.0.0.1"),
            &headers(&[("x-forwarded-for", "1.1.1.1")]),
            &proxies
        ),
        ip("10.0.0.1")
    );
    assert!(is_https(
        &peer("10.0.0.1"),
        &headers(&[("forwarded", "for=1.1.1.1;proto=http, proto=https")]),
        &proxies
    ));
}

#[test]
fn g_26_forwarded_proto_counts_from_the_nearest_trusted_proxy() {
    let proxies = Proxies::new(&config(&[TRUSTED]));
    let of = |value| {
        is_https(
            &peer("10.0.0.1"),
            &headers(&[("x-forwarded-proto", value)]),
            &proxies,
        )
    };
    assert!(of("https") && of("http, HTTPS"));
    assert!(!of("https, http") && !of("http"));
    assert!(is_https(
        &Peer {
            tls: true,
            ..peer("203.0.113.9")
        },
        &HeaderMap::new(),
        &proxies
    ));
}

fn app(flags: &[(&str, &str)]) -> Router {
    let observer = Observer::new(&config(flags));
    let router = Router::new()
        .route(
            "/context/{name}",
            get(async |Extension(context): Extension<RequestContext>| format!("{context:?}")),
        )
        .route("/panic", get(panicking))
        .merge(routes(observer.clone(), async || Ok(())));
    watch(router, observer)
}

async fn panicking() -> &'static str {
    std::panic::resume_unwind(Box::new("hunter2"))
}

async fn ask(
    app: Router,
    path: &str,
    peer: Peer,
    lines: &[(&'static str, &'static str)],
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder()
        .uri(path)
        .body(Body::empty())
        .expect("a request");
    *request.headers_mut() = headers(lines);
    request.extensions_mut().insert(peer);
    let (parts, body) = app.oneshot(request).await.expect("an answer").into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    (
        parts.status,
        parts.headers,
        String::from_utf8_lossy(&bytes).into_owned(),
    )
}

#[tokio::test]
async fn every_answer_names_its_request_and_handlers_know_the_name() {
    let (_, answered, body) = ask(app(&[]), "/context/a", Peer::default(), &[]).await;
    let id = answered[REQUEST_ID].to_str().expect("ASCII");
    assert!(id.starts_with("req_") && id.len() == 36, "{id}");
    assert!(body.contains(id));
    let (status, answered, _) = ask(app(&[]), "/nowhere", Peer::default(), &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(answered.contains_key(REQUEST_ID));
}

#[tokio::test]
async fn request_id_is_accepted_from_trusted_proxies_only() {
    let of = async |from, id| {
        ask(app(&[TRUSTED]), "/context/a", peer(from), &[("request-id", id)])
            .await
            .1[REQUEST_ID]
            .clone()
    };
    assert_eq!(of("10.0.0.1", "edge-12345678").await, "edge-12345678");
    assert_ne!(of("203.0.113.9", "edge-12345678").await, "edge-12345678");
    for bad in ["short", "has space in it", "quote\"quote\""] {
        assert_ne!(of("10.0.0.1", bad).await, bad);
    }
}

#[tokio::test]
async fn panic_is_a_500_that_says_nothing() {
    let (status, answered, body) = ask(app(&[]), "/panic", Peer::default(), &[]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answered.contains_key(REQUEST_ID));
    assert!(
        body.contains("server_error") && !body.contains("hunter2"),
        "{body}"
    );
}

#[tokio::test]
async fn health_tells_life_and_readiness_apart() {
    let observer = Observer::new(&config(&[]));
    let router = routes(observer.clone(), async || {
        Err("database lost at db.internal".to_owned())
    });
    let router: Router = watch(router, observer);
    let (status, _, body) = ask(router.clone(), "/health/ready", Peer::default(), &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!body.contains("db.internal"));
    assert_eq!(
        ask(router, "/health/live", Peer::default(), &[]).await.0,
        StatusCode::OK
    );
    assert_eq!(
        ask(app(&[]), "/health/ready", Peer::default(), &[]).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn metrics_count_by_route_method_and_class() {
    let app = app(&[]);
    for _ in 0..3 {
        ask(
            app.clone(),
            "/context/counted?token=hunter2",
            Peer::default(),
            &[],
        )
        .await;
    }
    let (_, answered, text) = ask(app, "/metrics", Peer::default(), &[]).await;
    assert_eq!(
        answered[header::CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(
        text.contains("http_requests_total{route=\"/context/{name}\",method=\"GET\",status=\"2xx\"}"),
        "{text}"
    );
    assert!(
        text.contains("http_request_duration_seconds_bucket{route=\"/context/{name}\",le=\"0.0001\"}"),
        "{text}"
    );
    assert!(
        !text.contains("hunter2") && !text.contains("/context/counted"),
        "{text}"
    );
}

#[tokio::test]
async fn fx_17_metrics_are_for_this_machine_and_never_through_a_proxy() {
    let of = async |flags, from, lines| ask(app(flags), "/metrics", peer(from), lines).await.0;
    let through: &[(&str, &str)] = &[("x-forwarded-for", "203.0.113.9")];
    let claiming: &[(&str, &str)] = &[("x-forwarded-for", "127.0.0.1")];
    assert_eq!(of(&[], "127.0.0.1", &[]).await, StatusCode::OK);
    assert_eq!(of(&[], "::1", &[]).await, StatusCode::OK);
    assert_eq!(of(&[], "127.0.0.1", through).await, StatusCode::FORBIDDEN);
    assert_eq!(of(&[], "203.0.113.9", claiming).await, StatusCode::FORBIDDEN);
    let behind = [("issuer", "https://id.example"), ("behind_proxy", "true")];
    let local = [("trusted_proxies", "127.0.0.1")];
    let listener = [("metrics.listen", "127.0.0.1:9100")];
    for flags in [&behind[..], &local, &[TRUSTED], &listener] {
        for from in ["127.0.0.1", "10.0.0.1", "203.0.113.9"] {
            for lines in [&[][..], through, claiming] {
                let status = of(flags, from, lines).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{flags:?} {from} {lines:?}");
            }
        }
    }
    let public = [("metrics_public", "true"), behind[0], behind[1]];
    assert_eq!(of(&public, "203.0.113.9", &[]).await, StatusCode::OK);
    // A listener of its own asks nobody.
    let alone = metrics_alone(Observer::new(&config(&behind)));
    let (status, ..) = ask(alone.clone(), "/metrics", peer("10.0.0.1"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    let (status, ..) = ask(alone, "/health/live", peer("10.0.0.1"), &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn fx_17_every_answer_of_an_https_issuer_asks_for_tls_from_then_on() {
    let secure = [("issuer", "https://id.example"), ("behind_proxy", "true")];
    for path in ["/context/a", "/nowhere", "/panic", "/metrics", "/health/live"] {
        let (_, answered, _) = ask(app(&secure), path, Peer::default(), &[]).await;
        assert_eq!(
            answered[header::STRICT_TRANSPORT_SECURITY],
            "max-age=31536000",
            "{path}"
        );
        let (_, answered, _) = ask(app(&[]), path, Peer::default(), &[]).await;
        assert!(
            !answered.contains_key(header::STRICT_TRANSPORT_SECURITY),
            "{path}"
        );
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn g_34_request_line_holds_no_query_and_no_header() {
    let lines = Lines::default();
    let subscriber = || {
        let writer = lines.clone();
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone())
            .finish()
    };
    let guard = tracing::subscriber::set_default(subscriber());
    // With a single subscriber, a thread of another test that has none could switch the log line off for everybody.
    let second = tracing::Dispatch::new(subscriber());
    let secrets = [
        ("authorization", "Bearer hunter2"),
        ("cookie", "hunter2"),
        ("x-forwarded-for", "hunter2"),
    ];
    ask(app(&[]), "/context/a?code=hunter2", peer("203.0.113.9"), &secrets).await;
    drop((guard, second));
    let text = String::from_utf8_lossy(&lines.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(!text.contains("hunter2"), "{text}");
    let line: serde_json::Value =
        serde_json::from_str(text.lines().last().unwrap_or_default()).expect("a JSON line");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/context/{name}");
    assert_eq!(line["status"], 200);
    assert_eq!(line["ip"], "203.0.113.9");
    assert!(
        line["request_id"]
            .as_str()
            .is_some_and(|id| id.starts_with("req_"))
    );
    assert!(line["ms"].is_number());
}

#[tokio::test]
async fn a_panic_has_the_face_of_whoever_asked() {
    let face = Face::new(|what, asked| {
        assert!(asked.request_id.starts_with("req_"));
        (what.status, format!("{} {}", asked.method, asked.uri.path())).into_response()
    });
    let router = Router::new().route("/panic", get(panicking));
    let router = watch(router, Observer::new(&config(&[])).facing(face));
    let (status, _, body) = ask(router, "/panic", Peer::default(), &[]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body, "GET /panic");
}

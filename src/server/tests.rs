//! The server over real sockets on loopback: what a router in process cannot show.

mod slow; // peers that do not listen, and peers that want everything

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, body::Bytes, routing::get};
use rustls::{
    CipherSuite, ClientConfig, ProtocolVersion, RootCertStore, SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs, aws_lc_rs::cipher_suite as suites},
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::config::{Config, Sources};

fn config(flags: &[(&str, &str)]) -> Config {
    let sources = Sources::default()
        .directory("/nonexistent")
        .flag("data_dir", "/nonexistent")
        .flag("listen", "127.0.0.1:0");
    let sources = flags
        .iter()
        .fold(sources, |sources, (key, value)| sources.flag(*key, *value));
    Config::load(&sources).expect("a valid configuration")
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn start(server: Server, router: Router) -> Running {
    let address = server.address().expect("a bound socket");
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.run(router, async {
        let _ = stopped.await;
    }));
    Running { address, stop, task }
}

async fn plain() -> Server {
    Server::bind(&config(&[])).await.expect("a free port")
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a listening server")
}

/// Everything the server sends until it hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is a way of hanging up.
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes))
        .await
        .expect("the end");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer with a Content-Length, leaving the connection open.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap_or("0");
            if body.len() >= length.parse().expect("a number") {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.expect("an open connection");
        assert!(count > 0, "hung up after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

#[tokio::test]
async fn handlers_know_their_peer() {
    let router = Router::new().route(
        "/",
        get(async |Extension(peer): Extension<Peer>| format!("{peer:?}")),
    );
    let running = start(plain().await, router).await;
    let mut stream = connect(running.address).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("an open connection");
    let port = stream.local_addr().expect("a bound socket").port();
    assert!(
        answer(&mut stream)
            .await
            .ends_with(&format!("Peer {{ ip: 127.0.0.1, port: {port}, tls: false }}"))
    );
}

#[tokio::test]
async fn g_18_body_over_the_limit_is_413_and_the_connection_serves_the_next_request() {
    let echo = axum::routing::post(async |body: Bytes| body.len().to_string());
    let router = limit_body(Router::new().route("/", echo), 1024);
    let running = start(plain().await, router).await;
    let mut stream = connect(running.address).await;
    for (size, status) in [(200_000, "413"), (1024, "200"), (1025, "413"), (0, "200")] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n{}",
            "x".repeat(size)
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("an open connection");
        let text = answer(&mut stream).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {text}");
    }
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n",
        "x".repeat(2048)
    );
    stream
        .write_all(chunked.as_bytes())
        .await
        .expect("an open connection");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 413"));
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("an open connection");
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn g_18_body_far_over_the_limit_is_not_read() {
    let router = limit_body(Router::new().route("/", axum::routing::post(async || "")), 1024);
    let running = start(plain().await, router).await;
    let mut stream = connect(running.address).await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n")
        .await
        .expect("open");
    let text = rest(&mut stream).await;
    assert!(
        text.starts_with("HTTP/1.1 413") && text.contains("connection: close"),
        "{text}"
    );
}

#[tokio::test]
async fn fd_25_stop_finishes_requests_in_flight_and_refuses_new_connections() {
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
        async move || {
            begun.notify_one();
            finish.notified().await;
            "x".repeat(100_000)
        }
    };
    let Running { address, stop, task } = start(plain().await, Router::new().route("/", get(slow))).await;
    let mut busy = connect(address).await;
    let mut idle = connect(address).await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("an open connection");
    begun.notified().await;
    stop.send(()).expect("a running server");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    finish.notify_one();
    let text = rest(&mut busy).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with(&"x".repeat(100_000)));
    assert_eq!(rest(&mut idle).await, "");
    task.await.expect("a stop without panic");
}

#[tokio::test]
async fn fd_25_stop_does_not_wait_for_ever() {
    let begun = Arc::new(Notify::new());
    let stuck = {
        let begun = Arc::clone(&begun);
        async move || {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let mut server = plain().await;
    server.deadlines.drain = Duration::from_millis(50);
    let Running { address, stop, task } = start(server, Router::new().route("/", get(stuck))).await;
    let mut busy = connect(address).await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("an open connection");
    begun.notified().await;
    stop.send(()).expect("a running server");
    tokio::time::timeout(Duration::from_secs(5), task)
        .await
        .expect("an end")
        .expect("no panic");
}

#[tokio::test]
async fn slow_headers_are_hung_up_on() {
    let mut server = plain().await;
    server.deadlines.first_request = Duration::from_millis(50);
    server.deadlines.next_request = Duration::from_millis(50);
    let running = start(server, Router::new().route("/", get(async || "hello"))).await;
    for start in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HT",
        "GET / HTTP/1.1\r\nhost: a\r\nx: ",
    ] {
        let mut stream = connect(running.address).await;
        stream
            .write_all(start.as_bytes())
            .await
            .expect("an open connection");
        assert!(!rest(&mut stream).await.contains("200 OK"), "{start:?}");
    }
    let mut stream = connect(running.address).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT")
        .await
        .expect("an open connection");
    assert_eq!(rest(&mut stream).await.matches("hello").count(), 1);
}

#[tokio::test]
async fn connections_over_the_limit_wait_until_one_closes() {
    let mut server = plain().await;
    server.connections = Arc::new(Semaphore::new(1));
    let running = start(server, Router::new().route("/", get(async || "hello"))).await;
    let mut first = connect(running.address).await;
    let mut second = connect(running.address).await;
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    second.write_all(request).await.expect("an open connection");
    first.write_all(request).await.expect("an open connection");
    answer(&mut first).await;
    drop(first);
    assert!(answer(&mut second).await.ends_with("hello"));
}

#[tokio::test]
async fn taken_address_is_named() {
    let server = plain().await;
    let address = server.address().expect("a bound socket").to_string();
    let error = Server::bind(&config(&[("listen", &address)]))
        .await
        .err()
        .expect("a refusal");
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on {address}: ")),
        "{error}"
    );
}

/// A server with a certificate for localhost, and the certificate.
async fn encrypted() -> (Running, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("c.pem"), made.cert.pem()).expect("a file");
    std::fs::write(path("k.pem"), made.signing_key.serialize_pem()).expect("a file");
    let config = config(&[("tls.certificate", &path("c.pem")), ("tls.key", &path("k.pem"))]);
    let server = Server::bind(&config).await.expect("a usable certificate");
    let router = Router::new().route(
        "/",
        get(async |Extension(peer): Extension<Peer>| peer.tls.to_string()),
    );
    (start(server, router).await, made.cert.der().clone())
}

#[tokio::test]
async fn g_02_tls_1_2_with_ecdhe_and_aead_and_tls_1_3_are_accepted() {
    let (running, certificate) = encrypted().await;
    for suite in [
        suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        suites::TLS13_AES_256_GCM_SHA384,
    ] {
        let (version, agreed, text) = ask(running.address, &certificate, suite).await;
        assert_eq!(agreed, suite.suite());
        assert_eq!(version, suite.version().version);
        assert!(
            text.starts_with("HTTP/1.1 200") && text.ends_with("true"),
            "{text}"
        );
    }
}

async fn ask(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    suite: SupportedCipherSuite,
) -> (ProtocolVersion, CipherSuite, String) {
    let provider = CryptoProvider {
        cipher_suites: vec![suite],
        ..aws_lc_rs::default_provider()
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[suite.version()])
        .expect("a version of the suite")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector
        .connect(name, connect(address).await)
        .await
        .expect("a handshake");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .expect("open");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().expect("a finished handshake");
    (
        version,
        session
            .negotiated_cipher_suite()
            .expect("a finished handshake")
            .suite(),
        text,
    )
}

/// A ClientHello (RFC 5246 §7.4.1.2) as an old client sends it.
fn client_hello(version: [u8; 2], suites: &[[u8; 2]]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("a short message").to_be_bytes();
    let extensions: &[&[u8]] = &[
        &[0x00, 0x0a, 0, 6, 0, 4, 0, 0x17, 0, 0x18], // groups P-256, P-384
        &[0x00, 0x0b, 0, 2, 1, 0],                   // points uncompressed
        &[0x00, 0x0d, 0, 8, 0, 6, 0x04, 0x03, 0x04, 0x01, 0x08, 4], // ECDSA and RSA with SHA-256
    ];
    let (suites, extensions) = (suites.concat(), extensions.concat());
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(length(&suites));
    hello.extend(&suites);
    hello.extend([1, 0]);
    hello.extend(length(&extensions));
    hello.extend(&extensions);
    let mut handshake = vec![1, 0];
    handshake.extend(length(&hello));
    handshake.extend(&hello);
    let mut record = vec![0x16, 3, 1];
    record.extend(length(&handshake));
    record.extend(&handshake);
    record
}

/// The type of the first record that comes back, and its last byte: of an alert, its description.
async fn first_record(address: SocketAddr, hello: &[u8]) -> (u8, u8) {
    let mut stream = connect(address).await;
    stream.write_all(hello).await.expect("an open connection");
    let mut record = [0; 7];
    stream.read_exact(&mut record).await.expect("a record");
    (record[0], record[6])
}

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const ECDHE_ECDSA_AES128_GCM: [u8; 2] = [0xc0, 0x2b];
const OLD_SUITES: [[u8; 2]; 6] = [
    [0xc0, 0x09],
    [0xc0, 0x13],
    [0xc0, 0x23],
    [0x00, 0x2f],
    [0x00, 0x9c],
    [0x00, 0x0a],
];

#[tokio::test]
async fn g_01_tls_1_0_and_1_1_are_refused() {
    let (running, _) = encrypted().await;
    for version in [[3, 1], [3, 2]] {
        let mut suites = OLD_SUITES.to_vec();
        suites.push(ECDHE_ECDSA_AES128_GCM);
        assert_eq!(
            first_record(running.address, &client_hello(version, &suites)).await,
            (ALERT, 70)
        );
    }
}

#[tokio::test]
async fn g_02_tls_1_2_with_only_cbc_or_rsa_key_exchange_is_refused() {
    let (running, _) = encrypted().await;
    assert_eq!(
        first_record(running.address, &client_hello([3, 3], &OLD_SUITES)).await,
        (ALERT, 40)
    );
    // The same greeting with one good suite is answered: nothing else was wrong with it.
    let good = client_hello([3, 3], &[ECDHE_ECDSA_AES128_GCM]);
    assert_eq!(first_record(running.address, &good).await.0, HANDSHAKE);
}

#[tokio::test]
async fn unusable_certificates_are_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let made = |_| rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let [one, other] = [0, 1].map(made);
    std::fs::write(path("c.pem"), one.cert.pem()).expect("a file");
    std::fs::write(path("other.pem"), other.signing_key.serialize_pem()).expect("a file");
    std::fs::write(path("empty.pem"), "").expect("a file");
    for (certificate, key, named) in [
        ("missing.pem", "other.pem", "missing.pem"),
        ("empty.pem", "other.pem", "empty.pem"),
        ("c.pem", "missing.pem", "missing.pem"),
        ("c.pem", "c.pem", "c.pem"),
        ("c.pem", "other.pem", "other.pem"),
    ] {
        let config = config(&[("tls.certificate", &path(certificate)), ("tls.key", &path(key))]);
        let error = Server::bind(&config).await.err().expect("a refusal").to_string();
        assert!(
            error.starts_with(&format!("cannot use {} for TLS: ", path(named))),
            "{error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
}

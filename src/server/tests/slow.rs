//! Peers that do not take what they asked for, and addresses that want everything.

use axum::http::{HeaderValue, Request as HttpRequest};
use tokio::net::{TcpSocket, tcp::OwnedWriteHalf};

use super::*;
use crate::observe::{Observer, Watch};

/// More than the buffers of two sockets hold.
const LARGE: usize = 32 * 1024 * 1024;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

fn large() -> Router {
    let large = Bytes::from(vec![b'x'; LARGE]);
    Router::new()
        .route("/", get(async move || large))
        .route("/small", get(async || "hello"))
}

/// A server with room for one connection, whose deadlines are short.
async fn for_one() -> Running {
    let mut server = plain().await;
    server.connections = Arc::new(Semaphore::new(1));
    server.deadlines.write = Duration::from_millis(300);
    server.deadlines.next_request = Duration::from_millis(300);
    start(server, large()).await
}

/// Waits until there is room for somebody else, which is when the first was hung up on.
async fn another_is_answered(address: SocketAddr) {
    let mut stream = connect(address).await;
    let request = b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("an open connection");
    let answered = tokio::time::timeout(Duration::from_secs(60), answer(&mut stream)).await;
    assert!(answered.expect("room for another").ends_with("hello"));
}

#[tokio::test]
async fn fx_10_a_peer_of_http_1_1_that_never_reads_is_hung_up_on() {
    let running = for_one().await;
    let mut silent = connect(running.address).await;
    silent.write_all(REQUEST).await.expect("an open connection");
    another_is_answered(running.address).await;
    drop(silent);
}

/// How a peer of HTTP/2 lets us send. [RFC 9113 §5.2.1](https://www.rfc-editor.org/rfc/rfc9113#section-5.2.1)
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    /// So many bytes, and then no more.
    Only(u32),
    /// Whatever comes.
    Open,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END: u8 = 1;

/// Asks over HTTP/2 and answers every ping, but takes as little as the window says. Gives what came of the body.
async fn ask_http_2(address: SocketAddr, path: u8, window: Window) -> Vec<u8> {
    let (mut from, mut to) = connect(address).await.into_split();
    let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let first = match window {
        Window::Only(bytes) => bytes,
        Window::Open => 65_535,
    };
    // SETTINGS_INITIAL_WINDOW_SIZE
    let settings = [&[0, 4][..], &first.to_be_bytes()[..]].concat();
    hello.extend(frame(SETTINGS, 0, 0, &settings));
    // Indexed fields of RFC 7541: GET, http, the path, and the authority `a`.
    let headers = match path {
        b'/' => [&[0x82, 0x86, 0x84][..], &[0x41, 1, b'a'][..]].concat(),
        _ => [&[0x82, 0x86, 0x04, 6][..], b"/small", &[0x41, 1, b'a'][..]].concat(),
    };
    hello.extend(frame(HEADERS, 0x05, 1, &headers));
    to.write_all(&hello).await.expect("an open connection");
    let mut body = Vec::new();
    let mut head = [0; 9];
    while from.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        if from.read_exact(&mut payload).await.is_err() {
            break;
        }
        let ended = head[3] == DATA && head[4] & END != 0;
        if head[3] == DATA {
            body.extend_from_slice(&payload);
        }
        if reply(&mut to, head, &payload, window).await.is_err() || (ended && window == Window::Open) {
            break;
        }
    }
    body
}

async fn reply(
    to: &mut OwnedWriteHalf,
    head: [u8; 9],
    payload: &[u8],
    window: Window,
) -> std::io::Result<()> {
    match (head[3], head[4] & ACK) {
        (SETTINGS, 0) => to.write_all(&frame(SETTINGS, ACK, 0, &[])).await,
        (PING, 0) => to.write_all(&frame(PING, ACK, 0, payload)).await,
        (DATA, _) if window == Window::Open && !payload.is_empty() => {
            let more = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
            let both = [
                frame(WINDOW_UPDATE, 0, 0, &more),
                frame(WINDOW_UPDATE, 0, 1, &more),
            ];
            to.write_all(&both.concat()).await
        }
        _ => Ok(()),
    }
}

#[tokio::test]
async fn fx_10_a_peer_of_http_2_that_takes_nothing_is_hung_up_on() {
    for window in [0, 1, 20_000] {
        let running = for_one().await;
        let silent = tokio::spawn(ask_http_2(running.address, b'/', Window::Only(window)));
        another_is_answered(running.address).await;
        let body = silent.await.expect("hung up on");
        assert!(body.len() <= usize::try_from(window).expect("small"));
    }
}

#[tokio::test]
async fn fx_10_a_peer_of_http_2_that_asks_nothing_more_is_hung_up_on() {
    for window in [Window::Only(0), Window::Only(65_535)] {
        let running = for_one().await;
        let silent = tokio::spawn(ask_http_2(running.address, b's', window));
        another_is_answered(running.address).await;
        silent.await.expect("hung up on");
    }
}

#[tokio::test]
async fn fx_10_a_large_answer_that_is_taken_arrives_whole() {
    let mut server = plain().await;
    server.deadlines.write = Duration::from_secs(20);
    let running = start(server, large()).await;
    let body = ask_http_2(running.address, b'/', Window::Open).await;
    assert_eq!(body.len(), LARGE);
    let mut stream = connect(running.address).await;
    stream.write_all(REQUEST).await.expect("an open connection");
    let mut seen = 0;
    let mut part = vec![0; 64 * 1024];
    while seen < LARGE {
        seen += stream.read(&mut part).await.expect("an open connection");
    }
}

/// Connects from one of the many addresses of this machine.
async fn connect_from(ip: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(format!("{ip}:0").parse().expect("an address"))
        .expect("an address of this machine");
    socket.connect(to).await.expect("a listening server")
}

#[tokio::test]
async fn fx_10_an_address_has_its_share_and_leaves_the_rest_to_others() {
    let mut server = plain().await;
    server.shares = Shares::new(2);
    let running = start(server, large()).await;
    let small = b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut held = Vec::new();
    for ip in ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        let mut stream = connect_from(ip, running.address).await;
        stream.write_all(small).await.expect("an open connection");
        assert!(answer(&mut stream).await.ends_with("hello"), "{ip}");
        held.push(stream);
    }
    let mut beyond = connect_from("127.0.0.1", running.address).await;
    assert_eq!(rest(&mut beyond).await, "", "closed at once");
    // Whoever leaves makes room.
    held.remove(0);
    for _ in 0..10_000 {
        let mut again = connect_from("127.0.0.1", running.address).await;
        let _ = again.write_all(small).await;
        let mut first = [0; 8];
        if again.read_exact(&mut first).await.is_ok() {
            return;
        }
    }
    panic!("no room");
}

#[tokio::test]
async fn fx_10_a_trusted_proxy_carries_everybody() {
    let config = config(&[("behind_proxy", "true"), ("trusted_proxies", "127.0.0.1")]);
    let mut server = Server::bind(&config).await.expect("a free port");
    server.shares = Shares::new(1);
    let running = start(server, large()).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(running.address).await;
        let small = b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(small).await.expect("an open connection");
        assert!(answer(&mut stream).await.ends_with("hello"));
        held.push(stream);
    }
}

#[tokio::test]
async fn fx_10_behind_a_proxy_requests_at_work_are_counted_by_the_address_it_names() {
    let config = config(&[("behind_proxy", "true"), ("trusted_proxies", "127.0.0.1")]);
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let work = {
        let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
        async move || {
            begun.notify_one();
            finish.notified().await;
            "done"
        }
    };
    let observer = Observer::new(&config);
    let limit = BodyLimit::new(1024, observer.face()).with_share_of_each_address(1);
    let router = Router::new()
        .route("/", get(work).post(async || "small"))
        .layer((Watch::new(observer), limit));
    let ask = move |method: &str, from: &'static str| {
        let mut request = HttpRequest::builder()
            .method(method)
            .body(Body::empty())
            .expect("a request");
        let named = HeaderValue::from_static(from);
        request.headers_mut().insert("x-forwarded-for", named);
        request.extensions_mut().insert(Peer::default());
        let answered = router.clone().oneshot(request);
        async { answered.await.unwrap_or_else(|never| match never {}) }
    };
    let first = tokio::spawn(ask("GET", "192.0.2.1"));
    begun.notified().await;
    let refused = ask("POST", "192.0.2.1").await;
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(ask("POST", "192.0.2.2").await.status().as_u16(), 200);
    finish.notify_one();
    assert_eq!(first.await.expect("an answer").status().as_u16(), 200);
    assert_eq!(ask("POST", "192.0.2.1").await.status().as_u16(), 200);
}

//! Ten thousand hostile requests, the same on every run: whatever they hold, nobody gets a 5xx, nothing panics, and
//! each is answered soon. Behind the doors too: half of them carry a good session or a good bearer token.
//!
//! The paths are read from the route tables in the sources, so a new route is attacked as soon as it is there.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Method, Request, header},
};
use base64::prelude::{BASE64_STANDARD, Engine};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;

use super::{
    databases::{databases, sqlite},
    harness::{TestApp, TestClient},
    sign_in::signs_in,
};
use crate::{
    app,
    config::{Config, Sources},
    observe::Observer,
    registry::{
        bootstrap::system_access,
        people::{self, NewAccount},
        secrets::{self, Rotation},
    },
    secret::Secret,
    server::Server,
    store::users::Role,
};

/// In all: most on SQLite, some on PostgreSQL, some over a socket.
const IN_PROCESS: [(usize, u64); 2] = [(7000, 1), (1500, 2)];
const OVER_SOCKETS: usize = 1500;

/// How long anything may take, also on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(2);

/// Chance that can be repeated: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % bound.max(1)
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most))
            .map(|_| u8::try_from(self.below(256)).unwrap_or_default())
            .collect()
    }
}

/// Every text in the sources that looks like the path of a route.
fn paths() -> Vec<String> {
    fn walk(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).expect("the sources are there").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "tests" && name != "gallery" {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let literals = code.split('"').filter(|literal| {
                    literal.starts_with('/')
                        && literal.len() < 120
                        && literal
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b"/-_.{}*".contains(&b))
                });
                found.extend(literals.map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(
        found.contains("/oauth2/token") && found.contains("/login"),
        "{found:?}"
    );
    found.into_iter().collect()
}

/// What a good caller would know.
struct Good {
    paths: Vec<String>,
    client: TestClient,
    token: String,
    bearer: String,
    cookie: String,
    csrf: String,
}

const SEGMENTS: &[&str] = &[
    "default",
    "acme",
    "oa_admin_client",
    "oac_00000000000000000000",
    "0",
    "-1",
    "99999999999999999999",
    "%00",
    "%ff",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "%F0%9F%92%A9",
    "'%20OR%201=1--",
    "<script>",
    "%",
    "%zz",
    "a%20b",
    "null",
    "undefined",
    "*",
    "\u{feff}",
    "%C0%AF",
];

const MEDIA_TYPES: &[&str] = &[
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded;charset=utf-16",
    "application/json",
    "application/json; charset=\"",
    "application/merge-patch+json",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
    ";",
    "application/x-www-form-urlencoded, application/json",
    "APPLICATION/JSON",
    "image/svg+xml",
];

const NAMES: &[&str] = &[
    "grant_type",
    "scope",
    "resource",
    "client_id",
    "client_secret",
    "token",
    "token_type_hint",
    "username",
    "password",
    "csrf",
    "name",
    "redirectUrls",
    "type",
    "ownerOrgId",
    "allowedScopes",
    "graceSeconds",
    "limit",
    "after",
    "before",
    "q",
    "sort",
    "status",
    "order",
    "cursor",
    "version",
    "expires",
    "_method",
    "return_to",
    "return",
    "confirm",
    "description",
    "audience",
    "value",
    "role",
    "",
    "__proto__",
    "a[]",
    "a.b",
];

const VALUES: &[&str] = &[
    "client_credentials",
    "authorization_code",
    "password",
    "workspace:read",
    "Bearer",
    "true",
    "null",
    "0",
    "-1",
    "1e309",
    "18446744073709551616",
    "9223372036854775807",
    "2026-13-45T99:99:99Z",
    "http://127.0.0.1/",
    "javascript:alert(1)",
    "//evil.example",
    "%00",
    "%",
    "%E0%A4%A",
    "%ff%fe",
    "+",
    "'; DROP TABLE clients; --",
    "<img src=x onerror=alert(1)>",
    "\u{202e}\u{0}",
    "💩",
    "../../..",
    "{{7*7}}",
    "urn:oauthority:api",
    "https://x.example/#f",
    "web",
    "service",
    "name:desc",
    "A",
    "=",
    "&",
    ";",
];

impl Good {
    fn path(&self, chance: &mut Chance) -> String {
        let mut path = String::new();
        for part in chance.pick(&self.paths).split('/').skip(1) {
            path.push('/');
            if part.starts_with('{') || chance.one_in(20) {
                path.push_str(match chance.below(4) {
                    0 => &self.client.id,
                    1 => "default",
                    _ => chance.pick(SEGMENTS),
                });
            } else {
                path.push_str(part);
            }
        }
        match chance.below(5) {
            0 => path.push_str(&format!("?{}", self.form(chance))),
            1 => path.push_str(chance.pick(&[
                "?",
                "/",
                "//",
                ";x=1",
                "?%",
                "?a=%00",
                "?limit=-1&after=%ff",
                "?after=AAAA&sort=%27",
            ])),
            _ => {}
        }
        path
    }

    fn value(&self, chance: &mut Chance) -> String {
        match chance.below(30) {
            0 => "x ".repeat(chance.below(40_000)),
            1 => ".".repeat(chance.below(50_000)),
            2 => "workspace:read ".repeat(chance.below(4000)),
            3 | 4 => self.client.id.clone(),
            5 => self.client.secret.clone(),
            6 => self.token.clone(),
            7 => self.token[..chance.below(self.token.len())].to_owned(),
            8 => self.csrf.clone(),
            9 => String::from_utf8_lossy(&chance.bytes(60)).into_owned(),
            _ => (chance.pick(VALUES)).to_owned(),
        }
    }

    fn form(&self, chance: &mut Chance) -> String {
        let floods = [0, 1, 2, 3, 3, 4, 5, 6, 8, 250, 1000];
        let most = if chance.one_in(8) { floods.len() } else { 9 };
        let count = chance.pick(&floods[..most]);
        let same = chance.one_in(12).then(|| chance.pick(NAMES));
        let mut pairs = vec![format!("csrf={}", self.csrf)];
        for _ in 0..count {
            let name = same.unwrap_or_else(|| chance.pick(NAMES));
            let value = if count > 100 {
                (chance.pick(VALUES)).to_owned()
            } else {
                self.value(chance)
            };
            // Sometimes encoded as it should be, sometimes not at all.
            let value = if chance.one_in(3) {
                value
            } else {
                url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
            };
            pairs.push(format!("{name}={value}"));
        }
        pairs.join(chance.pick(&["&", "&", "&", "&&", ";"]))
    }

    fn json(&self, chance: &mut Chance, depth: usize) -> String {
        match chance.below(if depth > 3 { 6 } else { 9 }) {
            0 => (chance.pick(&[
                "null",
                "true",
                "1e999",
                "-0",
                "123456789012345678901234567890",
                "NaN",
                "",
                "\"\\ud800\"",
                "\"\\u0000\"",
                "1.5",
            ]))
            .to_owned(),
            1..=4 => serde_json::to_string(&self.value(chance)).unwrap_or_default(),
            5 => (chance.pick(&["[]", "{}", "[[]]", "{\"a\":{}}"])).to_owned(),
            6 => format!(
                "[{},{}]",
                self.json(chance, depth + 1),
                self.json(chance, depth + 1)
            ),
            _ => {
                let members: Vec<String> = (0..chance.below(7))
                    .map(|_| format!("\"{}\":{}", chance.pick(NAMES), self.json(chance, depth + 1)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    fn body(&self, chance: &mut Chance) -> Vec<u8> {
        match chance.below(16) {
            0 | 1 => Vec::new(),
            2..=7 => self.form(chance).into_bytes(),
            8..=11 => self.json(chance, 0).into_bytes(),
            12 => chance.bytes(2000),
            13 => {
                let (open, close) = chance.pick(&[("[", "]"), ("{\"a\":", "}"), ("[", "")]);
                let deep = chance.below(30_000);
                format!("{}{}", open.repeat(deep), close.repeat(deep)).into_bytes()
            }
            14 => {
                let size = chance.pick(&[65_535, 65_536, 65_537, 100_000, 1_100_000]);
                let letter = chance.pick(b".a%&=[\"\0\xff");
                vec![letter; if chance.one_in(4) { size } else { size / 20 }]
            }
            _ => {
                let mut body = self.form(chance).into_bytes();
                let at = chance.below(body.len());
                body.truncate(at);
                body.extend(chance.bytes(8));
                body
            }
        }
    }

    fn headers(&self, chance: &mut Chance) -> Vec<(&'static str, Vec<u8>)> {
        let mut headers = vec![("content-type", chance.pick(MEDIA_TYPES).as_bytes().to_vec())];
        if chance.one_in(2) {
            headers.push(("authorization", self.authorization(chance)));
            if chance.one_in(20) {
                headers.push(("authorization", self.authorization(chance)));
            }
        }
        for _ in 0..chance.below(3) {
            headers.push(("cookie", self.cookie(chance)));
        }
        let names = [
            "accept",
            "accept-language",
            "origin",
            "referer",
            "if-match",
            "if-none-match",
            "x-forwarded-for",
            "forwarded",
            "request-id",
            "user-agent",
            "range",
            "sec-fetch-site",
            "idempotency-key",
            "content-encoding",
            "x-http-method-override",
            "hx-request",
            "dpop",
        ];
        for _ in 0..chance.below(4) {
            let value = match chance.below(6) {
                0 => chance.bytes(100),
                1 => ".".repeat(chance.below(20_000)).into_bytes(),
                2 => b"same-origin".to_vec(),
                _ => chance.pick(VALUES).as_bytes().to_vec(),
            };
            headers.push((chance.pick(&names), value));
        }
        headers
    }

    fn authorization(&self, chance: &mut Chance) -> Vec<u8> {
        let pair = format!("{}:{}", self.client.id, self.client.secret);
        match chance.below(9) {
            0..=2 => format!("Basic {}", BASE64_STANDARD.encode(pair)).into_bytes(),
            3..=5 => format!("Bearer {}", self.bearer).into_bytes(),
            6 => format!(
                "{} {}",
                chance.pick(&["Basic", "Bearer", "DPoP", "", "Negotiate"]),
                ".".repeat(chance.below(20_000))
            )
            .into_bytes(),
            7 => format!("Basic {}", BASE64_STANDARD.encode(chance.bytes(300))).into_bytes(),
            _ => chance.bytes(200),
        }
    }

    // B-090: too long, not UTF-8, cut off, twice.
    fn cookie(&self, chance: &mut Chance) -> Vec<u8> {
        let good = format!("oauthority={}", self.cookie);
        match chance.below(9) {
            0..=3 => good.into_bytes(),
            4 => format!("{good}; {good}").into_bytes(),
            5 => format!("oauthority={}", "a".repeat(8192)).into_bytes(),
            6 => b"oauthority=\xff\xfe\xc0; a=\x80".to_vec(),
            7 => good.as_bytes()[..chance.below(good.len())].to_vec(),
            _ => chance.bytes(300),
        }
    }

    fn method(chance: &mut Chance) -> Method {
        let odd = [
            Method::HEAD,
            Method::OPTIONS,
            Method::TRACE,
            Method::PUT,
            Method::from_bytes(b"BREW").unwrap_or_default(),
        ];
        match chance.below(10) {
            0..=4 => Method::POST,
            5..=6 => Method::GET,
            7 => Method::PATCH,
            8 => Method::DELETE,
            _ => chance.pick(&odd),
        }
    }

    /// A request that the HTTP library takes; the sockets get the rest.
    fn request(&self, chance: &mut Chance) -> Request<Body> {
        loop {
            let mut request = Request::new(Body::from(self.body(chance)));
            *request.method_mut() = Self::method(chance);
            let Ok(uri) = self.path(chance).parse() else {
                continue;
            };
            *request.uri_mut() = uri;
            for (name, value) in self.headers(chance) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    request.headers_mut().append(name, value);
                }
            }
            return request;
        }
    }

    /// The same as bytes on the wire, and now and then not HTTP at all.
    fn message(&self, chance: &mut Chance) -> Vec<u8> {
        if chance.one_in(10) {
            let start: &[u8] = chance.pick(&[
                &b"GET / HTTP/9.9\r\n"[..],
                b"\x16\x03\x01\x02\x00",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxx",
                b"POST  /oauth2/token HTTP/1.1\r\nhost a\r\n",
                b"",
                b"GET /\0 HTTP/1.1\r\n",
            ]);
            return [start, &chance.bytes(400), b"\r\n\r\n"].concat();
        }
        let body = self.body(chance);
        let mut message = format!(
            "{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n",
            Self::method(chance),
            self.path(chance)
        )
        .into_bytes();
        for (name, value) in self.headers(chance) {
            message.extend_from_slice(name.as_bytes());
            message.extend_from_slice(b": ");
            message.extend(
                value
                    .into_iter()
                    .filter(|byte| *byte != b'\n' || name == "accept"),
            );
            message.extend_from_slice(b"\r\n");
        }
        if chance.one_in(30) {
            message.extend_from_slice("x: y\r\n".repeat(chance.below(300)).as_bytes());
        }
        let size = match chance.below(12) {
            0 => "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(),
            1 => "content-length: 5\r\ncontent-length: 6\r\n\r\n".to_owned(),
            2 => "content-length: -1\r\n\r\n".to_owned(),
            3 => format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", body.len()),
            4 => format!("content-length: {}\r\n\r\n", body.len() + 10),
            _ => format!("content-length: {}\r\n\r\n", body.len()),
        };
        message.extend_from_slice(size.as_bytes());
        message.extend_from_slice(&body);
        if size.contains("chunked") {
            message.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        message
    }
}

async fn good(app: &TestApp) -> Good {
    let registry = &app.app.registry;
    let client = app.service(&["workspace:read", "workspace:write"]).await;
    let access = system_access(app.org.clone());
    let made = secrets::rotate(registry, &access, "oa_admin_client", None, Rotation::default())
        .await
        .expect("rotated");
    let admin = TestClient {
        id: "oa_admin_client".to_owned(),
        secret: made.secret.expect("a secret").text.expose().to_owned(),
    };
    let password = || Secret::new("a long enough passphrase for Olivia".to_owned());
    let account = NewAccount {
        username: "olivia".to_owned(),
        display_name: None,
        password: password(),
    };
    people::create(registry, account, true, &[(&app.org.id, Role::Owner)])
        .await
        .expect("created");
    let signed_in = signs_in(registry, "olivia", password()).await;
    Good {
        paths: paths(),
        token: client.token(app).await,
        bearer: admin.token(app).await,
        client,
        csrf: registry.keyring.csrf(&signed_in.session.digest),
        cookie: signed_in.cookie,
    }
}

/// The text of a request for a message: what is not too long to read.
fn told(request: &Request<Body>) -> String {
    let mut text = format!("{request:?}");
    text.truncate(text.char_indices().nth(3000).map_or(text.len(), |(at, _)| at));
    text
}

async fn attack(router: Router, good: &Good, count: usize, seed: u64) {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ seed);
    let mut seen = std::collections::BTreeMap::<u16, usize>::new();
    for number in 0..count {
        let request = good.request(&mut chance);
        let text = told(&request);
        let answered = async {
            let response = router
                .clone()
                .oneshot(request)
                .await
                .unwrap_or_else(|never| match never {});
            let (parts, body) = response.into_parts();
            (parts, body.collect().await.map(|body| body.to_bytes()))
        };
        let (parts, body) = tokio::time::timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| panic!("{number} hangs: {text}"));
        let body = body.expect("a body");
        assert!(
            parts.status.as_u16() < 500,
            "{number}: {} {}\n{text}",
            parts.status,
            String::from_utf8_lossy(&body)
        );
        assert!(parts.headers.contains_key("request-id"), "{number}: {text}");
        assert!(
            !parts
                .headers
                .get_all(header::SET_COOKIE)
                .iter()
                .any(|cookie| cookie.as_bytes().contains(&b'\n')),
            "{number}: {text}"
        );
        *seen.entry(parts.status.as_u16()).or_default() += 1;
    }
    // Not all of it may bounce off the first door.
    assert!(
        seen.contains_key(&200) && seen.contains_key(&400) && seen.contains_key(&401),
        "{seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_hostile_requests_get_no_5xx_and_no_hang_in_process() {
    for (database, (count, seed)) in databases().await.iter().zip(IN_PROCESS) {
        let app = TestApp::start(database, FLAGS).await;
        let good = good(&app).await;
        let router = app::router(&app.app, Observer::new(&app.app.registry.config));
        attack(router, &good, count, seed).await;
    }
}

/// The attack must not be cut short by the limits that would stop it in life.
const FLAGS: &[(&str, &str)] = &[
    ("limits.requests_per_minute", "0"),
    ("limits.failed_authentications_per_client", "10000"),
    ("limits.sign_in_attempts_per_address", "100000"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bytes_over_a_socket_get_no_5xx_and_no_hang() {
    let database = sqlite();
    let app = TestApp::start(&database, FLAGS).await;
    let good = good(&app).await;
    let sources = Sources::default()
        .directory("/nonexistent")
        .flag("data_dir", "/nonexistent")
        .flag("listen", "127.0.0.1:0");
    let server = Server::bind(&Config::load(&sources).expect("valid"))
        .await
        .expect("a free port");
    let address = server.address().expect("a bound socket");
    let router = app::router(&app.app, Observer::new(&app.app.registry.config));
    let running = tokio::spawn(server.run(router, std::future::pending()));
    let mut chance = Chance(0x1234_5678_9abc_def1);
    for number in 0..OVER_SOCKETS {
        let message = good.message(&mut chance);
        let answered = async {
            let (mut from, mut to) = TcpStream::connect(address)
                .await
                .expect("a listening server")
                .into_split();
            let sending = async {
                // The server may have heard enough before the end.
                let _ = to.write_all(&message).await;
                let _ = to.shutdown().await;
            };
            let mut answer = Vec::new();
            let reading = from.read_to_end(&mut answer);
            let _ = tokio::join!(sending, reading);
            answer
        };
        let text = || String::from_utf8_lossy(&message[..message.len().min(3000)]).into_owned();
        let answer = tokio::time::timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| panic!("{number} hangs: {}", text()));
        let status = answer.get(9).copied().unwrap_or(b'0');
        assert!(
            status != b'5',
            "{number}: {}\n{}",
            String::from_utf8_lossy(&answer),
            text()
        );
    }
    running.abort();
    let ended = running.await;
    assert!(
        ended.is_err_and(|end| end.is_cancelled()),
        "the server outlived all of it"
    );
}

// B-105: within 100 ms each; B-107: a megabyte of dots. Bounds are loose enough for a busy machine in debug builds.
#[tokio::test]
async fn b_105_b_107_floods_are_answered_quickly() {
    let app = TestApp::start(&sqlite(), FLAGS).await;
    let client = app.service(&["workspace:read"]).await;
    let sizes = [50_000, 100_000, 1_000_000];
    for size in sizes {
        let many = "x:y ".repeat(size / 4);
        let resources = "resource=https%3A%2F%2Fa.example&".repeat(size.min(1000));
        let bodies = [
            format!("grant_type=client_credentials&scope={many}"),
            format!("grant_type=client_credentials&{resources}"),
            format!("grant_type=client_credentials&state={}", "s".repeat(size)),
            format!("token={}", ".".repeat(size)),
        ];
        for body in bodies {
            for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
                let started = std::time::Instant::now();
                let call = app.post(path).basic(&client);
                let answer = call.raw("application/x-www-form-urlencoded", body.clone()).await;
                assert!(answer.status.as_u16() < 500, "{path}");
                assert!(
                    started.elapsed() < Duration::from_secs(1),
                    "{path}, {size}: {:?}",
                    started.elapsed()
                );
            }
        }
        let dots = format!("Bearer {}", ".".repeat(size));
        for path in ["/oauth2/token", "/api/v1/clients", "/api/oauth-applications"] {
            let answer = app.post(path).header("authorization", &dots).send().await;
            assert!(
                (400..500).contains(&answer.status.as_u16()),
                "{path}: {}",
                answer.status
            );
        }
    }
}

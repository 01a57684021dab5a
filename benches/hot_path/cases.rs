//! What is asked, of whom, and how much better than nothing at all it has to be.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use url::form_urlencoded;

use crate::{
    Outcome,
    load::{self, Load},
    roles::{CALLBACK, Child, PASSWORD, PERSON},
};

/// One kind of request.
pub struct Case {
    pub name: &'static str,
    /// The least ratio to the floor.
    pub goal: Option<f64>,
    /// Bytes of the answer, headers included.
    pub answer: usize,
    source: Source,
    floor: Option<(SocketAddr, usize)>,
}

enum Source {
    /// The same requests again and again.
    Fixed(Vec<Vec<u8>>),
    /// Revocations: each takes back a token of its own.
    Spent(Vec<Credentials>),
    /// Introspections, each of a JWT that the server has not seen before.
    FirstSeen(Vec<Credentials>),
    /// Codes, each of a sign-in of its own.
    Codes(App),
    /// Refresh tokens, each of a grant of its own.
    Refreshes(App),
}

/// An app, and a browser in which somebody is signed in.
#[derive(Clone)]
struct App {
    client_id: String,
    credentials: Credentials,
    cookie: String,
}

/// How a client authenticates: the value of its Authorization header.
#[derive(Clone)]
pub struct Credentials(pub String);

/// Tokens that one slice of revocations, or of first looks, may use up.
const STOCK: usize = 6000;

/// Codes that one slice may use up; each costs a commit before.
const CODES: usize = 3000;

/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl Case {
    /// The next slice of requests, and whether each is good for once only.
    pub fn requests(&mut self, server: &Child) -> Outcome<(Vec<Vec<u8>>, bool)> {
        match &self.source {
            Source::Fixed(requests) => Ok((requests.clone(), false)),
            Source::Spent(clients) => {
                let each = once_each(server, clients, "opaque:read", "/oauth2/revoke", STOCK);
                Ok((each?, true))
            }
            Source::FirstSeen(clients) => {
                let each = once_each(server, clients, "es256:read", "/oauth2/introspect", STOCK);
                Ok((each?, true))
            }
            Source::Codes(app) => Ok((app.codes(server, CODES)?, true)),
            Source::Refreshes(app) => Ok((app.refreshes(server, CODES)?, true)),
        }
    }

    pub fn aim_floor(&mut self, address: SocketAddr) {
        self.floor = Some((address, self.answer));
    }

    /// The same requests, at the floor.
    pub fn floor(&self) -> Load {
        let (address, size) = self.floor.unwrap_or((([127, 0, 0, 1], 0).into(), 0));
        let requests = match &self.source {
            Source::Fixed(requests) => requests.iter().map(|request| redirect(request, size)).collect(),
            Source::Spent(clients) => alike(clients, "/oauth2/revoke", 140, size),
            Source::FirstSeen(clients) => alike(clients, "/oauth2/introspect", 600, size),
            Source::Codes(app) => vec![redirect(&app.redeem(&"x".repeat(43)), size)],
            Source::Refreshes(app) => vec![redirect(&app.refresh(&"x".repeat(100)), size)],
        };
        Load::new(address, (requests, false))
    }
}

/// For each client a request with a token of this length, at the floor.
fn alike(clients: &[Credentials], path: &str, length: usize, size: usize) -> Vec<Vec<u8>> {
    let body = format!("token={}", "x".repeat(length));
    clients
        .iter()
        .map(|client| redirect(&post(path, client, &body), size))
        .collect()
}

/// The same message to another path.
fn redirect(request: &[u8], size: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let mut parts = text.splitn(3, ' ');
    let (method, rest) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    format!("{method} /constant/{size} {rest}").into_bytes()
}

pub fn post(path: &str, client: &Credentials, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\naccept: */*\r\ncontent-length: {}\r\n\r\n{body}",
        client.0,
        body.len()
    )
    .into_bytes()
}

pub fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n{more}\r\n").into_bytes()
}

impl Credentials {
    /// HTTP Basic.
    pub fn basic(id: &str, secret: &str) -> Self {
        Self(format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{id}:{secret}"))
        ))
    }
}

/// One request on a connection of its own; the whole answer.
pub fn ask(address: SocketAddr, request: &[u8]) -> Outcome<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request)?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    while load::length(&answer).is_none_or(|length| answer.len() < length) {
        match stream.read(&mut chunk)? {
            0 => break,
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(String::from_utf8(answer)?)
}

pub fn token(server: &Child, client: &Credentials, scope: &str) -> Outcome<String> {
    let body = format!("grant_type=client_credentials&scope={scope}");
    let answer = ask(server.address, &post("/oauth2/token", client, &body))?;
    let json = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(json)?;
    let text = json["access_token"].as_str().ok_or_else(|| answer.clone())?;
    Ok(text.to_owned())
}

/// Tokens fresh from the server, each in a request of its own to this path.
fn once_each(
    server: &Child,
    clients: &[Credentials],
    scope: &str,
    path: &str,
    count: usize,
) -> Outcome<Vec<Vec<u8>>> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    let (mut requests, mut answer, mut chunk) = (Vec::with_capacity(count), Vec::new(), [0; 4096]);
    for client in clients.iter().cycle().take(count) {
        stream.write_all(&post(
            "/oauth2/token",
            client,
            &format!("grant_type=client_credentials&scope={scope}"),
        ))?;
        answer.clear();
        while load::length(&answer).is_none_or(|length| answer.len() < length) {
            let count = stream.read(&mut chunk)?;
            answer.extend_from_slice(&chunk[..count]);
        }
        let text = std::str::from_utf8(&answer)?;
        let (_, rest) = text.split_once("\"access_token\":\"").ok_or("no token")?;
        let (token, _) = rest.split_once('"').ok_or("no token")?;
        requests.push(post(path, client, &format!("token={token}")));
    }
    Ok(requests)
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Outcome<&'t str> {
    let (_, rest) = text.split_once(before).ok_or_else(|| text.to_owned())?;
    let (found, _) = rest.split_once(after).ok_or_else(|| text.to_owned())?;
    Ok(found)
}

impl App {
    /// Signs the person in.
    fn sign_in(server: &Child) -> Outcome<Self> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", PERSON), ("password", PASSWORD), ("return_to", "/")])
            .finish();
        let answer = ask(
            server.address,
            &post("/login", &Credentials(String::new()), &body),
        )?;
        let (id, secret) = &server.app;
        Ok(Self {
            client_id: id.clone(),
            credentials: Credentials(format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{id}:{secret}"))
            )),
            cookie: between(&answer, "set-cookie: oauthority=", ";")?.to_owned(),
        })
    }

    fn redeem(&self, code: &str) -> Vec<u8> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ])
            .finish();
        post("/oauth2/token", &self.credentials, &body)
    }

    fn refresh(&self, token: &str) -> Vec<u8> {
        let body = format!("grant_type=refresh_token&refresh_token={token}");
        post("/oauth2/token", &self.credentials, &body)
    }

    /// Codes fresh from the server, each in a request that redeems it.
    fn codes(&self, server: &Child, count: usize) -> Outcome<Vec<Vec<u8>>> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &self.client_id),
                ("redirect_uri", CALLBACK),
                ("scope", "opaque:read"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let request = get(
            &format!("/oauth2/authorize?{query}"),
            &format!("cookie: oauthority={}\r\n", self.cookie),
        );
        let answers = exchange(server, std::iter::repeat_n(&request, count))?;
        answers
            .iter()
            .map(|answer| Ok(self.redeem(between(answer, "code=", "&")?)))
            .collect()
    }

    /// Refresh tokens fresh from the server, each in a request that uses it.
    fn refreshes(&self, server: &Child, count: usize) -> Outcome<Vec<Vec<u8>>> {
        let codes = self.codes(server, count)?;
        let answers = exchange(server, codes.iter())?;
        answers
            .iter()
            .map(|answer| Ok(self.refresh(between(answer, "\"refresh_token\":\"", "\"")?)))
            .collect()
    }
}

/// Requests in flight while a slice is prepared: the database groups what comes together.
const ABREAST: usize = 32;

/// Sends requests, some at a time, and gives the answers in their order.
fn exchange<'r>(server: &Child, requests: impl Iterator<Item = &'r Vec<u8>>) -> Outcome<Vec<String>> {
    let requests: Vec<&Vec<u8>> = requests.collect();
    let mut streams = Vec::new();
    for _ in 0..ABREAST {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut answers = Vec::with_capacity(requests.len());
    let mut chunk = [0; 8192];
    for group in requests.chunks(ABREAST) {
        for (stream, request) in streams.iter_mut().zip(group) {
            stream.write_all(request)?;
        }
        for (stream, _) in streams.iter_mut().zip(group) {
            let mut answer = Vec::new();
            while load::length(&answer).is_none_or(|length| answer.len() < length) {
                let count = stream.read(&mut chunk)?;
                if count == 0 {
                    return Err("the server closed a connection".into());
                }
                answer.extend_from_slice(&chunk[..count]);
            }
            answers.push(String::from_utf8(answer)?);
        }
    }
    Ok(answers)
}

/// Sign-ins of people who do not exist, each of whom costs a password check.
pub fn sign_ins(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| {
            let body = format!("username=nobody{number}&password=wrong-password-{number}&return_to=%2F");
            post("/login", &Credentials(String::new()), &body)
        })
        .collect()
}

/// Every case, with the answer's size asked of the server.
pub fn prepare(server: &Child) -> Outcome<Vec<Case>> {
    let clients: Vec<Credentials> = server
        .clients
        .iter()
        .map(|(id, secret)| {
            Credentials(format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{id}:{secret}"))
            ))
        })
        .collect();
    let all = |request: &dyn Fn(&Credentials) -> Outcome<Vec<u8>>| -> Outcome<Source> {
        Ok(Source::Fixed(
            clients.iter().map(request).collect::<Outcome<_>>()?,
        ))
    };
    let mint = |scope: &'static str| {
        all(&|client| {
            let body = format!("grant_type=client_credentials&scope={scope}");
            Ok(post("/oauth2/token", client, &body))
        })
    };
    let look = |scope: &'static str| {
        all(&|client| {
            let body = format!("token={}", token(server, client, scope)?);
            Ok(post("/oauth2/introspect", client, &body))
        })
    };
    let jwks = ask(server.address, &get("/oauth2/jwks", ""))?;
    let etag = jwks
        .lines()
        .find(|line| line.starts_with("etag"))
        .and_then(|line| line.split_once(": "))
        .map(|(_, tag)| format!("if-none-match: {tag}\r\n"))
        .ok_or("the key set has no entity tag")?;
    let fixed = |request| Ok(Source::Fixed(vec![request]));
    let sources: Vec<(&'static str, Option<f64>, Outcome<Source>)> = vec![
        ("token, opaque", Some(0.77), mint("opaque:read")),
        ("token, EdDSA", Some(0.40), mint("eddsa:read")),
        ("token, ES256", Some(0.28), mint("es256:read")),
        ("token, RS256", Some(0.016), mint("rs256:read")),
        ("introspection, opaque", Some(0.82), look("opaque:read")),
        ("introspection, own JWT", Some(0.62), look("es256:read")),
        (
            "introspection, own JWT, first look",
            None,
            Ok(Source::FirstSeen(clients.clone())),
        ),
        ("key set", Some(1.0), fixed(get("/oauth2/jwks", ""))),
        ("key set, 304", Some(1.0), fixed(get("/oauth2/jwks", &etag))),
        (
            "metadata",
            Some(1.0),
            fixed(get("/.well-known/oauth-authorization-server", "")),
        ),
        (
            "revocation, on disk",
            Some(0.40),
            Ok(Source::Spent(clients.clone())),
        ),
        (
            "code, on disk",
            Some(0.40),
            App::sign_in(server).map(Source::Codes),
        ),
        (
            "refresh, on disk",
            Some(0.40),
            App::sign_in(server).map(Source::Refreshes),
        ),
    ];
    sources
        .into_iter()
        .map(|(name, goal, source)| {
            let source = source?;
            let sample = match &source {
                Source::Fixed(requests) => requests.first().ok_or("no request")?.clone(),
                Source::Spent(clients) => {
                    once_each(server, clients, "opaque:read", "/oauth2/revoke", 1)?.remove(0)
                }
                Source::FirstSeen(clients) => {
                    once_each(server, clients, "es256:read", "/oauth2/introspect", 1)?.remove(0)
                }
                Source::Codes(app) => app.codes(server, 1)?.remove(0),
                Source::Refreshes(app) => app.refreshes(server, 1)?.remove(0),
            };
            let answer = ask(server.address, &sample)?.len();
            Ok(Case {
                name,
                goal,
                answer,
                source,
                floor: None,
            })
        })
        .collect()
}

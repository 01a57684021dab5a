//! Webhooks from the entry to the receiver, a real one on this machine.

mod console; // the pages
mod deliver; // what arrives, what does not, and when it is tried again
mod documents; // the snippets of the documentation run
mod manage; // the API
mod reach; // where nothing is sent

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::{
    Router,
    extract::State as Given,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::post,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value as Json;

use super::harness::TestApp;
use crate::{
    registry::{
        audit::seal,
        webhooks::{self as registry_webhooks, Made, NewWebhook},
    },
    store::webhook_deliveries::{self as kept, Delivery, State},
    time::Lifetime,
    webhooks,
};

/// Somebody's server on this machine, which keeps what it is told.
struct Receiver {
    url: String,
    heard: Heard,
}

/// What it was told, and what it answers.
#[derive(Clone)]
struct Heard(Arc<Mutex<(Vec<Message>, u16)>>);

/// A request that came.
#[derive(Clone, Debug)]
struct Message {
    headers: HeaderMap,
    body: String,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}"));
        value.to_str().expect("ASCII")
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Whether the signing secret made one of the signatures. As the specification has it, from scratch.
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = secret
            .strip_prefix("whsec_")
            .expect("the prefix of a signing secret");
        let key = BASE64_STANDARD.decode(key).expect("base64");
        assert!((24..=64).contains(&key.len()));
        let content = [
            self.header("webhook-id").as_bytes(),
            b".",
            self.header("webhook-timestamp").as_bytes(),
            b".",
            self.body.as_bytes(),
        ]
        .concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let mut signatures = self.header("webhook-signature").split(' ');
        signatures.any(|signature| {
            let (version, tag) = signature.split_once(',').expect("version and tag");
            let tag = BASE64_STANDARD.decode(tag).expect("base64");
            version == "v1" && hmac::verify(&key, &content, &tag).is_ok()
        })
    }
}

async fn hear(Given(heard): Given<Heard>, headers: HeaderMap, body: String) -> axum::response::Response {
    let mut heard = heard.0.lock().expect("whole");
    heard.0.push(Message { headers, body });
    let status = StatusCode::from_u16(heard.1).expect("a status");
    if status.is_redirection() {
        return (status, [("location", "/inside")]).into_response();
    }
    (status, "a long answer that nobody reads").into_response()
}

async fn inside(Given(heard): Given<Heard>) -> StatusCode {
    heard.0.lock().expect("whole").0.push(Message {
        headers: HeaderMap::new(),
        body: "inside".to_owned(),
    });
    StatusCode::OK
}

impl Receiver {
    async fn start() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}/hook", socket.local_addr().expect("an address"));
        let heard = Heard(Arc::new(Mutex::new((Vec::new(), 204))));
        let routes = Router::new()
            .route("/hook", post(hear))
            .route("/inside", post(inside).get(inside))
            .with_state(heard.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let service = hyper_util::service::TowerToHyperService::new(routes.clone());
                let io = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
            }
        });
        Self { url, heard }
    }

    fn answers(&self, status: u16) {
        self.heard.0.lock().expect("whole").1 = status;
    }

    fn heard(&self) -> Vec<Message> {
        std::mem::take(&mut self.heard.0.lock().expect("whole").0)
    }

    /// What it was told of, in the order of the chain.
    fn kinds(&self) -> Vec<String> {
        let mut heard: Vec<Json> = self.heard().iter().map(Message::json).collect();
        heard.sort_by_key(|message| message["data"]["seq"].as_i64());
        heard
            .iter()
            .map(|message| message["type"].as_str().expect("a type").to_owned())
            .collect()
    }
}

/// A webhook of the first organisation for these events.
async fn hook(app: &TestApp, url: &str, events: &[&str]) -> Made {
    settled(app).await;
    let new = NewWebhook {
        url: url.to_owned(),
        description: "Monitoring".to_owned(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        active: true,
    };
    registry_webhooks::create(&app.app.registry, &app.owner(), new)
        .await
        .expect("made")
}

/// Puts what the first start made into the past.
async fn settled(app: &TestApp) {
    sealed(app).await;
    app.clock.advance(Lifetime::seconds(1));
}

fn secret(made: &Made) -> String {
    made.secret.as_ref().expect("told once").expose().clone()
}

async fn sealed(app: &TestApp) {
    seal::all(&app.app.registry).await.expect("the storage works");
}

/// Seals and sends what is due; how many messages were tried.
async fn told(app: &TestApp) -> usize {
    sealed(app).await;
    webhooks::deliver(&app.app).await.expect("the storage works")
}

async fn messages(app: &TestApp, made: &Made, state: Option<State>) -> Vec<Delivery> {
    kept::list(app.db(), &made.webhook.id, state, None, 1000)
        .await
        .expect("read")
}

async fn later(app: &TestApp, span: Lifetime) -> usize {
    app.clock.advance(span);
    told(app).await
}

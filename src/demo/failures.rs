//! Requests of the demonstration's clients that were refused, noted and found out by the code that does it for real.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, HeaderValue, header};
use base64::prelude::{BASE64_STANDARD, Engine};

use super::{Demo, HANDLE};
use crate::{
    error::Result,
    failures::{Endpoint, Failures, Request},
    grant_types::Source,
    oauth::{
        params::Params,
        refusal::{Code, Refusal},
    },
    store,
};

/// A request: whose, how many hours ago, with a secret or without, what it sent.
type Sample = (&'static str, i64, Option<&'static str>, &'static str);

/// The last two carry what is no secret of theirs.
const REFUSED: [Sample; 3] = [
    (
        "Invoice exporter",
        3,
        None,
        "grant_type=client_credentials&scope=invoices%3Adelete",
    ),
    (
        "Invoice exporter",
        28,
        Some("${EXPORTER_SECRET}"),
        "grant_type=client_credentials",
    ),
    (
        "HR sync",
        50,
        Some("oas_copied-in-part"),
        "grant_type=client_credentials",
    ),
];

/// Writes down what is missing.
pub(super) async fn provision(demo: &Demo) -> Result<()> {
    let db = demo.registry.db();
    if demo.access.org.handle != HANDLE {
        return Ok(());
    }
    let clients = store::clients::all(db).await?;
    for (name, hours, secret, form) in REFUSED {
        let own =
            |client: &&store::clients::Client| client.name == name && client.org_id == demo.access.org.id;
        let Some(client) = clients.iter().find(own) else {
            continue;
        };
        let at = demo.hours_ago(hours);
        let before = store::failures::of_client(db, &client.client_id, None, 100).await?;
        if before.iter().any(|one| one.at == at) {
            continue;
        }
        let registry = demo.then(at);
        let failures = Failures::default();
        failures.note(
            &registry,
            Request {
                endpoint: Endpoint::Token,
                headers: Some(&basic(&client.client_id, secret.unwrap_or_default())),
                params: Some(&Params::form(form.as_bytes())?),
                source: Source {
                    ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
                    request_id: "demo",
                },
            },
            &refusal(secret.is_some()),
        );
        failures.settle(&registry).await?;
    }
    Ok(())
}

fn basic(client_id: &str, secret: &str) -> HeaderMap {
    let pair = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{client_id}:{secret}"))
    );
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&pair) {
        headers.insert(header::AUTHORIZATION, value);
    }
    headers
}

/// What the token endpoint said.
fn refusal(wrong_secret: bool) -> Refusal {
    if wrong_secret {
        Code::InvalidClient
            .because("the client is unknown or disabled, or its authentication is wrong")
            .reason("client.unproven")
    } else {
        Code::InvalidScope
            .because("a scope is unknown or not granted to this client")
            .reason("scope.ungranted")
    }
}

//! The APIs of the demonstration beside "Workspace".

use super::{Demo, HANDLE};
use crate::{
    error::Result,
    registry::apis::{self, NewApi, NewScope},
    store::{
        self,
        apis::{Risk, TokenFormat},
    },
    time::Lifetime,
};

/// A scope: value, what it allows, risk, what it implies.
type Sample = (&'static str, &'static str, Risk, &'static [&'static str]);

const INVOICES: [Sample; 4] = [
    ("invoices:read", "See invoices", Risk::Reads, &[]),
    (
        "invoices:write",
        "Create and change invoices",
        Risk::Changes,
        &["invoices:read"],
    ),
    (
        "invoices:delete",
        "Delete invoices for good",
        Risk::Destructive,
        &["invoices:read"],
    ),
    ("payments:read", "See which invoices are paid", Risk::Reads, &[]),
];

const TELEMETRY: [Sample; 3] = [
    ("telemetry:read", "Read measurements", Risk::Reads, &[]),
    ("telemetry:write", "Send measurements", Risk::Changes, &[]),
    (
        "devices:reset",
        "Reset meters to factory settings",
        Risk::Destructive,
        &["telemetry:read"],
    ),
];

/// Makes what acme lacks; other organisations keep to "Workspace".
pub(super) async fn provision(demo: &Demo) -> Result<()> {
    if demo.access.org.handle != HANDLE {
        return Ok(());
    }
    let invoices = api(
        "Invoices",
        "https://api.acme.example/invoices",
        TokenFormat::Jwt,
        &INVOICES,
    );
    let telemetry = api(
        "Telemetry",
        "https://api.acme.example/telemetry",
        TokenFormat::Opaque,
        &TELEMETRY,
    );
    let known = store::apis::all(demo.registry.db()).await?;
    for new in [invoices, telemetry] {
        if !known.iter().any(|api| api.audience == new.audience) {
            apis::create(&demo.registry, &demo.access, new).await?;
        }
    }
    Ok(())
}

fn api(name: &str, audience: &str, token_format: TokenFormat, scopes: &[Sample]) -> NewApi {
    let scope = |(value, description, risk, implies): &Sample| NewScope {
        value: (*value).to_owned(),
        description: (*description).to_owned(),
        risk: *risk,
        implies: implies.iter().map(|&implied| implied.to_owned()).collect(),
        requires_consent: true,
    };
    NewApi {
        name: name.to_owned(),
        audience: audience.to_owned(),
        token_format,
        lifetime: (token_format == TokenFormat::Opaque).then(|| Lifetime::minutes(30)),
        signing_algorithm: None,
        scopes: scopes.iter().map(scope).collect(),
    }
}

//! Clients that move to another organisation.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    client_changes::{MadeClient, body, made, term},
    client_input::ScopeInput,
    client_list::TAG,
};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, operation, paging, word},
        page,
    },
    error::Result,
    oauth::client::{ApplicationType, GrantType},
    registry::{
        access::Permission,
        client_input::ScopeRef,
        transfers::{self, Acceptance, Seen, Side},
    },
    store::{self, transfers::State},
    time::Timestamp,
};

/// An offer to give a client to another organisation.
#[derive(Serialize, ToSchema)]
struct Transfer {
    id: String,
    client_id: String,
    client_name: String,
    /// `out`: made by this organisation; `in`: made to it
    direction: &'static str,
    /// Handle of the organisation that offers
    from: String,
    from_name: String,
    /// The handle that was named; whether there is such an organisation is not told
    to: String,
    note: String,
    /// `offered`, `accepted`, `declined`, `withdrawn` or `expired`
    state: &'static str,
    created_at: Timestamp,
    expires_at: Timestamp,
    settled_at: Option<Timestamp>,
    /// What would come, for whoever it is offered to, while it is open
    #[schema(nullable = true)]
    client: Option<Coming>,
}

/// What would come with a client.
#[derive(Serialize, ToSchema)]
struct Coming {
    name: String,
    description: String,
    r#type: ApplicationType,
    grant_types: Vec<GrantType>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    backchannel_logout_uri: Option<String>,
    home_page: Option<String>,
    oidc_scopes: Vec<String>,
    /// Values that it holds where it is; they do not travel
    scopes_there: Vec<String>,
    /// What it would get if nothing else is said
    proposed_scopes: Vec<Proposed>,
    version: i64,
}

/// A scope that is proposed.
#[derive(Serialize, ToSchema)]
struct Proposed {
    /// `null`: of OpenID Connect
    audience: Option<String>,
    value: String,
}

/// To whom to offer a client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTransfer {
    /// Handle of the organisation
    #[schema(min_length = 1, max_length = 40)]
    to: String,
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// How to take a client over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptTransfer {
    /// Scopes of the organisation's own APIs and of OpenID Connect; without it, what is proposed
    scopes: Option<Vec<ScopeInput>>,
    #[schema(max_length = 100)]
    secret_label: Option<String>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    secret_expires: Option<String>,
}

const TRANSFERS: &str = "/api/v1/orgs/{org}/transfers";
const TRANSFER: &str = "/api/v1/orgs/{org}/transfers/{transfer}";

pub fn operations() -> Vec<Operation> {
    use Permission::{ClientsDelete, ClientsRead, ClientsWrite};
    let shape = || Shape::of::<Transfer>();
    let offer = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/transfer",
        "offerClient",
        "Offer a client to another organisation",
        Some(ClientsDelete),
        Answer::Created(shape()),
        |c| Box::pin(offer(c)),
    );
    let list = operation(
        Method::GET,
        TRANSFERS,
        "listTransfers",
        "List clients that were offered",
        Some(ClientsRead),
        Answer::Ok(Shape::list_of::<Transfer>()),
        |c| Box::pin(list(c)),
    );
    let show = operation(
        Method::GET,
        TRANSFER,
        "showTransfer",
        "See an offer, and what would come with it",
        Some(ClientsRead),
        Answer::Ok(shape()),
        |c| Box::pin(show(c)),
    );
    let accept = operation(
        Method::POST,
        "/api/v1/orgs/{org}/transfers/{transfer}/accept",
        "acceptTransfer",
        "Take an offered client over: its old secrets and tokens are dead, a new secret is made",
        Some(ClientsWrite),
        Answer::Created(Shape::of::<MadeClient>()),
        |c| Box::pin(accept(c)),
    );
    let decline = operation(
        Method::POST,
        "/api/v1/orgs/{org}/transfers/{transfer}/decline",
        "declineTransfer",
        "Decline an offered client",
        Some(ClientsWrite),
        Answer::Ok(shape()),
        |c| Box::pin(decline(c)),
    );
    let withdraw = operation(
        Method::POST,
        "/api/v1/orgs/{org}/transfers/{transfer}/withdraw",
        "withdrawTransfer",
        "Withdraw an offer",
        Some(ClientsDelete),
        Answer::Ok(shape()),
        |c| Box::pin(withdraw(c)),
    );
    let changes = |operation: Operation, cli| Operation {
        tag: TAG,
        conflicts: true,
        cli: Some(cli),
        ..operation
    };
    let mut filters = vec![word(
        "direction",
        "`in`: offered to this organisation; `out`: by it.",
        &["in", "out"],
    )];
    filters.extend(paging());
    vec![
        Operation {
            body: Some(body::<NewTransfer>(
                true,
                false,
                json!({ "to": "acme-energy", "note": "As agreed" }),
            )),
            ..changes(
                offer,
                "oauthority client transfer offer CLIENT_ID --to acme-energy",
            )
        },
        Operation {
            tag: TAG,
            query: filters,
            cli: Some("oauthority client transfer list"),
            ..list
        },
        Operation {
            tag: TAG,
            cli: Some("oauthority client transfer get TRANSFER"),
            ..show
        },
        Operation {
            body: Some(body::<AcceptTransfer>(
                false,
                false,
                json!({ "scopes": ["workspace:read"] }),
            )),
            precondition: Precondition::Required,
            ..changes(
                accept,
                "oauthority client transfer accept TRANSFER --env-file .env",
            )
        },
        changes(decline, "oauthority client transfer decline TRANSFER"),
        changes(withdraw, "oauthority client transfer withdraw TRANSFER"),
    ]
}

fn shown(seen: Seen) -> Transfer {
    let transfer = seen.transfer;
    Transfer {
        id: transfer.id,
        client_id: transfer.client_id,
        client_name: transfer.client_name,
        direction: match seen.side {
            Side::Giver => "out",
            Side::Taker => "in",
        },
        from: transfer.from_handle,
        from_name: transfer.from_name,
        to: transfer.to_handle,
        note: transfer.note,
        state: seen.state.word(),
        created_at: transfer.created_at,
        expires_at: transfer.expires_at,
        settled_at: transfer.settled_at,
        client: None,
    }
}

async fn offer(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsDelete)?;
    let new: NewTransfer = call.input()?;
    let note = new.note.unwrap_or_default();
    let made = transfers::offer(&call.app.registry, &access, call.path("client"), &new.to, &note).await?;
    let location = format!(
        "/api/v1/orgs/{}/transfers/{}",
        access.org.handle, made.transfer.id
    );
    let reply = Reply::of(&shown(made))?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let mut all = transfers::list(&call.app.registry, &access).await?;
    match call.query.one("direction") {
        Some("in") => all.retain(|seen| seen.side == Side::Taker),
        Some(_) => all.retain(|seen| seen.side == Side::Giver),
        None => {}
    }
    let all: Vec<Transfer> = all.into_iter().map(shown).collect();
    let part = page::cut(all, |one| &one.id, &call.query)?;
    let path = format!("/api/v1/orgs/{}/transfers", access.org.handle);
    page::reply(&part, &path, &call.query, &["direction", "limit"])
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let registry = &call.app.registry;
    let seen = transfers::find(registry, &access, call.path("transfer")).await?;
    if seen.side == Side::Giver || seen.state != State::Offered {
        return Reply::of(&shown(seen));
    }
    let client = transfers::client_of(registry, &seen).await?;
    let tag = etag::of_version(client.version);
    let values = transfers::values_of(registry, &client).await?;
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let proposed = transfers::proposed(&client, &values, &apis).into_iter();
    let coming = Coming {
        proposed_scopes: proposed
            .map(|ScopeRef { audience, value }| Proposed { audience, value })
            .collect(),
        scopes_there: values,
        name: client.name,
        description: client.description,
        r#type: client.application_type,
        grant_types: client.grant_types,
        redirect_uris: client.redirect_uris,
        post_logout_redirect_uris: client.people.post_logout_redirect_uris,
        backchannel_logout_uri: client.people.backchannel_logout_uri,
        home_page: client.people.home_page,
        oidc_scopes: client.oidc_scopes,
        version: client.version,
    };
    let transfer = Transfer {
        client: Some(coming),
        ..shown(seen)
    };
    Ok(Reply::of(&transfer)?.tagged(tag))
}

async fn accept(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let asked: AcceptTransfer = call.input()?;
    let registry = &call.app.registry;
    let id = call.path("transfer");
    let seen = transfers::find(registry, &access, id).await?;
    // Until it is accepted the other side may change it: what comes is what the caller has looked at.
    let version = match seen.side {
        Side::Taker if seen.state == State::Offered => {
            let client = transfers::client_of(registry, &seen).await?;
            call.demand(&etag::of_version(client.version), true)?;
            Some(client.version)
        }
        _ => None,
    };
    let acceptance = Acceptance {
        scopes: asked
            .scopes
            .map(|all| all.into_iter().map(ScopeRef::from).collect()),
        version,
        secret_label: asked.secret_label,
        secret_term: term(asked.secret_expires.as_deref(), "/secret_expires")?,
    };
    let created = transfers::accept(registry, &access, id, acceptance).await?;
    let location = format!(
        "/api/v1/orgs/{}/clients/{}",
        access.org.handle, created.client.client_id
    );
    let reply = made(&call, &access, created).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn decline(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    Reply::of(&shown(
        transfers::decline(&call.app.registry, &access, call.path("transfer")).await?,
    ))
}

async fn withdraw(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    Reply::of(&shown(
        transfers::withdraw(&call.app.registry, &access, call.path("transfer")).await?,
    ))
}

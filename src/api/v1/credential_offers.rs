//! Credentials prepared for a member, who alone gets the secret.

use axum::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{client_changes::body, credentials::NewPersonalCredential};
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation, paging},
        page,
    },
    error::Result,
    registry::{access::Permission, credential_offers as offers},
    secret::Secret,
    store::{self, credential_offers::OfferState},
    time::Timestamp,
};

/// A credential that waits for a member, or what became of it.
#[derive(Serialize, ToSchema)]
struct CredentialOffer {
    id: String,
    /// Id of the member
    user: String,
    name: String,
    state: OfferState,
    offered_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Option<Timestamp>,
    /// The credential that came of it
    client_id: Option<String>,
}

/// An offer, and its link for whoever hands it on: this once.
#[derive(Serialize, ToSchema)]
struct MadeOffer {
    offer: CredentialOffer,
    /// `null` when it went to the member by mail
    claim_link: Option<String>,
}

fn shown(offer: store::credential_offers::Offer, now: Timestamp) -> CredentialOffer {
    CredentialOffer {
        state: offer.state_at(now),
        id: offer.id,
        user: offer.user_id,
        name: offer.name,
        offered_by: offer.offered_by_name,
        created_at: offer.created_at,
        expires_at: offer.expires_at,
        ended_at: offer.ended_at,
        client_id: offer.client_id,
    }
}

const TAG: &str = "Personal credentials";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::MembersRead), Some(Permission::MembersWrite));
    let offer = operation(
        Method::POST,
        "/api/v1/orgs/{org}/members/{member}/credential-offers",
        "offerCredential",
        "Offer a member a credential without ever seeing its secret; needs clients:write as well",
        write,
        Answer::Created(Shape::of::<MadeOffer>()),
        |c| Box::pin(make(c)),
    );
    let list = operation(
        Method::GET,
        "/api/v1/orgs/{org}/credential-offers",
        "listCredentialOffers",
        "List what was offered, and what became of it; needs clients:read as well",
        read,
        Answer::Ok(Shape::list_of::<CredentialOffer>()),
        |c| Box::pin(list(c)),
    );
    let withdraw = operation(
        Method::DELETE,
        "/api/v1/orgs/{org}/credential-offers/{offer}",
        "withdrawCredentialOffer",
        "Take an offer back; needs clients:write as well",
        write,
        Answer::Nothing,
        |c| Box::pin(withdraw(c)),
    );
    let new = json!({ "name": "Nightly report", "scopes": [{ "audience": "https://api.example.com", "value": "invoices:read" }] });
    vec![
        Operation {
            tag: TAG,
            body: Some(body::<NewPersonalCredential>(true, false, new)),
            conflicts: true,
            cli: Some(
                "oauthority credential deliver ada --name 'Nightly report' --pair https://api.example.com=invoices:read",
            ),
            ..offer
        },
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            cli: Some("oauthority credential offers"),
            ..list
        },
        Operation {
            tag: TAG,
            conflicts: true,
            cli: Some("oauthority credential withdraw OFFER"),
            ..withdraw
        },
    ]
}

async fn make(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::MembersWrite)?;
    let input: NewPersonalCredential = call.input()?;
    let registry = &call.app.registry;
    let made = offers::offer(registry, &access, call.path("member"), &input.read()?).await?;
    let location = format!(
        "/api/v1/orgs/{}/credential-offers/{}",
        access.org.handle, made.offer.id
    );
    let link = made
        .path
        .map(|path| Secret::new(registry.config.issuer.join(&path)));
    let document = MadeOffer {
        offer: shown(made.offer, call.now),
        claim_link: None,
    };
    let reply = Reply::of(&document)?.telling("claim_link", link);
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let found = offers::list(&call.app.registry, &access).await?;
    let all: Vec<CredentialOffer> = found.into_iter().map(|offer| shown(offer, call.now)).collect();
    let path = format!("/api/v1/orgs/{}/credential-offers", access.org.handle);
    let part = page::cut(all, |offer| &offer.id, &call.query)?;
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn withdraw(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::MembersWrite)?;
    offers::withdraw(&call.app.registry, &access, call.path("offer")).await?;
    Ok(Reply::nothing())
}

//! Tells clients that somebody signed out.
//! [Back-Channel Logout §2.5](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest)
//!
//! What is to be told was queued in the transaction that ended the session. A node claims a request before it sends it,
//! so that no two send the same one, and says until when it is nobody else's; whoever dies meanwhile loses nothing. The
//! address was checked when it was saved; a name may lead elsewhere by now, so every address that is connected to is
//! checked again here, and no redirect is followed ([RFC 9700 §4.11](https://www.rfc-editor.org/rfc/rfc9700#section-4.11)).

use crate::{
    app::State,
    db::{Statement, WriteError},
    delivery::{Ask, Due, Engine, Kind, Outcome},
    error::Result,
    live,
    oauth::client::Status,
    openid::logout_token,
    outward::{self, Content},
    registry::Registry,
    store::{
        self,
        logout_deliveries::{self as deliveries, Delivery},
    },
    time::{Lifetime, Timestamp},
};

/// How long to wait after each try; after the last one it is given up.
const PATIENCE: [Lifetime; 5] = [
    Lifetime::minutes(1),
    Lifetime::minutes(5),
    Lifetime::minutes(30),
    Lifetime::hours(2),
    Lifetime::minutes(1),
];

/// Word of sign-outs, for the engine that delivers it.
#[derive(Clone, Copy, Debug)]
pub struct SignOuts;

impl Kind for SignOuts {
    type Row = Delivery;

    async fn due(self, registry: &Registry, ask: Ask) -> Result<Vec<Due<Delivery>>> {
        let found = deliveries::due(
            registry.db(),
            ask.now,
            ask.organizations,
            ask.targets,
            ask.each,
            ask.limit,
        );
        let due = found.await?.into_iter().map(|found| Due {
            id: found.delivery.id.clone(),
            org_id: found.org_id,
            target: found.delivery.client_id.clone(),
            url: found.uri,
            row: found.delivery,
        });
        Ok(due.collect())
    }

    async fn attempt(self, registry: &Registry, delivery: Delivery) -> Result<Outcome> {
        settle(registry, &delivery).await
    }

    fn put_off(self, client_id: &str, now: Timestamp, until: Timestamp) -> Statement {
        deliveries::put_off(client_id, now, until)
    }
}

/// Sends what is due and waits for the end of it. Returns how many were tried.
///
/// # Errors
/// When the storage fails.
pub async fn deliver(app: &State) -> Result<usize> {
    Engine::new(app, SignOuts).drain().await
}

/// Tries one, and forgets it if it arrived or will not.
async fn settle(registry: &Registry, delivery: &Delivery) -> Result<Outcome> {
    let tries = usize::try_from(delivery.tries).unwrap_or(PATIENCE.len());
    let wait = PATIENCE.get(tries).copied().unwrap_or(PATIENCE[0]);
    let claim = deliveries::claim(delivery, registry.now().after(wait));
    match registry.db().write(claim.into()).await {
        Ok(_) => {}
        Err(WriteError::Unmet("claimed")) => return Ok(Outcome::NotOurs),
        Err(error) => return Err(error.into()),
    }
    // A client that is gone, or wants nothing any more, is told nothing.
    let client = registry.live.client(&delivery.client_id);
    let told = match client.filter(|client| client.status == Status::Active) {
        Some(client) => tell(registry, &client, delivery).await?,
        None => Told::Unasked,
    };
    let last = tries + 1 >= PATIENCE.len();
    if let Told::Not { why, .. } = &told {
        let client_id = &delivery.client_id;
        if !last {
            tracing::info!(client_id, why, "a client will be told of a sign-out later");
            return Ok(told.outcome());
        }
        tracing::warn!(
            client_id,
            why,
            tries = tries + 1,
            "a client was not told of a sign-out, and will not be"
        );
    }
    registry
        .db()
        .write(deliveries::remove(&delivery.id).into())
        .await?;
    Ok(told.outcome())
}

/// What came of telling a client.
enum Told {
    /// It wants to hear nothing.
    Unasked,
    Yes,
    Not {
        why: String,
        answered: bool,
    },
}

impl Told {
    fn silent(why: String) -> Self {
        Self::Not { why, answered: false }
    }

    const fn outcome(&self) -> Outcome {
        match self {
            Self::Unasked => Outcome::NotOurs,
            Self::Yes | Self::Not { answered: true, .. } => Outcome::Answered,
            Self::Not { answered: false, .. } => Outcome::Silent,
        }
    }
}

/// Sends one request.
async fn tell(registry: &Registry, client: &live::Client, delivery: &Delivery) -> Result<Told> {
    let people = client.for_people.as_deref();
    let Some(uri) = people.and_then(|people| people.backchannel_logout_uri.as_deref()) else {
        return Ok(Told::Unasked);
    };
    let Some(org) = store::organizations::find(registry.db(), &client.org_id).await? else {
        return Ok(Told::Unasked);
    };
    let destination = match registry.boundary_of(&org).destination(uri) {
        Ok(destination) => destination,
        Err(objection) => return Ok(Told::silent(objection.detail)),
    };
    let now = registry.now();
    let token = logout_token::mint(registry, client, &delivery.user_id, &delivery.session_id, now)?;
    let sent = outward::post(&destination, Content::Form(&[("logout_token", &token)])).await;
    Ok(match sent {
        Ok(status) if outward::arrived(status) => Told::Yes,
        Ok(status) => Told::Not {
            why: format!("it answered {status}"),
            answered: true,
        },
        Err(why) => Told::silent(why),
    })
}

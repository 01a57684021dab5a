//! Tells clients that somebody signed out.
//! [Back-Channel Logout §2.5](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest)
//!
//! What is to be told was queued in the transaction that ended the session. A node claims a request before it sends it,
//! so that no two send the same one, and says until when it is nobody else's; whoever dies meanwhile loses nothing. The
//! address was checked when it was saved; a name may lead elsewhere by now, so every address that is connected to is
//! checked again here, and no redirect is followed ([RFC 9700 §4.11](https://www.rfc-editor.org/rfc/rfc9700#section-4.11)).

use tokio::task::JoinSet;

use crate::{
    app::State,
    db::WriteError,
    error::Result,
    live,
    oauth::client::Status,
    openid::logout_token,
    outward::{self, Content, Reach},
    registry::Registry,
    store::{
        self,
        logout_deliveries::{self as deliveries, Delivery},
    },
    time::Lifetime,
};

/// How long to wait after each try; after the last one it is given up.
const PATIENCE: [Lifetime; 5] = [
    Lifetime::minutes(1),
    Lifetime::minutes(5),
    Lifetime::minutes(30),
    Lifetime::hours(2),
    Lifetime::minutes(1),
];

/// How many are on their way at once.
const AT_ONCE: i64 = 16;

/// Sends what is due. Returns how many were tried.
///
/// # Errors
/// When the storage fails.
pub async fn deliver(app: &State) -> Result<usize> {
    let registry = &app.registry;
    let due = deliveries::due(registry.db(), registry.now(), AT_ONCE).await?;
    let tried = due.len();
    let mut tasks = JoinSet::new();
    for delivery in due {
        let app = State::clone(app);
        tasks.spawn(async move { settle(&app.registry, &delivery).await });
    }
    for outcome in tasks.join_all().await {
        outcome?;
    }
    Ok(tried)
}

/// Tries one, and forgets it if it arrived or will not.
async fn settle(registry: &Registry, delivery: &Delivery) -> Result<()> {
    let tries = usize::try_from(delivery.tries).unwrap_or(PATIENCE.len());
    let wait = PATIENCE.get(tries).copied().unwrap_or(PATIENCE[0]);
    let claim = deliveries::claim(delivery, registry.now().after(wait));
    match registry.db().write(claim.into()).await {
        Ok(_) => {}
        Err(WriteError::Unmet("claimed")) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    // A client that is gone, or wants nothing any more, is told nothing.
    let client = registry.live.client(&delivery.client_id);
    let told = match client.filter(|client| client.status == Status::Active) {
        Some(client) => tell(registry, &client, delivery).await?,
        None => Ok(()),
    };
    let last = tries + 1 >= PATIENCE.len();
    match told {
        Err(why) if last => {
            let client_id = &delivery.client_id;
            tracing::warn!(
                client_id,
                why,
                tries = tries + 1,
                "a client was not told of a sign-out, and will not be"
            );
        }
        Err(why) => {
            tracing::info!(
                client_id = delivery.client_id,
                why,
                "a client will be told of a sign-out later"
            );
            return Ok(());
        }
        Ok(()) => {}
    }
    registry
        .db()
        .write(deliveries::remove(&delivery.id).into())
        .await?;
    Ok(())
}

/// Sends one request; the inner error is why it did not arrive.
async fn tell(
    registry: &Registry,
    client: &live::Client,
    delivery: &Delivery,
) -> Result<std::result::Result<(), String>> {
    let people = client.for_people.as_deref();
    let Some(uri) = people.and_then(|people| people.backchannel_logout_uri.as_deref()) else {
        return Ok(Ok(()));
    };
    let development = match Reach::of(uri, false) {
        Ok(_) => false,
        Err(_) => {
            let org = store::organizations::find(registry.db(), &client.org_id).await?;
            org.is_some_and(|org| org.settings.development_redirects)
        }
    };
    let reach = match Reach::of(uri, development) {
        Ok(reach) => reach,
        Err(why) => return Ok(Err(why)),
    };
    let now = registry.now();
    let token = logout_token::mint(registry, client, &delivery.user_id, &delivery.session_id, now)?;
    let sent = outward::post(reach, uri, Content::Form(&[("logout_token", &token)])).await;
    Ok(sent.and_then(|status| match status {
        status if outward::arrived(status) => Ok(()),
        status => Err(format!("it answered {status}")),
    }))
}

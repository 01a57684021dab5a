//! A webhook of the demonstration, switched off, with what it was told while it was on: nothing leaves this machine.

use serde_json::json;

use super::{Demo, HANDLE};
use crate::{
    db::Batch,
    error::Result,
    registry::webhooks::{self, Edit, NewWebhook},
    store::{
        self,
        audit::Filter,
        webhook_deliveries::{self as kept, Delivery, State},
    },
    time::Lifetime,
};

/// Action, how many hours ago it was told, how often it was tried, and the last answer.
const TOLD: [(&str, i64, i64, i64); 4] = [
    ("client.created", 52, 1, 204),
    ("secret.rotated", 49, 2, 204),
    ("client.deleted", 47, 9, 503),
    ("client.disabled", 30, 1, 204),
];

/// Makes what is missing.
pub(super) async fn provision(demo: &Demo) -> Result<()> {
    let db = demo.registry.db();
    let there = store::webhooks::of_organization(db, &demo.access.org.id).await?;
    if demo.access.org.handle != HANDLE || !there.is_empty() {
        return Ok(());
    }
    let new = NewWebhook {
        url: "https://siem.acme.example/hooks/oauthority".to_owned(),
        description: "Security monitoring".to_owned(),
        events: ["client.*", "secret.*", "consent.*"].map(str::to_owned).to_vec(),
        active: true,
    };
    let made = webhooks::create(&demo.then(demo.hours_ago(60)), &demo.access, new).await?;
    let off = Edit {
        active: Some(false),
        ..Edit::default()
    };
    let id = &made.webhook.id;
    for (action, hours, tries, status) in TOLD {
        demo.write(told(demo, id, action, hours, tries, status).await?)
            .await?;
    }
    webhooks::edit(&demo.then(demo.hours_ago(26)), &demo.access, id, None, off).await?;
    Ok(())
}

/// A message and how it ended.
async fn told(
    demo: &Demo,
    webhook: &str,
    action: &str,
    hours: i64,
    tries: i64,
    status: i64,
) -> Result<Batch> {
    let filter = Filter {
        action: Some(action.to_owned()),
        ..Filter::default()
    };
    let entry = store::audit::list(demo.registry.db(), &demo.access.org.id, &filter, 1).await?;
    let Some(entry) = entry.into_iter().next() else {
        return Ok(Batch::default());
    };
    let at = demo.hours_ago(hours);
    let arrived = status < 300;
    let body = json!({ "type": action, "timestamp": at, "data": crate::registry::audit::record(&entry) });
    let message = Delivery {
        id: format!("msg_{}", demo.registry.id()),
        webhook_id: webhook.to_owned(),
        event_id: entry.id,
        kind: action.to_owned(),
        body: body.to_string(),
        state: if arrived { State::Delivered } else { State::Dead },
        tries,
        next_try_at: at,
        created_at: at,
        last_try_at: Some(at),
        last_status: Some(status),
        last_error: (!arrived).then(|| format!("it answered {status}")),
        delivered_at: arrived.then(|| at.after(Lifetime::seconds(1))),
    };
    let mut batch = Batch::from_iter([kept::add(&message), kept::settle(&message)]);
    if let Some(at) = message.delivered_at {
        batch.push(store::webhooks::arrived(webhook, at));
    }
    Ok(batch)
}

//! Webhooks, and the messages to them.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::{client_changes::body, client_list::written_span};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, operation, paging, word},
        page::{self, Part},
    },
    error::Result,
    registry::{
        access::{Access, Permission},
        webhooks::{self as kept, Made},
    },
    store::{self, webhook_deliveries::State},
    time::{Lifetime, Timestamp},
    webhooks,
};

/// An address that is told what happens.
#[derive(Serialize, ToSchema)]
struct Webhook {
    id: String,
    org_id: String,
    url: String,
    description: String,
    /// Actions such as `client.created`, or their beginnings such as `client.*`
    events: Vec<String>,
    active: bool,
    /// Why the server switched it off
    disabled_why: Option<String>,
    /// Why nothing is sent there, whatever happens; `null`: the address may be reached
    not_called_because: Option<String>,
    secret_made_at: Timestamp,
    /// Until when the signing secret before signs as well
    old_secret_ends_at: Option<Timestamp>,
    /// Since when nothing has arrived there
    failing_since: Option<Timestamp>,
    last_delivered_at: Option<Timestamp>,
    created_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}

impl Webhook {
    fn of(call: &Call, access: &Access, hook: store::webhooks::Webhook) -> Self {
        let now = call.now;
        Self {
            not_called_because: kept::blocked(&call.app.registry, &access.org, &hook),
            id: hook.id,
            org_id: hook.org_id,
            url: hook.url,
            description: hook.description,
            events: hook.events,
            active: hook.active,
            disabled_why: hook.disabled_why,
            secret_made_at: hook.secret_made_at,
            old_secret_ends_at: hook.old_secret_ends_at.filter(|at| *at > now),
            failing_since: hook.failing_since,
            last_delivered_at: hook.last_delivered_at,
            created_by: hook.created_by,
            created_at: hook.created_at,
            updated_at: hook.updated_at,
            version: hook.version,
        }
    }
}

/// A webhook, and the text of its new signing secret: this once, never again.
#[derive(Serialize, ToSchema)]
struct MadeWebhook {
    webhook: Webhook,
    /// `null` when it was only tried
    secret: Option<String>,
}

/// A webhook to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    #[schema(min_length = 1, max_length = 2000)]
    url: String,
    #[schema(max_length = 200)]
    description: Option<String>,
    /// `client.created`, `client.*` or `*`
    #[schema(max_items = 50)]
    events: Vec<String>,
    /// `true` if nothing is said
    active: Option<bool>,
}

/// What to change of a webhook, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookPatch {
    #[schema(nullable = false, min_length = 1, max_length = 2000)]
    url: Option<String>,
    #[schema(nullable = false, max_length = 200)]
    description: Option<String>,
    #[schema(nullable = false, max_items = 50)]
    events: Option<Vec<String>>,
    #[schema(nullable = false)]
    active: Option<bool>,
}

/// For how long the old signing secret signs beside the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Overlap {
    /// A span such as `24h`, which it is if nothing is said; `0s` ends the old one at once
    #[schema(max_length = 20)]
    overlap: Option<String>,
}

/// A message to a webhook.
#[derive(Serialize, ToSchema)]
struct Delivery {
    /// What the header `webhook-id` says, however often it is sent
    id: String,
    /// Id of the entry of the activity that it tells of
    entry: String,
    /// Such as `client.created`
    r#type: String,
    state: State,
    /// How often it was tried
    tries: i64,
    next_try_at: Option<Timestamp>,
    last_try_at: Option<Timestamp>,
    /// Status of the last answer; `null` when none came
    last_status: Option<i64>,
    /// Why it did not arrive the last time
    last_error: Option<String>,
    delivered_at: Option<Timestamp>,
    created_at: Timestamp,
    /// What is sent
    #[schema(value_type = Object)]
    body: Json,
}

impl From<store::webhook_deliveries::Delivery> for Delivery {
    fn from(message: store::webhook_deliveries::Delivery) -> Self {
        Self {
            id: message.id,
            entry: message.event_id,
            r#type: message.kind,
            state: message.state,
            tries: message.tries,
            next_try_at: (message.state == State::Waiting).then_some(message.next_try_at),
            last_try_at: message.last_try_at,
            last_status: message.last_status,
            last_error: message.last_error,
            delivered_at: message.delivered_at,
            created_at: message.created_at,
            // What cannot be read is shown as it is: it is what was sent.
            body: store::document::value(&message.body).unwrap_or(Json::String(message.body)),
        }
    }
}

const TAG: &str = "Webhooks";
const WEBHOOKS: &str = "/api/v1/orgs/{org}/webhooks";
const WEBHOOK: &str = "/api/v1/orgs/{org}/webhooks/{webhook}";
const DELIVERIES: &str = "/api/v1/orgs/{org}/webhooks/{webhook}/deliveries";
const DELIVERY: &str = "/api/v1/orgs/{org}/webhooks/{webhook}/deliveries/{delivery}";

pub fn operations() -> Vec<Operation> {
    let mut rows = webhook_operations();
    rows.extend(message_operations());
    rows.into_iter()
        .map(|row| Operation { tag: TAG, ..row })
        .collect()
}

fn webhook_operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::AuditRead), Some(Permission::OrganizationsWrite));
    let one = || Answer::Ok(Shape::of::<Webhook>());
    let made = || Shape::of::<MadeWebhook>();
    let list = operation(
        Method::GET,
        WEBHOOKS,
        "listWebhooks",
        "List webhooks",
        read,
        Answer::Ok(Shape::list_of::<Webhook>()),
        |c| Box::pin(list(c)),
    );
    let create = operation(
        Method::POST,
        WEBHOOKS,
        "createWebhook",
        "Make a webhook; needs audit:read as well",
        write,
        Answer::Created(made()),
        |c| Box::pin(create(c)),
    );
    let show = operation(
        Method::GET,
        WEBHOOK,
        "showWebhook",
        "See a webhook",
        read,
        one(),
        |c| Box::pin(show(c)),
    );
    let edit = operation(
        Method::PATCH,
        WEBHOOK,
        "editWebhook",
        "Change a webhook, or switch it on or off",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let remove = operation(
        Method::DELETE,
        WEBHOOK,
        "deleteWebhook",
        "Remove a webhook with its messages",
        write,
        Answer::Nothing,
        |c| Box::pin(remove(c)),
    );
    let rotate = operation(
        Method::POST,
        "/api/v1/orgs/{org}/webhooks/{webhook}/rotate-secret",
        "rotateWebhookSecret",
        "Give a webhook a new signing secret",
        write,
        Answer::Ok(made()),
        |c| Box::pin(rotate(c)),
    );
    let example =
        json!({ "url": "https://hooks.example.com/oauthority", "events": ["client.*", "secret.*"] });
    vec![
        Operation {
            query: paging().to_vec(),
            cli: Some("oauthority webhook list"),
            ..list
        },
        Operation {
            body: Some(body::<NewWebhook>(true, false, example)),
            conflicts: true,
            cli: Some(
                "oauthority webhook create --url https://hooks.example.com/oauthority --event 'client.*'",
            ),
            ..create
        },
        Operation {
            cli: Some("oauthority webhook get WEBHOOK_ID"),
            ..show
        },
        Operation {
            body: Some(body::<WebhookPatch>(true, true, json!({ "active": true }))),
            precondition: Precondition::Required,
            cli: Some("oauthority webhook update WEBHOOK_ID --active true"),
            ..edit
        },
        Operation {
            precondition: Precondition::Required,
            cli: Some("oauthority webhook delete WEBHOOK_ID --yes"),
            ..remove
        },
        Operation {
            body: Some(body::<Overlap>(false, false, json!({ "overlap": "24h" }))),
            conflicts: true,
            cli: Some("oauthority webhook rotate WEBHOOK_ID --overlap 24h"),
            ..rotate
        },
    ]
}

fn message_operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::AuditRead), Some(Permission::OrganizationsWrite));
    let one = || Answer::Ok(Shape::of::<Delivery>());
    let test = operation(
        Method::POST,
        "/api/v1/orgs/{org}/webhooks/{webhook}/test",
        "testWebhook",
        "Send a test message now and say how that ended",
        write,
        Answer::OkUnlessTried(Shape::of::<Delivery>()),
        |c| Box::pin(test(c)),
    );
    let list = operation(
        Method::GET,
        DELIVERIES,
        "listWebhookDeliveries",
        "List the messages to a webhook, newest first",
        read,
        Answer::Ok(Shape::list_of::<Delivery>()),
        |c| Box::pin(deliveries(c)),
    );
    let show = operation(
        Method::GET,
        DELIVERY,
        "showWebhookDelivery",
        "See a message to a webhook",
        read,
        one(),
        |c| Box::pin(delivery(c)),
    );
    let again = operation(
        Method::POST,
        "/api/v1/orgs/{org}/webhooks/{webhook}/deliveries/{delivery}/redeliver",
        "redeliverWebhookDelivery",
        "Send a message again that arrived or was given up",
        write,
        one(),
        |c| Box::pin(redeliver(c)),
    );
    let states: Vec<&str> = State::ALL.iter().map(|state| state.word()).collect();
    let mut query = vec![word("state", "How far they are.", &states)];
    query.extend(paging());
    vec![
        Operation {
            cli: Some("oauthority webhook test WEBHOOK_ID"),
            ..test
        },
        Operation {
            query,
            cli: Some("oauthority webhook deliveries WEBHOOK_ID --state dead"),
            ..list
        },
        show,
        Operation {
            conflicts: true,
            cli: Some("oauthority webhook redeliver WEBHOOK_ID MESSAGE_ID"),
            ..again
        },
    ]
}

fn tagged(call: &Call, access: &Access, hook: store::webhooks::Webhook) -> Result<Reply> {
    let etag = etag::of_version(hook.version);
    Ok(Reply::of(&Webhook::of(call, access, hook))?.tagged(etag))
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let all = kept::list(&call.app.registry, &access).await?;
    let all = all.into_iter().map(|hook| Webhook::of(&call, &access, hook));
    let all: Vec<Webhook> = all.collect();
    let part = page::cut(all, |hook| &hook.id, &call.query)?;
    let path = format!("/api/v1/orgs/{}/webhooks", access.org.handle);
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let hook = kept::find(&call.app.registry, &access, call.path("webhook")).await?;
    tagged(&call, &access, hook)
}

fn made(call: &Call, access: &Access, made: Made) -> Result<Reply> {
    let etag = etag::of_version(made.webhook.version);
    let webhook = Webhook::of(call, access, made.webhook);
    let reply = Reply::of(&MadeWebhook {
        webhook,
        secret: None,
    })?;
    Ok(reply.tagged(etag).telling("secret", made.secret))
}

async fn create(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    let input: NewWebhook = call.input()?;
    let new = kept::NewWebhook {
        url: input.url,
        description: input.description.unwrap_or_default(),
        events: input.events,
        active: input.active.unwrap_or(true),
    };
    let created = kept::create(&call.app.registry, &access, new).await?;
    let location = format!(
        "/api/v1/orgs/{}/webhooks/{}",
        access.org.handle, created.webhook.id
    );
    let reply = made(&call, &access, created)?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    let patch: WebhookPatch = call.input()?;
    let registry = &call.app.registry;
    let before = kept::find(registry, &access, call.path("webhook")).await?;
    call.demand(&etag::of_version(before.version), true)?;
    let change = kept::Edit {
        url: patch.url,
        description: patch.description,
        events: patch.events,
        active: patch.active,
    };
    let hook = kept::edit(registry, &access, &before.id, Some(before.version), change).await?;
    tagged(&call, &access, hook)
}

async fn remove(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    let registry = &call.app.registry;
    let before = kept::find(registry, &access, call.path("webhook")).await?;
    call.demand(&etag::of_version(before.version), true)?;
    kept::remove(registry, &access, &before.id, Some(before.version)).await?;
    Ok(Reply::nothing())
}

async fn rotate(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    let input: Overlap = call.input()?;
    let overlap = match &input.overlap {
        Some(text) => written_span(text, "/overlap")?,
        None => Lifetime::hours(24),
    };
    let rotated = kept::rotate(&call.app.registry, &access, call.path("webhook"), overlap).await?;
    made(&call, &access, rotated)
}

async fn test(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    match webhooks::test(&call.app.registry, &access, call.path("webhook")).await? {
        Some(message) => Reply::of(&Delivery::from(message)),
        None => Ok(Reply::nothing()),
    }
}

async fn deliveries(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let (registry, id) = (&call.app.registry, call.path("webhook"));
    kept::find(registry, &access, id).await?;
    let state = call.query.one("state").and_then(State::parse);
    let before = match page::anchor(&call.query, "cursor")? {
        None => None,
        Some(anchor) => {
            let found = store::webhook_deliveries::find(registry.db(), id, &anchor).await?;
            Some(found.ok_or_else(|| page::unknown("cursor"))?)
        }
    };
    let limit = page::limit(&call.query);
    let mut all = kept::deliveries(registry, &access, id, state, before.as_ref(), limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = all.len() > most;
    all.truncate(most);
    let items: Vec<Delivery> = all.into_iter().map(Delivery::from).collect();
    let part = Part {
        next: items.last().filter(|_| more).map(|last| page::cursor(&last.id)),
        total: None,
        items,
    };
    let path = format!("/api/v1/orgs/{}/webhooks/{id}/deliveries", access.org.handle);
    page::reply(&part, &path, &call.query, &["limit", "state"])
}

async fn delivery(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let (id, message) = (call.path("webhook"), call.path("delivery"));
    let found = kept::delivery(&call.app.registry, &access, id, message).await?;
    Reply::of(&Delivery::from(found))
}

async fn redeliver(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::OrganizationsWrite)?;
    let (id, message) = (call.path("webhook"), call.path("delivery"));
    let found = kept::redeliver(&call.app.registry, &access, id, message).await?;
    Reply::of(&Delivery::from(found))
}

//! What happened in an organisation.

use axum::http::Method;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use super::client_list;
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation, paging, parameter, text, word},
        page::{self, Part},
        query::{Parameter, Query, moment},
    },
    error::Result,
    oauth::refusal::{Field, Refusal},
    registry::{
        access::{Access, Permission},
        clients,
    },
    store::{self, audit::Filter},
    time::Timestamp,
};

/// One thing that happened, or was refused.
#[derive(Serialize, ToSchema)]
struct Event {
    id: String,
    at: Timestamp,
    actor: Party,
    ip: Option<String>,
    request_id: String,
    /// Such as `client.created`
    action: String,
    resource: Party,
    /// `done` or `refused`
    outcome: String,
    /// What it was before and after, or why it was refused
    #[schema(value_type = Object)]
    details: Map<String, Json>,
}

/// Who did it, or what it happened to.
#[derive(Serialize, ToSchema)]
struct Party {
    kind: String,
    id: String,
    name: String,
}

impl From<store::audit::Event> for Event {
    fn from(event: store::audit::Event) -> Self {
        Self {
            id: event.id,
            at: event.at,
            actor: Party {
                kind: event.actor_kind,
                id: event.actor_id,
                name: event.actor_name,
            },
            ip: event.ip,
            request_id: event.request_id,
            action: event.action,
            resource: Party {
                kind: event.resource_kind,
                id: event.resource_id,
                name: event.resource_name,
            },
            outcome: event.outcome,
            details: match event.details {
                Json::Object(details) => details,
                _ => Map::new(),
            },
        }
    }
}

const KEPT: [&str; 7] = [
    "actor", "resource", "action", "outcome", "since", "until", "limit",
];

fn filters() -> Vec<Parameter> {
    let moment = |name, about| {
        let schema =
            json!({ "type": "string", "maxLength": 40, "examples": ["2026-11-22T10:14:00Z", "24h"] });
        parameter(name, about, schema)
    };
    let mut all = vec![
        text("actor", "Id or name of who did it."),
        text("action", "Such as `client.created`, or `client` for all of them."),
        word("outcome", "What came of it.", &["done", "refused"]),
        moment("since", "From then on; a moment or so long ago."),
        moment("until", "Before then; a moment or so long ago."),
    ];
    all.extend(paging());
    all
}

pub fn operations() -> Vec<Operation> {
    let all = || Answer::Ok(Shape::list_of::<Event>());
    let read = Some(Permission::AuditRead);
    let list = operation(
        Method::GET,
        "/api/v1/orgs/{org}/activity",
        "listActivity",
        "List what happened, newest first",
        read,
        all(),
        |call| Box::pin(list(call)),
    );
    let of_client = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients/{client}/activity",
        "listClientActivity",
        "List what happened to a client, newest first",
        read,
        all(),
        |call| Box::pin(of_client(call)),
    );
    let mut every = vec![text(
        "resource",
        "Id of the client or other thing it happened to.",
    )];
    every.extend(filters());
    vec![
        Operation {
            tag: "Activity",
            query: every,
            ..list
        },
        Operation {
            tag: client_list::TAG,
            query: filters(),
            ..of_client
        },
    ]
}

fn at(query: &Query, name: &'static str, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let wrong = |detail| Refusal::fields(vec![Field::new(format!("/{name}"), "format", detail)]);
    query
        .one(name)
        .map(|text| moment(text, now).map_err(wrong))
        .transpose()
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::AuditRead)?;
    let resource = call.query.one("resource").map(str::to_owned);
    let path = format!("/api/v1/orgs/{}/activity", access.org.handle);
    events(&call, &access, resource, &path).await
}

async fn of_client(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    // Who may read all that happened may read what happened to one client.
    access.require(Permission::AuditRead)?;
    let looking = Access {
        permissions: access.permissions.with(Permission::ClientsRead),
        ..access.clone()
    };
    let client = clients::find(&call.app.registry, &looking, call.path("client")).await?;
    let path = format!(
        "/api/v1/orgs/{}/clients/{}/activity",
        access.org.handle, client.client_id
    );
    events(&call, &access, Some(client.client_id), &path).await
}

async fn events(call: &Call, access: &Access, resource: Option<String>, path: &str) -> Result<Reply> {
    let query = &call.query;
    let owned = |name: &str| query.one(name).map(str::to_owned);
    let before = page::anchor(query, "cursor")?;
    let db = call.app.registry.db();
    if let Some(id) = &before
        && store::audit::find(db, &access.org.id, id).await?.is_none()
    {
        return Err(page::unknown("cursor").into());
    }
    let filter = Filter {
        actor: owned("actor"),
        resource,
        action: owned("action"),
        outcome: owned("outcome"),
        since: at(query, "since", call.now)?,
        until: at(query, "until", call.now)?,
        before,
    };
    let limit = page::limit(query);
    let mut events = store::audit::list(db, &access.org.id, &filter, limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > most;
    events.truncate(most);
    let items: Vec<Event> = events.into_iter().map(Event::from).collect();
    let part = Part {
        next: items.last().filter(|_| more).map(|last| page::cursor(&last.id)),
        total: None,
        items,
    };
    page::reply(&part, path, query, &KEPT)
}

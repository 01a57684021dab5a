//! What happened in an organisation: lists, files, and whether the log is whole.

use std::sync::Arc;

use axum::http::Method;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use super::client_list;
use crate::{
    api::{
        call::{Call, File, Reply},
        operation::{Answer, Operation, Shape, operation, paging, parameter, text, word},
        page::{self, Part},
        query::{Parameter, Query, moment},
    },
    download,
    error::Result,
    oauth::refusal::{Code, Field, Refusal},
    registry::{
        access::{Access, Permission},
        audit::{
            chain,
            export::{self, Format},
            seal,
            verify::{self, Report},
        },
        clients,
    },
    store::{self, audit::Filter, audit_entry},
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
    /// Its place in the chain; `null` for a second or so, until it has one
    seq: Option<i64>,
    /// SHA-256 over what of the entry is sealed and the one before, in hexadecimal
    hash: Option<String>,
    /// 2, for entries whose personal parts stand beside what is sealed; older ones are sealed whole and have none
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<i64>,
    /// SHA-256 over the salt and each part, in hexadecimal: `who` are name and address of the actor, `what` are name of the
    /// thing and details
    #[serde(skip_serializing_if = "Option::is_none")]
    commitments: Option<Parts>,
    /// The salts, in hexadecimal; `null` where a part was erased
    #[serde(skip_serializing_if = "Option::is_none")]
    salts: Option<Parts>,
}

/// One for each personal part of an entry.
#[derive(Serialize, ToSchema)]
struct Parts {
    who: Option<String>,
    what: Option<String>,
}

/// Who did it, or what it happened to.
#[derive(Serialize, ToSchema)]
struct Party {
    kind: String,
    id: String,
    name: String,
}

/// Whether the chain of entries is whole.
#[derive(Serialize, ToSchema)]
struct Verification {
    /// Whether nothing was changed, removed, put in between or moved
    intact: bool,
    /// What the chain is called: the id of the organisation
    chain: String,
    /// How many entries were found as they were sealed
    entries: i64,
    /// The last entry that was removed because of its age; place 0 at the beginning
    anchor: Place,
    /// The last entry. Keep it elsewhere: nobody can shorten the chain or change what lies before it unseen
    head: Place,
    sealed_at: Option<Timestamp>,
    /// How many entries have no place yet
    waiting: i64,
    /// Of how many entries what was personal was erased
    redacted: i64,
    /// How many entries were not written by this server, and have no place
    foreign: i64,
    /// The first thing that is wrong
    fault: Option<Fault>,
}

/// A place in the chain.
#[derive(Serialize, ToSchema)]
struct Place {
    seq: i64,
    hash: String,
}

/// What is wrong with the chain.
#[derive(Serialize, ToSchema)]
struct Fault {
    seq: i64,
    /// Id of the entry there, if there is one
    entry: Option<String>,
    /// `missing`, `changed`, `unknown_entry`, `foreign_entry`, `out_of_order`, `head_forged`, `anchor_forged` or `no_chain`
    code: String,
    detail: String,
}

impl From<store::audit::Event> for Event {
    fn from(event: store::audit::Event) -> Self {
        let parts = event.parts.as_ref();
        let salt = |part: &store::audit::Part| part.salt.as_deref().map(chain::hex);
        Self {
            format: parts.map(|_| audit_entry::FORMAT),
            commitments: parts.map(|parts| Parts {
                who: Some(chain::hex(&parts.who.digest)),
                what: Some(chain::hex(&parts.what.digest)),
            }),
            salts: parts.map(|parts| Parts {
                who: salt(&parts.who),
                what: salt(&parts.what),
            }),
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
            seq: event.sealed.as_ref().map(|link| link.seq),
            hash: event.sealed.as_ref().map(|link| chain::hex(&link.hash)),
        }
    }
}

impl From<Report> for Verification {
    fn from(report: Report) -> Self {
        let place = |place: verify::Place| Place {
            seq: place.seq,
            hash: place.hash,
        };
        Self {
            intact: report.fault.is_none(),
            chain: report.chain,
            entries: report.entries,
            anchor: place(report.anchor),
            head: place(report.head),
            sealed_at: report.sealed_at,
            waiting: report.waiting,
            redacted: report.redacted,
            foreign: report.foreign,
            fault: report.fault.map(|fault| Fault {
                seq: fault.seq,
                entry: fault.entry,
                code: fault.code.to_owned(),
                detail: fault.detail,
            }),
        }
    }
}

/// The filters, by the names that addresses of the console have; those in the second place mean the same.
const FILTERS: [(&str, &str); 6] = [
    ("actor", "actor"),
    ("client", "resource"),
    ("event", "action"),
    ("result", "outcome"),
    ("since", "since"),
    ("until", "until"),
];

const KEPT: [&str; 10] = [
    "actor", "client", "resource", "event", "action", "result", "outcome", "since", "until", "limit",
];

const ACTIVITY: &str = "/api/v1/orgs/{org}/activity";

fn filters() -> Vec<Parameter> {
    let moment = |name, about| {
        let schema =
            json!({ "type": "string", "maxLength": 40, "examples": ["2026-11-22T10:14:00Z", "24h"] });
        parameter(name, about, schema)
    };
    vec![
        text("actor", "Id or name of who did it."),
        text("event", "Such as `client.created`, or `client` for all of them."),
        text("action", "The same as `event`."),
        word("result", "What came of it.", &["done", "refused"]),
        word("outcome", "The same as `result`.", &["done", "refused"]),
        moment("since", "From then on; a moment or so long ago."),
        moment("until", "Before then; a moment or so long ago."),
    ]
}

fn with_client() -> Vec<Parameter> {
    let mut all = vec![
        text("client", "Id of the client or other thing it happened to."),
        text("resource", "The same as `client`."),
    ];
    all.extend(filters());
    all
}

fn paged(mut parameters: Vec<Parameter>) -> Vec<Parameter> {
    parameters.extend(paging());
    parameters
}

pub fn operations() -> Vec<Operation> {
    let read = Some(Permission::AuditRead);
    let all = || Answer::Ok(Shape::list_of::<Event>());
    let list = operation(
        Method::GET,
        ACTIVITY,
        "listActivity",
        "List what happened, newest first",
        read,
        all(),
        |call| Box::pin(list(call)),
    );
    let show = operation(
        Method::GET,
        "/api/v1/orgs/{org}/activity/{entry}",
        "showActivity",
        "See one thing that happened",
        read,
        Answer::Ok(Shape::of::<Event>()),
        |call| Box::pin(show(call)),
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
    let files: &[&str] = &["application/x-ndjson", "text/csv"];
    let export = operation(
        Method::GET,
        "/api/v1/orgs/{org}/activity/export",
        "exportActivity",
        "Take along what happened as a file, newest first",
        read,
        Answer::File(files),
        |call| Box::pin(export(call)),
    );
    let mut exported = vec![word(
        "format",
        "An entry a line as JSON, if nothing is said.",
        &["ndjson", "csv"],
    )];
    exported.extend(with_client());
    let mut rows = vec![
        Operation {
            query: paged(with_client()),
            cli: Some("oauthority activity list --event secret --since 24h"),
            ..list
        },
        Operation {
            query: exported,
            cli: Some("oauthority activity list --all -o csv"),
            ..export
        },
        show,
        Operation {
            tag: client_list::TAG,
            query: paged(filters()),
            ..of_client
        },
    ];
    rows.extend(chains());
    rows.into_iter()
        .map(|row| Operation {
            tag: if row.tag.is_empty() { "Activity" } else { row.tag },
            ..row
        })
        .collect()
}

/// The operations about the chain, of an organisation and of the instance.
fn chains() -> Vec<Operation> {
    let (read, instance) = (Some(Permission::AuditRead), Some(Permission::InstanceRead));
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 200 });
    let paging = || {
        vec![
            parameter("limit", "How many to list.", limit.clone()),
            text("cursor", "The `next_cursor` of the part before."),
        ]
    };
    let all = || Answer::Ok(Shape::list_of::<Event>());
    let verified = || Answer::Ok(Shape::of::<Verification>());
    let own_chain = operation(
        Method::GET,
        "/api/v1/orgs/{org}/activity/chain",
        "listActivityChain",
        "List sealed entries in the order of their chain, oldest first",
        read,
        all(),
        |call| Box::pin(own_chain(call)),
    );
    let verify = operation(
        Method::GET,
        "/api/v1/orgs/{org}/activity/verify",
        "verifyActivity",
        "Check that no entry was changed, removed, put in between or moved",
        read,
        verified(),
        |call| Box::pin(verify_own(call)),
    );
    let instance_chain = operation(
        Method::GET,
        "/api/v1/operator/activity/chain",
        "listInstanceActivityChain",
        "List sealed entries that belong to no organisation, oldest first",
        instance,
        all(),
        |call| Box::pin(instance_chain(call)),
    );
    let verify_instance = operation(
        Method::GET,
        "/api/v1/operator/activity/verify",
        "verifyInstanceActivity",
        "Check the entries that belong to no organisation",
        instance,
        verified(),
        |call| Box::pin(verify_instance(call)),
    );
    let verifying = Some("oauthority audit verify");
    vec![
        Operation {
            query: paging(),
            ..own_chain
        },
        Operation {
            cli: verifying,
            ..verify
        },
        Operation {
            query: paging(),
            ..instance_chain
        },
        Operation {
            cli: Some("oauthority audit verify --instance"),
            ..verify_instance
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

/// What the query asks for; `client` is the client that the path names.
fn filter(call: &Call, client: Option<String>) -> Result<Filter, Refusal> {
    let query = &call.query;
    let [actor, resource, action, outcome] = [0, 1, 2, 3].map(|at| {
        let (name, same) = FILTERS[at];
        query.one(name).or_else(|| query.one(same)).map(str::to_owned)
    });
    Ok(Filter {
        actor,
        resource: client.or(resource),
        action,
        outcome,
        since: at(query, "since", call.now)?,
        until: at(query, "until", call.now)?,
        before: None,
    })
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::AuditRead)?;
    let path = format!("/api/v1/orgs/{}/activity", access.org.handle);
    events(&call, &access, None, &path).await
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::AuditRead)?;
    let db = call.app.registry.db();
    let found = store::audit::find(db, &access.org.id, call.path("entry")).await?;
    let event = found.ok_or_else(|| Code::NotFound.because("there is no entry with this id"))?;
    Reply::of(&Event::from(event))
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

async fn events(call: &Call, access: &Access, client: Option<String>, path: &str) -> Result<Reply> {
    let before = page::anchor(&call.query, "cursor")?;
    let db = call.app.registry.db();
    if let Some(id) = &before
        && store::audit::find(db, &access.org.id, id).await?.is_none()
    {
        return Err(page::unknown("cursor").into());
    }
    let filter = Filter {
        before,
        ..filter(call, client)?
    };
    let limit = page::limit(&call.query);
    let events = store::audit::list(db, &access.org.id, &filter, limit + 1).await?;
    part(call, events, limit, path, |event| event.id.clone())
}

/// One more was read than is listed, to see whether it goes on.
fn part(
    call: &Call,
    mut events: Vec<store::audit::Event>,
    limit: i64,
    path: &str,
    anchor: impl Fn(&Event) -> String,
) -> Result<Reply> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > most;
    events.truncate(most);
    let items: Vec<Event> = events.into_iter().map(Event::from).collect();
    let part = Part {
        next: items
            .last()
            .filter(|_| more)
            .map(|last| page::cursor(&anchor(last))),
        total: None,
        items,
    };
    page::reply(&part, path, &call.query, &KEPT)
}

async fn export(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::AuditRead)?;
    let format = call.query.one("format").and_then(Format::parse);
    let format = format.unwrap_or(Format::Ndjson);
    let filter = filter(&call, None)?;
    // So that the newest entries have their places, too.
    seal::one(&call.app.registry, &access.org.id).await?;
    let (app, org) = (Arc::clone(&call.app), access.org.id);
    Ok(Reply::file(File {
        media_type: format.media_type(),
        name: format!("activity-{}.{}", access.org.handle, format.word()),
        content: download::body(async move |sink| {
            export::write(&app.registry, &org, filter, format, &sink).await
        }),
    }))
}

async fn own_chain(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::AuditRead)?;
    let path = format!("/api/v1/orgs/{}/activity/chain", access.org.handle);
    links(&call, &access.org.id, &path).await
}

async fn instance_chain(call: Call) -> Result<Reply> {
    call.caller.own(false)?.require(Permission::InstanceRead)?;
    links(&call, "", "/api/v1/operator/activity/chain").await
}

async fn links(call: &Call, name: &str, path: &str) -> Result<Reply> {
    let after = match page::anchor(&call.query, "cursor")? {
        None => 0,
        Some(text) => text.parse().map_err(|_| page::unknown("cursor"))?,
    };
    let limit = call.query.number("limit").unwrap_or(200);
    let events = store::audit::chained(call.app.registry.db(), name, after, limit + 1).await?;
    part(call, events, limit, path, |event| {
        event.seq.unwrap_or_default().to_string()
    })
}

async fn verify_own(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let report = verify::organization(&call.app.registry, &access).await?;
    Reply::of(&Verification::from(report))
}

async fn verify_instance(call: Call) -> Result<Reply> {
    let access = call.caller.own(false)?;
    let report = verify::instance(&call.app.registry, &access).await?;
    Reply::of(&Verification::from(report))
}

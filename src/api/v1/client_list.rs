//! Clients of an organisation: the list with its filters, and one of them.

use axum::http::Method;
use serde_json::json;

use super::clients::{self, Client, Surroundings};
use crate::{
    api::{
        call::{Call, Reply},
        etag, input,
        operation::{Answer, Operation, Precondition, Shape, operation, paging, parameter, text, word},
        page::{self, Part},
        query::{Query, moment, span},
    },
    config::Legacy,
    error::Result,
    oauth::{
        client::{ApplicationType, GrantType, Kind, Status},
        refusal::{Field, Refusal},
    },
    registry::{access::Permission, clients as registry},
    store::{
        self,
        clients::{Filter, From, Keyed, Page, SortKey, Used},
    },
    time::{Lifetime, Timestamp},
};

pub const TAG: &str = "Clients";

/// Everything that a list of clients can be asked.
const KEPT: [&str; 15] = [
    "q",
    "status",
    "kind",
    "type",
    "grant",
    "scope",
    "owner",
    "used",
    "expiring",
    "created_after",
    "key",
    "sort",
    "limit",
    "fields",
    "include",
];

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

fn include() -> crate::api::query::Parameter {
    word(
        "include",
        "`secrets` adds the secrets, without their texts.",
        &["secrets"],
    )
}

pub fn operations() -> Vec<Operation> {
    let created_after =
        json!({ "type": "string", "maxLength": 40, "examples": ["2026-11-22T10:14:00Z", "30d"] });
    let mut filters = vec![
        text("q", "Part of name, id, description, owner or redirect host."),
        text(
            "status",
            "`active`, `disabled` or `deleted`; several with commas. Without it: those not deleted.",
        ),
        word("kind", "Kind.", &words(Kind::ALL, Kind::word)),
        word(
            "type",
            "Type.",
            &words(ApplicationType::ALL, ApplicationType::word),
        ),
        word(
            "grant",
            "A grant it may use.",
            &words(&GrantType::offered(false, false), GrantType::word),
        ),
        text("scope", "A scope value that it was granted."),
        text("owner", "Id of the member who looks after it."),
        text("used", "`never`, or not for so long, such as `90d`."),
        text(
            "unasked",
            "Holds a scope that it did not ask for in so long, such as `90d`.",
        ),
        text(
            "expiring",
            "Has a secret that stops within so long, such as `14d`.",
        ),
        parameter(
            "created_after",
            "Made after then; a moment or so long ago.",
            created_after,
        ),
        text(
            "key",
            "The name under which a file knows it; `*`: any that a file knows.",
        ),
        text(
            "sort",
            "`name`, `status`, `last_used_at` or `created_at`; with `-` before it: descending.",
        ),
        text("fields", "Only these members, with commas."),
        include(),
    ];
    filters.extend(paging());
    let list = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients",
        "listClients",
        "List clients",
        Some(Permission::ClientsRead),
        Answer::Ok(Shape::list_of::<Client>()),
        |call| Box::pin(list(call)),
    );
    let one = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients/{client}",
        "showClient",
        "See a client",
        Some(Permission::ClientsRead),
        Answer::Ok(Shape::of::<Client>()),
        |call| Box::pin(show(call)),
    );
    vec![
        Operation {
            tag: TAG,
            query: filters,
            cli: Some("oauthority client list"),
            ..list
        },
        Operation {
            tag: TAG,
            query: vec![include()],
            precondition: Precondition::None,
            cli: Some("oauthority client get CLIENT_ID"),
            ..one
        },
    ]
}

fn wrong(name: &str, detail: &str) -> Refusal {
    Refusal::fields(vec![Field::new(format!("/{name}"), "format", detail)])
}

fn filter(query: &Query, now: Timestamp) -> Result<Filter, Refusal> {
    let owned = |name: &str| query.one(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let status = query.list("status").into_iter().map(|word| {
        Status::parse(word).ok_or_else(|| wrong("status", "Choose among active, disabled and deleted."))
    });
    let used = match query.one("used") {
        None => None,
        Some("never") => Some(Used::Never),
        Some(text) => {
            let span = span(text).ok_or_else(|| wrong("used", "Write never, or a span such as 90d."))?;
            Some(Used::NotSince(now.before(span)))
        }
    };
    let expiring = query.one("expiring").map(|text| {
        let span = span(text).ok_or_else(|| wrong("expiring", "Write a span such as 14d."))?;
        Ok::<_, Refusal>((now, now.after(span)))
    });
    let unasked = query.one("unasked").map(|text| {
        let span = span(text).ok_or_else(|| wrong("unasked", "Write a span such as 90d."))?;
        Ok::<_, Refusal>(now.before(span))
    });
    let created_after = query
        .one("created_after")
        .map(|text| moment(text, now).map_err(|detail| wrong("created_after", &detail)));
    Ok(Filter {
        text: owned("q"),
        status: status.collect::<Result<_, _>>()?,
        kind: query.one("kind").and_then(Kind::parse),
        application_type: query.one("type").and_then(ApplicationType::parse),
        grant: query.one("grant").and_then(GrantType::parse),
        scope: owned("scope"),
        used,
        user_id: owned("owner"),
        created_after: created_after.transpose()?,
        secret_stops_before: expiring.transpose()?,
        unasked_since: unasked.transpose()?,
        keyed: owned("key").map(|key| if key == "*" { Keyed::Any } else { Keyed::This(key) }),
        ..Filter::default()
    })
}

fn order(query: &Query) -> Result<(SortKey, bool), Refusal> {
    let text = query.one("sort").unwrap_or("name");
    let (text, descending) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
    // Further keys have nothing left to decide: the first and the id order every client.
    let first = text.split(',').next().unwrap_or_default();
    let key = SortKey::parse(first)
        .ok_or_else(|| wrong("sort", &format!("Sort by one of {}.", SortKey::words())))?;
    Ok((key, descending))
}

fn check_fields(query: &Query) -> Result<(), Refusal> {
    let known = &crate::api::schema::components(&Legacy::default())["Client"]["properties"];
    let stranger = query
        .list("fields")
        .into_iter()
        .find(|name| known.get(name).is_none());
    stranger.map_or(Ok(()), |name| {
        Err(wrong(
            "fields",
            &format!("A client has no member {}.", input::quoted(name)),
        ))
    })
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsRead)?;
    check_fields(&call.query)?;
    let (sort, descending) = order(&call.query)?;
    let page = Page {
        sort,
        descending,
        from: page::anchor(&call.query, "cursor")?.map_or(From::Offset(0), From::After),
        limit: page::limit(&call.query),
    };
    let work = &call.app.registry;
    let orgs = [access.org.id.clone()];
    let filter = filter(&call.query, call.now)?;
    let listed = store::clients::list(work.db(), &orgs, &filter, &page)
        .await?
        .ok_or_else(|| page::unknown("cursor"))?;
    let around = Surroundings::read(work, &access).await?;
    let with_secrets = call.query.one("include").is_some();
    let mut items = Vec::with_capacity(listed.clients.len());
    for client in listed.clients {
        let secrets = match with_secrets {
            true => Some(clients::secrets_of(work, &client.client_id, call.now).await?),
            false => None,
        };
        items.push(around.show(client, secrets));
    }
    let last = items.last().filter(|_| listed.has_next);
    let part = Part {
        next: last.map(|client: &Client| page::cursor(&client.client_id)),
        total: Some(listed.total),
        items,
    };
    let path = format!("/api/v1/orgs/{}/clients", access.org.handle);
    page::reply(&part, &path, &call.query, &KEPT)
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let work = &call.app.registry;
    let client = registry::find(work, &access, call.path("client")).await?;
    let etag = etag::of_version(client.version);
    let secrets = match call.query.one("include") {
        Some(_) => Some(clients::secrets_of(work, &client.client_id, call.now).await?),
        None => None,
    };
    let around = Surroundings::read(work, &access).await?;
    Ok(Reply::of(&around.show(client, secrets))?.tagged(etag))
}

/// A moment that somebody wrote in a body.
///
/// # Errors
/// Bad input at the member.
pub fn written_moment(text: &str, pointer: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).map_err(|detail| Refusal::fields(vec![Field::new(pointer, "format", detail)]))
}

/// A span of at most ten years that somebody wrote in a body.
///
/// # Errors
/// Bad input at the member.
pub fn written_span(text: &str, pointer: &str) -> Result<Lifetime, Refusal> {
    let span = span(text).filter(|span| span.as_seconds() <= 3_660 * 86_400);
    span.ok_or_else(|| {
        let detail = "Write a span such as 90d or 24h.";
        Refusal::fields(vec![Field::new(pointer, "format", detail)])
    })
}

//! What people gave the clients of an organisation, and how it ends.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::{client_changes::seen, client_list::TAG};
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Precondition, Shape, operation, paging, text},
        page::{self, Part},
    },
    error::Result,
    openid,
    registry::{
        access::{Access, Permission},
        client_grants::{self, Given},
    },
    store::client_grants::Filter,
    time::Timestamp,
};

/// What one person gave one client.
#[derive(Serialize, ToSchema)]
struct ClientGrant {
    /// Client id and person, with a colon between
    id: String,
    client_id: String,
    /// Id of the person
    user: String,
    /// Who the person is to the client
    subject: String,
    /// `null` for somebody who is no member, and for a caller without `members:read`
    username: Option<String>,
    display_name: Option<String>,
    /// What the client may do for him: values, in the words of the API that has them
    may: Vec<String>,
    scopes: Vec<String>,
    first_allowed_at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// How many sign-ins are alive
    sign_ins: usize,
    /// How many of them have a refresh token
    refresh_tokens: usize,
}

/// How many people it was.
#[derive(Serialize, ToSchema)]
struct Revoked {
    people: i64,
}

const GRANTS: &str = "/api/v1/orgs/{org}/clients/{client}/grants";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::ClientsRead), Some(Permission::ClientsWrite));
    let lists = || Answer::Ok(Shape::list_of::<ClientGrant>());
    let of_client = operation(
        Method::GET,
        GRANTS,
        "listClientGrants",
        "See who allowed a client what",
        read,
        lists(),
        |c| Box::pin(list(c)),
    );
    let of_org = operation(
        Method::GET,
        "/api/v1/orgs/{org}/grants",
        "listGrants",
        "See what people allowed the clients of an organisation",
        read,
        lists(),
        |c| Box::pin(list(c)),
    );
    let one = operation(
        Method::DELETE,
        "/api/v1/orgs/{org}/clients/{client}/grants/{person}",
        "revokeClientGrant",
        "End what one person allowed a client; its tokens for him stop at once",
        write,
        Answer::Nothing,
        |c| Box::pin(revoke(c)),
    );
    let all = operation(
        Method::DELETE,
        GRANTS,
        "revokeClientGrants",
        "End what everybody allowed a client; its own tokens stop as well",
        write,
        Answer::Ok(Shape::of::<Revoked>()),
        |c| Box::pin(revoke_all(c)),
    );
    let filters = || {
        let mut filters = vec![text("user", "Id or user name of a member.")];
        filters.extend(paging());
        filters
    };
    let mut wide = filters();
    wide.insert(0, text("client", "A client id."));
    vec![
        Operation {
            tag: TAG,
            query: filters(),
            cli: Some("oauthority grant list --client CLIENT_ID"),
            ..of_client
        },
        Operation {
            tag: TAG,
            query: wide,
            cli: Some("oauthority grant list --user USER"),
            ..of_org
        },
        Operation {
            tag: TAG,
            conflicts: true,
            cli: Some("oauthority grant revoke CLIENT_ID:USER"),
            ..one
        },
        Operation {
            tag: TAG,
            conflicts: true,
            precondition: Precondition::Optional,
            cli: Some("oauthority grant revoke --client CLIENT_ID --all"),
            ..all
        },
    ]
}

async fn shown(call: &Call, given: Given) -> ClientGrant {
    let registry = &call.app.registry;
    let live = registry.live.client(&given.client_id);
    let subject = live.map(|client| openid::subject(registry, &client, &given.user_id).into_owned());
    let (username, display_name) = given
        .member
        .map(|member| (member.username, member.display_name))
        .unzip();
    ClientGrant {
        id: format!("{}:{}", given.client_id, given.user_id),
        subject: subject.unwrap_or_else(|| given.user_id.clone()),
        client_id: given.client_id,
        user: given.user_id,
        username,
        display_name,
        may: given.words,
        scopes: given.scopes.iter().map(|key| key.value.to_string()).collect(),
        first_allowed_at: given.first_allowed_at,
        last_used_at: given.last_used_at,
        sign_ins: given.sign_ins,
        refresh_tokens: given.refresh_tokens,
    }
}

/// A member by id or user name; whoever may not see members has to know the id.
async fn person(call: &Call, access: &Access, text: &str) -> Result<String> {
    if access.permissions.allow(Permission::MembersRead)
        && let Some(user) = crate::store::users::find_by_username(call.app.registry.db(), text).await?
        && crate::store::users::role(call.app.registry.db(), &access.org.id, &user.id)
            .await?
            .is_some()
    {
        return Ok(user.id);
    }
    Ok(text.to_owned())
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsRead)?;
    let user = match call.query.one("user") {
        Some(text) => Some(person(&call, &access, text).await?),
        None => None,
    };
    let of_client = Some(call.path("client")).filter(|id| !id.is_empty());
    let anchor = page::anchor(&call.query, "cursor")?;
    let after = match &anchor {
        Some(text) => {
            let pair = text.split_once(' ').filter(|(user, _)| user.starts_with("usr_"));
            Some(pair.ok_or_else(|| page::unknown("cursor"))?)
        }
        None => None,
    };
    let filter = Filter {
        client_id: of_client.or_else(|| call.query.one("client")),
        user_id: user.as_deref(),
        after,
    };
    let limit = page::limit(&call.query);
    let (given, more) = client_grants::list(&call.app.registry, &access, &filter, limit).await?;
    let last = given.last().filter(|_| more);
    let next = last.map(|last| page::cursor(&format!("{} {}", last.user_id, last.client_id)));
    let mut items = Vec::new();
    for one in given {
        items.push(shown(&call, one).await);
    }
    let part = Part {
        items,
        next,
        total: None,
    };
    let path = match of_client {
        Some(client) => format!("/api/v1/orgs/{}/clients/{client}/grants", access.org.handle),
        None => format!("/api/v1/orgs/{}/grants", access.org.handle),
    };
    page::reply(&part, &path, &call.query, &["client", "user", "limit"])
}

async fn revoke(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let user = person(&call, &access, call.path("person")).await?;
    client_grants::revoke(&call.app.registry, &access, call.path("client"), &user).await?;
    Ok(Reply::nothing())
}

async fn revoke_all(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let client = seen(&call, &access, false).await?;
    let registry = &call.app.registry;
    let people =
        client_grants::revoke_all(registry, &access, &client.client_id, Some(client.version)).await?;
    Reply::of(&Revoked { people })
}

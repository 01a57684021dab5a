//! People of an organisation.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::client_changes::body;
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, operation, paging},
        page,
    },
    error::Result,
    registry::{access::Permission, members},
    secret::Secret,
    store::{
        self,
        users::{Role, UserStatus},
    },
    time::Timestamp,
};

/// A person in an organisation.
#[derive(Serialize, ToSchema)]
struct Member {
    id: String,
    username: String,
    display_name: String,
    email: Option<String>,
    role: Role,
    status: UserStatus,
    /// Whether the person may hold personal credentials; an operator says so
    may_hold_credentials: bool,
    since: Timestamp,
}

impl From<store::users::Member> for Member {
    fn from(member: store::users::Member) -> Self {
        Self {
            id: member.user.id,
            username: member.user.username,
            display_name: member.user.display_name,
            email: member.user.email,
            role: member.role,
            status: member.user.status,
            may_hold_credentials: member.user.may_hold_credentials,
            since: member.since,
        }
    }
}

impl Member {
    fn etag(&self) -> String {
        etag::of_content(&json!([self.id, self.role]))
    }
}

/// A person who gets an account; whoever has one is invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMember {
    #[schema(min_length = 1, max_length = 100)]
    username: String,
    #[schema(max_length = 120)]
    display_name: Option<String>,
    #[schema(max_length = 254)]
    email: Option<String>,
    role: Role,
}

/// A new member, and the link by which he picks a password: this once.
#[derive(Serialize, ToSchema)]
struct AddedMember {
    member: Member,
    setup_link: Option<String>,
    setup_link_expires_at: Option<Timestamp>,
}

/// What to change of a membership.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberPatch {
    role: Role,
}

const TAG: &str = "Members";
const MEMBERS: &str = "/api/v1/orgs/{org}/members";
const MEMBER: &str = "/api/v1/orgs/{org}/members/{member}";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::MembersRead), Some(Permission::MembersWrite));
    let one = || Answer::Ok(Shape::of::<Member>());
    let all = Answer::Ok(Shape::list_of::<Member>());
    let added = Answer::Created(Shape::of::<AddedMember>());
    let list = operation(
        Method::GET,
        MEMBERS,
        "listMembers",
        "List members",
        read,
        all,
        |c| Box::pin(list(c)),
    );
    let add = operation(
        Method::POST,
        MEMBERS,
        "addMember",
        "Make an account for a new member",
        write,
        added,
        |c| Box::pin(add(c)),
    );
    let show = operation(
        Method::GET,
        MEMBER,
        "showMember",
        "See a member",
        read,
        one(),
        |c| Box::pin(show(c)),
    );
    let edit = operation(
        Method::PATCH,
        MEMBER,
        "editMember",
        "Change a role",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let delete = Some(Permission::MembersDelete);
    let remove = operation(
        Method::DELETE,
        MEMBER,
        "removeMember",
        "End a membership",
        delete,
        Answer::Nothing,
        |c| Box::pin(remove(c)),
    );
    let changing = |operation: Operation| Operation {
        tag: TAG,
        precondition: Precondition::Required,
        conflicts: true,
        ..operation
    };
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            ..list
        },
        Operation {
            tag: TAG,
            body: Some(body::<NewMember>(
                true,
                false,
                json!({ "username": "ada", "role": "admin" }),
            )),
            conflicts: true,
            ..add
        },
        Operation { tag: TAG, ..show },
        Operation {
            body: Some(body::<MemberPatch>(true, true, json!({ "role": "auditor" }))),
            ..changing(edit)
        },
        changing(remove),
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let all = members::list(&call.app.registry, &access).await?;
    let all: Vec<Member> = all.into_iter().map(Member::from).collect();
    let part = page::cut(all, |member| &member.id, &call.query)?;
    let path = format!("/api/v1/orgs/{}/members", access.org.handle);
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let member = members::find(&call.app.registry, &access, call.path("member")).await?;
    let member = Member::from(member);
    let etag = member.etag();
    Ok(Reply::of(&member)?.tagged(etag))
}

async fn add(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: NewMember = call.input()?;
    let new = members::NewMember {
        username: input.username,
        display_name: input.display_name,
        email: input.email,
        role: input.role,
    };
    let registry = &call.app.registry;
    let added = members::add(registry, &access, new).await?;
    let member = Member::from(added.member);
    let (etag, location) = (
        member.etag(),
        format!("/api/v1/orgs/{}/members/{}", access.org.handle, member.id),
    );
    // What was only tried leads nowhere.
    let link = Some(added.link).filter(|_| !access.dry_run);
    let reply = Reply::of(&AddedMember {
        member,
        setup_link: None,
        setup_link_expires_at: link.as_ref().map(|link| link.expires_at),
    })?;
    let text = link.map(|link| Secret::new(registry.config.issuer.join(&link.path)));
    let reply = reply.tagged(etag).telling("setup_link", text);
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::MembersWrite)?;
    let patch: MemberPatch = call.input()?;
    let registry = &call.app.registry;
    let before = Member::from(members::find(registry, &access, call.path("member")).await?);
    call.demand(&before.etag(), true)?;
    let member = Member::from(members::set_role(registry, &access, &before.id, patch.role).await?);
    let etag = member.etag();
    Ok(Reply::of(&member)?.tagged(etag))
}

async fn remove(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::MembersDelete)?;
    let registry = &call.app.registry;
    let member = Member::from(members::find(registry, &access, call.path("member")).await?);
    call.demand(&member.etag(), true)?;
    members::remove(registry, &access, &member.id).await?;
    Ok(Reply::nothing())
}

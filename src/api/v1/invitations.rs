//! Invitations into an organisation.

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
    registry::{access::Permission, invitations},
    store::{self, users::Role},
    time::Timestamp,
};

/// An invitation that is open. Its link is in the mail and nowhere else.
#[derive(Serialize, ToSchema)]
struct Invitation {
    id: String,
    email: String,
    role: Role,
    /// Id of the person or client who invited
    invited_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl From<store::invitations::Invitation> for Invitation {
    fn from(invitation: store::invitations::Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email,
            role: invitation.role,
            invited_by: invitation.invited_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

impl Invitation {
    fn etag(&self) -> String {
        etag::of_content(&json!([self.id, self.expires_at]))
    }
}

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    role: Role,
}

const TAG: &str = "Members";
const INVITATIONS: &str = "/api/v1/orgs/{org}/invitations";
const INVITATION: &str = "/api/v1/orgs/{org}/invitations/{invitation}";
const RESEND: &str = "/api/v1/orgs/{org}/invitations/{invitation}/resend";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::MembersRead), Some(Permission::MembersWrite));
    let made = || Answer::Created(Shape::of::<Invitation>());
    let list = operation(
        Method::GET,
        INVITATIONS,
        "listInvitations",
        "List open invitations",
        read,
        Answer::Ok(Shape::list_of::<Invitation>()),
        |c| Box::pin(list(c)),
    );
    let invite = operation(
        Method::POST,
        INVITATIONS,
        "invite",
        "Invite an address",
        write,
        made(),
        |c| Box::pin(invite(c)),
    );
    let show = operation(
        Method::GET,
        INVITATION,
        "showInvitation",
        "See an open invitation",
        read,
        Answer::Ok(Shape::of::<Invitation>()),
        |c| Box::pin(show(c)),
    );
    let resend = operation(
        Method::POST,
        RESEND,
        "resendInvitation",
        "Send an invitation again, with a new link",
        write,
        made(),
        |c| Box::pin(resend(c)),
    );
    let revoke = operation(
        Method::DELETE,
        INVITATION,
        "revokeInvitation",
        "Take an invitation back",
        write,
        Answer::Nothing,
        |c| Box::pin(revoke(c)),
    );
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            cli: Some("oauthority member invitations"),
            ..list
        },
        Operation {
            tag: TAG,
            body: Some(body::<NewInvitation>(
                true,
                false,
                json!({ "email": "ada@example.com", "role": "member" }),
            )),
            cli: Some("oauthority member invite ada@example.com --role member"),
            ..invite
        },
        Operation { tag: TAG, ..show },
        Operation {
            tag: TAG,
            conflicts: true,
            cli: Some("oauthority member resend ada@example.com"),
            ..resend
        },
        Operation {
            tag: TAG,
            conflicts: true,
            precondition: Precondition::Required,
            cli: Some("oauthority member revoke ada@example.com"),
            ..revoke
        },
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let all = invitations::list(&call.app.registry, &access).await?;
    let all: Vec<Invitation> = all.into_iter().map(Invitation::from).collect();
    let part = page::cut(all, |invitation| &invitation.id, &call.query)?;
    let path = format!("/api/v1/orgs/{}/invitations", access.org.handle);
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let found = invitations::find(&call.app.registry, &access, call.path("invitation")).await?;
    tagged(found)
}

fn tagged(invitation: store::invitations::Invitation) -> Result<Reply> {
    let invitation = Invitation::from(invitation);
    let etag = invitation.etag();
    Ok(Reply::of(&invitation)?.tagged(etag))
}

async fn invite(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: NewInvitation = call.input()?;
    let sent = invitations::invite(&call.app.registry, &access, &input.email, input.role).await?;
    made(sent, &access.org.handle, access.dry_run)
}

async fn resend(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let sent = invitations::resend(&call.app.registry, &access, call.path("invitation")).await?;
    made(sent, &access.org.handle, access.dry_run)
}

fn made(sent: store::invitations::Invitation, org: &str, dry_run: bool) -> Result<Reply> {
    let location = format!("/api/v1/orgs/{org}/invitations/{}", sent.id);
    let reply = tagged(sent)?;
    Ok(if dry_run { reply } else { reply.created(location) })
}

async fn revoke(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::MembersWrite)?;
    let registry = &call.app.registry;
    let invitation = invitations::find(registry, &access, call.path("invitation")).await?;
    let invitation = Invitation::from(invitation);
    call.demand(&invitation.etag(), true)?;
    invitations::revoke(registry, &access, &invitation.id).await?;
    Ok(Reply::nothing())
}

//! People of the whole instance, for who runs it.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::client_changes::body;
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, operation, paging, text},
        page::{self, Part},
    },
    error::Result,
    registry::{access::Permission, accounts, recovery},
    secret::Secret,
    store::{self, users::UserStatus},
    time::Timestamp,
};

/// A person.
#[derive(Serialize, ToSchema)]
struct User {
    id: String,
    username: String,
    display_name: String,
    email: Option<String>,
    /// When the person proved that the address is his
    email_verified_at: Option<Timestamp>,
    status: UserStatus,
    /// Whether he runs the instance
    operator: bool,
    /// Whether he may hold personal credentials
    may_hold_credentials: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<store::users::User> for User {
    fn from(user: store::users::User) -> Self {
        Self {
            id: user.id,
            username: user.username,
            display_name: user.display_name,
            email: user.email,
            email_verified_at: user.email_verified_at,
            status: user.status,
            operator: user.operator,
            may_hold_credentials: user.may_hold_credentials,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

impl User {
    fn etag(&self) -> String {
        etag::of_content(&json!([self.id, self.status, self.updated_at]))
    }
}

/// A link to a new password, for the person alone: this once.
#[derive(Serialize, ToSchema)]
struct RecoveryLink {
    user: String,
    recovery_link: Option<String>,
    expires_at: Option<Timestamp>,
}

/// What to change of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserPatch {
    /// `active` or `inactive`
    #[schema(nullable = false)]
    status: Option<UserStatus>,
    /// Without it his personal credentials stop at once
    #[schema(nullable = false)]
    may_hold_credentials: Option<bool>,
}

const TAG: &str = "Accounts";
const USERS: &str = "/api/v1/users";
const USER: &str = "/api/v1/users/{user}";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::InstanceRead), Some(Permission::InstanceWrite));
    let one = || Answer::Ok(Shape::of::<User>());
    let list = operation(
        Method::GET,
        USERS,
        "listUsers",
        "List the people of the instance",
        read,
        Answer::Ok(Shape::list_of::<User>()),
        |c| Box::pin(list(c)),
    );
    let show = operation(Method::GET, USER, "showUser", "See a person", read, one(), |c| {
        Box::pin(show(c))
    });
    let edit = operation(
        Method::PATCH,
        USER,
        "editUser",
        "Deactivate or reactivate an account, or say whether it may hold personal credentials",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let recover = operation(
        Method::POST,
        "/api/v1/users/{user}/recovery-link",
        "makeRecoveryLink",
        "Make a link to a new password, to be handed over",
        write,
        Answer::Ok(Shape::of::<RecoveryLink>()),
        |c| Box::pin(recover(c)),
    );
    let mut query = paging().to_vec();
    query.push(text("username", "Only the person with this user name."));
    vec![
        Operation {
            tag: TAG,
            query,
            cli: Some("oauthority user list"),
            ..list
        },
        Operation { tag: TAG, ..show },
        Operation {
            tag: TAG,
            body: Some(body::<UserPatch>(true, true, json!({ "status": "inactive" }))),
            precondition: Precondition::Required,
            conflicts: true,
            cli: Some("oauthority user disable ada"),
            ..edit
        },
        Operation {
            tag: TAG,
            conflicts: true,
            cli: Some("oauthority user recover ada"),
            ..recover
        },
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let limit = page::limit(&call.query);
    let after = page::anchor(&call.query, "cursor")?;
    if after.as_ref().is_some_and(|id| !id.starts_with("usr_")) {
        return Err(page::unknown("cursor").into());
    }
    let username = call.query.one("username");
    let access = call.caller.own(false)?;
    // One more tells whether there are more.
    let found = accounts::list(registry, &access, username, after.as_deref(), limit + 1).await?;
    let mut items: Vec<User> = found.into_iter().map(User::from).collect();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > most;
    items.truncate(most);
    let part = Part {
        next: items.last().filter(|_| more).map(|last| page::cursor(&last.id)),
        items,
        total: None,
    };
    page::reply(&part, USERS, &call.query, &["limit", "username"])
}

fn tagged(user: store::users::User) -> Result<Reply> {
    let user = User::from(user);
    let etag = user.etag();
    Ok(Reply::of(&user)?.tagged(etag))
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.caller.own(false)?;
    tagged(accounts::find(&call.app.registry, &access, call.path("user")).await?)
}

async fn edit(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let access = call.caller.own(call.dry_run())?;
    access.require(Permission::InstanceWrite)?;
    let patch: UserPatch = call.input()?;
    let before = User::from(accounts::find(registry, &access, call.path("user")).await?);
    call.demand(&before.etag(), true)?;
    let mut user = accounts::find(registry, &access, &before.id).await?;
    if let Some(may) = patch.may_hold_credentials {
        user = accounts::set_may_hold(registry, &access, &before.id, may).await?;
    }
    if let Some(status) = patch.status {
        user = accounts::set_status(registry, &access, &before.id, status).await?;
    }
    tagged(user)
}

async fn recover(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let access = call.caller.own(call.dry_run())?;
    let (user, link) = recovery::link_by_hand(registry, &access, call.path("user")).await?;
    // What was only tried leads nowhere.
    let link = Some(link).filter(|_| !access.dry_run);
    let reply = Reply::of(&RecoveryLink {
        user: user.id,
        recovery_link: None,
        expires_at: link.as_ref().map(|link| link.expires_at),
    })?;
    let text = link.map(|link| Secret::new(registry.config.issuer.join(&link.path)));
    Ok(reply.telling("recovery_link", text))
}

//! People of an organisation and their roles.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::{
        client::{Status, fold},
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry, Resource,
        access::{Access, Permission, Permissions},
        announce,
        clients::{self, describe},
        people::{self, AccountLink},
    },
    store::{
        self,
        changes::Kind,
        clients::Client,
        grants::{self, Which},
        users::{Member, Role, User},
    },
};

/// A person to be made a member.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub username: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub role: Role,
}

/// A new member; `link` is how he picks a password.
pub struct Added {
    pub member: Member,
    pub link: AccountLink,
}

/// The members, by user name.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Member>> {
    access.require(Permission::MembersRead)?;
    Ok(store::users::members(registry.db(), &access.org.id).await?)
}

/// There is no such member here.
pub fn unknown() -> Refusal {
    Code::NotFound.because("this organisation has no member with this id")
}

/// One member.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn find(registry: &Registry, access: &Access, user_id: &str) -> Result<Member> {
    let all = list(registry, access).await?;
    all.into_iter()
        .find(|m| m.user.id == user_id)
        .ok_or_else(|| unknown().into())
}

fn resource(user: &User) -> Resource<'_> {
    Resource {
        kind: "member",
        id: &user.id,
        name: &user.username,
    }
}

/// Only owners make owners, and only they touch them.
fn check_owner(access: &Access, own_role: Option<Role>, role: Role) -> Result<()> {
    let owner = own_role == Some(Role::Owner) || access.permissions.allow(Permission::InstanceWrite);
    if role == Role::Owner && !owner {
        return Err(Code::Forbidden
            .because("only an owner makes somebody an owner, or changes or removes one")
            .reason("member.owner")
            .into());
    }
    Ok(())
}

/// Nobody gives more than he has: a role that manages or sees more than its giver is not his to give. A plain member
/// manages nothing.
fn check_gift(access: &Access, role: Role) -> Result<()> {
    let given = Permissions::of_role(role);
    let gives = |p: &Permission| !given.allow(*p) || access.permissions.may_give(*p);
    if role == Role::Member || Permission::ALL.iter().all(gives) {
        return Ok(());
    }
    Err(Code::Forbidden
        .because("this role may do more than you: it is for somebody to give who holds all of it")
        .reason("member.beyond_yours")
        .into())
}

/// Refuses a role that is not the caller's to give.
pub(super) async fn check_giving(registry: &Registry, access: &Access, role: Role) -> Result<()> {
    check_owner(access, own_role(registry, access).await?, role)?;
    check_gift(access, role)
}

/// A role as it is read: *an admin*.
pub const fn with_article(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Auditor => "an auditor",
        Role::Member => "a member",
    }
}

async fn role_of(registry: &Registry, access: &Access, user_id: &str) -> Result<Option<Role>> {
    Ok(store::users::role(registry.db(), &access.org.id, user_id).await?)
}

async fn own_role(registry: &Registry, access: &Access) -> Result<Option<Role>> {
    role_of(registry, access, &access.actor.id).await
}

/// Makes an account for somebody who has none, a member from the start, and a single-use link to pick a password.
/// Somebody who has an account is invited instead: nobody is attached without having said yes.
///
/// # Errors
/// Bad input field by field, such as a user name that is taken; missing permission.
pub async fn add(registry: &Registry, access: &Access, new: NewMember) -> Result<Added> {
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    check_giving(registry, access, new.role).await?;
    let now = registry.now();
    let user = people::draft(registry, &new.username, new.display_name, new.email)?;
    let mut batch = Batch::from(store::users::add(&user));
    let link = people::account_link(registry, &user, &mut batch);
    batch.push(store::users::add_member(&access.org.id, &user.id, new.role, now));
    let details = json!({ "after": { "role": new.role } });
    let event = registry.event(
        &access.actor,
        &access.org.id,
        "member.added",
        resource(&user),
        details,
    );
    batch.push(store::audit::append(&event));
    if let Err(error) = registry.commit(access, batch).await {
        if error.is_unique("users", "username_folded") {
            return Err(taken(registry, access, &new.username).await?.into());
        }
        return Err(error.into());
    }
    let member = Member {
        user,
        role: new.role,
        since: now,
    };
    Ok(Added { member, link })
}

/// Why a user name is not free.
async fn taken(registry: &Registry, access: &Access, username: &str) -> Result<Refusal> {
    let members = store::users::members(registry.db(), &access.org.id).await?;
    let named = |member: &Member| fold(&member.user.username) == fold(username.trim());
    let (code, detail) = if members.iter().any(named) {
        ("member.exists", "This person is a member already.")
    } else {
        (
            "username.taken",
            "This user name is taken. Whoever has an account already is invited by e-mail.",
        )
    };
    Ok(Refusal::fields(vec![Field::new("/username", code, detail)]))
}

/// Changes a role.
///
/// # Errors
/// `conflict` for the last owner; `not_found`; missing permission.
pub async fn set_role(registry: &Registry, access: &Access, user_id: &str, role: Role) -> Result<Member> {
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    let member = find(registry, access, user_id).await?;
    let own = own_role(registry, access).await?;
    check_owner(access, own, role)?;
    check_owner(access, own, member.role)?;
    check_gift(access, role)?;
    if member.role == role {
        return Ok(member);
    }
    let details = json!({ "before": { "role": member.role }, "after": { "role": role } });
    let batch = Batch::from_iter([
        store::users::set_role(&access.org.id, user_id, role),
        store::invitations::revoke_of(&access.org.id, user_id, registry.now()),
        store::credential_offers::withdraw_by(&access.org.id, user_id, registry.now()),
    ]);
    change(
        registry,
        access,
        &member.user,
        batch,
        "member.role_changed",
        details,
    )
    .await?;
    Ok(Member { role, ..member })
}

/// The personal credentials of a member.
async fn credentials_of(registry: &Registry, org_id: &str, user_id: &str) -> Result<Vec<Client>> {
    let all = store::credentials::of_person(registry.db(), user_id).await?;
    let mut theirs = Vec::new();
    for id in all {
        let client = store::clients::find(registry.db(), &id).await?;
        theirs.extend(client.filter(|client| client.org_id == org_id && client.status != Status::Deleted));
    }
    Ok(theirs)
}

/// Ends a membership, and with it everything the person gave the organisation's clients, and his credentials there.
///
/// # Errors
/// `conflict` for the last owner; `not_found`; missing permission.
pub async fn remove(registry: &Registry, access: &Access, user_id: &str) -> Result<()> {
    access.require_fresh(Permission::MembersDelete, registry.now())?;
    let member = find(registry, access, user_id).await?;
    check_owner(access, own_role(registry, access).await?, member.role)?;
    let (org, now) = (&access.org.id, registry.now());
    let theirs = credentials_of(registry, org, user_id).await?;
    let ids: Vec<&str> = theirs.iter().map(|client| client.client_id.as_str()).collect();
    let details = json!({ "before": { "role": member.role }, "credentials": ids });
    let apis = store::apis::of_organization(registry.db(), org).await?;
    let mut batch = Batch::from_iter([
        // The membership goes first: whoever gives a grant locks it before he writes.
        store::users::remove_member(org, user_id),
        store::users::note_member_left(org, user_id, now),
        grants::revoke(Which::Member(user_id, org), "member_removed", now),
        store::consents::remove_member(user_id, org),
        store::invitations::revoke_of(org, user_id, now),
        store::credential_offers::withdraw_of_member(org, user_id, now),
    ]);
    // From where his credentials were used goes with them; it is found by their secrets, so it goes first.
    for statement in ids.iter().flat_map(|id| store::usage::erase(id)) {
        batch.push(statement);
    }
    for statement in store::credentials::delete_of_member(org, user_id, &access.actor.name, now) {
        batch.push(statement);
    }
    for client in &theirs {
        let details = json!({ "before": describe(client, &apis), "reason": "the membership ended" });
        let gone = clients::resource(client);
        let event = registry.event(&access.actor, org, "credential.deleted", gone, details);
        batch.push(store::audit::append(&event));
    }
    announce(&mut batch, Kind::Person, user_id, now);
    change(registry, access, &member.user, batch, "member.removed", details).await
}

async fn change(
    registry: &Registry,
    access: &Access,
    user: &User,
    statements: Batch,
    action: &str,
    details: serde_json::Value,
) -> Result<()> {
    // Two changes of the same organisation's owners wait for one another on its row.
    let mut batch = Batch::from(store::organizations::touch(&access.org.id));
    batch.append(statements);
    let event = registry.event(&access.actor, &access.org.id, action, resource(user), details);
    batch.push(store::audit::append(&event));
    registry
        .commit(access, batch)
        .await
        .map(drop)
        .map_err(|error: WriteError| Error::from(error))
}

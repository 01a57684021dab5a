//! People of an organisation and their roles.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::refusal::{Code, Field, Refusal},
    registry::{
        Registry, Resource,
        access::{Access, Permission, Permissions},
        announce,
        people::{self, AccountLink},
    },
    store::{
        self,
        changes::Kind,
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

/// A new member; `link` is how a person who has no account yet picks a password.
pub struct Added {
    pub member: Member,
    pub link: Option<AccountLink>,
}

/// The members, by user name.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Member>> {
    access.require(Permission::MembersRead)?;
    Ok(store::users::members(registry.db(), &access.org.id).await?)
}

/// One member.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn find(registry: &Registry, access: &Access, user_id: &str) -> Result<Member> {
    let all = list(registry, access).await?;
    all.into_iter().find(|m| m.user.id == user_id).ok_or_else(|| {
        Code::NotFound
            .because("this organisation has no member with this id")
            .into()
    })
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

async fn role_of(registry: &Registry, access: &Access, user_id: &str) -> Result<Option<Role>> {
    Ok(store::users::role(registry.db(), &access.org.id, user_id).await?)
}

async fn own_role(registry: &Registry, access: &Access) -> Result<Option<Role>> {
    role_of(registry, access, &access.actor.id).await
}

/// Makes a person a member. Somebody who has no account yet gets one, and a single-use link to pick a password.
///
/// # Errors
/// Bad input field by field; `conflict` for a member already; missing permission.
pub async fn add(registry: &Registry, access: &Access, new: NewMember) -> Result<Added> {
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    check_owner(access, own_role(registry, access).await?, new.role)?;
    check_gift(access, new.role)?;
    let now = registry.now();
    let known = store::users::find_by_username(registry.db(), &new.username).await?;
    // What is only tried leaves no trace, so it must not tell who has an account elsewhere.
    let known = match known {
        Some(user) if access.dry_run && role_of(registry, access, &user.id).await?.is_none() => None,
        known => known,
    };
    let mut batch = Batch::default();
    let (user, link) = match known {
        Some(user) => (user, None),
        None => {
            let user = people::draft(registry, &new.username, new.display_name, new.email)?;
            batch.push(store::users::add(&user));
            let link = people::account_link(registry, &user, &mut batch);
            (user, Some(link))
        }
    };
    batch.push(store::users::add_member(&access.org.id, &user.id, new.role, now));
    let details = json!({ "after": { "role": new.role, "new_account": link.is_some() } });
    let event = registry.event(
        &access.actor,
        &access.org.id,
        "member.added",
        resource(&user),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await.map_err(|error| {
        if error.is_unique("memberships", "user_id") {
            let detail = "This person is a member already.";
            return Refusal::fields(vec![Field::new("/username", "member.exists", detail)]).into();
        }
        people::taken(error)
    })?;
    let member = Member {
        user,
        role: new.role,
        since: now,
    };
    Ok(Added { member, link })
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
    let statement = store::users::set_role(&access.org.id, user_id, role);
    change(
        registry,
        access,
        &member.user,
        statement.into(),
        "member.role_changed",
        details,
    )
    .await?;
    Ok(Member { role, ..member })
}

/// Ends a membership, and with it everything the person gave the organisation's clients.
///
/// # Errors
/// `conflict` for the last owner; `not_found`; missing permission.
pub async fn remove(registry: &Registry, access: &Access, user_id: &str) -> Result<()> {
    access.require_fresh(Permission::MembersDelete, registry.now())?;
    let member = find(registry, access, user_id).await?;
    check_owner(access, own_role(registry, access).await?, member.role)?;
    let details = json!({ "before": { "role": member.role } });
    let (org, now) = (&access.org.id, registry.now());
    let mut batch = Batch::from_iter([
        // The membership goes first: whoever gives a grant locks it before he writes.
        store::users::remove_member(org, user_id),
        grants::revoke(Which::Member(user_id, org), "member_removed", now),
        store::consents::remove_member(user_id, org),
    ]);
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

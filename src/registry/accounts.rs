//! People of the whole instance, whichever organisations they belong to: for operators.

use serde_json::{Value as Json, json};

use crate::{
    db::{Batch, Statement, WriteError},
    error::{Error, Result},
    oauth::refusal::{Code, Field, Refusal},
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        announce,
        email::VERIFY,
        people::ACCOUNT,
        recovery::RECOVER,
    },
    store::{
        self,
        changes::Kind,
        grants::{self, Which},
        users::{Role, User, UserStatus},
    },
};

/// The people of the instance, in the order in which they came, a part at a time.
///
/// # Errors
/// Missing permission.
pub async fn list(
    registry: &Registry,
    access: &Access,
    username: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<User>> {
    access.require(Permission::InstanceRead)?;
    Ok(store::users::all(registry.db(), username, after, limit).await?)
}

/// One person.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn find(registry: &Registry, access: &Access, id: &str) -> Result<User> {
    access.require(Permission::InstanceRead)?;
    store::users::find(registry.db(), id)
        .await?
        .ok_or_else(|| Code::NotFound.because("there is nobody with this id").into())
}

/// Lets a person in again, or not any more. Deactivating ends their sessions, their links, what they invited, what they
/// allowed apps and every token that stands on it, at once; reactivating brings none of it back.
///
/// # Errors
/// `conflict` for oneself, for the last active operator and for the last active owner of an organisation; `not_found`;
/// missing permission.
pub async fn set_status(registry: &Registry, access: &Access, id: &str, status: UserStatus) -> Result<User> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let user = find(registry, access, id).await?;
    if status == UserStatus::Locked {
        let detail = "Write active or inactive; an account is locked by itself.";
        return Err(Refusal::fields(vec![Field::new("/status", "status", detail)]).into());
    }
    if user.status == status {
        return Ok(user);
    }
    if status == UserStatus::Inactive && access.actor.id == user.id {
        return Err(Code::Conflict
            .because("nobody deactivates himself: another operator does it")
            .reason("own_account")
            .into());
    }
    let now = registry.now();
    // Two changes of operators wait for one another.
    let mut batch = Batch::from(store::instance::touch());
    if status == UserStatus::Inactive {
        keep_owners(registry, &user, &mut batch).await?;
    }
    batch.push(store::users::set_status(&user.id, status, now));
    let action = match status {
        UserStatus::Active => "user.reactivated",
        UserStatus::Inactive | UserStatus::Locked => {
            end_everything(registry, &user, &mut batch);
            "user.deactivated"
        }
    };
    let details = json!({ "before": { "status": user.status }, "after": { "status": status } });
    let events = events(registry, &access.actor, &user, action, &details).await?;
    events.into_iter().for_each(|event| batch.push(event));
    announce(&mut batch, Kind::Person, &user.id, now);
    registry
        .commit(access, batch)
        .await
        .map_err(|error| match error {
            WriteError::Unmet("last_operator") => Error::from(
                Code::Conflict
                    .because("this is the last active operator: make somebody else one first")
                    .reason("last_operator"),
            ),
            WriteError::Unmet("last_owner") => Error::from(last_owner("an organisation")),
            other => other.into(),
        })?;
    Ok(User {
        status,
        updated_at: now,
        ..user
    })
}

/// Sees to it that every organisation of the person keeps an owner who is active. Changes of the same organisation's owners
/// wait for one another on its row.
async fn keep_owners(registry: &Registry, user: &User, batch: &mut Batch) -> Result<()> {
    let db = registry.db();
    let alone = store::users::owned_alone(db, &user.id).await?;
    if !alone.is_empty() {
        let names: Vec<String> = alone
            .iter()
            .map(|(handle, name)| format!("{} ({handle})", crate::oauth::name::isolated(name)))
            .collect();
        return Err(last_owner(&names.join(", ")).into());
    }
    for (org, _, _, role) in store::users::organizations_of(db, &user.id).await? {
        if role == Role::Owner {
            batch.push(store::organizations::touch(&org));
        }
    }
    batch.push(store::users::expect_other_owners(&user.id));
    Ok(())
}

fn last_owner(of: &str) -> Refusal {
    Code::Conflict
        .because(format!(
            "this is the last active owner of {of}: make somebody else an owner there first"
        ))
        .reason("last_owner")
}

/// Lets a person hold personal credentials, or not any more. Without it those he has are as good as disabled at once, and
/// their tokens are dead for good; given back, they get new ones.
///
/// # Errors
/// `not_found`; missing permission; for people, an old sign-in.
pub async fn set_may_hold(registry: &Registry, access: &Access, id: &str, may: bool) -> Result<User> {
    access.require_fresh(Permission::InstanceWrite, registry.now())?;
    let user = find(registry, access, id).await?;
    if user.may_hold_credentials == may {
        return Ok(user);
    }
    let now = registry.now();
    // His row goes first: whoever makes a credential for him locks it before he writes.
    let mut batch = Batch::from(store::users::set_may_hold(&user.id, may, now));
    let action = if may {
        "user.credentials_allowed"
    } else {
        batch.push(store::credential_offers::withdraw_to(&user.id, now));
        store::credentials::cut_off(&user.id)
            .into_iter()
            .for_each(|statement| batch.push(statement));
        "user.credentials_withdrawn"
    };
    let events = events(registry, &access.actor, &user, action, &json!({})).await?;
    events.into_iter().for_each(|event| batch.push(event));
    announce(&mut batch, Kind::Person, &user.id, now);
    registry.commit(access, batch).await?;
    Ok(User {
        may_hold_credentials: may,
        updated_at: now,
        ..user
    })
}

fn end_everything(registry: &Registry, user: &User, batch: &mut Batch) {
    let now = registry.now();
    batch.push(store::logout_deliveries::queue_of(&registry.id(), &user.id, now));
    batch.push(store::sessions::remove_of(&user.id));
    for purpose in [RECOVER, VERIFY, ACCOUNT] {
        batch.push(store::once::void_about(purpose, &user.id, now));
    }
    batch.push(store::invitations::revoke_all_of(&user.id, now));
    batch.push(store::credential_offers::withdraw_of_person(&user.id, now));
    for statement in store::credentials::cut_off(&user.id) {
        batch.push(statement);
    }
    batch.push(store::consents::remove_person(&user.id));
    batch.push(grants::revoke(Which::User(&user.id), "account_deactivated", now));
}

/// What happened to an account, for the log of each organisation that its person belongs to; for the instance's own
/// when there is none.
///
/// # Errors
/// When the storage fails.
pub(super) async fn events(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    action: &str,
    details: &Json,
) -> Result<Vec<Statement>> {
    let organizations = store::users::organizations_of(registry.db(), &user.id).await?;
    let resource = Resource {
        kind: "user",
        id: &user.id,
        name: &user.username,
    };
    let mut events: Vec<_> = organizations
        .iter()
        .map(|(org, ..)| registry.event(actor, org, action, resource, details.clone()))
        .collect();
    if events.is_empty() {
        let mut event = registry.event(actor, "", action, resource, details.clone());
        event.org_id = None;
        events.push(event);
    }
    Ok(events.iter().map(store::audit::append).collect())
}

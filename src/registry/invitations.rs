//! Invitations: nobody becomes a member of an organisation without having said yes.
//!
//! A link goes to an address and is told to nobody else. Whoever has an account accepts with it if the address is
//! proven to be his; whoever has none makes one with the link, which proves the address. What the one who invited may
//! give is asked when he invites, and an invitation ends with his own membership or role.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    mail::{Action, Mail},
    oauth::{
        name::isolated,
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        email, members,
        people::{self, NewAccount},
    },
    store::{
        self,
        invitations::Invitation,
        organizations::Organization,
        users::{Role, User, fold_email},
    },
    time::Lifetime,
};

/// The purpose of the link.
const INVITE: &str = "invitation";
/// How long it works.
pub const WORKS: Lifetime = Lifetime::days(7);
/// How many invitations an organisation sends in an hour.
const MOST_AN_HOUR: i64 = 100;

/// An invitation by its link, with where it leads to.
pub struct Opened {
    pub invitation: Invitation,
    pub org: Organization,
}

impl Opened {
    /// Whether a person has proven that the address is his.
    pub fn is_for(&self, user: &User) -> bool {
        let own = user.email.as_deref().filter(|_| user.email_verified_at.is_some());
        own.is_some_and(|own| fold_email(own) == fold_email(&self.invitation.email))
    }
}

/// The open invitations, newest first.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Invitation>> {
    access.require(Permission::MembersRead)?;
    Ok(store::invitations::of_org(registry.db(), &access.org.id).await?)
}

/// One open invitation.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn find(registry: &Registry, access: &Access, id: &str) -> Result<Invitation> {
    access.require(Permission::MembersRead)?;
    let found = store::invitations::find(registry.db(), &access.org.id, id).await?;
    found.ok_or_else(|| {
        Code::NotFound
            .because("this organisation has no open invitation with this id")
            .into()
    })
}

fn resource(invitation: &Invitation) -> Resource<'_> {
    Resource {
        kind: "invitation",
        id: &invitation.id,
        name: &invitation.email,
    }
}

/// Invites an address. An invitation that is open to the same address is replaced. Whether there is an account with it
/// is not looked at.
///
/// # Errors
/// Bad input field by field, such as the address of a member; `rate_limited`; missing permission.
pub async fn invite(registry: &Registry, access: &Access, address: &str, role: Role) -> Result<Invitation> {
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    members::check_giving(registry, access, role).await?;
    let wrong = |code, detail: &str| Error::from(Refusal::fields(vec![Field::new("/email", code, detail)]));
    let address = email::check(address).map_err(|detail| wrong("email", detail))?;
    let now = registry.now();
    let members = store::users::members(registry.db(), &access.org.id).await?;
    let proven = |user: &User| user.email_verified_at.is_some() && same(user.email.as_deref(), &address);
    if members.iter().any(|member| proven(&member.user)) {
        return Err(wrong("member.exists", "This person is a member already."));
    }
    let hour = now.before(Lifetime::hours(1));
    if store::invitations::count(registry.db(), &access.org.id, hour).await? >= MOST_AN_HOUR {
        return Err(Code::TooManyRequests
            .because("this organisation sent a hundred invitations within an hour: wait, then go on")
            .retry_after(3600)
            .into());
    }
    let before = Batch::from(store::invitations::revoke_to(&access.org.id, &address, now));
    send(registry, access, address, role, before, "invitation.sent").await
}

fn same(own: Option<&str>, address: &str) -> bool {
    own.is_some_and(|own| fold_email(own) == fold_email(address))
}

/// Sends an invitation once more, with a new link and a new end; the link before is dead.
///
/// # Errors
/// `not_found`; `conflict` if it was accepted or revoked meanwhile; missing permission.
pub async fn resend(registry: &Registry, access: &Access, id: &str) -> Result<Invitation> {
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    let Invitation { email, role, .. } = find(registry, access, id).await?;
    // He answers for it as if he had invited.
    members::check_giving(registry, access, role).await?;
    let before = Batch::from(store::invitations::revoke(&access.org.id, id, registry.now()));
    send(registry, access, email, role, before, "invitation.resent").await
}

async fn send(
    registry: &Registry,
    access: &Access,
    email: String,
    role: Role,
    mut batch: Batch,
    action: &str,
) -> Result<Invitation> {
    let now = registry.now();
    let token = registry.entropy.token(32);
    let digest = registry.keyring.digest(INVITE, token.as_bytes());
    let invitation = Invitation {
        id: format!("inv_{}", registry.id()),
        org_id: access.org.id.clone(),
        email,
        role,
        invited_by: access.actor.id.clone(),
        created_at: now,
        expires_at: now.after(WORKS),
    };
    batch.push(store::invitations::add(&invitation, digest.as_bytes()));
    batch.push(registry.mail(&mail(registry, access, &invitation, &token)));
    let details = json!({ "after": { "role": role } });
    let event = registry.event(
        &access.actor,
        &access.org.id,
        action,
        resource(&invitation),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await.map_err(over)?;
    Ok(invitation)
}

fn mail(registry: &Registry, access: &Access, invitation: &Invitation, token: &str) -> Mail {
    let org = isolated(&access.org.name);
    Mail {
        to: invitation.email.clone(),
        subject: format!("Invitation to {org}"),
        before: vec![format!(
            "{} invites you to {org}, as {}.",
            isolated(&access.actor.name),
            members::with_article(invitation.role)
        )],
        action: Some(Action {
            label: "See the invitation".to_owned(),
            url: registry.config.issuer.join(&format!("/invitations/{token}")),
        }),
        after: vec![
            "The link works once, for seven days. With it you accept, with the account you have or a new one."
                .to_owned(),
            "If you do not know who this is, there is nothing to do: without you nothing happens.".to_owned(),
        ],
        until: invitation.expires_at,
    }
}

/// Takes an invitation back; its link is dead.
///
/// # Errors
/// `not_found`; `conflict` if it was accepted or revoked meanwhile; missing permission.
pub async fn revoke(registry: &Registry, access: &Access, id: &str) -> Result<()> {
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    let invitation = find(registry, access, id).await?;
    let mut batch = Batch::from(store::invitations::revoke(&access.org.id, id, registry.now()));
    let details = json!({ "before": { "role": invitation.role } });
    let event = registry.event(
        &access.actor,
        &access.org.id,
        "invitation.revoked",
        resource(&invitation),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await.map_err(over)?;
    Ok(())
}

fn over(error: WriteError) -> Error {
    match error {
        WriteError::Unmet("open") => Code::Conflict
            .because("this invitation was accepted or revoked meanwhile")
            .into(),
        other => other.into(),
    }
}

/// The invitation of a link, while it works.
///
/// # Errors
/// When the storage fails.
pub async fn open(registry: &Registry, token: &str) -> Result<Option<Opened>> {
    let db = registry.db();
    let digest = registry.keyring.digest(INVITE, token.as_bytes());
    let now = registry.now();
    let Some(invitation) = store::invitations::find_by_digest(db, digest.as_bytes(), now).await? else {
        return Ok(None);
    };
    let org = store::organizations::find(db, &invitation.org_id).await?;
    Ok(org.map(|org| Opened { invitation, org }))
}

async fn opened(registry: &Registry, token: &str) -> Result<Opened> {
    open(registry, token)
        .await?
        .ok_or_else(|| people::dead_link().into())
}

/// A person who is signed in accepts.
///
/// # Errors
/// `gone` for a dead link; `forbidden` for somebody else's; `conflict` for a member.
pub async fn accept(registry: &Registry, actor: &Actor, user: &User, token: &str) -> Result<Opened> {
    let opened = opened(registry, token).await?;
    if !opened.is_for(user) {
        return Err(Code::Forbidden
            .because("this invitation is for another address than the confirmed one of your account")
            .reason("invitation.other_address")
            .into());
    }
    let now = registry.now();
    let mut batch = Batch::from(store::grants::hold_person(&user.id, now));
    join(registry, actor, user, token, &opened, &mut batch);
    registry.live.commit(batch).await.map_err(unjoined)?;
    Ok(opened)
}

/// Somebody without an account makes one, and accepts with it. The address is proven: the link came to it.
///
/// # Errors
/// `gone` for a dead link; bad input field by field.
pub async fn accept_with_new(
    registry: &Registry,
    actor: &Actor,
    token: &str,
    new: NewAccount,
) -> Result<User> {
    let opened = opened(registry, token).await?;
    let address = Some(opened.invitation.email.clone());
    let mut user = people::draft(registry, &new.username, new.display_name, address)?;
    user.email_verified_at = Some(registry.now());
    let about = [user.username.as_str(), user.display_name.as_str()];
    user.password_hash = Some(people::hashed(registry, new.password, &about).await?);
    let mut batch = Batch::from(store::users::add(&user));
    let actor = people::acting(&user, actor);
    join(registry, &actor, &user, token, &opened, &mut batch);
    registry.live.commit(batch).await.map_err(unjoined)?;
    Ok(user)
}

/// The statements that make a person a member by an invitation.
fn join(registry: &Registry, actor: &Actor, user: &User, token: &str, opened: &Opened, batch: &mut Batch) {
    let (now, role) = (registry.now(), opened.invitation.role);
    let digest = registry.keyring.digest(INVITE, token.as_bytes());
    batch.push(store::invitations::accept(digest.as_bytes(), &user.id, now));
    batch.push(store::users::add_member(&opened.org.id, &user.id, role, now));
    let who = Resource {
        kind: "member",
        id: &user.id,
        name: &user.username,
    };
    let details = json!({ "after": { "role": role }, "invitation": opened.invitation.id });
    let event = registry.event(actor, &opened.org.id, "member.joined", who, details);
    batch.push(store::audit::append(&event));
}

fn unjoined(error: WriteError) -> Error {
    match error {
        WriteError::Unmet(_) => people::dead_link().into(),
        error if error.is_unique("memberships", "user_id") => Code::Conflict
            .because("you are a member of this organisation already")
            .reason("member.exists")
            .into(),
        other => people::taken(other),
    }
}

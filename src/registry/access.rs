//! Who acts, for which organisation, with which permissions. A permission *is* a scope of the management API: a role is
//! a set of them, a bearer token carries some of them, and every function of the registry asks for one.

use crate::{
    error::Result,
    oauth::{
        client::{Origin, words},
        refusal::{Code, Refusal},
    },
    registry::assurance::Assurance,
    store::{organizations::Organization, users::Role},
    time::Timestamp,
};

words! {
    /// What may be done: the scopes of the management API.
    Permission {
        OrganizationsRead = "organizations:read",
        OrganizationsWrite = "organizations:write",
        ClientsRead = "clients:read",
        ClientsWrite = "clients:write",
        ClientsDelete = "clients:delete",
        ApisRead = "apis:read",
        ApisWrite = "apis:write",
        ApisDelete = "apis:delete",
        MembersRead = "members:read",
        MembersWrite = "members:write",
        MembersDelete = "members:delete",
        AuditRead = "audit:read",
        ScimRead = "scim:read",
        ScimWrite = "scim:write",
        SyncProfileRead = "sync:profile:read",
        ConnectorRead = "connector:read",
        ConnectorWrite = "connector:write",
        /// A person's own account; no role has it, only the person.
        AccountRead = "account:read",
        AccountWrite = "account:write",
        /// The whole instance: every organisation, signing keys, system clients.
        InstanceRead = "instance:read",
        InstanceWrite = "instance:write",
    }
}

use Permission::*;

impl Permission {
    /// What a person reads, the risk, and what comes with it.
    pub const fn about(self) -> (&'static str, &'static str, &'static [Self]) {
        match self {
            OrganizationsRead => ("See the organisation and its settings", "reads", &[]),
            OrganizationsWrite => (
                "Change the organisation's settings",
                "changes",
                &[OrganizationsRead],
            ),
            ClientsRead => ("See OAuth clients", "reads", &[]),
            ClientsWrite => (
                "Create, change and disable OAuth clients",
                "changes",
                &[ClientsRead],
            ),
            ClientsDelete => ("Delete OAuth clients for good", "destructive", &[ClientsRead]),
            ApisRead => ("See APIs and scopes", "reads", &[]),
            ApisWrite => ("Create and change APIs and scopes", "changes", &[ApisRead]),
            ApisDelete => ("Delete APIs and scopes", "destructive", &[ApisRead]),
            MembersRead => ("See members", "reads", &[]),
            MembersWrite => ("Add members and change their roles", "changes", &[MembersRead]),
            MembersDelete => ("Remove members", "destructive", &[MembersRead]),
            AuditRead => ("Read the activity log", "reads", &[]),
            AccountRead => ("See your own apps, sessions and credentials", "reads", &[]),
            AccountWrite => (
                "Remove apps and sessions of your own, and make credentials that act in your place",
                "changes",
                &[AccountRead],
            ),
            ScimRead => ("Read directory users and groups", "reads", &[]),
            ScimWrite => (
                "Create, change and remove directory users and groups",
                "destructive",
                &[ScimRead],
            ),
            SyncProfileRead => ("Read synchronisation profiles", "reads", &[]),
            ConnectorRead => ("Read connector settings", "reads", &[]),
            ConnectorWrite => ("Report connector state", "changes", &[ConnectorRead]),
            InstanceRead => ("See the whole instance", "reads", &[]),
            InstanceWrite => (
                "Run the whole instance: keys, system clients, organisations",
                "destructive",
                &[InstanceRead],
            ),
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Whether it is about synchronising a directory.
    pub const fn is_directory(self) -> bool {
        matches!(
            self,
            ScimRead | ScimWrite | SyncProfileRead | ConnectorRead | ConnectorWrite
        )
    }

    /// Whether it changes roles, factors, credentials, or anything that is equal to a credential of somebody else. A
    /// credential that works unattended in a person's name holds none of these (`product.md`, *Assurance*).
    pub const fn reaches_credentials(self) -> bool {
        matches!(
            self,
            OrganizationsWrite
                | ApisWrite
                | ApisDelete
                | ClientsWrite
                | ClientsDelete
                | MembersWrite
                | MembersDelete
                | ScimWrite
                | AccountWrite
                | InstanceWrite
        )
    }

    /// Whether it is about a person's own account, whatever his role.
    pub const fn is_personal(self) -> bool {
        matches!(self, AccountRead | AccountWrite)
    }

    /// Whether only system clients and operators ever hold it.
    pub const fn is_instance(self) -> bool {
        matches!(self, InstanceRead | InstanceWrite)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    held: u32,
    /// What a person's role allows, but the token that acts for him does not hold.
    withheld: u32,
}

impl Permissions {
    /// Whether it holds `permission`.
    pub const fn allow(self, permission: Permission) -> bool {
        self.held & permission.bit() != 0
    }

    /// Whether only the token stands in the way: a token with the scope `permission` would do.
    pub const fn withhold(self, permission: Permission) -> bool {
        self.withheld & permission.bit() != 0
    }

    /// With one more, and everything that comes with it.
    #[must_use]
    pub fn with(self, permission: Permission) -> Self {
        let (_, _, implied) = permission.about();
        let held = Self {
            held: self.held | permission.bit(),
            ..self
        };
        implied.iter().fold(held, |all, more| all.with(*more))
    }

    /// Whether its holder may give `permission` away. Who manages people may let a directory be synchronised.
    pub const fn may_give(self, permission: Permission) -> bool {
        self.allow(permission) || permission.is_directory() && self.allow(MembersWrite)
    }

    /// What of it only looks.
    #[must_use]
    pub fn looking(self) -> Self {
        let looks = |p: &Permission| p.about().1 == "reads" && self.allow(*p);
        let looking = Permission::ALL.iter().copied().filter(looks);
        let held = looking.fold(Self::default(), Self::with).held;
        Self {
            held,
            withheld: self.withheld | self.held & !held,
        }
    }

    /// What of it a personal credential may hold.
    #[must_use]
    pub fn unattended(self) -> Self {
        let reaching = Permission::ALL.iter().filter(|p| p.reaches_credentials());
        Self {
            held: reaching.fold(self.held, |held, permission| held & !permission.bit()),
            ..self
        }
    }

    /// What both hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            held: self.held & other.held,
            withheld: 0,
        }
    }

    /// What a token does for somebody who may do this: never more than he, never more than the token.
    #[must_use]
    pub const fn through(self, token: Self) -> Self {
        Self {
            held: self.held & token.held,
            withheld: self.held & !token.held,
        }
    }

    /// The permissions among scope values; other values are none.
    pub fn of_scopes<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        values
            .into_iter()
            .filter_map(Permission::parse)
            .fold(Self::default(), Self::with)
    }

    /// What a role may do.
    pub fn of_role(role: Role) -> Self {
        let of_an_organization = |p: &Permission| !p.is_instance() && !p.is_personal();
        let all = Permission::ALL.iter().copied().filter(of_an_organization);
        match role {
            Role::Owner | Role::Admin => all.fold(Self::default(), Self::with),
            Role::Auditor => [OrganizationsRead, ClientsRead, ApisRead, MembersRead, AuditRead]
                .into_iter()
                .fold(Self::default(), Self::with),
            Role::Member => Self::default().with(OrganizationsRead),
        }
    }

    /// What an operator may do, in every organisation.
    pub fn operator() -> Self {
        Permission::ALL.iter().copied().fold(Self::default(), Self::with)
    }
}

words! {
    /// What kind of party acts.
    ActorKind {
        User = "user",
        Client = "client",
        System = "system",
    }
}

/// Who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    pub kind: ActorKind,
    pub id: String,
    pub name: String,
    pub ip: Option<String>,
    pub request_id: String,
    /// By which door.
    pub origin: Origin,
}

impl Actor {
    /// The server itself.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: "system".to_owned(),
            name: "Oauthority".to_owned(),
            ip: None,
            request_id: String::new(),
            origin: Origin::System,
        }
    }
}

/// Who acts, where, and what he may do there.
#[derive(Clone, Debug)]
pub struct Access {
    pub actor: Actor,
    pub org: Organization,
    pub permissions: Permissions,
    /// How sure it is who acts.
    pub assurance: Assurance,
    /// Only say what would come of it.
    pub dry_run: bool,
}

impl Access {
    /// Asks for a permission.
    ///
    /// # Errors
    /// `insufficient_scope` when another token would do, `forbidden` when a person's role is in the way; both name what
    /// is missing.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions.allow(permission) {
            return Ok(());
        }
        let (about, ..) = permission.about();
        Err(match self.actor.kind {
            ActorKind::User if self.permissions.withhold(permission) => scope_missing(permission),
            ActorKind::Client => scope_missing(permission),
            ActorKind::User | ActorKind::System => {
                let (first, rest) = about.split_at(1);
                Code::Forbidden.because(format!(
                    "your role in this organisation does not allow: {}{rest}",
                    first.to_lowercase()
                ))
            }
        }
        .into())
    }

    /// Asks for a permission and, of a person, a fresh sign-in at the strength that the account has now.
    ///
    /// # Errors
    /// As [`require`](Self::require), and as [`check_fresh`](Self::check_fresh).
    pub fn require_fresh(&self, permission: Permission, now: Timestamp) -> Result<()> {
        self.require(permission)?;
        self.check_fresh(now)
    }

    /// Asks a person for a fresh sign-in at the strength that the account has now.
    ///
    /// # Errors
    /// `insufficient_user_authentication`.
    pub fn check_fresh(&self, now: Timestamp) -> Result<()> {
        self.assurance.check(now)
    }
}

fn scope_missing(permission: Permission) -> Refusal {
    Code::InsufficientScope.because(format!("this needs an access token with the scope {permission}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_a_person_does_what_both_may() {
        let token = Permissions::of_scopes(["clients:write", "audit:read"]);
        let held = Permissions::of_role(Role::Auditor).through(token);
        assert!(held.allow(ClientsRead) && held.allow(AuditRead));
        assert!(!held.allow(ClientsWrite) && !held.withhold(ClientsWrite));
        assert!(!held.allow(MembersRead) && held.withhold(MembersRead));
    }

    #[test]
    fn writing_comes_with_reading() {
        let held = Permissions::of_scopes(["clients:write"]);
        assert!(held.allow(ClientsRead) && held.allow(ClientsWrite) && !held.allow(ClientsDelete));
    }

    #[test]
    fn no_role_runs_the_instance() {
        for role in Role::ALL {
            assert!(!Permissions::of_role(*role).allow(InstanceRead), "{role}");
        }
    }

    #[test]
    fn w_12_an_auditor_changes_nothing() {
        let held = Permissions::of_role(Role::Auditor);
        for permission in Permission::ALL {
            let (_, risk, _) = permission.about();
            assert!(risk == "reads" || !held.allow(*permission), "{permission}");
        }
    }
}

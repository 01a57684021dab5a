//! Who calls the management API: the client that the access token was issued to, or the person it acts for.
//!
//! A client is at home in its organisation, with the permissions that the scopes of its token are. A person is at home in
//! each organisation he belongs to, with what both the token and his role there allow (see [`person`]). The
//! organisation in a path must be one of these, by handle or id. Any other is answered like one that does not exist,
//! unless the caller may see the whole instance.

mod person; // the one behind a token

use axum::http::{HeaderMap, header};

use crate::{
    app::App,
    bearer::{self, Bearer},
    error::Result,
    oauth::{
        client::{Kind, Origin, fold},
        refusal::{Code, Refusal},
    },
    observe::RequestContext,
    registry::{
        access::{Access, Actor, ActorKind, Permission, Permissions},
        assurance::Assurance,
        organizations,
    },
    store::{
        self,
        clients::Client,
        organizations::Organization,
        users::{Role, User},
    },
    time::Timestamp,
};

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub client_id: String,
    pub client_name: String,
    /// Whom the client acts for, if not for itself.
    pub person: Option<User>,
    /// As the token has them.
    pub scopes: Vec<String>,
    /// Where he belongs, the first one first; a person may belong nowhere.
    pub homes: Vec<Home>,
    /// What he may do where he does not belong.
    elsewhere: Permissions,
    /// How sure it is who acts.
    pub assurance: Assurance,
    actor: Actor,
}

/// An organisation of the caller.
#[derive(Clone, Debug)]
pub struct Home {
    pub org: Organization,
    /// What a person is there.
    pub role: Option<Role>,
    permissions: Permissions,
}

/// Says who calls.
///
/// # Errors
/// As [`bearer::authenticate`]; `invalid_token` when the client or the person behind the token is gone.
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    query: Option<&str>,
    context: &RequestContext,
    now: Timestamp,
) -> Result<Caller> {
    let held = bearer::authenticate(&app.registry, headers, query, now).await?;
    let client = store::clients::find(app.registry.db(), &held.client.id)
        .await?
        .ok_or_else(|| gone("client"))?;
    let actor = Actor {
        kind: ActorKind::Client,
        id: client.client_id.clone(),
        name: client.name.clone(),
        ip: Some(context.ip.to_string()),
        request_id: context.request_id.clone(),
        origin: origin(headers),
    };
    match &held.token.grant_id {
        Some(grant) => person::caller(app, &held, client, grant, actor, now).await,
        None => itself(app, &held, client, actor).await,
    }
}

/// A client that acts for itself: nobody is asked how they signed in. What a personal credential holds from before that
/// reaches credentials of others does not count.
async fn itself(app: &App, held: &Bearer, client: Client, actor: Actor) -> Result<Caller> {
    let org = store::organizations::find(app.registry.db(), &client.org_id)
        .await?
        .ok_or_else(|| gone("client"))?;
    let (here, elsewhere) = reach_of(app, held, &client).await?;
    Ok(Caller {
        scopes: scopes(held),
        client_id: client.client_id,
        client_name: client.name,
        person: None,
        homes: vec![Home {
            org,
            role: None,
            permissions: here,
        }],
        elsewhere,
        assurance: Assurance::Unasked,
        actor,
    })
}

/// What a client may do in its organisation, and elsewhere. A personal credential never does more than its person may
/// himself at that moment.
async fn reach_of(app: &App, held: &Bearer, client: &Client) -> Result<(Permissions, Permissions)> {
    if client.kind != Kind::Personal {
        return Ok((held.permissions, held.permissions));
    }
    let role = match &client.user_id {
        Some(user) => store::users::role(app.registry.db(), &client.org_id, user).await?,
        None => None,
    };
    let own = role.map(Permissions::of_role).unwrap_or_default();
    let held = held.permissions.unattended();
    Ok((own.through(held), Permissions::default()))
}

fn scopes(held: &Bearer) -> Vec<String> {
    held.token.scope.split(' ').map(str::to_owned).collect()
}

fn gone(what: &str) -> Refusal {
    Code::InvalidToken.because(format!("the {what} of this access token is gone"))
}

/// The product's own command line says so, and says when it carries out a file.
fn origin(headers: &HeaderMap) -> Origin {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    if agent.is_some_and(|agent| agent.starts_with("oauthority-file/")) {
        Origin::File
    } else if agent
        .is_some_and(|agent| agent.starts_with("oauthority/") || agent.starts_with("oauthority-cli/"))
    {
        Origin::Cli
    } else {
        Origin::Api
    }
}

impl Caller {
    /// Tells callers apart: the same client for another person is another one.
    pub fn key(&self) -> String {
        match &self.person {
            Some(person) => format!("{}/{}", self.client_id, person.id),
            None => self.client_id.clone(),
        }
    }

    /// What he may do in his own organisation; of several, the first.
    ///
    /// # Errors
    /// `forbidden` for a person who belongs to none.
    pub fn own(&self, dry_run: bool) -> Result<Access> {
        let home = self.homes.first().ok_or_else(|| {
            Code::Forbidden
                .because("this account belongs to no organisation: ask an admin of one to add it")
                .reason("no_organization")
        })?;
        self.at(home, dry_run)
    }

    /// Who acts, apart from any organisation.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The person whom the token acts for, if its scopes reach that far. What he does with his own account follows from
    /// them alone, not from a role.
    ///
    /// # Errors
    /// `insufficient_scope`; `forbidden` for a token that acts for no person.
    pub fn myself(&self, permission: Permission) -> Result<&User> {
        if !self.personal().allow(permission) {
            return Err(Code::InsufficientScope
                .because(format!("this needs an access token with the scope {permission}"))
                .into());
        }
        self.person.as_ref().ok_or_else(|| {
            Code::Forbidden
                .because("this token acts for no person: sign in with “oauthority login”, or through an app")
                .reason("no_person")
                .into()
        })
    }

    /// What the token may do with a person's own account.
    fn personal(&self) -> Permissions {
        let scopes = self.scopes.iter().filter_map(|scope| Permission::parse(scope));
        scopes
            .filter(|permission| permission.is_personal())
            .fold(Permissions::default(), Permissions::with)
    }

    /// As [`everywhere`](Self::everywhere), with what the token may do with the person's own account.
    ///
    /// # Errors
    /// As [`everywhere`](Self::everywhere).
    pub fn everywhere_myself(&self, dry_run: bool) -> Result<Vec<Access>> {
        let own = |access: Access| Access {
            permissions: match self.personal() {
                held if held.allow(Permission::AccountWrite) => {
                    access.permissions.with(Permission::AccountWrite)
                }
                held if held.allow(Permission::AccountRead) => {
                    access.permissions.with(Permission::AccountRead)
                }
                _ => access.permissions,
            },
            ..access
        };
        Ok(self.everywhere(dry_run)?.into_iter().map(own).collect())
    }

    /// What they may do in each organisation they belong to.
    ///
    /// # Errors
    /// `insufficient_user_authentication` when one of them demands a second factor that the sign-in has not shown: a list
    /// without it would look whole.
    pub fn everywhere(&self, dry_run: bool) -> Result<Vec<Access>> {
        self.homes.iter().map(|home| self.at(home, dry_run)).collect()
    }

    /// The client with this id, where the caller may see it: in an organisation of theirs, or anywhere if they see everything.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn client(&self, app: &App, client_id: &str) -> Result<Option<Client>> {
        let db = app.registry.db();
        if self.sees_everything() {
            return Ok(store::clients::find(db, client_id).await?);
        }
        let orgs: Vec<&str> = self.homes.iter().map(|home| home.org.id.as_str()).collect();
        Ok(store::clients::find_in(db, &orgs, client_id).await?)
    }

    /// What he may do in the organisation with this handle or id.
    ///
    /// # Errors
    /// `not_found` for one that does not exist and for one that is not his; `insufficient_user_authentication` where a
    /// second factor is demanded that the sign-in has not shown.
    pub async fn reach(&self, app: &App, org: &str, dry_run: bool) -> Result<Access> {
        let named = |home: &&Home| home.org.id == org || fold(&home.org.handle) == fold(org);
        if let Some(home) = self.homes.iter().find(named) {
            return self.at(home, dry_run);
        }
        // That of others is not looked for, so that asking for it costs what asking for nothing costs.
        if !self.sees_everything() {
            return Err(organizations::unknown().into());
        }
        let db = app.registry.db();
        let found = match store::organizations::find(db, org).await? {
            Some(found) => Some(found),
            None => store::organizations::find_by_handle(db, org).await?,
        };
        let org = found.ok_or_else(organizations::unknown)?;
        // Who sees the whole instance does not run it for that.
        let permissions = if self.elsewhere.allow(Permission::InstanceWrite) {
            self.elsewhere
        } else {
            self.elsewhere.looking()
        };
        let foreign = Home {
            org,
            role: None,
            permissions,
        };
        self.at(&foreign, dry_run)
    }

    /// Asks whether he may do this in any organisation at all.
    ///
    /// # Errors
    /// As [`Access::require`].
    pub fn require_somewhere(&self, permission: Permission) -> Result<()> {
        if self.homes.iter().any(|home| home.permissions.allow(permission)) {
            return Ok(());
        }
        self.own(false)?.require(permission)
    }

    /// Whether an organisation is one of his.
    pub fn belongs_to(&self, org_id: &str) -> bool {
        self.homes.iter().any(|home| home.org.id == org_id)
    }

    /// Whether he may act in every organisation.
    pub fn sees_everything(&self) -> bool {
        self.elsewhere.allow(Permission::InstanceRead)
    }

    /// Every access of a caller is made here, so that what an organisation demands of its people is asked of all of them.
    fn at(&self, home: &Home, dry_run: bool) -> Result<Access> {
        self.assurance.enter(&home.org)?;
        Ok(Access {
            actor: self.actor.clone(),
            org: home.org.clone(),
            permissions: home.permissions,
            assurance: if dry_run {
                // Nothing changes, and nothing is handed out that works.
                Assurance::Unasked
            } else {
                self.assurance.clone().within(&home.org)
            },
            dry_run,
        })
    }
}

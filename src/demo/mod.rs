//! The demonstration that `serve --dev` makes, so that a newcomer meets a living console: the organisation *acme*
//! (Acme Energy) with 57 clients, 5 of them the built-in ones, one archived client beside them, a second organisation,
//! and the people ada, aud, mel and ope, who let some of the apps act for them. Ada has a credential of her own at Globex,
//! and prepared one for mel. Everything is made on a clock that is set
//! back, and by the registry where it has a function for it, so that the activity tells the same story as the lists.
//!
//! It is made once: a start that was interrupted goes on where it stopped, and what was changed later stays changed.

mod apis;
mod clients;
mod consents;
mod credentials;
mod failures;
mod people;
mod usage;
mod webhooks;

pub use clients::{names_never_used, names_not_used_in};
pub use people::PEOPLE;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    registry::{
        Registry,
        access::{Access, Actor, ActorKind, Permissions},
        assurance::Assurance,
        bootstrap, organizations,
    },
    secret::Secret,
    store::{
        self, instance,
        organizations::Organization,
        users::{Role, User},
    },
    time::{Clock, Lifetime, Timestamp},
};

/// Handle and name of the demonstration's organisation.
pub const HANDLE: &str = "acme";
pub const NAME: &str = "Acme Energy";

/// Since when uses are on record, in days.
const RECORDED_DAYS: i64 = 365;

/// Makes the demonstration if there is none. `tell` is called once, with what the newcomer needs to sign in.
///
/// # Errors
/// When the storage fails; when somebody set this installation up for real.
pub async fn provision(
    registry: &Registry,
    password: Option<Secret<String>>,
    tell: impl FnOnce(&str),
) -> Result<()> {
    let db = registry.db();
    if instance::find(db, instance::DEMO_COMPLETE).await?.is_some() {
        return Ok(());
    }
    if instance::find(db, instance::DEMO_BEGUN).await?.is_none() {
        if store::users::count(db).await? > 0 {
            return Err(Error::internal(
                "this installation was set up for real and --dev would add people with a shared password: start \
                 without --dev, or with another --data-dir",
            ));
        }
        note(registry, instance::DEMO_BEGUN).await?;
    }
    let org = organization(registry, HANDLE, NAME).await?;
    let globex = organization(registry, "globex", "Globex").await?;
    let ada = people::provision(registry, &org, &globex, password, tell).await?;
    for home in [&org, &globex] {
        let demo = Demo::new(registry, &ada, home);
        apis::provision(&demo).await?;
        clients::provision(&demo).await?;
        consents::provision(&demo).await?;
        webhooks::provision(&demo).await?;
        failures::provision(&demo).await?;
    }
    credentials::provision(
        &Demo::new(registry, &ada, &org),
        &Demo::new(registry, &ada, &globex),
    )
    .await?;
    let since = registry.now().before(Lifetime::days(RECORDED_DAYS));
    let facts = [instance::TRACKED_SINCE, instance::USAGE_SINCE];
    db.write(
        facts
            .map(|fact| instance::set(fact, &since.to_string()))
            .into_iter()
            .collect(),
    )
    .await?;
    note(registry, instance::DEMO_COMPLETE).await
}

async fn note(registry: &Registry, fact: &str) -> Result<()> {
    let now = registry.now().to_string();
    match registry.db().write(instance::add(fact, &now).into()).await {
        Ok(_) | Err(WriteError::Unique { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn organization(registry: &Registry, handle: &str, name: &str) -> Result<Organization> {
    if let Some(org) = store::organizations::find_by_handle(registry.db(), handle).await? {
        return Ok(org);
    }
    let first = store::organizations::first(registry.db())
        .await?
        .ok_or_else(|| Error::internal("there is no organisation"))?;
    let access = bootstrap::system_access(first);
    organizations::create(registry, &access, handle, name, None).await
}

/// Who makes the demonstration, where, and a registry whose clock can be set.
struct Demo {
    registry: Registry,
    access: Access,
    now: Timestamp,
}

impl Demo {
    fn new(registry: &Registry, ada: &User, org: &Organization) -> Self {
        let actor = Actor {
            kind: ActorKind::User,
            id: ada.id.clone(),
            name: ada.username.clone(),
            ip: Some("192.0.2.10".to_owned()),
            request_id: "demo".to_owned(),
            origin: crate::oauth::client::Origin::Console,
        };
        Self {
            registry: at(registry, registry.now()),
            access: Access {
                actor,
                org: org.clone(),
                permissions: Permissions::of_role(Role::Owner),
                assurance: Assurance::Unasked,
                dry_run: false,
            },
            now: registry.now(),
        }
    }

    /// The moment so many hours before the start.
    fn hours_ago(&self, hours: i64) -> Timestamp {
        self.now.before(Lifetime::hours(hours))
    }

    /// The registry as it would have been then.
    fn then(&self, at_time: Timestamp) -> Registry {
        at(&self.registry, at_time)
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        self.registry.db().write(batch).await?;
        Ok(())
    }
}

/// The same registry with a clock of its own.
fn at(registry: &Registry, time: Timestamp) -> Registry {
    use std::sync::Arc;
    Registry {
        config: Arc::clone(&registry.config),
        boundary: registry.boundary.clone(),
        userinfo: Arc::clone(&registry.userinfo),
        userinfo_any_api: registry.userinfo_any_api,
        live: Arc::clone(&registry.live),
        keyring: Arc::clone(&registry.keyring),
        entropy: registry.entropy.clone(),
        clock: Clock::set(time),
        activity: Arc::clone(&registry.activity),
        passwords: registry.passwords.clone(),
        post: registry.post.clone(),
    }
}

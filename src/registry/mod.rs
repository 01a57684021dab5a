//! What may be done to the things we keep. Console, REST, command line and provisioning all call these functions, so
//! they cannot disagree about who may do what. Every change appends its audit event in the same transaction.

pub mod access; // who acts, for which organisation, with which permissions
pub mod accounts; // people of the whole instance
pub mod addresses; // of clients, saved under another rule than today's
pub mod apis; // resource servers and scopes
pub mod assurance; // how sure it is who acts
pub mod audiences; // which one a new API may have
pub mod audit; // the chain of what was done
pub mod authenticator_app; // one-time codes
pub mod bootstrap; // what the first start creates
pub mod client_grants; // what people gave clients, for those who run them
pub mod client_input; // what a client may look like
pub mod clients; // create, edit, disable, enable, delete
pub mod connected_apps; // what a person lets apps do
pub mod connectors; // what is to be known of sync connectors
mod control; // who may control a client
pub mod copies; // a client like another one
pub mod credential_offers; // a credential for somebody else, who alone gets its secret
pub mod credentials; // clients that belong to a person
pub mod email; // the address of a person
pub mod factors; // what a person has and needs to prove himself
mod file_keys; // the names under which a file knows clients
pub mod grants; // what people gave clients, and how it ends
pub mod guessing; // how often a thing may be guessed, and who hears of it
pub mod impact; // what a cut would cut
pub mod invitations; // into an organisation
pub mod keys; // signing keys
mod known_browser; // browsers that an account knows
pub mod least_privilege; // scopes that nobody asks for
pub mod lockout; // who guesses shuts out himself
pub mod members; // people of an organisation
pub mod notes; // what is to be known of what is in order
pub mod organizations; // tenants
pub mod passkeys; // WebAuthn
pub mod password_grant; // a client brings a password, for migrations only
pub mod people; // accounts and passwords
mod people_input; // what a client may settle about people
pub mod profile; // what a person tells about himself
mod recipients; // who hears what happens to clients
pub mod recovery; // a forgotten password
pub mod recovery_codes; // for the day a device is lost
pub mod secret_notices; // who is told that a secret stops
pub mod secrets; // rotate, end, extend
pub mod sessions; // signed-in browsers
pub mod sign_in; // proof by proof
pub mod transfers; // clients that move to another organisation
pub mod unused; // clients that nobody uses
pub mod usage; // how a client is used
pub mod user_codes; // how often the codes of devices may be typed
pub mod webhooks; // who wants to be told

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{
    activity::Activity,
    config::Config,
    db::{Batch, Db, Done, Statement, WriteError},
    error::Result,
    live::{self, Live},
    mail::{self, Mail, Post},
    oauth::{boundary::Boundary, client::GrantType},
    password::Passwords,
    registry::access::{Access, Actor},
    secret::{Entropy, Keyring},
    store::{
        self,
        audit::{Event, NewEvent},
        changes,
        organizations::Organization,
    },
    time::{Clock, Timestamp},
};

/// What the registry works with.
pub struct Registry {
    pub config: Arc<Config>,
    /// Where this instance sends requests, and browsers.
    pub boundary: Boundary,
    pub live: Arc<Live>,
    /// The audience of tokens that are for the userinfo endpoint alone.
    pub userinfo: Arc<live::Api>,
    /// Whether UserInfo takes tokens for any API, for a migration.
    pub userinfo_any_api: bool,
    pub keyring: Arc<Keyring>,
    pub entropy: Entropy,
    pub clock: Clock,
    pub activity: Arc<Activity>,
    pub passwords: Passwords,
    pub post: Post,
}

impl Registry {
    /// The database.
    pub fn db(&self) -> &Db {
        self.live.db()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where requests and browsers of an organisation's clients and webhooks may go.
    pub fn boundary_of(&self, org: &Organization) -> Boundary {
        self.boundary.within(org.settings.development_redirects)
    }

    /// The grants that a client may be registered for here.
    pub fn grants(&self) -> Vec<GrantType> {
        let legacy = &self.config.legacy;
        GrantType::offered(legacy.password_grant, legacy.implicit_grant)
    }

    /// A fresh id, ordered by time.
    pub fn id(&self) -> String {
        uuid::Uuid::now_v7().simple().to_string()
    }

    /// Commits a batch, unless the caller only wants to see what would come of it.
    ///
    /// # Errors
    /// As the database says; nothing was changed then.
    pub async fn commit(&self, access: &Access, batch: Batch) -> Result<Vec<Done>, WriteError> {
        if access.dry_run {
            return Ok(Vec::new());
        }
        self.live.commit(batch).await
    }

    /// The statement that queues a mail.
    pub fn mail(&self, mail: &Mail) -> Statement {
        mail::queue(&self.keyring, &self.entropy, &self.id(), mail, self.now())
    }

    /// Sends the mails that are due.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn deliver_mail(&self) -> Result<()> {
        self.post.deliver(self.db(), &self.keyring, self.now()).await
    }

    /// Writes down what was used since the last time.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn flush_activity(&self) -> Result<()> {
        Ok(self.activity.flush(self.db()).await?)
    }

    /// Writes down what has its turn of what was used, so that everything has it about once a minute.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn flush_activity_in_turn(&self) -> Result<()> {
        Ok(self.activity.flush_in_turn(self.db()).await?)
    }

    /// An audit event of something done.
    pub fn event(
        &self,
        actor: &Actor,
        org_id: &str,
        action: &str,
        resource: Resource<'_>,
        details: Json,
    ) -> NewEvent {
        let event = Event {
            id: self.id(),
            org_id: Some(org_id.to_owned()),
            at: self.now(),
            actor_kind: actor.kind.word().to_owned(),
            actor_id: actor.id.clone(),
            actor_name: actor.name.clone(),
            ip: actor.ip.clone(),
            request_id: actor.request_id.clone(),
            action: action.to_owned(),
            resource_kind: resource.kind.to_owned(),
            resource_id: resource.id.to_owned(),
            resource_name: resource.name.to_owned(),
            outcome: "done".to_owned(),
            details,
            parts: None,
            mac: None,
            sealed: None,
        };
        NewEvent::new(&self.keyring, &self.entropy, event)
    }

    /// Appends an event of something refused. A failure to write it down does not change the refusal.
    pub async fn note_refusal(&self, access: &Access, action: &str, resource: Resource<'_>, why: &str) {
        let mut event = self.event(
            &access.actor,
            &access.org.id,
            action,
            resource,
            serde_json::json!({ "reason": why }),
        );
        event.outcome = "refused".to_owned();
        let written = self
            .db()
            .write(Batch::from_iter([store::audit::append(&event)]))
            .await;
        if let Err(error) = written {
            tracing::warn!(
                ?error,
                request_id = event.request_id,
                "a refusal could not be written to the audit log"
            );
        }
    }
}

/// The boundary that the operator set. The issuer decides about this machine: one that is plain http on loopback is
/// reached from here only.
pub fn boundary(config: &Config) -> Boundary {
    Boundary::new(
        !config.issuer.is_https(),
        config.outward.allow.clone(),
        config.features.development_redirects,
    )
}

/// What an event happened to.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub kind: &'static str,
    pub id: &'a str,
    pub name: &'a str,
}

/// Adds the announcement of a change to a batch.
pub fn announce(batch: &mut Batch, kind: changes::Kind, subject: &str, now: Timestamp) {
    for statement in changes::announce(kind, subject, now) {
        batch.push(statement);
    }
}

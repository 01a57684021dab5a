//! What the first start creates: the management API, one organisation with its "Workspace" API, the five system clients,
//! the signing keys. Each later start finds it all there and changes nothing.

use std::collections::HashSet;

use serde_json::json;

use crate::{
    db::{Batch, Db, WriteError},
    error::{Error, Result},
    oauth::{
        client::{ApplicationType, GrantType, Kind, Origin},
        people_settings::PeopleSettings,
    },
    registry::{
        Registry,
        access::{Access, Actor, Permission, Permissions},
        announce,
        apis::{self, NewApi, NewScope},
        assurance::Assurance,
        client_input::{Draft, SYNC_CONNECTOR_SCOPES, ScopeRef},
        clients::{self, Creation},
        keys, organizations,
        secrets::Term,
    },
    secret::Keyring,
    store::{
        self,
        apis::{Risk, Scope, TokenFormat},
        changes, instance,
        keys::KeyState,
        organizations::Organization,
    },
};

/// The audience of the product's own management API.
pub const MANAGEMENT_AUDIENCE: &str = "urn:oauthority:api";

/// Makes sure that everything is there. Safe to repeat, and from several nodes at once.
///
/// # Errors
/// When the storage fails, or the key file is not the one this database was made with.
pub async fn provision(registry: &Registry) -> Result<()> {
    provision_keys(registry).await?;
    let management = provision_management(registry).await?;
    add_missing_scopes(registry, &management).await?;
    let org = provision_organization(registry).await?;
    provision_system_clients(registry, org).await?;
    let now = registry.now().to_string();
    for fact in [
        instance::INITIALIZED,
        instance::TRACKED_SINCE,
        instance::USAGE_SINCE,
    ] {
        if instance::find(registry.db(), fact).await?.is_none() {
            once(registry, Batch::from(instance::add(fact, &now))).await?;
        }
    }
    Ok(())
}

/// Commits a batch that another node may have committed first.
async fn once(registry: &Registry, batch: Batch) -> Result<()> {
    match registry.live.commit(batch).await {
        Ok(_) | Err(WriteError::Unique { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes sure that the key file is the one this database was made with; the first start writes that down.
///
/// # Errors
/// One sentence for the operator when it is another one.
pub async fn check_key_file(db: &Db, keyring: &Keyring) -> Result<()> {
    let ours = keyring.check_value();
    if instance::find(db, instance::KEY_CHECK).await?.is_none() {
        match db.write(instance::add(instance::KEY_CHECK, ours).into()).await {
            // Another node may have been first, with another file.
            Ok(_) | Err(WriteError::Unique { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match instance::find(db, instance::KEY_CHECK).await? {
        Some(known) if known == ours => Ok(()),
        _ => Err(wrong_key_file()),
    }
}

fn wrong_key_file() -> Error {
    Error::internal(
        "the key file is not the one this database was made with: start with the original key file",
    )
}

async fn provision_keys(registry: &Registry) -> Result<()> {
    let known: HashSet<String> = store::keys::all(registry.db())
        .await?
        .into_iter()
        .filter(|k| k.state == KeyState::Active)
        .map(|k| k.algorithm)
        .collect();
    for alg in keys::ALGORITHMS {
        if known.contains(alg.name()) {
            continue;
        }
        let key = keys::make(
            &registry.keyring,
            &registry.entropy,
            alg,
            KeyState::Active,
            registry.now(),
        )?;
        let mut batch = Batch::from(store::keys::add(&key));
        announce(&mut batch, changes::Kind::Key, &key.kid, registry.now());
        once(registry, batch).await?;
    }
    Ok(())
}

fn permission_scope(permission: Permission) -> NewScope {
    let (description, risk, implies) = permission.about();
    NewScope {
        value: permission.word().to_owned(),
        description: description.to_owned(),
        risk: Risk::parse(risk).unwrap_or(Risk::Destructive),
        implies: implies.iter().map(|p| p.word().to_owned()).collect(),
        requires_consent: true,
    }
}

async fn provision_management(registry: &Registry) -> Result<store::apis::Api> {
    let find = async || -> Result<Option<store::apis::Api>> {
        let all = store::apis::all(registry.db()).await?;
        Ok(all.into_iter().find(|api| api.audience == MANAGEMENT_AUDIENCE))
    };
    if let Some(api) = find().await? {
        return Ok(api);
    }
    let new = NewApi {
        name: "Oauthority management".to_owned(),
        audience: MANAGEMENT_AUDIENCE.to_owned(),
        token_format: TokenFormat::Jwt,
        lifetime: None,
        signing_algorithm: None,
        scopes: Permission::ALL.iter().copied().map(permission_scope).collect(),
    };
    let (_, batch) = apis::draft(registry, None, new);
    once(registry, batch).await?;
    find()
        .await?
        .ok_or_else(|| Error::internal("the management API is missing"))
}

/// A newer version may know permissions that the database does not.
async fn add_missing_scopes(registry: &Registry, api: &store::apis::Api) -> Result<()> {
    for permission in Permission::ALL {
        if api.scopes.iter().any(|s| s.value == permission.word()) {
            continue;
        }
        let new = permission_scope(*permission);
        let scope = Scope {
            value: new.value,
            description: new.description,
            risk: new.risk,
            implies: new.implies,
            requires_consent: new.requires_consent,
            created_at: registry.now(),
        };
        let mut batch = Batch::from(store::apis::add_scope(&api.id, &scope));
        announce(&mut batch, changes::Kind::Api, &api.id, registry.now());
        once(registry, batch).await?;
    }
    Ok(())
}

async fn provision_organization(registry: &Registry) -> Result<Organization> {
    if let Some(org) = store::organizations::first(registry.db()).await? {
        return Ok(org);
    }
    let first = &registry.config.bootstrap;
    let (_, batch) = organizations::draft(
        registry,
        &Actor::system(),
        &first.handle,
        &first.organization,
        None,
    )?;
    once(registry, batch).await?;
    store::organizations::first(registry.db())
        .await?
        .ok_or_else(|| Error::internal("the first organisation is missing"))
}

/// The access of the server itself to an organisation.
pub fn system_access(org: Organization) -> Access {
    Access {
        actor: Actor::system(),
        org,
        permissions: Permissions::operator(),
        assurance: Assurance::Unasked,
        dry_run: false,
    }
}

/// Programs on people's own machines listen at a port of their own there; which one does not count (RFC 8252 §7.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1/callback", "http://[::1]/callback"];

struct SystemClient<'a> {
    id: &'a str,
    name: &'static str,
    description: &'static str,
    application_type: ApplicationType,
    grants: &'static [GrantType],
    redirect_uris: &'static [&'static str],
    scopes: Vec<ScopeRef>,
}

fn system_clients(registry: &Registry) -> [SystemClient<'_>; 5] {
    use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode, RefreshToken};
    let ids = &registry.config.system_clients;
    let management = Permission::ALL.iter().filter(|p| !p.is_directory());
    let management = management.map(|p| ScopeRef::text(p.word()));
    let sign_in = ["openid", "profile", "email", "offline_access"];
    [
        SystemClient {
            id: &ids.admin_id,
            name: "Admin Client",
            description: "Runs the instance over the management API",
            application_type: ApplicationType::Service,
            grants: &[ClientCredentials],
            redirect_uris: &[],
            scopes: management.clone().collect(),
        },
        SystemClient {
            id: &ids.sync_id,
            name: "Sync Service Client",
            description: "Synchronises users and groups with directories",
            application_type: ApplicationType::Service,
            grants: &[ClientCredentials],
            redirect_uris: &[],
            scopes: SYNC_CONNECTOR_SCOPES.iter().map(|s| ScopeRef::text(*s)).collect(),
        },
        SystemClient {
            id: &ids.mobile_id,
            name: "Mobile App",
            description: "The mobile app, where people sign in",
            application_type: ApplicationType::Native,
            grants: &[AuthorizationCode, RefreshToken],
            redirect_uris: &["org.oauthority.mobile:/callback"],
            scopes: sign_in.into_iter().map(ScopeRef::text).collect(),
        },
        SystemClient {
            id: &ids.desktop_id,
            name: "Desktop Agent",
            description: "The desktop agent, where people sign in",
            application_type: ApplicationType::Native,
            grants: &[AuthorizationCode, RefreshToken],
            redirect_uris: &LOOPBACK,
            scopes: sign_in.into_iter().map(ScopeRef::text).collect(),
        },
        SystemClient {
            id: &ids.cli_id,
            name: "Command Line",
            description: "The oauthority command, for people who sign in; it may never do more than they may",
            application_type: ApplicationType::Native,
            grants: &[AuthorizationCode, RefreshToken, DeviceCode],
            redirect_uris: &LOOPBACK,
            scopes: management
                .chain(sign_in.into_iter().map(ScopeRef::text))
                .collect(),
        },
    ]
}

async fn provision_system_clients(registry: &Registry, org: Organization) -> Result<()> {
    let access = system_access(org);
    for system in system_clients(registry) {
        if store::clients::find(registry.db(), system.id).await?.is_some() {
            continue;
        }
        let draft = Draft {
            kind: Kind::System,
            application_type: system.application_type,
            name: system.name.to_owned(),
            description: system.description.to_owned(),
            grant_types: system.grants.to_vec(),
            redirect_uris: system.redirect_uris.iter().map(|&u| u.to_owned()).collect(),
            scopes: system.scopes,
            auth_method: None,
            require_consent: false,
            access_token_lifetime: None,
            optional_scopes: None,
            people: PeopleSettings::default(),
            user_id: None,
        };
        let extra = Creation {
            secret_note: None,
            secret_label: Some("Made at the first start; rotate it to get one you can read".to_owned()),
            secret_term: Term::Never,
            ..Creation::default()
        };
        let id = system.id.to_owned();
        match clients::create_with_id(registry, &access, id, draft, extra, Batch::default()).await {
            Ok(_) => {}
            // Another node was first.
            Err(Error::Refused(refusal)) if refusal.reason == "exists" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The facts that `GET /api/v1/status` and the console show.
pub fn about(registry: &Registry) -> serde_json::Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "issuer": registry.config.issuer.as_str(),
        "database": registry.db().kind(),
        "origin": Origin::System,
    })
}

//! A new client with the settings of another one, also of one that was deleted. It gets an id and a secret of its own; the
//! other's secrets, what people allowed it, its use and the key under which a file knows it stay where they are.

use crate::{
    error::Result,
    oauth::{
        client::{Kind, Status},
        refusal::Code,
    },
    registry::{
        Registry,
        access::{Access, Permission},
        client_input::{Draft, ScopeRef},
        clients::{self, Created, Creation},
    },
    store::{self, audit::Filter, clients::Client},
};

/// The draft of a client like this one.
///
/// # Errors
/// `not_found`; `conflict` for a personal credential, which belongs to its person; missing permission.
pub async fn draft_like(registry: &Registry, access: &Access, client_id: &str) -> Result<Draft> {
    let client = clients::find(registry, access, client_id).await?;
    if client.kind == Kind::Personal {
        return Err(Code::Conflict
            .because("a personal credential belongs to its person: who needs one like it makes it himself")
            .reason("client.personal")
            .into());
    }
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let scopes = match client.status {
        Status::Deleted => scopes_of_deleted(registry, &client).await?,
        Status::Active | Status::Disabled => clients::scope_refs(&client, &apis),
    };
    let optional = client.optional_scopes.iter().map(|key| ScopeRef {
        audience: key
            .api
            .as_ref()
            .and_then(|id| apis.iter().find(|api| *api.id == **id))
            .map(|api| api.audience.clone()),
        value: key.value.to_string(),
    });
    let optional: Vec<ScopeRef> = optional.filter(|one| scopes.contains(one)).collect();
    Ok(Draft {
        kind: match client.kind {
            Kind::SyncConnector => Kind::SyncConnector,
            _ => Kind::Custom,
        },
        application_type: client.application_type,
        name: client.name,
        description: client.description,
        grant_types: client.grant_types,
        redirect_uris: client.redirect_uris,
        scopes,
        optional_scopes: (!optional.is_empty()).then_some(optional),
        auth_method: client.auth_method,
        require_consent: client.require_consent,
        access_token_lifetime: client.access_token_lifetime,
        people: client.people,
        // A person may have left since.
        user_id: match client.user_id {
            Some(user) => store::users::role(registry.db(), &access.org.id, &user)
                .await?
                .map(|_| user),
            None => None,
        },
    })
}

/// Deleting a client erases what it was granted; the record of its deletion remembers.
async fn scopes_of_deleted(registry: &Registry, client: &Client) -> Result<Vec<ScopeRef>> {
    let filter = Filter {
        resource: Some(client.client_id.clone()),
        action: Some("client.deleted".to_owned()),
        outcome: Some("done".to_owned()),
        ..Filter::default()
    };
    let events = store::audit::list(registry.db(), &client.org_id, &filter, 1).await?;
    let granted = events
        .first()
        .and_then(|event| event.details["before"]["scopes"].as_array().cloned());
    let own = granted.unwrap_or_default().into_iter().filter_map(|pair| {
        Some(ScopeRef {
            audience: Some(pair["audience"].as_str()?.to_owned()),
            value: pair["value"].as_str()?.to_owned(),
        })
    });
    Ok(own.chain(client.oidc_scopes.iter().map(ScopeRef::text)).collect())
}

/// Creates a client like this one; without a name, it is called a copy of it.
///
/// # Errors
/// As [`draft_like`] and [`clients::create`]: nobody copies scopes that he could not give.
pub async fn create(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    name: Option<String>,
    extra: Creation,
) -> Result<Created> {
    access.require(Permission::ClientsWrite)?;
    let draft = draft_like(registry, access, client_id).await?;
    let name = name.unwrap_or_else(|| {
        let kept: String = draft.name.chars().take(110).collect();
        format!("{kept} (copy)")
    });
    clients::create(registry, access, Draft { name, ..draft }, extra).await
}

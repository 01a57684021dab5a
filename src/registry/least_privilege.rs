//! Least privilege by evidence: scopes that a client was granted and did not ask for in 90 days. They can be taken away at
//! once and given back at once. The evidence is what was asked for at the token and authorization endpoints; a request
//! that names no scope asks for all it gets.

use crate::{
    db::Batch,
    error::Result,
    oauth::{
        client::{Kind, Status},
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry,
        access::{Access, Permission},
        clients::{self, Edit},
        control,
    },
    store::{
        self,
        clients::Client,
        scope_trims::{self, Trim},
    },
    time::{Lifetime, Timestamp},
};

/// For how long a scope must not have been asked for.
pub const IDLE: Lifetime = Lifetime::days(90);
/// For how long what was taken can be given back with one word.
pub const UNDO: Lifetime = Lifetime::days(30);

/// A scope that nobody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    pub api_id: String,
    pub audience: String,
    pub value: String,
    /// When it was asked for last; `None`: never since uses are recorded.
    pub last_asked_at: Option<Timestamp>,
}

/// What is proposed for a client.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    pub unasked: Vec<Unasked>,
    /// Since when uses are on record; nothing is proposed before that is 90 days.
    pub recorded_since: Option<Timestamp>,
    /// What was taken last and can be given back.
    pub taken: Option<Trim>,
}

/// The scopes of a client that it did not ask for in 90 days. None of a client that is not used at all (it wants another
/// cure), nor of one whose scopes are settled: system clients, sync connectors, other people's credentials.
///
/// # Errors
/// `not_found`; missing permission; when the storage fails.
pub async fn proposal(registry: &Registry, access: &Access, client_id: &str) -> Result<Proposal> {
    let client = clients::find(registry, access, client_id).await?;
    registry.flush_activity().await?;
    let (now, db) = (registry.now(), registry.db());
    // Not since uses are recorded at all: an older version did not write down scopes.
    let recorded_since = store::instance::moment(db, store::instance::USAGE_SINCE).await?;
    let cutoff = now.before(IDLE);
    let known = recorded_since.is_some_and(|at| at <= cutoff);
    Ok(Proposal {
        unasked: if known && may_be_trimmed(&client, cutoff) {
            unasked(registry, &client, cutoff).await?
        } else {
            Vec::new()
        },
        recorded_since,
        taken: scope_trims::last(db, client_id, now.before(UNDO)).await?,
    })
}

fn may_be_trimmed(client: &Client, cutoff: Timestamp) -> bool {
    client.kind == Kind::Custom
        && client.status == Status::Active
        && client.created_at < cutoff
        && client.last_used_at.is_some()
}

/// The scopes of a client that it did not ask for since `cutoff`, nor anything that comes with them.
///
/// # Errors
/// When the storage fails.
pub(super) async fn unasked(registry: &Registry, client: &Client, cutoff: Timestamp) -> Result<Vec<Unasked>> {
    let asked = store::usage::scopes_asked(registry.db(), &client.client_id).await?;
    let mut found = Vec::new();
    for (api_id, value) in &client.scopes {
        let Some(api) = registry.live.api(api_id) else {
            continue;
        };
        let of = |value: &str| asked.iter().find(|a| a.api_id == *api_id && a.value == value);
        let granted_lately = of(value).is_some_and(|a| a.granted_at.is_some_and(|at| at >= cutoff));
        let comes_with = api.implied(value).iter();
        let last = comes_with
            .filter_map(|implied| Some(of(&implied.value)?.on?.last_at))
            .max();
        if granted_lately || last.is_some_and(|at| at >= cutoff) {
            continue;
        }
        found.push(Unasked {
            api_id: api_id.clone(),
            audience: api.audience.to_string(),
            value: value.clone(),
            last_asked_at: last,
        });
    }
    Ok(found)
}

/// Takes away what is proposed: all of it, or only the values named, as (audience, value).
///
/// # Errors
/// `conflict` when nothing is proposed, or it would leave the client without any scope; bad input for a scope that is not
/// proposed; `precondition_failed` when `version` is stale; missing permission.
pub async fn trim(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
    only: Option<&[(String, String)]>,
) -> Result<Client> {
    access.require(Permission::ClientsWrite)?;
    let before = clients::find_for_change(registry, access, client_id, version).await?;
    clients::refuse_system(registry, access, &before, "client.scopes_trimmed").await?;
    let proposal = proposal(registry, access, client_id).await?;
    let taken: Vec<Unasked> = match only {
        None => proposal.unasked,
        Some(only) => chosen(&proposal.unasked, only)?,
    };
    if taken.is_empty() {
        return Err(Code::Conflict
            .because("no scope of this client is proposed for removal: each was asked for within 90 days, or is younger")
            .reason("scopes.none_unasked")
            .into());
    }
    let is_taken = |api: &str, value: &str| taken.iter().any(|t| t.api_id == api && t.value == value);
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let kept = Client {
        scopes: before
            .scopes
            .iter()
            .filter(|(api, value)| !is_taken(api, value))
            .cloned()
            .collect(),
        ..before.clone()
    };
    if control::takes_beyond(access, &before, &kept, &apis) {
        control::check(registry, access, &before, "client.scopes_trimmed").await?;
    }
    if kept.scopes.is_empty() && kept.oidc_scopes.is_empty() {
        return Err(Code::Conflict
            .because("this would leave the client without any scope: disable it instead, if nobody needs it")
            .reason("scopes.none_left")
            .into());
    }
    let now = registry.now();
    let trim = Trim {
        id: registry.id(),
        client_id: client_id.to_owned(),
        scopes: taken.into_iter().map(|t| (t.api_id, t.value)).collect(),
        taken_by: access.actor.name.clone(),
        taken_at: now,
    };
    let edit = Edit {
        scopes: Some(clients::scope_refs(&kept, &apis)),
        ..Edit::default()
    };
    let batch = Batch::from(scope_trims::add(&trim));
    let action = Some("client.scopes_trimmed");
    clients::change_with(registry, access, before, edit, action, batch).await
}

fn chosen(proposed: &[Unasked], only: &[(String, String)]) -> Result<Vec<Unasked>, Refusal> {
    let find = |(at, (audience, value)): (usize, &(String, String))| {
        let found = proposed
            .iter()
            .find(|p| p.audience == *audience && p.value == *value);
        found.cloned().ok_or_else(|| {
            let detail = format!("{value} of {audience} is not proposed for removal.");
            Refusal::fields(vec![Field::new(
                format!("/scopes/{at}"),
                "scope.not_proposed",
                detail,
            )])
        })
    };
    only.iter().enumerate().map(find).collect()
}

/// Gives back what was taken last.
///
/// # Errors
/// `conflict` when nothing was taken within 30 days, or it was given back already; as [`clients::edit`].
pub async fn restore(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
) -> Result<Client> {
    access.require(Permission::ClientsWrite)?;
    let before = clients::find_for_change(registry, access, client_id, version).await?;
    let now = registry.now();
    let taken = scope_trims::last(registry.db(), client_id, now.before(UNDO)).await?;
    let Some(taken) = taken else {
        return Err(nothing_taken().into());
    };
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let exists = |(api, value): &(String, String)| {
        let api = apis.iter().find(|known| known.id == *api);
        api.is_some_and(|api| api.scopes.iter().any(|scope| scope.value == *value))
    };
    let mut whole = before.clone();
    for key in taken.scopes.iter().filter(|key| exists(key)) {
        if !whole.scopes.contains(key) {
            whole.scopes.push(key.clone());
        }
    }
    let edit = Edit {
        scopes: Some(clients::scope_refs(&whole, &apis)),
        ..Edit::default()
    };
    let batch = Batch::from(scope_trims::undo(&taken.id, now));
    let action = Some("client.scopes_restored");
    clients::change_with(registry, access, before, edit, action, batch).await
}

fn nothing_taken() -> Refusal {
    Code::Conflict
        .because("nothing was taken from this client within 30 days that could be given back")
        .reason("scopes.none_taken")
}

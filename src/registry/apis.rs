//! Resource servers and their scopes.

use serde_json::{Value as Json, json};

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    jose::Alg,
    oauth::{
        audience, name,
        refusal::{Code, Field, Refusal},
        scope,
    },
    registry::{
        Registry, Resource, access::Access, access::Permission, announce, audiences, clients::differences,
        keys,
    },
    store::{
        self,
        apis::{Api, Scope, TokenFormat},
        changes,
    },
    time::Lifetime,
};

/// The settings of an API as asked for.
#[derive(Clone, Debug)]
pub struct NewApi {
    pub name: String,
    pub audience: String,
    pub token_format: TokenFormat,
    pub lifetime: Option<Lifetime>,
    pub signing_algorithm: Option<String>,
    pub scopes: Vec<NewScope>,
}

/// A scope as asked for.
#[derive(Clone, Debug)]
pub struct NewScope {
    pub value: String,
    pub description: String,
    pub risk: store::apis::Risk,
    pub implies: Vec<String>,
    pub requires_consent: bool,
}

/// What to change of an API; `None` leaves it as it is. The audience never changes.
#[derive(Clone, Debug, Default)]
pub struct ApiEdit {
    pub name: Option<String>,
    pub token_format: Option<TokenFormat>,
    pub lifetime: Option<Option<Lifetime>>,
    pub signing_algorithm: Option<Option<String>>,
}

fn describe(api: &Api) -> Json {
    json!({
        "name": api.name,
        "audience": api.audience,
        "token_format": api.token_format,
        "lifetime": api.lifetime,
        "signing_algorithm": api.signing_algorithm,
    })
}

fn describe_scope(scope: &Scope) -> Json {
    json!({
        "value": scope.value,
        "description": scope.description,
        "risk": scope.risk,
        "implies": scope.implies,
        "requires_consent": scope.requires_consent,
    })
}

fn resource(api: &Api) -> Resource<'_> {
    Resource {
        kind: "api",
        id: &api.id,
        name: &api.name,
    }
}

/// The APIs that the organisation can grant: its own and the built-in one.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Api>> {
    access.require(Permission::ApisRead)?;
    Ok(store::apis::of_organization(registry.db(), &access.org.id).await?)
}

/// One of them.
///
/// # Errors
/// `not_found`, for a foreign one too; missing permission.
pub async fn find(registry: &Registry, access: &Access, id: &str) -> Result<Api> {
    access.require(Permission::ApisRead)?;
    store::apis::find_in(registry.db(), &access.org.id, id)
        .await?
        .ok_or_else(|| Code::NotFound.because("there is no API with this id").into())
}

async fn find_own(registry: &Registry, access: &Access, id: &str, version: Option<i64>) -> Result<Api> {
    let api = find(registry, access, id).await?;
    if api.org_id.is_none() {
        return Err(Code::Conflict
            .because("the management API is built in and cannot be changed")
            .reason("api.built_in")
            .into());
    }
    if version.is_some_and(|seen| seen != api.version) {
        return Err(WriteError::Unmet("version").into());
    }
    Ok(api)
}

fn check_settings(
    name: Option<&str>,
    lifetime: Option<Lifetime>,
    algorithm: Option<&str>,
    fields: &mut Vec<Field>,
) {
    if let Some(Err(detail)) = name.map(name::check_trusted) {
        fields.push(Field::new("/name", "name", detail));
    }
    if lifetime.is_some_and(|l| !(60..=86_400).contains(&l.as_seconds())) {
        let detail = "An access token lives between 60 and 86,400 seconds.";
        fields.push(Field::new("/lifetime", "range", detail));
    }
    if algorithm.is_some_and(|name| Alg::named(name).is_none_or(|alg| !keys::ALGORITHMS.contains(&alg))) {
        let detail = "Choose ES256, EdDSA or RS256.";
        fields.push(Field::new("/signing_algorithm", "unknown", detail));
    }
}

fn check_scope(new: &NewScope, pointer: &str, others: &[String], fields: &mut Vec<Field>) {
    if !scope::is_value(&new.value) {
        let detail = "Write resource:action in lower case, such as invoices:read.";
        fields.push(Field::new(format!("{pointer}/value"), "scope.format", detail));
    }
    let length = new.description.chars().count();
    let shown = name::check(&new.description, 300);
    if new.description.trim().is_empty() || length > 300 || shown.is_err() {
        let detail = "Say in at most 300 characters what it allows; people read this when they consent.";
        fields.push(Field::new(
            format!("{pointer}/description"),
            "description",
            detail,
        ));
    }
    for (at, implied) in new.implies.iter().enumerate() {
        if *implied == new.value || !others.contains(implied) {
            let detail = format!("This API has no other scope {implied}.");
            fields.push(Field::new(
                format!("{pointer}/implies/{at}"),
                "scope.unknown",
                detail,
            ));
        }
    }
}

/// Creates an API with its first scopes.
///
/// # Errors
/// Bad input field by field; a taken audience; missing permission.
pub async fn create(registry: &Registry, access: &Access, new: NewApi) -> Result<Api> {
    access.require(Permission::ApisWrite)?;
    let mut fields = Vec::new();
    check_settings(
        Some(&new.name),
        new.lifetime,
        new.signing_algorithm.as_deref(),
        &mut fields,
    );
    fields.extend(audiences::objection(registry, &new.audience));
    let values: Vec<String> = new.scopes.iter().map(|s| s.value.clone()).collect();
    if values.len() > 200 {
        fields.push(Field::new(
            "/scopes",
            "too_many",
            "An API has at most 200 scopes.",
        ));
    }
    for (at, scope) in new.scopes.iter().enumerate().take(200) {
        let pointer = format!("/scopes/{at}");
        check_scope(scope, &pointer, &values, &mut fields);
        if values[..at].contains(&scope.value) {
            let detail = "This API has a scope with this value already.";
            fields.push(Field::new(format!("{pointer}/value"), "scope.exists", detail));
        }
    }
    if !fields.is_empty() {
        return Err(Refusal::fields(fields).into());
    }
    add(registry, access, new).await
}

/// Whether two texts name the same resource server.
fn same_audience(one: &str, other: &str) -> bool {
    audience::canonical(one) == audience::canonical(other)
}

/// Adds an API that was checked, or that the product itself makes.
pub(super) async fn add(registry: &Registry, access: &Access, new: NewApi) -> Result<Api> {
    let buried = store::apis::buried_elsewhere(registry.db(), &access.org.id).await?;
    let (api, mut batch) = draft(registry, Some(access.org.id.clone()), new);
    // Nobody takes over what was issued for an API that is gone: its audience is taken for all but its organisation.
    let equal = buried
        .iter()
        .find(|audience| same_audience(audience, &api.audience));
    batch.push(store::apis::expect_free(&api.id, equal.unwrap_or(&api.audience)));
    let mut details = describe(&api);
    details["scopes"] = api.scopes.iter().map(describe_scope).collect();
    let event = registry.event(
        &access.actor,
        &access.org.id,
        "api.created",
        resource(&api),
        json!({ "after": details }),
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await.map_err(|error| {
        if error.is_unique("apis", "audience") || matches!(error, WriteError::Unmet("audience")) {
            return Refusal::fields(vec![audiences::taken()]).into();
        }
        Error::from(error)
    })?;
    Ok(api)
}

/// An API and the statements that add it.
pub(super) fn draft(registry: &Registry, org_id: Option<String>, new: NewApi) -> (Api, Batch) {
    let now = registry.now();
    let api = Api {
        id: format!("api_{}", registry.id()),
        org_id,
        name: name::normal(&new.name),
        audience: new.audience,
        token_format: new.token_format,
        lifetime: new.lifetime,
        signing_algorithm: new.signing_algorithm,
        created_at: now,
        updated_at: now,
        version: 1,
        scopes: new.scopes.into_iter().map(|s| made(s, now)).collect(),
        since: std::collections::BTreeMap::new(),
    };
    let mut batch = Batch::default();
    batch.push(store::apis::add(&api));
    for scope in &api.scopes {
        batch.push(store::apis::add_scope(&api.id, scope));
    }
    announce(&mut batch, changes::Kind::Api, &api.id, now);
    (api, batch)
}

fn made(new: NewScope, now: crate::time::Timestamp) -> Scope {
    Scope {
        value: new.value,
        description: new.description.trim().to_owned(),
        risk: new.risk,
        implies: new.implies,
        requires_consent: new.requires_consent,
        created_at: now,
    }
}

/// Changes the settings of an API.
///
/// # Errors
/// Bad input field by field; `precondition_failed`; `conflict` for the built-in one; missing permission.
pub async fn edit(
    registry: &Registry,
    access: &Access,
    id: &str,
    version: Option<i64>,
    edit: ApiEdit,
) -> Result<Api> {
    access.require(Permission::ApisWrite)?;
    let before = find_own(registry, access, id, version).await?;
    let after = Api {
        name: edit.name.map_or_else(
            || before.name.clone(),
            |n| if n == before.name { n } else { name::normal(&n) },
        ),
        token_format: edit.token_format.unwrap_or(before.token_format),
        lifetime: edit.lifetime.unwrap_or(before.lifetime),
        signing_algorithm: edit
            .signing_algorithm
            .unwrap_or_else(|| before.signing_algorithm.clone()),
        ..before.clone()
    };
    let mut fields = Vec::new();
    check_settings(
        // What is stored already stays until it is changed.
        Some(after.name.as_str()).filter(|name| *name != before.name),
        after.lifetime,
        after.signing_algorithm.as_deref(),
        &mut fields,
    );
    if !fields.is_empty() {
        return Err(Refusal::fields(fields).into());
    }
    let (was, is) = differences(&describe(&before), &describe(&after));
    if is.is_empty() {
        return Ok(before);
    }
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::apis::set(&after, now));
    let details = json!({ "before": was, "after": is });
    change(registry, access, &after, batch, "api.updated", details).await?;
    Ok(Api {
        updated_at: now,
        version: before.version + 1,
        ..after
    })
}

async fn change(
    registry: &Registry,
    access: &Access,
    api: &Api,
    mut batch: Batch,
    action: &str,
    details: Json,
) -> Result<()> {
    announce(&mut batch, changes::Kind::Api, &api.id, registry.now());
    let event = registry.event(&access.actor, &access.org.id, action, resource(api), details);
    batch.push(store::audit::append(&event));
    registry
        .commit(access, batch)
        .await
        .map_err(|error| match error {
            WriteError::Unmet("scope") => unknown_scope().into(),
            other => Error::from(other),
        })?;
    Ok(())
}

fn unknown_scope() -> Refusal {
    Code::NotFound.because("this API has no scope with this value")
}

/// Who loses what if an API, or one scope of it, goes.
#[derive(Clone, Debug)]
pub struct Loss {
    /// (client id, name)
    pub clients: Vec<(String, String)>,
}

/// The clients that would lose access.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn loss(registry: &Registry, access: &Access, id: &str, value: Option<&str>) -> Result<Loss> {
    let api = find(registry, access, id).await?;
    if value.is_some_and(|v| !api.scopes.iter().any(|s| s.value == v)) {
        return Err(unknown_scope().into());
    }
    let clients = store::apis::holders(registry.db(), id, value).await?;
    Ok(Loss { clients })
}

fn refuse_loss(loss: &Loss, confirmed: bool) -> Result<()> {
    if loss.clients.is_empty() || confirmed {
        return Ok(());
    }
    let names: Vec<&str> = loss
        .clients
        .iter()
        .take(5)
        .map(|(_, name)| name.as_str())
        .collect();
    let more = loss.clients.len().saturating_sub(names.len());
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Err(Code::Conflict
        .because(format!(
            "{} would lose access at once: {}{rest}; confirm to go on",
            if loss.clients.len() == 1 {
                "one client".to_owned()
            } else {
                format!("{} clients", loss.clients.len())
            },
            names.join(", ")
        ))
        .reason("scope.in_use")
        .into())
}

/// Deletes an API with its scopes. Tokens for it stop working at once, and stay dead if it is made anew, which only this
/// organisation may do.
///
/// # Errors
/// `conflict`, naming who loses access, unless confirmed; and for the built-in one.
pub async fn delete(
    registry: &Registry,
    access: &Access,
    id: &str,
    version: Option<i64>,
    confirmed: bool,
) -> Result<()> {
    access.require_fresh(Permission::ApisDelete, registry.now())?;
    let api = find_own(registry, access, id, version).await?;
    let loss = loss(registry, access, id, None).await?;
    refuse_loss(&loss, confirmed)?;
    let mut batch = Batch::default();
    for scope in &api.scopes {
        batch.push(store::usage::remove_scope(id, &scope.value));
    }
    batch.push(store::apis::bury(id, registry.now()));
    batch.push(store::apis::remove(id));
    announce_holders(registry, &mut batch, &loss);
    let details = json!({ "before": describe(&api), "lost_by": ids(&loss) });
    change(registry, access, &api, batch, "api.deleted", details).await
}

fn ids(loss: &Loss) -> Vec<&str> {
    loss.clients.iter().map(|(id, _)| id.as_str()).collect()
}

fn announce_holders(registry: &Registry, batch: &mut Batch, loss: &Loss) {
    for (id, _) in &loss.clients {
        announce(batch, changes::Kind::Client, id, registry.now());
    }
}

/// Adds a scope to an API.
///
/// # Errors
/// Bad input field by field; a taken value; missing permission.
pub async fn create_scope(
    registry: &Registry,
    access: &Access,
    api_id: &str,
    new: NewScope,
) -> Result<Scope> {
    access.require(Permission::ApisWrite)?;
    // What a scope brings along, and that nobody is asked for it, is given to whoever gets it.
    if !new.implies.is_empty() || !new.requires_consent {
        access.check_fresh(registry.now())?;
    }
    let api = find_own(registry, access, api_id, None).await?;
    let values: Vec<String> = api.scopes.iter().map(|s| s.value.clone()).collect();
    let mut fields = Vec::new();
    check_scope(&new, "", &values, &mut fields);
    if values.contains(&new.value) {
        let detail = "This API has a scope with this value already.";
        fields.push(Field::new("/value", "scope.exists", detail));
    }
    if values.len() >= 200 {
        fields.push(Field::new("/value", "too_many", "An API has at most 200 scopes."));
    }
    if !fields.is_empty() {
        return Err(Refusal::fields(fields).into());
    }
    let scope = made(new, registry.now());
    let mut batch = Batch::from(store::incarnations::draw(&access.org.id));
    batch.push(store::apis::add_scope(api_id, &scope));
    batch.push(store::apis::number_scope(api_id, &scope.value));
    for implied in &scope.implies {
        batch.push(store::apis::number_implication(api_id, &scope.value, implied));
    }
    batch.push(store::apis::bump(api_id, registry.now()));
    let details = json!({ "after": describe_scope(&scope) });
    change(registry, access, &api, batch, "scope.created", details).await?;
    Ok(scope)
}

/// Changes a scope; its value never changes.
///
/// # Errors
/// Bad input field by field; `not_found`; missing permission; for people, an old sign-in when it would come with more scopes
/// or nobody would be asked for it any more.
pub async fn edit_scope(registry: &Registry, access: &Access, api_id: &str, new: NewScope) -> Result<Scope> {
    access.require(Permission::ApisWrite)?;
    let api = find_own(registry, access, api_id, None).await?;
    let before = api
        .scopes
        .iter()
        .find(|s| s.value == new.value)
        .ok_or_else(unknown_scope)?;
    let values: Vec<String> = api.scopes.iter().map(|s| s.value.clone()).collect();
    let mut fields = Vec::new();
    check_scope(&new, "", &values, &mut fields);
    if !fields.is_empty() {
        return Err(Refusal::fields(fields).into());
    }
    let scope = made(new, before.created_at);
    let (was, is) = differences(&describe_scope(before), &describe_scope(&scope));
    // What a scope brings along and whether anybody is asked for it is given to every client that holds it.
    if is.contains_key("implies") || is.contains_key("requires_consent") {
        access.check_fresh(registry.now())?;
    }
    let mut batch = Batch::default();
    let comes_new: Vec<&String> = scope
        .implies
        .iter()
        .filter(|value| !before.implies.contains(value))
        .collect();
    if !comes_new.is_empty() {
        batch.push(store::incarnations::draw(&access.org.id));
    }
    batch.push(store::apis::set_scope(api_id, &scope));
    for implied in comes_new {
        batch.push(store::apis::number_implication(api_id, &scope.value, implied));
    }
    batch.push(store::apis::bump(api_id, registry.now()));
    let details = json!({ "scope": scope.value, "before": was, "after": is });
    change(registry, access, &api, batch, "scope.updated", details).await?;
    Ok(scope)
}

/// Deletes a scope. Tokens that carry it stop working at once.
///
/// # Errors
/// `conflict`, naming who loses it, unless confirmed; `not_found`; missing permission.
pub async fn delete_scope(
    registry: &Registry,
    access: &Access,
    api_id: &str,
    value: &str,
    confirmed: bool,
) -> Result<()> {
    access.require_fresh(Permission::ApisDelete, registry.now())?;
    let api = find_own(registry, access, api_id, None).await?;
    let loss = loss(registry, access, api_id, Some(value)).await?;
    refuse_loss(&loss, confirmed)?;
    if let Some(by) = api.scopes.iter().find(|s| s.implies.iter().any(|v| v == value)) {
        return Err(Code::Conflict
            .because(format!("{} implies {value}: change that first", by.value))
            .reason("scope.implied")
            .into());
    }
    let mut batch = Batch::default();
    batch.push(store::usage::remove_scope(api_id, value));
    batch.push(store::apis::remove_scope(api_id, value));
    batch.push(store::apis::bump(api_id, registry.now()));
    announce_holders(registry, &mut batch, &loss);
    let details = json!({ "scope": value, "lost_by": ids(&loss) });
    change(registry, access, &api, batch, "scope.deleted", details).await
}

/// How many clients hold each scope of an API: (value, count).
///
/// # Errors
/// `not_found`; missing permission.
pub async fn holder_counts(registry: &Registry, access: &Access, id: &str) -> Result<Vec<(String, i64)>> {
    let api = find(registry, access, id).await?;
    // Whoever holds scopes of the built-in API elsewhere is nobody's business here.
    if api.org_id.is_none() {
        let own = [access.org.id.clone()];
        let mut counts = Vec::new();
        for scope in &api.scopes {
            let filter = store::clients::Filter {
                scope: Some(scope.value.clone()),
                ..Default::default()
            };
            counts.push((
                scope.value.clone(),
                store::clients::count(registry.db(), &own, &filter).await?,
            ));
        }
        return Ok(counts);
    }
    Ok(store::apis::holder_counts(registry.db(), id).await?)
}

//! The scopes of an API.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    apis::{TAG, confirm},
    client_changes::body,
    impact::ScopeImpact,
};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, dry_run, operation, paging},
        page,
    },
    error::{Error, Result},
    oauth::refusal::Code,
    registry::{
        access::{Access, Permission},
        apis, impact,
    },
    store::{self, apis::Risk},
    time::Timestamp,
};

/// A scope of an API.
#[derive(Serialize, ToSchema)]
pub struct Scope {
    value: String,
    /// What people read when they consent
    description: String,
    risk: Risk,
    /// Values of the same API that come with this one
    implies: Vec<String>,
    requires_consent: bool,
    created_at: Timestamp,
    /// How many clients hold it
    clients: i64,
}

impl Scope {
    /// A scope with how many clients hold each value.
    pub fn of(scope: store::apis::Scope, counts: &[(String, i64)]) -> Self {
        let count = counts.iter().find(|(value, _)| *value == scope.value);
        Self {
            clients: count.map_or(0, |(_, count)| *count),
            value: scope.value,
            description: scope.description,
            risk: scope.risk,
            implies: scope.implies,
            requires_consent: scope.requires_consent,
            created_at: scope.created_at,
        }
    }

    /// The tag of its settings; how many hold it is none of them.
    fn etag(&self) -> String {
        etag::of_content(&json!([
            self.value,
            self.description,
            self.risk,
            self.implies,
            self.requires_consent
        ]))
    }
}

/// A scope to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScope {
    /// `resource:action`; it never changes
    #[schema(min_length = 1, max_length = 100)]
    value: String,
    #[schema(min_length = 1, max_length = 300)]
    description: String,
    /// `changes` if nothing is said
    risk: Option<Risk>,
    implies: Option<Vec<String>>,
    /// `true` if nothing is said
    requires_consent: Option<bool>,
}

impl NewScope {
    /// As the registry takes it.
    pub fn drawn(self) -> apis::NewScope {
        apis::NewScope {
            value: self.value,
            description: self.description,
            risk: self.risk.unwrap_or(Risk::Changes),
            implies: self.implies.unwrap_or_default(),
            requires_consent: self.requires_consent.unwrap_or(true),
        }
    }
}

/// What to change of a scope, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ScopePatch {
    #[schema(nullable = false, min_length = 1, max_length = 300)]
    description: Option<String>,
    #[schema(nullable = false)]
    risk: Option<Risk>,
    #[schema(nullable = false)]
    implies: Option<Vec<String>>,
    #[schema(nullable = false)]
    requires_consent: Option<bool>,
}

const SCOPES: &str = "/api/v1/orgs/{org}/apis/{api}/scopes";
const SCOPE: &str = "/api/v1/orgs/{org}/apis/{api}/scopes/{scope}";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::ApisRead), Some(Permission::ApisWrite));
    let one = || Answer::Ok(Shape::of::<Scope>());
    let all = Answer::Ok(Shape::list_of::<Scope>());
    let made = Answer::Created(Shape::of::<Scope>());
    let list = operation(
        Method::GET,
        SCOPES,
        "listScopes",
        "List the scopes of an API",
        read,
        all,
        |c| Box::pin(list(c)),
    );
    let create = operation(
        Method::POST,
        SCOPES,
        "createScope",
        "Add a scope",
        write,
        made,
        |c| Box::pin(create(c)),
    );
    let show = operation(Method::GET, SCOPE, "showScope", "See a scope", read, one(), |c| {
        Box::pin(show(c))
    });
    let edit = operation(
        Method::PATCH,
        SCOPE,
        "editScope",
        "Change a scope",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let delete = Some(Permission::ApisDelete);
    let remove = operation(
        Method::DELETE,
        SCOPE,
        "deleteScope",
        "Delete a scope",
        delete,
        Answer::NothingBut(Shape::of::<ScopeImpact>()),
        |c| Box::pin(remove(c)),
    );
    let example = json!({ "value": "invoices:read", "description": "See invoices", "risk": "reads" });
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            cli: Some("oauthority scope list API_ID"),
            ..list
        },
        Operation {
            tag: TAG,
            body: Some(body::<NewScope>(true, false, example)),
            conflicts: true,
            cli: Some("oauthority scope create API_ID invoices:read --description 'See invoices'"),
            ..create
        },
        Operation { tag: TAG, ..show },
        Operation {
            tag: TAG,
            body: Some(body::<ScopePatch>(true, true, json!({ "risk": "destructive" }))),
            precondition: Precondition::Required,
            conflicts: true,
            ..edit
        },
        Operation {
            tag: TAG,
            query: vec![dry_run(), confirm()],
            precondition: Precondition::Required,
            conflicts: true,
            ..remove
        },
    ]
}

async fn all(call: &Call, access: &Access) -> Result<Vec<Scope>> {
    let registry = &call.app.registry;
    let api = apis::find(registry, access, call.path("api")).await?;
    let counts = apis::holder_counts(registry, access, &api.id).await?;
    Ok(api
        .scopes
        .into_iter()
        .map(|scope| Scope::of(scope, &counts))
        .collect())
}

async fn find(call: &Call, access: &Access) -> Result<Scope> {
    let wanted = call.path("scope");
    let found = all(call, access)
        .await?
        .into_iter()
        .find(|scope| scope.value == wanted);
    found.ok_or_else(|| Error::from(Code::NotFound.because("this API has no scope with this value")))
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let part = page::cut(all(&call, &access).await?, |scope| &scope.value, &call.query)?;
    let path = format!(
        "/api/v1/orgs/{}/apis/{}/scopes",
        access.org.handle,
        call.path("api")
    );
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn show(call: Call) -> Result<Reply> {
    let scope = find(&call, &call.access().await?).await?;
    let etag = scope.etag();
    Ok(Reply::of(&scope)?.tagged(etag))
}

async fn create(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: NewScope = call.input()?;
    let scope = apis::create_scope(&call.app.registry, &access, call.path("api"), input.drawn()).await?;
    let (org, api) = (&access.org.handle, call.path("api"));
    let location = format!("/api/v1/orgs/{org}/apis/{api}/scopes/{}", scope.value);
    let scope = Scope::of(scope, &[]);
    let etag = scope.etag();
    let reply = Reply::of(&scope)?.tagged(etag);
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ApisWrite)?;
    let patch: ScopePatch = call.input()?;
    let before = find(&call, &access).await?;
    call.demand(&before.etag(), true)?;
    let new = apis::NewScope {
        value: before.value,
        description: patch.description.unwrap_or(before.description),
        risk: patch.risk.unwrap_or(before.risk),
        implies: patch.implies.unwrap_or(before.implies),
        requires_consent: patch.requires_consent.unwrap_or(before.requires_consent),
    };
    let scope = apis::edit_scope(&call.app.registry, &access, call.path("api"), new).await?;
    let scope = Scope {
        clients: before.clients,
        ..Scope::of(scope, &[])
    };
    let etag = scope.etag();
    Ok(Reply::of(&scope)?.tagged(etag))
}

async fn remove(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ApisDelete)?;
    let scope = find(&call, &access).await?;
    call.demand(&scope.etag(), true)?;
    // Whoever only tries it wants to know what there is to confirm.
    let confirmed = call.query.flag("confirm") || access.dry_run;
    let (registry, api) = (&call.app.registry, call.path("api"));
    apis::delete_scope(registry, &access, api, &scope.value, confirmed).await?;
    if access.dry_run {
        let found = impact::of_scope(registry, &access, api, Some(&scope.value)).await?;
        return Reply::of(&ScopeImpact::from(found));
    }
    Ok(Reply::nothing())
}

//! Resource servers of an organisation.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    client_changes::body,
    scopes::{NewScope, Scope},
    sent,
};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, dry_run, flag, operation, paging},
        page,
    },
    error::Result,
    registry::{
        Registry,
        access::{Access, Permission},
        apis::{self, ApiEdit},
    },
    store::{self, apis::TokenFormat},
    time::{Lifetime, Timestamp},
};

pub const TAG: &str = "APIs and scopes";

/// A resource server.
#[derive(Serialize, ToSchema)]
pub struct Api {
    id: String,
    /// `null`: built in, for every organisation
    org_id: Option<String>,
    name: String,
    audience: String,
    token_format: TokenFormat,
    /// Seconds an access token lives; `null`: as the organisation has it
    lifetime: Option<Lifetime>,
    /// `null`: as the instance has it
    signing_algorithm: Option<String>,
    built_in: bool,
    scopes: Vec<Scope>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}

/// An API to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApi {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// An absolute URI; it never changes
    #[schema(min_length = 1, max_length = 255)]
    audience: String,
    token_format: Option<TokenFormat>,
    #[schema(minimum = 60, maximum = 86400)]
    lifetime: Option<i64>,
    /// `ES256`, `EdDSA` or `RS256`
    signing_algorithm: Option<String>,
    #[schema(max_items = 200)]
    scopes: Option<Vec<NewScope>>,
}

/// What to change of an API, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiPatch {
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(nullable = false)]
    token_format: Option<TokenFormat>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86400)]
    lifetime: Option<Option<i64>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    signing_algorithm: Option<Option<String>>,
}

const APIS: &str = "/api/v1/orgs/{org}/apis";
const API: &str = "/api/v1/orgs/{org}/apis/{api}";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::ApisRead), Some(Permission::ApisWrite));
    let one = || Answer::Ok(Shape::of::<Api>());
    let all = Answer::Ok(Shape::list_of::<Api>());
    let made = Answer::Created(Shape::of::<Api>());
    let list = operation(Method::GET, APIS, "listApis", "List APIs", read, all, |c| {
        Box::pin(list(c))
    });
    let create = operation(
        Method::POST,
        APIS,
        "createApi",
        "Create an API",
        write,
        made,
        |c| Box::pin(create(c)),
    );
    let show = operation(Method::GET, API, "showApi", "See an API", read, one(), |c| {
        Box::pin(show(c))
    });
    let edit = operation(
        Method::PATCH,
        API,
        "editApi",
        "Change an API",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let delete = Some(Permission::ApisDelete);
    let remove = operation(
        Method::DELETE,
        API,
        "deleteApi",
        "Delete an API",
        delete,
        Answer::Nothing,
        |c| Box::pin(remove(c)),
    );
    let example = json!({
        "name": "Invoices",
        "audience": "https://invoices.example",
        "scopes": [{ "value": "invoices:read", "description": "See invoices", "risk": "reads" }],
    });
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            cli: Some("oauthority api list"),
            ..list
        },
        Operation {
            tag: TAG,
            body: Some(body::<NewApi>(true, false, example)),
            cli: Some("oauthority api create --name Invoices --audience https://invoices.example"),
            ..create
        },
        Operation { tag: TAG, ..show },
        Operation {
            tag: TAG,
            body: Some(body::<ApiPatch>(true, true, json!({ "lifetime": 600 }))),
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

/// The parameter by which somebody accepts that clients lose access.
pub fn confirm() -> crate::api::query::Parameter {
    flag("confirm", "Go on although clients lose access.")
}

/// An API as it is shown.
///
/// # Errors
/// When the storage fails.
pub async fn shown(registry: &Registry, access: &Access, api: store::apis::Api) -> Result<Api> {
    let counts = if access.dry_run {
        Vec::new()
    } else {
        apis::holder_counts(registry, access, &api.id).await?
    };
    let scopes = api.scopes.into_iter().map(|scope| Scope::of(scope, &counts));
    Ok(Api {
        scopes: scopes.collect(),
        built_in: api.org_id.is_none(),
        id: api.id,
        org_id: api.org_id,
        name: api.name,
        audience: api.audience,
        token_format: api.token_format,
        lifetime: api.lifetime,
        signing_algorithm: api.signing_algorithm,
        created_at: api.created_at,
        updated_at: api.updated_at,
        version: api.version,
    })
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let registry = &call.app.registry;
    let mut all = Vec::new();
    for api in apis::list(registry, &access).await? {
        all.push(shown(registry, &access, api).await?);
    }
    let part = page::cut(all, |api| &api.id, &call.query)?;
    let path = format!("/api/v1/orgs/{}/apis", access.org.handle);
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn create(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: NewApi = call.input()?;
    let new = apis::NewApi {
        name: input.name,
        audience: input.audience,
        token_format: input.token_format.unwrap_or(TokenFormat::Jwt),
        lifetime: input.lifetime.map(Lifetime::seconds),
        signing_algorithm: input.signing_algorithm,
        scopes: input
            .scopes
            .unwrap_or_default()
            .into_iter()
            .map(NewScope::drawn)
            .collect(),
    };
    let registry = &call.app.registry;
    let api = apis::create(registry, &access, new).await?;
    let (location, etag) = (
        format!("/api/v1/orgs/{}/apis/{}", access.org.handle, api.id),
        etag::of_version(api.version),
    );
    // Nobody holds a scope of a new API.
    let counted = Access {
        dry_run: true,
        ..access.clone()
    };
    let reply = Reply::of(&shown(registry, &counted, api).await?)?.tagged(etag);
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn show(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let registry = &call.app.registry;
    let api = apis::find(registry, &access, call.path("api")).await?;
    let etag = etag::of_version(api.version);
    Ok(Reply::of(&shown(registry, &access, api).await?)?.tagged(etag))
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ApisWrite)?;
    let patch: ApiPatch = call.input()?;
    let registry = &call.app.registry;
    let before = apis::find(registry, &access, call.path("api")).await?;
    call.demand(&etag::of_version(before.version), true)?;
    let edit = ApiEdit {
        name: patch.name,
        token_format: patch.token_format,
        lifetime: patch.lifetime.map(|seconds| seconds.map(Lifetime::seconds)),
        signing_algorithm: patch.signing_algorithm,
    };
    let api = apis::edit(registry, &access, &before.id, Some(before.version), edit).await?;
    let etag = etag::of_version(api.version);
    Ok(Reply::of(&shown(registry, &access, api).await?)?.tagged(etag))
}

async fn remove(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ApisDelete)?;
    let registry = &call.app.registry;
    let api = apis::find(registry, &access, call.path("api")).await?;
    call.demand(&etag::of_version(api.version), true)?;
    let confirmed = call.query.flag("confirm");
    apis::delete(registry, &access, &api.id, Some(api.version), confirmed).await?;
    Ok(Reply::nothing())
}

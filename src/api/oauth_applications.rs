//! `/api/oauth-applications`: the contract of `product.md` section 5, in camel case, on the same clients.
//!
//! Only what an application of this contract can be is seen here: custom clients of its four types. Services, system
//! clients and what was deleted do not exist.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{PartialSchema, ToSchema};

use super::{
    call::{Call, Reply},
    etag,
    operation::{Answer, Body, Operation, Precondition, Shape, flag, operation, parameter, text},
    page,
    query::{Parameter, span},
};
use crate::{
    error::{Error, Result},
    oauth::{
        client::{ApplicationType, GrantType, Kind, Status, words},
        people_settings::PeopleSettings,
        refusal::{Field, Refusal},
    },
    registry::{
        Registry,
        access::{Access, Permission},
        client_input::{Draft, ScopeRef},
        clients::{self, Creation, Edit},
        organizations,
        secrets::{self, OldSecret, Rotation, Term},
    },
    secret,
    store::{
        self,
        apis::Api,
        clients::{Client, Filter, From, Page, SortKey},
    },
    time::{Lifetime, Timestamp},
};

words! {
    /// What an application can be here.
    ContractType {
        Web = "web",
        Native = "native",
        Public = "public",
        UserAgentBased = "user-agent-based",
    }
}

impl PartialSchema for ContractType {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let words = Self::ALL.iter().map(|one| one.word());
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(words))
            .into()
    }
}
impl ToSchema for ContractType {}

/// An application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
struct Application {
    client_id: String,
    name: String,
    r#type: ApplicationType,
    redirect_urls: Vec<String>,
    owner_org_id: String,
    allowed_scopes: Vec<String>,
    is_first_party: bool,
    disabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An application and the text of its secret: this once, never again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
struct MadeApplication {
    application: Application,
    /// `null` for an application that holds none
    client_secret: Option<String>,
}

/// A part of the list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
struct ApplicationPage {
    data: Vec<Application>,
    page_info: PageInfo,
}

/// Where a part of the list lies.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(rename_all = "camelCase")]
struct PageInfo {
    total: i64,
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// It was done.
#[derive(Serialize, ToSchema)]
struct Success {
    success: bool,
}

/// An application to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(rename_all = "camelCase")]
struct NewApplication {
    #[schema(min_length = 1)]
    owner_org_id: String,
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    r#type: ContractType,
    redirect_urls: Vec<String>,
    /// `["workspace:read"]` if nothing is said
    #[schema(nullable = false)]
    allowed_scopes: Option<Vec<String>>,
}

/// What to change of an application.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(rename_all = "camelCase")]
struct ApplicationPatch {
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(nullable = false)]
    redirect_urls: Option<Vec<String>>,
    #[schema(nullable = false)]
    allowed_scopes: Option<Vec<String>>,
}

/// How to rotate. Without anything said the old secret ends now.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(rename_all = "camelCase")]
struct RotateApplication {
    /// For how long the old secret still works
    #[schema(minimum = 0, maximum = 2592000)]
    grace_seconds: Option<i64>,
    /// The same as a span such as `24h`
    #[schema(max_length = 20)]
    old_secret_ends_in: Option<String>,
    /// Kill every token issued so far, too.
    revoke_tokens: Option<bool>,
}

const TAG: &str = "OAuth applications";
const APPLICATIONS: &str = "/api/oauth-applications";
const APPLICATION: &str = "/api/oauth-applications/{client}";
const ENABLE: &str = "/api/oauth-applications/{client}/enable";
const ROTATE: &str = "/api/oauth-applications/{client}/rotate-secret";

/// The rows of the table.
pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::ClientsRead), Some(Permission::ClientsWrite));
    let one = || Answer::Ok(Shape::of::<Application>());
    let all = Answer::Ok(Shape::of::<ApplicationPage>());
    let made = || Shape::of::<MadeApplication>();
    let done = Answer::Ok(Shape::of::<Success>());
    let row = |method, path, id, summary, permission, answer, act| Operation {
        tag: TAG,
        ..operation(method, path, id, summary, permission, answer, act)
    };
    let list = row(
        Method::GET,
        APPLICATIONS,
        "listApplications",
        "List applications",
        read,
        all,
        |c| Box::pin(list(c)),
    );
    let create = row(
        Method::POST,
        APPLICATIONS,
        "createApplication",
        "Create an application",
        write,
        Answer::Created(made()),
        |c| Box::pin(create(c)),
    );
    let show = row(
        Method::GET,
        APPLICATION,
        "showApplication",
        "See an application",
        read,
        one(),
        |c| Box::pin(show(c)),
    );
    let edit = row(
        Method::PATCH,
        APPLICATION,
        "editApplication",
        "Change an application",
        write,
        one(),
        |c| Box::pin(edit(c)),
    );
    let disable = row(
        Method::DELETE,
        APPLICATION,
        "disableApplication",
        "Disable an application, or delete it for good",
        write,
        done,
        |c| Box::pin(remove(c)),
    );
    let enable = row(
        Method::POST,
        ENABLE,
        "enableApplication",
        "Bring an application back",
        write,
        one(),
        |c| Box::pin(enable(c)),
    );
    let rotate = row(
        Method::POST,
        ROTATE,
        "rotateApplicationSecret",
        "Give an application a new secret",
        write,
        Answer::Ok(made()),
        |c| Box::pin(rotate(c)),
    );
    let changing = |operation: Operation| Operation {
        conflicts: true,
        precondition: Precondition::Optional,
        ..operation
    };
    let patch = json!({ "name": "Portal 2" });
    let new = json!({
        "ownerOrgId": "org_0199", "name": "Portal", "type": "web",
        "redirectUrls": ["https://portal.example/callback"], "allowedScopes": ["workspace:read"],
    });
    let permanent = flag("permanent", "Delete it for good; this needs `clients:delete`.");
    vec![
        Operation {
            query: filters(),
            ..list
        },
        Operation {
            body: Some(body::<NewApplication>(true, false, new)),
            ..create
        },
        show,
        Operation {
            body: Some(body::<ApplicationPatch>(true, true, patch)),
            ..changing(edit)
        },
        Operation {
            query: vec![super::operation::dry_run(), permanent],
            ..changing(disable)
        },
        changing(enable),
        Operation {
            body: Some(body::<RotateApplication>(
                false,
                false,
                json!({ "graceSeconds": 86400 }),
            )),
            ..changing(rotate)
        },
    ]
}

fn body<T: ToSchema>(required: bool, patch: bool, example: serde_json::Value) -> Body {
    Body {
        shape: Shape::of::<T>(),
        required,
        patch,
        example,
    }
}

fn filters() -> Vec<Parameter> {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 100 });
    let ids = json!({ "type": "array", "items": { "type": "string", "maxLength": 10_000 } });
    vec![
        parameter("limit", "How many to list.", limit),
        text("after", "The `endCursor` of the part before."),
        text("before", "The `startCursor` of the part behind."),
        Parameter {
            repeats: true,
            ..parameter("ids", "Only these client ids; repeated, or with commas.", ids)
        },
        text("owner_org_id", "Only applications of this organisation."),
        text("name", "Part of the name, whatever the case."),
    ]
}

fn visible(client: &Client) -> bool {
    client.kind == Kind::Custom
        && client.application_type != ApplicationType::Service
        && client.status != Status::Deleted
}

/// A scope is written by its value alone where that says which.
fn shown(client: Client, apis: &[Api]) -> Application {
    let scopes = client.scopes.iter().map(|(id, value)| {
        let has = |api: &&Api| api.scopes.iter().any(|scope| scope.value == *value);
        match apis.iter().find(|api| api.id == *id) {
            Some(api) if apis.iter().filter(has).count() > 1 => format!("{}-{value}", api.audience),
            _ => value.clone(),
        }
    });
    Application {
        allowed_scopes: scopes.chain(client.oidc_scopes.iter().cloned()).collect(),
        client_id: client.client_id,
        name: client.name,
        r#type: client.application_type,
        redirect_urls: client.redirect_uris,
        owner_org_id: client.org_id,
        is_first_party: client.first_party,
        disabled: client.status == Status::Disabled,
        created_at: client.created_at,
        updated_at: client.updated_at,
    }
}

async fn reply(registry: &Registry, client: Client) -> Result<Reply> {
    let apis = store::apis::of_organization(registry.db(), &client.org_id).await?;
    let etag = etag::of_version(client.version);
    Ok(Reply::of(&shown(client, &apis))?.tagged(etag))
}

async fn made(registry: &Registry, access: &Access, created: clients::Created) -> Result<Reply> {
    let apis = store::apis::of_organization(registry.db(), &created.client.org_id).await?;
    let etag = etag::of_version(created.client.version);
    let text = created.secret.filter(|_| !access.dry_run);
    let text = text.map(|new| secret::Secret::new(new.text.expose().to_owned()));
    let document = MadeApplication {
        application: shown(created.client, &apis),
        client_secret: None,
    };
    Ok(Reply::of(&document)?.tagged(etag).telling("clientSecret", text))
}

/// The names of this contract in place of those of `/api/v1`.
fn translated(error: Error) -> Error {
    let Error::Refused(mut refusal) = error else {
        return error;
    };
    for field in &mut refusal.fields {
        let (name, rest) = match field.pointer[1..].split_once('/') {
            Some((name, rest)) => (name.to_owned(), format!("/{rest}")),
            None => (field.pointer.trim_start_matches('/').to_owned(), String::new()),
        };
        let name = match name.as_str() {
            "redirect_uris" => "redirectUrls",
            "scopes" => "allowedScopes",
            "grant_types" => "type",
            "old_ends_at" => "graceSeconds",
            other => other,
        };
        field.pointer = format!("/{name}{rest}");
    }
    Error::Refused(refusal)
}

/// The application of the path and the access to its organisation, if the caller may see it, as he has seen it.
async fn find(call: &Call, permission: Permission) -> Result<(Access, Client)> {
    let registry = &call.app.registry;
    let id = call.path("client");
    let access = match call.caller.client(&call.app, id).await? {
        Some(client) => {
            call.caller
                .reach(&call.app, &client.org_id, call.dry_run())
                .await?
        }
        None => call.caller.own(call.dry_run())?,
    };
    let client = clients::find(registry, &access, id).await?;
    if !visible(&client) {
        return Err(clients::unknown().into());
    }
    access.require(permission)?;
    call.demand(&etag::of_version(client.version), false)?;
    Ok((access, client))
}

async fn show(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let (_, client) = find(&call, Permission::ClientsRead).await?;
    reply(registry, client).await
}

async fn list(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    call.caller.require_somewhere(Permission::ClientsRead)?;
    let mut orgs: Vec<String> = if call.caller.sees_everything() {
        let all = organizations::all(registry, &call.caller.own(false)?).await?;
        all.into_iter().map(|org| org.id).collect()
    } else {
        let own = call.caller.everywhere(false)?.into_iter();
        own.filter(|access| access.permissions.allow(Permission::ClientsRead))
            .map(|access| access.org.id)
            .collect()
    };
    if let Some(wanted) = call.query.one("owner_org_id") {
        orgs.retain(|org| org == wanted);
    }
    let ids = call.query.all("ids").flat_map(|ids| ids.split(','));
    let ids: Vec<String> = ids
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect();
    if ids.len() > 100 {
        let detail = "Ask for at most 100 ids.";
        return Err(Refusal::fields(vec![Field::new("/ids", "too_many", detail)]).into());
    }
    let after = page::anchor(&call.query, "after")?;
    let (from, cursor) = match (after, page::anchor(&call.query, "before")?) {
        (Some(_), Some(_)) => {
            let detail = "Send after or before, not both.";
            return Err(Refusal::fields(vec![Field::new("/before", "contradiction", detail)]).into());
        }
        (Some(id), None) => (From::After(id), "after"),
        (None, Some(id)) => (From::Before(id), "before"),
        (None, None) => (From::Offset(0), "after"),
    };
    let filter = Filter {
        name: call.query.one("name").map(str::to_owned),
        kind: Some(Kind::Custom),
        except_type: Some(ApplicationType::Service),
        ids,
        ..Filter::default()
    };
    let page = Page {
        sort: SortKey::Created,
        descending: false,
        from,
        limit: call.query.number("limit").unwrap_or(100),
    };
    let listed = store::clients::list(registry.db(), &orgs, &filter, &page).await?;
    let listed = listed.ok_or_else(|| page::unknown(cursor))?;
    let ends = (listed.clients.first(), listed.clients.last());
    let info = PageInfo {
        total: listed.total,
        has_next_page: listed.has_next,
        has_previous_page: listed.has_previous,
        start_cursor: ends.0.map(|client| page::cursor(&client.client_id)),
        end_cursor: ends.1.map(|client| page::cursor(&client.client_id)),
    };
    let mut apis: Vec<(String, Vec<Api>)> = Vec::new();
    for client in &listed.clients {
        if !apis.iter().any(|(org, _)| *org == client.org_id) {
            let found = store::apis::of_organization(registry.db(), &client.org_id).await?;
            apis.push((client.org_id.clone(), found));
        }
    }
    let of = |org: &str| {
        apis.iter()
            .find(|(id, _)| id == org)
            .map_or(&[][..], |(_, found)| found.as_slice())
    };
    let data = listed.clients.into_iter().map(|client| {
        let apis = of(&client.org_id);
        shown(client, apis)
    });
    Reply::of(&ApplicationPage {
        data: data.collect(),
        page_info: info,
    })
}

/// The grants that a type has here.
fn grants(application_type: ApplicationType, redirects: bool) -> Vec<GrantType> {
    let mut grants = Vec::new();
    if redirects || !application_type.holds_secret() {
        grants.extend([GrantType::AuthorizationCode, GrantType::RefreshToken]);
    }
    if application_type.holds_secret() {
        grants.push(GrantType::ClientCredentials);
    }
    grants
}

fn refs(scopes: Vec<String>) -> Vec<ScopeRef> {
    scopes.into_iter().map(ScopeRef::text).collect()
}

/// What is granted if nothing is said.
async fn usual_scopes(registry: &Registry, access: &Access) -> Result<Vec<ScopeRef>> {
    let audience = format!("urn:oauthority:workspace:{}", access.org.handle);
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    Ok(vec![ScopeRef {
        audience: apis
            .iter()
            .any(|api| api.audience == audience)
            .then_some(audience),
        value: "workspace:read".to_owned(),
    }])
}

async fn create(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    let new: NewApplication = call.input()?;
    // Whoever may not create anything learns nothing about organisations.
    call.caller.require_somewhere(Permission::ClientsWrite)?;
    let access = call
        .caller
        .reach(&call.app, &new.owner_org_id, call.dry_run())
        .await?;
    let application_type = ApplicationType::parse(new.r#type.word()).unwrap_or(ApplicationType::Web);
    let scopes = match new.allowed_scopes {
        Some(scopes) => refs(scopes),
        None => usual_scopes(registry, &access).await?,
    };
    let draft = Draft {
        kind: Kind::Custom,
        application_type,
        name: new.name,
        description: String::new(),
        grant_types: grants(application_type, !new.redirect_urls.is_empty()),
        redirect_uris: new.redirect_urls,
        scopes,
        auth_method: None,
        require_consent: true,
        access_token_lifetime: None,
        optional_scopes: None,
        people: PeopleSettings::default(),
        user_id: None,
    };
    let extra = Creation {
        secret_term: endless(&access),
        ..Creation::default()
    };
    let created = clients::create(registry, &access, draft, extra)
        .await
        .map_err(translated)?;
    let location = format!("{APPLICATIONS}/{}", created.client.client_id);
    let reply = made(registry, &access, created).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

/// Secrets made here never expire, unless the organisation insists.
fn endless(access: &Access) -> Term {
    if access.org.settings.secrets_may_never_expire {
        Term::Never
    } else {
        Term::Default
    }
}

async fn edit(call: Call) -> Result<Reply> {
    let (access, client) = find(&call, Permission::ClientsWrite).await?;
    let patch: ApplicationPatch = call.input()?;
    let registry = &call.app.registry;
    let redirects = client.grant_types.contains(&GrantType::AuthorizationCode);
    let wanted = patch.redirect_urls.as_ref().map(|urls| !urls.is_empty());
    let edit = Edit {
        name: patch.name,
        // The grants follow when there is somewhere to return to, or nowhere any more.
        grant_types: wanted
            .filter(|wanted| *wanted != redirects)
            .map(|wanted| grants(client.application_type, wanted)),
        redirect_uris: patch.redirect_urls,
        scopes: patch.allowed_scopes.map(refs),
        ..Edit::default()
    };
    let version = Some(client.version);
    let client = clients::edit(registry, &access, &client.client_id, version, edit)
        .await
        .map_err(translated)?;
    reply(registry, client).await
}

async fn remove(call: Call) -> Result<Reply> {
    let registry = &call.app.registry;
    if call.query.flag("permanent") {
        let (access, client) = find(&call, Permission::ClientsDelete).await?;
        clients::delete(registry, &access, &client.client_id, Some(client.version)).await?;
    } else {
        let (access, client) = find(&call, Permission::ClientsWrite).await?;
        clients::disable(registry, &access, &client.client_id, Some(client.version), None).await?;
    }
    Reply::of(&Success { success: true })
}

async fn enable(call: Call) -> Result<Reply> {
    let (access, client) = find(&call, Permission::ClientsWrite).await?;
    let registry = &call.app.registry;
    let client = clients::enable(registry, &access, &client.client_id, Some(client.version)).await?;
    reply(registry, client).await
}

async fn rotate(call: Call) -> Result<Reply> {
    let (access, client) = find(&call, Permission::ClientsWrite).await?;
    let input: RotateApplication = call.input()?;
    let grace = match (input.grace_seconds, input.old_secret_ends_in.as_deref()) {
        (Some(_), Some(_)) => Err("Send graceSeconds or oldSecretEndsIn, not both."),
        (Some(seconds), None) => Ok(seconds),
        (None, Some("0")) | (None, None) => Ok(0),
        (None, Some(text)) => span(text)
            .map(Lifetime::as_seconds)
            .ok_or("Write a span such as 24h."),
    };
    let grace =
        grace.map_err(|detail| Refusal::fields(vec![Field::new("/oldSecretEndsIn", "format", detail)]))?;
    let rotation = Rotation {
        old: match grace {
            0 => OldSecret::EndsNow,
            seconds => OldSecret::EndsAt(call.now.after(Lifetime::seconds(seconds))),
        },
        revoke_tokens: input.revoke_tokens.unwrap_or_default(),
        term: endless(&access),
        ..Rotation::default()
    };
    let registry = &call.app.registry;
    let rotated = secrets::rotate(
        registry,
        &access,
        &client.client_id,
        Some(client.version),
        rotation,
    )
    .await;
    made(registry, &access, rotated.map_err(translated)?).await
}

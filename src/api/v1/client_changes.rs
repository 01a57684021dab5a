//! Creating clients, editing them, and cutting them off.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::{
    client_list::{TAG, written_moment, written_span},
    clients::{Client, Secret, Surroundings},
    sent,
};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Body, Operation, Precondition, Shape, operation},
    },
    error::Result,
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, words},
        people_settings::PeopleSettings,
        refusal::{Field, Refusal},
    },
    registry::{
        access::{Access, Permission},
        client_input::{Draft, ScopeRef},
        clients::{self, Created, Creation, Edit},
        secrets::Term,
    },
    secret,
    store::clients as kept,
    time::Lifetime,
};

words! {
    /// A kind of client whose settings are fixed.
    Template {
        SyncConnector = "sync-connector",
    }
}

impl utoipa::PartialSchema for Template {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let words = Self::ALL.iter().map(|one| one.word());
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(words))
            .into()
    }
}
impl ToSchema for Template {}

/// A scope as somebody writes it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum ScopeInput {
    /// A value, or fully qualified: the audience, a hyphen, the value
    Text(String),
    Pair(QualifiedScope),
}

/// A scope with its audience.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QualifiedScope {
    audience: String,
    value: String,
}

impl From<ScopeInput> for ScopeRef {
    fn from(input: ScopeInput) -> Self {
        match input {
            ScopeInput::Text(text) => Self::text(text),
            ScopeInput::Pair(pair) => Self {
                audience: Some(pair.audience),
                value: pair.value,
            },
        }
    }
}

fn refs(scopes: Vec<ScopeInput>) -> Vec<ScopeRef> {
    scopes.into_iter().map(ScopeRef::from).collect()
}

/// A client to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewClient {
    /// Goes with `name`, `description`, `secret_label` and `secret_expires` only.
    template: Option<Template>,
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Needed without a template
    r#type: Option<ApplicationType>,
    /// Without it: what suits the type
    grant_types: Option<Vec<GrantType>>,
    redirect_uris: Option<Vec<String>>,
    /// Needed without a template
    scopes: Option<Vec<ScopeInput>>,
    auth_method: Option<AuthMethod>,
    require_consent: Option<bool>,
    #[schema(minimum = 60, maximum = 86400)]
    access_token_lifetime: Option<i64>,
    /// Id of the member who looks after it
    owner: Option<String>,
    #[schema(max_length = 100)]
    secret_label: Option<String>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    secret_expires: Option<String>,
}

/// What to change of a client, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClientPatch {
    /// Turns a sync connector into a custom client.
    #[schema(nullable = false)]
    customise: Option<bool>,
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    #[schema(nullable = false)]
    grant_types: Option<Vec<GrantType>>,
    #[schema(nullable = false)]
    redirect_uris: Option<Vec<String>>,
    #[schema(nullable = false)]
    scopes: Option<Vec<ScopeInput>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<AuthMethod>)]
    auth_method: Option<Option<AuthMethod>>,
    #[schema(nullable = false)]
    require_consent: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86400)]
    access_token_lifetime: Option<Option<i64>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    owner: Option<Option<String>>,
}

/// Why a client is disabled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// A client, and the text of its new secret: this once, never again.
#[derive(Serialize, ToSchema)]
pub struct MadeClient {
    client: Client,
    /// `null` for a client that holds none
    client_secret: Option<String>,
    secret: Option<Secret>,
}

pub const CLIENTS: &str = "/api/v1/orgs/{org}/clients";
const CLIENT: &str = "/api/v1/orgs/{org}/clients/{client}";

pub fn operations() -> Vec<Operation> {
    let (write, delete) = (Some(Permission::ClientsWrite), Some(Permission::ClientsDelete));
    let client = || Answer::Ok(Shape::of::<Client>());
    let made = Answer::Created(Shape::of::<MadeClient>());
    let create = operation(
        Method::POST,
        CLIENTS,
        "createClient",
        "Create a client",
        write,
        made,
        |c| Box::pin(create(c)),
    );
    let edit = operation(
        Method::PATCH,
        CLIENT,
        "editClient",
        "Change a client",
        write,
        client(),
        |c| Box::pin(edit(c)),
    );
    let remove = operation(
        Method::DELETE,
        CLIENT,
        "deleteClient",
        "Delete a client for good: its id never works again",
        delete,
        Answer::Nothing,
        |c| Box::pin(delete_client(c)),
    );
    let disable = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/disable",
        "disableClient",
        "Cut a client off until it is enabled again",
        write,
        client(),
        |c| Box::pin(disable(c)),
    );
    let enable = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/enable",
        "enableClient",
        "Bring a disabled client back",
        write,
        client(),
        |c| Box::pin(enable(c)),
    );
    vec![
        Operation {
            body: Some(body::<NewClient>(true, false, new_client_example())),
            cli: Some("oauthority client create --name 'Billing sync' --type service --scope workspace:read"),
            ..changing(create, Precondition::None)
        },
        Operation {
            body: Some(body::<ClientPatch>(
                true,
                true,
                json!({ "name": "Billing sync 2" }),
            )),
            cli: Some("oauthority client update CLIENT_ID --name 'Billing sync 2'"),
            ..changing(edit, Precondition::Required)
        },
        Operation {
            cli: Some("oauthority client delete CLIENT_ID"),
            ..changing(remove, Precondition::Required)
        },
        Operation {
            body: Some(body::<Reason>(false, false, json!({ "reason": "Leaked" }))),
            cli: Some("oauthority client disable CLIENT_ID"),
            ..changing(disable, Precondition::Optional)
        },
        Operation {
            cli: Some("oauthority client enable CLIENT_ID"),
            ..changing(enable, Precondition::Optional)
        },
    ]
}

fn changing(operation: Operation, precondition: Precondition) -> Operation {
    Operation {
        tag: TAG,
        conflicts: true,
        precondition,
        ..operation
    }
}

/// A body of this shape.
pub fn body<T: ToSchema>(required: bool, patch: bool, example: Json) -> Body {
    Body {
        shape: Shape::of::<T>(),
        required,
        patch,
        example,
    }
}

fn new_client_example() -> Json {
    json!({ "name": "Billing sync", "type": "service", "scopes": ["workspace:read"] })
}

/// When a new secret expires, as somebody wrote it.
///
/// # Errors
/// Bad input at the member.
pub fn term(text: Option<&str>, pointer: &str) -> Result<Term, Refusal> {
    match text {
        None => Ok(Term::Default),
        Some("never") => Ok(Term::Never),
        Some(text) if text.contains('T') => written_moment(text, pointer).map(Term::At),
        Some(text) => written_span(text, pointer).map(Term::After),
    }
}

fn needed(name: &str) -> Field {
    Field::new(format!("/{name}"), "required", format!("{name} is missing."))
}

fn draft(new: NewClient) -> Result<Draft, Refusal> {
    let description = new.description.unwrap_or_default();
    if let Some(Template::SyncConnector) = new.template {
        let fixed = [
            ("type", new.r#type.is_some()),
            ("grant_types", new.grant_types.is_some()),
            ("redirect_uris", new.redirect_uris.is_some()),
            ("scopes", new.scopes.is_some()),
            ("auth_method", new.auth_method.is_some()),
            ("require_consent", new.require_consent.is_some()),
            ("access_token_lifetime", new.access_token_lifetime.is_some()),
            ("owner", new.owner.is_some()),
        ];
        let detail = "The template settles this: leave it out.";
        let sent = fixed.iter().filter(|(_, sent)| *sent);
        let fields: Vec<Field> = sent
            .map(|(name, _)| Field::new(format!("/{name}"), "locked", detail))
            .collect();
        return if fields.is_empty() {
            Ok(Draft::sync_connector(new.name, description))
        } else {
            Err(Refusal::fields(fields))
        };
    }
    let Some(application_type) = new.r#type else {
        return Err(Refusal::fields(vec![needed("type")]));
    };
    let Some(scopes) = new.scopes else {
        return Err(Refusal::fields(vec![needed("scopes")]));
    };
    let grant_types = new.grant_types.unwrap_or_else(|| match application_type {
        ApplicationType::Service => vec![GrantType::ClientCredentials],
        _ => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
    });
    Ok(Draft {
        kind: crate::oauth::client::Kind::Custom,
        application_type,
        name: new.name,
        description,
        require_consent: new
            .require_consent
            .unwrap_or_else(|| grant_types.iter().any(|grant| grant.needs_person())),
        grant_types,
        redirect_uris: new.redirect_uris.unwrap_or_default(),
        scopes: refs(scopes),
        auth_method: new.auth_method,
        access_token_lifetime: new.access_token_lifetime.map(Lifetime::seconds),
        optional_scopes: None,
        people: PeopleSettings::default(),
        user_id: new.owner,
    })
}

async fn create(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let new: NewClient = call.input()?;
    let extra = Creation {
        secret_label: new.secret_label.clone(),
        secret_term: term(new.secret_expires.as_deref(), "/secret_expires")?,
    };
    let created = clients::create(&call.app.registry, &access, draft(new)?, extra).await?;
    let location = format!(
        "/api/v1/orgs/{}/clients/{}",
        access.org.handle, created.client.client_id
    );
    let reply = made(&call, &access, created).await?;
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

/// Answers with a client that got a secret. What was only tried has none to tell.
///
/// # Errors
/// When the storage fails.
pub async fn made(call: &Call, access: &Access, created: Created) -> Result<Reply> {
    let around = Surroundings::read(&call.app.registry, access).await?;
    let etag = etag::of_version(created.client.version);
    let secret = created.secret.as_ref().map(|new| Secret::of(&new.row, call.now));
    let text = created.secret.filter(|_| !access.dry_run);
    let document = MadeClient {
        client: around.show(created.client, None),
        client_secret: None,
        secret,
    };
    let text = text.map(|new| secret::Secret::new(new.text.expose().to_owned()));
    Ok(Reply::of(&document)?.tagged(etag).telling("client_secret", text))
}

/// The client of the path as it is, if the caller has seen it so.
///
/// # Errors
/// `not_found`; `precondition_failed`; `precondition_required`, if it is needed.
pub async fn seen(call: &Call, access: &Access, needed: bool) -> Result<kept::Client> {
    let client = clients::find(&call.app.registry, access, call.path("client")).await?;
    call.demand(&etag::of_version(client.version), needed)?;
    Ok(client)
}

async fn shown(call: &Call, access: &Access, client: kept::Client) -> Result<Reply> {
    let around = Surroundings::read(&call.app.registry, access).await?;
    let etag = etag::of_version(client.version);
    Ok(Reply::of(&around.show(client, None))?.tagged(etag))
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let patch: ClientPatch = call.input()?;
    let client = seen(&call, &access, true).await?;
    let edit = Edit {
        customise: patch.customise.unwrap_or_default(),
        name: patch.name,
        description: patch.description.map(Option::unwrap_or_default),
        grant_types: patch.grant_types,
        redirect_uris: patch.redirect_uris,
        scopes: patch.scopes.map(refs),
        auth_method: patch.auth_method,
        require_consent: patch.require_consent,
        access_token_lifetime: patch
            .access_token_lifetime
            .map(|seconds| seconds.map(Lifetime::seconds)),
        user_id: patch.owner,
        ..Edit::default()
    };
    let registry = &call.app.registry;
    let client = clients::edit(registry, &access, &client.client_id, Some(client.version), edit).await?;
    shown(&call, &access, client).await
}

async fn delete_client(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsDelete)?;
    let client = seen(&call, &access, true).await?;
    let registry = &call.app.registry;
    clients::delete(registry, &access, &client.client_id, Some(client.version)).await?;
    Ok(Reply::nothing())
}

async fn disable(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let Reason { reason } = call.input()?;
    let client = seen(&call, &access, false).await?;
    let registry = &call.app.registry;
    let (id, version) = (client.client_id, Some(client.version));
    let client = clients::disable(registry, &access, &id, version, reason.as_deref()).await?;
    shown(&call, &access, client).await
}

async fn enable(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let client = seen(&call, &access, false).await?;
    let registry = &call.app.registry;
    let client = clients::enable(registry, &access, &client.client_id, Some(client.version)).await?;
    shown(&call, &access, client).await
}

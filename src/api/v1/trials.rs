//! Trying a client out: programs that get a token, what a token would say, a token for a test, and what a token is.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::client_changes::body;
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation},
    },
    error::Result,
    inspect::{self, Inspection, Kind, Signature},
    issue::{
        take_back,
        trial::{self, Asked, Shown},
    },
    registry::{access::Permission, clients},
    secret,
    snippets::{self, Endpoints, Language},
    store::{self, apis::TokenFormat},
    time::{Lifetime, Timestamp},
};

const TAG: &str = "Tokens";

/// A program that gets a token.
#[derive(Serialize, ToSchema)]
struct Snippet {
    language: Language,
    /// What it does
    title: &'static str,
    /// What the file is called
    file: &'static str,
    /// How it is run
    run: &'static str,
    /// The program; the secret is in the environment variable `OAUTHORITY_CLIENT_SECRET`
    code: String,
}

/// What is tried out. Nothing said: all scopes of the default audience, for the client itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrialInput {
    /// As a token request has it
    #[schema(max_length = 4000)]
    scope: Option<String>,
    /// An audience
    #[schema(max_length = 300)]
    resource: Option<String>,
    /// User name or id of the member that the token would act for
    #[schema(max_length = 300)]
    user: Option<String>,
}

/// What is tried out with a token. Nothing said: all scopes of the default audience.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestTokenInput {
    /// As a token request has it
    #[schema(max_length = 4000)]
    scope: Option<String>,
    /// An audience
    #[schema(max_length = 300)]
    resource: Option<String>,
}

/// What a token would say.
#[derive(Serialize, ToSchema)]
struct TokenPreview {
    audience: String,
    scope: String,
    token_format: TokenFormat,
    expires_in: Lifetime,
    /// The header of a JWT
    #[schema(value_type = Object)]
    header: Option<Json>,
    /// The claims of a JWT, and what introspection would tell of an opaque token
    #[schema(value_type = Object)]
    claims: Json,
}

/// A token for a test: this once, never again.
#[derive(Serialize, ToSchema)]
struct TestToken {
    /// `null` if nothing was to be changed
    access_token: Option<String>,
    token_type: &'static str,
    expires_at: Timestamp,
    preview: TokenPreview,
}

/// A token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenInput {
    #[schema(min_length = 1, max_length = 20000)]
    token: String,
}

/// What is found out about a text.
#[derive(Serialize, ToSchema)]
struct InspectedToken {
    kind: Kind,
    /// Whether it counts now; `null` where that is no question, as with tokens of others that say where they are from
    active: Option<bool>,
    /// Why it does not, or what else is to be said
    why: Option<String>,
    /// Whether it says that it is of this server
    ours: Option<bool>,
    signature: Option<Signature>,
    kid: Option<String>,
    issued_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Of a client of this organisation
    client_id: Option<String>,
    client_name: Option<String>,
    audience: Option<String>,
    /// The API of this organisation that has this audience
    api: Option<String>,
    scopes: Vec<InspectedScope>,
    /// Whether it was made for a test
    test: bool,
    /// Decoded, of a JWT
    #[schema(value_type = Option<Object>)]
    header: Option<Json>,
    #[schema(value_type = Option<Object>)]
    claims: Option<Json>,
}

/// A scope in a token.
#[derive(Serialize, ToSchema)]
struct InspectedScope {
    value: String,
    /// What it allows, if it is a scope of this organisation
    description: Option<String>,
}

impl From<Shown> for TokenPreview {
    fn from(shown: Shown) -> Self {
        Self {
            audience: shown.audience.to_string(),
            scope: shown.scope,
            token_format: shown.format,
            expires_in: shown.preview.lifetime,
            header: (shown.format == TokenFormat::Jwt).then_some(shown.preview.header),
            claims: shown.preview.claims,
        }
    }
}

impl From<Inspection> for InspectedToken {
    fn from(found: Inspection) -> Self {
        let (client_id, client_name) = found.client.unzip();
        let (audience, api) = found.audience.unzip();
        let scope = |(value, description)| InspectedScope { value, description };
        Self {
            kind: found.kind,
            active: found.active,
            why: found.why,
            ours: found.ours,
            signature: found.signature,
            kid: found.kid,
            issued_at: found.issued_at,
            expires_at: found.expires_at,
            client_id,
            client_name,
            audience,
            api: api.flatten(),
            scopes: found.scopes.into_iter().map(scope).collect(),
            test: found.test,
            header: found.header,
            claims: found.claims,
        }
    }
}

pub fn operations() -> Vec<Operation> {
    let (see, write) = (Some(Permission::ClientsRead), Some(Permission::ClientsWrite));
    let snippets = operation(
        Method::GET,
        "/api/v1/orgs/{org}/clients/{client}/snippets",
        "listSnippets",
        "List programs that get a token for a client, ready to run",
        see,
        Answer::Ok(Shape::list_of::<Snippet>()),
        |call| Box::pin(snippets(call)),
    );
    let preview = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/preview-token",
        "previewToken",
        "See what a token of a client would say; none is made",
        see,
        Answer::Ok(Shape::of::<TokenPreview>()),
        |call| Box::pin(preview(call)),
    );
    let test = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/test-token",
        "issueTestToken",
        "Get a token of a client for a test: it lives for five minutes and says what it is for",
        write,
        Answer::Created(Shape::of::<TestToken>()),
        |call| Box::pin(test(call)),
    );
    let revoke = operation(
        Method::POST,
        "/api/v1/orgs/{org}/clients/{client}/revoke-token",
        "revokeClientToken",
        "Take back one access token of a client",
        write,
        Answer::Nothing,
        |call| Box::pin(revoke(call)),
    );
    let look = operation(
        Method::POST,
        "/api/v1/orgs/{org}/tokens/inspect",
        "inspectToken",
        "See what a token is, whether it counts, and why not",
        see,
        Answer::Ok(Shape::of::<InspectedToken>()),
        |call| Box::pin(look(call)),
    );
    vec![
        Operation {
            tag: TAG,
            cli: Some("oauthority client try CLIENT_ID --lang python"),
            ..snippets
        },
        Operation {
            tag: TAG,
            body: Some(body::<TrialInput>(
                false,
                false,
                json!({ "scope": "workspace:read" }),
            )),
            conflicts: true,
            cli: Some("oauthority client try CLIENT_ID"),
            ..preview
        },
        Operation {
            tag: TAG,
            body: Some(body::<TestTokenInput>(
                false,
                false,
                json!({ "scope": "workspace:read" }),
            )),
            conflicts: true,
            cli: Some("oauthority client try CLIENT_ID --mint"),
            ..test
        },
        Operation {
            tag: TAG,
            body: Some(body::<TokenInput>(true, false, json!({ "token": "eyJ…" }))),
            ..revoke
        },
        Operation {
            tag: TAG,
            body: Some(body::<TokenInput>(true, false, json!({ "token": "eyJ…" }))),
            cli: Some("oauthority token inspect --ask -"),
            ..look
        },
    ]
}

async fn snippets(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let registry = &call.app.registry;
    let client = clients::find(registry, &access, call.path("client")).await?;
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let issuer = &registry.config.issuer;
    let (token, authorize) = (issuer.join("/oauth2/token"), issuer.join("/oauth2/authorize"));
    let endpoints = Endpoints {
        token: &token,
        authorize: &authorize,
    };
    let all = snippets::of(&client, &apis, endpoints)
        .into_iter()
        .map(|one| Snippet {
            language: one.language,
            title: one.title,
            file: one.file,
            run: one.run,
            code: one.code,
        });
    let data: Vec<Snippet> = all.collect();
    let total = data.len();
    Reply::of(&json!({ "data": data, "next_cursor": null, "total": total }))
}

async fn preview(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: TrialInput = call.input()?;
    let asked = Asked {
        scope: input.scope,
        resource: input.resource,
        user: input.user,
    };
    let shown = trial::preview(&call.app.registry, &access, call.path("client"), &asked).await?;
    Reply::of(&TokenPreview::from(shown))
}

async fn test(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: TestTokenInput = call.input()?;
    let asked = Asked {
        scope: input.scope,
        resource: input.resource,
        user: None,
    };
    let made = trial::issue(&call.app.registry, &access, call.path("client"), &asked).await?;
    let reply = Reply::of(&TestToken {
        access_token: None,
        token_type: "Bearer",
        expires_at: made.expires_at,
        preview: made.shown.into(),
    })?;
    let reply = Reply {
        status: axum::http::StatusCode::CREATED,
        ..reply
    };
    Ok(reply.telling("access_token", made.text.map(secret::Secret::new)))
}

async fn revoke(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: TokenInput = call.input()?;
    take_back::one(&call.app.registry, &access, call.path("client"), &input.token).await?;
    Ok(Reply::nothing())
}

async fn look(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let input: TokenInput = call.input()?;
    let say = |at: Timestamp| format!("at {at}");
    let found = inspect::inspect(&call.app.registry, &access, &input.token, &say).await?;
    Reply::of(&InspectedToken::from(found))
}

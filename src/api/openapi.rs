//! The [OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.1.html) document, made from the table of operations.

use serde_json::{Map, Value as Json, json};

use super::{
    demand,
    operation::{Answer, Operation, Precondition},
    operations, reads, schema,
};
use crate::{
    config::Config,
    registry::{access::Permission, assurance::Demand},
};

/// Where it is.
pub const PATH: &str = "/api/v1/openapi.json";

/// The document of this instance.
pub fn document(config: &Config) -> Json {
    let issuer = &config.issuer;
    let mut paths = Map::new();
    for operation in operations() {
        let at = paths.entry(operation.path).or_insert_with(|| json!({}));
        at[operation.method.as_str().to_ascii_lowercase()] = describe(operation);
    }
    let scopes: Map<String, Json> = Permission::ALL
        .iter()
        .map(|permission| (permission.word().to_owned(), json!(permission.about().0)))
        .collect();
    let token_url = issuer.join("/oauth2/token");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Oauthority management API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Organisations, clients, their secrets, APIs, scopes, members and activity. Get an access \
                token for the resource `urn:oauthority:api` with client credentials and send it as a bearer token.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": issuer.as_str() }],
        "paths": paths,
        "components": {
            "schemas": schema::components(&config.legacy),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "oauth2": { "type": "oauth2", "flows": {
                    "clientCredentials": { "tokenUrl": token_url, "scopes": scopes },
                }},
            },
        },
    })
}

fn describe(operation: &Operation) -> Json {
    let scopes: Vec<&str> = operation.permission.iter().map(|p| p.word()).collect();
    let mut security = vec![json!({ "bearer": [] }), json!({ "oauth2": scopes })];
    if !operation.instead.is_empty() {
        let instead: Vec<&str> = operation.instead.iter().map(|p| p.word()).collect();
        security.push(json!({ "oauth2": instead }));
    }
    let mut document = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": security,
        "parameters": parameters(operation),
    });
    if let Some(words) = demand::words(operation.demand()) {
        document["description"] = json!(words);
    }
    if let Some(body) = &operation.body {
        let content: Map<String, Json> = body
            .media_types()
            .iter()
            .map(|media_type| {
                let described = json!({ "schema": reference(&(body.shape.name)()), "example": body.example });
                ((*media_type).to_owned(), described)
            })
            .collect();
        document["requestBody"] = json!({ "required": body.required, "content": content });
    }
    document["responses"] = Json::Object(responses(operation));
    if let Some(cli) = operation.cli {
        document["x-cli"] = json!(cli);
    }
    document
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn parameters(operation: &Operation) -> Vec<Json> {
    let mut all = Vec::new();
    for name in operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    {
        all.push(json!({
            "name": name, "in": "path", "required": true, "description": about_part(name),
            "schema": { "type": "string", "minLength": 1 },
        }));
    }
    for parameter in &operation.query {
        let mut described = json!({
            "name": parameter.name, "in": "query", "required": false, "description": parameter.about,
            "schema": parameter.schema,
        });
        if parameter.repeats {
            described["explode"] = json!(true);
        }
        all.push(described);
    }
    if operation.precondition != Precondition::None {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": false, "schema": { "type": "string" },
            "description": match operation.precondition {
                Precondition::Required => "The ETag of what you have seen, or `*`. Without it: 428.",
                _ => "The ETag of what you have seen.",
            },
        }));
    }
    if operation.makes() {
        all.push(json!({
            "name": operation.key, "in": "header", "required": false,
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            "description": "A text of your own: the same request with the same key is carried out once.",
        }));
    }
    all
}

fn about_part(name: &str) -> &'static str {
    match name {
        "org" => "Handle or id of the organisation",
        "client" => "Client id",
        "secret" => "Id or hint of the secret",
        "api" => "Id of the API",
        "scope" => "Value of the scope",
        "member" | "user" => "Id of the person",
        "credential" => "Id of the credential, which is its client id",
        "offer" => "Id of the offer",
        "webhook" => "Id of the webhook",
        "delivery" => "Id of the message",
        "entry" => "Id of the entry",
        _ => "Id",
    }
}

fn responses(operation: &Operation) -> Map<String, Json> {
    let mut all = Map::new();
    let tagged = operation.precondition != Precondition::None;
    let ok = |shape: &super::operation::Shape, about: &str| {
        let mut described = json!({
            "description": about,
            "headers": { "Request-Id": { "schema": { "type": "string" } } },
            "content": { "application/json": { "schema": reference(&(shape.name)()) } },
        });
        if tagged {
            described["headers"]["ETag"] = json!({ "schema": { "type": "string" } });
        }
        described
    };
    match &operation.answer {
        Answer::Ok(shape) => {
            all.insert("200".to_owned(), ok(shape, "Done"));
        }
        Answer::Created(shape) => {
            all.insert("201".to_owned(), ok(shape, "Made; `Location` says where"));
            all.insert(
                "200".to_owned(),
                ok(shape, "Made before with this Idempotency-Key, or only tried"),
            );
        }
        Answer::Nothing => {
            all.insert("204".to_owned(), json!({ "description": "Done" }));
        }
        Answer::File(media_types) => {
            let content: Map<String, Json> = media_types
                .iter()
                .map(|media_type| {
                    (
                        (*media_type).to_owned(),
                        json!({ "schema": { "type": "string" } }),
                    )
                })
                .collect();
            let described = json!({ "description": "The file", "content": content });
            all.insert("200".to_owned(), described);
        }
        Answer::OkUnlessTried(shape) => {
            all.insert("200".to_owned(), ok(shape, "OK"));
            all.insert(
                "204".to_owned(),
                json!({ "description": "Only tried: it would be done" }),
            );
        }
        Answer::NothingBut(shape) => {
            all.insert("204".to_owned(), json!({ "description": "Done" }));
            all.insert("200".to_owned(), ok(shape, "Only tried: what would stop"));
        }
    }
    if reads(&operation.method) {
        all.insert("304".to_owned(), json!({ "description": "Not changed since" }));
    }
    for (status, about, sent) in problems(operation) {
        if sent {
            all.insert(status.to_owned(), problem(about));
        }
    }
    all
}

fn problems(operation: &Operation) -> [(&'static str, &'static str, bool); 14] {
    let precondition = operation.precondition;
    let makes = operation.makes();
    let changes = !reads(&operation.method);
    [
        ("400", "Bad input, part by part", true),
        ("401", unauthorized(operation.demand()), true),
        ("403", "The access token does not allow this", true),
        (
            "404",
            "There is no such thing here",
            operation.names_something() || changes,
        ),
        (
            "409",
            "The state of things is against it",
            operation.conflicts || makes,
        ),
        ("412", "Somebody changed it meanwhile", changes),
        ("413", "The body is too large", operation.body.is_some()),
        ("415", "Not JSON", operation.body.is_some()),
        ("422", "The Idempotency-Key came with another request", makes),
        (
            "428",
            "If-Match is missing",
            precondition == Precondition::Required,
        ),
        ("429", "Too many requests", true),
        ("405", "Not a method of this path", true),
        ("500", "The server failed", true),
        ("503", "The storage cannot be reached", true),
    ]
}

const fn unauthorized(demand: Demand) -> &'static str {
    match demand {
        Demand::Present => "No access token, or one that does not count",
        Demand::Depends | Demand::Fresh => {
            "No access token, or one that does not count; `insufficient_user_authentication`: its person has to sign in \
             anew, `acr_values` and `max_age` say how"
        }
    }
}

fn problem(about: &str) -> Json {
    json!({
        "description": about,
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    })
}

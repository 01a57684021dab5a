//! The OpenAPI document as a page, for people. It needs no script.

use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};
use serde_json::Value as Json;

use super::{demand, openapi, operation::Operation, operations, schema};
use crate::{
    config::{Config, Issuer},
    ui::{
        code::CodeBlock,
        headers::{self, Place},
        page::{Link, Page, Shell, tabs},
    },
};

/// Where it is.
pub const PATH: &str = "/api/v1/docs";

/// The page as an answer.
pub fn answer(page: &Markup) -> Response {
    headers::answer(Place::Console, StatusCode::OK, page.clone())
}

/// Renders the page.
pub fn page(document: &Json, config: &Config) -> Markup {
    let issuer = &config.issuer;
    let shell = Shell {
        home: issuer.join("/"),
        org: "API".to_owned(),
        ..Shell::default()
    };
    let page = Page {
        title: "Management API".to_owned(),
        lead: Some(html! {
            (prose(document["info"]["description"].as_str().unwrap_or_default()))
            " The same as a document: " a href=(issuer.join(openapi::PATH)) { "OpenAPI 3.1" } "."
        }),
        ..Page::default()
    };
    shell.page(&page, &content(config))
}

fn content(config: &Config) -> Markup {
    let issuer = &config.issuer;
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations() {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    let links: Vec<Link> = tags
        .iter()
        .map(|tag| Link {
            label: (*tag).to_owned(),
            href: format!("#{}", anchor(tag)),
            current: false,
        })
        .collect();
    html! {
        (tabs("Parts of the API", &links))
        div.stack.lg {
            (token(issuer))
            @for tag in &tags {
                section aria-labelledby=(anchor(tag)) {
                    h2 id=(anchor(tag)) tabindex="-1" { (tag) }
                    div.stack {
                        @for operation in operations().iter().filter(|o| o.tag == *tag) {
                            (described(operation, issuer))
                        }
                    }
                }
            }
            section aria-labelledby="schemas" {
                h2 id="schemas" { "Objects" }
                div.stack { @for (name, schema) in schema::components(&config.legacy) { (shape(name, schema)) } }
            }
        }
    }
}

fn anchor(tag: &str) -> String {
    tag.to_ascii_lowercase().replace([' ', '/', '&'], "-")
}

fn token(issuer: &Issuer) -> Markup {
    let code = format!(
        "TOKEN=$(curl -s -u \"$CLIENT_ID:$CLIENT_SECRET\" \\\n  -d grant_type=client_credentials -d resource=urn:oauthority:api \\\n  \
         {} | jq -r .access_token)",
        issuer.join("/oauth2/token")
    );
    let block = CodeBlock {
        id: "token",
        title: "Get an access token",
        code: &code,
        ..CodeBlock::default()
    };
    html! { (block) }
}

fn described(operation: &Operation, issuer: &Issuer) -> Markup {
    let id = operation.id;
    let curl = curl(operation, issuer);
    let (curl_id, cli_id) = (format!("{id}-curl"), format!("{id}-cli"));
    html! {
        details id=(id) {
            summary { code { (operation.method.as_str()) " " (operation.path) } " – " (operation.summary) }
            div.stack {
                @match operation.permission {
                    Some(permission) => p { "Scope: " code { (permission) } },
                    None => p { "Scope: any" },
                }
                @if let Some(words) = demand::words(operation.demand()) { p { (prose(words)) } }
                @if !operation.query.is_empty() {
                    h3 { "Parameters" }
                    dl { @for parameter in &operation.query {
                        dt { code { (parameter.name) } }
                        dd { (parameter.about) @if let Some(kind) = kind(&parameter.schema) { " " code { (kind) } } }
                    } }
                }
                @if let Some(body) = &operation.body {
                    p { "Body: " a href={ "#object-" ((body.shape.name)()) } { ((body.shape.name)()) } }
                }
                @match &operation.answer {
                    super::operation::Answer::Ok(shape) => p { "200: " (link(&(shape.name)())) },
                    super::operation::Answer::Created(shape) => p { "201: " (link(&(shape.name)())) },
                    super::operation::Answer::Nothing => p { "204" },
                    super::operation::Answer::File(media_types) => p { "200: a file, " (media_types.join(" or ")) },
                    super::operation::Answer::OkUnlessTried(shape) => p { "200: " (link(&(shape.name)())) "; with dry_run 204" },
                    super::operation::Answer::NothingBut(shape) => p { "204; with dry_run 200: " (link(&(shape.name)())) },
                }
                (CodeBlock { id: &curl_id, title: "curl", code: &curl, ..CodeBlock::default() })
                @if let Some(cli) = operation.cli {
                    (CodeBlock { id: &cli_id, title: "Command line", code: cli, ..CodeBlock::default() })
                }
            }
        }
    }
}

fn link(name: &str) -> Markup {
    html! { a href={ "#object-" (name) } { (name) } }
}

fn kind(schema: &Json) -> Option<String> {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
        return Some(words.join(" | "));
    }
    match &schema["type"] {
        Json::String(one) => Some(one.clone()),
        Json::Array(some) => Some(
            some.iter()
                .filter_map(Json::as_str)
                .collect::<Vec<_>>()
                .join(" | "),
        ),
        _ => None,
    }
}

fn curl(operation: &Operation, issuer: &Issuer) -> String {
    let mut text = String::from("curl -s -H \"Authorization: Bearer $TOKEN\"");
    if operation.method != "GET" {
        text.push_str(&format!(" -X {}", operation.method));
    }
    if operation.precondition == super::operation::Precondition::Required {
        text.push_str(" \\\n  -H 'If-Match: \"v1\"'");
    }
    if let Some(body) = &operation.body {
        text.push_str(&format!(
            " \\\n  -H 'Content-Type: {}' -d '{}'",
            body.media_types()[0],
            body.example
        ));
    }
    text.push_str(&format!(" \\\n  '{}'", issuer.join(operation.path)));
    text
}

fn shape(name: &str, schema: &Json) -> Markup {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    html! {
        details id={ "object-" (name) } {
            summary { code { (name) } }
            @if let Some(about) = schema["description"].as_str() { p { (prose(about)) } }
            @if let Some(members) = schema["properties"].as_object() {
                dl { @for (member, schema) in members {
                    dt { code { (member) } @if required.contains(&member.as_str()) { " (always there)" } }
                    dd { (reference(schema)) " " (prose(schema["description"].as_str().unwrap_or_default())) }
                } }
            } @else if let Some(kind) = kind(schema) { p { code { (kind) } } }
        }
    }
}

/// What a member is, with a link to another object.
fn reference(schema: &Json) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        return link(name);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return html! { @for (at, choice) in choices.iter().enumerate() { @if at > 0 { " or " } (reference(choice)) } };
    }
    if schema["type"] == "array" {
        return html! { "list of " (reference(&schema["items"])) };
    }
    html! { code { (kind(schema).unwrap_or_default()) } }
}

/// A sentence of the document: what stands between backticks is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

//! What an operation is. One table of them makes the routes, the checks of what comes in, the OpenAPI document and the
//! page that shows it, so that these cannot disagree.

use std::borrow::Cow;

use axum::http::Method;
use serde_json::{Value as Json, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{call::Act, query::Parameter};
use crate::registry::access::Permission;

/// A named schema and everything it refers to.
#[derive(Clone, Copy)]
pub struct Shape {
    pub name: fn() -> Cow<'static, str>,
    pub schema: fn() -> Json,
    pub others: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T: ToSchema>() -> Self {
        Self {
            name: T::name,
            schema: || serde_json::to_value(T::schema()).unwrap_or_default(),
            others: T::schemas,
        }
    }

    /// The shape of a list that comes in parts.
    pub const fn list_of<T: ToSchema>() -> Self {
        Self {
            name: || format!("{}List", T::name()).into(),
            schema: || {
                json!({
                    "type": "object",
                    "required": ["data", "next_cursor", "total"],
                    "properties": {
                        "data": {
                            "type": "array",
                            "items": { "$ref": format!("#/components/schemas/{}", T::name()) },
                        },
                        "next_cursor": {
                            "type": ["string", "null"],
                            "description": "Where the next part begins; null at the end",
                        },
                        "total": {
                            "type": ["integer", "null"],
                            "description": "How many match in all, where that is counted",
                        },
                    },
                })
            },
            others: |all| {
                all.push((T::name().into_owned(), T::schema()));
                T::schemas(all);
            },
        }
    }
}

/// What a request body looks like.
pub struct Body {
    pub shape: Shape,
    /// Whether an empty body means something else than an empty object.
    pub required: bool,
    /// JSON Merge Patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)).
    pub patch: bool,
    pub example: Json,
}

impl Body {
    /// What it may be sent as.
    pub const fn media_types(&self) -> &'static [&'static str] {
        if self.patch {
            &["application/merge-patch+json", "application/json"]
        } else {
            &["application/json"]
        }
    }
}

/// What comes back when all is well.
pub enum Answer {
    Ok(Shape),
    Created(Shape),
    Nothing,
    /// A file of one of these media types.
    File(&'static [&'static str]),
    /// Nothing; this, where it is only tried.
    NothingBut(Shape),
    /// This; nothing, where it is only tried.
    OkUnlessTried(Shape),
}

/// How `If-Match` is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// The resource has no tag, or nothing changes.
    None,
    Optional,
    Required,
}

/// One row of the table.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    /// The name in the document.
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    /// The scope that the token must have; `None`: any token.
    pub permission: Option<Permission>,
    /// Those that do instead, all of them together; none: nothing does.
    pub instead: &'static [Permission],
    pub query: Vec<Parameter>,
    pub body: Option<Body>,
    pub answer: Answer,
    pub precondition: Precondition,
    /// Whether it can be refused because of the state of things.
    pub conflicts: bool,
    /// The header with the key of a request that may come again.
    pub key: &'static str,
    /// The same on the command line.
    pub cli: Option<&'static str>,
    pub act: Act,
}

impl Operation {
    /// Whether it takes a key by which it may come again. What only looks does so anew each time, and nothing that it saw
    /// is kept.
    pub fn makes(&self) -> bool {
        let looks = |permission: Permission| permission.about().1 == "reads";
        self.method == Method::POST && !self.permission.is_some_and(looks)
    }

    /// Whether something lies at the end of its path that may not be there.
    pub fn names_something(&self) -> bool {
        self.path.contains('{')
    }
}

/// A query parameter.
pub fn parameter(name: &'static str, about: &'static str, schema: Json) -> Parameter {
    Parameter {
        name,
        about,
        schema,
        repeats: false,
    }
}

/// A query parameter that is a text.
pub fn text(name: &'static str, about: &'static str) -> Parameter {
    parameter(name, about, json!({ "type": "string", "maxLength": 300 }))
}

/// A query parameter that is one of some words.
pub fn word(name: &'static str, about: &'static str, words: &[&str]) -> Parameter {
    parameter(name, about, json!({ "type": "string", "enum": words }))
}

/// A query parameter that is true or false.
pub fn flag(name: &'static str, about: &'static str) -> Parameter {
    parameter(name, about, json!({ "type": "boolean", "default": false }))
}

/// The parameter that every change has.
pub fn dry_run() -> Parameter {
    flag("dry_run", "Say what would come of it and change nothing.")
}

/// The parameters that every list has.
pub fn paging() -> [Parameter; 2] {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
    [
        parameter("limit", "How many to list.", limit),
        text("cursor", "The `next_cursor` of the part before."),
    ]
}

/// A row with nothing unusual in it.
pub fn operation(
    method: Method,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    permission: Option<Permission>,
    answer: Answer,
    act: Act,
) -> Operation {
    let query = if method == Method::GET {
        Vec::new()
    } else {
        vec![dry_run()]
    };
    Operation {
        method,
        path,
        id,
        tag: "",
        summary,
        permission,
        instead: &[],
        query,
        body: None,
        answer,
        precondition: Precondition::None,
        conflicts: false,
        key: "Idempotency-Key",
        cli: None,
        act,
    }
}

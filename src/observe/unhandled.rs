//! Answers that no handler gave, because the request did not get that far or broke on the way.
//!
//! Who asked decides how they look, and only the application knows who asks where; it says so with a [`Face`].

use std::{fmt, sync::Arc};

use axum::{
    Json,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// What went wrong.
#[derive(Clone, Debug)]
pub struct Unhandled {
    pub status: StatusCode,
    /// A stable word for programs.
    pub error: &'static str,
    /// What is wrong, in ASCII without quotes.
    pub description: String,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub request_id: String,
}

impl Unhandled {
    /// For machines that speak OAuth. [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
    pub fn json(&self) -> Response {
        self.json_with(None)
    }

    /// The same, with the address of a page that says more.
    pub fn json_with(&self, uri: Option<&str>) -> Response {
        let mut body = json!({ "error": self.error, "error_description": self.description });
        if let Some(uri) = uri {
            body["error_uri"] = uri.into();
        }
        (self.status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}

type Put = dyn Fn(&Unhandled, &Asked) -> Response + Send + Sync;

/// How such an answer looks to whoever asked; JSON unless told otherwise.
#[derive(Clone, Default)]
pub struct Face(Option<Arc<Put>>);

impl Face {
    /// The face that `put` gives.
    pub fn new(put: impl Fn(&Unhandled, &Asked) -> Response + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(put)))
    }

    /// The answer.
    pub fn put(&self, what: &Unhandled, asked: &Asked) -> Response {
        self.0
            .as_ref()
            .map_or_else(|| what.json(), |put| put(what, asked))
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Face")
    }
}

//! How the management API says no. [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)

use std::borrow::Cow;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    bearer,
    config::Issuer,
    error::{Error, Failure},
    oauth::refusal::{Code, Refusal, shortened},
    observe::Unhandled,
    registry::assurance::FRESH,
};

/// The most bytes of a problem.
const LARGEST: usize = 4096;
/// The most bytes of the path that it repeats.
const INSTANCE: usize = 300;

/// Why a request was not granted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A page that explains it.
    #[schema(format = "uri")]
    r#type: String,
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The path that was asked.
    instance: String,
    /// A stable word for programs.
    code: String,
    /// Leads to the lines of the log.
    request_id: String,
    /// Which parts of the input are wrong: at most ten of them.
    errors: Vec<FieldProblem>,
    /// How many more parts are wrong than `errors` lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    more_errors: Option<usize>,
    /// After a failed `If-Match`: the entity tag as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    current_etag: Option<String>,
    /// With `insufficient_user_authentication`: the class of authentication to reach
    /// ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470)).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    acr_values: Option<&'static str>,
    /// And how old, in seconds, the sign-in may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_age: Option<i64>,
}

/// One part of the input that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where: a JSON pointer into the body, or a slash and the name of the query parameter.
    pointer: String,
    /// A stable word for programs.
    code: String,
    detail: String,
}

/// What a problem says of the request it answers.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub issuer: &'a Issuer,
    pub path: &'a str,
    pub request_id: &'a str,
    /// The scope that the operation asks for.
    pub scope: Option<&'a str>,
    /// The entity tag that would have matched.
    pub etag: Option<&'a str>,
}

/// The words above a problem.
const fn title(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "Not authenticated",
        Code::InvalidToken => "The access token does not count",
        Code::InsufficientScope => "The access token does not allow this",
        Code::Forbidden => "Not allowed",
        Code::InsufficientUserAuthentication => "A fresh sign-in is needed",
        Code::NotFound => "Not found",
        Code::MethodNotAllowed => "Method not allowed",
        Code::Conflict => "This does not fit the state of things",
        Code::Gone => "Gone",
        Code::PreconditionFailed => "Somebody changed this meanwhile",
        Code::PreconditionRequired => "Say which version you have seen",
        Code::TooLarge => "Too large",
        Code::UnsupportedMediaType => "Not a media type this understands",
        Code::Unprocessable => "This idempotency key was used for another request",
        Code::TooManyRequests => "Too many requests",
        Code::FeatureUnavailable => "Turned off by the operator",
        _ => "The request is not right",
    }
}

/// Renders an error.
pub fn render(error: &Error, about: About<'_>) -> Response {
    match error {
        Error::Refused(refusal) => refused(refusal, about),
        Error::Failed(failure) => {
            failure.log();
            let (status, code, detail) = failure.face();
            let title = "The server could not do this";
            let mut response = answer(status, about, title, code, detail, (Vec::new(), 0), None);
            if matches!(failure, Failure::Unavailable(_)) {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            response
        }
    }
}

/// Renders what no operation saw.
pub fn unhandled(what: &Unhandled, about: About<'_>) -> Response {
    let title = if what.status.is_server_error() {
        "The server could not do this"
    } else {
        title(Code::InvalidRequest)
    };
    answer(
        what.status,
        about,
        title,
        what.error,
        &what.description,
        (Vec::new(), 0),
        None,
    )
}

fn refused(refusal: &Refusal, about: About<'_>) -> Response {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let errors = refusal.fields.iter().map(|field| FieldProblem {
        pointer: field.pointer.clone(),
        code: field.code.to_owned(),
        detail: field.detail.clone(),
    });
    let (title, detail) = (title(refusal.code), &refusal.description);
    let errors = (errors.collect(), refusal.more);
    let mut response = answer(status, about, title, refusal.reason, detail, errors, refusal.acr);
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(challenge) = challenge(refusal, about.scope) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// RFC 6750 §3: the scope that is missing, where one is.
fn challenge(refusal: &Refusal, scope: Option<&str>) -> Option<HeaderValue> {
    let challenge = bearer::challenge(refusal)?;
    match (refusal.code, scope, challenge.to_str()) {
        (Code::InsufficientScope, Some(scope), Ok(text)) => {
            HeaderValue::try_from(format!("{text}, scope=\"{scope}\"")).ok()
        }
        _ => Some(challenge),
    }
}

impl Problem {
    /// As JSON of a bounded size, however large the request was: parts of the input are left out and counted until it
    /// fits. Quotes and control characters take up to six times the room in JSON, so it is the result that is measured.
    fn fitting(mut self) -> String {
        loop {
            let body = serde_json::to_string(&self).unwrap_or_default();
            if body.len() <= LARGEST {
                return body;
            }
            if self.errors.pop().is_some() {
                self.more_errors = Some(self.more_errors.unwrap_or(0) + 1);
            } else if self.detail.is_empty() {
                return body;
            } else {
                let half = self.detail.len() / 2;
                self.detail.truncate(self.detail.floor_char_boundary(half));
            }
        }
    }
}

fn answer(
    status: StatusCode,
    about: About<'_>,
    title: &'static str,
    code: &str,
    detail: &str,
    (errors, more): (Vec<FieldProblem>, usize),
    acr: Option<&'static str>,
) -> Response {
    let problem = Problem {
        r#type: about.issuer.join(&format!("/help/errors#{code}")),
        title,
        status: status.as_u16(),
        detail: detail.to_owned(),
        instance: shortened(Cow::Borrowed(about.path), INSTANCE).into_owned(),
        code: code.to_owned(),
        request_id: about.request_id.to_owned(),
        errors,
        more_errors: Some(more).filter(|more| *more > 0),
        current_etag: about.etag.map(str::to_owned),
        acr_values: acr,
        max_age: acr.map(|_| FRESH.as_seconds()),
    };
    let body = problem.fitting();
    let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, content_type, body).into_response();
    protect(response.headers_mut());
    if let Some(etag) = about.etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The headers of every answer: it is nobody's to keep, and no page.
pub fn protect(headers: &mut HeaderMap) {
    let mut set =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
}

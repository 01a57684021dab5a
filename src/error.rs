//! `Refused` is ours to say no; `Failed` is ours to apologise. The one place that logs a failure, and the rendering that
//! the OAuth endpoints use ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)); the management API and
//! the pages render the same value their own way.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    db::{DbError, WriteError},
    oauth::refusal::{Code, Refusal},
};

pub type Result<T, E = Error> = std::result::Result<T, E>;

tokio::task_local! {
    static REQUEST: String;
}

/// Does the work of a request; failures in it are logged with its id.
pub async fn in_request<W: Future>(id: String, work: W) -> W::Output {
    REQUEST.scope(id, work).await
}

/// The id of the request whose work this is; empty outside of one.
pub fn request_id() -> String {
    REQUEST.try_with(Clone::clone).unwrap_or_default()
}

/// Why a request was not granted.
#[derive(Debug)]
pub enum Error {
    Refused(Box<Refusal>),
    Failed(Failure),
}

/// What went wrong on our side. The text is for the log only.
#[derive(Debug)]
pub enum Failure {
    /// The storage cannot be reached or written; trying again helps.
    Unavailable(String),
    /// A defect.
    Internal(String),
}

impl Failure {
    /// The status and the words that a caller may see.
    pub const fn face(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "the server cannot reach its storage; nothing was changed; try again shortly",
            ),
            Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "the server failed; the request id in the Request-Id header leads to the cause in its log",
            ),
        }
    }

    /// Writes the cause to the log. Every rendering calls it once.
    pub fn log(&self) {
        let request_id = request_id();
        match self {
            Self::Unavailable(cause) => tracing::error!(cause, request_id, "storage unavailable"),
            Self::Internal(cause) => tracing::error!(cause, request_id, "internal failure"),
        }
    }
}

impl Error {
    /// A defect, with its cause for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Failed(Failure::Internal(cause.to_string()))
    }

    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Failed(_) => None,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Failed(Failure::Unavailable(cause) | Failure::Internal(cause)) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Error {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        Self::Failed(match error {
            DbError::Unavailable(cause) => Failure::Unavailable(cause),
            DbError::Failed(cause) => Failure::Internal(cause),
        })
    }
}

/// What a batch runs into unless its caller knows better.
impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Db(error) => error.into(),
            WriteError::Unmet("version") => Code::PreconditionFailed
                .because("somebody changed this meanwhile: read it again and repeat your change")
                .reason("version_conflict")
                .into(),
            WriteError::Unmet("last_owner") => Code::Conflict
                .because("an organisation keeps at least one owner: make somebody else an owner first")
                .reason("last_owner")
                .into(),
            WriteError::Unmet("holder") => Code::Forbidden
                .because("this account may not hold personal credentials here any more")
                .reason("credential.holder")
                .into(),
            WriteError::Unmet("credential_limit") => Code::Conflict
                .because("this person has as many personal credentials as the organisation allows: delete one first")
                .reason("credential.limit")
                .into(),
            WriteError::Unmet("spent") => Code::Gone
                .because("this was used already, or its time is over")
                .reason("spent")
                .into(),
            WriteError::Unmet(what) => Code::Conflict
                .because(format!("this is not in the state the change needs ({what})"))
                .into(),
            WriteError::Unique { .. } => Code::Conflict
                .because("this exists already")
                .reason("exists")
                .into(),
            WriteError::ForeignKey => Code::Conflict
                .because("this hangs together with something that is gone or still in use")
                .into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.answer(None)
    }
}

impl Error {
    /// As the OAuth endpoints render it; `uri` is where whoever looks after the client reads more (RFC 6749 §5.2).
    pub fn answer(self, uri: Option<&str>) -> Response {
        let (status, error, description, retry_after) = match &self {
            Self::Refused(refusal) => (
                StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::BAD_REQUEST),
                refusal.code.name(),
                refusal.description.as_ref(),
                refusal.retry_after,
            ),
            Self::Failed(failure) => {
                failure.log();
                let (status, error, description) = failure.face();
                let retry = matches!(failure, Failure::Unavailable(_)).then_some(2);
                (status, error, description, retry)
            }
        };
        let mut body = serde_json::json!({ "error": error, "error_description": wire_text(description) });
        if let Some(uri) = uri {
            body["error_uri"] = uri.into();
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A text in the characters that RFC 6749 §5.2 allows in an `error_description`: %x20-21 / %x23-5B / %x5D-7E.
fn wire_text(text: &str) -> String {
    text.chars()
        .map(|ch| match ch {
            '"' => '\'',
            '\\' => '/',
            '\u{20}'..='\u{7e}' => ch,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_19_descriptions_keep_to_the_allowed_characters() {
        assert_eq!(wire_text("a \"b\"\\c\r\n\té"), "a 'b'/c????");
    }
}

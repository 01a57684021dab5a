//! How a command ends: the exit codes, which scripts rely on, and what a person reads.

use std::{fmt, process::ExitCode};

use serde_json::Value as Json;

/// The exit codes. A number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Unexpected = 1,
    Usage = 2,
    NotFound = 3,
    SignInNeeded = 4,
    Forbidden = 5,
    Conflict = 6,
    Invalid = 7,
    TryLater = 8,
    Network = 9,
    SomeFailed = 10,
    NotConfirmed = 11,
    NotIntact = 12,
}

impl Exit {
    /// Every code with its meaning, for `help exit-codes`.
    pub const TABLE: [(Self, &'static str); 13] = [
        (Self::Done, "done"),
        (Self::Unexpected, "something unexpected; the message says what"),
        (Self::Usage, "the command line or the configuration is wrong"),
        (Self::NotFound, "there is no such thing here"),
        (
            Self::SignInNeeded,
            "not signed in, the token is not accepted any more, or the sign-in is too old for this",
        ),
        (Self::Forbidden, "signed in, but not allowed to do this"),
        (
            Self::Conflict,
            "the thing is in another state, or somebody changed it meanwhile",
        ),
        (
            Self::Invalid,
            "the input was refused; the message names each field",
        ),
        (
            Self::TryLater,
            "too many requests, or the server is busy: try again later",
        ),
        (Self::Network, "the server cannot be reached, or TLS failed"),
        (
            Self::SomeFailed,
            "some of many failed; the messages say which, and the rest is done",
        ),
        (Self::NotConfirmed, "a confirmation was asked for and not given"),
        (Self::NotIntact, "what was checked is not whole"),
    ];

    /// The code for an HTTP status that is not a success.
    pub const fn of_status(status: u16) -> Self {
        match status {
            400 | 413 | 415 | 422 => Self::Invalid,
            401 => Self::SignInNeeded,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            409 | 412 | 428 => Self::Conflict,
            429 | 503 => Self::TryLater,
            502 | 504 => Self::Network,
            _ => Self::Unexpected,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// One sentence, or a few lines when several things are wrong.
    pub message: String,
    /// The problem document of the server (RFC 9457), for output as JSON.
    pub problem: Option<Json>,
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure with words of our own.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            problem: None,
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The word of the server for what is wrong: `error` of an OAuth endpoint, `code` of the API.
    pub fn error(&self) -> Option<&str> {
        let problem = self.problem.as_ref()?;
        let word = problem.get("error").or_else(|| problem.get("code"))?;
        word.as_str()
    }

    /// What the server refused or could not do.
    pub fn of_problem(status: u16, problem: Json) -> Self {
        let text = |name: &str| problem.get(name).and_then(Json::as_str);
        // OAuth endpoints say `error` and `error_description` (RFC 6749 §5.2).
        let mut message = text("detail")
            .or_else(|| text("error_description"))
            .or_else(|| text("title"))
            .map_or_else(|| format!("the server answered {status}"), str::to_owned);
        for error in problem
            .get("errors")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            let part = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
            message.push_str(&format!("\n  {}: {}", part("pointer"), part("detail")));
        }
        if let Some(more) = problem.get("more_errors").and_then(Json::as_u64) {
            message.push_str(&format!("\n  and {more} more"));
        }
        if let Some(id) = text("request_id") {
            message.push_str(&format!("\n  request {id}"));
        }
        Self {
            exit: Exit::of_status(status),
            message,
            problem: Some(problem),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Of the server itself, when it starts.
impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::new(Exit::Unexpected, error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Unexpected, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_each_field() {
        let problem = serde_json::json!({
            "detail": "The input was refused.",
            "errors": [{ "pointer": "/name", "code": "name", "detail": "Enter a name." }],
            "request_id": "req_1",
        });
        let failure = Failure::of_problem(400, problem);
        assert_eq!(failure.exit, Exit::Invalid);
        assert_eq!(
            failure.message,
            "The input was refused.\n  /name: Enter a name.\n  request req_1"
        );
    }

    #[test]
    fn statuses_lead_to_codes() {
        let codes = [401, 403, 404, 409, 412, 428, 400, 422, 429, 503, 500].map(Exit::of_status);
        let numbers = codes.map(|exit| exit as u8);
        assert_eq!(numbers, [4, 5, 3, 6, 6, 6, 7, 7, 8, 8, 1]);
    }
}

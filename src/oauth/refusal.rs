//! How we say no. One table of codes serves the OAuth endpoints ([RFC 6749 §5.2], [RFC 6750 §3.1], [RFC 8707 §2])
//! and the management API ([RFC 9457]); the type at hand chooses how a refusal is rendered.
//!
//! [RFC 6749 §5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
//! [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
//! [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
//! [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457

use std::borrow::Cow;

/// What kind of no it is: a wire name and an HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    /// RFC 6749 §4.1.2.1.
    AccessDenied,
    UnsupportedResponseType,
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired,
    ConsentRequired,
    InteractionRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
    /// OpenID Connect Core Unmet Authentication Requirements 1.0.
    UnmetAuthenticationRequirements,
    /// RFC 8628 §3.5.
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    InvalidToken,
    InsufficientScope,
    /// Bad input to the management API; the fields say where.
    Invalid,
    /// No bearer token or session where one is needed.
    Unauthenticated,
    Forbidden,
    /// RFC 9470 §3: the sign-in is older, or proved less, than a sensitive action allows.
    InsufficientUserAuthentication,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Gone,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
    UnsupportedMediaType,
    Unprocessable,
    TooManyRequests,
    FeatureUnavailable,
}

impl Code {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status it is answered with.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    const fn row(self) -> (&'static str, u16) {
        match self {
            Self::InvalidRequest => ("invalid_request", 400),
            Self::InvalidClient => ("invalid_client", 401),
            Self::InvalidGrant => ("invalid_grant", 400),
            Self::UnauthorizedClient => ("unauthorized_client", 400),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 400),
            Self::InvalidScope => ("invalid_scope", 400),
            Self::InvalidTarget => ("invalid_target", 400),
            Self::AccessDenied => ("access_denied", 400),
            Self::UnsupportedResponseType => ("unsupported_response_type", 400),
            Self::LoginRequired => ("login_required", 400),
            Self::ConsentRequired => ("consent_required", 400),
            Self::InteractionRequired => ("interaction_required", 400),
            Self::RequestNotSupported => ("request_not_supported", 400),
            Self::RequestUriNotSupported => ("request_uri_not_supported", 400),
            Self::RegistrationNotSupported => ("registration_not_supported", 400),
            Self::UnmetAuthenticationRequirements => ("unmet_authentication_requirements", 400),
            Self::AuthorizationPending => ("authorization_pending", 400),
            Self::SlowDown => ("slow_down", 400),
            Self::ExpiredToken => ("expired_token", 400),
            Self::InvalidToken => ("invalid_token", 401),
            Self::InsufficientScope => ("insufficient_scope", 403),
            Self::Invalid => ("invalid_input", 400),
            Self::Unauthenticated => ("unauthenticated", 401),
            Self::Forbidden => ("forbidden", 403),
            Self::InsufficientUserAuthentication => ("insufficient_user_authentication", 401),
            Self::NotFound => ("not_found", 404),
            Self::MethodNotAllowed => ("method_not_allowed", 405),
            Self::Conflict => ("conflict", 409),
            Self::Gone => ("gone", 410),
            Self::PreconditionFailed => ("precondition_failed", 412),
            Self::PreconditionRequired => ("precondition_required", 428),
            Self::TooLarge => ("request_too_large", 413),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415),
            Self::Unprocessable => ("idempotency_key_reused", 422),
            Self::TooManyRequests => ("rate_limited", 429),
            Self::FeatureUnavailable => ("feature_unavailable", 403),
        }
    }

    /// This code, with a sentence for the developer of the client: what is wrong and what to do.
    pub fn because(self, description: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            code: self,
            reason: self.name(),
            description: shortened(description.into(), LONGEST),
            fields: Vec::new(),
            more: 0,
            retry_after: None,
            acr: None,
        }
    }
}

/// How many faults of an input a refusal lists; of the rest it says how many they are.
pub const LISTED: usize = 10;
/// The most bytes of a description, or of what is said about a field.
const LONGEST: usize = 800;
/// The most bytes of a pointer.
const POINTER: usize = 120;

/// A text of at most so many bytes: its beginning, if it is longer. What a caller sent is quoted back, but a refusal must
/// not grow with what it refuses.
pub fn shortened(text: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most.saturating_sub(3));
    Cow::Owned(format!("{}...", &text[..end]))
}

/// A no, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    /// A finer, stable word for programs, such as `secret_limit`; the code's own name where there is none. The OAuth
    /// endpoints never tell it: it goes to whoever looks after the client.
    pub reason: &'static str,
    /// For a developer; stable, tested, never a secret.
    pub description: Cow<'static, str>,
    /// Which parts of the input are wrong: the first of them.
    pub fields: Vec<Field>,
    /// How many more parts are wrong.
    pub more: usize,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u64>,
    /// The class of authentication that would do ([RFC 9470 §3](https://www.rfc-editor.org/rfc/rfc9470#section-3)).
    pub acr: Option<&'static str>,
}

impl Refusal {
    /// Bad input, field by field: the first ten, and how many more there are. `fields` must not be empty.
    pub fn fields(mut fields: Vec<Field>) -> Self {
        let more = fields.len().saturating_sub(LISTED);
        let description = match fields.as_slice() {
            [one] => one.detail.clone(),
            many if more > 0 => {
                format!(
                    "{} fields need attention: the first {LISTED} and {more} more",
                    many.len()
                )
            }
            many => format!("{} fields need attention", many.len()),
        };
        fields.truncate(LISTED);
        Self {
            fields,
            more,
            ..Code::Invalid.because(description)
        }
    }

    /// The same no with a finer word for programs.
    #[must_use]
    pub fn reason(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// The same no, with the class of authentication that would do.
    #[must_use]
    pub fn acr(self, class: &'static str) -> Self {
        Self {
            acr: Some(class),
            ..self
        }
    }

    /// The same no, to be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason, self.description)
    }
}

/// One part of the input that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) with the names of `/api/v1`, such as
    /// `/redirect_uris/1`.
    pub pointer: String,
    /// A stable word for programs, such as `uri.fragment`.
    pub code: &'static str,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl Field {
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: shortened(Cow::Owned(pointer.into()), POINTER).into_owned(),
            code,
            detail: shortened(Cow::Owned(detail.into()), LONGEST).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fx_10_a_refusal_does_not_grow_with_what_it_refuses() {
        let long = "\u{e9}".repeat(5000);
        let field = |_| Field::new(long.clone(), "unknown", long.clone());
        let refusal = Refusal::fields((0..2000).map(field).collect());
        assert_eq!((refusal.fields.len(), refusal.more), (LISTED, 1990));
        assert_eq!(
            refusal.description,
            "2000 fields need attention: the first 10 and 1990 more"
        );
        let field = &refusal.fields[0];
        assert!(field.pointer.len() <= POINTER && field.detail.len() <= LONGEST);
        assert!(field.detail.ends_with("\u{e9}..."), "{}", field.detail);
        assert!(Code::InvalidScope.because(long).description.len() <= LONGEST);
        assert_eq!(shortened("short".into(), 5), "short");
    }
}

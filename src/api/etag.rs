//! Conditional requests. [RFC 9110 §13](https://www.rfc-editor.org/rfc/rfc9110#section-13)
//!
//! The entity tag of a resource is its version. A change must say which version it was made for, so that nobody's work
//! is overwritten unseen; the version travels into the transaction as well.

use axum::http::{HeaderMap, HeaderName, header};

use crate::oauth::refusal::{Code, Refusal};

/// The tag of a version.
pub fn of_version(version: i64) -> String {
    format!("\"v{version}\"")
}

/// The tag of something without a version: a digest of what it says.
pub fn of_content(content: &serde_json::Value) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.to_string().as_bytes());
    let text: String = digest.as_ref()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{text}\"")
}

/// The tags that a request names in one header; `None` without that header.
#[derive(Clone, Debug)]
pub struct Tags(Option<Vec<String>>);

impl Tags {
    /// Reads `If-Match`.
    pub fn if_match(headers: &HeaderMap) -> Self {
        Self::read(headers, header::IF_MATCH)
    }

    /// Reads `If-None-Match`.
    pub fn if_none_match(headers: &HeaderMap) -> Self {
        Self::read(headers, header::IF_NONE_MATCH)
    }

    fn read(headers: &HeaderMap, name: HeaderName) -> Self {
        let lines = headers
            .get_all(name)
            .iter()
            .map(|line| line.to_str().unwrap_or_default());
        let mut lines = lines.peekable();
        Self(lines.peek().is_some().then(|| {
            let tags = lines.flat_map(|line| line.split(','));
            tags.map(|tag| tag.trim().to_owned()).collect()
        }))
    }

    /// Whether the tag is among them, weakly compared (RFC 9110 §8.8.3.2).
    pub fn name(&self, etag: &str) -> bool {
        let tags = self.0.iter().flatten();
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
            .any(|tag| tag == etag || tag == "*")
    }

    /// Asks for a tag that matches; without the header only if `needed`.
    ///
    /// # Errors
    /// `precondition_required` without one where it is needed; `precondition_failed` when none matches.
    pub fn demand(&self, etag: &str, needed: bool) -> Result<(), Refusal> {
        match &self.0 {
            None if needed => Err(Code::PreconditionRequired.because(
                "send If-Match with the ETag of what you have seen, so that nobody's change is lost",
            )),
            None => Ok(()),
            // RFC 9110 §13.1.1: a weak tag never matches here.
            Some(tags) if tags.iter().any(|tag| tag == etag || tag == "*") => Ok(()),
            Some(_) => Err(Code::PreconditionFailed
                .because("somebody changed this meanwhile: read it again and repeat your change")
                .reason("version_conflict")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &'static str) -> Tags {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, axum::http::HeaderValue::from_static(text));
        Tags::if_match(&headers)
    }

    #[test]
    fn if_match_compares_strongly() {
        for good in ["\"v3\"", "\"v2\", \"v3\"", "*"] {
            assert!(tags(good).demand("\"v3\"", true).is_ok(), "{good}");
        }
        for stale in ["\"v2\"", "W/\"v3\"", "v3", ""] {
            let refusal = tags(stale).demand("\"v3\"", false).unwrap_err();
            assert_eq!(refusal.code, Code::PreconditionFailed, "{stale}");
        }
        let none = Tags::if_match(&HeaderMap::new());
        assert_eq!(
            none.demand("\"v3\"", true).unwrap_err().code,
            Code::PreconditionRequired
        );
        assert!(none.demand("\"v3\"", false).is_ok());
    }
}

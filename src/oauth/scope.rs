//! Scope values, and narrowing what is asked to what was granted.
//! [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3),
//! [RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)
//!
//! One catalogue is keyed by audience and value. A request may name a scope by its value alone, or fully qualified:
//! audience and value together, with or without a hyphen between. A token has exactly one audience.

use std::sync::Arc;

use url::Url;

use super::refusal::{Code, Refusal};

/// The scopes of OpenID Connect; they belong to no API ([OIDC Core §5.4]).
///
/// [OIDC Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
pub const OIDC: &[&str] = &["openid", "profile", "email", "address", "phone", "offline_access"];

/// More scopes than a request may name.
const MOST: usize = 200;

/// The longest value.
const LONGEST: usize = 100;

/// Whether a text may be defined as a scope value: `resource:action`, lower case, in two or more parts.
pub fn is_value(text: &str) -> bool {
    let part_ok = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b))
    };
    text.len() <= LONGEST && text.contains(':') && text.split(':').all(part_ok)
}

/// Whether a text may be an audience: an absolute URI without fragment (RFC 8707 §2), at most 255 characters,
/// without spaces.
pub fn is_audience(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains(['#', '"', '\\'])
        && Url::parse(text).is_ok()
}

/// What a client was granted at one API.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    pub api: Arc<str>,
    pub audience: Arc<str>,
    /// As granted, in order.
    pub values: Vec<Arc<str>>,
    /// With everything they imply; sorted.
    pub effective: Vec<Arc<str>>,
}

impl Granted {
    /// Whether the value is granted here, directly or by implication.
    pub fn allows(&self, value: &str) -> bool {
        self.effective.binary_search_by(|v| v.as_ref().cmp(value)).is_ok()
    }
}

/// One scope of the catalogue: of an API, or of OpenID Connect (no API).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey {
    pub api: Option<Arc<str>>,
    pub value: Arc<str>,
}

impl ScopeKey {
    /// A scope of OpenID Connect.
    pub fn openid(value: &str) -> Self {
        Self {
            api: None,
            value: Arc::from(value),
        }
    }

    /// A scope of an API, by the API's id.
    pub fn of_api(api: &Arc<str>, value: &Arc<str>) -> Self {
        Self {
            api: Some(Arc::clone(api)),
            value: Arc::clone(value),
        }
    }

    /// Reads one as it is kept: `openid`, or API id, a slash and the value.
    pub fn parse(text: &str) -> Self {
        match text.split_once('/') {
            Some((api, value)) => Self {
                api: Some(Arc::from(api)),
                value: Arc::from(value),
            },
            None => Self::openid(text),
        }
    }

    /// Reads a list as it is kept, a space between.
    pub fn parse_list(text: &str) -> Vec<Self> {
        text.split_whitespace().map(Self::parse).collect()
    }

    /// The text of a list, as it is kept.
    pub fn join(keys: &[Self]) -> String {
        let texts: Vec<String> = keys.iter().map(ToString::to_string).collect();
        texts.join(" ")
    }
}

impl std::fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(api) = &self.api {
            write!(f, "{api}/")?;
        }
        f.write_str(&self.value)
    }
}

/// What a token will be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed<'g> {
    /// Index into the granted list: the API, and so the audience.
    pub at: usize,
    /// Distinct values, in the order asked.
    pub values: Vec<&'g str>,
}

/// Narrows a request to what was granted.
///
/// Takes the `scope` parameter, the `resource` parameters, and what the client was granted, default audience first.
///
/// # Errors
/// `invalid_scope` for a value that is unknown, not granted, malformed, or granted in two audiences without a
/// `resource`; `invalid_target` for a resource that is no absolute URI or not granted, more than one resource, or
/// scopes of two audiences.
pub fn narrow<'g>(
    granted: &'g [Granted],
    asked: Option<&str>,
    resources: &[&str],
) -> Result<Narrowed<'g>, Refusal> {
    let target = target(granted, resources)?;
    let Some(asked) = asked else {
        let at = target.unwrap_or_default();
        let values = granted
            .get(at)
            .map(|g| g.values.iter().map(AsRef::as_ref).collect());
        return match values {
            Some(values) => Ok(Narrowed { at, values }),
            None => Err(Code::InvalidScope.because("this client has not been granted any scope")),
        };
    };
    let mut values: Vec<&'g str> = Vec::new();
    let mut chosen = target;
    for (count, text) in asked.split(' ').filter(|t| !t.is_empty()).enumerate() {
        if count == MOST {
            return Err(Code::InvalidScope.because("the request names too many scopes"));
        }
        let (at, value) = locate(granted, text, target)?;
        match chosen {
            Some(before) if before != at => {
                return Err(Code::InvalidTarget
                    .because("the scopes belong to two audiences: ask for one token for each"));
            }
            _ => chosen = Some(at),
        }
        if !values.contains(&value) {
            values.push(value);
        }
    }
    match chosen {
        Some(at) if !values.is_empty() => Ok(Narrowed { at, values }),
        _ => Err(Code::InvalidScope.because("the scope parameter names no scope")),
    }
}

/// The one audience that `resource` names, if any.
fn target(granted: &[Granted], resources: &[&str]) -> Result<Option<usize>, Refusal> {
    let Some((first, others)) = resources.split_first() else {
        return Ok(None);
    };
    if others.iter().any(|other| other != first) {
        return Err(Code::InvalidTarget.because("a token has one audience: send one resource"));
    }
    if !is_audience(first) {
        return Err(Code::InvalidTarget.because("resource must be an absolute URI without a fragment"));
    }
    granted
        .iter()
        .position(|g| g.audience.as_ref() == *first)
        .map(Some)
        .ok_or_else(|| Code::InvalidTarget.because("this client has no access to that resource"))
}

/// Where a text of the request stands in what was granted.
fn locate<'g>(
    granted: &'g [Granted],
    text: &str,
    target: Option<usize>,
) -> Result<(usize, &'g str), Refusal> {
    let mut found = None;
    for (at, grant) in granted.iter().enumerate() {
        if target.is_some_and(|t| t != at) {
            continue;
        }
        let Some(value) = value_in(grant, text) else {
            continue;
        };
        if found.is_some() {
            return Err(Code::InvalidScope.because(
                "a scope stands in two audiences: add a resource parameter, or qualify it with its audience",
            ));
        }
        found = Some((at, value));
    }
    found.ok_or_else(|| Code::InvalidScope.because("a scope is unknown or not granted to this client"))
}

fn value_in<'g>(grant: &'g Granted, text: &str) -> Option<&'g str> {
    let own = |value: &str| {
        let at = grant.effective.binary_search_by(|v| v.as_ref().cmp(value)).ok()?;
        Some(grant.effective[at].as_ref())
    };
    own(text).or_else(|| {
        let rest = text.strip_prefix(grant.audience.as_ref())?;
        own(rest).or_else(|| own(rest.strip_prefix('-')?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(audience: &str, values: &[&str]) -> Granted {
        let values: Vec<Arc<str>> = values.iter().map(|v| Arc::from(*v)).collect();
        let mut effective = values.clone();
        effective.sort();
        Granted {
            api: Arc::from(audience),
            audience: Arc::from(audience),
            values,
            effective,
        }
    }

    fn two() -> Vec<Granted> {
        vec![
            granted("https://a.example", &["x:read", "y:read"]),
            granted("https://b.example/", &["x:read", "z:write"]),
        ]
    }

    #[test]
    fn cc_04_no_scope_means_all_of_the_default_audience() {
        let two = two();
        let narrowed = narrow(&two, None, &[]).unwrap();
        assert_eq!((narrowed.at, narrowed.values), (0, vec!["x:read", "y:read"]));
    }

    #[test]
    fn scopes_may_be_fully_qualified() {
        let two = two();
        for text in [
            "https://b.example/z:write",
            "https://b.example/-z:write",
            "z:write",
        ] {
            assert_eq!(narrow(&two, Some(text), &[]).unwrap().at, 1, "{text}");
        }
    }

    #[test]
    fn a_value_of_two_audiences_needs_a_resource() {
        let two = two();
        assert_eq!(
            narrow(&two, Some("x:read"), &[]).unwrap_err().code,
            Code::InvalidScope
        );
        assert_eq!(
            narrow(&two, Some("x:read"), &["https://b.example/"]).unwrap().at,
            1
        );
    }

    #[test]
    fn scopes_of_two_audiences_are_no_target() {
        let refusal = narrow(&two(), Some("y:read z:write"), &[]).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidTarget);
    }

    #[test]
    fn cc_03_an_ungranted_scope_is_refused() {
        assert_eq!(
            narrow(&two(), Some("admin:all"), &[]).unwrap_err().code,
            Code::InvalidScope
        );
    }

    #[test]
    fn r_02_r_03_a_resource_must_be_known_and_absolute() {
        for resource in ["https://c.example", "relative", "https://a.example#f", ""] {
            assert_eq!(
                narrow(&two(), None, &[resource]).unwrap_err().code,
                Code::InvalidTarget,
                "{resource}"
            );
        }
    }

    #[test]
    fn b_105_long_scopes_are_answered_quickly() {
        let asked = "x:read ".repeat(50_000);
        assert_eq!(
            narrow(&two(), Some(&asked), &[]).unwrap_err().code,
            Code::InvalidScope
        );
    }
}

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

/// What a scope of OpenID Connect lets an app do, in words for the person.
pub fn openid_words(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "openid" => "Know that it is you",
        "profile" => "See your name and profile",
        "email" => "See your e-mail address",
        "address" => "See your postal address",
        "phone" => "See your telephone number",
        "offline_access" => "Keep this access until you remove it, also when you are signed out",
        _ => return None,
    })
}

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
    /// The number at which each of `effective` was granted, in their order; empty where all were there from the start.
    pub since: Vec<i64>,
}

impl Granted {
    /// Whether the value is granted here, directly or by implication.
    pub fn allows(&self, value: &str) -> bool {
        self.since(value).is_some()
    }

    /// The number at which the value was granted here, directly or by implication: what names a lower one was made before
    /// that, and does not hold it, whatever it was granted then.
    pub fn since(&self, value: &str) -> Option<i64> {
        let at = self.effective.binary_search_by(|v| v.as_ref().cmp(value)).ok()?;
        Some(self.since.get(at).copied().unwrap_or_default())
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
            None => Err(Code::InvalidScope
                .because("this client has not been granted any scope")
                .reason("scope.none")),
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

/// What an authorization request asks for: scopes of OpenID Connect and of APIs, each of them granted to the client.
///
/// Without a `scope` parameter that is everything granted at the resources named, or at the default audience; scopes of
/// OpenID Connect are never assumed.
///
/// # Errors
/// `invalid_scope` for a value that is unknown, not granted, or granted in two audiences without a `resource`, and when
/// nothing is left; `invalid_target` for a resource that is no absolute URI, not granted, or of which nothing is asked,
/// and for scopes of several audiences that the request does not name as resources.
pub fn ask(
    granted: &[Granted],
    oidc: &[Arc<str>],
    asked: Option<&str>,
    resources: &[String],
) -> Result<Vec<ScopeKey>, Refusal> {
    let mut targets: Vec<usize> = Vec::new();
    for resource in resources {
        let at = target(granted, &[resource])?;
        targets.extend(at.filter(|at| !targets.contains(at)));
    }
    let Some(asked) = asked else {
        return everything(granted, &targets);
    };
    let mut keys: Vec<ScopeKey> = Vec::new();
    let mut used: Vec<usize> = Vec::new();
    for (count, text) in asked.split(' ').filter(|t| !t.is_empty()).enumerate() {
        if count == MOST {
            return Err(Code::InvalidScope.because("the request names too many scopes"));
        }
        let key = if OIDC.contains(&text) {
            let known = oidc.iter().find(|value| value.as_ref() == text);
            ScopeKey::openid(known.ok_or_else(ungranted)?)
        } else {
            let (at, value) = locate_among(granted, text, &targets)?;
            if !used.contains(&at) {
                used.push(at);
            }
            ScopeKey::of_api(&granted[at].api, value)
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(Code::InvalidScope.because("the scope parameter names no scope"));
    }
    if targets.iter().any(|at| !used.contains(at)) {
        return Err(Code::InvalidTarget.because("no scope of one of the resources is asked for"));
    }
    if used.len() > 1 && targets.is_empty() {
        return Err(Code::InvalidTarget
            .because("the scopes belong to several audiences: name each of them with a resource parameter"));
    }
    Ok(keys)
}

/// All that was granted at some audiences, or at the default one.
fn everything(granted: &[Granted], targets: &[usize]) -> Result<Vec<ScopeKey>, Refusal> {
    let chosen = if targets.is_empty() { &[0] } else { targets };
    let keys: Vec<ScopeKey> = chosen
        .iter()
        .filter_map(|at| granted.get(*at))
        .flat_map(|grant| {
            grant
                .values
                .iter()
                .map(|value| ScopeKey::of_api(&grant.api, value))
        })
        .collect();
    if keys.is_empty() {
        return Err(Code::InvalidScope.because("name the scopes: this client has none that are assumed"));
    }
    Ok(keys)
}

fn ungranted() -> Refusal {
    Code::InvalidScope
        .because("a scope is unknown or not granted to this client")
        .reason("scope.ungranted")
}

fn locate_among<'g>(
    granted: &'g [Granted],
    text: &str,
    targets: &[usize],
) -> Result<(usize, &'g Arc<str>), Refusal> {
    let among = |at: &usize| targets.is_empty() || targets.contains(at);
    let mut found = (0..granted.len())
        .filter(among)
        .filter_map(|at| Some((at, value_in(&granted[at], text)?)));
    let first = found.next().ok_or_else(ungranted)?;
    if found.next().is_some() {
        return Err(ambiguous());
    }
    Ok(first)
}

/// What one token may hold of what a person gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<'g> {
    /// Index into `given`: the API, and so the audience. `None`: the token is for the userinfo endpoint alone.
    pub at: Option<usize>,
    /// Distinct values: of OpenID Connect, then of the API.
    pub values: Vec<&'g str>,
}

/// Chooses what one token holds of what a person gave: `given` at APIs, `oidc` of OpenID Connect.
///
/// # Errors
/// `invalid_scope` for a value that was not given; `invalid_target` for a resource that was not given, more than one
/// resource, or when it is open which of several audiences is meant.
pub fn choose<'g>(
    given: &'g [Granted],
    oidc: &'g [Arc<str>],
    asked: Option<&str>,
    resources: &[&str],
) -> Result<Chosen<'g>, Refusal> {
    let target = target(given, resources)?;
    let Some(asked) = asked else {
        let at = match (target, given.len()) {
            (None, 0) => None,
            (None, 1) => Some(0),
            (None, _) => {
                return Err(Code::InvalidTarget
                    .because("several resources were authorised: name one with the resource parameter"));
            }
            (known, _) => known,
        };
        let api = at.map_or(&[][..], |at| &given[at].values);
        let values: Vec<&str> = oidc.iter().chain(api).map(AsRef::as_ref).collect();
        return some_of(at, values);
    };
    let (mut at, mut of_openid, mut of_api) = (target, Vec::new(), Vec::new());
    for text in asked.split(' ').filter(|t| !t.is_empty()).take(MOST) {
        if let Some(value) = oidc.iter().find(|value| value.as_ref() == text) {
            if !of_openid.contains(&value.as_ref()) {
                of_openid.push(value.as_ref());
            }
            continue;
        }
        let (found, value) = locate(given, text, target)?;
        if at.is_some_and(|before| before != found) {
            return Err(
                Code::InvalidTarget.because("the scopes belong to two audiences: ask for one token for each")
            );
        }
        at = Some(found);
        if !of_api.contains(&value) {
            of_api.push(value);
        }
    }
    of_openid.append(&mut of_api);
    some_of(at, of_openid)
}

fn some_of(at: Option<usize>, values: Vec<&str>) -> Result<Chosen<'_>, Refusal> {
    if values.is_empty() {
        return Err(
            Code::InvalidScope.because("nothing is left of what was authorised: ask the person again")
        );
    }
    Ok(Chosen { at, values })
}

fn ambiguous() -> Refusal {
    Code::InvalidScope
        .because("a scope stands in two audiences: add a resource parameter, or qualify it with its audience")
        .reason("scope.ambiguous")
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
        .ok_or_else(|| {
            Code::InvalidTarget
                .because("this client has no access to that resource")
                .reason("target.ungranted")
        })
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
            return Err(ambiguous());
        }
        found = Some((at, value.as_ref()));
    }
    found.ok_or_else(ungranted)
}

/// Whether a text of a request names something that was granted, by its value or fully qualified.
pub fn is_granted(granted: &[Granted], oidc: &[Arc<str>], text: &str) -> bool {
    oidc.iter().any(|value| value.as_ref() == text)
        || granted.iter().any(|grant| value_in(grant, text).is_some())
}

fn value_in<'g>(grant: &'g Granted, text: &str) -> Option<&'g Arc<str>> {
    let own = |value: &str| {
        let at = grant.effective.binary_search_by(|v| v.as_ref().cmp(value)).ok()?;
        Some(&grant.effective[at])
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
            since: Vec::new(),
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

    fn oidc() -> Vec<Arc<str>> {
        ["openid", "email"].map(Arc::from).to_vec()
    }

    fn asked(scope: Option<&str>, resources: &[&str]) -> Result<String, Code> {
        let resources: Vec<String> = resources.iter().map(|r| (*r).to_owned()).collect();
        ask(&two(), &oidc(), scope, &resources)
            .map(|keys| ScopeKey::join(&keys))
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_28_nothing_of_openid_is_assumed() {
        assert_eq!(
            asked(None, &[]).unwrap(),
            "https://a.example/x:read https://a.example/y:read"
        );
        assert_eq!(ask(&[], &oidc(), None, &[]).unwrap_err().code, Code::InvalidScope);
    }

    #[test]
    fn a_26_a_27_unknown_and_ungranted_scopes_are_refused() {
        for scope in ["admin:all", "openid nonsense", "profile", "openid profile"] {
            assert_eq!(
                asked(Some(scope), &[]).unwrap_err(),
                Code::InvalidScope,
                "{scope}"
            );
        }
    }

    #[test]
    fn two_audiences_are_asked_for_with_two_resources() {
        let (a, b) = ("https://a.example", "https://b.example/");
        assert_eq!(
            asked(Some("y:read z:write"), &[]).unwrap_err(),
            Code::InvalidTarget
        );
        assert_eq!(
            asked(Some("openid y:read z:write"), &[a, b]).unwrap(),
            "openid https://a.example/y:read https://b.example//z:write"
        );
        assert_eq!(asked(Some("y:read"), &[a, b]).unwrap_err(), Code::InvalidTarget);
        assert_eq!(asked(Some("y:read"), &[b]).unwrap_err(), Code::InvalidScope);
    }

    #[test]
    fn r_04_r_05_a_token_is_for_one_of_the_resources_that_were_authorised() {
        let (two, oidc) = (two(), oidc());
        let chosen = |asked, resources: &[&str]| choose(&two, &oidc, asked, resources).map_err(|r| r.code);
        assert_eq!(chosen(None, &[]).unwrap_err(), Code::InvalidTarget);
        assert_eq!(
            chosen(None, &["https://c.example"]).unwrap_err(),
            Code::InvalidTarget
        );
        let b = chosen(None, &["https://b.example/"]).unwrap();
        assert_eq!(
            (b.at, b.values),
            (Some(1), vec!["openid", "email", "x:read", "z:write"])
        );
        let by_scope = chosen(Some("z:write openid"), &[]).unwrap();
        assert_eq!(
            (by_scope.at, by_scope.values),
            (Some(1), vec!["openid", "z:write"])
        );
        assert_eq!(chosen(Some("openid"), &[]).unwrap().at, None);
        assert_eq!(chosen(Some("other:write"), &[]).unwrap_err(), Code::InvalidScope);
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

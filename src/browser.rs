//! What every page for a person needs: the session cookie, the form, and proof that the form came from our own page.
//!
//! The session id is a 256-bit secret in a cookie that no script reads; a form carries a token bound to that session, and
//! the browser's own word about where the request came from (`Sec-Fetch-Site`, `Origin`) must agree.

pub mod accounts; // the accounts signed in within one browser

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

use url::{Host, Url};

use crate::{
    app::App,
    error::{Error, Result},
    oauth::refusal::Code,
    registry::sessions,
    store::{sessions::Session, users::User},
};

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub session: Session,
    pub user: User,
    /// What each of his forms must carry.
    pub csrf: String,
}

/// The person whose session the cookie names, if it is alive.
///
/// # Errors
/// When the storage fails.
pub async fn visitor(app: &App, headers: &HeaderMap) -> Result<Option<Visitor>> {
    let Some(cookie) = session_cookie(app, headers) else {
        return Ok(None);
    };
    let Some((session, user)) = sessions::find(&app.registry, &cookie).await? else {
        return Ok(None);
    };
    sessions::touch(&app.registry, &session).await?;
    Ok(Some(Visitor {
        csrf: app.registry.keyring.csrf(&session.digest),
        session,
        user,
    }))
}

/// The text of the session cookie. Anything malformed, and a name that comes twice, counts as none.
pub fn session_cookie(app: &App, headers: &HeaderMap) -> Option<String> {
    cookie(headers, session_name(app)).filter(|text| text.len() == 43)
}

/// The value of a cookie, if it comes exactly once.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.to_owned()),
        _ => None,
    }
}

/// The name of a cookie of this host: browsers keep whoever is not this host from setting one with `__Host-`, which needs
/// TLS.
macro_rules! host_cookie {
    ($app:expr, $name:literal) => {
        if $app.registry.config.issuer.is_https() {
            concat!("__Host-", $name)
        } else {
            $name
        }
    };
}
pub(crate) use host_cookie;

fn session_name(app: &App) -> &'static str {
    host_cookie!(app, "oauthority")
}

/// The header that sets the session cookie; `None` takes it away.
pub fn set_session(app: &App, text: Option<&str>) -> HeaderValue {
    let age = if text.is_some() {
        app.registry.config.lifetimes.session.as_seconds()
    } else {
        0
    };
    set_cookie(app, session_name(app), text.unwrap_or_default(), age)
}

/// A cookie for this host alone that no script reads. `value` must be plain letters, digits, `-`, `_` and `.`.
pub fn set_cookie(app: &App, name: &str, value: &str, seconds: i64) -> HeaderValue {
    let secure = if app.registry.config.issuer.is_https() {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("oauthority=; Max-Age=0; Path=/"))
}

/// Refuses a form that another site sent.
///
/// # Errors
/// `forbidden` when the browser says that the request comes from another origin.
pub fn check_origin(app: &App, headers: &HeaderMap) -> Result<()> {
    let foreign = Code::Forbidden
        .because("this form was sent from another site; nothing was changed")
        .reason("cross_site");
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(foreign.into());
    }
    match text("origin") {
        Some(origin) if !is_ours(app.registry.config.issuer.url(), origin) => Err(foreign.into()),
        _ => Ok(()),
    }
}

/// Whether an origin is the issuer's. The names of this machine are one: whoever types 127.0.0.1 for localhost is no
/// stranger, and cookies belong to the host he typed.
fn is_ours(issuer: &Url, origin: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else {
        return false;
    };
    let loopback = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    issuer.origin() == origin.origin()
        || loopback(issuer)
            && loopback(&origin)
            && issuer.scheme() == origin.scheme()
            && issuer.port_or_known_default() == origin.port_or_known_default()
}

/// Refuses a form without the token of this session.
///
/// # Errors
/// `forbidden`, saying that the page should be loaded anew.
pub fn check_csrf(app: &App, visitor: &Visitor, form: &Form) -> Result<()> {
    let token = form.one("csrf");
    if app.registry.keyring.verify_csrf(&visitor.session.digest, token) {
        return Ok(());
    }
    Err(Code::Forbidden
        .because("this form is not from your present session: load the page again and repeat what you did")
        .reason("csrf")
        .into())
}

/// A submitted form, in its order.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

/// More fields than any of our forms has.
const MOST_FIELDS: usize = 2000;

impl Form {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is no form: wrong media type, not UTF-8, too many fields, or a NUL character.
    pub async fn read(parts: &Parts, body: Body, limit: usize) -> Result<Self> {
        let media = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !media.is_some_and(|m| m.starts_with(b"application/x-www-form-urlencoded")) {
            return Err(Code::UnsupportedMediaType
                .because("send a form (application/x-www-form-urlencoded)")
                .into());
        }
        let bytes = to_bytes(body, limit)
            .await
            .map_err(|_| Error::from(Code::TooLarge.because("the form is too large")))?;
        Self::parse(&bytes)
    }

    /// Reads a query or a body.
    ///
    /// # Errors
    /// When it is not UTF-8, has too many fields, or holds a NUL character.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let unusable = || Error::from(Code::Invalid.because("the form is not readable: load the page again"));
        let mut fields = Vec::new();
        for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let cut = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let name = crate::oauth::params::decode(&pair[..cut])?;
            let value = crate::oauth::params::decode(pair.get(cut + 1..).unwrap_or_default())?;
            if fields.len() == MOST_FIELDS || name.contains('\0') || value.contains('\0') {
                return Err(unusable());
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// The first value of a field, trimmed; empty if there is none.
    pub fn one(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The first value of a field as it was typed; for passwords.
    pub fn exact(&self, name: &str) -> &str {
        self.first(name).unwrap_or_default()
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The trimmed value, if it is not empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.one(name)).filter(|value| !value.is_empty())
    }

    /// Every value of a field.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> + 'f {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a checkbox was ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Every field, to be carried along.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A path of our own to go on to, or `/`: never another origin (CVE-2024-39694 and its like).
pub fn local_path(text: &str) -> &str {
    let plain = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(['\\', '\t', '\n', '\r'])
        && text.bytes().all(|b| b.is_ascii_graphic());
    let decoded = text.get(..8.min(text.len())).unwrap_or(text).to_ascii_lowercase();
    let hidden = ["%2f", "%5c", "%09", "%0a", "%0d"]
        .iter()
        .any(|code| decoded[1.min(decoded.len())..].starts_with(code));
    if plain && !hidden { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_46_b_031_only_a_path_of_our_own_is_followed() {
        for evil in [
            "//evil",
            "/\\evil",
            "https:evil",
            "https://evil",
            "/%09/evil",
            "/%5cevil",
            "%2f%2fevil",
            "/%2fevil",
            "\t//evil",
            "/\t/evil",
            "javascript:alert(1)",
            "",
            "/é",
        ] {
            assert_eq!(local_path(evil), "/", "{evil:?}");
        }
        for good in ["/", "/orgs/acme/clients?q=a%2Fb", "/me/preferences"] {
            assert_eq!(local_path(good), good);
        }
    }

    #[test]
    fn w_05_only_our_own_origin_may_post() {
        let issuer = Url::parse("https://id.example").unwrap();
        for evil in [
            "null",
            "https://evil.example",
            "http://id.example",
            "https://id.example:8443",
            "?",
        ] {
            assert!(!is_ours(&issuer, evil), "{evil}");
        }
        assert!(is_ours(&issuer, "https://id.example"));
        let local = Url::parse("http://localhost:8080").unwrap();
        assert!(is_ours(&local, "http://127.0.0.1:8080"));
        assert!(!is_ours(&local, "http://127.0.0.1:9090"));
        assert!(!is_ours(&local, "http://localhost.evil:8080"));
    }

    #[test]
    fn b_090_a_cookie_that_comes_twice_counts_as_none() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; b=2; a=3"));
        assert_eq!(cookie(&headers, "a"), None);
        assert_eq!(cookie(&headers, "b").as_deref(), Some("2"));
        headers.insert(header::COOKIE, HeaderValue::from_bytes(b"b=\xff\xfe").unwrap());
        assert_eq!(cookie(&headers, "b"), None);
    }
}

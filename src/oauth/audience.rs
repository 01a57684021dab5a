//! Audiences as identifiers: the spelling in which two of them are the same.
//! [RFC 3986 §6.2.2, §6.2.3](https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2),
//! [RFC 8141 §3](https://www.rfc-editor.org/rfc/rfc8141#section-3)

use url::Url;

/// Schemes that run code, read files, or identify nothing.
const NEVER: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "about",
    "blob",
    "filesystem",
    "view-source",
    "intent",
    "mailto",
    "tel",
    "sms",
    "cid",
    "mid",
];

/// Whether something with this scheme may be an API.
pub fn is_identifier(text: &str) -> bool {
    let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
    !NEVER.contains(&scheme.as_str())
}

/// The canonical spelling of an audience. Two audiences are the same if theirs are: scheme and host in lower case, no
/// default port, `/` for an empty path, no dot segments, and percent-encoding only where it is needed. A text that is no
/// URI stays as it is.
pub fn canonical(text: &str) -> String {
    let text = decoded(text);
    let Some((scheme, rest)) = text.split_once(':') else {
        return text;
    };
    let scheme = scheme.to_ascii_lowercase();
    // The parser resolves hosts, default ports, dot segments and empty paths of these.
    if matches!(scheme.as_str(), "https" | "http" | "wss" | "ws")
        && let Ok(url) = Url::parse(&text)
    {
        return decoded(url.as_str());
    }
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find(['/', '?']).unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        return format!("{scheme}://{}{path}", authority.to_ascii_lowercase());
    }
    // RFC 8141 §3.1: of a URN the namespace identifier is case-insensitive as well.
    match (scheme.as_str(), rest.split_once(':')) {
        ("urn", Some((namespace, name))) => format!("urn:{}:{name}", namespace.to_ascii_lowercase()),
        _ => format!("{scheme}:{rest}"),
    }
}

/// Whether `text` is `root` or lies below it; both in any spelling, and whatever the scheme.
pub fn is_within(text: &str, root: &str) -> bool {
    let bare = |text: &str| {
        let text = canonical(text);
        let text = text.split(['?', '#']).next().unwrap_or_default();
        let Some((_, rest)) = text.split_once("://") else {
            return text.to_owned();
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A dot at the end of a host names the same host.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, ""),
        };
        let host = host.rsplit('@').next().unwrap_or_default().trim_end_matches('.');
        format!("//{host}:{port}{}/", path.trim_end_matches('/'))
    };
    bare(text).starts_with(&bare(root))
}

/// The text with unreserved characters decoded, and the digits of every other percent-encoding in capitals.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
                rest = &after[2..];
            }
            Some(byte) => {
                out.push_str(&format!("%{byte:02X}"));
                rest = &after[2..];
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fx_16_rfc3986_s6_2_two_spellings_of_one_audience_are_the_same() {
        for (one, other) in [
            ("https://api.example", "https://api.example/"),
            ("https://api.example", "HTTPS://API.Example:443/"),
            ("http://api.example:80/v1", "http://api.example/v1"),
            ("https://api.example/~a", "https://api.example/%7Ea"),
            ("https://api.example/%c3%a9", "https://api.example/%C3%A9"),
            ("https://api.example/a/../b", "https://api.example/b"),
            ("https://api.example/%2e%2E/b", "https://api.example/b"),
            ("urn:acme:Orders", "URN:ACME:Orders"),
            ("urn:acme:orders", "urn:acme:%6frders"),
            ("com.example.app://Orders", "COM.example.app://orders/"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
            assert_eq!(canonical(&canonical(one)), canonical(one), "{one}");
        }
        for (one, other) in [
            ("https://api.example/a", "https://api.example/A"),
            ("https://api.example/a", "https://api.example/a/"),
            ("https://api.example", "http://api.example"),
            ("https://api.example:8443", "https://api.example"),
            ("https://api.example/?a", "https://api.example/"),
            ("urn:acme:Orders", "urn:acme:orders"),
            ("https://api.example/a%2Fb", "https://api.example/a/b"),
        ] {
            assert_ne!(canonical(one), canonical(other), "{one} {other}");
        }
    }

    #[test]
    fn fx_16_whatever_lies_below_the_issuer_is_the_issuers() {
        for root in ["https://id.example", "https://id.example/tenant"] {
            for below in ["", "/", "/oauth2/userinfo", "?a", "/%6Fauth2", ":443/x"] {
                let text = match root.strip_prefix("https://id.example/") {
                    Some(_) if below.starts_with(':') => continue,
                    _ => format!("{root}{below}"),
                };
                assert!(is_within(&text, root), "{text}");
            }
        }
        assert!(is_within("HTTPS://ID.example./x", "https://id.example"));
        assert!(is_within("https://a@id.example/x", "https://id.example"));
        for beside in [
            "https://id.example.org",
            "https://id.exampl",
            "https://api.id.example",
            "https://id.example:8443",
            "urn:id.example",
        ] {
            assert!(!is_within(beside, "https://id.example"), "{beside}");
        }
        assert!(!is_within(
            "https://id.example/tenants",
            "https://id.example/tenant"
        ));
    }

    #[test]
    fn fx_16_what_runs_code_or_names_nothing_is_no_audience() {
        for text in [
            "javascript:alert(1)",
            "JavaScript:x",
            "data:,x",
            "file:///x",
            "blob:x",
            "about:blank",
        ] {
            assert!(!is_identifier(text), "{text}");
        }
        assert!(is_identifier("https://api.example") && is_identifier("urn:acme:orders"));
    }
}

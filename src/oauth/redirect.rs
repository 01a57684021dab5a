//! Which redirect URIs may be registered. [RFC 9700 §4.1.3](https://www.rfc-editor.org/rfc/rfc9700#section-4.1.3),
//! [RFC 8252 §7](https://www.rfc-editor.org/rfc/rfc8252#section-7)
//!
//! A URI is kept and compared as the exact text that was registered; parsing only decides whether it may be.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

use url::{Host, Url, form_urlencoded};

use super::{client::ApplicationType, outbound};

/// Why a redirect URI may not be registered: a stable word and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    pub code: &'static str,
    pub detail: String,
}

fn objection(code: &'static str, detail: impl Into<String>) -> Objection {
    Objection {
        code,
        detail: detail.into(),
    }
}

/// Schemes that run code, read files or lead nowhere, whatever the client type.
const NEVER: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "about",
    "blob",
    "filesystem",
    "ftp",
    "ws",
    "wss",
    "view-source",
    "mailto",
    "tel",
    "intent",
];

/// Whether web and single-page clients may redirect to `http` on a loopback host, and who forbids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Development {
    Allowed,
    /// The instance does not allow it.
    NotHere,
    /// The instance does, the organisation does not.
    NotInOrganization,
}

/// Parameters that an answer of this server to an authorization or logout request may hold, or that a client reads from
/// one. A redirect URI that brought them along would say twice what only this server may say.
const PROTOCOL: &[&str] = &[
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "session_state",
    "response",
    "id_token",
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "refresh_token",
];

/// Those that this server itself writes into a query.
const ANSWERED: &[&str] = &["code", "state", "iss", "error", "error_description", "error_uri"];

/// Decides whether `uri` may be registered for a client of this type.
/// [`Boundary::check_redirect`](super::boundary::Boundary::check_redirect) knows what `development` is.
///
/// # Errors
/// The first objection, as a sentence for the person who typed the URI.
pub(super) fn check(
    uri: &str,
    application_type: ApplicationType,
    development: Development,
) -> Result<(), Objection> {
    check_text(uri)?;
    let url = Url::parse(uri).map_err(|_| {
        objection(
            "uri.relative",
            "Write the whole URI, such as https://app.example.com/callback.",
        )
    })?;
    // The text, not the parsed form: the parser repairs what we want to refuse.
    let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
    if NEVER.contains(&url.scheme()) {
        return Err(objection(
            "uri.scheme",
            format!("A redirect to {}: is never allowed.", url.scheme()),
        ));
    }
    if scheme != url.scheme() {
        return Err(objection("uri.scheme", "Write the scheme in lower case."));
    }
    check_segments(rest)?;
    check_query(rest)?;
    match url.scheme() {
        "https" => check_host(&url, rest, uri),
        "http" => check_host(&url, rest, uri).and_then(|()| check_http(&url, application_type, development)),
        scheme => check_private(scheme, application_type),
    }
}

/// RFC 6749 §3.1.2: a query that is there is retained, so ours must not be in it.
fn check_query(rest: &str) -> Result<(), Objection> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let mut names = pairs(query).filter_map(read_name);
    match names.find(|name| PROTOCOL.contains(&name.as_str())) {
        Some(name) => Err(objection(
            "uri.parameter",
            format!("Remove the parameter {name}: answers to the client bring their own (RFC 6749 §3.1.2)."),
        )),
        None => Ok(()),
    }
}

/// The parts of a query, as the most lenient reader takes it apart.
fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split(['&', ';'])
}

/// The parameter that a part of a query names to the most lenient reader: percent-encoded, in capitals, as a list
/// (`code[]`), with spaces before it, or with a dot or space for the underscore.
fn read_name(pair: &str) -> Option<String> {
    let (name, _) = form_urlencoded::parse(pair.as_bytes()).next()?;
    let plain = name.trim_start().split(['[', '\0']).next()?.trim_end();
    Some(plain.to_ascii_lowercase().replace(['.', ' '], "_"))
}

/// Refusals that need no parser.
fn check_text(uri: &str) -> Result<(), Objection> {
    if uri.len() > 2000 {
        return Err(objection(
            "uri.length",
            "A redirect URI has at most 2,000 characters.",
        ));
    }
    if uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(objection(
            "uri.characters",
            "A redirect URI has no spaces, tabs or line breaks.",
        ));
    }
    if !uri.is_ascii() || uri.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
        return Err(objection(
            "uri.characters",
            "Percent-encode characters that a URI cannot hold (RFC 3986 §2.1).",
        ));
    }
    if uri.contains('*') {
        return Err(objection(
            "uri.wildcard",
            "Wildcards are not allowed: register each redirect URI in full.",
        ));
    }
    if uri.contains('#') {
        return Err(objection(
            "uri.fragment",
            "Remove the fragment (everything from #).",
        ));
    }
    Ok(())
}

fn check_segments(rest: &str) -> Result<(), Objection> {
    let path = rest.split('?').next().unwrap_or_default();
    let dotted = path.split('/').any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    });
    if dotted {
        return Err(objection("uri.dot_segment", "Remove the “.” and “..” segments."));
    }
    Ok(())
}

fn check_host(url: &Url, rest: &str, uri: &str) -> Result<(), Objection> {
    if !rest.starts_with("//") || rest.starts_with("///") {
        return Err(objection("uri.host", "Name a host after //."));
    }
    let authority = rest[2..].split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(objection("uri.userinfo", "Remove the user name before the host."));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(objection("uri.host", "Name a host after //."));
    }
    outbound::check_spelling(url, uri)
}

fn check_http(
    url: &Url,
    application_type: ApplicationType,
    development: Development,
) -> Result<(), Objection> {
    // RFC 8252 §8.3: these two and no other address of this machine.
    let literal = match url.host() {
        Some(Host::Ipv4(ip)) => ip == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == Ipv6Addr::LOCALHOST,
        _ => false,
    };
    let localhost = url.host_str() == Some("localhost");
    let allowed = development == Development::Allowed;
    match application_type {
        ApplicationType::Native | ApplicationType::Public if literal => Ok(()),
        ApplicationType::Native | ApplicationType::Public if localhost && allowed => Ok(()),
        ApplicationType::Native | ApplicationType::Public => Err(objection(
            "uri.http",
            "Plain http is for loopback literals only: use http://127.0.0.1/… or http://[::1]/… (RFC 8252).",
        )),
        _ if (literal || localhost) && allowed => Ok(()),
        _ if literal || localhost => Err(objection(
            "uri.http",
            match development {
                Development::NotInOrganization => {
                    "This organisation does not allow development redirects: use https."
                }
                _ => {
                    "This server does not allow development redirects: use https. Whoever runs it can allow them \
                     (features.development_redirects)."
                }
            },
        )),
        _ => Err(objection(
            "uri.http",
            "Use https: plain http is for loopback hosts only.",
        )),
    }
}

/// Whether a redirect URI of a request is the registered one: the same text, byte for byte
/// ([RFC 9700 §2.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1)). Of native and public clients a loopback literal
/// may come with any port ([RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)).
pub fn matches(registered: &str, asked: &str, application_type: ApplicationType) -> bool {
    if registered == asked {
        return true;
    }
    let native = matches!(
        application_type,
        ApplicationType::Native | ApplicationType::Public
    );
    native
        && split_loopback(registered)
            .zip(split_loopback(asked))
            .is_some_and(|(ours, theirs)| ours == theirs)
}

/// The web origins of some redirect URIs, each once; private schemes have none.
pub fn origins(uris: &[String]) -> Vec<String> {
    let mut origins: Vec<String> = uris
        .iter()
        .filter_map(|uri| Url::parse(uri).ok())
        .filter(|url| matches!(url.scheme(), "https" | "http"))
        .map(|url| url.origin().ascii_serialization())
        .collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

/// The host and everything after the port of `http` on a loopback literal.
fn split_loopback(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http://")?;
    let end = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let literal = host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    let port_fits =
        port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    (literal && port_fits).then_some((host, rest))
}

/// Appends parameters to the query of a redirect URI, keeping what it has
/// ([RFC 6749 §3.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2)) but for the same parameters.
pub fn with_query(uri: &str, params: &[(&str, &str)]) -> String {
    let uri = without(uri, |name| params.iter().any(|(ours, _)| name == *ours));
    let mut out = String::with_capacity(uri.len() + 256);
    out.push_str(&uri);
    out.push(if !uri.contains('?') {
        '?'
    } else if uri.ends_with(['?', '&']) {
        return out + &encoded(params);
    } else {
        '&'
    });
    out + &encoded(params)
}

/// A redirect URI without the parameters of answers to an authorization request. None can be registered with them any
/// more; one that was still leads where it did, and says nothing in this server's name.
pub fn without_ours(uri: &str) -> Cow<'_, str> {
    without(uri, |name| ANSWERED.contains(&name))
}

fn without(uri: &str, ours: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let Some((before, query)) = uri.split_once('?') else {
        return Cow::Borrowed(uri);
    };
    let is_ours = |pair: &&str| read_name(pair).is_some_and(|name| ours(&name));
    if !pairs(query).any(|pair| is_ours(&pair)) {
        return Cow::Borrowed(uri);
    }
    let kept: Vec<&str> = pairs(query).filter(|pair| !is_ours(pair)).collect();
    if kept.is_empty() {
        return Cow::Borrowed(before);
    }
    Cow::Owned(format!("{before}?{}", kept.join("&")))
}

/// Parameters as a query or fragment holds them.
pub fn encoded(params: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
}

fn check_private(scheme: &str, application_type: ApplicationType) -> Result<(), Objection> {
    if !matches!(
        application_type,
        ApplicationType::Native | ApplicationType::Public
    ) {
        return Err(objection(
            "uri.scheme",
            format!("{scheme}: is for native apps; this type of client redirects to https."),
        ));
    }
    // RFC 8252 §7.1: a domain under the app's control, reversed, so it holds a dot.
    if !scheme.contains('.') {
        return Err(objection(
            "uri.scheme",
            format!(
                "{scheme}: is not a private scheme: use a reversed domain name such as com.example.app:/callback."
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationType::*;

    fn code(uri: &str, kind: ApplicationType) -> &'static str {
        check(uri, kind, Development::NotHere).map_or_else(|o| o.code, |()| "ok")
    }

    #[test]
    fn a_09_code_running_schemes_are_never_registrable() {
        for scheme in ["javascript", "data", "vbscript", "file", "about"] {
            for uri in [
                format!("{scheme}:alert(1)"),
                format!("{}:alert(1)", scheme.to_uppercase()),
                format!(" {scheme}:alert(1)"),
                format!("\t{scheme}:x"),
                format!("java\nscript{scheme}:x"),
            ] {
                for kind in ApplicationType::ALL {
                    assert_ne!(code(&uri, *kind), "ok", "{uri} for {kind}");
                }
            }
        }
    }

    #[test]
    fn a_10_plain_http_needs_a_loopback_host() {
        assert_eq!(code("http://app.example/cb", Web), "uri.http");
        assert_eq!(code("http://app.example/cb", Native), "uri.http");
        assert_eq!(code("http://127.0.0.1/cb", Native), "ok");
        assert_eq!(code("http://[::1]:9000/cb", Public), "ok");
        assert_eq!(code("http://127.0.0.1/cb", Web), "uri.http");
        assert!(check("http://localhost:3000/cb", Web, Development::Allowed).is_ok());
    }

    #[test]
    fn b_024_loose_loopback_and_wildcards_are_refused() {
        for uri in [
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil/cb",
            "http://127.0.0.1@evil/cb",
            "https://app.example/*",
            "https://*.example/cb",
        ] {
            assert_ne!(code(uri, Native), "ok", "{uri}");
            assert!(check(uri, Web, Development::Allowed).is_err(), "{uri}");
        }
    }

    #[test]
    fn fragments_userinfo_and_dot_segments_are_refused() {
        assert_eq!(code("https://a.example/cb#x", Web), "uri.fragment");
        assert_eq!(code("https://u@a.example/cb", Web), "uri.userinfo");
        assert_eq!(code("https://a.example/a/../cb", Web), "uri.dot_segment");
        assert_eq!(code("https://a.example/%2e%2E/cb", Web), "uri.dot_segment");
        assert_eq!(code("/cb", Web), "uri.relative");
        assert_eq!(code("https:///cb", Web), "uri.host");
    }

    #[test]
    fn n_01_n_02_a_loopback_literal_may_come_with_any_port() {
        for (registered, asked) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1:8080/cb?x=1", "http://127.0.0.1:1/cb?x=1"),
            ("http://[::1]/cb", "http://[::1]:51004/cb"),
            ("http://[::1]:9/cb", "http://[::1]/cb"),
        ] {
            assert!(matches(registered, asked, Native), "{asked}");
            assert!(matches(registered, asked, Public), "{asked}");
            assert!(!matches(registered, asked, Web), "{asked}");
        }
    }

    #[test]
    fn n_03_b_024_nothing_else_about_a_loopback_uri_is_loose() {
        let registered = "http://127.0.0.1/cb";
        for asked in [
            "http://127.0.0.1:51004/cb/more",
            "http://127.0.0.1:51004/",
            "https://127.0.0.1:51004/cb",
            "http://localhost:51004/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil/cb",
            "http://127.0.0.1@evil/cb",
            "http://127.0.0.1:@evil/cb",
            "http://127.0.0.1:80@evil/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1:51004/cb?x=1",
            "http://127.0.0.1:51004/cb#f",
            "http://127.0.0.2/cb",
            "http://[::1]/cb",
            "http://127.0.0.1/*",
        ] {
            assert!(!matches(registered, asked, Native), "{asked}");
        }
    }

    #[test]
    fn a_05_a_uri_is_compared_byte_for_byte() {
        let registered = "https://app.example/cb";
        for asked in [
            "https://app.example/cb/",
            "https://app.example/cb/more",
            "https://app.example/cb?x=1",
            "https://app.example/cb#f",
            "https://appXexample/cb",
            "https://APP.example/cb",
            "https://app.example:443/cb",
        ] {
            assert!(!matches(registered, asked, Web), "{asked}");
        }
    }

    #[test]
    fn a_13_parameters_join_a_query_that_is_there() {
        let add = |uri| with_query(uri, &[("code", "a b"), ("state", "+&=%\"")]);
        assert_eq!(
            add("https://a.example/cb"),
            "https://a.example/cb?code=a+b&state=%2B%26%3D%25%22"
        );
        assert_eq!(
            add("https://a.example/cb?x=1"),
            "https://a.example/cb?x=1&code=a+b&state=%2B%26%3D%25%22"
        );
        assert_eq!(
            add("https://a.example/cb?"),
            "https://a.example/cb?code=a+b&state=%2B%26%3D%25%22"
        );
    }

    #[test]
    fn n_04_private_schemes_hold_a_dot_and_are_native() {
        assert_eq!(code("com.example.app:/cb", Native), "ok");
        assert_eq!(code("myapp:/cb", Native), "uri.scheme");
        assert_eq!(code("com.example.app:/cb", Web), "uri.scheme");
    }

    #[test]
    fn fx_14_only_the_two_literals_of_rfc_8252_and_only_as_they_are_read() {
        for host in [
            "127.1",
            "127.0.1",
            "0127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0X7F.0.0.1",
            "%3127.0.0.1",
            "127.0.0.1.",
            "127.0.0.2",
            "[::0001]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "localhost",
            "localhost.",
            "LOCALHOST",
            "0",
            "0.0.0.0",
            "[::]",
        ] {
            for kind in [Native, Public] {
                assert_ne!(code(&format!("http://{host}:8080/cb"), kind), "ok", "{host}");
            }
            for development in [Development::Allowed, Development::NotHere] {
                let fits = check(&format!("http://{host}/cb"), Web, development).is_ok();
                let expected = host == "localhost" && development == Development::Allowed;
                assert_eq!(fits, expected, "{host} {development:?}");
            }
        }
        for uri in ["http://127.0.0.1:8080/cb", "http://[::1]/cb"] {
            assert_eq!(code(uri, Native), "ok", "{uri}");
        }
        for host in [
            "APP.example",
            "app.example.",
            "app%2eexample",
            "app..example",
            "%61pp.example",
            "0x5db8d822",
            "93.184.55330",
        ] {
            assert_eq!(
                code(&format!("https://{host}/cb"), Web),
                "uri.host_spelling",
                "{host}"
            );
        }
        assert_eq!(code("https://xn--bcher-kva.example/cb", Web), "ok");
    }

    #[test]
    fn fx_14_what_was_registered_before_matches_byte_for_byte_and_no_looser() {
        let odd = "http://127.1/cb";
        assert!(matches(odd, odd, Native));
        for asked in [
            "http://127.1:9/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:9/cb",
        ] {
            assert!(!matches(odd, asked, Native), "{asked}");
        }
        for asked in ["http://127.1/cb", "http://0x7f.1/cb", "http://2130706433/cb"] {
            assert!(!matches("http://127.0.0.1/cb", asked, Native), "{asked}");
        }
    }

    #[test]
    fn fx_13_a_query_that_holds_a_parameter_of_the_protocol_is_refused() {
        for query in [
            "code=evil",
            "a=b&state=evil",
            "iss",
            "%63ode=evil",
            "c%6Fd%65=evil",
            "CODE=evil",
            "code[]=evil",
            "code%5B0%5D=evil",
            "+state=evil",
            "error.description=evil",
            "error+uri=evil",
            "a=b;code=evil",
            "a=b&&code=evil",
            "id_token=evil",
            "access_token=evil",
            "session_state=evil",
            "response=evil",
        ] {
            for uri in [
                format!("https://a.example/cb?{query}"),
                format!("http://127.0.0.1/cb?{query}"),
                format!("com.example.app:/cb?{query}"),
            ] {
                assert_eq!(code(&uri, Native), "uri.parameter", "{uri}");
            }
        }
        for query in ["tenant=code", "code_id=1", "statement=1", "x=?code=1"] {
            let uri = format!("https://a.example/cb?{query}");
            assert_eq!(code(&uri, Web), "ok", "{uri}");
        }
    }

    #[test]
    fn fx_13_an_answer_never_says_anything_twice() {
        let add = |uri| with_query(&without_ours(uri), &[("code", "ours"), ("iss", "us")]);
        for (uri, expected) in [
            (
                "https://a.example/cb?code=evil&state=evil&iss=evil",
                "https://a.example/cb?code=ours&iss=us",
            ),
            (
                "https://a.example/cb?x=1&%63ode=evil&y=2",
                "https://a.example/cb?x=1&y=2&code=ours&iss=us",
            ),
            (
                "https://a.example/cb?scope=mine",
                "https://a.example/cb?scope=mine&code=ours&iss=us",
            ),
            (
                "https://a.example/cb?x=1;y=2",
                "https://a.example/cb?x=1;y=2&code=ours&iss=us",
            ),
        ] {
            assert_eq!(add(uri), expected);
        }
        // The way out of a sign-out brings a state, and nothing else.
        assert_eq!(
            with_query("https://a.example/bye?state=evil&code=7", &[("state", "ours")]),
            "https://a.example/bye?code=7&state=ours"
        );
    }
}

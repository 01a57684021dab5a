//! Where this server may send requests of its own: public hosts, over TLS.
//! [RFC 9700 §4.11](https://www.rfc-editor.org/rfc/rfc9700#section-4.11),
//! [RFC 6890](https://www.rfc-editor.org/rfc/rfc6890)
//!
//! What can be seen from the text is refused when it is saved. A name may resolve to anything later, so whoever
//! connects asks [`is_public`] again about the address it is about to connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::redirect::Objection;

fn objection(code: &'static str, detail: &str) -> Objection {
    Objection {
        code,
        detail: detail.to_owned(),
    }
}

/// Decides whether requests may be sent to `uri`.
///
/// `development` says whether the organisation allows `http`, and anything at all, on this very machine.
///
/// # Errors
/// The first objection, as a sentence for the person who typed the URI.
pub fn check(uri: &str, development: bool) -> Result<(), Objection> {
    let url = parse(uri)?;
    if url.scheme() != "https" && url.scheme() != "http" {
        return Err(objection("uri.scheme", "Use https."));
    }
    if development && is_loopback(&url) {
        return Ok(());
    }
    if url.scheme() == "http" {
        return Err(objection("uri.http", "Use https."));
    }
    let public = match url.host() {
        Some(Host::Ipv4(ip)) => is_public(ip.into()),
        Some(Host::Ipv6(ip)) => is_public(ip.into()),
        Some(Host::Domain(name)) => !is_local_name(name),
        None => false,
    };
    if public {
        Ok(())
    } else {
        Err(objection(
            "uri.private",
            "This server sends nothing to its own machine or to private networks: name a public host.",
        ))
    }
}

/// Decides whether people may be pointed to `uri`, such as the home page of an app.
///
/// # Errors
/// The first objection, as a sentence for the person who typed the URI.
pub fn check_page(uri: &str) -> Result<(), Objection> {
    let url = parse(uri)?;
    if url.scheme() == "https" {
        Ok(())
    } else {
        Err(objection("uri.scheme", "Use https."))
    }
}

/// A whole URI with a host and nothing that hides where it leads.
fn parse(uri: &str) -> Result<Url, Objection> {
    const WHOLE: &str = "Write the whole address, such as https://app.example.com/logout.";
    if uri.len() > 2000 {
        return Err(objection("uri.length", "Write at most 2,000 characters."));
    }
    if !uri.bytes().all(|b| b.is_ascii_graphic())
        || uri.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}'])
    {
        return Err(objection(
            "uri.characters",
            "Percent-encode characters that a URI cannot hold (RFC 3986 §2.1).",
        ));
    }
    if uri.contains('#') {
        return Err(objection(
            "uri.fragment",
            "Remove the fragment (everything from #).",
        ));
    }
    let url = Url::parse(uri).map_err(|_| objection("uri.relative", WHOLE))?;
    // The text, not the parsed form: the parser repairs what we want to refuse.
    let authority = match uri.split_once(':') {
        Some((scheme, rest)) if scheme == url.scheme() => rest.strip_prefix("//"),
        _ => None,
    };
    let authority = authority
        .and_then(|rest| rest.split(['/', '?']).next())
        .unwrap_or_default();
    if authority.is_empty() || !url.has_host() {
        return Err(objection("uri.host", WHOLE));
    }
    if authority.contains('@') {
        return Err(objection("uri.userinfo", "Remove the user name before the host."));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
        None => false,
    }
}

/// Names that lead nowhere in public whatever they resolve to.
/// [RFC 6761 §6](https://www.rfc-editor.org/rfc/rfc6761#section-6)
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    !name.contains('.') || matches!(last, "localhost" | "local" | "internal" | "localdomain")
}

/// Whether an address belongs to the public internet.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        // This network, private, loopback; multicast, reserved and broadcast.
        0 | 10 | 127 | 224..=255 => true,
        // Shared address space, RFC 6598.
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Protocol assignments, documentation, 6to4 relays, AS112, private.
        192 => matches!(
            (b, c),
            (0, 0 | 2) | (31, 196) | (52, 193) | (88, 99) | (168, _) | (175, 48)
        ),
        // Benchmarking, documentation.
        198 => b == 18 || b == 19 || (b, c) == (51, 100),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // Mapped: the kernel connects to the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        // NAT64, RFC 6052, and 6to4, RFC 3056, carry an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Protocol assignments (Teredo among them), documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        // Global unicast is 2000::/3: neither loopback, unique local, link-local nor multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(uri: &str, development: bool) -> &'static str {
        check(uri, development).map_or_else(|objection| objection.code, |()| "fine")
    }

    #[test]
    fn b_096_hosts_that_are_not_public_are_refused_at_save() {
        for host in [
            "127.0.0.1",
            "127.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "169.254.169.254",
            "0x7f000001",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "198.18.0.1",
            "[::]",
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[2001::1]",
            "localhost",
            "localhost.",
            "app.localhost",
            "printer.local",
            "metadata.google.internal",
            "intranet",
        ] {
            let uri = format!("https://{host}/logout");
            assert_eq!(code(&uri, false), "uri.private", "{uri}");
        }
    }

    #[test]
    fn public_hosts_are_fine() {
        for host in [
            "app.example.com",
            "app.example.com:8443",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "[2606:2800:220:1::1]",
            "[64:ff9b::5db8:d822]",
        ] {
            let uri = format!("https://{host}/logout?a=b");
            assert_eq!(code(&uri, false), "fine", "{uri}");
        }
    }

    #[test]
    fn only_this_machine_is_open_to_development() {
        for uri in [
            "http://127.0.0.1:8080/x",
            "http://[::1]/x",
            "http://localhost/x",
            "https://localhost/x",
        ] {
            assert_eq!(code(uri, true), "fine", "{uri}");
            assert_ne!(code(uri, false), "fine", "{uri}");
        }
        assert_eq!(code("https://10.0.0.1/x", true), "uri.private");
        assert_eq!(code("http://app.example.com/x", true), "uri.http");
    }

    #[test]
    fn what_hides_where_it_leads_is_refused() {
        for (uri, expected) in [
            ("https://user@app.example.com/", "uri.userinfo"),
            ("https://app.example.com/#x", "uri.fragment"),
            ("https:app.example.com", "uri.host"),
            ("https:///app.example.com", "uri.host"),
            ("HTTPS://app.example.com", "uri.host"),
            ("app.example.com", "uri.relative"),
            ("ftp://app.example.com/", "uri.scheme"),
            ("https://app.example.com/ x", "uri.characters"),
            ("https:\\\\app.example.com", "uri.characters"),
        ] {
            assert_eq!(code(uri, true), expected, "{uri}");
        }
    }
}

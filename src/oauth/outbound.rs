//! What an address says about where it leads: whole, unhidden, spelled as it is read, public or not.
//! [RFC 6890](https://www.rfc-editor.org/rfc/rfc6890)
//!
//! Whether a request may go there is decided by [`Boundary`](super::boundary::Boundary).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Url;

use super::redirect::Objection;

pub(super) fn objection(code: &'static str, detail: &str) -> Objection {
    Objection {
        code,
        detail: detail.to_owned(),
    }
}

/// Decides whether people may be pointed to `uri`, such as the home page of an app.
///
/// # Errors
/// The first objection, as a sentence for the person who typed the URI.
pub fn check_page(uri: &str) -> Result<(), Objection> {
    let url = parse(uri)?;
    if url.scheme() == "https" {
        check_spelling(&url, uri)
    } else {
        Err(objection("uri.scheme", "Use https."))
    }
}

/// A whole URI with a host and nothing that hides where it leads.
pub(super) fn parse(uri: &str) -> Result<Url, Objection> {
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

/// Refuses a host that is written in any other way than the one in which it is read: `127.1`, `0x7f.1`, capitals, a dot
/// at the end, percent-encoding. Whoever reads the text then knows where it leads.
///
/// # Errors
/// How to write it.
pub(super) fn check_spelling(url: &Url, uri: &str) -> Result<(), Objection> {
    let host = url.host_str().unwrap_or_default();
    let authority = uri.split_once("//").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let written = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    let canonical = host.trim_end_matches('.');
    if canonical.split('.').any(str::is_empty) {
        return Err(objection(
            "uri.host_spelling",
            "Remove the empty part of the host.",
        ));
    }
    if written == canonical {
        return Ok(());
    }
    Err(Objection {
        code: "uri.host_spelling",
        detail: format!("Write the host as {canonical}."),
    })
}

/// Names that lead nowhere in public whatever they resolve to.
/// [RFC 6761 §6](https://www.rfc-editor.org/rfc/rfc6761#section-6)
pub(super) fn is_local_name(name: &str) -> bool {
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

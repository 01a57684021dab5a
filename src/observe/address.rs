//! Who the client is when proxies stand between. [RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)
//!
//! Each proxy adds to the right what it saw, so only what a trusted hop wrote can be believed: we walk from the right
//! and stop at the first hop that is not trusted.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use super::Peer;
use crate::config::{Config, ForwardedHeader, Network};

/// Whose forwarded headers count, and which one.
#[derive(Clone, Debug)]
pub struct Proxies {
    trusted: Vec<Network>,
    header: ForwardedHeader,
}

impl Proxies {
    /// As the settings say.
    pub fn new(config: &Config) -> Self {
        Self {
            trusted: config.trusted_proxies.clone(),
            header: config.forwarded_header,
        }
    }

    /// Whether `ip` is a trusted proxy.
    pub fn trust(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(ip))
    }
}

/// The address of the client: the rightmost hop that is not a trusted proxy.
///
/// Headers of a peer that is not trusted change nothing. A hop that is not an address ends the walk at the proxy that
/// wrote it down.
pub fn client_ip(peer: &Peer, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let mut ip = peer.ip.to_canonical();
    let hops = match proxies.header {
        _ if proxies.trusted.is_empty() => return ip,
        ForwardedHeader::XForwardedFor => elements(headers, "x-forwarded-for"),
        ForwardedHeader::Forwarded => elements(headers, "forwarded")
            .into_iter()
            .map(|element| parameter(element, "for").unwrap_or(""))
            .collect(),
    };
    for hop in hops.into_iter().rev() {
        if !proxies.trust(ip) {
            break;
        }
        match read_node(hop) {
            Some(before) => ip = before,
            None => break,
        }
    }
    ip
}

/// Whether the client spoke TLS to this server or, by the word of the nearest trusted proxy, to that proxy.
pub fn is_https(peer: &Peer, headers: &HeaderMap, proxies: &Proxies) -> bool {
    if peer.tls {
        return true;
    }
    if !proxies.trust(peer.ip) {
        return false;
    }
    let nearest = match proxies.header {
        ForwardedHeader::XForwardedFor => elements(headers, "x-forwarded-proto").pop(),
        ForwardedHeader::Forwarded => elements(headers, "forwarded")
            .pop()
            .and_then(|e| parameter(e, "proto")),
    };
    nearest.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

/// Whether somebody claims to have forwarded this request.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// The elements of a list header over all its lines; text that is not ASCII becomes an element that nobody can read.
fn elements<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers
        .get_all(name)
        .iter()
        .map(|line| line.to_str().unwrap_or(""));
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// A parameter of a `Forwarded` element, without its quotes (RFC 7239 §4).
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without port and brackets (RFC 7239 §6).
fn read_node(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))
        .map(|ip: IpAddr| ip.to_canonical())
}

//! Where this instance goes: to whom it sends requests, and when a browser may be sent over plain http.
//! [RFC 9700 §4.11](https://www.rfc-editor.org/rfc/rfc9700#section-4.11)
//!
//! Who runs the instance decides this, once, when it starts; an organisation may only forbid itself more. A request of
//! this server's own takes a [`Destination`], and only [`Boundary::destination`] makes one: what was saved under another
//! rule is judged anew whenever something is about to be sent.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use url::Host;

use super::{
    client::ApplicationType,
    outbound::{self, is_local_name, is_public, objection},
    redirect::{self, Development, Objection},
};
use crate::network::Network;

/// What the operator decided, or what an organisation left of it.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// Whether requests may go to this very machine.
    this_machine: bool,
    networks: Arc<[Network]>,
    development: Development,
}

impl Boundary {
    /// The boundary of an instance. `this_machine` is for one whose own issuer is plain http on loopback: whoever could
    /// reach it is on this machine already. `networks` are reached beside the public internet.
    pub fn new(this_machine: bool, networks: Vec<Network>, development_redirects: bool) -> Self {
        Self {
            this_machine,
            networks: networks.into(),
            development: if development_redirects {
                Development::Allowed
            } else {
                Development::NotHere
            },
        }
    }

    /// What is left for an organisation that may have forbidden what belongs to development.
    #[must_use]
    pub fn within(&self, organization_allows: bool) -> Self {
        if organization_allows {
            return self.clone();
        }
        Self {
            this_machine: false,
            networks: Arc::clone(&self.networks),
            development: match self.development {
                Development::Allowed => Development::NotInOrganization,
                forbidden => forbidden,
            },
        }
    }

    /// Whether the instance itself lets web clients redirect to http on loopback.
    pub fn allows_development(&self) -> bool {
        self.development == Development::Allowed
    }

    /// Where requests may go, in words that end a sentence about a URL.
    pub fn words(&self) -> &'static str {
        match (self.this_machine, self.networks.is_empty()) {
            (true, _) => "A public https address, or this machine during development.",
            (false, true) => "A public https address.",
            (false, false) => "A public https address, or one in a network that the operator lists.",
        }
    }

    /// Decides whether browsers may be sent to `uri` by a client of this type.
    ///
    /// # Errors
    /// The first objection, as a sentence for the person who typed the URI.
    pub fn check_redirect(&self, uri: &str, application_type: ApplicationType) -> Result<(), Objection> {
        redirect::check(uri, application_type, self.development)
    }

    /// Decides whether this server may send requests to `uri`.
    ///
    /// # Errors
    /// The first objection, as a sentence for the person who typed the URI.
    pub fn destination(&self, uri: &str) -> Result<Destination, Objection> {
        let url = outbound::parse(uri)?;
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(objection("uri.scheme", "Use https.")),
        };
        let named = |name: &str| name.trim_end_matches('.') == "localhost";
        let this_machine = self.this_machine
            && match url.host() {
                Some(Host::Ipv4(ip)) => ip.is_loopback(),
                Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
                Some(Host::Domain(name)) => named(name),
                None => false,
            };
        let destination = Destination {
            uri: uri.to_owned(),
            plain,
            this_machine,
            networks: Arc::clone(&self.networks),
        };
        let (fits, is_inside) = match url.host() {
            Some(Host::Ipv4(ip)) => (destination.admits(ip.into()), !is_public(ip.into())),
            Some(Host::Ipv6(ip)) => (destination.admits(ip.into()), !is_public(ip.into())),
            Some(Host::Domain(name)) if named(name) => {
                let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                (both.iter().all(|ip| destination.admits(*ip)), true)
            }
            // What such a name resolves to is judged when it is connected to.
            Some(Host::Domain(name)) if is_local_name(name) => (!self.networks.is_empty(), true),
            Some(Host::Domain(_)) => (!plain, false),
            None => (false, true),
        };
        match (fits, is_inside) {
            (true, _) => {}
            (false, false) => return Err(objection("uri.http", "Use https.")),
            (false, true) => {
                return Err(objection(
                    "uri.private",
                    "This server sends nothing to its own machine or to private networks: name a public host. Whoever \
                     runs the server can list a network that it may reach (outward.allow).",
                ));
            }
        }
        outbound::check_spelling(&url, uri)?;
        Ok(destination)
    }
}

/// Where one request may go: a URI that was judged, and what its name may lead to.
#[derive(Clone, Debug)]
pub struct Destination {
    uri: String,
    plain: bool,
    this_machine: bool,
    networks: Arc<[Network]>,
}

impl Destination {
    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether the name of this host may lead to this address. Nothing goes over plain http to the public internet.
    pub fn admits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if self.networks.iter().any(|network| network.contains(ip)) {
            return true;
        }
        if self.this_machine {
            ip.is_loopback()
        } else {
            !self.plain && is_public(ip)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boundary(this_machine: bool, networks: &[&str]) -> Boundary {
        let networks = networks.iter().map(|text| text.parse().expect("a network"));
        Boundary::new(this_machine, networks.collect(), this_machine)
    }

    fn code(boundary: &Boundary, uri: &str) -> &'static str {
        boundary
            .destination(uri)
            .map_or_else(|objection| objection.code, |_| "fine")
    }

    /// Every way to say "this machine" or "inside" that somebody might try.
    const INSIDE: &[&str] = &[
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "169.254.169.254",
        "0x7f000001",
        "0x7f.1",
        "0X7F.0.0.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "%31%32%37.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "0",
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
        "LOCALHOST",
        "app.localhost",
        "printer.local",
        "metadata.google.internal",
        "intranet",
    ];

    #[test]
    fn fx_01_b_096_no_spelling_of_this_machine_or_of_a_private_network_is_sent_to() {
        for host in INSIDE {
            for scheme in ["http", "https"] {
                let uri = format!("{scheme}://{host}:8080/logout");
                assert_eq!(code(&boundary(false, &[]), &uri), "uri.private", "{uri}");
            }
        }
    }

    #[test]
    fn fx_01_public_hosts_are_reached_over_https_only() {
        for host in [
            "app.example.com",
            "app.example.com:8443",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "[2606:2800:220:1::1]",
            "[64:ff9b::5db8:d822]",
        ] {
            for boundary in [boundary(false, &[]), boundary(true, &["0.0.0.0/32"])] {
                assert_eq!(code(&boundary, &format!("https://{host}/logout?a=b")), "fine");
                assert_eq!(code(&boundary, &format!("http://{host}/logout")), "uri.http");
            }
        }
    }

    #[test]
    fn fx_01_an_instance_on_this_machine_reaches_this_machine_and_no_organisation_widens_that() {
        let (here, public) = (boundary(true, &[]), boundary(false, &[]));
        for uri in [
            "http://127.0.0.1:8080/x",
            "http://[::1]/x",
            "http://localhost/x",
            "https://localhost/x",
        ] {
            assert_eq!(code(&here, uri), "fine", "{uri}");
            assert_eq!(code(&here.within(false), uri), "uri.private", "{uri}");
            assert_eq!(code(&public.within(true), uri), "uri.private", "{uri}");
        }
        assert_eq!(code(&here, "https://10.0.0.1/x"), "uri.private");
        let local = here.destination("http://localhost/x").expect("this machine");
        assert!(local.admits("127.0.0.1".parse().expect("an address")));
        assert!(!local.admits("10.0.0.1".parse().expect("an address")));
        assert!(!local.admits("93.184.216.34".parse().expect("an address")));
    }

    #[test]
    fn fx_01_a_listed_network_is_reached_and_nothing_beside_it() {
        let listed = boundary(false, &["10.1.0.0/16", "127.0.0.0/8"]);
        for uri in [
            "http://10.1.2.3:8080/hook",
            "https://10.1.2.3/hook",
            "http://127.0.0.1/hook",
            "https://hooks.internal/hook",
            "http://hooks/hook",
        ] {
            assert_eq!(code(&listed, uri), "fine", "{uri}");
        }
        for uri in [
            "https://10.2.0.1/hook",
            "https://[::1]/hook",
            "http://localhost/hook",
        ] {
            assert_eq!(code(&listed, uri), "uri.private", "{uri}");
        }
        let name = listed.destination("http://hooks/hook").expect("a name inside");
        let admits = |ip: &str| name.admits(ip.parse().expect("an address"));
        assert!(admits("10.1.2.3") && admits("::ffff:10.1.2.3"));
        assert!(!admits("10.2.0.1") && !admits("93.184.216.34"));
        assert_eq!(
            code(&boundary(false, &["127.0.0.0/8", "::1"]), "http://localhost/x"),
            "fine"
        );
    }

    #[test]
    fn fx_14_a_host_is_spelled_as_it_is_read() {
        let listed = boundary(true, &["127.0.0.0/8"]);
        for (uri, expected) in [
            ("http://127.1/x", "uri.host_spelling"),
            ("http://0x7f.1/x", "uri.host_spelling"),
            ("https://APP.example.com/x", "uri.host_spelling"),
            ("https://app.example.com./x", "uri.host_spelling"),
            ("https://app%2eexample.com/x", "uri.host_spelling"),
            ("https://app..example.com/x", "uri.host_spelling"),
            ("https://app.example.com/x", "fine"),
        ] {
            assert_eq!(code(&listed, uri), expected, "{uri}");
        }
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
            assert_eq!(code(&boundary(true, &[]), uri), expected, "{uri}");
        }
    }
}

//! A share for each address, so that nobody takes all there is: an IPv4 address, or an IPv6 network of 64 bits, which is
//! what one subscriber gets ([RFC 6177](https://www.rfc-editor.org/rfc/rfc6177)).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// How much each address has. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Shares(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One piece of a share, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    counts: Arc<Counts>,
    network: IpAddr,
}

impl Shares {
    /// Every address gets `most`.
    pub(super) fn new(most: u64) -> Self {
        Self(Arc::new(Counts {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            held: Mutex::default(),
        }))
    }

    /// A place for this address; `None` if it has its share already.
    pub(super) fn enter(&self, ip: IpAddr) -> Option<Place> {
        let network = network(ip);
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(network).or_default();
        if *count >= self.0.most {
            return None;
        }
        *count += 1;
        Some(Place {
            counts: Arc::clone(&self.0),
            network,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.counts.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            // Addresses that hold nothing are forgotten, or the table would grow with every visitor.
            _ => drop(held.remove(&self.network)),
        }
    }
}

fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn fx_10_each_address_has_a_share_and_ipv6_has_it_by_network() {
        let shares = Shares::new(2);
        let mut places: Vec<_> = (0..3).map(|_| shares.enter(ip("192.0.2.1"))).collect();
        assert!(places[1].is_some() && places[2].is_none());
        assert!(shares.enter(ip("::ffff:192.0.2.1")).is_none(), "the same, mapped");
        assert!(shares.enter(ip("192.0.2.2")).is_some());
        let six: Vec<_> = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:9::"]
            .map(|text| shares.enter(ip(text)))
            .into_iter()
            .collect();
        assert!(six[1].is_some() && six[2].is_none());
        assert!(shares.enter(ip("2001:db8:0:1::1")).is_some());
        places.remove(0);
        assert!(shares.enter(ip("192.0.2.1")).is_some());
        drop((places, six));
        assert!(shares.0.held.lock().expect("whole").is_empty());
    }
}

//! Requests that go where they may: to public hosts, or to this machine during development, and nowhere else whatever a
//! name resolves to.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use crate::oauth::outbound::is_public;

/// Whoever does not answer within this does not answer.
const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(5);

/// Where a request may go. The URL was checked; this is about the addresses that its name has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Public,
    ThisMachine,
}

impl Reach {
    fn admits(self, ip: IpAddr) -> bool {
        match self {
            Self::Public => is_public(ip),
            Self::ThisMachine => ip.is_loopback(),
        }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One address that may not be is enough: nobody knows which one would be taken.
            if found.iter().any(|address| !reach.admits(address.ip())) {
                return Err(io::Error::other("the name leads to an address that nothing is sent to").into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Posts a form and expects success. The error says why it did not arrive, and nothing of the answer.
pub(super) async fn post(reach: Reach, uri: &str, form: &[(&str, &str)]) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        // A proxy would look up the name by itself.
        .no_proxy()
        .dns_resolver(reach)
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client.post(uri).form(form).send().await.map_err(|error| {
        let cause = std::iter::successors(std::error::Error::source(&error), |e| e.source()).last();
        cause.map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(format!("it answered {}", answer.status()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(reach: Reach, name: &str) -> bool {
        let name = name.parse().expect("a name");
        reach.resolve(name).await.is_ok()
    }

    #[tokio::test]
    async fn b_096_a_name_that_leads_inside_is_not_connected_to() {
        assert!(!resolved(Reach::Public, "localhost").await);
        assert!(resolved(Reach::ThisMachine, "localhost").await);
        assert!(!Reach::Public.admits("169.254.169.254".parse().expect("an address")));
        assert!(!Reach::ThisMachine.admits("10.0.0.1".parse().expect("an address")));
    }
}

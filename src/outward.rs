//! Requests that go where they may: to public hosts, or to this machine during development, and nowhere else whatever a
//! name resolves to.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header, redirect,
};

use crate::oauth::outbound::{self, is_public};

/// Whoever does not answer within this does not answer.
const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(5);

/// Where a request may go. The URL was checked; this is about the addresses that its name has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    ThisMachine,
}

impl Reach {
    /// How far a request to `uri` may go: to public hosts, or to this machine if `development` allows that.
    ///
    /// # Errors
    /// Why nothing is sent there.
    pub fn of(uri: &str, development: bool) -> Result<Self, String> {
        if outbound::check(uri, false).is_ok() {
            return Ok(Self::Public);
        }
        match outbound::check(uri, development) {
            Ok(()) => Ok(Self::ThisMachine),
            Err(objection) => Err(objection.detail),
        }
    }

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

/// What is posted.
pub enum Content<'a> {
    Form(&'a [(&'a str, &'a str)]),
    /// A JSON text with headers of its own.
    Json(&'a str, &'a [(&'a str, String)]),
}

/// Posts something, follows no redirect and reads nothing but the status of the answer.
///
/// # Errors
/// Why no answer came.
pub async fn post(reach: Reach, uri: &str, content: Content<'_>) -> Result<u16, String> {
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        // A proxy would look up the name by itself.
        .no_proxy()
        .dns_resolver(reach)
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .user_agent(concat!("oauthority/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())?;
    let request = match content {
        Content::Form(form) => client.post(uri).form(form),
        Content::Json(body, headers) => {
            let request = client
                .post(uri)
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_owned());
            headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, value))
        }
    };
    let answer = request.send().await.map_err(|error| {
        if error.is_timeout() {
            return "no answer came within five seconds".to_owned();
        }
        let cause = std::iter::successors(std::error::Error::source(&error), |e| e.source()).last();
        cause.map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    Ok(answer.status().as_u16())
}

/// Whether a status says that it arrived.
pub fn arrived(status: u16) -> bool {
    (200..300).contains(&status)
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

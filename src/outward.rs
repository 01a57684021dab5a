//! Requests of this server's own: they go where its boundary lets them, whatever a name resolves to.
//!
//! Nothing else in the server makes an HTTP client; a test holds that (`tests/layers.rs`).

use std::{io, net::SocketAddr, time::Duration};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    header, redirect,
};

use crate::oauth::boundary::Destination;

/// Whoever does not answer within this does not answer.
const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(5);

/// Looks names up, and gives only addresses to which the request may go.
struct Resolver(Destination);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let destination = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One address that may not be is enough: nobody knows which one would be taken.
            if found.iter().any(|address| !destination.admits(address.ip())) {
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
pub async fn post(destination: &Destination, content: Content<'_>) -> Result<u16, String> {
    let uri = destination.uri();
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        // A proxy would look up the name by itself.
        .no_proxy()
        .dns_resolver(Resolver(destination.clone()))
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
    use crate::oauth::boundary::Boundary;

    async fn resolved(this_machine: bool, networks: &[&str], uri: &str, name: &str) -> bool {
        let networks = networks.iter().map(|text| text.parse().expect("a network"));
        let boundary = Boundary::new(this_machine, networks.collect(), false);
        let destination = boundary.destination(uri).expect("it looks harmless");
        let name = name.parse().expect("a name");
        Resolver(destination).resolve(name).await.is_ok()
    }

    #[tokio::test]
    async fn fx_01_b_096_a_name_that_leads_inside_is_not_connected_to() {
        let public = "https://app.example.com/";
        // As if the name of the app had been pointed to this machine.
        assert!(!resolved(false, &[], public, "localhost").await);
        assert!(!resolved(true, &[], public, "localhost").await);
        assert!(!resolved(false, &["10.0.0.0/8"], public, "localhost").await);
        assert!(resolved(true, &[], "http://localhost/", "localhost").await);
        assert!(resolved(false, &["127.0.0.0/8", "::1"], public, "localhost").await);
    }
}

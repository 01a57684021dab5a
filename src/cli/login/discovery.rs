//! Where the endpoints of a server are. [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)

use reqwest::Url;
use serde_json::Value as Json;

use crate::cli::{
    connection::{Connection, parse_url},
    exit::{Exit, Failure, Result},
};

/// What signing in needs to know of a server.
pub struct Server {
    pub issuer: String,
    pub authorization: Url,
    pub token: Url,
    pub device_authorization: Option<Url>,
    pub revocation: Option<Url>,
}

/// Asks the server.
///
/// # Errors
/// When it is none of ours, or calls itself by another name.
pub async fn ask(connection: &mut Connection<'_>) -> Result<Server> {
    let host = connection.host.clone();
    let mut url = host.clone();
    // RFC 8414 §3.1: in front of the path of the issuer, if it has one.
    url.set_path(&format!(
        "/.well-known/oauth-authorization-server{}",
        host.path().trim_end_matches('/')
    ));
    let document = connection.look(url).await?.body;
    let named = |name: &str| document.get(name).and_then(Json::as_str);
    let endpoint = |name: &str| named(name).map(parse_url).transpose();
    let issuer = named("issuer").unwrap_or_default();
    // RFC 8414 §3.3: otherwise somebody else answers in its name.
    if issuer.trim_end_matches('/') != host.as_str().trim_end_matches('/') {
        return Err(Failure::usage(format!(
            "the server at {host} calls itself {issuer}: use --host {issuer}"
        )));
    }
    let lacking = |what: &str| Failure::new(Exit::Unexpected, format!("{host} names no {what}"));
    Ok(Server {
        issuer: issuer.to_owned(),
        authorization: endpoint("authorization_endpoint")?
            .ok_or_else(|| lacking("authorization endpoint"))?,
        token: endpoint("token_endpoint")?.ok_or_else(|| lacking("token endpoint"))?,
        device_authorization: endpoint("device_authorization_endpoint")?,
        revocation: endpoint("revocation_endpoint")?,
    })
}

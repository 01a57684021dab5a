//! What a token request is entitled to. One row of [`SERVED`] gives the vocabulary, one file holds the rule, one
//! `match` joins them. [RFC 6749 §1.3](https://www.rfc-editor.org/rfc/rfc6749#section-1.3)
//!
//! A grant rules; it does not act: nothing in here writes.

mod client_credentials; // the client acts for itself

use crate::{
    client_auth::Caller,
    live,
    oauth::{
        client::GrantType,
        params::Params,
        refusal::{Code, Refusal},
        scope::Granted,
    },
};

/// The grants that the token endpoint serves; discovery lists exactly these.
pub const SERVED: &[GrantType] = &[GrantType::ClientCredentials];

/// A token request whose client is known.
pub struct Exchange<'a> {
    pub params: &'a Params<'a>,
    pub caller: &'a Caller,
}

impl<'a> Exchange<'a> {
    fn client(&self) -> &'a live::Client {
        &self.caller.client
    }
}

/// What is to be done about a token request.
pub enum Ruling<'a> {
    /// Issue tokens.
    Approve(Approval<'a>),
}

/// What a token may say.
pub struct Approval<'a> {
    pub subject: &'a str,
    /// At which API.
    pub granted: &'a Granted,
    /// Scope values, at least one.
    pub values: Vec<&'a str>,
}

/// Rules on a token request.
///
/// # Errors
/// `invalid_request` without `grant_type`; `unsupported_grant_type` for one that is not served; `unauthorized_client`
/// for one that the client is not registered for; and what the grant itself refuses.
pub fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>, Refusal> {
    let wanted = exchange.params.required("grant_type")?;
    let grant = GrantType::parse(wanted)
        .filter(|grant| SERVED.contains(grant))
        .ok_or_else(|| Code::UnsupportedGrantType.because("this server does not serve that grant type"))?;
    // RFC 6749 §5.2: unauthorized_client.
    if !exchange.client().grant_types.contains(&grant) {
        return Err(Code::UnauthorizedClient.because("this client is not registered for that grant type"));
    }
    match grant {
        GrantType::ClientCredentials => client_credentials::redeem(exchange),
        GrantType::AuthorizationCode
        | GrantType::RefreshToken
        | GrantType::DeviceCode
        | GrantType::Password
        | GrantType::Implicit => {
            Err(Code::UnsupportedGrantType.because("this server does not serve that grant type"))
        }
    }
}

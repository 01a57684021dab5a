//! A request whose client and redirect URI are proven. [RFC 6749 §4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1)

use std::sync::Arc;

use super::{answer::Back, page::Untrusted};
use crate::{
    error::Error,
    live::{self, ForPeople},
    oauth::{
        authentication,
        authorization::{Addressee, Manner, ResponseType, Wishes},
        client::{GrantType, Status},
        params::Params,
        redirect,
        refusal::{Code, Refusal},
        scope::{self, ScopeKey},
    },
    registry::Registry,
};

/// A request that can be answered.
#[derive(Clone, Debug)]
pub struct Opened {
    pub back: Back,
    pub client: Arc<live::Client>,
    /// As the request named it; `None` if it named none.
    pub redirect_uri: Option<String>,
    pub wishes: Wishes,
    /// What it asks for, each of it granted to the client.
    pub scopes: Vec<ScopeKey>,
}

impl Opened {
    /// What the client settles about people.
    pub fn settings(&self) -> Option<&ForPeople> {
        self.client.for_people.as_deref()
    }

    /// Whether it asks for a scope of OpenID Connect.
    pub fn asks(&self, scope: &str) -> bool {
        self.scopes
            .iter()
            .any(|key| key.api.is_none() && key.value.as_ref() == scope)
    }
}

/// Why a request cannot be opened.
pub enum Trouble {
    /// There is no way back: the person sees a page.
    Untrusted(Box<Untrusted>),
    /// The client is told.
    Refused(Box<Back>, Error),
}

/// The longest request: it travels in URLs, and what the client is told may hold much of it again.
const LONGEST: usize = 16 * 1024;

/// Opens a request.
///
/// # Errors
/// [`Trouble::Untrusted`] until client and redirect URI are proven, [`Trouble::Refused`] from then on.
pub fn open(registry: &Registry, text: &str) -> Result<Opened, Trouble> {
    if text.len() > LONGEST {
        let why = "the request is longer than 16 KiB";
        return Err(untrusted(Code::InvalidRequest.because(why), None, None));
    }
    let params = Params::form(text.as_bytes()).map_err(|refusal| untrusted(refusal, None, None))?;
    let addressee = Addressee::read(&params).map_err(|refusal| untrusted(refusal, None, None))?;
    let (client, back) = prove(registry, &addressee, &params)?;
    let refused = |refusal: Refusal| Trouble::Refused(Box::new(back.clone()), refusal.into());
    let wishes = Wishes::read(&params, registry.config.legacy.implicit_grant).map_err(refused)?;
    check_grant(&client, wishes.response_type).map_err(refused)?;
    let mut scopes = scope::ask(
        &client.granted,
        client.oidc(),
        wishes.scope.as_deref(),
        &wishes.resources,
    )
    .map_err(refused)?;
    ask_for_claims(&client, &wishes, &mut scopes);
    // OIDC Core §5.5.1.1: a class that is demanded and that nobody can reach here.
    if let Some((true, classes)) = wishes.wanted.classes()
        && !classes
            .iter()
            .any(|class| authentication::CLASSES.contains(class))
    {
        return Err(refused(Code::UnmetAuthenticationRequirements.because(
            "claims demands a class of authentication that this server does not know: see acr_values_supported",
        )));
    }
    Ok(Opened {
        redirect_uri: addressee.redirect_uri.map(str::to_owned),
        back,
        client,
        wishes,
        scopes,
    })
}

/// A claim that an OpenID request asks for singly is asked of the person as the scope it belongs to, if the client may
/// ask for that.
fn ask_for_claims(client: &live::Client, wishes: &Wishes, scopes: &mut Vec<ScopeKey>) {
    if !scopes.contains(&ScopeKey::openid("openid")) {
        return;
    }
    for scope in wishes.wanted.scopes().filter(|scope| client.may_ask(scope)) {
        let key = ScopeKey::openid(scope);
        if !scopes.contains(&key) {
            scopes.push(key);
        }
    }
}

fn untrusted(refusal: Refusal, client: Option<&live::Client>, received: Option<&str>) -> Trouble {
    Trouble::Untrusted(Box::new(Untrusted::new(refusal, client, received)))
}

/// Proves client and redirect URI; from here on there is a way back.
fn prove(
    registry: &Registry,
    addressee: &Addressee<'_>,
    params: &Params<'_>,
) -> Result<(Arc<live::Client>, Back), Trouble> {
    let client = registry
        .live
        .client(addressee.client_id)
        .filter(|client| client.status == Status::Active)
        .ok_or_else(|| {
            let why = "client_id names no client that is active here";
            let refusal = Code::InvalidRequest.because(why).reason("client.inactive");
            untrusted(refusal, None, addressee.redirect_uri)
        })?;
    // OIDC Core §3.1.2.1: an OpenID request names it.
    let openid = params
        .all("scope")
        .any(|text| text.split(' ').any(|scope| scope == "openid"));
    let redirect_uri = redirect_uri(&client, addressee.redirect_uri, openid)
        .map_err(|refusal| untrusted(refusal, Some(&client), addressee.redirect_uri))?;
    let issuer = registry.config.issuer.as_str().to_owned();
    Ok((client, Back::to(redirect_uri, Manner::read(params), issuer)))
}

/// RFC 6749 §3.1.2.3: the URI of the request must be registered; without one, the client must have exactly one.
fn redirect_uri(client: &live::Client, asked: Option<&str>, openid: bool) -> Result<String, Refusal> {
    let registered = client.redirect_uris();
    match (asked, registered) {
        (Some(asked), _) => registered
            .iter()
            .any(|uri| redirect::matches(uri, asked, client.application_type))
            .then(|| asked.to_owned())
            .ok_or_else(|| {
                Code::InvalidRequest
                    .because("redirect_uri is not one of those registered for this client")
                    .reason("redirect_uri.unregistered")
            }),
        (None, [only]) if !openid => Ok(only.clone()),
        (None, _) => {
            Err(Code::InvalidRequest
                .because("redirect_uri is missing: it may be left out by a client that has registered one, without the scope openid")
                .reason("redirect_uri.missing"))
        }
    }
}

fn check_grant(client: &live::Client, response_type: ResponseType) -> Result<(), Refusal> {
    let needed = match response_type {
        ResponseType::Code => GrantType::AuthorizationCode,
        ResponseType::Token => GrantType::Implicit,
    };
    // RFC 6749 §4.1.2.1: unauthorized_client.
    if client.grant_types.contains(&needed) {
        return Ok(());
    }
    Err(Code::UnauthorizedClient
        .because("this client is not registered for that response type")
        .reason("response_type.unregistered"))
}

//! A person allowed it in a browser. [RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3),
//! [RFC 7636 §4.6](https://www.rfc-editor.org/rfc/rfc7636#section-4.6)
//!
//! A code counts only with all that it is bound to: its client, its redirect URI, its verifier. Whoever comes with all of
//! that a second time ends the grant; whoever lacks any of it changes nothing, but for counting wrong verifiers.

use super::{Exchange, Ruling, Way, on_behalf, usable};
use crate::{
    error::Result,
    oauth::{
        pkce,
        refusal::{Code, Refusal},
    },
    store::{
        self,
        authorization_codes::{AuthorizationCode, MOST_WRONG_TRIES, PURPOSE},
    },
};

pub(super) async fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>> {
    let (params, registry, now) = (exchange.params, exchange.registry, exchange.now);
    let text = params.required("code")?;
    let redirect_uri = params.one("redirect_uri")?;
    let verifier = params.one("code_verifier")?;
    let digest = registry.keyring.digest(PURPOSE, text.as_bytes());
    let code = store::authorization_codes::find(registry.db(), digest.as_bytes()).await?;
    // RFC 6749 §4.1.3: the code was issued to this client.
    let code = code
        .filter(|code| *code.client_id == *exchange.client().id)
        .ok_or_else(unknown)?;
    check_redirect_uri(exchange, &code, redirect_uri)?;
    // RFC 7636 §4.6, RFC 9700 §2.1.1: never without a verifier.
    let verifier =
        verifier.ok_or_else(|| refused("the parameter code_verifier is missing", "code.verifier_missing"))?;
    if !pkce::matches(&code.code_challenge, verifier) {
        let why = "code_verifier does not belong to the code_challenge";
        let refusal = refused(why, "code.verifier_wrong");
        return Ok(Ruling::Refuse(
            store::authorization_codes::note_wrong_try(&code.digest),
            refusal,
        ));
    }
    let grant = store::grants::find(registry.db(), &code.grant_id)
        .await?
        .map(Box::new)
        .ok_or_else(unknown)?;
    // RFC 6749 §4.1.2: used twice, everything issued for it ends.
    if code.used_at.is_some() {
        return Ok(Ruling::Revoke(grant, unknown()));
    }
    if code.wrong_tries >= MOST_WRONG_TRIES
        || now >= code.expires_at
        || !usable(exchange.client(), &grant, now)
    {
        return Err(unknown().into());
    }
    let way = Way::Code {
        digest: code.digest,
        nonce: code.nonce,
    };
    Ok(on_behalf(exchange, grant, way, None)?)
}

fn unknown() -> Refusal {
    let why = "the code is unknown, used, expired, or was issued to another client";
    refused(why, "code.unknown")
}

fn refused(why: &'static str, reason: &'static str) -> Refusal {
    Code::InvalidGrant.because(why).reason(reason)
}

/// RFC 6749 §4.1.3: the same redirect URI as in the authorization request, if that named one.
fn check_redirect_uri(
    exchange: &Exchange<'_>,
    code: &AuthorizationCode,
    given: Option<&str>,
) -> Result<(), Refusal> {
    let same = match (&code.redirect_uri, given) {
        (Some(named), given) => given == Some(named),
        (None, None) => true,
        // It was left out because the client has only one.
        (None, Some(given)) => exchange.client().redirect_uris().iter().any(|uri| uri == given),
    };
    if same {
        return Ok(());
    }
    let why = "redirect_uri must be the one of the authorization request";
    Err(refused(why, "code.redirect_uri"))
}

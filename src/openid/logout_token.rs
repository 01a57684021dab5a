//! Logout tokens: the word to one client that a session ended.
//! [Back-Channel Logout §2.4](https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken)

use serde_json::json;

use super::{id_token, subject};
use crate::{
    error::Result,
    live,
    registry::Registry,
    time::{Lifetime, Timestamp},
};

/// Back-Channel Logout §2.4: preferably at most two minutes.
const LIFETIME: Lifetime = Lifetime::minutes(2);

/// Makes one, signed like the client's ID tokens. It names the person and the session, so that a client ends as much as
/// it can tell apart.
///
/// # Errors
/// When no key signs with that algorithm, or the cryptographic library fails.
pub fn mint(
    registry: &Registry,
    client: &live::Client,
    user_id: &str,
    session_id: &str,
    now: Timestamp,
) -> Result<String> {
    // No `nonce`, ever: what has one is an ID token.
    let claims = json!({
        "iss": registry.config.issuer.as_str(),
        "sub": subject(registry, client, user_id),
        "aud": *client.id,
        "iat": now.seconds(),
        "exp": now.after(LIFETIME).seconds(),
        "jti": registry.entropy.token(16),
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        "sid": session_id,
    });
    id_token::sign(registry, client.id_token_alg(), "logout+jwt", &claims)
}

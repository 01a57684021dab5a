//! OpenID Connect: who a person is to a client, and what is told about him.
//! [OpenID Connect Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html)

pub mod claims; // what a client learns about a person
pub mod id_token; // what a client learns at the moment of a sign-in
pub mod logout_token; // word that a session ended

use std::borrow::Cow;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use crate::{live, registry::Registry};

/// Where clients send people to sign out, below the issuer.
/// [RP-Initiated Logout §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)
pub const END_SESSION: &str = "/oauth2/logout";

/// Who a person is to a client: his id, or a name that only clients of the same sector know him by.
/// [OIDC Core §8](https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes)
pub fn subject<'u>(registry: &Registry, client: &live::Client, user_id: &'u str) -> Cow<'u, str> {
    match client.pairwise_sector() {
        None => Cow::Borrowed(user_id),
        // OIDC Core §8.1: not reversible, and different for each sector. A sector is a host, which has no space.
        Some(sector) => {
            let digest = registry
                .keyring
                .digest("pairwise-subject", format!("{sector} {user_id}").as_bytes());
            Cow::Owned(BASE64_URL_SAFE_NO_PAD.encode(digest.as_bytes()))
        }
    }
}

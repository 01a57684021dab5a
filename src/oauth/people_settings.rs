//! What a client settles about the people who sign in to it.
//! [OIDC Registration §2](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata)

use super::client::words;
use crate::time::Lifetime;

words! {
    /// How ID tokens and signed UserInfo are signed. `none` is not among them, ever.
    ResponseAlg {
        Rs256 = "RS256",
        Es256 = "ES256",
        EdDsa = "EdDSA",
    }
}

words! {
    /// Whether every client knows a person by the same identifier.
    /// [OIDC Core §8](https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes)
    SubjectType {
        Public = "public",
        Pairwise = "pairwise",
    }
}

/// Settings of a client that count only where a person stands behind the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleSettings {
    /// Shown where a person is asked for consent.
    pub home_page: Option<String>,
    /// Where people may be sent after they signed out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where the client hears that somebody signed out.
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs to hear which session that was.
    pub backchannel_logout_session_required: bool,
    /// `None`: RS256.
    pub id_token_signed_response_alg: Option<ResponseAlg>,
    /// `None`: plain JSON.
    pub userinfo_signed_response_alg: Option<ResponseAlg>,
    pub subject_type: SubjectType,
    /// The host under which a pairwise client knows people.
    pub sector_identifier: Option<String>,
    /// How old a sign-in may be if the request does not say.
    pub default_max_age: Option<Lifetime>,
    /// Whether ID tokens always say when the person signed in.
    pub require_auth_time: bool,
    /// Whether a password alone is not enough.
    pub require_second_factor: bool,
}

impl Default for PeopleSettings {
    /// What a client has that says nothing.
    fn default() -> Self {
        Self {
            home_page: None,
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            id_token_signed_response_alg: None,
            userinfo_signed_response_alg: None,
            subject_type: SubjectType::Public,
            sector_identifier: None,
            default_max_age: None,
            require_auth_time: false,
            require_second_factor: false,
        }
    }
}

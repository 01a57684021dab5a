//! Flags for what a client settles about the people who sign in to it. `none` takes a setting back.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json, json};

/// Settings about people.
#[derive(Args, Default)]
pub(super) struct People {
    /// One of its scopes that a person may leave out, or none; may be repeated
    #[arg(long = "optional-scope", value_name = "SCOPE")]
    optional_scopes: Vec<String>,
    /// Its home page, shown where people are asked for consent, or none
    #[arg(long, value_name = "URL")]
    home_page: Option<String>,
    /// An address that people may be sent to after they sign out, or none; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it hears that somebody signed out, or none
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// Whether it needs to hear which session ended
    #[arg(long, value_name = "BOOL")]
    backchannel_logout_session_required: Option<bool>,
    /// How its ID tokens are signed
    #[arg(long, value_enum, value_name = "ALG")]
    id_token_alg: Option<IdTokenAlg>,
    /// How its answers of UserInfo are signed, if they are
    #[arg(long, value_enum, value_name = "ALG")]
    userinfo_alg: Option<UserinfoAlg>,
    /// How old a sign-in may be if it does not ask, in seconds, or none
    #[arg(long, value_name = "SECONDS")]
    default_max_age: Option<Seconds>,
    /// Whether its ID tokens always say when the person signed in
    #[arg(long, value_name = "BOOL")]
    require_auth_time: Option<bool>,
    /// Whether a password alone is not enough for it
    #[arg(long, value_name = "BOOL")]
    require_second_factor: Option<bool>,
}

/// How it knows people, settled when it is created.
#[derive(Args, Default)]
pub(super) struct Subjects {
    /// Whether it knows people by the same ids as other clients do; it cannot be changed later
    #[arg(long, value_enum, value_name = "TYPE")]
    subject_type: Option<SubjectType>,
    /// The host under which a pairwise client knows people; it cannot be changed later
    #[arg(long, value_name = "HOST")]
    sector_identifier: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum IdTokenAlg {
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
    #[value(name = "EdDSA")]
    EdDsa,
}

#[derive(Clone, Copy, ValueEnum)]
enum UserinfoAlg {
    /// Plain JSON
    Json,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
    #[value(name = "EdDSA")]
    EdDsa,
}

#[derive(Clone, Copy, ValueEnum)]
enum SubjectType {
    Public,
    Pairwise,
}

/// A number of seconds, or none.
#[derive(Clone, Copy)]
struct Seconds(Option<u32>);

impl std::str::FromStr for Seconds {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            number => number.parse().map(Some).map(Self),
        }
    }
}

fn or_null(text: &str) -> Json {
    if text == "none" { Json::Null } else { json!(text) }
}

fn list(texts: &[String]) -> Option<Json> {
    match texts {
        [] => None,
        [one] if one == "none" => Some(json!([])),
        _ => Some(json!(texts)),
    }
}

fn put(body: &mut Map<String, Json>, members: impl IntoIterator<Item = (&'static str, Option<Json>)>) {
    for (name, value) in members {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
}

impl People {
    pub fn write(self, body: &mut Map<String, Json>) {
        let id_token = self.id_token_alg.map(|alg| match alg {
            IdTokenAlg::Rs256 => json!("RS256"),
            IdTokenAlg::Es256 => json!("ES256"),
            IdTokenAlg::EdDsa => json!("EdDSA"),
        });
        let userinfo = self.userinfo_alg.map(|alg| match alg {
            UserinfoAlg::Json => Json::Null,
            UserinfoAlg::Rs256 => json!("RS256"),
            UserinfoAlg::Es256 => json!("ES256"),
            UserinfoAlg::EdDsa => json!("EdDSA"),
        });
        put(
            body,
            [
                ("optional_scopes", list(&self.optional_scopes)),
                ("home_page", self.home_page.as_deref().map(or_null)),
                ("post_logout_redirect_uris", list(&self.post_logout_redirect_uris)),
                (
                    "backchannel_logout_uri",
                    self.backchannel_logout_uri.as_deref().map(or_null),
                ),
                (
                    "backchannel_logout_session_required",
                    self.backchannel_logout_session_required.map(Json::from),
                ),
                ("id_token_signed_response_alg", id_token),
                ("userinfo_signed_response_alg", userinfo),
                ("default_max_age", self.default_max_age.map(|age| json!(age.0))),
                ("require_auth_time", self.require_auth_time.map(Json::from)),
                (
                    "require_second_factor",
                    self.require_second_factor.map(Json::from),
                ),
            ],
        );
    }
}

impl Subjects {
    pub fn write(self, body: &mut Map<String, Json>) {
        let subject_type = self.subject_type.map(|one| match one {
            SubjectType::Public => json!("public"),
            SubjectType::Pairwise => json!("pairwise"),
        });
        put(
            body,
            [
                ("subject_type", subject_type),
                ("sector_identifier", self.sector_identifier.map(Json::from)),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_takes_a_setting_back() {
        let mut body = Map::new();
        let people = People {
            optional_scopes: vec!["none".to_owned()],
            home_page: Some("none".to_owned()),
            post_logout_redirect_uris: vec!["https://a.example/".to_owned()],
            default_max_age: "none".parse().ok(),
            userinfo_alg: Some(UserinfoAlg::Json),
            ..People::default()
        };
        people.write(&mut body);
        let expected = json!({
            "optional_scopes": [],
            "home_page": null,
            "post_logout_redirect_uris": ["https://a.example/"],
            "default_max_age": null,
            "userinfo_signed_response_alg": null,
        });
        assert_eq!(Json::Object(body), expected);
        assert!("soon".parse::<Seconds>().is_err());
    }
}

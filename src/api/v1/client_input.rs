//! The settings of a client as somebody sends them: all of a new one, or what to change.

use serde::Deserialize;
use utoipa::ToSchema;

use super::sent;
use crate::{
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, Kind, words},
        people_settings::{PeopleSettings, ResponseAlg, SubjectType},
        refusal::{Field, Refusal},
    },
    registry::{
        client_input::{Draft, ScopeRef},
        clients::Edit,
    },
    store::clients::Client,
    time::Lifetime,
};

words! {
    /// A kind of client whose settings are fixed.
    Template {
        SyncConnector = "sync-connector",
    }
}

impl utoipa::PartialSchema for Template {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let words = Self::ALL.iter().map(|one| one.word());
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(words))
            .into()
    }
}
impl ToSchema for Template {}

/// A scope as somebody writes it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ScopeInput {
    /// A value, or fully qualified: the audience, a hyphen, the value
    Text(String),
    Pair(QualifiedScope),
}

/// A scope with its audience.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QualifiedScope {
    audience: String,
    value: String,
}

impl From<ScopeInput> for ScopeRef {
    fn from(input: ScopeInput) -> Self {
        match input {
            ScopeInput::Text(text) => Self::text(text),
            ScopeInput::Pair(pair) => Self {
                audience: Some(pair.audience),
                value: pair.value,
            },
        }
    }
}

/// Scopes as the registry takes them.
pub fn refs(scopes: Vec<ScopeInput>) -> Vec<ScopeRef> {
    scopes.into_iter().map(ScopeRef::from).collect()
}

/// A client to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// Goes with `name`, `description`, `secret_label`, `secret_note` and `secret_expires` only.
    template: Option<Template>,
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Needed without a template
    r#type: Option<ApplicationType>,
    /// Without it: what suits the type
    grant_types: Option<Vec<GrantType>>,
    redirect_uris: Option<Vec<String>>,
    /// Needed without a template
    scopes: Option<Vec<ScopeInput>>,
    auth_method: Option<AuthMethod>,
    require_consent: Option<bool>,
    #[schema(minimum = 60, maximum = 86400)]
    access_token_lifetime: Option<i64>,
    /// Those of the granted scopes that a person may leave out
    optional_scopes: Option<Vec<ScopeInput>>,
    /// Shown where a person is asked for consent
    #[schema(max_length = 2000)]
    home_page: Option<String>,
    post_logout_redirect_uris: Option<Vec<String>>,
    /// Where the client hears that somebody signed out
    #[schema(max_length = 2000)]
    backchannel_logout_uri: Option<String>,
    backchannel_logout_session_required: Option<bool>,
    /// Without it: RS256
    id_token_signed_response_alg: Option<ResponseAlg>,
    /// Without it: plain JSON
    userinfo_signed_response_alg: Option<ResponseAlg>,
    /// Settled for good
    subject_type: Option<SubjectType>,
    /// For pairwise subjects: the host under which the client knows people, settled for good
    #[schema(max_length = 253)]
    sector_identifier: Option<String>,
    /// Seconds
    #[schema(minimum = 0, maximum = 31_536_000)]
    default_max_age: Option<i64>,
    require_auth_time: Option<bool>,
    require_second_factor: Option<bool>,
    /// Id of the member who looks after it
    owner: Option<String>,
    /// The name under which a file of clients knows it
    #[schema(max_length = 64)]
    pub file_key: Option<String>,
    #[schema(max_length = 100)]
    pub secret_label: Option<String>,
    /// Where the secret is kept
    #[schema(max_length = 300)]
    pub secret_note: Option<String>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    pub secret_expires: Option<String>,
}

/// What to change of a client, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientPatch {
    /// Turns a sync connector into a custom client.
    #[schema(nullable = false)]
    customise: Option<bool>,
    #[schema(nullable = false, min_length = 1, max_length = 120)]
    name: Option<String>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    #[schema(nullable = false)]
    grant_types: Option<Vec<GrantType>>,
    #[schema(nullable = false)]
    redirect_uris: Option<Vec<String>>,
    #[schema(nullable = false)]
    scopes: Option<Vec<ScopeInput>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<AuthMethod>)]
    auth_method: Option<Option<AuthMethod>>,
    #[schema(nullable = false)]
    require_consent: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86400)]
    access_token_lifetime: Option<Option<i64>>,
    #[schema(nullable = false)]
    optional_scopes: Option<Vec<ScopeInput>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    home_page: Option<Option<String>>,
    #[schema(nullable = false)]
    post_logout_redirect_uris: Option<Vec<String>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    backchannel_logout_uri: Option<Option<String>>,
    #[schema(nullable = false)]
    backchannel_logout_session_required: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<ResponseAlg>)]
    id_token_signed_response_alg: Option<Option<ResponseAlg>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<ResponseAlg>)]
    userinfo_signed_response_alg: Option<Option<ResponseAlg>>,
    /// As it is, or not at all: it is settled for good
    #[schema(nullable = false)]
    subject_type: Option<SubjectType>,
    /// As it is, or not at all: it is settled for good
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 253)]
    sector_identifier: Option<Option<String>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 31_536_000)]
    default_max_age: Option<Option<i64>>,
    #[schema(nullable = false)]
    require_auth_time: Option<bool>,
    #[schema(nullable = false)]
    require_second_factor: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    owner: Option<Option<String>>,
    /// The name under which a file of clients knows it; `null`: no file does any more
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 64)]
    file_key: Option<Option<String>>,
}

fn needed(name: &str) -> Field {
    Field::new(format!("/{name}"), "required", format!("{name} is missing."))
}

impl NewClient {
    /// What is asked for.
    ///
    /// # Errors
    /// Bad input: what is missing without a template, or came although the template settles it.
    pub fn draft(self) -> Result<Draft, Refusal> {
        if let Some(Template::SyncConnector) = self.template {
            return self.templated();
        }
        let Some(application_type) = self.r#type else {
            return Err(Refusal::fields(vec![needed("type")]));
        };
        let Some(scopes) = self.scopes else {
            return Err(Refusal::fields(vec![needed("scopes")]));
        };
        let grant_types = self.grant_types.unwrap_or_else(|| match application_type {
            ApplicationType::Service => vec![GrantType::ClientCredentials],
            _ => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        });
        Ok(Draft {
            kind: Kind::Custom,
            application_type,
            name: self.name,
            description: self.description.unwrap_or_default(),
            require_consent: self
                .require_consent
                .unwrap_or_else(|| grant_types.iter().any(|grant| grant.needs_person())),
            grant_types,
            redirect_uris: self.redirect_uris.unwrap_or_default(),
            scopes: refs(scopes),
            optional_scopes: self.optional_scopes.map(refs),
            auth_method: self.auth_method,
            access_token_lifetime: self.access_token_lifetime.map(Lifetime::seconds),
            people: PeopleSettings {
                home_page: self.home_page,
                post_logout_redirect_uris: self.post_logout_redirect_uris.unwrap_or_default(),
                backchannel_logout_uri: self.backchannel_logout_uri,
                backchannel_logout_session_required: self
                    .backchannel_logout_session_required
                    .unwrap_or_default(),
                id_token_signed_response_alg: self.id_token_signed_response_alg,
                userinfo_signed_response_alg: self.userinfo_signed_response_alg,
                subject_type: self.subject_type.unwrap_or(SubjectType::Public),
                sector_identifier: self.sector_identifier,
                default_max_age: self.default_max_age.map(Lifetime::seconds),
                require_auth_time: self.require_auth_time.unwrap_or_default(),
                require_second_factor: self.require_second_factor.unwrap_or_default(),
            },
            user_id: self.owner,
        })
    }

    fn templated(self) -> Result<Draft, Refusal> {
        let mut fixed = vec![
            ("type", self.r#type.is_some()),
            ("grant_types", self.grant_types.is_some()),
            ("redirect_uris", self.redirect_uris.is_some()),
            ("scopes", self.scopes.is_some()),
            ("auth_method", self.auth_method.is_some()),
            ("require_consent", self.require_consent.is_some()),
            ("access_token_lifetime", self.access_token_lifetime.is_some()),
            ("owner", self.owner.is_some()),
        ];
        fixed.extend(self.about_people());
        let detail = "The template settles this: leave it out.";
        let sent = fixed.iter().filter(|(_, sent)| *sent);
        let fields: Vec<Field> = sent
            .map(|(name, _)| Field::new(format!("/{name}"), "locked", detail))
            .collect();
        if fields.is_empty() {
            let description = self.description.unwrap_or_default();
            Ok(Draft::sync_connector(self.name, description))
        } else {
            Err(Refusal::fields(fields))
        }
    }

    fn about_people(&self) -> [(&'static str, bool); 12] {
        [
            ("optional_scopes", self.optional_scopes.is_some()),
            ("home_page", self.home_page.is_some()),
            (
                "post_logout_redirect_uris",
                self.post_logout_redirect_uris.is_some(),
            ),
            ("backchannel_logout_uri", self.backchannel_logout_uri.is_some()),
            (
                "backchannel_logout_session_required",
                self.backchannel_logout_session_required.is_some(),
            ),
            (
                "id_token_signed_response_alg",
                self.id_token_signed_response_alg.is_some(),
            ),
            (
                "userinfo_signed_response_alg",
                self.userinfo_signed_response_alg.is_some(),
            ),
            ("subject_type", self.subject_type.is_some()),
            ("sector_identifier", self.sector_identifier.is_some()),
            ("default_max_age", self.default_max_age.is_some()),
            ("require_auth_time", self.require_auth_time.is_some()),
            ("require_second_factor", self.require_second_factor.is_some()),
        ]
    }
}

impl ClientPatch {
    /// What is to change of this client.
    pub fn edit(self, client: &Client) -> Edit {
        let was = client.people.clone();
        let people = PeopleSettings {
            home_page: self.home_page.unwrap_or(was.home_page),
            post_logout_redirect_uris: self
                .post_logout_redirect_uris
                .unwrap_or(was.post_logout_redirect_uris),
            backchannel_logout_uri: self.backchannel_logout_uri.unwrap_or(was.backchannel_logout_uri),
            backchannel_logout_session_required: self
                .backchannel_logout_session_required
                .unwrap_or(was.backchannel_logout_session_required),
            id_token_signed_response_alg: self
                .id_token_signed_response_alg
                .unwrap_or(was.id_token_signed_response_alg),
            userinfo_signed_response_alg: self
                .userinfo_signed_response_alg
                .unwrap_or(was.userinfo_signed_response_alg),
            subject_type: self.subject_type.unwrap_or(was.subject_type),
            sector_identifier: self.sector_identifier.unwrap_or(was.sector_identifier),
            default_max_age: match self.default_max_age {
                Some(seconds) => seconds.map(Lifetime::seconds),
                None => was.default_max_age,
            },
            require_auth_time: self.require_auth_time.unwrap_or(was.require_auth_time),
            require_second_factor: self.require_second_factor.unwrap_or(was.require_second_factor),
        };
        Edit {
            customise: self.customise.unwrap_or_default(),
            name: self.name,
            description: self.description.map(Option::unwrap_or_default),
            grant_types: self.grant_types,
            redirect_uris: self.redirect_uris,
            scopes: self.scopes.map(refs),
            optional_scopes: self.optional_scopes.map(refs),
            auth_method: self.auth_method,
            require_consent: self.require_consent,
            access_token_lifetime: self
                .access_token_lifetime
                .map(|seconds| seconds.map(Lifetime::seconds)),
            people: Some(people),
            user_id: self.owner,
            file_key: self.file_key,
        }
    }
}

//! A client as it is shown, with its secrets' hints but never a secret.

use serde::Serialize;
use utoipa::ToSchema;

use super::impact::Impact;
use crate::{
    error::Result,
    oauth::{
        boundary::Boundary,
        client::{ApplicationType, AuthMethod, GrantType, Kind, Origin, SecretState, Status, response_types},
        people_settings::{ResponseAlg, SubjectType},
        scope::ScopeKey,
    },
    registry::{Registry, access::Access, addresses, notes, secrets::safe_to_end},
    store::{self, apis::Api, organizations::Organization, secrets::ClientSecret},
    time::{Lifetime, Timestamp},
};

/// A client.
#[derive(Serialize, ToSchema)]
pub struct Client {
    pub client_id: String,
    pub org_id: String,
    /// Handle of the organisation
    pub org: String,
    pub name: String,
    pub description: String,
    pub kind: Kind,
    pub r#type: ApplicationType,
    pub grant_types: Vec<GrantType>,
    /// They follow from the grants.
    pub response_types: Vec<&'static str>,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<GrantedScope>,
    /// Scopes of OpenID Connect
    pub oidc_scopes: Vec<String>,
    /// `null`: Basic or body, as the client likes
    pub auth_method: Option<AuthMethod>,
    pub require_consent: bool,
    pub first_party: bool,
    /// Seconds; `null`: as API and organisation have it
    pub access_token_lifetime: Option<Lifetime>,
    /// Those of the granted scopes that a person may leave out
    pub optional_scopes: Vec<OptionalScope>,
    /// Shown where a person is asked for consent
    pub home_page: Option<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: bool,
    /// `null`: RS256
    pub id_token_signed_response_alg: Option<ResponseAlg>,
    /// `null`: plain JSON
    pub userinfo_signed_response_alg: Option<ResponseAlg>,
    pub subject_type: SubjectType,
    /// The host under which a pairwise client knows people
    pub sector_identifier: Option<String>,
    /// Seconds; how old a sign-in may be if the request does not say
    pub default_max_age: Option<Lifetime>,
    pub require_auth_time: bool,
    pub require_second_factor: bool,
    /// Id of the member who looks after it
    pub owner: Option<String>,
    pub status: Status,
    pub status_at: Option<Timestamp>,
    pub status_by: Option<String>,
    pub status_reason: Option<String>,
    /// When it is deleted, if it is still disabled then
    pub delete_at: Option<Timestamp>,
    pub origin: Origin,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    /// How exact `last_used_at` is
    pub last_used_precision: &'static str,
    /// Uses before then were not written down.
    pub tracked_since: Option<String>,
    pub version: i64,
    /// The name under which a file of clients knows it
    pub file_key: Option<String>,
    /// By which door its settings or status were last changed; `null`: before that was written down
    pub changed_through: Option<Origin>,
    /// What is to be known of it: addresses that could not be registered today or are not called, and more of a client
    /// that was just created or changed
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notes: Option<Vec<Note>>,
    /// With `include=secrets`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub secrets: Option<Vec<Secret>>,
    /// With `dry_run`: what would stop
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub impact: Option<Impact>,
}

impl Client {
    /// The same with these notes, if some are given.
    #[must_use]
    pub fn noting(self, notes: Option<Vec<notes::Note>>) -> Self {
        match notes {
            Some(all) => Self {
                notes: Some(all.into_iter().map(Note::from).collect()),
                ..self
            },
            None => self,
        }
    }
}

/// Something to know about a client.
#[derive(Serialize, ToSchema)]
pub struct Note {
    /// A stable word, such as `name.taken`, `uri.refused` or `uri.not_called`
    pub code: &'static str,
    pub detail: String,
    /// The other clients that it is about
    pub clients: Vec<String>,
}

impl From<notes::Note> for Note {
    fn from(note: notes::Note) -> Self {
        Self {
            code: note.code,
            detail: note.detail,
            clients: note.clients,
        }
    }
}

/// A scope that was granted.
#[derive(Serialize, ToSchema)]
pub struct GrantedScope {
    /// The API it belongs to
    pub audience: Option<String>,
    pub value: String,
}

/// A granted scope that a person may leave out.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum OptionalScope {
    /// Of OpenID Connect
    Text(String),
    Granted(GrantedScope),
}

/// A secret, without its text.
#[derive(Serialize, ToSchema)]
pub struct Secret {
    pub id: String,
    pub label: String,
    /// Its last characters
    pub hint: String,
    /// Where it is kept
    pub note: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    pub uses: i64,
    /// When it expires by policy
    pub expires_at: Option<Timestamp>,
    /// When it ends because it was rotated away
    pub ends_at: Option<Timestamp>,
    pub state: SecretState,
    /// Whether it may go: a newer one is used, and this one has been silent for an hour
    pub safe_to_end: bool,
}

impl Secret {
    /// Secrets of one client at a moment.
    pub fn all_of(secrets: &[ClientSecret], now: Timestamp) -> Vec<Self> {
        secrets
            .iter()
            .map(|secret| Self::of(secret, secrets, now))
            .collect()
    }

    /// A secret at a moment, among those that its client has.
    pub fn of(secret: &ClientSecret, all: &[ClientSecret], now: Timestamp) -> Self {
        Self {
            id: secret.id.clone(),
            label: secret.label.clone(),
            hint: format!("…{}", secret.hint),
            note: secret.note.clone(),
            created_at: secret.created_at,
            created_by: secret.created_by.clone(),
            last_used_at: secret.last_used_at,
            last_used_ip: secret.last_used_ip.clone(),
            uses: secret.uses,
            expires_at: secret.expires_at,
            ends_at: secret.ends_at,
            state: secret.state(now),
            safe_to_end: safe_to_end(secret, all, now),
        }
    }
}

/// What it takes to show clients of an organisation.
pub struct Surroundings {
    org: Organization,
    boundary: Boundary,
    apis: Vec<Api>,
    tracked_since: Option<String>,
}

impl Surroundings {
    /// Reads them.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn read(registry: &Registry, access: &Access) -> Result<Self> {
        let db = registry.db();
        Ok(Self {
            org: access.org.clone(),
            boundary: registry.boundary_of(&access.org),
            apis: store::apis::of_organization(db, &access.org.id).await?,
            tracked_since: store::instance::find(db, store::instance::TRACKED_SINCE).await?,
        })
    }

    /// A client as it is shown.
    pub fn show(&self, client: store::clients::Client, secrets: Option<Vec<Secret>>) -> Client {
        let notes = addresses::notes(&self.boundary, &client);
        let audience = |api: &str| self.apis.iter().find(|a| a.id == api).map(|a| a.audience.clone());
        let scopes = client.scopes.into_iter().map(|(api, value)| GrantedScope {
            audience: audience(&api),
            value,
        });
        let optional = client
            .optional_scopes
            .iter()
            .map(|ScopeKey { api, value }| match api {
                None => OptionalScope::Text(value.to_string()),
                Some(api) => OptionalScope::Granted(GrantedScope {
                    audience: audience(api),
                    value: value.to_string(),
                }),
            });
        let people = client.people;
        Client {
            optional_scopes: optional.collect(),
            scopes: scopes.collect(),
            response_types: response_types(&client.grant_types),
            client_id: client.client_id,
            org_id: client.org_id,
            org: self.org.handle.clone(),
            name: client.name,
            description: client.description,
            kind: client.kind,
            r#type: client.application_type,
            grant_types: client.grant_types,
            redirect_uris: client.redirect_uris,
            oidc_scopes: client.oidc_scopes,
            auth_method: client.auth_method,
            require_consent: client.require_consent,
            first_party: client.first_party,
            access_token_lifetime: client.access_token_lifetime,
            home_page: people.home_page,
            post_logout_redirect_uris: people.post_logout_redirect_uris,
            backchannel_logout_uri: people.backchannel_logout_uri,
            backchannel_logout_session_required: people.backchannel_logout_session_required,
            id_token_signed_response_alg: people.id_token_signed_response_alg,
            userinfo_signed_response_alg: people.userinfo_signed_response_alg,
            subject_type: people.subject_type,
            sector_identifier: people.sector_identifier,
            default_max_age: people.default_max_age,
            require_auth_time: people.require_auth_time,
            require_second_factor: people.require_second_factor,
            owner: client.user_id,
            status: client.status,
            status_at: client.status_at,
            status_by: client.status_by,
            status_reason: client.status_reason,
            delete_at: client.delete_at,
            origin: client.origin,
            created_by: client.created_by,
            created_at: client.created_at,
            updated_at: client.updated_at,
            last_used_at: client.last_used_at,
            last_used_ip: client.last_used_ip,
            last_used_precision: "minute",
            tracked_since: self.tracked_since.clone(),
            version: client.version,
            file_key: client.file_key,
            changed_through: client.changed_through,
            notes: (!notes.is_empty()).then(|| notes.into_iter().map(Note::from).collect()),
            secrets,
            impact: None,
        }
    }
}

/// The secrets of a client, as they are shown.
///
/// # Errors
/// When the storage fails.
pub async fn secrets_of(registry: &Registry, client_id: &str, now: Timestamp) -> Result<Vec<Secret>> {
    let secrets = store::secrets::of_client(registry.db(), client_id).await?;
    Ok(Secret::all_of(&secrets, now))
}

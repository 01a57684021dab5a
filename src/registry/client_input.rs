//! What a client may look like: the rules of its type, its redirect URIs, its scopes, and what its maker may grant.
//! Decides only; nothing here reads or writes.

use crate::{
    oauth::{
        boundary::Boundary,
        client::{ApplicationType, AuthMethod, GrantType, Kind},
        name,
        people_settings::PeopleSettings,
        refusal::Field,
        scope::{OIDC, ScopeKey},
    },
    registry::{
        access::{Permission, Permissions},
        people_input,
    },
    store::{apis::Api, clients::Client},
    time::Lifetime,
};

/// A scope as somebody writes it: a value alone, a value with its audience, or a fully qualified text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRef {
    pub audience: Option<String>,
    pub value: String,
}

impl ScopeRef {
    /// A value alone or a fully qualified text.
    pub fn text(value: impl Into<String>) -> Self {
        Self {
            audience: None,
            value: value.into(),
        }
    }
}

/// The settings of a client as asked for.
#[derive(Clone, Debug)]
pub struct Draft {
    pub kind: Kind,
    pub application_type: ApplicationType,
    pub name: String,
    pub description: String,
    pub grant_types: Vec<GrantType>,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<ScopeRef>,
    /// Those of `scopes` that a person may leave out; `None`: as it was, as far as they are still granted.
    pub optional_scopes: Option<Vec<ScopeRef>>,
    pub auth_method: Option<AuthMethod>,
    pub require_consent: bool,
    pub access_token_lifetime: Option<Lifetime>,
    pub people: PeopleSettings,
    /// Id of the member who looks after it.
    pub user_id: Option<String>,
}

impl Draft {
    /// A sync connector: its grants and scopes are fixed.
    pub fn sync_connector(name: String, description: String) -> Self {
        Self {
            kind: Kind::SyncConnector,
            application_type: ApplicationType::Service,
            name,
            description,
            grant_types: vec![GrantType::ClientCredentials],
            redirect_uris: Vec::new(),
            scopes: SYNC_CONNECTOR_SCOPES.iter().map(|s| ScopeRef::text(*s)).collect(),
            optional_scopes: None,
            auth_method: None,
            require_consent: false,
            access_token_lifetime: None,
            people: PeopleSettings::default(),
            user_id: None,
        }
    }
}

/// What a sync connector may do, no more and no less.
pub const SYNC_CONNECTOR_SCOPES: [&str; 5] = [
    "scim:read",
    "scim:write",
    "sync:profile:read",
    "connector:read",
    "connector:write",
];

/// The most redirect URIs a client has.
const MOST_REDIRECTS: usize = 50;

/// What was resolved: granted (API id, value) pairs in order, scopes of OpenID Connect, which of both a person may leave
/// out, and the host under which a pairwise client knows people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub scopes: Vec<(String, String)>,
    pub oidc_scopes: Vec<String>,
    pub optional_scopes: Vec<ScopeKey>,
    pub sector_identifier: Option<String>,
}

/// What the check needs to know about the surroundings.
pub struct Surroundings<'a> {
    /// The APIs that the organisation can grant.
    pub apis: &'a [Api],
    /// What the maker may do himself.
    pub permissions: Permissions,
    /// The client as it is; what it holds already is not granted anew.
    pub before: Option<&'a Client>,
    /// The grants that may be registered here.
    pub grants: &'a [GrantType],
    /// Where requests and browsers may go.
    pub boundary: Boundary,
}

/// Checks a draft.
///
/// # Errors
/// Every field that is wrong, with a sentence each.
pub fn check(draft: &Draft, around: &Surroundings<'_>) -> Result<Resolved, Vec<Field>> {
    let mut fields = Vec::new();
    check_texts(draft, around, &mut fields);
    check_offered(draft, around, &mut fields);
    check_grants(draft, &mut fields);
    check_redirects(draft, around, &mut fields);
    check_limits(draft, &mut fields);
    let mut resolved = resolve_scopes(draft, around, &mut fields);
    people_input::check(draft, around, &mut resolved, &mut fields);
    if draft.kind == Kind::SyncConnector {
        check_locked(draft, &mut fields);
    }
    if fields.is_empty() {
        Ok(resolved)
    } else {
        Err(fields)
    }
}

fn check_texts(draft: &Draft, around: &Surroundings<'_>, fields: &mut Vec<Field>) {
    // What is stored already stays until it is changed.
    let before = around.before;
    let kept = draft.kind == Kind::System || before.is_some_and(|client| client.name == draft.name);
    if !kept && let Err(detail) = name::check_trusted(&draft.name) {
        fields.push(Field::new("/name", "name", detail));
    }
    let kept = before.is_some_and(|client| client.description == draft.description);
    if draft.description.chars().count() > 1000 {
        fields.push(Field::new(
            "/description",
            "too_long",
            "Write at most 1,000 characters.",
        ));
    }
    if !kept && let Err(detail) = name::check_lines(&draft.description) {
        fields.push(Field::new("/description", "characters", detail));
    }
}

/// A grant that is not offered is as unknown as one that does not exist; one that a client holds may stay.
fn check_offered(draft: &Draft, around: &Surroundings<'_>, fields: &mut Vec<Field>) {
    let held = around.before.map(|client| client.grant_types.as_slice());
    let held = held.unwrap_or_default();
    for (at, grant) in draft.grant_types.iter().enumerate() {
        if !around.grants.contains(grant) && !held.contains(grant) {
            let words: Vec<&str> = around.grants.iter().map(|grant| grant.word()).collect();
            let detail = format!("Choose one of {}.", words.join(", "));
            fields.push(Field::new(format!("/grant_types/{at}"), "unknown_value", detail));
        }
    }
}

fn check_grants(draft: &Draft, fields: &mut Vec<Field>) {
    use ApplicationType as T;
    use GrantType as G;
    let mut wrong = |code, detail: &str| fields.push(Field::new("/grant_types", code, detail));
    let grants = &draft.grant_types;
    if grants.is_empty() {
        wrong("required", "Choose at least one way to get tokens.");
    }
    if grants
        .iter()
        .enumerate()
        .any(|(at, grant)| grants[..at].contains(grant))
    {
        wrong("repeated", "Name each grant type once.");
    }
    if grants.contains(&G::ClientCredentials) && !draft.application_type.holds_secret() {
        wrong(
            "grant.needs_secret",
            "Client credentials need a secret, and this type of client cannot keep one: choose web or service.",
        );
    }
    if draft.application_type == T::Service && grants.iter().any(|g| g.needs_person()) {
        wrong(
            "grant.needs_person",
            "A service acts for itself: for people who sign in, choose web, native or user-agent-based.",
        );
    }
    if draft.application_type == T::UserAgentBased && grants.contains(&G::DeviceCode) {
        wrong(
            "grant.device",
            "A single-page app redirects: device code is for apps without a browser.",
        );
    }
    let refreshed = [G::AuthorizationCode, G::DeviceCode, G::Password];
    if grants.contains(&G::RefreshToken) && !grants.iter().any(|grant| refreshed.contains(grant)) {
        wrong(
            "grant.refresh_alone",
            "Refresh tokens come with authorization code or device code: add one of them.",
        );
    }
}

fn check_redirects(draft: &Draft, around: &Surroundings<'_>, fields: &mut Vec<Field>) {
    let uris = &draft.redirect_uris;
    let held = around.before.map_or(&[][..], |client| &client.redirect_uris);
    let redirects = draft.grant_types.iter().any(|grant| grant.redirects());
    if redirects && uris.is_empty() {
        fields.push(Field::new(
            "/redirect_uris",
            "required",
            "Add the address that people return to after they sign in.",
        ));
    }
    if !redirects && !uris.is_empty() {
        fields.push(Field::new(
            "/redirect_uris",
            "uri.unused",
            "Redirect URIs go with the authorization code grant: add the grant or remove them.",
        ));
    }
    if uris.len() > MOST_REDIRECTS {
        fields.push(Field::new(
            "/redirect_uris",
            "too_many",
            "Register at most 50 redirect URIs.",
        ));
    }
    for (at, uri) in uris.iter().enumerate().take(MOST_REDIRECTS) {
        let pointer = format!("/redirect_uris/{at}");
        if uris[..at].contains(uri) {
            fields.push(Field::new(
                pointer,
                "uri.repeated",
                "This URI is in the list already.",
            ));
        } else if !held.contains(uri)
            && let Err(objection) = around.boundary.check_redirect(uri, draft.application_type)
        {
            fields.push(Field::new(pointer, objection.code, objection.detail));
        }
    }
}

fn check_limits(draft: &Draft, fields: &mut Vec<Field>) {
    if draft.auth_method.is_some() && !draft.application_type.holds_secret() {
        fields.push(Field::new(
            "/auth_method",
            "auth_method",
            "This type of client has no secret, so there is nothing to pin.",
        ));
    }
    if let Some(lifetime) = draft.access_token_lifetime
        && !(60..=86_400).contains(&lifetime.as_seconds())
    {
        fields.push(Field::new(
            "/access_token_lifetime",
            "range",
            "An access token lives between 60 and 86,400 seconds.",
        ));
    }
}

fn check_locked(draft: &Draft, fields: &mut Vec<Field>) {
    let mut asked: Vec<&str> = draft.scopes.iter().map(|s| s.value.as_str()).collect();
    asked.sort_unstable();
    let mut locked = SYNC_CONNECTOR_SCOPES;
    locked.sort_unstable();
    let detail = "A sync connector has fixed grants and scopes: make it a custom client to change them.";
    if asked != locked {
        fields.push(Field::new("/scopes", "locked", detail));
    }
    if draft.grant_types != [GrantType::ClientCredentials] {
        fields.push(Field::new("/grant_types", "locked", detail));
    }
}

fn resolve_scopes(draft: &Draft, around: &Surroundings<'_>, fields: &mut Vec<Field>) -> Resolved {
    let mut resolved = Resolved::default();
    let held = around
        .before
        .map(|client| client.scopes.as_slice())
        .unwrap_or_default();
    if draft.scopes.is_empty() {
        fields.push(Field::new(
            "/scopes",
            "required",
            "Choose at least one scope: without one, no token can be issued.",
        ));
    }
    if draft.scopes.len() > 200 {
        fields.push(Field::new("/scopes", "too_many", "Grant at most 200 scopes."));
        return resolved;
    }
    for (at, asked) in draft.scopes.iter().enumerate() {
        let pointer = format!("/scopes/{at}");
        if asked.audience.is_none() && OIDC.contains(&asked.value.as_str()) {
            if !draft.grant_types.iter().any(|g| g.needs_person()) {
                let detail = format!(
                    "{} is about a person who signs in: no grant here does that.",
                    asked.value
                );
                fields.push(Field::new(pointer, "scope.needs_person", detail));
            } else if !resolved.oidc_scopes.contains(&asked.value) {
                resolved.oidc_scopes.push(asked.value.clone());
            }
            continue;
        }
        match resolve(asked, around.apis) {
            Err((code, detail)) => fields.push(Field::new(pointer, code, detail)),
            Ok((api, value)) => {
                let pair = (api.id.clone(), value.to_owned());
                if !held.contains(&pair)
                    && let Err(detail) = may_grant(api, value, draft.kind, around.permissions)
                {
                    fields.push(Field::new(pointer, "scope.beyond_yours", detail));
                } else if !resolved.scopes.contains(&pair) {
                    resolved.scopes.push(pair);
                }
            }
        }
    }
    resolved
}

/// Finds the one scope that is meant.
///
/// # Errors
/// Why none is: a stable word and a sentence.
pub(super) fn resolve<'a>(
    asked: &ScopeRef,
    apis: &'a [Api],
) -> Result<(&'a Api, &'a str), (&'static str, String)> {
    let value_in = |api: &'a Api, value: &str| {
        let scope = api.scopes.iter().find(|s| s.value == value)?;
        Some((api, scope.value.as_str()))
    };
    if let Some(audience) = &asked.audience {
        let api = apis.iter().find(|api| api.audience == *audience).ok_or_else(|| {
            (
                "scope.audience",
                format!("No API of this organisation has the audience {audience}."),
            )
        })?;
        return value_in(api, &asked.value).ok_or_else(|| {
            (
                "scope.unknown",
                format!("{} has no scope {}.", api.name, asked.value),
            )
        });
    }
    let found: Vec<_> = apis
        .iter()
        .filter_map(|api| {
            value_in(api, &asked.value).or_else(|| {
                let rest = asked.value.strip_prefix(api.audience.as_str())?;
                value_in(api, rest).or_else(|| value_in(api, rest.strip_prefix('-')?))
            })
        })
        .collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err((
            "scope.unknown",
            format!("No API of this organisation has a scope {}.", asked.value),
        )),
        _ => Err((
            "scope.ambiguous",
            format!(
                "Several APIs have a scope {}: name its audience too.",
                asked.value
            ),
        )),
    }
}

/// Nobody gives more than he has: a scope of the management API is granted only by who holds it.
///
/// # Errors
/// A sentence that says why not.
pub(super) fn may_grant(api: &Api, value: &str, kind: Kind, held: Permissions) -> Result<(), String> {
    let (None, Some(permission)) = (&api.org_id, Permission::parse(value)) else {
        return Ok(());
    };
    if permission.is_instance() && kind != Kind::System {
        return Err(format!("{value} is for system clients only."));
    }
    if kind == Kind::Personal && permission.reaches_credentials() {
        return Err(format!(
            "{value} reaches credentials of others, so a personal credential cannot hold it: use a service client."
        ));
    }
    if held.may_give(permission) {
        Ok(())
    } else {
        Err(format!("You cannot grant {value}: you do not hold it yourself."))
    }
}

/// Whether `held` covers every management scope in `scopes`; who controls a client's secret holds what it holds.
pub fn covers(held: Permissions, apis: &[Api], scopes: &[(String, String)]) -> bool {
    scopes.iter().all(|(api_id, value)| {
        apis.iter().find(|api| api.id == *api_id).is_none_or(|api| {
            match (&api.org_id, Permission::parse(value)) {
                (None, Some(permission)) => held.may_give(permission),
                _ => true,
            }
        })
    })
}

//! Which audience a new API may have. Audiences are unique across the instance, whatever their spelling, and some are
//! the product's own.

use std::collections::BTreeMap;

use crate::{
    db::DbError,
    oauth::{
        audience::{canonical, is_identifier, is_within},
        refusal::Field,
        scope,
    },
    registry::Registry,
    store,
};

/// What all audiences of the product's own begin with, in canonical spelling.
const OWN: &str = "urn:oauthority:";

/// Why a new API of an organisation may not have this audience.
pub fn objection(registry: &Registry, audience: &str) -> Option<Field> {
    let wrong = |code, detail: &str| Some(Field::new("/audience", code, detail));
    if !scope::is_audience(audience) {
        return wrong(
            "audience",
            "Write an absolute URI without a fragment, such as https://api.example.com.",
        );
    }
    if !is_identifier(&canonical(audience)) {
        return wrong(
            "audience.scheme",
            "A URI of this scheme names no API: use https or a URN of your own.",
        );
    }
    let spelled = canonical(audience);
    if spelled.starts_with(OWN) {
        return wrong(
            "audience.reserved",
            "urn:oauthority: belongs to the product: use a URI of your own.",
        );
    }
    // Tokens for the issuer itself are for UserInfo.
    if is_within(audience, registry.config.issuer.as_str()) {
        return wrong(
            "audience.reserved",
            "This address and whatever lies below it is this server: use a URI of your own.",
        );
    }
    if registry
        .live
        .audiences()
        .iter()
        .any(|taken| canonical(taken) == spelled)
    {
        return Some(taken());
    }
    None
}

/// The refusal of an audience that an API has already, in whatever spelling.
pub fn taken() -> Field {
    let detail = "Another API has this audience: audiences are unique across the instance, and two that differ only in \
                  capitals of scheme and host, a default port or a last slash after the host are the same.";
    Field::new("/audience", "audience.taken", detail)
}

/// Groups of audiences that an older version took for different ones. They go on being compared exactly.
///
/// # Errors
/// When the storage fails.
pub async fn twins(registry: &Registry) -> Result<Vec<Vec<String>>, DbError> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for api in store::apis::all(registry.db()).await? {
        groups
            .entry(canonical(&api.audience))
            .or_default()
            .push(api.audience);
    }
    Ok(groups.into_values().filter(|group| group.len() > 1).collect())
}

/// Tells the operator of such groups, and of audiences that are the product's own, at the start.
///
/// # Errors
/// When the storage fails.
pub async fn tell(registry: &Registry) -> Result<(), DbError> {
    for group in twins(registry).await? {
        tracing::warn!(
            audiences = group.join(" "),
            "these audiences differ in spelling only; tokens for one are no tokens for the other. Move the clients of one \
             API to the other, and delete it"
        );
    }
    let issuer = registry.config.issuer.as_str();
    for api in store::apis::all(registry.db()).await? {
        let ours = canonical(&api.audience).starts_with(OWN) || is_within(&api.audience, issuer);
        let doubtful = ours || !is_identifier(&api.audience);
        if api.org_id.is_some() && doubtful && !api.audience.starts_with(OWN) {
            tracing::warn!(
                audience = api.audience,
                api = api.id,
                "this API of an organisation has an audience that could not be chosen today; make another one and move its \
                 clients"
            );
        }
    }
    Ok(())
}

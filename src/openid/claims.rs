//! What a client learns about a person: the claims of the scopes that he allowed, as far as there is anything to tell.
//! [OIDC Core §5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims)

use serde_json::{Map, Value as Json, json};

use crate::{
    oauth::claims::{self, Request},
    store::users::User,
};

/// The claims of these scopes, with spaces between.
pub fn of_scopes(user: &User, scope: &str) -> Map<String, Json> {
    let mut told = everything(user);
    told.retain(|name, _| allowed(name, scope));
    told
}

/// Those that a `claims` parameter wants in ID tokens, and that belong to one of these scopes. The text was read when it
/// came; one that does not read any more asks for nothing.
pub fn in_id_token(user: &User, scope: &str, parameter: &str) -> Map<String, Json> {
    let wanted = Request::parse(parameter).unwrap_or_default().id_token;
    let mut told = everything(user);
    told.retain(|name, _| allowed(name, scope) && wanted.iter().any(|wanted| wanted.name == *name));
    told
}

/// Whether a `claims` parameter wants anything about a person in ID tokens.
pub fn wants_in_id_token(parameter: &str) -> bool {
    let wanted = Request::parse(parameter).unwrap_or_default().id_token;
    wanted
        .iter()
        .any(|wanted| claims::scope_of(&wanted.name).is_some())
}

fn allowed(claim: &str, scope: &str) -> bool {
    claims::scope_of(claim).is_some_and(|needed| scope.split(' ').any(|value| value == needed))
}

/// Every claim there is about a person; what he did not tell is left out.
fn everything(user: &User) -> Map<String, Json> {
    let mut told = Map::new();
    if !user.display_name.is_empty() {
        told.insert("name".to_owned(), json!(user.display_name));
    }
    told.insert("preferred_username".to_owned(), json!(user.username));
    // The names in a profile are those of the claims.
    if let Ok(Json::Object(profile)) = serde_json::to_value(&user.profile) {
        told.extend(profile);
    }
    told.insert("updated_at".to_owned(), json!(user.updated_at.seconds()));
    if let Some(email) = &user.email {
        told.insert("email".to_owned(), json!(email));
        let verified = user.email_verified_at.is_some();
        told.insert("email_verified".to_owned(), json!(verified));
    }
    // Whether a number is verified says nothing without the number.
    told.remove("phone_number_verified");
    if user.profile.phone_number.is_some() {
        let verified = user.profile.phone_number_verified;
        told.insert("phone_number_verified".to_owned(), json!(verified));
    }
    told.retain(|_, value| !matches!(value, Json::Object(parts) if parts.is_empty()));
    told
}

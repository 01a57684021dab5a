//! What a client may settle about the people who sign in to it. Decides only, as [`super::client_input`] does, whose
//! part this is.

use std::collections::BTreeSet;

use url::{Host, Url};

use super::client_input::{Draft, Resolved, ScopeRef, Surroundings, resolve};
use crate::{
    oauth::{
        outbound,
        people_settings::{PeopleSettings, SubjectType},
        refusal::Field,
        scope::{OIDC, ScopeKey},
    },
    store::clients::Client,
};

/// The most post-logout redirect URIs a client has.
const MOST_URIS: usize = 50;

/// The oldest sign-in that `default_max_age` can name: a year.
const OLDEST: i64 = 31_536_000;

/// Checks the settings of a draft whose scopes are resolved already; what they come to is added to `resolved`.
pub fn check(draft: &Draft, around: &Surroundings<'_>, resolved: &mut Resolved, fields: &mut Vec<Field>) {
    let person = draft.grant_types.iter().any(|grant| grant.needs_person());
    match &draft.optional_scopes {
        Some(asked) => resolved.optional_scopes = optional(asked, around, resolved, fields),
        None if person => {
            let held = around.before.map(|client| client.optional_scopes.as_slice());
            let granted = held
                .unwrap_or_default()
                .iter()
                .filter(|key| is_granted(key, resolved));
            resolved.optional_scopes = granted.cloned().collect();
        }
        None => {}
    }
    if !person {
        check_unused(draft, around.before, fields);
    }
    let held = around.before.map(|client| &client.people);
    if let Some(uri) = &draft.people.home_page
        && held.is_none_or(|held| held.home_page.as_ref() != Some(uri))
        && let Err(objection) = outbound::check_page(uri)
    {
        fields.push(Field::new("/home_page", objection.code, objection.detail));
    }
    check_sign_out(draft, around, fields);
    if let Some(age) = draft.people.default_max_age
        && !(0..=OLDEST).contains(&age.as_seconds())
    {
        let detail = "Write a number of seconds from 0 to 31,536,000, which is a year.";
        fields.push(Field::new("/default_max_age", "range", detail));
    }
    resolved.sector_identifier = check_subject(draft, around.before, fields);
}

/// A client that acts for itself has nobody to whom these could apply. What it had when people still signed in may stay.
fn check_unused(draft: &Draft, before: Option<&Client>, fields: &mut Vec<Field>) {
    let usual = PeopleSettings::default();
    let (had, now) = (before.map_or(&usual, |client| &client.people), &draft.people);
    let optional = draft
        .optional_scopes
        .as_ref()
        .is_some_and(|some| !some.is_empty());
    // What is set: neither as it was nor as it is without a word.
    macro_rules! set {
        ($($name:ident),+) => {
            [$((stringify!($name), now.$name != had.$name && now.$name != usual.$name)),+]
        };
    }
    let set = set!(
        home_page,
        post_logout_redirect_uris,
        backchannel_logout_uri,
        backchannel_logout_session_required,
        id_token_signed_response_alg,
        userinfo_signed_response_alg,
        subject_type,
        default_max_age,
        require_auth_time,
        require_second_factor
    );
    let set = std::iter::once(("optional_scopes", optional)).chain(set);
    let detail = "This is about people who sign in, and no grant here does that: leave it out.";
    for (name, _) in set.filter(|(_, set)| *set) {
        fields.push(Field::new(format!("/{name}"), "unused", detail));
    }
}

fn is_granted(key: &ScopeKey, resolved: &Resolved) -> bool {
    match &key.api {
        None => resolved.oidc_scopes.iter().any(|held| **held == *key.value),
        Some(api) => resolved
            .scopes
            .iter()
            .any(|(held, value)| **held == **api && **value == *key.value),
    }
}

/// Those of the granted scopes that a person may leave out.
fn optional(
    asked: &[ScopeRef],
    around: &Surroundings<'_>,
    resolved: &Resolved,
    fields: &mut Vec<Field>,
) -> Vec<ScopeKey> {
    let mut keys: Vec<ScopeKey> = Vec::new();
    for (at, scope) in asked.iter().enumerate().take(200) {
        let mut wrong = |code, detail: String| {
            fields.push(Field::new(format!("/optional_scopes/{at}"), code, detail));
        };
        let key = if scope.audience.is_none() && OIDC.contains(&scope.value.as_str()) {
            ScopeKey::openid(&scope.value)
        } else {
            match resolve(scope, around.apis) {
                Ok((api, value)) => ScopeKey::of_api(&api.id.as_str().into(), &value.into()),
                Err((code, detail)) => {
                    wrong(code, detail);
                    continue;
                }
            }
        };
        if key == ScopeKey::openid("openid") {
            let detail = "Without openid there is no sign-in: nobody can leave it out.";
            wrong("scope.openid", detail.to_owned());
        } else if !is_granted(&key, resolved) {
            let detail = format!("{} is not granted: grant it, or remove it here.", scope.value);
            wrong("scope.not_granted", detail);
        } else if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// What was saved under another rule may stay while something else is changed.
fn check_sign_out(draft: &Draft, around: &Surroundings<'_>, fields: &mut Vec<Field>) {
    let held = around.before.map(|client| &client.people);
    let uris = &draft.people.post_logout_redirect_uris;
    if uris.len() > MOST_URIS {
        let detail = "Register at most 50 post-logout redirect URIs.";
        fields.push(Field::new("/post_logout_redirect_uris", "too_many", detail));
    }
    for (at, uri) in uris.iter().enumerate().take(MOST_URIS) {
        let pointer = format!("/post_logout_redirect_uris/{at}");
        if uris[..at].contains(uri) {
            let detail = "This URI is in the list already.";
            fields.push(Field::new(pointer, "uri.repeated", detail));
        } else if !held.is_some_and(|held| held.post_logout_redirect_uris.contains(uri))
            && let Err(objection) = around.boundary.check_redirect(uri, draft.application_type)
        {
            fields.push(Field::new(pointer, objection.code, objection.detail));
        }
    }
    if let Some(uri) = &draft.people.backchannel_logout_uri
        && held.is_none_or(|held| held.backchannel_logout_uri.as_ref() != Some(uri))
        && let Err(objection) = around.boundary.destination(uri)
    {
        fields.push(Field::new(
            "/backchannel_logout_uri",
            objection.code,
            objection.detail,
        ));
    }
}

/// Settles under which host a pairwise client knows people. Later changes would turn everybody into somebody else, so
/// there are none, and the host is written down even if it goes without saying now.
fn check_subject(draft: &Draft, before: Option<&Client>, fields: &mut Vec<Field>) -> Option<String> {
    let people = &draft.people;
    if let Some(before) = before {
        let was = &before.people;
        let detail = "This is settled when the client is created: another value would make everybody who signed in \
                      somebody else. Create a new client instead.";
        if people.subject_type != was.subject_type {
            fields.push(Field::new("/subject_type", "fixed", detail));
        }
        if people.sector_identifier != was.sector_identifier {
            fields.push(Field::new("/sector_identifier", "fixed", detail));
        }
        return was.sector_identifier.clone();
    }
    let mut wrong = |code, detail: &str| fields.push(Field::new("/sector_identifier", code, detail));
    if people.subject_type == SubjectType::Public {
        if people.sector_identifier.is_some() {
            wrong("unused", "This goes with pairwise subjects: leave it out.");
        }
        return None;
    }
    if let Some(host) = &people.sector_identifier {
        if !is_host(host) {
            wrong(
                "host",
                "Write a host alone, in lower case, such as app.example.com.",
            );
        }
        return Some(host.clone());
    }
    let uris = draft.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok());
    let hosts: BTreeSet<String> = uris.filter_map(|uri| Some(uri.host_str()?.to_owned())).collect();
    let mut hosts = hosts.into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host),
        // OIDC Core §8.1.
        _ => {
            wrong(
                "required",
                "Name the host under which the app knows people: its redirect URIs do not have exactly one.",
            );
            None
        }
    }
}

fn is_host(text: &str) -> bool {
    text.len() <= 253 && text.contains('.') && Host::parse(text).is_ok_and(|host| host.to_string() == text)
}

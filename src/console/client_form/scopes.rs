//! The scope picker, filled from the catalogue.

use maud::Markup;

use super::{Ground, Refused, Typed};
use crate::{
    oauth::scope::OIDC,
    registry::access::Permission,
    store::apis::{Api, Risk, Scope},
    ui::scopes::{self as picker, Picker},
};

/// What the form posts for a scope of an API. Scopes of OpenID Connect are posted as they are.
pub(in crate::console) fn id(api: &str, value: &str) -> String {
    format!("{api} {value}")
}

/// What is said about a scope of OpenID Connect.
const fn oidc_words(value: &str) -> &'static str {
    match value.as_bytes() {
        b"openid" => "Know who signs in",
        b"profile" => "See name and picture",
        b"email" => "See the e-mail address",
        b"address" => "See the postal address",
        b"phone" => "See the phone number",
        b"offline_access" => "Act while the person is away",
        _ => "",
    }
}

const fn risk(risk: Risk) -> picker::Risk {
    match risk {
        Risk::Reads => picker::Risk::Reads,
        Risk::Changes => picker::Risk::Changes,
        Risk::Destructive => picker::Risk::Destructive,
    }
}

/// The scopes that are ticked, with their API, in the order of the catalogue.
pub(in crate::console) fn chosen<'a>(typed: &Typed, apis: &'a [Api]) -> Vec<(&'a Api, &'a Scope)> {
    apis.iter()
        .flat_map(|api| api.scopes.iter().map(move |scope| (api, scope)))
        .filter(|(api, scope)| typed.scopes.contains(&id(&api.id, &scope.value)))
        .collect()
}

/// Scopes that only the product's own clients hold are not offered.
pub(super) fn offered(api: &Api, scope: &Scope, typed: &Typed) -> bool {
    let instance =
        api.org_id.is_none() && Permission::parse(&scope.value).is_some_and(Permission::is_instance);
    !instance || typed.scopes.contains(&id(&api.id, &scope.value))
}

fn row(api: &Api, scope: &Scope, typed: &Typed, ground: &Ground) -> picker::Scope {
    let id = id(&api.id, &scope.value);
    let holders = ground.holders.get(&(api.id.clone(), scope.value.clone()));
    let mut note = match holders {
        Some(1) => "Used by 1 client. ".to_owned(),
        Some(n) => format!("Used by {n} clients. "),
        None => String::new(),
    };
    if !scope.implies.is_empty() {
        note.push_str("Comes with ");
        note.push_str(&scope.implies.join(", "));
        note.push('.');
    }
    picker::Scope {
        checked: typed.scopes.contains(&id),
        id,
        value: scope.value.clone(),
        words: scope.description.clone(),
        risk: risk(scope.risk),
        note: note.trim_end().to_owned(),
        locked: false,
    }
}

/// The scopes of OpenID Connect as one more group.
pub(super) fn oidc(typed: &Typed) -> picker::Api {
    let scope = |value: &&str| picker::Scope {
        id: (*value).to_owned(),
        value: (*value).to_owned(),
        words: oidc_words(value).to_owned(),
        checked: typed.scopes.iter().any(|s| s == value),
        ..picker::Scope::default()
    };
    picker::Api {
        name: "The person who signs in".to_owned(),
        audience: "OpenID Connect".to_owned(),
        scopes: OIDC.iter().map(scope).collect(),
    }
}

/// The picker of the APIs' scopes, with those of OpenID Connect where a person may sign in.
pub(super) fn picker(typed: &Typed, ground: &Ground, refused: &Refused, people: bool) -> Markup {
    let mut apis: Vec<picker::Api> = ground
        .apis
        .iter()
        .map(|api| picker::Api {
            name: api.name.clone(),
            audience: api.audience.clone(),
            scopes: api
                .scopes
                .iter()
                .filter(|scope| offered(api, scope, typed))
                .map(|scope| row(api, scope, typed, ground))
                .collect(),
        })
        .filter(|api| !api.scopes.is_empty())
        .collect();
    // The organisation's own APIs first; the management API is for machines that manage this server.
    let built_in = |api: &picker::Api| {
        let known = ground.apis.iter().find(|known| known.audience == api.audience);
        known.is_some_and(|known| known.org_id.is_none())
    };
    apis.sort_by_key(built_in);
    if people {
        let at = apis.iter().position(built_in).unwrap_or(apis.len());
        apis.insert(at, oidc(typed));
    }
    maud::Render::render(&Picker {
        name: "scopes",
        legend: "Scopes",
        hint: "Grant only what the client needs: least privilege.",
        error: refused.of("scopes"),
        apis,
    })
}

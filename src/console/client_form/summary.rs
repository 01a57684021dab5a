//! The result in sentences, as it would be with what stands in the form.

use maud::{Markup, html};

use super::{Ground, Typed, chosen};
use crate::{
    console::{labels, visit::Visit},
    oauth::{
        client::{ApplicationType, GrantType, Kind, response_types},
        people_settings::SubjectType,
    },
    store::apis::{Api, Risk, Scope},
    ui::{
        badge::{Tone, tag, tags},
        notice::note,
    },
};

/// What stands in the block `#summary`.
pub(in crate::console) fn summary(
    visit: &Visit,
    typed: &Typed,
    ground: &Ground,
    makes_secret: bool,
) -> Markup {
    let useful = typed.clone().useful();
    let scopes = chosen(&useful, &ground.apis);
    html! {
        (ways(&useful))
        @if useful.redirects() { (returns(&useful)) }
        (access(&useful, &scopes))
        (people(&useful))
        (secrecy(visit, &useful, makes_secret))
        (derived(&useful))
        @for warning in warnings(&useful, &scopes) { (note(Tone::Warn, &html! { p { (warning) } })) }
        @for (narrow, broad) in doubles(&useful, &scopes) {
            p.hint { code { (narrow) } " comes with " code { (broad) } " already." }
        }
        @if !ground.namesakes.is_empty() { (namesakes(visit, &ground.namesakes)) }
    }
}

fn name(typed: &Typed) -> &str {
    if typed.name.is_empty() {
        "This client"
    } else {
        &typed.name
    }
}

fn ways(typed: &Typed) -> Markup {
    let ways: Vec<&str> = typed
        .grant_types
        .iter()
        .map(|grant| match grant {
            GrantType::AuthorizationCode => "for people who sign in in the browser",
            GrantType::ClientCredentials => "for itself",
            GrantType::RefreshToken => "again without a new sign-in",
            GrantType::DeviceCode => "for people who confirm on another device",
            GrantType::Password => "with the passwords of people",
            GrantType::Implicit => "in the address of the browser",
        })
        .collect();
    html! {
        @if ways.is_empty() { p { b { (crate::ui::name(name(typed))) } " has no way to get tokens yet." } }
        @else { p { b { (crate::ui::name(name(typed))) } " gets tokens " (list(&ways)) "." } }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

fn returns(typed: &Typed) -> Markup {
    let mut places: Vec<String> = Vec::new();
    for uri in &typed.redirect_uris {
        let place = match url::Url::parse(uri) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                url.host_str().unwrap_or_default().to_owned()
            }
            Ok(url) => format!("an app on the device ({}:)", url.scheme()),
            Err(_) => continue,
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    html! {
        @if places.is_empty() { p { "It does not say yet where people return to." } }
        @else { p { "People return to " b { (list(&places)) } ". PKCE protects the way back." } }
    }
}

fn access(typed: &Typed, scopes: &[(&Api, &Scope)]) -> Markup {
    let count = |risk| scopes.iter().filter(|(_, s)| s.risk == risk).count();
    let (reads, changes, destroys) = (
        count(Risk::Reads) + typed.scopes.iter().filter(|id| !id.contains(' ')).count(),
        count(Risk::Changes),
        count(Risk::Destructive),
    );
    let parts: Vec<String> = [
        (reads, "read"),
        (changes, "change data"),
        (destroys, "destroy data"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, word)| format!("{word} ({n})"))
    .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut apis: Vec<&str> = scopes.iter().map(|(api, _)| api.name.as_str()).collect();
    apis.dedup();
    html! {
        @if parts.is_empty() { p { "It may do nothing yet: no scope is chosen." } }
        @else if apis.is_empty() { p { "It may see who signs in." } }
        @else { p { "It may " b { (list(&parts)) } " at " (crate::ui::name(&list(&apis))) "." } }
        @if typed.needs_person() {
            p { @if typed.require_consent { "People are asked for their consent." } @else { "People are not asked for their consent." } }
        }
    }
}

/// What it settles about people, where it is not the usual.
fn people(typed: &Typed) -> Markup {
    let settings = typed.people.settings();
    let optional: Vec<&str> = typed.people.of("optional_scopes").split_whitespace().collect();
    let hears = settings
        .backchannel_logout_uri
        .as_deref()
        .and_then(|uri| url::Url::parse(uri).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    html! {
        @if !optional.is_empty() { p { "People may leave out " b { (list(&optional)) } "." } }
        @if settings.require_second_factor { p { "A password alone is not enough." } }
        @if let Some(age) = settings.default_max_age {
            p { "People who signed in more than " (labels::span(age)) " ago sign in again." }
        }
        @if settings.subject_type == SubjectType::Pairwise { p { "It knows people by ids of its own." } }
        @if let Some(host) = hears { p { "It hears at " b { (host) } " when somebody signs out." } }
    }
}

fn secrecy(visit: &Visit, typed: &Typed, makes_secret: bool) -> Markup {
    if !typed.application_type.holds_secret() {
        return html! { p { "It gets no secret: a public app cannot keep one. PKCE takes its place." } };
    }
    if !makes_secret {
        return html! {};
    }
    let org = visit.org();
    let days = match typed.secret_expires.as_str() {
        "never" => return html! { p { "Its secret never expires." } },
        "" => org.settings.secret_lifetime_days,
        text => text.parse().unwrap_or(org.settings.secret_lifetime_days),
    };
    let reader = visit.reader();
    let at = visit.now.after(crate::time::Lifetime::days(days.clamp(0, 731)));
    html! { p { "It gets a secret that is shown once and expires on " b { (reader.date(at)) } "." } }
}

fn derived(typed: &Typed) -> Markup {
    let types = response_types(&typed.grant_types);
    html! {
        dl.facts {
            dt { "Type" } dd { (tag(labels::application_type(typed.application_type))) }
            dt { "Response types" } dd { @if types.is_empty() { "–" } @else { (tags(&types)) } }
        }
    }
}

fn warnings(typed: &Typed, scopes: &[(&Api, &Scope)]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (_, scope) in scopes.iter().filter(|(_, s)| s.risk == Risk::Destructive) {
        warnings.push(format!(
            "{} can destroy data: {}.",
            scope.value, scope.description
        ));
    }
    for grant in typed.grant_types.iter().filter(|grant| grant.is_legacy()) {
        warnings.push(format!(
            "The {} grant is for a migration only (RFC 9700): move to authorization code.",
            grant.label().to_lowercase()
        ));
    }
    let kind = typed.application_type;
    if typed.grant_types.contains(&GrantType::ClientCredentials) && !kind.holds_secret() {
        warnings.push(
            "A public app cannot keep a secret, so client credentials do not work for it: choose a web app or a \
             service."
                .to_owned(),
        );
    }
    if kind == ApplicationType::Service && typed.needs_person() {
        warnings.push("A service acts for itself: for people who sign in, choose another place.".to_owned());
    }
    if typed.grant_types == [GrantType::RefreshToken] {
        warnings.push("Refresh tokens come with authorization code or device code: add one.".to_owned());
    }
    warnings
}

/// Scopes that come with another one that is ticked. Those of a sync connector are not for choosing.
fn doubles<'a>(typed: &Typed, scopes: &[(&'a Api, &'a Scope)]) -> Vec<(&'a str, &'a str)> {
    if typed.kind == Kind::SyncConnector {
        return Vec::new();
    }
    let with = |(api, broad): &(&'a Api, &'a Scope)| {
        let (api, broad) = (*api, *broad);
        scopes
            .iter()
            .filter(move |(other, narrow)| other.id == api.id && broad.implies.contains(&narrow.value))
            .map(move |(_, narrow)| (narrow.value.as_str(), broad.value.as_str()))
            .collect::<Vec<_>>()
    };
    scopes.iter().flat_map(with).collect()
}

fn namesakes(visit: &Visit, ids: &[String]) -> Markup {
    note(
        Tone::Info,
        &html! { p {
            @if ids.len() == 1 { "Another client has this name: " } @else { (ids.len()) " other clients have this name: " }
            @for (at, id) in ids.iter().take(3).enumerate() {
                @if at > 0 { ", " } a href=(visit.path(&format!("/clients/{id}"))) { code { (id) } }
            }
            ". That is allowed; a name that tells them apart is better."
        } },
    )
}

/// What an edit takes away at once.
pub(in crate::console) fn removed(before: &Typed, typed: &Typed) -> Markup {
    let gone: Vec<&str> = before
        .scopes
        .iter()
        .filter(|id| !typed.scopes.contains(id))
        .map(|id| id.split_once(' ').map_or(id.as_str(), |(_, value)| value))
        .collect();
    if gone.is_empty() {
        return html! {};
    }
    note(
        Tone::Warn,
        &html! { p { "Takes away " (list(&gone)) ". Tokens that carry it stop working at once at services that ask us; \
        JWTs checked offline keep working until they expire." } },
    )
}

//! The overview of a client.

use axum::response::Response;
use maud::{Markup, html};

use super::Record;
use crate::{
    console::{
        client_form::subjects,
        labels,
        visit::{OrTrouble, Visit},
    },
    oauth::{
        client::{AuthMethod, Kind, response_types},
        people_settings::ResponseAlg,
    },
    registry::{
        addresses,
        connectors::{self, Remarks},
    },
    store::{self, clients::Client},
    ui::{
        badge::{Tone, code_tags, tags},
        code::Copy,
        notice::{self, note},
    },
};

/// The facts.
///
/// # Errors
/// The page that says why not.
pub(super) async fn content(visit: &Visit, record: &Record) -> Result<Markup, Response> {
    let client = &record.client;
    let owner = match &client.user_id {
        Some(id) => store::users::find(visit.app.registry.db(), id)
            .await
            .or_trouble(visit)?,
        None => None,
    };
    let reader = visit.reader();
    let grants: Vec<&str> = client.grant_types.iter().map(|grant| grant.label()).collect();
    let edited = (client.updated_at != client.created_at).then_some(client.updated_at);
    let remarks = connectors::remarks(&visit.app.registry, visit.access(), client)
        .await
        .or_trouble(visit)?;
    Ok(html! {
        (connector(record, &remarks))
        @for note in addresses::notes(&visit.app.registry.boundary_of(visit.org()), client) {
            (notice::note(Tone::Warn, &html! { p { (note.detail) } }))
        }
        section.card {
            dl.facts {
                dt { "Name" } dd { (crate::ui::name(&client.name)) }
                dt { "Client ID" } dd { (Copy { id: "client-id", name: "client ID", value: &client.client_id, boxed: false }) }
                dt { "Status" } dd { (labels::status(client.status)) }
                dt { "Kind" } dd { (labels::kind(client.kind)) }
                dt { "Type" } dd { (labels::application_type(client.application_type)) }
                dt { "Grant Types" } dd { (tags(&grants)) }
                dt { "Response Types" } dd { @if response_types(&client.grant_types).is_empty() { "–" } @else { (tags(&response_types(&client.grant_types))) } }
                dt { "Scopes" } dd { (scopes(record)) }
                dt { "Require User Consent" } dd { @if client.require_consent { "Yes" } @else { "No" } }
                dt { "Redirect URIs" } dd { (uris(&client.redirect_uris)) }
                @if client.grant_types.iter().any(|grant| grant.needs_person()) { (people(client)) }
                dt { "Client authentication" } dd { (authentication(client)) }
                dt { "Token lifetime" } dd { (lifetime(client)) }
                @if let Some(key) = &client.file_key {
                    dt { "Managed by" } dd { "A file of clients, under the key " code { (key) } }
                }
                dt { "Owner" } dd { @match &owner {
                    Some(user) => (crate::ui::name(&user.display_name)),
                    None => { (crate::ui::name(&visit.org().name)) " (the organisation)" },
                } }
                dt { "Created" } dd { (reader.moment(client.created_at)) " by " (client.created_by) }
                dt { "Last Updated" } dd { (reader.moment_or(edited, "–"))
                    @if let Some(door) = client.changed_through.filter(|_| edited.is_some()) { " " (labels::door(door)) } }
                dt { @if client.kind == Kind::SyncConnector { "Last sync" } @else { "Last used" } } dd { (last_used(visit, record)) }
            }
        }
    })
}

/// What is to be known of a sync connector after a while.
fn connector(record: &Record, remarks: &Remarks) -> Markup {
    html! {
        @if remarks.silent { (note(Tone::Warn, &html! { p {
            b { "This connector has not reported in" } " in the 30 days and more since it was made. Look at its configuration, or delete it."
        } })) }
        @if !remarks.unasked.is_empty() { (note(Tone::Info, &html! { p {
            "Not asked for in 30 days: " (code_tags(&remarks.unasked)) ". A sync connector keeps its five scopes; "
            a href={ (record.at) "/edit?customise=yes" } { "make it a custom client" } " to take some away."
        } })) }
    }
}

fn uris(uris: &[String]) -> Markup {
    html! {
        @if uris.is_empty() { "–" }
        @for uri in uris { div { code { (uri) } } }
    }
}

/// What it settles about the people who sign in.
fn people(client: &Client) -> Markup {
    let settings = &client.people;
    let optional: Vec<&str> = client.optional_scopes.iter().map(|key| &*key.value).collect();
    let yes = |set: bool| if set { "Yes" } else { "No" };
    let (id_token, userinfo) = (
        settings
            .id_token_signed_response_alg
            .map_or("RS256", ResponseAlg::word),
        settings
            .userinfo_signed_response_alg
            .map_or("Plain JSON", ResponseAlg::word),
    );
    let sector = settings.sector_identifier.as_deref().unwrap_or_default();
    html! {
        dt { "Optional scopes" } dd { @if optional.is_empty() { "–" } @else { (code_tags(&optional)) } }
        dt { "Home page" } dd { @match &settings.home_page { Some(uri) => code { (uri) }, None => "–" } }
        dt { "Second factor required" } dd { (yes(settings.require_second_factor)) }
        dt { "Oldest sign-in" } dd { @match settings.default_max_age { Some(age) => (labels::span(age)), None => "As the request has it" } }
        dt { "ID tokens" } dd { (id_token) @if settings.require_auth_time { ", always with the time of the sign-in" } }
        dt { "User info" } dd { (userinfo) }
        dt { "Ids of people" } dd { (subjects(settings.subject_type.word(), sector)) }
        dt { "Post-logout redirect URIs" } dd { (uris(&settings.post_logout_redirect_uris)) }
        dt { "Back-channel logout" } dd { @match &settings.backchannel_logout_uri {
            Some(uri) => { code { (uri) } @if settings.backchannel_logout_session_required { " with the session" } },
            None => "–",
        } }
    }
}

/// Scopes as badges, grouped by API. What an archived client held is in the record of its end.
fn scopes(record: &Record) -> Markup {
    let groups = granted(record);
    html! {
        @if groups.is_empty() { "–" }
        div.stack { @for (name, values) in &groups {
            div { span.hint { (crate::ui::name(name)) } (code_tags(values)) }
        } }
    }
}

/// Names of APIs and the values granted at them.
fn granted(record: &Record) -> Vec<(String, Vec<String>)> {
    let client = &record.client;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |name: &str, value: &str| match groups.iter_mut().find(|(known, _)| known == name) {
        Some((_, values)) => values.push(value.to_owned()),
        None => groups.push((name.to_owned(), vec![value.to_owned()])),
    };
    for (api_id, value) in &client.scopes {
        let api = record.apis.iter().find(|api| api.id == *api_id);
        add(api.map_or("Unknown API", |api| &api.name), value);
    }
    let before = record
        .end
        .as_ref()
        .and_then(|end| end.details["before"]["scopes"].as_array());
    for scope in before.into_iter().flatten() {
        let audience = scope["audience"].as_str().unwrap_or("Unknown API");
        let api = record.apis.iter().find(|api| api.audience == audience);
        add(
            api.map_or(audience, |api| &api.name),
            scope["value"].as_str().unwrap_or_default(),
        );
    }
    for value in &client.oidc_scopes {
        add("OpenID Connect", value);
    }
    groups
}

fn authentication(client: &Client) -> &'static str {
    match (client.application_type.holds_secret(), client.auth_method) {
        (false, _) => "None: it cannot keep a secret, and proves itself with PKCE",
        (true, None) => "Secret, by HTTP Basic or in the body",
        (true, Some(AuthMethod::ClientSecretBasic)) => "Secret, by HTTP Basic only",
        (true, Some(AuthMethod::ClientSecretPost)) => "Secret, in the body only",
    }
}

fn lifetime(client: &Client) -> String {
    match client.access_token_lifetime {
        None => "As the API and the organisation have it".to_owned(),
        Some(span) => labels::span(span),
    }
}

/// When, from where, with which secret.
fn last_used(visit: &Visit, record: &Record) -> Markup {
    let client = &record.client;
    let secret = record
        .secrets
        .iter()
        .filter(|secret| secret.last_used_at.is_some())
        .max_by_key(|secret| secret.last_used_at);
    html! {
        (visit.reader().moment_or(client.last_used_at, "Never, since use is recorded"))
        @if let Some(ip) = &client.last_used_ip { " from " code { (ip) } }
        @if let Some(secret) = secret { " with “" (crate::ui::name(&secret.label)) "”" }
    }
}

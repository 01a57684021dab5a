//! A form that begins filled in: by the address, or with the settings of another client, also of a deleted one.

use axum::response::Response;
use maud::{Markup, html};

use super::template::{Template, scope_ids};
use crate::{
    console::{
        client_form::Typed,
        visit::{OrTrouble, Visit},
    },
    oauth::client::{ApplicationType, GrantType, Kind, Status},
    registry::clients,
    store::{self, apis::Api, audit::Filter, clients::Client},
};

/// The form as it begins, and what is said about what was filled in.
///
/// # Errors
/// The page that says why not.
pub(super) async fn prefilled(
    visit: &Visit,
    template: Template,
    apis: &[Api],
) -> Result<(Typed, Option<Markup>), Response> {
    let asked = visit.form.one("like");
    if !asked.is_empty() && template == Template::Custom {
        let client = clients::find(&visit.app.registry, visit.access(), asked)
            .await
            .or_trouble(visit)?;
        return like(visit, &client, apis).await;
    }
    let mut typed = template.blank(apis);
    let mut filled = Vec::new();
    if let Some(name) = visit.form.given("name") {
        name.chars()
            .take(120)
            .collect::<String>()
            .clone_into(&mut typed.name);
        filled.push("Name");
    }
    let open = template == Template::Custom;
    if let Some(kind) = ApplicationType::parse(visit.form.one("type")).filter(|_| open) {
        typed.application_type = kind;
        filled.push("Where the code runs");
    }
    let grants: Vec<GrantType> = visit
        .form
        .all("grant")
        .filter_map(GrantType::parse)
        .filter(|grant| visit.app.registry.grants().contains(grant))
        .collect();
    if open && !grants.is_empty() {
        typed.grant_types = grants;
        filled.push("Grant types");
    }
    let scopes: Vec<&str> = visit.form.all("scope").flat_map(str::split_whitespace).collect();
    let scopes = scope_ids(apis, &scopes);
    if template != Template::SyncConnector && !scopes.is_empty() {
        typed.scopes = scopes;
        filled.push("Scopes");
    }
    let notice = (!filled.is_empty()).then(|| {
        html! { p { "Filled in by the link you followed: " b { (filled.join(", ")) } ". Look at it before you go on." } }
    });
    Ok((typed, notice))
}

async fn like(visit: &Visit, client: &Client, apis: &[Api]) -> Result<(Typed, Option<Markup>), Response> {
    let mut typed = Typed::of_client(client);
    typed.kind = Kind::Custom;
    let instance_only = client.kind == Kind::System;
    if client.status == Status::Deleted {
        typed.scopes = scopes_of_deleted(visit, client, apis).await?;
    }
    if instance_only {
        typed.owner.clear();
    }
    let notice = html! { p { "Begun with the settings of " b { (crate::ui::name(&client.name)) } " (" code { (client.client_id) } "). \
    The new client gets an id and a secret of its own." } };
    Ok((typed, Some(notice)))
}

/// Deleting a client erases what it was granted; the record of its deletion remembers.
async fn scopes_of_deleted(visit: &Visit, client: &Client, apis: &[Api]) -> Result<Vec<String>, Response> {
    let filter = Filter {
        resource: Some(client.client_id.clone()),
        action: Some("client.deleted".to_owned()),
        outcome: Some("done".to_owned()),
        ..Filter::default()
    };
    let events = store::audit::list(visit.app.registry.db(), &visit.org().id, &filter, 1)
        .await
        .or_trouble(visit)?;
    let granted = events.first().map(|event| &event.details["before"]["scopes"]);
    let pairs = granted
        .and_then(|list| list.as_array())
        .cloned()
        .unwrap_or_default();
    let own = pairs.iter().filter_map(|pair| {
        let api = apis
            .iter()
            .find(|api| Some(api.audience.as_str()) == pair["audience"].as_str())?;
        let value = pair["value"].as_str()?;
        let known = api.scopes.iter().any(|scope| scope.value == value);
        known.then(|| crate::console::client_form::scope_id(&api.id, value))
    });
    Ok(own.chain(client.oidc_scopes.iter().cloned()).collect())
}

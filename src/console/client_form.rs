//! The form of a client, for creating and for editing one: what was typed, how it is shown, what would come of it.
//!
//! The registry decides; this translates. What a hidden part of the form holds is left aside, because the stylesheet
//! hides a part exactly when the chosen grants have no use for it.

mod people; // what it settles about people
mod scopes; // the scope picker
mod sections; // the parts of the form
mod summary; // the result in sentences
mod typed; // what was typed

use std::collections::HashMap;

use axum::response::Response;
use maud::Markup;

pub(super) use self::{
    people::{FIELDS as PEOPLE, subjects},
    scopes::{chosen, id as scope_id},
    sections::{Look, expiry},
    summary::{removed, summary},
    typed::{Typed, term},
};
use super::visit::{OrTrouble, Visit};
use crate::{
    browser::Form,
    oauth::{
        client::{ApplicationType, GrantType},
        refusal::Field,
    },
    registry::{access::Permission, apis, members},
    store::{
        self,
        apis::{Api, Risk},
    },
    ui::form::ErrorSummary,
};

/// What the form offers to choose from.
pub(super) struct Ground {
    pub apis: Vec<Api>,
    /// Id and name of the members.
    pub owners: Vec<(String, String)>,
    /// How many clients hold a scope, by (API id, value); of the organisation's own APIs.
    pub holders: HashMap<(String, String), i64>,
    /// Other clients of the very same name.
    pub namesakes: Vec<String>,
}

/// Reads what the form offers.
///
/// # Errors
/// The page that says why not.
pub(super) async fn ground(visit: &Visit, typed: &Typed, except: &str) -> Result<Ground, Response> {
    let registry = &visit.app.registry;
    let apis = apis::list(registry, visit.access()).await.or_trouble(visit)?;
    let mut holders = HashMap::new();
    for api in apis.iter().filter(|api| api.org_id.is_some()) {
        let counts = apis::holder_counts(registry, visit.access(), &api.id).await;
        for (value, count) in counts.or_trouble(visit)? {
            holders.insert((api.id.clone(), value), count);
        }
    }
    let owners = if visit.may(Permission::MembersRead) {
        let all = members::list(registry, visit.access()).await.or_trouble(visit)?;
        all.into_iter()
            .map(|m| (m.user.id, m.user.display_name))
            .collect()
    } else {
        Vec::new()
    };
    let namesakes = match typed.name.trim() {
        "" => Vec::new(),
        name => store::clients::namesakes(registry.db(), &visit.org().id, name, except)
            .await
            .or_trouble(visit)?,
    };
    Ok(Ground {
        apis,
        owners,
        holders,
        namesakes,
    })
}

/// What may be chosen in this form, and what is fixed.
pub(super) struct Shape {
    /// More than one: the person says where the code runs.
    pub types: &'static [ApplicationType],
    pub grants: Vec<GrantType>,
    /// Grants and scopes cannot be changed; why, and what to do about it.
    pub locked: Option<Markup>,
    /// It exists, and with it how it knows people.
    pub settled: bool,
    /// A secret is about to be made.
    pub makes_secret: bool,
}

/// The grants that a type of client can use: those for migrations where they are switched on, or `held`.
pub(super) fn grants_of(
    application_type: ApplicationType,
    offered: &[GrantType],
    held: &[GrantType],
) -> Vec<GrantType> {
    use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode, RefreshToken};
    let mut grants = match application_type {
        ApplicationType::Service => vec![ClientCredentials],
        ApplicationType::Web => vec![AuthorizationCode, ClientCredentials, RefreshToken, DeviceCode],
        ApplicationType::UserAgentBased => vec![AuthorizationCode, RefreshToken],
        ApplicationType::Native | ApplicationType::Public => {
            vec![AuthorizationCode, RefreshToken, DeviceCode]
        }
    };
    if application_type != ApplicationType::Service {
        let legacy = GrantType::ALL.iter().filter(|grant| grant.is_legacy());
        grants.extend(legacy.filter(|grant| offered.contains(grant) || held.contains(grant)));
    }
    grants
}

/// A type that cannot be chosen.
pub(super) fn only(application_type: ApplicationType) -> &'static [ApplicationType] {
    let at = ApplicationType::ALL
        .iter()
        .position(|one| *one == application_type);
    at.map_or(&[], |at| &ApplicationType::ALL[at..=at])
}

/// Does what a button inside the form asks: a row more or less, many ticks at once. Says whether a row was added.
pub(super) fn rearrange(typed: &mut Typed, form: &Form, apis: &[Api]) -> bool {
    let action: Vec<&str> = form.one("do").split(':').collect();
    match action.as_slice() {
        ["add", "redirect_uris"] => return true,
        ["remove", "redirect_uris", row] => {
            let rows = form.all("redirect_uris").enumerate();
            typed.redirect_uris = rows
                .filter(|(at, _)| at.to_string() != *row)
                .flat_map(|(_, text)| text.split_whitespace())
                .map(str::to_owned)
                .collect();
        }
        ["pick", "none"] => typed.scopes.clear(),
        ["pick", "reads"] => {
            let all = apis
                .iter()
                .flat_map(|api| api.scopes.iter().map(move |scope| (api, scope)));
            typed.scopes = all
                .filter(|(api, scope)| scope.risk == Risk::Reads && scopes::offered(api, scope, typed))
                .map(|(api, scope)| scope_id(&api.id, &scope.value))
                .collect();
        }
        _ => {}
    }
    false
}

/// What the registry refused, field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused(pub Vec<Field>);

impl Refused {
    /// What is wrong with a field as a whole, or with any part of it if its parts have no place of their own.
    pub fn of(&self, name: &str) -> &str {
        let whole = |field: &&Field| {
            let pointer = field.pointer.trim_start_matches('/');
            pointer == name || name != "redirect_uris" && pointer.split('/').next() == Some(name)
        };
        self.0.iter().find(whole).map_or("", |field| &field.detail)
    }

    /// What is wrong with one row of a list.
    pub fn of_row(&self, name: &str, row: usize) -> Option<&str> {
        let pointer = format!("/{name}/{row}");
        self.0
            .iter()
            .find(|field| field.pointer == pointer)
            .map(|field| field.detail.as_str())
    }

    /// The summary above the form. Only redirect URIs have a place for each; any other list is one field.
    pub fn summary(&self) -> ErrorSummary {
        let mut summary = ErrorSummary::of_fields(&self.0);
        for (id, _) in &mut summary.errors {
            if !id.starts_with("redirect_uris")
                && let Some(end) = id.find('-')
            {
                id.truncate(end);
            }
        }
        summary
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

//! Two people saved the same client. What only one of them touched is kept; where both did, the second chooses.

use axum::{http::StatusCode, response::Response};
use maud::html;

use super::{Sheet, Typed};
use crate::{
    console::{
        client_form::{self, Ground},
        cut,
        visit::{Answer, OrTrouble, Section, Visit},
    },
    oauth::client::GrantType,
    store::{self, apis::Api, audit::Filter},
    ui::{
        badge::Tone,
        conflict::{Conflict, Row},
        form,
        notice::note,
        page::Page,
    },
};

const OWN: [(&str, &str); 9] = [
    ("name", "Name"),
    ("description", "Description"),
    ("owner", "Owner"),
    ("grant_types", "Grant types"),
    ("redirect_uris", "Redirect URIs"),
    ("scopes", "Scopes"),
    ("require_consent", "Require user consent"),
    ("access_token_lifetime", "Access token lifetime"),
    ("auth_method", "How it sends its secret"),
];

/// Every field.
fn every() -> impl Iterator<Item = (&'static str, &'static str)> {
    OWN.into_iter().chain(client_form::PEOPLE)
}

/// What stands in a field, to be read.
fn shown(typed: &Typed, field: &str, ground: &Ground) -> String {
    match field {
        "name" => typed.name.clone(),
        "description" => typed.description.clone(),
        "owner" => ground
            .owners
            .iter()
            .find(|(id, _)| *id == typed.owner)
            .map_or_else(|| "Nobody".to_owned(), |(_, name)| name.clone()),
        "grant_types" => typed
            .grant_types
            .iter()
            .map(|g| GrantType::label(*g))
            .collect::<Vec<_>>()
            .join(", "),
        "redirect_uris" => typed.redirect_uris.join(", "),
        "scopes" => {
            let value = |id: &String| {
                id.split_once(' ')
                    .map_or(id.clone(), |(_, value)| value.to_owned())
            };
            typed.scopes.iter().map(value).collect::<Vec<_>>().join(", ")
        }
        "require_consent" => if typed.require_consent { "Yes" } else { "No" }.to_owned(),
        "access_token_lifetime" => typed.access_token_lifetime.clone(),
        "auth_method" => typed.auth_method.clone(),
        about_people => match typed.people.of(about_people) {
            "yes" => "Yes".to_owned(),
            text => text.replace('\n', ", "),
        },
    }
}

/// Whether a field is the same in both; the order of a list does not count.
fn same(one: &Typed, other: &Typed, field: &str) -> bool {
    let sorted = |typed: &Typed| {
        let mut values: Vec<String> = match field {
            "grant_types" => typed.grant_types.iter().map(|g| g.word().to_owned()).collect(),
            "redirect_uris" => typed.redirect_uris.clone(),
            _ => typed.scopes.clone(),
        };
        values.sort();
        values
    };
    match field {
        "name" => one.name == other.name,
        "description" => one.description == other.description,
        "owner" => one.owner == other.owner,
        "require_consent" => one.require_consent == other.require_consent,
        "access_token_lifetime" => one.access_token_lifetime == other.access_token_lifetime,
        "auth_method" => one.auth_method == other.auth_method,
        "grant_types" | "redirect_uris" | "scopes" => sorted(one) == sorted(other),
        about_people => one.people.of(about_people) == other.people.of(about_people),
    }
}

fn take(typed: &mut Typed, from: &Typed, field: &str) {
    match field {
        "name" => typed.name.clone_from(&from.name),
        "description" => typed.description.clone_from(&from.description),
        "owner" => typed.owner.clone_from(&from.owner),
        "grant_types" => typed.grant_types.clone_from(&from.grant_types),
        "redirect_uris" => typed.redirect_uris.clone_from(&from.redirect_uris),
        "scopes" => typed.scopes.clone_from(&from.scopes),
        "require_consent" => typed.require_consent = from.require_consent,
        "access_token_lifetime" => typed
            .access_token_lifetime
            .clone_from(&from.access_token_lifetime),
        "auth_method" => typed.auth_method.clone_from(&from.auth_method),
        about_people => typed.people.take(&from.people, about_people),
    }
}

/// Does what was chosen on the page of an earlier conflict.
pub(super) fn keep_chosen(visit: &Visit, typed: &mut Typed, theirs: &Typed) {
    for (field, _) in every() {
        if visit.form.one(&format!("keep_{field}")) == "theirs" {
            take(typed, theirs, field);
        }
    }
}

/// Brings both together, and asks where they contradict each other.
pub(super) async fn settle(visit: &Visit, mut sheet: Sheet, apis: &[Api]) -> Answer {
    let theirs = Typed::of_client(&sheet.client);
    // Compared as it would be saved, so that what is hidden and ignored contradicts nobody.
    let yours = sheet.typed.clone().useful();
    let original = sheet.original.clone().useful();
    let mut both = Vec::new();
    for (field, label) in every() {
        let untouched = same(&yours, &original, field);
        if untouched {
            take(&mut sheet.typed, &theirs, field);
        } else if !same(&theirs, &original, field) && !same(&yours, &theirs, field) {
            both.push((field, label));
        }
    }
    sheet.version = sheet.client.version;
    sheet.original = theirs;
    if both.is_empty() {
        return match sheet.attempt(visit, apis).await {
            Ok(response) => Ok(response),
            Err(error) => sheet.mend(visit, error).await,
        };
    }
    choose(visit, &sheet, &original, &yours, &both).await
}

async fn choose(
    visit: &Visit,
    sheet: &Sheet,
    original: &Typed,
    yours: &Typed,
    both: &[(&str, &str)],
) -> Answer {
    let ground = client_form::ground(visit, &sheet.typed, &sheet.client.client_id).await?;
    let rows: Vec<Row> = both
        .iter()
        .map(|(field, label)| Row {
            name: (*field).to_owned(),
            label: (*label).to_owned(),
            original: shown(original, field, &ground),
            yours: shown(yours, field, &ground),
            theirs: shown(&sheet.original, field, &ground),
        })
        .collect();
    let story = story(visit, sheet).await?;
    let here = visit.path(&format!("/clients/{}", sheet.client.client_id));
    let page = Page {
        title: format!(
            "{} was changed meanwhile",
            crate::oauth::name::isolated(&sheet.client.name)
        ),
        error: true,
        crumbs: cut::crumbs(visit, &sheet.client),
        ..Page::default()
    };
    let content = html! {
        (note(Tone::Warn, &html! { p { (story) " Nothing of yours was saved yet. Choose what is to stay; everything else of yours and of \
            theirs is kept." } }))
        form.form method="post" action={ (here) "/edit" } novalidate {
            (sheet.carried(visit))
            @for (name, value) in sheet.typed.fields() { (form::hidden(name, &value)) }
            (Conflict { story: &story, rows: &rows })
            div.actions { (form::primary("Save the chosen")) (form::link_button("Discard mine", &here)) }
        }
    };
    Ok(visit.page(Section::Clients, StatusCode::CONFLICT, &page, &content))
}

/// Who saved, and when.
async fn story(visit: &Visit, sheet: &Sheet) -> Result<String, Response> {
    let filter = Filter {
        resource: Some(sheet.client.client_id.clone()),
        outcome: Some("done".to_owned()),
        ..Filter::default()
    };
    let db = visit.app.registry.db();
    let events = store::audit::list(db, &visit.org().id, &filter, 1)
        .await
        .or_trouble(visit)?;
    let who = events.first().map_or("Somebody", |event| &event.actor_name);
    let reader = visit.reader();
    let at = sheet.client.updated_at;
    let when = reader.relative(at).unwrap_or_else(|| reader.full(at));
    Ok(format!("{who} saved this {when}."))
}

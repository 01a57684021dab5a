//! One credential of one's own: what it may do, how it is used, what happened to it.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
};
use maud::{Markup, html};

use super::{Found, HERE, badge, crumbs, expires, find, hint};
use crate::{
    app::State,
    console::{
        activity, hand_over,
        visit::{self, Answer, OrTrouble, Section, Visit},
    },
    registry::credentials::{self as own, CredentialState},
    store::{self, audit::Filter},
    ui::{
        badge::Tone,
        code::{CodeBlock, Copy, copy_button},
        form,
        notice::note,
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

pub(super) async fn show(Given(app): Given<State>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let found = find(&visit, &id).await?;
    let client = &found.credential.client;
    let filter = Filter {
        resource: Some(id),
        ..Filter::default()
    };
    let events = store::audit::list(app.registry.db(), &client.org_id, &filter, 20)
        .await
        .or_trouble(&visit)?;
    let state = found.credential.state(visit.now);
    let page = Page {
        title: crate::oauth::name::isolated(&client.name).into_owned(),
        badges: Some(html! { (badge(state)) }),
        lead: (!client.description.is_empty()).then(|| html! { (crate::ui::name(&client.description)) }),
        actions: Some(actions(&found, state)),
        crumbs: crumbs(None),
        ..Page::default()
    };
    let content = html! {
        (trouble(state))
        (facts(&visit, &found))
        (scopes(&found))
        (request_block(&visit, &found))
        @if !events.is_empty() { section { h2 { "Activity" } (activity::timeline(&visit, &events, None)) } }
    };
    Ok(visit.page(Section::Personal, StatusCode::OK, &page, &content))
}

fn actions(found: &Found, state: CredentialState) -> Markup {
    let at = &found.at;
    html! {
        @if matches!(state, CredentialState::Active | CredentialState::Expired) {
            (form::link_button("Edit", &format!("{at}/edit")))
            (form::link_button("Rotate secret", &format!("{at}/rotate")))
        }
        @if state == CredentialState::Expired {
            (form::link_button("Make a new one like this", &format!("{HERE}/new?like={}", found.credential.client.client_id)))
        }
        a.btn.danger href={ (at) "/delete" } { "Delete" }
    }
}

fn trouble(state: CredentialState) -> Markup {
    let words = match state {
        CredentialState::Active => return html! {},
        CredentialState::Disabled => {
            "An admin of the organisation disabled it: it gets no tokens. Ask there why."
        }
        CredentialState::Suspended => {
            "It gets no tokens while your account may not hold personal credentials. An operator of this server decides that."
        }
        CredentialState::Expired => {
            "Its secret has expired, so it gets no tokens. Rotate the secret, or make a new credential like this one."
        }
    };
    note(Tone::Warn, &html! { p { (words) } })
}

fn facts(visit: &Visit, found: &Found) -> Markup {
    let client = &found.credential.client;
    let reader = visit.reader();
    html! {
        section.card { dl.facts {
            dt { "Credential ID" } dd { (Copy { id: "credential-id", name: "credential ID", value: &client.client_id, boxed: true }) }
            dt { "Organisation" } dd { (crate::ui::name(&found.access.org.name)) }
            dt { "Secret" } dd { (hint(&found.credential)) }
            dt { "Expires" } dd { (expires(visit, &found.credential)) }
            dt { "Last used" } dd {
                (reader.moment_or(client.last_used_at, "Never"))
                @if let Some(ip) = &client.last_used_ip { " from " code { (ip) } }
            }
            dt { "Created" } dd { (reader.moment(client.created_at)) " by " (client.created_by) }
        } }
    }
}

/// The scopes in full, as a token request names them.
fn scopes(found: &Found) -> Markup {
    let rows = found.credential.client.scopes.iter().enumerate().filter_map(|(at, (id, value))| {
        let api = found.apis.iter().find(|api| api.id == *id)?;
        let words = api.scopes.iter().find(|scope| scope.value == *value);
        let full = own::qualify(&api.audience, value);
        Some(Row {
            id: full.clone(),
            name: words.map_or_else(|| value.clone(), |scope| scope.description.clone()),
            cells: vec![
                html! { (crate::ui::name(&api.name)) },
                html! { code id={ "scope-" (at) } translate="no" { (full) } " " (copy_button(&format!("scope-{at}"), "fully qualified scope", None)) },
            ],
            ..Row::default()
        })
    });
    html! { (Table {
        id: "scopes",
        caption: "What it may do",
        columns: ["It may", "API", "In a token request"].map(Column::new).to_vec(),
        rows: rows.collect(),
        bulk: None,
    }) }
}

fn request_block(visit: &Visit, found: &Found) -> Markup {
    let endpoint = visit.app.registry.config.issuer.join("/oauth2/token");
    let request = hand_over::request(&found.credential.client, &found.apis, &endpoint);
    html! { @if let Some(request) = request {
        (CodeBlock { id: "request", title: "Get a token", code: &request, top: true, ..CodeBlock::default() })
    } }
}

/// The secret as a file, once, right after it was made.
pub(super) async fn download(Given(app): Given<State>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let found = find(&visit, &id).await?;
    hand_over::give(&visit, &found.credential.client).await
}

/// Whether the first token was issued.
pub(super) async fn wait(Given(app): Given<State>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let found = find(&visit, &id).await?;
    let back = Link {
        label: "My credentials".to_owned(),
        href: HERE.to_owned(),
        current: false,
    };
    let own::Credential { client, secrets } = &found.credential;
    Ok(hand_over::tell(
        &visit,
        client,
        secrets,
        back,
        &found.at,
        Section::Personal,
    ))
}

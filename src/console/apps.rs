//! Connected apps: what a person lets apps do, and how he takes it back.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    routing::get,
};
use maud::{Markup, html};

use super::visit::{self, Answer, OrTrouble, Section, Visit, done};
use crate::{
    app::State,
    authorize::answer::host_of,
    registry::connected_apps::{self, ConnectedApp},
    ui::{
        form::{csrf, danger, link_button},
        icon::Icon,
        notice::Empty,
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/me/apps", get(show))
        .route("/me/apps/{client}", get(show_one).post(remove))
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let apps = connected_apps::list(&app.registry, &visit.visitor.user.id)
        .await
        .or_trouble(&visit)?;
    let page = Page {
        title: "Connected apps".to_owned(),
        lead: Some(html! { "Apps that you signed in to with this account, and what they may do for you." }),
        ..Page::default()
    };
    let content = html! {
        @if apps.is_empty() { (empty()) } @else { (table(&visit, &apps)) }
    };
    Ok(visit.ok(Section::Personal, &page, &content))
}

fn empty() -> Empty<'static> {
    Empty {
        icon: Icon::Key,
        title: "No app is connected",
        text: html! { p { "When you sign in to an app with this account, it shows up here, with what it may do." } },
        actions: html! {},
    }
}

fn table<'a>(visit: &Visit, apps: &[ConnectedApp]) -> Table<'a> {
    let reader = visit.reader();
    let rows = apps.iter().map(|app| Row {
        id: app.client_id.clone(),
        name: app.name.clone(),
        href: format!("/me/apps/{}", app.client_id),
        note: format!("by {}", app.publisher),
        cells: vec![
            html! { ul.plain { @for words in &app.words { li { (words) } } } },
            html! { (hosts(app)) },
            html! { (reader.moment(app.first_allowed_at)) },
            html! { (reader.moment_or(app.last_used_at, "Never")) },
            html! { a.btn href={ "/me/apps/" (app.client_id) } aria-label={ "Remove " (crate::oauth::name::visible(&app.name)) } { "Remove" } },
        ],
        ..Row::default()
    });
    Table {
        id: "apps",
        caption: "Connected apps",
        columns: [
            "App",
            "It may",
            "Returns to",
            "First allowed",
            "Last used",
            "Access",
        ]
        .map(Column::new)
        .to_vec(),
        rows: rows.collect(),
        bulk: None,
    }
}

fn hosts(app: &ConnectedApp) -> String {
    let mut hosts: Vec<String> = app.redirect_uris.iter().map(|uri| host_of(uri)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    if hosts.is_empty() {
        return "a device".to_owned();
    }
    hosts.join(", ")
}

async fn show_one(Given(app): Given<State>, Path(client): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let found = connected_apps::find(&app.registry, &visit.visitor.user.id, &client)
        .await
        .or_trouble(&visit)?;
    let page = Page {
        title: format!("Remove {}?", crate::oauth::name::isolated(&found.name)),
        narrow: true,
        crumbs: vec![Link {
            label: "Connected apps".to_owned(),
            href: "/me/apps".to_owned(),
            current: false,
        }],
        ..Page::default()
    };
    Ok(visit.page(
        Section::Personal,
        StatusCode::OK,
        &page,
        &question(&visit, &found),
    ))
}

/// What stops.
fn question(visit: &Visit, app: &ConnectedApp) -> Markup {
    let sign_ins = match app.grants {
        0 => "It is not signed in for you now.".to_owned(),
        1 => "1 sign-in of it stops working at once.".to_owned(),
        n => format!("{n} sign-ins of it stop working at once."),
    };
    html! {
        form.card.stack.lg method="post" action={ "/me/apps/" (app.client_id) } {
            (csrf(&visit.visitor.csrf))
            ul #impact {
                li { (sign_ins) }
                @if app.offline > 0 { li { "It can no longer act while you are away." } }
                li { "Services that check its tokens without asking us accept them until they expire, an hour at most unless your organisation says otherwise." }
                li { "When you sign in to it again, it has to ask you again." }
            }
            p { "It may now:" }
            ul { @for words in &app.words { li { (words) } } }
            div.actions {
                (link_button("Keep it", "/me/apps"))
                (danger("Remove access"))
            }
        }
    }
}

async fn remove(Given(app): Given<State>, Path(client): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let user = &visit.visitor.user.id;
    let gone = connected_apps::remove(&app.registry, &visit.actor(), user, &client)
        .await
        .or_trouble(&visit)?;
    let said = done(format!(
        "{} has no access any more.",
        crate::oauth::name::isolated(&gone.name)
    ));
    Ok(visit.go("/me/apps", Some(&said)))
}

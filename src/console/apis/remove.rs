//! Delete an API or a scope. Who loses what stands first, and the name has to be typed.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{crumbs, form, path, scopes};
use crate::{
    app::State,
    console::{
        asked, stops,
        visit::{Answer, OrTrouble, Section, Visit, done},
    },
    registry::{access::Permission, apis, impact},
    store::apis::Api,
    ui::{
        badge::Tone,
        form::ErrorSummary,
        impact::{Confirm, Impact, Line},
        notice::note,
        page::Page,
    },
};

/// What is to go.
struct Doomed<'a> {
    api: &'a Api,
    /// A scope, or the whole API.
    scope: Option<&'a str>,
}

impl Doomed<'_> {
    fn name(&self) -> &str {
        self.scope.unwrap_or(&self.api.name)
    }

    async fn page(&self, visit: &Visit, status: StatusCode, errors: ErrorSummary) -> Answer {
        let page = Page {
            title: format!("Delete {}?", crate::oauth::name::isolated(self.name())),
            error: !errors.errors.is_empty(),
            narrow: true,
            crumbs: crumbs(visit, Some(self.api)),
            ..Page::default()
        };
        let action = match self.scope {
            Some(value) => path(visit, self.api, &format!("/scopes/{value}/delete")),
            None => path(visit, self.api, "/delete"),
        };
        let content = html! {
            (errors)
            (self.impact(visit).await?)
            (note(Tone::Bad, &html! { p { b { "This cannot be undone." } } }))
            (Confirm {
                action: &action,
                csrf: &visit.visitor.csrf,
                name: self.name(),
                typed: visit.form.one("confirm"),
                errors,
                verb: if self.scope.is_some() { "Delete scope" } else { "Delete API" },
                keep: "Keep it",
                back: &path(visit, self.api, ""),
                fields: vec![("version", self.api.version.to_string())],
                ..Confirm::default()
            })
        };
        Ok(visit.page(Section::Apis, status, &page, &content))
    }

    async fn impact(&self, visit: &Visit) -> Result<Impact, Response> {
        let found = impact::of_scope(&visit.app.registry, visit.access(), &self.api.id, self.scope)
            .await
            .or_trouble(visit)?;
        let count = found.clients.len();
        let mut lines = vec![Line {
            count: u64::try_from(count).ok(),
            text: html! {
                @if count == 1 { "client loses it at once" } @else { "clients lose it at once" }
                @if count > 0 { ": " (holders(visit, &found.clients)) } "."
            },
            tone: if count > 0 { Tone::Bad } else { Tone::Mute },
        }];
        if self.scope.is_none() {
            let scopes = i64::try_from(self.api.scopes.len()).unwrap_or(i64::MAX);
            lines.push(stops::line(scopes, "scope goes with it.", "scopes go with it."));
        }
        lines.extend(stops::lines(visit, &found.stops));
        Ok(Impact {
            lines,
            as_of: visit.reader().clock(found.as_of),
            refresh: visit.here.clone(),
        })
    }

    fn mismatch(&self, visit: &Visit) -> Option<ErrorSummary> {
        let wrong = "This is not the name. Nothing was deleted.";
        (visit.form.one("confirm") != self.name().trim()).then(|| ErrorSummary::of_one("confirm", wrong))
    }
}

fn holders(visit: &Visit, clients: &[(String, String)]) -> Markup {
    html! {
        @for (at, (id, name)) in clients.iter().take(10).enumerate() {
            @if at > 0 { ", " } a href=(visit.path(&format!("/clients/{id}"))) { (crate::ui::name(name)) }
        }
        @if clients.len() > 10 { " and " (clients.len() - 10) " more" }
    }
}

async fn doomed(visit: &Visit, id: &str) -> Result<Api, Response> {
    visit.access().require(Permission::ApisDelete).or_trouble(visit)?;
    form::own(visit, id).await
}

pub(super) async fn show_api(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let api = doomed(visit, &id).await?;
        let doomed = Doomed {
            api: &api,
            scope: None,
        };
        doomed.page(visit, StatusCode::OK, ErrorSummary::default()).await
    })
    .await
}

pub(super) async fn api(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let api = doomed(visit, &id).await?;
        let doomed = Doomed {
            api: &api,
            scope: None,
        };
        if let Some(errors) = doomed.mismatch(visit) {
            return doomed.page(visit, StatusCode::UNPROCESSABLE_ENTITY, errors).await;
        }
        let version = visit.form.one("version").parse().ok();
        apis::delete(&visit.app.registry, visit.access(), &id, version, true)
            .await
            .or_trouble(visit)?;
        let flash = done(format!(
            "{} was deleted with its scopes.",
            crate::oauth::name::isolated(&api.name)
        ));
        Ok(visit.go(&visit.path("/apis"), Some(&flash)))
    })
    .await
}

type Names = Path<(String, String, String)>;

pub(super) async fn show_scope(
    Given(app): Given<State>,
    Path((org, id, value)): Names,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let api = doomed(visit, &id).await?;
        let doomed = Doomed {
            scope: Some(&scopes::known(visit, &api, &value)?.value),
            api: &api,
        };
        doomed.page(visit, StatusCode::OK, ErrorSummary::default()).await
    })
    .await
}

pub(super) async fn scope(
    Given(app): Given<State>,
    Path((org, id, value)): Names,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let api = doomed(visit, &id).await?;
        let doomed = Doomed {
            scope: Some(&scopes::known(visit, &api, &value)?.value),
            api: &api,
        };
        if let Some(errors) = doomed.mismatch(visit) {
            return doomed.page(visit, StatusCode::UNPROCESSABLE_ENTITY, errors).await;
        }
        apis::delete_scope(&visit.app.registry, visit.access(), &id, &value, true)
            .await
            .or_trouble(visit)?;
        let flash = done(format!(
            "{value} was deleted from {}.",
            crate::oauth::name::isolated(&api.name)
        ));
        Ok(visit.go(&path(visit, &api, ""), Some(&flash)))
    })
    .await
}

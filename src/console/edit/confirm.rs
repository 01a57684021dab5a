//! A change that somebody would notice is shown in numbers before it is made.

use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};

use super::Sheet;
use crate::{
    console::{
        cut, stops,
        visit::{Section, Visit},
    },
    error::Result,
    registry::{access::Access, impact},
    store::apis::Api,
    ui::{
        form::{self, hidden},
        impact::{Impact, Line},
        page::Page,
    },
};

impl Sheet {
    /// What the change would cut, if anybody would notice.
    pub(super) async fn felt(&self, visit: &Visit, apis: &[Api]) -> Result<Option<impact::Impact>> {
        let tried = Access {
            dry_run: true,
            ..visit.access().clone()
        };
        let after = self.write(visit, &tried, apis).await?;
        let found = impact::of_change(&visit.app.registry, &self.client, &after).await?;
        Ok(Some(found).filter(impact::Impact::is_felt))
    }

    /// The page that asks.
    pub(super) fn confirm(&self, visit: &Visit, found: &impact::Impact) -> Response {
        let here = visit.path(&format!("/clients/{}", self.client.client_id));
        let page = Page {
            title: format!(
                "Save changes of {}?",
                crate::oauth::name::isolated(&self.client.name)
            ),
            narrow: true,
            crumbs: cut::crumbs(visit, &self.client),
            ..Page::default()
        };
        let impact = Impact {
            lines: going(visit, found),
            as_of: visit.reader().clock(found.as_of),
            refresh: format!("{here}/edit"),
        };
        let content = html! {
            (impact)
            form.form method="post" action={ (here) "/edit" } {
                (self.carried(visit))
                @for (name, value) in self.typed.fields() { (hidden(name, &value)) }
                (hidden("confirmed", "yes"))
                div.actions {
                    button.btn name="do" value="back" autofocus { "Back to the form" }
                    (form::danger("Save changes"))
                }
            }
        };
        visit.page(Section::Clients, StatusCode::OK, &page, &content)
    }
}

fn going(visit: &Visit, found: &impact::Impact) -> Vec<Line> {
    let scopes = found.scopes.iter().map(|scope| {
        let words = stops::evidence(visit, scope.on, "asked for", "not asked for on record");
        said(&scope.value, &words)
    });
    let redirects = found.redirect_uris.iter().map(|uri| {
        let words = stops::evidence(visit, uri.on, "used", "not used on record");
        said(&uri.redirect_uri, &words)
    });
    let mut lines: Vec<Line> = scopes.chain(redirects).collect();
    if !found.scopes.is_empty() {
        lines.extend(stops::lines(visit, &found.stops));
    }
    lines
}

fn said(what: &str, evidence: &Markup) -> Line {
    stops::said(html! { code { (what) } " goes: " (evidence) "." })
}

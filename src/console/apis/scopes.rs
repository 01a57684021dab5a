//! Create and edit a scope of an API.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{crumbs, find, path};
use crate::{
    app::State,
    console::{
        asked,
        client_form::Refused,
        create::fields,
        visit::{Answer, Section, Visit, done},
    },
    oauth::refusal::Code,
    registry::{
        access::Permission,
        apis::{self, NewScope},
    },
    store::apis::{Api, Risk, Scope},
    ui::{
        choice::{Card, Cards, Checkbox, Pick, Radios},
        form::{self, Field, Kind, csrf, section},
        page::Page,
    },
};

type Names = Path<(String, String, String)>;

/// The form: for a new scope, or for one whose value is known.
struct Sheet {
    api: Api,
    known: bool,
    typed: NewScope,
    refused: Refused,
}

impl Sheet {
    fn new(api: Api, scope: Option<&Scope>) -> Self {
        let typed = scope.map_or_else(blank, |scope| NewScope {
            value: scope.value.clone(),
            description: scope.description.clone(),
            risk: scope.risk,
            implies: scope.implies.clone(),
            requires_consent: scope.requires_consent,
        });
        Self {
            known: scope.is_some(),
            typed,
            api,
            refused: Refused::default(),
        }
    }

    fn read(&mut self, visit: &Visit) {
        let form = &visit.form;
        if !self.known {
            form.one("value").clone_into(&mut self.typed.value);
        }
        form.one("description").clone_into(&mut self.typed.description);
        self.typed.risk = Risk::parse(form.one("risk")).unwrap_or(Risk::Destructive);
        self.typed.implies = form.all("implies").map(str::to_owned).collect();
        self.typed.requires_consent = form.ticked("requires_consent");
    }

    fn fields(&self) -> Markup {
        let typed = &self.typed;
        let risks = [
            ("reads", "Reads", "Looks at data."),
            ("changes", "Changes", "Creates or changes data."),
            (
                "destructive",
                "Destructive",
                "Deletes data, or does what cannot be taken back.",
            ),
        ];
        html! {
            (Field { name: "value", label: "Scope", kind: Kind::Code, value: &typed.value, readonly: self.known, max: 100,
                hint: if self.known { "It never changes: clients ask for it." } else { "resource:action in lower case. It never changes." },
                placeholder: "invoices:read", error: self.refused.of("value"), autofocus: self.refused.is_empty() && !self.known, ..Field::default() })
            (Field { name: "description", label: "What it allows", value: &typed.description, max: 300, placeholder: "Read invoices",
                hint: "People read this when they consent.", error: self.refused.of("description"), ..Field::default() })
            (Radios { name: "risk", legend: "Risk", value: typed.risk.word(), error: self.refused.of("risk"),
                options: risks.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).to_vec(), ..Radios::default() })
            @if self.others().next().is_some() { (self.implied()) }
            (Checkbox { name: "requires_consent", value: "yes", label: "People are asked before a client gets it", checked: typed.requires_consent,
                ..Checkbox::default() })
        }
    }

    fn others(&self) -> impl Iterator<Item = &Scope> {
        self.api
            .scopes
            .iter()
            .filter(|scope| scope.value != self.typed.value || !self.known)
    }

    fn implied(&self) -> Markup {
        let card = |scope: &Scope| Card {
            value: scope.value.clone(),
            title: scope.value.clone(),
            text: crate::oauth::name::isolated(&scope.description).into_owned(),
            checked: self.typed.implies.contains(&scope.value),
            ..Card::default()
        };
        html! { (Cards { name: "implies", legend: "Comes with", pick: Pick::Many, hint: "Whoever holds this scope holds these too.",
        error: self.refused.of("implies"), cards: self.others().map(card).collect(), ..Cards::default() }) }
    }

    fn page(&self, visit: &Visit, status: StatusCode) -> Response {
        let page = Page {
            title: if self.known {
                format!("Edit {}", self.typed.value)
            } else {
                format!("Add a scope to {}", crate::oauth::name::isolated(&self.api.name))
            },
            error: !self.refused.is_empty(),
            narrow: true,
            crumbs: crumbs(visit, Some(&self.api)),
            ..Page::default()
        };
        let content = html! {
            (self.refused.summary())
            form.form method="post" novalidate {
                (csrf(&visit.visitor.csrf))
                (section("Scope", "", &self.fields()))
                div.actions {
                    (form::primary(if self.known { "Save changes" } else { "Add scope" }))
                    (form::link_button("Cancel", &path(visit, &self.api, "")))
                }
            }
        };
        visit.page(Section::Apis, status, &page, &content)
    }

    fn mend(mut self, visit: &Visit, error: crate::error::Error) -> Answer {
        self.refused = fields(visit, error)?;
        Ok(self.page(visit, StatusCode::UNPROCESSABLE_ENTITY))
    }
}

fn blank() -> NewScope {
    NewScope {
        value: String::new(),
        description: String::new(),
        risk: Risk::Reads,
        implies: Vec::new(),
        requires_consent: true,
    }
}

/// A scope of an API of the organisation's own.
pub(super) fn known<'a>(visit: &Visit, api: &'a Api, value: &str) -> Result<&'a Scope, Response> {
    let unknown = || {
        visit.trouble(
            Code::NotFound
                .because("this API has no scope with this value")
                .into(),
        )
    };
    api.scopes
        .iter()
        .find(|scope| scope.value == value)
        .ok_or_else(unknown)
}

pub(super) async fn show_new(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let api = super::form::own(visit, &id).await?;
        Ok(Sheet::new(api, None).page(visit, StatusCode::OK))
    })
    .await
}

pub(super) async fn create(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let mut sheet = Sheet::new(find(visit, &id, Permission::ApisWrite).await?, None);
        sheet.read(visit);
        let made = apis::create_scope(&visit.app.registry, visit.access(), &id, sheet.typed.clone()).await;
        match made {
            Ok(scope) => {
                let flash = done(format!(
                    "{} has the scope {}.",
                    crate::oauth::name::isolated(&sheet.api.name),
                    scope.value
                ));
                Ok(visit.go(&path(visit, &sheet.api, ""), Some(&flash)))
            }
            Err(error) => sheet.mend(visit, error),
        }
    })
    .await
}

pub(super) async fn show_edit(
    Given(app): Given<State>,
    Path((org, id, value)): Names,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let api = super::form::own(visit, &id).await?;
        let scope = known(visit, &api, &value)?.clone();
        Ok(Sheet::new(api, Some(&scope)).page(visit, StatusCode::OK))
    })
    .await
}

pub(super) async fn edit(
    Given(app): Given<State>,
    Path((org, id, value)): Names,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let api = find(visit, &id, Permission::ApisWrite).await?;
        let scope = known(visit, &api, &value)?.clone();
        let mut sheet = Sheet::new(api, Some(&scope));
        sheet.read(visit);
        let changed = apis::edit_scope(&visit.app.registry, visit.access(), &id, sheet.typed.clone()).await;
        match changed {
            Ok(scope) => {
                let flash = done(format!("{} is saved.", scope.value));
                Ok(visit.go(&path(visit, &sheet.api, ""), Some(&flash)))
            }
            Err(error) => sheet.mend(visit, error),
        }
    })
    .await
}

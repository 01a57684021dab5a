//! Edit a client: the form it was created with, filled in. Two people who save at once choose field by field.

mod confirm;
mod conflict; // both saved // somebody uses what goes

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    asked,
    client_form::{self, Look, Refused, Shape, Typed},
    create, cut,
    visit::{Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    app::State,
    browser::Form,
    error::Error,
    oauth::{client::Kind, people_settings::PeopleSettings, refusal::Code},
    registry::{
        access::Access,
        apis,
        clients::{self, Edit},
    },
    store::{apis::Api, clients::Client},
    ui::{
        badge::Tone,
        form::{self, csrf, hidden},
        headers::Part,
        notice::note,
        page::Page,
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new().route("/orgs/{org}/clients/{client}/edit", get(show).post(submit))
}

async fn show(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let client = cut::editable(visit, &id).await?;
        let typed = Typed::of_client(&client);
        let sheet = Sheet {
            original: typed.clone(),
            version: client.version,
            customise: wants_custom(visit, &client),
            client,
            typed,
            refused: Refused::default(),
            new_row: false,
        };
        sheet.page(visit, StatusCode::OK).await
    })
    .await
}

async fn submit(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| act(visit, &id).await).await
}

fn wants_custom(visit: &Visit, client: &Client) -> bool {
    client.kind == Kind::SyncConnector && visit.form.one("customise") == "yes"
}

/// A form at work.
struct Sheet {
    /// As it is now.
    client: Client,
    /// As it was when the form was opened.
    original: Typed,
    /// Its version then.
    version: i64,
    typed: Typed,
    /// A sync connector becomes a custom client.
    customise: bool,
    refused: Refused,
    new_row: bool,
}

async fn act(visit: &Visit, id: &str) -> Answer {
    let client = cut::editable(visit, id).await?;
    let apis = apis::list(&visit.app.registry, visit.access())
        .await
        .or_trouble(visit)?;
    let now = Typed::of_client(&client);
    let offered = visit.app.registry.grants();
    let original = Form::parse(visit.form.exact("original").as_bytes()).or_trouble(visit)?;
    let mut sheet = Sheet {
        original: Typed::read(&original, &now, false, &offered),
        version: visit.form.one("version").parse().unwrap_or_default(),
        customise: wants_custom(visit, &client),
        typed: Typed::read(&visit.form, &now, false, &offered),
        client,
        refused: Refused::default(),
        new_row: false,
    };
    if sheet.locked() {
        sheet.typed.grant_types = now.grant_types;
        sheet.typed.scopes = now.scopes;
        sheet.typed.require_consent = now.require_consent;
    }
    match visit.form.one("do") {
        "" => sheet.save(visit, &apis).await,
        "summary" => sheet.summary(visit).await,
        _ => {
            sheet.new_row = client_form::rearrange(&mut sheet.typed, &visit.form, &apis);
            sheet.page(visit, StatusCode::OK).await
        }
    }
}

fn is_stale(error: &Error) -> bool {
    error
        .refusal()
        .is_some_and(|r| r.code == Code::PreconditionFailed)
}

impl Sheet {
    fn locked(&self) -> bool {
        self.client.kind == Kind::SyncConnector && !self.customise
    }

    async fn save(mut self, visit: &Visit, apis: &[Api]) -> Answer {
        conflict::keep_chosen(visit, &mut self.typed, &Typed::of_client(&self.client));
        match self.attempt(visit, apis).await {
            Ok(response) => Ok(response),
            Err(error) if is_stale(&error) => conflict::settle(visit, self, apis).await,
            Err(error) => self.mend(visit, error).await,
        }
    }

    /// Saves, once somebody has seen what that stops.
    async fn attempt(&self, visit: &Visit, apis: &[Api]) -> crate::error::Result<Response> {
        let seen = visit.form.one("confirmed") == "yes";
        if !seen && let Some(impact) = self.felt(visit, apis).await? {
            return Ok(self.confirm(visit, &impact));
        }
        let client = self.write(visit, visit.access(), apis).await?;
        Ok(self.saved(visit, &client))
    }

    async fn write(&self, visit: &Visit, access: &Access, apis: &[Api]) -> crate::error::Result<Client> {
        let draft = self.typed.draft(apis);
        let edit = Edit {
            customise: self.customise,
            name: Some(draft.name),
            description: Some(draft.description),
            grant_types: Some(draft.grant_types),
            redirect_uris: Some(draft.redirect_uris),
            scopes: Some(draft.scopes),
            auth_method: Some(draft.auth_method),
            require_consent: Some(draft.require_consent),
            access_token_lifetime: Some(draft.access_token_lifetime),
            optional_scopes: draft.optional_scopes,
            people: Some(PeopleSettings {
                subject_type: self.client.people.subject_type,
                sector_identifier: self.client.people.sector_identifier.clone(),
                ..draft.people
            }),
            user_id: Some(draft.user_id),
            file_key: None,
        };
        let id = &self.client.client_id;
        clients::edit(&visit.app.registry, access, id, Some(self.version), edit).await
    }

    fn saved(&self, visit: &Visit, client: &Client) -> Response {
        let flash = if client.version == self.version {
            done(format!(
                "Nothing was changed of {}.",
                crate::oauth::name::isolated(&client.name)
            ))
        } else {
            done(format!(
                "{} is saved.",
                crate::oauth::name::isolated(&client.name)
            ))
        };
        visit.go(
            &visit.path(&format!("/clients/{}", client.client_id)),
            Some(&flash),
        )
    }

    async fn mend(mut self, visit: &Visit, error: Error) -> Answer {
        self.refused = create::fields(visit, error)?;
        self.page(visit, StatusCode::UNPROCESSABLE_ENTITY).await
    }

    fn shape(&self, visit: &Visit) -> Shape {
        let here = visit.path(&format!("/clients/{}/edit?customise=yes", self.client.client_id));
        Shape {
            types: client_form::only(self.client.application_type),
            grants: client_form::grants_of(
                self.client.application_type,
                &visit.app.registry.grants(),
                &self.client.grant_types,
            ),
            locked: self.locked().then(|| {
                html! { p { "A sync connector has this grant and the five scopes below, no more and no less. "
                    a href=(here) { "Customise" } " makes it a custom client with everything open. That cannot be turned back." } }
            }),
            settled: true,
            makes_secret: false,
        }
    }

    async fn block(&self, visit: &Visit) -> Result<Markup, Response> {
        let ground = client_form::ground(visit, &self.typed, &self.client.client_id).await?;
        Ok(html! { div #summary .stack {
            (client_form::removed(&self.original, &self.typed))
            (client_form::summary(visit, &self.typed, &ground, false))
        } })
    }

    async fn summary(&self, visit: &Visit) -> Answer {
        if visit.part == Part::Summary {
            return Ok(visit.fragment(&self.block(visit).await?));
        }
        self.page(visit, StatusCode::OK).await
    }

    /// What the form carries along beside what is typed.
    fn carried(&self, visit: &Visit) -> Markup {
        let original = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.original.fields())
            .finish();
        html! {
            (csrf(&visit.visitor.csrf)) (form::enter_submits())
            (hidden("version", &self.version.to_string())) (hidden("original", &original))
            @if self.customise { (hidden("customise", "yes")) }
        }
    }

    async fn page(&self, visit: &Visit, status: StatusCode) -> Answer {
        let ground = client_form::ground(visit, &self.typed, &self.client.client_id).await?;
        let shape = self.shape(visit);
        let look = Look {
            visit,
            typed: &self.typed,
            ground: &ground,
            shape: &shape,
            refused: &self.refused,
            new_row: self.new_row,
        };
        let here = visit.path(&format!("/clients/{}", self.client.client_id));
        let page = Page {
            title: format!("Edit {}", crate::oauth::name::isolated(&self.client.name)),
            error: !self.refused.is_empty(),
            crumbs: cut::crumbs(visit, &self.client),
            ..Page::default()
        };
        let content = html! {
            (self.refused.summary())
            @if let Some(key) = &self.client.file_key {
                (note(Tone::Warn, &html! { p { b { "A file manages this client" } ", under the key " code { (key) } ". What you change                     here is drift: the next " code { "oauthority client apply" } " reports it and puts the file's settings back." } }))
            }
            div.split {
                form.form method="post" action={ (here) "/edit" } data-summary="summary" novalidate {
                    (self.carried(visit))
                    (look.sections())
                    div.actions { (form::primary("Save changes")) (form::link_button("Cancel", &here)) }
                }
                aside { section.card aria-labelledby="summary-title" {
                    h2 #summary-title { "Summary" }
                    (self.block(visit).await?)
                } }
            }
        };
        Ok(visit.page(Section::Clients, status, &page, &content))
    }
}

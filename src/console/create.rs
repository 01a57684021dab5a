//! Create a client: choose a template, fill in the form, see the secret once.
//!
//! The form carries a text that works once, so that a repeated POST (Reload, a double click) shows no second secret
//! and makes no second client.

mod choose; // which template fits
mod like; // a form that begins with the settings of another client
mod template; // kinds of clients to begin with

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use self::template::Template;
use super::{
    asked,
    client_form::{self, Ground, Look, Refused, Shape, Typed},
    hand_over::{self, Around},
    once,
    visit::{Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    error::Error,
    oauth::refusal::{Code, Field as Wrong},
    registry::{
        access::Permission,
        apis,
        clients::{self, Creation},
    },
    ui::{
        badge::Tone,
        form::{self, Field, Select, csrf, hidden, section},
        headers::Part,
        notice::note,
        page::{Link, Page},
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/clients/new", get(choose::show))
        .route("/orgs/{org}/clients/new/{template}", get(show).post(submit))
}

/// Directories that a connector copies.
const DIRECTORIES: [(&str, &str); 3] = [
    ("active-directory", "Active Directory"),
    ("ldap", "LDAP"),
    ("other", "Another directory"),
];

/// The way back to the list.
pub(super) fn crumbs(visit: &Visit) -> Vec<Link> {
    vec![Link {
        label: "OAuth Clients".to_owned(),
        href: visit.path("/clients"),
        current: false,
    }]
}

fn parse(visit: &Visit, word: &str) -> Result<Template, Response> {
    Template::parse(word)
        .ok_or_else(|| visit.trouble(Code::NotFound.because("there is no such template").into()))
}

async fn show(
    Given(app): Given<State>,
    Path((org, template)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| begin(visit, &template).await).await
}

async fn begin(visit: &Visit, template: &str) -> Answer {
    visit
        .access()
        .require(Permission::ClientsWrite)
        .or_trouble(visit)?;
    let template = parse(visit, template)?;
    let apis = apis::list(&visit.app.registry, visit.access())
        .await
        .or_trouble(visit)?;
    let (typed, notice) = like::prefilled(visit, template, &apis).await?;
    let draft = Draft {
        template,
        host: visit.form.one("host").to_owned(),
        directory: visit.form.one("directory").to_owned(),
        typed,
        refused: Refused::default(),
        new_row: false,
        notice,
    };
    draft.page(visit, StatusCode::OK).await
}

async fn submit(
    Given(app): Given<State>,
    Path((org, template)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| act(visit, &template).await).await
}

/// What stands in the form.
struct Draft {
    template: Template,
    /// The host of a sync connector.
    host: String,
    /// The directory that it copies, if there is one yet.
    directory: String,
    typed: Typed,
    refused: Refused,
    new_row: bool,
    notice: Option<Markup>,
}

async fn act(visit: &Visit, template: &str) -> Answer {
    visit
        .access()
        .require(Permission::ClientsWrite)
        .or_trouble(visit)?;
    let template = parse(visit, template)?;
    let apis = apis::list(&visit.app.registry, visit.access())
        .await
        .or_trouble(visit)?;
    let blank = template.blank(&apis);
    let mut draft = Draft {
        template,
        host: visit.form.one("host").to_owned(),
        directory: visit.form.one("directory").to_owned(),
        typed: Typed::read(
            &visit.form,
            &blank,
            template == Template::Custom,
            &visit.app.registry.grants(),
        ),
        refused: Refused::default(),
        new_row: false,
        notice: None,
    };
    if template == Template::SyncConnector {
        draft.typed.grant_types = blank.grant_types;
        draft.typed.scopes = blank.scopes;
    }
    match visit.form.one("do") {
        "" => create(visit, draft, &apis).await,
        "summary" => draft.summary(visit).await,
        _ => {
            draft.new_row = client_form::rearrange(&mut draft.typed, &visit.form, &apis);
            draft.page(visit, StatusCode::OK).await
        }
    }
}

async fn create(visit: &Visit, mut draft: Draft, apis: &[crate::store::apis::Api]) -> Answer {
    let registry = &visit.app.registry;
    if draft.template == Template::SyncConnector {
        draft.name_connector();
        draft.describe_connector();
    }
    let extra = || Creation {
        secret_label: Some(draft.typed.label.clone()),
        secret_note: Some(draft.typed.note.clone()),
        secret_term: draft.typed.term(),
        ..Creation::default()
    };
    if draft.refused.is_empty() {
        // First without effect, so that a form that has to be mended keeps its one chance.
        let mut rehearsal = visit.access().clone();
        rehearsal.dry_run = true;
        let tried = clients::create(registry, &rehearsal, draft.typed.draft(apis), extra()).await;
        if let Err(error) = tried {
            draft.refused = fields(visit, error)?;
        }
    }
    if !draft.refused.is_empty() {
        return draft.page(visit, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    if !once::spend(visit).await? {
        return repeated(visit, &draft.typed.name).await;
    }
    let created = clients::create(registry, visit.access(), draft.typed.draft(apis), extra())
        .await
        .or_trouble(visit)?;
    let around = Around {
        title: format!("{} is ready", crate::oauth::name::isolated(&created.client.name)),
        lead: html! { @if created.secret.is_some() { "Store its secret before you go on." } @else { "Its ID is all that the app needs." } },
    };
    Ok(hand_over::show(visit, &created, around).await)
}

/// The fields of a refusal; anything else is a page of its own.
pub(super) fn fields(visit: &Visit, error: Error) -> Result<Refused, Response> {
    match error {
        Error::Refused(refusal) if !refusal.fields.is_empty() => Ok(Refused(refusal.fields)),
        other => Err(visit.trouble(other)),
    }
}

/// The answer to a form that was sent before.
async fn repeated(visit: &Visit, name: &str) -> Answer {
    let db = visit.app.registry.db();
    let found = crate::store::clients::namesakes(db, &visit.org().id, name, "")
        .await
        .or_trouble(visit)?;
    let text = html! {
        p { "This form was sent before: the client exists, and its secret was shown already. It is never shown again." }
        ul { @for id in found.iter().rev().take(3) { li {
            a href=(visit.path(&format!("/clients/{id}"))) { (crate::ui::name(name)) } " " code { (id) } " · "
            a href=(visit.path(&format!("/clients/{id}/rotate"))) { "Rotate secret" }
        } } }
        p { "If you did not keep the secret, rotate it: the new one is shown once." }
    };
    Ok(once::already(
        visit,
        &text,
        &visit.path("/clients"),
        "Go to the clients",
    ))
}

impl Draft {
    /// A sync connector is called after its host unless it has a name.
    fn name_connector(&mut self) {
        if !self.typed.name.is_empty() {
            return;
        }
        if self.host.is_empty() {
            let wrong = Wrong::new("/host", "required", "Name the host on which the connector runs.");
            self.refused.0.push(wrong);
        } else {
            self.typed.name = format!("Directory sync – {}", self.host);
        }
    }

    /// What it copies, from where; the form asks no more about it.
    fn describe_connector(&mut self) {
        let directory = DIRECTORIES.iter().find(|(word, _)| *word == self.directory);
        self.typed.description = match (directory, self.host.as_str()) {
            (Some((_, name)), "") => (*name).to_owned(),
            (Some((_, name)), host) => format!("{name} at {host}"),
            (None, "") => String::new(),
            (None, host) => format!("At {host}"),
        };
    }

    fn customise(&self, visit: &Visit) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("type", self.typed.application_type.word());
        query.append_pair("name", &self.typed.name);
        for grant in &self.typed.grant_types {
            query.append_pair("grant", grant.word());
        }
        for scope in crate::registry::client_input::SYNC_CONNECTOR_SCOPES {
            query.append_pair("scope", scope);
        }
        format!("{}?{}", visit.path("/clients/new/custom"), query.finish())
    }

    fn shape(&self, visit: &Visit) -> Shape {
        self.template
            .shape(&self.customise(visit), &visit.app.registry.grants())
    }

    async fn summary(&self, visit: &Visit) -> Answer {
        let ground = client_form::ground(visit, &self.typed, "").await?;
        let block =
            html! { div #summary .stack { (client_form::summary(visit, &self.typed, &ground, true)) } };
        if visit.part == Part::Summary {
            return Ok(visit.fragment(&block));
        }
        self.page(visit, StatusCode::OK).await
    }

    async fn page(&self, visit: &Visit, status: StatusCode) -> Answer {
        let ground = client_form::ground(visit, &self.typed, "").await?;
        let page = Page {
            title: self.template.heading(),
            error: !self.refused.is_empty(),
            lead: Some(html! { (self.template.about().1) }),
            crumbs: crumbs(visit),
            ..Page::default()
        };
        let content = html! {
            (self.refused.summary())
            @if let Some(notice) = &self.notice { (note(Tone::Info, notice)) }
            div.split {
                form.form method="post" data-summary="summary" novalidate {
                    (csrf(&visit.visitor.csrf)) (form::enter_submits()) (hidden("once", &once::text(visit)))
                    (self.sections(visit, &ground))
                    div.actions { (form::primary("Create client")) (form::link_button("Cancel", &visit.path("/clients"))) }
                }
                aside { section.card aria-labelledby="summary-title" {
                    h2 #summary-title { "Summary" }
                    div #summary .stack { (client_form::summary(visit, &self.typed, &ground, true)) }
                } }
            }
        };
        Ok(visit.page(Section::Clients, status, &page, &content))
    }

    fn sections(&self, visit: &Visit, ground: &Ground) -> Markup {
        let shape = self.shape(visit);
        let look = Look {
            visit,
            typed: &self.typed,
            ground,
            shape: &shape,
            refused: &self.refused,
            new_row: self.new_row,
        };
        if self.template == Template::SyncConnector {
            return self.connector(&look);
        }
        look.sections()
    }

    fn connector(&self, look: &Look<'_>) -> Markup {
        html! {
            (section("Connector", "", &html! {
                (Select { name: "directory", label: "Directory profile", value: &self.directory, error: "",
                    hint: "What it copies people and groups from.",
                    options: std::iter::once(("", "None yet")).chain(DIRECTORIES)
                        .map(|(word, name)| (word.to_owned(), name.to_owned())).collect() })
                (Field { name: "host", label: "Connector host name", value: &self.host, placeholder: "dc1.acme.example", max: 100,
                    hint: "The machine on which the connector runs.", error: self.refused.of("host"),
                    autofocus: self.refused.is_empty(), ..Field::default() })
                (Field { name: "name", label: "Name", value: &self.typed.name, optional: true, max: 120,
                    hint: "Left empty, it is called “Directory sync – ” and the host.", error: self.refused.of("name"), ..Field::default() })
            }))
            (section("How it gets tokens", "", &look.grants()))
            (section("Access", "", &look.access()))
            (section("Secret", "It is shown once, on the next page.", &look.expiry()))
        }
    }
}

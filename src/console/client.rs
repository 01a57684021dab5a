//! One client: what it is, its secrets, what it may do, what happened to it. Each tab is a page, and a side panel.

mod access; // which scopes, and what comes with them
mod facts; // the overview
mod grants; // who allowed it what
mod least_privilege; // scopes that nobody asks for
mod secrets; // secrets and what can be done to them
pub(super) mod usage; // how it is used

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    activity, labels,
    visit::{self, Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    oauth::{
        client::{Kind, Status},
        refusal::Code,
    },
    registry::{self, access::Permission, clients},
    store::{
        self,
        apis::Api,
        audit::{Event, Filter},
        clients::Client,
        secrets::ClientSecret,
    },
    time::Timestamp,
    ui::{
        badge::Tone,
        form,
        notice::{Banner, note},
        page::{Link, Page},
        problem::Problem,
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/clients/{client}", get(show))
        .route(
            "/orgs/{org}/clients/{client}/secrets",
            get(secrets::show).post(secrets::act),
        )
        .route(
            "/orgs/{org}/clients/{client}/access",
            get(access::show).post(least_privilege::act),
        )
        .route("/orgs/{org}/clients/{client}/copy", get(copy))
        .route("/orgs/{org}/clients/{client}/grants", get(grants::show))
        .route(
            "/orgs/{org}/clients/{client}/grants/{who}",
            get(grants::ask).post(grants::revoke),
        )
        .route("/orgs/{org}/clients/{client}/activity", get(show_activity))
}

/// A client with what its pages need.
pub(super) struct Record {
    pub client: Client,
    pub apis: Vec<Api>,
    /// Newest first.
    secrets: Vec<ClientSecret>,
    /// How it was deleted.
    end: Option<Event>,
    /// Its address.
    pub at: String,
}

/// A tab of the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Secrets,
    Access,
    Try,
    Failures,
    Grants,
    Activity,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Overview, "Overview", ""),
        (Self::Secrets, "Secrets & keys", "/secrets"),
        (Self::Access, "Access", "/access"),
        (Self::Try, "Try it", "/try"),
        (Self::Grants, "People & grants", "/grants"),
        (Self::Failures, "Failures", "/failures"),
        (Self::Activity, "Activity", "/activity"),
    ];
}

/// Reads a client; uses that only memory knows are written down first.
pub(super) async fn load(visit: &Visit, client_id: &str) -> Result<Record, Response> {
    let registry = &visit.app.registry;
    registry.flush_activity().await.or_trouble(visit)?;
    let client = match clients::find(registry, visit.access(), client_id).await {
        Ok(client) => client,
        Err(error) if error.refusal().is_some_and(|r| r.code == Code::NotFound) => {
            return Err(unknown(visit, client_id));
        }
        Err(error) => return Err(visit.trouble(error)),
    };
    let db = registry.db();
    let end = if client.status == Status::Deleted {
        let filter = Filter {
            resource: Some(client_id.to_owned()),
            action: Some(
                match client.kind {
                    Kind::Personal => "credential.deleted",
                    _ => "client.deleted",
                }
                .to_owned(),
            ),
            outcome: Some("done".to_owned()),
            ..Filter::default()
        };
        let events = store::audit::list(db, &client.org_id, &filter, 1).await;
        events.or_trouble(visit)?.pop()
    } else {
        None
    };
    Ok(Record {
        apis: store::apis::of_organization(db, &client.org_id)
            .await
            .or_trouble(visit)?,
        secrets: store::secrets::of_client(db, client_id).await.or_trouble(visit)?,
        end,
        at: visit.path(&format!("/clients/{client_id}")),
        client,
    })
}

/// A page that helps to find what was meant.
fn unknown(visit: &Visit, client_id: &str) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", client_id)
        .finish();
    let actions =
        html! { a.btn href=(visit.path(&format!("/clients?{query}"))) { "Search for “" (client_id) "”" } };
    let problem = Problem::not_found(Some(actions), &visit.request_id);
    let page = Page {
        title: problem.title.clone(),
        narrow: true,
        ..Page::default()
    };
    visit.page(
        Section::Clients,
        StatusCode::NOT_FOUND,
        &page,
        &html! { (problem) },
    )
}

impl Record {
    fn holds_secret(&self) -> bool {
        self.client.application_type.holds_secret()
    }

    /// Whether this person may rotate and end its secrets.
    pub fn secrets_are_yours(&self, visit: &Visit) -> bool {
        registry::secrets::are_yours(visit.access(), &self.apis, &self.client)
    }

    /// Whether every token request fails for want of a secret.
    fn is_mute(&self, now: Timestamp) -> bool {
        self.holds_secret()
            && self.client.status == Status::Active
            && !self.secrets.iter().any(|secret| secret.usable(now))
    }
}

/// The frame of every tab.
pub(super) fn page(
    visit: &Visit,
    record: &Record,
    tab: Tab,
    status: StatusCode,
    content: &Markup,
) -> Response {
    let client = &record.client;
    let tabs = Tab::ALL
        .iter()
        .filter(|(tab, ..)| *tab != Tab::Activity || visit.may(Permission::AuditRead))
        .filter(|(tab, ..)| {
            *tab != Tab::Grants || client.grant_types.iter().any(|grant| grant.needs_person())
        })
        .map(|(known, label, tail)| Link {
            label: (*label).to_owned(),
            href: format!("{}{tail}", record.at),
            current: *known == tab,
        });
    let page = Page {
        title: crate::oauth::name::isolated(&client.name).into_owned(),
        error: status.is_client_error(),
        badges: Some(
            html! { (labels::status(client.status)) @if let Some(mark) = labels::mark(client) { (mark) } },
        ),
        lead: (!client.description.is_empty()).then(|| html! { (crate::ui::name(&client.description)) }),
        actions: visit
            .may(Permission::ClientsWrite)
            .then(|| actions(visit, record)),
        crumbs: vec![Link {
            label: "OAuth Clients".to_owned(),
            href: visit.path("/clients"),
            current: false,
        }],
        tabs: tabs.collect(),
        ..Page::default()
    };
    let content = html! { (banners(visit, record)) (content) };
    visit.page(Section::Clients, status, &page, &content)
}

fn actions(visit: &Visit, record: &Record) -> Markup {
    let items = labels::actions(visit, &record.client, &record.apis, &record.at);
    html! {
        @for item in &items {
            a.btn.danger[item.danger] href=(item.href) { (item.label.trim_end_matches('…')) }
        }
        @if record.client.status == Status::Deleted { (again(visit, record)) }
    }
}

/// The settings of an archived client, for a new one.
fn again(visit: &Visit, record: &Record) -> Markup {
    let like = format!("/clients/new/custom?like={}", record.client.client_id);
    form::link_button("Create a new one like this", &visit.path(&like))
}

fn banners(visit: &Visit, record: &Record) -> Markup {
    let client = &record.client;
    let by = client.status_by.as_deref().unwrap_or("Oauthority");
    let day = client
        .status_at
        .map(|at| visit.reader().date(at))
        .unwrap_or_default();
    html! {
        @match client.status {
            Status::Disabled => (Banner {
                tone: Tone::Warn,
                title: &format!("Disabled {day} by {}", crate::oauth::name::isolated(by)),
                text: html! {
                    @if let Some(why) = &client.status_reason { p { "“" (crate::ui::name(why)) "”" } }
                    @if let Some(at) = client.delete_at { p { "It is deleted " (visit.reader().full(at)) " unless somebody enables it before." } }
                    p { "It gets no tokens, and the tokens it had are refused." }
                },
                actions: visit.may(Permission::ClientsWrite).then(|| {
                    form::button_form(&visit.visitor.csrf, &format!("{}/enable", record.at), "Enable")
                }),
            }),
            Status::Deleted => (Banner {
                tone: Tone::Mute,
                title: &format!("Deleted {day} by {}. It cannot be brought back.", crate::oauth::name::isolated(by)),
                text: html! { p { "Its secrets and tokens are gone, and its client ID is never used again." } },
                actions: None,
            }),
            Status::Active => {},
        }
        @if client.kind == Kind::System {
            (note(Tone::Info, &html! {
                p { "A system client keeps the product running: nobody can rename, disable or delete it. "
                    @if record.secrets_are_yours(visit) { "Its secret can be rotated." } @else { "An operator can rotate its secret." } }
            }))
        }
        @if client.kind == Kind::Personal {
            (note(Tone::Info, &html! {
                p { "A personal credential: its person alone changes it and gets its secret, and it stops with that person's access. "
                    a href=(visit.path("/credentials")) { "Personal credentials" } }
                @if !client.holder_stands { p { b { "It does not work now:" } " its person is not active, or may not hold credentials." } }
            }))
        }
        @if record.is_mute(visit.now) {
            (note(Tone::Bad, &html! {
                p { b { "No usable secret – tokens fail now." }
                    @if record.secrets_are_yours(visit) { " " a href={ (record.at) "/rotate" } { "Rotate the secret" } }
                }
            }))
        }
    }
}

async fn show(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = load(&visit, &client).await?;
    let used = usage::read(&visit, &record).await;
    let content = html! {
        (usage::attempts(&visit, used.as_ref()))
        (facts::content(&visit, &record).await?)
        (usage::section(&visit, &record, used.as_ref()))
    };
    Ok(page(&visit, &record, Tab::Overview, StatusCode::OK, &content))
}

/// The form of a new client with the settings of this one; what a sync connector has is settled.
async fn copy(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = load(&visit, &client).await?;
    let to = match record.client.kind {
        Kind::SyncConnector => "/clients/new/sync-connector".to_owned(),
        _ => format!("/clients/new/custom?like={}", record.client.client_id),
    };
    Ok(visit.go(&visit.path(&to), None))
}

async fn show_activity(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = load(&visit, &client).await?;
    let filter = Filter {
        resource: Some(client),
        before: visit.form.given("before").map(str::to_owned),
        ..Filter::default()
    };
    let (events, more) = activity::latest(&visit, &filter, 50).await?;
    let older = events
        .last()
        .filter(|_| more)
        .map(|event| format!("{}/activity?before={}", record.at, event.id));
    let content = html! {
        @if events.is_empty() { p.dim { "Nothing has happened to this client yet." } }
        @else { (activity::timeline(&visit, &events, older)) }
    };
    Ok(page(&visit, &record, Tab::Activity, StatusCode::OK, &content))
}

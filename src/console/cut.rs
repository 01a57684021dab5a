//! Disable, enable and delete a client. What it cuts off stands first, in numbers; deleting wants the name typed.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    asked, stops,
    visit::{Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    app::State,
    oauth::client::{Kind, Status},
    registry::{
        access::Permission,
        clients,
        impact::{self, Cut, Plan},
        secrets,
    },
    store::{self, clients::Client},
    time::{Lifetime, Timestamp},
    ui::{
        badge::Tone,
        form::{self, ErrorSummary, Field, Kind as Input, csrf, hidden},
        impact::{Confirm, Impact, Line},
        notice::{Flash, note},
        page::{Link, Page},
        problem::Problem,
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route(
            "/orgs/{org}/clients/{client}/disable",
            get(show_disable).post(disable),
        )
        .route(
            "/orgs/{org}/clients/{client}/enable",
            get(show_enable).post(enable),
        )
        .route(
            "/orgs/{org}/clients/{client}/delete",
            get(show_delete).post(delete),
        )
}

type Names = Path<(String, String)>;

async fn show_disable(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let client = changeable(visit, &id, Permission::ClientsWrite).await?;
        disable_page(visit, &client).await
    })
    .await
}

async fn disable(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let reason = visit
            .form
            .given("reason")
            .map(|text| text.chars().take(300).collect::<String>());
        let client = clients::retire(
            &visit.app.registry,
            visit.access(),
            &id,
            version(visit),
            reason.as_deref(),
            delete_at(visit),
        )
        .await
        .or_trouble(visit)?;
        let flash = match client.delete_at {
            Some(at) => format!(
                "{} is disabled. It is deleted {} unless somebody enables it before.",
                crate::oauth::name::isolated(&client.name),
                visit.reader().full(at)
            ),
            None => format!(
                "{} is disabled. Its tokens no longer work.",
                crate::oauth::name::isolated(&client.name)
            ),
        };
        let flash = done(flash);
        Ok(visit.go(&path(visit, &id, ""), Some(&flash)))
    })
    .await
}

async fn show_enable(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let client = changeable(visit, &id, Permission::ClientsWrite).await?;
        Ok(enable_page(visit, &client))
    })
    .await
}

async fn enable(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let client = clients::enable(&visit.app.registry, visit.access(), &id, version(visit))
            .await
            .or_trouble(visit)?;
        let flash = done(format!(
            "{} is enabled. It gets new tokens; its old ones stay dead.",
            crate::oauth::name::isolated(&client.name)
        ));
        Ok(visit.go(&path(visit, &id, ""), Some(&flash)))
    })
    .await
}

async fn show_delete(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let client = changeable(visit, &id, Permission::ClientsDelete).await?;
        delete_page(visit, &client, StatusCode::OK, ErrorSummary::default()).await
    })
    .await
}

async fn delete(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let client = changeable(visit, &id, Permission::ClientsDelete).await?;
        let typed = visit.form.one("confirm");
        if typed != client.name.trim() && typed != client.client_id {
            let wrong = "This is neither the name nor the client ID. Nothing was deleted.";
            let errors = ErrorSummary::of_one("confirm", wrong);
            return delete_page(visit, &client, StatusCode::UNPROCESSABLE_ENTITY, errors).await;
        }
        clients::delete(&visit.app.registry, visit.access(), &id, version(visit))
            .await
            .or_trouble(visit)?;
        let flash = Flash {
            tone: Tone::Ok,
            text: format!(
                "{} was deleted. Its tokens and secrets no longer work.",
                crate::oauth::name::isolated(&client.name)
            ),
            next: Some(("Create a new one like this".to_owned(), like(visit, &id))),
        };
        Ok(visit.go(&visit.path("/clients"), Some(&flash)))
    })
    .await
}

/// When what is disabled is deleted, as the form says.
pub(super) fn delete_at(visit: &Visit) -> Option<Timestamp> {
    let days = visit.form.one("delete_after").parse().ok()?;
    Some(visit.now.after(Lifetime::days(days)))
}

/// Asks whether and when what is disabled is deleted, of people who may delete.
pub(super) fn delete_after(visit: &Visit) -> Markup {
    let option = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let options = vec![
        option("", "Not by itself"),
        option("7", "After 7 days"),
        option("14", "After 14 days"),
        option("30", "After 30 days"),
        option("90", "After 90 days"),
    ];
    html! {
        @if visit.may(Permission::ClientsDelete) {
            (form::Select { name: "delete_after", label: "Delete it for good", options, value: visit.form.one("delete_after"),
                hint: "Attempts to use it are counted until then. Enabling it takes the date back.", ..form::Select::default() })
        }
    }
}

fn path(visit: &Visit, id: &str, tail: &str) -> String {
    visit.path(&format!("/clients/{id}{tail}"))
}

/// A new client with the settings of this one.
fn like(visit: &Visit, id: &str) -> String {
    visit.path(&format!("/clients/new/custom?like={id}"))
}

fn version(visit: &Visit) -> Option<i64> {
    visit.form.one("version").parse().ok()
}

/// A client that can be changed by this person, for a page that offers to.
///
/// # Errors
/// The page that says why not.
pub(super) async fn changeable(visit: &Visit, id: &str, permission: Permission) -> Result<Client, Response> {
    visit.access().require(permission).or_trouble(visit)?;
    let client = clients::find(&visit.app.registry, visit.access(), id)
        .await
        .or_trouble(visit)?;
    if client.status == Status::Deleted {
        let text = html! { p { b { (crate::ui::name(&client.name)) } " was deleted and cannot be brought back. Its record stays readable." } };
        let actions = html! { a.btn.primary href=(like(visit, id)) { "Create a new one like this" } };
        return Err(refusal(visit, "This client was deleted", text, actions));
    }
    if client.kind == Kind::System {
        let apis = store::apis::of_organization(visit.app.registry.db(), &client.org_id)
            .await
            .or_trouble(visit)?;
        let yours = secrets::are_yours(visit.access(), &apis, &client);
        let text = html! { p { b { (crate::ui::name(&client.name)) } " is a system client: it keeps the product running, so it cannot be changed, \
        disabled or deleted. Its secrets can be rotated" @if !yours { " by an operator" } "." } };
        let actions = html! { @if yours && client.application_type.holds_secret() {
            (form::link_button("Rotate secret", &path(visit, id, "/rotate")))
        } };
        return Err(refusal(visit, "System clients stay as they are", text, actions));
    }
    Ok(client)
}

/// As [`changeable`], for a page that changes the settings: those of a personal credential are its person's alone.
///
/// # Errors
/// The page that says why not.
pub(super) async fn editable(visit: &Visit, id: &str) -> Result<Client, Response> {
    let client = changeable(visit, id, Permission::ClientsWrite).await?;
    if client.kind != Kind::Personal {
        return Ok(client);
    }
    let text = html! { p { b { (crate::ui::name(&client.name)) } " is a personal credential: its person alone changes it and gets its secret. \
    You can disable or delete it." } };
    let actions = form::link_button("Back to the credential", &path(visit, id, ""));
    Err(refusal(visit, "This belongs to a person", text, actions))
}

fn refusal(visit: &Visit, title: &str, text: Markup, actions: Markup) -> Response {
    let problem = Problem {
        actions: Some(actions),
        ..Problem::conflict(title, text, &visit.request_id)
    };
    let page = Page {
        title: problem.title.clone(),
        narrow: true,
        crumbs: super::create::crumbs(visit),
        ..Page::default()
    };
    visit.page(Section::Clients, problem.status, &page, &html! { (problem) })
}

/// The way from the list to a page of a client.
pub(super) fn crumbs(visit: &Visit, client: &Client) -> Vec<Link> {
    let mut crumbs = super::create::crumbs(visit);
    crumbs.push(Link {
        label: client.name.clone(),
        href: path(visit, &client.client_id, ""),
        current: false,
    });
    crumbs
}

fn page(visit: &Visit, client: &Client, title: String) -> Page {
    Page {
        title,
        narrow: true,
        crumbs: crumbs(visit, client),
        ..Page::default()
    }
}

async fn impact(visit: &Visit, client: &Client, plan: &Plan) -> Result<Impact, Response> {
    let found = impact::of(&visit.app.registry, visit.access(), &client.client_id, plan)
        .await
        .or_trouble(visit)?;
    let mut lines = vec![last_used(visit, client, &found)];
    lines.extend(stops::lines(visit, &found.stops));
    if found.consents > 0 {
        lines.push(stops::line(
            found.consents,
            "consent is erased.",
            "consents are erased.",
        ));
    }
    let meanwhile = if found.reversible {
        " until it is enabled again."
    } else {
        " for good."
    };
    let noun = if found.secrets == 1 {
        "secret stops working"
    } else {
        "secrets stop working"
    };
    let secrets = i64::try_from(found.secrets).unwrap_or(i64::MAX);
    lines.push(stops::numbered(secrets, html! { (noun) (meanwhile) }));
    Ok(Impact {
        lines,
        as_of: visit.reader().clock(found.as_of),
        refresh: visit.here.clone(),
    })
}

/// A client that was used within a day is probably still needed.
fn last_used(visit: &Visit, client: &Client, found: &impact::Impact) -> Line {
    let recent = found
        .last_used_at
        .is_some_and(|at| at > visit.now.before(Lifetime::days(1)));
    let offer = recent && found.action == Cut::Delete && client.status == Status::Active;
    let text = match found.last_used_at {
        Some(at) => html! {
            "Last used " (visit.reader().moment(at)) " from " (found.last_used_ip.as_deref().unwrap_or("an unknown address")) "."
            @if offer { " " a href=(path(visit, &client.client_id, "/disable")) { "Disable instead" } ", which can be undone." }
        },
        None => html! { "Never used since use is recorded." },
    };
    Line {
        count: None,
        text,
        tone: if recent { Tone::Bad } else { Tone::Mute },
    }
}

async fn disable_page(visit: &Visit, client: &Client) -> Answer {
    let impact = impact(visit, client, &Plan::Disable).await?;
    let content = html! {
        (impact)
        (note(Tone::Info, &html! { p { "This can be undone: " b { "Enable" } " brings the client back. Tokens issued before stay dead." } }))
        form.form method="post" action=(path(visit, &client.client_id, "/disable")) novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("version", &client.version.to_string()))
            (Field { name: "reason", label: "Reason", kind: Input::Lines, optional: true, max: 300,
                hint: "Shown on the client's page.", ..Field::default() })
            (delete_after(visit))
            div.actions { a.btn href=(path(visit, &client.client_id, "")) autofocus { "Keep it" } (form::danger("Disable client")) }
        }
    };
    Ok(visit.ok(
        Section::Clients,
        &page(
            visit,
            client,
            format!("Disable {}?", crate::oauth::name::isolated(&client.name)),
        ),
        &content,
    ))
}

fn enable_page(visit: &Visit, client: &Client) -> Response {
    let content = html! {
        section.card { p { "The client gets tokens again with the secrets it has. Tokens issued before it was disabled stay dead." } }
        form.form method="post" action=(path(visit, &client.client_id, "/enable")) {
            (csrf(&visit.visitor.csrf)) (hidden("version", &client.version.to_string()))
            div.actions { (form::primary("Enable client")) (form::link_button("Cancel", &path(visit, &client.client_id, ""))) }
        }
    };
    visit.ok(
        Section::Clients,
        &page(
            visit,
            client,
            format!("Enable {}?", crate::oauth::name::isolated(&client.name)),
        ),
        &content,
    )
}

async fn delete_page(visit: &Visit, client: &Client, status: StatusCode, errors: ErrorSummary) -> Answer {
    let impact = impact(visit, client, &Plan::Delete).await?;
    let page = Page {
        error: !errors.errors.is_empty(),
        ..page(
            visit,
            client,
            format!("Delete {}?", crate::oauth::name::isolated(&client.name)),
        )
    };
    let content = html! {
        (errors)
        (impact)
        (note(Tone::Bad, &html! { p { b { "This cannot be undone." } " The client ID is never given to anyone else. Its settings stay \
            readable, so that you can create a new one like it." } }))
        (Confirm {
            action: &path(visit, &client.client_id, "/delete"),
            csrf: &visit.visitor.csrf,
            name: &client.name,
            or: &client.client_id,
            typed: visit.form.one("confirm"),
            errors,
            verb: "Delete client",
            keep: "Keep it",
            back: &path(visit, &client.client_id, ""),
            fields: vec![("version", client.version.to_string())],
        })
    };
    Ok(visit.page(Section::Clients, status, &page, &content))
}

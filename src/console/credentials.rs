//! Personal credentials: a person's own, and those of the members of an organisation.

mod change; // rotate, edit, delete
mod claim; // what somebody prepared
mod form; // audiences and their scopes
mod members; // of an organisation, and for a member
mod new; // one's own
mod one; // one credential

use axum::{
    Router,
    extract::{Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};

use super::visit::{self, Answer, OrTrouble, Section, Visit};
use crate::{
    app::State,
    registry::{
        access::{Access, Permission, Permissions},
        credentials::{self as own, Credential, CredentialState},
    },
    store::{self, apis::Api, organizations::Organization, users::Role},
    ui::{
        badge::{Badge, Tone, code_tags},
        form as controls,
        icon::Icon,
        menu::Item,
        notice::{Empty, note},
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

/// Where a person's own are.
const HERE: &str = "/me/credentials";

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route(HERE, get(show))
        .route("/me/credentials/new", get(new::show).post(new::submit))
        .route("/me/credentials/{credential}", get(one::show))
        .route(
            "/me/credentials/{credential}/edit",
            get(new::show_edit).post(new::submit_edit),
        )
        .route(
            "/me/credentials/{credential}/rotate",
            get(change::show_rotate).post(change::rotate),
        )
        .route(
            "/me/credentials/{credential}/delete",
            get(change::show_delete).post(change::delete),
        )
        .route("/me/credentials/{credential}/download", post(one::download))
        .route("/me/credentials/{credential}/waiting", get(one::wait))
        .route("/credentials/claim/{token}", get(claim::show).post(claim::submit))
        .route(
            "/orgs/{org}/credentials",
            get(members::show).post(members::withdraw),
        )
        .route(
            "/orgs/{org}/people/{user}/credentials/new",
            get(members::show_new).post(members::submit_new),
        )
}

/// What a person may do with his own credentials in an organisation.
fn access_of(visit: &Visit, org: Organization, role: Role) -> Access {
    Access {
        actor: visit.actor(),
        org,
        permissions: Permissions::of_role(role).with(Permission::AccountWrite),
        assurance: visit.assurance(),
        dry_run: false,
    }
}

/// The organisations that a person belongs to.
async fn places(visit: &Visit) -> Result<Vec<Access>, Response> {
    let all = store::organizations::with_roles(visit.app.registry.db(), &visit.visitor.user.id)
        .await
        .or_trouble(visit)?;
    Ok(all
        .into_iter()
        .map(|(org, role)| access_of(visit, org, role))
        .collect())
}

/// One's own credential, with the access to its organisation and the APIs there.
struct Found {
    access: Access,
    credential: Credential,
    apis: Vec<Api>,
    /// Its own page.
    at: String,
}

async fn find(visit: &Visit, id: &str) -> Result<Found, Response> {
    let registry = &visit.app.registry;
    own::check_available(registry).or_trouble(visit)?;
    let places = places(visit).await?;
    let access = own::place_of(registry, places, id).await.or_trouble(visit)?;
    let access = access.ok_or_else(|| visit.trouble(own::unknown().into()))?;
    let credential = own::find(registry, &access, &visit.visitor.user.id, id)
        .await
        .or_trouble(visit)?;
    visit.prove_enough(&access.org)?;
    Ok(Found {
        apis: store::apis::of_organization(registry.db(), &access.org.id)
            .await
            .or_trouble(visit)?,
        at: format!("{HERE}/{id}"),
        access,
        credential,
    })
}

fn crumbs(found: Option<&Found>) -> Vec<Link> {
    let link = |label: &str, href: &str| Link {
        label: label.to_owned(),
        href: href.to_owned(),
        current: false,
    };
    let list = std::iter::once(link("My credentials", HERE));
    list.chain(found.map(|found| link(&found.credential.client.name, &found.at)))
        .collect()
}

const fn badge(state: CredentialState) -> Badge<'static> {
    match state {
        CredentialState::Active => Badge::ACTIVE,
        CredentialState::Disabled => Badge::DISABLED,
        CredentialState::Suspended => Badge {
            tone: Tone::Warn,
            word: "Suspended",
        },
        CredentialState::Expired => Badge::EXPIRED,
    }
}

/// Names of APIs and the values held there.
fn pairs(credential: &Credential, apis: &[Api]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (id, value) in &credential.client.scopes {
        let Some(api) = apis.iter().find(|api| api.id == *id) else {
            continue;
        };
        match groups.iter_mut().find(|(known, _)| *known == api.audience) {
            Some((_, values)) => values.push(value.clone()),
            None => groups.push((api.audience.clone(), vec![value.clone()])),
        }
    }
    groups
}

fn pair_list(credential: &Credential, apis: &[Api]) -> Markup {
    html! { div.stack { @for (audience, values) in pairs(credential, apis) {
        div { span.hint { (audience) } (code_tags(&values)) }
    } } }
}

fn hint(credential: &Credential) -> Markup {
    html! { @match credential.secret() {
        Some(secret) => code translate="no" { "…" (secret.hint) },
        None => span.hint { "–" },
    } }
}

fn expires(visit: &Visit, credential: &Credential) -> Markup {
    html! { @match credential.secret() {
        Some(secret) => @match secret.stops_at() { Some(at) => (visit.reader().deadline(at)), None => "Never" },
        None => span.hint { "–" },
    } }
}

/// Why nothing can be made: a title and a sentence.
struct Closed(&'static str, &'static str);

fn closed(visit: &Visit, places: &[Access]) -> Option<Closed> {
    if places.is_empty() {
        return Some(Closed(
            "You belong to no organisation",
            "A personal credential belongs to an organisation. Ask an admin of yours to invite you.",
        ));
    }
    if !visit.visitor.user.may_hold_credentials {
        return Some(Closed(
            "Your account may not hold credentials",
            "An operator of this server has not allowed it. Ask whoever runs it.",
        ));
    }
    let none = |access: &Access| access.org.settings.credentials_per_member == 0;
    places.iter().all(none).then_some(Closed(
        "No personal credentials are allowed here",
        "Your organisation allows none. An admin can change that in its settings.",
    ))
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let page = |actions| Page {
        title: "My credentials".to_owned(),
        lead: Some(html! { "For scripts that act in your place. They stop when your access does." }),
        actions,
        ..Page::default()
    };
    if own::check_available(&app.registry).is_err() {
        let off = Closed(
            "Personal credentials are turned off",
            "They are turned off by your operator, for the whole server. Those there were do not work.",
        );
        return Ok(visit.page(
            Section::Personal,
            StatusCode::FORBIDDEN,
            &page(None),
            &empty(&off),
        ));
    }
    let places = places(&visit).await?;
    let mut rows = Vec::new();
    for access in &places {
        let found = own::of_person(&app.registry, access, &visit.visitor.user.id)
            .await
            .or_trouble(&visit)?;
        let apis = store::apis::of_organization(app.registry.db(), &access.org.id)
            .await
            .or_trouble(&visit)?;
        rows.extend(
            found
                .iter()
                .map(|one| row(&visit, one, &apis, places.len() > 1, access)),
        );
    }
    let closed = closed(&visit, &places);
    let new = closed
        .is_none()
        .then(|| controls::primary_link("New credential", "/me/credentials/new", Some("c")));
    let first = Empty {
        icon: Icon::Key,
        title: "No credentials yet",
        text: html! { p { "Use a personal credential when a script acts as you." } },
        actions: html! { @if let Some(new) = &new { (new) } },
    };
    let begins = rows.is_empty();
    let content = html! {
        @match (&closed, begins) {
            (Some(closed), true) => (empty(closed)),
            (None, true) => (first),
            (closed, false) => {
                @if let Some(Closed(title, text)) = closed { (note(Tone::Warn, &html! { p { b { (title) ". " } (text) } })) }
                (table("credentials", "My credentials", &["Name", "Access", "Hint", "Last used", "Expires"], rows))
            },
        }
    };
    // The empty page offers it itself.
    let actions = new.filter(|_| !begins);
    Ok(visit.ok(Section::Personal, &page(actions), &content))
}

fn empty(closed: &Closed) -> Markup {
    let Closed(title, text) = closed;
    html! { (Empty { icon: Icon::Key, title, text: html! { p { (text) } }, actions: html! {} }) }
}

fn table(id: &str, caption: &str, columns: &[&str], rows: Vec<Row>) -> Markup {
    let columns = columns.iter().map(|label| Column::new(label)).collect();
    html! { (Table { id, caption, columns, rows, bulk: None }) }
}

fn row(visit: &Visit, one: &Credential, apis: &[Api], several: bool, access: &Access) -> Row {
    let (client, state) = (&one.client, one.state(visit.now));
    let at = format!("{HERE}/{}", client.client_id);
    let mut menu = Vec::new();
    if state == CredentialState::Active || state == CredentialState::Expired {
        menu.push(Item::link("Rotate secret", format!("{at}/rotate")));
        menu.push(Item::link("Edit", format!("{at}/edit")));
    }
    menu.push(Item::link(
        "Make a new one like this",
        format!("{HERE}/new?like={}", client.client_id),
    ));
    menu.push(Item::danger("Delete…", format!("{at}/delete")));
    Row {
        id: client.client_id.clone(),
        name: client.name.clone(),
        href: at,
        note: if several {
            access.org.name.clone()
        } else {
            client.description.clone()
        },
        badges: (state != CredentialState::Active).then(|| html! { (badge(state)) }),
        cells: vec![
            pair_list(one, apis),
            hint(one),
            visit.reader().moment_or(client.last_used_at, "Never"),
            expires(visit, one),
        ],
        menu,
        muted: state != CredentialState::Active,
        ..Row::default()
    }
}

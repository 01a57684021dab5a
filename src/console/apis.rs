//! APIs and their scopes: what access tokens are for.

mod form; // create and edit an API
mod remove; // what is lost stands first
mod scopes; // create and edit a scope

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    asked,
    visit::{Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    registry::{access::Permission, apis},
    store::apis::{Api, Risk, Scope, TokenFormat},
    ui::{
        badge::{Tone, code_tags, tag},
        code::Copy,
        form as fields,
        icon::Icon,
        menu::Item,
        notice::{Empty, note},
        page::{Link, Page},
        scopes as picker,
        table::{Column, Row, Table},
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/apis", get(list))
        .route("/orgs/{org}/apis/new", get(form::show_new).post(form::create))
        .route("/orgs/{org}/apis/{api}", get(show))
        .route(
            "/orgs/{org}/apis/{api}/edit",
            get(form::show_edit).post(form::edit),
        )
        .route(
            "/orgs/{org}/apis/{api}/delete",
            get(remove::show_api).post(remove::api),
        )
        .route(
            "/orgs/{org}/apis/{api}/scopes/new",
            get(scopes::show_new).post(scopes::create),
        )
        .route(
            "/orgs/{org}/apis/{api}/scopes/{scope}/edit",
            get(scopes::show_edit).post(scopes::edit),
        )
        .route(
            "/orgs/{org}/apis/{api}/scopes/{scope}/delete",
            get(remove::show_scope).post(remove::scope),
        )
}

fn path(visit: &Visit, api: &Api, tail: &str) -> String {
    visit.path(&format!("/apis/{}{tail}", api.id))
}

fn crumbs(visit: &Visit, api: Option<&Api>) -> Vec<Link> {
    let all = Link {
        label: "APIs & scopes".to_owned(),
        href: visit.path("/apis"),
        current: false,
    };
    let one = api.map(|api| Link {
        label: api.name.clone(),
        href: path(visit, api, ""),
        current: false,
    });
    std::iter::once(all).chain(one).collect()
}

/// The API of the address, if the person may do this to APIs.
async fn find(visit: &Visit, id: &str, permission: Permission) -> Result<Api, Response> {
    visit.access().require(permission).or_trouble(visit)?;
    apis::find(&visit.app.registry, visit.access(), id)
        .await
        .or_trouble(visit)
}

/// Words for a lifetime in seconds.
fn span(seconds: i64) -> String {
    match seconds {
        s if s % 3600 == 0 && s == 3600 => "1 hour".to_owned(),
        s if s % 3600 == 0 => format!("{} hours", s / 3600),
        s if s % 60 == 0 => format!("{} minutes", s / 60),
        s => format!("{s} seconds"),
    }
}

const fn format(format: TokenFormat) -> &'static str {
    match format {
        TokenFormat::Jwt => "JWT",
        TokenFormat::Opaque => "Opaque",
    }
}

async fn list(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let all = apis::list(&visit.app.registry, visit.access())
            .await
            .or_trouble(visit)?;
        let page = Page {
            title: "APIs & scopes".to_owned(),
            lead: Some(
                html! { "An API is what access tokens are for; its scopes say what may be done there." },
            ),
            actions: visit
                .may(Permission::ApisWrite)
                .then(|| fields::primary_link("Create API", &visit.path("/apis/new"), Some("c"))),
            ..Page::default()
        };
        Ok(visit.ok(Section::Apis, &page, &table(visit, &all)))
    })
    .await
}

fn table(visit: &Visit, all: &[Api]) -> Markup {
    let row = |api: &Api| {
        let own = api.org_id.is_some();
        let mut menu = vec![Item::link("View", path(visit, api, ""))];
        if own && visit.may(Permission::ApisWrite) {
            menu.push(Item::link("Edit", path(visit, api, "/edit")));
            menu.push(Item::link("Add scope", path(visit, api, "/scopes/new")));
        }
        if own && visit.may(Permission::ApisDelete) {
            menu.push(Item::danger("Delete…", path(visit, api, "/delete")));
        }
        Row {
            id: api.id.clone(),
            name: api.name.clone(),
            href: path(visit, api, ""),
            badges: (!own).then(|| tag("Built in")),
            cells: vec![
                html! { code translate="no" { (api.audience) } },
                tag(format(api.token_format)),
                html! { @match api.lifetime { Some(l) => (span(l.as_seconds())), None => span.hint { "As usual" } } },
                html! { (api.scopes.len()) },
            ],
            menu,
            ..Row::default()
        }
    };
    let mut columns: Vec<Column> = ["API", "Audience", "Tokens", "Lifetime", "Scopes"]
        .map(Column::new)
        .to_vec();
    columns[4].number = true;
    html! { (Table { id: "apis", caption: "APIs", columns, rows: all.iter().map(row).collect(), ..Table::default() }) }
}

async fn show(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| one(visit, &id).await).await
}

async fn one(visit: &Visit, id: &str) -> Answer {
    let api = find(visit, id, Permission::ApisRead).await?;
    let counts = apis::holder_counts(&visit.app.registry, visit.access(), id)
        .await
        .or_trouble(visit)?;
    let own = api.org_id.is_some();
    let page = Page {
        title: crate::oauth::name::isolated(&api.name).into_owned(),
        badges: (!own).then(|| tag("Built in")),
        crumbs: crumbs(visit, None),
        actions: own.then(|| html! {
            @if visit.may(Permission::ApisWrite) { (fields::link_button("Edit API", &path(visit, &api, "/edit"))) }
            @if visit.may(Permission::ApisDelete) { (fields::link_button("Delete", &path(visit, &api, "/delete"))) }
        }),
        ..Page::default()
    };
    let content = html! {
        @if !own { (note(Tone::Info, &html! { p { "The product's own management API. It is the same for every organisation and cannot be changed." } })) }
        (facts(visit, &api))
        section.stack aria-labelledby="scopes-title" {
            div.row.spread { h2 #scopes-title { "Scopes" }
                @if own && visit.may(Permission::ApisWrite) { (fields::primary_link("Add scope", &path(visit, &api, "/scopes/new"), None)) } }
            @if api.scopes.is_empty() { (no_scopes(visit, &api)) } @else { (scope_table(visit, &api, &counts)) }
        }
    };
    Ok(visit.ok(Section::Apis, &page, &content))
}

fn facts(visit: &Visit, api: &Api) -> Markup {
    let usual = &visit.app.registry.config;
    html! {
        section.card { dl.facts {
            dt { "Audience" } dd { (Copy { id: "audience", name: "audience", value: &api.audience, boxed: true }) }
            dt { "Tokens" } dd { (tag(format(api.token_format))) " "
                span.hint { @match api.token_format {
                    TokenFormat::Jwt => "Can be checked offline; a revocation reaches such a check when the token expires.",
                    TokenFormat::Opaque => "Mean nothing without asking us; a revocation counts at once.",
                } } }
            dt { "Lifetime" } dd { @match api.lifetime {
                Some(lifetime) => (span(lifetime.as_seconds())),
                None => { (span(usual.lifetimes.access_token.as_seconds())) span.hint { " as usual" } }
            } }
            @if api.token_format == TokenFormat::Jwt {
                dt { "Signed with" } dd { @match &api.signing_algorithm {
                    Some(name) => (crate::ui::name(name)),
                    None => span.hint { "As usual on this server" }
                } }
            }
            dt { "Created" } dd { (visit.reader().moment(api.created_at)) }
            dt { "Last updated" } dd { @if api.updated_at == api.created_at { "–" } @else { (visit.reader().moment(api.updated_at)) } }
        } }
    }
}

fn no_scopes(visit: &Visit, api: &Api) -> Markup {
    html! { (Empty { icon: Icon::Shield, title: "No scopes yet",
    text: html! { "A scope is one thing a client may do here, such as " code { "invoices:read" } "." },
    actions: html! { @if api.org_id.is_some() && visit.may(Permission::ApisWrite) {
        (fields::primary_link("Add scope", &path(visit, api, "/scopes/new"), None))
    } } }) }
}

const fn badge(risk: Risk) -> crate::ui::badge::Badge<'static> {
    match risk {
        Risk::Reads => picker::Risk::Reads.badge(),
        Risk::Changes => picker::Risk::Changes.badge(),
        Risk::Destructive => picker::Risk::Destructive.badge(),
    }
}

fn scope_table(visit: &Visit, api: &Api, counts: &[(String, i64)]) -> Markup {
    let own = api.org_id.is_some();
    let row = |scope: &Scope| {
        let held = counts
            .iter()
            .find(|(value, _)| *value == scope.value)
            .map_or(0, |(_, n)| *n);
        let at = |tail: &str| path(visit, api, &format!("/scopes/{}{tail}", scope.value));
        let mut menu = Vec::new();
        if own && visit.may(Permission::ApisWrite) {
            menu.push(Item::link("Edit", at("/edit")));
        }
        if own && visit.may(Permission::ApisDelete) {
            menu.push(Item::danger("Delete…", at("/delete")));
        }
        let clients = visit.path(&format!("/clients?scope={}", scope.value));
        Row {
            id: scope.value.clone(),
            name: scope.value.clone(),
            cells: vec![
                html! { (crate::ui::name(&scope.description)) },
                html! { (badge(scope.risk)) },
                code_tags(&scope.implies),
                html! { @match held {
                    0 => span.hint { "No client" },
                    1 => a href=(clients) { "1 client" },
                    n => a href=(clients) { (n) " clients" },
                } },
            ],
            menu,
            ..Row::default()
        }
    };
    let columns = ["Scope", "What it allows", "Risk", "Comes with", "Held by"].map(Column::new);
    let caption = format!("Scopes of {}", crate::oauth::name::isolated(&api.name));
    html! { (Table { id: "scopes", caption: &caption, columns: columns.to_vec(), rows: api.scopes.iter().map(row).collect(), ..Table::default() }) }
}

//! Where a person arrives, the other names of pages, and the page for addresses that lead nowhere.

use axum::{
    Router,
    extract::{Request, State as Given},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use maud::html;

use super::{
    labels,
    visit::{self, Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    browser,
    observe::RequestContext,
    registry::access::{Permission, Permissions},
    store::{self, users::Role},
    ui::{
        headers::{self, Place},
        page::{Card, Page},
        problem::Problem,
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/", get(land))
        .route("/settings/oauth-clients", get(alias))
        .route("/configuration/oauth-clients", get(alias))
        .route("/configuration/oauth-scopes", get(alias))
        .fallback(nowhere)
}

/// The organisation that a person means when he names none: the first whose clients he may see.
async fn home(visit: &Visit) -> Result<Option<String>, Response> {
    let sees = |role: Role| Permissions::of_role(role).allow(Permission::ClientsRead);
    let own = visit.orgs.iter().find(|(.., role)| sees(*role));
    if let Some((_, handle, ..)) = own {
        return Ok(Some(handle.clone()));
    }
    if !visit.visitor.user.operator {
        return Ok(None);
    }
    let first = store::organizations::first(visit.app.registry.db())
        .await
        .or_trouble(visit)?;
    Ok(first.map(|org| org.handle))
}

async fn land(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    match home(&visit).await? {
        Some(handle) => Ok(visit.go(&format!("/orgs/{handle}/clients"), None)),
        None => member(&visit).await,
    }
}

/// What somebody who manages nothing can do.
async fn member(visit: &Visit) -> Answer {
    let db = visit.app.registry.db();
    let mut orgs = Vec::new();
    for (id, _, name, role) in &visit.orgs {
        let admins = store::users::admins(db, id).await.or_trouble(visit)?;
        orgs.push((name, *role, admins.join(", ")));
    }
    let page = Page {
        title: format!(
            "Hello, {}",
            crate::oauth::name::isolated(&visit.visitor.user.display_name)
        ),
        narrow: true,
        ..Page::default()
    };
    let content = html! {
        section.card {
            @if orgs.is_empty() { p { "You belong to no organisation yet. An organisation admin can add you by your user name, " b { (visit.visitor.user.username) } "." } }
            @for (name, role, admins) in &orgs {
                p {
                    "You belong to " b { (crate::ui::name(name)) } " as " (labels::role(*role).to_lowercase()) ". Its OAuth clients are looked after by its admins"
                    @if !admins.is_empty() { ": " (admins) } "."
                }
            }
            p { a href="/me/preferences" { "Your preferences" } }
        }
    };
    Ok(visit.ok(Section::Personal, &page, &content))
}

/// Other names under which people look for the pages.
async fn alias(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let tail = if parts.uri.path().ends_with("oauth-scopes") {
        "apis"
    } else {
        "clients"
    };
    let to = home(&visit)
        .await?
        .map_or_else(|| "/".to_owned(), |handle| format!("/orgs/{handle}/{tail}"));
    let mut response = Redirect::permanent(&to).into_response();
    headers::protect(&mut response, Place::Console);
    Ok(visit.finish(response))
}

/// The address as it is written properly: lower case, no slash at the end; none if it is so already.
pub(super) fn proper(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    if trimmed == path && !path.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let local = format!("{}{query}", trimmed.to_ascii_lowercase());
    (browser::local_path(&local) == local).then_some(local)
}

/// Whether a browser asks for a page, rather than a program for data.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let data = ["/api/", "/oauth2/", "/.well-known/", "/health/", "/assets/"];
    !data.iter().any(|start| path.starts_with(start))
        && headers
            .get(header::ACCEPT)
            .map(HeaderValue::as_bytes)
            .is_some_and(|accept| {
                accept
                    .windows(9)
                    .any(|part| part.eq_ignore_ascii_case(b"text/html"))
            })
}

/// Whatever no route answers.
async fn nowhere(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !wants_page(parts.uri.path(), &parts.headers) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if matches!(parts.method, Method::GET | Method::HEAD)
        && let Some(to) = proper(&parts.uri)
    {
        return Redirect::permanent(&to).into_response();
    }
    let request_id = parts
        .extensions
        .get::<RequestContext>()
        .map(|context| context.request_id.clone())
        .unwrap_or_default();
    let actions = html! { a.btn href="/" { "Go to the start" } };
    let problem = Problem::not_found(Some(actions), &request_id);
    let content = html! { (problem) };
    if let Ok(Some(_)) = browser::visitor(&app, &parts.headers).await
        && let Ok(visit) = visit::enter_person(&app, &parts).await
    {
        let page = Page {
            title: problem.title.clone(),
            narrow: true,
            ..Page::default()
        };
        return visit.page(Section::Personal, problem.status, &page, &content);
    }
    let card = Card {
        title: problem.title.clone(),
        ..Card::default()
    };
    headers::answer(Place::Console, problem.status, card.page(&content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_lower_case_and_has_no_slash_at_the_end() {
        let proper = |text: &str| proper(&text.parse().expect("an address"));
        assert_eq!(proper("/Orgs/acme/?q=A").as_deref(), Some("/orgs/acme?q=A"));
        assert_eq!(proper("/orgs/acme"), None);
        assert_eq!(proper("/"), None);
        assert_eq!(proper("//evil.example/"), None);
    }
}

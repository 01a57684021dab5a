//! The client list: search, filters, sorting and pages live in the address; ticked rows are disabled or exported.

mod bulk; // what is done to several at once
pub(super) mod export; // comma-separated values
mod filters; // search, drop-downs, chips
pub(super) mod query; // what the address asks for
pub(super) mod rows; // a client as a row

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::Uri,
    routing::get,
};
use maud::{Markup, html};

use super::{
    labels,
    visit::{self, Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    browser::Form,
    oauth::client::Status,
    registry::{access::Permission, transfers},
    store::{
        self,
        clients::{Filter, Listed},
        instance::TRACKED_SINCE,
        transfers::State as Stage,
        users::Member,
    },
    time::Timestamp,
    ui::{
        badge::Tone,
        form::{self, csrf, hidden},
        headers::Part,
        icon::Icon,
        notice::{Empty, note},
        page::Page,
        table::{Bulk, Pager, Table},
        tools::results,
    },
};
use query::{Query, SIZES};

/// The routes of this page.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/orgs/{org}/clients", get(show).post(act))
}

/// What was found, and what the page says around it.
struct Found {
    query: Query,
    listed: Listed,
    secrets: Vec<store::secrets::ClientSecret>,
    apis: Vec<store::apis::Api>,
    /// Archived clients that match although nobody asked for archived ones.
    archived: i64,
    tracked_since: Option<Timestamp>,
    members: Vec<Member>,
    /// How many clients other organisations offer.
    offered: i64,
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    visit
        .access()
        .require(Permission::ClientsRead)
        .or_trouble(&visit)?;
    let query = Query::read(&visit.form);
    let me = &visit.visitor.user.id;
    if visit.form.one("format") == "csv" {
        return export::answer(&visit, &query.filter(me, visit.now)).await;
    }
    let found = find(&visit, query).await?;
    let last = (found.listed.total + found.query.limit() - 1) / found.query.limit();
    if found.listed.clients.is_empty() && found.query.number() > last.max(1) {
        let last = last.max(1).to_string();
        return Ok(visit.go(&here(&visit, &found.query.with("page", Some(&last))), None));
    }
    if visit.part == Part::Results {
        return Ok(visit.fragment(&results(&listing(&visit, &found))));
    }
    Ok(page(&visit, &found))
}

fn here(visit: &Visit, query: &str) -> String {
    visit.path("/clients") + query
}

async fn find(visit: &Visit, query: Query) -> Result<Found, axum::response::Response> {
    let db = visit.app.registry.db();
    let orgs = [visit.org().id.clone()];
    let filter = query.filter(&visit.visitor.user.id, visit.now);
    let listed = store::clients::list(db, &orgs, &filter, &query.page())
        .await
        .or_trouble(visit)?
        .unwrap_or(Listed {
            clients: Vec::new(),
            total: 0,
            has_previous: false,
            has_next: false,
        });
    let ids: Vec<String> = listed.clients.iter().map(|c| c.client_id.clone()).collect();
    let archived = if listed.total == 0 && filter.status.is_empty() {
        let gone = Filter {
            status: vec![Status::Deleted],
            ..filter
        };
        store::clients::count(db, &orgs, &gone).await.or_trouble(visit)?
    } else {
        0
    };
    let tracked_since = match query.one("used").or(query.one("attention")) {
        Some(_) => store::instance::moment(db, TRACKED_SINCE)
            .await
            .or_trouble(visit)?,
        None => None,
    };
    let members = if visit.may(Permission::MembersRead) {
        store::users::members(db, &visit.org().id)
            .await
            .or_trouble(visit)?
    } else {
        Vec::new()
    };
    let offers = transfers::list(&visit.app.registry, visit.access())
        .await
        .or_trouble(visit)?;
    let open = |seen: &&transfers::Seen| seen.side == transfers::Side::Taker && seen.state == Stage::Offered;
    Ok(Found {
        offered: i64::try_from(offers.iter().filter(open).count()).unwrap_or(i64::MAX),
        secrets: store::secrets::of_clients(db, &ids).await.or_trouble(visit)?,
        apis: store::apis::of_organization(db, &visit.org().id)
            .await
            .or_trouble(visit)?,
        tracked_since,
        query,
        listed,
        archived,
        members,
    })
}

fn page(visit: &Visit, found: &Found) -> axum::response::Response {
    let first_use = found.listed.total == 0 && !found.query.narrows();
    let create = visit.may(Permission::ClientsWrite) && !first_use;
    let page = Page {
        title: "OAuth Clients".to_owned(),
        lead: Some(html! { "Manage OAuth 2.0 client applications and their credentials" }),
        actions: create.then(|| form::primary_link("Create client", &visit.path("/clients/new"), Some("c"))),
        ..Page::default()
    };
    let content = html! {
        @if first_use { (nothing_yet(visit, found.archived)) }
        @else { (filters::tools(visit, found)) (results(&listing(visit, found))) }
    };
    let content = html! {
        @if found.offered > 0 { (note(Tone::Info, &html! { p {
            (labels::count(found.offered, "client is", "clients are")) " offered to this organisation. "
            a href=(visit.path("/clients/transfers")) { "Look at the offers" }
        } })) }
        (content)
    };
    visit.ok(Section::Clients, &page, &content)
}

fn nothing_yet(visit: &Visit, archived: i64) -> Markup {
    let text = html! {
        "A client is how an app or service gets tokens."
        @if archived > 0 {
            " " a href=(here(visit, "?status=deleted")) { (labels::count(archived, "archived client", "archived clients")) }
        }
    };
    let empty = Empty {
        icon: Icon::Key,
        title: "No clients yet",
        text,
        actions: html! {
            @if visit.may(Permission::ClientsWrite) {
                (form::primary_link("Create client", &visit.path("/clients/new"), Some("c")))
            }
            a href="/help/glossary#client" { "What is a client?" }
        },
    };
    html! { (empty) }
}

/// What stands in `#results`.
fn listing(visit: &Visit, found: &Found) -> Markup {
    let tracked = found.tracked_since.map(|at| visit.reader().date(at));
    html! {
        (filters::chips(visit, found))
        @if let Some(since) = tracked {
            (note(Tone::Info, &html! { "Use recorded since " (since) ". Earlier uses are not known." }))
        }
        @if found.listed.clients.is_empty() { (no_match(visit, found)) }
        @else { (table(visit, found)) }
        (pager(visit, found))
        @if !found.listed.clients.is_empty() { (below(visit, found)) }
    }
}

fn no_match(visit: &Visit, found: &Found) -> Markup {
    let title = match found.query.one("q") {
        Some(q) => format!("No client matches “{q}”"),
        None => "No client matches these filters".to_owned(),
    };
    let text = html! {
        @if found.query.one("q").is_some() {
            "Searched in name, client ID, description, owner and redirect hosts. "
        }
        @if found.archived > 0 {
            a href=(here(visit, &found.query.with("status", Some("deleted")))) {
                (labels::count(found.archived, "archived client matches", "archived clients match"))
            }
        }
    };
    let empty = Empty {
        icon: Icon::Search,
        title: &title,
        text,
        actions: html! { (form::link_button("Clear filters", &here(visit, &found.query.cleared()))) },
    };
    html! { (empty) }
}

fn table(visit: &Visit, found: &Found) -> Markup {
    let bulk = visit.may(Permission::ClientsWrite).then(|| Bulk {
        action: here(visit, &found.query.text()),
        csrf: visit.visitor.csrf.clone(),
        buttons: Some(html! {
            button.btn name="do" value="disable" { "Disable" }
            button.btn name="do" value="export" { "Export CSV" }
        }),
    });
    let table = Table {
        id: "clients",
        caption: &format!(
            "OAuth clients of {}",
            crate::oauth::name::isolated(&visit.org().name)
        ),
        columns: rows::columns(visit, &found.query),
        rows: rows::rows(visit, &found.listed.clients, found.secrets.clone(), &found.apis),
        bulk,
    };
    html! { (table) }
}

fn pager(visit: &Visit, found: &Found) -> Pager {
    let (query, listed) = (&found.query, &found.listed);
    let first = (query.number() - 1) * query.limit() + 1;
    let last = first - 1 + i64::try_from(listed.clients.len()).unwrap_or_default();
    let turn = |number: i64| here(visit, &query.with("page", Some(&number.to_string())));
    let sizes = SIZES.iter().filter(|_| listed.total > SIZES[0]).map(|size| {
        let href = here(visit, &query.with("limit", Some(&size.to_string())));
        (
            u32::try_from(*size).unwrap_or_default(),
            href,
            *size == query.limit(),
        )
    });
    Pager {
        count: labels::count(listed.total, "client", "clients"),
        shown: if last < listed.total || first > 1 {
            format!("{first}–{last}")
        } else {
            String::new()
        },
        previous: listed.has_previous.then(|| turn(query.number() - 1)),
        next: listed.has_next.then(|| turn(query.number() + 1)),
        sizes: sizes.collect(),
    }
}

/// Which columns are shown, and the whole list as a file.
fn below(visit: &Visit, found: &Found) -> Markup {
    let csv = {
        let query = found.query.with("page", None);
        let mark = if query.is_empty() { "?" } else { "&" };
        here(visit, &format!("{query}{mark}format=csv"))
    };
    html! {
        div.row.spread {
            a.small-btn href=(csv) { (Icon::Download) "Export CSV" }
            @if visit.may(Permission::ClientsWrite) {
                button.small-btn type="button" popovertarget="columns" { "Columns" }
                div #columns .menu popover {
                    form.stack method="post" action="/me/preferences" {
                        (csrf(&visit.visitor.csrf))
                        (hidden("return_to", &here(visit, &found.query.text())))
                        div { @for (word, heading) in rows::HIDEABLE {
                            label.check { input type="checkbox" name="column" value=(word) checked[!rows::hides(visit, word)]; span { (heading) } }
                        } }
                        button.btn name="do" value="columns" { "Save columns" }
                    }
                }
            } @else { a.small-btn href="/me/preferences#columns" { "Columns" } }
        }
    }
}

async fn act(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_post(&app, &parts, body, &org).await?;
    let back = here(&visit, &asked(&parts.uri).text());
    let ids: Vec<String> = visit.form.all("id").map(str::to_owned).collect();
    if ids.is_empty() {
        return Ok(visit.go(&back, Some(&bulk::warning("Tick the clients first."))));
    }
    match visit.form.one("do") {
        "export" => {
            visit
                .access()
                .require(Permission::ClientsRead)
                .or_trouble(&visit)?;
            let filter = Filter {
                ids,
                status: Status::ALL.to_vec(),
                ..Filter::default()
            };
            export::answer(&visit, &filter).await
        }
        "disable" => bulk::disable(&visit, &ids, &back).await,
        _ => Ok(visit.go(&back, None)),
    }
}

fn asked(uri: &Uri) -> Query {
    let form = Form::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    Query::read(&form)
}

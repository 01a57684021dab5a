//! Who allowed a client what, and how that ends: for one person, or for all of them.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{Record, Tab, load, page};
use crate::{
    app::State,
    console::{
        asked, cut, labels,
        visit::{self, Answer, OrTrouble, Section, Visit, done},
    },
    oauth::client::Status,
    openid,
    registry::client_grants,
    store::client_grants::Filter,
    ui::{
        badge::Tone,
        form::{csrf, danger, hidden, link_button},
        icon::Icon,
        notice::{Empty, note},
        page::Page,
        table::{Column, Pager, Row, Table},
    },
};

/// How many people a page shows.
const PAGE: i64 = 50;

/// The tab.
pub(super) async fn show(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let record = load(&visit, &client).await?;
    let after = visit.form.given("after").map(|user| (user, client.as_str()));
    let filter = Filter {
        client_id: Some(&client),
        user_id: None,
        after,
    };
    let registry = &visit.app.registry;
    let (given, more) = client_grants::list(registry, visit.access(), &filter, PAGE)
        .await
        .or_trouble(&visit)?;
    let (people, refresh_tokens) = client_grants::count(registry, visit.access(), &client)
        .await
        .or_trouble(&visit)?;
    let next = given
        .last()
        .filter(|_| more)
        .map(|last| format!("{}/grants?after={}", record.at, last.user_id));
    let yours = client_grants::are_yours(visit.access(), &record.client);
    let content = html! {
        @if given.is_empty() && filter.after.is_none() { (empty(&record)) }
        @else {
            p { (labels::count(people, "person", "people")) " · "
                (labels::count(refresh_tokens, "refresh token", "refresh tokens")) " alive" }
            (table(&visit, &record, &given, yours))
            @if next.is_some() { (Pager { count: labels::count(people, "person", "people"), next, ..Pager::default() }) }
            @if yours { div.actions { (link_button("Revoke all…", &format!("{}/grants/all", record.at))) } }
        }
    };
    Ok(page(&visit, &record, Tab::Grants, StatusCode::OK, &content))
}

fn empty(record: &Record) -> Markup {
    if record.client.status == Status::Deleted {
        let people = record.end.as_ref().and_then(|end| end.details["people"].as_i64());
        return html! { p.dim { @match people {
            Some(people) => { "What " (labels::count(people, "person", "people")) " had allowed this app was removed when it was deleted." },
            None => "What people had allowed this app was removed when it was deleted.",
        } } };
    }
    html! { (Empty {
        icon: Icon::Key,
        title: "Nobody has allowed this app yet",
        text: html! { "When people sign in to it, they show up here, with what they allowed it to do." },
        actions: html! {},
    }) }
}

/// What a person is called here: members by name, others by what the client knows them as.
fn called(visit: &Visit, one: &client_grants::Given) -> (String, String) {
    if let Some(member) = &one.member {
        return (member.display_name.clone(), member.username.clone());
    }
    let registry = &visit.app.registry;
    let live = registry.live.client(&one.client_id);
    let subject = live.map(|client| openid::subject(registry, &client, &one.user_id).into_owned());
    let subject = subject.unwrap_or_else(|| one.user_id.clone());
    (subject, "No member of this organisation".to_owned())
}

fn table<'a>(visit: &Visit, record: &Record, given: &[client_grants::Given], yours: bool) -> Table<'a> {
    let reader = visit.reader();
    let rows = given.iter().map(|one| {
        let (name, remark) = called(visit, one);
        let revoke = format!("{}/grants/{}", record.at, one.user_id);
        let mut cells = vec![
            html! { ul.plain { @for words in &one.words { li { (words) } } } },
            html! { (reader.moment(one.first_allowed_at)) },
            html! { (one.refresh_tokens) },
            html! { (reader.moment_or(one.last_used_at, "Never")) },
        ];
        if yours {
            cells.push(
                html! { a.btn href=(revoke) aria-label={ "Revoke what " (crate::oauth::name::visible(&name)) " allowed" } { "Revoke" } },
            );
        }
        Row {
            id: one.user_id.clone(),
            name,
            note: remark,
            cells,
            ..Row::default()
        }
    });
    let mut columns = vec!["Person", "It may", "Allowed", "Refresh tokens", "Last used"];
    if yours {
        columns.push("Access");
    }
    Table {
        id: "grants",
        caption: "People who allowed this app something",
        columns: columns.into_iter().map(Column::new).collect(),
        rows: rows.collect(),
        bulk: None,
    }
}

type Names = Path<(String, String, String)>;

/// The question before it ends.
pub(super) async fn ask(Given(app): Given<State>, Path((org, id, who)): Names, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let record = load(visit, &id).await?;
        if who == "all" {
            return ask_all(visit, &record).await;
        }
        let one = client_grants::find(&visit.app.registry, visit.access(), &id, &who)
            .await
            .or_trouble(visit)?;
        let (name, _) = called(visit, &one);
        let lines = html! {
            li { (labels::count(i64::try_from(one.sign_ins).unwrap_or(i64::MAX), "sign-in", "sign-ins"))
                " of it for " (crate::ui::name(&name)) " stop working at once, "
                (labels::count(i64::try_from(one.refresh_tokens).unwrap_or(i64::MAX), "refresh token", "refresh tokens")) " among them." }
        };
        let title = format!("Revoke what {} allowed {}?", crate::oauth::name::isolated(&name), crate::oauth::name::isolated(&record.client.name));
        Ok(question(visit, &record, &who, title, &lines))
    })
    .await
}

async fn ask_all(visit: &Visit, record: &Record) -> Answer {
    let id = &record.client.client_id;
    let (people, refresh_tokens) = client_grants::count(&visit.app.registry, visit.access(), id)
        .await
        .or_trouble(visit)?;
    let lines = html! {
        li { "What " (labels::count(people, "person", "people")) " allowed is erased"
            @if refresh_tokens > 0 { "; " (labels::count(refresh_tokens, "refresh token stops", "refresh tokens stop")) " working at once" } "." }
        @if record.holds_secret() { li { "The tokens that it got for itself stop as well; it gets new ones with its secret." } }
    };
    let title = format!(
        "Revoke what everybody allowed {}?",
        crate::oauth::name::isolated(&record.client.name)
    );
    Ok(question(visit, record, "all", title, &lines))
}

fn question(visit: &Visit, record: &Record, who: &str, title: String, lines: &Markup) -> Response {
    let page = Page {
        title,
        narrow: true,
        crumbs: cut::crumbs(visit, &record.client),
        ..Page::default()
    };
    let content = html! {
        form.card.stack.lg method="post" action={ (record.at) "/grants/" (who) } {
            (csrf(&visit.visitor.csrf)) (hidden("version", &record.client.version.to_string()))
            ul #impact {
                (lines)
                li { "Services that check its tokens without asking us accept them until they expire." }
                li { "When somebody signs in to it again, it has to ask again." }
            }
            (note(Tone::Info, &html! { p { "The people are not told. They see the app gone from their connected apps." } }))
            div.actions {
                (link_button("Keep it", &format!("{}/grants", record.at)))
                (danger(if who == "all" { "Revoke all" } else { "Revoke access" }))
            }
        }
    };
    visit.ok(Section::Clients, &page, &content)
}

/// It ends.
pub(super) async fn revoke(
    Given(app): Given<State>,
    Path((org, id, who)): Names,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let (registry, access) = (&visit.app.registry, visit.access());
        let said = if who == "all" {
            let version = visit.form.one("version").parse().ok();
            let people = client_grants::revoke_all(registry, access, &id, version)
                .await
                .or_trouble(visit)?;
            format!(
                "What {} had allowed is revoked.",
                labels::count(people, "person", "people")
            )
        } else {
            let one = client_grants::revoke(registry, access, &id, &who)
                .await
                .or_trouble(visit)?;
            format!("What {} had allowed is revoked.", called(visit, &one).0)
        };
        let tab = visit.path(&format!("/clients/{id}/grants"));
        Ok(visit.go(&tab, Some(&done(said))))
    })
    .await
}

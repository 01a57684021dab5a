//! What is done to several clients at once: disable them, once somebody has seen which ones and said why.

use axum::response::Response;
use maud::{Markup, html};

use super::super::{
    create, cut, labels,
    visit::{Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    oauth::client::Status,
    registry::{access::Permission, clients},
    store::{
        self,
        clients::{Client, Filter, From, Page as Part, SortKey},
    },
    ui::{
        badge::Tone,
        form::{self, Field, Kind, csrf, hidden},
        notice::Flash,
        page::Page,
        table::{Column, Row, Table},
    },
};

/// At most so many are ticked on one page.
const MOST: i64 = 200;

pub(super) fn warning(text: &str) -> Flash {
    Flash {
        tone: Tone::Warn,
        text: text.to_owned(),
        next: None,
    }
}

/// Asks first; disables when it was confirmed.
pub(super) async fn disable(visit: &Visit, ids: &[String], back: &str) -> Answer {
    visit
        .access()
        .require(Permission::ClientsWrite)
        .or_trouble(visit)?;
    if !visit.form.ticked("confirm") {
        return ask(visit, ids, back).await;
    }
    let reason = visit
        .form
        .given("reason")
        .map(|text| text.chars().take(300).collect::<String>());
    let delete_at = cut::delete_at(visit);
    if delete_at.is_some() {
        visit.require_fresh()?;
    }
    let (mut disabled, mut left) = (0, Vec::new());
    for id in ids {
        let registry = &visit.app.registry;
        match clients::retire(registry, visit.access(), id, None, reason.as_deref(), delete_at).await {
            Ok(_) => disabled += 1,
            Err(error) => match error.refusal() {
                Some(refusal) => left.push(format!("{id}: {}", refusal.description)),
                None => return Err(visit.trouble(error)),
            },
        }
    }
    let text = labels::count(disabled, "client is disabled.", "clients are disabled.");
    let flash = if left.is_empty() {
        done(format!("{text} Their tokens no longer work."))
    } else {
        warning(&format!("{text} Not changed: {}", left.join("; ")))
    };
    Ok(visit.go(back, Some(&flash)))
}

async fn ask(visit: &Visit, ids: &[String], back: &str) -> Answer {
    let filter = Filter {
        ids: ids.to_vec(),
        status: vec![Status::Active, Status::Disabled],
        ..Filter::default()
    };
    let part = Part {
        sort: SortKey::LastUsed,
        descending: true,
        from: From::Offset(0),
        limit: MOST,
    };
    let orgs = [visit.org().id.clone()];
    let listed = store::clients::list(visit.app.registry.db(), &orgs, &filter, &part)
        .await
        .or_trouble(visit)?;
    let found = listed.map(|listed| listed.clients).unwrap_or_default();
    if found.is_empty() {
        return Ok(visit.go(back, Some(&warning("Nothing is left of what was ticked."))));
    }
    Ok(page(visit, &found, back))
}

fn page(visit: &Visit, found: &[Client], back: &str) -> Response {
    let number = labels::count(
        i64::try_from(found.len()).unwrap_or_default(),
        "client",
        "clients",
    );
    let page = Page {
        title: format!("Disable {number}?"),
        lead: Some(
            html! { "They get no tokens until somebody enables them again, and every token they had is refused at once." },
        ),
        crumbs: create::crumbs(visit),
        narrow: true,
        ..Page::default()
    };
    let content = html! {
        (table(visit, found))
        form.form method="post" action=(back) novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("do", "disable")) (hidden("confirm", "1"))
            @for client in found { (hidden("id", &client.client_id)) }
            (Field { name: "reason", label: "Reason", kind: Kind::Lines, optional: true, max: 300,
                hint: "Shown on the page of each.", ..Field::default() })
            (cut::delete_after(visit))
            div.actions { a.btn href=(back) autofocus { "Keep them" } (form::danger(&format!("Disable {number}"))) }
        }
    };
    visit.ok(Section::Clients, &page, &content)
}

fn table(visit: &Visit, found: &[Client]) -> Markup {
    let reader = visit.reader();
    let row = |client: &Client| Row {
        id: client.client_id.clone(),
        name: client.name.clone(),
        href: visit.path(&format!("/clients/{}", client.client_id)),
        cells: vec![
            html! { (reader.moment_or(client.last_used_at, "Never")) },
            html! { (reader.moment(client.created_at)) " by " (client.created_by) },
            html! { (client.scopes.len() + client.oidc_scopes.len()) },
        ],
        ..Row::default()
    };
    let scopes = Column {
        number: true,
        ..Column::new("Scopes")
    };
    html! { (Table {
        id: "ticked",
        caption: "Clients to disable",
        columns: vec![Column::new("Client"), Column::new("Last used"), Column::new("Created"), scopes],
        rows: found.iter().map(row).collect(),
        ..Table::default()
    }) }
}

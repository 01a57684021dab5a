//! The rows of the client list.

use std::collections::HashMap;

use maud::{Markup, html};

use super::query::Query;
use crate::{
    console::{labels, visit::Visit},
    oauth::client::{Kind, SecretState, Status},
    registry::access::Permission,
    store::{
        apis::Api,
        clients::{Client, SortKey},
        secrets::ClientSecret,
    },
    time::Lifetime,
    ui::{
        badge::{Badge, Tone, tags},
        code::Copy,
        menu::Item,
        table::{Column, Order, Row},
    },
};

/// Columns that a person may hide: the word kept, and the heading.
pub(in crate::console) const HIDEABLE: [(&str, &str); 2] = [("scopes", "Scopes"), ("created", "Created")];

/// An end nearer than this is worth a word.
const NEAR: Lifetime = Lifetime::days(14);

/// Whether a person hides a column.
pub(super) fn hides(visit: &Visit, column: &str) -> bool {
    visit
        .preferences()
        .hidden_columns
        .iter()
        .any(|hidden| hidden == column)
}

/// The columns, the row header first.
pub(super) fn columns(visit: &Visit, query: &Query) -> Vec<Column> {
    let (now, descending) = query.sort();
    let sorted = |label: &str, key: SortKey, newest_first: bool| {
        let order = match (now == key, descending) {
            (false, _) => Order::None,
            (true, false) => Order::Ascending,
            (true, true) => Order::Descending,
        };
        let turn = if order == Order::None {
            newest_first
        } else {
            !descending
        };
        let value = format!("{}{key}", if turn { "-" } else { "" });
        let href = visit.path("/clients") + &query.with("sort", Some(&value));
        Column::sorted(label, href, order)
    };
    let scopes = Column {
        number: true,
        ..Column::new("Scopes")
    };
    [
        Some(sorted("Client", SortKey::Name, false)),
        Some(Column::new("Client ID")),
        Some(Column::new("Grant types")),
        Some(sorted("Status", SortKey::Status, false)),
        (!hides(visit, "scopes")).then_some(scopes),
        Some(Column::new("Secrets")),
        Some(sorted("Last used", SortKey::LastUsed, true)),
        (!hides(visit, "created")).then(|| sorted("Created", SortKey::Created, true)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A row for each client; `apis` are those of the organisation.
pub(super) fn rows(visit: &Visit, clients: &[Client], secrets: Vec<ClientSecret>, apis: &[Api]) -> Vec<Row> {
    let mut held: HashMap<String, Vec<ClientSecret>> = HashMap::new();
    for secret in secrets {
        held.entry(secret.client_id.clone()).or_default().push(secret);
    }
    let one = |(index, client): (usize, &Client)| {
        let secrets = held.get(&client.client_id).map_or(&[][..], Vec::as_slice);
        row(visit, index, client, secrets, apis)
    };
    clients.iter().enumerate().map(one).collect()
}

fn row(visit: &Visit, index: usize, client: &Client, secrets: &[ClientSecret], apis: &[Api]) -> Row {
    let reader = visit.reader();
    let at = visit.path(&format!("/clients/{}", client.client_id));
    let grants: Vec<&str> = client.grant_types.iter().map(|grant| grant.label()).collect();
    let cells = [
        Some(
            html! { (Copy { id: &format!("c{index}"), name: "client ID", value: &client.client_id, boxed: false }) },
        ),
        Some(tags(&grants)),
        Some(html! { (labels::status(client.status)) }),
        (!hides(visit, "scopes")).then(|| scopes(index, client)),
        Some(secret_words(visit, client, secrets)),
        Some(reader.moment_or(client.last_used_at, "Never")),
        (!hides(visit, "created")).then(|| reader.moment(client.created_at)),
    ];
    Row {
        name: client.name.clone(),
        panel: true,
        note: client.description.clone(),
        badges: labels::mark(client),
        cells: cells.into_iter().flatten().collect(),
        menu: menu(visit, client, apis, &at),
        muted: client.status == Status::Deleted,
        fixed: client.kind == Kind::System || client.status == Status::Deleted,
        id: client.client_id.clone(),
        href: at,
    }
}

fn menu(visit: &Visit, client: &Client, apis: &[Api], at: &str) -> Vec<Item> {
    if !visit.may(Permission::ClientsWrite) {
        return Vec::new();
    }
    let mut items = vec![Item::link("View", at)];
    items.extend(labels::actions(visit, client, apis, at));
    if client.status == Status::Deleted {
        let like = visit.path(&format!("/clients/new/custom?like={}", client.client_id));
        items.push(Item::link("Create a new one like this", like));
    }
    items
}

/// How many scopes, and behind it which.
fn scopes(index: usize, client: &Client) -> Markup {
    let values = || {
        client
            .scopes
            .iter()
            .map(|(_, value)| value)
            .chain(&client.oidc_scopes)
    };
    let number = values().count();
    let id = format!("s{index}");
    html! {
        @if number == 0 { "0" } @else {
            button.small-btn popovertarget=(id) aria-label=(labels::count(i64::try_from(number).unwrap_or(i64::MAX), "scope", "scopes")) { (number) }
            div.menu.mono popover id=(id) { ul { @for value in values() { li { (value) } } } }
        }
    }
}

/// `2 · one ends in 3 d`.
fn secret_words(visit: &Visit, client: &Client, secrets: &[ClientSecret]) -> Markup {
    if !client.application_type.holds_secret() || client.status == Status::Deleted {
        return html! { span.hint { "–" } };
    }
    let usable: Vec<&ClientSecret> = secrets.iter().filter(|s| s.usable(visit.now)).collect();
    let next = usable
        .iter()
        .filter_map(|s| Some((s.stops_at()?, s)))
        .min_by_key(|(at, _)| *at);
    let near = next
        .filter(|(at, _)| *at < visit.now.after(NEAR))
        .map(|(at, secret)| {
            let verb = if secret.state(visit.now) == SecretState::Ending {
                "ends"
            } else {
                "expires"
            };
            let who = if usable.len() > 1 { "one " } else { "" };
            format!("{who}{verb} in {}", short(at.seconds_since(visit.now)))
        });
    html! {
        @match usable.len() {
            0 => (Badge { tone: Tone::Bad, word: "None" }),
            n => (n),
        }
        @if let Some(near) = near { " · " (near) }
    }
}

/// `3 d`, `5 h`, `12 min`.
pub(in crate::console) fn short(seconds: i64) -> String {
    match seconds {
        s if s >= 86_400 => format!("{} d", s / 86_400),
        s if s >= 3600 => format!("{} h", s / 3600),
        s => format!("{} min", (s / 60).max(1)),
    }
}

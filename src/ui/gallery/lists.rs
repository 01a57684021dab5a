//! A page of clients, as full as it gets.

use super::*;

pub(super) fn client_row(index: usize) -> Row {
    let names = [
        "Billing sync",
        "Invoice exporter",
        "Warehouse export",
        "Directory sync – HQ domain controller",
        "Mobile App",
    ];
    let id = format!("oac_7q2m4k9x{index:02}c1p0d8r5w3");
    let reader = reader();
    let status = if index % 7 == 3 {
        Badge::DISABLED
    } else {
        Badge::ACTIVE
    };
    let last = (index % 5 != 4).then(|| reader.now.before(Lifetime::minutes(3 + 700 * index as i64)));
    let secrets = if index % 6 == 1 {
        html! { "2 · one ends in 3 d" }
    } else {
        html! { "1" }
    };
    Row {
        name: names[index % names.len()].to_owned()
            + &if index < 5 {
                String::new()
            } else {
                format!(" {index}")
            },
        href: format!("/orgs/acme/clients/{id}"),
        panel: true,
        note: if index.is_multiple_of(3) {
            "Copies invoices to the ledger every night".to_owned()
        } else {
            String::new()
        },
        badges: (index % 5 == 4).then(|| html! { (Badge::SYSTEM) }),
        cells: vec![
            html! { (Copy { id: &format!("c{index}"), name: "client ID", value: &id, boxed: false }) },
            if index % 5 == 4 {
                tags(&["Authorization code", "Refresh token"])
            } else {
                tag("Client credentials")
            },
            html! { (status) },
            html! { (index % 6 + 1) },
            secrets,
            reader.moment_or(last, "Never"),
            reader.moment(reader.now.before(Lifetime::days(3 + 9 * index as i64))),
        ],
        menu: vec![
            Item::link("View", format!("/orgs/acme/clients/{id}")),
            Item::link("Edit", format!("/orgs/acme/clients/{id}/edit")),
            Item::link("Rotate secret", format!("/orgs/acme/clients/{id}/rotate")),
            Item::link("Disable", format!("/orgs/acme/clients/{id}/disable")),
            Item::danger("Delete…", format!("/orgs/acme/clients/{id}/delete")),
        ],
        muted: false,
        fixed: index % 5 == 4,
        id,
    }
}

pub(super) fn list() -> Markup {
    let filter = |name, label, options: &[&str]| Select {
        name,
        label,
        options: options
            .iter()
            .map(|word| (word.to_lowercase(), (*word).to_owned()))
            .collect(),
        ..Select::default()
    };
    let table = Table {
        id: "clients",
        caption: "Clients of Acme Industries",
        columns: vec![
            Column::sorted("Client", "list.html?sort=-name", Order::Ascending),
            Column::new("Client ID"),
            Column::new("Grant types"),
            Column::sorted("Status", "list.html?sort=status", Order::None),
            Column {
                number: true,
                ..Column::new("Scopes")
            },
            Column::new("Secrets"),
            Column::sorted("Last used", "list.html?sort=used", Order::None),
            Column::sorted("Created", "list.html?sort=created", Order::None),
        ],
        rows: (0..25).map(client_row).collect(),
        bulk: Some(Bulk {
            action: "/orgs/acme/clients".to_owned(),
            csrf: "token".to_owned(),
            buttons: Some(
                html! { button.btn name="do" value="disable" { "Disable" } button.btn name="do" value="export" { "Export CSV" } },
            ),
        }),
    };
    let pager = Pager {
        count: "57 clients".to_owned(),
        shown: "1–25".to_owned(),
        next: Some("list.html?page=2".to_owned()),
        sizes: vec![
            (25, "#".to_owned(), true),
            (50, "#".to_owned(), false),
            (100, "#".to_owned(), false),
        ],
        ..Pager::default()
    };
    let chips = Chips {
        chips: vec![link("Status: any", "list.html", false)],
        clear: "list.html".to_owned(),
    };
    html! {
        (Tools { action: "list.html", placeholder: "Search by name, ID, owner or redirect host",
            filters: vec![filter("status", "Status", &["Any", "Active", "Disabled", "Archived"]),
                filter("kind", "Kind", &["Any", "Custom", "Sync connector", "System"]),
                filter("used", "Used", &["Any", "Never", "Not in 90 days"])], ..Tools::default() })
        (results(&html! { (chips) (table) (pager) }))
    }
}

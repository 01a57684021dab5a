//! Every component in its states, as pages. `cargo test --lib ui::gallery` writes them to `target/gallery`; serve that directory
//! over HTTP to look at them, since the pages ask for their assets at `/assets/`.

mod forms;
mod lists;

use maud::{Markup, html};

use super::{
    badge::{Badge, Tone, code_tags, tag, tags},
    chart::Bars,
    choice::{Card as Choice, Cards, Checkbox, Pick, Radios},
    code::{CodeBlock, Copy},
    conflict::{Conflict, Row as ConflictRow},
    form::{self, ErrorSummary, Field, Kind, Select, csrf, section},
    icon::Icon,
    impact::{Confirm, Impact, Line},
    keys,
    menu::{Item, Menu},
    notice::{Banner, Empty, Flash, note},
    page::{Account, Card, Link, NavItem, Page, Shell, Theme},
    problem::{Changed, Problem},
    scopes::{Api, Picker, Risk, Scope},
    secret::{Download, HandOver, waiting},
    table::{Bulk, Column, Order, Pager, Row, Table},
    time::Reader,
    timeline::{Entry, Timeline},
    tools::{Chips, Tools, results},
    uris::{Uri, Uris, Verdict},
};
use crate::time::{Lifetime, Timestamp};
use forms::{create, templates};
use lists::{client_row, list};

pub(super) const SECRET: &str = "oas_7Qm2vX9pLr4TzWc8NdKf3HsYb6JgUa1EoRi5VtMxZqPwB0u2c4d6";

fn reader() -> Reader {
    Reader {
        now: Timestamp::from_seconds(1_795_338_842),
        zone: "Europe/Stockholm".to_owned(),
        twelve_hours: false,
    }
}

fn link(label: &str, href: &str, current: bool) -> Link {
    Link {
        label: label.to_owned(),
        href: href.to_owned(),
        current,
    }
}

fn shell() -> Shell {
    let nav = [
        (Icon::Home, "Overview", "detail", None),
        (Icon::Client, "Clients", "list", Some("g c")),
        (Icon::Api, "APIs & scopes", "parts", Some("g a")),
        (Icon::Activity, "Activity", "activity", Some("g l")),
        (Icon::Settings, "Settings", "form", None),
    ];
    let nav = nav.map(|(icon, label, page, keys)| NavItem {
        icon,
        label: label.to_owned(),
        href: format!("{page}.html"),
        current: page == "list",
        keys,
    });
    Shell {
        shortcuts: true,
        csrf: "token".to_owned(),
        zone: reader().zone_words(),
        org: "Acme Industries".to_owned(),
        home: "list.html".to_owned(),
        orgs: vec![
            link("Acme Industries", "list.html", true),
            link("Beta Works", "empty.html", false),
        ],
        nav: nav.to_vec(),
        search: Some("list.html".to_owned()),
        account: Account {
            name: "Ada Lovelace".to_owned(),
            login: "ada".to_owned(),
            role: "Admin".to_owned(),
            links: vec![link("Preferences", "form.html", false)],
            sign_out: "/logout".to_owned(),
        },
        ..Shell::default()
    }
}

fn page(title: &str) -> Page {
    Page {
        title: title.to_owned(),
        ..Page::default()
    }
}

pub(super) fn list_page() -> String {
    let page = Page {
        lead: Some(html! { "Manage OAuth 2.0 client applications and their credentials" }),
        actions: Some(form::primary_link("Create client", "form.html", Some("c"))),
        flash: Some(Flash {
            tone: Tone::Ok,
            text: "Warehouse export is disabled. Its tokens no longer work.".to_owned(),
            next: Some(("View it".to_owned(), "detail.html".to_owned())),
        }),
        ..page("Clients")
    };
    shell().page(&page, &list()).into_string()
}

fn empty() -> Markup {
    html! {
        (Empty { icon: Icon::Client, title: "No clients yet",
            text: html! { "A client is how an app or service gets tokens." },
            actions: html! { (form::primary_link("Create client", "form.html", None)) a href="/help/glossary" { "What is a client?" } } })
        (Empty { icon: Icon::Search, title: "No client matches “warehose”",
            text: html! { "Names, IDs, owners and redirect hosts were searched. 3 archived clients match." },
            actions: html! { (form::link_button("Clear filters", "list.html")) } })
        (Problem::forbidden("Admin", "change secrets", &["Ada L.".to_owned(), "Ben K.".to_owned()], "req_01hv8"))
    }
}

fn detail() -> Markup {
    let days: Vec<_> = (1..=30)
        .map(|day| (format!("{day} November"), (day * 37) % 97))
        .collect();
    html! {
        (Banner { tone: Tone::Warn, title: "Disabled by Ben K. 2 h ago",
            text: html! { p { "Not used since the migration. No tokens are issued and every token it had is dead." } },
            actions: Some(form::button_form("token", "#", "Enable")) })
        section.card {
            div.cap { h2 { "Details" } (Menu { id: "more", label: "Actions for Billing sync", items: &client_row(0).menu }) }
            dl.facts {
                dt { "Client ID" } dd { (Copy { id: "cid", name: "client ID", value: "oac_7q2m4k9x01c1p0d8r5w3", boxed: true }) }
                dt { "Status" } dd { (Badge::DISABLED) }
                dt { "Grant types" } dd { (tag("Client credentials")) }
                dt { "Response types" } dd { (tag("token")) }
                dt { "Scopes" } dd { (code_tags(&["scim:read", "scim:write", "sync:profile:read", "connector:read", "connector:write"])) }
                dt { "Require user consent" } dd { "No" }
                dt { "Created" } dd { (reader().deadline(reader().now.before(Lifetime::days(40)))) }
                dt { "Last updated" } dd { "–" }
            }
        }
        section.card { h2 { "Tokens, 30 days" }
            (Bars { sentence: "1,204 tokens in 30 days, busiest 12 November with 96", bars: days, over: "Day", counts: "Tokens" }) }
        (Table { id: "secrets", caption: "Secrets of Billing sync",
            columns: ["Label", "Hint", "Created", "Last used", "Expires", "State"].map(Column::new).to_vec(),
            rows: vec![Row { id: "s1".to_owned(), name: "Production".to_owned(), note: "In the vault, path billing/sync".to_owned(),
                cells: vec![html! { code { "…a91Qz7" } }, html! { "3 Mar 2026" }, html! { "3 min ago" }, html! { "20 Feb 2027" }, html! { (Badge::ACTIVE) }],
                ..Row::default() },
              Row { id: "s2".to_owned(), name: "Before".to_owned(), muted: true,
                cells: vec![html! { code { "…c02Lm1" } }, html! { "3 Mar 2025" }, html! { "2 h ago" }, html! { "in 3 days" }, html! { (Badge::ENDING) }],
                ..Row::default() }],
            ..Table::default() })
    }
}

fn created() -> Markup {
    html! {
        (HandOver { name: "Invoice exporter", client_id: "oac_9k3f2m4k9x01c1p0d8r5", secret: SECRET, issuer: "https://id.acme.example",
            expires: "20 Feb 2027, 10:14:02 CET", scope: "invoices:read", personal: None, done: "detail.html", csrf: "token",
            downloads: vec![Download { label: "Download .env".to_owned(), action: "#".to_owned(), fields: vec![("format".to_owned(), "env".to_owned())] }] })
        (CodeBlock { id: "request", title: "Get a token", languages: vec![link("curl", "#curl", true), link("Python", "#python", false), link("Node", "#node", false)],
            code: "curl https://id.acme.example/oauth2/token \\\n  -u \"oac_9k3f2m4k9x01c1p0d8r5:$OAUTHORITY_CLIENT_SECRET\" \\\n  -d grant_type=client_credentials \\\n  -d scope=invoices:read", top: false })
        (waiting("Waiting for the first token…", "/waiting", "detail.html"))
    }
}

fn delete() -> Markup {
    let line = |count, text: &str, tone| Line {
        count,
        text: html! { (text) },
        tone,
    };
    html! {
        (Impact { as_of: "10:14:02".to_owned(), refresh: "#".to_owned(), lines: vec![
            line(None, "Last used 3 minutes ago from 203.0.113.9. Disable it instead?", Tone::Bad),
            line(Some(38), "refresh tokens of 21 people stop working at once.", Tone::Mute),
            line(Some(1112), "access tokens are refused at once by services that ask us; those checked offline work until 10:44 at the latest.", Tone::Mute),
            line(Some(2), "secrets stop working.", Tone::Mute),
        ] })
        (note(Tone::Bad, &html! { p { b { "This cannot be undone." } " The client ID is never given to anyone else. Its settings stay readable." } }))
        (Confirm { action: "#", csrf: "token", name: "Billing sync", or: "oac_7q2m4k9x01c1p0d8r5w3", verb: "Delete client", keep: "Keep it", back: "detail.html", ..Confirm::default() })
    }
}

fn activity() -> Markup {
    let entry = |n: u32, sentence, bad| Entry {
        id: format!("e{n}"),
        href: format!("#e{n}"),
        at: reader().moment(reader().now.before(Lifetime::hours(i64::from(n) * 20))),
        sentence,
        bad,
        meta: vec!["203.0.113.9".to_owned(), format!("req_01hv{n}")],
        detail: Some("{\n  \"event\": \"client.secret.rotated\"\n}".to_owned()),
    };
    let entries = vec![
        entry(
            0,
            html! { a href="#" { "Ada" } " rotated the secret of " a href="#" { "Billing sync" } "; the old one ends 23 Nov 10:14" },
            false,
        ),
        entry(
            1,
            html! { "Token refused for " a href="#" { "Mobile App" } ": " code { "invalid_scope" } },
            true,
        ),
        entry(
            2,
            html! { a href="#" { "Ben" } " created " a href="#" { "Invoice exporter" } },
            false,
        ),
    ];
    html! { section.card { (Timeline { entries, older: Some("#".to_owned()), newer: None }) } }
}

fn parts() -> Markup {
    let rows = [ConflictRow {
        name: "name".to_owned(),
        label: "Name".to_owned(),
        original: "Billing".to_owned(),
        yours: "Billing sync".to_owned(),
        theirs: "Billing job".to_owned(),
    }];
    html! {
        div.row { @for badge in [Badge::ACTIVE, Badge::DISABLED, Badge::ARCHIVED, Badge::EXPIRED, Badge::ENDING, Badge::REVOKED, Badge::SYSTEM] { (badge) } }
        div.row { @for icon in Icon::ALL { span title=(icon.id()) { (icon) } } }
        @for tone in [Tone::Ok, Tone::Info, Tone::Warn, Tone::Bad] { (note(tone, &html! { p { "A note, " (tone.class()) } })) }
        div.actions { (form::primary("Save changes")) (form::link_button("Cancel", "#")) (form::danger("Delete client")) }
        (Conflict { story: "Ben saved this 2 min ago", rows: &rows })
        (Problem::failed(axum::http::StatusCode::SERVICE_UNAVAILABLE, Changed::Unknown, "#", "req_01hv8"))
        section.card { h2 { "Keyboard shortcuts" } (keys::list(true, Some("#"))) }
    }
}

fn sign_in(error: bool, theme: Option<Theme>) -> String {
    let problem = if error {
        vec![("username".to_owned(), "Username or password is wrong".to_owned())]
    } else {
        Vec::new()
    };
    let errors = ErrorSummary { errors: problem };
    let card = Card {
        title: "Sign in".to_owned(),
        error,
        theme,
        lead: Some(html! { "Continue to the console" }),
        ..Card::default()
    };
    card.page(&html! {
        form.form method="post" novalidate {
            (csrf("token")) (errors)
            (Field { name: "username", label: "Username", autocomplete: "username", value: if error { "ada" } else { "" }, error: errors.of("username"), autofocus: !error, ..Field::default() })
            (Field { name: "password", label: "Password", kind: Kind::Password, autocomplete: "current-password", ..Field::default() })
            button.btn.primary.full { "Sign in" }
        }
    }).into_string()
}

/// Every page of the gallery, by name.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let show = |page: Page, content: Markup| shell().page(&page, &content).into_string();
    let crumbs = || vec![link("Clients", "list.html", false)];
    let tabs = ["Overview", "Secrets & keys", "Access", "Settings", "Activity"];
    let tabs = tabs
        .iter()
        .map(|tab| link(tab, "#", *tab == "Overview"))
        .collect();
    let detail_page = Page {
        crumbs: crumbs(),
        tabs,
        badges: Some(html! { (Badge::DISABLED) }),
        lead: Some(html! { "Copies invoices to the ledger every night" }),
        actions: Some(
            html! { (form::link_button("Edit client", "#")) (form::link_button("Rotate secret", "#")) },
        ),
        ..page("Billing sync")
    };
    let strips = Shell {
        operator: true,
        read_only: Some("You are an auditor: you can see everything and change nothing.".to_owned()),
        ..shell()
    };
    vec![
        ("list", list_page()),
        ("empty", strips.page(&page("Clients"), &empty()).into_string()),
        ("detail", show(detail_page, detail())),
        (
            "form",
            show(
                Page {
                    error: true,
                    crumbs: crumbs(),
                    ..page("Create a custom client")
                },
                create(),
            ),
        ),
        (
            "templates",
            show(
                Page {
                    crumbs: crumbs(),
                    lead: Some(html! { "What will use it?" }),
                    ..page("Create a client")
                },
                templates(),
            ),
        ),
        (
            "created",
            show(
                Page {
                    narrow: true,
                    ..page("Invoice exporter is ready")
                },
                created(),
            ),
        ),
        (
            "delete",
            show(
                Page {
                    narrow: true,
                    crumbs: crumbs(),
                    ..page("Delete Billing sync?")
                },
                delete(),
            ),
        ),
        ("activity", show(page("Activity"), activity())),
        ("parts", show(page("Parts"), parts())),
        ("sign-in", sign_in(false, None)),
        ("sign-in-error", sign_in(true, Some(Theme::Dark))),
    ]
}

#[test]
fn gallery_is_written() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    std::fs::create_dir_all(folder.join("assets")).expect("the target directory can be written");
    for asset in super::assets::all() {
        std::fs::write(folder.join(asset.url().trim_start_matches('/')), asset.body())
            .expect("an asset can be written");
    }
    for (name, page) in pages() {
        std::fs::write(folder.join(format!("{name}.html")), page).expect("a page can be written");
    }
}

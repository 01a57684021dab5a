//! Every component in its states, as pages. `cargo test --lib ui::gallery` writes them to `target/gallery`; serve that directory
//! over HTTP to look at them, since the pages ask for their assets at `/assets/`.

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

pub(super) const SECRET: &str = "oas_7Qm2vX9pLr4TzWc8NdKf3HsYb6JgUa1EoRi5VtMxZqPwB0u2c4d6";

fn reader() -> Reader {
    Reader {
        now: Timestamp::from_seconds(1_795_338_842),
        zone: "Europe/Stockholm".to_owned(),
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

fn client_row(index: usize) -> Row {
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

fn list() -> Markup {
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

fn uri(value: &str, verdict: Option<(Tone, &str)>) -> Uri {
    let verdict = verdict.map(|(tone, text)| Verdict {
        tone,
        text: text.to_owned(),
    });
    Uri {
        value: value.to_owned(),
        verdict,
        focus: false,
    }
}

fn scope(value: &str, words: &str, risk: Risk, checked: bool) -> Scope {
    let (id, value, words) = (format!("workspace {value}"), value.to_owned(), words.to_owned());
    Scope {
        id,
        value,
        words,
        risk,
        checked,
        note: String::new(),
        locked: false,
    }
}

fn picker() -> Picker<'static> {
    let api = |name: &str, audience: &str, scopes| Api {
        name: name.to_owned(),
        audience: audience.to_owned(),
        scopes,
    };
    Picker {
        name: "scope",
        legend: "Scopes",
        hint: "Grant only what the client needs.",
        apis: vec![
            api(
                "Workspace",
                "https://api.acme.example",
                vec![
                    scope(
                        "workspace:read",
                        "See everything in the workspace",
                        Risk::Reads,
                        true,
                    ),
                    scope(
                        "workspace:write",
                        "Change things in the workspace",
                        Risk::Changes,
                        true,
                    ),
                ],
            ),
            api(
                "Billing",
                "https://billing.acme.example",
                vec![
                    Scope {
                        note: "Used by 4 clients".to_owned(),
                        ..scope("invoices:read", "Read invoices", Risk::Reads, false)
                    },
                    scope(
                        "invoices:delete",
                        "Delete invoices for good",
                        Risk::Destructive,
                        false,
                    ),
                    scope("ledger:read", "", Risk::Reads, false),
                ],
            ),
        ],
        ..Picker::default()
    }
}

fn grants() -> Cards<'static> {
    let card = |value: &str, title: &str, text: &str, checked, reveals| Choice {
        value: value.to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
        checked,
        reveals,
        ..Choice::default()
    };
    Cards {
        name: "grant",
        legend: "Grant types",
        pick: Pick::Many,
        cards: vec![
            card(
                "authorization_code",
                "Authorization code",
                "A person signs in in the browser. PKCE is always on.",
                true,
                "redirect person",
            ),
            card(
                "client_credentials",
                "Client credentials",
                "The client acts for itself, with its secret.",
                true,
                "secret",
            ),
            card(
                "refresh_token",
                "Refresh token",
                "Stays signed in; every use gives a new one.",
                false,
                "",
            ),
            card(
                "device_code",
                "Device code",
                "A person confirms on another device.",
                false,
                "person",
            ),
        ],
        ..Cards::default()
    }
}

fn create() -> Markup {
    let errors = ErrorSummary {
        errors: vec![
            ("name".to_owned(), "Give the client a name".to_owned()),
            (
                "redirect_uri-1".to_owned(),
                "Redirect URI 2: use https".to_owned(),
            ),
        ],
    };
    html! {
        (errors)
        div.split {
            form.form method="post" data-summary="summary" novalidate {
                (csrf("token")) (form::enter_submits())
                (section("Identity", "How people recognise it.", &html! {
                    (Field { name: "name", label: "Name", placeholder: "CI Pipeline", error: errors.of("name"), max: 120, ..Field::default() })
                    (Field { name: "description", label: "Description", kind: Kind::Lines, optional: true, hint: "What it does and who looks after it.", ..Field::default() })
                }))
                (section("How it gets tokens", "", &html! { (grants()) }))
                div.when-redirect { (section("Where people return", "", &html! { (Uris { name: "redirect_uri", legend: "Redirect URIs", row: "Redirect URI",
                    hint: "Matched exactly, character by character.",
                    uris: vec![uri("https://app.acme.example/callback", None),
                        uri("http://app.acme.example/callback", Some((Tone::Bad, "Use https: plain http is only for this computer (127.0.0.1)."))),
                        uri("https://app.acme.example/callback/", Some((Tone::Warn, "Differs from another row only by the last “/”; both are matched exactly.")))],
                    ..Uris::default() }) })) }
                (section("Access", "", &html! { (picker()) (Checkbox { name: "consent", value: "yes", label: "Require user consent", hint: "People are asked before the client acts for them.", checked: true, ..Checkbox::default() }) }))
                div.when-secret { (section("Secret", "", &html! {
                    (Radios { name: "old_ends", legend: "When does the old secret stop?", value: "24h", hint: "Until then both work.",
                        options: [("now", "Now", "Choose this if it leaked."), ("24h", "In 24 hours", ""), ("7d", "In 7 days", "")]
                            .map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).to_vec(), ..Radios::default() })
                    (Select { name: "expires", label: "Secret expires", options: vec![("90".to_owned(), "In 90 days".to_owned())], ..Select::default() })
                })) }
                div.actions { (form::primary("Create client")) (form::link_button("Cancel", "list.html")) }
            }
            aside { section.card aria-labelledby="summary-title" { h2 #summary-title { "Summary" }
                div #summary .stack { p { "This client gets tokens " b { "for people who sign in" } " and " b { "for itself" } "." }
                    (note(Tone::Warn, &html! { p { "It can change data: " code { "workspace:write" } "." } })) } } }
        }
    }
}

fn templates() -> Markup {
    let card = |value: &str, title: &str, text: &str, tag_word: &str, checked| Choice {
        value: value.to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
        detail: Some(tags(&[tag_word, "Gets a secret"])),
        checked,
        ..Choice::default()
    };
    let cards = vec![
        card(
            "sync-connector",
            "Sync connector",
            "Copies people and groups from LDAP or Active Directory.",
            "Client credentials",
            true,
        ),
        card(
            "custom",
            "Custom client",
            "Every setting is yours to choose.",
            "Any grant",
            false,
        ),
        card(
            "service",
            "Service or job",
            "A backend that acts for itself.",
            "Client credentials",
            false,
        ),
        card(
            "web",
            "Web app",
            "Runs on a server and signs people in.",
            "Authorization code",
            false,
        ),
    ];
    html! {
        form.form method="get" {
            (Cards { name: "template", legend: "Kind of client", quiet_legend: true, cards, submits: true, ..Cards::default() })
            div.actions { (form::primary("Continue")) (form::link_button("Cancel", "list.html")) }
        }
    }
}

fn created() -> Markup {
    html! {
        (HandOver { name: "Invoice exporter", client_id: "oac_9k3f2m4k9x01c1p0d8r5", secret: SECRET, issuer: "https://id.acme.example",
            expires: "20 Feb 2027, 10:14:02 CET", scope: "invoices:read", done: "detail.html", csrf: "token",
            downloads: vec![Download { label: "Download .env".to_owned(), action: "#".to_owned(), fields: vec![("format".to_owned(), "env".to_owned())] }] })
        (CodeBlock { id: "request", title: "Get a token", languages: vec![link("curl", "#curl", true), link("Python", "#python", false), link("Node", "#node", false)],
            code: "curl https://id.acme.example/oauth2/token \\\n  -u \"oac_9k3f2m4k9x01c1p0d8r5:$OAUTHORITY_CLIENT_SECRET\" \\\n  -d grant_type=client_credentials \\\n  -d scope=invoices:read" })
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

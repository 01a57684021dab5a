//! Forms in the states that matter: chosen, refused, remarked upon.

use super::*;

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

pub(super) fn create() -> Markup {
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

pub(super) fn templates() -> Markup {
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

//! Which template fits: cards to choose from, and three questions for who is not sure.

use axum::{
    extract::{Path, Request, State as Given},
    response::Response,
};
use maud::{Markup, html};

use super::{crumbs, template::Template};
use crate::{
    app::State,
    console::{
        asked,
        visit::{Answer, OrTrouble, Section, Visit},
    },
    registry::access::Permission,
    ui::{
        badge::Tone,
        choice::{Card, Cards, Radios},
        form,
        notice::note,
        page::Page,
    },
};

pub(super) async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| choose(visit)).await
}

fn choose(visit: &Visit) -> Answer {
    visit
        .access()
        .require(Permission::ClientsWrite)
        .or_trouble(visit)?;
    if let Some(template) = Template::parse(visit.form.one("template")) {
        return Ok(visit.go(&form_of(visit, template), None));
    }
    let answered = ["person", "place", "keeps"]
        .iter()
        .any(|q| visit.form.given(q).is_some());
    let page = Page {
        title: "Create a client".to_owned(),
        lead: Some(html! { "What will use it?" }),
        crumbs: crumbs(visit),
        ..Page::default()
    };
    let content = html! {
        form.form method="get" action=(visit.path("/clients/new")) {
            (Cards { name: "template", legend: "Kind of client", quiet_legend: true, cards: cards(), submits: true, ..Cards::default() })
            div.actions { (form::primary("Continue")) (form::link_button("Cancel", &visit.path("/clients"))) }
        }
        section.card { details open[answered || visit.form.given("help").is_some()] {
            summary { "Not sure?" }
            (questions(visit))
        } }
    };
    Ok(visit.ok(Section::Clients, &page, &content))
}

/// The form of a template, with what the address had filled in.
fn form_of(visit: &Visit, template: Template) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in visit.form.fields() {
        if matches!(name, "name" | "scope") {
            query.append_pair(name, value);
        }
    }
    let path = visit.path(&format!("/clients/new/{template}"));
    match query.finish().as_str() {
        "" => path,
        query => format!("{path}?{query}"),
    }
}

fn cards() -> Vec<Card> {
    let card = |template: &Template| {
        let (title, text) = template.about();
        Card {
            value: template.word().to_owned(),
            title: title.to_owned(),
            text: text.to_owned(),
            detail: Some(template.facts()),
            checked: *template == Template::SyncConnector,
            ..Card::default()
        }
    };
    Template::ALL.iter().map(card).collect()
}

fn radios(name: &'static str, legend: &'static str, value: &str, options: &[(&str, &str)]) -> Markup {
    let options = options
        .iter()
        .map(|(value, words)| ((*value).to_owned(), (*words).to_owned(), String::new()));
    html! { (Radios { name, legend, value, options: options.collect(), ..Radios::default() }) }
}

fn questions(visit: &Visit) -> Markup {
    let answer = |name| visit.form.one(name);
    html! {
        form.form method="get" action=(visit.path("/clients/new")) {
            (radios("person", "Is a person signed in?", answer("person"), &[("yes", "Yes, it acts for people"), ("no", "No, it acts for itself")]))
            (radios("place", "Where does the code run?", answer("place"), &[("server", "On a server"), ("browser", "In the browser"),
                ("device", "On a phone or a computer of its user"), ("terminal", "In a terminal, a TV or the like")]))
            (radios("keeps", "Can it keep a secret?", answer("keeps"), &[("yes", "Yes, nobody outside can read its configuration"), ("no", "No, or not surely")]))
            @if let Some((template, why)) = recommended(answer("person"), answer("place"), answer("keeps")) {
                (note(Tone::Ok, &html! { p { "Choose " b { (template.about().0) } ". " (why) " "
                    a href=(form_of(visit, template)) { "Continue with " (template.about().0) } } }))
            }
            div.actions { button.btn type="submit" { "Show me" } }
        }
    }
}

fn recommended(person: &str, place: &str, keeps: &str) -> Option<(Template, &'static str)> {
    Some(match (person, place, keeps) {
        ("no", _, "yes") => (
            Template::Service,
            "It acts for itself and proves who it is with its secret.",
        ),
        ("no", _, "no") => (
            Template::Service,
            "Only a secret proves who it is: run it where it can keep one, such as a server or a CI system.",
        ),
        ("yes", "server", "yes") => (Template::Web, "People sign in, and the server keeps the secret."),
        ("yes", "server" | "browser", _) => (
            Template::SinglePage,
            "People sign in; without a safe place for a secret, PKCE protects them.",
        ),
        ("yes", "device", _) => (
            Template::Native,
            "People sign in with the browser of their device.",
        ),
        ("yes", "terminal", _) => (
            Template::Device,
            "People confirm in a browser elsewhere, by a short code.",
        ),
        _ => return None,
    })
}

//! How a person likes the console. Kept with the account, so that the first byte of every page is right.

use axum::{
    Router,
    extract::{Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::html;

use super::{
    clients::rows::HIDEABLE,
    visit::{self, Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    app::State,
    browser::local_path,
    registry::people,
    store::users::Preferences,
    ui::{
        choice::{Checkbox, Radios},
        form::{self, ErrorSummary, Select, csrf, section},
        page::{Page, Theme},
    },
};

/// The routes of this page.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/me/preferences", get(show).post(act))
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let chosen = visit.preferences().clone();
    Ok(page(&visit, StatusCode::OK, &chosen, &ErrorSummary::default()))
}

async fn act(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let columns_only = visit.form.one("do") == "columns";
    let shown: Vec<&str> = visit.form.all("column").collect();
    let hidden_columns = HIDEABLE
        .iter()
        .filter(|(word, _)| !shown.contains(word))
        .map(|(word, _)| (*word).to_owned())
        .collect();
    let mut chosen = Preferences {
        hidden_columns,
        ..visit.preferences().clone()
    };
    if !columns_only {
        chosen.theme = Theme::parse(visit.form.one("theme")).map(|theme| theme.word().to_owned());
        chosen.zone = visit.form.given("zone").map(str::to_owned);
        chosen.twelve_hours = visit.form.one("clock") == "12";
        chosen.compact = visit.form.one("density") == "compact";
        chosen.notices = visit.form.ticked("notices");
        chosen.shortcuts = visit.form.ticked("shortcuts");
        chosen.client_notices = visit.form.ticked("client_notices");
        if let Some(zone) = &chosen.zone
            && !zones().contains(zone)
        {
            let errors = ErrorSummary::of_one("zone", "Choose a time zone from the list.");
            return Ok(page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &chosen, &errors));
        }
    }
    people::set_preferences(&app.registry, &visit.visitor.user, chosen)
        .await
        .or_trouble(&visit)?;
    if columns_only {
        return Ok(visit.go(local_path(visit.form.one("return_to")), None));
    }
    Ok(visit.go("/me/preferences", Some(&done("Your preferences are saved."))))
}

/// The places by which time zones are called.
fn zones() -> Vec<String> {
    let known = jiff::tz::db().available().map(|name| name.to_string());
    let mut names: Vec<String> = known
        .filter(|name| {
            name.contains('/') && !name.starts_with("Etc/") && !name.starts_with(char::is_lowercase)
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn page(visit: &Visit, status: StatusCode, chosen: &Preferences, errors: &ErrorSummary) -> Response {
    let option = |value: &str, words: &str| (value.to_owned(), words.to_owned(), String::new());
    let zones = std::iter::once((String::new(), "UTC".to_owned())).chain(
        zones()
            .into_iter()
            .map(|name| (name.clone(), name.replace('_', " "))),
    );
    let looks = html! {
        (Radios { name: "theme", legend: "Theme", value: chosen.theme.as_deref().unwrap_or_default(),
            options: vec![option("", "As the system has it"), option("light", "Light"), option("dark", "Dark"),
                option("contrast", "High contrast")],
            ..Radios::default() })
        (Select { name: "zone", label: "Time zone", options: zones.collect(), value: chosen.zone.as_deref().unwrap_or_default(),
            error: errors.of("zone"), ..Select::default() })
        (Radios { name: "density", legend: "Density", value: if chosen.compact { "compact" } else { "" },
            options: vec![option("", "Comfortable"), option("compact", "Compact")], ..Radios::default() })
        (Radios { name: "clock", legend: "Clock", value: if chosen.twelve_hours { "12" } else { "24" },
            options: vec![option("24", "24 hours: 14:05"), option("12", "12 hours: 2:05 PM")], ..Radios::default() })
    };
    let keys = html! {
        div {
            (Checkbox { name: "shortcuts", value: "on", label: "Single-key shortcuts", checked: chosen.shortcuts,
                hint: "They never fire while you type.", ..Checkbox::default() })
            p.hint { a href="/help/shortcuts" data-panel="modal" { "Which are there?" } }
        }
    };
    let mail = html! {
        (Checkbox { name: "notices", value: "on", label: "Tell me of sign-ins from new browsers", checked: chosen.notices,
            hint: "To the address that you have confirmed.", ..Checkbox::default() })
        (Checkbox { name: "client_notices", value: "on", label: "Tell me of secrets that expire and of clients that nobody uses",
            checked: chosen.client_notices, hint: "Where you own a client or run the organisation.", ..Checkbox::default() })
    };
    let columns = html! {
        fieldset #columns {
            legend.label { "Columns shown" }
            @for (word, heading) in HIDEABLE {
                label.check {
                    input type="checkbox" name="column" value=(word) checked[!chosen.hidden_columns.iter().any(|hidden| hidden == word)];
                    span { (heading) }
                }
            }
        }
    };
    let content = html! {
        (errors)
        form.form method="post" action="/me/preferences" novalidate {
            (csrf(&visit.visitor.csrf))
            (section("Look", "", &looks))
            (section("Keyboard", "", &keys))
            (section("E-mail", "", &mail))
            (section("List of clients", "", &columns))
            div.actions { (form::primary("Save preferences")) }
        }
    };
    let page = Page {
        title: "Preferences".to_owned(),
        error: !errors.errors.is_empty(),
        narrow: true,
        ..Page::default()
    };
    visit.page(Section::Personal, status, &page, &content)
}
